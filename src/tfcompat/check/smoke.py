"""The last link: computations on the device that was promised, compared with the same in NumPy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.check.tensorflow import died, reached
from tfcompat.facts import Unavailable, known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tfcompat.check.observed import Observed
    from tfcompat.facts import Step, Tensorflow
    from tfcompat.matrix.gpus import GpuTarget

__all__ = ["computed", "gpus_that_computed", "look_at_smoke", "passed", "seconds", "slow_start"]

REQUIRED = ("matmul", "elementwise", "reduction", "convolution", "training")  # in float32
_SLOW = 5.0  # seconds that a first run takes longer than the second: a library is loaded in less
_MILLISECONDS = 1e-3
_SHOWN = 0.1


def passed(seen: Observed) -> bool:
    """Whether every step ran on every device that was promised. On a CPU this cannot be so when a GPU was."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable) or tried.ended.how != "done" or tried.error is not None:
        return False
    return not _missing(seen, tried) and all(_fine(step, seen.gpu) for step in tried.smoke)


def computed(seen: Observed) -> tuple[str, ...]:
    """The devices on which something was computed, in their order: ``/GPU:0``."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable):
        return ()
    return tuple(dict.fromkeys(s.device for s in tried.smoke if s.outcome == "ok" and _fine(s, seen.gpu)))


def gpus_that_computed(seen: Observed) -> tuple[GpuTarget, ...]:
    """The kinds of GPU on which something was computed: by TensorFlow's own word where it lists fewer than the driver does."""
    tried = seen.facts.tensorflow
    if not seen.gpu or isinstance(tried, Unavailable):
        return ()
    indices = [int(device.rpartition(":")[2]) for device in computed(seen) if device.rpartition(":")[2].isdigit()]
    if len(tried.devices or ()) == len(seen.gpus):
        return tuple(dict.fromkeys(seen.gpus[index] for index in indices if index < len(seen.gpus)))
    if indices and len({gpu.capability for gpu in seen.gpus}) == 1:
        return tuple(dict.fromkeys(seen.gpus))
    details = [known(device.details) for device in tried.devices or ()]
    said = {cell.capability for index in indices if index < len(details) and (cell := details[index]) is not None}
    return tuple(dict.fromkeys(gpu for gpu in seen.gpus if str(gpu.capability) in said))


def slow_start(seen: Observed) -> bool:
    """Whether a first run took so long that the driver must have compiled."""
    tried = seen.facts.tensorflow
    return not isinstance(tried, Unavailable) and any(_is_slow(step) for step in tried.smoke)


def _is_slow(step: Step) -> bool:
    return step.outcome == "ok" and bool(step.again) and step.seconds - step.again > _SLOW


def look_at_smoke(seen: Observed, whole_so_far: bool) -> Link:
    """What was computed, how fast, and what failed. *whole_so_far*: no link before this one is broken."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable) or not reached(tried, "smoke test"):
        return Link("smoke test", {}, skipped="TensorFlow did not get so far")
    if not whole_so_far and any(step.step == "device" for step in tried.smoke):
        return Link("smoke test", {}, skipped="TensorFlow lists no GPU, for what is broken above")
    several = len({step.device for step in tried.smoke}) > 1
    shown = {}
    for step in tried.smoke:
        name = step.step if step.dtype in ("", "float32") else f"{step.step} in {step.dtype}"
        if step.outcome == "skipped" or (step.outcome == "ok" and name == step.step):
            shown[f"{name} on {step.device}" if several else name] = "not offered" if step.outcome == "skipped" else _times(step)
    return Link("smoke test", shown, tuple(_diagnoses(seen, tried)))


def _diagnoses(seen: Observed, tried: Tensorflow) -> Iterator[Diagnosis]:
    failed = [step for step in tried.smoke if not _fine(step, seen.gpu)]
    yield from _failures(failed, seen.gpu)
    if (failure := died(seen.facts, tried)) is not None and tried.version is not None:
        yield failure
    elif tried.error is not None and not failed:
        yield diagnose(
            "smoke-failed", steps=tried.stage, device="this machine", fail="fails", why=f"{tried.error.type}: {tried.error.message}"
        )
    elif not tried.smoke:
        if seen.facts.asked.smoke:
            yield diagnose("smoke-not-run", why="TensorFlow did not get so far", advice="")
        else:
            yield diagnose("smoke-not-run", why="--no-smoke was given", advice="run it without --no-smoke")
    elif not failed and (missing := _missing(seen, tried)):
        yield diagnose("smoke-incomplete", steps=tuple(missing))
    yield from _remarks(tried.smoke)


def _missing(seen: Observed, tried: Tensorflow) -> list[str]:
    """The steps that must be there and are not, on any device that was or had to be tried."""
    devices = {step.device for step in tried.smoke} or {""}
    if seen.gpu and seen.facts.asked.all_gpus:
        devices |= {f"/GPU:{index}" for index in range(max(len(tried.devices or ()), len(seen.facts.driver.libcuda.devices)))}
    have = {(step.device, step.step) for step in tried.smoke if step.dtype == "float32"}
    several = len(devices) > 1
    return [f"{name} on {device}" if several else name for device in sorted(devices) for name in REQUIRED if (device, name) not in have]


def _fine(step: Step, gpu: bool) -> bool:
    """A step counts when its result lies where it was promised; one that this TensorFlow has no kernel for does not count at all."""
    if step.outcome == "skipped":
        return step.dtype not in ("", "float32")
    near = step.error is not None and step.error <= step.tolerance
    return step.outcome == "ok" and near and _kind(step.placed) == ("GPU" if gpu else "CPU")


def _kind(placed: str) -> str:
    """``GPU`` of ``/job:localhost/replica:0/task:0/device:GPU:0``."""
    match = re.search(r"(?:^|/|device:)(GPU|CPU):\d+/?$", placed)
    return match[1] if match else ""


def _failures(failed: Iterable[Step], gpu: bool) -> Iterator[Diagnosis]:
    """Steps that fail alike are told together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for step in failed:
        if step.outcome == "ok" and _kind(step.placed) == ("CPU" if gpu else "GPU"):
            ran, promised = ("CPU", "GPU") if gpu else ("GPU", "CPU")
            yield diagnose("smoke-elsewhere", ran=ran, promised=promised, option=promised.lower())
            return
        why = step.message.partition("\n")[0] or f"its result is on {step.placed or 'no device'}, with an error of {step.error}"
        name = "the smoke test" if step.step == "device" else step.step
        groups.setdefault((step.device, why), []).append(name if step.dtype in ("", "float32") else f"{name} in {step.dtype}")
    for (device, why), names in groups.items():
        yield diagnose("smoke-failed", steps=tuple(names), device=device, fail="fails" if len(names) == 1 else "fail", why=why)


def _remarks(steps: Sequence[Step]) -> Iterator[Diagnosis]:
    for step in steps:
        if _is_slow(step):
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
