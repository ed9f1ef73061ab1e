"""What the page lets people pick, in classes that the rules cannot tell apart: GPUs, drivers, Keras."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Iterable
from typing import NamedTuple

from packaging.version import Version

from tfcompat.drivers import requirement_of, toolkit_driver
from tfcompat.matrix.gpus import GpuTarget, find_gpu
from tfcompat.matrix.matrix import Matrix
from tfcompat.stack import Image
from tfcompat.versions import version

__all__ = ["DriverClasses", "driver_classes", "gpu_class", "gpus", "keras_wishes", "names_of_gpus", "plain_name", "suggested_drivers"]

_VENDOR = re.compile(r"^(nvidia|geforce|tesla|quadro)+")
PRECISIONS = (1, 2, 3)  # 535, 535.104, 535.104.05: three statements


class DriverClasses(NamedTuple):
    """Drivers of one precision. The class of a driver is that of the last of ``starts`` at or below it.

    ``representatives`` has one driver of each class; the first is of those below all of ``starts``.
    """

    starts: tuple[tuple[int, ...], ...]
    representatives: tuple[Version, ...]


def gpus(matrix: Matrix) -> list[GpuTarget]:
    """Every GPU by its name, then every compute capability that has one."""
    named = [find_gpu(matrix, gpu.name) for gpu in matrix.gpus]
    capabilities = sorted({target.capability for target in named}, reverse=True)
    return [*sorted(named, key=lambda t: (-t.capability.major, -t.capability.minor)), *(find_gpu(matrix, str(c)) for c in capabilities)]


def gpu_class(target: GpuTarget) -> GpuTarget:
    """The target without what tells it from others of its class."""
    name = str(target.capability) if target.name == str(target.capability) else "\x01"
    return target._replace(name=name, evidence=())


def plain_name(text: str) -> str:
    """A name as the page looks it up: lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def keras_wishes(matrix: Matrix) -> list[str]:
    """What may be asked of Keras: nothing, Keras 2, Keras 3, and every minor, newest first."""
    minors = {version(row.version).release[:2] for row in matrix.keras}
    return ["", "3", "2", *(f"{major}.{minor}" for major, minor in sorted(minors, reverse=True))]


def driver_classes(matrix: Matrix, images: Iterable[Image]) -> list[DriverClasses]:
    """The classes by precision. A verdict can only change where a version begins that the matrix names."""
    named = _named(matrix, images)
    found = []
    for parts in PRECISIONS:
        cut = {(*release, 0, 0)[:parts] for release in named}
        # what a coarse driver leaves open ends after it: 535 does not say whether it is 535.104 or newer, 536 does
        beyond = {(*release[: parts - 1], release[parts - 1] + 1) for release in named if len(release) > parts}
        starts = sorted(cut | beyond)
        below = (max(starts[0][0] - 1, 1), *([0] * (parts - 1)))
        texts = [".".join(map(str, release)) for release in (below, *starts)]
        found.append(DriverClasses(tuple(starts), tuple(map(version, texts))))
    return found


def suggested_drivers(matrix: Matrix) -> list[Version]:
    """The newest driver that came with each CUDA minor, newest first."""
    texts = {max(toolkit.drivers.values(), key=version) for toolkit in matrix.toolkits if toolkit.drivers}
    return sorted(map(version, texts), reverse=True)


def _named(matrix: Matrix, images: Iterable[Image]) -> set[tuple[int, ...]]:
    """Every driver that a rule may compare with, the beginnings of the branches that toolkits came with, and the ends of some."""
    toolkits = [toolkit for toolkit in matrix.toolkits if toolkit.drivers]
    found = {version(toolkit.minimum_driver).release for toolkit in matrix.toolkits} | {toolkit_driver(t).release for t in toolkits}
    branches = {toolkit_driver(toolkit).major for toolkit in toolkits}
    branches |= {int(row.last_driver_branch) + 1 for row in matrix.architectures if row.last_driver_branch}
    for image in images:
        found |= {image.driver_minimum.release} if image.driver_minimum else set()
        found |= {version(branch).release for branch in image.driver_branches}
        branches |= {version(branch).major + step for branch in image.driver_branches for step in (0, 1)}
        requirement = requirement_of(image)
        terms = [term for terms in requirement.alternatives for term in terms] if requirement else []
        found |= {version(value).release for name, _, value in terms if name == "driver"}
    return found | {(branch,) for branch in branches}


def names_of_gpus(matrix: Matrix, targets: list[GpuTarget]) -> dict[str, int]:
    """Every name that finds one of *targets*, plain, and its number."""
    numbers = {target.name: number for number, target in enumerate(targets)}
    found: dict[str, int] = {}
    for gpu in matrix.gpus:
        for name in (gpu.name, *gpu.aliases):
            found.setdefault(plain_name(name), numbers[gpu.name])
        found.setdefault(_VENDOR.sub("", plain_name(gpu.name)), numbers[gpu.name])
    for target in targets:
        capability = plain_name(str(target.capability))
        if target.name == str(target.capability):
            for prefix in ("", "sm", "compute", "cc"):
                found.setdefault(prefix + capability, numbers[target.name])
    ambiguous = {name for row in matrix.ambiguous_gpus for name in (plain_name(row.name), _VENDOR.sub("", plain_name(row.name)))}
    return {name: found[name] for name in sorted(found) if name not in ambiguous}
