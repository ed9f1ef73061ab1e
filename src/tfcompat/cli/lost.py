"""Hints for a command line that cannot be understood: what was probably meant. Imported only then."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck, RequestError, TfcompatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tfcompat.cli.parsers import Parser

__all__ = ["nothing_below", "refused", "slip_of", "unknown_choice", "unknown_rest"]

_MEANT = {  # what other tools call it
    "check": "doctor diagnose health healthcheck smoke status verify test gpu",
    "gate": "lint audit scan validate analyze analyse ci",
    "gate --fix": "fix repair",
    "resolve": "recommend suggest solve plan find choose get which",
    "resolve --format dockerfile": "dockerfile generate init create build new docker",
    "pin": "install lock freeze requirements constraints add",
    "rule": "why rules finding error",
    "explain": "log logs warnings",
    "image list": "images tags search",
    "image inspect": "inspect pull",
    "probe": "facts collect info env",
    "matrix show": "show table list versions gpus compatibility releases",
    "matrix html": "html page",
    "model": "load keras h5 convert",
    "matrix refresh": "update upgrade refresh sync",
    "completion": "completions autocomplete complete",
    "--help": "help man usage",
    "--version": "version about",
}
_RELEASE = re.compile(r"(?:tensorflow)?\s*[=~<>!]*\s*[12](\.\d+){1,3}(\.?(rc|post)\d+)?([,<>=!~.*\d]*)", re.I)
_NAME = re.compile(r"[A-Za-z][\w.-]*(\[[\w,-]*\])?([=<>!~].*)?")
_MODEL = re.compile(r".*\.(h5|hdf5|keras)", re.I | re.S)
_FILE = re.compile(r"-[^-=][^=]*\.[A-Za-z]\w{0,9}")  # one whose name begins with a dash
_LONGEST = 80  # characters of what others typed


def refused(parser: Parser, message: str) -> RequestError:
    """What argparse found wrong, in a message of our own."""
    needed = message.removeprefix("the following arguments are required: ")
    if needed == message:
        return RequestError(message.removeprefix("argument ")[:600], _see(parser))
    commands = _commands(parser)
    if commands:
        return RequestError(f"{parser.prog} needs a command: {_listed(commands)}", _as_in(parser))
    dashed = next((word for word in parser.asked if _FILE.fullmatch(word)), None)
    return RequestError(f"{parser.prog} needs {needed}", _write_path(dashed) if dashed else _as_in(parser))


def unknown_choice(parser: Parser, action: argparse.Action, value: str) -> RequestError:
    """A value, or a command, that is none of those there are."""
    known = [str(choice) for choice in action.choices or ()]
    if not isinstance(action, argparse._SubParsersAction):
        name = "/".join(action.option_strings) or action.dest
        near, hint = _near(value, known), f"it is one of {_listed(known)}"
        return RequestError(f"{name}: {value[:_LONGEST]!r} is not known", f"{_mean(near)} {hint}" if near else hint)
    message = f"{parser.prog} has no command {value[:_LONGEST]!r}"
    if parser.prog != "tfcompat":
        near = _near(value, known)
        return RequestError(message, _mean(f"{parser.prog} {near}") if near else f"it has {_listed(known)}")
    meant = next((command for command, words in _MEANT.items() if value.lower() in words.split()), _near(value, known))
    return RequestError(message, _mean(f"tfcompat {meant}") if meant else "'tfcompat --help' lists them all")


def unknown_rest(parser: Parser, arguments: Sequence[str], rest: Sequence[str]) -> RequestError:
    """What no option and no argument of the command takes."""
    own, first = _innermost(parser, arguments), rest[0]
    if first.startswith("-") and len(first) > 1:
        if _FILE.fullmatch(first):
            return RequestError(f"{own.prog} has no option {first[:_LONGEST]!r}", _write_path(first))
        option = first.partition("=")[0]
        return RequestError(f"{own.prog} has no option {option[:_LONGEST]!r}", _option_hint(parser, own, option))
    hint = _value_hint(own, first)
    return RequestError(f"{own.prog} takes no {first[:_LONGEST]!r}", _mean(hint) if hint else _see(own))


def nothing_below(paths: Sequence[str], kinds: str) -> CouldNotCheck:
    """Where the gate finds none of the *kinds* of files that it reads; of a model another command tells."""
    model = next(filter(_MODEL.fullmatch, paths), None)
    hint = f"the gate reads {kinds}; 'tfcompat resolve --format dockerfile' writes a first Dockerfile"
    told = f"tfcompat model {shlex.quote(model[:_LONGEST])} says which Keras loads it" if model else hint
    return CouldNotCheck(f"nothing to check below {', '.join(paths)}", told)


def slip_of(base: str, known: Sequence[str]) -> str | None:
    """Which of the *known* bases was probably meant by *base*, which is read as the name of an image."""
    return _near(base, known, 0.75)


def _option_hint(parser: Parser, own: Parser, option: str) -> str:
    if option in _options(parser):
        return _mean(f"tfcompat {option}")
    having = _having(parser, option)
    if having and own is parser:
        return f"it stands behind a command: tfcompat {having[0]} {option}"
    if having:
        return f"tfcompat {having[0]} has it"
    near = _near(option, _options(own), 0.7)
    return _mean(near) if near else _see(own)


def _having(parser: Parser, option: str) -> list[str]:
    """The commands that have *option*."""
    return [name for name, command in _commands(parser).items() if option in _options(_whole(name, command))]


def _value_hint(own: Parser, value: str) -> str | None:
    """The option that *value* was probably meant for, with it."""
    options, shown = _options(own), shlex.quote(value[:_LONGEST])
    if "--tensorflow" in options and _RELEASE.fullmatch(value):
        return f"--tensorflow {shlex.quote(re.sub('^tensorflow(==)?', '', value[:_LONGEST], flags=re.I))}"
    if "--model" in options and _MODEL.fullmatch(value):
        return f"--model {shown}"
    if "--facts" in options and _MODEL.fullmatch(value):
        return f"tfcompat model {shown}"
    if "--requirements" in options and os.path.isfile(value):  # noqa: PTH113
        return f"-r {shown}"
    if "--base" in options and ("/" in value or ":" in value):
        return f"--base {shown}"
    if "--facts" in options and ("/" in value or ":" in value):
        return f"tfcompat image inspect {shown}"
    if "--expect" in options and value.lower() in ("gpu", "cpu"):
        return f"--expect {value.lower()}"
    if "--gpu" in options and _is_gpu(value):
        return f"--gpu {shown}"
    return f"--package {shown}" if "--package" in options and _NAME.fullmatch(value) else None


def _is_gpu(value: str) -> bool:
    from tfcompat.matrix.gpus import find_gpu
    from tfcompat.matrix.load import load_bundled

    try:
        find_gpu(load_bundled(), value)
    except TfcompatError:
        return False
    return True


def _innermost(parser: Parser, arguments: Sequence[str]) -> Parser:
    """The parser of the command that *arguments* name."""
    for word in arguments:
        parser = _commands(parser).get(word, parser)
    return parser


def _whole(name: str, command: Parser) -> Parser:
    """*command* with its options, where only its name was needed so far."""
    from importlib import import_module

    if len(command._actions) == 1:  # --help alone
        import_module(f"tfcompat.cli.{name}").add_arguments(command)
    return command


def _commands(parser: Parser) -> dict[str, Parser]:
    return {name: p for a in parser._actions if isinstance(a, argparse._SubParsersAction) for name, p in a.choices.items()}


def _options(parser: Parser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


def _near(value: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    by_letters = {name.lower(): name for name in known}
    found = get_close_matches(value[:_LONGEST].lower(), by_letters, 1, likeness)
    return by_letters[found[0]] if found else None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _mean(meant: str) -> str:
    return f"did you mean {meant}?"


def _write_path(name: str) -> str:
    return f"write {shlex.quote(f'./{name[:_LONGEST]}')}"


def _as_in(parser: Parser) -> str:
    return f"as in: {parser.examples[0][0]}" if parser.examples else _see(parser)


def _see(parser: Parser) -> str:
    return f"'{parser.prog} --help' shows its options and examples"
