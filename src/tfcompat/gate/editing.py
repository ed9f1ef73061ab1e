"""Edits of files: every byte that is not named stays as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.errors import RequestError, plain
from tfcompat.gate.source import Source, entries_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tfcompat.gate.finding import Edit, Finding, Fix, Report
    from tfcompat.gate.source import Tree

_OLD_END = re.compile(r"\r(?!\n)")  # of old Macs: pip and git see a line there, and places do not
__all__ = ["Overlay", "choose_edits", "edited", "encoded", "unified_diff", "without_idle_fixes"]


class Overlay:
    """A tree in which some files have another text."""

    def __init__(self, tree: Tree, changed: Mapping[str, Source]) -> None:
        self._tree = tree
        self._changed = changed

    def find(self, name: str) -> Source | None:
        """As :meth:`Tree.find`, the changed text first."""
        return self._changed.get(name) or self._tree.find(name)

    def find_bytes(self, name: str, limit: int, offset: int = 0) -> bytes | None:
        """As :meth:`Tree.find_bytes`, the changed text first."""
        source = self._changed.get(name)
        return encoded(source)[offset : offset + limit] if source is not None else self._tree.find_bytes(name, limit, offset)

    def size(self, name: str) -> int | None:
        """As :meth:`Tree.size`, that of the changed text first."""
        source = self._changed.get(name)
        return len(encoded(source)) if source is not None else self._tree.size(name)

    def names(self) -> tuple[str, ...]:
        """As :meth:`Tree.names`, with what was added."""
        return tuple(sorted({*self._tree.names(), *self._changed}))

    def entries(self, folder: str) -> tuple[str, ...]:
        """As :meth:`Tree.entries`, with what was added."""
        return tuple(sorted({*self._tree.entries(folder), *entries_of(self._changed, folder)}))


def edited(source: Source, edits: Iterable[Edit]) -> Source:
    """The file with *edits* made. Ends of lines in their text become those of the file.

    Raises :class:`RequestError` where edits overlap, do not lie in the file, or cannot be written in its encoding.
    """
    parts, at = [], 0
    wanted = sorted(set(edits))
    for before, edit in zip([None, *wanted], wanted, strict=False):
        if edit.file != source.name or not 0 <= edit.start <= edit.end <= len(source.text):
            raise RequestError(f"{source.name}: an edit lies outside of the file")
        if edit.start < at or (before is not None and _clash(before, edit)):
            raise RequestError(f"{source.place(edit.start)}: two edits overlap")
        text = _line_ends(source, edit)
        _encodable(source, edit, text)
        parts += [source.text[at : edit.start], text]
        at = edit.end
    return Source(source.name, "".join((*parts, source.text[at:])), source.encoding)


def _line_ends(source: Source, edit: Edit) -> str:
    """The text of *edit* with the end of the line that it begins in, or of the first line where that one has none."""
    if "\n" not in edit.text or "\r\n" in edit.text:
        return edit.text
    end = source.text.find("\n", edit.start)
    if end < 0:
        end = source.text.find("\n")
    return edit.text.replace("\n", "\r\n") if end > 0 and source.text[end - 1] == "\r" else edit.text


def _encodable(source: Source, edit: Edit, text: str) -> None:
    try:
        text.encode(source.encoding)
    except (UnicodeEncodeError, LookupError):
        where = source.place(edit.start)
        raise RequestError(f"{where}: {plain(text)!r} cannot be written in {source.encoding}, the encoding of this file") from None


def encoded(source: Source) -> bytes:
    """The text as bytes, in the encoding that it was read from."""
    return source.text.encode(source.encoding, "surrogateescape")


def choose_edits(findings: Iterable[Finding], sources: Callable[[str], Source | None]) -> dict[str, list[Edit]]:
    """The edits of the fixes that can be made at once, by file: those of findings that count, the earlier before the later.

    A fix is made whole or not at all: one that overlaps an earlier one, or that cannot be made, is left for another round.
    """
    chosen: dict[str, list[Edit]] = {}
    for finding in findings:
        if finding.fix is None or finding.suppressed is not None or not finding.fix.edits:
            continue
        wanted: dict[str, list[Edit]] = {}
        for edit in finding.fix.edits:
            wanted.setdefault(edit.file, []).append(edit)
        if all(_possible(sources(file), edits, chosen.get(file, [])) for file, edits in wanted.items()):
            for file, edits in wanted.items():
                known = chosen.setdefault(file, [])
                known += [edit for edit in edits if edit not in known]
    return chosen


def without_idle_fixes(report: Report, sources: Callable[[str], Source | None]) -> Report:
    """The report without fixes of files that are not to be edited: what could not be read whole, and what has line ends of old Macs."""
    damaged = {unchecked.file for unchecked in report.not_checked if unchecked.grave}

    def idle(fix: Fix) -> bool:
        found = [(file, sources(file)) for file in {edit.file for edit in fix.edits}]
        return any(file in damaged or source is None or _OLD_END.search(source.text) for file, source in found)

    return report._replace(findings=tuple(f._replace(fix=None) if f.fix is not None and idle(f.fix) else f for f in report.findings))


def _possible(source: Source | None, edits: list[Edit], taken: list[Edit]) -> bool:
    if source is None or _OLD_END.search(source.text) or any(_clash(edit, other) for edit in edits for other in taken):
        return False
    try:
        edited(source, edits)
    except RequestError:
        return False
    return True


def _clash(one: Edit, other: Edit) -> bool:
    if one == other:
        return False
    same_point = one.start == one.end == other.start == other.end  # which of two insertions comes first is nobody's to say
    return same_point or (one.start < other.end and other.start < one.end)


def unified_diff(source: Source, new: Source) -> str:
    """What changes from *source* to *new*, as ``git apply`` and ``patch -p1`` read it; empty where nothing does."""
    from difflib import unified_diff as lines_of

    mark = "\ufeff" if source.encoding.lower().replace("_", "-") == "utf-8-sig" else ""
    old_lines, new_lines = _lines(mark + source.text), _lines(mark + new.text)
    parts = []
    for line in lines_of(old_lines, new_lines, f"a/{source.name}", f"b/{source.name}"):
        parts.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(parts)


def _lines(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends one."""
    lines = text.split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]
