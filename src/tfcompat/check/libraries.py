"""The second and third link: the CUDA runtime, and the libraries beside it, opened as TensorFlow opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.check.remedies import library_remedy, path_remedy
from tfcompat.facts import Unavailable, known, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.check.observed import Observed
    from tfcompat.facts import Distribution, Library, Truncated

__all__ = ["look_at_libraries", "look_at_runtime"]

RUNTIME = "libcudart"
_SHOWN = {"libcudnn": "cuDNN", "libcublas": "cuBLAS", "libcufft": "cuFFT", "libcusolver": "cuSOLVER", "libcusparse": "cuSPARSE"}
_NOT_ASKED = ("no process could be started", "not tried: ")  # by the probe


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
            missing.setdefault(library_remedy(seen, row), []).append(row)
        elif row.unavailable:
            yield _unopened(seen, row)
        elif known(row.version) is None and row.soname.startswith((RUNTIME, "libcudnn")):
            yield diagnose("library-version-unknown", soname=row.soname, why=why(row.version) or "the probe did not ask")
        parts = [(part, reason) for part, reason in row.missing_parts.items() if "_adv" not in part]  # attention and recurrence alone
        for part, reason in parts[:1]:
            yield diagnose("library-incomplete", soname=row.soname, part=part, why=reason, advice=library_remedy(seen, row))
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
        return diagnose("library-broken", soname=row.soname, why=reason, advice=library_remedy(seen, row))
    if "cannot open shared object file" not in row.unavailable or not row.unavailable.startswith(row.soname + ":"):
        return diagnose("library-broken", soname=row.soname, why=row.unavailable, advice=library_remedy(seen, row))
    if row.elsewhere:
        return diagnose("library-not-on-path", soname=row.soname, where=row.elsewhere[0], advice=path_remedy(seen, row))
    others = ", ".join(f"{o.soname} ({known(o.version) or 'of unknown version'})" for o in row.others)
    return diagnose("library-other-version", soname=row.soname, others=others, advice=library_remedy(seen, row))


def _installed(seen: Observed) -> Sequence[Distribution]:
    return getattr(seen.facts.distributions, "installed", ())


def _truncated(row: Distribution) -> Sequence[Truncated]:
    files = known(row.files)
    return files.truncated if files is not None else ()
