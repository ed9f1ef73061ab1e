"""The probe's GPU layers on stand-ins: driver, CUDA's libraries, TensorFlow, each broken in its own way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from standins import A100, COMPILES, CPU_BUILD, GPU_BUILD, H100, PROBE, Fault, Gpu, Standins
from tfcompat import probe

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = COMPILES

STEPS = [
    ("matmul", "float32"),
    ("matmul", "float16"),
    ("matmul", "bfloat16"),
    ("elementwise", "float32"),
    ("reduction", "float32"),
    ("convolution", "float32"),
    ("training", "float32"),
]
GPU_0 = "/job:localhost/replica:0/task:0/device:GPU:0"


@pytest.fixture
def standins(tmp_path: Path) -> Standins:
    return Standins(tmp_path)


def steps(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each step that is not ok, and what is said of it."""
    found = [(f"{cell['step']} {cell['dtype']}", cell) for cell in facts["tensorflow"]["smoke"]]
    return [(name, f"{cell['outcome']}: {cell['message']}") for name, cell in found if cell["outcome"] != "ok"]


# -- the driver -------------------------------------------------------------------------------------


def driver(standins: Standins, *options: str, **how: Any) -> dict[str, Any]:
    found = standins.probe("--no-tensorflow", *options, **how)["driver"]
    assert isinstance(found, dict)
    return found


def test_a_healthy_driver_is_told_by_both_libraries(standins: Standins) -> None:
    standins.libcuda(cuda=13000, devices=[H100, A100])
    standins.nvml(driver="580.65.06", cuda=13000, devices=[H100, A100])
    found = driver(standins)
    assert found["libcuda"] == {
        "path": f"{standins.folder}/driver/libcuda.so.580.65.06",
        "cuda": "13.0",
        "init": {"code": 0, "name": "CUDA_SUCCESS", "message": "no error"},
        "count": {"code": 0, "devices": 2},
        "devices": [
            {"name": "NVIDIA H100 80GB HBM3", "capability": "9.0", "memory": 80 << 30},
            {"name": "NVIDIA A100-SXM4-40GB", "capability": "8.0", "memory": 40 << 30},
        ],
    }
    assert found["nvml"] == {
        "path": f"{standins.folder}/driver/libnvidia-ml.so.1",
        "init": {"code": 0, "message": "Success"},
        "driver": "580.65.06",
        "cuda": "13.0",
        "devices": [
            {"name": "NVIDIA H100 80GB HBM3", "capability": "9.0", "memory": {"total": 80 << 30, "free": 40 << 30}, "mig": False},
            {"name": "NVIDIA A100-SXM4-40GB", "capability": "8.0", "memory": {"total": 40 << 30, "free": 20 << 30}, "mig": False},
        ],
    }


def test_an_old_driver_states_an_old_cuda(standins: Standins) -> None:
    standins.libcuda(cuda=11040, file="libcuda.so.470.256.02")
    standins.nvml(driver="470.256.02", cuda=11040)
    found = driver(standins)
    assert found["libcuda"]["path"].endswith("/libcuda.so.470.256.02")
    assert (found["libcuda"]["cuda"], found["nvml"]["driver"], found["nvml"]["cuda"]) == ("11.4", "470.256.02", "11.4")


