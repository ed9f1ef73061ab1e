"""What follows from the code stands in the documentation as the code has it: ``python tools/pages.py`` writes it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import tfcompat

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        rendered: dict[Path, str] = runpy.run_path(str(ROOT / "tools" / "pages.py"))["render_pages"]()
    return {str(page.relative_to(ROOT / "docs")): text for page, text in rendered.items()}


GENERATED = {"check.md", "signatures.md", "reference/commands.md", "reference/python.md", "reference/settings.md", "rules/README.md"}


def test_these_pages_are_made(pages: dict[str, str]) -> None:
    assert set(pages) == GENERATED


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_page_is_up_to_date(name: str, pages: dict[str, str]) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == pages[name]


def test_every_public_name_is_in_the_reference(pages: dict[str, str]) -> None:
    for name in set(tfcompat.__all__) - {"__version__"}:
        assert f"\n### tfcompat.{name}\n" in pages["reference/python.md"]


def test_an_option_says_what_it_takes_and_what_holds_without_it(pages: dict[str, str]) -> None:
    commands = pages["reference/commands.md"]
    assert "\n## tfcompat matrix\n" in commands
    assert "\n### tfcompat matrix show\n" in commands
    assert "| `-o FILE`, `--output FILE` | write here instead of to standard output |\n" in commands
    assert "| `--fix` | make the edits that are certain, then say what is left; not with `--diff` |\n" in commands
    assert "default: the file of that name in the package" in commands
    assert str(ROOT) not in commands
