"""What a person said the environment must be: ``--expect-tensorflow 2.15`` and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.observed import version_of
from tfcompat.facts import Unavailable, known
from tfcompat.matrix.gpus import find_gpu
from tfcompat.versions import parse_specifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.version import Version

    from tfcompat.check.observed import Observed
    from tfcompat.matrix import Matrix

__all__ = ["NAMES", "unmet"]

NAMES: Mapping[str, str] = {  # and the link that each belongs to
    "tensorflow": "tensorflow",
    "keras": "keras",
    "python": "tensorflow",
    "cuda": "runtime",
    "cudnn": "libraries",
    "driver": "driver",
    "gpu": "driver",
}


def unmet(seen: Observed, matrix: Matrix, wishes: Mapping[str, str]) -> Iterator[tuple[str, Diagnosis]]:
    """Each wish that the environment does not meet, with its link. Raises :class:`RequestError` for one that cannot be read."""
    for name, wanted in wishes.items():
        diagnosis = _gpu(seen, matrix, wanted) if name == "gpu" else _version(name, wanted, _found(seen, name))
        if diagnosis is not None:
            yield NAMES[name], diagnosis


def _version(name: str, wanted: str, found: Version | None) -> Diagnosis | None:
    allowed = parse_specifier(wanted, f"--expect-{name}")
    if found is None:
        return diagnose("expectation-unknown", name=name, wanted=wanted)
    return None if allowed.contains(found) else diagnose("not-as-expected", name=name, wanted=wanted, found=found)


def _found(seen: Observed, name: str) -> Version | None:
    if name == "tensorflow":
        return version_of(seen.tensorflow.release.version) if seen.tensorflow else None
    if name == "keras":
        tried = seen.facts.tensorflow
        keras = known(tried.keras) if not isinstance(tried, Unavailable) else None
        return version_of(keras.version) if keras else None
    return {"python": seen.python, "cuda": seen.cuda, "cudnn": seen.cudnn, "driver": seen.driver}[name]


def _gpu(seen: Observed, matrix: Matrix, wanted: str) -> Diagnosis | None:
    target = find_gpu(matrix, wanted)
    if not seen.gpus:
        return diagnose("expectation-unknown", name="gpu", wanted=wanted)
    others = [
        gpu
        for gpu in seen.gpus
        if gpu.capability != target.capability or (gpu.name != target.name and target.name != str(target.capability))
    ]
    return diagnose("not-as-expected", name="gpu", wanted=target, found=", ".join(map(str, others))) if others else None
