"""What asks for a distribution, and what becomes of that."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from tfcompat.gate.declared import Pin

__all__ = ["KERAS", "TENSORFLOW", "Conflict", "Demand", "Held", "is_exact", "named", "specifier"]

TENSORFLOW = ("tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tf-nightly", "tf-nightly-gpu", "tf-nightly-cpu", "intel-tensorflow")
KERAS = ("keras", "tf-keras")


class Demand(NamedTuple):
    """What asks for a distribution: a pin, and for what a pinned package requires (``tf-keras 2.19.0``) that package."""

    specifier: SpecifierSet
    pin: Pin
    by: str = ""


class Held(NamedTuple):
    """A distribution as it stands at the end. ``version`` is None where it is not known which.

    ``demands`` are what asked for it in the step that brought it, empty for what the image has; ``exact``: a pin names the very version;
    ``before``: what it replaced. ``impossible``: no release of the index satisfies the demands. ``own``: it is still the image's.
    ``step``: the number of the command that brought it, -1 for the image.
    """

    name: str
    version: Version | None
    demands: tuple[Demand, ...] = ()
    exact: bool = False
    before: "Held | None" = None
    impossible: bool = False
    conda: bool = False
    own: bool = False
    step: int = -1

    @property
    def brought(self) -> bool:
        """Whether no line names it: a package that needs it in another version than was there brings it."""
        return self.exact and bool(self.demands) and bool(self.demands[0].by)

    @property
    def pin(self) -> Pin | None:
        """The line to point at: the one that names the version, else the first."""
        exact = [d.pin for d in self.demands if not d.by and is_exact(d.specifier)]
        return next(iter([*exact, *(d.pin for d in self.demands)]), None)


class Conflict(NamedTuple):
    """Two demands on *name* that no release satisfies together. ``replaced``: they come in two steps, and the second wins."""

    name: str
    first: Demand
    second: Demand
    replaced: bool = False


@lru_cache(maxsize=4096)
def specifier(text: str) -> SpecifierSet:
    """The specifier, pre-releases admitted; one that cannot be read admits everything, as the reader has said so."""
    try:
        return SpecifierSet(text, prereleases=True)
    except InvalidSpecifier:
        return SpecifierSet(prereleases=True)


def is_exact(wanted: SpecifierSet) -> bool:
    """Whether it names one version."""
    return any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in wanted)


def named(wanted: Iterable[SpecifierSet]) -> Version | None:
    """The version that a pin names, known to the matrix or not."""
    for one in wanted:
        for part in one:
            if part.operator == "==" and not part.version.endswith(".*"):
                return Version(part.version)
    return None
