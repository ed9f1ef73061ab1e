"""Which findings are looked at, and how grave they are, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tfcompat.errors import RequestError
from tfcompat.gate.rulebook import FILE_RULES, rule_names, said_as
from tfcompat.gate.settings import NOT_CHECKED
from tfcompat.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.gate.finding import Finding, Level, Report
    from tfcompat.gate.settings import Settings

__all__ = ["check_rules", "failing", "is_selected", "name_fault", "nearest", "selected", "shown", "told_as"]


def is_selected(rule: str, settings: Settings) -> bool:
    """Whether findings of *rule* are looked at. ``ignore`` is stronger than ``select``, and that stronger than ``off``."""
    if rule in settings.ignore:
        return False
    return rule in settings.select if settings.select else settings.levels.get(rule) != "off"


def selected(report: Report, settings: Settings) -> Report:
    """The findings of the rules that are looked at, with the severity that the settings give them."""
    kept = (_levelled(finding, settings) for finding in report.findings if is_selected(finding.rule, settings))
    return report._replace(findings=tuple(kept))


def _levelled(finding: Finding, settings: Settings) -> Finding:
    level = settings.levels.get(finding.rule, "off")
    return finding if level == "off" else finding._replace(severity=cast("Level", level))


def shown(report: Report, settings: Settings) -> Report:
    """The report without what is off by default: findings of severity info, unless notes or their rule by name were asked for."""
    named = {*settings.select, *settings.levels}
    kept = (finding for finding in report.findings if settings.info or finding.severity != "info" or finding.rule in named)
    return report._replace(findings=tuple(kept))


def failing(report: Report, settings: Settings) -> list[Finding]:
    """The findings that count and are at or above the threshold."""
    levels = ("error",) if settings.fail_on == "error" else ("error", "warning")
    return [finding for finding in report.counting if finding.severity in levels]


def check_rules(names: tuple[str, ...], where: str) -> None:
    """Raises :class:`RequestError` for a name that no rule has; *where* says who gave it."""
    for name in names:
        fault = name_fault(name)
        if fault is not None:
            raise RequestError(f"{where}: {fault[0]}", fault[1])


def told_as(name: str) -> tuple[str, ...]:
    """The names under which the gate tells all that the rule *name* says; none where findings can have that name itself."""
    if any(rule.id == name for rule in FILE_RULES):
        return ()
    told = {said_as(name, reason) for rule in RULES if rule.id == name for reason in rule.messages}
    return () if name in told else tuple(sorted(told))


def name_fault(name: str) -> tuple[str, str] | None:
    """What is wrong with *name* as that of findings, and a hint; None where findings can have it."""
    if name == NOT_CHECKED:
        return f"{name} is the name of no finding", "[[tool.tfcompat.excuse]] excuses it, with a path and a reason"
    if name not in rule_names():
        return f"there is no rule {name[:80]!r}", nearest(name, tuple(known for known in rule_names() if not told_as(known)))
    told = told_as(name)
    if not told:
        return None
    said = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
    return f"no finding is named {name}", f"the gate tells it as {said}"


def nearest(name: str, names: Sequence[str] = ()) -> str:
    """Those of *names*, by default of all rules, that are closest to *name*, as a hint."""
    from difflib import get_close_matches

    found = get_close_matches(name[:80].lower(), names or rule_names(), 3, 0.5)
    return f"did you mean {' or '.join(found)}?" if found else "tfcompat rule lists them all"
