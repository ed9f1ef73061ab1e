"""Pydantic's word on a matrix document: right types, unique, ordered, no empty ranges, evidence everywhere.

Used where a matrix is compiled, in the tests, and for every matrix that does not come with the
package. The bundled one is proven equal to its validated source by the drift test.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion
from pydantic import ConfigDict, TypeAdapter, ValidationError

from tfcompat.errors import MatrixError
from tfcompat.matrix import records as r
from tfcompat.matrix.compile import SCHEMA_VERSION, SKIPPABLE, STEPS, digest_of
from tfcompat.matrix.loads import WAYS, unpack_loads
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["validate_document"]

_STRICT = ConfigDict(extra="forbid", strict=False)
_PIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*==[0-9A-Za-z.!+]+")
_TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu")
PackageRow = tuple[str, str | None, list[str], list[str], int | None]
_KINDS = ("verified", "measured", "documented", "observed", "inferred")


@dataclass
class Absent:
    """A tag that people assume and that is not there."""

    tag: str
    verdict: str
    applies_to: Literal["version", "tag"]
    evidence: list[str]
    note: str | None = None


@dataclass
class Images:
    python: list[r.PythonImage]
    cuda: list[r.CudaImage]
    official_tags: list[r.OfficialTag]
    official_contents: list[r.OfficialContents]
    official_absent: list[Absent]
    ngc: list[r.NgcImage]


@dataclass
class PinSet:
    """A set of pins by their numbers in ``pin_lines``."""

    tensorflow: str
    python: str
    keras: Literal["keras", "tf-keras"]
    platform: str
    pins: list[int]
    runs: list[r.PinRun]
    __pydantic_config__ = _STRICT


@dataclass
class LoadsTable:
    """What came of loading models: rows of numbers of ``texts``, as :func:`tfcompat.matrix.loads.pack_loads` makes them."""

    texts: list[str]
    rows: list[list[int]]
    __pydantic_config__ = _STRICT


@dataclass
class Document:
    schema_version: int
    measured: str
    snapshots: dict[str, str]
    tensorflow: list[r.Release]
    keras: list[r.Release]
    requirement_sets: list[list[str]]
    nvidia_require_cuda: dict[str, str | None]
    backends: list[r.Backend]
    formats: list[r.Format]
    loads: LoadsTable
    notes: list[r.Note]
    caps: list[r.Cap]
    packages: dict[str, list[PackageRow]]
    dependents: dict[str, list[PackageRow]]
    neighbours: dict[str, list[PackageRow]]
    pin_lines: list[str]
    pin_sets: list[PinSet]
    toolkits: list[r.Toolkit]
    architectures: list[r.Architecture]
    cudnn: list[r.CudnnSupport]
    gpus: list[r.Gpu]
    ambiguous_gpus: list[r.Ambiguous]
    distributions: list[r.Distribution]
    floating: list[r.Floating]
    images: Images
    __pydantic_config__ = _STRICT


def validate_document(document: Mapping[str, Any], where: str) -> None:
    """Raise :class:`MatrixError` naming the first things that are wrong with *document*, read from *where*."""
    check_schema_version(document, where)
    try:
        # as JSON: there, strict means that lists may be tuples, and "no" is not a truth value
        typed = TypeAdapter(Document).validate_json(json.dumps(_with_requirements(document)), strict=True)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise MatrixError(
            f"{where} is not a matrix: its releases are malformed ({error!r})", "compile it anew with 'tfcompat matrix compile'"
        ) from None
    except ValidationError as error:
        first = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)[:3]]
        raise MatrixError(f"{where} is not a matrix: {'; '.join(first)}", "compile it anew with 'tfcompat matrix compile'") from None
    try:
        broken = list(_broken_invariants(typed))
    except (InvalidVersion, InvalidSpecifier, InvalidRequirement) as error:
        raise MatrixError(f"{where} is not a matrix: {str(error).splitlines()[0]}", "correct the rows in data/ and compile anew") from None
    if broken:
        raise MatrixError(f"{where} breaks {len(broken)} invariants: {'; '.join(broken[:5])}", "correct the rows in data/ and compile anew")


def _with_requirements(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with each build's requirement lists in place of their numbers in the shared table."""
    sets = document["requirement_sets"]

    def lines(index: Any) -> Any:
        if type(index) is not int or index < 0:
            raise IndexError(f"{index!r} is no number of a requirement set")
        return sets[index]

    expanded = dict(document)
    for section in ("tensorflow", "keras"):
        expanded[section] = [
            {
                **row,
                "builds": {
                    platform: {
                        **build,
                        "requires": lines(build["requires"]),
                        "extras": {name: lines(index) for name, index in build["extras"].items()},
                    }
                    for platform, build in row["builds"].items()
                },
            }
            for row in document[section]
        ]
    return expanded


