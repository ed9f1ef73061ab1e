"""The second and third link: the CUDA runtime, and the libraries beside it, opened as TensorFlow opens them."""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING

from packaging.version import Version

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.facts import Unavailable, known, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.check.observed import Observed
    from tfcompat.facts import Distribution, Library, Truncated

__all__ = ["look_at_libraries", "look_at_runtime"]

RUNTIME = "libcudart"
_SHOWN = {"libcudnn": "cuDNN", "libcublas": "cuBLAS", "libcufft": "cuFFT", "libcusolver": "cuSOLVER", "libcusparse": "cuSPARSE"}
LIBRARY_PATH = (
    """find "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nvidia" -maxdepth 2 -name lib -type d """
    "> /etc/ld.so.conf.d/nvidia-pip.conf && ldconfig"
)
LIBRARY_PATH_VARIABLE = (
    """export LD_LIBRARY_PATH="$(python -c 'import glob, sysconfig; """
    """print(":".join(glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib")))')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\""""
)
_NOT_ASKED = ("no process could be started", "not tried: ")  # by the probe
_PARTS = {  # the names of NVIDIA's wheels
    "libcudart": "cuda-runtime", "libcublas": "cublas", "libcublasLt": "cublas", "libcufft": "cufft", "libcurand": "curand",
    "libcusolver": "cusolver", "libcusparse": "cusparse", "libcudnn": "cudnn",
}  # fmt: skip
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
        reason = why(seen.facts.libraries).replace("not tried: ", "")
        if not seen.facts.asked.gpu:
            reason = "the probe was not told that a GPU is expected"
        return Link("", {}, (diagnose("libraries-unknown", why=reason),))
    return seen.facts.libraries


def _diagnoses(seen: Observed, rows: Sequence[Library]) -> Iterator[Diagnosis]:
    """One diagnosis for all libraries that fail alike and are mended alike."""
    missing: dict[str, list[Library]] = {}
    for row in rows:
        if not row.needed:
            continue
        if row.unavailable and _nowhere(row):
            missing.setdefault(_advice(seen, row), []).append(row)
        elif row.unavailable:
            yield _unopened(seen, row)
        elif known(row.version) is None and row.soname.startswith((RUNTIME, "libcudnn")):
            yield diagnose("library-version-unknown", soname=row.soname, why=why(row.version) or "the probe did not ask")
        parts = [(part, reason) for part, reason in row.missing_parts.items() if "_adv" not in part]  # attention and recurrence alone
        for part, reason in parts[:1]:
            yield diagnose("library-incomplete", soname=row.soname, part=part, why=reason, advice=_advice(seen, row))
    for advice, group in missing.items():
        yield diagnose("library-missing", sonames=tuple(row.soname for row in group), advice=advice)


def _nowhere(row: Library) -> bool:
    absent = "cannot open shared object file" in row.unavailable and row.unavailable.startswith(row.soname + ":")
    return absent and not row.elsewhere and not row.others


def _unopened(seen: Observed, row: Library) -> Diagnosis:
    if row.unavailable.startswith(_NOT_ASKED):
        return diagnose("libraries-unknown", why=row.unavailable)
    cut = next((file for d in _installed(seen) for file in _truncated(d) if file.path.endswith("/" + row.soname)), None)
    if cut is not None:
        reason = f"{cut.path} has {cut.actual} bytes and should have {cut.recorded}"
        return diagnose("library-broken", soname=row.soname, why=reason, advice=_advice(seen, row))
    if "cannot open shared object file" not in row.unavailable or not row.unavailable.startswith(row.soname + ":"):
        return diagnose("library-broken", soname=row.soname, why=row.unavailable, advice=_advice(seen, row))
    if row.elsewhere:
        return diagnose("library-not-on-path", soname=row.soname, where=row.elsewhere[0], advice=_path_advice(seen, row))
    others = ", ".join(f"{o.soname} ({known(o.version) or 'of unknown version'})" for o in row.others)
    return diagnose("library-other-version", soname=row.soname, others=others, advice=_advice(seen, row))


def _installed(seen: Observed) -> Sequence[Distribution]:
    return getattr(seen.facts.distributions, "installed", ())


def _truncated(row: Distribution) -> Sequence[Truncated]:
    files = known(row.files)
    return files.truncated if files is not None else ()


def _path_advice(seen: Observed, row: Library) -> str:
    """How the loader comes to look there: for good where one may write to /etc, else for this process."""
    folder = row.elsewhere[0].rpartition("/")[0]
    wheels = "-packages/nvidia/" in folder
    container = known(seen.facts.container)
    if container is not None and container.user not in (0, -1):
        variable = f'export LD_LIBRARY_PATH={quote(folder)}"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"'
        return LIBRARY_PATH_VARIABLE if wheels else variable
    return LIBRARY_PATH if wheels else f"echo {quote(folder)} > /etc/ld.so.conf.d/cuda.conf && ldconfig"


def _advice(seen: Observed, row: Library) -> str:
    """How to get the library whole: the wheel that has it again, the extra of this release, or an image that carries it."""
    file, _, rest = row.unavailable.partition(": ")
    first = file.rpartition("/")[0]
    if rest and first and first in seen.facts.environment.get("LD_LIBRARY_PATH", "").split(":"):
        return f"mend the CUDA installation in {quote(first)}, or take that folder out of LD_LIBRARY_PATH"
    part = _PARTS.get(row.soname.partition(".so")[0])
    wheel = next((d for d in _installed(seen) if part and re.match(rf"nvidia-{part}-cu\d+$", d.name) and known(d.version)), None)
    if wheel is not None:
        return f"pip install --force-reinstall --no-deps {wheel.name}=={quote(str(wheel.version))}"
    release = seen.tensorflow.release if seen.tensorflow else None
    if release is None:
        return "take an image that carries it: tfcompat resolve --gpu"
    version = Version(release.version)
    if version >= _EXTRA_SINCE and seen.platform == "linux/amd64" and release.package != "nvidia":
        return f"pip install 'tensorflow[and-cuda]=={version.public}'"
    return f"take an image that carries it: tfcompat resolve --tensorflow {version.public} --gpu"
