"""uncapped-breaker: pip takes a release that breaks TensorFlow, as neither its metadata nor any pin holds that back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from tfcompat.gate.installed import TENSORFLOW, Held
from tfcompat.gate.judge import finding, place_of
from tfcompat.gate.releases import Releases
from tfcompat.pins import unsaid
from tfcompat.requirements import cap_on, evaluated, requirements_of
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from tfcompat.gate.finding import Finding, Level
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["find"]

_MILD = ("setuptools", "grpcio")  # a command of tensorboard's suffers; pip goes back to an older release by itself


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """For a TensorFlow that pip installs here; an image's own stands beside what was installed with it."""
    held, tensorflow = subject.held, subject.tensorflow
    if held is None or held.own or held.pin is None or tensorflow is None or tensorflow.build is None or held.pin.kind == "locked":
        return
    python = subject.releases.python or (version(tensorflow.build.python[-1]) if tensorflow.build.python else None)
    if python is None or f"{python.major}.{python.minor}" not in tensorflow.build.python:
        return  # nothing is installed at all
    required = requirements_of(tensorflow.build, tensorflow.platform, python)
    releases = Releases(matrix, tensorflow.platform, python)
    for name in sorted({*required, *unsaid(required)}):
        cap = cap_on(matrix, tensorflow.release, name)
        if cap is None:
            continue
        asked = subject.installed.held.get(name)
        if asked is not None and (asked.exact or not asked.demands):
            continue  # a pin: the rulebook judges it
        wanted = [required.get(name, SpecifierSet()), *_demands(subject, name), *_neighbours(subject, releases, name, python)]
        taken = releases.newest(name, wanted)
        if taken is None or SpecifierSet(cap.allows).contains(taken, prereleases=True):
            continue
        level: Level = "info" if name in _MILD else "warning" if _others(subject, matrix) or _unknown_python(subject) else "error"
        message = f"{tensorflow} admits {name} {taken}, which pip takes today, and breaks with it ({cap.symptom})"
        evidence = tuple(s for cell in cap.evidence.values() for s in cell)
        yield finding(subject, "uncapped-breaker", level, place_of(subject), message, evidence=evidence, remedy=f"add {name}{cap.allows}")


def _demands(subject: Subject, name: str) -> list[SpecifierSet]:
    """Every range and constraint on *name*, whichever step has it."""
    held = subject.installed.held.get(name)
    found = [d.specifier for d in held.demands] if isinstance(held, Held) else []
    for step, _ in subject.installed.steps:
        found += [SpecifierSet(p.specifier) for p in step.constraints if p.name == name and p.specifier]
    return found


def _neighbours(subject: Subject, releases: Releases, name: str, python: Version) -> Iterator[SpecifierSet]:
    """What pinned packages of the matrix ask of *name*: scipy 1.10 holds NumPy back."""
    for held in subject.installed.held.values():
        if not held.exact or held.version is None or held.name in TENSORFLOW:
            continue
        for row in releases.matrix.package(held.name):
            if row.version == str(held.version):
                asked = evaluated(row.requires or (), releases.platform, python).get(name)
                if asked is not None:
                    yield asked


def _others(subject: Subject, matrix: Matrix) -> bool:
    """Whether a pinned package of which nothing is known may hold it back."""
    return any(
        held.exact and held.name not in TENSORFLOW and not matrix.package(held.name) and not subject.releases.knows(held.name)
        for held in subject.installed.held.values()
    )


def _unknown_python(subject: Subject) -> bool:
    """Whether the interpreter was looked for and not established: there may be no wheel for it at all."""
    python = subject.environment.python
    return python is not None and python.version is None
