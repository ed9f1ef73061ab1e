"""What an argument of ``pip install`` asks for: a requirement, a project, or something that cannot be followed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import FileArgument, Opaque
from tfcompat.gate.declared import Pin

if TYPE_CHECKING:
    from tfcompat.gate.readers.calls import Call
    from tfcompat.gate.readers.shell_words import Field

__all__ = ["asked_for", "project"]

_PARTS = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*([^;@]*)")
_PATH = re.compile(r"\.{0,2}/|~|\.\.?(?:\[|$)|[^@;<>=!]*/|[A-Za-z]:\\")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)(?:\[[^]]*\])?\Z", re.I)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|file:|git\+")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_WHEEL = re.compile(r"([A-Za-z0-9_.]+)-([0-9][A-Za-z0-9_.!+]*)(?:-[0-9][^-/]*)?-[^-/]+-[^-/]+-[^-/]+\.whl")
_LENGTH_LIMIT = 2000


def asked_for(call: Call, field: Field) -> Pin | FileArgument | Opaque:
    """What the argument *field* of an install command stands for."""
    value = field.value
    if value is None or len(value) > _LENGTH_LIMIT:
        return Opaque(f"{call.name} install {field.shown[:80]}", call.place_of(field))
    if " @ " in value:
        return _requirement(call, field, value)
    if _URL.match(value) or _ARCHIVE.search(value.strip()):
        return _archive(call, field, value)
    if _PATH.match(value):
        return project(call, field)
    return _requirement(call, field, value)


def project(call: Call, field: Field) -> FileArgument:
    """A folder with a project, with the extras behind it: ``.[gpu,test]``."""
    path, bracket, extras = field.shown.partition("[")
    part = field.part(0, len(path))
    names = tuple(name.strip() for name in extras.rstrip("]").split(",")) if bracket else ()
    return FileArgument(call.session.path(part), "project", call.place_of(field), names)


def _archive(call: Call, field: Field, value: str) -> Pin | Opaque:
    from packaging.utils import canonicalize_name

    egg, wheel = _EGG.search(value), _WHEEL.fullmatch(value.partition("#")[0].rpartition("/")[2].partition("[")[0])
    found = egg or wheel
    if found is None:
        return Opaque(f"{call.name} install {value[:80]}", call.place_of(field))
    specifier = f"=={wheel[2].replace('_', '+')}" if wheel and not egg else ""
    return Pin(canonicalize_name(found[1]), _specifier(specifier), call.place_of(field), url=value)


def _specifier(text: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return ""


def _requirement(call: Call, field: Field, value: str) -> Pin | Opaque:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        requirement = Requirement(value)
    except (InvalidRequirement, RecursionError):
        return Opaque(f"{call.name} install {value[:80]}", call.place_of(field))
    parts = _PARTS.match(value)
    place, version_place = call.place_of(field), None
    if parts is not None and not requirement.url:
        end = parts.start() + len(parts[0].rstrip())
        exact = call.session.exact(field, parts.start(1), end)
        place = exact or call.session.source.place(field.start, field.end)
        if exact is not None and parts[2].strip():
            version_place = call.session.exact(field, parts.start(2), end)
    return Pin(
        canonicalize_name(requirement.name),
        str(requirement.specifier),
        place,
        version_place,
        tuple(sorted(requirement.extras)),
        str(requirement.marker or ""),
        url=requirement.url or "",
    )
