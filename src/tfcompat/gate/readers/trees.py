"""YAML and JSON as trees whose every value knows where it stands. Nothing is constructed: a tag is never obeyed.

Both are built in a loop and bounded in depth and size. An alias is the very node that it names, never a copy, and a node cannot
contain itself; whoever walks a whole tree must remember the nodes that were seen, since many paths can lead to one of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tfcompat.gate.source import Place, Source

__all__ = ["Node", "Unreadable", "parse_json", "parse_yaml"]

_DEPTH = 100
_EVENTS = 2_000_000  # a lock file of 16 MiB
_MERGED = 100_000  # keys that `<<` brings, in one file
_NULLS = ("", "~", "null", "Null", "NULL")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s*)+")
_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\n\r]*|/\*.*?\*/)*", re.S)
_STRING = re.compile(r'"[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*"')
_CLOSING = {"map": "}", "list": "]"}
_SEPARATORS = {"colon": ":", "comma": ","}
_WANTED = {
    "value": "a value should stand",
    "element": "a value or ] should stand",
    "key": 'a key in "" or } should stand',
    "colon": "a colon should stand",
    "comma": "a comma should stand",
    "end": "it should end",
}
_WORD = re.compile(r"-?[0-9][0-9.eE+-]*|true|false|null")


class Unreadable(Exception):
    """The text is not what it should be. ``place`` is where reading ended, ``reason`` a clause such as ``it is not YAML: ...``."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class Node:
    """A value of a tree. ``start`` and ``end`` are offsets into the source's text, with quotes, without anchors and tags of scalars.

    ``text`` is a scalar's value, unquoted and unescaped, None for null; of ``3.10`` and ``true`` it is what is written.
    ``quoted``: it cannot be null, a number or a boolean. ``tag`` is a tag as written or resolved, empty where there is none.
    """

    __slots__ = ("_elements", "_keyless", "_pairs", "end", "kind", "quoted", "start", "tag", "text")

    def __init__(self, kind: Literal["map", "list", "scalar"], start: int, end: int, text: str | None = None, quoted: bool = False) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.text = text
        self.quoted = quoted
        self.tag = ""
        self._elements: list[Node] = []
        self._pairs: dict[str, tuple[Node, Node]] = {}
        self._keyless: list[tuple[Node, Node]] = []

    def __repr__(self) -> str:
        return f"<{self.kind} {self.start}:{self.end}{'' if self.text is None else f' {self.text!r}'}>"

    def get(self, key: str) -> Node | None:
        """The value of *key* in a map, the last one where it stands twice; None for anything that is not a map."""
        pair = self._pairs.get(key)
        return None if pair is None else pair[1]

    def items(self) -> list[tuple[Node, Node]]:
        """Keys and values of a map, each key once, those that ``<<`` brings last; empty for anything that is not a map."""
        return [*self._pairs.values(), *self._keyless]

    def elements(self) -> list[Node]:
        """The elements of a list; empty for anything that is not a list."""
        return self._elements

    def at(self, *keys: str) -> Node | None:
        """The value below *keys*, one after another, None where one is missing."""
        node: Node | None = self
        for key in keys:
            node = None if node is None else node.get(key)
        return node

    def span(self, text: str) -> tuple[int, int]:
        """Offsets of a scalar's value in the source's *text* without its quotes, where what stands between them is the value itself."""
        inner = (self.start + 1, self.end - 1)
        return inner if self.quoted and text[inner[0] : inner[1]] == self.text else (self.start, self.end)

    def _put(self, key: Node, value: Node) -> None:
        if key.text is None:
            self._keyless.append((key, value))
        else:
            self._pairs[key.text] = (key, value)

    def _merge(self, limit: int) -> int:
        """Take over what ``<<`` names; the number of keys that it brings, which ends above *limit*."""
        key, named = self._pairs.get("<<", (None, None))
        if key is None or named is None or key.quoted:
            return 0
        maps = [named] if named.kind == "map" else named._elements
        if named.kind == "scalar" or any(each.kind != "map" for each in maps):
            return 0
        del self._pairs["<<"]
        count = 0
        for each in maps:
            count += 1 + len(each._pairs)
            if count > limit:
                break
            for name, pair in each._pairs.items():
                self._pairs.setdefault(name, pair)
        return count


