"""The lists in the documentation are those of the code: ``python tools/pages.py`` writes them."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_pages_are_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "tools" / "pages.py"))["render_pages"]()
    assert {page.name for page in pages} == {"check.md", "signatures.md"}
    for page, text in pages.items():
        assert page.read_text(encoding="utf-8") == text
