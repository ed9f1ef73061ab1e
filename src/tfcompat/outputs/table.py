"""The matrix for people: one table a section, as wide as the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.errors import RequestError
from tfcompat.versions import parse_specifier, version

if TYPE_CHECKING:
    from collections.abc import Callable

    from tfcompat.matrix import Matrix

__all__ = ["render_table", "rows_of"]

Table = tuple[list[str], list[list[str]]]


def render_table(matrix: Matrix, section: str, versions: str | None, evidence: bool, width: int) -> str:
    """The section as a table. *versions* filters by the version of its rows; *evidence* lists the statements below.

    *width* is that of the terminal, in columns.
    """
    import io

    from rich.console import Console
    from rich.table import Table as RichTable

    columns, rows, statements = _rows(matrix, section, versions)
    if not rows:
        raise RequestError(f"--version: no row of {section} matches {versions!r}", f"'tfcompat matrix show {section}' lists all of them")
    table = RichTable(title=f"{section}, matrix of {matrix.measured}", title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("package", "version", "image"))
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=max(width, 60), no_color=True, highlight=False).print(table)
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    if evidence:
        lines += ["", "evidence"] + [
            f"  {' '.join(row[:2])}: {s}" for row, found in zip(rows, statements, strict=True) for s in dict.fromkeys(found)
        ]
    return "\n".join(lines) + "\n"


def rows_of(matrix: Matrix, section: str) -> Table:
    """Columns and rows of a section, newest first, as text."""
    columns, rows, _ = _rows(matrix, section, None)
    return columns, rows


def _rows(matrix: Matrix, section: str, versions: str | None) -> tuple[list[str], list[list[str]], list[list[str]]]:
    columns, rows, key, statements = _SECTIONS[section](matrix)
    if versions is None:
        return columns, rows, statements
    wanted = parse_specifier(versions, "--version")
    kept = [i for i, text in enumerate(key) if text[:1].isdigit() and wanted.contains(version(text), prereleases=True)]
    return columns, [rows[i] for i in kept], [statements[i] for i in kept]


Section = tuple[list[str], list[list[str]], list[str], list[list[str]]]


def _tensorflow(matrix: Matrix) -> Section:
    columns = ["package", "version", "released", "platform", "kind", "python", "glibc", "cuda", "cudnn", "compiled for"]
    rows, key, statements = [], [], []
    for release in matrix.releases:
        for platform, build in release.builds.items():
            kind = build.kind + (f" ({', '.join(build.delegates_to)})" if build.delegates_to else "")
            rows.append(
                [
                    release.package, release.version + (" yanked" if release.yanked else ""), release.released, platform, kind,
                    _span(build.python), build.glibc or "", build.cuda or "", build.cudnn or "", " ".join(build.compute_capabilities),
                ]
            )  # fmt: skip
            key.append(release.version)
            statements.append([s for cell in build.evidence.values() for s in cell])
    return columns, rows, key, statements


def _keras(matrix: Matrix) -> Section:
    columns = ["package", "version", "released", "python", "tensorflow", "requires"]
    rows, key, statements = [], [], []
    for release in reversed(matrix.keras):
        build = release.builds["any"]
        tensorflow = next((b.tensorflow for b in matrix.backends if b.package == release.package and _in(b.versions, release.version)), "")
        name = release.version + (" yanked" if release.yanked else "")
        rows.append([release.package, name, release.released, build.requires_python or "", tensorflow, ", ".join(build.requires)])
        key.append(release.version)
        statements.append([s for cell in build.evidence.values() for s in cell])
    return columns, rows, key, statements


def _pins(matrix: Matrix) -> Section:
    columns = ["tensorflow", "python", "keras", "platform", "pins", "run on", "with", "as", "skipped"]
    rows, key, statements = [], [], []
    for found in matrix.pin_sets:
        skipped = dict.fromkeys(step for run in found.runs for step, outcome in run.steps.items() if outcome != "ok")
        rows.append(
            [
                found.tensorflow, found.python, f"{found.keras} {found.pins.get(found.keras, '')}".rstrip(), found.platform,
                str(len(found.pins)), ", ".join(dict.fromkeys(run.date for run in found.runs)),
                ", ".join(dict.fromkeys(run.python for run in found.runs)), ", ".join(run.distribution for run in found.runs), ", ".join(skipped),
            ]
        )  # fmt: skip
        key.append(found.tensorflow)
        statements.append([f"verified: {run.distribution}, {run.machine}: sha256 of the lines {run.sha256}" for run in found.runs])
    return columns, rows, key, statements


def _cuda(matrix: Matrix) -> Section:
    columns = ["version", "lowest driver", "its own drivers", "ptx", "compute capabilities"]
    toolkits = list(reversed(matrix.toolkits))
    rows = [
        [t.version, t.minimum_driver, ", ".join(f"{k}: {v}" for k, v in t.drivers.items()), t.ptx or "", " ".join(t.capabilities)]
        for t in toolkits
    ]
    return columns, rows, [t.version for t in toolkits], [[s for cell in t.evidence.values() for s in cell] for t in toolkits]


def _gpus(matrix: Matrix) -> Section:
    columns = ["name", "capability", "architecture", "family", "also known as"]
    rows = [[g.name, g.capability, g.architecture, g.family, ", ".join(g.aliases)] for g in matrix.gpus]
    return columns, rows, [g.capability for g in matrix.gpus], [[s for cell in g.evidence.values() for s in cell] for g in matrix.gpus]


def _images(matrix: Matrix) -> Section:
    from tfcompat.images import find_image

    columns = ["image", "known by", "python", "libc", "tensorflow", "cuda", "cudnn"]
    references = [f"tensorflow/tensorflow:{tag}" for tag in matrix.official_tags]
    references += [f"nvcr.io/nvidia/tensorflow:{i.tag}" for i in matrix.ngc_images]
    references += [f"nvidia/cuda:{i.tag}" for i in matrix.cuda_images if i.available != "delisted"]
    references += [f"python:{i.tag}" for i in matrix.python_images if i.maintained]
    references += [d.image for d in matrix.distributions]
    images = [find_image(matrix, reference) for reference in references]
    rows = [[i.reference, i.status, *(str(v) if v else "" for v in (i.python, i.libc, i.tensorflow, i.cuda, i.cudnn))] for i in images]
    return columns, rows, [str(i.tensorflow or i.cuda or i.python or "") for i in images], [list(i.evidence) for i in images]


_SECTIONS: dict[str, Callable[[Matrix], Section]] = {
    "tensorflow": _tensorflow, "keras": _keras, "pins": _pins, "cuda": _cuda, "gpus": _gpus, "images": _images,
}  # fmt: skip


def _span(python: tuple[str, ...]) -> str:
    return python[0] if len(python) == 1 else f"{python[0]} to {python[-1]}"


def _in(versions: str, text: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(versions).contains(text)
