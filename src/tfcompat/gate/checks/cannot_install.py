"""removed-package: what cannot be installed by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.cuda import has_extra
from tfcompat.gate.installed import TENSORFLOW, is_exact
from tfcompat.gate.judge import finding
from tfcompat.pins import installable
from tfcompat.prose import listed
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.version import Version

    from tfcompat.gate.finding import Finding
    from tfcompat.gate.installed import Held
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["find"]

_EMPTY_FROM = version("2.12")  # tensorflow-gpu: an empty package whose set-up ends with an error


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """tensorflow-gpu where 2.12 is admitted, and versions that were never released."""
    yield from _wants_tensorrt(subject, matrix)
    for held in subject.installed.held.values():
        if held.pin is None or held.conda or held.pin.url:
            continue
        if held.name not in TENSORFLOW:
            yield from _no_file(subject, matrix, held)
            continue
        if held.name == "tensorflow-gpu" and _takes_empty(subject, held):
            asked = str(held.pin)
            message = f"{asked} cannot be installed: from 2.12 on tensorflow-gpu is an empty package that ends with an error, and tensorflow is the GPU build"
            yield finding(subject, "removed-package", "error", held.pin.place, message)
        elif held.impossible and held.name in ("tensorflow", "tensorflow-cpu", "tensorflow-gpu"):
            yield from _never_released(subject, matrix, held)


def _takes_empty(subject: Subject, held: Held) -> bool:
    """pip takes the newest that is admitted: 2.12.0 is on the index, and is that."""
    wanted = [d.specifier for d in held.demands]
    return all(w.contains(_EMPTY_FROM) or w.contains("2.12.0") for w in wanted) or (
        all(is_exact(w) for w in wanted) and bool(held.version and held.version >= _EMPTY_FROM)
    )


def _never_released(subject: Subject, matrix: Matrix, held: Held) -> Iterator[Finding]:
    asked = held.version
    if held.pin is None or subject.releases.beyond(held.name, [d.specifier for d in held.demands]):
        return  # newer or older than the matrix: unknowns says it
    if asked is not None and (asked.is_prerelease or asked.local):
        return
    asking = [d for d in held.demands if not subject.releases.newest(held.name, [d.specifier])]
    if not asking:
        return  # each of them alone has one: conflicts says it
    near = _near(asked, [version(r.version) for r in matrix.releases if r.package == held.name])
    message = f"there is no {held.name}{asking[0].specifier} on the index (matrix of {matrix.measured})"
    yield finding(
        subject,
        "removed-package",
        "error",
        held.pin.place,
        f"{message}: {near}" if near else message,
        remedy="pin a version that was released",
    )


def _near(asked: Version | None, known: list[Version]) -> str:
    if asked is None:
        return ""
    same = sorted(v for v in known if minor(v) == minor(asked))
    return f"of {minor(asked)} there {'are' if len(same) > 1 else 'is'} {', '.join(map(str, same))}" if same else ""


def _no_file(subject: Subject, matrix: Matrix, held: Held) -> Iterator[Finding]:
    """A package that stands on TensorFlow, pinned to a release without a wheel for this interpreter: there is no source to build it from."""
    python = subject.releases.python
    if python is None or not held.exact or held.pin is None:
        return
    row = next((r for r in matrix.dependents_of(held.name) if r.version == str(held.version)), None)
    offered = row.python.get(subject.stage.platform, ()) if row is not None else ()
    if row is None or not offered or installable(row, python, subject.stage.platform):
        return
    message = (
        f"no wheel of {held.name} {row.version} is made for Python {python}; there are wheels for {listed(sorted(offered, key=version))}"
    )
    yield finding(subject, "no-wheel-for-interpreter", "error", held.pin.place, message)


def _wants_tensorrt(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """The extra of two releases asks for what the index does not carry."""
    place, tensorflow = has_extra(subject.installed), subject.tensorflow
    note = matrix.notes_of(tensorflow.release, "and-cuda-wants-tensorrt") if tensorflow is not None else None
    if place is None or tensorflow is None or note is None:
        return
    if "Python 3.11" in note.fact and str(subject.releases.python) != "3.11" and subject.releases.python is not None:
        return
    evidence = tuple(s for cell in note.evidence.values() for s in cell)
    remedy = "pin another patch release, or the parts of the extra one by one, as 'tfcompat pin' writes them"
    yield finding(
        subject,
        "removed-package",
        "error",
        place,
        f"{tensorflow.release.package}[and-cuda] {tensorflow.release.version} cannot be installed. {note.fact.rstrip('.')}",
        evidence=evidence,
        remedy=remedy,
    )
