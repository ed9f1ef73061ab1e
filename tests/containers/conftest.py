"""The images, each made once: Debian with Python 3.11 and TensorFlow 2.15, and the same with Python 3.8 and TensorFlow 2.5."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.engine import Engine, open_engine, run_tool

ROOT = Path(__file__).parent.parent.parent
_BASE = "localhost/debian:bookworm"
_VENV = f"""\
FROM {_BASE}
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin
COPY requirements.txt /tmp/
RUN pip install --no-cache-dir -r /tmp/requirements.txt
"""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with open_engine() as opened:
        opened.load_base(_BASE, ["python3-venv", "ca-certificates"])
        tried = opened.run("--memory", "64m", _BASE, "true")
        if tried.code:
            pytest.skip(f"no container can be run here: {tried.err.strip()[-300:]}")
        yield opened


@pytest.fixture(scope="session")
def tensorflow(engine: Engine) -> str:
    """TensorFlow as ``tfcompat pin`` pins it, in a virtual environment; nothing of tfcompat."""
    return _build(engine, "tensorflow", _VENV, {"requirements.txt": pinned("2.15", "3.11")})


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tfcompat's own, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run_tool([sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT)])
    (built,) = folder.glob("tfcompat-*.whl")
    return built


@pytest.fixture(scope="session")
def image(engine: Engine, tensorflow: str, wheel: Path) -> str:
    """TensorFlow and tfcompat."""
    dockerfile = (
        f"FROM {tensorflow}\nCOPY {wheel.name} requirements.txt /tmp/\n"
        f"RUN pip install --no-cache-dir --constraint /tmp/requirements.txt /tmp/{wheel.name}\n"
    )
    return _build(engine, "tfcompat", dockerfile, {"requirements.txt": pinned("2.15", "3.11"), wheel.name: wheel.read_bytes()})


@pytest.fixture(scope="session")
def old_image(engine: Engine) -> str:
    """An interpreter that is too old for tfcompat, with its TensorFlow."""
    home = _old_python()
    dockerfile = (
        f"FROM {_BASE}\nCOPY python {home}\nENV PATH={home}/bin:/usr/bin:/bin\nCOPY requirements.txt /tmp/\n"
        "RUN python -m pip install --no-cache-dir -r /tmp/requirements.txt && chmod a+x /root\n"
    )
    return _build(engine, "old", dockerfile, {"requirements.txt": pinned("2.5", "3.8")}, home)


def pinned(tensorflow: str, python: str) -> str:
    return run_tool([sys.executable, "-m", "tfcompat", "pin", "--cpu", "--tensorflow", tensorflow, "--python", python]).out


def _old_python() -> Path:
    """The folder of a Python 3.8 that can be moved into an image: pyenv's, or the one that uv knows."""
    found = sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python3.8"))
    if not found:
        asked = subprocess.run([sys.executable, "-m", "uv", "python", "find", "3.8"], capture_output=True, text=True, check=False)
        found = [Path(asked.stdout.strip()).resolve()] if asked.returncode == 0 else []
    if not found or found[0].parent.parent == Path("/usr"):
        pytest.skip("no Python 3.8 below pyenv, nor one of uv's")
    return found[0].parent.parent


def _build(engine: Engine, name: str, dockerfile: str, files: dict[str, str | bytes], python: Path | None = None) -> str:
    """The image of *dockerfile*; its tag is made of what goes into it, so that a kept one is taken only where nothing changed."""
    contents = {"Dockerfile": dockerfile, **files}
    digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:12]
    tag = f"localhost/{name}:{digest}"
    if not engine.has(tag):
        for stale in engine.podman("images", "--quiet", f"localhost/{name}").out.split():
            engine.podman("rmi", "--force", stale, check=False)
        context = engine.folder / name
        context.mkdir()
        for path, content in contents.items():
            (context / path).write_bytes(content.encode() if isinstance(content, str) else content)
        if python is not None:
            shutil.copytree(python, context / "python", symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "test", "*.a"))
        engine.build(tag, context)
        shutil.rmtree(context)
    return tag