def test_a_management_library_that_lacks_newer_functions_tells_the_rest(standins: Standins) -> None:
    standins.nvml(driver="396.26", without=["nvmlSystemGetCudaDriverVersion_v2", "nvmlDeviceGetMigMode"])
    found = driver(standins)["nvml"]
    assert (found["driver"], found["devices"][0]["name"]) == ("396.26", H100.name)
    assert "undefined symbol: nvmlDeviceGetMigMode" in found["devices"][0]["mig"]["unavailable"]
    assert not {"cuda", "unavailable"} & set(found)


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        (3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"),
        (34, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"),
        (46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"),
        (100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"),
        (101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"),
        (304, "CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"),
        (500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"),
        (802, "CUDA_ERROR_SYSTEM_NOT_READY", "system not yet initialized"),
        (803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"),
        (999, "CUDA_ERROR_UNKNOWN", "unknown error"),
        (12345, {"unavailable": "error 1"}, {"unavailable": "error 1"}),  # newer than the library
    ],
)
def test_a_driver_that_does_not_start_says_why(standins: Standins, code: int, name: object, message: object) -> None:
    standins.libcuda(init=code)
    assert driver(standins)["libcuda"] == {
        "path": f"{standins.folder}/driver/libcuda.so.580.65.06",
        "cuda": "12.8",
        "init": {"code": code, "name": name, "message": message},
    }


def test_forward_compatibility_shows_in_the_path(standins: Standins) -> None:
    standins.libcuda(init=0, file="libcuda.so.470.256.02")
    standins.libcuda(init=804, cuda=12050, file="libcuda.so.555.42.06", folder="cuda-12.5/compat")
    found = driver(standins, ld_library_path=["cuda-12.5/compat", "driver"])["libcuda"]
    assert found["path"] == f"{standins.folder}/cuda-12.5/compat/libcuda.so.555.42.06"
    assert (found["cuda"], found["init"]["name"]) == ("12.5", "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE")


@pytest.mark.parametrize(("count", "devices"), [(0, 0), (100, 0)])
def test_a_driver_that_starts_without_devices_says_so(standins: Standins, count: int, devices: int) -> None:
    standins.libcuda(devices=[], count=count)
    found = driver(standins)["libcuda"]
    assert found["count"] == {"code": count, "devices": devices}
    assert (found.get("devices"), found.get("unavailable")) == (([], None) if count == 0 else (None, "error 100"))


def test_a_driver_that_aborts_is_a_fact(standins: Standins) -> None:
    standins.libcuda(crash="abort")
    found = driver(standins)["libcuda"]
    assert (found["unavailable"], found["ended"]) == ("the process died of SIGABRT", {"how": "signal", "signal": "SIGABRT"})
    assert (found["cuda"], found["log"][0]) == ("12.8", "Fatal Python error: Aborted")


def test_a_driver_that_hangs_is_a_fact(standins: Standins) -> None:
    standins.libcuda(crash="hang")
    found = driver(standins, library_seconds=0.5)["libcuda"]
    assert (found["unavailable"], found["ended"]) == ("no answer within 0.5 seconds", {"how": "hung", "limit": 0.5})
    assert (found["path"], found["cuda"]) == (f"{standins.folder}/driver/libcuda.so.580.65.06", "12.8")


@pytest.mark.parametrize(
    ("code", "message"),
    [(9, "Driver Not Loaded"), (18, "Driver/library version mismatch"), (4, "Insufficient Permissions"), (999, "Unknown Error")],
)
def test_a_management_library_that_does_not_start_says_why(standins: Standins, code: int, message: str) -> None:
    standins.nvml(init=code)
    assert driver(standins)["nvml"] == {"path": f"{standins.folder}/driver/libnvidia-ml.so.1", "init": {"code": code, "message": message}}


@pytest.mark.parametrize(("mig", "told"), [(True, True), (False, False), (None, False)], ids=["on", "off", "not supported"])
def test_mig_is_told(standins: Standins, mig: bool | None, told: bool) -> None:
    standins.nvml(devices=[A100], mig=mig)
    assert [device["mig"] for device in driver(standins)["nvml"]["devices"]] == [told]


def test_a_forward_compatibility_package_is_told_where_it_lies(standins: Standins) -> None:
    folder = "usr/local/cuda-12.5/compat"
    root = standins.machine(files={f"{folder}/libcuda.so.555.42.06": "", f"{folder}/libcudadebugger.so.1": ""})
    (root / folder / "libcuda.so.1").symlink_to("libcuda.so.555.42.06")
    (root / "usr/local/cuda").symlink_to("cuda-12.5")
    assert driver(standins)["compat"] == ["/usr/local/cuda-12.5/compat/libcuda.so.555.42.06"]


def test_a_probe_that_may_start_no_process_says_so_of_all_that_needs_one(standins: Standins) -> None:
    standins.libcuda()
    standins.tensorflow()
    patch = "def no_fork():\n    raise BlockingIOError(11, 'Resource temporarily unavailable')\nos.fork = no_fork"
    facts = standins.probe("--expect", "gpu", patch=patch)
    reason = "no process could be started: BlockingIOError: Resource temporarily unavailable"
    assert [facts["driver"]["libcuda"], facts["driver"]["nvml"], facts["wheel"]["build"], facts["tensorflow"]] == [
        {"unavailable": reason}
    ] * 4
    assert facts["libraries"] == {"unavailable": f"not tried: {reason}"}


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "file too short"), (b"#!/bin/sh\n" * 100, "invalid ELF header")], ids=["empty", "text"]
)
def test_a_driver_library_that_is_none_is_a_reason(standins: Standins, content: bytes, reason: str) -> None:
    (standins.folder / "driver").mkdir()
    (standins.folder / "driver/libcuda.so.1").write_bytes(content)  # what a container runtime leaves behind
    assert driver(standins)["libcuda"] == {"unavailable": f"{standins.folder}/driver/libcuda.so.1: {reason}"}


@pytest.mark.parametrize(
    ("options", "wants"), [([], False), (["--expect", "gpu"], True), (["--expect", "cpu"], False)], ids=["auto", "gpu", "cpu"]
)
def test_a_gpu_is_wanted_where_one_is_expected(standins: Standins, options: list[str], wants: bool) -> None:
    (standins.folder / "driver").mkdir()
    (standins.folder / "driver/libcuda.so.1").write_bytes(b"")  # hides that of this machine
    assert standins.probe("--no-tensorflow", *options)["asked"]["gpu"] is wants


@pytest.mark.parametrize("sign", ["node", "module", "library"])
def test_any_sign_of_a_gpu_makes_one_wanted(standins: Standins, sign: str) -> None:
    standins.machine(nodes=["nvidia0"] if sign == "node" else [], module="580.65.06" if sign == "module" else "")
    if sign == "library":
        standins.libcuda(init=100)
    assert standins.probe("--no-tensorflow")["asked"]["gpu"] is True


@pytest.mark.parametrize(("init", "folder"), [(34, "driver"), (100, "cuda/lib64/stubs")])
def test_a_toolkits_stub_of_the_driver_is_no_sign_of_a_gpu(standins: Standins, init: int, folder: str) -> None:
    standins.libcuda(init=init, folder=folder)
    facts = standins.probe("--no-tensorflow", ld_library_path=[folder])
    assert (facts["driver"]["libcuda"]["init"]["code"], facts["asked"]["gpu"]) == (init, False)


@pytest.mark.parametrize(("path", "seen"), [("/usr/lib/libcuda.so.1", True), ({"unavailable": "the loader does not say"}, False)])
def test_a_driver_library_counts_by_its_path(path: object, seen: bool) -> None:
    nothing = {"unavailable": "No such file or directory"}
    assert probe.sees_gpu({"module": nothing, "proc": nothing, "nodes": {}, "libcuda": {"path": path}}) is seen


# -- CUDA's libraries -------------------------------------------------------------------------------


def libraries(standins: Standins, **how: Any) -> dict[str, dict[str, Any]]:
    found = standins.probe("--no-tensorflow", "--expect", "gpu", **how)["libraries"]
    return {cell["soname"]: cell for cell in found}


@pytest.mark.parametrize(
    ("build", "version", "cuda", "cudnn", "stated"),
    [
        (
            {"cuda_version": "12.5.1", "cudnn_version": "9"},
            "2.18.0",
            "12.5.3",
            "9.3.0",
            "12.5 12.5.3 12.5.3 12.5.3 12.5.3 12.5.3 12.5.3 9.3.0 12.5 2.23.4",
        ),
        (
            {"cuda_version": "11.8", "cudnn_version": "8"},
            "2.14.1",
            "11.8",
            "8.9.7",
            "11.8 11.8.0 11.8.0 11.8.0 11.8.0 11.8.0 11.8.0 8.9.7 2.23.4",
        ),
        ({"cuda_version": "10.1", "cudnn_version": "7"}, "2.3.4", "10.1", "7.6.5", "10.1 10.1.0 10.1.0 10.1.0 10.1.0 10.1.0 7.6.5 2.23.4"),
        (
            {"cuda_version": "13.0", "cudnn_version": "9"},
            "2.99.0",
            "13.0",
            "9.13.0",
            "13.0 13.0.0 13.0.0 13.0.0 13.0.0 13.0.0 13.0.0 9.13.0 13.0 2.23.4",
        ),
    ],
    ids=["12.5", "11.8", "10.1", "13.0"],
)
def test_every_library_states_its_version(
    standins: Standins, build: dict[str, Any], version: str, cuda: str, cudnn: str, stated: str
) -> None:
    standins.toolkit(cuda, cudnn=cudnn)
    standins.tensorflow(version, build={"is_cuda_build": True, **build})
    found = libraries(standins)
    assert " ".join(cell["version"] for cell in found.values()) == stated
    assert {Path(cell["path"]).parent for cell in found.values()} == {standins.folder / "cuda"}


def test_libraries_are_found_by_runpath(standins: Standins) -> None:
    standins.tensorflow(search=["$ORIGIN/../nvidia/cudnn/lib", "$ORIGIN/../nvidia/cuda_runtime/lib"])
    standins.library("libcudnn.so.9", "9.3.0", "site/nvidia/cudnn/lib")
    standins.library("libcudart.so.12", "12.5", "site/nvidia/cuda_runtime/lib")
    found = libraries(standins)
    assert found["libcudnn.so.9"] == {
        "soname": "libcudnn.so.9",
        "needed": True,
        "path": f"{standins.site}/nvidia/cudnn/lib/libcudnn.so.9",
        "where": f"{standins.site}/nvidia/cudnn/lib",
        "version": "9.3.0",
    }
    assert found["libcudart.so.12"]["version"] == "12.5"


@pytest.mark.parametrize(("rpath", "version"), [(True, "9.3.0"), (False, "9.1.0")], ids=["RPATH", "RUNPATH"])
def test_rpath_comes_before_ld_library_path_and_runpath_after(standins: Standins, rpath: bool, version: str) -> None:
    standins.tensorflow(search=["$ORIGIN/../nvidia/cudnn/lib"], rpath=rpath)
    standins.library("libcudnn.so.9", "9.3.0", "site/nvidia/cudnn/lib")
    standins.library("libcudnn.so.9", "9.1.0")
    assert libraries(standins)["libcudnn.so.9"]["version"] == version


@pytest.mark.parametrize("nccl", ["2.8.4", "2.9.6", "2.23.4"])
def test_both_ways_in_which_nccl_counts_its_versions_are_read(standins: Standins, nccl: str) -> None:
    standins.toolkit(nccl=nccl)
    standins.tensorflow()
    assert libraries(standins)["libnccl.so.2"]["version"] == nccl


def test_a_missing_library_is_told_with_the_words_of_the_loader(standins: Standins) -> None:
    standins.toolkit(without=["libcusolver.so.11"])
    standins.tensorflow()
    found = libraries(standins)
    assert {name for name, cell in found.items() if "unavailable" in cell} == {"libcusolver.so.11"}
    assert found["libcusolver.so.11"] == {
        "soname": "libcusolver.so.11",
        "needed": True,
        "unavailable": "libcusolver.so.11: cannot open shared object file: No such file or directory",
        "elsewhere": [],
        "others": [],
    }


def test_a_library_that_lies_where_the_loader_does_not_look_is_told(standins: Standins) -> None:
    standins.toolkit(without=["libcudnn.so.9"])
    standins.tensorflow()
    path = standins.library("libcudnn.so.9", "9.3.0", "site/nvidia/cudnn/lib")
    assert libraries(standins)["libcudnn.so.9"]["elsewhere"] == [str(path)]


@pytest.fixture
def with_search_path(standins: Standins) -> Standins:
    """The interpreter's own ctypes has a RUNPATH, its folder ``site``, as that of conda has conda's ``lib``."""
    import _ctypes

    file = str(getattr(_ctypes, "__file__", ""))
    own = probe.elf_search_path(file)[1].encode() if file else b""
    if len(own) < len("$ORIGIN"):
        pytest.skip("the _ctypes of this Python has no RUNPATH that could be changed")
    standins.tensorflow(search=["$ORIGIN/../nvidia/cusparse/lib"])
    (standins.site / Path(file).name).write_bytes(Path(file).read_bytes().replace(own + b"\0", b"$ORIGIN".ljust(len(own) + 1, b"\0")))
    return standins


NOWHERE = "interpreter_folders = lambda kind: []"


def test_what_the_loader_finds_for_the_interpreter_alone_is_not_found(with_search_path: Standins) -> None:
    path = with_search_path.library("libcudnn.so.9", "9.3.0", "site")
    found = libraries(with_search_path)["libcudnn.so.9"]
    assert found["unavailable"] == "libcudnn.so.9: cannot open shared object file: No such file or directory"
    assert found["elsewhere"] == [str(path)]
    assert libraries(with_search_path, patch=NOWHERE)["libcudnn.so.9"]["path"] == str(path)  # so the loader has it


def test_what_the_loader_finds_for_every_program_counts_before_the_interpreters_own(with_search_path: Standins) -> None:
    with_search_path.library("libcudnn.so.9", "9.3.0", "site")
    with_search_path.library("libcudnn.so.8", "8.9.7", "site")
    (with_search_path.folder / "text").write_text("no library")
    path = with_search_path.library("libcudnn.so.9", "9.1.0", "system")
    patch = f"system_paths = lambda soname: ['{with_search_path.folder}/text', '{path}'] if soname == '{path.name}' else []"
    found = libraries(with_search_path, patch=patch)["libcudnn.so.9"]
    assert (found["path"], found["where"], found["version"]) == (str(path), "loader", "9.1.0")


def test_a_library_that_another_brought_along_is_that_one(with_search_path: Standins) -> None:
    with_search_path.library("libnvJitLink.so.12", "12.1", "site")
    path = with_search_path.library("libnvJitLink.so.12", "12.5", "site/nvidia/nvjitlink/lib")
    with_search_path.library(
        "libcusparse.so.12", "12.5", "site/nvidia/cusparse/lib", needs=[path.name], search="$ORIGIN/../../nvjitlink/lib"
    )
    assert libraries(with_search_path)["libnvJitLink.so.12"]["path"] == str(path)


def test_a_library_of_the_system_is_known_by_its_file() -> None:
    (name,) = {Path(path).name for path in probe.system_paths("libc.so.6")}
    assert name == "libc.so.6"
    assert probe.system_paths("libno.so.6") == []


def test_a_library_behind_a_link_has_the_folder_of_the_link_as_its_origin(standins: Standins) -> None:
    package = standins.tensorflow(search=["$ORIGIN/../nvidia/cudnn/lib"]) / "tensorflow"
    path = standins.library("libcudnn.so.9", "9.3.0", "site/nvidia/cudnn/lib")
    cached = standins.folder / "cache/0123.so"
    cached.parent.mkdir()
    (package / "libtensorflow_framework.so.2").rename(cached)
    (package / "libtensorflow_framework.so.2").symlink_to(cached)
    assert libraries(standins)["libcudnn.so.9"]["path"] == str(path)


def test_a_package_folder_behind_a_link_is_left_by_its_own_parent(standins: Standins) -> None:
    """The kernel follows the link before it goes up."""
    package = standins.tensorflow(search=["$ORIGIN/../nvidia/cudnn/lib"]) / "tensorflow"
    path = standins.library("libcudnn.so.9", "9.3.0", "cache/nvidia/cudnn/lib")
    package.rename(standins.folder / "cache/tensorflow")
    package.symlink_to(standins.folder / "cache/tensorflow")
    assert libraries(standins)["libcudnn.so.9"]["path"] == str(path)


PARTS_9 = ["graph", "ops", "cnn", "adv", "engines_precompiled", "engines_runtime_compiled", "heuristic"]
PARTS_8 = ["ops_infer", "ops_train", "cnn_infer", "cnn_train", "adv_infer", "adv_train"]


def with_parts(standins: Standins, major: int, without: str = "", **how: Any) -> None:
    standins.toolkit(cudnn=f"{major}.3.0")
    for part in PARTS_9 if major == 9 else PARTS_8:
        if part != without:
            standins.library(f"libcudnn_{part}.so.{major}", f"{major}.3.0", **how)
    standins.tensorflow(build={**GPU_BUILD, "cudnn_version": str(major)})


@pytest.mark.parametrize("major", [8, 9])
def test_a_cudnn_with_all_its_parts_lacks_none(standins: Standins, major: int) -> None:
    with_parts(standins, major)
    found = libraries(standins)[f"libcudnn.so.{major}"]
    assert found["version"] == f"{major}.3.0"
    assert "missing_parts" not in found


@pytest.mark.parametrize(("major", "part"), [(8, "cnn_infer"), (9, "ops"), (9, "engines_precompiled")])
def test_a_part_of_cudnn_that_is_not_there_is_told(standins: Standins, major: int, part: str) -> None:
    with_parts(standins, major, part)
    name = f"libcudnn_{part}.so.{major}"
    found = libraries(standins)[f"libcudnn.so.{major}"]
    assert found["missing_parts"] == {name: f"{name}: cannot open shared object file: No such file or directory"}


def test_a_part_of_cudnn_that_lies_elsewhere_on_the_loaders_way_is_there(standins: Standins) -> None:
    with_parts(standins, 9, "ops")
    standins.library("libcudnn_ops.so.9", "9.3.0", "more")
    assert "missing_parts" not in libraries(standins, ld_library_path=["cuda", "more"])["libcudnn.so.9"]


def test_parts_of_cudnn_beside_the_linked_file_alone_are_not_found(standins: Standins) -> None:
    with_parts(standins, 9, folder="real")
    (standins.folder / "cuda/libcudnn.so.9").rename(standins.folder / "real/libcudnn.so.9")
    (standins.folder / "cuda/libcudnn.so.9").symlink_to(standins.folder / "real/libcudnn.so.9")
    assert list(libraries(standins)["libcudnn.so.9"]["missing_parts"]) == [f"libcudnn_{part}.so.9" for part in PARTS_9]


def test_a_part_of_cudnn_that_is_damaged_is_told(standins: Standins) -> None:
    with_parts(standins, 9)
    (standins.folder / "cuda/libcudnn_cnn.so.9").write_text("version https://git-lfs.github.com/spec/v1\n" * 10)
    reason = f"{standins.folder}/cuda/libcudnn_cnn.so.9: invalid ELF header"
    assert libraries(standins)["libcudnn.so.9"]["missing_parts"] == {"libcudnn_cnn.so.9": reason}


def test_a_part_of_cudnn_that_kills_the_process_is_told(standins: Standins) -> None:
    with_parts(standins, 9)
    path = standins.folder / "cuda/libcudnn_ops.so.9"
    patch = f"real = load\nload = lambda *how: os.abort() if how[0] == '{path.name}' else real(*how)"
    found = libraries(standins, patch=patch)
    assert (found["libcudnn.so.9"]["version"], found["libcudnn.so.9"]["missing_parts"]) == (
        "9.3.0",
        {path.name: "the process died while opening it"},
    )
    assert found["libnccl.so.2"]["unavailable"] == "not tried: the process died of SIGABRT"


def test_a_part_of_cudnn_that_lacks_the_driver_is_no_fault_of_cudnn(standins: Standins) -> None:
    with_parts(standins, 9)
    standins.library("libcudnn_engines_runtime_compiled.so.9", "9.3.0", needs=["libcuda.so.1"])
    assert "missing_parts" not in libraries(standins)["libcudnn.so.9"]


def test_a_library_whose_own_dependency_is_missing_names_that(standins: Standins) -> None:
    standins.toolkit(without=["libnvJitLink.so.12"])
    standins.library("libcusparse.so.12", "12.5", needs=["libnvJitLink.so.12"])
    standins.tensorflow()
    found = libraries(standins)
    assert found["libcusparse.so.12"]["unavailable"] == "libnvJitLink.so.12: cannot open shared object file: No such file or directory"


def test_cudnn_8_beside_a_wheel_that_wants_9_is_told(standins: Standins) -> None:
    standins.toolkit("12.3", cudnn="8.9.6")
    standins.tensorflow()
    found = libraries(standins)["libcudnn.so.9"]
    assert found["unavailable"] == "libcudnn.so.9: cannot open shared object file: No such file or directory"
    assert found["others"] == [{"soname": "libcudnn.so.8", "path": f"{standins.folder}/cuda/libcudnn.so.8", "version": "8.9.6"}]


def test_a_library_that_is_a_text_file_is_told_and_hides_a_later_one(standins: Standins) -> None:
    standins.toolkit()
    (standins.folder / "pointers").mkdir()
    (standins.folder / "pointers/libcudnn.so.9").write_text("version https://git-lfs.github.com/spec/v1\n" * 10)
    standins.tensorflow()
    found = libraries(standins, ld_library_path=["pointers", "cuda"])["libcudnn.so.9"]
    assert found["unavailable"] == f"{standins.folder}/pointers/libcudnn.so.9: invalid ELF header"


@pytest.mark.parametrize(("place", "value"), [(4, 1), (18, 8)], ids=["32-bit", "MIPS"])
def test_a_library_of_another_machine_is_passed_over(standins: Standins, place: int, value: int) -> None:
    standins.toolkit()
    other = bytearray((standins.folder / "cuda/libcudnn.so.9").read_bytes())
    other[place] = value
    (standins.folder / "other").mkdir()
    (standins.folder / "other/libcudnn.so.9").write_bytes(other)
    standins.tensorflow()
    assert libraries(standins, ld_library_path=["other", "cuda"])["libcudnn.so.9"]["where"] == str(standins.folder / "cuda")


def test_a_library_without_the_question_has_no_version(standins: Standins) -> None:
    standins.toolkit()
    standins.library("libcudnn.so.9", "9.3.0").write_bytes(standins.library("libnccl.so.2", "2.23.4").read_bytes())
    standins.tensorflow()
    found = libraries(standins)["libcudnn.so.9"]
    assert "undefined symbol: cudnnGetVersion" in found["version"]["unavailable"]


def test_a_cpu_build_wants_no_library(standins: Standins) -> None:
    standins.tensorflow(build=CPU_BUILD)
    assert libraries(standins) == {}


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        ({"is_cuda_build": True}, "the build names no CUDA or no cuDNN version"),
        ({"is_cuda_build": True, "cuda_version": "9.0", "cudnn_version": "7"}, "which libraries CUDA 9.0 has is not known to this probe"),
        ({"cpu_compiler": "gcc"}, "not tried: {}/tensorflow/python/platform/build_info.py states nothing about CUDA"),
    ],
)
def test_a_build_that_says_too_little_is_a_reason(standins: Standins, build: dict[str, Any], reason: str) -> None:
    site = standins.tensorflow(build=build)
    assert standins.probe("--no-tensorflow", "--expect", "gpu")["libraries"] == {"unavailable": reason.format(site)}


