"""The page as text: the template with its parts, and a content security policy that lets nothing else run."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import base64
import hashlib
import json
import re
from html import escape
from typing import Any, NamedTuple

from tfcompat.drivers import driver_text
from tfcompat.matrix.matrix import Matrix
from tfcompat.matrix.records import Build
from tfcompat.outputs.page.document import page_document
from tfcompat.versions import version

__all__ = ["PARTS", "PageParts", "render_page"]

PARTS = ("template.html", "page.css", "page.js")  # files beside this one; whoever renders reads them


class PageParts(NamedTuple):
    """The text of :data:`PARTS`."""

    template: str
    style: str
    script: str


def render_page(matrix: Matrix, parts: PageParts) -> str:
    """One HTML document that needs nothing else. The same bytes for the same matrix."""
    document = page_document(matrix)
    values = {
        "style": parts.style,
        "script": parts.script,
        "style_hash": _hash(parts.style),
        "script_hash": _hash(parts.script),
        "measured": escape(matrix.measured),
        "tfcompat": escape(document["tfcompat"]),
        "snapshots": escape(", ".join(f"{name} {date}" for name, date in sorted(matrix.snapshots.items()))),
        "facts": _facts(matrix),
        "document": _inside_script(document),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], parts.template)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _inside_script(document: dict[str, Any]) -> str:
    """JSON that no text in it can end early: ``<`` is written as its number."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def _facts(matrix: Matrix) -> str:
    """The rows that are read where nothing can be picked."""
    rows = []
    for release in matrix.releases:
        build = matrix.build(release, "linux/amd64")
        if release.package == "tensorflow" and build is not None and build.kind != "stub":
            cells = (release.released, *_cells(matrix, build))
            rows.append(f'<tr><th scope="row">{escape(release.version)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>')
    return "\n".join(rows)


def _cells(matrix: Matrix, build: Build) -> tuple[str, ...]:
    pythons = f"{build.python[0]} to {build.python[-1]}" if len(build.python) > 1 else "".join(build.python)
    if build.kind != "cuda":
        return pythons, "none", "none", "none", "the CPU"
    toolkit = matrix.toolkit(version(build.cuda)) if build.cuda else None
    driver = driver_text(version(toolkit.minimum_driver)) if toolkit else "unknown"
    return pythons, build.cuda or "unknown", build.cudnn or "unknown", driver, ", ".join(build.compute_capabilities) or "unknown"
