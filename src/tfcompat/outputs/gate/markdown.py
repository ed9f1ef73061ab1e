"""The gate's findings as Markdown, for the summary of a workflow or a comment on a change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.errors import plain
from tfcompat.outputs.gate.pages import HOME, page_address
from tfcompat.outputs.gate.spans import advice, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tfcompat.gate.finding import Finding, Report
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Source

__all__ = ["render"]

_ORDER = ("error", "warning", "info")


def render(report: Report, sources: Callable[[str], Source | None], settings: Settings) -> str:
    """A heading, the counts, a table of what counts with the gravest first, and what was not checked."""
    del sources, settings
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield from ("## tfcompat gate", "", _escaped(summary(report)))
    findings = sorted(report.counting, key=lambda f: _ORDER.index(f.severity))
    if findings:
        yield from ("", "| severity | place | rule | what is wrong | what to do |", "|---|---|---|---|---|")
        for finding in findings:
            yield _row(finding)
    if report.not_checked:
        yield from ("", "### Not checked", "")
        for unchecked in report.not_checked:
            yield f"- {_escaped(f'{unchecked.file}:{unchecked.line}')}: {_escaped(unchecked.reason)}"


def _row(finding: Finding) -> str:
    rule = f"[{finding.rule}]({page_address(finding.rule)})" if HOME else finding.rule
    others = "".join(f"<br>{_escaped(f'{r.place}: {r.message}' if r.message else str(r.place))}" for r in finding.related)
    cells = (finding.severity, _escaped(str(finding.place)), rule, _escaped(finding.message) + others, _escaped(advice(finding)))
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Text that others wrote, without a meaning in Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!])", r"\\\1", plain(text))
