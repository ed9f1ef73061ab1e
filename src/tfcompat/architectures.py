"""Which compiled code a GPU can run: native code, PTX, or none."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tfcompat.matrix.gpus import capability_of

if TYPE_CHECKING:
    from packaging.version import Version

__all__ = ["native_code", "ptx_code", "runs_on"]


def runs_on(compiled: Version, device: Version) -> bool:
    """Native code runs on the same major with an equal or newer minor; never across majors."""
    return compiled.major == device.major and compiled.minor <= device.minor


@lru_cache(maxsize=4096)
def native_code(capabilities: tuple[str, ...], device: Version) -> str | None:
    """The newest compiled ``sm_XY`` that *device* runs, if any."""
    return next((c for c in reversed(capabilities) if c.startswith("sm_") and runs_on(capability_of(c), device)), None)


@lru_cache(maxsize=4096)
def ptx_code(capabilities: tuple[str, ...], device: Version) -> str | None:
    """The newest compiled ``compute_XY`` that the driver can compile for *device*, if any."""
    return next((c for c in reversed(capabilities) if c.startswith("compute_") and capability_of(c) <= device), None)
