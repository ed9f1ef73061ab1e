"""The gate's findings as annotations of a GitHub workflow, within its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.errors import plain
from tfcompat.outputs.gate.spans import advice, span, summary
from tfcompat.outputs.workflow import command

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.gate.finding import Finding, Report, Unchecked
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Source

__all__ = ["render"]

_LIMIT = 10  # of each level in one step; GitHub drops the rest without a word
_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, sources: Callable[[str], Source | None], settings: Settings) -> str:
    """Workflow commands, the gravest first; what is excused is not among them. A last notice says how many there was no room for, and
    the only one that all is well.
    """
    told: dict[str, list[str]] = {level: [] for level in _LEVELS.values()}
    for unchecked in report.not_checked:
        if unchecked.counts or (settings.info and not unchecked.grave):
            told["error" if unchecked.grave else "notice"].append(_unchecked(unchecked))
    for finding in report.counting:
        told[_LEVELS[finding.severity]].append(_finding(finding, sources))
    total = sum(map(len, told.values()))
    if not total:
        return command("notice", summary(report, settings.info).removesuffix("."), title="tfcompat") + "\n"
    shown = [line for lines in told.values() for line in lines[:_LIMIT]]
    if len(shown) < total:
        notices = told["notice"][: _LIMIT - 1]  # the last one is needed for the count
        shown = [*told["error"][:_LIMIT], *told["warning"][:_LIMIT], *notices]
        rest = total - len(shown)
        text = f"{rest} more {'are' if rest > 1 else 'is'} not shown here, as GitHub shows {_LIMIT} of a kind. {summary(report, settings.info)}"
        shown.append(command("notice", text, title="tfcompat: there is more"))
    return "".join(f"{line}\n" for line in shown)


def _unchecked(unchecked: Unchecked) -> str:
    level, title = ("error", "tfcompat: could not be checked") if unchecked.grave else ("notice", "tfcompat: not followed")
    return command(level, unchecked.reason, file=unchecked.file, line=str(unchecked.line), title=title)


def _finding(finding: Finding, sources: Callable[[str], Source | None]) -> str:
    at = span(finding.place, sources)
    where = {"file": finding.place.file, "line": str(at.line)}
    if at.end_line > at.line:  # GitHub takes columns only within one line
        where["endLine"] = str(at.end_line)
    else:
        where |= {"col": str(at.column), "endColumn": str(max(at.end_column, at.column))}
    others = [f"{r.place}{f': {r.message}' if r.message else ''}" for r in finding.related]
    text = "\n".join(map(plain, filter(None, (finding.message, *others, advice(finding)))))
    return command(_LEVELS[finding.severity], text, **where, title=f"tfcompat: {finding.rule}")
