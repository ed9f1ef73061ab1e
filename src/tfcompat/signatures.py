"""Which lines of a log are known, and what each of them means for the one who reads it.

A line belongs to one row at most. Rows whose ``context`` is met by the whole log go first, then those without
context; among equals the order of the catalogue decides. A row that the release excludes is out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from packaging.specifiers import SpecifierSet

from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.version import Version

__all__ = ["Match", "Severity", "Signature", "literals", "match_signatures"]

Severity = Literal["error", "warning", "harmless"]

_ORDER = ("error", "warning", "harmless")
_SEARCHED = 4000  # characters of a line
_KEPT = 300
_CUT = " ..."
_BATCH = 2048  # lines; literals are looked for in so many at once
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_TOKENS = re.compile(r"\\(?P<escaped>.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<count>[?*]|\{[^}]*\})|(?P<sign>[().+^$|])|(?P<plain>.)")


class Signature(NamedTuple):
    """A kind of line: how it is recognised, what is behind it, and what to do.

    ``patterns``: one must be found in the line; ``context``: each must be found somewhere in the log.
    ``tensorflow``: the releases that can print it. ``example``: real lines, the last one its own.
    """

    id: str
    group: str
    severity: Severity
    patterns: tuple[str, ...]
    cause: str
    fix: str
    evidence: tuple[str, ...]
    context: tuple[str, ...] = ()
    tensorflow: str = ""
    harmless_when: Literal["", "no-gpu-expected"] = ""
    example: str = ""


class Match(NamedTuple):
    """A row that was found: its first line, that line's number from 1, and how many lines there are.

    ``severity`` as judged here: what is harmless without a wish for a GPU is an error where there is one.
    """

    signature: Signature
    line: str
    number: int
    count: int  # type: ignore[assignment]  # in place of the tuple's own, which nobody needs here
    severity: Severity


class _Sighting(NamedTuple):
    number: int
    line: str
    times: int


class _Probe(NamedTuple):
    """A pattern by one of its literals: searched where the literal stands."""

    row: int
    literal: str
    regex: re.Pattern[str]


def match_signatures(
    lines: Iterable[str], signatures: Sequence[Signature], *, gpu_expected: bool | None = None, tensorflow: Version | None = None
) -> tuple[Match, ...]:
    """Every row that *lines* show: errors first, then warnings, then what is harmless, each by line number.

    *tensorflow* counts as said by the log, as ``tensorflow==X.Y.Z``.
    """
    rows = sorted((s for s in signatures if _printed_by(s, tensorflow)), key=lambda s: not s.context)
    claims, met = _survey(lines, rows, f"tensorflow=={tensorflow}" if tensorflow else "")
    found: dict[int, _Sighting] = {}
    for claimants, seen in claims.items():
        row = next((i for i in claimants if met.issuperset(rows[i].context)), None)
        if row is not None:
            other = found.get(row, seen._replace(times=0))
            found[row] = min(other, seen)._replace(times=other.times + seen.times)
    matches = (Match(rows[i], _shown(s.line), s.number, s.times, _judged(rows[i], gpu_expected)) for i, s in found.items())
    return tuple(sorted(matches, key=lambda m: (_ORDER.index(m.severity), m.number)))


def literals(pattern: str) -> tuple[str, ...]:
    """The longest literal of each alternative of *pattern*, outside groups: where none stands, the pattern cannot match."""
    return tuple(max(runs, key=len) for runs in _runs(pattern))


def _runs(pattern: str) -> Iterator[list[str]]:
    """By alternative, the stretches of characters that a match contains as they are."""
    runs, depth = [""], 0
    for token in _TOKENS.finditer(pattern):
        kind, text = token.lastgroup, token[0]
        if kind == "escaped":
            kind, text = ("set", text) if token["escaped"].isalnum() else ("plain", token["escaped"])
        if text == "|" and kind == "sign" and not depth:
            yield runs
            runs = [""]
        elif kind == "plain":
            if not depth:
                runs[-1] += text
        else:
            depth += (text == "(") - (text == ")") if kind == "sign" else 0
            if kind == "count":
                runs[-1] = runs[-1][:-1]  # what is repeated may be absent
            runs.append("")
    yield runs


def _printed_by(signature: Signature, tensorflow: Version | None) -> bool:
    if tensorflow is None or not signature.tensorflow:
        return True
    return SpecifierSet(signature.tensorflow).contains(version(tensorflow.base_version))


def _survey(lines: Iterable[str], rows: Sequence[Signature], said: str) -> tuple[dict[tuple[int, ...], _Sighting], set[str]]:
    """The lines by the rows that could claim them, and every piece of context that is met."""
    probes = [probe for index, row in enumerate(rows) for pattern in row.patterns for probe in _probes(index, pattern)]
    contexts = [(pattern, probe) for row in rows for pattern in row.context for probe in _probes(0, pattern)]
    met = {pattern for pattern, probe in contexts if probe.regex.search(said)}
    claims: dict[tuple[int, ...], _Sighting] = {}
    rest, start = iter(lines), 1
    while batch := [_searched(line) for line in islice(rest, _BATCH)]:
        text = "\n".join(batch)
        met.update(pattern for pattern, probe in contexts if pattern not in met and probe.literal in text and probe.regex.search(text))
        near = [probe for probe in probes if probe.literal in text]
        for number, line in enumerate(batch if near else (), start):
            claimants = tuple([row for row, literal, regex in near if literal in line and regex.search(line)])
            if claimants:
                seen = claims.get(claimants)
                claims[claimants] = seen._replace(times=seen.times + 1) if seen else _Sighting(number, line, 1)
        start += len(batch)
    return claims, met


@lru_cache(maxsize=1024)
def _probes(row: int, pattern: str) -> tuple[_Probe, ...]:
    regex = re.compile(pattern)
    return tuple(_Probe(row, literal, regex) for literal in literals(pattern))


def _searched(line: str) -> str:
    """The start of a line as text: no colours, and no zeros between the characters of unmarked UTF-16."""
    line = line[:_SEARCHED]
    if "\0" in line:
        line = line.replace("\0", "")
    return _ESCAPES.sub("", line) if "\x1b" in line else line


def _shown(line: str) -> str:
    """What may go to a terminal: printable, and not too long."""
    text = "".join(" " if c.isspace() else c for c in line if c.isprintable() or c.isspace()).strip()
    return text if len(text) <= _KEPT else text[: _KEPT - len(_CUT)].rstrip() + _CUT


def _judged(signature: Signature, gpu_expected: bool | None) -> Severity:
    if gpu_expected is None or not signature.harmless_when:
        return signature.severity
    return "error" if gpu_expected else "harmless"
