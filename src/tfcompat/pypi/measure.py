"""Turns wheels into rows of ``data/measured/``: what the artefacts themselves state.

A row holds measured cells only. What a wheel does not say stays out of it; curated values are
kept in files of their own and joined when the matrix is compiled.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tfcompat.errors import MatrixError
from tfcompat.platforms import environment
from tfcompat.pypi.wheel import WheelContent, read_requires, read_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from packaging.tags import Tag

    from tfcompat.pypi.index import Index, Release, WheelFile

__all__ = ["measure_dependent", "measure_package", "measure_project", "measure_requiring_package"]

Row = dict[str, Any]

_LINUX = ("linux/amd64", "linux/arm64")
_LEGACY_GLIBC = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}  # PEP 513, 571, 599
_DELEGATES = {"tensorflow", "tensorflow-cpu-aws", "tensorflow-intel", "tensorflow-macos"}


def measure_project(
    index: Index,
    session: Any,
    project: str,
    floor: Version,
    cache: Path,
    advance: Callable[[], None],
    workers: int = 4,
) -> list[Row]:
    """One row a final release of *project* from *floor* on, every wheel read.

    *cache* keeps what each wheel said, by its digest, so that an interrupted run resumes.
    *advance* is called once for every wheel. At most *workers* wheels are read at a time.
    """
    releases = [r for r in index.fetch_releases(project) if r.version >= floor]
    wheels = [w for r in releases for w in r.wheels if platform_of(w) is not None]
    reader = _CachedReader(session, cache)

    def read(wheel: WheelFile) -> tuple[str, WheelContent]:
        content = reader.read(wheel)
        advance()
        return wheel.url, content

    with ThreadPoolExecutor(max_workers=workers) as pool:
        contents = dict(pool.map(read, wheels))
    return [_release_row(release, contents) for release in releases]


def measure_package(index: Index, project: str, floor: Version) -> list[Row]:
    """One row a final release of a dependency: for which interpreters the index has it on Linux.

    Only names are read, no wheels: a pure wheel serves every interpreter that its
    ``Requires-Python`` admits, a compiled one those in its tags.
    """
    return [_package_row(release, builds) for release, builds in _linux_releases(index, project, floor)]


def measure_requiring_package(index: Index, session: Any, project: str, floor: Version, cache: Path, workers: int = 4) -> list[Row]:
    """The rows of :func:`measure_package`, with what each release requires without an extra (``requires``).

    One wheel speaks for a release, that of the newest interpreter on linux/amd64. The cell is left out where
    a requirement cannot be read: unknown is not none. *cache* keeps what was read, so that an interrupted run resumes.
    """
    releases = list(_linux_releases(index, project, floor))
    reader = _CachedRequires(session, cache)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = list(pool.map(lambda one: _kept(reader.read(_speaker(one[0]))), releases))
    return [
        {**_package_row(release, builds), **({"requires": lines} if lines is not None else {})}
        for (release, builds), lines in zip(releases, found, strict=True)
    ]


def measure_dependent(
    index: Index, session: Any, project: str, floor: Version, cache: Path, judged: Collection[str], workers: int = 4
) -> list[Row]:
    """The rows of :func:`measure_requiring_package` for what stands on TensorFlow: only its requirements on *judged* names, no dates."""
    rows = measure_requiring_package(index, session, project, floor, cache, workers)
    return [{name: _on(judged, cell) if name == "requires" else cell for name, cell in row.items() if name != "released"} for row in rows]


def _on(names: Collection[str], lines: Iterable[str]) -> list[str]:
    return [line for line in lines if Requirement(line).name in names]


def _linux_releases(index: Index, project: str, floor: Version) -> Iterator[tuple[Release, dict[str, list[str]]]]:
    """Releases from *floor* on that have wheels for Linux, and their interpreters by platform."""
    for release in index.fetch_releases(project):
        builds = {p: _interpreters(wheels) for p in _LINUX if (wheels := _wheels_on(release, p))}
        if builds and release.version >= floor:
            yield release, builds


def _wheels_on(release: Release, platform: str) -> list[WheelFile]:
    return [w for w in release.wheels if platform_of(w) in (platform, "any")]


def _package_row(release: Release, builds: dict[str, list[str]]) -> Row:
    return {
        "version": str(release.version),
        "released": release.released,
        "yanked": release.yanked,
        "requires_python": release.wheels[-1].requires_python,
        "python": builds,
    }


def _speaker(release: Release) -> WheelFile:
    return _newest(next(wheels for p in _LINUX if (wheels := _wheels_on(release, p))))


def _kept(lines: Iterable[str]) -> list[str] | None:
    try:
        requires, _ = _split_requires(lines)
    except InvalidRequirement:
        return None
    return requires


def platform_of(wheel: WheelFile) -> str | None:
    """The platform in the matrix's words (``linux/amd64``), ``any``, or None for one it does not cover."""
    found = {_platform_name(tag.platform) for tag in wheel.tags}
    return next(iter(found)) if len(found) == 1 else None


