"""What conda's files ask for: ``environment.yml`` and ``conda-lock.yml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.declared import Include, Pin, PinFile, Problem
from tfcompat.gate.readers.dialects import conda_name, conda_specifier, parse_match
from tfcompat.gate.readers.formats import newer_than_known
from tfcompat.gate.readers.pep508 import package_name
from tfcompat.gate.readers.pixi import read_pixi
from tfcompat.gate.readers.pixi_lock import read_pixi_lock
from tfcompat.gate.readers.platforms import PLATFORMS
from tfcompat.gate.readers.requirements import read_requirement_lines
from tfcompat.gate.readers.trees import Unreadable, parse_yaml
from tfcompat.requirement_lines import shown

if TYPE_CHECKING:
    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_conda_lock", "read_environment", "read_pixi", "read_pixi_lock"]


class _Taken:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.pins: list[Pin] = []
        self.includes: list[Include] = []
        self.indexes: list[str] = []
        self.problems: list[Problem] = []
        self.groups: dict[str, None] = {}
        self.python: tuple[str, Place] | None = None

    def file(self, lock_of: str = "") -> PinFile:
        return PinFile(
            self.source.name,
            tuple(self.pins),
            tuple(self.includes),
            self.python,
            tuple(self.groups),
            lock_of,
            tuple(self.indexes),
            hashes=bool(lock_of),
            problems=tuple(self.problems),
        )

    def place(self, node: Node) -> Place:
        return self.source.place(*node.span(self.source.text))

    def problem(self, node: Node, reason: str, grave: bool = False) -> None:
        self.problems.append(Problem(self.place(node), reason, grave))


def _document(source: Source) -> Node | Problem:
    try:
        documents = parse_yaml(source)
    except Unreadable as error:
        return Problem(error.place, error.reason, grave=True)
    if not documents or (documents[0].kind == "scalar" and documents[0].text is None):
        return Problem(source.place(0), "it is empty")
    if documents[0].kind != "map":
        return Problem(source.place(0), "it holds no table", grave=True)
    return documents[0]


def read_environment(source: Source) -> PinFile:
    """The pins of an ``environment.yml``: conda's, and those of the list below ``pip:``."""
    root = _document(source)
    if isinstance(root, Problem):
        return PinFile(source.name, (), problems=(root,))
    taken = _Taken(source)
    dependencies = root.get("dependencies")
    if (dependencies is not None and dependencies.kind != "list" and dependencies.text is not None) or (
        dependencies is not None and dependencies.kind == "map"
    ):
        taken.problem(dependencies, "dependencies is not a list", grave=True)
    for element in dependencies.elements() if dependencies is not None else []:
        pip = element.get("pip")
        if pip is not None:
            _pip(taken, pip)
        elif element.kind != "scalar" or not element.text:
            taken.problem(element, "dependencies holds something that is not a package")
        else:
            _match(taken, element, element.text)
    return taken.file()


def _match(taken: _Taken, node: Node, text: str) -> None:
    match, place = parse_match(text), taken.place(node)
    if match is None or match.specifier is None:
        taken.problem(node, f"{shown(text)!r} is not a package and one range of versions that can be read")
        return
    exact = taken.source.text[place.start : place.end] == text
    version_place = (
        taken.source.place(place.start + match.at[0], place.start + match.at[1]) if exact and match.at[1] > match.at[0] else None
    )
    taken.pins.append(Pin(match.name, match.specifier, place, version_place, kind="conda", build=match.build))
    if match.name == "python" and match.specifier and taken.python is None:
        taken.python = (match.specifier, place)


def _pip(taken: _Taken, pip: Node) -> None:
    """The list below ``pip:``, each of whose elements is a line of a requirements file."""
    if pip.kind != "list" and pip.text is not None:
        taken.problem(pip, "pip is not a list", grave=True)
    for element in pip.elements():
        if element.kind != "scalar" or not element.text:
            taken.problem(element, "pip holds something that is not a requirement")
            continue
        place = taken.place(element)
        exact = taken.source.text[place.start : place.end] == element.text
        read = read_requirement_lines(taken.source, element.text, place, exact)
        taken.pins.extend(read.pins)
        taken.includes.extend(read.includes)
        taken.indexes.extend(read.indexes)
        taken.problems.extend(read.problems)


def read_conda_lock(source: Source) -> PinFile:
    """The pins of a ``conda-lock.yml`` for the platforms of containers, conda's and pip's."""
    root = _document(source)
    if isinstance(root, Problem):
        return PinFile(source.name, (), lock_of="environment.yml", problems=(root,))
    taken = _Taken(source)
    packages, form = root.get("package"), root.get("version")
    if form is not None and (newer := newer_than_known("conda-lock", form.text)) is not None:
        taken.problem(form, newer, grave=True)
    if packages is None or packages.kind != "list":
        taken.problem(packages or root, "it is no lock file: package is not a list", grave=True)
    for element in packages.elements() if packages is not None else []:
        _locked(taken, element)
    return taken.file("environment.yml")


def _locked(taken: _Taken, element: Node) -> None:
    name, version = element.get("name"), element.get("version")
    texts = {
        key: (found.text if (found := element.get(key)) is not None else None) or ""
        for key in ("platform", "manager", "build", "category", "url")
    }
    if name is None or version is None or not name.text or not version.text or not texts["platform"]:
        taken.problem(name or element, "a package has no name, version or platform that can be read", grave=True)
        return
    if texts["platform"] not in PLATFORMS:
        return
    pip = texts["manager"] == "pip"
    specifier, package = conda_specifier(f"=={version.text}"), (package_name if pip else conda_name)(name.text)
    if specifier is None or package is None:
        taken.problem(version, f"{shown(version.text)!r} of {shown(name.text)} is not a version that can be read")
        return
    group = "" if texts["category"] in ("", "main") else texts["category"]
    if group:
        taken.groups[group] = None
    pin = Pin(
        package,
        specifier,
        taken.place(name),
        taken.place(version),
        kind="locked" if pip else "conda",
        group=group,
        build=texts["build"] or ("" if pip else _build(texts["url"])),
        platforms=(PLATFORMS[texts["platform"]],),
    )
    taken.pins.append(pin)
    if pin.name == "python" and not pip and taken.python is None:
        taken.python = (specifier, pin.place)


def _build(url: str) -> str:
    """The build of conda's ``.../NAME-VERSION-BUILD.conda``."""
    parts = url.rpartition("/")[2].removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
    return parts[2] if len(parts) == 3 else ""
