"""A requirements or constraints file, read as pip reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.gate.declared import Include, Pin, PinFile, Problem
from tfcompat.gate.readers.pep508 import read_requirement
from tfcompat.requirement_lines import COMMENT, CONSTRAINTS, EDITABLE, OPTION, REQUIREMENTS, masked, other_source, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tfcompat.gate.declared import PinKind
    from tfcompat.gate.source import Place, Source

__all__ = ["read_requirement_lines", "read_requirements"]

_COMMENT_LINE = re.compile(r"\s*#")
_OWN_OPTIONS = re.compile(r"\s-.*$", re.S)
_INDEX = re.compile(r"(?<!\S)(?:--(?:index-url|extra-index-url|find-links|pypi-url)|-[if])[=\s]?\s*\S+|(?<!\S)--no-index")
_OTHER_OPTIONS = frozenset(
    [
        "-i",
        "--index-url",
        "--pypi-url",
        "--extra-index-url",
        "--no-index",
        "-f",
        "--find-links",
        "--no-binary",
        "--only-binary",
        "--prefer-binary",
        "--require-hashes",
        "--pre",
        "--all-releases",
        "--only-final",
        "--trusted-host",
        "--use-feature",
        "--hash",
        "--config-settings",
        "--global-option",
        "--uploaded-prior-to",
    ]
)
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")  # what pip expands
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.I)


class _Line(NamedTuple):
    """A logical line without its comment. ``parts``: where in the line, and where in the file, each piece of it begins.

    ``within``: the place of what holds the line, where it is not known where in the file its characters stand.
    """

    text: str
    parts: tuple[tuple[int, int], ...]
    within: Place | None = None

    def offset(self, at: int) -> int:
        return next((there + at - here for here, there in reversed(self.parts) if here <= at), 0)

    def moved(self, by: int) -> _Line:
        return self._replace(parts=tuple((here, there + by) for here, there in self.parts))

    def place(self, source: Source, start: int, end: int) -> Place:
        if self.within is not None:
            return self.within
        return source.place(self.offset(start), self.offset(end - 1) + 1 if end > start else self.offset(start))


def read_requirements(source: Source, kind: PinKind = "requirement") -> PinFile:
    """The pins and includes of a requirements file; *kind* is ``constraint`` for a file that is given with ``-c``."""
    if "\0" in source.text:
        return PinFile(source.name, (), problems=(Problem(source.place(source.text.index("\0")), "it is not text", grave=True),))
    return _read(source, _logical_lines(source.text), kind)


def read_requirement_lines(source: Source, text: str, place: Place, exact: bool) -> PinFile:
    """As :func:`read_requirements`, of *text* that stands at *place* of another file; *exact*: character by character."""
    return _read(
        source, (line.moved(place.start) if exact else line._replace(within=place) for line in _logical_lines(text)), "requirement"
    )


def _read(source: Source, lines: Iterable[_Line], kind: PinKind) -> PinFile:
    reader = _Reader(source, kind)
    for line in lines:
        reader.take(line)
    return PinFile(
        source.name,
        tuple(reader.pins),
        tuple(reader.includes),
        indexes=tuple(reader.indexes),
        hashes=reader.hashes,
        problems=tuple(reader.problems),
        whole=reader.whole and not reader.problems,
    )


class _Reader:
    def __init__(self, source: Source, kind: PinKind) -> None:
        self.source = source
        self.kind = kind
        self.pins: list[Pin] = []
        self.includes: list[Include] = []
        self.indexes: list[str] = []
        self.problems: list[Problem] = []
        self.hashes = False
        self.whole = True

    def take(self, line: _Line) -> None:
        option = OPTION.match(line.text)
        if option is not None:
            self.option(line, option[1] or option[3], (option[2] or option[4] or "").strip())
            return
        self.hashes = self.hashes or " --hash" in line.text
        text = _OWN_OPTIONS.sub("", line.text).rstrip()
        self.requirement(line, 0, text)

    def requirement(self, line: _Line, at: int, text: str) -> None:
        whole = line.place(self.source, at, at + len(text))
        if _VARIABLE.search(text) and not re.match(r"[\w.\[\],-]+\s*@", text):  # of a URL nothing but the name is known anyway
            self.problems.append(Problem(whole, f"{shown(text)!r} holds a variable of the environment"))
            return
        found = read_requirement(text, lambda start, end: line.place(self.source, at + start, at + end), whole, self.kind)
        if isinstance(found, Pin):
            self.pins.append(found)
        elif found is not None:
            self.problems.append(found)
        else:
            self.whole = False

    def option(self, line: _Line, name: str, value: str) -> None:
        whole = line.place(self.source, 0, len(line.text))
        if name in EDITABLE:
            if other_source(value) is None and "@" not in value:  # a folder, which pip needs no dot for
                self.whole = False
                return
            self.requirement(line, line.text.index(value), value)
        elif name in (*REQUIREMENTS, *CONSTRAINTS):
            self.include(line, name, _unquoted(value))
        elif name not in _OTHER_OPTIONS:
            self.problems.append(Problem(whole, f"{shown(name)} is no option of a requirements file", grave=True))
        else:
            self.hashes = self.hashes or "--require-hashes" in line.text
            self.whole = self.whole and name not in ("-f", "--find-links", "--no-index")
            self.indexes.extend(masked(found[0]) for found in _INDEX.finditer(line.text))

    def include(self, line: _Line, name: str, path: str) -> None:
        start = line.text.find(path, len(name)) if path else 0
        place = line.place(self.source, start, start + len(path)) if start > 0 else line.place(self.source, 0, len(line.text))
        if not path:
            self.problems.append(Problem(place, f"{name} names no file", grave=True))
        elif _VARIABLE.search(path):
            self.problems.append(Problem(place, f"{name} {shown(path)} holds a variable of the environment"))
        elif _SCHEME.match(path):
            self.problems.append(Problem(place, f"{name} {shown(path)} names a URL, and nothing is fetched"))
        else:
            self.includes.append(Include(path, name in CONSTRAINTS, place))


def _unquoted(value: str) -> str:
    """The first word of an option's value, as a shell splits it."""
    if value[:1] in ('"', "'") and (end := value.find(value[0], 1)) > 0:
        return value[1:end]
    return _OWN_OPTIONS.sub("", value).strip()


def _logical_lines(text: str) -> Iterator[_Line]:
    """Continued lines joined as pip joins them, without comments and blank lines."""
    pieces: list[tuple[str, int]] = []
    at = int(text.startswith("\ufeff"))
    for raw in text[at:].splitlines(keepends=True):
        line, start = raw.splitlines()[0], at
        at += len(raw)
        comment = _COMMENT_LINE.match(line) is not None
        if line.endswith("\\") and not comment:
            stripped = line.strip("\\")
            pieces.append((stripped, start + len(line) - len(line.lstrip("\\"))))
            continue
        pieces.append((" #" if comment else line, start))
        yield from _joined(pieces)
        pieces = []
    yield from _joined(pieces)


def _joined(pieces: list[tuple[str, int]]) -> Iterator[_Line]:
    whole = "".join(text for text, _ in pieces)
    comment = COMMENT.search(whole)
    text = whole[: comment.start()] if comment else whole
    blank = len(text) - len(text.lstrip())
    if not text.strip():
        return
    parts: list[tuple[int, int]] = []
    at = 0
    for piece, start in pieces:
        if piece:
            parts.append((at - blank, start))
        at += len(piece)
    yield _Line(text.strip(), tuple(parts))