def _platform_name(tag: str) -> str | None:
    if tag == "any":
        return "any"
    system = {"manylinux": "linux", "linux": "linux", "macosx": "macos", "win": "windows"}
    name = next((s for prefix, s in system.items() if tag.startswith(prefix)), None)
    if tag.endswith(("x86_64", "win_amd64")):
        return f"{name}/amd64" if name else None
    if tag.endswith(("aarch64", "arm64")):
        return f"{name}/arm64" if name and name != "windows" else None
    return None


def _interpreters(wheels: Iterable[WheelFile]) -> list[str]:
    """``3.11`` for a cp311 tag; ``*`` for a pure or stable-ABI wheel, which Requires-Python bounds."""
    found: set[str] = set()
    for tag in (t for w in wheels for t in w.tags):
        if tag.abi == "abi3" or tag.interpreter in ("py3", "py2.py3") or tag.interpreter.startswith("py3"):
            found.add("*")
        elif (match := re.fullmatch(r"cp(\d)(\d+)", tag.interpreter)) and not tag.abi.endswith("t"):
            found.add(f"{match[1]}.{match[2]}")
    return sorted(found, key=lambda p: Version("0") if p == "*" else Version(p))


def _newest(wheels: Sequence[WheelFile]) -> WheelFile:
    """The wheel of the newest interpreter."""
    return max(wheels, key=lambda w: [Version(p) for p in _interpreters([w]) if p != "*"] or [Version("0")])


def _release_row(release: Release, contents: dict[str, WheelContent]) -> Row:
    by_platform: dict[str, list[WheelFile]] = defaultdict(list)
    for wheel in release.wheels:
        platform = platform_of(wheel)
        if platform is not None:
            by_platform[platform].append(wheel)
    builds = {p: _build_row(p, wheels, contents) for p, wheels in sorted(by_platform.items())}
    return {
        "version": str(release.version),
        "released": release.released,
        "yanked": release.yanked,
        "builds": builds,
    }


def _build_row(platform: str, wheels: Sequence[WheelFile], contents: dict[str, WheelContent]) -> Row:
    """One platform of one release. The newest interpreter's wheel speaks; the others must not contradict it."""
    newest = _newest(wheels)
    content = contents[newest.url]
    info = content.build_info
    requires, extras = _split_requires(content.requires)
    delegates = sorted(_DELEGATES & _required_names(requires, platform))
    row: Row = {"kind": "stub" if info is None and delegates else "pure" if info is None else _kind(info)}
    if row["kind"] == "stub":
        row["delegates_to"] = delegates
    row["python"] = _interpreters(wheels)
    if content.requires_python:
        row["requires_python"] = content.requires_python
    glibc = _glibc(newest.tags)
    if glibc:
        row["glibc"] = glibc
    if row["kind"] == "cuda" and info is not None:
        row.update(_cuda_cells(info))
    row["requires"] = requires
    if extras:
        row["extras"] = extras
    row["wheel"] = newest.filename
    row["sha256"] = newest.sha256
    differing = sorted(
        python
        for w in wheels
        if contents[w.url].requires != content.requires or contents[w.url].build_info != info
        for python in _interpreters([w])[:1]
    )
    if differing:
        row["differing"] = differing
    return row


def _required_names(requires: Iterable[str], platform: str) -> set[str]:
    """The distributions that *requires* asks for on *platform*, whatever the interpreter."""
    if platform == "any":
        return set()
    found = set()
    for requirement in map(Requirement, requires):
        if requirement.marker is None or requirement.marker.evaluate(environment(platform, "3.10")):
            found.add(requirement.name)
    return found


