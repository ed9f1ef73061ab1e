"""A baseline: what was found when the gate was adopted, so that only what is new counts."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from tfcompat.errors import RequestError
from tfcompat.gate.finding import Finding
from tfcompat.gate.source import Place, Source

__all__ = ["HINT", "Baseline", "Entry", "fingerprints", "read_baseline", "render_baseline"]

SCHEMA_VERSION = 1
HINT = "write it anew with --write-baseline"
_KEYS = ("rule", "file", "message", "fingerprint")


class Entry(NamedTuple):
    """One finding that is excused, and where the baseline says so."""

    rule: str
    file: str
    message: str
    fingerprint: str
    place: Place


class Baseline(NamedTuple):
    """The entries of one baseline file."""

    name: str
    entries: tuple[Entry, ...]


def fingerprints(findings: Sequence[Finding], sources: Callable[[str], Source | None]) -> tuple[str, ...]:
    """A name for each finding that stays when lines move: of its rule, its file, the text of its line, and which of those it is.

    *findings* are all those of a report, as the last part counts those before it.
    """
    from hashlib import sha256

    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for finding in findings:
        source = sources(finding.place.file)
        line = " ".join(source.line(finding.place.line).split()) if source is not None else ""
        key = (finding.rule, finding.place.file, line)
        text = "\0".join((*key, str(seen[key])))
        seen[key] += 1
        found.append(sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return tuple(found)


def read_baseline(source: Source) -> Baseline:
    """The entries of a baseline file. Raises :class:`RequestError` for what is none."""
    try:
        document = json.loads(source.text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{source.name} is not a baseline: {error}", HINT) from None
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise RequestError(f"{source.name} is not a baseline: it has no list of findings", HINT)
    if document.get("schema_version") != SCHEMA_VERSION:
        raise RequestError(f"{source.name} is a baseline of another version than {SCHEMA_VERSION}", HINT)
    rows = enumerate(document["findings"], 1)
    return Baseline(source.name, tuple(_entry(source, row, number) for number, row in rows))


def _entry(source: Source, row: Any, number: int) -> Entry:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in _KEYS):
        raise RequestError(f"{source.name}: entry {number} has not the texts {', '.join(_KEYS)}", HINT)
    written = f'"{row["fingerprint"]}"'
    start = source.text.find(written)
    place = source.place(start, start + len(written)) if start >= 0 else Place(source.name, 1, 1)
    return Entry(row["rule"], row["file"], row["message"], row["fingerprint"], place)


def render_baseline(findings: Iterable[tuple[Finding, str]]) -> str:
    """A baseline of *findings*, each with its fingerprint, sorted, so that it changes as little as the findings do."""
    rows = sorted((f.place.file, f.rule, fingerprint, f.message) for f, fingerprint in findings)
    document = {
        "schema_version": SCHEMA_VERSION,
        "findings": [{"rule": rule, "file": file, "message": message, "fingerprint": name} for file, rule, name, message in rows],
    }
    return json.dumps(document, indent=2) + "\n"
