"""A file as text, and places in it: line and column for people, offsets for edits."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple, Protocol

__all__ = ["Place", "Source", "Tree", "as_shown", "entries_of", "why_unshown"]


class Place(NamedTuple):
    """A span of a file. ``file`` is its path below the tree, with slashes; ``line`` and ``column`` count from 1, in characters.

    ``start`` and ``end`` are offsets into :attr:`Source.text`; a place without a span has ``end == start``.
    """

    file: str
    line: int
    column: int
    start: int = 0
    end: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Source:
    """The text of one file. ``encoding`` is what it was decoded from; every line end is kept as it is."""

    def __init__(self, name: str, text: str, encoding: str = "utf-8") -> None:
        self.name = name
        self.text = text
        self.encoding = encoding

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def place(self, start: int, end: int | None = None) -> Place:
        """The place of the characters from *start* up to *end*, without it."""
        line = bisect_right(self._starts, start)
        return Place(self.name, line, start - self._starts[line - 1] + 1, start, start if end is None else end)

    def offset(self, line: int, column: int = 1) -> int:
        """The offset of a line and column that both count from 1; the end of the text beyond its last line."""
        return self._starts[line - 1] + column - 1 if line <= len(self._starts) else len(self.text)

    def line(self, number: int) -> str:
        """The line *number*, counted from 1, without its end."""
        if not 1 <= number <= len(self._starts):
            return ""
        return self.text[self._starts[number - 1] :].partition("\n")[0].rstrip("\r")


class Tree(Protocol):
    """The files that are looked at. Names are paths below its top, with slashes; nothing outside of it is ever read."""

    def find(self, name: str) -> Source | None:
        """The text of a file, None where there is none. Raises :class:`tfcompat.errors.CouldNotCheck` where it cannot be read."""

    def find_bytes(self, name: str, limit: int, offset: int = 0) -> bytes | None:
        """*limit* bytes of a file from *offset*, fewer at its end, None where there is no such file."""

    def size(self, name: str) -> int | None:
        """The bytes of a file, None where there is none."""

    def names(self) -> tuple[str, ...]:
        """Every file that is not ignored, sorted."""

    def entries(self, folder: str) -> tuple[str, ...]:
        """What lies directly in *folder*, ignored by git or not, sorted, a folder with a slash behind it; links to folders are none of it.

        Empty where there is no such folder. Raises :class:`tfcompat.errors.CouldNotCheck` where it cannot be listed.
        """


def entries_of(names: Iterable[str], folder: str) -> tuple[str, ...]:
    """What of *names* lies directly in *folder*, as :meth:`Tree.entries`."""
    above = f"{folder}/" if folder else ""
    inside = (name[len(above) :].partition("/") for name in names if name.startswith(above))
    return tuple(sorted({first + slash for first, slash, _ in inside}))


def as_shown(name: str) -> str:
    """*name* without the bytes that are not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def why_unshown(name: str) -> str:
    """Why a file of this name is not looked at, empty where it is."""
    if as_shown(name) != name:
        return "its name is not UTF-8"
    return "" if name.isprintable() else "its name has characters that cannot be shown"
