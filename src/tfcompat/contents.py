"""What the config of an image says is inside: environment, labels and the history of how it was built.

Nothing is guessed: what these do not name stays unknown, and each cell says where it was read. Which variables
and lines there are was found in NVIDIA's and TensorFlow's Dockerfiles (data/images names them).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.version import Version

__all__ = ["Cell", "Contents", "read_contents"]

_LINE_LIMIT = 100_000  # characters of one history line
_VERSION_LIMIT = 60  # characters
_VERSION = re.compile(r"\d+(?:\.\d+){0,4}(?:(?:a|b|rc)\d+)?(?:\.post\d+)?", re.ASCII)
_UNDOTTED = re.compile(r"\d{3,}", re.ASCII)  # 118 stands for 11.8, and 20240131 for a date
_ARGUMENTS = re.compile(r"(?:RUN )?\|(\d{1,3}) ", re.ASCII)
_PIP = re.compile(r"\bpip[\d.]*(?:\s+-\S+){0,8}\s+(?P<verb>install|uninstall)\b(?P<rest>[^;&|]*)", re.ASCII)
_NAMED = re.compile(  # a distribution that brings the package tensorflow, and what is said of its version
    r"(?<![\w.+/=-])(?P<name>(?:intel[-_.])?tensorflow(?:[-_.](?:cpu[-_.]aws|cpu|gpu|intel|rocm))?|tf[-_.]nightly(?:[-_.](?:cpu|gpu))?)"
    r"(?![\w./-])(?:\[[^\]\s]{0,200}\])?(?P<specifier>\s*(?:[=<>!~]=?=?|@)\s*[^\s'\"]*)?",
    re.ASCII | re.IGNORECASE,
)
_EXACT = re.compile(r"\s*={2,3}\s*(?P<version>\d[\w.]*?)(?:\.\*)?(?:[,+].*)?", re.ASCII)
_WHEEL = re.compile(r"(?<![\w.-])(?:tensorflow(?:_cpu|_gpu)?|tf_nightly(?:_cpu|_gpu)?)-[^\s'\"]{1,200}\.whl", re.ASCII | re.IGNORECASE)
_REPLACES = re.compile(r"\s-(?:\w{0,5}[UI]|-upgrade|-force-reinstall|-ignore-installed|-pre)\b", re.ASCII)
_DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu")
_INSTALL = re.compile(r"\binstall\b([^;&|]*)", re.ASCII)
_CUDNN = re.compile(  # what brings a cuDNN: a package of the distribution, one of pip, or TensorFlow's extra
    r"(?<![\w.$({/-])(?:libcudnn\d(?:-cuda-\d+)?(?![\w-])(?P<apt>=\S+)?"
    r"|nvidia-cudnn-cu\d+(?![\w-])(?P<pip>==[^\s,;'\"]+)?|tensorflow\[[^\]\s]{0,100}and-cuda[^\]\s]{0,100}\])",
    re.ASCII,
)
_NOT_SAID = re.compile(r"=+\s*['\"]?\$")
_RUN = re.compile(r"(?:RUN |\|\d|/bin/(?:ba)?sh -c (?!#\(nop\)))", re.ASCII)
_DEBIAN = re.compile(r"debian\.sh .{0,120}?out/ '(?P<suite>[a-z]{1,20})'", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


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
    require = env.get("NVIDIA_REQUIRE_CUDA", "").strip()
    return Contents(
        created=created if isinstance(created, str) and _DATE.fullmatch(created) else None,
        python=_of_env(env, "PYTHON_VERSION", "PYVER") or _of_arguments(arguments, "PYTHON_VERSION"),
        cuda=_of_env(env, "CUDA_VERSION") or _of_arguments(arguments, "CUDA", 2),
        cudnn=_cudnn(env, labels, arguments, history),
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


def _of_arguments(arguments: Mapping[str, Cell], name: str, precision: int = 1) -> Cell | None:
    """The version in a build argument; one of fewer numbers than *precision* may be a switch: ``CUDA=1``."""
    cell = arguments.get(name)
    found = _of_text(cell.value, cell.where) if cell else None
    return found if found is not None and len(found.value.release) >= precision else None


def _of_text(text: str | None, where: str) -> Cell | None:
    """The version at the beginning of *text*, as in ``8.9.6.50-1+cuda12.2`` or ``python3.11``."""
    found = _parse(text.removeprefix("python")) if text else None
    return Cell(found, where) if found is not None else None


def _parse(text: str) -> Version | None:
    match = _VERSION.match(text)
    if match is None or len(match[0]) > _VERSION_LIMIT or _UNDOTTED.fullmatch(match[0]):
        return None
    return version(match[0])


def _cudnn(env: Mapping[str, str], labels: Mapping[str, str], arguments: Mapping[str, Cell], history: list[tuple[int, str]]) -> Cell | None:
    """What was installed last; what a line installs without saying which is unknown, whatever the base has in its environment."""
    found: Cell | None = None
    later = False
    for number, line in history:
        for command in _INSTALL.findall(line) if _RUN.match(line) else ():
            for match in _CUDNN.finditer(command):
                text = match["apt"] or match["pip"] or ""
                if not _NOT_SAID.match(text):  # a variable: the build arguments may tell
                    found, later = _of_text(text.lstrip("="), f"history line {number}"), True
                    found = found if found is not None and len(found.value.release) > 1 else None
    if later:
        return found
    return (
        _of_env(env, "NV_CUDNN_VERSION", "CUDNN_VERSION")
        or _of_text(labels.get("com.nvidia.cudnn.version"), "label com.nvidia.cudnn.version")
        or _of_arguments(arguments, "CUDNN", 3)
    )


def _tensorflow(
    env: Mapping[str, str], labels: Mapping[str, str], arguments: Mapping[str, Cell], history: list[tuple[int, str]]
) -> tuple[Cell | None, str | None]:
    """The TensorFlow that was installed last, and under which name: pip lines come after what the base brought."""
    installed = _by_pip(history)
    if installed is not None and (installed[0] is not None or "NVIDIA_TENSORFLOW_VERSION" not in env):  # NVIDIA installs its own wheel
        return installed
    package = arguments.get("TENSORFLOW_PACKAGE")
    match = _NAMED.fullmatch(package.value) if package else None
    if package and match:
        found, name = _pinned(match)
        return (Cell(found, package.where) if found is not None else None), name
    cell, name = _of_arguments(arguments, "TF_PACKAGE_VERSION"), arguments.get("TF_PACKAGE", Cell("tensorflow", "")).value
    if cell is not None:
        return (cell if name in _DISTRIBUTIONS else None), name
    label = "com.nvidia.tensorflow.version"
    return _of_env(env, "TENSORFLOW_VERSION") or _of_text(labels.get(label), f"label {label}"), None


def _by_pip(history: list[tuple[int, str]]) -> tuple[Cell | None, str | None] | None:
    """What the pip lines leave installed: None where they say nothing of it, a cell of None where they do not say which."""
    installed: tuple[Cell | None, str | None] | None = None
    for number, line in history:
        for command in _PIP.finditer(line):
            replaces = _REPLACES.search(command["rest"]) is not None
            for match in _NAMED.finditer(command["rest"]):
                found, name = _pinned(match)
                if command["verb"] == "uninstall":
                    installed = installed if installed and installed[1] not in (None, name) else (None, None)
                elif match["specifier"] or name != "tensorflow" or replaces:
                    installed = Cell(found, f"history line {number}") if found is not None else None, name
            if command["verb"] == "install" and _WHEEL.search(command["rest"]):
                installed = None, None
    return installed


def _pinned(match: re.Match[str]) -> tuple[Version | None, str]:
    """The version that *match* of :data:`_NAMED` pins, None where it leaves a choice; and the normalized name."""
    name = re.sub(r"[-_.]", "-", match["name"]).lower()
    exact = _EXACT.fullmatch(match["specifier"] or "")
    if exact is None or name not in _DISTRIBUTIONS:
        return None, name
    whole = _VERSION.fullmatch(exact["version"])
    return (_parse(whole[0]) if whole else None), name


def _system(labels: Mapping[str, str], history: list[tuple[int, str]]) -> Cell | None:
    """The distribution: Ubuntu's base images carry labels, Debian's a comment in their first line."""
    name, release = (labels.get(f"org.opencontainers.image.{key}", "") for key in ("ref.name", "version"))
    if name == "ubuntu" and re.fullmatch(r"\d\d\.(?:04|10)", release, re.ASCII):
        return Cell(f"ubuntu{release}", "label org.opencontainers.image.version")
    for number, line in history[:3]:
        match = _DEBIAN.search(line)
        if match:
            return Cell(match["suite"], f"history line {number}")
    return None
