"""Where findings begin and end, and the lines that they stand on."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Callable
from typing import NamedTuple

from tfcompat.gate.finding import Finding, Report
from tfcompat.gate.source import Place, Source

__all__ = ["Span", "advice", "counts", "span", "summary"]


class Span(NamedTuple):
    """Lines and columns that count from 1, in characters; the end is behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


def span(place: Place, sources: Callable[[str], Source | None]) -> Span:
    """The span of *place*; an empty one where it has none, or its file cannot be read."""
    source = sources(place.file) if place.end > place.start else None
    if source is None or place.end > len(source.text):
        return Span(place.line, place.column, place.line, place.column)
    last = source.place(place.end - 1)  # of its last character, or a span that ends with its line would end on the next
    return Span(place.line, place.column, last.line, last.column + 1)


def advice(finding: Finding) -> str:
    """What is to be done: what ``--fix`` would do, else what a person can do; may be empty."""
    return finding.fix.description if finding.fix is not None else finding.remedy


def counts(findings: list[Finding]) -> dict[str, int]:
    """How many errors, warnings and notes there are."""
    return {level: sum(f.severity == level for f in findings) for level in ("error", "warning", "info")}


def summary(report: Report) -> str:
    """One sentence: what was found in how many files, and by which matrix."""
    found = counts(list(report.counting))
    parts = [_number(found["error"], "error"), _number(found["warning"], "warning"), _number(found["info"], "note")]
    said = ", ".join(part for part in parts if part) or "No findings"
    grave = sum(unchecked.grave for unchecked in report.not_checked)
    excused = len(report.findings) - len(report.counting)
    said += f" in {_number(len(report.checked), 'file') or 'no file'}"
    said += f", {excused} excused" if excused else ""
    said += f"; {grave} could not be checked" if grave else ""
    return f"{said} (matrix of {report.measured})." if report.measured else f"{said}."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""
