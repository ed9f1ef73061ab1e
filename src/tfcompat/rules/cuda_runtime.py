"""cuda-runtime: the CUDA libraries must be those the wheel was linked against.

From CUDA 11.1 on the libraries of one major carry one SONAME and stay compatible upwards
(NVIDIA, CUDA compatibility, minor-version compatibility). Up to CUDA 10 the SONAME holds the minor,
and CUDA 11.0 alone has libcusolver.so.10: there only the exact minor can be loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import at_least, version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Tensorflow

_FIRST_COMPATIBLE = version("11.1")


def judge(matrix: Matrix, tensorflow: Tensorflow, cuda: Version | None) -> Verdict | None:
    build = tensorflow.build
    if build is None or build.kind != "cuda":
        return None
    if build.cuda is None or cuda is None:
        return unknown("unknown", built=build.cuda or "an unknown CUDA")
    built = version(build.cuda)
    if cuda.major != built.major:
        return violated("major", built=build.cuda)
    newer = at_least(cuda, built, 2)
    if newer is None:
        return unknown("unknown", built=build.cuda)
    if built < _FIRST_COMPATIBLE and cuda.release[:2] != built.release[:2]:
        return violated("exact", built=build.cuda)
    return OK if newer else violated("older", "warning", built=build.cuda)


RULE = Rule(
    "cuda-runtime",
    "The CUDA runtime fits the wheel",
    (Check(("tensorflow", "cuda"), judge),),
    {
        "major": "the libraries of CUDA {cuda} cannot serve {tensorflow}, built for CUDA {built}",
        "exact": "the libraries of CUDA {cuda} cannot serve {tensorflow}, linked against those of exactly CUDA {built}",
        "older": "CUDA {cuda} is older than the {built} that {tensorflow} is built for, and may lack functions it calls",
        "unknown": "whether CUDA {cuda} serves {tensorflow} is not established (built for {built})",
    },
    {
        "major": "take an image with the CUDA of the release, or the and-cuda extra",
        "exact": "take an image with exactly that CUDA",
    },
)
