"""Joins the files of ``data/`` into the one document that the package loads.

Measured cells come first; a curated cell may add what the wheel does not say, or say it more
precisely (``8`` to ``8.1``), and is refused when it contradicts the wheel. Both keep their evidence.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tfcompat.errors import MatrixError
from tfcompat.matrix.images import FILES, join_images
from tfcompat.matrix.loads import fold_loads, pack_loads
from tfcompat.versions import same_prefix, version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["SCHEMA_VERSION", "SKIPPABLE", "STEPS", "compile_matrix", "digest_of", "dump_document"]

Row = dict[str, Any]

SCHEMA_VERSION = 1
STEPS = ("install", "import", "matmul", "convolution", "fit", "h5", "keras", "savedmodel", "tensorboard", "pip-check")  # of a run of pins
SKIPPABLE = ("keras", "tensorboard")  # where the release has no such thing
_TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-cpu-aws", "tensorflow-intel", "tensorflow-macos")
_KERAS = ("keras", "tf-keras")


def compile_matrix(data: Path) -> Row:
    """The document made of *data*. Raises :class:`MatrixError` for a file that is missing, damaged or contradictory."""
    curated = _load(data / "curated/tensorflow.toml")
    documented = _load(data / "curated/tensorflow-docs.toml")
    cells = [*curated["release"], *documented["release"]]  # the first word on a cell counts
    tables = _Tables()
    tensorflow = [row for package in _TENSORFLOW for row in _releases(data, package, cells, tables)]
    keras = [row for package in _KERAS for row in _releases(data, package, [], tables)]
    packages = {path.stem: _package(path, tables) for path in sorted((data / "measured/index").glob("*.jsonl"))}
    dependents = {path.stem: _package(path, tables) for path in sorted((data / "measured/dependents").glob("*.jsonl"))}
    neighbours = {path.stem: _package(path, tables) for path in sorted((data / "measured/neighbours").glob("*.jsonl"))}
    requires = _load(data / "images/nvidia-cuda-require.json")
    pin_lines = _Tables()
    pin_sets = [_pin_set(path, pin_lines) for path in sorted((data / "pins").glob("*/*.json"))]
    document: Row = {
        "schema_version": SCHEMA_VERSION,
        "measured": _load(data / "measured/stamp.json")["measured"],
        "snapshots": {row["repository"]: row["as_of"] for row in _load(data / "images/snapshots.toml")["snapshot"]},
        "tensorflow": tensorflow,
        "keras": keras,
        "requirement_sets": list(tables.sets),
        "nvidia_require_cuda": {name: row["value"] for name, row in requires.items()},
        "backends": _rows(data, "curated/keras.toml", "backend"),
        "formats": _rows(data, "curated/keras.toml", "format"),
        "loads": _loads(data),
        "notes": _evidence_of_rows(curated.get("note", [])),
        "caps": _rows(data, "curated/caps.toml", "cap"),
        "packages": packages,
        "dependents": dependents,
        "neighbours": neighbours,
        "pin_lines": [line for (line,) in pin_lines.sets],
        "pin_sets": pin_sets,
        "toolkits": _toolkits(data),
        "architectures": _rows(data, "curated/cuda.toml", "architecture"),
        "cudnn": _rows(data, "curated/cuda.toml", "cudnn"),
        "gpus": _rows(data, "curated/gpus.toml", "gpu"),
        "ambiguous_gpus": _rows(data, "curated/gpus.toml", "ambiguous"),
        "distributions": _rows(data, "curated/distributions.toml", "distribution"),
        "floating": _rows(data, "curated/distributions.toml", "floating"),
        "images": _images(data),
    }
    stamp = data / "measured/images/stamp.json"
    if stamp.exists():  # only where registries could be asked: see 'tfcompat image refresh'
        dates = _load(stamp)
        join_images(document, {name: _load(stamp.with_name(FILES[name])) for name in dates}, dates)
    return document


def dump_document(document: Row) -> str:
    """The canonical text: same document, same bytes. One row a line keeps a diff readable."""
    compact = {"ensure_ascii": False, "separators": (",", ":")}
    sections = []
    for name, value in document.items():
        if isinstance(value, list):
            text = "[\n" + ",\n".join(json.dumps(row, **compact) for row in value) + "\n]"  # type: ignore[arg-type]
        elif isinstance(value, dict):
            inner = (f"{json.dumps(k)}:{json.dumps(v, **compact)}" for k, v in value.items())  # type: ignore[arg-type]
            text = "{\n" + ",\n".join(inner) + "\n}"
        else:
            text = json.dumps(value)
        sections.append(f"{json.dumps(name)}:{text}")
    return "{" + ",\n".join(sections) + "}\n"


def _load(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return tomllib.loads(text)
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines()]
        return json.loads(text)
    except FileNotFoundError:
        raise MatrixError(f"{path} is missing", "compile from a complete checkout of data/") from None
    except (OSError, ValueError) as error:
        raise MatrixError(f"{path} cannot be read: {error}", "restore it from version control") from None


def _images(data: Path) -> Row:
    return {
        "python": [_python_image(r) for r in _load(data / "images/python-slim.jsonl")],
        "cuda": [_cuda_image(r) for r in _load(data / "images/nvidia-cuda.jsonl")],
        "official_tags": [_official_tag(r) for r in _load(data / "images/tensorflow.jsonl")],
        "official_contents": _rows(data, "images/tensorflow-contents.toml", "contents"),
        "official_absent": _load(data / "images/tensorflow-absent.json"),
        "ngc": _rows(data, "images/ngc-tensorflow.toml", "image"),
    }


def _loads(data: Path) -> Row:
    folder = data / "measured/models"
    rows = [row for path in sorted(folder.glob("*.jsonl")) if path.stem != "readers" for row in _load(path)]
    # Weights alone are taken by a model that code makes; whether a lambda loads depends on the Python that wrote it, not on Keras.
    rows = [row for row in rows if row["format"] != ".weights.h5" and row["kind"] != "lambda"]
    return pack_loads(fold_loads(rows, _load(folder / "readers.jsonl"), "data/measured/models"))


def _rows(data: Path, name: str, table: str) -> list[Row]:
    return _evidence_of_rows(_load(data / name).get(table, []))


def _evidence_of_rows(rows: Iterable[Row]) -> list[Row]:
    """Evidence given as a plain list speaks for the whole row."""
    return [{**r, "evidence": {"*": r["evidence"]} if isinstance(r.get("evidence"), list) else r.get("evidence", {})} for r in rows]


# -- releases -----------------------------------------------------------------------------------


class _Tables:
    """Lists of lines, each kept once: most platforms of most patch releases share theirs."""

    def __init__(self) -> None:
        self.sets: dict[tuple[str, ...], int] = {}

    def index(self, lines: Iterable[str]) -> int:
        return self.sets.setdefault(tuple(lines), len(self.sets))


def _releases(data: Path, package: str, cells: list[Row], tables: _Tables) -> list[Row]:
    rows = []
    for row in _load(data / f"measured/wheels/{package}.json"):
        builds = {}
        for platform, build in row["builds"].items():
            curated = [
                c for c in cells if c["package"] == package and c["platform"] == platform and row["version"] in SpecifierSet(c["versions"])
            ]
            builds[platform] = _build(build, curated, f"{package} {row['version']} {platform}")
            builds[platform]["requires"] = tables.index(build["requires"])
            builds[platform]["extras"] = {name: tables.index(lines) for name, lines in build.get("extras", {}).items()}
        rows.append({"package": package, "version": row["version"], "released": row["released"], "yanked": row["yanked"], "builds": builds})
    return rows


def _build(build: Row, curated: list[Row], where: str) -> Row:
    wheel = f"measured: {build['wheel']} sha256:{build['sha256']}"
    kept = ("kind", "delegates_to", "python", "requires_python", "glibc", "cuda", "cudnn", "compute_capabilities")
    row = {key: build[key] for key in kept if key in build}
    row["evidence"] = {"*": [wheel]}
    for cell in curated:
        if cell.get("kind", row["kind"]) != row["kind"]:
            raise MatrixError(f"{where}: kind {cell['kind']} contradicts the measured {row['kind']}", "correct the curated cell")
    if row["kind"] == "cuda":
        cudnn = _cudnn_of_extra(build)
        if cudnn:
            _refine(row, "cudnn", cudnn, [f"{wheel} (and-cuda extra)"], where)
        for name in ("cuda", "cudnn", "compute_capabilities"):
            found = next((c for c in curated if name in c), None)
            if found is not None:
                _refine(row, name, found[name], found["evidence"][name], where)
    return row


def _cudnn_of_extra(build: Row) -> str | None:
    """The lowest cuDNN that the and-cuda extra admits: the one it was built and tested with."""
    for line in build.get("extras", {}).get("and-cuda", ()):
        requirement = Requirement(line)
        if requirement.name.startswith("nvidia-cudnn-"):
            return min((s.version for s in requirement.specifier if s.operator in ("==", ">=")), key=version, default=None)
    return None


def _refine(row: Row, name: str, value: Any, evidence: list[str], where: str) -> None:
    """Add a cell that is not there, or more digits to one that is; never another value."""
    known = row.get(name)
    if known is not None and isinstance(value, str) and same_prefix(version(known), version(value)):
        if len(version(value).release) > len(version(known).release):
            row[name] = value
            row["evidence"][name] = [*row["evidence"].get(name, row["evidence"]["*"]), *evidence]
    elif known is None:
        row[name] = value
        row["evidence"][name] = list(evidence)
    elif known != value:
        raise MatrixError(f"{where}: {name} {value} contradicts the measured {known}", f"correct the curated cell ({evidence[0]})")


def _package(path: Path, tables: _Tables) -> list[list[Any]]:
    """``[version, requires_python, [amd64 interpreters], [arm64 interpreters], requirement set or null]``, yanked ones left out."""
    return [
        [
            r["version"],
            r["requires_python"],
            r["python"].get("linux/amd64", []),
            r["python"].get("linux/arm64", []),
            tables.index(r["requires"]) if "requires" in r else None,
        ]
        for r in _load(path)
        if not r["yanked"]
    ]


def _pin_set(path: Path, lines: _Tables) -> Row:
    """A set that was run. Refused when its pins are not those of its runs, or a step failed."""
    row: Row = _load(path)
    if not isinstance(row, dict) or not isinstance(row.get("pins"), list) or not isinstance(row.get("runs"), list):
        raise MatrixError(f"{path} is not a record of pins", "restore it from version control")
    for run in row["runs"]:
        if not isinstance(run, dict) or not {"distribution", "sha256", "steps"} <= run.keys():
            raise MatrixError(f"{path} is not a record of pins", "restore it from version control")
        if digest_of([f"{run['distribution']}=={row['tensorflow']}", *row["pins"]]) != run["sha256"]:
            raise MatrixError(f"{path}: the pins are not those that {run['distribution']} was run with", "run them: nox -s verify")
        outcomes = {step: run["steps"].get(step, "not run") for step in STEPS}
        failed = [s for s, outcome in outcomes.items() if outcome != "ok" and not (s in SKIPPABLE and outcome.startswith("skipped: "))]
        if failed:
            raise MatrixError(
                f"{path}: {', '.join(failed)} did not pass with {run['distribution']}", "run them again: nox -s verify -- --again"
            )
    return {**row, "pins": [lines.index([line]) for line in row["pins"]]}


def digest_of(lines: Iterable[str]) -> str:
    """The sha256 of a requirements file with these lines."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


