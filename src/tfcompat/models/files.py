"""Where model files come from: ranged reads behind one Protocol, counted and bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tfcompat.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CUT_SHORT", "MemoryModelFiles", "ModelFile", "ModelFiles"]

CUT_SHORT = "copy or download it again: a download that was interrupted leaves such a file"
_PAGE = 16 << 10  # bytes
_BUDGET = 64 << 20  # bytes of one file, in all


class ModelFiles(Protocol):
    """Files by name; the members of a folder are named with ``/`` between."""

    def size(self, name: str) -> int | None:
        """Bytes of the file *name*, None where there is no such file. Raises :class:`CouldNotCheck` where it is no regular file."""

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Up to *length* bytes from *offset*. Raises :class:`CouldNotCheck` where they cannot be read."""


class MemoryModelFiles:
    """Files in memory. ``bytes_read`` counts what was asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self.bytes_read = 0

    def size(self, name: str) -> int | None:
        """As :meth:`ModelFiles.size`."""
        return len(self._files[name]) if name in self._files else None

    def read(self, name: str, offset: int, length: int) -> bytes:
        """As :meth:`ModelFiles.read`."""
        content = self._files[name][offset : offset + length]
        self.bytes_read += len(content)
        return content


class ModelFile:
    """One file, read in pages that are kept, at most 64 MiB of it."""

    def __init__(self, files: ModelFiles, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._files = files
        self._pages: dict[int, bytes] = {}
        self._left = _BUDGET

    def read(self, offset: int, length: int) -> bytes:
        """Exactly *length* bytes from *offset*. Raises :class:`CouldNotCheck` where the file has not that many."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise self.damaged("a part of it would lie behind its end")
        if length > _PAGE:
            return self._fetch(offset, length)
        first, last = offset // _PAGE, (offset + max(length, 1) - 1) // _PAGE
        content = self._page(first) if first == last else self._page(first) + self._page(last)
        return content[offset - first * _PAGE :][:length]

    def number(self, offset: int, length: int) -> int:
        """The unsigned little-endian number of *length* bytes at *offset*."""
        return int.from_bytes(self.read(offset, length), "little")

    def damaged(self, reason: str, hint: str = CUT_SHORT) -> CouldNotCheck:
        """The error that this file cannot be read, and why."""
        return CouldNotCheck(f"{self.name} cannot be read: {reason}", hint)

    def _page(self, index: int) -> bytes:
        if index not in self._pages:
            start = index * _PAGE
            self._pages[index] = self._fetch(start, min(_PAGE, self.size - start)) if start < self.size else b""
        return self._pages[index]

    def _fetch(self, offset: int, length: int) -> bytes:
        self._left -= length
        if self._left < 0:
            raise self.damaged(f"its description takes more than {_BUDGET >> 20} MiB", "check where the file comes from")
        content = self._files.read(self.name, offset, length)
        if len(content) != length:
            raise self.damaged("it became shorter while it was read", "read it again once nothing writes to it")
        return content
