"""The NumPy that a command brings with what stands on it: pandas takes a newer one than the TensorFlow that is there leaves room for.

pip looks at what the command asks for, and not at what the installed TensorFlow requires: of that it only warns. Whatever is
not known is no reason to say anything.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.dependents import Candidate
from tfcompat.gate.declared import Pin
from tfcompat.gate.demands import KERAS, TENSORFLOW, Conflict, Demand, Held, specifier
from tfcompat.gate.environment import Step
from tfcompat.gate.releases import Releases
from tfcompat.requirements import cap_on

__all__ = ["Brought", "asks_numpy", "clash", "closure", "strangers"]

_TRIED = 500  # releases in one search
_TOOLS = ("pip", "uv")  # the others install what a lock file has
_ELSEWHERE = (
    "--target=",
    "--prefix=",
    "--root=",
    "--platform=",
    "--python-version=",
    "--find-links=",
    "--no-index",
    "sync",
)  # or from elsewhere
_RELATED = re.compile(r"tensorflow|keras|^tf-|-tf\d?$")  # may well require TensorFlow, whose range pip then heeds
_HARMLESS = ("pip", "setuptools", "wheel", "numpy", *KERAS)
_Asked = tuple[Demand, ...]


class Brought(NamedTuple):
    """The NumPy that pip takes, and what asks for it; ``demands`` begin with those that exclude the one that was there."""

    version: Version
    demands: tuple[Demand, ...]


class _Pending(NamedTuple):
    name: str
    wanted: tuple[SpecifierSet, ...]
    pin: Pin


def strangers(releases: Releases, pins: Sequence[Pin]) -> list[str]:
    """Those of *pins* whose requirements are not known."""
    return [p.name for p in pins if p.url or (p.name not in (*TENSORFLOW, *_HARMLESS) and not releases.neighbour(p.name))]


def closure(releases: Releases, names: Collection[str]) -> set[str]:
    """*names*, and what any of their releases requires, as far as it is known."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += {required for c in releases.of_neighbour(name, ()) for required in c.requires or ()}
    return found


def asks_numpy(
    releases: Releases, step: Step, pins: Sequence[Pin], constraints: Sequence[Demand], held: Mapping[str, Held], tensorflow: Held,
    there: Collection[str],
) -> Brought | None:  # fmt: skip
    """The NumPy that replaces the one beside *tensorflow*; None where it stays, or where that cannot be told.

    *there*: names that earlier commands may have brought, so that this one may leave them as they are.
    """
    if not _plain(releases, step, pins) or any(_with_tensorflow(releases, p) for p in pins):
        return None
    asked = tuple(d for d in (*(Demand(specifier(p.specifier), p) for p in pins), *constraints))
    numpy = tuple(d for d in asked if d.pin.name == "numpy")
    present = _present(releases, held.get("numpy"), tensorflow)
    if not present or any(d.pin.url for d in numpy) or not _some(present, [d.specifier for d in numpy]):
        return None  # what the command itself asks of NumPy, others judge
    its_own = closure(releases, releases.required_by_tensorflow(tensorflow.name, tensorflow.version))
    search = _Search(releases, asked, {*there, *held, *its_own})
    pending = [_Pending(p.name, (specifier(p.specifier),), p) for p in pins if p.name != "numpy" and releases.neighbour(p.name)]
    found = search.follow(tuple(pending), numpy, {})
    if found is None or _some(present, [d.specifier for d in found]):
        return None
    version = releases.serving("numpy", [d.specifier for d in found])
    excluding = [d for d in found if d.by and not _some(present, [d.specifier])]
    if (
        version is None
        or not excluding
        or (step.install is not None and step.install.tool == "uv" and not _first(releases, pins, excluding[0]))
    ):
        return None
    return Brought(version, tuple(sorted(found, key=lambda d: d not in excluding)))


def clash(releases: Releases, step: Step, pins: Sequence[Pin], constraints: Sequence[Demand]) -> Conflict | None:
    """A range of NumPy in the command that none of the releases of a package beside it, inside its own range, admits."""
    bounds = [d for d in (*(Demand(specifier(p.specifier), p) for p in pins), *constraints) if d.pin.name == "numpy" and str(d.specifier)]
    if not bounds or not _plain(releases, step, pins):
        return None
    for pin in pins:
        required = releases.whatever_file(pin.name, specifier(pin.specifier))
        for bound in bounds:
            asked = [c.requires["numpy"] for c in required if c.requires and "numpy" in c.requires]
            if asked and len(asked) == len(required) and not any(releases.together("numpy", [a, bound.specifier]) for a in asked):
                return Conflict("numpy", bound, Demand(asked[0], pin, f"{pin.name} {required[0].version}"))
    return None


