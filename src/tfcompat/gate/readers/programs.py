"""Follows the commands of a script: wrappers, nested shells, variables and folders; each program to what reads it."""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import TYPE_CHECKING

from tfcompat.gate.commands import Install, Marked, Opaque, Variable
from tfcompat.gate.readers import conda_command, project_command, python_command, system_command
from tfcompat.gate.readers.calls import Call, options_of, python_of
from tfcompat.gate.readers.dockerfile_words import Span
from tfcompat.gate.readers.pip_command import pip
from tfcompat.gate.readers.rewrites import rewrites
from tfcompat.gate.readers.shell import Command, read_shell
from tfcompat.gate.readers.shell_words import Field, fields_of
from tfcompat.gate.readers.wrappers import unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tfcompat.gate.commands import Action
    from tfcompat.gate.readers.calls import Session

__all__ = ["Follower"]

_SHELLS = ("sh", "bash", "dash", "zsh", "ash")
_PIP = re.compile(r"pip-?(?:[23](?:\.[0-9]+)?)?(?:\.exe)?")
_PYTHON = re.compile(r"(?:python|pypy)(?:[23](?:\.[0-9]+)?)?(?:\.exe)?")
_INSTALLS = re.compile(r"\b(?:install|sync|add|create)\b")
_HOOK = re.compile(r"shell[. ].*hook|pyenv|ssh-agent|brew shellenv|dircolors|direnv|activate|completion|conda")
# installers that bring a program of their own and no Python package
_HARMLESS = re.compile(
    r"astral\.sh|install\.python-poetry\.org|pdm-project\.org|nodesource\.com|rustup\.rs|get\.docker\.com|nvm-sh|bun\.sh|deno\.|get-helm|"
    r"pixi\.sh|micro\.mamba\.pm|micromamba|pyenv|packagecloud\.io|packages\.gitlab\.com|cli\.github\.com|sdk\.cloud\.google|starship\.rs|"
    r"oh-my-zsh|ohmyzsh|ollama|tailscale|install-poetry|get-poetry|aka\.ms|awscli|gpg|nvidia-container-toolkit"
)
_DEPTH_LIMIT = 6

READERS: dict[str, Callable[[Call], Iterator[Action]]] = {
    "uv": project_command.uv,
    "poetry": project_command.poetry,
    "pdm": project_command.pdm,
    "pipenv": project_command.pipenv,
    "pixi": project_command.pixi,
    "conda": conda_command.conda,
    "mamba": conda_command.conda,
    "micromamba": conda_command.conda,
    "apt": system_command.apt,
    "apt-get": system_command.apt,
    "aptitude": system_command.apt,
    "apt-fast": system_command.apt,
    "dpkg": system_command.dpkg,
    "dnf": system_command.dnf,
    "yum": system_command.dnf,
    "microdnf": system_command.dnf,
    "tdnf": system_command.dnf,
    "zypper": system_command.zypper,
    "apk": system_command.apk,
    "ldconfig": system_command.ldconfig,
    "rm": system_command.marker_removed,
    "mv": system_command.marker_removed,
    "unlink": system_command.marker_removed,
    "find": system_command.marker_removed,
    "virtualenv": python_command.virtualenv,
    "pyenv": python_command.pyenv,
    "update-alternatives": python_command.alternatives,
    "alternatives": python_command.alternatives,
    "ln": python_command.link,
    ".": python_command.sourced,
    "source": python_command.sourced,
    "make": python_command.built,
    "pip-sync": lambda call: pip(_requirements_as_pip(call)),
    "easy_install": lambda call: pip(call._replace(words=(call.words[0], _word(call.words[0], "install"), *call.words[1:]))),
}


