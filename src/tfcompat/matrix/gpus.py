"""GPUs by any name people type: ``A100``, ``RTX 4090``, ``h100``, ``Tesla-T4``, ``sm_90``, ``8.6``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.errors import RequestError
from tfcompat.versions import version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix

__all__ = ["GpuTarget", "capability_of", "find_gpu"]

_VENDOR = re.compile(r"^(nvidia|geforce|tesla|quadro)+")
_BRANDS = {  # as NVML names them, and NVIDIA_REQUIRE_CUDA after it
    "datacenter": ("tesla", "nvidia"),
    "geforce": ("geforce", "geforcertx"),
    "titan": ("titan", "titanrtx"),
    "workstation": ("quadro", "quadrortx", "nvidiartx"),
}
_CAPABILITY = re.compile(r"^(?:sm_?|compute_?|cc)?(\d{1,2})\.?(\d)[af]?$")


class GpuTarget(NamedTuple):
    """A GPU the plan must run on. ``forward_compatible`` is None where only the capability is known."""

    name: str
    capability: Version
    forward_compatible: bool | None
    brands: tuple[str, ...] | None
    evidence: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.capability})" if self.name != str(self.capability) else f"capability {self.capability}"


def capability_of(text: str) -> Version:
    """``sm_90`` or ``compute_90`` as the version 9.0."""
    number = text.rpartition("_")[2].rstrip("af")
    return version(f"{number[:-1]}.{number[-1]}")


def find_gpu(matrix: Matrix, text: str, what: str = "--gpu") -> GpuTarget:
    """The GPU that *text* names; *what* says where it was written. Raises :class:`RequestError` with the near ones when there is none."""
    index = _index(matrix)
    plain = _plain(text)
    found = index.get(plain) or index.get(_VENDOR.sub("", plain))
    capability = _CAPABILITY.match(text.strip().lower())
    if found is None and capability:
        return _of_capability(matrix, version(f"{capability[1]}.{capability[2]}"), text, what)
    if isinstance(found, GpuTarget):
        return found
    if found is not None:
        raise RequestError(f"{what}: {text!r} is ambiguous: compute capability {' or '.join(found)}", f"say which: {what} {found[0]}")
    raise RequestError(f"{what}: {text[:60]!r} is not a GPU that the matrix knows", _near(matrix, plain))


def _of_capability(matrix: Matrix, capability: Version, text: str, what: str) -> GpuTarget:
    known = {version(g.capability) for g in matrix.gpus} | {version(c) for t in matrix.toolkits for c in t.capabilities}
    if capability not in known:
        listed = ", ".join(map(str, sorted(known)))
        raise RequestError(f"{what}: no GPU has compute capability {text}", f"known are {listed}")
    return GpuTarget(str(capability), capability, None, None, ("inferred: the compute capability was given",))


def _index(matrix: Matrix) -> dict[str, GpuTarget | tuple[str, ...]]:
    def make() -> dict[str, GpuTarget | tuple[str, ...]]:
        index: dict[str, GpuTarget | tuple[str, ...]] = {}
        for gpu in matrix.gpus:
            statements = tuple(s for cell in gpu.evidence.values() for s in cell)
            brands = _BRANDS.get(gpu.family)
            target = GpuTarget(gpu.name, version(gpu.capability), gpu.forward_compatible, brands, statements)
            for name in (gpu.name, *gpu.aliases):
                index.setdefault(_plain(name), target)
            index.setdefault(_VENDOR.sub("", _plain(gpu.name)), target)
        for row in matrix.ambiguous_gpus:
            for name in (_plain(row.name), _VENDOR.sub("", _plain(row.name))):
                index[name] = row.capabilities
        return index

    return matrix.remember("gpus by name", make)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-/().]+", "", name.lower())


def _near(matrix: Matrix, plain: str) -> str:
    import difflib

    names = {key: gpu.name for gpu in matrix.gpus for key in (_plain(gpu.name), _VENDOR.sub("", _plain(gpu.name)))}
    close = difflib.get_close_matches(plain, names, n=6, cutoff=0.5)
    listed = list(dict.fromkeys(names[key] for key in close))[:3]
    if listed:
        return f"did you mean {', '.join(listed)}? A compute capability such as 8.6 works as well"
    return "give the name on the box (A100, RTX 4090) or a compute capability such as 8.6"
