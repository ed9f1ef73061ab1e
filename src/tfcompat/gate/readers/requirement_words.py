"""What an argument of ``pip install`` asks for: a requirement, a project, or something that cannot be followed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import FileArgument, Opaque
from tfcompat.gate.declared import Pin
from tfcompat.gate.readers.pep508 import read_requirement
from tfcompat.requirement_lines import masked, other_source

if TYPE_CHECKING:
    from tfcompat.gate.readers.calls import Call
    from tfcompat.gate.readers.shell_words import Field

__all__ = ["asked_for", "project"]

_PATH = re.compile(r"\.{0,2}/|~|\.\.?(?:\[|$)|[^@;<>=!]*/|[A-Za-z]:\\")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz|tgz|tar\.bz2)(?:\[[^]]*\])?\Z", re.I)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|file:|git\+")
_LENGTH_LIMIT = 2000


def asked_for(call: Call, field: Field) -> Pin | FileArgument | Opaque:
    """What the argument *field* of an install command stands for."""
    value = field.value
    if value is None or len(value) > _LENGTH_LIMIT:
        return _opaque(call, field)
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
    """What a URL, a repository or an archive brings, as far as its name says."""
    text = value.strip().partition("[")[0]
    found = _read(call, field, text) if other_source(text) is not None else None
    return found._replace(url=masked(value)) if found is not None else _opaque(call, field)


def _requirement(call: Call, field: Field, value: str) -> Pin | Opaque:
    return _read(call, field, value) or _opaque(call, field)


def _read(call: Call, field: Field, text: str) -> Pin | None:
    whole = call.place_of(field)
    found = read_requirement(text, lambda start, end: call.session.exact(field, start, end), whole)
    if not isinstance(found, Pin):
        return None
    return found._replace(version_place=None) if found.place is whole else found  # in pieces, it is not edited


def _opaque(call: Call, field: Field) -> Opaque:
    return Opaque(f"{call.name} install {field.shown[:80]}", call.place_of(field))