class Follower:
    """Follows one script. ``saved``: what a subshell will not change, by the number of the subshell."""

    def __init__(self, session: Session, depth: int = 0) -> None:
        self.session = session
        self.depth = depth
        self.saved: list[tuple[int, dict[str, str | None], str | None, str]] = []

    def follow(self, script: Span, conditional: bool = False) -> Iterator[Action]:
        before: Call | None = None
        for command in read_shell(script.text, script.offsets):
            self._subshells(command.subshells)
            call = self._call(command, conditional or command.conditional)
            if call is None:
                before = None
                continue
            call = call._replace(before=before if command.piped else None)
            before = call if call.words else None
            yield from self.follow_call(call)
        self._subshells(())

    def follow_words(self, words: list[tuple[Span, int, int]]) -> Iterator[Action]:
        """The exec form: no shell splits or replaces anything."""
        fields = tuple(Field(span.text, span.text, span.offsets, start, end) for span, start, end in words)
        if fields:
            command = Command((), (), (), fields[0].start, fields[-1].end)
            yield from self.follow_call(Call(fields, command, self.session, {}, self.session.environment))

    def _subshells(self, numbers: tuple[int, ...]) -> None:
        session = self.session
        while self.saved and self.saved[-1][0] not in numbers:
            _, session.variables, session.folder, session.environment = self.saved.pop()
        known = {number for number, *_ in self.saved}
        for number in numbers:
            if number not in known and len(self.saved) < _DEPTH_LIMIT:
                self.saved.append((number, dict(session.variables), session.folder, session.environment))

    def _call(self, command: Command, conditional: bool) -> Call | None:
        """The call that a command makes, None for one without words; then its assignments hold from now on."""
        session = self.session
        assigned: dict[str, str | None] = {}
        for one in command.assignments:
            assigned[one.name] = self._value(fields_of(one.value, session.lookup)) if one.whole else None
        words = [field for word in command.words for field in fields_of(word, session.lookup)]
        if words:
            return Call(tuple(words), command, session, assigned, session.environment, conditional)
        for name, value in assigned.items():
            session.assign(name, None if conditional else value)
        if not assigned and not command.redirections:
            return None
        return Call((), command, session, assigned, session.environment, conditional)

    @staticmethod
    def _value(fields: list[Field]) -> str | None:
        if any(field.value is None for field in fields):
            return None
        return " ".join(field.value or "" for field in fields)

    # --- one call

    def follow_call(self, call: Call) -> Iterator[Action]:
        if not call.words:
            for name, value in call.assigned.items():  # a variable that the image exports is changed for what follows
                if name in self.session.exported or name == "PATH":
                    yield Variable(name, None if call.conditional else value, call.place)
            yield from rewrites(call)
            return
        inner = unwrapped(call)
        if inner is None or not inner.words:
            return
        if inner.name == "xargs":
            if _INSTALLS.search(inner.shown):
                yield Opaque(inner.shown, inner.place)
            return
        yield from self._program(inner)
        if call.command.redirections or inner.name == "tee":
            yield from system_command.writes(inner)
        yield from rewrites(inner)

    def _program(self, call: Call) -> Iterator[Action]:
        name = call.name
        if (reader := READERS.get(name)) is not None:
            yield from reader(call)
        elif _PIP.fullmatch(name):
            yield from self._pip(call)
        elif _PYTHON.fullmatch(name):
            yield from self._python(call)
        elif name in _SHELLS:
            yield from self._shell(call)
        elif name in ("export", "declare", "typeset", "readonly", "local"):
            yield from self._export(call)
        elif name == "eval":
            yield from self._eval(call)
        else:
            yield from self._other(call)

    def _pip(self, call: Call) -> Iterator[Action]:
        words = [word.value for word in call.words]
        if "config" in words and "global.break-system-packages" in words and words[-1] in ("true", "1", "yes"):
            yield Marked(call.place)
        else:
            yield from pip(call)

    def _python(self, call: Call) -> Iterator[Action]:
        version = python_of(call.words[0].shown)
        at = 1
        while at < len(call.words):
            shown = call.words[at].shown
            if shown.startswith("-m"):
                module = call.rest(at) if len(shown) > 2 else call.rest(at + 1)
                if module.words:
                    yield from self._module(call, module, shown[2:] or module.words[0].shown, version)
                return
            if shown == "-c" or not shown.startswith("-") or shown == "-":
                break
            at += 2 if shown in ("-W", "-X") else 1
        if at < len(call.words) and call.words[at].shown not in ("-", "-c"):
            yield from python_command.script(call, call.words[at])
        elif call.before is not None and (at == len(call.words) or call.words[at].shown == "-"):
            yield from self._from_pipe(call)

    def _module(self, call: Call, module: Call, name: str, version: str | None) -> Iterator[Action]:
        """``python -m NAME``: the program keeps the interpreter that runs it."""
        if name == "venv":
            yield from python_command.venv(module, version)
        elif name == "virtualenv":
            yield from python_command.virtualenv(module, version)
        elif name == "pip":
            yield from self._pip(call._replace(words=(call.words[0], *module.words[1:])))
        elif name in READERS and name not in (".", "source"):
            yield from READERS[name](module._replace(words=(_word(module.words[0], name), *module.words[1:])))

    def _export(self, call: Call) -> Iterator[Action]:
        for word in call.words[1:]:
            name, equals, _ = word.shown.partition("=")
            if equals and name.isidentifier():
                value = word.part(len(name) + 1).value
                self.session.assign(name, None if call.conditional else value)
                if call.name == "export" or (call.name in ("declare", "typeset") and "-x" in (one.shown for one in call.words)):
                    yield Variable(name, None if call.conditional else value, call.place)
            elif call.name == "export" and name.isidentifier() and name in self.session.variables:
                yield Variable(name, self.session.variables[name], call.place)

    def _eval(self, call: Call) -> Iterator[Action]:
        words = list(dropwhile(lambda word: word.shown == "eval", call.words))
        if all(word.value is not None for word in words):
            yield from self._nested(call, _spaced([word.span() for word in words]))
        elif not _HOOK.search(call.shown):
            yield Opaque(call.shown, call.place)

    def _nested(self, call: Call, script: Span) -> Iterator[Action]:
        if self.depth >= _DEPTH_LIMIT:
            yield Opaque(call.shown, call.place)
            return
        yield from Follower(self.session, self.depth + 1).follow(script, call.conditional)

    # --- shells and scripts

    def _shell(self, call: Call) -> Iterator[Action]:
        script, others = _shell_words(call.words[1:])
        if script is not None:
            if script.value is None and script.shown.startswith(("$(", "`")):
                yield from self._fetched(call, script.shown)
            else:
                yield from self._isolated(call, script.span())
        elif others and others[0].shown not in ("-", "/dev/stdin"):
            yield from self._file(call, others[0], others[1:])
        elif call.before is not None:
            yield from self._from_pipe(call)
        else:
            for one in call.command.redirections:
                if one.body is not None:
                    yield from self._isolated(call, one.body)

    def _isolated(self, call: Call, script: Span) -> Iterator[Action]:
        """A script of a shell of its own: what it changes ends with it."""
        session = self.session
        kept = dict(session.variables), session.folder, session.environment
        session.environment = call.environment
        yield from self._nested(call, script)
        session.variables, session.folder, session.environment = kept

    def _from_pipe(self, call: Call) -> Iterator[Action]:
        """A script that another command prints."""
        said, before = "", call.before
        for _ in range(_DEPTH_LIMIT):
            if before is None:
                break
            said, before = f"{' '.join(word.shown for word in before.words)} {said}", before.before
        yield from self._fetched(call, said)

    def _fetched(self, call: Call, said: str) -> Iterator[Action]:
        if "get-pip" in said:
            yield Install("pip", call.place, environment=call.environment, upgrades_pip=True, conditional=call.conditional)
        elif (found := conda_command.installer(call, _word(call.words[0], said), ())) is not None:
            yield found
        elif not _HARMLESS.search(said):
            yield Opaque(call.shown if call.before is None else f"{call.before.shown} | {call.shown}", call.place)

    def _file(self, call: Call, file: Field, others: Sequence[Field]) -> Iterator[Action]:
        """A script that is run from a file."""
        if (found := conda_command.installer(call, file, others)) is not None:
            yield found
        elif not _HARMLESS.search(file.shown):
            yield Opaque(call.shown, call.place)

    def _other(self, call: Call) -> Iterator[Action]:
        """``cd``, loops, and programs that nothing here knows."""
        name, session = call.name, self.session
        if name in ("cd", "pushd"):
            target = next((word for word in call.words[1:] if not word.shown.startswith("-") or word.shown == "-"), None)
            session.enter("~" if target is None else target.value)
        elif name == "popd":
            session.enter(None)
        elif name in ("for", "select", "read") and len(call.words) > 1:
            for word in call.words[1:2] if name != "read" else call.words[1:]:
                session.assign(word.shown, None)
        elif name == "unset":
            for word in call.words[1:]:
                session.variables.pop(word.shown, None)
        elif call.words[0].value is None and _INSTALLS.search(call.shown):
            yield Opaque(call.shown, call.place)
        elif _is_script(call.words[0]):
            yield from self._file(call, call.words[0], call.words[1:])


