"""A TOML file as nodes that know where they stand. tomllib decides what is valid; this only finds the places again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.readers.trees import Unreadable

if TYPE_CHECKING:
    from tfcompat.gate.source import Source

__all__ = ["TomlNode", "load_toml", "parse_toml"]

_MANY = 200  # parts of one key: tomllib needs time squared for them
_LONG_KEY = re.compile(rf"(?:\.[^.\n=,{{]*){{{_MANY}}}")
_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]+|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*("[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_BASIC = re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"')
_BARE = re.compile(r"[^,\]}#\r\n]+")
_STOP = re.compile(r'\\.|"""', re.S)
_AT = re.compile(r" \(at line (\d+), column (\d+)\)$| \(at end of document\)$")


class TomlNode:
    """A table, an array or another value. ``start`` and ``end`` are offsets of the value as written (of the header for a table with one).

    ``kind``: ``map``, ``list`` or ``scalar``.
    """

    __slots__ = ("_children", "_written", "end", "start")

    def __init__(self, written: str, start: int, end: int, children: dict[str, tuple[TomlNode, TomlNode]] | list[TomlNode] | None = None):
        self._written = written
        self.start = start
        self.end = end
        self._children = children

    @property
    def kind(self) -> str:
        return "map" if isinstance(self._children, dict) else "scalar" if self._children is None else "list"

    @property
    def quoted(self) -> bool:
        return self._children is None and self._written[self.start : self.start + 1] in ('"', "'")

    @property
    def string(self) -> str | None:
        """The text of a string, None for everything else."""
        return _decoded(self._written[self.start : self.end]) if self.quoted else None

    @property
    def true(self) -> bool:
        return self._children is None and self._written[self.start : self.end] == "true"

    def inside(self, start: int, end: int) -> tuple[int, int] | None:
        """Where the characters from *start* to *end* of :attr:`string` stand in the file; None if escapes hide that."""
        written = self._written[self.start : self.end]
        body = 3 if written[:3] in ('"""', "'''") and len(written) >= 6 else 1
        if body == 3:
            body += len(written) - 3 - len(written[3:].removeprefix("\r").removeprefix("\n"))
        changed = written.find("\\") if written[0] == '"' else -1
        if body >= 3:  # line ends are read as \n
            changed = min((at for at in (changed, written.find("\r", body)) if at >= 0), default=-1)
        if changed >= 0 and body + end > changed:
            return None
        return self.start + body + start, self.start + body + end

    def get(self, key: str) -> TomlNode | None:
        found = self._children.get(key) if isinstance(self._children, dict) else None
        return found[1] if found else None

    def at(self, *keys: str) -> TomlNode | None:
        node: TomlNode | None = self
        for key in keys:
            node = node.get(key) if node else None
        return node

    def items(self) -> list[tuple[TomlNode, TomlNode]]:
        """The keys and values of a table, in the order of the file; of everything else nothing."""
        return list(self._children.values()) if isinstance(self._children, dict) else []

    def entries(self) -> list[tuple[str, TomlNode, TomlNode]]:
        """As :meth:`items`, each after its key's text."""
        return [(name, key, value) for name, (key, value) in self._children.items()] if isinstance(self._children, dict) else []

    def elements(self) -> list[TomlNode]:
        """The elements of an array; of everything else nothing."""
        return self._children if isinstance(self._children, list) else []

    def child(self, key: str, at: tuple[int, int]) -> TomlNode:
        """The value of *key*, made as a table where there is none; of an array of tables the last one."""
        assert isinstance(self._children, dict)
        if key not in self._children:
            self._children[key] = (TomlNode(self._written, *at), TomlNode(self._written, *at, children={}))
        value = self._children[key][1]
        return value._children[-1] if isinstance(value._children, list) and value._children else value

    def array(self, key: str, at: tuple[int, int]) -> TomlNode:
        """A new last table of the array of tables *key*."""
        assert isinstance(self._children, dict)
        if key not in self._children:
            self._children[key] = (TomlNode(self._written, *at), TomlNode(self._written, *at, children=[]))
        tables = self._children[key][1].elements()
        tables.append(TomlNode(self._written, *at, children={}))
        return tables[-1]

    def fill(self, start: int, end: int, children: dict[str, tuple[TomlNode, TomlNode]] | list[TomlNode] | None) -> None:
        self.start, self.end, self._children = start, end, children

    def append(self) -> TomlNode:
        assert isinstance(self._children, list)
        self._children.append(TomlNode(self._written, 0, 0))
        return self._children[-1]


