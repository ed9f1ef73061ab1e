"""What the gate found, in the form that a reader wants. A form that is not asked for is not imported."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.gate.finding import Report
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Source

__all__ = ["FORMATS", "render_report"]

FORMATS = ("text", "json", "sarif", "github", "junit", "gitlab", "markdown")
_MODULES = {"json": "document"}


def render_report(form: str, report: Report, sources: Callable[[str], Source | None], settings: Settings) -> str:
    """*report* in one of :data:`FORMATS`; *sources* finds the text of a file, None where there is none."""
    rendered: str = import_module(f"tfcompat.outputs.gate.{_MODULES.get(form, form)}").render(report, sources, settings)
    return rendered
