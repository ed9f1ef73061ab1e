"""Exact pins for what stands beside TensorFlow: a set that was run, or one that is derived from it and says so.

A verified set holds everything, direct or not, and was installed and put to work (``data/pins``). Where a wish, another
patch release or another platform asks for something else, the pins follow the nearest verified set and change what
they must. Where there is none they are the newest releases on the index that the wheel, Keras, the learned caps and the
other pins admit for the target interpreter: direct dependencies only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tfcompat.requirements import cap_on, evaluated, requirements_of
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.matrix.records import Build, PackageRelease, PinRun, PinSet
    from tfcompat.stack import Package, Tensorflow

__all__ = ["IN_STEP", "Pins", "PlanPins", "admits", "find_pins", "installable", "newest_package", "unsaid"]

_KERAS = ("keras", "tf-keras")
IN_STEP = ("tensorboard", "tensorflow-estimator")  # released with TensorFlow


class Pins(NamedTuple):
    """``exact`` maps distribution to version; ``open`` holds requirements that could not be pinned, as written.

    ``run`` is the proof: not None where these pins were run under this name of TensorFlow. ``base`` is the verified set that
    they follow, if there is one, and ``changed`` the lines in which they differ from it: with a ``run``, those that were added.
    """

    exact: Mapping[str, str]
    open: tuple[str, ...] = ()
    run: PinRun | None = None
    base: PinSet | None = None
    changed: tuple[str, ...] = ()


class PlanPins(NamedTuple):
    """How the requirements of a plan are known to work. ``status``: ``verified`` (these lines, those ``added``, those ``unpinned`` and CUDA's parts aside, were run),
    ``follows`` (a verified set, with ``changed`` lines), ``derived`` (from metadata and caps), ``image`` (they are in the image).

    Of the run: the ``distribution`` of TensorFlow and its version, ``date`` (ISO), ``python``, ``machine``, ``sha256`` of the
    lines, and its ``steps``, each ``ok`` or ``skipped: WHY``.
    """

    status: str
    distribution: str | None = None
    tensorflow: str | None = None
    date: str | None = None
    python: str | None = None
    machine: str | None = None
    sha256: str | None = None
    steps: Mapping[str, str] = {}
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    unpinned: tuple[str, ...] = ()


def find_pins(matrix: Matrix, tensorflow: Tensorflow, python: Version, keras: Package | None, wished: Mapping[str, SpecifierSet]) -> Pins:
    """Pins for what *tensorflow* and Keras need, inside the *wished* ranges; the verified ones wherever these fit."""
    build = tensorflow.build
    if build is None:
        return Pins({})
    key = ("pins", tensorflow, python, keras, tuple(sorted((n, str(s)) for n, s in wished.items())))
    return matrix.remember(key, lambda: _find(matrix, tensorflow, build, python, keras, wished))


def _find(
    matrix: Matrix, tensorflow: Tensorflow, build: Build, python: Version, keras: Package | None, wished: Mapping[str, SpecifierSet]
) -> Pins:
    release = tensorflow.release
    legacy = matrix.pin_set(release.version, python, "tf-keras") if keras is not None and keras.name == "tf-keras" else None
    base = legacy or matrix.pin_set(release.version, python, "keras")
    wished = {name: allowed for name, allowed in wished.items() if matrix.package(name) or (base is not None and name in base.pins)}
    if base is None:
        exact, unpinned = _derive(matrix, tensorflow, build, python, keras, wished, {})
        return Pins(exact, unpinned)
    chosen = {keras.name: SpecifierSet(f"=={keras.version}")} if keras is not None else {}
    same = base.tensorflow == release.version and base.platform == tensorflow.platform
    run = next((run for run in base.runs if run.distribution == release.package), None) if same else None
    if same and _fits(base, {**wished, **chosen}):
        return Pins(base.pins, run=run, base=base)
    exact, unpinned = _derive(matrix, tensorflow, build, python, keras, wished, base.pins)
    changed = tuple(f"{name}=={text}" for name, text in sorted(exact.items()) if base.pins.get(name) != text)
    changed += tuple(f"without {name}" for name in sorted(base.pins) if name not in exact)
    return Pins(exact, unpinned, run if base.pins.items() <= exact.items() else None, base, changed)


def _fits(base: PinSet, wished: Mapping[str, SpecifierSet]) -> bool:
    return all(name in base.pins and _contains(allowed, base.pins[name]) for name, allowed in wished.items())


def _derive(
    matrix: Matrix,
    tensorflow: Tensorflow,
    build: Build,
    python: Version,
    keras: Package | None,
    wished: Mapping[str, SpecifierSet],
    base: Mapping[str, str],
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Pins that follow *base* where they can and agree with each other, and what could not be pinned.

    Each takes what it likes best among the releases that agree with the pins before it. What finds none goes first in
    another round, so that the others give way; each goes there once, and there are no more rounds than names.
    """
    target = _Target(matrix, tensorflow, python, keras, wished, base)
    required = requirements_of(build, tensorflow.platform, python)
    first: list[str] = []
    while True:
        draft = _round(target, required, first)
        late = [name for name in draft.missing if name not in first]
        if not late:
            break
        first = [*late, *first]
    # a wish for what the matrix does not know is no pin that is missing
    missing = (name for name in sorted(draft.missing) if name not in wished or name in draft.needed or matrix.package(name))
    return draft.exact, tuple(f"{name}{_asked(target, draft, name)}" for name in missing)


def unsaid(required: Iterable[str]) -> tuple[str, ...]:
    """What is needed beside *required* and no metadata says: tensorboard up to 2.20 imports pkg_resources, which setuptools brings."""
    return ("setuptools",) if "tensorboard" in required else ()


class _Target(NamedTuple):
    """What pins are chosen for: ``keras`` is a given one, ``base`` the versions that are preferred."""

    matrix: Matrix
    tensorflow: Tensorflow
    python: Version
    keras: Package | None
    wished: Mapping[str, SpecifierSet]
    base: Mapping[str, str]


class _Draft(NamedTuple):
    """Pins so far. ``needed``: what the wheel and Keras ask for; ``ranges``: what that, wishes and pins leave for the rest."""

    exact: dict[str, str]
    needed: dict[str, SpecifierSet]
    ranges: dict[str, SpecifierSet]
    missing: list[str]


class _Candidate(NamedTuple):
    version: str
    requires: Mapping[str, SpecifierSet]


def _round(target: _Target, required: Mapping[str, SpecifierSet], first: Iterable[str]) -> _Draft:
    draft = _Draft({}, dict(required), dict(target.wished), [])
    _narrow(draft.ranges, required)
    if target.keras is not None:
        _pin(target, draft, target.keras.name, _keras_release(target, target.keras))
    for name in unsaid(required):
        draft.needed.setdefault(name, SpecifierSet())
    own = ["keras"] if "keras" in required else []  # tf-keras stands beside the keras that the wheel asks for
    _pin_all(target, draft, [*first, *sorted(target.wished), *own])
    _pin_all(target, draft, sorted(draft.needed, key=lambda name: (name != "numpy", name)))
    _pin_all(target, draft, sorted(target.base))
    return draft


def _pin_all(target: _Target, draft: _Draft, names: Iterable[str]) -> None:
    for name in names:
        if name in draft.exact or name in draft.missing:
            continue
        found = next((c for c in _candidates(target, name, draft.ranges.get(name, SpecifierSet())) if _agrees(c, draft.exact)), None)
        if found is not None:
            _pin(target, draft, name, found)
        elif name in draft.ranges or name in draft.needed:  # else only the base has it, and nothing asks for it
            draft.missing.append(name)


def _agrees(candidate: _Candidate, exact: Mapping[str, str]) -> bool:
    return all(name not in exact or _contains(allowed, exact[name]) for name, allowed in candidate.requires.items())


def _pin(target: _Target, draft: _Draft, name: str, candidate: _Candidate) -> None:
    draft.exact[name] = candidate.version
    _narrow(draft.ranges, candidate.requires)
    if name in _KERAS:
        _narrow(draft.needed, candidate.requires)


def _narrow(ranges: dict[str, SpecifierSet], requires: Mapping[str, SpecifierSet]) -> None:
    for name, allowed in requires.items():
        ranges[name] = ranges.get(name, SpecifierSet()) & allowed


def _asked(target: _Target, draft: _Draft, name: str) -> SpecifierSet:
    """The range in the words of the wheel, Keras and the wish; of the other pins where only these ask for it."""
    if name not in draft.needed and name not in target.wished:
        return draft.ranges[name]
    return draft.needed.get(name, SpecifierSet()) & target.wished.get(name, SpecifierSet())


def newest_package(matrix: Matrix, name: str, allowed: SpecifierSet, python: Version, platform: str) -> Iterator[PackageRelease]:
    """Releases of *name* on the index inside *allowed* that this interpreter and platform can install, newest first."""
    for row in matrix.package(name):
        if installable(row, python, platform) and _contains(allowed, row.version):
            yield row


def _candidates(target: _Target, name: str, allowed: SpecifierSet) -> Iterator[_Candidate]:
    """What *name* can be inside *allowed* and the learned caps, best first: as in the base, else the newest."""
    cap = cap_on(target.matrix, target.tensorflow.release, name)
    if cap is not None:
        allowed = allowed & SpecifierSet(cap.allows)
    if name == "keras":
        yield from _keras_candidates(target, allowed)
        return
    base = target.base.get(name)
    if base is not None and _contains(allowed, base) and all(row.version != base for row in target.matrix.package(name)):
        yield _Candidate(base, {})  # a package or a release without a wheel that the matrix does not know, and that was run
    release = minor(version(target.tensorflow.release.version))
    rows = list(newest_package(target.matrix, name, allowed, target.python, target.tensorflow.platform))
    if name in IN_STEP:
        rows.sort(key=lambda row: minor(version(row.version)) > release)
    rows.sort(key=lambda row: row.version != base)
    for row in rows:
        yield _Candidate(row.version, evaluated(row.requires or (), target.tensorflow.platform, target.python))


def _keras_candidates(target: _Target, allowed: SpecifierSet) -> Iterator[_Candidate]:
    rows = [row for row in reversed(target.matrix.keras) if row.package == "keras" and _contains(allowed, row.version)]
    for row in sorted(rows, key=lambda row: row.version != target.base.get("keras")):
        build = row.builds.get("any")
        if build and not row.yanked and admits(build.requires_python, target.python):
            yield _Candidate(row.version, _beside_tensorflow(target, build))


def _keras_release(target: _Target, keras: Package) -> _Candidate:
    """The Keras that was given, whatever is known of it."""
    release = target.matrix.release(keras.name, str(keras.version))
    build = release.builds.get("any") if release is not None else None
    return _Candidate(str(keras.version), _beside_tensorflow(target, build) if build is not None else {})


def _beside_tensorflow(target: _Target, build: Build) -> dict[str, SpecifierSet]:
    """What Keras requires but TensorFlow, which is there."""
    found = requirements_of(build, target.tensorflow.platform, target.python)
    return {name: allowed for name, allowed in found.items() if not name.startswith("tensorflow")}


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
