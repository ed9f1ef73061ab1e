"""What is installed in an environment at the end, as pip would have it: step by step, from the image's packages on."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from tfcompat.dependents import Step as Way
from tfcompat.gate.declared import Pin
from tfcompat.gate.environment import Environment, Step
from tfcompat.gate.releases import Releases
from tfcompat.platforms import environment as marker_environment
from tfcompat.stack import Image

__all__ = ["KERAS", "TENSORFLOW", "Conflict", "Demand", "Held", "Installed", "active", "install", "specifier"]

TENSORFLOW = ("tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tf-nightly", "tf-nightly-gpu", "tf-nightly-cpu", "intel-tensorflow")
KERAS = ("keras", "tf-keras")
_TOOLS = ("pip", "setuptools", "wheel")  # upgraded out of habit, and taken back to what is asked for by what comes after
_SOME_PYTHON = "3.11"  # for markers, where nothing says the interpreter


class Demand(NamedTuple):
    """What asks for a distribution: a pin, and for what a pinned package requires (``tf-keras 2.19.0``) that package."""

    specifier: SpecifierSet
    pin: Pin
    by: str = ""


class Held(NamedTuple):
    """A distribution as it stands at the end. ``version`` is None where it is not known which.

    ``demands`` are what asked for it in the step that brought it, empty for what the image has; ``exact``: a pin names the very version;
    ``before``: what it replaced. ``impossible``: no release of the index satisfies the demands. ``own``: it is still the image's.
    """

    name: str
    version: Version | None
    demands: tuple[Demand, ...] = ()
    exact: bool = False
    before: "Held | None" = None
    impossible: bool = False
    conda: bool = False
    own: bool = False

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
def specifier(text: str) -> SpecifierSet:
    """The specifier, pre-releases admitted; one that cannot be read admits everything, as the reader has said so."""
    try:
        return SpecifierSet(text, prereleases=True)
    except InvalidSpecifier:
        return SpecifierSet(prereleases=True)


def is_exact(wanted: SpecifierSet) -> bool:
    """Whether it names one version."""
    return any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in wanted)


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

    def put(self, held: Held) -> None:
        self.held[held.name] = held
        if held.name in TENSORFLOW:
            self.order = [*(n for n in self.order if n != held.name), held.name]

    def take(self, step: Step) -> None:
        """One install command: the demands on each name, those of packages that require TensorFlow, and what pip makes of them."""
        releases = self.releases
        for name in step.removed:
            self.held.pop(name, None)
            self.order = [n for n in self.order if n != name]
        pins = tuple(p for p in step.pins if active(p, releases.platform, releases.python))
        self.steps.append((step, pins))
        demands: dict[str, list[Demand]] = {}
        for pin in pins:
            demands.setdefault(pin.name, []).append(Demand(specifier(pin.specifier), pin))
        for pin in step.constraints:
            if pin.name in demands and active(pin, releases.platform, releases.python):
                demands[pin.name].append(Demand(specifier(pin.specifier), pin))
        if not (step.install and step.install.no_deps):
            self._require(demands, step)
        upgrade = bool(step.install and step.install.upgrade)
        alone = not any(name in TENSORFLOW for name in demands)  # else pip heeds what TensorFlow asks of the rest
        for name, found in demands.items():
            self._settle(name, found, upgrade, alone)

    def _require(self, demands: dict[str, list[Demand]], step: Step) -> None:
        """What the packages that stand on TensorFlow ask of it. Where TensorFlow is asked for as well, a range gives way to it."""
        if any(d.pin.kind == "locked" for found in demands.values() for d in found):
            return  # everything stands in the lock file
        direct = list(demands.get("tensorflow", ()))
        for name in [n for n in demands if n not in TENSORFLOW and demands[n][0].pin.kind != "conda" and not demands[n][0].pin.url]:
            found = demands[name]
            if direct:
                self._beside(name, found, direct)
                continue
            step_to = self._way(name, found)
            if step_to is not None:
                constraints = [Demand(specifier(p.specifier), p) for p in step.constraints if p.name == "tensorflow"]
                by = f"{step_to.name} {step_to.version}"
                demands.setdefault("tensorflow", constraints).append(Demand(step_to.allowed, found[0].pin, by))

    def _beside(self, name: str, found: Sequence[Demand], direct: Sequence[Demand]) -> None:
        """Of a pinned package that requires another TensorFlow than the one that is asked for beside it: pip finds no solution."""
        required = self.releases.required(name, [d.specifier for d in found])
        candidates = [c.requires.get("tensorflow") if c.requires is not None else None for c in required]
        if not required or any(c is None for c in candidates):
            return
        for demand in direct:
            if not any(self.releases.together("tensorflow", [c, demand.specifier]) for c in candidates if c is not None):
                asked = Demand(candidates[0] or SpecifierSet(), found[0].pin, f"{name} {required[0].version}")
                self.conflicts.append(Conflict("tensorflow", demand, asked))
                return

    def _way(self, name: str, found: Sequence[Demand]) -> Way | None:
        """The last step of the requirements by which pip comes to another TensorFlow."""
        present = {n: held.version for n, held in self.held.items() if held.version is not None}
        return self.releases.way_to_tensorflow(name, [d.specifier for d in found], present)

    def _settle(self, name: str, found: Sequence[Demand], upgrade: bool, alone: bool) -> None:
        clash = self._clash(name, found)
        if clash is not None:
            self.conflicts.append(clash)
            found = [d for d in found if d is not clash.first]  # what follows is said of the later one
        wanted = [d.specifier for d in found]
        before = self.held.get(name)
        conda = any(d.pin.kind == "conda" for d in found)
        if before is not None and not upgrade and self._satisfied(before, found):
            if not before.demands and any(is_exact(w) for w in wanted):  # the image's own, now pinned
                self.put(before._replace(demands=tuple(found), exact=True))
            return
        if before is not None and before.demands and not clash:
            other = next((d for d in found if before.exact and not d.specifier.contains(str(before.version))), None)
            if other is not None and not conda:
                self.conflicts.append(Conflict(name, before.demands[0], other, replaced=True))
        exact = any(is_exact(w) for w in wanted)
        if any(d.pin.url for d in found):
            version, impossible = None, False
        elif conda:
            version, impossible = _named(wanted), False
        else:
            version = self.releases.newest(name, wanted)
            impossible = version is None and self.releases.knows(name)
            version = version or _named(wanted)
        certain = exact or (upgrade and version is not None and name not in (*TENSORFLOW, *_TOOLS) and alone)
        self.put(Held(name, version, tuple(found), certain, before, impossible, conda))

    def _satisfied(self, before: Held, found: Sequence[Demand]) -> bool:
        return before.version is not None and all(not d.pin.url and d.specifier.contains(before.version) for d in found)

    def _clash(self, name: str, found: Sequence[Demand]) -> Conflict | None:
        for index, second in enumerate(found):
            for first in found[:index]:
                if first.pin.marker != second.pin.marker and first.pin.kind == second.pin.kind == "locked":
                    continue  # forks of a lock file
                if not self.releases.together(name, [first.specifier, second.specifier]):
                    return Conflict(name, first, second)
        return None


def _named(wanted: Iterable[SpecifierSet]) -> Version | None:
    """The version that a pin names, known to the matrix or not."""
    for one in wanted:
        for part in one:
            if part.operator == "==" and not part.version.endswith(".*"):
                return Version(part.version)
    return None
