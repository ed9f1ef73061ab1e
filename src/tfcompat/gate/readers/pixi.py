"""The tables of pixi, in a ``pixi.toml`` or below ``[tool.pixi]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from tfcompat.gate.declared import Pin, PinFile, Problem
from tfcompat.gate.readers.dialects import conda_name, conda_specifier, poetry_specifier
from tfcompat.gate.readers.pep508 import package_name
from tfcompat.gate.readers.platforms import PLATFORMS
from tfcompat.gate.readers.taken import Taken
from tfcompat.gate.readers.toml_places import parse_toml
from tfcompat.gate.readers.trees import Unreadable
from tfcompat.requirement_lines import shown

if TYPE_CHECKING:
    from tfcompat.gate.readers.toml_places import TomlNode
    from tfcompat.gate.source import Source

__all__ = ["read_pixi", "take_pixi"]

_ELSEWHERE = ("git", "path", "url")
_TABLES = ("dependencies", "host-dependencies", "build-dependencies", "pypi-dependencies")


def read_pixi(source: Source) -> PinFile:
    """The pins of a ``pixi.toml``: conda's, and those of the package index. Each feature is a group."""
    try:
        root = parse_toml(source)
    except Unreadable as error:
        return PinFile(source.name, (), problems=(Problem(error.place, error.reason, grave=True),))
    taken = Taken(source)
    take_pixi(taken, root)
    return taken.file()


def take_pixi(taken: Taken, root: TomlNode) -> None:
    """What stands in *root*, in its targets, and in its features and theirs."""
    _feature(taken, root, "")
    for name, _, feature in taken.table(root.get("feature"), "feature"):
        group = "" if name == "default" else name
        if group:
            taken.groups[group] = None
        _feature(taken, feature, group)


def _feature(taken: Taken, feature: TomlNode, group: str) -> None:
    _tables(taken, feature, group, None)
    for name, _, target in taken.table(feature.get("target"), "target"):
        platforms = tuple(PLATFORMS[each] for each in PLATFORMS if each == name or name in ("linux", "unix"))
        if platforms:
            _tables(taken, target, group, platforms)


def _tables(taken: Taken, parent: TomlNode, group: str, platforms: tuple[str, ...] | None) -> None:
    for title in _TABLES:
        for name, key, value in taken.table(parent.get(title), title):
            _dependency(
                taken, name, key, value, Pin("", "", taken.place(key), group=group, platforms=platforms), title == "pypi-dependencies"
            )


def _dependency(taken: Taken, name: str, key: TomlNode, value: TomlNode, like: Pin, pypi: bool) -> None:
    version = value if value.kind == "scalar" else value.get("version")
    url = next((found.string for each in _ELSEWHERE if (found := value.get(each)) is not None and found.string), "") or ""
    text = None if version is None else version.string
    if value.kind == "list" or (version is not None and text is None):
        taken.problem(value if value.kind != "map" else key, f"{shown(name)} has no version that can be read", grave=True)
        return
    if pypi and url and _is_here(url):  # the project itself, as a rule
        return
    specifier, package = (poetry_specifier(text or ""), package_name(name)) if pypi else (conda_specifier(text or ""), conda_name(name))
    if package is None:
        taken.problem(key, f"{shown(name)!r} is not the name of a package")
        return
    if specifier is None:
        taken.problem(version or key, f"{shown(text or '')!r} of {shown(name)} is not one range of versions that can be read")
        return
    extras, build = value.get("extras"), value.get("build")
    pin = like._replace(
        name=package,
        specifier=specifier,
        version_place=taken.inner(version) if version is not None and specifier else None,
        extras=tuple(sorted(canonicalize_name(each.string) for each in extras.elements() if each.string)) if extras is not None else (),
        kind="requirement" if pypi else "conda",
        build=(build.string or "") if build is not None else "",
        url=url,
    )
    taken.pins.append(pin)
    if pin.name == "python" and not pypi and not pin.group:
        taken.take_python(version, specifier)


def _is_here(path: str) -> bool:
    return path.rstrip("/") in (".", "")
