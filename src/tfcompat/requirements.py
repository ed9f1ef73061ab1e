"""What the wheels require of their neighbours, for a target interpreter, and the caps learned beyond that."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tfcompat.platforms import environment
from tfcompat.versions import version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.matrix.records import Build, Cap, Release
    from tfcompat.stack import Tensorflow

__all__ = ["cap_on", "evaluated", "requirements_of", "specifier_of"]

_SOME_PYTHON = "3.10"


def requirements_of(build: Build, platform: str, python: Version | None, extra: str | None = None) -> dict[str, SpecifierSet]:
    """What *build* requires on *platform* with *python*, by canonical name; with *extra*, what the extra adds."""
    return evaluated(tuple(build.extras.get(extra, ()) if extra else build.requires), platform, python)


def evaluated(lines: tuple[str, ...], platform: str, python: Version | None) -> dict[str, SpecifierSet]:
    """Those of the requirement *lines* that hold on *platform* with *python*, by canonical name; not to be changed."""
    return _evaluated(lines, platform, f"{python.major}.{python.minor}" if python is not None else _SOME_PYTHON)


@lru_cache(maxsize=4096)
def _evaluated(lines: tuple[str, ...], platform: str, python: str) -> dict[str, SpecifierSet]:
    target = environment(platform, python)
    found: dict[str, SpecifierSet] = {}
    for line in lines:
        requirement = _parse(line)
        if requirement.marker is None or requirement.marker.evaluate(target):
            name = canonicalize_name(requirement.name)
            found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


@lru_cache(maxsize=2048)
def _parse(line: str) -> Requirement:
    return Requirement(line)


def specifier_of(tensorflow: Tensorflow, name: str, python: Version | None) -> SpecifierSet | None:
    """The range of *name* that this wheel names, None where it names none."""
    if tensorflow.build is None:
        return None
    return requirements_of(tensorflow.build, tensorflow.platform, python).get(name)


def cap_on(matrix: Matrix, release: Release, name: str) -> Cap | None:
    """The learned cap on *name* beside *release*, if there is one."""
    for cap in matrix.caps:
        if cap.package == name and _applies(cap.when, release.version):
            return cap
    return None


@lru_cache(maxsize=2048)
def _applies(when: str, text: str) -> bool:
    return _parse(when).specifier.contains(version(text), prereleases=True)
