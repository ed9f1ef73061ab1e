"""The groups of an HDF5 file and their string attributes: what it takes to tell a Keras model, and no more.

Data is not read, nor are the forms that no Keras writes: groups and attributes in fractal heaps, shared messages, external files.
Source: HDF5 File Format Specification 3.0, support.hdfgroup.org; chapter numbers stand with the functions.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterator
from typing import NamedTuple

from tfcompat.models.files import CUT_SHORT, ModelFile

__all__ = ["SIGNATURE", "Group", "load_root", "superblock_of"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OBJECTS = 20_000  # header blocks, messages, tree nodes, links: of all that is asked of one file
_TEXT = 8 << 20  # bytes of an attribute
_ELEMENTS = 10_000  # strings of an attribute
_LINK_INFO, _DATATYPE, _LINK, _ATTRIBUTE, _CONTINUATION, _SYMBOL_TABLE, _ATTRIBUTE_INFO = 0x02, 0x03, 0x06, 0x0C, 0x10, 0x11, 0x15
_SHARED = 0x02  # a flag of messages
_STRING, _VARIABLE = 3, 9  # classes of datatypes
_ODD = "open it with h5py and save it again, or check where the file comes from"


class _Message(NamedTuple):
    kind: int
    flags: int
    at: int
    length: int


class _File:
    """An HDF5 file: addresses are relative to ``base``, and take ``offsets`` bytes; lengths take ``lengths``."""

    def __init__(self, file: ModelFile, base: int, offsets: int, lengths: int) -> None:
        self.file = file
        self.base = base
        self.offsets = offsets
        self.lengths = lengths
        self._left = _OBJECTS

    def visit(self) -> None:
        """Count an object. What leads in a circle ends here."""
        self._left -= 1
        if self._left < 0:
            raise self.file.damaged(f"its groups and attributes take more than {_OBJECTS:,} steps, or lead in a circle", _ODD)

    def address(self, at: int) -> int | None:
        """Where the address that stands at *at* leads, None where it is undefined (all bits set)."""
        found = self.file.number(at, self.offsets)
        return None if found == (1 << (8 * self.offsets)) - 1 else self.base + found

    def expect(self, at: int | None, signature: bytes, noun: str) -> int:
        """*at*, where *signature* stands."""
        if at is None or self.file.read(at, len(signature)) != signature:
            raise self.file.damaged(f"{noun} is damaged")
        return at


class Group:
    """A group: :meth:`text` of its attributes, :meth:`names` and :meth:`group` of what it holds."""

    def __init__(self, hdf5: _File, header: int) -> None:
        self._hdf5 = hdf5
        self._messages = tuple(_messages(hdf5, header))
        self._attributes: dict[str, _Message] | None = None
        self._links: dict[str, int | None] | None = None

    @property
    def is_dataset(self) -> bool:
        """Whether it holds data instead of groups."""
        return any(m.kind == _DATATYPE for m in self._messages)

    def names(self) -> tuple[str, ...]:
        """The names of groups, datasets and links, sorted."""
        return tuple(sorted(self._members()))

    def group(self, name: str) -> "Group | None":
        """The group or dataset *name*, None where there is none or where it is a soft or external link."""
        header = self._members().get(name)
        return None if header is None else Group(self._hdf5, header)

    def attributes(self) -> tuple[str, ...]:
        """The names of all attributes, sorted."""
        return tuple(sorted(self._named()))

    def text(self, name: str) -> str | None:
        """The string of the attribute *name*, None where there is none or where it is no single string."""
        found = self.texts(name)
        return found[0] if found is not None and len(found) == 1 else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """The strings of the attribute *name*, None where there is none or where it is of another type."""
        message = self._named().get(name)
        return None if message is None else _strings(self._hdf5, message)

    def _named(self) -> dict[str, _Message]:
        if self._attributes is None:
            found = {}
            for message in self._messages:
                if message.kind == _ATTRIBUTE_INFO:
                    _refuse_dense(self._hdf5, message)
                elif message.kind == _ATTRIBUTE:
                    found[_attribute(self._hdf5, message).name] = message
            self._attributes = found
        return self._attributes

    def _members(self) -> dict[str, int | None]:
        if self._links is None:
            links: dict[str, int | None] = {}
            for message in self._messages:
                if message.kind == _LINK:
                    links.update((_link(self._hdf5, message),))
                elif message.kind == _SYMBOL_TABLE:
                    links.update(_symbols(self._hdf5, message))
                elif message.kind == _LINK_INFO:
                    _refuse_dense_links(self._hdf5, message)
            self._links = links
        return self._links


def superblock_of(file: ModelFile) -> int | None:
    """Where the superblock stands: at the start, or behind a user block of 512, 1024, 2048 ... bytes. None: it is no HDF5."""
    at = 0
    while at + len(SIGNATURE) <= file.size:
        if file.read(at, len(SIGNATURE)) == SIGNATURE:
            return at
        at = max(512, 2 * at)
    return None


def load_root(file: ModelFile, start: int) -> Group:
    """The root group of the file whose superblock stands at *start* (II.A). Raises :class:`~tfcompat.errors.CouldNotCheck`."""
    version = file.number(start + 8, 1)
    if version > 3:
        raise file.damaged(f"its HDF5 superblock has version {version}, and 0 to 3 are known", _ODD)
    sizes = start + (13 if version < 2 else 9)
    offsets, lengths = file.read(sizes, 2)
    if not {offsets, lengths} <= {2, 4, 8}:
        raise file.damaged("its HDF5 superblock is damaged")
    hdf5 = _File(file, start, offsets, lengths)
    at = start + (24, 28, 12, 12)[version]
    base = file.number(at, offsets)
    _refuse_cut(file, start, base, file.number(at + 2 * offsets, offsets))
    root = hdf5.address(at + (5 if version < 2 else 3) * offsets)
    if root is None:
        raise file.damaged("its HDF5 superblock names no root group")
    return Group(hdf5, root)


def _refuse_cut(file: ModelFile, start: int, base: int, end: int) -> None:
    end += start - base  # a user block that was put before the file later
    if end > file.size:
        raise file.damaged(f"it is cut short: it has {file.size:,} bytes of {end:,}", CUT_SHORT)


def _messages(hdf5: _File, header: int) -> Iterator[_Message]:
    """The messages of an object header (IV.A.1), those of its continuations included."""
    hdf5.visit()
    if hdf5.file.read(header, 4) == b"OHDR":
        yield from _messages_2(hdf5, header)
        return
    if hdf5.file.number(header, 1) != 1:
        raise hdf5.file.damaged("an object header of its HDF5 is damaged")
    blocks = [(header + 16, hdf5.file.number(header + 8, 4))]
    yield from _walk(hdf5, blocks, 8, signed=False)


def _messages_2(hdf5: _File, header: int) -> Iterator[_Message]:
    if hdf5.file.number(header + 4, 1) != 2:
        raise hdf5.file.damaged("an object header of its HDF5 is damaged")
    flags = hdf5.file.number(header + 5, 1)
    at = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    blocks = [(at + width, hdf5.file.number(at, width))]
    yield from _walk(hdf5, blocks, 6 if flags & 0x04 else 4, signed=True)


def _walk(hdf5: _File, blocks: list[tuple[int, int]], prefix: int, *, signed: bool) -> Iterator[_Message]:
    """The messages in *blocks* of a header, to which continuations add; *signed*: version 2, with signatures and checksums."""
    while blocks:
        at, length = blocks.pop(0)
        end = at + length
        while at + prefix <= end:
            hdf5.visit()
            if signed:
                kind, size, flags = hdf5.file.number(at, 1), hdf5.file.number(at + 1, 2), hdf5.file.number(at + 3, 1)
            else:
                kind, size, flags = hdf5.file.number(at, 2), hdf5.file.number(at + 2, 2), hdf5.file.number(at + 4, 1)
            at += prefix
            if at + size > end:
                raise hdf5.file.damaged("an object header of its HDF5 is damaged")
            if kind == _CONTINUATION:
                blocks.append(_continuation(hdf5, at, signed=signed))
            else:
                yield _Message(kind, flags, at, size)
            at += size


def _continuation(hdf5: _File, at: int, *, signed: bool) -> tuple[int, int]:
    block, length = hdf5.address(at), hdf5.file.number(at + hdf5.offsets, hdf5.lengths)
    if signed:
        return hdf5.expect(block, b"OCHK", "an object header of its HDF5") + 4, length - 8
    if block is None:
        raise hdf5.file.damaged("an object header of its HDF5 is damaged")
    return block, length


def _link(hdf5: _File, message: _Message) -> tuple[str, int | None]:
    """A link message (IV.A.2.g): the name and where the object is, None for a soft or external link."""
    flags = hdf5.file.number(message.at + 1, 1)
    at = message.at + 2
    kind = 0
    if flags & 0x08:
        kind = hdf5.file.number(at, 1)
        at += 1
    at += (8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = hdf5.file.number(at, width)
    if length > message.length:
        raise hdf5.file.damaged("a link of its HDF5 is damaged")
    at += width
    name = hdf5.file.read(at, length).decode("utf-8", "replace")
    return name, hdf5.address(at + length) if kind == 0 else None


def _symbols(hdf5: _File, message: _Message) -> Iterator[tuple[str, int | None]]:
    """The links of an old group (III.A.1, III.B): a tree whose leaves are tables of symbols, and a heap with their names."""
    heap = hdf5.expect(hdf5.address(message.at + hdf5.offsets), b"HEAP", "a heap of its HDF5")
    names = hdf5.address(heap + 8 + 2 * hdf5.lengths)
    waiting = [hdf5.address(message.at)]
    while waiting:
        at = waiting.pop()
        hdf5.visit()
        if at is None or names is None:
            raise hdf5.file.damaged("a group of its HDF5 is damaged")
        if hdf5.file.read(at, 4) == b"SNOD":
            yield from _table(hdf5, at, names)
            continue
        hdf5.expect(at, b"TREE\x00", "a group of its HDF5")
        first = at + 8 + 2 * hdf5.offsets + hdf5.lengths
        step = hdf5.lengths + hdf5.offsets
        for index in range(hdf5.file.number(at + 6, 2)):
            hdf5.visit()
            waiting.append(hdf5.address(first + index * step))


def _table(hdf5: _File, at: int, names: int) -> Iterator[tuple[str, int | None]]:
    step = 2 * hdf5.offsets + 24
    for index in range(hdf5.file.number(at + 6, 2)):
        hdf5.visit()
        entry = at + 8 + index * step
        soft = hdf5.file.number(entry + 2 * hdf5.offsets, 4) == 2
        yield _name_at(hdf5, names + hdf5.file.number(entry, hdf5.offsets)), None if soft else hdf5.address(entry + hdf5.offsets)


def _name_at(hdf5: _File, at: int) -> str:
    found = hdf5.file.read(at, max(0, min(1024, hdf5.file.size - at)))
    return found.partition(b"\x00")[0].decode("utf-8", "replace")


def _refuse_dense(hdf5: _File, message: _Message) -> None:
    """Attribute info (IV.A.2.v): where it names a heap, attributes lie in there."""
    at = message.at + 2 + (2 if hdf5.file.number(message.at + 1, 1) & 1 else 0)
    if hdf5.address(at) is not None:
        raise hdf5.file.damaged("it keeps attributes in a fractal heap, as no Keras writes them", _ODD)


def _refuse_dense_links(hdf5: _File, message: _Message) -> None:
    """Link info (IV.A.2.c): where it names a heap, links lie in there."""
    at = message.at + 2 + (8 if hdf5.file.number(message.at + 1, 1) & 1 else 0)
    if hdf5.address(at) is not None:
        raise hdf5.file.damaged("it keeps a group in a fractal heap, as no Keras writes it", _ODD)


class _Attribute(NamedTuple):
    """Where the parts of an attribute message are (IV.A.2.m); ``shared``: its type stands elsewhere."""

    name: str
    datatype: int
    dataspace: int
    value: int
    end: int
    shared: bool


def _attribute(hdf5: _File, message: _Message) -> _Attribute:
    if message.flags & _SHARED:
        raise hdf5.file.damaged("it keeps attributes in a shared heap, as no Keras writes them", _ODD)
    at = message.at
    version = hdf5.file.number(at, 1)
    if version not in (1, 2, 3):
        raise hdf5.file.damaged("an attribute of its HDF5 is damaged")
    shared = version > 1 and hdf5.file.number(at + 1, 1) & 3 != 0
    sizes = [hdf5.file.number(at + place, 2) for place in (2, 4, 6)]
    padded = [size + -size % 8 for size in sizes] if version == 1 else sizes
    start = at + (9 if version == 3 else 8)
    datatype = start + padded[0]
    dataspace = datatype + padded[1]
    value, end = dataspace + padded[2], at + message.length
    if value > end:
        raise hdf5.file.damaged("an attribute of its HDF5 is damaged")
    name = hdf5.file.read(start, sizes[0]).partition(b"\x00")[0].decode("utf-8", "replace")
    return _Attribute(name, datatype, dataspace, value, end, shared)


def _strings(hdf5: _File, message: _Message) -> tuple[str, ...] | None:
    attribute = _attribute(hdf5, message)
    if attribute.shared:
        raise hdf5.file.damaged(f"its attribute {attribute.name!r} has a type that stands elsewhere, as no Keras writes it", _ODD)
    kind, bits = hdf5.file.read(attribute.datatype, 2)
    size = hdf5.file.number(attribute.datatype + 4, 4)
    variable = kind & 0x0F == _VARIABLE and bits & 0x0F == 1
    if not variable and kind & 0x0F != _STRING:
        return None
    count = _count(hdf5, attribute.dataspace)
    if count > _ELEMENTS or count * size > attribute.end - attribute.value:
        raise hdf5.file.damaged("an attribute of its HDF5 is damaged")
    starts = [attribute.value + index * size for index in range(count)]
    if variable:
        return tuple(_variable(hdf5, at) for at in starts)
    return tuple(_decoded(hdf5.file.read(at, size), spaces=bits & 0x0F == 2) for at in starts)


def _count(hdf5: _File, at: int) -> int:
    """The number of elements in a dataspace (IV.A.2.b)."""
    version, rank, _, kind = hdf5.file.read(at, 4)
    if version not in (1, 2) or rank > 32:
        raise hdf5.file.damaged("an attribute of its HDF5 is damaged")
    if version == 2 and kind == 2:
        return 0
    count = 1
    for index in range(rank):
        count *= hdf5.file.number(at + (8 if version == 1 else 4) + index * hdf5.lengths, hdf5.lengths)
    return count


def _variable(hdf5: _File, at: int) -> str:
    """A string in a global heap (III.E): its length, and the collection and index where it is."""
    length = hdf5.file.number(at, 4)
    collection, index = hdf5.address(at + 4), hdf5.file.number(at + 4 + hdf5.offsets, 4)
    if length == 0:
        return ""
    if length > _TEXT:
        raise hdf5.file.damaged(f"an attribute of it has more than {_TEXT >> 20} MiB", "check where the file comes from")
    heap = hdf5.expect(collection, b"GCOL", "a heap of its HDF5")
    end = heap + hdf5.file.number(heap + 8, hdf5.lengths)
    here = heap + 8 + hdf5.lengths
    while here + 8 + hdf5.lengths <= end:
        hdf5.visit()
        found, size = hdf5.file.number(here, 2), hdf5.file.number(here + 8, hdf5.lengths)
        here += 8 + hdf5.lengths
        if found == index and length <= size:
            return _decoded(hdf5.file.read(here, length), spaces=False)
        if found == 0:
            break
        here += size + -size % 8
    raise hdf5.file.damaged("a heap of its HDF5 is damaged")


def _decoded(content: bytes, *, spaces: bool) -> str:
    content = content.rstrip(b" ") if spaces else content.partition(b"\x00")[0]
    return content.decode("utf-8", "replace")
