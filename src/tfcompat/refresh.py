"""Rebuilds ``data/measured/`` from the package index, and shows what would change.

It measures everything first and writes last: without ``--write``, on any error and on
shrinkage nothing in the folder changes. What each wheel said is cached by digest, so an
interrupted run resumes where it stopped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from tfcompat.errors import CouldNotCheck, MatrixError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tfcompat.pypi.index import Index

__all__ = ["Change", "measure", "open_session", "plan_changes", "refresh_with_progress", "write_files"]

Rows = list[dict[str, Any]]

# distributions whose wheels are opened, and the first version that the matrix covers
WHEELS = {
    "tensorflow": "1.15",
    "tensorflow-cpu": "1.15",
    "tensorflow-gpu": "1.15",
    "tensorflow-cpu-aws": "2.9",
    "tensorflow-intel": "2.9",
    "tensorflow-macos": "2.9",
    "keras": "2.4",
    "tf-keras": "2.14",
    "cuda-toolkit": "12.0",
}

# what people install beside TensorFlow and that requires one of its releases: a line with one of these can replace it
DEPENDENTS = {
    "keras-hub": "0.16", "tensorflow-addons": "0.6", "tensorflow-decision-forests": "0.1", "tensorflow-hub": "0.7",
    "tensorflow-probability": "0.8", "tensorflow-serving-api": "1.15", "tensorflow-text": "1.15", "tf-models-official": "2.0",
}  # fmt: skip
# what people install beside TensorFlow, and that requires NumPy and nothing of TensorFlow: a line with one of these can replace the NumPy
NEIGHBOURS = {
    "matplotlib": "3.1", "numba": "0.47", "opencv-python": "4.2", "opencv-python-headless": "4.2", "pandas": "1.0",
    "scikit-image": "0.16", "scikit-learn": "0.22", "seaborn": "0.9", "statsmodels": "0.11", "xarray": "0.15",
}  # fmt: skip
# the requirements of theirs that are kept: on TensorFlow by any name, on what breaks beside it, and on each other
JUDGED = frozenset({*WHEELS, *DEPENDENTS, *NEIGHBOURS, "tf-nightly", "numpy", "protobuf", "scipy"}) - {"cuda-toolkit"}

# all direct dependencies of the above, for exact pins: which releases the index has and what these require; the dependents, the neighbours
PACKAGES = {
    "absl-py": "0.7", "astor": "0.6", "astunparse": "1.6", "dm-tree": "0.1", "flatbuffers": "1.12", "gast": "0.2.2",
    "google-pasta": "0.1.6", "grpcio": "1.24.3", "h5py": "2.9", "keras-applications": "1.0.8",
    "keras-preprocessing": "1.0.5", "libclang": "9.0.1", "ml-dtypes": "0.1", "namex": "0.0.1", "numpy": "1.16",
    "opt-einsum": "2.3.2", "optree": "0.9", "packaging": "20.0", "protobuf": "3.6.1", "pyyaml": "5.1",
    "requests": "2.21", "rich": "12", "scipy": "1.4.1", "setuptools": "50", "six": "1.12", "tensorboard": "1.15",
    "tensorflow-estimator": "1.15", "tensorflow-io-gcs-filesystem": "0.21", "termcolor": "1.1",
    "typing-extensions": "3.7.4", "wheel": "0.33", "wrapt": "1.11.1",
    "nvidia-cudnn-cu11": "8.5", "nvidia-cudnn-cu12": "8.9", "nvidia-nccl-cu11": "2.14", "nvidia-nccl-cu12": "2.16",
    "nvidia-cublas-cu11": "11", "nvidia-cuda-cupti-cu11": "11", "nvidia-cuda-nvcc-cu11": "11",
    "nvidia-cuda-runtime-cu11": "11", "nvidia-cufft-cu11": "10", "nvidia-curand-cu11": "10",
    "nvidia-cusolver-cu11": "11", "nvidia-cusparse-cu11": "11",
    "nvidia-cublas-cu12": "12", "nvidia-cuda-cupti-cu12": "12", "nvidia-cuda-nvcc-cu12": "12",
    "nvidia-cuda-nvrtc-cu12": "12", "nvidia-cuda-runtime-cu12": "12", "nvidia-cufft-cu12": "11",
    "nvidia-curand-cu12": "10", "nvidia-cusolver-cu12": "11", "nvidia-cusparse-cu12": "12",
    "nvidia-nvjitlink-cu12": "12", "tensorrt": "8", "tensorrt-bindings": "8", "tensorrt-libs": "8",
    **DEPENDENTS, **NEIGHBOURS,
}  # fmt: skip
# of these only the names on the index are read: numpy requires nothing, and the CUDA parts come from the and-cuda extra
_REQUIRE_NOTHING = ("numpy", "nvidia-", "tensorrt")


@dataclass(frozen=True)
class Change:
    """One difference between the folder and the index: a version that appeared, vanished or changed."""

    project: str
    version: str
    kind: str  # added, removed, changed
    detail: str = ""

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        return f"{sign} {self.project} {self.version}{': ' + self.detail if self.detail else ''}"


def measure(
    index: Index,
    session: Any,
    cache: Path,
    progress: Callable[[str, int], None],
    wheels: Mapping[str, str] = WHEELS,
    packages: Mapping[str, str] = PACKAGES,
) -> dict[str, Rows]:
    """All rows, by file name below ``data/measured``. *progress* gets a project's name and a step of 1."""
    from tfcompat.pypi.measure import measure_dependent, measure_package, measure_project, measure_requiring_package

    files: dict[str, Rows] = {}
    for project, floor in wheels.items():
        rows = measure_project(index, session, project, Version(floor), cache, partial(progress, project, 1))
        _expect_shape(project, rows)
        files[f"wheels/{project}.json"] = rows
    for project, floor in packages.items():
        folder = "dependents" if project in DEPENDENTS else "neighbours" if project in NEIGHBOURS else "index"
        if folder != "index":
            rows = measure_dependent(index, session, project, Version(floor), cache, JUDGED)
        elif project.startswith(_REQUIRE_NOTHING):
            rows = measure_package(index, project, Version(floor))
        else:
            rows = measure_requiring_package(index, session, project, Version(floor), cache)
        progress(project, 1)
        files[f"{folder}/{project}.jsonl"] = rows
    return files