def test_without_tensorflow_no_library_is_tried(standins: Standins) -> None:
    found = standins.probe("--no-tensorflow", "--expect", "gpu")["libraries"]
    assert found == {"unavailable": "not tried: no tensorflow package with code of its own is on sys.path"}


def test_without_a_gpu_no_library_is_tried(standins: Standins) -> None:
    standins.tensorflow()
    assert standins.probe("--no-tensorflow", "--expect", "cpu")["libraries"] == {"unavailable": "not tried: no GPU is expected"}


# -- TensorFlow -------------------------------------------------------------------------------------


def test_a_healthy_gpu_passes_the_whole_smoke_test(standins: Standins) -> None:
    standins.machine(nodes=["nvidia0"], module="580.65.06")
    standins.libcuda()
    standins.toolkit()
    standins.tensorflow(loads=[standins.folder / "cuda/libcudnn.so.9"])
    facts = standins.probe()
    found = facts["tensorflow"]
    assert [(cell["step"], cell["dtype"]) for cell in found["smoke"]] == STEPS
    assert {(cell["outcome"], cell["device"], cell["placed"]) for cell in found["smoke"]} == {("ok", "/GPU:0", GPU_0)}
    assert (found["stage"], found["ended"], found["log"], found["out_of_memory_kills"]) == ("end", {"how": "done"}, [], 0)
    assert (found["version"], found["build"], found["file"]) == ("2.18.0", GPU_BUILD, f"{standins.site}/tensorflow/__init__.py")
    assert found["devices"] == [{"name": "/physical_device:GPU:0", "details": {"name": H100.name, "capability": "9.0"}}]
    assert found["loaded"] == [f"{standins.folder}/cuda/libcudnn.so.9"]
    assert [cell["version"] for cell in facts["distributions"]["installed"] if cell["name"] == "tensorflow"] == ["2.18.0"]


