"""gpu-known-to-driver: a driver branch drops GPU generations; the last one that runs the GPU is the ceiling.

Kepler ends with branch 470, Maxwell to Volta with 580. Source: NVIDIA, CUDA toolkit, driver and
architecture matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.drivers import last_branch
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix


def judge(matrix: Matrix, driver: Version | None, gpu: GpuTarget) -> Verdict | None:
    branch, evidence = last_branch(matrix, gpu.capability)
    if branch is None:
        return OK
    if driver is None:
        return unknown("driver-unknown", evidence, branch=branch)
    return OK if driver.major <= branch else violated("dropped", "error", evidence, branch=branch)


RULE = Rule(
    "gpu-known-to-driver",
    "The driver knows the GPU",
    (Check(("driver", "gpu"), judge),),
    {
        "dropped": "driver {driver} no longer drives the {gpu}: its last branch is {branch}",
        "driver-unknown": "the driver of the host is not known; the last branch for the {gpu} is {branch}",
    },
    {"dropped": "install a driver of that branch on the host"},
)
