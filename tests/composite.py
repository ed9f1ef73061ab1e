"""A composite action's shell steps, run as GitHub's runner does: inputs as variables, outputs and the summary by file."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

__all__ = ["ACTION", "ROOT", "Done", "run_steps", "shell_steps"]

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
_INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")


class Done(NamedTuple):
    """How the steps ended: the exit code of the last, what they wrote, the action's outputs, the step's summary."""

    code: int
    out: str
    err: str
    outputs: dict[str, str]
    summary: str


def shell_steps() -> dict[str, dict[str, Any]]:
    """The steps that run a shell, by name."""
    return {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}


def run_steps(names: tuple[str, ...], inputs: Mapping[str, str], workspace: Path, temporary: Path) -> Done:
    """Run the steps *names*, and stop at the first that fails. *temporary* is the runner's folder, and holds its files."""
    assert set(inputs) <= set(ACTION["inputs"])
    files = {name: temporary / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    runner = {
        **{name: str(file) for name, file in files.items()},
        "RUNNER_TEMP": str(temporary),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_WORKSPACE": str(workspace),
    }
    code, out, err = 0, "", ""
    for step in (shell_steps()[name] for name in names):
        assert step["shell"] == "bash"
        env = {
            name: _INPUT.sub(lambda at: inputs.get(at[1], ACTION["inputs"][at[1]]["default"]), text) for name, text in step["env"].items()
        }
        script = temporary / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=workspace,
            env={**os.environ, **runner, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )
        code, out, err = done.returncode, out + done.stdout, err + done.stderr
        if code:
            break
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return Done(code, out, err, outputs, files["GITHUB_STEP_SUMMARY"].read_text())
