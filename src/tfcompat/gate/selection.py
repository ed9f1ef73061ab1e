"""Which findings are looked at, and how grave they are, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tfcompat.errors import RequestError
from tfcompat.gate.rulebook import rule_names

if TYPE_CHECKING:
    from tfcompat.gate.finding import Finding, Level, Report
    from tfcompat.gate.settings import Settings

__all__ = ["check_rules", "failing", "is_selected", "nearest", "selected", "shown"]


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


def shown(report: Report, settings: Settings, info: bool = False) -> Report:
    """The report without what is off by default: findings of severity info, unless *info*, or their rule was asked for by name."""
    named = {*settings.select, *settings.levels}
    kept = (finding for finding in report.findings if info or finding.severity != "info" or finding.rule in named)
    return report._replace(findings=tuple(kept))


def failing(report: Report, settings: Settings) -> list[Finding]:
    """The findings that count and are at or above the threshold."""
    levels = ("error",) if settings.fail_on == "error" else ("error", "warning")
    return [finding for finding in report.counting if finding.severity in levels]


def check_rules(names: tuple[str, ...], where: str) -> None:
    """Raises :class:`RequestError` for a name that no rule has; *where* says who gave it."""
    for name in names:
        if name not in rule_names():
            raise RequestError(f"{where}: there is no rule {name[:80]!r}", nearest(name))


def nearest(name: str) -> str:
    """The rules whose names are closest to *name*, as a hint."""
    from difflib import get_close_matches

    found = get_close_matches(name[:80].lower(), rule_names(), 3, 0.5)
    return f"did you mean {' or '.join(found)}?" if found else "tfcompat rule lists them all"
