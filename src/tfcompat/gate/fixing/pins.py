"""Another version of one pin: the one that stands beside this TensorFlow in what resolve proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import SpecifierSet

from tfcompat.dependents import required_of
from tfcompat.errors import TfcompatError
from tfcompat.gate.finding import Edit, Fix
from tfcompat.gate.findings import findings_of
from tfcompat.gate.fixing.lines import LINES_OF_THEIR_OWN, in_a_command
from tfcompat.gate.installed import TENSORFLOW
from tfcompat.gate.kinds import kind_of
from tfcompat.requirements import cap_on
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.gate.declared import Pin
    from tfcompat.gate.environment import Environment
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.fixing.world import World
    from tfcompat.gate.project import Project
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["is_free_of", "other_pin"]

_PACKAGE_RULES = frozenset(("keras-pin-mismatch", "requirement-conflict", "numpy-abi", "package-range"))
_KINDS = frozenset(("requirements", "constraints", "pyproject", "dockerfile"))  # files whose specifiers are written as pip reads them
_KERAS_3 = version("2.16")


def other_pin(finding: Finding, subject: Subject, world: World) -> Fix | None:
    """None where the pin stands in a lock file, is named by a variable, or where no version is proven to serve."""
    replaced = finding.rule == "image-tensorflow-replaced"
    pin = subject.held.pin if replaced and subject.held is not None else _pin_at(finding, subject)
    if pin is None or pin.kind != "requirement" or pin.url or not _written(pin, world.project):
        return None
    change = _change(finding, pin, subject, world.matrix)
    if change is None or (subject.stage.group and pin.group != subject.stage.group):
        return None  # a line that other groups share is not changed for one of them
    users = [other for other in world.subjects if any(p == pin for p in other.installed.pins)]
    if not all(_proven(finding, pin, change.pin, other, world) for other in users):
        return None
    return Fix(change.description, change.edits)


class _Change(NamedTuple):
    """What a pin becomes, and the edits that make it so."""

    pin: Pin
    edits: tuple[Edit, ...]
    description: str


def _change(finding: Finding, pin: Pin, subject: Subject, matrix: Matrix) -> _Change | None:
    if finding.rule == "removed-package":
        return _renamed(pin, subject, matrix)
    if finding.rule == "gpu-image-with-cpu-package" and pin.name == "tensorflow-cpu":
        return _Change(pin._replace(name="tensorflow"), (_other_name(pin),), "install tensorflow instead of tensorflow-cpu")
    number = None
    if finding.rule == "image-tensorflow-replaced":
        number = _beside_the_image(pin, subject)
    elif finding.rule in _PACKAGE_RULES and not pin.name.startswith("tensorflow"):
        number = _version_beside(pin.name, subject, matrix)
    place = pin.version_place or (None if pin.specifier else pin.place._replace(start=pin.place.end))
    if number is None or place is None:
        return None
    edit = Edit(place.file, place.start, place.end, f"=={number}")
    return _Change(pin._replace(specifier=f"=={number}"), (edit,), f"pin {pin.name}=={number}")


def _other_name(pin: Pin) -> Edit:
    return Edit(pin.place.file, pin.place.start, pin.place.start + len(pin.name), "tensorflow")


def _pin_at(finding: Finding, subject: Subject) -> Pin | None:
    return next((p for p in subject.installed.pins if p.place == finding.place), None)


def _written(pin: Pin, project: Project) -> bool:
    """Whether the file has the pin in these very letters, in a language whose specifiers are pip's, and without hashes."""
    source = project.source(pin.place.file)
    kind = project.kinds.get(pin.place.file) or kind_of(pin.place.file) or "requirements"
    if source is None or kind not in _KINDS:
        return False
    name = source.text[pin.place.start : pin.place.start + len(pin.name)].lower()
    if name.replace("_", "-").replace(".", "-") != pin.name:
        return False
    if kind == "dockerfile":
        return in_a_command(pin, project)
    if kind == "pyproject":  # a string of an array, or a table that has a version of its own
        return pin.version_place is not None or source.text[pin.place.start - 1 : pin.place.start] in ("'", '"')
    file = project.pin_file(pin.place.file, kind)
    return file is None or not file.hashes


