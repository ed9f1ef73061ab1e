"""The last link: computations on the device that was promised, compared with the same in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.check.tensorflow import died, reached
from tfcompat.facts import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.check.observed import Observed
    from tfcompat.facts import Step, Tensorflow

__all__ = ["look_at_smoke", "passed", "seconds"]

REQUIRED = ("matmul", "elementwise", "reduction", "convolution", "training")  # in float32
_SLOW = 5.0  # seconds that a first run takes longer than the second: a library is loaded in less
_MILLISECONDS = 1e-3
_SHOWN = 0.1


def passed(seen: Observed) -> bool:
    """Whether every step ran on the device that was promised. On a CPU this cannot be so when a GPU was."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable) or tried.ended.how != "done" or tried.error is not None:
        return False
    return not _missing(seen, tried.smoke) and all(_fine(step, seen.gpu) for step in tried.smoke)


def look_at_smoke(seen: Observed) -> Link:
    """What was computed, how fast, and what failed."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable) or not reached(tried, "smoke test"):
        return Link("smoke test", {}, skipped="TensorFlow did not get so far")
    several = len({step.device for step in tried.smoke}) > 1
    counted = [step for step in tried.smoke if step.outcome == "ok" and step.dtype in ("", "float32")]
    shown = {f"{step.step} on {step.device}" if several else step.step: _times(step) for step in counted}
    return Link("smoke test", shown, tuple(_diagnoses(seen, tried)))


def _diagnoses(seen: Observed, tried: Tensorflow) -> Iterator[Diagnosis]:
    failed = [step for step in tried.smoke if not _fine(step, seen.gpu)]
    for step in failed:
        yield _failure(step, seen.gpu)
    if (failure := died(seen.facts, tried)) is not None and tried.version is not None:
        yield failure
    elif tried.error is not None and not failed:
        yield diagnose("smoke-failed", step=tried.stage, device="this machine", why=f"{tried.error.type}: {tried.error.message}")
    elif not tried.smoke:
        if seen.facts.asked.smoke:
            yield diagnose("smoke-not-run", why="TensorFlow did not get so far", advice="")
        else:
            yield diagnose("smoke-not-run", why="--no-smoke was given", advice="run it without --no-smoke")
    elif not failed and (missing := _missing(seen, tried.smoke)):
        yield diagnose("smoke-incomplete", steps=", ".join(missing))
    yield from _remarks(tried.smoke)


def _missing(seen: Observed, steps: Sequence[Step]) -> list[str]:
    """The steps that must be there and are not, on any device that was tried."""
    devices = {step.device for step in steps} or {""}
    have = {(step.device, step.step) for step in steps if step.dtype == "float32"}
    return [name for name in REQUIRED if any((device, name) not in have for device in devices)]


def _fine(step: Step, gpu: bool) -> bool:
    """A step counts when its result lies where it was promised; one that this TensorFlow has no kernel for does not count at all."""
    if step.outcome == "skipped":
        return step.dtype not in ("", "float32")
    kind = "GPU" if gpu else "CPU"
    near = step.error is not None and step.error <= step.tolerance
    return step.outcome == "ok" and near and f"device:{kind}:" in step.placed.upper().replace("DEVICE", "device")


def _failure(step: Step, gpu: bool) -> Diagnosis:
    if step.outcome == "ok" and gpu and ":CPU:" in step.placed.upper():
        return diagnose("smoke-on-cpu")
    why = step.message.partition("\n")[0] or f"its result is on {step.placed or 'no device'}, with an error of {step.error}"
    if step.step == "device":
        return diagnose("smoke-failed", step="the smoke test", device=step.device, why=why)
    return diagnose(
        "smoke-failed", step=step.step + (f" ({step.dtype})" if step.dtype not in ("", "float32") else ""), device=step.device, why=why
    )


def _remarks(steps: Sequence[Step]) -> Iterator[Diagnosis]:
    for step in steps:
        if step.outcome == "ok" and step.again and step.seconds - step.again > _SLOW:
            yield diagnose("slow-start", step=step.step, first=seconds(step.seconds), again=seconds(step.again))
    if any(step.soft_placement for step in steps):
        yield diagnose("soft-placement")


def _times(step: Step) -> str:
    if step.runs:
        return f"{step.runs} times in {seconds(step.seconds)}"
    return f"{seconds(step.again)}" if step.again else seconds(step.seconds)


def seconds(value: float) -> str:
    """A time as people read it: ``<0.1 ms``, ``0.4 ms``, ``12 ms``, ``3.1 s``."""
    if value >= 1:
        return f"{value:.1f} s"
    thousandths = value / _MILLISECONDS
    if thousandths < _SHOWN:
        return f"<{_SHOWN} ms"
    return f"{thousandths:.0f} ms" if thousandths >= 2 else f"{thousandths:.1f} ms"
