"""cudnn-runtime: the cuDNN that is loaded must be of the same major and at least the compiled minor.

TensorFlow checks it itself at the first convolution ("CuDNN library needs to have matching major
version and equal or higher minor version", cuda_dnn.cc); with another major it drops every GPU
before that. The patch number plays no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import at_least, version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Tensorflow


def judge(matrix: Matrix, tensorflow: Tensorflow, cudnn: Version | None) -> Verdict | None:
    build = tensorflow.build
    if build is None or build.kind != "cuda":
        return None
    if build.cudnn is None or cudnn is None:
        return unknown("unknown", built=build.cudnn or "an unknown cuDNN")
    built = version(build.cudnn)
    if cudnn.major != built.major:
        return violated("major", built=build.cudnn)
    newer = at_least(cudnn, built, 2)
    if newer is None or len(built.release) < 2:
        return unknown("unknown", built=build.cudnn)
    return OK if newer else violated("older", built=build.cudnn)


RULE = Rule(
    "cudnn-runtime",
    "The cuDNN runtime fits the wheel",
    (Check(("tensorflow", "cudnn"), judge),),
    {
        "major": "cuDNN {cudnn} is of another major than the {built} that {tensorflow} wants: it will run on the CPU without an error",
        "older": "cuDNN {cudnn} is older than the {built} that {tensorflow} is compiled with: convolutions fail",
        "unknown": "whether cuDNN {cudnn} serves {tensorflow} is not established (compiled with {built})",
    },
    {
        "major": "take an image or pins with that cuDNN major",
        "older": "raise cuDNN to at least that minor, of the same major",
    },
)