def check_schema_version(document: Mapping[str, Any], where: str) -> None:
    """Refuse a document of another schema: a newer one may mean something else by the same words."""
    found = document.get("schema_version")
    if found != SCHEMA_VERSION:
        newer = isinstance(found, int) and found > SCHEMA_VERSION
        hint = "upgrade tfcompat" if newer else "compile it with this tfcompat"
        raise MatrixError(f"{where} has schema_version {found!r}; this tfcompat reads {SCHEMA_VERSION}", hint)


def _broken_invariants(document: Document) -> Iterator[str]:
    for lines in document.requirement_sets:
        for line in lines:
            try:
                Requirement(line)
            except InvalidRequirement:
                yield f"requirement {line!r} cannot be read"
    for ranged in (document.backends, document.formats, document.notes, document.caps, document.cudnn):
        for bounded in ranged:
            SpecifierSet(bounded.versions)
    yield from _loads(document.loads)
    yield from _pins(document)
    yield from _releases(document.tensorflow)
    yield from _releases(document.keras)
    yield from _unique("gpu", (_plain(n) for g in document.gpus for n in {g.name, *g.aliases}))
    yield from _unique("toolkit", (t.version for t in document.toolkits))
    yield from _ordered("toolkit", [t.version for t in document.toolkits])
    for name, images in vars(document.images).items():
        if name != "official_contents":
            yield from _unique(f"image {name}", (i.tag for i in images))
    yield from _unique("contents", (f"{c.tensorflow} {c.accelerator}" for c in document.images.official_contents))
    yield from _package_rows("package", document.packages, len(document.requirement_sets))
    yield from _package_rows("dependent", document.dependents, len(document.requirement_sets))
    yield from _package_rows("neighbour", document.neighbours, len(document.requirement_sets))
    groups: list[Iterable[Any]] = [
        document.backends, document.formats, document.notes, document.caps, document.toolkits, document.architectures,
        document.cudnn, document.gpus, document.ambiguous_gpus, document.distributions, document.floating,
        document.images.python, document.images.cuda, document.images.official_tags, document.images.official_contents,
        document.images.ngc,
    ]  # fmt: skip
    for group in groups:
        for row in group:
            yield from _evidenced(row, f"{type(row).__name__} {_label(row)}")


def _package_rows(what: str, packages: Mapping[str, list[PackageRow]], sets: int) -> Iterator[str]:
    for name, rows in packages.items():
        yield from _ordered(f"{what} {name}", [row[0] for row in rows])
        for row in rows:
            if row[4] is not None and not 0 <= row[4] < sets:
                yield f"{what} {name} {row[0]}: no such requirement set"


def _loads(table: LoadsTable) -> Iterator[str]:
    try:
        rows = list(unpack_loads({"texts": table.texts, "rows": table.rows}))
    except (IndexError, ValueError) as error:
        yield f"loads: a row is malformed ({error})"
        return
    for row in rows:
        where = f"loads {row.format} {row.kind}"
        for text in (row.written, row.read):
            SpecifierSet(text)
        if set(row.ways) - set(WAYS):
            yield f"{where}: {', '.join(sorted(set(row.ways) - set(WAYS)))} is no known way"
        yield from _evidenced(row, where)


