"""Real environments, built once a session: below the folder TFCOMPAT_ENVIRONMENTS, where they stay, or a temporary one."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from environments import Environment, Environments

HAS_GPU = bool(list(Path("/dev").glob("nvidia[0-9]*"))) or Path("/dev/dxg").exists()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "no_gpu: says what happens where no GPU is seen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    unfit = "" if sys.platform == "linux" and platform.machine() == "x86_64" else "the pins are for Linux on x86-64"
    for item in items:
        if unfit:
            item.add_marker(pytest.mark.skip(reason=unfit))
        elif HAS_GPU and item.get_closest_marker("no_gpu"):
            item.add_marker(pytest.mark.skip(reason="this machine has a GPU"))


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    named = os.environ.get("TFCOMPAT_ENVIRONMENTS")
    folder = Path(named).resolve() if named else tmp_path_factory.mktemp("environments")
    folder.mkdir(parents=True, exist_ok=True)
    yield Environments(folder)
    if not named:
        shutil.rmtree(folder, ignore_errors=True)  # gigabytes, which pytest would keep for three runs


@pytest.fixture
def copy(environments: Environments) -> Iterator[Callable[[str], Environment]]:
    """``copy(name)`` is an environment to be broken; it is gone after the test."""
    made: list[Environment] = []

    def make(name: str) -> Environment:
        made.append(environments.copy(name))
        return made[-1]

    yield make
    for environment in made:
        shutil.rmtree(environment.folder, ignore_errors=True)