def _is_script(word: Field) -> bool:
    return word.shown.endswith((".sh", ".bash", ".run")) and "/" in word.shown


def _word(like: Field, text: str) -> Field:
    """A word that stands where *like* does."""
    return Field(text, text, (like.start,) * len(text), like.start, like.end)


def _requirements_as_pip(call: Call) -> Call:
    """``pip-sync FILE...`` as ``pip install -r FILE...``."""
    _, files = options_of(call.words[1:], frozenset())
    head = call.words[0]
    words = [_word(head, "pip"), _word(head, "install")]
    for file in files or [_word(head, "requirements.txt")]:
        words += [_word(head, "-r"), file]
    return call._replace(words=tuple(words))


def _shell_words(words: Sequence[Field]) -> tuple[Field | None, list[Field]]:
    """The script after ``-c``, and else the file and its arguments."""
    wanted, at = False, 0
    while at < len(words) and words[at].shown[:1] in ("-", "+") and len(words[at].shown) > 1:
        shown = words[at].shown
        at += 1
        if shown == "--":
            break
        if shown in ("--rcfile", "--init-file") or (not shown.startswith("--") and shown.endswith(("o", "O"))):
            at += 1
        wanted = wanted or (not shown.startswith("--") and "c" in shown)
        if not shown.startswith("--") and "s" in shown and not wanted:
            return None, []
    return (words[at], []) if wanted and at < len(words) else (None, list(words[at:]))


def _spaced(spans: list[Span]) -> Span:
    text: list[str] = []
    offsets: list[int] = []
    for span in spans:
        if text:
            text.append(" ")
            offsets.append(offsets[-1] if offsets else 0)
        text.append(span.text)
        offsets += span.offsets
    return Span("".join(text), tuple(offsets))
