"""The gate's findings as JUnit XML: one case a finding, and one for each file that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tfcompat.errors import plain
from tfcompat.outputs.gate.spans import advice

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.gate.finding import Finding, Report, Unchecked
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Source

__all__ = ["render"]


def render(report: Report, sources: Callable[[str], Source | None], settings: Settings) -> str:
    """A finding at or above the threshold fails, one below it passes and says so, an excused one is skipped.

    A file that could not be checked is an error. Readers of JUnit look at the first failure of a case only, so each has its own.
    """
    del sources
    failing = ("error",) if settings.fail_on == "error" else ("error", "warning")
    suite = ElementTree.Element("testsuite", {"name": "tfcompat gate"})
    with_findings = {finding.place.file for finding in report.findings} | {u.file for u in report.not_checked if u.counts}
    for file in report.checked:
        if file not in with_findings:
            _case(suite, file, "goes together")
    for finding in report.findings:
        _finding(suite, finding, failing)
    for unchecked in report.not_checked:
        if unchecked.grave or settings.info:
            _unchecked(suite, unchecked)
    counts = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error", "skipped": "testcase/skipped"}
    for name, path in counts.items():
        suite.set(name, str(len(suite.findall(path))))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, file: str, name: str) -> ElementTree.Element:
    named = {"classname": plain(file), "name": plain(name), "file": plain(file), "time": "0"}
    return ElementTree.SubElement(suite, "testcase", named)


def _unchecked(suite: ElementTree.Element, unchecked: Unchecked) -> None:
    case = _case(suite, unchecked.file, f"line {unchecked.line}: {'is read' if unchecked.grave else 'is followed'}")
    if unchecked.excused is not None:
        _said(case, "skipped", unchecked.excused)
        return
    kind = "error" if unchecked.grave else "system-out"
    _said(case, kind, unchecked.reason, f"{unchecked.file}:{unchecked.line}: {unchecked.reason}")


def _finding(suite: ElementTree.Element, finding: Finding, failing: tuple[str, ...]) -> None:
    place = finding.place
    case = _case(suite, place.file, f"line {place.line}, column {place.column}: {finding.rule}")
    others = [f"{r.place}: {r.message}" if r.message else str(r.place) for r in finding.related]
    said = (f"{place}:{place.column}: {finding.severity}: {finding.message}", *others, advice(finding))
    text = tuple(filter(None, said))
    if finding.suppressed is not None:
        _said(case, "skipped", finding.suppressed.reason)
    elif finding.severity in failing:
        _said(case, "failure", finding.message, *text).set("type", finding.rule)
    else:
        _said(case, "system-out", "", *text)


def _said(case: ElementTree.Element, kind: str, message: str, *lines: str) -> ElementTree.Element:
    element = ElementTree.SubElement(case, kind)
    if message and kind != "system-out":
        element.set("message", plain(message))
    element.text = "\n".join(map(plain, lines)) or None
    return element