def test_on_the_cpu_the_same_is_computed_there(standins: Standins) -> None:
    standins.tensorflow(build=CPU_BUILD, gpus=[])
    found = standins.probe("--expect", "cpu")["tensorflow"]
    assert [(cell["step"], cell["dtype"], cell["outcome"]) for cell in found["smoke"]] == [(*step, "ok") for step in STEPS]
    assert {cell["device"] for cell in found["smoke"]} == {"/CPU:0"}


@pytest.mark.parametrize(("option", "kind"), [("auto", "GPU"), ("cpu", "CPU")])
def test_a_gpu_that_tensorflow_lists_is_used_unless_the_cpu_is_expected(standins: Standins, option: str, kind: str) -> None:
    standins.libcuda(init=100)
    standins.tensorflow()
    found = standins.probe("--expect", option)["tensorflow"]
    assert [(cell["device"], cell["outcome"]) for cell in found["smoke"]] == [(f"/{kind}:0", "ok")] * len(STEPS)


def test_a_keras_that_cannot_be_imported_costs_the_training_alone(standins: Standins) -> None:
    text = "Keras cannot be imported. Check that it is installed."
    standins.tensorflow(faults=[Fault("keras", "raise", text, error="ImportError")])
    facts = standins.probe("--expect", "gpu")
    assert facts["tensorflow"]["keras"] == {"unavailable": f"ImportError: {text}"}
    assert steps(facts) == [("training float32", f"failed: ImportError: {text}")]


