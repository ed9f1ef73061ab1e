"""The first link: is a GPU given to this container, and does the driver's library serve it?

The host is seen through its kernel module and its PCI devices, the container through device nodes, libcuda through
its init call. The error numbers are those of cuda.h (CUresult) and nvml.h (nvmlReturn_t).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import GIVE_GPU, Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.check.observed import compat_path
from tfcompat.drivers import driver_text
from tfcompat.facts import Unavailable, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.check.observed import Observed
    from tfcompat.facts import DriverLibrary, Facts, Init

__all__ = ["assumed_cpu", "expects_gpu", "look_at_driver"]

_NO_DEVICE, _STUB, _NOT_READY, _MISMATCH, _COMPAT = 100, 34, 802, 803, 804  # CUDA_ERROR_...
_NVML_MISMATCH, _NVML_UNKNOWN = 18, 999
_WITHHELD = ("", "void", "none")  # values of NVIDIA_VISIBLE_DEVICES that give a container no GPU
_INSTALL = "install the NVIDIA driver on the host, or load it (modprobe nvidia), and see that nvidia-smi works there"
_NOT_ASKED = ("no process could be started", "this system cannot fork", "these facts do not say")  # by the probe
_WSL_NODE = "/dev/dxg"  # of whatever GPU Windows has
_CAPS = "/dev/nvidia-caps/"  # of MIG's administration: an ordinary user may not use these, and need not


def expects_gpu(facts: Facts) -> bool:
    """Whether a GPU is promised when nobody says: a device node, a kernel module or the driver's library is seen."""
    driver = facts.driver
    nodes = [path for path in known(driver.nodes) or () if path != _WSL_NODE]
    return bool(nodes or known(driver.module) or known(driver.proc) or (known(driver.libcuda.path) and not _is_stub(driver.libcuda)))


def _is_stub(cuda: DriverLibrary) -> bool:
    """The toolkit's stand-in for linking, which is no driver."""
    return "/stubs/" in (known(cuda.path) or "") or (cuda.init is not None and cuda.init.code == _STUB)


def assumed_cpu(facts: Facts) -> Diagnosis:
    """What to say where nobody said whether a GPU is promised, and none is seen."""
    pci = known(facts.driver.pci)
    if pci:
        return diagnose("gpu-left-out", what=_pci_text(pci))
    wanted = facts.environment.get("NVIDIA_VISIBLE_DEVICES", "")
    return diagnose("cpu-assumed") if wanted.strip().lower() in _WITHHELD else diagnose("gpu-image", value=wanted)


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
        counts = Counter(map(str, seen.gpus))
        yield "gpu", ", ".join(f"{count} x {name}" if count > 1 else name for name, count in counts.items())


def _remarks(seen: Observed) -> Iterator[Diagnosis]:
    driver = seen.facts.driver
    if path := compat_path(seen.facts):
        yield diagnose("forward-compatibility", path=path, driver=driver_text(seen.driver) if seen.driver else "(unknown)")
    if any(not isinstance(d, Unavailable) and known(d.mig) for d in driver.nvml.devices):
        yield diagnose("mig")
    if len({gpu.capability for gpu in seen.gpus}) > 1:
        yield diagnose("different-gpus", gpus=", ".join(dict.fromkeys(map(str, seen.gpus))))


def _cause(facts: Facts) -> Diagnosis:
    """Why libcuda lists no device: the most telling of what is seen."""
    cuda = facts.driver.libcuda
    if cuda.ended is not None:
        return diagnose("driver-died", why=cuda.unavailable)
    if _is_stub(cuda):
        return _without_library(facts, f"only the toolkit's stub is found ({known(cuda.path)})")
    if cuda.init is None:
        return _without_library(facts, cuda.unavailable)
    return _after_init(facts, cuda, cuda.init)


def _without_library(facts: Facts, why: str) -> Diagnosis:
    driver = facts.driver
    machine = known(facts.platform)
    if not why or why.startswith(_NOT_ASKED):
        return diagnose("driver-unknown", why=why or "the facts do not say")
    if machine is not None and machine.wsl and not known(driver.module):
        return diagnose("wsl-libcuda-missing", why=why)
    if known(driver.nodes):
        return diagnose("libcuda-missing", why=why)
    return _not_given(facts) or diagnose("no-driver", advice=_advice(facts))


