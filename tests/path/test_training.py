"""The first example: mended, built, run, and asked whether TensorFlow works in it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from containers.engine import run_tool
from documents import ROOT
from path.conftest import Shell, Step


def test_the_gate_names_what_is_wrong(training: list[Step]) -> None:
    ran = training[0].ran
    assert ran.code == 1
    rules = ("error[cudnn-runtime]", "warning[cuda-runtime]", "warning[floating-tag]", "error[comment-behind-from]")
    assert [rule in ran.out for rule in rules] == [True] * 4
    assert ran.out.endswith("2 errors, 2 warnings in 2 files (matrix of 2026-11-22).\n")


def test_mended_it_has_no_findings(training: list[Step], shell: Shell) -> None:
    assert [step.ran.code for step in training[1:3]] == [0, 0]
    assert training[2].ran.out.startswith("No findings in 2 files")
    assert "FROM tensorflow/tensorflow:2.17.0-gpu\n" in (shell.folder / "training/Dockerfile").read_text()


def test_it_trains_and_the_model_comes_out(training: list[Step], shell: Shell) -> None:
    assert "Epoch 2/2" in training[4].ran.out
    assert (shell.folder / "inference/my_model.h5").read_bytes().startswith(b"\x89HDF\r\n\x1a\n")


def test_without_the_bound_numpy_breaks_it(training: list[Step], shell: Shell) -> None:
    """What the gate has put beside pandas, taken away again: pip brings NumPy 2, and the gate says so."""
    context = shell.folder / "unbounded"
    shutil.copytree(shell.folder / "training", context)
    requirements = context / "requirements.txt"
    assert requirements.read_text() == "pandas\nnumpy<2\nscikit-learn\n"
    requirements.write_text("pandas\nscikit-learn\n")
    said = shell.run("tfcompat gate unbounded", check=False)
    assert (said.code, "(pandas 3.1.1 requires numpy>=2.0.2)" in said.out) == (1, True)
    shell.run("podman build --quiet --tag unbounded unbounded")
    ran = shell.run("podman run --rm unbounded", check=False)
    assert (ran.code, "A module that was compiled using NumPy 1.x cannot be run in" in ran.err) == (1, True)
    probe = "tfcompat probe --print | podman run --rm --interactive unbounded python - --expect cpu"
    checked = shell.run(f"{probe} | tfcompat check --facts - --format json", check=False)
    assert (checked.code, json.loads(checked.out)["verdict"]) == (1, "broken")


def test_the_image_is_the_one_of_the_registry(training: list[Step], shell: Shell) -> None:
    held = "import sys, tensorflow, numpy, pandas, sklearn; print(sys.version.split()[0], tensorflow.__version__)"
    assert shell.run(f"podman run --rm training python -c '{held}'").out == "3.11.0rc1 2.17.0\n"


def test_the_piped_probe_finds_the_cpu_works(training: list[Step]) -> None:
    ran = training[5].ran
    assert (ran.code, ran.out.partition(":")[0]) == (0, "CPU works"), ran.out


def test_the_piped_probe_names_the_missing_driver(training: list[Step]) -> None:
    ran = training[6].ran
    assert ran.code == 1
    assert ran.out.startswith("GPU does not work; first broken link: driver.")
    assert "-> driver      BROKEN" in ran.out


def test_tfcompat_installed_in_the_image_says_the_same(training: list[Step], shell: Shell) -> None:
    context = shell.folder / "checked"
    context.mkdir()
    run_tool([sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(context), str(ROOT)])
    (context / "Dockerfile").write_text("FROM localhost/training\nCOPY *.whl /tmp/\nRUN pip install --no-cache-dir /tmp/*.whl\n")
    shell.run("podman build --quiet --tag checked checked")
    shutil.rmtree(context)
    held = shell.run("podman run --rm checked tfcompat check --expect cpu --expect-tensorflow 2.17.0 --format json")
    assert json.loads(held.out)["verdict"] == "ok"
    missing = shell.run("podman run --rm checked tfcompat check --expect gpu --format json", check=False)
    report = json.loads(missing.out)
    assert (missing.code, report["verdict"], report["chain"][0]["status"]) == (1, "broken", "broken")
    assert report["chain"][0]["link"] == "driver"


def test_the_check_finds_the_variables_of_the_image(training: list[Step], shell: Shell) -> None:
    """Without a promise the image's NVIDIA_VISIBLE_DEVICES makes none: nothing of a GPU is seen."""
    facts = Path(shell.folder / "facts.json")
    facts.write_text(shell.run("tfcompat probe --print | podman run --rm --interactive training python -").out)
    ran = shell.run("tfcompat check --facts facts.json --format json")
    report = json.loads(ran.out)
    assert (report["expected"], report["facts"]["environment"]["NVIDIA_VISIBLE_DEVICES"]) == ("cpu", "all")
