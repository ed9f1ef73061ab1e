"""The first link: is a GPU given to this container, and does the driver's library serve it?

The host is seen through its kernel module and its PCI devices, the container through device nodes, libcuda through
its init call. The error numbers are those of cuda.h (CUresult) and nvml.h (nvmlReturn_t).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.drivers import driver_text
from tfcompat.facts import Unavailable, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.check.observed import Observed
    from tfcompat.facts import DriverLibrary, Facts, Init

__all__ = ["assumed_cpu", "expects_gpu", "look_at_driver"]

_NO_DEVICE, _NOT_READY, _MISMATCH, _COMPAT = 100, 802, 803, 804  # CUDA_ERROR_...
_NVML_MISMATCH, _NVML_UNKNOWN = 18, 999
_WSL_NODE = "/dev/dxg"  # of whatever GPU Windows has
_HIDING = {"CUDA_VISIBLE_DEVICES": ("", "-1", "none", "nodevfiles"), "NVIDIA_VISIBLE_DEVICES": ("", "void", "none")}
_EXAMPLES = {"CUDA_VISIBLE_DEVICES": "0", "NVIDIA_VISIBLE_DEVICES": "all"}


def expects_gpu(facts: Facts) -> bool:
    """Whether a GPU is promised when nobody says: a device node, a kernel module or the driver's library is seen."""
    driver = facts.driver
    nodes = [path for path in known(driver.nodes) or () if path != _WSL_NODE]
    return bool(nodes or known(driver.module) or known(driver.proc) or known(driver.libcuda.path))


def assumed_cpu(facts: Facts) -> Diagnosis:
    """What to say where nobody said whether a GPU is promised, and none is seen."""
    pci = known(facts.driver.pci)
    if pci:
        return diagnose("gpu-left-out", what=_pci_text(pci))
    wanted = facts.environment.get("NVIDIA_VISIBLE_DEVICES", "")
    hidden = wanted.strip().lower() in _HIDING["NVIDIA_VISIBLE_DEVICES"]
    return diagnose("cpu-assumed") if hidden else diagnose("gpu-image", value=wanted)


def look_at_driver(seen: Observed) -> Link:
    """Host, nodes, libcuda and what it lists. Rules on drivers are added by the report."""
    shown = dict(_facts(seen))
    if not seen.gpu:
        return Link("driver", shown, skipped="no GPU is expected")
    cuda = seen.facts.driver.libcuda
    if cuda.devices:
        return Link("driver", shown, tuple(_remarks(seen)))
    return Link("driver", shown, (_cause(seen.facts),))


def _facts(seen: Observed) -> Iterator[tuple[str, str]]:
    if seen.driver is not None:
        yield "driver", driver_text(seen.driver)
    if seen.facts.driver.libcuda.cuda:
        yield "serves CUDA", seen.facts.driver.libcuda.cuda
    if seen.gpus:
        yield "gpu", ", ".join(map(str, seen.gpus))


def _remarks(seen: Observed) -> Iterator[Diagnosis]:
    driver = seen.facts.driver
    path = known(driver.libcuda.path) or ""
    if "/compat/" in path:
        yield diagnose("forward-compatibility", path=path, driver=driver_text(seen.driver) if seen.driver else "(unknown)")
    if any(not isinstance(d, Unavailable) and known(d.mig) for d in driver.nvml.devices):
        yield diagnose("mig")
    if len({gpu.capability for gpu in seen.gpus}) > 1:
        yield diagnose("different-gpus", gpus=", ".join(map(str, seen.gpus)))


def _cause(facts: Facts) -> Diagnosis:
    """Why libcuda lists no device: the most telling of what is seen."""
    cuda = facts.driver.libcuda
    if cuda.ended is not None:
        return diagnose("driver-died", why=cuda.unavailable)
    if cuda.init is None:
        return _without_library(facts, cuda)
    return _after_init(facts, cuda, cuda.init)


def _without_library(facts: Facts, cuda: DriverLibrary) -> Diagnosis:
    driver = facts.driver
    machine = known(facts.platform)
    if machine is not None and machine.wsl and not known(driver.module):
        return diagnose("wsl-libcuda-missing", why=cuda.unavailable)
    if known(driver.nodes):
        return diagnose("libcuda-missing", why=cuda.unavailable)
    return _not_passed(facts) or diagnose("no-driver")


def _not_passed(facts: Facts) -> Diagnosis | None:
    """A GPU of the host that the container was not given; None where the host shows none either."""
    driver = facts.driver
    version = known(driver.proc) or known(driver.module)
    pci = known(driver.pci)
    if version is None and not pci:
        return None
    return diagnose("gpu-not-passed", what=f"driver ({version})" if version else _pci_text(pci or ()))


def _pci_text(pci: tuple[str, ...]) -> str:
    return f"GPU (PCI {', '.join(dict.fromkeys(pci))})"


def _after_init(facts: Facts, cuda: DriverLibrary, init: Init) -> Diagnosis:
    said = _said(init)
    path = known(cuda.path) or "libcuda.so.1"
    nodes = known(facts.driver.nodes) or {}
    nvml = facts.driver.nvml.init
    if init.code == _COMPAT and "/compat/" in path:
        return diagnose("forward-compatibility-refused", init=said, path=path, folder=path.rpartition("/")[0])
    if init.code in (_MISMATCH, _COMPAT) or (nvml is not None and nvml.code == _NVML_MISMATCH):
        return diagnose("driver-mismatch", init=said)
    if init.code == _NOT_READY:
        return diagnose("fabric-not-ready", init=said)
    for variable, values in _HIDING.items():
        value = facts.environment.get(variable)
        if value is not None and value.strip().lower() in values and init.code in (0, _NO_DEVICE):
            return diagnose("devices-hidden", variable=variable, value=value, example=_EXAMPLES[variable])
    forbidden = [path for path, usable in nodes.items() if not usable]
    if forbidden:
        container = known(facts.container)
        return diagnose("nodes-forbidden", user=container.user if container else "of this process", nodes=", ".join(forbidden))
    if nvml is not None and nvml.code == _NVML_UNKNOWN:
        return diagnose("gpu-lost", init=said, nvml=known(nvml.message) or "error 999")
    if not nodes:
        return _not_passed(facts) or diagnose("no-driver" if not known(cuda.path) else "no-device", init=said)
    if init.code and "/dev/nvidia-uvm" not in nodes and _WSL_NODE not in nodes and "/dev/nvmap" not in nodes:
        return diagnose("uvm-node-missing", init=said)
    return diagnose("no-device" if init.code in (0, _NO_DEVICE) else "cuinit-failed", init=said)


def _said(init: Init) -> str:
    name = known(init.name)
    message = known(init.message)
    return f"cuInit returns {init.code}" + (f" ({', '.join(filter(None, (name, message)))})" if name or message else "")
