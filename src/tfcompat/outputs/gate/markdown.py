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
    del sources
    return "".join(f"{line}\n" for line in _lines(report, settings.info))


def _lines(report: Report, info: bool) -> Iterator[str]:
    yield from ("## tfcompat gate", "", summary(report, info))
    findings = sorted(report.counting, key=lambda f: _ORDER.index(f.severity))
    if findings:
        yield from ("", "| severity | place | rule | what is wrong | what to do |", "|---|---|---|---|---|")
        for finding in findings:
            yield _row(finding)
    unchecked = [each for each in report.not_checked if each.counts or (info and not each.grave)]
    if unchecked:
        yield from ("", "### Not checked", "")
        for each in unchecked:
            yield f"- {_code(f'{each.file}:{each.line}')}: {_code(each.reason)}"


def _row(finding: Finding) -> str:
    rule = f"[{finding.rule}]({page_address(finding.rule)})" if HOME else finding.rule
    others = "".join(f"<br>{_cell(f'{r.place}: {r.message}' if r.message else str(r.place))}" for r in finding.related)
    cells = (finding.severity, _cell(str(finding.place)), rule, _cell(finding.message) + others, _cell(advice(finding)))
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """As :func:`_code`, in a table, which takes away the backslash before a bar."""
    return _code(text.replace("\\|", "\\ |").replace("|", "\\|"))


def _code(text: str) -> str:
    """Text that others wrote, in code, where neither Markdown nor HTML, an address nor a person's name means anything."""
    shown = plain(text)
    if not shown.strip():
        return ""
    mark = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    gap = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{mark}{gap}{shown}{gap}{mark}"
