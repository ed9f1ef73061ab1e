"""A file as text, and places in it: line and column for people, offsets for edits."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple, Protocol

__all__ = ["Place", "Source", "Tree"]


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
