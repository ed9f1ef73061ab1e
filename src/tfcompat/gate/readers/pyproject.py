"""What a ``pyproject.toml`` asks for: PEP 621, dependency groups, and the tables of poetry, uv, pdm and pixi."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tfcompat.gate.declared import Include, PinFile, Problem
from tfcompat.gate.readers.pep508 import absurd, without_stars
from tfcompat.gate.readers.pixi import take_pixi
from tfcompat.gate.readers.poetry import take_poetry
from tfcompat.gate.readers.taken import Taken
from tfcompat.gate.readers.toml_places import parse_toml
from tfcompat.gate.readers.trees import Unreadable
from tfcompat.requirement_lines import masked, shown

if TYPE_CHECKING:
    from tfcompat.gate.readers.toml_places import TomlNode
    from tfcompat.gate.source import Source

__all__ = ["read_pyproject"]

_DEPTH = 20  # dependency groups inside of each other


def read_pyproject(source: Source) -> PinFile:
    """The pins of a ``pyproject.toml``. What its build needs (``[build-system]``) is not among them."""
    try:
        root = parse_toml(source)
    except Unreadable as error:
        return PinFile(source.name, (), problems=(Problem(error.place, error.reason, grave=True),))
    taken = Taken(source)
    _project(taken, root)
    _groups(taken, root)
    poetry = root.at("tool", "poetry")
    if poetry is not None and taken.table(poetry, "tool.poetry"):
        take_poetry(taken, poetry)
    _uv(taken, root)
    _named_lists(taken, root.at("tool", "pdm", "dev-dependencies"), "tool.pdm.dev-dependencies")
    pixi = root.at("tool", "pixi")
    if pixi is not None and taken.table(pixi, "tool.pixi"):
        take_pixi(taken, pixi)
    return taken.file()


def _project(taken: Taken, root: TomlNode) -> None:
    project = root.get("project")
    if project is None or not taken.table(project, "project"):
        return
    taken.requirements(project.get("dependencies"), "project.dependencies")
    _named_lists(taken, project.get("optional-dependencies"), "project.optional-dependencies")
    python = project.get("requires-python")
    if python is not None:
        taken.take_python(python, _pep440(python.string), grave=_pep440(without_stars(python.string or "?")) is None)
    dynamic = project.get("dynamic")
    if dynamic is not None and any(each.string == "dependencies" for each in dynamic.elements()):
        _dynamic(taken, root, dynamic)


def _dynamic(taken: Taken, root: TomlNode, dynamic: TomlNode) -> None:
    """Dependencies that setuptools reads from files; poetry's stand in a table of their own."""
    if root.at("tool", "poetry", "dependencies") is not None:
        return
    files = root.at("tool", "setuptools", "dynamic", "dependencies", "file")
    named = files.elements() if files is not None and files.kind == "list" else [files] if files is not None else []
    for each in named:
        if each.string:
            taken.includes.append(Include(each.string, False, taken.inner(each)))
    if not named:
        taken.problem(dynamic, "the dependencies are dynamic: another program tells them when the project is built")


def _pep440(text: str | None) -> str | None:
    try:
        return None if text is None or absurd(text) else str(SpecifierSet(text))
    except (InvalidSpecifier, ValueError):
        return None


def _named_lists(taken: Taken, table: TomlNode | None, what: str) -> None:
    """A table of lists of requirements, each of them a group."""
    for name, _, value in taken.table(table, what):
        taken.groups[name] = None
        taken.requirements(value, shown(name), name)


def _groups(taken: Taken, root: TomlNode) -> None:
    """PEP 735."""
    entries = taken.table(root.get("dependency-groups"), "dependency-groups")
    named = {_normal(name): value for name, _, value in entries}
    for name, _, _ in entries:
        taken.groups[name] = None
        _group(taken, named, name, name, (), set())


def _group(taken: Taken, named: dict[str, TomlNode], name: str, group: str, chain: tuple[str, ...], seen: set[str]) -> None:
    seen.add(_normal(name))
    value = named[_normal(name)]
    if value.kind != "list":
        taken.problem(value, f"{shown(name)} is not a list", grave=True)
    for element in value.elements():
        included = element.get("include-group")
        if element.kind != "map":
            taken.requirement(element, shown(name), group)
        elif included is None or included.string is None:
            taken.problem(element, f"{shown(name)} holds something that is not a requirement", grave=True)
        elif _normal(included.string) not in named:
            taken.problem(included, f"there is no group {shown(included.string)!r}", grave=True)
        elif _normal(included.string) in (*chain, _normal(name)):
            taken.problem(included, "groups include each other", grave=True)
        elif len(chain) >= _DEPTH:
            taken.problem(included, f"groups stand more than {_DEPTH} deep inside of each other")
        elif _normal(included.string) not in seen:
            _group(taken, named, included.string, group, (*chain, _normal(name)), seen)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _uv(taken: Taken, root: TomlNode) -> None:
    table = root.at("tool", "uv")
    if table is None or not taken.table(table, "tool.uv"):
        return
    dev = table.get("dev-dependencies")
    if dev is not None:
        taken.groups["dev"] = None
        taken.requirements(dev, "tool.uv.dev-dependencies", "dev")
    for key in ("constraint-dependencies", "override-dependencies"):
        taken.requirements(table.get(key), f"tool.uv.{key}", kind="constraint")
    indexes = table.get("index")
    for each in indexes.elements() if indexes is not None else []:
        url = each.get("url")
        if url is not None and url.string:
            taken.indexes.append(masked(f"--index-url {url.string}"))
    _sources(taken, table.get("sources"))


def _sources(taken: Taken, sources: TomlNode | None) -> None:
    """A package that comes from a repository, a path or a URL is not the one of the index."""
    elsewhere: dict[str, str] = {}
    for name, _, value in taken.table(sources, "tool.uv.sources"):
        for each in value.elements() or [value]:
            url = next((found.string for key in ("git", "path", "url") if (found := each.get(key)) is not None), None)
            if url:
                elsewhere.setdefault(_normal(name), url)
    taken.pins = [pin._replace(url=elsewhere[pin.name]) if pin.name in elsewhere and not pin.url else pin for pin in taken.pins]
