"""A ``pixi.lock``, versions 4 to 6: environments list URLs, and a list of packages says more about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from tfcompat.gate.declared import Pin, PinFile, Problem
from tfcompat.gate.readers.dialects import conda_name, conda_specifier
from tfcompat.gate.readers.formats import newer_than_known
from tfcompat.gate.readers.pep508 import package_name
from tfcompat.gate.readers.platforms import PLATFORMS
from tfcompat.gate.readers.trees import Unreadable, parse_yaml
from tfcompat.requirement_lines import shown

if TYPE_CHECKING:
    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_pixi_lock"]


class _Package(NamedTuple):
    """A package as the list describes it; ``build`` only conda's have."""

    name: str
    version: str
    build: str
    place: Place
    version_place: Place | None
    conda: bool


def read_pixi_lock(source: Source) -> PinFile:
    """The pins of a ``pixi.lock`` for the platforms of containers. Each environment but the default one is a group."""
    try:
        documents = parse_yaml(source)
    except Unreadable as error:
        return PinFile(source.name, (), lock_of="pixi.toml", problems=(Problem(error.place, error.reason, grave=True),))
    root = documents[0] if documents else None
    if root is None or (root.kind == "scalar" and root.text is None):
        return PinFile(source.name, (), lock_of="pixi.toml", problems=(Problem(source.place(0), "it is empty"),))
    environments, form = root.get("environments"), root.get("version")
    newer = newer_than_known("pixi.lock", form.text) if form is not None else None
    if form is not None and newer is not None and environments is None:
        return PinFile(source.name, (), lock_of="pixi.toml", problems=(Problem(source.place(form.start, form.end), newer, grave=True),))
    if environments is None or environments.kind != "map":
        reason = "it is no pixi.lock that can be read: it names no environments"
        return PinFile(source.name, (), lock_of="pixi.toml", problems=(Problem(source.place(0), reason, grave=True),))
    packages, problems = _packages(source, root)
    if form is not None and newer is not None:
        problems.insert(0, Problem(source.place(form.start, form.end), newer, grave=True))
    pins: list[Pin] = []
    for (url, group), (node, platforms) in _uses(environments).items():
        package = packages.get(url) or _from_url(source, node)
        if package is None:
            if not url.startswith((".", "/")):  # a folder of the project
                problems.append(Problem(source.place(node.start, node.end), f"{shown(url)} is not in the list of packages"))
            continue
        specifier = conda_specifier(f"=={package.version}")
        name = conda_name(package.name) if package.conda else package_name(package.name)
        if specifier is None or name is None:
            problems.append(
                Problem(package.place, f"{shown(package.version)!r} of {shown(package.name)} is not a version that can be read")
            )
            continue
        kind = "conda" if package.conda else "locked"
        pin = Pin(name, specifier, package.place, package.version_place, kind=kind, group=group, build=package.build)  # type: ignore[arg-type]
        pins.append(pin._replace(platforms=tuple(sorted(platforms))))
    python = next(((pin.specifier, pin.place) for pin in pins if pin.name == "python" and pin.kind == "conda" and not pin.group), None)
    groups = tuple(key.text for key, _ in environments.items() if key.text and key.text != "default")
    return PinFile(source.name, tuple(pins), (), python, groups, "pixi.toml", hashes=True, problems=tuple(problems))


def _uses(environments: Node) -> dict[tuple[str, str], tuple[Node, set[str]]]:
    """Of each URL and environment the platforms that use it."""
    uses: dict[tuple[str, str], tuple[Node, set[str]]] = {}
    for key, environment in environments.items():
        group = "" if key.text in (None, "default") else key.text or ""
        listed = environment.get("packages")
        for platform, urls in listed.items() if listed is not None else []:
            if platform.text not in PLATFORMS:
                continue
            for each in urls.elements():
                node = each.get("conda") or each.get("pypi")
                if node is not None and node.text:
                    uses.setdefault((node.text, group), (node, set()))[1].add(PLATFORMS[platform.text])
    return uses


def _packages(source: Source, root: Node) -> tuple[dict[str, _Package], list[Problem]]:
    packages: dict[str, _Package] = {}
    problems: list[Problem] = []
    listed = root.get("packages")
    if listed is not None and listed.kind != "list" and listed.text is not None:
        problems.append(Problem(source.place(listed.start, listed.end), "packages is not a list", grave=True))
    for each in listed.elements() if listed is not None else []:
        node = each.get("conda") or each.get("pypi") or each.get("url") or each.get("path")
        name, version = each.get("name"), each.get("version")
        if node is None or not node.text:
            continue
        pypi = each.get("pypi") is not None or ((kind := each.get("kind")) is not None and kind.text == "pypi")
        if name is not None and name.text and version is not None and version.text:
            build = each.get("build")
            packages[node.text] = _Package(
                name.text,
                version.text,
                (build.text or "") if build is not None else "" if pypi else _url_parts(node.text)[2],
                source.place(*name.span(source.text)),
                source.place(*version.span(source.text)),
                not pypi,
            )
        elif not pypi and (found := _from_url(source, node)) is not None:
            packages[node.text] = found
    return packages, problems


def _url_parts(url: str) -> tuple[str, str, str]:
    """Name, version and build of conda's ``.../NAME-VERSION-BUILD.conda``, empty where the URL is another."""
    file = unquote(url.rpartition("/")[2])
    stem = next((file.removesuffix(end) for end in (".conda", ".tar.bz2") if file.endswith(end)), "")
    parts = stem.rsplit("-", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and all(parts) else ("", "", "")


def _from_url(source: Source, node: Node) -> _Package | None:
    """What a URL of conda's says by itself."""
    name, version, build = _url_parts(node.text or "")
    if not name:
        return None
    start, end = node.span(source.text)
    at = source.text.find(f"{name}-{version}", source.text.rfind("/", start, end), end)
    if at < 0:
        return _Package(name, version, build, source.place(start, end), None, True)
    middle = at + len(name) + 1
    return _Package(
        name.lower(), version, build, source.place(at, middle + len(version)), source.place(middle, middle + len(version)), True
    )
