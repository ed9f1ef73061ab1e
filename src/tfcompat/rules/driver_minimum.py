"""driver-minimum: the host driver must be new enough for the CUDA runtime.

Within a major every driver from its first on serves every minor (minor-version compatibility):
450.36.06 for 11.0, 450.80.02 for 11.1 and later, 525.60.13 for 12.x, 580.65.06 for 13.x. Up to 10.x each toolkit has
its own floor. Source: NVIDIA CUDA toolkit release notes, tables 2 and 3. An older data-centre driver
can still serve through the cuda-compat package of the image, on the branches that the image names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.drivers import driver_text, forward_compatible, reaches
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Image


def judge(
    matrix: Matrix, cuda: Version | None, driver: Version | None, image: Image | None, gpu: tuple[GpuTarget, ...] | None
) -> Verdict | None:
    if driver is None:
        return unknown("driver-unknown")
    toolkit = matrix.toolkit(cuda) if cuda is not None else None
    if toolkit is None:
        return unknown("toolkit-unknown")
    evidence = tuple(toolkit.evidence.get("minimum_driver", ()))
    if image is not None and image.driver_minimum is not None and reaches(driver, image.driver_minimum) is False:
        if not forward_compatible(image, driver, gpu or ()):
            return violated("image-minimum", "error", image.evidence, floor=driver_text(image.driver_minimum))
        return violated("forward", "warning", image.evidence, floor=driver_text(image.driver_minimum))
    enough = reaches(driver, version(toolkit.minimum_driver))
    if enough is None:
        return unknown("vague", evidence, floor=toolkit.minimum_driver)
    if enough:
        return OK
    if forward_compatible(image, driver, gpu or ()):
        return violated("forward", "warning", evidence, floor=toolkit.minimum_driver)
    return violated("too-old", "error", evidence, floor=toolkit.minimum_driver)


RULE = Rule(
    "driver-minimum",
    "The driver serves the CUDA runtime",
    (Check(("cuda", "driver", "image"), judge, optional=("gpu",)),),
    {
        "too-old": "driver {floor} or newer is needed by CUDA {cuda}, and the host has {driver}",
        "image-minimum": "driver {floor} or newer is needed by {image}, and the host has {driver}",
        "forward": "driver {driver} is below the {floor} of CUDA {cuda}; the image's cuda-compat package has to bridge it",
        "vague": "driver {driver} does not say whether it is {floor} or newer, which CUDA {cuda} needs",
        "driver-unknown": "the driver of the host is not known; CUDA {cuda} has a floor",
        "toolkit-unknown": "which driver CUDA {cuda} needs is not in the matrix",
    },
    {
        "image-minimum": "upgrade the driver, or take an older image",
        "too-old": "upgrade the driver, or take a release built for an older CUDA",
    },
)
