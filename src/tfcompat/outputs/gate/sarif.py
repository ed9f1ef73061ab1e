"""The gate's findings as SARIF 2.1.0: one run, relative addresses, fingerprints that stay when lines move."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tfcompat import __version__
from tfcompat.errors import plain
from tfcompat.gate.baseline import fingerprints
from tfcompat.outputs.gate.pages import HOME, Page, pages
from tfcompat.outputs.gate.spans import advice, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tfcompat.gate.finding import Edit, Finding, Fix, Report, Suppressed, Unchecked
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Place, Source

    Sources = Callable[[str], Source | None]

__all__ = ["render"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_GITHUB = {"error": "error", "warning": "warning", "info": "recommendation"}  # its own scale, for rules
_ROOT = "%SRCROOT%"
_FINGERPRINT = "tfcompat/v1"  # not primaryLocationLineHash: GitHub's upload computes that itself, and warns of another


def render(report: Report, sources: Sources, settings: Settings) -> str:
    """One log with one run; what is excused is in it, marked as suppressed."""
    del settings
    rules = pages()
    index = {page.id: number for number, page in enumerate(rules)}
    names = fingerprints(report.findings, sources)
    run = {
        "tool": {"driver": _driver(rules)},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the tree that was looked at."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [_result(f, sources, index, name) for f, name in zip(report.findings, names, strict=True)],
        "properties": {"matrix": report.measured},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _driver(rules: tuple[Page, ...]) -> dict[str, Any]:
    home = {"informationUri": HOME} if HOME else {}
    return {"name": "tfcompat", "version": __version__, **home, "rules": [_rule(page) for page in rules]}


def _rule(page: Page) -> dict[str, Any]:
    remedy = f"What to do: {page.remedy}." if page.remedy else ""
    return {
        "id": page.id,
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": page.why},
        "help": {"text": " ".join(filter(None, (page.why, remedy, f"'tfcompat rule {page.id}' says more.")))},
        **({"helpUri": page.page} if HOME else {}),
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
        "properties": {"tags": ["tensorflow", "compatibility"], "problem.severity": _GITHUB[page.severity]},
    }


def _invocation(report: Report) -> dict[str, Any]:
    return {
        "executionSuccessful": not any(unchecked.counts for unchecked in report.not_checked),
        "toolExecutionNotifications": [_notification(unchecked) for unchecked in report.not_checked],
    }


def _notification(unchecked: Unchecked) -> dict[str, Any]:
    location = {"artifactLocation": _artifact(unchecked.file), "region": {"startLine": max(1, unchecked.line)}}
    return {
        "level": "error" if unchecked.counts else "note",
        "message": {"text": plain(unchecked.reason)},
        "locations": [{"physicalLocation": location}],
        **({"properties": {"excused": plain(unchecked.excused)}} if unchecked.excused is not None else {}),
    }


def _result(finding: Finding, sources: Sources, index: Mapping[str, int], name: str) -> dict[str, Any]:
    related = [
        {"id": number, **_location(r.place, sources), "message": {"text": plain(r.message) or "see here"}}
        for number, r in enumerate(finding.related)
    ]
    properties = {"what": finding.what, "remedy": finding.remedy, "evidence": list(finding.evidence)}
    return {
        "ruleId": finding.rule,
        **({"ruleIndex": index[finding.rule]} if finding.rule in index else {}),
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(filter(None, (plain(finding.message), plain(advice(finding)))))},
        "locations": [_location(finding.place, sources)],
        "relatedLocations": related,
        "partialFingerprints": {_FINGERPRINT: name},
        "suppressions": [_suppression(finding.suppressed)] if finding.suppressed is not None else [],
        **({"fixes": [_fix(finding.fix, sources)]} if finding.fix is not None and finding.fix.edits else {}),
        "properties": {key: value for key, value in properties.items() if value},
    }


def _suppression(excuse: Suppressed) -> dict[str, Any]:
    return {"kind": "inSource" if excuse.kind == "inline" else "external", "justification": plain(excuse.reason)}


def _location(place: Place, sources: Sources) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(place.file), "region": _region(place, sources)}}


def _region(place: Place, sources: Sources) -> dict[str, int]:
    at = span(place, sources)
    return {"startLine": at.line, "startColumn": at.column, "endLine": at.end_line, "endColumn": at.end_column}


def _artifact(file: str) -> dict[str, str]:
    return {"uri": quote(file, safe="/", errors="surrogateescape"), "uriBaseId": _ROOT}


def _fix(fix: Fix, sources: Sources) -> dict[str, Any]:
    by_file: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.file, []).append(edit)
    changes = [
        {"artifactLocation": _artifact(file), "replacements": [_replacement(edit, sources) for edit in edits]}
        for file, edits in by_file.items()
    ]
    return {"description": {"text": plain(fix.description)}, "artifactChanges": changes}


def _replacement(edit: Edit, sources: Sources) -> dict[str, Any]:
    source = sources(edit.file)
    region: dict[str, int] = {"charOffset": edit.start, "charLength": edit.end - edit.start}
    if source is not None:
        start, end = source.place(edit.start), source.place(edit.end)
        region = {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}
    return {"deletedRegion": region, "insertedContent": {"text": edit.text}}
