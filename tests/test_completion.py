"""``tfcompat completion``: what real shells offer. bash is asked here; zsh and fish where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tfcompat import load_bundled
from tfcompat.cli import main
from tfcompat.cli.completion import SHELLS, _names
from tfcompat.cli.main import _COMMANDS
from tfcompat.matrix.gpus import find_gpu

if os.name != "posix":
    pytest.skip("no shells of these kinds here", allow_module_level=True)

import completion

Ask = Callable[[str], set[str]]
SOURCE = Path(__file__).parents[1] / "src"


@pytest.fixture(scope="module", params=SHELLS)
def ask(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """What a shell offers behind a line, in a folder with ``train.log`` and a folder ``services``."""
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on PATH")
    scripts, folder = tmp_path_factory.mktemp("scripts"), tmp_path_factory.mktemp("folder")
    (folder / "train.log").touch()
    (folder / "services").mkdir()
    script = scripts / "_tfcompat"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with script.open("wb") as file:
        subprocess.run([sys.executable, "-m", "tfcompat", "completion", shell], stdout=file, env=environment, check=True)
    subprocess.run([shell, "-n", str(script)], check=True)
    offered: Callable[[Path, list[str], Path], list[str]] = getattr(completion, shell)
    return lambda line: {word.rstrip("/") for word in offered(script, line.split(" "), folder)}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tfcompat ", set(_COMMANDS)),
        ("tfcompat res", {"resolve"}),
        ("tfcompat image ", {"list", "inspect", "verify", "refresh"}),
        ("tfcompat image ins", {"inspect"}),
        ("tfcompat resolve --form", {"--format"}),
        ("tfcompat resolve --gpu A100 --form", {"--format"}),
        ("tfcompat resolve --format ", {"text", "json", "dockerfile", "requirements", "env", "github-output"}),
        ("tfcompat resolve --gpu H", {"H20", "H100", "H200", "H800"}),
        ("tfcompat resolve --gpu A100 --gpu V", {"V100"}),
        ("tfcompat gate --target-gpu RTX4090", {"RTX4090", "RTX4090D"}),
        ("tfcompat resolve --tensorflow 2.20", {"2.20"}),
        ("tfcompat pin --python 3.13", {"3.13"}),
        ("tfcompat resolve --base of", {"official"}),
        ("tfcompat resolve --platform linux/ar", {"linux/arm64"}),
        ("tfcompat rule cudn", {"cudnn-runtime"}),
        ("tfcompat gate --select numpy", {"numpy-abi"}),
        ("tfcompat matrix show p", {"pins"}),
        ("tfcompat explain tra", {"train.log"}),
        ("tfcompat pin -r tra", {"train.log"}),
        ("tfcompat gate serv", {"services"}),
        ("tfcompat image list --cache ", {"services"}),
        ("tfcompat completion f", {"fish"}),
    ],
)
def test_what_is_offered(line: str, offered: set[str], ask: Ask) -> None:
    assert ask(line) == offered


def test_a_gpu_that_is_offered_is_one_that_is_known() -> None:
    matrix = load_bundled()
    named = _names()["GPU"]
    assert len(named) > 200
    assert all(find_gpu(matrix, name).name for name in named)
    assert not [name for names in _names().values() for name in names if set(name) & set(" \"'$`;&|<>()\\")]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_the_same_each_time(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = ((main(["completion", shell]), capsys.readouterr()) for _ in range(2))
    assert first == second
    assert (first[0], first[1].err, first[1].out[-1:]) == (0, "", "\n")
    assert str(SOURCE) not in first[1].out
