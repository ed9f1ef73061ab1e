"""The wheel and the sdist: built from a copy of what git knows, the same bytes each time, whole, and at work in an environment of their own.

Needs git and a package index (`nox -s package`). What is installed runs without a network where this machine can take it away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "0.1.0"
PARTS = ("matrix/matrix.json", "matrix/signatures.json", "py.typed", "probe.py", "__main__.py")
NOWHERE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TFCOMPAT"))}
    found = subprocess.run(command, cwd=cwd, env={**clean, **variables}, capture_output=True, text=True, timeout=600, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that git knows, or does not ignore: no caches, no build outputs, and it stays what it is."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    folder = tmp_path_factory.mktemp("copy") / "checkout"
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def files(checkout: Path, folder: str) -> set[str]:
    return {path.relative_to(checkout).as_posix() for path in (checkout / folder).rglob("*") if path.is_file()}


def build(checkout: Path, folder: Path, *options: str) -> dict[str, Path]:
    """What is built from a copy in *folder*, by the end of its name."""
    shutil.copytree(checkout, folder / "checkout")
    run(sys.executable, "-m", "build", "--outdir", folder, *options, folder / "checkout", cwd=folder, SOURCE_DATE_EPOCH="1700000000")
    return {path.suffix: path for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="session")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, and the wheel that is made from it."""
    return build(checkout, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def wheel(built: dict[str, Path]) -> zipfile.ZipFile:
    return zipfile.ZipFile(built[".whl"])


@pytest.fixture(scope="session")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"tfcompat-{VERSION}.dist-info/METADATA"))


@pytest.fixture(scope="session", params=[".whl", ".gz"], ids=["wheel", "sdist"])
def installed(request: pytest.FixtureRequest, built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but the package and what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", built[request.param], cwd=folder)
    return folder / "bin"


def test_a_build_gives_the_same_bytes_each_time(built: dict[str, Path], checkout: Path, tmp_path: Path) -> None:
    for ending, options in ((".gz", "--sdist"), (".whl", "--wheel")):  # this wheel straight from the checkout
        again = build(checkout, tmp_path / ending[1:], options)
        assert again[ending].name == built[ending].name
        assert again[ending].read_bytes() == built[ending].read_bytes()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile, checkout: Path) -> None:
    names = set(wheel.namelist())
    about = {f"tfcompat-{VERSION}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    assert names == {name.removeprefix("src/") for name in files(checkout, "src")} | about
    assert {f"tfcompat/{part}" for part in PARTS} <= names
    assert not [name for name in names if "__pycache__" in name or "test" in Path(name).name]
    assert wheel.read(f"tfcompat-{VERSION}.dist-info/licenses/LICENSE") == (checkout / "LICENSE").read_bytes()


def test_the_sdist_can_be_worked_on(built: dict[str, Path], checkout: Path) -> None:
    with tarfile.open(built[".gz"]) as archive:
        names = {name.removeprefix(f"tfcompat-{VERSION}/") for name in archive.getnames()}
    folders = ("src", "data", "docs", "tests", "tools")
    assert {name for folder in folders for name in files(checkout, folder)} <= names
    assert {"pyproject.toml", "noxfile.py", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO"} <= names
    assert not [name for name in names if {"__pycache__", ".venv", ".nox", ".git", ".hypothesis"} & set(Path(name).parts)]


def test_the_metadata_is_what_indexes_accept(built: dict[str, Path], checkout: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *built.values(), cwd=ROOT)
    run(sys.executable, "-m", "check_wheel_contents", built[".whl"], cwd=ROOT)
    run(sys.executable, "-m", "validate_pyproject", checkout / "pyproject.toml", cwd=checkout)


def test_the_metadata_says_what_is_so(metadata: Message) -> None:
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("tfcompat", VERSION, ">=3.10")
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().startswith("# tfcompat\n")  # type: ignore[union-attr]
    assert metadata.get_all("Project-URL") is None  # there is no public home, and none is made up
    classifiers = metadata.get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    assert [c for c in classifiers if c.startswith("License ::")] == []  # PEP 639: the expression says it


def test_an_environment_of_its_own_is_complete(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "python", "-m", "pip", "check", cwd=tmp_path) == "No broken requirements found.\n"
    code = "import sys, tfcompat; print(tfcompat.__version__, tfcompat.__file__.startswith(sys.prefix))"
    assert run(installed / "python", "-c", code, cwd=tmp_path) == f"{VERSION} True\n"


def test_what_is_installed_works_without_a_network(installed: Path, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim-bookworm\nRUN pip install 'tensorflow[and-cuda]==2.15.1' 'numpy<2'\n")
    alone = ("unshare", "--net") if _can_unshare() else ()

    def tfcompat(*arguments: str) -> str:
        return run(*alone, installed / "tfcompat", *arguments, cwd=tmp_path, TFCOMPAT_NO_STALE_WARNING="1", **NOWHERE)

    assert tfcompat("--version").startswith(f"tfcompat {VERSION} (matrix of ")
    assert "\nrequirements\n  tensorflow[and-cuda]==" in tfcompat("resolve", "--gpu", "A100")
    assert "in 1 file (matrix of " in tfcompat("gate")
    assert tfcompat("matrix", "show", "gpus").startswith("gpus, matrix of ")
    assert tfcompat("explain", "--help").endswith("3 there is nothing to read\n")
    assert tfcompat("rule", "cudnn-runtime").startswith("cudnn-runtime: ")
    assert "complete -o bashdefault" in tfcompat("completion", "bash")
    assert tfcompat("probe", "--print") == (checkout / "src" / "tfcompat" / "probe.py").read_text(encoding="utf-8")
    module = run(*alone, installed / "python", "-m", "tfcompat", "--version", cwd=tmp_path, **NOWHERE)
    assert module == tfcompat("--version")


def _can_unshare() -> bool:
    tool = shutil.which("unshare")
    return tool is not None and subprocess.run([tool, "--net", "true"], capture_output=True, check=False).returncode == 0
