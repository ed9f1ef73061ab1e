"""Parts of files for the tests: models that real releases wrote, and Protocol Buffers by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfcompat.errors import CouldNotCheck
from tfcompat.models.files import MemoryModelFiles
from tfcompat.models.model import Model
from tfcompat.models.reading import read_model

FILES = Path(__file__).with_name("files")
BUDGET = 64 << 20


class Counted(MemoryModelFiles):
    """Files in memory that must not be asked for more than a reader may read of each."""

    def read(self, name: str, offset: int, length: int) -> bytes:
        assert 0 <= length <= BUDGET
        assert offset >= 0
        return super().read(name, offset, length)


def fixture(name: str) -> bytes:
    return (FILES / name).read_bytes()


def read(content: bytes, name: str = "model") -> Model:
    return read_model(name, Counted({name: content}))


def refusal(content: bytes, name: str = "model") -> str:
    """The message and the hint, joined by a bar."""
    with pytest.raises(CouldNotCheck) as caught:
        read(content, name)
    return f"{caught.value.message} | {caught.value.hint}"


def survive(files: dict[str, bytes], name: str) -> Model | CouldNotCheck:
    """Whatever the bytes are, there is a model or an error that says why not, and no more was read than may be."""
    counted = Counted(files)
    found: Model | CouldNotCheck
    try:
        found = read_model(name, counted)
    except CouldNotCheck as error:
        found = error
    assert isinstance(found, Model) or (found.message and found.hint)
    assert counted.bytes_read <= 2 * BUDGET + (1 << 20)  # a SavedModel has two files
    return found


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content
