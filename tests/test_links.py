"""Every link of the documentation leads to a file that is there, and to a heading of it, on a plain forge as well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from documents import ROOT, pages

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [*pages(), ROOT / "CHANGELOG.md"]


def prose(page: Path) -> str:
    """*page* without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """The anchors that forges make of headings; a second heading of a name gets a number."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} (.*)$", prose(page), re.M):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text.replace("`", "")).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {slug if not number else f"{slug}-{number}" for slug, count in found.items() for number in range(count + 1)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(<?([^)>\s]+)>?\)", re.sub(r"`[^`]*`", "", prose(page))):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page}: {target}"
        assert ROOT in (file, *file.parents), f"{page}: {target} is outside of the project"
        if anchor:
            assert file.suffix == ".md", f"{page}: {target}"
            assert anchor in anchors(file), f"{page}: {target}; there are {sorted(anchors(file))}"


def test_every_page_can_be_reached_from_the_front_page() -> None:
    """By links alone, as on a forge there is no other navigation."""
    reached, ahead = set(), [ROOT / "docs" / "index.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            links = re.findall(r"\]\(<?([^)>\s#]+)", prose(page))
            ahead += [(page.parent / link).resolve() for link in links if "://" not in link]
    assert sorted(str(page.relative_to(ROOT)) for page in set(pages()) - reached - {ROOT / "README.md"}) == []
