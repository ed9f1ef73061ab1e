"""The gate's findings for people: the place, the line with a caret, the other place, and what to do."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from tfcompat.gate.finding import Finding, Report
from tfcompat.gate.settings import Settings
from tfcompat.gate.source import Place, Source
from tfcompat.outputs.gate.spans import advice, harmless, span, summary

__all__ = ["WIDTH", "Piece", "lines", "render"]

Style = Literal["", "error", "warning", "info", "good", "dim", "strong"]
Sources = Callable[[str], Source | None]
WIDTH = 110
_MINIMUM = 40
_BEFORE_CARET = 3  # a line is cut so that a third of it stands before the caret


class Piece(NamedTuple):
    """A part of a line; ``style`` says what it is, and a terminal may show it."""

    text: str
    style: Style = ""


def render(report: Report, sources: Sources, settings: Settings) -> str:
    """Without colours, as wide as files are here."""
    return "".join("".join(piece.text for piece in line) + "\n" for line in lines(report, sources, info=settings.info))


def lines(
    report: Report, sources: Sources, width: int = WIDTH, evidence: bool = False, info: bool = False, edits: bool = False
) -> Iterator[tuple[Piece, ...]]:
    """Every finding that counts, then what was not checked, then the counts. *evidence*: also what proves each. *info*: also what was
    not followed. *edits*: the files are those that edits would make.
    """
    width = max(_MINIMUM, width)
    for finding in sorted(report.counting, key=lambda f: (f.place.file, f.place.line, f.place.column)):
        yield from _finding(finding, sources, width, evidence)
        yield ()
    unchecked = [each for each in report.not_checked if each.counts or (info and not each.grave)]
    for each in unchecked:
        style: Style = "error" if each.grave else "dim"
        said = "could not be checked" if each.grave else "not followed"
        yield Piece(harmless(f"{each.file}:{each.line}: "), "strong"), Piece(said, style), Piece(f": {_plain(each.reason)}")
    if unchecked:
        yield ()
    clean = not report.counting and not any(each.grave for each in unchecked)
    yield (Piece(summary(report, info, edits), "good" if clean else "strong"),)


def _plain(text: str) -> str:
    """As :func:`harmless`, for what stands behind something else on its line."""
    return harmless(f"-{text}")[1:]


def _finding(finding: Finding, sources: Sources, width: int, evidence: bool) -> Iterator[tuple[Piece, ...]]:
    place = finding.place
    margin = len(str(max(place.line, *(related.place.line for related in finding.related), 0)))
    where = Piece(harmless(f"{place.file}:{place.line}:{place.column}: "), "strong")
    about = f" ({_plain(finding.what)})" if finding.what not in ("", place.file) else ""
    yield where, Piece(f"{finding.severity}[{finding.rule}]", finding.severity), Piece(f" {_plain(finding.message)}{about}")
    yield from _snippet(place, sources, width, margin, finding.severity)
    for related in finding.related:
        said = f": {_plain(related.message)}" if related.message else ""
        at = related.place
        yield (Piece(_plain(f"{' ' * margin} -> {at.file}:{at.line}:{at.column}{said}")),)
        yield from _snippet(at, sources, width, margin, "info")
    if advice(finding):
        yield Piece(f"{' ' * margin} = {'fix' if finding.fix else 'help'}: ", "strong"), Piece(_plain(advice(finding)))
    for statement in finding.evidence if evidence else ():
        yield (Piece(f"{' ' * margin} = evidence: {_plain(statement)}", "dim"),)


def _snippet(place: Place, sources: Sources, width: int, margin: int, style: Style) -> Iterator[tuple[Piece, ...]]:
    """The line of *place*, cut around its span, and carets below that."""
    source = sources(place.file)
    text = _plain(source.line(place.line)).rstrip() if source is not None else ""
    if not text:
        return
    found = span(place, sources)
    start = min(place.column - 1, len(text))
    end = len(text) if found.end_line > found.line else found.end_column - 1
    end = min(max(end, start + 1), max(len(text), start + 1))
    shown, start, end = _cut(text, start, end, width - margin - 3)
    yield Piece(f"{place.line:>{margin}} | ", "dim"), Piece(shown)
    yield Piece(f"{'':>{margin}} | ", "dim"), Piece(" " * _columns(shown[:start]) + "^" * max(1, _columns(shown[start:end])), style)


def _cut(text: str, start: int, end: int, room: int) -> tuple[str, int, int]:
    """A part of *text* of at most *room* characters around its characters from *start* to *end*, and where those are in it."""
    if len(text) <= room:
        return text, start, end
    room -= 6  # for the dots on both sides
    first = max(0, min(start - room // _BEFORE_CARET, len(text) - room)) if end > room else 0
    last = first + room
    before, after = "..." if first else "", "..." if last < len(text) else ""
    shift = len(before) - first
    return f"{before}{text[first:last]}{after}", start + shift, min(end, last) + shift


def _columns(text: str) -> int:
    """How many columns of a terminal *text* takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
