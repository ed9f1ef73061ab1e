"""image-requires-driver: the container toolkit evaluates the image's NVIDIA_REQUIRE_CUDA before it starts.

Terms separated by spaces are alternatives, those separated by commas must all hold; ``cuda`` is the
version the driver reports, ``driver`` its own, ``brand`` the GPU family. Evaluated as written.
Source: NVIDIA/nvidia-container-toolkit, "Constraints" in the user guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.drivers import driver_cuda, requirement_of
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Image

_SHOWN = 60  # characters of a value that cannot be read


def judge(matrix: Matrix, image: Image | None, driver: Version | None, gpu: tuple[GpuTarget, ...] | None) -> Verdict | None:
    if image is None or (image.require is None and image.require_known):
        return None
    if image.require is None:
        return unknown("require-unknown")
    if driver is None:
        return unknown("driver-unknown", require=image.require.split(" ", 1)[0])
    requirement = requirement_of(image)
    if requirement is None:
        return unknown("require-unreadable", require=image.require[:_SHOWN])
    supports = driver_cuda(matrix, driver)
    verdicts = [requirement.holds(supports, driver, (one,) if one else ()) for one in gpu or (None,)]
    verdict = False if False in verdicts else None if None in verdicts else True  # each GPU is judged on its own
    first = image.require.split(" ", 1)[0]
    reported = str(supports) if supports else "older than 10.0"
    if verdict is None:
        return unknown("brand-unknown", require=first, supports=reported)
    return OK if verdict else violated("refused", require=first, supports=reported)


RULE = Rule(
    "image-requires-driver",
    "The image accepts the driver",
    (Check(("image", "driver"), judge, optional=("gpu",)),),
    {
        "refused": "{image} requires {require} (NVIDIA_REQUIRE_CUDA), driver {driver} reports CUDA {supports} and no exception holds: the container does not start",
        "brand-unknown": "{image} requires {require}, driver {driver} reports CUDA {supports}; an exception depends on the GPU's brand, which is not given",
        "require-unreadable": "what {image} requires of the driver cannot be read: {require} (NVIDIA_REQUIRE_CUDA)",
        "require-unknown": "the NVIDIA_REQUIRE_CUDA of {image} is not established",
        "driver-unknown": "{image} requires {require} (NVIDIA_REQUIRE_CUDA), and the driver of the host is not known",
    },
    {"refused": "upgrade the driver, or take an image with an older CUDA"},
)
