"""The real uv and the real pip against a small index in a folder: what they are asked, what they answer, how they fail."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from folder_index import FolderIndex, ask_no_other_index
from index_server import Answer, refusing_base, serve_index
from tfcompat.errors import CouldNotCheck
from tfcompat.installers import Asked, Installer, Pinned, Pip, Target, Unresolvable, Uv, find_installer, find_uv

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = Target(RUNNING)
OTHER = "3.8" if RUNNING != "3.8" else "3.9"
EITHER = pytest.mark.parametrize("name", ["uv", "pip"])


@pytest.fixture(autouse=True)
def _only_this_index(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    ask_no_other_index(monkeypatch, tmp_path_factory.getbasetemp() / "uv-cache")


@pytest.fixture
def index(tmp_path: Path) -> FolderIndex:
    index = FolderIndex(tmp_path / "simple")
    index.add("numpy", "1.26.4")
    index.add("numpy", "2.1.0")
    index.add("pandas", "1.0", "numpy<2")
    index.add("Old_Name", "1.0", "legacy; python_version<'3.9'", "native; platform_machine=='aarch64'")
    index.add("legacy", "1.0")
    index.add("native", "1.0")
    return index


def uv(index_url: str | None = None) -> Uv:
    command = find_uv()
    assert command is not None
    return Uv(command, index_url)


def made(name: str, index_url: str | None) -> Installer:
    return uv(index_url) if name == "uv" else Pip(index_url)


def names(pins: list[Pinned]) -> list[str]:
    return [f"{pin.name}=={pin.version}" for pin in pins]


# -- what is asked and answered ---------------------------------------------------------------------


@EITHER
def test_a_set_is_completed_with_the_newest_that_go_together(index: FolderIndex, name: str) -> None:
    assert made(name, index.url).compile(Asked(["pandas"]), HERE) == [
        Pinned("numpy", "1.26.4"),
        Pinned("pandas", "1.0"),
    ]


@EITHER
def test_constraints_bind_and_install_nothing(index: FolderIndex, name: str) -> None:
    assert names(made(name, index.url).compile(Asked(["numpy"], ["numpy<2", "legacy==1.0"]), HERE)) == ["numpy==1.26.4"]


@EITHER
def test_hashes_are_those_of_the_files(index: FolderIndex, name: str) -> None:
    sha256 = index.add("hashed", "1.0")
    assert made(name, index.url).compile(Asked(["hashed"], hashes=True), HERE) == [Pinned("hashed", "1.0", (sha256,))]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target("3.11"), ["old-name==1.0"]),
        (Target("3.6"), ["legacy==1.0", "old-name==1.0"]),
        (Target("3.11", "linux/arm64"), ["native==1.0", "old-name==1.0"]),
        (Target("3.13", "linux/arm64", "2.36"), ["native==1.0", "old-name==1.0"]),
    ],
)
def test_uv_answers_for_the_target_and_not_for_the_running_interpreter(index: FolderIndex, target: Target, expected: list[str]) -> None:
    assert names(uv(index.url).compile(Asked(["old-name"]), target)) == expected


def test_a_universal_answer_has_markers(index: FolderIndex) -> None:
    found = uv(index.url).compile(
        Asked(["old-name", "numpy<2; sys_platform=='win32'", "numpy>=2; sys_platform!='win32'"], universal=True), HERE
    )
    assert found == [
        Pinned("native", "1.0", (), 'platform_machine == "aarch64"'),
        Pinned("numpy", "1.26.4", (), 'sys_platform == "win32"'),
        Pinned("numpy", "2.1.0", (), 'sys_platform != "win32"'),
        Pinned("old-name", "1.0"),
    ]


@pytest.mark.parametrize(
    ("glibc", "tag", "fits"),
    [
        (None, "manylinux_2_28", True),
        (None, "manylinux_2_31", False),
        ("2.36", "manylinux_2_36", True),
        ("2.30", "manylinux_2_28", True),
        ("2.30", "manylinux_2_31", False),
        ("2.17", "manylinux_2_28", False),
        ("2.12", "manylinux2014", True),  # the oldest that uv knows
    ],
)
def test_a_wheel_must_suit_the_c_library_of_the_image(index: FolderIndex, glibc: str | None, tag: str, fits: bool) -> None:
    index.add("native", "2.0")
    wheel = index.root / "native" / "native-2.0-py3-none-any.whl"
    wheel = wheel.rename(wheel.with_name(f"native-2.0-py3-none-{tag}_x86_64.whl"))
    (index.root / "native" / "index.html").write_text(f'<a href="{wheel.name}">x</a><a href="native-1.0-py3-none-any.whl">x</a>')
    found = uv(index.url).compile(Asked(["native"]), Target("3.11", "linux/amd64", glibc))
    assert names(found) == ["native==2.0" if fits else "native==1.0"]


@EITHER
def test_option_lines_are_honoured(index: FolderIndex, tmp_path: Path, name: str) -> None:
    links = tmp_path / "links"
    links.mkdir()
    index.add("extra", "1.0")
    index.add("extra", "2.0rc1")
    for file in (index.root / "extra").glob("*.whl"):
        file.rename(links / file.name)
    (index.root / "extra" / "index.html").unlink()
    (index.root / "extra").rmdir()
    lines = ["--no-index", f"--find-links {links}", "--pre", "--prefer-binary", "--trusted-host localhost", "--only-binary :all:"]
    assert names(made(name, None).compile(Asked(["extra"], options=lines), HERE)) == ["extra==2.0rc1"]
    assert names(made(name, None).compile(Asked(["extra"], options=[f"--index-url {index.url}", f"-f {links}"]), HERE)) == ["extra==1.0"]


@pytest.mark.parametrize("holder", ["cwd", "above"])
def test_no_project_that_lies_about_has_a_say(index: FolderIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holder: str) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.uv]\nconstraint-dependencies = ["numpy<2"]\n')
    if holder == "cwd":
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("UV_PROJECT", str(tmp_path))
        monkeypatch.setenv("UV_WORKING_DIR", str(tmp_path))
    else:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert names(uv(index.url).compile(Asked(["numpy"]), HERE)) == ["numpy==2.1.0"]


@EITHER
def test_the_indexes_of_the_environment_are_honoured(index: FolderIndex, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("UV_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    assert names(made(name, None).compile(Asked(["numpy"]), HERE)) == ["numpy==2.1.0"]


# -- how they fail ----------------------------------------------------------------------------------


@EITHER
def test_a_contradiction_is_told_with_what_the_tool_said(index: FolderIndex, name: str) -> None:
    with pytest.raises(Unresolvable) as caught:
        made(name, index.url).compile(Asked(["pandas==1.0", "numpy==2.1.0"]), HERE)
    error = caught.value
    assert (error.message, error.hint, error.exit_code) == ("the requirements contradict each other", "", 1)
    assert "numpy==2.1.0" in error.said
    assert "pandas" in error.said


@EITHER
def test_a_version_that_is_not_there_is_a_contradiction(index: FolderIndex, name: str) -> None:
    with pytest.raises(Unresolvable):
        made(name, index.url).compile(Asked(["numpy==7"]), HERE)


def credentials(address: str) -> str:
    return address.replace("http://", "http://me:s3cr@et@")


@EITHER
def test_an_index_that_refuses_connections_was_not_asked(name: str) -> None:
    with refusing_base() as base, pytest.raises(CouldNotCheck) as caught:
        made(name, credentials(base)).compile(Asked(["numpy"]), HERE)
    error = caught.value
    assert error.message.startswith(f"{name} could not resolve: ")
    assert (error.hint, error.exit_code) == ("check the network and the index; -v shows all it said", 3)
    assert "s3cr" not in str(error) + error.said


@EITHER
@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_an_index_that_refuses_to_answer_proves_nothing(name: str, status: int) -> None:
    with serve_index() as server:
        server.answer("/simple/numpy/", *[Answer(status)] * 20)
        with pytest.raises(CouldNotCheck) as caught:
            made(name, credentials(server.base)).compile(Asked(["numpy"]), HERE)
    assert "s3cr" not in str(caught.value) + caught.value.said


@EITHER
def test_a_package_that_cannot_be_built_is_no_contradiction(tmp_path: Path, name: str) -> None:
    import io
    import tarfile

    with tarfile.open(tmp_path / "broken-1.0.tar.gz", "w:gz") as archive:
        for file, content in (("setup.py", b"raise SystemExit('boom')"), ("pyproject.toml", b"[build-system]\nrequires = ['absent']")):
            member = tarfile.TarInfo(f"broken-1.0/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(CouldNotCheck, match="could not resolve: "):
        made(name, None).compile(Asked(["broken"], options=["--no-index", f"--find-links {tmp_path}"]), HERE)


def fake(tmp_path: Path, script: str) -> Uv:
    """A program in uv's place that does what uv does on a bad day."""
    command = tmp_path / "uv"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return Uv(str(command))


