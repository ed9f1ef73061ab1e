"""Gives each finding of an environment the fix that mends it, if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.findings import OF_THE_INDEX
from tfcompat.gate.fixing.base_image import other_base
from tfcompat.gate.fixing.brought import bound
from tfcompat.gate.fixing.lines import added_line
from tfcompat.gate.fixing.pins import other_pin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.gate.finding import Finding, Fix
    from tfcompat.gate.fixing.world import World
    from tfcompat.gate.source import Place
    from tfcompat.gate.subject import Subject

__all__ = ["with_fixes"]

_BASE_RULES = frozenset(
    (
        "floating-tag",
        "tag-does-not-exist",
        "no-wheel-for-interpreter",
        "externally-managed-pip",
        "platform-has-wheel",
        "image-tensorflow-replaced",
        "cpu-image-with-gpu-package",
        "cuda-runtime",
        "cudnn-runtime",
    )
)
_IN_PLACE = frozenset(("externally-managed-pip",))  # mended where it stands, unless the image has to change anyhow


def with_fixes(found: Sequence[Finding], subject: Subject, world: World, bases: dict[Place, Fix | None]) -> list[Finding]:
    """The findings of *subject*; those that another base image mends share that one edit, which *bases* keeps by its place."""
    base: Fix | None = None
    stands_on = subject.stage.base
    if stands_on is not None and any(f.rule in _BASE_RULES - _IN_PLACE and f.severity != "info" for f in found):
        if stands_on.place not in bases:
            bases[stands_on.place] = other_base(subject, world)
        base = bases[stands_on.place]

    other_index = any(step.indexes for step in subject.environment.steps)  # what that has, nobody asked it

    def fix(finding: Finding) -> Fix | None:
        if finding.severity == "info" or (other_index and finding.rule in OF_THE_INDEX):
            return None
        if finding.rule in _BASE_RULES and base is not None:
            return base
        return bound(finding, subject, world) or other_pin(finding, subject, world) or added_line(finding, subject, world.project)

    return [finding._replace(fix=fix(finding)) for finding in found]
