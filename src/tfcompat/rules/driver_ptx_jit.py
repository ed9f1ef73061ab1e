"""driver-ptx-jit: code that the driver must compile at start needs a driver that knows its PTX version.

Minor-version compatibility does not extend to PTX: a driver compiles PTX of its own toolkit and
older (NVIDIA, CUDA compatibility, "application considerations for minor version compatibility").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.architectures import native_code, ptx_code
from tfcompat.drivers import driver_text, reaches, toolkit_driver
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Tensorflow


def judge(matrix: Matrix, tensorflow: Tensorflow, gpu: GpuTarget, driver: Version | None) -> Verdict | None:
    build = tensorflow.build
    if build is None or build.kind != "cuda" or not build.compute_capabilities or build.cuda is None:
        return None
    capabilities = build.compute_capabilities
    if native_code(capabilities, gpu.capability) or not ptx_code(capabilities, gpu.capability):
        return None  # nothing is compiled at start; gpu-architecture speaks where nothing runs at all
    toolkit = matrix.toolkit(version(build.cuda))
    if toolkit is None or driver is None:
        return unknown("unknown", built=build.cuda)
    needed = toolkit_driver(toolkit)
    evidence = tuple(toolkit.evidence.get("drivers", ()))
    enough = reaches(driver, needed)
    if enough is None:
        return unknown("unknown", evidence, built=build.cuda)
    return OK if enough else violated("too-old", "error", evidence, built=build.cuda, needed=driver_text(needed))


RULE = Rule(
    "driver-ptx-jit",
    "The driver can compile the PTX",
    (Check(("tensorflow", "gpu", "driver"), judge),),
    {
        "too-old": "the {gpu} needs code of {tensorflow} that is PTX of CUDA {built}, which driver {needed} or newer compiles; the host has {driver}",
        "unknown": "whether the driver can compile the PTX of CUDA {built} in {tensorflow} for the {gpu} is not established",
    },
    {"too-old": "upgrade the driver to that of the toolkit, or take a release with native code or older PTX"},
)
