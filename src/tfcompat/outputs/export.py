"""The matrix for machines: JSON of everything, CSV and Markdown of one section."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from tfcompat.outputs.table import rows_of
from tfcompat.requirements import requirements_of
from tfcompat.versions import version

if TYPE_CHECKING:
    from tfcompat.matrix import Matrix
    from tfcompat.matrix.records import Build, Release

__all__ = ["render_csv", "render_json", "render_markdown"]

SCHEMA_VERSION = 1


def render_json(matrix: Matrix) -> str:
    """Every section. ``requires`` of a release is that of its Linux wheel for the newest interpreter it serves."""
    releases = sorted(matrix.releases, key=lambda r: (r.package, version(r.version)))
    document = {
        "schema_version": SCHEMA_VERSION,
        "measured": matrix.measured,
        "tensorflow": [_release(r) for r in releases],
        "keras": [_keras(matrix, r) for r in matrix.keras],
        "pins": [{**_row(s), "runs": [_row(run) for run in s.runs]} for s in matrix.pin_sets],
        "cuda": [_row(t) for t in matrix.toolkits],
        "gpus": [_row(g) for g in matrix.gpus],
        "images": _images(matrix),
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def render_csv(matrix: Matrix, section: str) -> str:
    """One section as comma-separated values with a header."""
    columns, rows = rows_of(matrix, section)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def render_markdown(matrix: Matrix, section: str) -> str:
    """One section as a Markdown table."""
    columns, rows = rows_of(matrix, section)
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _release(release: Release) -> dict[str, Any]:
    chosen = next((p for p in ("linux/amd64", *release.builds) if p in release.builds), None)
    build = release.builds[chosen] if chosen else None
    python = version(build.python[-1]) if build and build.python and build.python[-1] != "*" else None
    return {
        "package": release.package,
        "version": release.version,
        "released": release.released,
        "yanked": release.yanked,
        "builds": {platform: _build(b) for platform, b in release.builds.items()},
        "requires": {n: str(s) for n, s in requirements_of(build, chosen, python).items()} if build and chosen else {},
        "extras": {name: _specifiers(lines) for name, lines in build.extras.items()} if build else {},
        "evidence": {platform: b.evidence for platform, b in release.builds.items()},
    }


def _build(build: Build) -> dict[str, Any]:
    """The cells that the build has; ``requires_dist`` are its requirement lines as written, with markers."""
    row: dict[str, Any] = {"kind": build.kind, "python": list(build.python)}
    for name in ("glibc", "cuda", "cudnn", "requires_python"):
        if getattr(build, name) is not None:
            row[name] = getattr(build, name)
    for name in ("compute_capabilities", "delegates_to"):
        if getattr(build, name):
            row[name] = list(getattr(build, name))
    row["requires_dist"] = list(build.requires)
    return row


def _specifiers(lines: tuple[str, ...]) -> dict[str, str]:
    return {r.name: str(r.specifier) for r in map(Requirement, lines)}


def _keras(matrix: Matrix, release: Release) -> dict[str, Any]:
    build = release.builds["any"]
    keras = version(release.version)
    backend = next((b for b in matrix.backends if b.package == release.package and _covers(b.versions, keras)), None)
    formats = [f for f in matrix.formats if f.package == release.package and _covers(f.versions, keras)]
    return {
        "package": release.package,
        "version": release.version,
        "released": release.released,
        "yanked": release.yanked,
        "requires_python": build.requires_python,
        "requires": _specifiers(build.requires),
        "tensorflow": backend.tensorflow if backend else None,
        "formats": {f.format: {"reads": f.reads, "writes": f.writes} for f in formats},
        "evidence": {**build.evidence, **({"tensorflow": backend.evidence.get("*", ())} if backend else {})},
    }


def _covers(versions: str, value: Any) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(versions).contains(value)


def _images(matrix: Matrix) -> list[dict[str, Any]]:
    found = [{"reference": f"{d.image}", **_row(d)} for d in matrix.distributions]
    found += [{"reference": f.image, **_row(f)} for f in matrix.floating]
    found += [{"reference": f"python:{i.tag}", **_row(i)} for i in matrix.python_images]
    found += [{"reference": f"nvidia/cuda:{i.tag}", **_row(i)} for i in matrix.cuda_images]
    for tag, row in matrix.official_tags.items():
        contents = matrix.official_contents.get((row.tensorflow or "", "gpu" if "gpu" in row.variants else "cpu"))
        found.append({"reference": f"tensorflow/tensorflow:{tag}", **_row(row), "contents": _row(contents) if contents else None})
    found += [{"reference": f"tensorflow/tensorflow:{tag}", "status": "absent", **row} for tag, row in matrix.official_absent.items()]
    found += [{"reference": f"nvcr.io/nvidia/tensorflow:{i.tag}", **_row(i)} for i in matrix.ngc_images]
    return found


def _row(record: Any) -> dict[str, Any]:
    return dict(record._asdict())
