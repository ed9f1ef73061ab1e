"""``python -m tfcompat pin`` without a network: what it writes, where, and what it refuses."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tfcompat.matrix import load_bundled
from tfcompat.outputs.requirements import proof
from tfcompat.resolver import Request, ResolutionImpossible, resolve_pins

SOURCE = Path(__file__).parents[1] / "src"
MATRIX = load_bundled()


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tfcompat", "pin", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1"}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=60, check=False)
    assert "Traceback" not in found.stderr
    return found


def split(text: str) -> tuple[str, list[str]]:
    """The header as one line, and the requirement lines below it."""
    top, _, body = text.partition("\n\n")
    return " ".join(line.removeprefix("# ") for line in top.splitlines()), body.splitlines()


# -- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(MATRIX.document["pin_sets"])))
def test_every_verified_set_is_written_as_it_was_run(number: int) -> None:
    row = MATRIX.document["pin_sets"][number]
    keras = "2" if row["keras"] == "tf-keras" else None
    plan = resolve_pins(Request(tensorflow=row["tensorflow"], python=row["python"], keras=keras, cpu=True), MATRIX)
    run = next(run for run in row["runs"] if run["distribution"] == plan.package)
    text = "\n".join(plan.requirements) + "\n"
    assert hashlib.sha256(text.encode()).hexdigest() == run["sha256"] == plan.pins.sha256
    assert (plan.pins.status, plan.pins.date, plan.pins.steps) == ("verified", run["date"], run["steps"])
    assert not any("were not run" in remark for remark in plan.remarks)


@pytest.mark.parametrize("number", range(len(MATRIX.document["pin_sets"])))
def test_for_a_gpu_a_verified_set_has_the_parts_of_cuda_added_and_nothing_else_changed(number: int) -> None:
    row = MATRIX.document["pin_sets"][number]
    keras = "2" if row["keras"] == "tf-keras" else None
    try:
        plan = resolve_pins(Request(tensorflow=row["tensorflow"], python=row["python"], keras=keras, gpu=True), MATRIX)
    except ResolutionImpossible:
        assert row["python"] in ("3.7", "3.8")  # which no image with a CUDA that old brings, and uv does not fetch 3.7
        return
    lines = [line for line in plan.requirements[1:] if not line.startswith(("nvidia-", "tensorrt"))]
    assert lines == [MATRIX.document["pin_lines"][index] for index in row["pins"]]
    assert plan.requirements[0] in (f"tensorflow=={row['tensorflow']}", f"tensorflow[and-cuda]=={row['tensorflow']}")
    assert plan.pins.status == "verified"
    assert all("==" in line for line in plan.requirements)


def test_the_header_says_what_for_by_what_and_how_it_was_verified() -> None:
    found = run("--tensorflow", "2.15.1", "--python", "3.11")
    assert found.returncode == 0
    header, lines = split(found.stdout)
    assert header.startswith("Pinned by tfcompat 0.1.0 from the matrix of ")
    assert "for tensorflow 2.15.1, Keras 2.15.0, Python 3.11, CPU, linux/amd64. Verified: run on 2026-" in header
    assert "install, import, matmul, convolution, fit, h5, keras, savedmodel, tensorboard, pip-check; sha256 of the lines " in header
    assert hashlib.sha256(("\n".join(lines) + "\n").encode()).hexdigest() in header
    assert lines[0] == "tensorflow-cpu==2.15.1"
    assert all(str(Requirement(line)) == line for line in lines)


def test_a_gpu_set_says_that_cuda_was_not_run() -> None:
    header, lines = split(run("--tensorflow", "2.15.1", "--gpu", "A100").stdout)
    assert "CUDA 12.2, cuDNN 8.9.4.25" in header
    assert "CUDA's parts are exact, and were not run." in header
    assert lines[0] == "tensorflow[and-cuda]==2.15.1"
    assert "nvidia-cudnn-cu12==8.9.4.25" in lines


def test_keras_2_beside_2_16_is_tf_keras_with_its_variable_and_the_distribution_it_requires() -> None:
    header, lines = split(run("--tensorflow", "2.17", "--keras", "2").stdout)
    assert header.endswith("Set TF_USE_LEGACY_KERAS=1 in the environment.")
    assert "Verified: run on " in header
    assert lines[0] == "tensorflow==2.17.1"
    assert "tf-keras==2.17.0" in lines


def test_another_patch_follows_the_verified_set_and_says_so() -> None:
    found = run("--tensorflow", "2.14.0", "--python", "3.11")
    header, lines = split(found.stdout)
    assert "Not verified as it stands: it follows a set that was run on " in header
    assert lines[0] == "tensorflow-cpu==2.14.0"
    assert (
        "note: These pins were not run with tensorflow-cpu 2.14.0 on Python 3.11 as they stand: they follow the set verified with "
        in found.stderr
    )


def test_a_wish_changes_what_it_must_and_is_named() -> None:
    found = run("--tensorflow", "2.15.1", "--python", "3.11", "--keras", "2.15.0")
    assert "Verified: " in found.stdout
    plan = resolve_pins(Request(tensorflow="2.15.1", python="3.11", cpu=True, packages=("numpy<1.25",)), MATRIX)
    assert (plan.pins.status, plan.pins.changed) == ("follows", ("numpy==1.24.4",))
    assert any(remark.endswith("changed: numpy==1.24.4") for remark in plan.remarks)


def test_where_nothing_was_run_the_derived_set_says_so() -> None:
    found = run("--tensorflow", "2.2", "--python", "3.8")
    header, _ = split(found.stdout)
    assert "Not verified: derived from the wheels' metadata and learned caps, direct dependencies only." in header
    assert (
        "note: No set of pins was run for tensorflow-cpu 2.2.3 on Python 3.8: these are derived from metadata and learned caps, and name"
        in found.stderr
    )


def test_a_base_that_brings_tensorflow_is_honoured() -> None:
    header, lines = split(run("--tensorflow", "2.12.0", "--gpu", "--base", "official").stdout)
    assert "in tensorflow/tensorflow:2.12.0-gpu. TensorFlow and what it needs are in the image." in header
    assert lines == ["tensorflow==2.12.0"]


def test_constraints_have_no_extras() -> None:
    header, lines = split(run("--tensorflow", "2.15.1", "--gpu", "A100", "--constraints").stdout)
    assert header.endswith('For pip install -c FILE "tensorflow[and-cuda]": it pins, and installs nothing by itself.')
    assert lines[0] == "tensorflow==2.15.1"
    assert not any("[" in line for line in lines)


def test_a_dockerfile_installs_the_same_lines() -> None:
    command = [sys.executable, "-m", "tfcompat", "resolve", "--tensorflow", "2.15.1", "--cpu", "--base", "slim", "--format", "dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "PYTHONPATH": str(SOURCE)})
    _, lines = split(run("--tensorflow", "2.15.1", "--cpu").stdout)
    assert "# Verified: run on " in done.stdout
    assert "RUN pip install --no-cache-dir \\\n    " + " \\\n    ".join(lines) in done.stdout


# -- where it is written --------------------------------------------------------------------------


def test_a_file_is_written_once_and_then_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    first = run("--tensorflow", "2.15", "-o", "requirements.txt", cwd=tmp_path)
    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.endswith("requirements.txt: written\n")
    before = file.stat()
    second = run("--tensorflow", "2.15", "-o", "requirements.txt", cwd=tmp_path)
    assert second.stderr.endswith("requirements.txt: unchanged\n")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert file.read_text() == run("--tensorflow", "2.15").stdout
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_the_mode_of_a_file_is_kept_and_a_link_is_followed(tmp_path: Path) -> None:
    file, link = tmp_path / "real.txt", tmp_path / "link.txt"
    file.write_text("numpy\n")
    file.chmod(0o640)
    link.symlink_to(file)
    assert run("--tensorflow", "2.15", "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert file.read_text().startswith("# Pinned by tfcompat ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/requirements.txt", "No such file or directory"),
        (".", "it is not a file"),
        ("loop", "Symlink loop"),
        ("file/requirements.txt", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    before = sorted(path.name for path in tmp_path.iterdir())
    found = run("--tensorflow", "2.15", "-o", name, cwd=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert f"tfcompat: {name} cannot be written: {reason}" in found.stderr
    assert found.stderr.endswith("hint: nothing was changed; name another file with -o\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_dash_is_no_file(tmp_path: Path) -> None:
    found = run("--tensorflow", "2.15", "-o", "-", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.endswith("tfcompat: -o - names no file\n  hint: leave -o out to write to standard output\n")


def test_a_note_cannot_steer_the_terminal(tmp_path: Path) -> None:
    model = tmp_path / "a\x1b[31m\nb.h5"
    model.write_bytes((SOURCE.parent / "tests" / "models" / "files" / "keras-2.4.0-lambda.h5").read_bytes())
    found = run("--model", model.name, cwd=tmp_path)
    assert found.returncode == 0
    assert found.stderr.startswith("note: Loading a [31m b.h5, which Keras 2.4.0 wrote, in ")


def test_a_conflict_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("kept\n")
    found = run("--tensorflow", "2.10", "--python", "3.13", "-o", str(file))
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("There is no such plan.\n  Because no wheel of tensorflow")
    assert file.read_text() == "kept\n"


def test_what_only_an_image_brings_cannot_be_pinned() -> None:
    found = run("--tensorflow", "2.3", "--python", "3.8", "--gpu")
    assert (found.returncode, found.stdout) == (2, "")
    reason = (
        "no wheel of the index can be pinned for this: the plan is nvcr.io/nvidia/tensorflow:20.12-tf2-py3, which brings TensorFlow 2.3.1"
    )
    assert found.stderr == f"tfcompat: {reason}\n  hint: 'tfcompat resolve' tells more of it; --base ngc writes what little it needs\n"


def test_a_machine_may_have_what_only_an_image_has() -> None:
    header, lines = split(run("--tensorflow", "2.3", "--python", "3.6", "--gpu").stdout)
    assert "Verified: " in header
    assert hashlib.sha256(("\n".join(lines) + "\n").encode()).hexdigest() in header


def test_what_is_not_pinned_is_named_in_the_header() -> None:
    plan = resolve_pins(Request(tensorflow="2.15", jupyter=True), MATRIX)
    assert proof(plan).endswith("Not pinned: jupyterlab.")
    plan = resolve_pins(Request(tensorflow="2.15.1", python="3.11", cpu=True, packages=("transformers", "scipy")), MATRIX)
    assert plan.pins.status == "verified"
    assert plan.pins.unpinned == ("transformers",)
    assert [line.partition("==")[0] for line in plan.pins.added] == ["scipy"]


def test_a_pin_that_a_wish_drives_out_is_named() -> None:
    plan = resolve_pins(Request(tensorflow="2.15.1", python="3.11", cpu=True, packages=("cryptography<40",)), MATRIX)
    assert (plan.pins.status, plan.pins.changed, plan.pins.unpinned) == ("follows", ("without cryptography",), ("cryptography<40",))


def test_an_image_with_another_tensorflow_was_not_what_was_run() -> None:
    plan = resolve_pins(Request(tensorflow="2.15.1", python="3.11", base="tensorflow/tensorflow:2.15.0"), MATRIX)
    assert plan.pins.status == "follows"


@pytest.mark.parametrize("base", ["official", "tensorflow/tensorflow:2.17.0"])
def test_no_second_tensorflow_goes_into_an_image_for_the_cpu(base: str) -> None:
    for wishes in ({"keras": "2"}, {"by_name": True}):
        with pytest.raises(ResolutionImpossible) as conflict:
            resolve_pins(Request(tensorflow="2.17", base=base, **wishes), MATRIX)  # type: ignore[arg-type]
        assert "wish-by-name-inside" in [cause.rule.id for cause in conflict.value.causes]
