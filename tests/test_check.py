"""What ``check`` makes of facts: every diagnosis once, each from a healthy environment in which one thing is changed.

``facts/stand-ins.json`` is what the probe prints over the stand-ins of ``standins.py`` (a driver, CUDA's libraries and
a TensorFlow that all work), with its paths made those of an image. The same faults on the real way through the
loader are in test_check_standins.py, on real TensorFlow in tests/tensorflow.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompat.check import Report, check_facts, parse_expectations
from tfcompat.check.diagnosis import DIAGNOSES, diagnose
from tfcompat.check.link import LINKS
from tfcompat.check.report import RULE_LINKS
from tfcompat.facts import parse_facts
from tfcompat.matrix import load_bundled
from tfcompat.matrix.catalogue import load_signatures
from tfcompat.outputs.check import check_lines, verdict
from tfcompat.probe import sees_gpu
from tfcompat.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEALTHY = (Path(__file__).parent / "facts" / "stand-ins.json").read_text(encoding="utf-8")
MATRIX = load_bundled()
SIGNATURES = load_signatures()
GONE = "cannot open shared object file: No such file or directory"
GIVE = (
    "start it with --gpus all (docker), --device nvidia.com/gpu=all (podman) or a limit of nvidia.com/gpu: 1 (Kubernetes); "
    "the host needs the NVIDIA Container Toolkit"
)
LAST = "take an image and pins that are known to go together: tfcompat resolve --gpu 'NVIDIA H100' --driver 570.124.06"
SITE = "/usr/lib/python3/dist-packages"
PATH_FIX = (
    """find "$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nvidia" -maxdepth 2 -name lib -type d """
    "> /etc/ld.so.conf.d/nvidia-pip.conf && ldconfig"
)
Document = dict[str, Any]


def healthy(**changes: Any) -> Document:
    """The healthy facts with some changed, by path: ``driver__libcuda__init={"code": 804}``."""
    document: Document = json.loads(HEALTHY)
    for path, value in changes.items():
        put(document, path, value)
    return document


def put(document: Document, path: str, value: Any) -> None:
    *parents, last = path.split("__")
    place: Any = document
    for name in parents:
        place = place[int(name)] if name.isdigit() else place[name]
    place[int(last) if last.isdigit() else last] = value


def check(document: Document, expect: Any = "auto", **wishes: str) -> Report:
    facts, whole = parse_facts(json.dumps(document), "facts.json")
    return check_facts(facts, whole, MATRIX, SIGNATURES, expect, parse_expectations(wishes, MATRIX))


def unlisted(**changes: Any) -> Document:
    """A driver that lists nothing, so that TensorFlow and the smoke test have no GPU."""
    document = healthy(**{"tensorflow__devices": [], "tensorflow__smoke": [NO_GPU], "driver__libcuda__devices": [], **changes})
    document["driver"]["libcuda"].pop("count", None)
    return document


def without_libcuda(**changes: Any) -> Document:
    return unlisted(driver__libcuda={"unavailable": f"libcuda.so.1: {GONE}"}, **changes)


def failing_init(code: int, name: str = "", message: str = "", **changes: Any) -> Document:
    return unlisted(driver__libcuda__init={"code": code, "name": name, "message": message}, **changes)


def library(soname: str, document: Document | None = None, **cells: Any) -> Document:
    """The row of one library with other cells; TensorFlow lists no GPU then."""
    document = unlisted() if document is None else document
    document["driver"]["libcuda"] = json.loads(HEALTHY)["driver"]["libcuda"]
    row = next(row for row in document["libraries"] if row["soname"] == soname)
    if "unavailable" in cells:
        row.pop("path", None)
        row.pop("version", None)
    row.update(cells)
    return document


def distribution(name: str, **cells: Any) -> Document:
    document = healthy()
    row = next(row for row in document["distributions"]["installed"] if row["name"] == name)
    row.update(cells)
    return document


def installed(name: str, version: Any, **cells: Any) -> Document:
    """One more distribution."""
    document = healthy()
    document["distributions"]["installed"].append(
        {"name": name, "version": version, "folder": "/site", "entry": f"{name}.dist-info", **cells}
    )
    return document


def stopped(stage: str, ended: Document, **changes: Any) -> Document:
    """A TensorFlow that came no further than *stage*."""
    document = healthy(tensorflow__stage=stage, tensorflow__ended=ended)
    if stage == "import":
        for name in ("version", "devices", "keras", "import_seconds", "build", "file"):
            document["tensorflow"].pop(name, None)
        document["tensorflow"]["smoke"] = []
    for path, value in changes.items():
        put(document, path, value)
    return document


def step(name: str, **cells: Any) -> Document:
    document = healthy()
    row = next(row for row in document["tensorflow"]["smoke"] if row["step"] == name)
    row.update(cells)
    return document


NO_GPU = {"step": "device", "device": "/GPU:0", "outcome": "failed", "message": "TensorFlow lists no GPU"}
IMPORT_ERROR = {"type": "ImportError", "message": "libfoo.so.1: cannot open shared object file\nand more"}
NO_TEMPORARY_FOLDER = "[Errno 2] No usable temporary directory found in ['/tmp', '/var/tmp', '/usr/tmp', '/']"

# id of the diagnosis: the facts, the link, its status, what it says, what it advises
BROKEN: Mapping[str, tuple[Document, str, str, str]] = {
    "gpu-not-passed": (
        without_libcuda(driver__nodes={}),
        "driver",
        "the host has an NVIDIA driver (570.124.06), but this container was given no GPU: there is no /dev/nvidia0",
        GIVE,
    ),
    "gpu-withheld": (
        without_libcuda(driver__nodes={}, environment__NVIDIA_VISIBLE_DEVICES="void"),
        "driver",
        "this container was started with NVIDIA_VISIBLE_DEVICES='void', so that it was given no GPU",
        "start it with --gpus all, or with -e NVIDIA_VISIBLE_DEVICES=all where the runtime is nvidia",
    ),
    "no-driver-for-gpu": (
        without_libcuda(
            driver__nodes={}, driver__module={"unavailable": "no"}, driver__proc={"unavailable": "no"}, driver__pci=["10de:2330"]
        ),
        "driver",
        "the host has an NVIDIA GPU (PCI 10de:2330), and neither a driver for it nor a device node is seen",
        f"install the NVIDIA driver on the host, or load it (modprobe nvidia), and see that nvidia-smi works there; then: {GIVE}",
    ),
    "driver-in-image": (
        failing_init(100, driver__nodes={}, driver__module={"unavailable": "no"}, driver__proc={"unavailable": "no"}, driver__pci=[]),
        "driver",
        "libcuda.so.1 is here (/usr/lib/x86_64-linux-gnu/libcuda.so.580.65.06), and no driver for it is seen: no device node, no kernel module",
        f"{GIVE}. Do not install libcuda in an image: the container toolkit brings that of the host",
    ),
    "mig-without-instance": (
        failing_init(100, driver__nvml__devices__0__mig=True),
        "driver",
        "MIG is on, and no instance of the GPU is given to this process",
        "make an instance on the host (nvidia-smi mig -cgi 19 -C), and give that: --gpus '\"device=0:0\"', or nvidia.com/mig-1g.5gb: 1 in Kubernetes",
    ),
    "no-driver": (
        without_libcuda(driver__nodes={}, driver__module={"unavailable": "no"}, driver__proc={"unavailable": "no"}, driver__pci=[]),
        "driver",
        "nothing of an NVIDIA driver is visible: no device node, no kernel module, no libcuda.so.1",
        GIVE,
    ),
    "libcuda-missing": (
        without_libcuda(),
        "driver",
        f"the device nodes are here, but libcuda.so.1 cannot be opened: libcuda.so.1: {GONE}",
        "start the container with the environment variable NVIDIA_DRIVER_CAPABILITIES=compute,utility, so that the toolkit mounts "
        "the driver's library; do not install it in the image",
    ),
    "wsl-libcuda-missing": (
        without_libcuda(
            platform__wsl=True, driver__nodes={"/dev/dxg": True}, driver__module={"unavailable": "no"}, driver__proc={"unavailable": "no"}
        ),
        "driver",
        f"this is WSL 2, and the libcuda.so.1 that Windows lends it cannot be opened: libcuda.so.1: {GONE}",
        "install the NVIDIA driver on Windows, not in the distribution, and let the loader see /usr/lib/wsl/lib; "
        "in a container: --gpus all, with Docker Desktop 4.31 or nvidia-container-toolkit 1.14.4, or newer",
    ),
    "nodes-forbidden": (
        failing_init(999, driver__nodes={"/dev/nvidia0": False, "/dev/nvidiactl": True, "/dev/nvidia-uvm": False}),
        "driver",
        "user 0 may not use /dev/nvidia0, /dev/nvidia-uvm",
        "run as a user of the group that owns the nodes (docker run --group-add), or let the NVIDIA Container Toolkit set the device rules",
    ),
    "uvm-node-missing": (
        failing_init(999, "CUDA_ERROR_UNKNOWN", "unknown error", driver__nodes={"/dev/nvidia0": True, "/dev/nvidiactl": True}),
        "driver",
        "cuInit returns 999 (CUDA_ERROR_UNKNOWN, unknown error), and /dev/nvidia-uvm is not here",
        "on the host run nvidia-modprobe -u (or any CUDA program) once, then start the container again",
    ),
    "devices-hidden": (
        failing_init(100, environment__CUDA_VISIBLE_DEVICES="-1"),
        "driver",
        "CUDA_VISIBLE_DEVICES='-1' leaves this process no GPU",
        "unset CUDA_VISIBLE_DEVICES, or name a GPU that is here, as in CUDA_VISIBLE_DEVICES=0",
    ),
    "no-device": (
        failing_init(100, "CUDA_ERROR_NO_DEVICE"),
        "driver",
        "device nodes are here, and the driver finds no GPU: cuInit returns 100 (CUDA_ERROR_NO_DEVICE)",
        f"see whether nvidia-smi -L lists it on the host and in the container; {GIVE}",
    ),
    "driver-mismatch": (
        failing_init(803),
        "driver",
        "libcuda and the kernel module are of different drivers: cuInit returns 803",
        "reboot the host after a driver upgrade; remove driver packages (cuda, cuda-drivers, nvidia-driver-*, libnvidia-compute-*) "
        "from the image",
    ),
    "forward-compatibility-refused": (
        failing_init(804, driver__libcuda__path="/usr/local/cuda/compat/libcuda.so.570.1"),
        "driver",
        "the cuda-compat library of the image is used (/usr/local/cuda/compat/libcuda.so.570.1), and this GPU does not allow that: "
        "cuInit returns 804",
        "upgrade the host's driver, or take /usr/local/cuda/compat out of LD_LIBRARY_PATH and /etc/ld.so.conf.d; compat works on "
        "data-centre GPUs only",
    ),
    "fabric-not-ready": (
        failing_init(802),
        "driver",
        "the GPUs are there, and the NVLink fabric is not: cuInit returns 802",
        "start nvidia-fabricmanager of the driver's own version on the host, and wait until nvidia-smi -q says that the fabric is completed",
    ),
    "gpu-lost": (
        failing_init(999, driver__nvml__init={"code": 999, "message": "Unknown Error"}),
        "driver",
        "the container had a GPU and lost it: cuInit returns 999; NVML says Unknown Error",
        "start the container again; systemd took its device rules away (use CDI, or nvidia-ctk system create-dev-char-symlinks)",
    ),
    "cuinit-failed": (
        failing_init(46, "CUDA_ERROR_DEVICE_UNAVAILABLE"),
        "driver",
        "the driver cannot be initialised: cuInit returns 46 (CUDA_ERROR_DEVICE_UNAVAILABLE)",
        "see whether nvidia-smi works on the host and in the container, and look for Xid lines in the host's dmesg",
    ),
    "driver-died": (
        unlisted(
            driver__libcuda={
                "path": "/l/libcuda.so.1",
                "unavailable": "the process died of SIGSEGV",
                "ended": {"how": "signal", "signal": "SIGSEGV"},
            }
        ),
        "driver",
        "asking the driver ended badly: the process died of SIGSEGV",
        "see whether nvidia-smi works on the host; a driver that hangs or crashes needs a reboot",
    ),
    "library-missing": (
        library("libcusolver.so.11", unavailable=f"libcusolver.so.11: {GONE}"),
        "libraries",
        "TensorFlow drops every GPU, as it cannot open libcusolver.so.11",
        "/usr/bin/python3 -m pip install 'tensorflow[and-cuda]==2.18.0'",
    ),
    "library-not-on-path": (
        library("libcusolver.so.11", unavailable=f"libcusolver.so.11: {GONE}", elsewhere=[f"{SITE}/nvidia/cusolver/lib/libcusolver.so.11"]),
        "libraries",
        f"libcusolver.so.11 is installed ({SITE}/nvidia/cusolver/lib/libcusolver.so.11), but neither TensorFlow nor the loader looks there, "
        "so that every GPU is dropped",
        PATH_FIX,
    ),
    "library-other-version": (
        library("libcudnn.so.9", unavailable=f"libcudnn.so.9: {GONE}", others=[{"soname": "libcudnn.so.8", "version": "8.9.6"}]),
        "libraries",
        "TensorFlow wants libcudnn.so.9, and only libcudnn.so.8 (8.9.6) can be opened, so that every GPU is dropped without an error",
        "/usr/bin/python3 -m pip install 'tensorflow[and-cuda]==2.18.0'",
    ),
    "library-broken": (
        library("libcudart.so.12", unavailable="/l/libcudart.so.12: file too short"),
        "runtime",
        "libcudart.so.12 is found and cannot be opened: /l/libcudart.so.12: file too short",
        "/usr/bin/python3 -m pip install 'tensorflow[and-cuda]==2.18.0'",
    ),
    "tensorflow-missing": (
        stopped(
            "import", {"how": "done"}, distributions__installed=[], distributions__modules={"tensorflow": None}, wheel={"unavailable": "no"}
        ),
        "tensorflow",
        "TensorFlow is not installed for /usr/bin/python3",
        "run it with the interpreter that has TensorFlow, or uv pip install --python /usr/bin/python3 'tensorflow[and-cuda]'",
    ),
    "no-site-packages": (
        stopped(
            "import",
            {"how": "done"},
            interpreter__site=False,
            distributions__installed=[],
            distributions__modules={"tensorflow": None},
            wheel={"unavailable": "no"},
        ),
        "tensorflow",
        "/usr/bin/python3 was started with -S, so that it does not look into site-packages, where TensorFlow would be",
        "start it without -S",
    ),
    "tensorflow-half-removed": (
        stopped("import", {"how": "done"}, distributions__modules={"tensorflow": ""}),
        "tensorflow",
        "the tensorflow folder is there without its code: it was removed or overwritten half-way",
        "/usr/bin/python3 -m pip uninstall -y tensorflow; rm -r /usr/local/lib/python3.12/dist-packages/tensorflow; /usr/bin/python3 -m pip install tensorflow==2.18.0",
    ),
    "import-failed": (
        stopped("import", {"how": "done"}, tensorflow__error=IMPORT_ERROR),
        "tensorflow",
        "importing TensorFlow fails: ImportError: libfoo.so.1: cannot open shared object file",
        LAST,
    ),
    "no-temporary-folder": (
        stopped("import", {"how": "done"}, tensorflow__error={"type": "FileNotFoundError", "message": NO_TEMPORARY_FOLDER}),
        "tensorflow",
        "importing TensorFlow needs a folder for temporary files, and no writable one is here: FileNotFoundError: " + NO_TEMPORARY_FOLDER,
        "give the container a writable /tmp: docker run --tmpfs /tmp, or an emptyDir volume at /tmp (Kubernetes)",
    ),
    "devices-failed": (
        stopped("devices", {"how": "done"}, tensorflow__error={"type": "RuntimeError", "message": "CUDA error: invalid argument"}),
        "tensorflow",
        "TensorFlow cannot list its devices: RuntimeError: CUDA error: invalid argument",
        LAST,
    ),
    "no-avx": (
        stopped("import", {"how": "signal", "signal": "SIGILL"}, platform__cpu={"model": "Old CPU", "avx": False}),
        "tensorflow",
        "this CPU (Old CPU) has no AVX, which the TensorFlow wheels are compiled for",
        "use a machine with AVX, give the virtual machine the host's CPU model (-cpu host), or build TensorFlow for this CPU",
    ),
    "illegal-instruction": (
        stopped("import", {"how": "signal", "signal": "SIGILL"}),
        "tensorflow",
        "TensorFlow was compiled for instructions that this CPU (Stand-in CPU) lacks",
        "use a newer machine or an older TensorFlow, or expose the CPU's flags to the virtual machine",
    ),
    "out-of-memory": (
        stopped("import", {"how": "signal", "signal": "SIGKILL"}, tensorflow__out_of_memory_kills=1, container__memory_limit=256 << 20),
        "tensorflow",
        "the kernel ended TensorFlow during import for using more memory than this container may (256 MiB)",
        "give the container more memory (docker run --memory, resources.limits.memory)",
    ),
    "memory-refused": (
        stopped("import", {"how": "done"}, tensorflow__error={"type": "MemoryError", "message": ""}),
        "tensorflow",
        "importing TensorFlow fails, because the system gives this process no more memory: MemoryError",
        "raise the limit on memory (docker run --memory, resources.limits.memory, ulimit -v); code on a file system that is mounted noexec fails like this as well",
    ),
    "died": (
        stopped("import", {"how": "signal", "signal": "SIGKILL"}),
        "tensorflow",
        "TensorFlow was ended by SIGKILL during import",
        "look for an out-of-memory kill in dmesg on the host, and for whoever else ends processes there; give the container more memory",
    ),
    "hung": (
        stopped("convolution (float32) on /GPU:0", {"how": "hung", "limit": 300}),
        "smoke test",
        "TensorFlow was still busy during convolution (float32) on /GPU:0 after 300 seconds",
        "when it is known to be slow (a first start that compiles PTX), allow more with --timeout; else look at the last log lines",
    ),
    "no-gpu-listed": (
        library("libcudart.so.12"),
        "tensorflow",
        "the driver and every library can be opened, and TensorFlow lists no GPU all the same",
        LAST,
    ),
    "keras-backend-missing": (
        healthy(tensorflow__keras={"unavailable": "ImportError: no keras"}, environment__KERAS_BACKEND="torch"),
        "keras",
        "Keras is told to compute with torch (KERAS_BACKEND), and that cannot be imported: ImportError: no keras",
        "unset KERAS_BACKEND, or set KERAS_BACKEND=tensorflow",
    ),
    "library-incomplete": (
        library("libcudnn.so.9", healthy(tensorflow__smoke=[]), missing_parts={"libcudnn_ops.so.9": "libcudnn_ops.so.9: cannot open"}),
        "libraries",
        "libcudnn.so.9 opens libcudnn_ops.so.9 when it is first used, and cannot: libcudnn_ops.so.9: cannot open",
        "/usr/bin/python3 -m pip install 'tensorflow[and-cuda]==2.18.0'",
    ),
    "keras-missing": (
        healthy(tensorflow__keras={"unavailable": "ImportError: no keras"}),
        "keras",
        "tf.keras cannot be imported: ImportError: no keras",
        "/usr/bin/python3 -m pip install 'keras>=3.5.0'",
    ),
    "smoke-failed": (
        step("convolution", outcome="failed", message="InternalError: no\nmore"),
        "smoke test",
        "convolution on /GPU:0 fails: InternalError: no",
        LAST,
    ),
}
UNKNOWN: Mapping[str, tuple[Document, str, str, str]] = {
    "library-version-unknown": (
        library("libcudnn.so.9", healthy(tensorflow__smoke=[]), version={"unavailable": "AttributeError: no"}),
        "libraries",
        "libcudnn.so.9 is open, but does not say its version: AttributeError: no",
        "",
    ),
    "libraries-unknown": (
        healthy(libraries={"unavailable": "not tried: no GPU is expected"}, asked__gpu=False, tensorflow__smoke=[]),
        "libraries",
        "the CUDA libraries were not opened: the probe was not told that a GPU is expected",
        "run the probe with --expect gpu",
    ),
    "build-unknown": (
        healthy(wheel={"folder": "/x", "build": {"unavailable": "nothing about CUDA"}}, tensorflow__smoke=[]),
        "tensorflow",
        "what this TensorFlow was built for is not established: nothing about CUDA",
        "",
    ),
    "not-probed": (
        healthy(tensorflow={"unavailable": "--no-tensorflow was given"}),
        "tensorflow",
        "TensorFlow was not tried: --no-tensorflow was given",
        "run the probe without --no-tensorflow",
    ),
    "not-started": (
        healthy(tensorflow={"unavailable": "no process could be started: BlockingIOError: Resource temporarily unavailable"}),
        "tensorflow",
        "TensorFlow could not be tried: no process could be started: BlockingIOError: Resource temporarily unavailable",
        "allow more processes (docker run --pids-limit, podPidsLimit of the kubelet, ulimit -u)",
    ),
    "smoke-not-run": (
        healthy(tensorflow__smoke=[], asked__smoke=False),
        "smoke test",
        "the smoke test was not run: --no-smoke was given",
        "run it without --no-smoke",
    ),
    "driver-unknown": (
        healthy(driver__libcuda={"unavailable": "no process could be started: BlockingIOError"}, tensorflow={"unavailable": "no"}),
        "driver",
        "the driver could not be asked: no process could be started: BlockingIOError",
        "",
    ),
    "smoke-elsewhere": (
        step("reduction", device="/CPU:0", placed="/job:localhost/replica:0/task:0/device:CPU:0"),
        "smoke test",
        "the smoke test ran on the CPU, and the GPU is what is promised",
        "run the probe with --expect gpu",
    ),
    "smoke-incomplete": (
        healthy(tensorflow__smoke=json.loads(HEALTHY)["tensorflow"]["smoke"][:1]),
        "smoke test",
        "the smoke test has no result for elementwise, reduction, convolution, training",
        "run the probe of this very tfcompat: tfcompat probe --print",
    ),
}
# beside a GPU that works: the severity, the sentence, the advice
REMARKS: Mapping[str, tuple[Document, str, str, str]] = {
    "forward-compatibility": (
        healthy(driver__libcuda__path="/usr/local/cuda/compat/libcuda.so.570.1"),
        "note",
        "the cuda-compat library of the image serves (/usr/local/cuda/compat/libcuda.so.570.1), above the host's driver 570.124.06",
        "",
    ),
    "mig": (healthy(driver__nvml__devices__0__mig=True), "note", "MIG is on: the program sees slices of the GPU, one at a time", ""),
    "different-gpus": (
        healthy(driver__libcuda__devices=[{"name": "NVIDIA H100 PCIe", "capability": "9.0"}, {"name": "Tesla T4", "capability": "7.5"}]),
        "note",
        "the GPUs differ: NVIDIA H100 (9.0), NVIDIA T4 (7.5)",
        "",
    ),
    "two-tensorflows": (
        installed("tensorflow-cpu", "2.18.0"),
        "warning",
        "tensorflow, tensorflow-cpu are installed over each other, in the same folder",
        "keep one of them: /usr/bin/python3 -m pip uninstall -y tensorflow tensorflow-cpu, then install that again",
    ),
    "duplicate": (
        installed("numpy", "1.26.4"),
        "warning",
        "numpy is installed twice: 2.0.2 and 1.26.4",
        "/usr/bin/python3 -m pip uninstall -y numpy && /usr/bin/python3 -m pip install numpy==2.0.2",
    ),
    "metadata-broken": (
        installed("keras", {"unavailable": "METADATA: No such file"}),
        "warning",
        "the metadata of keras cannot be read: METADATA: No such file",
        "/usr/bin/python3 -m pip install --force-reinstall --no-deps keras",
    ),
    "files-missing": (
        distribution("tensorflow", files={"count": 9000, "missing": 12, "first_missing": ["tensorflow/python/x.py"], "truncated": []}),
        "warning",
        "12 of 9000 files of tensorflow are gone, such as tensorflow/python/x.py",
        "/usr/bin/python3 -m pip install --force-reinstall --no-deps tensorflow==2.18.0",
    ),
    "file-truncated": (
        distribution("keras", files={"count": 9, "missing": 0, "truncated": [{"path": "keras/a.so", "recorded": 90, "actual": 3}]}),
        "warning",
        "keras/a.so of keras has 3 bytes and should have 90",
        "/usr/bin/python3 -m pip install --force-reinstall --no-deps keras==3.6.0",
    ),
    "leftovers": (
        healthy(distributions__leftovers=["/site/~ensorflow", "/site/~ther"]),
        "note",
        "pip left /site/~ensorflow behind, from an uninstall that failed",
        "rm -r '/site/~ensorflow'",
    ),
    "shadowed": (
        healthy(tensorflow__from_working_directory=["/app/timeit.py"]),
        "warning",
        "/app/timeit.py in the working directory takes the place of a module of the same name",
        "rename it, or start Python from another folder",
    ),
    "version-differs": (
        healthy(tensorflow__version="2.17.0"),
        "warning",
        "the metadata says tensorflow 2.18.0, and the code says 2.17.0",
        "/usr/bin/python3 -m pip install --force-reinstall --no-deps tensorflow==2.18.0",
    ),
    "fewer-gpus-listed": (
        healthy(driver__libcuda__devices=[{"name": "NVIDIA H100 PCIe", "capability": "9.0"}, {"name": "Tesla T4", "capability": "7.5"}]),
        "warning",
        "the driver lists 2 GPUs, and TensorFlow 1",
        "look for 'Ignoring visible gpu device' in TensorFlow's output, which says why",
    ),
    "keras-backend": (
        healthy(tensorflow__keras__backend="jax"),
        "warning",
        "Keras computes with jax, not with TensorFlow",
        "unset KERAS_BACKEND, or set KERAS_BACKEND=tensorflow",
    ),
    "slow-start": (
        step("matmul", seconds=95.0, again=0.002),
        "warning",
        "the first run of matmul took 95.0 s, the second 2 ms: the driver compiled PTX",
        "take a TensorFlow with code for this GPU, or keep the cache on a volume: CUDA_CACHE_PATH=/cache CUDA_CACHE_MAXSIZE=4294967296",
    ),
    "soft-placement": (
        step("training", soft_placement=True),
        "note",
        "the training step needed soft placement: an operation of Keras has no GPU kernel",
        "",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_link_is_named_with_its_cause_and_its_remedy(name: str) -> None:
    document, link, because, fix = BROKEN[name]
    report = check(document, "gpu")
    assert report.verdict == "broken"
    first = report.failing
    assert first is not None
    assert (first.name, first.status, first.causes[0], first.fix) == (link, "broken", because, fix)
    assert first.diagnoses[0].rule == name
    assert verdict(report) == f"GPU does not work; first broken link: {link}. {capitalised(because)}"


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:] if text.partition(" ")[0] in ("the", "nothing", "this", "user", "asking", "importing") else text


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_does_not_pass(name: str) -> None:
    document, link, because, fix = UNKNOWN[name]
    report = check(document, "gpu")
    assert report.verdict == "unknown"
    row = next(row for row in report.chain if row.name == link)
    assert (row.status, row.because, row.fix) == ("unknown", because, fix)
    assert any(d.rule == name for d in row.diagnoses)


@pytest.mark.parametrize("name", REMARKS)
def test_what_works_all_the_same_is_remarked(name: str) -> None:
    document, severity, message, fix = REMARKS[name]
    report = check(document)
    assert (report.verdict, report.expected) == ("ok", "gpu")
    assert (name, severity, message, fix) in report.findings


EXPECTED = {"not-as-expected", "expectation-unknown"}
ASSUMED = {"cpu-assumed", "gpu-left-out", "gpu-image"}


def test_every_diagnosis_is_seen() -> None:
    assert set(DIAGNOSES) == {*BROKEN, *UNKNOWN, *REMARKS, *EXPECTED, *ASSUMED}


def test_a_healthy_gpu() -> None:
    report = check(healthy())
    assert [(link.name, link.status) for link in report.chain] == [(name, "ok") for name in LINKS]
    assert verdict(report).startswith(
        "GPU works: NVIDIA H100 (9.0), driver 570.124.06, CUDA 12.5, cuDNN 9.3.0, tensorflow 2.18.0; matmul ok in "
    )
    assert [d.rule for d in report.findings] == ["gpu-architecture"]


@pytest.mark.parametrize(("kind", "here"), [("docker", "this container"), (None, "this environment")])
def test_advice_is_for_a_container_where_it_is_known_to_be_one(kind: str | None, here: str) -> None:
    document = without_libcuda(driver__nodes={}, container__kind=kind)
    link = check(document, "gpu").failing
    assert link is not None
    assert link.because == f"the host has an NVIDIA driver (570.124.06), but {here} was given no GPU: there is no /dev/nvidia0"
    host = "install the NVIDIA driver on the host, or load it (modprobe nvidia), and see that nvidia-smi works there"
    assert link.fix == (GIVE if kind else f"{host}. In a container: {GIVE}")


# -- what is promised ------------------------------------------------------------------------------------


def on_cpu(document: Document) -> Document:
    """The same smoke test where nothing of a GPU is seen."""
    for row in document["tensorflow"]["smoke"]:
        row.update(device="/CPU:0", placed="/job:localhost/replica:0/task:0/device:CPU:0")
    document["tensorflow"]["devices"] = []
    document["asked"].update(expect="auto", gpu=False)
    document["libraries"] = {"unavailable": "not tried: no GPU is expected"}
    absent = {"unavailable": "no"}
    document["driver"] = {"module": absent, "proc": absent, "nodes": {}, "pci": [], "nvml": absent, "libcuda": absent}
    return document


def test_where_no_gpu_is_seen_the_cpu_is_assumed_and_that_is_said() -> None:
    report = check(on_cpu(healthy()))
    assert (report.verdict, report.expected) == ("ok", "cpu")
    assert (
        "cpu-assumed",
        "note",
        "no GPU is seen here, so the CPU is taken for what was promised",
        "demand a GPU with --expect gpu",
    ) in report.findings
    assert [link.status for link in report.chain] == ["skipped", "skipped", "skipped", "ok", "ok", "ok"]
    assert {link.because for link in report.chain if link.status == "skipped"} == {"no GPU is expected"}
    assert verdict(report).startswith("CPU works: tensorflow 2.18.0, Keras 3.6.0; matmul ok in ")


def test_a_gpu_of_the_host_that_was_left_out_is_a_warning() -> None:
    document = on_cpu(healthy())
    document["driver"]["pci"] = ["10de:2330", "10de:2330"]
    report = check(document)
    message = "the host has an NVIDIA GPU (PCI 10de:2330), and this container was not given it"
    assert ("gpu-left-out", "warning", message, f"demand a GPU with --expect gpu; {GIVE}") in report.findings


@pytest.mark.parametrize(("value", "rule"), [("all", "gpu-image"), ("0,1", "gpu-image"), ("void", "cpu-assumed"), ("", "cpu-assumed")])
def test_an_image_that_is_made_for_a_gpu(value: str, rule: str) -> None:
    document = on_cpu(healthy(environment__NVIDIA_VISIBLE_DEVICES=value))
    report = check(document)
    assert (report.verdict, report.expected) == ("ok", "cpu")
    assert [d.rule for d in report.findings] == [rule]
    if rule == "gpu-image":
        message = f"this image is made for a GPU (NVIDIA_VISIBLE_DEVICES={value}), and none is seen here"
        assert (rule, "warning", message, f"demand a GPU with --expect gpu; {GIVE}") in report.findings


def test_a_demand_for_the_cpu_is_no_assumption() -> None:
    assert check(on_cpu(healthy()), "cpu").findings == ()


def test_what_was_not_reached_is_not_blamed() -> None:
    document, *_ = BROKEN["devices-failed"]
    report = check(document, "gpu")
    assert [(link.status, link.because) for link in report.chain[-2:]] == [("skipped", "TensorFlow did not get so far")] * 2


def test_what_ran_on_the_cpu_never_passes_for_a_gpu() -> None:
    document = on_cpu(healthy())
    report = check(document, "gpu")
    assert report.verdict == "broken"
    assert {link.name: link.status for link in report.chain}["smoke test"] == "unknown"


def test_the_node_that_wsl_has_for_every_gpu_is_no_sign_of_nvidia() -> None:
    document = on_cpu(healthy())
    document["driver"]["nodes"] = {"/dev/dxg": True}
    assert check(document).expected == "cpu"


@pytest.mark.parametrize("evidence", ["module", "proc", "nodes", "libcuda"])
def test_each_sign_of_a_driver_makes_auto_expect_a_gpu(evidence: str) -> None:
    document = on_cpu(healthy())
    assert sees_gpu(document["driver"]) is False
    document["driver"][evidence] = json.loads(HEALTHY)["driver"][evidence]
    assert check(document).expected == "gpu"
    assert sees_gpu(document["driver"]) is True  # the probe, which decides where to compute, sees it alike


TWO_GPUS = [{"name": "NVIDIA H100 80GB HBM3", "capability": "9.0"}, {"name": "Tesla K80", "capability": "3.7"}]


def test_a_gpu_that_was_not_tried_is_not_said_to_work() -> None:
    report = check(healthy(driver__libcuda__devices=TWO_GPUS))
    assert report.verdict == "ok"
    assert verdict(report).startswith("GPU works: NVIDIA H100 (9.0), driver ")
    found = [d for d in report.findings if "K80" in d.message and d.rule == "gpu-architecture"]
    assert [(d.severity, d.message.endswith("; another GPU computes here")) for d in found] == [("warning", True)]
    report = check(healthy(driver__libcuda__devices=TWO_GPUS, asked__all_gpus=True))
    assert report.verdict == "broken"
    assert any(d.rule == "gpu-architecture" and d.severity == "error" and "K80" in d.message for d in report.findings)


def test_the_first_line_names_the_gpus_that_computed_alone() -> None:
    report = check(healthy(driver__libcuda__devices=[TWO_GPUS[0], {"name": "Tesla T4", "capability": "7.5"}]))
    assert report.verdict == "ok"
    assert verdict(report).startswith("GPU works: NVIDIA H100 (9.0), driver ")


def test_gpus_of_one_kind_are_counted() -> None:
    document = healthy(driver__libcuda__devices=[TWO_GPUS[0]] * 8)
    document["tensorflow"]["devices"] = document["tensorflow"]["devices"] * 8
    report = check(document)
    assert report.verdict == "ok"
    assert report.chain[0].facts["gpu"] == "8 x NVIDIA H100 (9.0)"
    assert verdict(report).startswith("GPU works: NVIDIA H100 (9.0), driver ")
    document["tensorflow"]["devices"] = [{"name": "/physical_device:GPU:0"}]  # 2.2 and older tell no more
    assert verdict(check(document)).startswith("GPU works: NVIDIA H100 (9.0), driver ")


def test_a_step_that_was_skipped_computed_nothing() -> None:
    document = healthy(driver__libcuda__devices=[TWO_GPUS[0], {"name": "Tesla T4", "capability": "7.5"}])
    document["tensorflow"]["devices"] = document["tensorflow"]["devices"] * 2
    document["tensorflow"]["smoke"].append({"step": "matmul", "dtype": "bfloat16", "device": "/GPU:1", "outcome": "skipped"})
    report = check(document)
    assert report.verdict == "unknown"
    assert report.failing is not None
    assert report.failing.because.startswith("the smoke test has no result for matmul on /GPU:1, ")


def test_all_gpus_means_all_that_the_driver_lists() -> None:
    document = healthy(driver__libcuda__devices=[TWO_GPUS[0], TWO_GPUS[0]], asked__all_gpus=True)
    report = check(document)
    assert report.failing is not None
    assert (report.verdict, report.failing.name, report.failing.because) == (
        "broken",
        "tensorflow",
        "the driver lists 2 GPUs, and TensorFlow 1",
    )
    document["tensorflow"]["devices"].append(document["tensorflow"]["devices"][0])
    report = check(document)
    steps = "convolution on /GPU:1"
    assert report.verdict == "unknown"
    assert report.failing is not None
    assert steps in report.failing.because


def test_what_the_probe_was_told_counts_where_nobody_says_otherwise() -> None:
    document = on_cpu(healthy())
    document["asked"].update(expect="gpu", gpu=True)
    document["tensorflow"]["smoke"] = [NO_GPU]
    report = check(document)
    assert (report.verdict, report.expected) == ("broken", "gpu")
    assert not any(d.rule == "cpu-assumed" for d in report.findings)


def test_a_smoke_test_on_the_gpu_is_no_answer_to_a_question_about_the_cpu() -> None:
    report = check(healthy(), "cpu")
    assert report.verdict == "unknown"
    assert report.failing is not None
    assert (report.failing.because, report.failing.fix) == (
        "the smoke test ran on the GPU, and the CPU is what is promised",
        "run the probe with --expect cpu",
    )


def test_a_computation_refutes_what_was_seen_of_libraries() -> None:
    document = healthy()
    row = next(row for row in document["libraries"] if row["soname"] == "libcusolver.so.11")
    row.update(unavailable=f"libcusolver.so.11: {GONE}", elsewhere=["/cache/nvidia/cusolver/lib/libcusolver.so.11"])
    report = check(document)
    assert report.verdict == "ok"
    found = next(d for d in report.findings if d.rule == "library-not-on-path")
    assert (found.severity, found.message.endswith("so that every GPU is dropped; it works here all the same")) == ("warning", True)


def test_a_build_that_states_nothing_of_itself_may_compute_all_the_same() -> None:
    report = check(healthy(wheel={"folder": "/x", "build": {"unavailable": "nothing about CUDA"}}))
    assert report.verdict == "ok"
    found = next(d for d in report.findings if d.rule == "build-unknown")
    assert found.severity == "warning"


def test_the_toolkits_stub_is_no_driver() -> None:
    document = on_cpu(healthy())
    document["driver"]["libcuda"] = {"path": "/usr/local/cuda/lib64/stubs/libcuda.so", "init": {"code": 34}}
    assert check(document).expected == "cpu"
    link = check(document, "gpu").failing
    assert link is not None
    assert link.diagnoses[0].rule == "no-driver"


def test_nodes_of_mig_that_only_root_may_use_are_no_fault() -> None:
    nodes = {"/dev/nvidia0": True, "/dev/nvidiactl": True, "/dev/nvidia-uvm": True, "/dev/nvidia-caps/nvidia-cap1": False}
    link = check(failing_init(46, driver__nodes=nodes), "gpu").failing
    assert link is not None
    assert link.diagnoses[0].rule == "cuinit-failed"


def test_a_package_that_is_found_first_is_the_one_that_counts() -> None:
    report = check(installed("numpy", "1.19.5"))
    assert not any(d.rule in ("package-range", "numpy-abi") for d in report.findings)


@pytest.mark.parametrize(
    ("metadata", "code", "differs"),
    [
        ("2.22.0.dev20260301", "2.22.0-dev20260301", False),
        ("2.16.0rc0", "2.16.0-rc0", False),
        ("2.15.0.post1", "2.15.0", False),
        ("2.18.0", "2.17.0", True),
    ],
)
def test_spellings_of_one_version(metadata: str, code: str, differs: bool) -> None:
    document = distribution("tensorflow", version=metadata)
    document["tensorflow"]["version"] = code
    assert any(d.rule == "version-differs" for d in check(document).findings) == differs


def test_libraries_that_are_missing_alike_are_told_together() -> None:
    document = unlisted()
    document["driver"]["libcuda"] = json.loads(HEALTHY)["driver"]["libcuda"]
    for row in document["libraries"]:
        row.update(unavailable=f"{row['soname']}: {GONE}")
    links = {link.name: link for link in check(document, "gpu").chain}
    assert links["runtime"].because == "TensorFlow drops every GPU, as it cannot open libcudart.so.12"
    assert links["libraries"].because == (
        "TensorFlow drops every GPU, as it cannot open libcublas.so.12, libcublasLt.so.12, libcufft.so.11, libcusolver.so.11, "
        "libcusparse.so.12, libcudnn.so.9"
    )
    assert links["smoke test"].because == "TensorFlow lists no GPU, for what is broken above"


def test_steps_that_fail_alike_are_told_together() -> None:
    document = healthy()
    for row in document["tensorflow"]["smoke"]:
        row.update(outcome="failed", message="ResourceExhaustedError: OOM when allocating tensor")
    link = check(document).failing
    assert link is not None
    assert link.causes == (
        "matmul, matmul in float16, matmul in bfloat16, elementwise, reduction, convolution, training on /GPU:0 fail: "
        "ResourceExhaustedError: OOM when allocating tensor",
    )


# -- remedies --------------------------------------------------------------------------------------------


def wheel_of(name: str, version: str, **files: Any) -> Document:
    row = {"name": name, "version": version, "folder": "/site", "entry": f"{name}.dist-info", **({"files": files} if files else {})}
    document = unlisted()
    document["distributions"]["installed"].append(row)
    return document


def test_a_wheel_that_is_damaged_is_installed_again() -> None:
    cut = {"path": "nvidia/cudnn/lib/libcudnn.so.9", "recorded": 90000, "actual": 3000}
    document = wheel_of("nvidia-cudnn-cu12", "9.3.0.75", count=9, missing=0, truncated=[cut])
    link = check(library("libcudnn.so.9", document, unavailable="the process died while opening it"), "gpu").failing
    assert link is not None
    assert link.because == (
        "libcudnn.so.9 is found and cannot be opened: nvidia/cudnn/lib/libcudnn.so.9 has 3000 bytes and should have 90000"
    )
    assert link.fix == "/usr/bin/python3 -m pip install --force-reinstall --no-deps nvidia-cudnn-cu12==9.3.0.75"


def test_a_folder_that_goes_first_is_to_be_mended_itself() -> None:
    document = library("libcudart.so.12", unavailable="/usr/local/cuda/lib64/libcudart.so.12: file too short")
    link = check(document, "gpu").failing
    assert link is not None
    assert link.fix == "mend the CUDA installation in /usr/local/cuda/lib64, or take that folder out of LD_LIBRARY_PATH"


def test_without_root_the_path_is_set_for_the_process() -> None:
    document, *_ = copy.deepcopy(BROKEN["library-not-on-path"])
    document["container"]["user"] = 1000
    link = check(document, "gpu").failing
    assert link is not None
    assert link.fix.startswith('export LD_LIBRARY_PATH="$(/usr/bin/python3 -c ')


@pytest.mark.parametrize(
    ("managed", "packages", "fix"),
    [
        (True, ["pip"], "/usr/bin/python3 -m pip install --break-system-packages 'tensorflow[and-cuda]==2.18.0'"),
        (False, [], "uv pip install --python /usr/bin/python3 'tensorflow[and-cuda]==2.18.0'"),
    ],
)
def test_remedies_are_for_the_interpreter_that_was_looked_at(managed: bool, packages: list[str], fix: str) -> None:
    document, *_ = copy.deepcopy(BROKEN["library-missing"])
    document["interpreter"]["externally_managed"] = managed
    rows = document["distributions"]["installed"]
    document["distributions"]["installed"] = [row for row in rows if row["name"] != "pip" or "pip" in packages]
    link = check(document, "gpu").failing
    assert link is not None
    assert link.fix == fix


def test_a_cpu_build_is_exchanged_for_a_gpu_build() -> None:
    document = unlisted(wheel__build={"is_cuda_build": False})
    document["driver"]["libcuda"] = json.loads(HEALTHY)["driver"]["libcuda"]
    row = next(row for row in document["distributions"]["installed"] if row["name"] == "tensorflow")
    row["name"] = "tensorflow-cpu"
    link = check(document, "gpu").failing
    assert link is not None
    pip = "/usr/bin/python3 -m pip"
    assert link.fix == f"{pip} uninstall -y tensorflow-cpu && {pip} install 'tensorflow[and-cuda]==2.18.0'"


def test_the_last_resort_names_what_is_here() -> None:
    document = on_cpu(stopped("import", {"how": "done"}, tensorflow__error=IMPORT_ERROR))
    link = check(document, "cpu").failing
    assert link is not None
    assert link.fix == "take an image and pins that are known to go together: tfcompat resolve --cpu --python 3.12"


# -- rules and wishes ------------------------------------------------------------------------------------


def test_every_rule_about_a_running_environment_has_its_link() -> None:
    elsewhere = {"image-tag-exists", "image-contents", "image-requires-driver", "model-loads"}  # of tags, and of files
    assert set(RULE_LINKS) == {rule.id for rule in RULES} - elsewhere
    assert set(RULE_LINKS.values()) <= set(LINKS)


def test_an_old_driver_is_the_rulebooks_finding() -> None:
    report = check(unlisted(driver__proc="470.57.02", driver__libcuda=json.loads(HEALTHY)["driver"]["libcuda"]))
    assert report.failing is not None
    assert report.failing.name == "driver"
    assert "driver 525.60.13 or newer is needed by CUDA 12.5, and the host has 470.57.02" in report.failing.causes


def test_a_rule_that_the_smoke_test_refutes_warns() -> None:
    document = distribution("protobuf", version="6.33.0")
    report = check(document)
    assert report.verdict == "ok"
    message = "tensorflow 2.18.0 asks for protobuf!=4.21.0,!=4.21.1,!=4.21.2,!=4.21.3,!=4.21.4,!=4.21.5,<6.0.0.dev0,>=3.20.3, which protobuf 6.33.0 is not"
    found = [d for d in report.findings if d.rule == "package-range"]
    assert [d.severity for d in found] == ["warning"]
    assert found[0].message.endswith("which protobuf 6.33.0 is not; it works here all the same"), message


def test_a_rule_explains_an_import_that_failed() -> None:
    document = stopped("import", {"how": "done"}, tensorflow__error=IMPORT_ERROR)
    next(row for row in document["distributions"]["installed"] if row["name"] == "protobuf")["version"] = "6.33.0"
    link = check(document).failing
    assert link is not None
    assert [d.rule for d in link.diagnoses if d.severity == "error"] == ["import-failed", "package-range"]
    assert link.fix == "/usr/bin/python3 -m pip install 'protobuf!=4.21.0,!=4.21.1,!=4.21.2,!=4.21.3,!=4.21.4,!=4.21.5,<6.0.0dev,>=3.20.3'"


def test_an_older_cudnn_breaks_the_libraries() -> None:
    document = step("convolution", outcome="failed", message="FailedPreconditionError: DNN library is not found.")
    library("libcudnn.so.9", document, version="9.1.0")
    link = check(document).failing
    assert link is not None
    assert (link.name, link.because) == (
        "libraries",
        "cuDNN 9.1.0 is older than the 9.3.0.75 that tensorflow 2.18.0 is compiled with: convolutions fail",
    )


def test_a_log_line_explains_what_nothing_else_does() -> None:
    line = "ImportError: libstdc++.so.6: version `GLIBC_2.27' not found (required by x.so)"
    document = stopped("import", {"how": "done"}, tensorflow__error={"type": "ImportError", "message": "no"}, tensorflow__log=[line])
    link = check(document).failing
    assert link is not None
    assert [d.rule for d in link.diagnoses if d.severity == "error"] == ["import-failed", "glibc-too-old"]
    assert link.fix == next(s.fix for s in SIGNATURES if s.id == "glibc-too-old")


def test_log_lines_beside_a_working_gpu_only_warn() -> None:
    line = (
        "W tensorflow/core/common_runtime/gpu/gpu_device.cc:2344] Cannot dlopen some GPU libraries. Please make sure the missing libraries"
    )
    report = check(healthy(tensorflow__log=[line]))
    assert report.verdict == "ok"
    assert {d.severity for d in report.findings} == {"warning", "note"}


@pytest.mark.parametrize(
    ("name", "wanted", "found", "link"),
    [
        ("tensorflow", "2.17", "2.18.0", "tensorflow"),
        ("keras", "<3", "3.6.0", "keras"),
        ("python", "3.11", "3.12.3", "tensorflow"),
        ("cuda", ">=12.6", "12.5", "runtime"),
        ("cudnn", "8", "9.3.0", "libraries"),
        ("driver", ">=580", "570.124.6", "driver"),
        ("gpu", "A100", "NVIDIA H100 (9.0)", "driver"),
    ],
)
def test_another_environment_than_was_expected(name: str, wanted: str, found: str, link: str) -> None:
    report = check(healthy(), **{name: wanted})
    shown = "NVIDIA A100 (8.0)" if name == "gpu" else wanted
    assert report.verdict == "broken"
    assert report.failing is not None
    assert (report.failing.name, report.failing.because) == (link, f"{name} {shown} is expected, and {found} is here")
    assert verdict(report) == f"This is not the environment that is expected: {name} {shown} is expected, and {found} is here"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("tensorflow", "2.18"), ("keras", ">=3"), ("python", "3.12"), ("cuda", "12"), ("cudnn", "9.3"), ("driver", ">=570"), ("gpu", "h100")],
)
def test_an_environment_as_expected(name: str, wanted: str) -> None:
    assert check(healthy(), **{name: wanted}).verdict == "ok"


@pytest.mark.parametrize("name", ["cuda", "gpu"])
def test_a_wish_about_what_is_not_known_does_not_pass(name: str) -> None:
    report = check(on_cpu(healthy()), "cpu", **{name: "12" if name == "cuda" else "A100"})
    assert report.verdict == "unknown"
    assert any(
        d.rule == "expectation-unknown" and d.message.endswith("is expected, and which is here is not established") for d in report.findings
    )


# -- builds that the matrix does not have ----------------------------------------------------------------


def test_a_build_of_ones_own_is_judged_by_what_it_says() -> None:
    document = distribution("tensorflow", version="2.99.0")
    document["tensorflow"]["version"] = "2.99.0"
    document["wheel"]["build"]["cuda_compute_capabilities"] = ["sm_90"]
    report = check(document)
    assert (report.verdict, [d.rule for d in report.findings]) == ("ok", [])


def test_a_cpu_build_under_the_name_of_a_gpu_build() -> None:
    document = unlisted(wheel__build={"is_cuda_build": False})
    report = check(document, "gpu")
    links = {link.name: link for link in report.chain}
    assert links["runtime"].because == "this TensorFlow is a CPU build, which opens no CUDA library"
    assert "a GPU is expected, and the linux/amd64 wheel of tensorflow 2.18.0 is a CPU build" in links["tensorflow"].causes


def test_a_remedy_quotes_what_came_out_of_the_container() -> None:
    hostile = distribution("keras", version="1; reboot", files={"count": 1, "missing": 1, "first_missing": ["x"], "truncated": []})
    found = [d for d in check(hostile).findings if d.rule == "files-missing"]
    assert [d.fix for d in found] == ["/usr/bin/python3 -m pip install --force-reinstall --no-deps keras=='1; reboot'"]
    assert diagnose("leftovers", paths=("/a b", "$(x)")).fix == "rm -r '/a b' '$(x)'"


# -- laws ------------------------------------------------------------------------------------------------


def leaves(place: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(place, dict):
        return [path, *(leaf for name in place for leaf in leaves(place[name], (*path, name)))]
    if isinstance(place, list):
        return [path, *(leaf for index, one in enumerate(place) for leaf in leaves(one, (*path, index)))]
    return [path]


PLACES = leaves(json.loads(HEALTHY))[1:]
VALUES: list[Callable[[], Any]] = [
    lambda: None,
    lambda: {"unavailable": "a reason"},
    lambda: "",
    lambda: "CPU:0",
    lambda: [],
    lambda: {},
    lambda: 0,
    lambda: -1,
    lambda: 1e308,
    lambda: True,
    lambda: "\x1b[31m\n",
]


@settings(max_examples=600, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(VALUES)), min_size=1, max_size=4), st.sampled_from(["gpu", "cpu", "auto"])
)
def test_whatever_is_changed_it_never_passes_without_a_smoke_test_on_the_device(
    changes: list[tuple[tuple[Any, ...], Callable[[], Any]]], expect: str
) -> None:
    document = json.loads(HEALTHY)
    for path, value in changes:
        place = document
        try:
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = copy.copy(value())
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # what was there went with an earlier change
    try:
        report = check(document, expect)
    except Exception as error:
        assert type(error).__name__ == "CouldNotCheck"  # noqa: PT017 - anything else is a crash
        return
    text = "\n".join(line.text for line in check_lines(report))
    assert text.isprintable() or all(c.isprintable() or c == "\n" for c in text)
    if report.verdict == "ok":
        ran = {row["step"]: row for row in document["tensorflow"]["smoke"] if row["dtype"] == "float32"}
        assert {"matmul", "elementwise", "reduction", "convolution", "training"} <= set(ran)
        assert all(report.expected.upper() in row["placed"].upper() and row["error"] <= row["tolerance"] for row in ran.values())


@settings(max_examples=100, deadline=None)
@given(st.integers(min_value=30, max_value=300))
def test_lines_keep_to_the_width_but_for_what_is_pasted(width: int) -> None:
    document, *_ = BROKEN["library-not-on-path"]
    for line in check_lines(check(document, "gpu"), width):
        whole = line.text.strip().startswith(("fix ", "(/", "/"))  # a command, and a path, which nothing may break
        assert whole or len(line.text) <= max(50, min(width, 110)), line.text
