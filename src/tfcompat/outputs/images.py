"""Images, as text for people and as JSON documents with a version."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from tfcompat.prose import remedy, sentence, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tfcompat.drift import Drift
    from tfcompat.inspection import Inspection
    from tfcompat.rules import Finding
    from tfcompat.stack import Fact
    from tfcompat.tags import TagName

__all__ = ["render_drift", "render_drift_json", "render_inspection", "render_inspection_json", "render_tags", "render_tags_json"]

SCHEMA_VERSION = 1
_WIDTH = 110
_GRADES = ("error", "warning", "unknown", "note")
_NAMES = {"require": "requires"}
_KNOWN = {"observed": "is seen in use", "unknown": "is not known to exist"}

TagCells = dict[str, Any]


def tag_cells(name: TagName, digest: str | None, platforms: Iterable[str], size: int | None, updated: str | None) -> TagCells:
    """One tag of a list as JSON values."""
    return {
        "tag": name.text,
        "version": str(name.version) if name.version is not None else None,
        "variants": list(name.variants),
        "prerelease": name.prerelease,
        "rolling": name.rolling,
        "digest": digest,
        "platforms": list(platforms),
        "size": size,
        "updated": updated,
    }


def render_tags(rows: Sequence[TagCells], said: str) -> str:
    """One line a tag: name, version, variants, date, size, platforms; then who said so."""
    cells = [
        [r["tag"], r["version"] or "", " ".join(r["variants"]), (r["updated"] or "")[:10], _size(r["size"]), " ".join(r["platforms"])]
        for r in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width).rstrip() for row in cells]
    return "".join(_plain(line) + "\n" for line in [*lines, "", said])


def render_tags_json(rows: Sequence[TagCells], repository: str, origin: str, asked: str, complete: bool) -> str:
    """``{"schema_version": 1, "repository": ..., "origin": "registry|cache|snapshot", "tags": [...]}``."""
    return _dump(
        {"schema_version": SCHEMA_VERSION, "repository": repository, "origin": origin, "asked": asked, "complete": complete, "tags": rows}
    )


def render_inspection(inspection: Inspection, size: int | None, said: str, evidence: bool = False) -> str:
    """The verdict first; then what the image is, what is inside with where that was read, and every finding.

    With *evidence*, every statement behind it.
    """
    image = inspection.image
    lines = textwrap.wrap(_verdict(inspection), _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) + [""]
    rows = [("digest", image.digest or "unknown", "")]
    rows += [
        (f"  {name}", digest or "unknown", "") for name, digest in image.digests.items() if digest != image.digest or len(image.digests) > 1
    ]
    rows += [("platform", inspection.platform, "")]
    rows += [("created", inspection.created, "")] if inspection.created else []
    rows += [("size", f"{_size(size)} compressed", "")] if size is not None else []
    rows += [(_NAMES.get(f.name, f.name), _shown(f), f.where) for f in inspection.facts]
    width = max(len(name) for name, _, _ in rows) + 2
    for name, value, where in rows:
        text = f"{value}  ({where})" if where and where != value else value
        lines += textwrap.wrap(
            f"  {name:<{width}}{text}",
            _WIDTH,
            subsequent_indent=" " * (width + 2),
            break_long_words=False,
            break_on_hyphens=False,
            drop_whitespace=True,
        )
    if inspection.findings:
        lines += ["", "findings"]
    for finding in sorted(inspection.findings, key=lambda f: _GRADES.index(_grade(f))):
        grade = _grade(finding)
        lines += _wrapped(f"  {grade:<9}{sentence(finding)} [{finding.rule.id}]")
        lines += _wrapped(f"           {remedy(finding)}") if remedy(finding) else []
    if evidence:
        lines += ["", "evidence"]
        lines += [
            line for f in inspection.facts for s in dict.fromkeys(f.evidence) for line in _wrapped(f"  {_NAMES.get(f.name, f.name)}: {s}")
        ]
    return "\n".join(map(_plain, [*lines, "", said])) + "\n"


def _verdict(inspection: Inspection) -> str:
    """``X exists, and nothing speaks against it``, or what does."""
    image = inspection.image
    errors = [f for f in inspection.findings if f.rejects]
    missing = [f for f in errors if f.rule.id == "image-tag-exists" and image.status in ("gone", "absent", "delisted")]
    if missing:
        return f"{sentence(missing[0])}."
    known = _KNOWN.get(image.status, "exists")
    if errors:
        return f"{image.reference} {known}, but {'; '.join(summary([f]) for f in errors)}."
    doubts = [f for f in inspection.findings if f.verdict.outcome == "unknown"]
    if doubts or inspection.doubt:
        inside = inspection.doubt
        told = [summary([f]) for f in doubts if f.verdict.reason != "unknown" or f.rule.id != "image-tag-exists"]
        return f"{image.reference} {known}" + (f"; not established: {'; '.join(filter(None, [inside, *told]))}." if inside or told else ".")
    return f"{image.reference} {known}, and no rule speaks against what is inside."


def render_inspection_json(inspection: Inspection, size: int | None, origin: str, asked: str | None) -> str:
    """``{"schema_version": 1, "reference": ..., "contents": {...}, "findings": [...]}``."""
    image = inspection.image
    return _dump(
        {
            "schema_version": SCHEMA_VERSION,
            "reference": image.reference,
            "status": image.status,
            "origin": origin,
            "asked": asked,
            "digest": image.digest,
            "platforms": dict(image.digests),
            "platform": inspection.platform,
            "created": inspection.created,
            "size": size,
            "contents": {
                f.name: {"value": None if f.value is None else str(f.value), "where": f.where, "evidence": list(f.evidence)}
                for f in inspection.facts
            },
            "not_established": inspection.doubt or None,
            "findings": [
                {
                    "rule": f.rule.id,
                    "reason": f.verdict.reason,
                    "outcome": f.verdict.outcome,
                    "severity": f.verdict.severity,
                    "message": sentence(f),
                    "remedy": remedy(f) or None,
                }
                for f in inspection.findings
            ],
        }
    )


def render_drift(drift: Sequence[Drift], unestablished: Sequence[str], said: str) -> str:
    """One line a difference, then what could not be compared."""
    lines = [f"{d.kind}: {d.reference}{f' ({d.detail})' if d.detail else ''}" for d in drift]
    lines += [f"not established: {text}" for text in unestablished]
    return "".join(f"{_plain(line)}\n" for line in [*lines, said])


def render_drift_json(drift: Sequence[Drift], unestablished: Sequence[str]) -> str:
    """``{"schema_version": 1, "drift": [{"kind", "reference", "detail"}], "not_established": [...]}``."""
    rows = [{"kind": d.kind, "reference": d.reference, "detail": d.detail} for d in drift]
    return _dump({"schema_version": SCHEMA_VERSION, "drift": rows, "not_established": list(unestablished)})


def _grade(finding: Finding) -> str:
    return "unknown" if finding.verdict.outcome == "unknown" else finding.verdict.severity


def _shown(fact: Fact) -> str:
    if fact.name == "require" and fact.value is None:
        return "nothing of the driver" if fact.where == "not in the config" else "unknown"
    if fact.name == "require":
        first, *others = str(fact.value).split()
        return first + (f" and {len(others)} exception{'' if len(others) == 1 else 's'} by driver" if others else "")
    return "unknown" if fact.value is None else str(fact.value)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=" " * 11, break_long_words=False, break_on_hyphens=False)


def _plain(line: str) -> str:
    """Without what is no text: an image's author writes some of it, and it goes to a terminal."""
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def _size(size: int | None) -> str:
    if size is None or size >= 1e18:
        return ""
    unit, name = next((u, n) for u, n in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes")) if size >= u or u == 1)
    return f"{size / unit:.2f} {name}" if unit == 1e9 else f"{size / unit:.0f} {name}"


def _dump(document: dict[str, Any]) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair stays the escape that it came as
