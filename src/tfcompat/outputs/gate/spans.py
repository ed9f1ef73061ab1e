"""Where findings begin and end, and the lines that they stand on."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Callable
from typing import NamedTuple

from tfcompat.errors import plain
from tfcompat.gate.finding import Finding, Report
from tfcompat.gate.source import Place, Source

__all__ = ["Span", "advice", "counts", "harmless", "span", "summary"]


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


def harmless(text: str) -> str:
    """What others wrote, for lines that the runner of a GitHub workflow may read: nothing in it begins a command there."""
    shown = plain(text).replace("##[", "##(")
    return f"./{shown}" if shown.lstrip()[:1] in (":", "#") else shown


def counts(findings: list[Finding]) -> dict[str, int]:
    """How many errors, warnings and notes there are."""
    return {level: sum(f.severity == level for f in findings) for level in ("error", "warning", "info")}


def summary(report: Report, info: bool = False, edits: bool = False) -> str:
    """What was found in how many files, and by which matrix. *info*: every place that was not followed is told elsewhere, and not counted
    here. *edits*: the files are those that edits would make.
    """
    said = _found(report)
    said = f"With these edits: {said[:1].lower()}{said[1:]}" if edits else said
    said += f" (matrix of {report.measured})." if report.measured else "."
    aside = 0 if info else sum(not unchecked.grave for unchecked in report.not_checked)
    return f"{said} {_number(aside, 'place')} could not be followed (--info shows {'them' if aside > 1 else 'it'})." if aside else said


def _found(report: Report) -> str:
    found = counts(list(report.counting))
    parts = [_number(found["error"], "error"), _number(found["warning"], "warning"), _number(found["info"], "note")]
    said = ", ".join(part for part in parts if part)
    grave = {unchecked.file for unchecked in report.not_checked if unchecked.grave}
    files = {*report.checked, *(f.place.file for f in report.findings if f.place.file in grave)}  # what was found there, was looked at
    if files:
        said = f"{said or 'No findings'} in {_number(len(files), 'file')}"
    else:
        nothing = f"no file was {'fully ' if grave else ''}checked"
        said = f"{said}, and {nothing}" if said else f"{nothing[:1].upper()}{nothing[1:]}"
    excused = len(report.findings) - len(report.counting)
    failing = sum(unchecked.counts for unchecked in report.not_checked)
    allowed = sum(unchecked.excused is not None for unchecked in report.not_checked)
    said += f", {excused} excused" if excused else ""
    said += f"; {failing} could not be checked" if failing else ""
    return said + (f"; {allowed} could not be checked and {'are' if allowed > 1 else 'is'} excused" if allowed else "")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}" if count else ""
