"""Real environments with a real TensorFlow: built by uv from the pins, probed from outside, damaged in copies.

An environment holds TensorFlow and what it needs, and not tfcompat: the probe is piped into its interpreter, as into a
container, and this interpreter judges the facts. A copy shares its files with the original by hard links, so that it
takes a second and no room. What damages a file must therefore put another in its place, which everything here does.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tfcompat.installers import find_uv

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

__all__ = ["CHAIN", "ROOT", "Checked", "Environment", "Environments", "clean", "find_interpreter", "judge"]

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "src/tfcompat/probe.py"
CHAIN = ("driver", "runtime", "libraries", "tensorflow", "keras", "smoke test")
_LIMIT = 900  # seconds a command
_NEEDED_DISK = 8 << 30  # bytes
# By name: TensorFlow and the interpreters it may have, the first that is found.
_RECIPES = {
    "newest": ("2.21", ("3.13", "3.12", "3.11", "3.10")),
    "2.15": ("2.15", ("3.11", "3.10", "3.9")),
    "2.10": ("2.10", ("3.10", "3.9", "3.8")),
    "2.5": ("2.5", ("3.8", "3.9", "3.7")),
    "2.4": ("2.4", ("3.6",)),
}
# Variables that TensorFlow, Keras, Python or uv listen to.
_REMOVED = (
    "TF_",
    "CUDA_",
    "NVIDIA_",
    "KERAS_",
    "PYTHON",
    "XLA_",
    "LD_",
    "VIRTUAL_ENV",
    "PROTOCOL_BUFFERS",
    "TFCOMPAT_",
    "COLUMNS",
    "NO_COLOR",
)

_INTERRUPTION = """
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow.python":
            import os, signal, time
            {statement}