def test_a_tool_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfcompat.installers._LIMIT", 0.2)
    with pytest.raises(CouldNotCheck) as caught:
        fake(tmp_path, "exec sleep 60").compile(Asked(["numpy"]), HERE)
    assert (caught.value.message, caught.value.hint) == ("uv was not done after 0.2 s", "is the index reachable?")


def test_a_tool_that_floods_is_not_listened_to(tmp_path: Path) -> None:
    with pytest.raises(CouldNotCheck) as caught:
        fake(tmp_path, "head -c 20000000 /dev/zero").compile(Asked(["numpy"]), HERE)
    assert (caught.value.message, caught.value.hint) == ("the resolver printed more than 16 MiB", "is the index what it should be?")


def test_a_tool_that_says_nothing_gave_no_reason(tmp_path: Path) -> None:
    with pytest.raises(CouldNotCheck) as caught:
        fake(tmp_path, "exit 1").compile(Asked(["numpy"]), HERE)
    assert caught.value.message == "uv could not resolve: it gave no reason"


def test_a_tool_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(CouldNotCheck) as caught:
        Uv(str(tmp_path / "absent")).compile(Asked(["numpy"]), HERE)
    assert (caught.value.message, caught.value.hint) == (f"{tmp_path}/absent could not be run: No such file or directory", "pip install uv")


