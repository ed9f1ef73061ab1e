"""``--help`` teaches: every command ends with examples, and every example runs here or says why it cannot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from argparse import _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfcompat.cli import main
from tfcompat.cli.main import _COMMANDS, every_command
from tfcompat.cli.parsers import Parser
from tfcompat.matrix import load

ROOT = Path(__file__).parents[1]
NEEDS = {  # what an example needs that is not here, by a pattern of it
    "docker ": "an engine that runs containers",
    "image verify": "a registry",
    "image refresh": "a registry",
    "--online": "a registry",
    "image list --version": "a registry",
    "image inspect tensorflow/tensorflow:2.18.0-gpu": "a registry",
    "matrix refresh": "the package index",
    "-r requirements.in": "the package index",
    "check --expect gpu": "a GPU",
    "matrix compile$": "a checkout of its own, as it changes the package",
}
CODES = {"tfcompat check --facts facts.json --expect-tensorflow '>=2.15,<2.17'": 1}  # the facts here are of another release


def parsers(parser: Parser) -> Iterator[Parser]:
    """Every parser that a person can ask for help, but the first."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for command in action.choices.values():
                yield command
                yield from parsers(command)


PARSERS = {parser.prog: parser for parser in parsers(every_command())}
EXAMPLES = list(dict.fromkeys(line for parser in PARSERS.values() for line, _ in parser.examples))


def reason(example: str) -> str | None:
    return next((why for pattern, why in NEEDS.items() if re.search(pattern, example)), None)


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main([*command.split()[1:], "--help"])
    assert end.value.code == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("command", PARSERS)
def test_the_help_of_every_command_ends_with_examples_and_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = PARSERS[command].examples
    assert 2 <= len(examples) <= 5
    shown = "\n".join(f"  {line}\n      {gives}" for line, gives in examples)
    *_, codes = help_of(command, capsys).partition(f"\n\nexamples:\n{shown}\n\n")
    assert codes.startswith("exit codes: 0 ")
    assert codes.count("\n") == 1
    assert all(command in line for line, _ in examples)
    assert all(gives and not gives.endswith(".") for _, gives in examples)


def test_the_first_help_groups_the_commands_and_begins_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    out = help_of("tfcompat", capsys)
    assert out.startswith("usage: tfcompat COMMAND [OPTION ...]\n\ntfcompat finds TensorFlow containers that really use the GPU")
    assert "\n\nto begin with:\n  tfcompat resolve --gpu A100     an image, exact pins and the reason, for that GPU\n" in out
    titles = [line for line in out.splitlines() if line.endswith(":")]
    assert titles == ["to begin with:", "choose an image and pins:", "judge what is there:", "look something up:", "set up:", "options:"]
    lines = out.splitlines()
    assert all(sum(line.startswith(f"  {name} ") and line.endswith(summary) for line in lines) == 1 for name, summary in _COMMANDS.items())
    assert out.endswith("exit codes: 0 clean; 1 no solution or findings; 2 usage or configuration error; 3 could not check\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["", "matrix", "matrix show", "resolve"])
def test_help_that_cannot_be_written_is_no_success(command: str) -> None:
    script = f'"{sys.executable}" -m tfcompat {command} --help >/dev/full'
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=False)
    told = "tfcompat: standard output cannot be written: No space left on device\n  hint: free some space there, or send the output elsewhere\n"
    assert (found.returncode, found.stderr) == (3, told)


def test_options_that_people_ask_for_first_have_an_example() -> None:
    for command, option in (("resolve", "--model my_model.h5"), ("pin", "--model my_model.h5"), ("matrix", "matrix html -o")):
        assert any(option in line for line, _ in PARSERS[f"tfcompat {command}"].examples)


# -- the examples ----------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with everything that examples name."""
    (tmp_path / "services" / "api").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "services" / "api"):
        (folder / "Dockerfile").write_text("FROM tensorflow/tensorflow:2.15.0-gpu\nRUN pip install -r requirements.txt\n")
        (folder / "requirements.txt").write_text("numpy<2\n")
    shutil.copy(ROOT / "tests" / "facts" / "stand-ins.json", tmp_path / "facts.json")
    (tmp_path / "train.log").write_text("Epoch 1/2\nloss: 0.5\n")
    models = ROOT / "tests" / "models" / "files"
    shutil.copy(models / "keras-2.4.0-dense.h5", tmp_path / "my_model.h5")
    shutil.copy(models / "keras-3.4.1-dense.keras", tmp_path / "my_model.keras")
    shutil.copytree(models / "keras-3.15.1-export", tmp_path / "saved_model")
    (tmp_path / "mine").mkdir()
    shutil.copy(load.BUNDLED, tmp_path / "mine" / "matrix.json")
    (tmp_path / "data").symlink_to(ROOT / "data")
    return tmp_path


def run(example: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """*example* as a shell runs it, without the network."""
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "PYTHONPATH": str(ROOT / "src"), "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    script = f'set -euo pipefail\ntfcompat() {{ "$PY" -m tfcompat "$@"; }}\n{example}\n'
    command = ["bash", "--noprofile", "--norc", "-c", script]
    environment |= {"PY": sys.executable}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=120, check=False)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("example", [example for example in EXAMPLES if reason(example) is None])
def test_an_example_runs(example: str, project: Path) -> None:
    if "| jq " in example and shutil.which("jq") is None:
        pytest.skip("no jq here")
    found = run(example, project)
    assert found.returncode == CODES.get(example, 0), found.stderr
    assert "Traceback" not in found.stderr
    written = [Path(word) for word in example.split() if "/" not in word and (project / word).is_file()]
    assert found.stdout or found.stderr or written or any(project.glob(".*/**/*tfcompat*")) or example.startswith("source ")


def test_what_is_not_run_is_still_understood() -> None:
    """The options of what needs something else are those that there are."""
    from tfcompat.cli.main import _parse

    left_out = [example for example in EXAMPLES if reason(example)]
    assert all(any(re.search(pattern, example) for example in left_out) for pattern in NEEDS)
    for example in left_out:
        for command in example.replace("&&", "|").split("|"):
            words = command.replace("2>&1", "").partition(" > ")[0].split()
            if words[0] == "tfcompat":
                assert callable(_parse(words[1:]).run)
