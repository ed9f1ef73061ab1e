"""gpu-known-to-driver: a driver knows GPUs from the generation it came with back to the oldest it still carries.

Kepler ends with branch 470, Maxwell to Volta with 580 (NVIDIA, CUDA toolkit, driver and architecture
matrix). A driver older than that of the first toolkit for a generation does not know it: an inference from
the same matrix. Where the GPUs, the CUDA runtime and the wheel leave no driver at all, they exclude each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.drivers import driver_range, driver_text, first_driver, last_branch, reaches
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Image, Tensorflow


def judge(matrix: Matrix, driver: Version | None, gpu: GpuTarget) -> Verdict | None:
    branch, evidence = last_branch(matrix, gpu.capability)
    first = first_driver(matrix, gpu.capability)
    if driver is not None and first is not None and not (enough := reaches(driver, first)):
        return unknown("vague", first=driver_text(first)) if enough is None else violated("not-yet", first=driver_text(first))
    if branch is None:
        return OK
    if driver is None:
        return unknown("driver-unknown", evidence, branch=branch)
    return OK if driver.major <= branch else violated("dropped", "error", evidence, branch=branch)


def judge_range(
    matrix: Matrix, tensorflow: Tensorflow, cuda: Version | None, image: Image | None, gpu: tuple[GpuTarget, ...] | None
) -> Verdict | None:
    """Whether any driver serves all of it; with one GPU or a driver that is known the other checks say it better."""
    if not gpu:
        return None
    floor, last = driver_range(matrix, tensorflow.build, cuda, image, gpu)
    if floor is None or last is None or floor.major <= last:
        return OK
    return violated("no-driver", floor=driver_text(floor), branch=last, gpus=tuple(map(str, gpu)))


RULE = Rule(
    "gpu-known-to-driver",
    "The driver knows the GPU",
    (Check(("driver", "gpu"), judge), Check(("tensorflow", "cuda", "image"), judge_range, optional=("gpu",))),
    {
        "dropped": "driver {driver} no longer drives the {gpu}: its last branch is {branch}",
        "not-yet": "driver {driver} is older than {first}, the first that knows the {gpu}",
        "vague": "driver {driver} does not say whether it is {first} or newer, the first that knows the {gpu}",
        "no-driver": "no driver serves the {gpus} with CUDA {cuda} and {tensorflow}: {floor} or newer is needed, and branch {branch} is the last",
        "driver-unknown": "the driver of the host is not known; the last branch for the {gpu} is {branch}",
    },
    {
        "dropped": "install a driver of that branch on the host",
        "not-yet": "upgrade the driver",
        "vague": "give the whole version of the driver, as nvidia-smi prints it",
        "no-driver": "serve the GPUs with different plans",
    },
)
