"""The catalogue of failure signatures: compiled from ``data/``, validated, and loaded where a log is explained."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfcompat.errors import MatrixError
from tfcompat.signatures import Signature, literals, match_signatures

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["BUNDLED_SIGNATURES", "CATALOGUE", "SCHEMA_VERSION", "compile_signatures", "load_signatures", "validate_signatures"]

SCHEMA_VERSION = 1
CATALOGUE = "signatures.json"
BUNDLED_SIGNATURES = Path(__file__).with_name(CATALOGUE)
_KINDS = ("verified", "measured", "documented", "observed", "inferred")
_LENGTH = 200  # characters of a cause or a remedy: one look
_LITERAL = 6  # characters: enough to look for in a long log
_EXPENSIVE = re.compile(r"(?<!\\)\.[*+]|\)[*+]|\)\{")  # time would grow faster than the line
_TUPLES = ("patterns", "evidence", "context")


@lru_cache(maxsize=1)
def load_signatures() -> tuple[Signature, ...]:
    """The catalogue that came with the package. Raises :class:`MatrixError` when the file is damaged."""
    where, hint = f"the bundled catalogue ({CATALOGUE})", "reinstall tfcompat"
    try:
        document = json.loads(BUNDLED_SIGNATURES.read_bytes())
        return tuple(_signature(row) for row in document["signatures"])
    except OSError as error:
        raise MatrixError(f"{where} cannot be read: {error.strerror or error}", hint) from None
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise MatrixError(f"{where} is damaged: {error!r}"[:300], hint) from None


def compile_signatures(data: Path) -> dict[str, Any]:
    """The document made of ``curated/signatures.toml`` in *data*. Raises :class:`MatrixError`."""
    path = data / "curated" / "signatures.toml"
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["signature"]
    except FileNotFoundError:
        raise MatrixError(f"{path} is missing", "compile from a complete checkout of data/") from None
    except (OSError, ValueError, KeyError) as error:
        raise MatrixError(f"{path} cannot be read: {error}", "restore it from version control") from None
    return {"schema_version": SCHEMA_VERSION, "signatures": rows}


def validate_signatures(document: Mapping[str, Any], where: str) -> None:
    """Raise :class:`MatrixError` naming the first things that are wrong with *document*, read from *where*."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    @dataclass
    class Document:
        schema_version: int
        signatures: list[Signature]
        __pydantic_config__ = ConfigDict(extra="forbid")

    try:
        typed = TypeAdapter(Document).validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        first = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:3]]
        raise MatrixError(f"{where}: the signatures are malformed: {'; '.join(first)}", "correct curated/signatures.toml") from None
    broken = list(_broken(typed.signatures))
    if broken:
        raise MatrixError(f"{where}: {len(broken)} signatures are wrong: {'; '.join(broken[:5])}", "correct curated/signatures.toml")


def _signature(row: Mapping[str, Any]) -> Signature:
    cells: dict[str, Any] = {name: tuple(value) if name in _TUPLES else value for name, value in row.items()}
    return Signature(**cells)


def _broken(signatures: list[Signature]) -> Iterator[str]:
    seen: set[str] = set()
    sound = True
    for row in signatures:
        reasons = [*_wrong_words(row), *_wrong_patterns(row)] + ["its id stands twice"] * (row.id in seen)
        seen.add(row.id)
        sound = sound and not reasons
        yield from (f"{row.id}: {reason}" for reason in reasons)
    for row in signatures if sound else ():
        first, *others = match_signatures(row.example.strip().splitlines(), signatures) or (None,)
        if first is None or first.signature.id != row.id:
            yield f"{row.id}: its example belongs to {first.signature.id if first else 'no row'}"
        elif any(other.severity != "harmless" for other in others):
            yield f"{row.id}: its example shows {others[0].signature.id} as well"


def _wrong_words(row: Signature) -> Iterator[str]:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.id):
        yield "its id is not lower case with hyphens"
    for name, text in (("cause", row.cause), ("fix", row.fix)):
        if not text.strip() or len(text) > _LENGTH or not text.isprintable():
            yield f"its {name} is not one line of at most {_LENGTH} characters"
    if not row.evidence or any(s.partition(": ")[0] not in _KINDS or not s.partition(": ")[2] for s in row.evidence):
        yield "its evidence is not 'KIND: SOURCE'"
    try:
        SpecifierSet(row.tensorflow)
    except InvalidSpecifier:
        yield f"{row.tensorflow!r} is not a specifier"


def _wrong_patterns(row: Signature) -> Iterator[str]:
    if not row.patterns:
        yield "it has no pattern"
    for pattern in (*row.patterns, *row.context):
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"{pattern!r} is not a regular expression ({error})"
            continue
        if min(map(len, literals(pattern))) < _LITERAL:
            yield f"{pattern!r} has an alternative without a literal of {_LITERAL} characters"
        if _EXPENSIVE.search(pattern):
            yield f"{pattern!r} repeats without a bound"