@pytest.mark.parametrize(
    ("version", "module", "keras"),
    [
        ("2.18.0", "keras", "3.6.0"),
        ("2.15.1", "keras", "2.15.0"),
        ("2.18.0", "tf_keras", "2.18.0"),
        ("2.4.4", "tensorflow", "2.4.0"),
        ("1.15.5", "tensorflow", "2.2.4-tf"),
    ],
)
def test_what_stands_behind_keras_is_told(standins: Standins, version: str, module: str, keras: str) -> None:
    standins.tensorflow(version, keras_module=module, keras=keras)
    found = standins.probe("--no-smoke")["tensorflow"]
    assert (found["version"], found["keras"]) == (version, {"module": module, "version": keras, "backend": "tensorflow"})
    assert (found["smoke"], found["stage"]) == ([], "end")


def test_a_gpu_that_is_expected_and_not_listed_fails(standins: Standins) -> None:
    standins.tensorflow(gpus=[])
    assert standins.probe("--expect", "gpu")["tensorflow"]["smoke"] == [
        {"step": "device", "device": "/GPU:0", "outcome": "failed", "message": "TensorFlow lists no GPU"}
    ]


NO_NUMBER = "failed: the result is not a number"
TEN_PERCENT = "failed: the result differs by 0.1 of its size from the same in NumPy"


