"""Exact pins for what stands beside TensorFlow, derived from the wheels' ranges and the index.

Direct dependencies only, and derived, not run: each is the newest release on the index that the wheel, Keras
and the learned caps admit for the target interpreter. Packages released in step with TensorFlow stay on its minor.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tfcompat.requirements import cap_on, requirements_of
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.matrix.records import Build, PackageRelease
    from tfcompat.stack import Package, Tensorflow

__all__ = ["Pins", "admits", "derive_pins", "installable", "newest_package"]

_IN_STEP = ("tensorboard", "tensorflow-estimator")


class Pins(NamedTuple):
    """``exact`` maps distribution to version; ``open`` holds requirements that could not be pinned, as written."""

    exact: Mapping[str, str]
    open: tuple[str, ...]


def derive_pins(matrix: Matrix, tensorflow: Tensorflow, python: Version, keras: Package | None, wished: Mapping[str, SpecifierSet]) -> Pins:
    """Pins for the direct dependencies of *tensorflow* (and of Keras 3), honouring *wished* ranges."""
    build = tensorflow.build
    if build is None:
        return Pins({}, ())
    key = ("pins", tensorflow, python, keras, tuple(sorted((n, str(s)) for n, s in wished.items())))
    return matrix.remember(key, lambda: _derive(matrix, tensorflow, build, python, keras, wished))


def _derive(
    matrix: Matrix, tensorflow: Tensorflow, build: Build, python: Version, keras: Package | None, wished: Mapping[str, SpecifierSet]
) -> Pins:
    ranges = dict(requirements_of(build, tensorflow.platform, python))
    exact: dict[str, str] = {}
    wanted = ranges.pop("keras", None)
    own = _keras(matrix, tensorflow, python, wanted) if keras is None or keras.name != "keras" else None
    for package in filter(None, (keras, own)):  # tf-keras stands beside the keras that the wheel asks for
        exact[package.name] = str(package.version)
        release = matrix.release(package.name, str(package.version))
        for name, allowed in requirements_of(release.builds["any"], tensorflow.platform, python).items() if release else ():
            if not name.startswith("tensorflow"):
                ranges[name] = ranges.get(name, SpecifierSet()) & allowed
    if "tensorboard" in ranges:
        ranges.setdefault("setuptools", SpecifierSet())  # it imports pkg_resources and up to 2.20 does not require it
    unpinned = []
    for name in sorted({**ranges, **wished}):
        allowed = ranges.get(name, SpecifierSet()) & wished.get(name, SpecifierSet())
        found = _choose(matrix, tensorflow, name, allowed, python)
        if found is None:
            unpinned.append(f"{name}{allowed}")
        else:
            exact[name] = found
    return Pins(exact, tuple(unpinned))


def newest_package(matrix: Matrix, name: str, allowed: SpecifierSet, python: Version, platform: str) -> Iterator[PackageRelease]:
    """Releases of *name* on the index inside *allowed* that this interpreter and platform can install, newest first."""
    for row in matrix.package(name):
        if installable(row, python, platform) and _contains(allowed, row.version):
            yield row


def _choose(matrix: Matrix, tensorflow: Tensorflow, name: str, allowed: SpecifierSet, python: Version) -> str | None:
    cap = cap_on(matrix, tensorflow.release, name)
    if cap is not None:
        allowed = allowed & SpecifierSet(cap.allows)
    release = minor(version(tensorflow.release.version))
    first = None
    for row in newest_package(matrix, name, allowed, python, tensorflow.platform):
        if name not in _IN_STEP or minor(version(row.version)) <= release:
            return row.version
        first = first or row.version
    return first


def _keras(matrix: Matrix, tensorflow: Tensorflow, python: Version, allowed: SpecifierSet | None) -> Package | None:
    """The newest Keras that the wheel asks for and this interpreter can install; None where the wheel asks for none."""
    from tfcompat.stack import Package

    if allowed is None:
        return None
    cap = cap_on(matrix, tensorflow.release, "keras")
    if cap is not None:
        allowed = allowed & SpecifierSet(cap.allows)
    for row in reversed(matrix.keras):
        build = row.builds.get("any")
        if (
            row.package == "keras"
            and build
            and not row.yanked
            and _contains(allowed, row.version)
            and admits(build.requires_python, python)
        ):
            return Package("keras", version(row.version))
    return None


@lru_cache(maxsize=65536)
def _contains(allowed: SpecifierSet, text: str) -> bool:
    return allowed.contains(version(text), prereleases=True)


def installable(row: PackageRelease, python: Version, platform: str) -> bool:
    """Whether the index has a wheel of this release for the interpreter and platform."""
    interpreters = row.python.get(platform, ())
    return (f"{python.major}.{python.minor}" in interpreters or "*" in interpreters) and admits(row.requires_python, python)


@lru_cache(maxsize=8192)
def admits(requires_python: str | None, python: Version) -> bool:
    """Whether Requires-Python admits the interpreter's newest patch release; a malformed one admits nothing."""
    if requires_python is None:
        return True
    try:
        return SpecifierSet(requires_python).contains(version(f"{python.major}.{python.minor}.99"))
    except InvalidSpecifier:
        return False
