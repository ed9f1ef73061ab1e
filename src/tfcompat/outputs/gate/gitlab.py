"""The gate's findings as GitLab's code quality report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tfcompat.gate.baseline import fingerprints
from tfcompat.outputs.gate.spans import advice

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.gate.finding import Finding, Report, Unchecked
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Source

__all__ = ["render"]

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(report: Report, sources: Callable[[str], Source | None], settings: Settings) -> str:
    """An array of what nothing excuses; what could not be checked is in it as well, or a report without entries would look clean."""
    del settings
    names = fingerprints(report.findings, sources)
    entries = [_entry(f, name) for f, name in zip(report.findings, names, strict=True) if f.suppressed is None]
    entries += [_unchecked(unchecked, number) for number, unchecked in enumerate(report.not_checked) if unchecked.counts]
    return json.dumps(entries, indent=2) + "\n"


def _entry(finding: Finding, fingerprint: str) -> dict[str, Any]:
    others = "".join(f" ({r.place}{f': {r.message}' if r.message else ''})" for r in finding.related)
    return {
        "description": f"{finding.message}{others}" + (f"; {advice(finding)}" if advice(finding) else ""),
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": finding.place.file, "lines": {"begin": finding.place.line}},
    }


def _unchecked(unchecked: Unchecked, number: int) -> dict[str, Any]:
    from hashlib import sha256

    key = f"not-checked\0{unchecked.file}\0{unchecked.reason}\0{number}"
    return {
        "description": f"could not be checked: {unchecked.reason}",
        "check_name": "not-checked",
        "fingerprint": sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        "severity": "major",
        "location": {"path": unchecked.file, "lines": {"begin": max(1, unchecked.line)}},
    }
