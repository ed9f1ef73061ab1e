"""Versions as poetry and conda write them, as PEP 440 specifiers."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from tfcompat.gate.readers.pep508 import absurd

__all__ = ["Match", "conda_name", "conda_specifier", "parse_match", "poetry_specifier"]

_CLAUSE = re.compile(r"\s*(\^|~=|~|===|==|=|!=|<=|>=|<|>)?\s*([^\s,<>=!~^|]+)\s*,?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_BRACKETS = re.compile(r"\[([^\]]*)\]\s*$")
_KEYED = re.compile(r"""(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^,'"\s]*))""")
_MATCH = re.compile(
    r"""\s*(?:(?P<channel>[^\s:=<>!~|]+(?:://[^\s]*?)?):{2})?  # channel or channel/subdir
        (?P<name>[A-Za-z0-9_.][A-Za-z0-9_.-]*)
        (?P<rest>\s*[=<>!~^*|\d(].*|\s+\S.*|\s*)$""",
    re.X | re.S,
)


class Match(NamedTuple):
    """A conda match spec. ``specifier`` is None where PEP 440 cannot say it; ``version`` and ``build`` are as written, ``at`` the
    offsets of what follows the name.
    """

    name: str
    specifier: str | None
    version: str
    build: str
    at: tuple[int, int]


def poetry_specifier(text: str) -> str | None:
    """A constraint of poetry's as PEP 440, empty for any version; None for one that says either of two ranges, or nothing known."""
    clauses = _clauses(text)
    if clauses is None:
        return None
    parts = []
    for operator, version in clauses:
        part = _poetry_clause(operator, version)
        if part is None:
            return None
        parts.append(part)
    return _specifier(",".join(part for part in parts if part))


def conda_specifier(version: str, exact: bool = False) -> str | None:
    """A version of a conda match spec as PEP 440, empty for any; None where it cannot be said.

    *exact*: a lone ``=`` in front is no prefix match, as where a build follows.
    """
    clauses = _clauses(version)
    if clauses is None or "(" in version:
        return None
    parts = []
    for operator, number in clauses:
        part = _conda_clause(operator, number, exact)
        if part is None:
            return None
        parts.append(part)
    return _specifier(",".join(part for part in parts if part))


def conda_name(text: str) -> str | None:
    """The name of a package of conda's, None for what is none."""
    return text.lower() if _NAME.fullmatch(text) else None


def parse_match(text: str) -> Match | None:
    """*text* as a conda match spec, None if it is none."""
    body, keyed = text, {}
    if brackets := _BRACKETS.search(text):
        body = text[: brackets.start()]
        keyed = {found[1]: found[2] or found[3] or found[4] or "" for found in _KEYED.finditer(brackets[1])}
    found = _MATCH.match(body)
    if found is None or absurd(text):
        return None
    start, end = found.start("rest"), found.start("rest") + len(found["rest"].rstrip())
    start += len(found["rest"]) - len(found["rest"].lstrip())
    version, build = _version_and_build(found["rest"].strip())
    version, build = keyed.get("version", version), keyed.get("build", build)
    specifier = conda_specifier(version, exact=bool(build))
    at = (start, end) if end > start or not keyed else (len(body), len(text))
    return Match(found["name"].lower(), specifier, version, build, at if at[1] > at[0] else (start, start))


def _version_and_build(rest: str) -> tuple[str, str]:
    """``=2.15.0=cuda120*``, ``2.15.0 cuda120*`` and ``>=2.4,<3`` apart."""
    if found := re.match(r"(==?[^\s=<>!,|~]+|[^\s=<>!,|~]+)\s*=\s*([^\s=<>!,|]+)$", rest):
        return found[1], found[2]
    if found := re.match(r"([^\s]+)\s+([A-Za-z0-9_*.]*[A-Za-z_*][A-Za-z0-9_*.]*)$", rest):
        return found[1], "" if found[2] == "*" else found[2]
    return rest, ""


def _clauses(text: str) -> list[tuple[str, str]] | None:
    """Operators and versions that all hold; None for alternatives and for what is neither."""
    text, at = text.strip(), 0
    clauses: list[tuple[str, str]] = []
    if text in ("", "*", "=*", "==*", ">=0"):
        return []
    if "|" in text or len(text) > 1000 or absurd(text):
        return None
    while at < len(text):
        found = _CLAUSE.match(text, at)
        if found is None or (clauses and not found[1]):
            return None
        clauses.append((found[1] or "", found[2]))
        at = found.end()
    return clauses


def _poetry_clause(operator: str, version: str) -> str | None:
    if version == "*":
        return ""
    if operator in ("^", "~"):
        return _up_to_next(version, operator)
    if version.endswith(".*") and operator not in ("", "=", "==", "!="):
        return operator + version[:-2]
    return f"{'==' if operator in ('', '=') else operator}{version}"


def _up_to_next(text: str, operator: str) -> str | None:
    """``^1.2`` up to 2, ``~1.2`` up to 1.3: the release with its significant number raised."""
    version = _version(text.removesuffix(".*"))
    if version is None:
        return None
    release = version.release
    significant = next((index + 1 for index, number in enumerate(release) if number), len(release))
    keep = min(2, len(release)) if operator == "~" else significant
    above = [*release[: keep - 1], release[keep - 1] + 1]
    epoch = f"{version.epoch}!" if version.epoch else ""
    return f">={text.removesuffix('.*')},<{epoch}{'.'.join(map(str, above))}"


def _conda_clause(operator: str, version: str, exact: bool) -> str | None:
    if version == "*":
        return ""
    prefix = version.removesuffix("*").removesuffix(".")
    starred = prefix != version
    if "*" in prefix or not prefix or operator == "^":
        return None
    if operator in ("", "=", "==", "!="):
        fuzzy = starred or (operator == "=" and not exact)
        sign = "!=" if operator == "!=" else "=="
        if _version(prefix) is None:
            return f"==={prefix}" if sign == "==" else ""
        plain = not re.search(r"[A-Za-z+]", prefix)
        return f"{sign}{prefix}.*" if fuzzy and plain else sign + prefix
    if operator == "~":
        return None
    return operator + prefix


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except (InvalidVersion, ValueError):
        return None


def _specifier(text: str) -> str | None:
    try:
        return str(SpecifierSet(text))
    except (InvalidSpecifier, ValueError):
        return None