def _beside_the_image(pin: Pin, subject: Subject) -> str | None:
    """The version of the pin that leaves the image's TensorFlow in place."""
    image = subject.image
    if image is None or image.tensorflow is None or subject.held is None:
        return None
    if pin.name in TENSORFLOW:
        number = str(image.tensorflow)
        return number if subject.releases.matrix.release(pin.name, number) is not None else None
    required = required_of(subject.releases.matrix, pin.name, SpecifierSet(), subject.stage.platform, subject.releases.python)
    found = required.admitting("tensorflow", image.tensorflow) if required is not None else None
    return found.version if found is not None and found.requires and "tensorflow" in found.requires else None


def _proven(finding: Finding, pin: Pin, changed: Pin, subject: Subject, world: World) -> bool:
    """Whether an environment with that one pin changed serves."""
    environment = subject.environment.copy()
    environment.steps = [step._replace(pins=tuple(changed if p == pin else p for p in step.pins)) for step in environment.steps]
    return is_free_of(finding, environment, subject, world)


def is_free_of(finding: Finding, environment: Environment, subject: Subject, world: World) -> bool:
    """Whether *environment*, in the place of the one of *subject*, is free of this finding, and of any error that was not there."""
    after = world.judge(subject.stage, environment, subject)
    before = list(findings_of(subject, world.project, world.matrix))
    errors = {(f.rule, f.place) for f in before if f.severity == "error" and f.rule not in LINES_OF_THEIR_OWN}
    return all((f.rule, f.place) != (finding.rule, finding.place) for f in after) and all(
        (f.rule, f.place) in errors or f.rule in LINES_OF_THEIR_OWN - {"removed-package"} for f in after if f.severity == "error"
    )


def _renamed(pin: Pin, subject: Subject, matrix: Matrix) -> _Change | None:
    """tensorflow-gpu becomes tensorflow; a version that never was becomes the last patch of its minor."""
    edits: list[Edit] = []
    changed, held = pin, subject.installed.held.get(pin.name)
    if pin.name == "tensorflow-gpu":
        edits.append(_other_name(pin))
        changed = pin._replace(name="tensorflow")
    asked = held.version if held is not None else None
    if asked is not None and matrix.release(changed.name, str(asked)) is None:
        rows = [r for r in matrix.releases if r.package == changed.name and not r.yanked]
        same = [version(r.version) for r in rows if minor(version(r.version)) == minor(asked)]
        if not same or pin.version_place is None:
            return None
        edits.append(Edit(pin.version_place.file, pin.version_place.start, pin.version_place.end, f"=={max(same)}"))
        changed = changed._replace(specifier=f"=={max(same)}")
    return _Change(changed, tuple(edits), f"pin {changed.name}{changed.specifier}") if edits else None


def _version_beside(name: str, subject: Subject, matrix: Matrix) -> str | None:
    """The version of *name* in the requirements of a plan for this very TensorFlow and interpreter."""
    from tfcompat.resolver import Request, resolve_pins

    tensorflow, python = subject.tensorflow, subject.releases.python
    if tensorflow is None or tensorflow.build is None or tensorflow.release.package == "nvidia":
        return None
    release = tensorflow.release.version
    if name == "keras" and _is_keras_2(subject) and version(release) >= _KERAS_3:
        return None  # whether the code can do with Keras 3 is not for an edit to say
    if matrix.neighbours_of(name):
        return _content_with_numpy(name, subject)
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
    return next((line.partition("==")[2] for line in plan.requirements if line.startswith(f"{name}==")), None)


def _content_with_numpy(name: str, subject: Subject) -> str | None:
    """The newest release that leaves a NumPy which this TensorFlow admits."""
    held, releases = subject.held, subject.releases
    if held is None or releases.python is None:
        return None
    allowed = releases.required_by_tensorflow(held.name, held.version).get("numpy", SpecifierSet())
    cap = cap_on(releases.matrix, subject.tensorflow.release, "numpy") if subject.tensorflow is not None else None
    room = [allowed, SpecifierSet(cap.allows if cap is not None else "")]
    for candidate in releases.of_neighbour(name, ()):
        asked = (candidate.requires or {}).get("numpy", SpecifierSet())
        if candidate.requires is not None and releases.serving("numpy", [*room, asked]) is not None:
            return candidate.version
    return None


def _is_keras_2(subject: Subject) -> bool:
    held = subject.installed.held.get("keras")
    asked: Version | None = held.version if held is not None else None
    return asked is not None and asked.major < 3
