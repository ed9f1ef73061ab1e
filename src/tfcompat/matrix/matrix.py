"""The document as typed records and the indexes that rules and resolver ask."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from packaging.specifiers import SpecifierSet

from tfcompat.matrix import records as r
from tfcompat.matrix.loads import unpack_loads
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from packaging.version import Version

__all__ = ["Matrix"]

Record = TypeVar("Record")
Value = TypeVar("Value")
_MISSING: Any = object()
_MEMO_LIMIT = 200_000  # entries; a request of the usual kind adds a few hundred

_LISTS = {  # fields that JSON holds as lists and records as tuples
    "python", "requires", "compute_capabilities", "delegates_to", "capabilities", "aliases", "extra_pythons", "variants",
    "platforms", "uncertain", "driver_datacenter_branches",
}  # fmt: skip
USER_PACKAGES = ("tensorflow", "tensorflow-gpu", "tensorflow-cpu")


class Matrix:
    """A validated document. Records are made when first asked for; nothing is ever changed.

    ``source`` names where the document came from, ``measured`` the day (ISO) it was last refreshed.
    """

    def __init__(self, document: Mapping[str, Any], source: str, sightings: Mapping[str, r.Sighting] = MappingProxyType({})) -> None:
        self.document = document
        self.source = source
        self.sightings = sightings
        self.measured: str = document["measured"]
        self.snapshots: Mapping[str, str] = document["snapshots"]  # by repository: as of when its tags are known (ISO)
        self._memo: dict[Any, Any] = {}

    def with_sightings(self, sightings: Mapping[str, r.Sighting]) -> Matrix:
        """The same matrix, where images are seen as registries see them now; by reference."""
        return Matrix(self.document, self.source, {**self.sightings, **sightings})

    def remember(self, key: Any, make: Callable[[], Value]) -> Value:
        """What *make* returned the first time for *key*: for pure functions of the matrix. Bounded."""
        found = self._memo.get(key, _MISSING)
        if found is _MISSING:
            if len(self._memo) > _MEMO_LIMIT:
                self._memo.clear()  # a long-lived process starts over rather than grow for ever
            found = self._memo[key] = make()
        return found  # type: ignore[no-any-return]

    # -- releases ---------------------------------------------------------------------------

    @cached_property
    def releases(self) -> tuple[r.Release, ...]:
        """TensorFlow under the names people install, newest first."""
        rows = [x for x in self._all_releases if x.package in USER_PACKAGES]
        order = {name: i for i, name in enumerate(USER_PACKAGES)}
        return tuple(sorted(rows, key=lambda x: (version(x.version), -order[x.package]), reverse=True))

    @cached_property
    def _all_releases(self) -> tuple[r.Release, ...]:
        return tuple(_release(row, self._requirement_sets) for row in self.document["tensorflow"])

    @cached_property
    def _requirement_sets(self) -> list[tuple[str, ...]]:
        return [tuple(lines) for lines in self.document["requirement_sets"]]

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], r.Release]:
        return {(x.package, x.version): x for x in (*self._all_releases, *self.keras)}

    def release(self, package: str, text: str) -> r.Release | None:
        """The release of *package* at exactly this version, if the matrix has it."""
        return self._by_name.get((package, text))

    def build(self, release: r.Release, platform: str) -> r.Build | None:
        """What really gets installed on *platform*: a stub is followed to the wheel it delegates to, where an interpreter has both."""
        build = release.builds.get(platform)
        if build is None or build.kind != "stub":
            return build
        for name in build.delegates_to:
            target = self.release(name, release.version)
            delegate = target and target.builds.get(platform)
            if delegate and delegate.kind != "stub" and set(delegate.python) & set(build.python):
                return delegate  # 2.11.1 on arm64 is not: 3.8 to 3.10 have the stub, and 3.7 has what it delegates to
        return build

    @cached_property
    def keras(self) -> tuple[r.Release, ...]:
        """Releases of keras and tf-keras, oldest first within each."""
        return tuple(_release(row, self._requirement_sets) for row in self.document["keras"])

    @cached_property
    def backends(self) -> tuple[r.Backend, ...]:
        return _records(r.Backend, self.document["backends"])

    @cached_property
    def formats(self) -> tuple[r.Format, ...]:
        return _records(r.Format, self.document["formats"])

    @cached_property
    def loads(self) -> tuple[r.Loads, ...]:
        """Which Keras was seen to load which model files."""
        return tuple(unpack_loads(self.document["loads"]))

    @cached_property
    def caps(self) -> tuple[r.Cap, ...]:
        return _records(r.Cap, self.document["caps"])

    @cached_property
    def notes(self) -> tuple[r.Note, ...]:
        return _records(r.Note, self.document["notes"])

    def notes_of(self, release: r.Release, key: str) -> r.Note | None:
        """The note *key* where it holds for *release*."""
        for note in self.notes:
            if note.key == key and release.package.startswith(note.package) and _contains(note.versions, release.version):
                return note
        return None

    def package(self, name: str) -> tuple[r.PackageRelease, ...]:
        """Releases of a dependency, newest first; empty when the matrix does not cover *name*."""
        return self._package_releases("packages", name)

    def dependents_of(self, name: str) -> tuple[r.PackageRelease, ...]:
        """Releases of a package that stands on TensorFlow, newest first; empty when the matrix does not cover *name*.

        ``requires`` has only the lines on TensorFlow, Keras, numpy, protobuf and other such packages.
        """
        return self._package_releases("dependents", name)

    def neighbours_of(self, name: str) -> tuple[r.PackageRelease, ...]:
        """Releases of a package that stands on NumPy and not on TensorFlow, newest first; empty when the matrix does not cover *name*.

        ``requires`` has only the lines on NumPy, protobuf, SciPy and other such packages.
        """
        return self._package_releases("neighbours", name)

    def _package_releases(self, section: str, name: str) -> tuple[r.PackageRelease, ...]:
        def make() -> tuple[r.PackageRelease, ...]:
            rows, sets = self.document[section].get(name, ()), self._requirement_sets
            return tuple(
                r.PackageRelease(
                    v, python, {"linux/amd64": tuple(amd), "linux/arm64": tuple(arm)}, sets[index] if index is not None else None
                )
                for v, python, amd, arm, index in reversed(rows)
            )

        return self.remember((section, name), make)

    def pin_set(self, tensorflow: str, python: Version, keras: str) -> r.PinSet | None:
        """What was run beside this TensorFlow and *keras* (``keras``, ``tf-keras``); else beside the nearest patch of its minor."""
        ours = version(tensorflow)
        found = self._pin_sets.get((minor(ours), f"{python.major}.{python.minor}", keras), ())
        row = min(found, key=lambda row: abs(version(row["tensorflow"]).micro - ours.micro), default=None)
        return self.remember(("pin set", row["tensorflow"], row["python"], keras), lambda: self._pin_set(row)) if row else None

    @cached_property
    def pin_sets(self) -> tuple[r.PinSet, ...]:
        """Everything that was run, the newest TensorFlow and interpreter first."""
        found = map(self._pin_set, self.document["pin_sets"])
        return tuple(sorted(found, key=lambda s: (version(s.tensorflow), version(s.python), s.keras), reverse=True))

    def _pin_set(self, row: Mapping[str, Any]) -> r.PinSet:
        lines = self.document["pin_lines"]
        pins = dict(lines[index].split("==") for index in row["pins"])
        runs = tuple(r.PinRun(**run) for run in row["runs"])
        return r.PinSet(row["tensorflow"], row["python"], row["keras"], row["platform"], pins, runs)

    @cached_property
    def _pin_sets(self) -> dict[tuple[Version, str, str], list[Mapping[str, Any]]]:
        found: dict[tuple[Version, str, str], list[Mapping[str, Any]]] = {}
        for row in self.document["pin_sets"]:
            found.setdefault((minor(version(row["tensorflow"])), row["python"], row["keras"]), []).append(row)
        return found

    # -- CUDA and GPUs ----------------------------------------------------------------------

    @cached_property
    def toolkits(self) -> tuple[r.Toolkit, ...]:
        """CUDA minors, oldest first."""
        return _records(r.Toolkit, self.document["toolkits"])

    @cached_property
    def _toolkits(self) -> dict[Version, r.Toolkit]:
        return {version(t.version): t for t in self.toolkits}

    def toolkit(self, cuda: Version) -> r.Toolkit | None:
        """The toolkit of this CUDA's minor, if it is known."""
        return self._toolkits.get(minor(cuda)) if len(cuda.release) > 1 else None

    @cached_property
    def architectures(self) -> tuple[r.Architecture, ...]:
        return _records(r.Architecture, self.document["architectures"])

    @cached_property
    def cudnn(self) -> tuple[r.CudnnSupport, ...]:
        return _records(r.CudnnSupport, self.document["cudnn"])

    @cached_property
    def gpus(self) -> tuple[r.Gpu, ...]:
        return _records(r.Gpu, self.document["gpus"])

    @cached_property
    def ambiguous_gpus(self) -> tuple[r.Ambiguous, ...]:
        return _records(r.Ambiguous, self.document["ambiguous_gpus"])

    # -- images -----------------------------------------------------------------------------

    @cached_property
    def distributions(self) -> tuple[r.Distribution, ...]:
        return _records(r.Distribution, self.document["distributions"])

    @cached_property
    def floating(self) -> tuple[r.Floating, ...]:
        return _records(r.Floating, self.document["floating"])

    @cached_property
    def python_images(self) -> tuple[r.PythonImage, ...]:
        return _records(r.PythonImage, self.document["images"]["python"])

    @cached_property
    def cuda_images(self) -> tuple[r.CudaImage, ...]:
        return _records(r.CudaImage, self.document["images"]["cuda"])

    def nvidia_require_cuda(self, name: str | None) -> str | None:
        """An NVIDIA_REQUIRE_CUDA as written, by the name that image rows give it; None when not established."""
        found: str | None = self.document["nvidia_require_cuda"].get(name)
        return found

    @cached_property
    def official_tags(self) -> dict[str, r.OfficialTag]:
        return {t.tag: t for t in _records(r.OfficialTag, self.document["images"]["official_tags"])}

    @cached_property
    def official_contents(self) -> dict[tuple[str, str], r.OfficialContents]:
        """By TensorFlow version and accelerator (``gpu``, ``cpu``)."""
        rows = _records(r.OfficialContents, self.document["images"]["official_contents"])
        return {(c.tensorflow, c.accelerator): c for c in rows}

    @cached_property
    def official_absent(self) -> dict[str, Mapping[str, Any]]:
        """Tags that people assume and that are not there, by tag."""
        return {row["tag"]: row for row in self.document["images"]["official_absent"]}

    @cached_property
    def ngc_images(self) -> tuple[r.NgcImage, ...]:
        return _records(r.NgcImage, self.document["images"]["ngc"])


def _records(kind: type[Record], rows: Iterable[Mapping[str, Any]]) -> tuple[Record, ...]:
    return tuple(kind(**{k: tuple(v) if type(v) is list and k in _LISTS else v for k, v in row.items()}) for row in rows)


def _release(row: Mapping[str, Any], sets: list[tuple[str, ...]]) -> r.Release:
    expanded = (
        {**b, "requires": sets[b["requires"]], "extras": {name: sets[i] for name, i in b["extras"].items()}} for b in row["builds"].values()
    )
    builds = dict(zip(row["builds"], _records(r.Build, expanded), strict=True))
    return r.Release(row["package"], row["version"], row["released"], row["yanked"], builds)


def _contains(specifier: str, text: str) -> bool:
    return SpecifierSet(specifier).contains(version(text), prereleases=True)