sys.meta_path.insert(0, Finder())
"""


class Checked(NamedTuple):
    """What ``tfcompat check`` said of an environment."""

    code: int
    output: str
    errors: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.output)
        return document

    def link(self, name: str) -> dict[str, Any]:
        return next(link for link in self.document["chain"] if link["link"] == name)

    @property
    def statuses(self) -> list[str]:
        return [link["status"] for link in self.document["chain"]]

    @property
    def broken(self) -> str:
        """The first link that is."""
        return next((link["link"] for link in self.document["chain"] if link["status"] == "broken"), "")

    def findings(self, severity: str) -> list[str]:
        return [finding["rule"] for finding in self.document["findings"] if finding["severity"] == severity]

    @property
    def signatures(self) -> list[str]:
        """The rows of the catalogue that the log shows."""
        return [row["signature"] for row in self.document["log"]]

    def finding(self, rule: str) -> dict[str, str]:
        return next(finding for finding in self.document["findings"] if finding["rule"] == rule)


class Environment(NamedTuple):
    """An environment below *folder* with the version *tensorflow* of TensorFlow."""

    folder: Path
    tensorflow: str
    python: str

    @property
    def executable(self) -> Path:
        return self.folder / "bin/python"

    @property
    def site(self) -> Path:
        return self.folder / f"lib/python{self.python}/site-packages"

    def install(self, *requirements: str) -> None:
        """Nothing but what is named, whatever the rest may say to it."""
        self.install_whole("--no-deps", *requirements)

    def install_whole(self, *requirements: str) -> None:
        """With what they require."""
        run_uv("pip", "install", "--link-mode", "copy", "--python", str(self.executable), *requirements)

    def uninstall(self, *names: str) -> None:
        run_uv("pip", "uninstall", "--python", str(self.executable), *names)

    def interrupt_import(self, statement: str) -> None:
        """Run *statement* in the middle of ``import tensorflow``; it may use os, signal and time."""
        (self.site / "interruption.pth").write_text("import interruption\n", encoding="utf-8")
        (self.site / "interruption.py").write_text(_INTERRUPTION.format(statement=statement), encoding="utf-8")

    def damage(self, path: str, content: bytes) -> None:
        """Put *content* in the place of the file at *path* below site-packages."""
        file = self.site / path
        assert file.is_file()
        part = file.with_name(file.name + ".part")
        part.write_bytes(content)
        part.replace(file)

    def truncate(self, path: str, length: int) -> int:
        """Leave the first *length* bytes of a file; returns how many it had."""
        size = (self.site / path).stat().st_size
        with (self.site / path).open("rb") as file:
            self.damage(path, file.read(length))
        return size

    def probe(self, *options: str, within: Path, before: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> str:
        """What the probe prints here, from standard input, in the folder *within*."""
        with PROBE.open("rb") as script:
            done = subprocess.run(
                [*before, str(self.executable), "-", *options],
                stdin=script, capture_output=True, cwd=within, env=clean(within, variables), timeout=_LIMIT, check=False,
            )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]
        assert done.stderr == b""
        return done.stdout.decode("utf-8")

    def check(self, *options: str, within: Path, before: Sequence[str] = (), variables: Mapping[str, str] | None = None) -> Checked:
        """Probe it and judge it; ``--expect cpu`` unless *options* say otherwise."""
        expect = options[options.index("--expect") + 1] if "--expect" in options else "cpu"
        rest = [option for option in options if option not in ("--expect", expect)]
        facts = self.probe("--expect", expect, *rest, within=within, before=before, variables=variables)
        return judge(facts, "--expect", expect)


def judge(facts: str, *options: str, form: str = "json") -> Checked:
    """What ``tfcompat check`` of this interpreter says of *facts*."""
    command = [sys.executable, "-m", "tfcompat", "check", "--facts", "-", "--format", form, *options]
    done = subprocess.run(
        command, input=facts, capture_output=True, text=True, encoding="utf-8", cwd=ROOT / "tools", timeout=60, check=False
    )
    return Checked(done.returncode, done.stdout, done.stderr)


def clean(home: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what TensorFlow, Keras and Python listen to; ~/.keras is not there either."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED)}
    return {**kept, "KERAS_HOME": str(home / "keras-home"), "PYTHONNOUSERSITE": "1", **(variables or {})}


class Environments:
    """Builds each environment once, below *folder*, and keeps what is finished for the next run where the folder stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copies = 0
        self.made: dict[str, Environment] = {}
        self.known: dict[tuple[str, ...], str] = {}

    def get(self, name: str) -> Environment:
        """The environment *name*, which no test may change. Skips the test where it cannot be made."""
        if name not in self.made:
            tensorflow, pythons = _RECIPES[name]
            python, interpreter = find_interpreter(pythons)
            pins = emit_pins(tensorflow, python)
            self.made[name] = self.build(f"{name}-py{python}", python, interpreter, pins)
        return self.made[name]

    def build(self, name: str, python: str, interpreter: str, requirements: str, *, timeout: int = _LIMIT) -> Environment:
        folder = self.folder / name
        line = next(line for line in requirements.splitlines() if line.startswith("tensorflow"))
        made = Environment(folder, line.partition("==")[2].partition(" ")[0], python)
        mark = folder / "finished"
        digest = hashlib.sha256(f"{interpreter}\n{requirements}".encode()).hexdigest()
        if mark.is_file() and mark.read_text(encoding="utf-8") == digest:
            return made
        if shutil.disk_usage(self.folder).free < _NEEDED_DISK:
            pytest.skip(f"less than {_NEEDED_DISK >> 30} GiB of disk are left below {self.folder}")
        shutil.rmtree(folder, ignore_errors=True)
        run_uv("venv", "--python", interpreter, str(folder))
        file = folder / "requirements.txt"
        file.write_text(requirements, encoding="utf-8")
        run_uv("pip", "install", "--link-mode", "copy", "--python", str(made.executable), "-r", str(file), timeout=timeout)
        mark.write_text(digest, encoding="utf-8")
        return made

    def copy(self, name: str) -> Environment:
        """A copy of the environment *name* to be broken; the fixture removes it."""
        whole = self.get(name)
        self.copies += 1
        folder = self.folder / f"copy-{os.getpid()}-{self.copies}"
        shutil.copytree(whole.folder, folder, symlinks=True, copy_function=_link)
        return whole._replace(folder=folder)

    def facts(self, name: str, *options: str, within: Path) -> str:
        """What the probe prints in the unchanged environment *name*: asked once."""
        key = (name, *options)
        if key not in self.known:
            self.known[key] = self.get(name).probe(*options, within=within)
        return self.known[key]


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def find_interpreter(pythons: Sequence[str]) -> tuple[str, str]:
    """The first of these minors that this machine has, and its file: found as ``nox -s verify`` finds it."""
    tool = _verify_tool()
    for python in pythons:
        try:
            return python, tool.find_interpreter(python)
        except tool.Failed:
            continue
    pytest.skip(f"no Python {' or '.join(pythons)} on this machine")


@cache
def _verify_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify", ROOT / "tools/verify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def emit_pins(tensorflow: str, python: str) -> str:
    command = [sys.executable, "-m", "tfcompat", "pin", "--tensorflow", tensorflow, "--python", python, "--cpu"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT / "tools", timeout=60).stdout


def run_uv(*arguments: str, timeout: int = _LIMIT) -> str:
    """Run uv. Skips the test where the index cannot be reached."""
    done = subprocess.run(
        [find_uv() or "uv", *arguments[:1], *(["--no-python-downloads"] if arguments[0] == "venv" else []), "--quiet", *arguments[1:]],
        capture_output=True, text=True, timeout=timeout, check=False, env=clean(Path.home()), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode and any(words in done.stderr for words in ("Failed to fetch", "error sending request", "dns error", "timed out")):
        pytest.skip(f"the package index is not reachable: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout
