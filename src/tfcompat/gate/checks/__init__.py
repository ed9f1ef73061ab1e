"""What only files can show, a module a matter."""

from __future__ import annotations

from tfcompat.gate.checks import cannot_install, conflicts, cuda_sources, keras, library_path, managed_pip, uncapped, unknowns
from tfcompat.gate.checks.gpu_request import find_unrequested

__all__ = ["CHECKS", "find_unrequested"]

CHECKS = (
    unknowns.find,
    cannot_install.find,
    conflicts.find,
    managed_pip.find,
    cuda_sources.find,
    keras.find,
    uncapped.find,
    library_path.find,
)