def _not_given(facts: Facts) -> Diagnosis | None:
    """A GPU of the host that did not get here; None where the host shows none either."""
    driver = facts.driver
    version = known(driver.proc) or known(driver.module)
    value = facts.environment.get("NVIDIA_VISIBLE_DEVICES")
    if version is not None and value is not None and value.strip().lower() in _WITHHELD:
        return diagnose("gpu-withheld", value=value)
    if version is not None:
        return diagnose("gpu-not-passed", version=version, here=_here(facts), advice=_advice(facts))
    pci = known(driver.pci)
    advice = f"{_INSTALL}; then: {GIVE_GPU}" if _contained(facts) else _advice(facts)
    return diagnose("no-driver-for-gpu", gpu=_pci_text(pci), advice=advice) if pci else None


def _contained(facts: Facts) -> bool:
    container = known(facts.container)
    return container is None or known(container.kind) is not None


def _here(facts: Facts) -> str:
    return "this container" if _contained(facts) else "this environment"


def _advice(facts: Facts) -> str:
    """What brings a GPU: into a container, or to the machine itself."""
    return GIVE_GPU if _contained(facts) else f"{_INSTALL}. In a container: {GIVE_GPU}"


def _pci_text(pci: tuple[str, ...]) -> str:
    return f"GPU (PCI {', '.join(dict.fromkeys(pci))})"


def _after_init(facts: Facts, cuda: DriverLibrary, init: Init) -> Diagnosis:
    said = _said(init)
    if init.code == _COMPAT and (path := compat_path(facts)):
        return diagnose("forward-compatibility-refused", init=said, path=path, folder=path.rpartition("/")[0])
    if init.code in (_MISMATCH, _COMPAT):
        return diagnose("driver-mismatch", init=said)
    if init.code == _NOT_READY:
        return diagnose("fabric-not-ready", init=said)
    if init.code in (0, _NO_DEVICE) and (chosen := _chosen_away(facts)) is not None:
        return chosen
    nvml = facts.driver.nvml.init
    if nvml is not None and nvml.code == _NVML_MISMATCH:
        return diagnose("driver-mismatch", init=said)
    return _of_nodes(facts, init) or diagnose("no-device" if init.code in (0, _NO_DEVICE) else "cuinit-failed", init=said)


def _chosen_away(facts: Facts) -> Diagnosis | None:
    """A GPU that is here and that this process has not chosen."""
    value = facts.environment.get("CUDA_VISIBLE_DEVICES")
    if value is not None:
        return diagnose("devices-hidden", value=value)
    if any(not isinstance(d, Unavailable) and known(d.mig) for d in facts.driver.nvml.devices):
        return diagnose("mig-without-instance")
    return None


def _of_nodes(facts: Facts, init: Init) -> Diagnosis | None:
    """What is wrong with the device nodes; None where nothing is."""
    said = _said(init)
    nodes = {path: usable for path, usable in (known(facts.driver.nodes) or {}).items() if not path.startswith(_CAPS)}
    forbidden = tuple(path for path, usable in nodes.items() if not usable)
    nvml = facts.driver.nvml.init
    if forbidden:
        container = known(facts.container)
        return diagnose("nodes-forbidden", user=container.user if container else "of this process", nodes=forbidden)
    if nvml is not None and nvml.code == _NVML_UNKNOWN:
        return diagnose("gpu-lost", init=said, nvml=known(nvml.message) or "error 999")
    if not nodes:
        path = known(facts.driver.libcuda.path) or "libcuda.so.1"
        return _not_given(facts) or diagnose("driver-in-image", path=path, advice=_advice(facts))
    if init.code and not {"/dev/nvidia-uvm", _WSL_NODE, "/dev/nvmap"} & set(nodes):
        return diagnose("uvm-node-missing", init=said)
    return None


def _said(init: Init) -> str:
    name = known(init.name)
    message = known(init.message)
    return f"cuInit returns {init.code}" + (f" ({', '.join(filter(None, (name, message)))})" if name or message else "")
