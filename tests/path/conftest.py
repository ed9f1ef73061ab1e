"""A registry on loopback that has the images of production, and the pages' commands run against it, each once, in one folder."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from containers.engine import Engine, Ran, open_engine, run_tool
from documents import ROOT, blocks_of
from path.stand_ins import make_python, make_tensorflow, make_ubuntu
from registry.real_registry import RealRegistry, serve_registry

PAGE = ROOT / "docs/whole-path.md"
UBUNTU, PYTHON = "ubuntu:22.04", "python:slim"
KERAS_2, KERAS_3 = "tensorflow/tensorflow:2.10.0", "tensorflow/tensorflow:2.17.0-gpu"
_REGISTRIES = """\
unqualified-search-registries = ["docker.io"]
short-name-mode = "permissive"
[[registry]]
prefix = "docker.io"
location = "{host}"
insecure = true
"""


class Step(NamedTuple):
    """A command of the page and what came of it."""

    command: str
    ran: Ran


class Shell:
    """Where the commands run: beside copies of docs/examples, with tfcompat, podman and, under the name of docker, podman on the PATH."""

    def __init__(self, engine: Engine, pushed: Mapping[str, Future[None]]) -> None:
        self.folder = engine.folder / "work"
        shutil.copytree(ROOT / "docs/examples", self.folder)
        programs = engine.folder / "bin"
        programs.mkdir()
        (programs / "docker").symlink_to(shutil.which("podman") or "podman")
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.env = {**engine.env, "PATH": path}
        self._pushed = pushed

    def await_images(self, *references: str) -> None:
        """Images are made beside the first tests: wait until these are in the registry."""
        for reference in references:
            self._pushed[reference].result()

    def run(self, command: str, *, check: bool = True, folder: Path | None = None) -> Ran:
        """Run a command line as bash does, to its end."""
        return run_tool(["bash", "-o", "pipefail", "-c", command], check=check, env=self.env, folder=folder or self.folder)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with open_engine() as opened:
        yield opened


@pytest.fixture(scope="session")
def hub(engine: Engine) -> Iterator[RealRegistry]:
    """The registry that is asked in place of Docker Hub; empty, unless an earlier session's was kept."""
    folder = engine.kept / "registry"
    folder.mkdir(exist_ok=True)
    with serve_registry(folder) as registry:
        (engine.folder / "registries.conf").write_text(_REGISTRIES.format(host=registry.host))
        yield registry


@pytest.fixture(scope="session")
def shell(engine: Engine, hub: RealRegistry) -> Iterator[Shell]:
    slim = run_tool([sys.executable, "-m", "tfcompat", "resolve", "--cpu", "--base", "slim", "--format", "env"]).out
    minor = re.findall(r"^TFCOMPAT_IMAGE=python:(3\.\d+)-slim-bookworm$", slim, re.M)[0]
    chains: list[dict[str, Callable[[], str]]] = [
        {UBUNTU: partial(make_ubuntu, engine, "22.04"), KERAS_3: partial(make_tensorflow, engine, "2.17.0-gpu")},
        {KERAS_2: partial(make_tensorflow, engine, "2.10.0")},
        {PYTHON: partial(make_python, engine, minor)},
    ]
    names = {PYTHON: f"library/python:{minor}-slim-bookworm", UBUNTU: "library/ubuntu:22.04"}
    with ThreadPoolExecutor(2) as pool:
        pushed: dict[str, Future[None]] = {}
        for chain in chains:
            made = {names.get(name, name): make for name, make in chain.items()}
            pushed.update(dict.fromkeys(chain, pool.submit(_push, engine, hub, made)))
        try:
            yield Shell(engine, pushed)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _push(engine: Engine, hub: RealRegistry, chain: Mapping[str, Callable[[], str]]) -> None:
    """Make and push one image after the other; what an earlier session pulled under its name is forgotten, and pulled anew."""
    for name, make in chain.items():
        image = make()
        identity = engine.podman("image", "inspect", "--format", "{{.Id}}", image).out
        pushed = hub.folder / name.replace("/", "-")
        if not pushed.exists() or pushed.read_text() != identity:
            engine.podman("push", "--quiet", "--tls-verify=false", image, f"{hub.host}/{name}")
            pushed.write_text(identity)
        engine.podman("untag", image, f"docker.io/{name}", check=False)


def run_section(shell: Shell, heading: str) -> list[Step]:
    """Run the commands below a heading of the page, in turn. Only the gate and the check may end with 1."""
    lines = [line for block in blocks_of(PAGE) if block.heading == heading and block.language == "sh" for line in _lines(block.text)]
    steps = [Step(line, shell.run(line, check=False)) for line in lines]
    for command, ran in steps:
        allowed = (0, 1) if re.search(r"\btfcompat (gate|check)\b", command) else (0,)
        assert ran.code in allowed, f"{command}\n{ran.out[-3000:]}\n{ran.err[-6000:]}"
    return steps


def _lines(text: str) -> list[str]:
    return [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="session")
def training(shell: Shell) -> list[Step]:
    shell.await_images(KERAS_3)
    return run_section(shell, "Training")


@pytest.fixture(scope="session")
def legacy(shell: Shell) -> list[Step]:
    shell.await_images(UBUNTU, KERAS_2)
    return run_section(shell, "A legacy project")


@pytest.fixture(scope="session")
def inference(shell: Shell, training: list[Step]) -> list[Step]:
    shell.await_images(PYTHON)
    return run_section(shell, "Inference")
