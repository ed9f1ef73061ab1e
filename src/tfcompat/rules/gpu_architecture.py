"""gpu-architecture: the wheel must hold code that this GPU can run.

Native code (``sm_XY``) runs on the same major with an equal or newer minor. PTX (``compute_XY``) is
compiled by the driver for anything as new or newer, which makes the first start slow; some kernels of
that entry are native as well, most are not. Anything else cannot run. Source: CUDA C programming guide, "binary compatibility" and "PTX compatibility".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.architectures import native_code, ptx_code
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import version

if TYPE_CHECKING:
    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Image, Tensorflow

_BLACKWELL = version("10.0")


def judge_wheel(matrix: Matrix, tensorflow: Tensorflow, gpu: GpuTarget) -> Verdict | None:
    build = tensorflow.build
    if build is None or build.kind != "cuda":
        return None
    if not build.compute_capabilities:
        return None if tensorflow.release.package == "nvidia" else unknown("unknown")
    compiled = ", ".join(build.compute_capabilities)
    if native_code(build.compute_capabilities, gpu.capability):
        return OK
    ptx = ptx_code(build.compute_capabilities, gpu.capability)
    if ptx is None:
        return violated("no-code", compiled=compiled)
    if gpu.capability >= _BLACKWELL and tensorflow.release.package != "nvidia":
        note = matrix.notes_of(tensorflow.release, "blackwell-kernels-fail")
        evidence = tuple(s for cell in note.evidence.values() for s in cell) if note else ()
        return unknown("reported-broken" if note else "doubtful-jit", evidence, compiled=compiled)
    return violated("jit", "warning", ptx=ptx)


def judge_image(matrix: Matrix, image: Image | None, gpu: GpuTarget) -> Verdict | None:
    """An image with a TensorFlow of its own whose release notes name generations instead of a build list."""
    if image is None or not image.own_build or image.compute_capabilities:
        return None
    if image.minimum_capability is not None and gpu.capability < image.minimum_capability:
        return violated("below-image", floor=str(image.minimum_capability))
    if image.maximum_capability is not None and gpu.capability > image.maximum_capability:
        return violated("above-image", ceiling=str(image.maximum_capability))
    return OK if image.minimum_capability and image.maximum_capability else unknown("image-unknown")


RULE = Rule(
    "gpu-architecture",
    "The wheel has code for the GPU",
    (Check(("tensorflow", "gpu"), judge_wheel), Check(("image", "gpu"), judge_image)),
    {
        "no-code": "there is no code that the {gpu} can run in {tensorflow}, compiled for {compiled}",
        "jit": "{ptx} in {tensorflow} serves the {gpu}: what of it is PTX the driver compiles at the first start, which takes minutes",
        "reported-broken": "there is no native code for the {gpu} in {tensorflow} (compiled for {compiled}), and operations on that generation are reported to fail",
        "doubtful-jit": "there is no native code for the {gpu} in {tensorflow} (compiled for {compiled}); whether its PTX works on that generation is doubtful, as it fails in other releases",
        "unknown": "which GPU architectures {tensorflow} is compiled for is not established",
        "below-image": "compute capability {floor} is the oldest in {image}, and the {gpu} is older",
        "above-image": "compute capability {ceiling} is the newest in {image}, and the {gpu} is newer",
        "image-unknown": "which GPUs {image} supports is not established; the {gpu} may be too old or too new",
    },
    {
        "no-code": "take a release compiled for this GPU",
        "jit": "keep CUDA_CACHE_PATH on a volume and raise CUDA_CACHE_MAXSIZE, so that it happens once",
    },
)
