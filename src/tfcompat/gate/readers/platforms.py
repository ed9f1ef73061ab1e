"""The platforms of conda that TensorFlow's containers run on."""

from __future__ import annotations

__all__ = ["PLATFORMS"]

PLATFORMS = {"linux-64": "linux/amd64", "linux-aarch64": "linux/arm64"}
