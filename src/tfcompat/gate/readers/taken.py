"""What is read of one TOML file, table by table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.declared import Include, Pin, PinFile, Problem
from tfcompat.gate.readers.pep508 import read_requirement
from tfcompat.requirement_lines import other_source, shown

if TYPE_CHECKING:
    from tfcompat.gate.declared import PinKind
    from tfcompat.gate.readers.toml_places import TomlNode
    from tfcompat.gate.source import Place, Source

__all__ = ["Taken"]

_EDITABLE = re.compile(r"\s*-e\s+|\s*--editable[\s=]+")


class Taken:
    """What has been read so far of one TOML file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.pins: list[Pin] = []
        self.includes: list[Include] = []
        self.groups: dict[str, None] = {}
        self.indexes: list[str] = []
        self.problems: list[Problem] = []
        self.python: tuple[str, Place] | None = None

    def file(self) -> PinFile:
        return PinFile(
            self.source.name,
            tuple(self.pins),
            tuple(self.includes),
            self.python,
            tuple(self.groups),
            indexes=tuple(self.indexes),
            problems=tuple(dict.fromkeys(self.problems)),
        )

    def place(self, node: TomlNode) -> Place:
        return self.source.place(node.start, node.end)

    def inner(self, node: TomlNode) -> Place:
        """The place of a string without its quotes, if nothing in it is escaped."""
        return self.source.place(*(node.inside(0, len(node.string or "")) or (node.start, node.end)))

    def problem(self, node: TomlNode, reason: str, grave: bool = False) -> None:
        """*grave*: the tool that the file is made for refuses it."""
        self.problems.append(Problem(self.place(node), reason, grave))

    def table(self, node: TomlNode | None, what: str) -> list[tuple[str, TomlNode, TomlNode]]:
        """The entries of a table, none where there is none."""
        if node is not None and node.kind != "map":
            self.problem(node, f"{what} is not a table", grave=True)
        return node.entries() if node is not None else []

    def requirements(self, node: TomlNode | None, what: str, group: str = "", kind: PinKind = "requirement") -> None:
        """The requirements of an array of strings."""
        if node is None:
            return
        if node.kind != "list":
            self.problem(node, f"{what} is not a list", grave=True)
        for element in node.elements():
            self.requirement(element, what, group, kind)

    def requirement(self, node: TomlNode, what: str, group: str = "", kind: PinKind = "requirement") -> None:
        text = node.string
        if text is None:
            self.problem(node, f"{what} holds something that is not a requirement", grave=True)
            return
        editable = _EDITABLE.match(text)
        skipped = editable.end() if editable else 0

        def locate(start: int, end: int) -> Place | None:
            span = node.inside(skipped + start, skipped + end)
            return None if span is None else self.source.place(*span)

        text = text[skipped:].rstrip()
        if editable and other_source(text) is None and "@" not in text:
            return
        found = read_requirement(text, locate, self.inner(node), kind, group)
        if isinstance(found, Pin):
            self.pins.append(found)
        if not editable and other_source(text) is not None:
            self.problem(node, f"{shown(text)!r} is not a requirement that can be read: a name and @ should stand before it", grave=True)
        elif isinstance(found, Problem):
            self.problems.append(found)

    def take_python(self, node: TomlNode | None, specifier: str | None, grave: bool = False) -> None:
        """*specifier* is PEP 440, None where there is none, which may be *grave*; what was said first stays."""
        if node is None or self.python is not None:
            return
        if specifier is None:
            self.problem(node, f"{shown(node.string or '')!r} is not a range of Python versions that can be read", grave)
        elif specifier:
            self.python = (specifier, self.inner(node))
