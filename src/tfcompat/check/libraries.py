"""The second and third link: the CUDA runtime, and the libraries beside it, opened as TensorFlow opens them."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from packaging.version import Version

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.facts import Unavailable, known, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.check.observed import Observed
    from tfcompat.facts import Library

__all__ = ["look_at_libraries", "look_at_runtime"]

RUNTIME = "libcudart"
_SHOWN = {"libcudnn": "cuDNN", "libcublas": "cuBLAS", "libcufft": "cuFFT", "libcusolver": "cuSOLVER", "libcusparse": "cuSPARSE"}
LIBRARY_PATH = (
    """find "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nvidia" -maxdepth 2 -name lib -type d """
    "> /etc/ld.so.conf.d/nvidia-pip.conf && ldconfig"
)
_EXTRA_SINCE = Version("2.14")


def look_at_runtime(seen: Observed) -> Link:
    """libcudart, which TensorFlow opens first."""
    rows = _rows(seen)
    if isinstance(rows, Link):
        return rows._replace(name="runtime")
    rows = [row for row in rows if row.soname.startswith(RUNTIME + ".")]
    shown = {"CUDA": str(seen.cuda)} if seen.cuda else {}
    return Link("runtime", shown, tuple(_diagnoses(seen, rows)))


def look_at_libraries(seen: Observed) -> Link:
    """cuDNN, cuBLAS and the rest, without any of which no GPU is registered."""
    rows = _rows(seen)
    if isinstance(rows, Link):
        return rows._replace(name="libraries")
    rows = [row for row in rows if not row.soname.startswith(RUNTIME + ".")]
    shown = {label: version for row in rows if (label := _SHOWN.get(row.soname.partition(".")[0])) and (version := known(row.version))}
    return Link("libraries", dict(sorted(shown.items(), key=lambda item: item[0] != "cuDNN")), tuple(_diagnoses(seen, rows)))


def _rows(seen: Observed) -> Sequence[Library] | Link:
    """The libraries that were tried, or the link that says why none was."""
    if not seen.gpu:
        return Link("", {}, skipped="no GPU is expected")
    build = seen.build
    if build is not None and build.kind == "cpu":
        return Link("", {}, skipped="this TensorFlow is a CPU build, which opens no CUDA library")
    if isinstance(seen.facts.libraries, Unavailable):
        if seen.installed is None:
            return Link("", {}, skipped="without TensorFlow it is not known which CUDA is wanted")
        return Link("", {}, (diagnose("libraries-unknown", why=why(seen.facts.libraries).replace("not tried: ", "")),))
    return seen.facts.libraries


def _diagnoses(seen: Observed, rows: Sequence[Library]) -> Iterator[Diagnosis]:
    for row in rows:
        if not row.needed:
            continue
        if row.unavailable:
            yield _unopened(seen, row)
        elif known(row.version) is None and row.soname.startswith((RUNTIME, "libcudnn")):
            yield diagnose("library-version-unknown", soname=row.soname, why=why(row.version) or "the probe did not ask")


def _unopened(seen: Observed, row: Library) -> Diagnosis:
    advice = _advice(seen, row)
    if "cannot open shared object file" not in row.unavailable or not row.unavailable.startswith(row.soname + ":"):
        return diagnose("library-broken", soname=row.soname, why=row.unavailable, advice=advice)
    if row.elsewhere:
        return diagnose("library-not-on-path", soname=row.soname, where=row.elsewhere[0], advice=_path_advice(row))
    if row.others:
        others = ", ".join(f"{o.soname} ({known(o.version) or 'of unknown version'})" for o in row.others)
        return diagnose("library-other-version", soname=row.soname, others=others, advice=advice)
    return diagnose("library-missing", soname=row.soname, advice=advice)


def _path_advice(row: Library) -> str:
    folder = row.elsewhere[0].rpartition("/")[0]
    if "/nvidia/" in folder:
        return LIBRARY_PATH
    return f"echo {quote(folder)} > /etc/ld.so.conf.d/cuda.conf && ldconfig"


def _advice(seen: Observed, row: Library) -> str:
    """How to get the library: the extra of this very release where it has one, else an image that carries it."""
    release = seen.tensorflow.release if seen.tensorflow else None
    if release is None:
        return "tfcompat resolve --gpu names an image that carries it"
    version = Version(release.version)
    if version >= _EXTRA_SINCE and seen.platform == "linux/amd64" and release.package != "nvidia":
        return f"pip install 'tensorflow[and-cuda]=={version.public}'"
    return f"tfcompat resolve --tensorflow {version.public} --gpu names an image that carries it"
