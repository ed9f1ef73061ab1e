"""One requirement as PEP 508 has it, with the place of each part."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from tfcompat.gate.declared import Pin, Problem
from tfcompat.requirement_lines import masked, other_source, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.gate.declared import PinKind
    from tfcompat.gate.source import Place

    Locate = Callable[[int, int], Place | None]

__all__ = ["absurd", "package_name", "read_requirement", "without_stars"]

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"

_PARTS = re.compile(rf"\s*(?P<head>(?P<name>{_NAME})\s*(?:\[[^\]]*\])?)\s*(?P<rest>[^;]*)", re.S)
_URL = re.compile(r"\s*(?P<head>[^\s@\[]+\s*(?:\[[^\]]*\])?\s*@\s*\S+)")
_EGG = re.compile(rf"[#&]egg=({_NAME})")
_FILE = re.compile(rf"({_NAME})-v?\d[\w.+!]*(?:-[^/]+\.whl|\.tar\.gz|\.tar\.bz2|\.zip)")
_WHEEL = re.compile(r"([A-Za-z0-9_.]+)-([0-9][A-Za-z0-9_.!+]*)(?:-[0-9][^-/]*)?-[^-/]+-[^-/]+-[^-/]+\.whl")
_ORDERED_STAR = re.compile(r"([<>]=?\s*[0-9][0-9.]*)\.\*")
_LONG = 300  # characters of a file name
_DIGITS = re.compile(r"\d{40}")


def absurd(version: str) -> bool:
    """Whether a version has numbers that no release has, and that take long to be compared."""
    return _DIGITS.search(version) is not None or len(version) > 2000


def package_name(text: str) -> str | None:
    """The canonical name of a package, None for what is none."""
    return canonicalize_name(text) if re.fullmatch(_NAME, text) else None


def _brought(source: str) -> tuple[str | None, str]:
    """The name of what a URL, a repository or a path brings, None where it does not say, and the specifier where a wheel's name tells it."""
    file = unquote(re.split(r"[#?\s\[]", source, maxsplit=1)[0]).replace("\\", "/").rpartition("/")[2]
    egg, short = _EGG.search(source), len(file) <= _LONG
    wheel = _WHEEL.fullmatch(file) if short and not egg else None
    if wheel is not None:
        return canonicalize_name(wheel[1]), _exactly(wheel[2].replace("_", "+"))
    found = egg or (_FILE.fullmatch(file) if short else None)
    return (canonicalize_name(found[1]) if found else None), ""


def _exactly(version: str) -> str:
    try:
        return "" if absurd(version) else str(SpecifierSet(f"=={version}"))
    except (InvalidSpecifier, ValueError):
        return ""


def read_requirement(text: str, locate: Locate, whole: Place, kind: PinKind = "requirement", group: str = "") -> Pin | Problem | None:
    """The pin that *text* is, a problem where it cannot be read (grave where pip cannot read it either), None for a path whose name is not told.

    *locate* gives the place of the characters from one offset of *text* to another, None where that is not known; *whole* is
    the place of all of it.
    """
    if (what := other_source(text)) is not None:
        source = text.partition(" ;")[0].strip()
        name, specifier = _brought(source)
        if name is not None:
            return Pin(name, specifier, whole, kind=kind, group=group, url=masked(source), marker=text.partition(" ;")[2].strip())
        return None if what == "a path" else Problem(whole, f"{shown(source)!r} does not say which package it brings")
    if absurd(text):
        return _refused(text, whole, "it is too long", grave="@" not in text)  # of a URL, that is no fault
    try:
        read = Requirement(text)
    except RecursionError:
        return _refused(text, whole, "it is nested too deeply")
    except (InvalidRequirement, ValueError) as error:
        return _refused(text, whole, shown(str(error).partition("\n")[0]), grave=not _read_by_older_pips(text))
    if package_name(read.name) is None:  # packaging takes names that end in punctuation, and no package has one
        return _refused(text, whole, f"{shown(read.name)!r} is no name of a package")
    place, version_place = _places(text, read, locate, whole)
    name, (brought, specifier) = canonicalize_name(read.name), _brought(read.url or "")
    return Pin(
        name,
        str(read.specifier) if not read.url else specifier if brought == name else "",
        place,
        version_place,
        tuple(sorted(canonicalize_name(extra) for extra in read.extras)),
        text.partition(" ;" if read.url else ";")[2].strip() if read.marker else "",
        kind,
        group,
        masked(read.url or ""),
    )


def _refused(text: str, whole: Place, why: str, grave: bool = True) -> Problem:
    return Problem(whole, f"{shown(text)!r} is not a requirement that can be read: {why}", grave)


def without_stars(text: str) -> str:
    """``>=1.0`` for ``>=1.0.*``, which was allowed once."""
    return _ORDERED_STAR.sub(r"\1", text)


def _read_by_older_pips(text: str) -> bool:
    """Whether nothing but ``>=1.0.*`` is wrong, which pip took before 24.1."""
    plain = without_stars(text)
    try:
        return plain != text and bool(Requirement(plain))
    except (InvalidRequirement, ValueError, RecursionError):
        return False


def _places(text: str, read: Requirement, locate: Locate, whole: Place) -> tuple[Place, Place | None]:
    parts = (_URL if read.url else _PARTS).match(text)
    if parts is None:
        return whole, None
    start, end = parts.span("head")
    if read.url or not read.specifier:
        return locate(start, start + len(text[start:end].rstrip())) or whole, None
    first, last = parts.start("rest"), parts.start("rest") + len(parts["rest"].rstrip())
    return locate(start, last) or whole, locate(first, last)
