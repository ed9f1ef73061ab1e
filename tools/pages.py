"""Writes the lists in docs/signatures.md and docs/check.md anew from the code; what stands above the mark of a page is written by hand.

python tools/pages.py
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import DIAGNOSES
from tfcompat.matrix.catalogue import load_signatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.signatures import Signature

DOCS = Path(__file__).parents[1] / "docs"
MARK = "<!-- From here on: python tools/pages.py -->\n"
TITLES = {
    "libraries": "CUDA and cuDNN libraries",
    "wsl": "WSL 2",
    "driver": "The driver",
    "docker": "Docker",
    "gpu-arch": "GPU architectures",
    "keras": "Keras",
    "python-deps": "Python packages",
    "platform": "Platform",
    "packaging": "Packages and tags",
    "noise": "Harmless",
}


def render_pages() -> dict[Path, str]:
    """Each page as it has to be."""
    lists = {"signatures.md": signature_list(load_signatures()), "check.md": diagnosis_list()}
    return {DOCS / name: (DOCS / name).read_text(encoding="utf-8").partition(MARK)[0] + MARK + text for name, text in lists.items()}


def diagnosis_list() -> str:
    """Every diagnosis with its sentences; names in braces stand for what was seen."""
    return "".join(
        f"\n### {name}\n\n{severity}: {_plain(message)}\n" + (f"\n**Remedy:** {_plain(fix)}\n" if fix.replace("{advice}", "") else "")
        for name, (severity, message, fix) in DIAGNOSES.items()
    )


def signature_list(signatures: Sequence[Signature]) -> str:
    """Every failure signature, by group."""
    ordered = sorted(signatures, key=lambda s: list(TITLES).index(s.group))
    text = []
    for group, rows in groupby(ordered, key=lambda s: s.group):
        text.append(f"\n## {TITLES[group]}\n")
        text += [_section(row) for row in rows]
    return "".join(text)


def _section(row: Signature) -> str:
    unless = " (harmless where no GPU is wanted)" if row.harmless_when else ""
    versions = f", TensorFlow {row.tensorflow}" if row.tensorflow else ""
    sources = "; ".join(_plain(statement) for statement in row.evidence)
    return (
        f"\n### {row.id}\n\n{row.severity}{unless}{_plain(versions)}\n\n```text\n{row.example.strip(chr(10))}\n```\n\n"
        f"{_plain(row.cause)}\n\n**Remedy:** {_plain(row.fix)}\n\n*Sources:* {sources}\n"
    )


def _plain(text: str) -> str:
    """Without marks of Markdown outside what is code."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        for mark in "\\*_<":
            parts[index] = parts[index].replace(mark, "\\" + mark)
    return "`".join(parts)


if __name__ == "__main__":
    for page, text in render_pages().items():
        page.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{page}\n")
