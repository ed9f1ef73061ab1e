"""Drivers: what a driver version supports, and what an image requires of it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.architectures import native_code
from tfcompat.errors import MatrixError, TfcompatError
from tfcompat.versions import at_least, parse_version, version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.matrix.records import Build, Toolkit
    from tfcompat.stack import Image

__all__ = [
    "Requirement",
    "driver_cuda",
    "driver_range",
    "driver_text",
    "first_driver",
    "forward_compatible",
    "last_branch",
    "reaches",
    "requirement_of",
    "toolkit_driver",
]

_TERM = re.compile(r"^(\w+)(>=|<=|!=|==|=|<|>)([\w.]+)$")


def toolkit_driver(toolkit: Toolkit) -> Version:
    """The first driver that belongs to this CUDA minor: older ones do not know its PTX."""
    return min(map(version, toolkit.drivers.values()))


def reaches(driver: Version, floor: Version) -> bool | None:
    """Whether *driver* is at or above *floor*; None where it is given too coarsely to say, as 535 against 535.54.03."""
    return at_least(driver, floor, len(floor.release))


def driver_text(driver: Version) -> str:
    """As NVIDIA writes it: 450.80.02, where a version says 450.80.2."""
    major, *rest = driver.release
    return ".".join([str(major), *(str(n) for n in rest[:1]), *(f"{n:02d}" for n in rest[1:])])


def driver_cuda(matrix: Matrix, driver: Version) -> Version | None:
    """The newest CUDA minor that *driver* reports (``nvidia-smi``'s "CUDA Version"); None before CUDA 10.

    A driver reports the toolkit of its branch: 535.xx says 12.2, although 12.3 came with 545.
    """
    known = [version(t.version) for t in matrix.toolkits if t.drivers and toolkit_driver(t).major <= driver.major]
    return max(known, default=None)


def last_branch(matrix: Matrix, capability: Version) -> tuple[int | None, tuple[str, ...]]:
    """The last driver branch that runs GPUs of *capability* (None while it is current), with evidence."""
    for row in matrix.architectures:
        if row.last_driver_branch and str(capability) in row.capabilities:
            return int(row.last_driver_branch), tuple(s for cell in row.evidence.values() for s in cell)
    return None, ()


def first_driver(matrix: Matrix, capability: Version) -> Version | None:
    """The oldest driver that can know GPUs of *capability*: that of the first toolkit for them. None before CUDA 10."""
    for row in matrix.architectures:
        if str(capability) in row.capabilities:
            toolkit = matrix.toolkit(version(row.first_toolkit))
            return toolkit_driver(toolkit) if toolkit else None
    return None


def driver_range(
    matrix: Matrix, build: Build | None, cuda: Version | None, image: Image | None, gpus: Sequence[GpuTarget]
) -> tuple[Version | None, int | None]:
    """What the driver of the host must be: its floor, and the last branch that still runs every GPU (None: current).

    The floor is that of the CUDA runtime, of PTX where there is no native code, of the image, and of the newest GPU.
    """
    toolkit = matrix.toolkit(cuda) if cuda is not None else None
    floors = [version(toolkit.minimum_driver)] if toolkit else []
    if image is not None and image.driver_minimum is not None:
        floors.append(image.driver_minimum)
    built = matrix.toolkit(version(build.cuda)) if build is not None and build.cuda else None
    if built is not None and build is not None and build.compute_capabilities:
        floors += [toolkit_driver(built) for g in gpus if not native_code(build.compute_capabilities, g.capability)]
    floors += [first for first in (first_driver(matrix, g.capability) for g in gpus) if first is not None]
    ceilings = [branch for branch in (last_branch(matrix, g.capability)[0] for g in gpus) if branch is not None]
    return max(floors, default=None), min(ceilings, default=None)


def forward_compatible(image: Image | None, driver: Version, gpus: Sequence[GpuTarget]) -> bool:
    """Whether the image's cuda-compat package bridges an older driver: data-centre GPUs, listed branches only."""
    if image is None or not image.compat or not gpus or not all(g.forward_compatible for g in gpus):
        return False
    if image.driver_branches:
        return any(driver.major == version(b).major and driver >= version(b) for b in image.driver_branches)
    requirement = requirement_of(image)
    return requirement is not None and requirement.lists_branch(driver, gpus)


def requirement_of(image: Image) -> Requirement | None:
    """What the image requires of the driver; None where it requires nothing, or in words that cannot be read."""
    try:
        return Requirement.parse(image.require) if image.require is not None else None
    except TfcompatError:  # whoever made the image wrote it, not the user
        return None


class Requirement(NamedTuple):
    """A parsed NVIDIA_REQUIRE_CUDA: alternatives of terms ``(name, operator, value)`` that must all hold."""

    alternatives: tuple[tuple[tuple[str, str, str], ...], ...]

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, text: str) -> Requirement:
        """Parse the variable as written. Raises :class:`MatrixError` or :class:`RequestError` for a term of another form."""
        alternatives = []
        for alternative in text.split():
            terms = []
            for term in alternative.split(","):
                match = _TERM.match(term)
                if match is None:
                    raise MatrixError(f"NVIDIA_REQUIRE_CUDA has the term {term!r}", "expected NAME OPERATOR VALUE")
                if match[1] != "brand":
                    parse_version(match[3], f"NVIDIA_REQUIRE_CUDA {term!r}")
                terms.append((match[1], match[2], match[3]))
            alternatives.append(tuple(terms))
        return cls(tuple(alternatives))

    def holds(self, cuda: Version | None, driver: Version, gpus: Sequence[GpuTarget]) -> bool | None:
        """Whether some alternative holds; None when that depends on a brand that is not known."""
        verdicts = [self._alternative(terms, cuda, driver, gpus) for terms in self.alternatives]
        if True in verdicts:
            return True
        return None if None in verdicts else False

    def lists_branch(self, driver: Version, gpus: Sequence[GpuTarget]) -> bool:
        """Whether an alternative for the GPUs' brand names the branch of *driver*."""
        return any(
            self._alternative(terms, None, driver, gpus) is True
            for terms in self.alternatives
            if any(name == "driver" for name, _, _ in terms)
        )

    def _alternative(
        self, terms: Sequence[tuple[str, str, str]], cuda: Version | None, driver: Version, gpus: Sequence[GpuTarget]
    ) -> bool | None:
        known = [_term(name, op, value, cuda, driver, gpus) for name, op, value in terms]
        if False in known:
            return False
        return None if None in known else True


def _term(name: str, op: str, value: str, cuda: Version | None, driver: Version, gpus: Sequence[GpuTarget]) -> bool | None:
    if name == "brand":
        if not gpus or any(g.brands is None for g in gpus):
            return None
        return all(value in (g.brands or ()) for g in gpus) is (op in ("=", "=="))
    if name == "cuda":
        return cuda is not None and _compare(cuda, op, version(value))
    if name == "driver":
        return _compare(driver, op, version(value))
    if name == "arch":
        return bool(gpus) and all(_compare(g.capability, op, version(value)) for g in gpus)
    return None


def _compare(left: Version, op: str, right: Version) -> bool:
    return {
        ">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right,
        "=": left == right, "==": left == right, "!=": left != right,
    }[op]  # fmt: skip