def _first(releases: Releases, pins: Sequence[Pin], demand: Demand) -> bool:
    """Whether what *demand* comes from is the first of the command that could ask for NumPy.

    uv decides in the order in which names come up, and would rather go back to an older package than leave a NumPy that it took before.
    """
    first = next((p for p in pins if not releases.neighbour(p.name) or "numpy" in closure(releases, [p.name])), None)
    return first == demand.pin and demand.by.startswith(f"{demand.pin.name} ")


def _plain(releases: Releases, step: Step, pins: Sequence[Pin]) -> bool:
    """Whether all that pip has to go by is known: its files, its index, the interpreter, and that it does run."""
    install = step.install
    if install is None or install.tool not in _TOOLS or install.no_deps or install.conditional:
        return False
    if any(option.startswith(_ELSEWHERE) for option in install.options):
        return False
    return releases.python is not None and step.whole and not step.indexes and all(p.kind == "requirement" for p in pins)


def _with_tensorflow(releases: Releases, pin: Pin) -> bool:
    """Whether TensorFlow is, or may be, among what the command asks for: then pip heeds what it requires."""
    return pin.name in TENSORFLOW or releases.leads(pin.name) or (pin.name != "keras" and _RELATED.search(pin.name) is not None)


def _present(releases: Releases, held: Held | None, tensorflow: Held) -> list[Version]:
    """The releases of NumPy of which one is there; empty where nothing is known, or where it breaks TensorFlow already."""
    if held is not None and held.exact:
        return [held.version] if held.version is not None else []
    allowed = releases.required_by_tensorflow(tensorflow.name, tensorflow.version).get("numpy")
    release = releases.matrix.release(tensorflow.name, str(tensorflow.version))
    if allowed is None or release is None or (held is not None and (held.conda or any(d.pin.url for d in held.demands))):
        return []
    wanted = [allowed, *(d.specifier for d in held.demands)] if held is not None else [allowed]
    cap = cap_on(releases.matrix, release, "numpy")
    found = list(releases.inside("numpy", wanted))
    works = [v for v in found if cap is None or SpecifierSet(cap.allows).contains(v)]
    return works if tensorflow.own or len(works) == len(found) else []


def _some(versions: Sequence[Version], wanted: Sequence[SpecifierSet]) -> bool:
    return any(all(w.contains(v) for w in wanted) for v in versions)


class _Search:
    """The newest releases that leave a NumPy for all, back where nothing fits. *asked* is all that the command asks for."""

    def __init__(self, releases: Releases, asked: Sequence[Demand], there: Collection[str]) -> None:
        self.releases = releases
        self.asked = asked
        self.there = there
        self._left = _TRIED

    def follow(self, pending: tuple[_Pending, ...], numpy: _Asked, chosen: Mapping[str, Candidate]) -> _Asked | None:
        """What is asked of NumPy by the first choice that leaves one; None where none does, or it takes too long to find."""
        if not pending:
            return numpy
        first, rest = pending[0], pending[1:]
        if first.name in chosen:
            fits = all(w.contains(Version(chosen[first.name].version)) for w in first.wanted)
            return self.follow(rest, numpy, chosen) if fits else None
        if first.name in self.there:
            return self.follow(rest, numpy, chosen)  # it may be there, and stay
        own = [d.specifier for d in self.asked if d.pin.name == first.name]
        for candidate in self.releases.of_neighbour(first.name, [*first.wanted, *own]):
            self._left -= 1
            if self._left < 0 or candidate.requires is None:
                return None
            here = numpy
            if "numpy" in candidate.requires:
                here = (*numpy, Demand(candidate.requires["numpy"], first.pin, f"{first.name} {candidate.version}"))
            if self.releases.serving("numpy", [d.specifier for d in here]) is None:
                continue
            more = tuple(_Pending(n, (s,), first.pin) for n, s in candidate.requires.items() if self.releases.neighbour(n))
            found = self.follow((*more, *rest), here, {**chosen, first.name: candidate})
            if found is not None:
                return found
        return None
