"""requirement-conflict, and keras-pin-mismatch for ranges: requirements that no release satisfies together."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from tfcompat.gate.cuda import extra_ranges, has_extra
from tfcompat.gate.finding import Related
from tfcompat.gate.installed import KERAS, TENSORFLOW
from tfcompat.gate.judge import finding, pip_goes_on, place_of
from tfcompat.requirements import specifier_of
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding, Level
    from tfcompat.gate.installed import Conflict, Demand
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.stack import Tensorflow

__all__ = ["find"]


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """Lines that exclude each other, and ranges outside of what TensorFlow asks for."""
    for conflict in subject.installed.conflicts:
        legacy = subject.tensorflow is not None and "tf-keras" in subject.stack.facts
        if legacy and not conflict.replaced and any(d.by.startswith("tf-keras ") for d in (conflict.first, conflict.second)):
            continue  # keras-legacy says it
        if _ours(subject, conflict.name):
            yield _of(subject, conflict)
    yield from _two_tensorflows(subject)
    yield from _ranges(subject)
    yield from _beside_the_extra(subject)


def _ours(subject: Subject, name: str) -> bool:
    """Whether the name bears on TensorFlow: two versions of something else are for other tools to tell."""
    return name in (*TENSORFLOW, *KERAS) or (
        subject.tensorflow is not None and specifier_of(subject.tensorflow, name, subject.releases.python) is not None
    )


def _of(subject: Subject, conflict: Conflict) -> Finding:
    first, second = conflict.first, conflict.second
    said = f"{_asks(first, conflict.name)} and {_asks(second, conflict.name)}"
    locked = [d for d in (first, second) if d.pin.kind == "locked"]
    rule = "keras-pin-mismatch" if any(d.by.partition(" ")[0] in KERAS for d in (first, second)) else "requirement-conflict"
    level: Level = "error"
    remedy = None
    if len(locked) == 1:
        other = first if locked[0] is second else second
        message = f"{locked[0].pin.place.file} has {locked[0].pin}, and {other.pin} is asked for: the lock file is out of date"
        remedy = "lock again"
    elif conflict.replaced:
        message, level = f"{said} are installed one after the other: the second replaces the first", "warning"
    else:
        message = f"{said} exclude each other: pip finds no version"
    return finding(subject, rule, level, second.pin.place, message, Related(first.pin.place, str(first.pin)), remedy=remedy)


def _asks(demand: Demand, name: str) -> str:
    return f"{demand.by} (which requires {name}{demand.specifier})" if demand.by else f"{name}{demand.pin.specifier}"


def _ranges(subject: Subject) -> Iterator[Finding]:
    """A range that has nothing in common with TensorFlow's own; exact pins are the rulebook's to judge."""
    tensorflow = subject.tensorflow
    if tensorflow is None:
        return
    for name, held in subject.installed.held.items():
        allowed = _allowed(subject, tensorflow, name)
        if allowed is None or held.exact or held.pin is None or held.conda or held.pin.url:
            continue
        outside = [d for d in held.demands if not subject.releases.together(name, [d.specifier, allowed])]
        if outside:
            rule = "keras-pin-mismatch" if name in KERAS else "requirement-conflict"
            message = f"{tensorflow} asks for {name}{allowed}, and {outside[0].pin} admits none of these"
            level: Level = "warning" if name not in KERAS and pip_goes_on(subject, name) else "error"
            yield finding(subject, rule, level, outside[0].pin.place, message, Related(place_of(subject), str(tensorflow)))


def _allowed(subject: Subject, tensorflow: Tensorflow, name: str) -> SpecifierSet | None:
    """What TensorFlow asks for; tf-keras is of its minor, which the metadata of the older ones does not say."""
    if name == "tf-keras":
        return SpecifierSet(f"=={minor(version(tensorflow.release.version))}.*")
    return specifier_of(tensorflow, name, subject.releases.python)


def _beside_the_extra(subject: Subject) -> Iterator[Finding]:
    """A pin of one of CUDA's parts that the extra asks for in another version."""
    place = has_extra(subject.installed)
    if place is None or subject.tensorflow is None:
        return
    for name, allowed in extra_ranges(subject.releases, subject.tensorflow).items():
        held = subject.installed.held.get(name)
        if held is None or held.pin is None or held.pin.place == place:
            continue
        if not subject.releases.together(name, [allowed, *(d.specifier for d in held.demands)]):
            message = f"{held.pin} is not what {subject.tensorflow.release.package}[and-cuda] asks for, which is {name}{allowed}: pip finds no version"
            yield finding(subject, "requirement-conflict", "error", held.pin.place, message, Related(place, str(subject.tensorflow)))


def _two_tensorflows(subject: Subject) -> Iterator[Finding]:
    """Two distributions of one command that hold the same files, in two versions."""
    held = [subject.installed.held[name] for name in subject.installed.order if name in subject.installed.held]
    for first, second in pairwise(held):
        if first.pin is None or second.pin is None or not (first.exact and second.exact) or first.step != second.step:
            continue
        if first.version != second.version:
            later, earlier = sorted(
                (first, second), key=lambda h: (h.pin.place.file, h.pin.place.start) if h.pin else ("", 0), reverse=True
            )
            message = f"{earlier.pin} and {later.pin} install the same files: which version is imported is a matter of luck"
            yield finding(subject, "requirement-conflict", "error", later.pin.place, message, Related(earlier.pin.place, str(earlier.pin)))  # type: ignore[union-attr]