def _expect_shape(project: str, rows: Rows) -> None:
    """Refuse rows that cannot be right, rather than write what a changed index or wheel layout produced."""
    if not rows:
        raise MatrixError(f"the index has no final release of {project}", "check the index URL")
    for row in rows:
        for platform, build in row["builds"].items():
            where = f"{project} {row['version']} {platform}"
            if not build["python"]:
                raise MatrixError(f"{where}: no interpreter could be read from the wheel tags")
            if build["kind"] == "pure" and project.startswith("tensorflow"):
                raise MatrixError(f"{where}: neither build_info nor a delegate in the wheel", "extend pypi/wheel.py")
            if build["kind"] == "cuda" and platform.startswith("linux") and "cuda" not in build:
                raise MatrixError(f"{where}: a CUDA build whose build_info names no CUDA version", "extend pypi/measure.py")


def plan_changes(folder: Path, files: Mapping[str, Rows]) -> list[Change]:
    """What writing *files* to *folder* would change, by project and version."""
    changes: list[Change] = []
    for name, rows in files.items():
        project = name.rpartition("/")[2].partition(".json")[0]
        old = {_key(row): row for row in _load_rows(folder / name)}
        new = {_key(row): row for row in rows}
        changes += [Change(project, v, "removed") for v in old if v not in new]
        for v, row in new.items():
            if v not in old:
                changes.append(Change(project, v, "added"))
            elif gone := sorted(old[v].get("builds", {}).keys() - row.get("builds", {}).keys()):
                changes.append(Change(project, v, "removed", f"its wheels for {', '.join(gone)}"))
            elif old[v] != row:
                changes.append(Change(project, v, "changed", "; ".join(_differences(old[v], row))[:300]))
    return changes


