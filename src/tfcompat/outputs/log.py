"""A log explained, as text for people and as a JSON document with a version."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.signatures import Match

__all__ = ["WIDTH", "render_matches", "render_matches_json"]

SCHEMA_VERSION = 1
WIDTH = 110  # characters, where no terminal says otherwise
_UNPROVEN = "that does not mean that the stack works: run 'tfcompat check' inside the container"


def render_matches(matches: Sequence[Match], lines: int, width: int = WIDTH) -> str:
    """The verdict first; then each line that matters with its cause and the remedy; then what is harmless.

    No line is wider than *width*, but for a single word that is.
    """
    grave = [m for m in matches if m.severity != "harmless"]
    harmless = [m for m in matches if m.severity == "harmless"]
    text = _wrapped(f"{_verdict(matches, lines)}.", "", "  ", width)
    for match in grave:
        text += ["", *_wrapped(f"{match.severity}  {_place(match)}  [{match.signature.id}]", "", "  ", width)]
        text += _wrapped(match.line, "  ", "    ", width)
        text += _wrapped(f"cause     {match.signature.cause}", "  ", " " * 12, width)
        text += _wrapped(f"remedy    {match.signature.fix}", "  ", " " * 12, width)
        text += _wrapped(f"evidence  {_sources(match)}", "  ", " " * 12, width)
    if harmless:
        text += ["", "harmless"]
    for match in harmless:
        text += _wrapped(f"{_place(match)}: {match.signature.cause}{_excuse(match)} [{match.signature.id}]", "  ", "    ", width)
    return "\n".join(text) + "\n"


def render_matches_json(matches: Sequence[Match], lines: int) -> str:
    """``{"schema_version": 1, "lines": N, "matches": [{"signature", "severity", "line", "number", ...}]}``."""
    rows = [
        {
            "signature": m.signature.id,
            "group": m.signature.group,
            "severity": m.severity,
            "line": m.line,
            "number": m.number,
            "count": m.count,
            "cause": m.signature.cause,
            "fix": m.signature.fix,
            "evidence": list(m.signature.evidence),
        }
        for m in matches
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, "lines": lines, "matches": rows}, indent=2, ensure_ascii=False) + "\n"


def _verdict(matches: Sequence[Match], lines: int) -> str:
    counts = {s: sum(m.severity == s for m in matches) for s in ("error", "warning")}
    told = " and ".join(_several(n, s) for s, n in counts.items() if n)
    where = f"in {_several(lines, 'line')}"
    if told:
        return f"{told} {where}"
    if matches:
        return f"No known error {where}, and what is recognised is harmless; {_UNPROVEN}"
    return f"No known signature {where}; {_UNPROVEN}"


def _place(match: Match) -> str:
    others = match.count - 1
    return f"line {match.number}" + (f" and {_several(others, 'other')}" if others else "")


def _excuse(match: Match) -> str:
    return " It does not matter where no GPU is wanted." if match.signature.severity != "harmless" else ""


def _sources(match: Match) -> str:
    """The first statement, and how many there are."""
    first, *others = match.signature.evidence
    return first + (f", and {_several(len(others), 'other')}" if others else "")


def _several(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
