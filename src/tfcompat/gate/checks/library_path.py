"""library-path-missing: releases whose own search path leaves out folders of the nvidia packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.judge import finding
from tfcompat.prose import LIBRARY_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding, Level
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["find"]

_NOTES = ("pip-cuda-libraries-not-found", "runpath-lacks-nvidia-folders")


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """Unless the loader is told, or the image brings the libraries of that major as well."""
    tensorflow = subject.tensorflow
    pip = next((s for s in subject.sources if s.kind == "pip"), None)
    if tensorflow is None or pip is None or tensorflow.build is None or _told(subject):
        return
    others = [s for s in subject.sources if s.kind != "pip" and s.cuda is not None]
    if any(pip.cuda is not None and s.cuda is not None and s.cuda.major == pip.cuda.major for s in others):
        return
    for key in _NOTES:
        note = matrix.notes_of(tensorflow.release, key)
        if note is not None:
            several = "NCCL" in note.fact  # one GPU works without
            level: Level = "info" if several else "error" if subject.stage.base is not None else "warning"
            evidence = tuple(s for cell in note.evidence.values() for s in cell)
            yield finding(
                subject, "library-path-missing", level, pip.place, f"{tensorflow}: {note.fact.rstrip('.')}", evidence=evidence,
                remedy=f"add after the install: RUN {LIBRARY_PATH}",
            )  # fmt: skip
            return


def _told(subject: Subject) -> bool:
    """Whether the build names these folders to the loader; a command that cannot be read may do so."""
    stage = subject.stage
    if "nvidia" in (stage.variables.get("LD_LIBRARY_PATH") or ""):
        return True
    if "LD_LIBRARY_PATH" in stage.variables and stage.variables["LD_LIBRARY_PATH"] is None:
        return True
    return any("nvidia" in one.text or not one.text for one in stage.libraries)
