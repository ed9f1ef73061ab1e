"""The chain through the real loader: stand-in libraries are opened, a stand-in TensorFlow computes, and the verdict names the link."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from standins import A100, COMPILES, CPU_BUILD, H100, Fault, Gpu, Standins
from tfcompat.check import Report, check_facts
from tfcompat.facts import parse_facts
from tfcompat.matrix import load_bundled
from tfcompat.matrix.catalogue import load_signatures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = COMPILES
NODES = ("nvidia0", "nvidiactl", "nvidia-uvm")
RTX_5090 = Gpu("NVIDIA GeForce RTX 5090", "12.0", 32 << 30)
M60 = Gpu("Tesla M60", "5.2", 8 << 30)


def healthy(standins: Standins, **tensorflow: Any) -> None:
    standins.libcuda(cuda=13000)
    standins.nvml()
    standins.toolkit()
    standins.tensorflow(**{"installed": {"keras": "3.6.0", "protobuf": "5.28.3"}, **tensorflow})
    standins.machine(nodes=NODES, module="580.65.06")


def judge(standins: Standins, *options: str, expect: Any = "auto", **probe: Any) -> Report:
    facts, document = parse_facts(json.dumps(standins.probe(*options, **probe)), "the probe")
    return check_facts(facts, document, load_bundled(), load_signatures(), expect)


def statuses(report: Report) -> dict[str, str]:
    return {link.name: link.status for link in report.chain}


def test_a_gpu_that_works(tmp_path: Path) -> None:
    standins = Standins(tmp_path)
    healthy(standins)
    report = judge(standins)
    assert (report.verdict, report.expected, set(statuses(report).values())) == ("ok", "gpu", {"ok"})


def old_driver(standins: Standins) -> None:
    healthy(standins, gpus=[])
    standins.libcuda(cuda=11040, devices=[A100], file="libcuda.so.470.57.02")
    (standins.folder / "driver/libcuda.so.1").unlink()
    (standins.folder / "driver/libcuda.so.1").symlink_to("libcuda.so.470.57.02")
    standins.machine(nodes=NODES, module="470.57.02")


def compat_refused(standins: Standins) -> None:
    healthy(standins, gpus=[])
    shutil.rmtree(standins.folder / "driver")
    standins.libcuda(init=804, folder="driver/compat", file="libcuda.so.550.54.14")


def cudnn_8(standins: Standins) -> None:
    healthy(standins, gpus=[])
    (standins.folder / "cuda/libcudnn.so.9").unlink()
    standins.library("libcudnn.so.8", "8.9.6")


def older_cudnn(standins: Standins) -> None:
    healthy(standins, faults=[Fault("convolution", "raise", text="DNN library is not found.")])
    standins.library("libcudnn.so.9", "9.1.0")


def no_cusolver(standins: Standins) -> None:
    healthy(standins, gpus=[])
    (standins.folder / "cuda/libcusolver.so.11").unlink()


def cusolver_off_the_path(standins: Standins) -> None:
    no_cusolver(standins)
    standins.library("libcusolver.so.11", "12.5", "site/nvidia/cusolver/lib")


def half_a_cusolver(standins: Standins) -> None:
    healthy(standins, gpus=[])
    standins.library("libcusolver.so.11", "12.5", needs=["libnowhere.so.3"])


def cut_short(standins: Standins) -> None:
    healthy(standins, gpus=[])
    path = standins.folder / "cuda/libcudart.so.12"
    path.write_bytes(path.read_bytes()[:64])


def blackwell(standins: Standins) -> None:
    text = "'cuLaunchKernel(function)' failed with 'CUDA_ERROR_INVALID_HANDLE'"
    healthy(standins, gpus=[RTX_5090], faults=[Fault("elementwise", "raise", text=text)])
    standins.libcuda(cuda=13000, devices=[RTX_5090])
    standins.nvml(devices=[RTX_5090])


def maxwell(standins: Standins) -> None:
    healthy(standins, gpus=[])
    standins.libcuda(cuda=13000, devices=[M60])
    standins.nvml(devices=[M60])


def libcuda(**how: Any) -> Callable[[Standins], None]:
    def arrange(standins: Standins) -> None:
        healthy(standins, gpus=[])
        standins.libcuda(**how)

    return arrange


def fault(*faults: Fault) -> Callable[[Standins], None]:
    return lambda standins: healthy(standins, faults=faults)


def nothing(standins: Standins) -> None:
    standins.tensorflow(gpus=[])


CASES: dict[str, tuple[Callable[[Standins], None], str, str]] = {
    "nothing at all": (nothing, "driver", "no-driver"),
    "no device": (libcuda(init=100), "driver", "no-device"),
    "another kernel module": (libcuda(init=803), "driver", "driver-mismatch"),
    "fabric": (libcuda(init=802), "driver", "fabric-not-ready"),
    "unknown error": (libcuda(init=999), "driver", "cuinit-failed"),
    "a driver that crashes": (libcuda(crash="segfault"), "driver", "driver-died"),
    "forward compatibility": (compat_refused, "driver", "forward-compatibility-refused"),
    "driver too old": (old_driver, "driver", "driver-minimum"),
    "no code in the wheel": (maxwell, "tensorflow", "gpu-architecture"),
    "cudart cut short": (cut_short, "runtime", "library-broken"),
    "cuDNN of another major": (cudnn_8, "libraries", "library-other-version"),
    "cuDNN of an older minor": (older_cudnn, "libraries", "cudnn-runtime"),
    "no cuSOLVER": (no_cusolver, "libraries", "library-missing"),
    "cuSOLVER where nobody looks": (cusolver_off_the_path, "libraries", "library-not-on-path"),
    "cuSOLVER without what it needs": (half_a_cusolver, "libraries", "library-broken"),
    "Blackwell": (blackwell, "runtime", "gpu-known-to-toolkit"),
    "a CPU build": (lambda s: healthy(s, build=CPU_BUILD, gpus=[]), "tensorflow", "wheel-has-cuda"),
    "TensorFlow's own affair": (lambda s: healthy(s, gpus=[]), "tensorflow", "no-gpu-listed"),
    "an import that dies": (fault(Fault("import", "die", text="SIGSEGV")), "tensorflow", "died"),
    "an import that fails": (
        fault(Fault("import", "raise", text="no module named foo", error="ImportError")),
        "tensorflow",
        "import-failed",
    ),
    "no Keras": (fault(Fault("keras", "raise", text="no keras", error="ImportError")), "keras", "keras-missing"),
    "a result on the CPU": (fault(Fault("matmul", "place", text="CPU:0")), "smoke test", "smoke-failed"),
    "not a number": (fault(Fault("reduction", "nan")), "smoke test", "smoke-failed"),
    "wrong numbers": (fault(Fault("convolution", "wrong")), "smoke test", "smoke-failed"),
    "a step that dies": (fault(Fault("convolution", "die", text="SIGABRT")), "smoke test", "died"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_first_broken_link(name: str, tmp_path: Path) -> None:
    arrange, link, diagnosis = CASES[name]
    standins = Standins(tmp_path)
    arrange(standins)
    path = ("driver/compat", "driver", "cuda") if name == "forward compatibility" else ("driver", "cuda")
    report = judge(standins, "--expect", "gpu", expect="gpu", ld_library_path=path)
    assert report.verdict == "broken"
    assert report.failing is not None
    assert report.failing.name == link
    causes = {d.message: d.rule for d in report.failing.diagnoses if d.severity == "error"}
    assert diagnosis in [causes[message] for message in report.failing.causes[:2]]  # those that the output gives


def test_a_hidden_gpu(tmp_path: Path) -> None:
    standins = Standins(tmp_path)
    libcuda(init=100)(standins)
    report = judge(standins, env={"CUDA_VISIBLE_DEVICES": ""})
    assert report.failing is not None
    assert report.failing.because == "CUDA_VISIBLE_DEVICES='' leaves this process no GPU"


def test_a_step_that_hangs_is_named(tmp_path: Path) -> None:
    standins = Standins(tmp_path)
    healthy(standins, faults=[Fault("convolution", "hang")])
    report = judge(standins, "--timeout", "8")
    assert report.failing is not None
    assert report.failing.because == "TensorFlow was still busy during convolution (float32) on /GPU:0 after 8 seconds"


def test_two_gpus_of_different_capability(tmp_path: Path) -> None:
    standins = Standins(tmp_path)
    healthy(standins, gpus=[H100, A100])
    standins.libcuda(cuda=13000, devices=[H100, A100])
    standins.nvml(devices=[H100, A100], mig=True)
    report = judge(standins, "--all-gpus")
    assert report.verdict == "ok"
    assert {"mig", "different-gpus"} <= {d.rule for d in report.findings}
    smoke = report.chain[-1].facts
    assert [name for name in smoke if name.startswith("matmul")] == ["matmul on /GPU:0", "matmul on /GPU:1"]


def test_bfloat16_without_a_kernel_is_no_fault(tmp_path: Path) -> None:
    standins = Standins(tmp_path)
    healthy(standins)
    facts = standins.probe()
    row = next(row for row in facts["tensorflow"]["smoke"] if row["dtype"] == "bfloat16")
    row.update(outcome="skipped", message="Could not find device for node")
    parsed, document = parse_facts(json.dumps(facts), "the probe")
    assert check_facts(parsed, document, load_bundled(), load_signatures()).verdict == "ok"
