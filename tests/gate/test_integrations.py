"""The action, the hook and the snippets of docs/gate-ci.md: each is run as far as it can be without its service."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_kinds import KINDS, NONE

from composite import ACTION, ROOT, Done, run_steps, shell_steps
from tfcompat.cli import main
from tfcompat.gate.kinds import kind_of

PAGE = (ROOT / "docs/gate-ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
FILES = re.compile(HOOK["files"])
FAILS = {"Dockerfile": "FROM tensorflow/tensorflow:2.18.0-gpu\n"}
PASSES = {"Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\n"}
WARNS = {"Dockerfile": PASSES["Dockerfile"] + "RUN pip install tensorflow==2.17.1\n"}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def put_command(at: Path) -> None:
    """A ``tfcompat`` at *at*: that of this checkout, without an installation."""
    at.parent.mkdir(parents=True)
    at.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tfcompat "$@"\n')
    at.chmod(0o755)


def snippet(name: str) -> Any:
    return yaml.safe_load((ROOT / "docs/ci" / name).read_text(encoding="utf-8"))


# The action


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def judge(workspace: Path, **inputs: str) -> Done:
    """The action's last step; a keyword is an input, with underscores for hyphens."""
    temporary = workspace.parent / "temporary"
    if not temporary.exists():
        put_command(temporary / "tfcompat/bin/tfcompat")
    return run_steps(("Judge",), {name.replace("_", "-"): value for name, value in inputs.items()}, workspace, temporary)


def test_the_action_passes(workspace: Path) -> None:
    done = judge(written(workspace, PASSES))
    assert (done.code, done.outputs) == (0, {"exit-code": "0"})
    assert re.fullmatch(r"::notice title=tfcompat::No findings in 1 file \(matrix of [\d-]+\)\n", done.out)
    assert "No findings" in done.summary


def test_the_action_fails_with_annotations_a_summary_and_reports(workspace: Path) -> None:
    done = judge(written(workspace, FAILS), sarif_file="tfcompat.sarif", junit_file="out put.xml")
    assert done.code == 1
    assert done.outputs == {"exit-code": "1", "sarif-file": "tfcompat.sarif", "junit-file": "out put.xml"}
    assert done.out.startswith("::error file=Dockerfile,line=1,col=6,")
    assert "cudnn-runtime" in done.summary
    rules = {result["ruleId"] for result in json.loads((workspace / "tfcompat.sarif").read_text())["runs"][0]["results"]}
    assert rules == {"cudnn-runtime", "cuda-runtime"}
    assert ElementTree.parse(workspace / "out put.xml").getroot().tag == "testsuites"


def test_no_old_report_is_handed_on(workspace: Path) -> None:
    (workspace / "old.sarif").write_text("{}")
    done = judge(workspace, sarif_file="old.sarif")
    assert (done.code, done.outputs) == (3, {"exit-code": "3"})
    assert "nothing to check" in done.err


def test_a_report_has_a_name_of_one_line(workspace: Path) -> None:
    done = judge(written(workspace, FAILS), sarif_file="a.sarif\nexit-code=0")
    assert (done.code, done.out, done.outputs) == (2, "::error::sarif-file is one line\n", {})


def test_every_input_is_heard(workspace: Path) -> None:
    written(workspace, {f"a b/{name}": text for name, text in WARNS.items()} | {f"-c/{name}": text for name, text in PASSES.items()})
    assert judge(workspace).code == 0
    assert judge(workspace, fail_on="warning").code == 1
    assert judge(workspace, fail_on="warning", paths="-c").code == 0
    assert judge(workspace, fail_on="warning", paths="\n  a b\n-c\n").code == 1
    assert judge(workspace, fail_on="warning", arguments="--ignore=image-tensorflow-replaced\n--no-inline").code == 0
    assert judge(workspace, fail_on="warning", arguments="--exit-zero").code == 0
    assert "cannot run on 12.0" not in judge(workspace, target_gpu="T4\nA100").out
    assert "gpu-architecture" in judge(workspace, target_gpu="T4\n12.0").out
    assert "driver-minimum" in judge(workspace, driver="418.87").out
    assert "linux/arm64" in judge(workspace, platform="linux/arm64").out


PAYLOADS = (
    '"; touch pwned; "',
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "x\ntouch pwned\n",
    "--output=text=pwned",
    "a[$(touch pwned)]",
)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("name", sorted({"paths", "fail-on", "target-gpu", "driver", "platform", "sarif-file", "junit-file"}))
def test_hostile_inputs_do_nothing(name: str, payload: str, workspace: Path) -> None:
    done = judge(written(workspace, FAILS), **{name: payload})
    assert not (workspace / "pwned").exists()
    named = name in ("sarif-file", "junit-file") and "\n" not in payload  # any line can be the name of a file
    assert done.code == (1 if named else 2), done.err


