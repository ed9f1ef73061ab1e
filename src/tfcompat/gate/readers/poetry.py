"""The tables of poetry in a ``pyproject.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tfcompat.gate.declared import Pin
from tfcompat.gate.readers.dialects import poetry_specifier
from tfcompat.gate.readers.pep508 import package_name
from tfcompat.requirement_lines import shown

if TYPE_CHECKING:
    from tfcompat.gate.readers.taken import Taken
    from tfcompat.gate.readers.toml_places import TomlNode

__all__ = ["take_poetry"]

_ELSEWHERE = ("git", "path", "url", "file")


def take_poetry(taken: Taken, poetry: TomlNode) -> None:
    """The dependencies of ``[tool.poetry]`` and of its groups; one that is optional belongs to the extras that name it."""
    extras = _extras(poetry)
    for extra in {name: None for names in extras.values() for name in names}:
        taken.groups[extra] = None
    _table(taken, poetry.get("dependencies"), "tool.poetry.dependencies", "", extras)
    if (development := poetry.get("dev-dependencies")) is not None:
        taken.groups["dev"] = None
        _table(taken, development, "tool.poetry.dev-dependencies", "dev", {})
    for name, _, group in taken.table(poetry.get("group"), "tool.poetry.group"):
        taken.groups[name] = None
        _table(taken, group.get("dependencies"), f"the group {shown(name)}", name, {})


def _extras(poetry: TomlNode) -> dict[str, list[str]]:
    """Of each package the extras that name it."""
    table, extras = poetry.get("extras"), dict[str, list[str]]()
    for extra, _, names in table.entries() if table is not None else []:
        for name in names.elements():
            if name.string:
                extras.setdefault(canonicalize_name(name.string), []).append(extra)
    return extras


def _table(taken: Taken, table: TomlNode | None, what: str, group: str, extras: dict[str, list[str]]) -> None:
    for name, key, value in taken.table(table, what):
        if name == "python" and value.kind != "list":
            wanted = value.get("version") or value
            taken.take_python(wanted, None if wanted.string is None else poetry_specifier(wanted.string))
            continue
        for each in value.elements() or [value]:
            _dependency(taken, name, key, each, group, extras)


def _dependency(taken: Taken, name: str, key: TomlNode, value: TomlNode, group: str, extras: dict[str, list[str]]) -> None:
    version = value if value.kind == "scalar" else value.get("version")
    url = next((found.string for each in _ELSEWHERE if (found := value.get(each)) is not None and found.string), "")
    text = None if version is None else version.string
    if (version is None and value.kind != "map") or (version is not None and text is None) or (version is None and not value.entries()):
        wrong = version is not None or value.kind != "map"  # of another type than poetry takes
        taken.problem(value if value.kind != "map" else key, f"{shown(name)} has no version that can be read", grave=wrong)
        return
    specifier, package = poetry_specifier(text or ""), package_name(name)
    if package is None:
        taken.problem(key, f"{shown(name)!r} is not the name of a package")
        return
    if specifier is None:
        taken.problem(version or key, f"{shown(text or '')!r} of {shown(name)} is not one range of versions that can be read")
        return
    optional = (found := value.get("optional")) is not None and found.true
    named = value.get("extras")
    pin = Pin(
        package,
        specifier,
        taken.inner(key) if key.quoted else taken.place(key),
        taken.inner(version) if version is not None and specifier else None,
        tuple(sorted(canonicalize_name(each.string) for each in named.elements() if each.string)) if named is not None else (),
        _marker(value),
        group=group,
        url=url or "",
    )
    # an optional one that no extra names is never installed
    taken.pins.extend(pin._replace(group=extra) for extra in extras.get(pin.name, [])) if optional else taken.pins.append(pin)


def _marker(value: TomlNode) -> str:
    """The marker of a dependency, with what its keys ``python`` and ``platform`` say."""
    parts = []
    markers, python, platform = (
        found.string if (found := value.get(key)) is not None else None for key in ("markers", "python", "platform")
    )
    if markers:
        parts.append(f"({markers})" if python or platform else markers)
    for each in sorted(SpecifierSet(poetry_specifier(python) or ""), key=str) if python else []:
        parts.append(f'python_full_version {each.operator} "{each.version}"')
    if platform:
        parts.append(f'sys_platform == "{platform}"')
    return " and ".join(parts)