def _pins(document: Document) -> Iterator[str]:
    for line in document.pin_lines:
        if not _PIN.fullmatch(line):  # it goes into files that pip and a shell read
            yield f"pin {line[:60]!r} is not NAME==VERSION"
    yield from _unique("pin set", (f"{s.tensorflow} {s.python} {s.keras}" for s in document.pin_sets))
    for found in document.pin_sets:
        where = f"pin set {found.tensorflow} {found.python} {found.keras}"
        version(found.tensorflow)
        version(found.python)
        if not re.fullmatch(r"3\.\d{1,2}", found.python):
            yield f"{where}: the interpreter is not a minor such as 3.11"
        if not found.pins or not all(0 <= index < len(document.pin_lines) for index in found.pins):
            yield f"{where}: no such pins"
            continue
        lines = [document.pin_lines[index] for index in found.pins]
        yield from _unique(where, (line.partition("==")[0] for line in lines))
        if any(line.partition("==")[0] in _TENSORFLOW for line in lines):
            yield f"{where}: TensorFlow is among its own neighbours"
        if not found.runs:
            yield f"{where}: never run"
        for run in found.runs:
            yield from _run(run, found.tensorflow, lines, where)


def _run(run: r.PinRun, tensorflow: str, lines: list[str], where: str) -> Iterator[str]:
    if run.distribution not in _TENSORFLOW or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", run.date):
        yield f"{where}: no distribution or no day"
    if not (run.python + run.machine).isprintable():
        yield f"{where}: characters that cannot be printed"
    if run.sha256 != digest_of([f"{run.distribution}=={tensorflow}", *lines]):
        yield f"{where}: the pins are not those that {run.distribution} was run with"
    if tuple(run.steps) != STEPS:
        yield f"{where}: not every step was run with {run.distribution}"
    if any(outcome != "ok" and not (step in SKIPPABLE and outcome.startswith("skipped: ")) for step, outcome in run.steps.items()):
        yield f"{where}: a step failed with {run.distribution}"


def _releases(rows: list[r.Release]) -> Iterator[str]:
    packages: dict[str, list[str]] = {}
    for row in rows:
        packages.setdefault(row.package, []).append(row.version)
        for platform, build in row.builds.items():
            where = f"{row.package} {row.version} {platform}"
            if not build.python:
                yield f"{where}: no interpreter"
            if build.kind == "stub" and not build.delegates_to:
                yield f"{where}: a stub that delegates to nothing"
            if build.kind == "cuda" and platform == "linux/amd64" and not (build.cuda and build.cudnn and build.compute_capabilities):
                yield f"{where}: a CUDA build without CUDA, cuDNN or compute capabilities"
            yield from _evidenced(build, where)
    for package, versions in packages.items():
        yield from _ordered(package, versions)


def _unique(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name} stands twice"
        seen.add(name)


def _ordered(what: str, versions: list[str]) -> Iterator[str]:
    parsed = [version(text) for text in versions]  # a single one must be a version as well
    for before, after in itertools.pairwise(zip(versions, parsed, strict=True)):
        if not before[1] < after[1]:
            yield f"{what}: {before[0]} stands before {after[0]}"


def _evidenced(row: Any, where: str) -> Iterator[str]:
    if not row.evidence or not all(row.evidence.values()):
        yield f"{where}: no evidence"
    for statements in row.evidence.values():
        for statement in statements:
            kind, colon, source = statement.partition(": ")
            if kind not in _KINDS or not colon or not source.strip():
                yield f"{where}: evidence {statement[:60]!r} is not 'KIND: SOURCE'"


def _plain(name: str) -> str:
    return name.lower().replace(" ", "").replace("-", "")


def _label(row: Any) -> str:
    return next((str(getattr(row, n)) for n in ("tag", "name", "image", "key", "version", "tensorflow", "versions") if hasattr(row, n)), "")
