"""pre-commit itself, with a clone of this checkout as the hook's repository. Needs the network once, for the installation."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from composite import ROOT

FAILS = "FROM tensorflow/tensorflow:2.18.0-gpu\n"
PASSES = "FROM tensorflow/tensorflow:2.17.0-gpu\n"
NOBODY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"}


def run(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """With git's own settings only, whoever runs this, and none of the repository that a hook may run in."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        arguments,
        cwd=folder,
        env={**clean, **NOBODY, "GIT_CONFIG_GLOBAL": os.devnull, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def git(folder: Path, *arguments: str) -> str:
    done = run(folder, "git", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of this checkout as they are now, committed or not."""
    folder = tmp_path_factory.mktemp("hooks") / "tfcompat"
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps what it installed, once for all tests."""
    return tmp_path_factory.mktemp("home")


class Project:
    """A fresh repository that uses the hook."""

    def __init__(self, folder: Path, hooks: Path, home: Path) -> None:
        self.folder, self.hooks, self.home = folder, hooks, home
        git(folder, "init", "--quiet")
        self.configure()

    def configure(self, *args: str) -> None:
        config = yaml.safe_load((ROOT / "docs/ci/pre-commit.yml").read_text(encoding="utf-8"))
        (repository,) = config["repos"]
        repository.update(repo=str(self.hooks), rev=git(self.hooks, "rev-parse", "HEAD"))
        repository["hooks"][0].update(args=list(args))
        self.write(".pre-commit-config.yaml", yaml.safe_dump(config))

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        git(self.folder, "add", name)

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(self.folder, "pre-commit", *arguments, env=self.env)

    @property
    def env(self) -> dict[str, str]:
        """No index can be reached: what is not installed yet cannot be."""
        return {"PRE_COMMIT_HOME": str(self.home), "PIP_NO_INDEX": "1", "PRE_COMMIT_COLOR": "never"}

    @property
    def commits(self) -> int:
        return len(run(self.folder, "git", "rev-list", "--all").stdout.split())


@pytest.fixture
def project(tmp_path: Path, hooks: Path, home: Path) -> Project:
    made = Project(tmp_path, hooks, home)
    installed = run(tmp_path, "pre-commit", "install-hooks", env={"PRE_COMMIT_HOME": str(home)})
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return made


def test_a_project_that_fails(project: Project) -> None:
    project.write("Dockerfile", FAILS)
    done = project.pre_commit("run", "--all-files")
    assert done.returncode == 1
    assert "tfcompat gate" in done.stdout
    assert "- hook id: tfcompat-gate\n- exit code: 1\n" in done.stdout
    assert "Dockerfile:1:6: error[cudnn-runtime]" in done.stdout


def test_a_project_that_passes(project: Project) -> None:
    project.write("Dockerfile", PASSES)
    done = project.pre_commit("run", "--all-files")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("Passed")


def test_a_commit_is_stopped_and_goes_on_when_it_is_mended(project: Project) -> None:
    assert project.pre_commit("install").returncode == 0
    project.write("Dockerfile", PASSES)
    done = run(project.folder, "git", "commit", "--message", "good", env=project.env)
    assert (done.returncode, project.commits) == (0, 1), done.stderr

    project.write("requirements.txt", "tensorflow==2.18.0\n")
    project.write("Dockerfile", PASSES + "COPY requirements.txt .\nRUN pip install -r requirements.txt\n")
    done = run(project.folder, "git", "commit", "--message", "bad", env=project.env)
    assert (done.returncode, project.commits) == (1, 1)
    assert "error[image-tensorflow-replaced]" in done.stderr

    project.write("requirements.txt", "tensorflow==2.17.0\n")
    done = run(project.folder, "git", "commit", "--message", "mended", env=project.env)
    assert (done.returncode, project.commits) == (0, 2), done.stderr


def test_what_is_not_staged_does_not_count(project: Project) -> None:
    assert project.pre_commit("install").returncode == 0
    project.write("Dockerfile", FAILS)
    (project.folder / "Dockerfile").write_text(PASSES)
    done = run(project.folder, "git", "commit", "--message", "bad", env=project.env)
    assert (done.returncode, project.commits) == (1, 0)
    assert (project.folder / "Dockerfile").read_text() == PASSES


def test_one_file_is_judged_with_those_that_are_not_committed_with_it(project: Project) -> None:
    project.write("Dockerfile", PASSES + "COPY requirements.txt .\nRUN pip install -r requirements.txt\n")
    project.write("requirements.txt", "tensorflow==2.17.0\n")
    git(project.folder, "commit", "--quiet", "--message", "good")
    project.write("requirements.txt", "tensorflow==2.18.0\n")
    done = project.pre_commit("run")
    assert done.returncode == 1
    assert "Dockerfile:1:6: error[image-tensorflow-replaced]" in done.stdout


def test_files_that_the_gate_does_not_read_start_nothing(project: Project) -> None:
    project.write("Dockerfile", FAILS)
    git(project.folder, "commit", "--quiet", "--no-verify", "--message", "old")
    project.write("train.py", "print()\n")
    done = project.pre_commit("run")
    assert done.returncode == 0
    assert "(no files to check)Skipped" in done.stdout


def test_options_are_given_as_arguments(project: Project) -> None:
    project.write("Dockerfile", "FROM tensorflow/tensorflow:latest\n")
    assert project.pre_commit("run", "--all-files").returncode == 0
    project.configure("--fail-on", "warning")
    done = project.pre_commit("run", "--all-files")
    assert done.returncode == 1
    assert "warning[floating-tag]" in done.stdout


def test_fixes_stop_the_commit_until_they_are_added(project: Project) -> None:
    project.configure("--fix")
    project.write("Dockerfile", FAILS)
    done = project.pre_commit("run", "--all-files")
    assert done.returncode == 1
    assert "- files were modified by this hook" in done.stdout
    assert (project.folder / "Dockerfile").read_text() == PASSES
    git(project.folder, "add", "Dockerfile")
    assert project.pre_commit("run", "--all-files").returncode == 0
