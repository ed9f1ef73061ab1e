"""Resolvers of other people: uv, or pip where there is no uv. They complete a set of requirements for a target.

They are run as commands, for the target's interpreter and platform and not for the running one, in an empty folder, so that no
project file that lies about has a say. The person's own uv and pip configuration is honoured: that is where private indexes stand.
"""

from __future__ import annotations

import json
import os
import platform as machine
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tfcompat.errors import CouldNotCheck, TfcompatError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Asked", "Installer", "Pinned", "Pip", "Target", "Unresolvable", "Uv", "find_installer"]

_LIMIT = 300  # seconds
_SAID_LIMIT = 8000  # characters of what the tool said
_ANSWER_LIMIT = 16 << 20  # bytes
_GLIBCS = ("2_40", "2_39", "2_38", "2_37", "2_36", "2_35", "2_34", "2_33", "2_32", "2_31", "2_28", "2_17")  # those that uv knows
_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]+@")
_CONFLICT = re.compile(r"^\W*(?:error: )?No solution found when resolving dependencies", re.M)  # uv's words; a failed build has others
_REFUSED = re.compile(r"\b40[137] (?:Unauthorized|Forbidden|Proxy)")
_NO_WHEEL = re.compile(r"No matching distribution found for ")  # pip's words
_CAUSES = "The conflict is caused by:"
_NOT_FOUND = "(from versions: none)"  # pip says so of an unknown name, and of an index that did not answer
_NOT_IN_FILES = {"--pre": ("--prerelease", "allow"), "--trusted-host": ("--allow-insecure-host",), "--prefer-binary": ()}  # of uv
_ELSEWHERE = ("UV_WORKING_DIR", "UV_PROJECT")  # they would lead out of the empty folder


class Target(NamedTuple):
    """What the requirements are for: ``3.11``, ``linux/amd64``, and the C library of the image where it is known (``2.36``)."""

    python: str
    platform: str = "linux/amd64"
    glibc: str | None = None


class Asked(NamedTuple):
    """One question. ``options`` are lines of a requirements file, such as ``--extra-index-url URL``."""

    requirements: Sequence[str]
    constraints: Sequence[str] = ()
    options: Sequence[str] = ()
    hashes: bool = False
    universal: bool = False


class Pinned(NamedTuple):
    """One distribution at an exact version, the sha256 of its files, and the marker under which a universal answer needs it."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    marker: str = ""


class Unresolvable(TfcompatError):
    """The requirements contradict each other. ``said`` is what the resolver printed, without credentials."""

    exit_code = 1

    def __init__(self, message: str, said: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.said = said


class Installer(Protocol):
    """Whatever completes requirements to a set of exact versions."""

    name: str

    def compile(self, asked: Asked, target: Target) -> list[Pinned]:
        """The set, by name. Raises :class:`Unresolvable`, and :class:`CouldNotCheck` where the tool could not tell."""


def find_installer(target: Target, index_url: str | None = None) -> Installer:
    """uv wherever it is; else pip, if the running interpreter is the target's. Raises :class:`CouldNotCheck`."""
    command = find_uv()
    if command is not None:
        return Uv(command, index_url)
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = (machine.system(), machine.machine()) == ("Linux", _MACHINES.get(target.platform))
    if (running, here) == (target.python, True):
        return Pip(index_url)
    raise CouldNotCheck(
        f"uv is needed to resolve for Python {target.python} on {target.platform}: pip can only do it for the running Python {running}",
        "pip install uv",
    )


def find_uv() -> str | None:
    """uv beside this package, else on the PATH."""
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


