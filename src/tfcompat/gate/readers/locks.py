"""The lock files of uv, poetry, pdm and PEP 751: which version of each package, for whom.

A lock file is mostly lines that name files and hashes. They are passed over before tomllib reads the rest, and the places are
those of the lines that name a package.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from tfcompat.gate.declared import Pin, PinFile, Problem
from tfcompat.gate.readers.dialects import poetry_specifier
from tfcompat.gate.readers.formats import newer_than_known
from tfcompat.gate.readers.graph import both, conditions, either, groups_of
from tfcompat.gate.readers.pep508 import absurd, package_name
from tfcompat.gate.readers.pipfile_lock import read_pipfile_lock
from tfcompat.gate.readers.toml_places import load_toml, parse_toml
from tfcompat.gate.readers.trees import Unreadable
from tfcompat.requirement_lines import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tfcompat.gate.readers.toml_places import TomlNode
    from tfcompat.gate.source import Place, Source

    Table = Mapping[str, object]
    Packaged = tuple[Table, tuple[Place, Place | None]]

__all__ = ["read_pdm_lock", "read_pipfile_lock", "read_poetry_lock", "read_pylock", "read_uv_lock"]

_FILE = re.compile(
    r'^[ \t]+\{ ?(?:file|url) ?= ?"[^"\\\n]*"(?:, ?[\w-]+ ?= ?(?:"[^"\\\n]*"|[0-9A-Z:.-]+|\{ ?[\w-]+ ?= ?"[^"\\\n]*" ?\}))* ?\},?',
    re.M,
)
_HEADS = ("version", "metadata", "lock-version")
_HEADER = re.compile(r"^\[", re.M)
_LINE = re.compile(r'^(name|version) *= *"([^"\\\n]*)"', re.M)
_FORMATS = {
    "uv.lock": ("version",),
    "poetry.lock": ("metadata", "lock-version"),
    "pdm.lock": ("metadata", "lock_version"),
    "pylock": ("lock-version",),
}
# what the fields of a package are, where they are there
_TYPES: dict[str, dict[str, tuple[type, ...]]] = {
    "uv.lock": {
        "source": (dict,),
        "dependencies": (list,),
        "optional-dependencies": (dict,),
        "dev-dependencies": (dict,),
        "resolution-markers": (list,),
    },
    "poetry.lock": {
        "source": (dict,),
        "dependencies": (dict,),
        "groups": (list,),
        "markers": (str, dict),
        "optional": (bool,),
        "category": (str,),
    },
    "pdm.lock": {"dependencies": (list,), "groups": (list,), "marker": (str,)},
    "pylock": {"dependencies": (list,), "marker": (str,), "vcs": (dict,), "archive": (dict,), "directory": (dict,)},
}


def read_uv_lock(source: Source) -> PinFile:
    """The pins of a ``uv.lock``. What is only in a dependency group or an extra of the project has that group."""
    return _read(source, "uv.lock", "package", _uv)


def read_poetry_lock(source: Source) -> PinFile:
    """The pins of a ``poetry.lock``."""
    return _read(source, "poetry.lock", "package", _poetry)


def read_pdm_lock(source: Source) -> PinFile:
    """The pins of a ``pdm.lock``."""
    return _read(source, "pdm.lock", "package", _pdm)


def read_pylock(source: Source) -> PinFile:
    """The pins of a ``pylock.toml``, whose markers may ask for extras and dependency groups."""
    return _read(source, "pylock", "packages", _pylock)


class _Lock:
    """A lock file that is being read: its tables, and what comes of them."""

    def __init__(self, source: Source, kind: str, data: Table, tables: list[Table]) -> None:
        self.source = source
        self.kind = kind
        self.data = data
        self.tables = tables
        self.pins: list[Pin] = []
        self.problems: list[Problem] = []
        self.groups: dict[str, None] = {}
        self.python: str | None = None

    def _refused(self, place: Place, reason: str, grave: bool = True) -> None:
        self.problems.append(Problem(place, reason, grave))

    def judge(self, packages: list[Packaged]) -> None:
        """Say what the tool would refuse: a format of another time, fields of other types."""
        value: object = self.data
        for key in _FORMATS[self.kind]:
            value = _table(value).get(key)
        reason = newer_than_known(self.kind, None if value is None else str(value))
        if reason is not None:
            node = parse_toml(self.source).at(*_FORMATS[self.kind])
            self._refused(_place(self.source, node) if node is not None else self.source.place(0), reason)
        for table, place in packages:
            for key, types in _TYPES[self.kind].items():
                if key in table and not isinstance(table[key], types):
                    self._refused(place[0], f"{key} of {shown(_text(table.get('name')) or 'a package')} is not what such a file has there")

    def take(self, table: Table, place: tuple[Place, Place | None], groups: Iterable[str] = ("",), marker: str = "", url: str = "") -> None:
        name, version = package_name(_text(table.get("name")) or ""), _text(table.get("version"))
        if name is None or not (version or url):
            absent = name is not None and "version" not in table  # PEP 751 needs none
            self._refused(place[0], "a package has no name or no version that can be read", grave=not (absent and self.kind == "pylock"))
            return
        specifier = f"=={version}" if version else ""
        if version and (absurd(version) or poetry_specifier(specifier) is None):
            self._refused(place[0], f"{shown(version)!r} of {shown(name)} is not a version that can be read")
            return
        for group in groups:
            if group:
                self.groups.setdefault(group)
            self.pins.append(
                Pin(name, specifier, place[0], place[1] if version else None, marker=marker, kind="locked", group=group, url=url)
            )


def _read(source: Source, kind: str, key: str, take: Callable[[_Lock, list[Packaged]], None]) -> PinFile:
    lock_of = "" if kind == "pylock" else "pyproject.toml"
    try:
        data = load_toml(source, _FILE.sub("", source.text))
        packages = data.get(key, [])
        if not isinstance(packages, list) or not all(isinstance(each, dict) for each in packages):
            raise Unreadable(source.place(0), f"it is no lock file: {key} is not a list of tables")
        if key not in data and not any(each in data for each in _HEADS):  # a lock of nothing may leave the packages out
            raise Unreadable(source.place(0), "it is no lock file: it names no packages")
        lock = _Lock(source, kind, data, packages)
        places = _scanned(lock, key) or _parsed(lock, key)
    except Unreadable as error:
        return PinFile(source.name, (), lock_of=lock_of, problems=(Problem(error.place, error.reason, grave=True),))
    packaged = list(zip(lock.tables, places, strict=True))
    lock.judge(packaged)
    take(lock, packaged)
    python = _python(lock)
    return PinFile(source.name, tuple(lock.pins), (), python, tuple(lock.groups), lock_of, hashes=True, problems=tuple(lock.problems))


def _python(lock: _Lock) -> tuple[str, Place] | None:
    if lock.python is None:
        return None
    specifier = poetry_specifier(lock.python)
    at = lock.source.text.find(lock.python)
    place = lock.source.place(max(at, 0), at + len(lock.python) if at >= 0 else 0)
    if specifier is None:
        reason = f"{shown(lock.python)!r} is not a range of Python versions that can be read"
        lock.problems.append(Problem(place, reason, grave="|" not in lock.python))  # poetry has alternatives
    return (specifier, place) if specifier else None


def _scanned(lock: _Lock, key: str) -> list[tuple[Place, Place | None]]:
    """The places of names and versions as tools write them, nothing at all where the file is written in another way."""
    text, source = lock.source.text, lock.source
    headers = [found.start() for found in re.finditer(rf"^\[\[{key}\]\]", text, re.M)]
    if len(headers) != len(lock.tables):
        return []
    places = []
    for start, table in zip(headers, lock.tables, strict=True):
        after = _HEADER.search(text, start + 1 + len(key))
        spans = {line[1]: (line[2], line.span(2)) for line in _LINE.finditer(text, start, after.start() if after else len(text))}
        if "name" not in spans or any(spans.get(each, (None,))[0] != table.get(each) for each in ("name", "version")):
            return []
        places.append((source.place(*spans["name"][1]), source.place(*spans["version"][1]) if "version" in spans else None))
    return places


def _parsed(lock: _Lock, key: str) -> list[tuple[Place, Place | None]]:
    packages, places = parse_toml(lock.source).get(key), []
    for node in packages.elements() if packages is not None else []:
        name, version = node.get("name") or node, node.get("version")
        places.append((_place(lock.source, name), _place(lock.source, version) if version is not None else None))
    return places


def _place(source: Source, node: TomlNode) -> Place:
    return source.place(*((node.inside(0, len(node.string or "")) if node.quoted else None) or (node.start, node.end)))


def _uv(lock: _Lock, packages: list[Packaged]) -> None:
    lock.python = _text(lock.data.get("requires-python"))
    groups = _uv_groups(lock)
    needed = conditions(_edges(lock.tables))
    for table, place in packages:
        source = _table(table.get("source"))
        if any(key in source for key in ("editable", "virtual", "directory")):
            continue
        name, forks = _name(table), [each for each in _items(table.get("resolution-markers")) if isinstance(each, str)]
        marker = both(either(forks), needed.get((name, _text(table.get("version")))) or needed.get((name, None)) or "")
        url = next((text for key in ("git", "url", "path") if (text := _text(source.get(key)))), "")
        lock.take(table, place, groups.get(name, ("",)), marker, url)


def _uv_groups(lock: _Lock) -> dict[str, tuple[str, ...]]:
    """Of each package who needs it. An extra of a package is followed as if it were always asked for."""
    edges: dict[str, list[str]] = {}
    wanted: dict[str, list[str]] = {}
    for table in lock.tables:
        name, own = _name(table), _names(table.get("dependencies"))
        optional = {**_table(table.get("optional-dependencies")), **_table(table.get("dev-dependencies"))}
        if any(key in _table(table.get("source")) for key in ("editable", "virtual")):
            wanted.setdefault("", []).extend(own)
            for group, names in optional.items():
                wanted.setdefault(group, []).extend(_names(names))
                lock.groups[group] = None
        else:
            for names in optional.values():
                own += _names(names)
        edges.setdefault(name, []).extend(own)
    return groups_of(edges, wanted)


def _edges(tables: list[Table]) -> Iterator[tuple[str, str | None, str]]:
    """Name, version where it is said, and marker of everything that some package requires."""
    for table in tables:
        optional = {**_table(table.get("optional-dependencies")), **_table(table.get("dev-dependencies"))}
        for each in chain(_items(table.get("dependencies")), *map(_items, optional.values())):
            edge = _table(each)
            yield _name(edge), _text(edge.get("version")), _text(edge.get("marker")) or ""


def _poetry(lock: _Lock, packages: list[Packaged]) -> None:
    lock.python = _text(_table(lock.data.get("metadata")).get("python-versions"))
    extras: dict[str, list[str]] = {
        name: [canonicalize_name(each) for each in _items(names) if isinstance(each, str)]
        for name, names in _table(lock.data.get("extras")).items()
    }
    edges: dict[str, list[str]] = {
        _name(table): [canonicalize_name(name) for name in _table(table.get("dependencies"))] for table in lock.tables
    }
    needed = groups_of(edges, extras)
    for table, place in packages:
        source = _table(table.get("source"))
        if source.get("type") == "directory":
            continue
        url = "" if source.get("type") == "legacy" else _text(source.get("url")) or ""
        named = [each for each in _items(table.get("groups")) if isinstance(each, str)] or [_text(table.get("category")) or "main"]
        for group in named:
            markers = table.get("markers")
            marker = _text(_table(markers).get(group)) if isinstance(markers, dict) else _text(markers)
            groups: tuple[str, ...] = ("" if group == "main" else group,)
            if groups == ("",) and table.get("optional") is True:  # some extra brings it
                groups = needed.get(_name(table), ("optional",))
            lock.take(table, place, groups, marker or "", url)


def _pdm(lock: _Lock, packages: list[Packaged]) -> None:
    targets = [_text(_table(each).get("requires_python")) for each in _items(_table(lock.data.get("metadata")).get("targets"))]
    lock.python = targets[0] if len(targets) == 1 else None
    for table, place in packages:
        url = next((text for key in ("git", "url") if (text := _text(table.get(key)))), "")
        if "path" in table and not url:
            continue
        groups = [each for each in _items(table.get("groups")) if isinstance(each, str)] or ["default"]
        lock.take(table, place, [""] if "default" in groups else groups, _text(table.get("marker")) or "", url)


def _pylock(lock: _Lock, packages: list[Packaged]) -> None:
    lock.python = _text(lock.data.get("requires-python"))
    usual = {each for each in _items(lock.data.get("default-groups")) if isinstance(each, str)}
    for key in ("extras", "dependency-groups"):
        lock.groups.update(dict.fromkeys(each for each in _items(lock.data.get(key)) if isinstance(each, str) and each not in usual))
    for table, place in packages:
        if "directory" in table:
            continue
        url = next((text for key in ("vcs", "archive") if (text := _text(_table(table.get(key)).get("url")))), "")
        lock.take(table, place, marker=_text(table.get("marker")) or "", url=url)


def _name(table: Mapping[str, object]) -> str:
    return canonicalize_name(_text(table.get("name")) or "")


def _names(dependencies: object) -> list[str]:
    return [canonicalize_name(name) for each in _items(dependencies) if (name := _text(_table(each).get("name")))]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
