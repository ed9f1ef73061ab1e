"""Versions and specifiers as values, with the precision of their source kept.

``8``, ``8.9`` and ``8.9.7.29`` are three statements. :func:`same_prefix` and :func:`at_least`
compare only as far as both sides speak, and say when that is not far enough.
"""

from __future__ import annotations

from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from tfcompat.errors import RequestError

__all__ = ["at_least", "minor", "parse_specifier", "parse_version", "same_prefix", "version"]


_LENGTH_LIMIT = 1000  # characters


@lru_cache(maxsize=8192)
def version(text: str) -> Version:
    """The version that *text* spells. For text of our own; for a person's use :func:`parse_version`."""
    return Version(text)


def parse_version(text: str, what: str) -> Version:
    """A version a person typed. *what* names the place, as in ``--driver``."""
    text = _bounded(text, what)
    try:
        return version(text)
    except InvalidVersion:
        raise RequestError(f"{what}: {text!r} is not a version", "write for instance 2.15.1") from None


def _bounded(text: object, what: str) -> str:
    if not isinstance(text, str):
        raise RequestError(f"{what}: {text!r} is not text", "quote versions: as a number, 3.10 reads as 3.1")
    if len(text) > _LENGTH_LIMIT:
        raise RequestError(f"{what}: {text[:40]!r}... is longer than {_LENGTH_LIMIT} characters", "write for instance 2.15.1")
    return text.strip()


def parse_specifier(text: str, what: str) -> SpecifierSet:
    """A PEP 440 specifier a person typed; a bare version such as ``2.15`` means ``==2.15.*``.

    A bare version with a pre-, post- or development part (``2.15.0.post1``) means exactly itself.
    """
    text = _bounded(text, what)
    if not text:
        raise RequestError(f"{what}: nothing was given", "write 2.15, '>=2.15,<2.17' or '~=2.15', or leave it out")
    try:
        bare = version(text)
    except InvalidVersion:
        pass
    else:
        released = not (bare.is_prerelease or bare.is_postrelease or bare.local)
        return SpecifierSet(f"=={bare}.*" if released else f"=={bare}", prereleases=True)
    try:
        return SpecifierSet(text, prereleases=True)
    except InvalidSpecifier:
        raise RequestError(f"{what}: {text!r} is neither a version nor a specifier", "write 2.15, '>=2.15,<2.17' or '~=2.15'") from None


@lru_cache(maxsize=4096)
def minor(value: Version) -> Version:
    """Only major and minor: ``12.5`` of ``12.5.1``."""
    return version(f"{value.major}.{value.minor}")


def same_prefix(left: Version, right: Version) -> bool:
    """True when the two agree as far as both speak: ``8`` and ``8.9.7`` do, ``8.6`` and ``8.9`` do not."""
    return all(a == b for a, b in zip(left.release, right.release, strict=False))


def at_least(value: Version, floor: Version, parts: int) -> bool | None:
    """Whether *value* is at or above *floor*, looking at the first *parts* numbers.

    None when the first difference lies beyond what one side says: ``8`` against ``8.6``.
    """
    for index in range(parts):
        if index >= len(floor.release) or index >= len(value.release):
            return None
        if value.release[index] != floor.release[index]:
            return value.release[index] > floor.release[index]
    return True