# -- which one --------------------------------------------------------------------------------------


def test_uv_serves_every_target() -> None:
    assert find_installer(Target(OTHER, "linux/arm64")).name == "uv"


@pytest.fixture
def _no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)  # as where the package is not installed
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("_no_uv")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the running platform is the target's")
def test_without_uv_pip_serves_the_running_interpreter_alone(index: FolderIndex) -> None:
    pip = find_installer(HERE, index.url)
    assert pip.name == "pip"
    assert names(pip.compile(Asked(["numpy"]), HERE)) == ["numpy==2.1.0"]
    for target in (Target(OTHER), Target(RUNNING, "linux/arm64")):
        with pytest.raises(CouldNotCheck) as caught:
            find_installer(target)
        said = (
            f"uv is needed to resolve for Python {target.python} on {target.platform}: pip can only do it for the running Python {RUNNING}"
        )
        assert (caught.value.message, caught.value.hint) == (said, "pip install uv")


def test_pip_has_no_universal_answer() -> None:
    with pytest.raises(CouldNotCheck) as caught:
        Pip().compile(Asked(["numpy"], universal=True), HERE)
    said = "uv is needed for --universal: pip resolves for one interpreter and platform"
    assert (caught.value.message, caught.value.hint) == (said, "pip install uv")


@pytest.mark.usefixtures("_no_uv")
def test_uv_on_the_path_is_found(tmp_path: Path) -> None:
    assert find_uv() is None
    fake(tmp_path, "")
    assert find_uv() == str(tmp_path / "uv")
