"""A bound on NumPy beside the package that brings too new a one: pip then takes an older release of that package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Fix
from tfcompat.gate.fixing.lines import beside
from tfcompat.gate.fixing.pins import is_free_of
from tfcompat.gate.judge import BOUND

if TYPE_CHECKING:
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.fixing.world import World
    from tfcompat.gate.subject import Subject

__all__ = ["bound"]


def bound(finding: Finding, subject: Subject, world: World) -> Fix | None:
    """None where no package brings the NumPy of the finding, where the file has no room, or where the bound is not proven to serve."""
    numpy = subject.installed.held.get("numpy")
    if numpy is None or not numpy.brought or numpy.pin is None or numpy.pin.place != finding.place or not finding.remedy.startswith(BOUND):
        return None
    pin, requirement = numpy.pin, finding.remedy.removeprefix("add ")
    source = world.project.source(pin.place.file)
    if source is None or pin.kind != "requirement" or pin.url or (subject.stage.group and pin.group != subject.stage.group):
        return None
    edit = beside(source, pin, requirement, world.project)
    added = pin._replace(name="numpy", specifier=requirement.removeprefix("numpy"), version_place=None, extras=(), marker="")
    users = [other for other in world.subjects if any(p == pin for p in other.installed.pins)]
    for other in users:
        environment = other.environment.copy()
        environment.steps = [s._replace(pins=(*s.pins, added)) if pin in s.pins else s for s in environment.steps]
        if not is_free_of(finding, environment, other, world):
            return None
    return Fix(f"add {requirement}", (edit,)) if edit is not None else None