@pytest.mark.parametrize(("do", "reason"), [("wrong", TEN_PERCENT), ("nan", NO_NUMBER), ("inf", NO_NUMBER)])
def test_wrong_numbers_fail_in_every_step(standins: Standins, do: str, reason: str) -> None:
    names = dict.fromkeys(step for step, _ in STEPS)
    standins.tensorflow(faults=[Fault(step, do, dtype="float32", times=1) for step in names])
    found = dict(steps(standins.probe("--expect", "gpu")))
    assert list(found) == [f"{step} float32" for step in names]
    if do == "nan":
        assert found.pop("training float32").startswith("failed: ArithmeticError: the loss does not fall: ")
    assert set(found.values()) == {reason}


def test_results_on_the_cpu_fail_where_the_gpu_was_asked_for(standins: Standins) -> None:
    standins.tensorflow(faults=[Fault(step, "place", "CPU:0") for step in dict.fromkeys(step for step, _ in STEPS)])
    reason = f"failed: the result is on {GPU_0.replace('GPU', 'CPU')}, not on /GPU:0"
    assert steps(standins.probe("--expect", "gpu")) == [(" ".join(step), reason) for step in STEPS]


def test_a_result_that_is_wrong_in_both_ways_is_still_json(standins: Standins) -> None:
    standins.tensorflow(faults=[Fault("matmul", "place", "CPU:0", dtype="float32"), Fault("matmul", "nan", dtype="float32")])
    found = standins.probe("--expect", "gpu")["tensorflow"]["smoke"][0]
    assert (found["outcome"], found["error"]) == ("failed", None)


@pytest.mark.parametrize(
    "text",
    ["Could not find device for node: {{node MatMul}}", "No OpKernel was registered to support Op 'MatMul'", "Could not find valid device"],
)
def test_a_type_without_a_kernel_is_skipped(standins: Standins, text: str) -> None:
    standins.tensorflow(faults=[Fault("matmul", "raise", text, dtype=dtype) for dtype in ("float16", "bfloat16")])
    facts = standins.probe("--expect", "gpu")
    assert steps(facts) == [(f"matmul {dtype}", f"skipped: InvalidArgumentError: {text}") for dtype in ("float16", "bfloat16")]
    assert facts["tensorflow"]["log"] == []


NO_KERNEL = (
    f"Could not satisfy device specification '{GPU_0}'. enable_soft_placement=0. Supported device types [CPU]. "
    f"All available devices [{GPU_0.replace('GPU', 'CPU')}, {GPU_0}]."
)
NOT_SUPPORTED = "failed to run cuBLAS routine: CUBLAS_STATUS_NOT_SUPPORTED [Op:MatMul]"
BLAS = "Blas xGEMM launch failed : a.shape=[1,256,256], b.shape=[1,256,256], m=256, n=256, k=256 [Op:MatMul]"
T4, UNKNOWN = Gpu("Tesla T4", "7.5", 15 << 30), Gpu("?", "", 0)


