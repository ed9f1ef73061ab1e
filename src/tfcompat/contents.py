"""What the config of an image says is inside: environment, labels and the history of how it was built.

Nothing is guessed: what these do not name stays unknown, and each cell says where it was read. Which variables
and lines there are was found in NVIDIA's and TensorFlow's Dockerfiles (data/images names them).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.version import InvalidVersion

from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.version import Version

__all__ = ["Cell", "Contents", "read_contents"]

_LINE_LIMIT = 100_000  # characters of one history line
_VERSION = re.compile(r"\d+(?:\.\d+){0,4}(?:(?:a|b|rc)\d+)?", re.ASCII)
_ARGUMENTS = re.compile(r"(?:RUN )?\|(\d{1,3}) ", re.ASCII)
_PIP = re.compile(r"\bpip[\d.]*\s+install\b([^;&|]*)", re.ASCII)
_PIN = re.compile(r"(?<![\w-])(?P<name>tensorflow(?:-cpu|-gpu)?)(?:\[[\w,\s-]*\])?==(?P<version>\d[\w.]*)", re.ASCII | re.IGNORECASE)
_APT_CUDNN = re.compile(r"\blibcudnn\d(?:-cuda-\d+)?=(?P<version>\d+(?:\.\d+)+)", re.ASCII)
_DEBIAN = re.compile(r"debian\.sh .*?'(?P<suite>[a-z]+)'", re.ASCII)
_NOT_SET = re.compile(r"\$\{?\w+")


class Cell(NamedTuple):
    """One thing the config says: its value, and where (``Env PYTHON_VERSION``, ``history line 7``)."""

    value: Any
    where: str


class Contents(NamedTuple):
    """What a config says is inside; None where it says nothing. Versions keep the precision they are written with.

    ``require`` is NVIDIA_REQUIRE_CUDA; ``system`` is ``ubuntu22.04`` or the name of a Debian suite. ``own_build`` is
    set where NVIDIA built the TensorFlow, ``distribution`` names what was installed otherwise.
    """

    created: str | None = None
    python: Cell | None = None
    cuda: Cell | None = None
    cudnn: Cell | None = None
    require: Cell | None = None
    tensorflow: Cell | None = None
    distribution: str | None = None
    own_build: bool = False
    system: Cell | None = None


def read_contents(config: Mapping[str, Any]) -> Contents:
    """Read an image config (OCI or Docker). Cells of the wrong type count as missing."""
    inner = config.get("config")
    settings = inner if isinstance(inner, dict) else {}
    env = dict(_environment(settings.get("Env")))
    labels = (
        {k: v for k, v in (settings.get("Labels") or {}).items() if isinstance(v, str)} if isinstance(settings.get("Labels"), dict) else {}
    )
    history = list(_history(config.get("history")))
    arguments = _build_arguments(history)
    tensorflow, distribution = _tensorflow(env, labels, arguments, history)
    created = config.get("created")
    require = env.get("NVIDIA_REQUIRE_CUDA")
    return Contents(
        created=created if isinstance(created, str) else None,
        python=_of_env(env, "PYTHON_VERSION", "PYVER") or _of_arguments(arguments, "PYTHON_VERSION"),
        cuda=_of_env(env, "CUDA_VERSION") or _of_arguments(arguments, "CUDA"),
        cudnn=_of_env(env, "NV_CUDNN_VERSION", "CUDNN_VERSION")
        or _of_text(labels.get("com.nvidia.cudnn.version"), "label com.nvidia.cudnn.version")
        or _of_arguments(arguments, "CUDNN")
        or _apt_cudnn(history),
        require=Cell(require, "Env NVIDIA_REQUIRE_CUDA") if require else None,
        tensorflow=tensorflow,
        distribution=distribution,
        own_build=distribution is None and "NVIDIA_TENSORFLOW_VERSION" in env,
        system=_system(labels, history),
    )


def _environment(lines: Any) -> Iterator[tuple[str, str]]:
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, str) and "=" in line:
            name, _, value = line.partition("=")
            yield name, value


def _history(entries: Any) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, from 1."""
    for number, entry in enumerate(entries if isinstance(entries, list) else (), 1):
        line = entry.get("created_by") if isinstance(entry, dict) else None
        if isinstance(line, str):
            yield number, line[:_LINE_LIMIT]


