"""``tfcompat image`` without a network: what is known is told, and what could not be asked is said; never a traceback."""

from __future__ import annotations

import gc
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tfcompat.cli import main
from tfcompat.images import REPOSITORIES
from tfcompat.matrix import load, load_bundled
from tfcompat.registry.listings import keep_listing
from tfcompat.registry.records import Listing, TagEntry
from tfcompat.registry.registries import Registries
from tfcompat.registry.store import Store

MATRIX = load_bundled()
SOURCE = Path(__file__).parents[1] / "src"
OFFICIAL = "tensorflow/tensorflow:2.18.0-gpu"
SINCE = MATRIX.snapshots["tensorflow/tensorflow"]
NETWORK = "check the network, the proxy and the address"
DIGEST = "sha256:" + "a" * 64
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A host on which nobody listens, which every registry is behind; and no waiting between attempts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("TFCOMPAT_HUB_URL", f"http://{host}")
    monkeypatch.setenv("TFCOMPAT_REGISTRIES", f"nvcr.io=http://{host} ghcr.io=http://{host}")
    monkeypatch.setenv("TFCOMPAT_CACHE", str(tmp_path / "cache"))
    for name in ("TFCOMPAT_TIMEOUT", "TFCOMPAT_MAX_AGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.chdir(tmp_path)
    constructor: Any = Registries.__init__
    monkeypatch.setattr(constructor, "__defaults__", tuple(_at_once if d is time.sleep else d for d in constructor.__defaults__))
    return host


def _at_once(_: float) -> None:
    """Instead of waiting."""


@pytest.fixture
def mirrored(refused: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """As *refused*, and Docker Hub's images come from there as well."""
    monkeypatch.setenv("TFCOMPAT_REGISTRIES", " ".join(f"{name}=http://{refused}" for name in ("docker.io", "nvcr.io", "ghcr.io")))
    return refused


@pytest.fixture
def run(refused: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """``tfcompat image ...`` in this process: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(["image", *arguments])
        except SystemExit as end:  # of --help
            code = int(end.code or 0)
        found = capsys.readouterr()
        assert "Traceback" not in found.err
        assert (found.out + found.err).replace("\n", "").isprintable()
        return code, found.out, found.err

    yield call
    gc.enable()  # a command turns it off


def said(found: tuple[int, str, str], code: int) -> str:
    """Standard output of a run with this exit code."""
    assert found[0] == code, found
    return found[1]


def told(found: tuple[int, str, str], code: int) -> tuple[str, str]:
    """Message and hint of a run that has no answer: nothing on standard output."""
    assert (found[0], found[1]) == (code, "")
    assert len(found[2]) < 1_000
    message, _, hint = found[2].removeprefix("tfcompat: ").rstrip("\n").partition("\n  hint: ")
    return message, hint


# -- list ----------------------------------------------------------------------------------------


def test_offline_the_tags_are_those_of_the_snapshot(run: Run, refused: str) -> None:
    code, out, err = run("list", "--offline", "--version", "2.18", "--variant", "gpu", "--without", "rc")
    assert (code, err) == (0, f"tfcompat: {refused} was not asked (--offline); this is the snapshot of {SINCE}\n")
    *rows, blank, last = out.splitlines()
    assert [row.split()[0] for row in rows] == ["2.18.0-gpu", "2.18.0-gpu-jupyter"]
    assert (blank, re.sub(r"\d+ tags", "N tags", last)) == ("", f"2 of N tags; snapshot of {SINCE}")


def test_the_newest_version_comes_first_and_a_limit_ends_the_list(run: Run) -> None:
    rows = said(run("list", "nvidia/cuda", "--offline", "--limit", "3", "--variant", "cudnn", "--variant", "runtime"), 0).splitlines()[:-2]
    versions = [row.split()[1] for row in rows]
    assert len(rows) == 3
    assert versions == sorted(versions, key=lambda v: tuple(map(int, v.split("."))), reverse=True)
    assert said(run("list", "--offline", "--limit", "0"), 1).startswith("0 of ")


def test_without_an_answer_the_snapshot_is_told_with_the_reason(run: Run, refused: str) -> None:
    code, out, err = run("list", "--limit", "1")
    assert (code, len(out.splitlines())) == (0, 3)
    assert err == (
        f"tfcompat: {refused} did not answer http://{refused}/v2/namespaces/tensorflow/repositories/tensorflow/tags in 4 attempts:"
        f" the connection was refused; this is the snapshot of {SINCE}\n"
    )


@pytest.mark.parametrize(
    "arguments", [("--variant", "frobnicate"), ("--version", ">=99"), ("--variant", "gpu", "--without", "gpu"), ("--variant", "\x1b[2J")]
)
def test_no_tag_that_fits_is_exit_code_1(run: Run, arguments: tuple[str, ...]) -> None:
    assert re.fullmatch(rf"0 of \d+ tags; snapshot of {SINCE}\n", said(run("list", "--offline", *arguments), 1))


def test_what_was_kept_comes_before_the_snapshot(run: Run, refused: str, tmp_path: Path) -> None:
    kept = Listing("tensorflow/tensorflow", (TagEntry("9.9.9-gpu", DIGEST, {"linux/amd64": None}, 5_000_000),), "", f"http://{refused}")
    keep_listing(Store(tmp_path / "cache"), f"http://{refused}", kept, 1_730_000_000)
    code, out, err = run("list", "--offline")
    assert (code, out.splitlines()[0]) == (0, "9.9.9-gpu  9.9.9  gpu  5 MB  linux/amd64")
    assert out.splitlines()[-1] == f"1 of 1 tags; what http://{refused} said at 2024-10-27T03:33:20+00:00"
    assert err == f"tfcompat: {refused} was not asked (--offline); this is what it said at 2024-10-27T03:33:20+00:00\n"


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_a_list_as_json_says_that_it_is_the_snapshot(run: Run, repository: str) -> None:
    document = json.loads(said(run("list", repository, "--offline", "--format", "json"), 0))
    assert (document["schema_version"], document["repository"], document["origin"]) == (1, repository, "snapshot")
    assert (document["asked"], document["complete"]) == (MATRIX.snapshots[repository], False)
    assert len(document["tags"]) > 50
    assert set(document["tags"][0]) == {"tag", "version", "variants", "prerelease", "rolling", "digest", "platforms", "size", "updated"}


def test_an_empty_list_as_json_is_one(run: Run) -> None:
    assert json.loads(said(run("list", "--offline", "--version", ">=99", "--format", "json"), 1))["tags"] == []


def test_a_repository_that_the_snapshot_lacks_cannot_be_listed(run: Run, refused: str) -> None:
    assert told(run("list", "ghcr.io/team/app", "--offline"), 3) == (
        f"{refused} was not asked (--offline), and the snapshot does not cover ghcr.io/team/app",
        "leave --offline out",
    )


def test_online_nobody_elses_word_is_taken(run: Run, refused: str) -> None:
    message, hint = told(run("list", "--online"), 3)
    assert message.startswith(f"{refused} did not answer http://{refused}/v2/namespaces/tensorflow/")
    assert hint == NETWORK


# -- inspect -------------------------------------------------------------------------------------


def test_offline_an_image_is_judged_by_its_curated_row(run: Run, mirrored: str) -> None:
    code, out, err = run("inspect", OFFICIAL, "--offline")
    assert (code, err) == (1, f"tfcompat: {mirrored} was not asked (--offline); this is the snapshot of {SINCE}\n")
    assert out.startswith(f"{OFFICIAL} is seen in use, but cuDNN 8.9.6.50 is of another major than the 9.3.0.75")
    assert "  cuda        12.3.0  (curated row)\n" in out
    assert out.endswith(f"\n\nsnapshot of {SINCE}\n")
    assert "\nevidence\n" not in out
    assert "\nevidence\n" in said(run("inspect", OFFICIAL, "--offline", "--evidence"), 1)


@pytest.mark.parametrize(
    ("reference", "code", "verdict"),
    [
        ("python:3.11-slim", 0, "python:3.11-slim exists, and no rule speaks against what is inside."),
        ("docker.io/library/python:3.11-slim", 0, "python:3.11-slim exists, and no rule speaks against what is inside."),
        ("tensorflow/tensorflow:2.15.1-gpu", 1, "There is no tensorflow/tensorflow:2.15.1-gpu (reported missing)."),
        ("ghcr.io/team/app:1", 3, "ghcr.io/team/app:1 is not known to exist; not established: what is inside could not be read."),
        (
            f"ghcr.io/team/app@{DIGEST}",
            3,
            f"ghcr.io/team/app@{DIGEST} is not known to exist; not established: what is inside could not be read.",
        ),
    ],
)
def test_the_exit_code_says_what_came_of_it(run: Run, mirrored: str, reference: str, code: int, verdict: str) -> None:
    assert " ".join(said(run("inspect", reference, "--offline"), code).partition("\n\n")[0].split()) == verdict
    assert run("inspect", reference)[0] == code


def test_gpu_and_driver_are_judged_as_well(run: Run, mirrored: str) -> None:
    image = "nvcr.io/nvidia/tensorflow:24.03-tf2-py3"
    assert said(run("inspect", image, "--offline", "--gpu", "H100", "--driver", "550.54"), 0)
    out = said(run("inspect", image, "--offline", "--gpu", "H100", "--gpu", "RTX 5090", "--driver", "450"), 1)
    assert "error" in out
    assert "[gpu-known-to-driver]" in out


def test_an_inspection_as_json_says_that_it_is_the_snapshot(run: Run, mirrored: str) -> None:
    document = json.loads(said(run("inspect", OFFICIAL, "--offline", "--format", "json"), 1))
    assert (document["schema_version"], document["reference"], document["origin"], document["asked"]) == (1, OFFICIAL, "snapshot", SINCE)
    assert document["contents"]["cudnn"]["value"] == "8.9.6.50"


def test_online_an_image_that_cannot_be_asked_for_is_exit_code_3(run: Run, mirrored: str) -> None:
    message, hint = told(run("inspect", OFFICIAL, "--online"), 3)
    assert message == (
        f"{mirrored} did not answer http://{mirrored}/v2/tensorflow/tensorflow/manifests/2.18.0-gpu in 4 attempts: the connection was refused"
    )
    assert hint == NETWORK


# -- verify and refresh --------------------------------------------------------------------------


def test_a_repository_that_does_not_answer_cannot_be_verified(run: Run, mirrored: str) -> None:
    message, hint = told(run("verify", "python"), 3)
    assert message.startswith(f"{mirrored} did not answer http://{mirrored}/v2/library/python/tags/list in 4 attempts: ")
    assert hint == NETWORK


def test_of_several_repositories_each_is_told(run: Run, mirrored: str) -> None:
    *lines, last = said(run("verify"), 3).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["not established", repository] for repository in REPOSITORIES]
    assert last == "0 differences; 0 tags listed, 0 images looked into"
    document = json.loads(said(run("verify", "--format", "json"), 3))
    assert (document["schema_version"], document["drift"], len(document["not_established"])) == (1, [], 4)


def test_a_refresh_without_an_answer_writes_nothing(run: Run, mirrored: str, tmp_path: Path) -> None:
    assert told(run("refresh", "--write", "--allow-shrink", "--data", str(tmp_path / "data")), 3)[1] == NETWORK
    assert not (tmp_path / "data").exists()


# -- what cannot be understood -------------------------------------------------------------------

REFERENCE = "write REPOSITORY:TAG, as in python:3.11-slim"
LONG = "x" * 100_000


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["list", "A"], "'A' is not an image reference", REFERENCE),
        (["list", ""], "'' is not an image reference", REFERENCE),
        (["list", LONG], f"'{LONG[:80]}' is not an image reference", REFERENCE),
        (["list", "a\x1b[2Jb"], "'a\\x1b[2Jb' is not an image reference", REFERENCE),
        (["list", "a\nb"], "'a\\nb' is not an image reference", REFERENCE),
        (["list", "../../etc/passwd"], "'../../etc/passwd' is not an image reference", REFERENCE),
        (["list", "python:3.11"], "'python:3.11' names one image, not a repository", "leave the tag out, or use 'tfcompat image inspect'"),
        (["list", f"python@{DIGEST}"], f"'python@{DIGEST}' names one image, not a repository", "leave the tag out, or use 'tfcompat image inspect'"),
        (["list", "--online", "--offline"], "--online excludes --offline", "leave one of them out"),
        (["list", "--version", "newest"], "--version: 'newest' is neither a version nor a specifier", "write 2.15, '>=2.15,<2.17' or '~=2.15'"),
        (["list", "--version", ""], "--version: nothing was given", "write 2.15, '>=2.15,<2.17' or '~=2.15', or leave it out"),
        (["list", "--version", LONG], f"--version: '{LONG[:40]}'... is longer than 1000 characters", "write for instance 2.15.1"),
        (["list", "--hub-url", "hub"], "--hub-url: 'hub' is not an address", "write for instance https://registry.example.org"),
        (["list", "--hub-url", "https://u:p@hub"], "--hub-url: the address holds credentials", "leave them out, and log in with 'docker login'"),
        (["list", "--registry", "docker.io"], "--registry: 'docker.io' is not HOST=URL", "write for instance docker.io=https://mirror.example.org"),
        (["list", "--timeout", "soon"], "--timeout: 'soon' is not a number of seconds", "write for instance 30"),
        (["list", "--timeout", "0"], "--timeout: 0 seconds is no time to answer", "write for instance 30"),
        (["list", "--max-age", "-1"], "--max-age: '-1' is not a number of seconds", "write for instance 30"),
        (["list", "--cache", "~no-such-user-here"], "--cache: '~no-such-user-here' is not a folder", "write a path"),
        (["list", "--matrix", "nowhere.json"], "nowhere.json cannot be read: No such file or directory", "compile one with 'tfcompat matrix compile'"),
        (["inspect", "A:b"], "'A:b' is not an image reference", REFERENCE),
        (["inspect", "python:"], "'python:' is not an image reference", REFERENCE),
        (["inspect", "python", "--online", "--offline"], "--online excludes --offline", "leave one of them out"),
        (["inspect", "python", "--platform", "linux/s390x"], "--platform: 'linux/s390x' is not known", "one of linux/amd64, linux/arm64, macos/amd64, macos/arm64, windows/amd64"),
        (["inspect", "python", "--driver", "newest"], "--driver: 'newest' is not a version", "write for instance 2.15.1"),
        (["inspect", "python", "--driver", LONG], f"--driver: '{LONG[:40]}'... is longer than 1000 characters", "write for instance 2.15.1"),
        (["inspect", "python", "--gpu", "?"], "--gpu: '?' is not a GPU that the matrix knows", "give the name on the box (A100, RTX 4090) or a compute capability such as 8.6"),
        (["inspect", "python", "--matrix", "."], ". cannot be read: Is a directory", "compile one with 'tfcompat matrix compile'"),
        (["verify", "foo/bar"], "the matrix has no rows of foo/bar", f"one of {', '.join(REPOSITORIES)}"),
        (["verify", "python", "foo/bar"], "the matrix has no rows of foo/bar", f"one of {', '.join(REPOSITORIES)}"),
        (["verify", "python:3.11"], "'python:3.11' names one image, not a repository", "leave the tag out, or use 'tfcompat image inspect'"),
        (["refresh", "ghcr.io/team/app"], "the matrix has no rows of ghcr.io/team/app", f"one of {', '.join(REPOSITORIES)}"),
        (["refresh", "--matrix", "nowhere.json"], "nowhere.json cannot be read: No such file or directory", "compile one with 'tfcompat matrix compile'"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_named_with_a_remedy(run: Run, arguments: list[str], message: str, hint: str) -> None:
    assert told(run(*arguments), 2) == (message, hint)


@pytest.mark.parametrize("value", [LONG, "a\x1b[2Jb", "a\nb"])
@pytest.mark.parametrize("option", ["--platform", "--gpu", "--driver"])
def test_a_strange_value_is_not_shown_raw_or_whole(run: Run, option: str, value: str) -> None:
    message, hint = told(run("inspect", "python", option, value), 2)
    assert message.startswith(f"{option}: ")
    assert hint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--limit", "-1"], "--limit: '-1' is not a number of images"),
        (["list", "--limit", "many"], "--limit: 'many' is not a number of images"),
        (["list", "--limit", "9" * 20], f"--limit: '{'9' * 20}' is not a number of images"),
        (["verify", "--limit", "1.5"], "--limit: '1.5' is not a number of images"),
        (["verify", "--limit", ""], "--limit: '' is not a number of images"),
        (["list", "a", "b"], "tfcompat image list takes no 'b'"),
        (["verify", "--offline"], "tfcompat image verify has no option '--offline'"),
        (["inspect"], "tfcompat image inspect needs REFERENCE"),
    ],
)
def test_what_argparse_refuses_is_exit_code_2(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"tfcompat: {message}\n  hint: ")


def test_a_damaged_matrix_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text('{"schema_version": 1')
    assert told(run("list", "--offline", "--matrix", "m.json"), 2)[0].startswith("m.json is not JSON (truncated?): ")
    (tmp_path / "m.json").write_text('{"schema_version": 99}')
    assert told(run("inspect", "python", "--matrix", "m.json"), 2) == (
        "m.json has schema_version 99; this tfcompat reads 1",
        "upgrade tfcompat",
    )


def test_a_matrix_of_ones_own_is_read(run: Run) -> None:
    assert run("list", "--offline", "--matrix", load.BUNDLED)[:2] == run("list", "--offline")[:2]


def test_a_damaged_project_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tfcompat.registry]\nhub = 'https://a'\n")
    assert told(run("list", "--offline"), 2)[0] == f"{tmp_path / 'pyproject.toml'}: [tool.tfcompat.registry] has an unknown key, 'hub'"
    (tmp_path / "pyproject.toml").write_text("[tool")
    assert told(run("list", "--offline"), 2)[0].startswith(f"{tmp_path / 'pyproject.toml'} cannot be read: ")


def test_a_cache_that_cannot_be_written_costs_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    assert run("list", "--cache", str(tmp_path / "file"), "--limit", "1")[0] == 0
    assert run("list", "--cache", "/proc/nowhere", "--limit", "1")[0] == 0


# -- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], ["list", "inspect", "verify", "refresh"]),
        (["list"], ["--max-age", "--version", "--variant", "--without", "--limit", "--online", "--offline", "--format"]),
        (["inspect"], ["--platform", "--gpu", "--driver", "--evidence", "--online", "--offline", "--format"]),
        (["verify"], ["--limit", "--format"]),
        (["refresh"], ["--write", "--allow-shrink", "--data"]),
    ],
)
def test_help_names_every_option(run: Run, arguments: list[str], options: list[str]) -> None:
    out = said(run(*arguments, "--help"), 0)
    everywhere = ["--matrix", "--hub-url", "--registry", "--cache", "--timeout"] if arguments else []
    for option in [*options, *everywhere]:
        assert re.search(rf"^  +{option}\b", out, re.MULTILINE), option


def test_as_a_person_runs_it(refused: str) -> None:
    command = [sys.executable, "-m", "tfcompat", "image", "list", "--offline", "--limit", "1"]
    found = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(SOURCE)}, timeout=60, check=False)
    assert (found.returncode, len(found.stdout.splitlines())) == (0, 3)
    assert found.stderr == f"tfcompat: {refused} was not asked (--offline); this is the snapshot of {SINCE}\n"