@pytest.mark.parametrize(
    ("dtype", "error", "text", "gpu"),
    [
        ("bfloat16", "InvalidArgumentError", NO_KERNEL, H100),
        ("float16", "InvalidArgumentError", NO_KERNEL, H100),
        ("float16", "InternalError", NOT_SUPPORTED, H100),
        ("bfloat16", "InternalError", NOT_SUPPORTED, UNKNOWN),
        ("bfloat16", "UnimplementedError", "no algorithm worked! [Op:MatMul]", H100),
        ("float16", "InternalError", "UNIMPLEMENTED: DNN library is not found", H100),
        ("bfloat16", "InternalError", BLAS, T4),
    ],
)
def test_a_type_that_tensorflow_or_an_old_gpu_lacks_is_skipped(standins: Standins, dtype: str, error: str, text: str, gpu: Gpu) -> None:
    standins.tensorflow(gpus=[gpu], faults=[Fault("matmul", "raise", text, dtype=dtype, error=error)])
    assert steps(standins.probe("--expect", "gpu")) == [(f"matmul {dtype}", f"skipped: {error}: {text}")]


@pytest.mark.parametrize(
    ("dtype", "error", "text", "gpu"),
    [
        ("bfloat16", "InternalError", BLAS, A100),
        ("bfloat16", "InternalError", BLAS, UNKNOWN),
        ("float16", "InternalError", BLAS, T4),
        ("bfloat16", "RuntimeError", BLAS, T4),
        ("bfloat16", "InternalError", "CUDA error: an illegal memory access was encountered", T4),
        ("float16", "InternalError", "failed to create cublas handle: CUBLAS_STATUS_NOT_INITIALIZED", T4),
    ],
)
def test_any_other_error_of_a_type_fails(standins: Standins, dtype: str, error: str, text: str, gpu: Gpu) -> None:
    standins.tensorflow(gpus=[gpu], faults=[Fault("matmul", "raise", text, dtype=dtype, error=error)])
    assert steps(standins.probe("--expect", "gpu")) == [(f"matmul {dtype}", f"failed: {error}: {text}")]


def test_a_gpu_that_refuses_every_type_is_not_too_old(standins: Standins) -> None:
    standins.tensorflow(gpus=[T4], faults=[Fault("matmul", "raise", NOT_SUPPORTED, error="InternalError")])
    reason = f"failed: InternalError: {NOT_SUPPORTED}"
    assert steps(standins.probe("--expect", "gpu")) == [(f"matmul {dtype}", reason) for dtype in ("float32", "float16", "bfloat16")]


def test_a_wrong_result_of_an_old_gpu_fails(standins: Standins) -> None:
    standins.tensorflow(gpus=[T4], faults=[Fault("matmul", "wrong", dtype="bfloat16"), Fault("matmul", "place", "CPU:0", dtype="float16")])
    found = dict(steps(standins.probe("--expect", "gpu")))
    assert found["matmul bfloat16"].startswith("failed: the result differs by ")
    assert found["matmul float16"].startswith("failed: the result is on ")


def test_float32_without_a_kernel_fails_and_the_log_keeps_the_traceback(standins: Standins) -> None:
    text = "Could not find device for node: {{node MatMul}}"
    standins.tensorflow(faults=[Fault("matmul", "raise", text, dtype="float32")])
    facts = standins.probe("--expect", "gpu")
    assert steps(facts) == [("matmul float32", f"failed: InvalidArgumentError: {text}")]
    assert facts["tensorflow"]["log"][-1] == f"tensorflow.InvalidArgumentError: {text}"


def test_an_error_in_one_step_does_not_cost_the_others(standins: Standins) -> None:
    text = "DNN library is not found. [Op:Conv2D]"
    standins.tensorflow(faults=[Fault("convolution", "raise", text, error="RuntimeError")])
    facts = standins.probe("--expect", "gpu")
    assert steps(facts) == [("convolution float32", f"failed: RuntimeError: {text}")]
    assert len(facts["tensorflow"]["smoke"]) == len(STEPS)


@pytest.mark.parametrize("text", ["Could not satisfy explicit device specification '/device:GPU:0' for AssignAddVariableOp", NO_KERNEL])
def test_training_that_needs_soft_placement_gets_it_and_says_so(standins: Standins, text: str) -> None:
    standins.tensorflow(faults=[Fault("training", "raise", text, soft=False)])
    found = {cell["step"]: cell for cell in standins.probe("--expect", "gpu")["tensorflow"]["smoke"]}
    assert (found["training"]["outcome"], found["training"]["soft_placement"]) == ("ok", True)


def test_every_gpu_is_tried_where_all_are_asked_for(standins: Standins) -> None:
    standins.tensorflow(gpus=[H100, A100], faults=[Fault("reduction", "nan", after=2)])
    one, both = standins.probe("--expect", "gpu"), standins.probe("--expect", "gpu", "--all-gpus")
    assert [cell["device"] for cell in one["tensorflow"]["smoke"]] == ["/GPU:0"] * len(STEPS)
    assert [cell["device"] for cell in both["tensorflow"]["smoke"]] == ["/GPU:0"] * len(STEPS) + ["/GPU:1"] * len(STEPS)
    assert [cell["device"] for cell in both["tensorflow"]["smoke"] if cell["outcome"] != "ok"] == ["/GPU:1"]
    assert [cell["details"]["capability"] for cell in both["tensorflow"]["devices"]] == ["9.0", "8.0"]


def test_stress_goes_on_for_as_long_as_asked(standins: Standins) -> None:
    standins.tensorflow()
    (found,) = [cell for cell in standins.probe("--expect", "gpu", "--stress", "0.2")["tensorflow"]["smoke"] if cell["step"] == "stress"]
    assert (found["outcome"], found["error"], found["size"]) == ("ok", 0.0, 4096)
    assert 0.2 <= found["seconds"] < 5
    assert found["runs"] > 2


