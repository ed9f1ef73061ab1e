"""The lists in the documentation are those of the code: ``python tools/pages.py`` writes them."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[1]


def test_the_pages_are_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "tools" / "pages.py"))["render_pages"]()
    assert {page.name for page in pages} == {"check.md", "signatures.md"}
    for page, text in pages.items():
        assert page.read_text(encoding="utf-8") == text


def test_the_python_example_of_check_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copyfile(ROOT / "tests" / "facts" / "tensorflow-2.21-and-cuda.json", tmp_path / "facts.json")
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "check.md").read_text(encoding="utf-8"), re.S)
    exec(compile(example, "check.md", "exec"), {})
    because = "the host has an NVIDIA driver (580.65.06), but this container was given no GPU: there is no /dev/nvidia0"
    assert capsys.readouterr().out == f"broken {because}\n"
