"""platform-has-wheel: a wheel must exist for this machine, and its C library must be able to load it.

The manylinux tag states the lowest glibc (PEP 600). No TensorFlow wheel is made for musl. Some
wheels are stubs that only require another distribution: the chain must end in a real wheel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import version

if TYPE_CHECKING:
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Libc, Tensorflow


def judge_architecture(matrix: Matrix, tensorflow: Tensorflow) -> Verdict | None:
    build = tensorflow.build
    if build is None:
        evidence = (f"measured: the package index had no such wheel on {matrix.measured}",)
        return violated("no-wheel", "error", evidence, platform=tensorflow.platform)
    if build.kind == "stub":
        return violated("stub", platform=tensorflow.platform, delegates=", ".join(build.delegates_to))
    return OK


def judge_libc(matrix: Matrix, tensorflow: Tensorflow, libc: Libc | None) -> Verdict | None:
    build = tensorflow.build
    if build is None or build.glibc is None:
        return None
    if libc is None:
        return unknown("libc-unknown", floor=build.glibc)
    if libc.name != "glibc":
        return violated("musl")
    if libc.version is None:
        return unknown("libc-unknown", floor=build.glibc)
    return OK if libc.version >= version(build.glibc) else violated("old-glibc", floor=build.glibc)


RULE = Rule(
    "platform-has-wheel",
    "The platform has a wheel",
    (Check(("tensorflow",), judge_architecture), Check(("tensorflow", "libc"), judge_libc)),
    {
        "no-wheel": "there is no wheel of {tensorflow} for {platform}",
        "stub": "the {platform} wheel of {tensorflow} is a stub for {delegates}, which has no wheel of that version for the same interpreters there",
        "musl": "the wheels of {tensorflow} are for glibc only, and this image uses {libc}",
        "old-glibc": "the wheel of {tensorflow} needs glibc {floor} or newer, and this image has {libc}",
        "libc-unknown": "which C library this image has is not established; {tensorflow} needs glibc {floor} or newer",
    },
    {
        "musl": "start from a Debian or Ubuntu image instead of Alpine",
        "old-glibc": "start from a newer base image",
    },
)
