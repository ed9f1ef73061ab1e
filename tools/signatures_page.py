"""Writes docs/signatures.md anew from the catalogue; what stands above its mark is written by hand.

python tools/signatures_page.py
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat.matrix.catalogue import load_signatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.signatures import Signature

PAGE = Path(__file__).parents[1] / "docs" / "signatures.md"
MARK = "<!-- From here on: python tools/signatures_page.py -->\n"
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


def render_page(page: str, signatures: Sequence[Signature]) -> str:
    """*page* with the part below its mark made of *signatures*."""
    ordered = sorted(signatures, key=lambda s: list(TITLES).index(s.group))
    text = [page.partition(MARK)[0] + MARK]
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
    PAGE.write_text(render_page(PAGE.read_text(encoding="utf-8"), load_signatures()), encoding="utf-8")
    sys.stderr.write(f"{PAGE}\n")
