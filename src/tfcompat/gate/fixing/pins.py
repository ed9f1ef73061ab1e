"""Another version of one pin: the one that stands beside this TensorFlow in what resolve proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.errors import TfcompatError
from tfcompat.gate.finding import Edit, Fix
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.gate.declared import Pin
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.project import Project
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["other_pin"]

_PACKAGE_RULES = frozenset(("keras-pin-mismatch", "requirement-conflict", "numpy-abi", "package-range"))
_KERAS_3 = version("2.16")


def other_pin(finding: Finding, subject: Subject, project: Project, matrix: Matrix) -> Fix | None:
    """None where the pin stands in a lock file, is named by a variable, or where no version is proven to serve."""
    pin = next((p for p in subject.installed.pins if p.place == finding.place), None)
    if pin is None or pin.kind != "requirement" or pin.url:
        return None
    source = project.source(pin.place.file)
    if source is None or pin.name.lower() not in source.text[pin.place.start : pin.place.end].lower().replace("_", "-"):
        return None
    if finding.rule == "removed-package":
        return _renamed(pin, subject, matrix)
    if finding.rule == "gpu-image-with-cpu-package" and pin.name == "tensorflow-cpu":
        edit = Edit(pin.place.file, pin.place.start, pin.place.start + len("tensorflow-cpu"), "tensorflow")
        return Fix("install tensorflow instead of tensorflow-cpu", (edit,))
    if finding.rule in _PACKAGE_RULES and pin.version_place is not None and not pin.name.startswith("tensorflow"):
        return _proven(pin, subject, matrix)
    return None


def _renamed(pin: Pin, subject: Subject, matrix: Matrix) -> Fix | None:
    """tensorflow-gpu becomes tensorflow; a version that never was becomes the last patch of its minor."""
    edits: list[Edit] = []
    name, held = pin.name, subject.installed.held.get(pin.name)
    if name == "tensorflow-gpu":
        edits.append(Edit(pin.place.file, pin.place.start, pin.place.start + len(name), "tensorflow"))
        name = "tensorflow"
    asked = held.version if held is not None else None
    if asked is not None and matrix.release(name, str(asked)) is None:
        same = [
            version(r.version) for r in matrix.releases if r.package == name and minor(version(r.version)) == minor(asked) and not r.yanked
        ]
        if not same or pin.version_place is None:
            return None
        edits.append(Edit(pin.version_place.file, pin.version_place.start, pin.version_place.end, f"=={max(same)}"))
    return (
        Fix(f"pin {name}" + (f" {edits[-1].text.lstrip('=')}" if len(edits) > 1 or pin.name == name else ""), tuple(edits))
        if edits
        else None
    )


def _proven(pin: Pin, subject: Subject, matrix: Matrix) -> Fix | None:
    number = _version_beside(pin.name, subject, matrix)
    place = pin.version_place
    if number is None or place is None:
        return None
    return Fix(f"pin {pin.name}=={number}", (Edit(place.file, place.start, place.end, f"=={number}"),))


def _version_beside(name: str, subject: Subject, matrix: Matrix) -> str | None:
    """The version of *name* in the requirements of a plan for this very TensorFlow and interpreter."""
    from tfcompat.resolver import Request, resolve_pins

    tensorflow, python = subject.tensorflow, subject.releases.python
    if tensorflow is None or tensorflow.build is None or tensorflow.release.package == "nvidia":
        return None
    release = tensorflow.release.version
    if name == "keras" and _is_keras_2(subject) and version(release) >= _KERAS_3:
        return None  # whether the code can do with Keras 3 is not for an edit to say
    number = python or version(tensorflow.build.python[-1])
    request = Request(
        tensorflow=f"=={release}",
        python=f"{number.major}.{number.minor}",
        platform=tensorflow.platform,
        gpu=subject.gpu and tensorflow.platform == "linux/amd64",
        packages=[name] if name not in ("keras", "tf-keras") else [],
        keras=None,
    )
    if name == "tf-keras":
        same = [version(r.version) for r in matrix.keras if r.package == name and minor(version(r.version)) == minor(version(release))]
        return str(max(same)) if same else None
    try:
        plan = resolve_pins(request, matrix)
    except TfcompatError:
        return None
    return next((line.partition("==")[2] for line in plan.requirements if line.partition("==")[0] == name), None)


def _is_keras_2(subject: Subject) -> bool:
    held = subject.installed.held.get("keras")
    asked: Version | None = held.version if held is not None else None
    return asked is not None and asked.major < 3
