"""The rulebook: one file a rule, each relation written once, for resolve, gate and check alike."""

from __future__ import annotations

from tfcompat.rules import (
    arm64_cuda,
    cuda_runtime,
    cudnn_runtime,
    driver_minimum,
    driver_ptx_jit,
    gpu_architecture,
    gpu_known_to_driver,
    gpu_known_to_toolkit,
    image_contents,
    image_requires_driver,
    image_tag_exists,
    keras_legacy,
    keras_range,
    model_loads,
    numpy_abi,
    package_range,
    platform_has_wheel,
    python_has_wheel,
    wheel_has_cuda,
)
from tfcompat.rules.evaluate import evaluate, run_check
from tfcompat.rules.rule import Check, Finding, Rule, Verdict

__all__ = ["RULES", "Check", "Finding", "Rule", "Verdict", "evaluate", "run_check"]

RULES: tuple[Rule, ...] = (
    platform_has_wheel.RULE,
    python_has_wheel.RULE,
    wheel_has_cuda.RULE,
    arm64_cuda.RULE,
    image_tag_exists.RULE,
    image_contents.RULE,
    gpu_known_to_driver.RULE,
    cuda_runtime.RULE,
    cudnn_runtime.RULE,
    gpu_architecture.RULE,
    gpu_known_to_toolkit.RULE,
    driver_minimum.RULE,
    driver_ptx_jit.RULE,
    image_requires_driver.RULE,
    keras_range.RULE,
    keras_legacy.RULE,
    package_range.RULE,
    numpy_abi.RULE,
    model_loads.RULE,
)
