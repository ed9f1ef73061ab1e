"""A ``Pipfile.lock``: JSON, one table of packages for each category."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from tfcompat.gate.declared import Pin, PinFile, Problem
from tfcompat.gate.readers.dialects import poetry_specifier
from tfcompat.gate.readers.formats import newer_than_known
from tfcompat.gate.readers.pep508 import package_name
from tfcompat.gate.readers.trees import Unreadable, parse_json
from tfcompat.requirement_lines import shown

if TYPE_CHECKING:
    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_pipfile_lock"]


def read_pipfile_lock(source: Source) -> PinFile:
    """The pins of a ``Pipfile.lock``. ``default`` is always installed; each other category is a group."""
    try:
        root = parse_json(source)
    except Unreadable as error:
        return PinFile(source.name, (), lock_of="Pipfile", problems=(Problem(error.place, error.reason, grave=True),))
    pins: list[Pin] = []
    problems: list[Problem] = []
    categories = [(key.text or "", value) for key, value in root.items() if key.text != "_meta"]
    if root.kind != "map":
        problems.append(Problem(source.place(0), "it is no Pipfile.lock: it is not a table", grave=True))
    newer = newer_than_known("Pipfile.lock", spec.text) if (spec := root.at("_meta", "pipfile-spec")) is not None else None
    if spec is not None and newer is not None:
        problems.append(Problem(source.place(spec.start, spec.end), newer, grave=True))
    for category, table in categories:
        if table.kind != "map":
            problems.append(Problem(source.place(table.start, table.end), f"{shown(category)} is not a table of packages", True))
        for key, value in table.items():
            found = _pin(source, key, value, "" if category == "default" else category)
            (pins if isinstance(found, Pin) else problems).append(found)  # type: ignore[arg-type]
    groups = tuple(category for category, _ in categories if category != "default")
    return PinFile(source.name, tuple(pins), (), _python(source, root), groups, "Pipfile", hashes=True, problems=tuple(problems))


def _pin(source: Source, key: Node, value: Node, group: str) -> Pin | Problem:
    place = source.place(*key.span(source.text))
    version = value.get("version")
    url = next((found.text for each in ("git", "file", "path") if (found := value.get(each)) is not None and found.text), "") or ""
    text = "" if version is None or not version.quoted else version.text or ""
    specifier = poetry_specifier(text)
    name = package_name(key.text or "")
    if specifier is None or name is None or (not specifier and not url):
        wrong = value.kind != "map" or (version is not None and not version.quoted)
        return Problem(place, f"{shown(key.text or '')} has no version that can be read", grave=wrong)
    extras, markers = value.get("extras"), value.get("markers")
    return Pin(
        name,
        specifier,
        place,
        source.place(*version.span(source.text)) if version is not None and specifier else None,
        tuple(sorted(canonicalize_name(each.text) for each in extras.elements() if each.text)) if extras is not None else (),
        (markers.text or "") if markers is not None else "",
        "locked",
        group,
        url,
    )


def _python(source: Source, root: Node) -> tuple[str, Place] | None:
    for key, suffix in (("python_version", ".*"), ("python_full_version", "")):
        node = root.at("_meta", "requires", key)
        if node is not None and node.text and re.fullmatch(r"\d{1,3}(\.\d{1,3}){0,2}", node.text):
            return f"=={node.text}{suffix}", source.place(*node.span(source.text))
    return None
