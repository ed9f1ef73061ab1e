"""The build scripts of the page and the workflow, each really run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from composite import run_steps
from containers.engine import Ran, run_tool
from documents import ROOT
from path.conftest import Shell, Step, run_section

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "docs/examples/ci.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def scripts(shell: Shell, training: list[Step], legacy: list[Step]) -> list[Step]:
    return run_section(shell, "From a script")


def test_python_chooses_the_image_and_builds_it(scripts: list[Step], shell: Shell) -> None:
    assert "FROM tensorflow/tensorflow:2.17.0-gpu\n" in (shell.folder / "training/Dockerfile.built").read_text()
    assert (shell.folder / "training/requirements.built.txt").read_text() == "tensorflow==2.17.0\npandas\nnumpy<2\nscikit-learn\n"
    assert "Epoch 2/2" in shell.run("podman run --rm trained-on-a-gpu").out


def test_a_shell_script_builds_by_variables(scripts: list[Step], shell: Shell) -> None:
    assert "Epoch 2/2" in shell.run("podman run --rm old-but-running").out
    assert shell.run("podman run --rm old-but-running python -c 'import keras; print(keras.__version__)'").out == "2.10.0\n"


def test_without_a_plan_nothing_is_built(shell: Shell) -> None:
    ran = shell.run("sh build.sh legacy/train_model.py never --tensorflow 2.10.0 --python 3.13", check=False)
    assert (ran.code, ran.out) == (1, "")
    assert "There is no such plan." in ran.err
    assert shell.run("podman image exists never", check=False).code == 1


@pytest.mark.parametrize("program", ["podman", "docker"])
def test_the_scripts_take_the_engine_that_is_there(program: str, shell: Shell, tmp_path: Path) -> None:
    """With nothing but one of the two on the PATH, which here tells what it is given."""
    (tmp_path / program).write_text('#!/bin/sh\necho "$0" "$@"\n')
    (tmp_path / program).chmod(0o755)
    for name in ("sh", "python", "tfcompat", "dirname", "basename"):
        found = shutil.which(name, path=shell.env["PATH"])
        assert found is not None
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {found} "$@"\n')
        (tmp_path / name).chmod(0o755)
    scratch = tmp_path / "work"
    shutil.copytree(ROOT / "docs/examples", scratch)
    said = run_tool(["/bin/sh", "build.sh", "legacy/train_model.py", "tag", "--cpu"], env={"PATH": str(tmp_path)}, folder=scratch)
    assert said.out == f"{tmp_path}/{program} build --tag tag --file - legacy\n"
    said = run_tool([str(tmp_path / "python"), "build.py", "training", "tag"], env={"PATH": str(tmp_path)}, folder=scratch)
    assert said.out == f"{tmp_path}/{program} build --tag tag --file training/Dockerfile.built training\n"


def run_workflow(shell: Shell, workspace: Path, temporary: Path) -> tuple[int, dict[str, Ran]]:
    """The gate's exit code, and each step of the workflow behind it as the runner would run it, until one fails."""
    temporary.mkdir()
    gated = run_steps(("Install tfcompat", "Judge"), {}, workspace, temporary)
    done: dict[str, Ran] = {}
    steps = [step for step in WORKFLOW["jobs"]["image"]["steps"] if "run" in step]
    for step in steps if gated.code == 0 else []:
        script = temporary / "step.sh"
        script.write_text(step["run"])
        ran = run_tool(["bash", "-e", str(script)], check=False, env={**shell.env, "RUNNER_TEMP": str(temporary)}, folder=workspace)
        done[step["name"]] = ran
        if ran.code:
            break
    return gated.code, done


def test_the_workflow_gates_builds_checks_and_trains(training: list[Step], shell: Shell, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    shutil.copytree(shell.folder / "training", workspace)
    code, done = run_workflow(shell, workspace, tmp_path / "runner")
    assert (code, {name: ran.code for name, ran in done.items()}) == (0, {"Build": 0, "Check": 0, "Train": 0}), done
    assert "CPU works: " in done["Check"].out
    assert "Epoch 2/2" in done["Train"].out


def test_what_the_gate_refuses_is_not_built(shell: Shell, tmp_path: Path) -> None:
    assert run_workflow(shell, ROOT / "docs/examples/training", tmp_path / "runner") == (1, {})


def test_an_image_without_tensorflow_does_not_pass_the_check(training: list[Step], shell: Shell, tmp_path: Path) -> None:
    """The gate follows no script of one's own, which is what the check is there for."""
    workspace = tmp_path / "workspace"
    shutil.copytree(shell.folder / "training", workspace)
    with (workspace / "Dockerfile").open("a") as file:
        file.write("RUN sh break.sh\n")
    (workspace / "break.sh").write_text("pip uninstall --yes numpy\n")
    code, done = run_workflow(shell, workspace, tmp_path / "runner")
    assert (code, {name: ran.code for name, ran in done.items()}) == (0, {"Build": 0, "Check": 1})


def test_the_shell_script_is_portable() -> None:
    """Debian's sh is dash, and shellcheck, where it is, has nothing to say."""
    assert subprocess.run(["sh", "-n", ROOT / "docs/examples/build.sh"], check=False).returncode == 0
    if shutil.which("shellcheck"):
        assert subprocess.run(["shellcheck", ROOT / "docs/examples/build.sh"], check=False).returncode == 0
