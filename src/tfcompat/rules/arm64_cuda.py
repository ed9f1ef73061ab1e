"""arm64-cuda: the stock wheels for Linux on arm64 have no GPU code, whatever the and-cuda extra installs.

Measured in the wheels: from 2.10 on they are CPU builds or stubs of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, violated

if TYPE_CHECKING:
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Tensorflow


def judge(matrix: Matrix, tensorflow: Tensorflow, accelerator: str) -> Verdict | None:
    build = tensorflow.build
    if accelerator != "gpu" or tensorflow.platform != "linux/arm64" or build is None:
        return None
    return OK if build.kind == "cuda" else violated("no-cuda")


RULE = Rule(
    "arm64-cuda",
    "GPU code on arm64",
    (Check(("tensorflow", "accelerator"), judge),),
    {"no-cuda": "the linux/arm64 wheel of {tensorflow} has no GPU code: on arm64 it runs on the CPU only"},
    {"no-cuda": "use linux/amd64, an image with a build of its own (NGC), or build from source"},
)
