"""gpu-known-to-toolkit: CUDA's own libraries and cuDNN must hold code for the GPU as well.

A toolkit serves a device when it compiles for the device's major at an equal or lower minor:
9.x from CUDA 11.8, 10.x and 12.x from 12.8; CUDA 12 dropped Kepler, CUDA 13 Maxwell to Volta.
Source: NVIDIA, CUDA toolkit, driver and architecture matrix; the lists that CMake keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from tfcompat.architectures import runs_on
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.matrix.records import CudnnSupport


def judge_toolkit(matrix: Matrix, cuda: Version | None, gpu: GpuTarget) -> Verdict | None:
    toolkit = matrix.toolkit(cuda) if cuda is not None else None
    if toolkit is None:
        return unknown("unknown")
    if any(runs_on(version(c), gpu.capability) for c in toolkit.capabilities):
        return OK
    evidence = tuple(toolkit.evidence.get("capabilities", ()))
    newer = gpu.capability > version(toolkit.capabilities[0])
    return violated(
        "too-new" if newer else "too-old", "error", evidence, first=toolkit.capabilities[0], capabilities=", ".join(toolkit.capabilities)
    )


def judge_cudnn(matrix: Matrix, cudnn: Version | None, gpu: GpuTarget, cuda: Version | None) -> Verdict | None:
    if cudnn is None or len(cudnn.release) < 2:
        return None  # cudnn-runtime speaks
    for row in matrix.cudnn:
        if row.minimum_capability is None or not _covers(row, cudnn, cuda) or gpu.capability >= version(row.minimum_capability):
            continue
        evidence = tuple(s for cell in row.evidence.values() for s in cell)
        if evidence[0].startswith(("documented", "measured")):  # the first statement carries the claim
            return violated("cudnn-dropped", "error", evidence, floor=row.minimum_capability)
        return unknown("cudnn-said-to-drop", evidence, floor=row.minimum_capability)
    return OK


def _covers(row: CudnnSupport, cudnn: Version, cuda: Version | None) -> bool:
    if cuda is not None and row.cuda is not None and cuda.major != version(row.cuda).major:
        return False
    return SpecifierSet(row.versions).contains(cudnn)


RULE = Rule(
    "gpu-known-to-toolkit",
    "The CUDA libraries know the GPU",
    (Check(("cuda", "gpu"), judge_toolkit), Check(("cudnn", "gpu"), judge_cudnn, optional=("cuda",))),
    {
        "too-new": "the libraries of CUDA {cuda} have no code for the {gpu}: they know {capabilities}",
        "too-old": "the libraries of CUDA {cuda} have dropped the {gpu}: they begin at compute capability {first}",
        "unknown": "which GPUs the libraries of CUDA {cuda} know is not in the matrix",
        "cudnn-dropped": "cuDNN {cudnn} has no code below compute capability {floor}, and the {gpu} is below it",
        "cudnn-said-to-drop": "whether cuDNN {cudnn} still has code for the {gpu} is not established (a source names {floor} as the floor)",
    },
    {"too-new": "take a release or image with a newer CUDA", "too-old": "take a release or image with an older CUDA"},
)