@pytest.mark.parametrize(("do", "reason"), [("wrong", TEN_PERCENT), ("nan", NO_NUMBER)])
def test_one_wrong_product_among_many_fails_the_stress(standins: Standins, do: str, reason: str) -> None:
    standins.tensorflow(faults=[Fault("stress", do, after=3, times=1)])
    assert steps(standins.probe("--expect", "cpu", "--stress", "0.1")) == [("stress float32", reason)]


# -- how TensorFlow ends ----------------------------------------------------------------------------


MATMUL, TRAINING = "matmul (float32) on /GPU:0", "training (float32) on /GPU:0"


@pytest.mark.parametrize(
    ("step", "stage", "do", "text", "ended"),
    [
        ("import", "import", "hang", "", {"how": "hung", "limit": 1.5}),
        ("import", "import", "die", "SIGILL", {"how": "signal", "signal": "SIGILL"}),
        ("import", "import", "exit", "0", {"how": "exited", "code": 0}),
        ("devices", "devices", "die", "SIGSEGV", {"how": "signal", "signal": "SIGSEGV"}),
        ("keras", "keras", "exit", "5", {"how": "exited", "code": 5}),
        ("matmul", MATMUL, "hang", "", {"how": "hung", "limit": 5.0}),
        ("matmul", MATMUL, "die", "SIGABRT", {"how": "signal", "signal": "SIGABRT"}),
        ("training", TRAINING, "die", "SIGKILL", {"how": "signal", "signal": "SIGKILL"}),
    ],
)
def test_the_stage_at_which_it_ends_is_told(standins: Standins, step: str, stage: str, do: str, text: str, ended: dict[str, Any]) -> None:
    standins.tensorflow(faults=[Fault(step, do, text)])
    found = standins.probe("--expect", "gpu", "--timeout", str(ended.get("limit", 60)))["tensorflow"]
    assert (found["stage"], found["ended"], "error" in found) == (stage, ended, False)
    assert [re.split("(?<=0x)|:", line)[0] for line in found["log"][:1]] == (
        ["Fatal Python error"] if text in ("SIGILL", "SIGSEGV", "SIGABRT") else ["Current thread 0x"] if do == "hang" else []
    )


def test_an_import_that_fails_is_told(standins: Standins) -> None:
    text = "libcudart.so.12: cannot open shared object file: No such file or directory"
    standins.tensorflow(faults=[Fault("import", "raise", text, error="ImportError")])
    found = standins.probe("--expect", "gpu")["tensorflow"]
    assert (found["error"], found["stage"], found["ended"]) == ({"type": "ImportError", "message": text}, "import", {"how": "done"})
    assert (found["log"][-1], found["smoke"]) == (f"ImportError: {text}", [])


def test_no_tensorflow_is_told(standins: Standins) -> None:
    found = standins.probe("--expect", "cpu")["tensorflow"]
    assert (found["error"], found["stage"]) == ({"type": "ModuleNotFoundError", "message": "No module named 'tensorflow'"}, "import")


def test_a_half_removed_tensorflow_is_told(standins: Standins) -> None:
    (standins.tensorflow() / "tensorflow/__init__.py").unlink()
    facts = standins.probe("--expect", "gpu")
    assert facts["distributions"]["modules"]["tensorflow"] == ""
    (cell,) = [cell for cell in facts["distributions"]["installed"] if cell["name"] == "tensorflow"]
    assert (cell["files"]["missing"], cell["files"]["first_missing"]) == (1, ["tensorflow/__init__.py"])
    assert facts["wheel"] == {"unavailable": "no tensorflow package with code of its own is on sys.path"}
    assert facts["tensorflow"]["error"]["type"] == "AttributeError"


def test_what_tensorflow_writes_is_kept_in_its_order(standins: Standins) -> None:
    lines = [
        "2026-01-01 00:00:00.000000: E cuda_dnn.cc:8454] Unable to register cuDNN factory",
        "Cannot dlopen some GPU libraries.",
        "caf\udce9",
    ]
    standins.tensorflow(
        faults=[Fault("import", "say", lines[0]), Fault("devices", "say", lines[1]), Fault("matmul", "say", lines[2], times=1)]
    )
    found = standins.probe("--expect", "gpu")["tensorflow"]
    assert found["log"] == [*lines[:2], "caf\ufffd"]


def test_a_flood_is_cut_and_the_rest_goes_on(standins: Standins) -> None:
    standins.tensorflow(faults=[Fault("import", "flood", str(100 << 20))])
    facts = standins.probe("--expect", "gpu")
    assert steps(facts) == []
    assert sum(map(len, facts["tensorflow"]["log"])) < 1 << 20
    assert any(line.endswith("bytes left out]") for line in facts["tensorflow"]["log"])


def test_a_process_that_tensorflow_leaves_behind_does_not_hold_up_the_probe(standins: Standins) -> None:
    standins.tensorflow(faults=[Fault("import", "fork")])
    facts = standins.probe("--expect", "gpu")
    assert (steps(facts), facts["tensorflow"]["ended"]) == ([], {"how": "done"})
    assert facts["seconds"] < 10


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)])
def test_a_probe_that_is_ended_ends_its_children(standins: Standins, number: int, code: int) -> None:
    mark = standins.folder / "pid"
    standins.tensorflow(faults=[Fault("import", "mark", str(mark)), Fault("import", "hang")])
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(standins.site)}
    with subprocess.Popen(
        [sys.executable, str(PROBE), "--expect", "cpu"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        deadline = time.monotonic() + 20
        while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(number)
        output = running.communicate(timeout=20)
    assert (running.returncode, output) == (code, (b"", b""))
    while is_running(mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)  # the kernel ends it after its parent
    assert not is_running(mark.read_text())


def is_running(pid: str) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_probe_under_nohup_goes_on_without_its_terminal(standins: Standins) -> None:
    standins.tensorflow(faults=[Fault("import", "hangup")])
    facts = standins.probe("--expect", "cpu", command=["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"])
    assert facts["tensorflow"]["stage"] == "end"
