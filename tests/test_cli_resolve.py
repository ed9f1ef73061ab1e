"""``python -m tfcompat resolve`` as a person runs it: exit codes, messages with a remedy, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tfcompat.cli import main
from tfcompat.matrix import load

BUNDLED = Path(load.BUNDLED)

SOURCE = Path(__file__).parents[1] / "src"


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tfcompat", "resolve", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1"}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=60, check=False)
    assert "Traceback" not in found.stderr
    return found


def refused(*arguments: str, cwd: Path | None = None) -> str:
    """The message of a run that is refused: exit code 2, everything on standard error, nothing on standard output."""
    found = run(*arguments, cwd=cwd)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("tfcompat: ")
    assert len(found.stderr) < 1500
    return found.stderr


# -- answers -------------------------------------------------------------------------------------


def test_a_plan_is_printed_with_exit_code_0() -> None:
    found = run("--gpu", "--base", "official")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("tensorflow/tensorflow:2.17.0-gpu  (TensorFlow's own image)\n")


def test_a_conflict_is_printed_with_exit_code_1() -> None:
    found = run("--python", "3.14")
    assert (found.returncode, found.stderr) == (1, "")
    assert found.stdout.startswith("There is no such plan.\n  Because no wheel of tensorflow")
    assert "[python-has-wheel]" in found.stdout
    assert "take --python 3.13" in found.stdout


@pytest.mark.parametrize("form", ["dockerfile", "requirements", "env", "github-output"])
def test_a_conflict_writes_no_file_to_standard_output(form: str) -> None:
    found = run("--python", "3.14", "--format", form)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("There is no such plan.")


DOUBTED = ("--tensorflow", "2.15", "--gpu", "H100", "--driver", "535")
DOUBT = "Whether the driver can compile the PTX of CUDA 12.2 in tensorflow 2.15.1 for the NVIDIA H100 (9.0) is not established"


@pytest.mark.parametrize("form", ["requirements", "env", "github-output"])
def test_what_is_not_established_is_told_where_the_answer_has_no_room_for_it(form: str) -> None:
    found = run(*DOUBTED, "--format", form)
    assert (found.returncode, found.stderr) == (0, f"tfcompat: not established: {DOUBT}\n")
    assert "not established" not in found.stdout


def test_what_is_not_established_is_a_field_of_the_document() -> None:
    found = run(*DOUBTED, "--format", "json")
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["plan"]["doubts"] == [DOUBT]


def test_json_is_one_document_for_a_plan_and_for_a_conflict() -> None:
    assert json.loads(run("--format", "json").stdout)["status"] == "resolved"
    found = run("--python", "3.14", "--format", "json")
    assert (found.returncode, json.loads(found.stdout)["status"]) == (1, "conflict")


def test_a_gpu_may_be_given_bare_by_name_and_more_than_once() -> None:
    found = json.loads(run("--gpu", "T4", "--gpu", "GTX 980", "--format", "json").stdout)
    assert found["plan"]["tensorflow"] == "2.16.2"
    assert json.loads(run("--gpu", "--format", "json").stdout)["plan"]["cuda"] is not None


def test_a_requirements_file_is_honoured_and_named_in_the_conflict(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("# mine\nrequests>=2\nnumpy>=2  # new\n")
    found = run("--tensorflow", "2.10", "-r", "requirements.txt", cwd=tmp_path)
    assert found.returncode == 1
    assert "package numpy>=2 (requirements.txt:3)" in found.stdout


def test_a_matrix_of_ones_own_is_read() -> None:
    assert run("--matrix", str(BUNDLED), "--gpu").stdout == run("--gpu").stdout


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"'{sys.executable}' -m tfcompat resolve --gpu --evidence --format text | head -1; echo \"${{PIPESTATUS[0]}}\""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, timeout=60, check=True)
    assert found.stderr == ""
    assert found.stdout.splitlines()[-1] == "0"


def test_standard_output_that_is_closed_from_the_start_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    found = subprocess.run(
        [sys.executable, "-m", "tfcompat", "resolve"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (found.returncode, found.stderr) == (0, "")


# -- wishes that cannot be understood ------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["--tensorflow", "newest"],
            "--tensorflow: 'newest' is neither a version nor a specifier",
            "write 2.15, '>=2.15,<2.17' or '~=2.15'",
        ),
        (["--tensorflow", "2.99"], "--tensorflow: no final release of tensorflow satisfies '2.99'", "known are 1.15.0 to"),
        (["--tensorflow", "2.16.0"], "no final release of tensorflow satisfies '2.16.0'", "of 2.16 there are 2.16.1, 2.16.2"),
        (["--gpu", "RTX 409"], "--gpu: 'RTX 409' is not a GPU that the matrix knows", "did you mean GeForce RTX 4090"),
        (["--cpu", "--gpu"], "--cpu excludes --gpu", "leave one of them out"),
        (["--cpu", "--driver", "535"], "--cpu excludes --driver", "leave one of them out"),
        (["--driver", "latest"], "--driver: 'latest' is not a version", "write"),
        (["--platform", "linux/riscv64"], "--platform: 'linux/riscv64' is not known", "linux/amd64, linux/arm64"),
        (["--base", "UPPER:1"], "'UPPER:1' is not an image reference", "write REPOSITORY:TAG"),
        (["--package", "numpy=2"], "--package: 'numpy=2' is not a requirement", "numpy>=2"),
    ],
)
def test_a_wish_that_cannot_be_understood_is_refused_with_the_remedy(arguments: list[str], message: str, hint: str) -> None:
    told = refused(*arguments)
    assert message in told
    assert hint in told.partition("hint: ")[2]


def test_an_option_that_does_not_exist_is_a_usage_error() -> None:
    assert refused("--tensorfow", "2.15") == "tfcompat: tfcompat resolve has no option '--tensorfow'\n  hint: did you mean --tensorflow?\n"
    known = "text, json, dockerfile, requirements, env, github-output"
    assert refused("--format", "yaml") == f"tfcompat: --format: 'yaml' is not known\n  hint: it is one of {known}\n"


# -- matrices ------------------------------------------------------------------------------------

BUNDLED_TEXT = BUNDLED.read_text(encoding="utf-8")


def edited(**changes: Any) -> str:
    return json.dumps({**json.loads(BUNDLED_TEXT), **changes})


MATRICES: dict[str, tuple[str | None, str]] = {
    "missing": (None, "cannot be read: No such file or directory"),
    "empty": ("", "is not JSON (truncated?)"),
    "truncated": (BUNDLED_TEXT[:100_000], "is not JSON (truncated?)"),
    "binary": ("\x00\x01\x7f" * 1000, "is not JSON"),
    "nested": ("[" * 200_000, "is not JSON (truncated?)"),
    "nested-object": ('{"schema_version": 1, "measured": "2026-01-01", "tensorflow": ' + "[" * 900 + "]" * 900 + "}", "is not a matrix"),
    "list": ("[]", "holds a list, not a matrix"),
    "number": ("1e999", "holds a float, not a matrix"),
    "no-schema": ("{}", "has schema_version None"),
    "newer": (edited(schema_version=99), "has schema_version 99"),
    "text-for-schema": (edited(schema_version="1"), "has schema_version '1'"),
    "only-a-schema": ('{"schema_version": 1}', "is not a matrix"),
    "releases-are-text": (edited(tensorflow="many"), "is not a matrix"),
    "releases-are-null": (edited(tensorflow=None), "is not a matrix"),
    "measured-is-a-number": (edited(measured=5), "is not a matrix"),
    "packages-are-a-list": (edited(packages=[1, 2]), "is not a matrix"),
    "images-are-empty": (edited(images={}), "is not a matrix"),
    "toolkits-are-numbers": (edited(toolkits=[12.5]), "is not a matrix"),
    "extra": (edited(surprise=1), "is not a matrix"),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_that_cannot_be_used_is_refused_with_its_name_and_a_remedy(name: str, tmp_path: Path) -> None:
    content, message = MATRICES[name]
    path = tmp_path / "matrix.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    told = refused("--matrix", str(path))
    assert str(path) in told
    assert message in told
    assert "hint: " in told


FIRST_TOOLKIT = json.loads(BUNDLED_TEXT)["toolkits"][0]
SETS = len(json.loads(BUNDLED_TEXT)["requirement_sets"])


@pytest.mark.parametrize(
    "content",
    [edited(toolkits=[{**FIRST_TOOLKIT, "version": "twelve"}]), edited(requirement_sets=[["numpy >>> 1"]] * SETS)],
    ids=["version", "requirement"],
)
def test_a_matrix_with_text_that_is_no_version_or_requirement_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "matrix.json").write_text(content)
    assert "matrix.json" in refused("--gpu", "--matrix", str(tmp_path / "matrix.json"))


def test_a_newer_matrix_asks_for_a_newer_tfcompat(tmp_path: Path) -> None:
    (tmp_path / "matrix.json").write_text(edited(schema_version=99))
    assert "hint: upgrade tfcompat" in refused("--matrix", str(tmp_path / "matrix.json"))


def test_a_huge_matrix_is_not_read_at_all(tmp_path: Path) -> None:
    path = tmp_path / "matrix.json"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    assert "is larger than 32 MiB: not a matrix" in refused("--matrix", str(path))


@pytest.mark.parametrize("option", ["--matrix", "-r"])
def test_a_folder_in_place_of_a_file_is_refused(option: str, tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in refused(option, str(tmp_path))


# -- requirements files --------------------------------------------------------------------------

FILES: dict[str, tuple[bytes | None, str, str]] = {
    "missing": (None, "requirements.txt cannot be read: No such file or directory", "check the path given with -r"),
    "empty": (b"", "requirements.txt holds no requirement", "name a file with lines such as 'numpy>=1.26'"),
    "comments": (b"# nothing\n\n   # here\n", "requirements.txt holds no requirement", "name a file"),
    "binary": (b"\x7fELF\x02\x01\xff\xfe\x00\x00", "requirements.txt is not text (byte 6 is no utf-8)", "in UTF-8"),
    "nul": (b"numpy\x00>=1\n", "requirements.txt is not text (it holds NUL characters)", "in UTF-8"),
    "odd-utf-16": (b"\xff\xfen\x00u", "requirements.txt is not text", "in UTF-8"),
    "editable": (b"numpy\n-e .\n", "requirements.txt:2: -e . names a folder instead of a version", "take the line out"),
    "url": (
        b"numpy @ https://example.org/numpy.whl\n",
        "requirements.txt:1: 'numpy @ https://example.org/numpy.whl' names a URL",
        "take the line out",
    ),
    "path": (b"\n./wheels/numpy.whl\n", "requirements.txt:2: './wheels/numpy.whl' names a path instead of a version", "take the line out"),
    "conda": (b"numpy=1.26=py311\n", "requirements.txt:1: 'numpy=1.26=py311' is not a requirement", "take the line out"),
    "itself": (
        b"-r requirements.txt\n",
        "requirements.txt:1: -r requirements.txt makes the file include itself (requirements.txt -> requirements.txt)",
        "take the line out",
    ),
    "absent-include": (b"-r other.txt\n", "other.txt cannot be read", "check the path"),
    "bare-include": (b"-r\n", "requirements.txt:1: -r names no file", "write -r FILE"),
    "huge": (b"#" * ((1 << 20) + 1), "requirements.txt is larger than 1 MiB: not a requirements file", ""),
}


@pytest.mark.parametrize("name", FILES)
def test_a_requirements_file_that_cannot_be_read_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    content, message, hint = FILES[name]
    if content is not None:
        (tmp_path / "requirements.txt").write_bytes(content)
    told = refused("-r", "requirements.txt", cwd=tmp_path)
    assert message in told
    assert hint in told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_requirements_file_is_read_in_the_encodings_of_editors(encoding: str, end: str, tmp_path: Path) -> None:
    lines = [
        "# ünïcode",
        "--index-url https://example.org/simple",
        "numpy<1.25 \\",
        "  --hash=sha256:00",
        "h5py ; python_version > '2'",
        "",
    ]
    (tmp_path / "requirements.txt").write_bytes(end.join(lines).encode(encoding))
    found = run("-r", "requirements.txt", "--tensorflow", "2.15", "--base", "slim", "--format", "requirements", cwd=tmp_path)
    assert found.returncode == 0
    numpy = next(line for line in found.stdout.splitlines() if line.startswith("numpy=="))
    assert numpy == "numpy==1.24.4"


def test_online_and_offline_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "--online", "--offline"]) == 2
    assert capsys.readouterr().err == "tfcompat: --online excludes --offline\n  hint: leave one of them out\n"


def test_offline_is_what_resolve_does_anyway(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "--offline"]) == 0
    said = capsys.readouterr().out
    assert main(["resolve"]) == 0
    assert capsys.readouterr().out == said
