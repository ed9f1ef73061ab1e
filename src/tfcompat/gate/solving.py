"""Which releases one install command takes together, as pip's resolver comes to them: the newest first, back where nothing fits.

Not a resolver of everything: it follows the packages that stand on TensorFlow (``tensorflow-text``, ``tf-keras`` and others that were
measured) to the TensorFlow that they leave room for.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.gate.declared import Pin
from tfcompat.gate.demands import TENSORFLOW, Conflict, Demand, Held
from tfcompat.gate.releases import Releases

__all__ = ["Solver"]

_TRIED = 2000  # releases in one search
_Asked = tuple[Demand, ...]


class _Pending(NamedTuple):
    name: str
    wanted: tuple[SpecifierSet, ...]
    pin: Pin


class Solver:
    """One command: its *demands* by name, what is *held* before it, and its *constraints*."""

    def __init__(
        self,
        releases: Releases,
        demands: Mapping[str, Sequence[Demand]],
        held: Mapping[str, Held],
        constraints: Sequence[Demand],
    ) -> None:
        self.releases = releases
        self.demands = demands
        self.held = held
        self.bounds = [d for d in constraints if d.pin.name == "tensorflow"]
        self._left = _TRIED

    # -- what the packages leave of TensorFlow ------------------------------------------------

    def tensorflow_demands(self) -> tuple[list[Demand], Conflict | None]:
        """What the packages of the command ask of TensorFlow, where that is more than what is there; and a pin that leaves it no room."""
        pending = tuple(
            _Pending(name, tuple(d.specifier for d in found), found[0].pin)
            for name, found in self.demands.items()
            if name not in TENSORFLOW and found[0].pin.kind != "conda" and not any(d.pin.url for d in found) and self.releases.leads(name)
        )
        if not pending:
            return [], None
        direct = tuple(d for d in self.demands.get("tensorflow", ()) if not d.pin.url)
        asked = self._search(pending, (), (*direct, *self.bounds), {})
        if asked is None:
            return [], self._blame(pending, direct)
        present = self.held.get("tensorflow")
        if not direct and present is not None and present.version is not None and self._all(present.version, asked):
            return [], None
        return list(asked), None

    def _search(self, pending: tuple[_Pending, ...], asked: _Asked, bounds: _Asked, chosen: Mapping[str, Version]) -> _Asked | None:
        """The demands of the first choice that leaves a TensorFlow, None where none does."""
        if not pending:
            return asked
        first, rest = pending[0], pending[1:]
        known = chosen.get(first.name) or self._present(first)
        if known is not None:
            fits = all(w.contains(known) for w in first.wanted)
            return self._search(rest, asked, bounds, chosen) if fits else None
        own = [d.specifier for d in self.demands.get(first.name, ())]
        candidates = self.releases.required(first.name, [*first.wanted, *own])
        if not candidates:
            return self._search(rest, asked, bounds, chosen)  # nothing is known of it
        for candidate in candidates:
            self._left -= 1
            if self._left < 0:
                return None
            requires = candidate.requires or {}
            here = asked
            if "tensorflow" in requires:
                here = (*asked, Demand(requires["tensorflow"], first.pin, f"{first.name} {candidate.version}"))
            if not self._room((*bounds, *here)):
                continue
            more = tuple(_Pending(n, (s,), first.pin) for n, s in requires.items() if n not in TENSORFLOW and self.releases.leads(n))
            found = self._search((*more, *rest), here, bounds, {**chosen, first.name: Version(candidate.version)})
            if found is not None:
                return found
        return None

    def _present(self, pending: _Pending) -> Version | None:
        """The version that is there and stays, as it satisfies what is asked."""
        held = self.held.get(pending.name)
        if held is None or held.version is None or not all(w.contains(held.version) for w in pending.wanted):
            return None
        return held.version

    def _room(self, asked: _Asked) -> bool:
        """Whether some TensorFlow satisfies all of it: the one that is there, or one that this interpreter can install."""
        present = self.held.get("tensorflow")
        if present is not None and present.version is not None and self._all(present.version, asked):
            return True
        return self.releases.serving("tensorflow", [d.specifier for d in asked]) is not None

    def _all(self, version: Version, asked: Sequence[Demand]) -> bool:
        return all(d.specifier.contains(version) for d in asked)

    def _blame(self, pending: Sequence[_Pending], direct: Sequence[Demand]) -> Conflict | None:
        """The package whose every release inside its pin wants another TensorFlow than the one that is asked for beside it."""
        for one in pending:
            required = self.releases.required(one.name, one.wanted)
            ranges = [c.requires.get("tensorflow") if c.requires is not None else None for c in required]
            for demand in direct:
                if required and all(r is not None and not self.releases.together("tensorflow", [r, demand.specifier]) for r in ranges):
                    asked = Demand(ranges[0] or SpecifierSet(), one.pin, f"{one.name} {required[0].version}")
                    return Conflict("tensorflow", demand, asked)
        return None

    # -- which release of a name is taken ------------------------------------------------------

    def newest(self, name: str, wanted: Sequence[SpecifierSet]) -> Version | None:
        """What pip takes of *name*; of TensorFlow the newest that leaves room for what else the command asks for."""
        if name in TENSORFLOW:
            for version in self.releases.inside(name, wanted):
                if self._suits(name, version):
                    return version
            if self.releases.beyond(name, wanted) and not any(str(w).startswith("==") for w in wanted):
                return None  # one that is not known may suit
        return self.releases.newest(name, wanted)

    def _suits(self, name: str, version: Version) -> bool:
        """Whether what this TensorFlow requires and what the command asks for have something in common."""
        for required, allowed in self.releases.required_by_tensorflow(name, version).items():
            asked = [d.specifier for d in self.demands.get(required, ()) if str(d.specifier) and not d.pin.url]
            if asked and not self.releases.together(required, [allowed, *asked]):
                return False
        return self._left_by_keras(version)

    def _left_by_keras(self, version: Version) -> bool:
        """tf-keras stands beside the TensorFlow of its minor, which the metadata of its oldest releases does not say."""
        asked = [d.specifier for d in self.demands.get("tf-keras", ()) if str(d.specifier)]
        if not asked:
            return True
        return self.releases.together("tf-keras", [*asked, SpecifierSet(f"=={version.major}.{version.minor}.*", prereleases=True)])