def load_toml(source: Source, text: str | None = None) -> dict[str, object]:
    """The values of *source*. Raises :class:`tfcompat.gate.readers.trees.Unreadable` for a *source* that is no TOML.

    *text* may stand for its text if it has the same lines, with less on some of them.
    """
    text = source.text if text is None else text
    text = " " + text[1:] if text.startswith("\ufeff") else text
    if long := _LONG_KEY.search(text):
        raise Unreadable(source.place(0), f"a key in line {text.count(chr(10), 0, long.start()) + 1} has more than {_MANY} parts")
    try:
        return _loads(text)
    except RecursionError:
        raise Unreadable(source.place(0), "it is nested too deeply") from None
    except ValueError as error:
        where = _AT.search(str(error))
        raise Unreadable(source.place(_offset(source, where)), f"it is not TOML: {_AT.sub('', str(error))[:200]}") from None


def parse_toml(source: Source) -> TomlNode:
    """The top table of *source*. Raises :class:`tfcompat.gate.readers.trees.Unreadable` for what is no TOML."""
    load_toml(source)
    return _Scanner(source.text).read()


def _loads(text: str) -> dict[str, object]:
    from importlib import import_module
    from importlib.util import find_spec

    values: dict[str, object] = import_module("tomllib" if find_spec("tomllib") else "tomli").loads(text)  # Python 3.10 has none
    return values


def _offset(source: Source, where: re.Match[str] | None) -> int:
    if where is None:
        return 0
    if where[1] is None:
        return len(source.text)
    return min(source.offset(int(where[1]), int(where[2])), len(source.text))


class _Scanner:
    """Finds keys and values in text that is known to be valid."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = TomlNode(text, 0, len(text), {})

    def read(self) -> TomlNode:
        table, at = self.root, self.blank(0)
        while at < len(self.text):
            if self.text[at] == "[":
                table, at = self.header(at)
            else:
                value, at = self.key(table, at)
                at = self.value(value, at + 1)
            at = self.blank(at)
        return self.root

    def blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def header(self, at: int) -> tuple[TomlNode, int]:
        many = self.text.startswith("[[", at)
        parent, last, span, end = self.parents(self.root, at + 1 + many)
        end += 1 + many
        if many:
            return parent.array(last, (at, end)), end
        table = parent.child(last, span)
        table.start, table.end = at, end
        return table, end

    def key(self, table: TomlNode, at: int) -> tuple[TomlNode, int]:
        parent, last, span, end = self.parents(table, at)
        return parent.child(last, span), end

    def parents(self, table: TomlNode, at: int) -> tuple[TomlNode, str, tuple[int, int], int]:
        """The table that the last part of a dotted key belongs to, that part, where it stands, and where the key ends."""
        while True:
            found = _KEY.match(self.text, at)
            assert found is not None
            name, end = _decoded(found[1]), found.end()
            if self.text[end : end + 1] != ".":
                return table, name, found.span(1), end
            table, at = table.child(name, found.span(1)), end + 1

    def value(self, node: TomlNode, at: int) -> int:
        """Fill *node* with the value at *at* and all that is inside of it; where it ends."""
        opened: list[TomlNode] = []
        while True:
            at = self.blank(at)
            char = self.text[at]
            if char == ",":
                at += 1
                continue
            if opened and char in "]}":
                at += 1
                opened.pop().end = at
                if not opened:
                    return at
                continue
            if opened and opened[-1].kind == "map":
                target, at = self.key(opened[-1], at)
                at = self.blank(at + 1)
                char = self.text[at]
            else:
                target = opened[-1].append() if opened else node
            if char in "[{":
                target.fill(at, at + 1, [] if char == "[" else {})
                opened.append(target)
                at += 1
                continue
            end = self.scalar(at)
            target.fill(at, end, None)
            at = end
            if not opened:
                return at

    def scalar(self, at: int) -> int:
        text, quote = self.text, self.text[at]
        if quote not in "\"'":
            found = _BARE.match(text, at)
            assert found is not None
            return at + len(found[0].rstrip())
        if text.startswith(quote * 3, at):
            end = self.closing(quote, at + 3)
            while text[end : end + 1] == quote:  # at most two: they belong to the text
                end += 1
            return end
        if quote == "'":
            return text.index("'", at + 1) + 1
        basic = _BASIC.match(text, at)
        assert basic is not None
        return basic.end()

    def closing(self, quote: str, at: int) -> int:
        if quote == "'":
            return self.text.index("'''", at) + 3
        for found in _STOP.finditer(self.text, at):
            if found[0] == '"""':
                return found.end()
        raise AssertionError("a string without an end")


def _decoded(written: str) -> str:
    """The text of a string as written, or of a key."""
    if written[:1] not in ('"', "'"):
        return written
    if written[:3] not in ('"""', "'''") and (written[0] == "'" or "\\" not in written):
        return written[1:-1]
    return str(_loads("x=" + written)["x"])
