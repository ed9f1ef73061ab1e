"""``tfcompat --version``: the package and its matrix, without what a version does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfcompat import __version__, load_bundled
from tfcompat.cli import main

SOURCE = Path(__file__).parents[1] / "src"
KNOWN = [release.version for release in load_bundled().releases if release.package == "tensorflow"]
TOLD = f"tfcompat {__version__} (matrix of {load_bundled().measured}, {len(KNOWN)} TensorFlow releases up to {KNOWN[0]})\n"


def test_the_version_names_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert (end.value.code, capsys.readouterr()) == (0, (TOLD, ""))
    assert len(KNOWN) > 70


def test_as_a_module_without_pydantic_and_what_else_is_slow() -> None:
    heavy = "pydantic", "rich", "requests", "yaml", "pathlib", "shtab"
    code = f"import sys; from tfcompat.cli import main\ntry: main(['--version'])\nfinally: print([m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    for command, printed in ((["-c", code], f"{TOLD}[]\n"), (["-m", "tfcompat", "--version"], TOLD)):
        found = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment, check=False)
        assert (found.returncode, found.stdout, found.stderr) == (0, printed, "")
