"""``tfcompat``: one parser, one place where errors become a message and an exit code."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from tfcompat.cli.parsers import Parser, Version
from tfcompat.errors import TfcompatError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["build_parser", "every_command", "main"]

_GROUPS = {
    "choose an image and pins": {
        "resolve": "find an image, exact requirements and a Dockerfile",
        "pin": "write requirements that are known to run, with your own if you like",
    },
    "judge what is there": {
        "gate": "do Dockerfiles, requirements, lock files and what starts containers go together; for CI",
        "check": "does this environment work, on the GPU that was promised, and which link is broken",
        "probe": "print what this environment is, unjudged, or the script that asks",
        "model": "say which Keras wrote a saved model, and which Keras loads it",
    },
    "look something up": {
        "rule": "explain what the gate finds, by its name",
        "explain": "say what the lines of a log mean, with the true cause and the remedy",
        "image": "list the tags of a repository, look into an image, compare the matrix with registries",
        "matrix": "show, export, refresh or compile the matrix",
    },
    "set up": {
        "completion": "print what makes a shell complete commands, options, GPUs, releases and rules",
    },
}
_COMMANDS = {name: summary for commands in _GROUPS.values() for name, summary in commands.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code; never raises for bad input."""
    gc.disable()  # a command is over before collecting would pay; what it loads is one large tree without cycles
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except TfcompatError as error:
        print(f"tfcompat: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader left: nothing more to say, and nothing may be said at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("tfcompat: interrupted", file=sys.stderr)
        return 130


def _run(arguments: list[str]) -> int:
    options = _parse(arguments)
    try:
        code: int = options.run(options)
        return code
    finally:  # a plan that is not there, or a GPU that is not known, may be for want of a newer matrix
        if getattr(options, "of_matrix", False):
            from tfcompat.cli.stale import warn_if_stale

            warn_if_stale()


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Only the parser of the command that is run is built: start-up is a feature."""
    if not arguments:
        from tfcompat.cli.front import say_first

        return argparse.Namespace(run=say_first)
    if arguments[0].startswith("-") and not any(option.startswith(arguments[0]) for option in ("-h", "--help", "--version")):
        from tfcompat.cli.lost import unknown_rest

        raise unknown_rest(build_parser(_COMMANDS, []), [], arguments)
    chosen = next((a for a in arguments if not a.startswith("-")), "")
    wanted = [chosen] if chosen in _COMMANDS and arguments[0] == chosen else _COMMANDS  # its own parser is all that this needs
    parser = build_parser(wanted, [chosen])
    options, rest = parser.parse_known_args(arguments)
    rest = [word for word in rest if word != "--"]
    if rest:
        from tfcompat.cli.lost import unknown_rest

        raise unknown_rest(build_parser(_COMMANDS, [chosen]), arguments, rest)
    return options


def build_parser(wanted: Collection[str], filled: Collection[str]) -> Parser:
    """The parser that knows the commands *wanted*, and of those *filled* also what they take."""
    parser = _Front("tfcompat")
    parser.add_argument("--version", action=Version)
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, prog="tfcompat", parser_class=Parser
    )  # or a help text is made for it
    for name in wanted:
        summary = _COMMANDS[name]
        command = commands.add_parser(name, help=summary, description=f"{summary[:1].upper()}{summary[1:]}.")
        if name in filled:
            import_module(f"tfcompat.cli.{name}").add_arguments(command)
    return parser


def every_command() -> Parser:
    """The whole parser, for what tells of all commands."""
    return build_parser(_COMMANDS, _COMMANDS)


class _Front(Parser):
    def format_help(self) -> str:
        from tfcompat.cli.front import help_text

        return help_text(_GROUPS)
