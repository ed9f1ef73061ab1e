"""One call of a program, with what the shell knew at that point, and its options."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Mapping
from typing import NamedTuple

from tfcompat.gate.readers.shell import Command
from tfcompat.gate.readers.shell_words import Field, ShellWord, fields_of
from tfcompat.gate.readers.variables import UNKNOWN, UNSET, Missing
from tfcompat.gate.source import Place, Source

__all__ = ["Call", "Option", "Session", "environment_of", "options_of", "python_of"]

_PYTHON = re.compile(r"(?:python|pip|pypy)-?([0-9]+\.[0-9]+)(?:\.exe)?")
_ONE_FOR_ALL = ("", "/usr", "/usr/local", "usr", "usr/local")  # folders whose bin holds the system's interpreter
_EXPANSION_LIMIT = 1 << 22  # characters that variables of one RUN may bring
_VALUE_LIMIT = 1 << 13


class Session:
    """What one ``RUN`` knows while its commands are read: variables, the working folder, the active environment.

    ``folder`` is empty for that of the ``RUN`` itself, None where it is not known.
    """

    def __init__(self, source: Source, variables: Mapping[str, str | None], environment: str = "") -> None:
        self.source = source
        self.variables = dict(variables)
        self.exported = set(variables)
        self.folder: str | None = ""
        self.environment = environment
        self.left = _EXPANSION_LIMIT

    def lookup(self, name: str) -> str | Missing:
        value = self.variables.get(name, UNSET)
        if value is None or isinstance(value, Missing):
            return UNSET if value is UNSET else UNKNOWN
        self.left -= len(value)
        return value if self.left > 0 else UNKNOWN

    def assign(self, name: str, value: str | None) -> None:
        self.variables[name] = None if value is None or len(value) > _VALUE_LIMIT else value

    def path(self, field: Field) -> str | None:
        """The path that *field* names, below the folder that the commands work in."""
        return None if field.value is None else self.below(field.value)

    def below(self, path: str) -> str | None:
        if path.startswith(("/", "~")) or self.folder == "":
            return path
        if self.folder is None:
            return None
        inside = path.removeprefix("./").rstrip("/")
        return self.folder if inside in ("", ".") else f"{self.folder.rstrip('/')}/{inside}"

    def expanded(self, word: ShellWord) -> list[str]:
        """The arguments that *word* becomes, with what is not known as it is written."""
        return [field.shown for field in fields_of(word, self.lookup)]

    def enter(self, path: str | None) -> None:
        """``cd``."""
        self.folder = None if path is None or path == "-" else self.below(path)

    def exact(self, field: Field, start: int, end: int) -> Place | None:
        """Where a part of a value stands, if it stands there just so; None where quotes or variables make it."""
        if field.value is None or not 0 <= start < end <= len(field.offsets):
            return None
        first, last = field.offsets[start], field.offsets[end - 1] + 1
        if self.source.text[first:last] != field.value[start:end]:
            return None
        return self.source.place(first, last)


class Call(NamedTuple):
    """``words`` are the program and its arguments, with ``sudo`` and the like taken away. ``assigned``: variables set for it alone.

    ``environment``: the one that a wrapper such as ``conda run -n`` names, else the active one. ``before``: the call whose output it reads.
    """

    words: tuple[Field, ...]
    command: Command
    session: Session
    assigned: Mapping[str, str | None]
    environment: str = ""
    conditional: bool = False
    before: "Call | None" = None

    @property
    def name(self) -> str:
        """The program without its folder."""
        return self.words[0].shown.rpartition("/")[2]

    @property
    def place(self) -> Place:
        return self.session.source.place(self.command.start, self.command.end)

    @property
    def shown(self) -> str:
        """The command for people, bounded."""
        text = " ".join(word.shown for word in self.words[:40])
        return " ".join(text.split())[:120]

    def place_of(self, field: Field) -> Place:
        return self.session.exact(field, 0, len(field.offsets)) or self.session.source.place(field.start, field.end)

    def rest(self, count: int) -> "Call":
        """The call that the words from *count* on make (``python -m pip ...``)."""
        return self._replace(words=self.words[count:])

    def setting(self, name: str) -> str | None:
        """A variable that is set for this call alone, empty where it is not."""
        return self.assigned.get(name, "")

    def switched(self, name: str) -> bool:
        return (self.setting(name) or "").lower() in ("1", "true", "yes", "on", "t", "y")


class Option(NamedTuple):
    """``--name=value`` or ``-n value``; None where it takes none."""

    name: str
    value: Field | None


def options_of(words: tuple[Field, ...], valued: frozenset[str]) -> tuple[list[Option], list[Field]]:
    """The options among *words*, those in *valued* with the word that follows, and all other words."""
    options: list[Option] = []
    others: list[Field] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        shown = word.shown
        if shown == "--":
            others += words[at:]
            break
        if shown.startswith("--"):
            name, equals, _ = shown.partition("=")
            value = word.part(len(name) + 1) if equals else None
            if value is None and name in valued and at < len(words):
                value, at = words[at], at + 1
            options.append(Option(name, value))
        elif shown.startswith("-") and len(shown) > 1:
            for number, letter in enumerate(shown[1:], start=2):
                name = "-" + letter
                if name not in valued:
                    options.append(Option(name, None))
                    continue
                value = word.part(number + (shown[number : number + 1] == "=")) if number < len(shown) else None
                if value is None and at < len(words):
                    value, at = words[at], at + 1
                options.append(Option(name, value))
                break
        else:
            others.append(word)
    return options, others


def python_of(program: str) -> str | None:
    """The version in the name of an interpreter or of a pip: ``3.11`` of ``/usr/bin/python3.11``."""
    found = _PYTHON.fullmatch(program.rpartition("/")[2])
    return found[1] if found else None


def environment_of(call: Call) -> str:
    """The folder of the environment whose ``bin`` the program is in; empty for the system's, and where none is named."""
    folder, found, _ = call.words[0].shown.rpartition("/bin/")
    if not found or folder in _ONE_FOR_ALL:
        return ""
    return call.session.below(folder) or folder
