"""What a person said the environment must be: ``--expect-tensorflow 2.15`` and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.observed import version_of
from tfcompat.facts import Unavailable, known
from tfcompat.matrix.gpus import GpuTarget, find_gpu
from tfcompat.versions import parse_specifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from tfcompat.check.observed import Observed
    from tfcompat.matrix import Matrix

__all__ = ["LINKS_BY_NAME", "Expectation", "option_of", "parse_expectations", "unmet"]

LINKS_BY_NAME: Mapping[str, str] = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "python": "tensorflow",
    "cuda": "runtime",
    "cudnn": "libraries",
    "driver": "driver",
    "gpu": "driver",
}


class Expectation(NamedTuple):
    """One wish: a range of versions, or the GPU that every visible one has to be."""

    name: str
    text: str
    allowed: SpecifierSet | GpuTarget


def option_of(name: str) -> str:
    """The option that says it; ``--expect gpu`` is another thing."""
    return "--expect-gpu-model" if name == "gpu" else f"--expect-{name}"


def parse_expectations(texts: Mapping[str, str], matrix: Matrix) -> tuple[Expectation, ...]:
    """What *texts* say by name. Raises :class:`RequestError` for one that cannot be read."""
    return tuple(
        Expectation(name, text, find_gpu(matrix, text, option_of(name)) if name == "gpu" else parse_specifier(text, option_of(name)))
        for name, text in texts.items()
    )


def unmet(seen: Observed, expectations: Iterable[Expectation]) -> Iterator[tuple[str, Diagnosis]]:
    """Each wish that the environment does not meet, with its link."""
    for wish in expectations:
        if isinstance(wish.allowed, GpuTarget):
            diagnosis = _gpu(seen, wish.text, wish.allowed)
        else:
            diagnosis = _version(wish.name, wish.text, wish.allowed, _found(seen, wish.name))
        if diagnosis is not None:
            yield LINKS_BY_NAME[wish.name], diagnosis


def _version(name: str, wanted: str, allowed: SpecifierSet, found: Version | None) -> Diagnosis | None:
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


def _gpu(seen: Observed, wanted: str, target: GpuTarget) -> Diagnosis | None:
    if not seen.gpus:
        return diagnose("expectation-unknown", name="gpu", wanted=wanted)
    others = [
        gpu
        for gpu in seen.gpus
        if gpu.capability != target.capability or (gpu.name != target.name and target.name != str(target.capability))
    ]
    return diagnose("not-as-expected", name="gpu", wanted=target, found=", ".join(map(str, others))) if others else None