def _key(row: Mapping[str, Any]) -> str:
    """What names a row: the version of a release, the tag of an image."""
    return str(row["version"] if "version" in row else row["tag"])


def _differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{path}/{key}" if path else key)
    elif old != new:
        yield f"{path} {json.dumps(old)} -> {json.dumps(new)}"


def _load_rows(path: Path) -> Rows:
    try:
        text = path.read_text(encoding="utf-8")
        loaded = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
        if not isinstance(loaded, list) or not all(isinstance(row, dict) and ("version" in row or "tag" in row) for row in loaded):
            raise ValueError("not a list of rows with a version or a tag")
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise MatrixError(f"{path} cannot be read: {error}", "restore it from version control") from None
    return loaded


def write_files(
    folder: Path, files: Mapping[str, Rows], changes: list[Change], stamp: Mapping[str, str] | None, allow_shrink: bool = False
) -> None:
    """Write every file aside, then rename them all; *stamp* holds the dates (ISO), None leaves those that are there.

    Refuses to drop a version unless *allow_shrink*.
    """
    removed = [c for c in changes if c.kind == "removed"]
    if removed and not allow_shrink:
        raise MatrixError(
            f"what was asked no longer has {len(removed)} rows that {folder} has: {', '.join(map(str, removed[:5]))}",
            "releases and tags rarely vanish: check what was asked, then repeat with --allow-shrink",
        )
    aside: list[tuple[Path, Path]] = []
    stamps = {"stamp.json": dict(stamp)} if stamp else {}
    try:
        for name, rows in {**files, **stamps}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.append((path.with_suffix(path.suffix + ".part"), path))
            aside[-1][0].write_text(_dump(rows, lines=path.suffix == ".jsonl"), encoding="utf-8")
        for part, path in aside:
            part.replace(path)
    except OSError as error:
        raise MatrixError(f"{folder} cannot be written: {error}", "check the folder; 'git checkout' restores it") from None
    finally:
        for part, _ in aside:
            part.unlink(missing_ok=True)


def _dump(rows: Any, lines: bool) -> str:
    if lines:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def open_session(index_url: str | None, cache: Path | None) -> tuple[Index, Any, Path, str]:
    """The index, the HTTP session, the cache folder and today's date (ISO). Raises :class:`RequestError` for a plain installation."""
    import datetime
    from pathlib import Path

    from tfcompat.pypi.index import DEFAULT_INDEX, open_index

    try:
        import remotezip  # noqa: F401
    except ImportError:
        raise RequestError("refresh needs the package remotezip", "pip install 'tfcompat[refresh]'") from None
    folder = cache or Path(_user_cache())
    index, session = open_index(folder, index_url or DEFAULT_INDEX)
    return index, session, folder, datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def _user_cache() -> str:
    try:
        from platformdirs import user_cache_dir
    except ImportError:
        raise CouldNotCheck("refreshing the matrix needs platformdirs", "pip install 'tfcompat[refresh]'") from None
    return user_cache_dir("tfcompat")


def refresh_with_progress(
    index: Index, session: Any, cache: Path, wheels: Mapping[str, str], packages: Mapping[str, str]
) -> dict[str, Rows]:
    """:func:`measure` with a progress bar on standard error; without a terminal it keeps quiet."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks = {name: progress.add_task(name, total=None) for name in wheels}
        rest = progress.add_task("names on the index", total=len(packages))

        def advance(project: str, step: int) -> None:
            progress.advance(tasks.get(project, rest), step)

        return measure(index, session, cache, advance, wheels, packages)
