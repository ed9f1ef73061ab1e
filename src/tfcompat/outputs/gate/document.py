"""The gate's findings as JSON with a version: the contract for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tfcompat.outputs.gate.spans import counts, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.gate.finding import Finding, Fix, Report
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Source

__all__ = ["render"]

SCHEMA_VERSION = 1


def render(report: Report, sources: Callable[[str], Source | None], settings: Settings) -> str:
    """``{"schema_version": 1, "summary": {"error": 1, "warning": 0}, "checked": [...], "not_checked": [...], "findings": [...]}``.

    The summary counts what nothing excuses. Offsets of edits count characters of the decoded file, without a byte order mark.
    """
    del settings
    found = counts(list(report.counting))
    document = {
        "schema_version": SCHEMA_VERSION,
        "matrix": report.measured,
        "summary": {"error": found["error"], "warning": found["warning"]},
        "checked": list(report.checked),
        "not_checked": [
            {"file": u.file, "line": u.line, "reason": u.reason, "grave": u.grave, "excused": u.excused} for u in report.not_checked
        ],
        "findings": [_finding(finding, sources) for finding in report.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _finding(finding: Finding, sources: Callable[[str], Source | None]) -> dict[str, Any]:
    at = span(finding.place, sources)
    excuse = finding.suppressed
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "file": finding.place.file,
        "line": at.line,
        "column": at.column,
        "end_line": at.end_line,
        "end_column": at.end_column,
        "message": finding.message,
        "what": finding.what,
        "related": [{"file": r.place.file, "line": r.place.line, "column": r.place.column, "message": r.message} for r in finding.related],
        "evidence": list(finding.evidence),
        "remedy": finding.remedy,
        "fix": _fix(finding.fix) if finding.fix is not None else None,
        "suppressed": {"kind": excuse.kind, "reason": excuse.reason} if excuse is not None else None,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{"file": edit.file, "start": edit.start, "end": edit.end, "text": edit.text} for edit in fix.edits]
    return {"description": fix.description, "edits": edits}
