"""What the gate finds: data, each with both places, what proves it and the edits that mend it."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tfcompat.gate.source import Place

__all__ = ["LEVELS", "Edit", "Finding", "Fix", "Level", "Related", "Report", "Suppressed", "Unchecked", "in_order"]

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")


class Edit(NamedTuple):
    """Put *text* in the place of the characters from *start* up to *end* of a file."""

    file: str
    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """A remedy as edits that may be made without asking; none of them overlap."""

    description: str
    edits: tuple[Edit, ...]


class Related(NamedTuple):
    """The other place, and what stands there."""

    place: Place
    message: str = ""


class Suppressed(NamedTuple):
    """Why a finding does not count. ``kind``: ``inline`` (a comment), ``configuration`` or ``baseline``; ``place`` where that stands."""

    kind: str
    reason: str
    place: Place


class Finding(NamedTuple):
    """One thing that is wrong. ``rule`` is its id; ``error`` will not install, import or see the GPU, ``warning`` works by luck or will break.

    ``what`` says which image or stage it is about, for files that build several.
    """

    rule: str
    severity: Level
    place: Place
    message: str
    related: tuple[Related, ...] = ()
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    fix: Fix | None = None
    suppressed: Suppressed | None = None
    what: str = ""


def in_order(finding: Finding) -> tuple[object, ...]:
    """For sorting: by file and place, and of one place the gravest first."""
    place = finding.place
    return place.file, place.line, place.column, LEVELS.index(finding.severity), finding.rule


class Unchecked(NamedTuple):
    """What was not checked, and why. ``grave``: it should have been, so that the gate cannot pass, unless ``excused`` says why it may."""

    file: str
    reason: str
    line: int = 1
    grave: bool = True
    excused: str | None = None

    @property
    def counts(self) -> bool:
        """Whether the gate cannot pass because of it."""
        return self.grave and self.excused is None


class Report(NamedTuple):
    """``findings`` in the order of files and places, suppressed ones included; ``measured`` is the date of the matrix."""

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_checked: tuple[Unchecked, ...] = ()
    measured: str = ""

    @property
    def counting(self) -> Sequence[Finding]:
        """The findings that nothing suppresses."""
        return [finding for finding in self.findings if finding.suppressed is None]