class _Builder:
    """Puts nodes together, from the outside inwards."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.done: list[Node] = []
        self.open: list[tuple[Node, str]] = []  # with its anchor
        self.keys: list[Node | None] = []  # of each open map, the key that waits for its value
        self.anchors: dict[str, Node | None] = {}  # None while it is open
        self.merged = 0
        self.last = 0  # where the last node ended

    def begin(self, node: Node, anchor: str = "") -> None:
        if len(self.open) >= _DEPTH:
            raise self.error(node.start, f"it is nested more than {_DEPTH} levels deep")
        if anchor:
            self.anchors[anchor] = None
        self.open.append((node, anchor))
        self.keys.append(None)

    def finish(self, end: int) -> None:
        node, anchor = self.open.pop()
        self.keys.pop()
        node.end = end
        if node.kind == "map":
            self.merged += node._merge(_MERGED - self.merged)
            if self.merged > _MERGED:
                raise self.error(node.start, f"it merges more than {_MERGED:,} keys")
        if anchor:
            self.anchors[anchor] = node
        self.add(node)

    def add(self, node: Node) -> None:
        self.last = node.end
        if not self.open:
            self.done.append(node)
            return
        parent = self.open[-1][0]
        if parent.kind == "list":
            parent._elements.append(node)
        elif (key := self.keys[-1]) is None:
            self.keys[-1] = node
        else:
            parent._put(key, node)
            self.keys[-1] = None

    def alias(self, name: str, start: int, end: int) -> None:
        node = self.anchors.get(name)
        if node is None:
            raise self.error(start, f"the alias *{name} {'stands inside of what it names' if name in self.anchors else 'names nothing'}")
        self.add(node)
        self.last = end

    def error(self, start: int, reason: str) -> Unreadable:
        return Unreadable(self.source.place(min(max(start, 0), len(self.source.text))), reason)


def parse_yaml(source: Source, start: int = 0, end: int | None = None) -> tuple[Node, ...]:
    """The documents of a YAML file, or of those from offset *start* up to *end*, with merge keys taken over. Raises :class:`Unreadable`."""
    import yaml

    builder = _Builder(source)
    skipped = start + source.text.startswith("\ufeff", start)  # libyaml does not count it
    events: Any = yaml.parse(source.text[skipped:end], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        for count, event in enumerate(events):
            if count >= _EVENTS:
                raise builder.error(event.start_mark.index + skipped, f"it has more than {_EVENTS:,} parts")
            _take(builder, event, skipped)
    except yaml.reader.ReaderError as error:
        raise builder.error(error.position + skipped, "it is not YAML: it has characters that YAML does not allow") from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise builder.error(
            mark.index + skipped if mark is not None else 0, f"it is not YAML: {problem or 'it cannot be parsed'}"
        ) from None
    except (ValueError, OverflowError) as error:  # half a surrogate pair, an escape beyond Unicode
        at = error.start if isinstance(error, UnicodeError) and hasattr(error, "start") else 0
        raise builder.error(at + skipped, "it is not YAML: it has characters that YAML does not allow") from None
    return tuple(builder.done)


def _take(builder: _Builder, event: Any, skipped: int) -> None:
    kind = type(event).__name__
    start, end = event.start_mark.index + skipped, event.end_mark.index + skipped
    if kind == "ScalarEvent":
        if event.anchor or event.tag:
            properties = _PROPERTIES.match(builder.source.text, start, end)
            start = properties.end() if properties else start
        plain = event.style in (None, "") and event.tag is None
        node = Node("scalar", start, end, None if plain and event.value in _NULLS else event.value, event.style in ("'", '"'))
        node.tag = event.tag or ""
        if event.anchor:
            builder.anchors[event.anchor] = node
        builder.add(node)
    elif kind in ("MappingStartEvent", "SequenceStartEvent"):
        node = Node("map" if kind == "MappingStartEvent" else "list", start, end)
        node.tag = event.tag or ""
        builder.begin(node, event.anchor or "")
    elif kind in ("MappingEndEvent", "SequenceEndEvent"):
        builder.finish(end if end > start else builder.last)  # that of a block comes after the blank lines and comments below it
    elif kind == "AliasEvent":
        builder.alias(event.anchor, start, end)
    elif kind == "DocumentStartEvent":
        builder.anchors.clear()


def parse_json(source: Source) -> Node:
    """A JSON file, in which comments and trailing commas may stand. Raises :class:`Unreadable`."""
    builder, text = _Builder(source), source.text
    wants, at = "value", 0
    for _ in range(_EVENTS):
        at = _after_blanks(text, at)
        if at == len(text) and wants == "end":
            return builder.done[0]
        wants, at = _step(builder, wants, at)
    raise builder.error(at, f"it has more than {_EVENTS:,} parts")


def _after_blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _step(builder: _Builder, wants: str, at: int) -> tuple[str, int]:
    """Take one token. *wants*: ``value``, ``element`` or ``key`` (or the end of what holds it), ``colon``, ``comma`` (or that end), ``end``."""
    text = builder.source.text
    char = text[at : at + 1]
    parent = builder.open[-1][0].kind if builder.open else ""
    if char and wants in ("element", "key", "comma") and char == _CLOSING.get(parent):
        builder.finish(at + 1)
        return "comma" if builder.open else "end", at + 1
    if wants in ("colon", "comma") and char == _SEPARATORS[wants]:
        return "value" if wants == "colon" else "key" if parent == "map" else "element", at + 1
    if wants in ("value", "element") and char in ("{", "["):
        builder.begin(Node("map" if char == "{" else "list", at, at))
        return "key" if char == "{" else "element", at + 1
    match = None if wants in ("colon", "comma", "end") else _STRING.match(text, at)
    if match:
        builder.add(Node("scalar", at, match.end(), _unescaped(builder, match.group(), at), quoted=True))
    elif wants in ("value", "element") and (match := _WORD.match(text, at)):
        builder.add(Node("scalar", at, match.end(), None if match.group() == "null" else match.group()))
    else:
        raise builder.error(at, f"it is not JSON: {'it ends' if not char else 'there is more'} where {_WANTED[wants]}")
    return "colon" if wants == "key" else "comma" if builder.open else "end", match.end()


def _unescaped(builder: _Builder, token: str, at: int) -> str:
    if "\\" not in token:
        return token[1:-1]
    import json

    try:
        text = str(json.loads(token, strict=False))
    except ValueError:
        raise builder.error(at, "it is not JSON: a text has an escape that JSON does not know") from None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a surrogate pair could not be shown
