"""wheel-has-cuda: where a GPU is expected, the wheel must be a GPU build.

``tensorflow-cpu`` never is; ``tensorflow`` was a CPU build in 2.0 and from 1.15.2 to 1.15.5, when
``tensorflow-gpu`` was the GPU one. The wheel's own build_info says which it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, violated

if TYPE_CHECKING:
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Tensorflow


def judge(matrix: Matrix, tensorflow: Tensorflow, accelerator: str) -> Verdict | None:
    build = tensorflow.build
    if accelerator != "gpu" or build is None or build.kind == "stub" or tensorflow.platform == "linux/arm64":
        return None
    return OK if build.kind == "cuda" else violated("cpu-build", platform=tensorflow.platform)


RULE = Rule(
    "wheel-has-cuda",
    "The wheel is a GPU build",
    (Check(("tensorflow", "accelerator"), judge),),
    {"cpu-build": "a GPU is expected, and the {platform} wheel of {tensorflow} is a CPU build"},
    {"cpu-build": "install tensorflow (2.1 and later) or tensorflow-gpu (1.15 and 2.0)"},
)
