"""The releases of the index that pip would choose from, on one platform and interpreter."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.dependents import Candidate, candidates_of, required_of
from tfcompat.matrix.matrix import USER_PACKAGES, Matrix
from tfcompat.matrix.records import PackageRelease
from tfcompat.pins import admits, installable
from tfcompat.requirements import evaluated, requirements_of
from tfcompat.versions import version

__all__ = ["Releases"]


_BEFORE = ("0.12.1", *(f"1.{minor}.0" for minor in range(15)))  # TensorFlow's, from before the matrix begins


class Known(NamedTuple):
    version: Version
    serves: bool  # has a file for this interpreter and platform
    yanked: bool


class Releases:
    """``python`` None: nothing says the interpreter, and each release counts as having a file."""

    def __init__(self, matrix: Matrix, platform: str, python: Version | None) -> None:
        self.matrix = matrix
        self.platform = platform
        self.python = python

    def knows(self, name: str) -> bool:
        return bool(self._known(name))

    def newest(self, name: str, wanted: Sequence[SpecifierSet]) -> Version | None:
        """What pip takes: the newest release inside all of *wanted* that has a file here; without one, the newest of any.

        None where no release is inside. Releases that were yanked count where a pin names them.
        """
        exact = {s.version for w in wanted for s in w if s.operator == "=="}

        def admitted(known: Known) -> bool:
            return (not known.yanked or str(known.version) in exact) and all(w.contains(known.version) for w in wanted)

        return self.serving(name, wanted) or next((k.version for k in self._known(name) if admitted(k)), None)

    def together(self, name: str, wanted: Sequence[SpecifierSet]) -> bool:
        """Whether some release is inside all of *wanted*; of a package that is not known, whether they name one version."""
        known = self._known(name)
        if known:
            alone = [any(w.contains(k.version) for k in known) for w in wanted]
            return not all(alone) or any(all(w.contains(k.version) for w in wanted) for k in known)
        exact = {s.version for w in wanted for s in w if s.operator == "==" and not s.version.endswith(".*")}
        return all(w.contains(Version(text)) for text in exact for w in wanted)

    def required(self, name: str, wanted: Sequence[SpecifierSet]) -> tuple[Candidate, ...]:
        """The releases of *name* inside *wanted*, newest first, with what each requires; empty where the matrix knows none."""
        found = required_of(self.matrix, name, _joined(wanted), self.platform, self.python)
        return found.candidates if found is not None else ()

    def beyond(self, name: str, wanted: Sequence[SpecifierSet]) -> bool:
        """Whether *wanted* admit releases from before the matrix, or name one that is newer than its newest."""
        known = self._known(name)
        if not known:
            return False
        newest, oldest = known[0].version, known[-1].version
        older = [Version(text) for text in _BEFORE if Version(text) < oldest and self._old_enough]
        named = [Version(s.version) for w in wanted for s in w if s.operator in ("==", "~=", ">=") and not s.version.endswith(".*")]
        samples = [*older, *(v for v in named if v > newest or v < oldest)]
        return any(all(w.contains(v) for w in wanted) for v in samples)

    @property
    def _old_enough(self) -> bool:
        """Whether releases from before the matrix could be for this interpreter."""
        return self.python is None or self.python < Version("3.8")

    def leads(self, name: str) -> bool:
        """Whether *name* is known to stand on TensorFlow."""
        return name == "tf-keras" or bool(self.matrix.dependents_of(name))

    def neighbour(self, name: str) -> bool:
        """Whether it is known what *name* requires of NumPy, and that it does not stand on TensorFlow."""
        return bool(self._neighbours(name))

    def of_neighbour(self, name: str, wanted: Sequence[SpecifierSet]) -> tuple[Candidate, ...]:
        """The releases of such a package inside *wanted* that have a wheel here, newest first, with what each requires."""
        rows = self._neighbours(name)
        key = ("neighbour", name, str(_joined(wanted)), self.platform, str(self.python))
        return self.matrix.remember(key, lambda: tuple(candidates_of(rows, _joined(wanted), self.platform, self.python)))

    def whatever_file(self, name: str, wanted: SpecifierSet) -> tuple[Candidate, ...]:
        """As :meth:`of_neighbour`, wheel or none; empty where *wanted* may have releases from before the matrix."""
        rows = self._neighbours(name)
        inside = [row for row in rows if wanted.contains(version(row.version))]
        if not inside or inside[-1] is rows[-1]:
            return ()
        return tuple(
            Candidate(row.version, None if row.requires is None else evaluated(row.requires, self.platform, self.python)) for row in inside
        )

    def _neighbours(self, name: str) -> tuple[PackageRelease, ...]:
        return self.matrix.neighbours_of(name) or (self.matrix.package(name) if name != "numpy" else ())

    def inside(self, name: str, wanted: Sequence[SpecifierSet]) -> Iterator[Version]:
        """The releases inside all of *wanted* that have a file here, newest first; yanked ones where a pin names them."""
        exact = {s.version for w in wanted for s in w if s.operator == "=="}
        for known in self._known(name):
            if known.serves and (not known.yanked or str(known.version) in exact) and all(w.contains(known.version) for w in wanted):
                yield known.version

    def serving(self, name: str, wanted: Sequence[SpecifierSet]) -> Version | None:
        """The newest release inside all of *wanted* that has a file here."""
        return next(self.inside(name, wanted), None)

    def required_by_tensorflow(self, name: str, version: Version | None) -> Mapping[str, SpecifierSet]:
        """What that release requires here, by name; empty where the matrix does not have it."""
        release = self.matrix.release(name, str(version))
        build = self.matrix.build(release, self.platform) if release is not None else None
        return requirements_of(build, self.platform, self.python) if build is not None else {}

    def _known(self, name: str) -> list[Known]:
        return self.matrix.remember(("known releases", name, self.platform, str(self.python)), lambda: self._make_known(name))

    def _make_known(self, name: str) -> list[Known]:
        matrix, python = self.matrix, self.python
        if name in USER_PACKAGES:
            found = []
            for release in matrix.releases:
                if release.package == name:
                    build = matrix.build(release, self.platform)
                    serves = build is not None and (python is None or f"{python.major}.{python.minor}" in build.python)
                    found.append(Known(version(release.version), serves, release.yanked))
            return found
        if name in ("keras", "tf-keras"):
            rows = [row for row in matrix.keras if row.package == name]
            return sorted(
                (
                    Known(
                        version(row.version),
                        (build := row.builds.get("any")) is not None and (python is None or admits(build.requires_python, python)),
                        row.yanked,
                    )
                    for row in rows
                ),
                reverse=True,
            )
        return [Known(version(r.version), python is None or installable(r, python, self.platform), False) for r in matrix.package(name)]


def _joined(wanted: Sequence[SpecifierSet]) -> SpecifierSet:
    found = SpecifierSet(prereleases=True)
    for one in wanted:
        found &= one
    return found
