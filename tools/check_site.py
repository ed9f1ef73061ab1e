"""Checks a built site: each link inside of it leads to a page and an anchor that are there, and a reader's browser asks nobody else.

python tools/check_site.py FOLDER
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}  # what a browser loads by itself


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.language = ""
        self.unnamed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in FETCHED and FETCHED[tag] in given and given.get("rel") not in ("index", "search", "next", "prev", "canonical"):
            self.loads.append(given[FETCHED[tag]])
        if tag == "html":
            self.language = given.get("lang", "")
        if tag == "img" and "alt" not in given:
            self.unnamed.append(given.get("src", ""))


def check_site(folder: Path) -> list[str]:
    """What is wrong, a line each."""
    folder = folder.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts}
    faults = [] if pages else [f"{folder}: there is no page"]
    for path, page in pages.items():
        name = path.relative_to(folder)
        faults += [f"{name}: {link} {fault}" for link in page.links if (fault := _fault(path, link, folder, pages))]
        faults += [f"{name}: loads {address} from elsewhere" for address in page.loads if urlsplit(address).netloc]
        faults += [f"{name}: {address} is not there" for address in page.loads if not urlsplit(address).netloc and _missing(path, address)]
        faults += [] if page.language else [f"{name}: names no language"]
        faults += [f"{name}: {source} has no alternative text" for source in page.unnamed]
    for path in sorted(folder.rglob("*.css")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if any(f"{start}{mark}" in text for start in ("url(", "@import ") for mark in ("http", '"http', "'http", "//")):
            faults.append(f"{path.relative_to(folder)}: loads from elsewhere")
    return faults


def _fault(path: Path, link: str, folder: Path, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target = target / "index.html"
    if not target.is_file() or folder not in target.parents:
        return "leads nowhere"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "names an anchor that is not there"
    return ""


def _missing(path: Path, address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme != "data" and not (path.parent / unquote(parts.path)).is_file()


if __name__ == "__main__":
    found = check_site(Path(sys.argv[1]))
    for fault in found:
        print(fault)
    sys.exit(1 if found else 0)