@pytest.mark.parametrize("payload", [payload for payload in PAYLOADS if "--output" not in payload])
def test_hostile_options_do_nothing(payload: str, workspace: Path) -> None:
    assert judge(written(workspace, FAILS), arguments=payload).code == 2
    assert not (workspace / "pwned").exists()


def test_inputs_reach_the_shell_as_variables_only() -> None:
    used = set()
    for step in shell_steps().values():
        assert "${{" not in step["run"]
        used |= {name for text in step["env"].values() for name in re.findall(r"inputs\.([a-z-]+)", text)}
    assert used | {"python-version"} == set(ACTION["inputs"])
    assert {each["default"] for each in ACTION["inputs"].values()} == {""}


def test_outputs_are_those_of_the_step() -> None:
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.gate.outputs.{name} }}}}"
        assert f'echo "{name}=' in shell_steps()["Judge"]["run"]
    assert shell_steps()["Judge"]["id"] == "gate"


@pytest.mark.parametrize("file", ["action.yml", "docs/ci/github.yml"])
def test_actions_of_others_are_named_by_commit(file: str) -> None:
    named = re.findall(r"uses: (\S+)", (ROOT / file).read_text(encoding="utf-8"))
    assert named
    for name in named:
        assert name == "OWNER/tfcompat@REF" or re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", name)


# Options and inputs that are named exist


