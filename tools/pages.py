"""Writes the parts of the documentation that follow from the code. What stands above the mark of a page is written by hand.

python tools/pages.py
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from reference import command_list, plain, python_list

from tfcompat.check.diagnosis import DIAGNOSES
from tfcompat.gate.rulebook import FILE_RULES
from tfcompat.matrix.catalogue import load_signatures
from tfcompat.outputs.gate.pages import pages
from tfcompat.probe import VARIABLES
from tfcompat.rules import RULES

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
    lists = {
        "signatures.md": signature_list(load_signatures()),
        "check.md": diagnosis_list(),
        "reference/commands.md": command_list(),
        "reference/python.md": python_list(),
        "reference/settings.md": variable_list(),
    }
    rendered = {DOCS / name: _read(DOCS / name).partition(MARK)[0] + MARK + text for name, text in lists.items()}
    return {**rendered, DOCS / "rules" / "README.md": rule_index(_read(DOCS / "rules" / "README.md"))}


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def rule_index(page: str) -> str:
    """The page of all rules, with its two tables as they have to be: the rulebook's, then those of what files show."""
    why = {each.id: each.why for each in pages()}
    rows = iter([[(rule.id, why[rule.id]) for rule in RULES], [(rule.id, f"{rule.title}.") for rule in FILE_RULES]])

    def table(match: re.Match[str]) -> str:
        return match[1] + "".join(f"| [{name}]({name}.md) | {text} |\n" for name, text in next(rows))

    return re.sub(r"^(\| [^|\n]+ \| [^|\n]+ \|\n\|---\|---\|\n)(?:\| \[[^\n]*\n)+", table, page, flags=re.M)


def variable_list() -> str:
    """What the probe keeps of the environment."""
    return "\n" + "".join(f"- `{name}`\n" for name in VARIABLES)


def diagnosis_list() -> str:
    """Every diagnosis with its sentences; names in braces stand for what was seen."""
    return "".join(
        f"\n### {name}\n\n{severity}: {plain(message)}\n" + (f"\n**Remedy:** {plain(fix)}\n" if fix.replace("{advice}", "") else "")
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
    sources = "; ".join(plain(statement) for statement in row.evidence)
    return (
        f"\n### {row.id}\n\n{row.severity}{unless}{plain(versions)}\n\n```text\n{row.example.strip(chr(10))}\n```\n\n"
        f"{plain(row.cause)}\n\n**Remedy:** {plain(row.fix)}\n\n*Sources:* {sources}\n"
    )


if __name__ == "__main__":
    for page, text in render_pages().items():
        page.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{page}\n")