def _kind(info: Any) -> str:
    flag = info.get("is_cuda_build")
    if not isinstance(flag, bool):
        raise MatrixError(f"build_info has no is_cuda_build: {sorted(info)}", "the wheel layout changed: extend pypi/wheel.py")
    return "cuda" if flag else "cpu"


def _cuda_cells(info: Any) -> Row:
    """CUDA and cuDNN as the wheel states them: ``12.5.1`` and ``9``, or only ``10`` and ``7`` up to 2.2."""
    cells: Row = {}
    for cell, keys in (("cuda", ("cuda_version", "cuda_version_number")), ("cudnn", ("cudnn_version", "cudnn_version_number"))):
        value = next((info[k] for k in keys if info.get(k)), None)
        if value is not None and re.fullmatch(r"\d+(\.\d+)*", str(value)):  # Windows says 64_101, a file name's suffix
            cells[cell] = str(value)
    capabilities = info.get("cuda_compute_capabilities")
    if capabilities:
        cells["compute_capabilities"] = sorted(map(str, capabilities), key=_capability_key)
    return cells


def _capability_key(name: str) -> tuple[bool, int]:
    match = re.fullmatch(r"(sm|compute)_(\d+)[af]?", name)
    if match is None:
        raise MatrixError(f"{name!r} is not a compute capability as in sm_90", "the wheel layout changed: extend pypi/measure.py")
    return match[1] == "compute", int(match[2])


def _split_requires(lines: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Requirements of the wheel itself, and those of each extra without the extra's marker."""
    requires: list[str] = []
    extras: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        requirement = Requirement(line)
        requirement.name = canonicalize_name(requirement.name)
        extra = re.search(r'\s+and\s+extra == "([^"]+)"|extra == "([^"]+)"(?:\s+and\s+)?', str(requirement.marker or ""))
        if extra is None:
            requires.append(str(requirement))
            continue
        text = str(requirement.marker).replace(extra[0], "").strip()
        head = str(requirement).partition(";")[0].strip()
        extras[extra[1] or extra[2]].append(f"{head}; {text}" if text else head)
    return sorted(requires), {name: sorted(found) for name, found in sorted(extras.items())}


def _glibc(tags: Iterable[Tag]) -> str | None:
    """The lowest glibc that the wheel's manylinux tags admit (PEP 600)."""
    floors = []
    for tag in tags:
        if match := re.match(r"manylinux_(\d+)_(\d+)_", tag.platform):
            floors.append(Version(f"{match[1]}.{match[2]}"))
        else:
            floors += [Version(v) for k, v in _LEGACY_GLIBC.items() if tag.platform.startswith(k + "_")]
    return str(min(floors)) if floors else None


class _Notes:
    """What was read of each wheel, by the digest of its address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, wheel: WheelFile) -> Path:
        return self.folder / f"{hashlib.sha256(wheel.url.encode()).hexdigest()}.json"

    def load(self, wheel: WheelFile) -> Any:
        """What was kept; None where there is nothing or the note is damaged."""
        try:
            return json.loads(self._path(wheel).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def keep(self, wheel: WheelFile, said: Any) -> None:
        path = self._path(wheel)
        aside = path.with_suffix(".part")
        aside.write_text(json.dumps(said), encoding="utf-8")
        aside.replace(path)


class _CachedReader:
    """Reads each wheel once."""

    def __init__(self, session: Any, cache: Path) -> None:
        self.session = session
        self.notes = _Notes(cache / "wheels")

    def read(self, wheel: WheelFile) -> WheelContent:
        try:
            kept = self.notes.load(wheel)
            return WheelContent(kept["requires_python"], tuple(kept["requires"]), kept["build_info"])
        except (KeyError, TypeError):
            pass  # not read yet, or a damaged note: read the wheel itself
        content = read_wheel(self.session, wheel.url)
        self.notes.keep(wheel, {"requires_python": content.requires_python, "requires": content.requires, "build_info": content.build_info})
        return content


class _CachedRequires:
    """Reads the requirements of each wheel once."""

    def __init__(self, session: Any, cache: Path) -> None:
        self.session = session
        self.notes = _Notes(cache / "requires")

    def read(self, wheel: WheelFile) -> tuple[str, ...]:
        kept = self.notes.load(wheel)
        if isinstance(kept, list) and all(isinstance(line, str) for line in kept):
            return tuple(kept)
        lines = read_requires(self.session, wheel)
        self.notes.keep(wheel, lines)
        return lines
