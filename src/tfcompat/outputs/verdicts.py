"""A checked environment for machines: JSON, annotations of a GitHub workflow, JUnit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from tfcompat.errors import plain
from tfcompat.outputs.check import verdict
from tfcompat.outputs.workflow import command

if TYPE_CHECKING:
    from tfcompat.check import Link, Report

__all__ = ["render_github", "render_json", "render_junit"]

SCHEMA_VERSION = 1
_COMMANDS = {"error": "error", "unknown": "error", "warning": "warning", "note": "notice"}


def render_json(report: Report) -> str:
    """``{"schema_version": 1, "verdict": ..., "expected": ..., "chain": [...], "findings": [...], "facts": {...}}``."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "verdict": report.verdict,
        "summary": verdict(report),
        "expected": report.expected,
        "chain": [_link(link) for link in report.chain],
        "findings": [{"rule": d.rule, "severity": d.severity, "message": d.message, "fix": d.fix} for d in report.findings],
        "log": [
            {"signature": m.signature.id, "severity": m.severity, "line": m.line, "number": m.number, "count": m.count}
            for m in report.matches
        ],
        "facts": dict(report.document),
    }
    return json.dumps(document, indent=2) + "\n"


def _link(link: Link) -> dict[str, Any]:
    return {"link": link.name, "status": link.status, "facts": dict(link.facts), "because": link.because, "fix": link.fix}


def render_github(report: Report) -> str:
    """Workflow commands: the verdict with the remedy of the first broken link, then every other finding, the gravest first."""
    failing = report.failing
    level, fix = ("notice", "") if failing is None or report.verdict == "ok" else ("error", failing.fix)
    said = failing.cause if failing is not None else ""
    lines = [command(level, _joined(verdict(report), fix), title=f"tfcompat: {report.verdict}")]
    order = list(_COMMANDS)
    for diagnosis in sorted(report.findings, key=lambda d: order.index(d.severity)):
        if diagnosis.message != said:
            lines.append(
                command(_COMMANDS[diagnosis.severity], _joined(diagnosis.message, diagnosis.fix), title=f"tfcompat: {diagnosis.rule}")
            )
    return "".join(f"{line}\n" for line in lines)


def _joined(message: str, fix: str) -> str:
    return f"{message}\n{fix}" if fix else message


def render_junit(report: Report) -> str:
    """One test case a link: a broken one fails, an unknown one is an error, one that does not matter is skipped."""
    statuses = [link.status for link in report.chain]
    counts = {"tests": len(statuses), "failures": statuses.count("broken"), "errors": statuses.count("unknown")}
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites, "testsuite", {"name": "tfcompat check", **{k: str(v) for k, v in counts.items()}, "skipped": str(statuses.count("skipped"))}
    )
    for link in report.chain:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "tfcompat.check", "name": link.name, "time": "0"})
        kind = {"broken": "failure", "unknown": "error", "skipped": "skipped"}.get(link.status)
        if kind is not None:
            message = plain(link.because)
            ElementTree.SubElement(case, kind, {"message": message}).text = plain(link.fix) or message
        facts = ", ".join(f"{name} {value}" for name, value in link.facts.items())
        if facts:
            ElementTree.SubElement(case, "system-out").text = plain(facts)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode") + "\n"