def _build_arguments(history: list[tuple[int, str]]) -> dict[str, Cell]:
    """The build arguments that RUN lines record as ``|2 NAME=value NAME=value /bin/sh -c``; later lines count."""
    found: dict[str, Cell] = {}
    for number, line in history:
        match = _ARGUMENTS.match(line)
        if match:
            words = line[match.end() :].split(maxsplit=int(match[1]))[: int(match[1])]
            found.update({n: Cell(v, f"history line {number}, {n}") for n, eq, v in (w.partition("=") for w in words) if eq and v})
    return found


def _of_env(env: Mapping[str, str], *names: str) -> Cell | None:
    return next((cell for name in names if (cell := _of_text(env.get(name), f"Env {name}"))), None)


def _of_arguments(arguments: Mapping[str, Cell], name: str) -> Cell | None:
    cell = arguments.get(name)
    return _of_text(cell.value, cell.where) if cell else None


def _of_text(text: str | None, where: str) -> Cell | None:
    """The version at the beginning of *text*, as in ``8.9.6.50-1+cuda12.2`` or ``python3.11``."""
    found = _parse(text.removeprefix("python")) if text else None
    return Cell(found, where) if found is not None else None


def _parse(text: str) -> Version | None:
    match = _VERSION.match(text)
    try:
        return version(match[0]) if match else None
    except InvalidVersion:
        return None


def _apt_cudnn(history: list[tuple[int, str]]) -> Cell | None:
    found = None
    for number, line in history:
        match = _APT_CUDNN.search(line)
        if match:
            found = Cell(version(match["version"]), f"history line {number}")
    return found


def _tensorflow(
    env: Mapping[str, str], labels: Mapping[str, str], arguments: Mapping[str, Cell], history: list[tuple[int, str]]
) -> tuple[Cell | None, str | None]:
    """The TensorFlow that was installed last, and under which name: pip lines come after what the base brought."""
    pinned = _pip_pin(history)
    if pinned is not None:
        return pinned
    package = arguments.get("TENSORFLOW_PACKAGE")
    match = _PIN.fullmatch(package.value) if package else None
    if package and match and (found := _parse(match["version"])) is not None:
        return Cell(found, package.where), match["name"].lower()
    cell = _of_arguments(arguments, "TF_PACKAGE_VERSION")
    if cell is not None:
        return cell, str(arguments["TF_PACKAGE"].value) if "TF_PACKAGE" in arguments else None
    label = "com.nvidia.tensorflow.version"
    return _of_env(env, "TENSORFLOW_VERSION") or _of_text(labels.get(label), f"label {label}"), None


def _pip_pin(history: list[tuple[int, str]]) -> tuple[Cell, str] | None:
    for number, line in reversed(history):
        for command in reversed(_PIP.findall(line)):
            match = None if _NOT_SET.search(command) else _PIN.search(command)
            if match and (found := _parse(match["version"])) is not None:
                return Cell(found, f"history line {number}"), match["name"].lower()
    return None


def _system(labels: Mapping[str, str], history: list[tuple[int, str]]) -> Cell | None:
    """The distribution: Ubuntu's base images carry labels, Debian's a comment in their first line."""
    name, release = (labels.get(f"org.opencontainers.image.{key}", "") for key in ("ref.name", "version"))
    if name == "ubuntu" and re.fullmatch(r"\d\d\.\d\d", release, re.ASCII):
        return Cell(f"ubuntu{release}", "label org.opencontainers.image.version")
    for number, line in history[:3]:
        match = _DEBIAN.search(line)
        if match:
            return Cell(match["suite"], f"history line {number}")
    return None