@pytest.fixture(scope="module")
def options() -> set[str]:
    shown = subprocess.run([sys.executable, "-m", "tfcompat", "gate", "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"--[a-z][a-z-]+", shown))


def test_the_page_names_options_that_exist(options: set[str]) -> None:
    commands = re.findall(r"tfcompat[- ]gate (?:-v \S+ )?[^\n`]*|args: [^\n`]*|`--[^`]*`", PAGE)
    named = {option for command in commands for option in re.findall(r"--[a-z][a-z-]+", command)}
    assert {"--fail-on", "--output"} <= named <= options


def test_inputs_have_the_names_of_options(options: set[str]) -> None:
    own = {"paths", "arguments", "sarif-file", "junit-file", "python-version"}
    assert {f"--{name}" for name in set(ACTION["inputs"]) - own} <= options
    passed = set(re.findall(r"(?<=add )--[a-z-]+", shell_steps()["Judge"]["run"]))
    assert passed == {f"--{name}" for name in set(ACTION["inputs"]) - own}


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_the_page_shows_what_is_in_the_files(block: str) -> None:
    assert any(block in path.read_text(encoding="utf-8") for path in (ROOT / "docs/ci").glob("*.yml")), block


def test_workflows_give_the_action_inputs_and_read_outputs_that_it_has() -> None:
    texts = [(ROOT / "docs/ci/github.yml").read_text(encoding="utf-8"), BLOCKS[0]]
    steps = [step for text in texts for job in (yaml.safe_load(text).get("jobs") or {}).values() for step in job["steps"]]
    ours = [step for step in steps if step.get("uses") == "OWNER/tfcompat@REF"]
    assert len(ours) == 2
    for step in ours:
        assert set(step.get("with", {})) <= set(ACTION["inputs"])
    read = {name for text in texts for name in re.findall(r"steps\.gate\.outputs\.([a-z-]+)", text)}
    assert read == {"sarif-file"}


def test_the_first_workflow_has_five_lines() -> None:
    assert len(BLOCKS[0].splitlines()) == 5
    assert "OWNER/tfcompat@REF" in BLOCKS[0]


# The pre-commit hook


def test_the_hook_is_the_command() -> None:
    assert (HOOK["entry"], HOOK["language"], HOOK["pass_filenames"]) == ("tfcompat gate", "python", False)


@pytest.mark.parametrize("name", [*(name for names in KINDS.values() for name in names.split()), *NONE.split()])
def test_the_hook_looks_at_the_files_of_the_gate(name: str) -> None:
    assert bool(FILES.search(name)) is (kind_of(name) is not None)


PIECES = (
    *"/.-_\nax1 Dd#",
    *[
        "Docker",
        "Container",
        "docker",
        "container",
        "file",
        ".dockerignore",
        ".j2",
        ".sh",
        ".md",
        "pyproject",
        "pixi",
        "pylock",
        "uv",
        "poetry",
        "pdm",
        "Pipfile",
        ".toml",
        ".lock",
    ],
    *[
        "constraints",
        "requirements",
        ".txt",
        ".in",
        ".pip",
        "environment",
        "conda-lock",
        "compose",
        "docker-",
        "podman-",
        ".yml",
        ".yaml",
        ".devcontainer",
        "devcontainer",
        ".json",
    ],
    *[".github", "workflows/", ".github/workflows/", "gitlab-ci", ".h5", ".hdf5", ".keras", "saved_model.pb"],
)


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_the_hook_and_the_gate_agree_on_any_name(name: str) -> None:
    assert bool(FILES.search(name)) is (kind_of(name) is not None)


# GitLab


def test_the_gitlab_job_writes_the_reports_that_it_hands_on(tmp_path: Path) -> None:
    job = snippet("gitlab.yml")["tfcompat"]
    written(tmp_path, {**FAILS, ".gitlab-ci.yml": (ROOT / "docs/ci/gitlab.yml").read_text()})
    put_command(tmp_path / ".tfcompat-venv/bin/tfcompat")
    (tmp_path / ".tfcompat-venv/pyvenv.cfg").touch()
    done = subprocess.run(["bash", "-eo", "pipefail", "-c", job["script"][-1]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert job["artifacts"]["when"] == "always"
    reports = job["artifacts"]["reports"]
    issues = json.loads((tmp_path / reports["codequality"]).read_text())
    assert [(issue["check_name"], issue["severity"], issue["location"]["path"]) for issue in issues] == [
        ("cudnn-runtime", "major", "Dockerfile"),
        ("cuda-runtime", "minor", "Dockerfile"),
    ]
    cases = ElementTree.parse(tmp_path / reports["junit"]).getroot().iter("testcase")
    assert any(case.find("failure") is not None for case in cases)


# Renovate and Dependabot

COUPLED = (
    "tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-text", "tensorflow-probability", "tf-nightly",
    "keras", "tf-keras", "tensorboard",
)  # fmt: skip
IMAGES = ("tensorflow/tensorflow", "nvcr.io/nvidia/tensorflow", "nvidia/cuda")
OTHERS = ("numpy", "torch", "keras-tuner", "python", "pytorch/pytorch", "jupyter/tensorflow-notebook")


def test_renovate_groups_what_is_coupled() -> None:
    (rule,) = json.loads((ROOT / "docs/ci/renovate.json").read_text())["packageRules"]
    exact = {name for name in rule["matchPackageNames"] if not name.startswith("/")}
    patterns = [re.compile(name.strip("/")) for name in rule["matchPackageNames"] if name.startswith("/")]

    def matched(name: str) -> bool:
        return name in exact or any(pattern.search(name) for pattern in patterns)

    assert [name for name in (*COUPLED, *IMAGES) if not matched(name)] == []
    assert [name for name in OTHERS if matched(name)] == []


def test_dependabot_groups_what_is_coupled() -> None:
    config = snippet("dependabot.yml")
    patterns = {update["package-ecosystem"]: update["patterns"] for update in config["updates"]}
    assert {update["multi-ecosystem-group"] for update in config["updates"]} == set(config["multi-ecosystem-groups"]) == {"tensorflow"}
    assert [name for name in COUPLED if not any(fnmatchcase(name, each) for each in patterns["pip"])] == []
    assert sorted(IMAGES) == sorted(patterns["docker"])
    assert [name for name in OTHERS if any(fnmatchcase(name, each) for each in (*patterns["pip"], *patterns["docker"]))] == []


ROWS = re.findall(r"^\| (2\S+) \| (2\S+) \| (2\S+) \| (.*?) \|$", PAGE, re.M)


@pytest.mark.parametrize(("image", "tensorflow", "keras", "verdict"), ROWS, ids=lambda cell: cell[:12])
def test_bumps_are_judged_as_the_page_says(
    image: str,
    tensorflow: str,
    keras: str,
    verdict: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    dockerfile = next(block for block in re.findall(r"```dockerfile\n(.*?)```", PAGE, re.S)).replace("2.16.1", image)
    written(tmp_path, {"Dockerfile": dockerfile, "requirements.txt": f"tensorflow=={tensorflow}\ntf-keras=={keras}\n"})
    monkeypatch.chdir(tmp_path)
    main(["gate", "--format", "json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    said = sorted(f"{finding['severity']} `{finding['rule']}`" for finding in findings)
    assert ", ".join(said) == (verdict if verdict != "clean" else "")


def test_the_page_shows_bumps_of_each_part_alone_and_of_all() -> None:
    assert {tuple(part.startswith("2.16.") for part in row[:3]) for row in ROWS} >= {
        (True, True, True), (False, True, True), (True, False, False), (True, True, False), (False, False, False),
    }  # fmt: skip
