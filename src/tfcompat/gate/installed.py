"""What is installed in an environment at the end, as pip would have it: step by step, from the image's packages on."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.version import Version

from tfcompat.gate.declared import Pin
from tfcompat.gate.demands import KERAS, TENSORFLOW, Conflict, Demand, Held, is_exact, named, specifier
from tfcompat.gate.environment import Environment, Step
from tfcompat.gate.neighbours import asks_numpy, clash, closure, strangers
from tfcompat.gate.releases import Releases
from tfcompat.gate.solving import Solver
from tfcompat.platforms import environment as marker_environment
from tfcompat.stack import Image

__all__ = ["KERAS", "TENSORFLOW", "Conflict", "Demand", "Held", "Installed", "active", "install", "is_exact", "specifier"]

_TOOLS = ("pip", "setuptools", "wheel")  # upgraded out of habit, and taken back to what is asked for by what comes after
_COMPARED = 30  # different ranges of one name
_SOME_PYTHON = "3.11"  # for markers, where nothing says the interpreter


class Installed(NamedTuple):
    """``held`` by name, ``order`` the TensorFlow names in the order in which they were last installed."""

    held: Mapping[str, Held]
    conflicts: tuple[Conflict, ...]
    order: tuple[str, ...]
    steps: tuple[tuple[Step, tuple[Pin, ...]], ...]

    @property
    def tensorflow(self) -> Held | None:
        """The one that is imported: the last that was installed."""
        return self.held[self.order[-1]] if self.order else None

    @property
    def pins(self) -> Iterator[Pin]:
        """Every pin that counts on this target."""
        for _, pins in self.steps:
            yield from pins


@lru_cache(maxsize=4096)
def _holds(marker: str, platform: str, python: str) -> bool:
    try:
        return Marker(marker).evaluate(marker_environment(platform, python))
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, KeyError, TypeError):  # the groups of PEP 751
        return True


def active(pin: Pin, platform: str, python: Version | None) -> bool:
    """Whether *pin* counts on this target."""
    if pin.platforms is not None and platform not in pin.platforms:
        return False
    return not pin.marker or _holds(pin.marker, platform, f"{python.major}.{python.minor}" if python else _SOME_PYTHON)


def install(releases: Releases, environment: Environment, image: Image | None, distribution: str | None) -> Installed:
    """Follow the steps of *environment*. *distribution* is the name under which the *image* has its TensorFlow."""
    world = _World(releases)
    if image is not None and image.tensorflow is not None and environment.sees_image:
        world.put(Held(distribution or "tensorflow", image.tensorflow, own=True))
    alternatives = _alternatives(environment.steps)
    for step in environment.steps:
        if step not in alternatives:
            world.take(step)
    return Installed(world.held, tuple(world.conflicts), tuple(world.order), tuple(world.steps))


def _alternatives(steps: Sequence[Step]) -> list[Step]:
    """Commands that run under conditions and bring a TensorFlow each: which of them counts is chosen when the image is built."""
    found = [s for s in steps if s.install is not None and s.install.conditional and any(p.name in TENSORFLOW for p in s.pins)]
    return found if len({str(p) for s in found for p in s.pins if p.name in TENSORFLOW}) > 1 else []


class _World:
    def __init__(self, releases: Releases) -> None:
        self.releases = releases
        self.held: dict[str, Held] = {}
        self.order: list[str] = []
        self.conflicts: list[Conflict] = []
        self.steps: list[tuple[Step, tuple[Pin, ...]]] = []
        self.there: set[str] = set()  # what commands may have brought with what they name
        self.certain = True  # that nothing else came with a bound on NumPy, which a later command would leave as it is

    def put(self, held: Held) -> None:
        self.held[held.name] = held
        if held.name in TENSORFLOW:
            self.order = [*(n for n in self.order if n != held.name), held.name]

    def take(self, step: Step) -> None:
        """One install command: the demands on each name, those of packages that require TensorFlow, and what pip makes of them."""
        for name in step.removed:
            self.held.pop(name, None)
            self.order = [n for n in self.order if n != name]
        releases = self.releases
        pins = tuple(p for p in step.pins if active(p, releases.platform, releases.python))
        self.steps.append((step, pins))
        demands: dict[str, list[Demand]] = {}
        for pin in pins:
            demands.setdefault(pin.name, []).append(Demand(specifier(pin.specifier), pin))
        constraints = [Demand(specifier(p.specifier), p) for p in step.constraints if active(p, releases.platform, releases.python)]
        for demand in constraints:
            if demand.pin.name in demands:
                demands[demand.pin.name].append(demand)
        solver = Solver(releases, demands, self.held, constraints)
        locked = any(pin.kind == "locked" for pin in pins)  # then everything stands in the lock file
        if not locked and not (step.install and step.install.no_deps):
            asked, conflict = solver.tensorflow_demands()
            if conflict is not None:
                self.conflicts.append(conflict)
            if asked:
                demands.setdefault("tensorflow", [d for d in constraints if d.pin.name == "tensorflow"]).extend(asked)
        self._settle_numpy(step, pins, constraints, demands)
        upgrade = bool(step.install and step.install.upgrade)
        before = {name: self.held.get(name) for name in TENSORFLOW}
        for name, found in demands.items():
            self._settle(name, found, upgrade, solver)
        for name in TENSORFLOW:
            if name in demands and self.held.get(name) is not before[name]:
                self._move_others(self.held[name], demands)

    def _settle_numpy(self, step: Step, pins: Sequence[Pin], constraints: Sequence[Demand], demands: dict[str, list[Demand]]) -> None:
        """pandas and its like bring another NumPy beside a TensorFlow that the command does not ask for."""
        present = self.held.get(self.order[-1]) if self.order else None
        conflict = clash(self.releases, step, pins, constraints)
        if conflict is not None:
            self.conflicts.append(conflict)
        with_tensorflow = any(name in TENSORFLOW for name in demands)
        if present is not None and self.certain and not present.conda and not with_tensorflow:
            brought = asks_numpy(self.releases, step, pins, constraints, self.held, present, self.there)
            if brought is not None:
                demands.pop("numpy", None)
                before = self.held.get("numpy")
                self.put(Held("numpy", brought.version, brought.demands, True, before, step=len(self.steps) - 1))
        self.there |= closure(self.releases, [p.name for p in pins])
        bounded = with_tensorflow or any(d.pin.name == "numpy" for d in constraints) or any(p.name == "numpy" for p in pins)
        self.certain = self.certain and not (bounded and (strangers(self.releases, pins) or not step.whole))

    def _move_others(self, tensorflow: Held, demands: Mapping[str, Sequence[Demand]]) -> None:
        """What earlier commands pinned and this TensorFlow does not accept, pip replaces with what it does."""
        for name, allowed in self.releases.required_by_tensorflow(tensorflow.name, tensorflow.version).items():
            held = self.held.get(name)
            if name not in demands and held is not None and held.version is not None and not allowed.contains(held.version):
                del self.held[name]

    def _settle(self, name: str, found: Sequence[Demand], upgrade: bool, solver: Solver) -> None:
        clash = self._clash(name, found)
        if clash is not None:
            self.conflicts.append(clash)
            stale = clash.first.pin.kind == "locked" and clash.second.pin.kind != "locked"
            found = [
                d for d in found if d is not (clash.second if stale else clash.first)
            ]  # the lock is what is installed, else the later one
        wanted = [d.specifier for d in found]
        before = self.held.get(name)
        upgrade = upgrade and any(not d.by for d in found)  # what others require is upgraded only where it has to be
        if before is not None and not upgrade and self._satisfied(before, found):
            if not before.demands and any(is_exact(w) for w in wanted):  # the image's own, now pinned
                self.put(before._replace(demands=tuple(found), exact=True))
            return
        conda = any(d.pin.kind == "conda" for d in found)
        if before is not None and before.demands and not clash:
            other = next((d for d in found if before.exact and not d.specifier.contains(str(before.version))), None)
            if other is not None and not conda:
                self.conflicts.append(Conflict(name, before.demands[0], other, replaced=True))
        self.put(self._new(name, found, upgrade, conda, before, solver))

    def _new(self, name: str, found: Sequence[Demand], upgrade: bool, conda: bool, before: Held | None, solver: Solver) -> Held:
        wanted = [d.specifier for d in found]
        exact = any(is_exact(w) for w in wanted)
        step = len(self.steps) - 1
        if any(d.pin.url for d in found):
            return Held(name, None, tuple(found), exact, before, step=step)
        if conda:
            return Held(name, named(wanted), tuple(found), exact, before, conda=True, step=step)
        version = solver.newest(name, wanted)
        impossible = version is None and self.releases.knows(name) and not self.releases.beyond(name, wanted)
        alone = not any(n in TENSORFLOW for n in solver.demands)  # else pip heeds what TensorFlow asks of the rest
        certain = exact or (upgrade and version is not None and name not in (*TENSORFLOW, *_TOOLS) and alone)
        return Held(name, version or named(wanted), tuple(found), certain, before, impossible, step=step)

    def _satisfied(self, before: Held, found: Sequence[Demand]) -> bool:
        return before.version is not None and all(not d.pin.url and d.specifier.contains(before.version) for d in found)

    def _clash(self, name: str, found: Sequence[Demand]) -> Conflict | None:
        different = list({(str(d.specifier), d.pin.marker): d for d in reversed(found)}.values())[::-1][:_COMPARED]
        for index, second in enumerate(different):
            for first in different[:index]:
                if first.pin.marker != second.pin.marker and first.pin.kind == second.pin.kind == "locked":
                    continue  # forks of a lock file
                if not self.releases.together(name, [first.specifier, second.specifier]):
                    return Conflict(name, first, second)
        return None