class Uv:
    """``uv pip compile``: any interpreter, any platform; neither needs to be here."""

    name = "uv"

    def __init__(self, command: str, index_url: str | None = None) -> None:
        self.command = command
        self.index_url = index_url

    def compile(self, asked: Asked, target: Target) -> list[Pinned]:
        with tempfile.TemporaryDirectory(prefix="tfcompat-") as name:
            folder = Path(name)
            lines, options = _split(asked.options)
            _write_question(folder, asked._replace(options=lines))
            (folder / "uv.toml").write_text("", encoding="utf-8")  # no project above has a say
            command = [self.command, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-python-downloads"]
            command += ["--python-version", f"{target.python}.99"]  # the newest patch: plain 3.9 means 3.9.0, which packages exclude
            command += ["--universal"] if asked.universal else ["--python-platform", _uv_platform(target)]
            command += ["--generate-hashes"] if asked.hashes else []
            command += ["--index-url", self.index_url] if self.index_url else []
            command += [*options, "--constraints", "constraints.txt", "requirements.in"]
            done = _run(command, folder)
        if done.returncode == 1 and _CONFLICT.search(done.stderr) and not _REFUSED.search(done.stderr):
            raise Unresolvable("the requirements contradict each other", _safe(done.stderr))
        if done.returncode:
            raise _failed(self.name, done.stderr)
        return _parse_pins(done.stdout)


class Pip:
    """``pip install --dry-run``: evaluates markers for the interpreter it runs in, so that it serves no other target."""

    name = "pip"

    def __init__(self, index_url: str | None = None, python: str = sys.executable) -> None:
        self.index_url = index_url
        self.python = python

    def compile(self, asked: Asked, target: Target) -> list[Pinned]:
        if asked.universal:
            raise CouldNotCheck("uv is needed for --universal: pip resolves for one interpreter and platform", "pip install uv")
        with tempfile.TemporaryDirectory(prefix="tfcompat-") as name:
            folder = Path(name)
            _write_question(folder, asked)
            command = [self.python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--disable-pip-version-check"]
            command += ["--no-input", "--progress-bar", "off", "--report", "report.json", "-r", "requirements.in", "-c", "constraints.txt"]
            command += ["--index-url", self.index_url] if self.index_url else []
            done = _run(command, folder)
            report = folder / "report.json"
            text = report.read_text(encoding="utf-8") if done.returncode == 0 and report.exists() else ""
        if "ResolutionImpossible" in done.stderr or (_NO_WHEEL.search(done.stderr) and _NOT_FOUND not in done.stderr):
            _, causes, told = done.stdout.partition(_CAUSES)
            raise Unresolvable("the requirements contradict each other", _safe(done.stderr + causes + told))
        if not text:
            raise _failed(self.name, done.stderr)
        pins = sorted(_of_report(row) for row in json.loads(text)["install"])
        return pins if asked.hashes else [pin._replace(hashes=()) for pin in pins]


def _write_question(folder: Path, asked: Asked) -> None:
    (folder / "requirements.in").write_text("\n".join([*asked.options, *asked.requirements]) + "\n", encoding="utf-8")
    (folder / "constraints.txt").write_text("\n".join(asked.constraints) + "\n", encoding="utf-8")


def _split(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The option lines that uv reads in a file, and the others as its command line has them."""
    inside: list[str] = []
    outside: list[str] = []
    for line in dict.fromkeys(lines):
        name, *values = re.split(r"\s*=\s*|\s+", line, maxsplit=1)
        if name in _NOT_IN_FILES:
            outside += ["=".join((*_NOT_IN_FILES[name], *values))] if _NOT_IN_FILES[name] else []
        else:
            inside.append(line)
    return inside, outside


def _uv_platform(target: Target) -> str:
    """The newest of the platforms uv knows that the image's C library can serve."""
    ours = tuple(map(int, (target.glibc or "2.28").split(".")[:2]))
    glibc = next((text for text in _GLIBCS if tuple(map(int, text.split("_"))) <= ours), _GLIBCS[-1])
    return f"{_MACHINES[target.platform]}-manylinux_{glibc}"


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**{n: v for n, v in os.environ.items() if n not in _ELSEWHERE}, "NO_COLOR": "1", "PIP_NO_COLOR": "1"}
    answer, talk = folder / "stdout", folder / "stderr"
    try:
        with answer.open("wb") as stdout, talk.open("wb") as stderr:
            done = subprocess.run(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, timeout=_LIMIT, check=False
            )
        return subprocess.CompletedProcess(command, done.returncode, _read(answer), _read(talk))
    except subprocess.TimeoutExpired:
        raise CouldNotCheck(f"{Path(command[0]).name} was not done after {_LIMIT} s", "is the index reachable?") from None
    except OSError as error:
        raise CouldNotCheck(f"{command[0]} could not be run: {error.strerror or error}", "pip install uv") from None


def _read(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(_ANSWER_LIMIT + 1)
    if len(raw) > _ANSWER_LIMIT:
        raise CouldNotCheck(f"the resolver printed more than {_ANSWER_LIMIT >> 20} MiB", "is the index what it should be?")
    return raw.decode("utf-8", "replace")


def _failed(name: str, stderr: str) -> CouldNotCheck:
    """The tool gave up for another reason than a contradiction: no index, no such option, a broken package."""
    said = _safe(stderr)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = "; ".join(line.removeprefix("error: ").removeprefix("ERROR: ").removeprefix("cause: ") for line in lines[-2:])
    error = CouldNotCheck(
        f"{name} could not resolve: {reason[:400] or 'it gave no reason'}", "check the network and the index; -v shows all it said"
    )
    error.said = said
    return error


def _safe(text: str) -> str:
    """What a tool said, bounded, with no user name or password of a URL."""
    return _CREDENTIALS.sub("****@", text)[:_SAID_LIMIT]


def _parse_pins(text: str) -> list[Pinned]:
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith(("#", "-")):
            pin, *hashes = line.split(" --hash=")
            requirement = Requirement(pin.strip())
            exact = next(iter(requirement.specifier)).version
            sha256 = tuple(h.strip().removeprefix("sha256:") for h in hashes)
            found.append(Pinned(canonicalize_name(requirement.name), exact, sha256, str(requirement.marker or "")))
    return found


def _of_report(row: dict[str, dict[str, object]]) -> Pinned:
    archive = row.get("download_info", {}).get("archive_info", {})
    archive = archive if isinstance(archive, dict) else {}
    sha256 = archive.get("hashes", {}).get("sha256", "") or str(archive.get("hash", "")).removeprefix("sha256=")  # before pip 23.1
    metadata = row["metadata"]
    return Pinned(canonicalize_name(str(metadata["name"])), str(metadata["version"]), (sha256,) if sha256 else ())