# -- CUDA ---------------------------------------------------------------------------------------


def _toolkits(data: Path) -> list[Row]:
    parts = _toolkit_parts(data)
    return [{**row, "parts": parts.get(row["version"], {})} for row in _rows(data, "curated/cuda.toml", "toolkit")]


def _toolkit_parts(data: Path) -> dict[str, dict[str, dict[str, str]]]:
    """By CUDA minor and update: distribution to specifier, from NVIDIA's own ``cuda-toolkit`` package."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in _load(data / "measured/wheels/cuda-toolkit.json"):
        release = version(row["version"]).release
        lines = row["builds"]["any"].get("extras", {}).get("all", [])
        parts = {r.name: str(r.specifier) for r in map(Requirement, lines)}
        if parts:
            found.setdefault(f"{release[0]}.{release[1]}", {})[row["version"]] = parts
    return found


# -- images -------------------------------------------------------------------------------------


def _keep(row: Row, *names: str) -> Row:
    kept = {name: row[name] for name in names if name in row}
    return _evidence_of_rows([{**kept, "evidence": row["evidence"]}])[0]


def _python_image(row: Row) -> Row:
    return _keep(row, "tag", "python", "suite", "maintained", "status", "last_listed", "platforms")


def _cuda_image(row: Row) -> Row:
    return _keep(row, "tag", "cuda", "cudnn", "flavor", "os", "require", "status", "available", "platforms")


def _official_tag(row: Row) -> Row:
    return _keep(row, "tag", "tensorflow", "variants", "rolling", "prerelease", "status", "digest")
