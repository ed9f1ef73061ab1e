"""The wire format of Protocol Buffers, as far as telling fields apart and stepping over them.

Source: protobuf.dev/programming-guides/encoding.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterator
from typing import NamedTuple

from tfcompat.models.files import ModelFile

__all__ = ["Field", "Message"]

_FIELDS = 500_000  # of all messages of one file: a large SavedModel has about a tenth
_VARINT = 10  # bytes at most
_TEXT = 8 << 20  # bytes


class Field(NamedTuple):
    """A field: ``number``, and its ``value`` or, of a string or message, where it lies: ``start`` to ``end``."""

    number: int
    value: int
    start: int
    end: int


class Message:
    """The message in the bytes *start* to *end* of *file*; nothing is read before it is asked for."""

    def __init__(self, file: ModelFile, start: int = 0, end: int | None = None, left: list[int] | None = None) -> None:
        self._file = file
        self._start = start
        self._end = file.size if end is None else end
        self._left = [_FIELDS] if left is None else left

    def fields(self) -> Iterator[Field]:
        """Every field in turn; what a field holds is stepped over, not read."""
        at = self._start
        while at < self._end:
            self._left[0] -= 1
            if self._left[0] < 0:
                raise self._file.damaged(f"it has more than {_FIELDS:,} fields", "check where the file comes from")
            key, at = self._varint(at)
            number, wire = key >> 3, key & 7
            if number == 0 or wire not in (0, 1, 2, 5):
                raise self._file.damaged("its Protocol Buffers are damaged")
            if wire == 0:
                value, at = self._varint(at)
                yield Field(number, value, at, at)
                continue
            length, at = self._varint(at) if wire == 2 else (8 if wire == 1 else 4, at)
            if at + length > self._end:
                raise self._file.damaged("it is cut short")
            yield Field(number, 0, at, at + length)
            at += length

    def message(self, field: Field) -> "Message":
        """The message that *field* holds. It shares the bound on fields."""
        return Message(self._file, field.start, field.end, self._left)

    def text(self, field: Field) -> str:
        """The string that *field* holds; bytes that are not UTF-8 are replaced."""
        return self.content(field).decode("utf-8", "replace")

    def content(self, field: Field) -> bytes:
        """The bytes that *field* holds, at most 16 MiB."""
        if field.end - field.start > _TEXT:
            raise self._file.damaged(f"a text in it has more than {_TEXT >> 20} MiB", "check where the file comes from")
        return self._file.read(field.start, field.end - field.start)

    def _varint(self, at: int) -> tuple[int, int]:
        value = 0
        for index, byte in enumerate(self._file.read(at, min(_VARINT, self._end - at))):
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at + index + 1
        raise self._file.damaged("it is cut short" if self._end - at < _VARINT else "its Protocol Buffers are damaged")
