"""The packages that were wished for, each at its newest release that the rules accept beside a TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from tfcompat.pins import admits, newest_package
from tfcompat.rules import Finding
from tfcompat.stack import Fact, Package, Tensorflow
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.resolver.request import Wish

__all__ = ["Judge", "NoneFits", "choose_keras", "choose_keras_for_models", "choose_packages"]

Facts = dict[str, Fact]
Judge = Callable[[Mapping[str, Fact], str], list[Finding]]  # the rejections of a step, given the facts

_KERAS_3 = version("2.16")
_LEGACY = {"TF_USE_LEGACY_KERAS": "1"}


class NoneFits(Exception):
    """No release fits. ``rejections`` says why; it is empty where the index has no release in the range at all."""

    def __init__(self, name: str, wish: Wish, rejections: list[Finding]) -> None:
        super().__init__(name)
        self.name = name
        self.wish = wish
        self.rejections = rejections


def choose_packages(matrix: Matrix, wishes: Mapping[str, Wish], facts: Facts, python: Version, platform: str, judge: Judge) -> Facts:
    """The facts with a ``package`` fact for every wish the matrix covers. Raises :class:`NoneFits`."""
    chosen = []
    for key, wish in wishes.items():
        name = key.partition(":")[2]
        allowed = wish.range_for(platform, python)
        if key.startswith("package:") and matrix.package(name) and allowed is not None:
            releases = (Package(name, version(r.version)) for r in newest_package(matrix, name, allowed, python, platform))
            chosen.append(_first(name, wish, releases, partial(_with_package, facts, wish), "package", judge))
    if not chosen:
        return facts
    where = ", ".join(dict.fromkeys(w.where for n, w in wishes.items() if n.startswith("package:")))
    return {**facts, "package": Fact("package", tuple(chosen), where)}


def _with_package(facts: Facts, wish: Wish, package: Package) -> Facts:
    return {**facts, "package": Fact("package", (package,), wish.where)}


def choose_keras(matrix: Matrix, wish: Wish, facts: Facts, tensorflow: Tensorflow, python: Version, judge: Judge) -> Facts:
    """The facts with the Keras that was wished for. Raises :class:`NoneFits`.

    Keras 2 beside TensorFlow 2.16 or newer is tf-keras and its variable.
    """
    keras_3 = version(tensorflow.release.version) >= _KERAS_3

    with_keras = partial(_with_keras, facts, wish)
    names = ("tf-keras",) if wish.name == "tf-keras" else ("keras", "tf-keras")
    releases = (
        package
        for name in names
        for package in _keras_releases(matrix, name, python)
        if wish.value.contains(package.version)
        and (wish.name == "tf-keras" or (name == "tf-keras") == (package.version.major < 3 and keras_3))
    )
    return with_keras(_first(wish.name, wish, releases, with_keras, "keras", judge))


def choose_keras_for_models(
    matrix: Matrix, wish: Wish, facts: Facts, tensorflow: Tensorflow, python: Version, legacy: bool, judge: Judge
) -> Facts:
    """The facts with a Keras that loads the models that were wished for. Raises :class:`NoneFits`.

    Where TensorFlow leaves the choice (from 2.16 on): tf-keras where *legacy*, else Keras 3, the release of the pins first.
    """
    if version(tensorflow.release.version) < _KERAS_3:
        rejections = judge(facts, "keras")
        if rejections:
            raise NoneFits(wish.name, wish, rejections)
        return facts
    pinned = matrix.pin_set(tensorflow.release.version, python, "keras")
    first = [Package("keras", version(pinned.pins["keras"]))] if pinned is not None and "keras" in pinned.pins else []
    with_keras = partial(_with_keras, facts, wish)
    keras = (p for p in _keras_releases(matrix, "keras", python) if p.version.major >= 3)
    tf_keras = (p for p in _keras_releases(matrix, "tf-keras", python) if minor(p.version) == minor(version(tensorflow.release.version)))
    told: dict[str, Finding] = {}
    for package in chain(tf_keras, first, keras) if legacy else chain(first, keras, tf_keras):
        rejections = judge(with_keras(package), "keras")
        if not rejections:
            return with_keras(package)
        for finding in rejections:
            told.setdefault(finding.rule.id, finding)
    raise NoneFits(wish.name, wish, list(told.values()))


def _with_keras(facts: Facts, wish: Wish, package: Package) -> Facts:
    added = {**facts, package.name: Fact(package.name, package, wish.where)}
    if package.name == "tf-keras":
        added["env"] = Fact("env", _LEGACY, "set by the plan")
    return added


def _keras_releases(matrix: Matrix, name: str, python: Version) -> Iterator[Package]:
    """The releases of keras or tf-keras that this interpreter takes, newest first."""
    for row in reversed(matrix.keras):
        build = row.builds.get("any")
        if row.package == name and build is not None and not row.yanked and admits(build.requires_python, python):
            yield Package(name, version(row.version))


def _first(
    name: str, wish: Wish, packages: Iterator[Package], with_package: Callable[[Package], Facts], step: str, judge: Judge
) -> Package:
    """The first that no rule rejects. The rejections told are those of the newest."""
    told: list[Finding] = []
    for package in packages:
        rejections = judge(with_package(package), step)
        if not rejections:
            return package
        told = told or rejections
    raise NoneFits(name, wish, told)
