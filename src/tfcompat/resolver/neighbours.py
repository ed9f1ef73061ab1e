"""The packages that were wished for, each at its newest release that the rules accept beside a TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tfcompat.pins import admits, newest_package
from tfcompat.rules import Finding
from tfcompat.stack import Fact, Package, Tensorflow
from tfcompat.versions import version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.resolver.request import Wish

__all__ = ["Judge", "NoneFits", "choose_keras", "choose_packages"]

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

    def with_keras(package: Package) -> Facts:
        added = {**facts, package.name: Fact(package.name, package, wish.where)}
        if package.name == "tf-keras":
            added["env"] = Fact("env", _LEGACY, "set by the plan")
        return added

    found = _first(wish.name, wish, _keras_releases(matrix, wish, python, keras_3), with_keras, "keras", judge)
    return with_keras(found)


def _keras_releases(matrix: Matrix, wish: Wish, python: Version, keras_3: bool) -> Iterator[Package]:
    for name in ("tf-keras",) if wish.name == "tf-keras" else ("keras", "tf-keras"):
        for row in reversed(matrix.keras):
            build = row.builds.get("any")
            if row.package != name or build is None or row.yanked or not wish.value.contains(row.version):
                continue
            keras_2 = version(row.version).major < 3
            if (wish.name == "tf-keras" or (name == "tf-keras") == (keras_2 and keras_3)) and admits(build.requires_python, python):
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
