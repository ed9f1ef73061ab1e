"""One link of the chain from the driver to the smoke test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfcompat.check.diagnosis import Diagnosis

__all__ = ["LINKS", "Link", "Status"]

Status = Literal["ok", "broken", "unknown", "skipped"]
LINKS = ("driver", "runtime", "libraries", "tensorflow", "keras", "smoke test")


class Link(NamedTuple):
    """``facts`` are what was seen, in the order in which a person reads them; ``skipped`` says why it does not matter here."""

    name: str
    facts: Mapping[str, str]
    diagnoses: tuple[Diagnosis, ...] = ()
    skipped: str = ""

    @property
    def status(self) -> Status:
        severities = {d.severity for d in self.diagnoses}
        if "error" in severities:
            return "broken"
        if "unknown" in severities:
            return "unknown"
        return "skipped" if self.skipped else "ok"

    @property
    def because(self) -> str:
        """What broke it, or is not known, or why it was left out; empty for a link that is whole. The first cause and its explanation."""
        return "; ".join(self.causes[:2]) or self.skipped

    @property
    def causes(self) -> tuple[str, ...]:
        """Everything that broke it, or is not known; what was seen comes before what rules and log lines say."""
        wanted = {"broken": "error", "unknown": "unknown"}.get(self.status)
        return tuple(dict.fromkeys(d.message for d in self.diagnoses if d.severity == wanted))

    @property
    def cause(self) -> str:
        """The one sentence that says most: the cause whose remedy is given, or else the first."""
        wanted = {"broken": "error", "unknown": "unknown"}.get(self.status)
        return next((d.message for d in self.diagnoses if d.severity == wanted and d.fix), "") or next(iter(self.causes), self.skipped)

    @property
    def fix(self) -> str:
        """The remedy of the first cause that has one."""
        wanted = {"broken": "error", "unknown": "unknown"}.get(self.status)
        return next((d.fix for d in self.diagnoses if d.severity == wanted and d.fix), "")
