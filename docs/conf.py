"""The documentation as a site: ``nox -s docs`` builds it. The pages are Markdown with relative links, and read as well without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import tfcompat

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent

project = "tfcompat"
copyright = "the tfcompat maintainers, Apache 2.0"
version = release = tfcompat.__version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["ci", "examples"]
nitpicky = True
myst_heading_anchors = 6  # as forges make them, for links such as gate.md#limits
highlight_language = "text"

html_theme = "furo"  # fetches nothing from elsewhere when a page is read
html_title = "tfcompat"
html_static_path = ["site"]
html_css_files = ["wide.css"]
html_copy_source = False
html_show_sourcelink = False
smartquotes = False  # they would make a dash of the two before an option

# The navigation. It stands here rather than in the pages, where a forge would show it as code. A page that is not there is left out.
CONTENTS = {
    "index": {
        "Start": ["tutorial", "concepts", "glossary"],
        "Tasks": [
            "how-to", "resolve", "pins", "gate", "gate-ci", "check", "check-containers", "models", "registry", "matrix-page", "whole-path",
            "command-line",
        ],
        "Evidence": ["evidence", "matrix", "limits"],
        "Reference": ["reference/index", "rules/README", "signatures"],
    },
    "reference/index": {"": ["commands", "python", "json", "exit-codes", "settings"]},
    "rules/README": {"": sorted(page.stem for page in (HERE / "rules").glob("*.md") if page.stem != "README")},
}  # fmt: skip


def add_contents(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the navigation below the pages that have one."""
    for caption, names in CONTENTS.get(page, {}).items():
        folder = (HERE / page).parent
        known = [name for name in names if (folder / f"{name}.md").exists()]
        title = f":caption: {caption}\n" if caption else ""
        source[0] += "\n".join(["\n\n```{toctree}", ":hidden:", f"{title}", *known, "```\n"])


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_contents)
