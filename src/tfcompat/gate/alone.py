"""Files of pins that no build installs: each is judged by itself, with the interpreters that it admits."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from tfcompat.gate.environment import Environment, Interpreted, Stage, Step
from tfcompat.gate.findings import findings_of
from tfcompat.gate.indexes import others
from tfcompat.gate.installed import TENSORFLOW
from tfcompat.gate.installs import Pins, admitted_pythons, asked_by_project, conda_python, pins_of
from tfcompat.gate.project import PIN_KINDS
from tfcompat.gate.subject import Target, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.declared import Pin, PinFile
    from tfcompat.gate.project import Project
    from tfcompat.gate.source import Place
    from tfcompat.matrix import Matrix

__all__ = ["stages_alone"]

_CONDA = ("environment", "conda-lock", "pixi.toml", "pixi.lock")


def stages_alone(project: Project, platform: str, matrix: Matrix) -> list[Stage]:
    """A stage without an image for each file, and for each optional group of it."""
    found: list[tuple[str, list[Stage]]] = []
    for name in project.of_kind(PIN_KINDS - {"constraints"}):
        if name not in project.consumed:
            found.append((name, list(_of_file(project, name, platform, matrix))))
    return [stage for name, stages in found if name not in project.consumed for stage in stages]


def _of_file(project: Project, name: str, platform: str, matrix: Matrix) -> Iterator[Stage]:
    file = project.pin_file(name)
    if file is None:
        return
    kind = project.kinds[name]
    constraints = _locked_project(project, file)
    locked = any(pin.kind == "locked" for pin in file.pins)
    for group in ("", *(() if locked else file.groups)):
        pins = pins_of(project, name, (group,) if group else ())
        if pins is None or (group and not any(_bears(p) for p in file.pins if p.group == group)):
            continue
        what = f"{name}, group {group}" if group else name
        stage = Stage(what, name, None, platform)
        stage.group = group
        environment = Environment(f"conda:{name}" if kind in _CONDA else "", None)
        environment.steps.append(Step(pins.pins, (*pins.constraints, *constraints), indexes=others(pins.indexes)))
        stage.environments = {environment.name: environment}
        environment.python = conda_python(pins.pins) if kind in _CONDA else _python(project, matrix, stage, environment, pins)
        yield stage


def _bears(pin: Pin) -> bool:
    return pin.name.startswith(("tensorflow", "tf-", "keras", "numpy", "protobuf", "nvidia-"))


def _locked_project(project: Project, file: PinFile) -> tuple[Pin, ...]:
    """What the file that is locked asks for: a lock that does not satisfy it is out of date."""
    if not file.lock_of:
        return ()
    name = posixpath.normpath(posixpath.join(posixpath.dirname(file.name), file.lock_of))
    if not project.exists(name) or not name.endswith(".toml"):
        return ()
    return asked_by_project(project, name)


def _python(project: Project, matrix: Matrix, stage: Stage, environment: Environment, pins: Pins) -> Interpreted | None:
    """Of the interpreters that the file admits the newest with which nothing is wrong, else that with the least: people choose one that works.

    None where the file says nothing of interpreters: then nothing is said of wheels for them.
    """
    marked = any("python" in pin.marker for pin in pins.pins if pin.name in TENSORFLOW)
    if pins.python is None and not marked:
        return None
    text, place = pins.python or ("", None)
    admitted = admitted_pythons(text)
    best: tuple[tuple[int, int], Interpreted] | None = None
    for age, candidate in enumerate(admitted):
        environment.python = Interpreted(candidate, _where(text, place), place, own=False)
        found = findings_of(subject_of(matrix, stage, environment, Target()), project, matrix)
        errors = sum(one.severity == "error" for one in found)
        if best is None or (errors, age) < best[0]:
            best = (errors, age), environment.python
        if errors == 0:
            break
    return best[1] if best is not None and (place is not None or best[0][0] == 0) else None


def _where(text: str, place: Place | None) -> str:
    return f"requires-python {text}" if place is not None else "markers"
