"""Looks at the environment it runs in, and prints what it found as one JSON object. It judges nothing.

One file, standard library alone, Python 3.6 to 3.14, so that it can be piped into any container:

    docker run --rm --gpus all -i IMAGE python - < probe.py

Everything that could crash or hang (the driver, CUDA's libraries, TensorFlow) happens in a forked child with a time
limit. Whatever cannot be established is {"unavailable": "the reason"}: a failure is a value, and the exit code is 0.
"""

import sys

EARLY = frozenset(sys.modules)  # loaded before a program's own folder counts
PATH = list(sys.path)  # what a program gets here
if __name__ == "__main__":
    sys.path[:] = [entry for entry in PATH if entry]  # the probe itself takes nothing from the working directory

import argparse
import ctypes
import glob
import json
import os
import re
import select
import signal
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

SCHEMA_VERSION = 1
TEXT_LIMIT = 1 << 20  # bytes read of any file
LOG_LIMIT = 256 << 10  # bytes kept of what a child writes, at either end
SAID_LIMIT = 4 << 20  # bytes of facts taken from a child
RECORD_LIMIT = 32 << 20  # bytes of a RECORD; that of TensorFlow has about 1 MB
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]  # the probe's children end with it
WHERE = getattr(signal, "SIGUSR1", 0)  # asks a child that is late where it is
WHERE_SECONDS = 0.5  # for its answer
LIBRARY_SECONDS = 60  # for the driver's and CUDA's libraries, each

# Named one by one, and nothing secret among them.
VARIABLES = (
    "CUDA_CACHE_DISABLE", "CUDA_CACHE_MAXSIZE", "CUDA_CACHE_PATH", "CUDA_DEVICE_ORDER", "CUDA_DISABLE_PTX_JIT", "CUDA_FORCE_PTX_JIT",
    "CUDA_HOME", "CUDA_VERSION", "CUDA_VISIBLE_DEVICES", "CUDNN_VERSION", "KERAS_BACKEND", "LD_LIBRARY_PATH", "LD_PRELOAD",
    "NVIDIA_DISABLE_REQUIRE", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_PRODUCT_NAME", "NVIDIA_REQUIRE_CUDA", "NVIDIA_TENSORFLOW_VERSION",
    "NVIDIA_VISIBLE_DEVICES", "NV_CUDNN_VERSION", "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "PYTHONHOME", "PYTHONNOUSERSITE",
    "PYTHONPATH", "TENSORFLOW_VERSION", "TF_CPP_MIN_LOG_LEVEL", "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_GPU_ALLOCATOR", "TF_USE_LEGACY_KERAS", "TF_XLA_FLAGS", "VIRTUAL_ENV",
    "CONDA_PREFIX", "XLA_FLAGS", "XLA_PYTHON_CLIENT_MEM_FRACTION",
)  # fmt: skip


class Unavailable(Exception):
    """A fact that cannot be established; the text says why."""


def unavailable(why: "Any") -> "dict[str, str]":
    return {"unavailable": str(why)[:600]}


def field(read: "Callable[..., Any]", *arguments: "Any") -> "Any":
    """What *read* returns, or the reason why it could not."""
    try:
        return read(*arguments)
    except Unavailable as why:
        return unavailable(why)
    except OSError as error:
        return unavailable("{}: {}".format(error.filename or type(error).__name__, error.strerror or error))
    except Exception as error:  # a fact that could not be read must not cost the others
        return unavailable("{}: {}".format(type(error).__name__, error))


def read_text(path: str, limit: int = TEXT_LIMIT) -> str:
    with open(path, "rb") as file:
        return file.read(limit).decode("utf-8", "replace")


def first_match(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.M)
    if match is None:
        raise Unavailable("nothing matches " + pattern)
    return match.group(1)


# -- children ------------------------------------------------------------------------------------------


class Child:
    """What became of a piece of work in a process of its own.

    ``said`` are its facts by name, ``log`` what it wrote, ``ended`` how: ``{"how": "done"}``, ``exited`` with ``code``,
    ``signal`` with ``signal``, ``hung`` with ``limit`` (seconds).
    """

    def __init__(self) -> None:
        self.said = {}  # type: dict[str, Any]
        self.log = Log()
        self.ended = {"how": "done"}  # type: dict[str, Any]
        self.seconds = 0.0


class Log:
    """The beginning and the end of what a child wrote; a flood is cut in the middle."""

    def __init__(self) -> None:
        self.head = b""
        self.tail = b""
        self.dropped = 0

    def add(self, chunk: bytes) -> None:
        room = LOG_LIMIT - len(self.head)
        self.head += chunk[:room]
        self.tail += chunk[room:]
        if len(self.tail) > LOG_LIMIT:
            self.dropped += len(self.tail) - LOG_LIMIT
            self.tail = self.tail[-LOG_LIMIT:]

    def lines(self) -> "list[str]":
        cut = "\n[{} bytes left out]\n".format(self.dropped).encode() if self.dropped else b""
        return (self.head + cut + self.tail).decode("utf-8", "replace").splitlines()


def run_apart(work: "Callable[..., None]", seconds: float) -> Child:
    """Run ``work(say)`` in a forked child for at most so many seconds; ``say(name, value)`` tells a fact at once."""
    if not hasattr(os, "fork"):
        raise Unavailable("this system cannot fork, so that nothing dangerous is tried")
    child = Child()
    parent = os.getpid()
    said_read, said_write = os.pipe()
    log_read, log_write = os.pipe()
    began = time.monotonic()
    try:
        pid = os.fork()
    except OSError as error:  # a limit of processes, no memory
        for end in (said_read, said_write, log_read, log_write):
            os.close(end)
        raise Unavailable("no process could be started: {}: {}".format(type(error).__name__, error.strerror)) from None
    if pid == 0:
        be_child(work, said_write, log_write, parent)
    os.close(said_write)
    os.close(log_write)
    try:
        status = watch(pid, said_read, log_read, child, began + seconds)
    finally:
        stop(pid)
        os.close(said_read)
        os.close(log_read)
    child.seconds = round(time.monotonic() - began, 3)
    if status is None:
        child.ended = {"how": "hung", "limit": seconds}
    elif os.WIFSIGNALED(status):
        child.ended = {"how": "signal", "signal": signal_name(os.WTERMSIG(status))}
    elif os.WEXITSTATUS(status):
        child.ended = {"how": "exited", "code": os.WEXITSTATUS(status)}
    return child


def apart(read: "Callable[..., Any]", *arguments: "Any") -> "Any":
    """What *read* returns, in a child: a hostile file can crash the interpreter that parses it."""
    child = run_apart(lambda say: say("value", field(read, *arguments)), LIBRARY_SECONDS)
    if "value" not in child.said:
        raise Unavailable(ended_text(child.ended))
    return child.said["value"]


def be_child(work: "Callable[..., None]", said: int, log: int, parent: int) -> None:
    """The child's whole life: its output becomes the log, and it never returns into the parent's code."""
    try:
        os.setsid()
        end_with(parent)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)
        import faulthandler

        faulthandler.enable(2)
        faulthandler.register(WHERE, file=2)

        def say(name: str, value: "Any") -> None:
            line = json.dumps([name, value]).encode() + b"\n"
            while line:
                line = line[os.write(said, line) :]

        try:
            work(say)
            say("finished", True)
        except BaseException as error:
            say("error", described(error))
            write_traceback(error)
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)


def end_with(parent: int) -> None:
    """Let the kernel end this process when *parent* is gone, whatever ends that."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG, of Linux alone
    except (AttributeError, OSError):
        pass
    if os.getppid() != parent:  # gone before that
        os._exit(1)


def write_traceback(error: BaseException) -> None:
    import traceback

    traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)


def described(error: BaseException) -> "dict[str, str]":
    return {"type": type(error).__name__, "message": str(error).strip()[:2000]}


def watch(pid: int, said: int, log: int, child: Child, deadline: float) -> "int | None":
    """Read both pipes until the child is over; its wait status, None where it outlived the deadline."""
    rest = b""
    taken = 0
    sources = {said, log}
    status = None
    asked = False
    while True:
        ready = select.select(list(sources), [], [], 0.1 if sources else 0)[0] if sources else []
        for source in ready:
            chunk = os.read(source, 1 << 16)
            if not chunk:
                sources.discard(source)
            elif source == log:
                child.log.add(chunk)
            elif taken < SAID_LIMIT:
                taken += len(chunk)
                lines = (rest + chunk).split(b"\n")
                rest = lines.pop()
                child.said.update(json.loads(line.decode()) for line in lines)
        if status is not None and (not ready or time.monotonic() > deadline):
            return None if asked else status  # it was late, and looking at a running interpreter can crash it
        if status is None:
            ended, code = os.waitpid(pid, os.WNOHANG)
            if ended:
                status = code
                deadline = min(deadline, time.monotonic() + 2)  # to empty the pipes, which a grandchild may hold
            elif time.monotonic() > deadline:
                if asked:
                    return None
                os.kill(pid, WHERE)
                asked = True
                deadline += WHERE_SECONDS
            elif not sources:
                time.sleep(0.005)


def stop(pid: int) -> None:
    """End the child's whole process group, and reap it."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass  # over already
    try:
        for _ in range(500):  # a process that hangs in the kernel's driver cannot be ended
            if os.waitpid(pid, os.WNOHANG)[0]:
                break
            time.sleep(0.01)
    except OSError:
        pass  # reaped already


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal {}".format(number)


# -- interpreter ---------------------------------------------------------------------------------------


def interpreter() -> "dict[str, Any]":
    import sysconfig

    return {
        "implementation": sys.implementation.name,
        "version": python_version(),
        "abi": sysconfig.get_config_var("SOABI"),
        "bits": struct.calcsize("P") * 8,
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "virtual_environment": sys.prefix != sys.base_prefix,
        "externally_managed": field(externally_managed),
        "isolated": bool(sys.flags.isolated),
        "site": not sys.flags.no_site,
        "path": PATH[:100],
    }


def python_version() -> str:
    """As PEP 440 writes it: 3.11.0rc1."""
    part = sys.version_info
    level = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(part.releaselevel)
    return "{}.{}.{}".format(*part[:3]) + ("{}{}".format(level, part.serial) if level else "")


def externally_managed() -> bool:
    import sysconfig

    return sys.prefix == sys.base_prefix and os.path.exists(os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))


# -- the machine and the container ---------------------------------------------------------------------


class Machine:
    """The system's own files, below *root* (``/`` but in tests)."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")

    def read(self, path: str) -> str:
        return read_text(self.root + path)

    def exists(self, path: str) -> bool:
        return os.path.exists(self.root + path)

    def find(self, pattern: str) -> "list[str]":
        return sorted(path[len(self.root) :] for path in glob.glob(glob.escape(self.root) + pattern))

    # platform

    def platform(self) -> "dict[str, Any]":
        system = os.uname()
        return {
            "system": system.sysname,
            "machine": system.machine,
            "kernel": system.release,
            "libc": field(libc),
            "os": field(self.distribution),
            "cpu": field(self.cpu),
            "wsl": "microsoft" in system.release.lower() or self.exists("/dev/dxg"),
        }

    def distribution(self) -> "dict[str, str]":
        rows = dict(re.findall(r'^(ID|VERSION_ID|PRETTY_NAME)="?([^"\n]*)"?$', self.read("/etc/os-release"), re.M))
        if not rows:
            raise Unavailable("/etc/os-release names no system")
        return rows

    def cpu(self) -> "dict[str, Any]":
        text = self.read("/proc/cpuinfo")
        flags = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.M)
        model = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
        if flags is None:
            raise Unavailable("/proc/cpuinfo names no flags")
        known = set(flags.group(1).split())
        cell = {"model": model.group(1) if model else unavailable("/proc/cpuinfo names no model"), "count": os.cpu_count()}  # type: dict[str, Any]
        if os.uname().machine in ("x86_64", "AMD64", "i686"):
            cell.update((name, name in known) for name in ("avx", "avx2", "fma"))
        return cell

    # container

    def container(self) -> "dict[str, Any]":
        return {
            "kind": field(self.container_kind),
            "cgroup": field(self.cgroup_version),
            "user": os.getuid(),
            "read_only_root": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
            "temporary_folder": os.access("/tmp", os.W_OK),
            "memory": field(self.memory),
            "memory_limit": field(self.memory_limit),
            "shared_memory": field(self.shared_memory),
        }

    def container_kind(self) -> "str | None":
        """Which engine made this container; None outside of one, as far as can be seen."""
        cgroup = self.read("/proc/1/cgroup") if self.exists("/proc/1/cgroup") else ""
        if "KUBERNETES_SERVICE_HOST" in os.environ or "kubepods" in cgroup:
            return "kubernetes"
        if self.exists("/run/.containerenv"):
            return "podman"
        if self.exists("/.dockerenv") or "docker" in cgroup:
            return "docker"
        if "APPTAINER_CONTAINER" in os.environ or "SINGULARITY_CONTAINER" in os.environ:
            return "apptainer"
        if "lxc" in cgroup:
            return "lxc"
        return "containerd" if "containerd" in cgroup or "crio" in cgroup else os.environ.get("container") or None

    def cgroup_version(self) -> int:
        if self.exists("/sys/fs/cgroup/cgroup.controllers"):
            return 2
        if self.exists("/sys/fs/cgroup/memory"):
            return 1
        raise Unavailable("/sys/fs/cgroup is not there")

    def memory(self) -> "dict[str, int]":
        rows = dict(re.findall(r"^(MemTotal|MemAvailable):\s+(\d+) kB", self.read("/proc/meminfo"), re.M))
        return {"total": int(rows["MemTotal"]) << 10, "available": int(rows["MemAvailable"]) << 10}

    def memory_limit(self) -> "int | None":
        """Bytes; None where the container has no limit."""
        path = "/sys/fs/cgroup/memory.max" if self.cgroup_version() == 2 else "/sys/fs/cgroup/memory/memory.limit_in_bytes"
        text = self.read(path).strip()
        return None if text == "max" or int(text) >= 1 << 60 else int(text)

    def out_of_memory_kills(self) -> int:
        path = "/sys/fs/cgroup/memory.events" if self.cgroup_version() == 2 else "/sys/fs/cgroup/memory/memory.oom_control"
        return int(first_match(r"^oom_kill (\d+)$", self.read(path)))

    def shared_memory(self) -> int:
        """Bytes of /dev/shm."""
        filesystem = os.statvfs(self.root + "/dev/shm")
        return filesystem.f_frsize * filesystem.f_blocks

    # driver

    def nodes(self) -> "dict[str, bool]":
        """The device nodes of a GPU, and whether this user may use each."""
        patterns = (
            "/dev/nvidia[0-9]*",
            "/dev/nvidiactl",
            "/dev/nvidia-uvm",
            "/dev/nvidia-caps/*",
            "/dev/dxg",
            "/dev/nvmap",
            "/dev/nvhost-gpu",
        )
        return {path: os.access(self.root + path, os.R_OK | os.W_OK) for pattern in patterns for path in self.find(pattern)}

    def pci(self) -> "list[str]":
        """NVIDIA's display and compute devices on the PCI bus, which containers see as well: ``10de:2330``."""
        found = []
        for folder in self.find("/sys/bus/pci/devices/*"):
            if self.read(folder + "/vendor").strip() == "0x10de" and self.read(folder + "/class").startswith("0x03"):
                found.append("10de:" + self.read(folder + "/device").strip()[2:])
        return found

    def compat(self) -> "list[str]":
        """The driver libraries of CUDA's forward compatibility package that lie here, used or not."""
        root = os.path.realpath(self.root + "/").rstrip("/")
        found = {os.path.realpath(self.root + path) for path in self.find("/usr/local/cuda*/compat/libcuda.so.*")}
        return sorted(path[len(root) :] if path.startswith(root + "/") else path for path in found)

    def module_version(self) -> str:
        """The kernel module's version, by the kernel."""
        return first_match(r"^(\d+(?:\.\d+)+)", self.read("/sys/module/nvidia/version"))

    def proc_version(self) -> str:
        """The kernel module's version, by the driver's own statement."""
        return first_match(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)", self.read("/proc/driver/nvidia/version"))


def libc() -> "dict[str, str]":
    try:
        name, _, number = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        name = number = ""
    if name:
        return {"name": name, "version": number}
    if glob.glob("/lib/ld-musl-*"):
        return {"name": "musl", "version": ""}
    raise Unavailable("neither glibc nor musl is recognised")


# -- the driver's libraries ----------------------------------------------------------------------------


def loaded_path(library: "ctypes.CDLL") -> str:
    """The file behind an open library."""
    return os.path.realpath(link_name(library))


def link_name(library: "ctypes.CDLL") -> str:
    """The path by which the loader found it."""

    class LinkMap(ctypes.Structure):
        _fields_ = [("address", ctypes.c_void_p), ("name", ctypes.c_char_p)]

    found = ctypes.POINTER(LinkMap)()
    for home in (None, "libdl.so.2"):
        try:
            dlinfo = ctypes.CDLL(home).dlinfo
        except (AttributeError, OSError):
            continue
        if dlinfo(ctypes.c_void_p(library._handle), 2, ctypes.byref(found)) == 0:
            return os.fsdecode(found.contents.name)
    raise Unavailable("the loader does not say")


def text_of(function: "Any", code: int) -> str:
    function.restype = ctypes.c_char_p
    said = function(code)
    return said.decode("utf-8", "replace") if said else ""


def probe_nvml(say: "Callable[[str, Any], None]") -> None:
    """The management library: driver, devices, MIG. nvidia-smi is made of it."""
    nvml = ctypes.CDLL("libnvidia-ml.so.1")
    say("path", field(loaded_path, nvml))
    code = nvml.nvmlInit_v2()
    say("init", {"code": code, "message": text_of(nvml.nvmlErrorString, code)})
    if code:
        return
    say("driver", field(nvml_text, nvml.nvmlSystemGetDriverVersion))
    number = ctypes.c_int()
    ask = getattr(nvml, "nvmlSystemGetCudaDriverVersion_v2", None)  # old drivers lack it
    if ask is not None and ask(ctypes.byref(number)) == 0:
        say("cuda", cuda_text(number.value))
    count = ctypes.c_uint()
    expect_zero(nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)))
    say("devices", [field(nvml_device, nvml, index) for index in range(min(count.value, 64))])


def nvml_text(function: "Any", *arguments: "Any") -> str:
    buffer = ctypes.create_string_buffer(128)
    expect_zero(function(*(arguments + (buffer, ctypes.c_uint(128)))))
    return buffer.value.decode("utf-8", "replace")


def expect_zero(code: int) -> None:
    if code:
        raise Unavailable("error {}".format(code))


def nvml_device(nvml: "Any", index: int) -> "dict[str, Any]":
    device = ctypes.c_void_p()
    expect_zero(nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)))
    return {
        "name": field(nvml_text, nvml.nvmlDeviceGetName, device),
        "capability": field(nvml_capability, nvml, device),
        "memory": field(nvml_memory, nvml, device),
        "mig": field(nvml_mig, nvml, device),
    }


def nvml_capability(nvml: "Any", device: "Any") -> str:
    major, minor = ctypes.c_int(), ctypes.c_int()
    expect_zero(nvml.nvmlDeviceGetCudaComputeCapability(device, ctypes.byref(major), ctypes.byref(minor)))
    return "{}.{}".format(major.value, minor.value)


def nvml_memory(nvml: "Any", device: "Any") -> "dict[str, int]":
    cells = (ctypes.c_ulonglong * 3)()  # total, free, used; bytes
    expect_zero(nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(cells)))
    return {"total": cells[0], "free": cells[1]}


def nvml_mig(nvml: "Any", device: "Any") -> bool:
    current, pending = ctypes.c_uint(), ctypes.c_uint()
    code = nvml.nvmlDeviceGetMigMode(device, ctypes.byref(current), ctypes.byref(pending))
    if code == 3:  # NVML_ERROR_NOT_SUPPORTED: a GPU without MIG
        return False
    expect_zero(code)
    return current.value == 1


def probe_libcuda(say: "Callable[[str, Any], None]") -> None:
    """The driver API, which is what TensorFlow speaks to: cuInit, the CUDA it serves, the devices this process may use."""
    cuda = ctypes.CDLL("libcuda.so.1")
    say("path", field(loaded_path, cuda))
    number = ctypes.c_int()
    if cuda.cuDriverGetVersion(ctypes.byref(number)) == 0:
        say("cuda", cuda_text(number.value))
    code = cuda.cuInit(0)
    say(
        "init",
        {"code": code, "name": field(cuda_error, cuda.cuGetErrorName, code), "message": field(cuda_error, cuda.cuGetErrorString, code)},
    )
    if code:
        return
    count = ctypes.c_int()
    code = cuda.cuDeviceGetCount(ctypes.byref(count))
    say("count", {"code": code, "devices": count.value})
    expect_zero(code)
    say("devices", [field(cuda_device, cuda, index) for index in range(min(count.value, 64))])


def cuda_text(number: int) -> str:
    """12050 is CUDA 12.5."""
    return "{}.{}".format(number // 1000, number % 1000 // 10)


def cuda_error(function: "Any", code: int) -> str:
    text = ctypes.c_char_p()
    expect_zero(function(code, ctypes.byref(text)))
    return (text.value or b"").decode("utf-8", "replace")


def cuda_device(cuda: "Any", index: int) -> "dict[str, Any]":
    device = ctypes.c_int()
    expect_zero(cuda.cuDeviceGet(ctypes.byref(device), index))
    name = ctypes.create_string_buffer(256)
    expect_zero(cuda.cuDeviceGetName(name, 256, device))
    parts = []
    for attribute in (75, 76):  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
        value = ctypes.c_int()
        expect_zero(cuda.cuDeviceGetAttribute(ctypes.byref(value), attribute, device))
        parts.append(str(value.value))
    total = ctypes.c_size_t()
    code = cuda.cuDeviceTotalMem_v2(ctypes.byref(total), device)
    return {
        "name": name.value.decode("utf-8", "replace"),
        "capability": ".".join(parts),
        "memory": total.value if code == 0 else unavailable("error {}".format(code)),
    }


def library(work: "Callable[..., None]") -> "dict[str, Any]":
    """A driver library asked in a child: its facts, or how it failed."""
    child = run_apart(work, LIBRARY_SECONDS)
    facts = dict(child.said)
    facts.pop("finished", None)
    error = facts.pop("error", None)
    if error is not None:
        facts["unavailable"] = error["message"] or error["type"]
    elif child.ended["how"] != "done":
        facts["unavailable"] = ended_text(child.ended)
        facts["ended"] = child.ended
    lines = child.log.lines()
    if lines and error is None:
        facts["log"] = lines[:50]
    return facts


def ended_text(ended: "dict[str, Any]") -> str:
    texts = {
        "signal": "the process died of {}".format(ended.get("signal")),
        "exited": "the process exited with {}".format(ended.get("code")),
        "hung": "no answer within {} seconds".format(ended.get("limit")),
    }
    return texts.get(ended["how"], "the process is over")


# -- installed distributions ---------------------------------------------------------------------------

NAMES = re.compile(
    r"^(tensorflow|tf|intel-tensorflow|tensorrt|nvidia|keras|jax|torch|cupy|onnxruntime)($|-)"
    r"|^(numpy|protobuf|h5py|ml-dtypes|absl-py|astunparse|flatbuffers|gast|google-pasta|grpcio|libclang|opt-einsum|packaging|requests|setuptools"
    r"|six|tensorboard|termcolor|triton|typing-extensions|wrapt|scipy|rich|optree|namex|dm-tree|pip|wheel)$"
)
CHECKED = re.compile(r"^(tensorflow|tf|keras|nvidia)($|-)|^(numpy|protobuf|h5py|ml-dtypes)$")


def distributions() -> "dict[str, Any]":
    """What is installed, by its metadata on sys.path, imported nowhere. ``leftovers`` are what pip could not remove."""
    found = []  # type: list[dict[str, Any]]
    leftovers = []
    for folder in dict.fromkeys(os.path.realpath(entry or ".") for entry in PATH):
        try:
            entries = sorted(os.listdir(folder))
        except OSError:
            continue  # a zip file, or nothing at all
        leftovers += [os.path.join(folder, name) for name in entries if name.startswith("~")]
        for entry in entries:
            stem, extension = os.path.splitext(entry)
            name = canonical(stem.split("-")[0])
            if extension in (".dist-info", ".egg-info") and not entry.startswith("~") and NAMES.search(name):
                found.append(distribution(folder, entry, name))
    return {"installed": found, "leftovers": leftovers[:50], "modules": {name: field(module, name) for name in MODULES}}


MODULES = ("tensorflow", "keras", "tf_keras", "numpy")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution(folder: str, entry: str, name: str) -> "dict[str, Any]":
    path = os.path.join(folder, entry)
    cell = {"name": name, "folder": folder, "entry": entry}  # type: dict[str, Any]
    try:
        inside = "METADATA" if entry.endswith(".dist-info") else "PKG-INFO"
        headers = read_text(os.path.join(path, inside) if os.path.isdir(path) else path).replace("\r\n", "\n").split("\n\n")[0]
        cell["name"] = canonical(first_match(r"^Name:[ \t]*(\S+)", headers))
        cell["version"] = first_match(r"^Version:[ \t]*(\S+)", headers)
        cell["requires"] = re.findall(r"^Requires-Dist:[ \t]*(.+?)[ \t]*$", headers, re.M) if TENSORFLOWS.search(cell["name"]) else []
    except (OSError, Unavailable) as why:
        cell["version"] = unavailable(why)
    if CHECKED.search(name) and os.path.isdir(path):
        cell["files"] = field(files, folder, os.path.join(path, "RECORD"))
    return cell


TENSORFLOWS = re.compile(r"^(tensorflow|tensorflow-(cpu|gpu|intel|macos|cpu-aws|rocm)|tf-nightly(-cpu|-gpu)?|intel-tensorflow)$")


def files(folder: str, record: str) -> "dict[str, Any]":
    """Whether the code that RECORD lists is there, with its size: a half-removed package, a library cut short."""
    count = 0
    missing, resized = [], []
    for line in lines_of(record):
        path, _, size = line.rstrip("\r\n").rpartition(",")
        path = path.rpartition(",")[0].strip('"')
        if not size.isdigit() or path.startswith(("..", "/")) or not re.search(r"\.(py|so)(\.[\d.]+)?$", path):
            continue
        count += 1
        try:
            actual = os.stat(os.path.join(folder, path)).st_size
        except OSError:
            missing.append(path)
            continue
        if ".so" in path and actual < int(size):
            resized.append({"path": path, "recorded": int(size), "actual": actual})
    return {"count": count, "missing": len(missing), "first_missing": missing[:5], "truncated": resized[:5]}


def lines_of(path: str) -> "Iterator[str]":
    """Line by line, as that of TensorFlow has a megabyte, and no more than so many bytes."""
    taken = 0
    with open(path, "rb") as file:
        for line in iter(lambda: file.readline(1 << 16), b""):
            taken += len(line)
            if taken > RECORD_LIMIT:
                return
            yield line.decode("utf-8", "replace")


def module(name: str) -> "str | None":
    """The file that ``import NAME`` would run; None where there is none, "" for a folder without code of its own."""
    import importlib.util

    own, sys.path[:] = list(sys.path), PATH
    try:
        spec = importlib.util.find_spec(name)
    finally:
        sys.path[:] = own
    if spec is None:
        return None
    return spec.origin if spec.origin and spec.origin != "namespace" else ""


# -- the wheel and the libraries it wants --------------------------------------------------------------


def wheel(modules: "dict[str, Any]") -> "dict[str, Any]":
    """What the installed TensorFlow says of its build, read from its files: nothing is imported."""
    origin = modules.get("tensorflow")
    if not isinstance(origin, str) or not origin:
        raise Unavailable("no tensorflow package with code of its own is on sys.path")
    folder = os.path.dirname(origin)
    core = os.path.join(os.path.dirname(folder), "tensorflow_core")
    if not os.path.isdir(os.path.join(folder, "python")) and os.path.isdir(os.path.join(core, "python")):
        folder = core  # 1.15 and 2.0 keep their code there
    return {
        "folder": folder,
        "build": field(apart, build_statement, os.path.join(folder, "python", "platform", "build_info.py")),
        "search": field(search_path, folder),
    }


def build_statement(path: str) -> "dict[str, Any]":
    """The literals of build_info.py, taken from its syntax tree."""
    import ast  # needed in the child alone

    found = {}  # type: dict[str, Any]
    for node in ast.walk(ast.parse(read_text(path))):
        if isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values))  # type: list[Any]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            pairs = [(node.targets[0].id, node.value)]
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:  # OrderedDict([(name, value)])
            pairs = [(node.elts[0], node.elts[1])]
        else:
            continue
        for key, value in pairs:
            try:
                name = key if isinstance(key, str) else ast.literal_eval(key)
                found[str(name)] = ast.literal_eval(value)
            except (ValueError, TypeError):
                continue
    kept = {name: value for name, value in found.items() if is_statement(value) and name != "build_info"}
    if "is_cuda_build" not in kept and "cuda_version_number" not in kept and "cuda_version" not in kept:
        raise Unavailable("{} states nothing about CUDA".format(path))
    return kept


def is_statement(value: "Any") -> bool:
    return isinstance(value, (str, bool)) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def search_path(folder: str) -> "dict[str, Any]":
    """The folders that TensorFlow's own library names for the loader (RUNPATH or RPATH), with $ORIGIN filled in."""
    path = next(iter(sorted(glob.glob(os.path.join(glob.escape(folder), "libtensorflow_framework.so*")))), None)
    if path is None:
        raise Unavailable("libtensorflow_framework.so is not in " + folder)
    kind, folders = loader_folders(path)
    return {"of": path, "kind": kind, "folders": folders}


def loader_folders(path: str) -> "tuple[str, list[str]]":
    """What a library or program names for the loader, of which kind; $ORIGIN is the folder by which it was found, links and all."""
    try:
        kind, text = elf_search_path(path)
    except (struct.error, OverflowError, ValueError):
        raise Unavailable(path + " is damaged") from None
    origin = os.path.dirname(os.path.abspath(path))
    filled = (entry.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for entry in text.split(":") if entry)
    return kind, [os.path.realpath(folder) for folder in filled]


def interpreter_folders(kind: str) -> "list[str]":
    """Where the loader looks for the ctypes of this interpreter, and not for TensorFlow, whose own path is of this *kind*."""
    import _ctypes

    program, folders = named_folders(os.path.realpath(sys.executable or ""))
    shared = folders if program == "RPATH" and kind != "RUNPATH" else []  # a program's RPATH is for all that have no RUNPATH
    own = getattr(_ctypes, "__file__", None)  # None: built in
    found = dict.fromkeys(folders + (named_folders(own)[1] if own else []))
    return [folder for folder in found if folder not in shared]


def named_folders(path: str) -> "tuple[str, list[str]]":
    try:
        return loader_folders(path)
    except (Unavailable, OSError):
        return "none", []


def elf_search_path(path: str) -> "tuple[str, str]":
    """DT_RUNPATH or DT_RPATH of a 64-bit little-endian ELF file (System V ABI, chapters 4 and 5)."""
    with open(path, "rb") as file:
        header = file.read(64)
        if header[:6] != b"\x7fELF\x02\x01" or len(header) < 64:
            raise Unavailable(path + " is not a 64-bit ELF file")
        start, size, count = (
            struct.unpack_from("<Q", header, 32)[0],
            struct.unpack_from("<H", header, 54)[0],
            struct.unpack_from("<H", header, 56)[0],
        )
        file.seek(start)
        table = file.read(min(size * count, TEXT_LIMIT))
        segments = [struct.unpack_from("<IIQQQQ", table, size * i) for i in range(len(table) // size if size >= 56 else 0)]
        dynamic = next(((offset, length) for kind, _, offset, _, _, length in segments if kind == 2), None)
        if dynamic is None:
            raise Unavailable(path + " has no dynamic section")
        file.seek(dynamic[0])
        entries = file.read(min(dynamic[1], TEXT_LIMIT))
        tags = dict(struct.unpack_from("<qQ", entries, i) for i in range(0, len(entries) - 15, 16))
        tag = 29 if 29 in tags else 15  # DT_RUNPATH takes the place of DT_RPATH
        if tag not in tags:
            return "none", ""
        offset = next((tags[5] - a + o for k, _, o, a, _, n in segments if k == 1 and a <= tags[5] < a + n), None)
        if offset is None:
            raise Unavailable(path + " is cut short")
        file.seek(offset + tags[tag])
        text = file.read(1 << 16).split(b"\0")[0]
        if not text:
            raise Unavailable(path + " is cut short")
        return ("RUNPATH" if tag == 29 else "RPATH"), text.decode("utf-8", "replace")


# By CUDA version, newest first: the names that TensorFlow opens, in its order. Up to 10 the SONAME holds the minor, and
# CUDA 11.0 alone has libcusolver.so.10.
SONAMES = (
    ((13, 0), "cudart.so.13 cublas.so.13 cublasLt.so.13 cufft.so.12 curand.so.10 cusolver.so.12 cusparse.so.12", "nvJitLink.so.13"),
    ((12, 0), "cudart.so.12 cublas.so.12 cublasLt.so.12 cufft.so.11 curand.so.10 cusolver.so.11 cusparse.so.12", "nvJitLink.so.12"),
    ((11, 1), "cudart.so.11.0 cublas.so.11 cublasLt.so.11 cufft.so.10 curand.so.10 cusolver.so.11 cusparse.so.11", ""),
    ((11, 0), "cudart.so.11.0 cublas.so.11 cublasLt.so.11 cufft.so.10 curand.so.10 cusolver.so.10 cusparse.so.11", ""),
    ((10, 1), "cudart.so.10.{minor} cublas.so.10 cufft.so.10 curand.so.10 cusolver.so.10 cusparse.so.10", ""),
    ((10, 0), "cudart.so.10.0 cublas.so.10.0 cufft.so.10.0 curand.so.10.0 cusolver.so.10.0 cusparse.so.10.0", ""),
)
OTHERS = {
    "cudart": ("13", "12", "11.0", "10.1", "10.0"),
    "cudnn": ("9", "8", "7"),
    "cublas": ("13", "12", "11", "10"),
    "cusolver": ("12", "11", "10"),
}


def wanted_libraries(build: "dict[str, Any]", version: str) -> "list[tuple[str, bool]]":
    """``(SONAME, whether every GPU is lost without it)``; empty for a CPU build.

    Read in the wheels: the check before a GPU is registered is TryDlopenCUDALibraries, which asks for cuRAND up to 2.13.
    """
    if build.get("is_cuda_build") is False:
        return []
    numbers = tuple(int(n) for n in re.findall(r"\d+", str(build.get("cuda_version") or build.get("cuda_version_number") or ""))[:2])
    cudnn = re.match(r"\d+", str(build.get("cudnn_version") or build.get("cudnn_version_number") or ""))
    if not numbers or cudnn is None:
        raise Unavailable("the build names no CUDA or no cuDNN version")
    if len(numbers) == 1:
        numbers += (0 if re.match(r"1\.|2\.0", version) else 1,)  # build_info says 10; it was 10.0 up to 2.0, then 10.1
    row = next((row for row in SONAMES if row[0] <= numbers), None)
    if row is None:
        raise Unavailable("which libraries CUDA {} has is not known to this probe".format(".".join(map(str, numbers))))
    names = ["lib" + name.format(minor=numbers[1]) for name in row[1].split()] + ["libcudnn.so." + cudnn.group()]
    release = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    without = "libcurand" if release >= (2, 14) or numbers[0] >= 12 else "none"
    return [(name, not name.startswith(without)) for name in names] + [("lib" + name, False) for name in row[2].split() + ["nccl.so.2"]]


def libraries(build: "dict[str, Any]", search: "Any", version: str) -> "Any":
    """Each library opened as TensorFlow's loader would: its file and its own statement of its version, or the loader's error."""
    wanted = wanted_libraries(build, version)
    folders = search.get("folders", [])
    listed = os.environ.get("LD_LIBRARY_PATH", "")
    preset = [folder or os.curdir for folder in listed.split(":")] if listed else []  # an empty entry is the working directory
    order = folders + preset if search.get("kind") == "RPATH" else preset + folders
    foreign = interpreter_folders(search.get("kind", "none"))

    def work(say: "Callable[[str, Any], None]") -> None:
        for soname, needed in wanted:
            say(soname, {"soname": soname, "needed": needed, "unavailable": DIED})
            for cell in open_library(soname, needed, order, foreign):
                say(soname, cell)

    child = run_apart(work, LIBRARY_SECONDS)
    found = [child.said[soname] for soname, _ in wanted if soname in child.said]
    rest = [
        {"soname": soname, "needed": needed, "unavailable": "not tried: " + ended_text(child.ended)}
        for soname, needed in wanted
        if soname not in child.said
    ]
    return found + rest


DIED = "the process died while opening it"  # said beforehand


def open_library(soname: str, needed: bool, folders: "list[str]", foreign: "list[str]") -> "Iterator[dict[str, Any]]":
    """What is known of the library, and again with more."""
    cell = {"soname": soname, "needed": needed}  # type: dict[str, Any]
    opened, where, error = load(soname, folders, foreign)
    if opened is None:
        cell["unavailable"] = error
        cell["elsewhere"] = elsewhere(soname, foreign)
        cell["others"] = other_versions(soname, folders, foreign)
        yield cell
        return
    cell["path"] = field(loaded_path, opened)
    cell["where"] = where
    cell["version"] = field(version_of, soname, opened)
    yield cell
    for missing in missing_parts(soname, opened, folders, foreign):
        yield dict(cell, missing_parts=missing) if missing else cell


def load(soname: str, folders: "list[str]", foreign: "list[str]") -> "tuple[Any, str, str]":
    """The library, where it was found, and why not: the first file in *folders* counts, as for the loader; then its own search.

    What lies in a *foreign* folder is found by this interpreter alone, so that the loader's search is made without it.
    """
    for folder in folders:
        path = os.path.join(folder, soname)
        if os.path.exists(path):
            try:
                return ctypes.CDLL(path), folder, ""
            except OSError as error:
                passed_over = (path + ": wrong ELF class", path + ": cannot open shared object file")  # of another machine, unreadable
                if not str(error).startswith(passed_over):
                    return None, folder, str(error)
    names = [soname]
    if any(os.path.exists(os.path.join(folder, soname)) for folder in foreign) and not is_loaded(soname):
        names = system_paths(soname)
    why = "{}: cannot open shared object file: No such file or directory".format(soname)
    for name in names:
        try:
            return ctypes.CDLL(name), "loader", ""
        except OSError as error:
            why = str(error)
    return None, "", why


def is_loaded(soname: str) -> bool:
    """Whether another library brought it along."""
    try:
        return bool(ctypes.CDLL(soname, os.RTLD_NOLOAD))
    except OSError:
        return False


def system_paths(soname: str) -> "list[str]":
    """The files of that name that the loader knows for every program: in its cache, then in its own folders."""
    try:
        with open("/etc/ld.so.cache", "rb") as file:
            cached = re.findall(b"(/[^\\0]*/" + re.escape(soname.encode()) + b")\\0", file.read(RECORD_LIMIT))
    except OSError:
        cached = []
    own = ("/lib/*-linux-gnu", "/usr/lib/*-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
    return [os.fsdecode(path) for path in cached] + [path for folder in own for path in glob.glob(os.path.join(folder, soname))]


# What libcudnn opens at the first computation, each after those that it needs.
PARTS = {
    "libcudnn.so.9": "graph ops cnn adv engines_precompiled engines_runtime_compiled heuristic",
    "libcudnn.so.8": "ops_infer ops_train cnn_infer cnn_train adv_infer adv_train",
}


def missing_parts(soname: str, opened: "Any", folders: "list[str]", foreign: "list[str]") -> "Iterator[dict[str, str]]":
    """The parts of cuDNN that cannot be opened, and why; none where not one of them is there, as then it is not known to have any."""
    missing = {}  # type: dict[str, str]
    names = [soname.replace(".so", "_{}.so".format(part)) for part in PARTS.get(soname, "").split()]
    path = field(link_name, opened) if names else ""
    places = [os.path.dirname(way) for way in (path, os.path.realpath(path))] if isinstance(path, str) else []
    if not any(os.path.exists(os.path.join(place, name)) for place in places for name in names):
        return
    for name in names:
        yield dict(missing, **{name: DIED})
        why = load(name, places[:1] + folders, foreign)[2]
        if why and not why.startswith("libcuda.so.1:"):  # the driver is another matter
            missing[name] = why
    yield missing


def elsewhere(soname: str, foreign: "list[str]") -> "list[str]":
    """Where the file lies without the loader looking there: NVIDIA's wheels, a toolkit, conda."""
    roots = [os.path.join(glob.escape(entry), "nvidia", "*", "lib") for entry in PATH if entry]
    roots += ["/usr/local/cuda*/lib64", "/usr/local/cuda*/targets/*/lib", "/usr/lib/*-linux-gnu", "/opt/conda/lib"]
    roots += [glob.escape(folder) for folder in [os.path.join(sys.prefix, "lib")] + foreign]
    return sorted({os.path.realpath(path) for root in roots for path in glob.glob(os.path.join(root, soname))})[:10]


def other_versions(soname: str, folders: "list[str]", foreign: "list[str]") -> "list[dict[str, Any]]":
    """The same library under another version's name, which does not help but explains."""
    name = soname[3:].split(".so", maxsplit=1)[0]
    found = []
    for number in OTHERS.get(name, ()):
        other = "lib{}.so.{}".format(name, number)
        opened = load(other, folders, foreign)[0] if other != soname else None
        if opened is not None:
            found.append({"soname": other, "path": field(loaded_path, opened), "version": field(version_of, other, opened)})
    return found


def version_of(soname: str, opened: "Any") -> str:
    """The version that the library itself states."""
    name = soname[3:].split(".so", maxsplit=1)[0]
    if name == "cudart":
        return cuda_text(number_from(opened.cudaRuntimeGetVersion))
    if name == "cudnn":
        opened.cudnnGetVersion.restype = ctypes.c_size_t
        number = opened.cudnnGetVersion()
        unit = 10000 if number >= 90000 else 1000
        return "{}.{}.{}".format(number // unit, number % unit // 100, number % 100)
    if name == "nccl":
        number = number_from(opened.ncclGetVersion)
        unit = 10000 if number >= 10000 else 1000  # 2.8.4 is 2804, 2.9.6 is 20906
        return "{}.{}.{}".format(number // unit, number % unit // 100, number % 100)
    if name == "nvJitLink":
        parts = (ctypes.c_uint(), ctypes.c_uint())
        expect_zero(opened.nvJitLinkVersion(ctypes.byref(parts[0]), ctypes.byref(parts[1])))
        return "{}.{}".format(*(part.value for part in parts))
    if name == "cublasLt":
        opened.cublasLtGetVersion.restype = ctypes.c_size_t
        number = opened.cublasLtGetVersion()
        unit = 10000 if number >= 100000 else 1000
        return "{}.{}.{}".format(number // unit, number % unit // 100, number % 100)
    return ".".join(str(library_property(getattr(opened, name + "GetProperty"), kind)) for kind in range(3))


def number_from(function: "Any") -> int:
    number = ctypes.c_int()
    expect_zero(function(ctypes.byref(number)))
    return number.value


def library_property(function: "Any", kind: int) -> int:
    value = ctypes.c_int()
    expect_zero(function(kind, ctypes.byref(value)))
    return value.value


# -- TensorFlow, in a child ----------------------------------------------------------------------------


def tensorflow(options: "Any", wants_gpu: bool, gpus: int, machine: Machine) -> "dict[str, Any]":
    """Import, build, devices, Keras and the smoke test; how far it came, and how it ended. *gpus*: how many the driver lists."""
    before = field(machine.out_of_memory_kills)

    def work(say: "Callable[[str, Any], None]") -> None:
        exercise(say, options, wants_gpu)

    child = run_apart(work, options.timeout + options.stress * (max(gpus, 1) if options.all_gpus else 1))
    facts = dict(child.said)
    finished = facts.pop("finished", False)
    after = field(machine.out_of_memory_kills)
    ended = child.ended
    if ended["how"] == "done" and not finished and "error" not in facts:
        ended = {"how": "exited", "code": 0}  # something called _exit
    facts["ended"] = ended
    facts["out_of_memory_kills"] = (
        after - before if isinstance(before, int) and isinstance(after, int) else unavailable("the cgroup does not say")
    )
    facts["seconds"] = child.seconds
    facts["log"] = child.log.lines()
    facts["smoke"] = [facts.pop(name) for name in sorted(facts) if name.startswith("smoke ")]
    return facts


def exercise(say: "Callable[[str, Any], None]", options: "Any", wants_gpu: bool) -> None:
    say("stage", "import")
    say("from_working_directory", field(lambda: shadows(standard_names().union(MODULES, ["google"]))))  # all that might be imported
    sys.path[:] = PATH
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"  # what it writes is evidence
    began = time.monotonic()
    try:
        import tensorflow as tf  # type: ignore[import-untyped]
    finally:
        say("from_working_directory", field(from_working_directory))

    say("import_seconds", round(time.monotonic() - began, 3))
    say("file", getattr(tf, "__file__", None))
    say("version", tf.__version__)
    if tf.__version__.startswith("1."):
        tf.compat.v1.enable_v2_behavior()
    say("stage", "devices")
    say("build", field(lambda: {key: value for key, value in tf.sysconfig.get_build_info().items()}))
    listing = getattr(tf.config, "list_physical_devices", None) or tf.config.experimental.list_physical_devices
    gpus = listing("GPU")
    details = [field(device_details, tf, device) for device in gpus]
    say("devices", [{"name": device.name, "details": cell} for device, cell in zip(gpus, details)])
    for gpu in gpus:
        field(tf.config.experimental.set_memory_growth, gpu, True)  # others may be at work on it
    say("stage", "keras")
    say("keras", field(keras, tf))
    if options.smoke:
        Smoke(say, tf, options, wants_gpu or bool(gpus and options.expect != "cpu"), details).run()
    say("stage", "end")
    say("loaded", field(loaded_libraries))


def standard_names() -> "set[str]":
    """What the standard library calls its modules."""
    names = getattr(sys, "stdlib_module_names", None)  # of 3.10
    if names is None:
        import pkgutil

        names = {name for _, name, _ in pkgutil.iter_modules([os.path.dirname(os.__file__)])}
    return set(names) - {"test"}  # which nothing imports, and projects have their own


def shadows(names: "set[str]") -> "list[str]":
    """The modules of these *names* that lie beside the caller, where an import takes them in the place of others."""
    from importlib.machinery import PathFinder

    here = os.getcwd()
    if PATH[:1] not in ([""], [here]):
        return []
    rest = [entry for entry in PATH if os.path.realpath(entry) != os.path.realpath(here)]
    found = [(name, PathFinder.find_spec(name, [here])) for name in names.difference(EARLY, sys.builtin_module_names)]
    beside = {name: spec.origin for name, spec in found if spec is not None and spec.has_location and spec.origin}
    return sorted(path for name, path in beside.items() if PathFinder.find_spec(name, rest) is not None)


def from_working_directory() -> "list[str]":
    """The files beside the caller that were imported: timeit.py or keras.py there takes the place of the real one."""
    here = os.getcwd()
    if PATH[:1] not in ([""], [here]):
        return []
    loaded = {name: getattr(code, "__file__", None) or "" for name, code in list(sys.modules.items()) if name != "__main__"}
    beside = {path for path in map(os.path.abspath, loaded.values()) if os.path.dirname(path) == here and os.path.isfile(path)}
    return sorted(beside.union(shadows({name for name in loaded if "." not in name})))  # some the probe had before


def device_details(tf: "Any", device: "Any") -> "dict[str, Any]":
    details = tf.config.experimental.get_device_details(device)
    capability = details.get("compute_capability")
    return {"name": details.get("device_name"), "capability": "{}.{}".format(*capability) if capability else None}


def keras(tf: "Any") -> "dict[str, Any]":
    """What stands behind tf.keras."""
    behind = tf.keras.Model.__module__.partition(".")[0]
    if behind == "tensorflow":  # up to 2.5
        return {"module": "tensorflow", "version": field(lambda: tf.keras.__version__), "backend": "tensorflow"}
    code = sys.modules[behind]  # type: Any
    backend = getattr(code, "backend", None)  # type: Any
    name = backend.backend() if hasattr(backend, "backend") else "tensorflow"
    return {"module": behind, "version": getattr(code, "__version__", None) or unavailable("the module does not say"), "backend": name}


def loaded_libraries() -> "list[str]":
    """The GPU libraries that are mapped into this process by now."""
    names = re.compile(r"/lib(cuda|cudart|cudnn|cublas|cublasLt|cufft|curand|cusolver|cusparse|nccl|nvJitLink|cupti|nvinfer)[_\w]*\.so")
    paths = (line.partition("/")[2].strip() for line in read_text("/proc/self/maps", SAID_LIMIT).splitlines() if "/" in line)
    return sorted({"/" + path for path in paths if names.search("/" + path)})


NO_KERNEL = re.compile("No OpKernel|no supported kernel|Could not find (valid )?device|Could not satisfy (explicit )?device specification")
CUBLAS_REFUSES = re.compile("CUBLAS_STATUS_NOT_SUPPORTED|UNIMPLEMENTED|UnimplementedError")


class Smoke:
    """Small computations on one device, each compared with the same in NumPy, and the device of each result looked at."""

    TOLERANCES = {"float32": 5e-3, "float16": 1e-2, "bfloat16": 5e-2}  # of the largest value; TensorFloat-32 keeps 10 bits

    def __init__(self, say: "Callable[[str, Any], None]", tf: "Any", options: "Any", on_gpu: bool, gpus: "list[Any]") -> None:
        import numpy

        self.say, self.tf, self.np, self.options = say, tf, numpy, options
        self.kind = "GPU" if on_gpu else "CPU"
        self.devices = ["/{}:{}".format(self.kind, index) for index in range(len(gpus) if on_gpu and options.all_gpus else 1)]
        self.capabilities = {"/GPU:{}".format(index): cell.get("capability") for index, cell in enumerate(gpus)}
        self.sound = set()  # type: set[str]  # the devices that multiply float32
        self.count = 0
        self.missing = on_gpu and not gpus

    def run(self) -> None:
        if self.missing:
            self.tell({"step": "device", "device": "/GPU:0", "outcome": "failed", "message": "TensorFlow lists no GPU"})
            return
        set_soft_placement(self.tf, False)
        for device in self.devices:
            for dtype in ("float32", "float16", "bfloat16"):
                self.step("matmul", device, dtype, self.matmul)
            self.step("elementwise", device, "float32", self.elementwise)
            self.step("reduction", device, "float32", self.reduction)
            self.step("convolution", device, "float32", self.convolution)
            self.step("training", device, "float32", self.training)
            if self.options.stress:
                self.step("stress", device, "float32", self.stress)

    def tell(self, cell: "dict[str, Any]") -> None:
        self.count += 1
        self.say("smoke {:03d}".format(self.count), cell)

    def step(self, name: str, device: str, dtype: str, compute: "Callable[..., dict[str, Any]]") -> None:
        cell = {"step": name, "device": device, "dtype": dtype}  # type: dict[str, Any]
        self.say("stage", "{} ({}) on {}".format(name, dtype, device))
        try:
            cell.update(compute(device, dtype))
            right = cell["placed"].rstrip("/").endswith("{}:{}".format(self.kind, device.rpartition(":")[2]))
            close = cell["error"] <= cell["tolerance"]  # False for NaN
            cell["outcome"] = "ok" if right and close else "failed"
            if right and close and dtype == "float32":
                self.sound.add(device)
            if not right:
                cell["message"] = "the result is on {}, not on {}".format(cell["placed"], device)
            elif not close and cell["error"] < float("inf"):
                cell["message"] = "the result differs by {:.2g} of its size from the same in NumPy".format(cell["error"])
            if not cell["error"] < float("inf"):
                cell["error"] = None  # JSON has no NaN and no infinity
                cell.setdefault("message", "the result is not a number")
        except Exception as error:
            text = "{}: {}".format(type(error).__name__, str(error).strip())
            unsupported = dtype != "float32" and self.lacks(device, dtype, text)
            cell["outcome"] = "skipped" if unsupported else "failed"
            cell["message"] = text[:1000]
            if not unsupported:
                write_traceback(error)
        self.tell(cell)

    def lacks(self, device: str, dtype: str, text: str) -> bool:
        """Whether an error in *dtype* says that there is no kernel, or that a GPU that computes otherwise is too old for it."""
        if NO_KERNEL.search(text):
            return True
        major = re.match(r"\d+", self.capabilities.get(device) or "")
        refuses = dtype == "bfloat16" and major is not None and int(major.group()) < 8 and re.match("InternalError: .*Blas", text, re.S)
        return device in self.sound and bool(refuses or CUBLAS_REFUSES.search(text))

    def random(self, seed: int, *shape: int) -> "Any":
        return self.np.random.RandomState(seed).standard_normal(shape)

    def compare(self, device: str, dtype: str, expected: "Any", compute: "Callable[..., Any]", *arrays: "Any") -> "dict[str, Any]":
        """Run *compute* twice on *device*: the first time may load a library or compile, the second tells the speed."""
        with self.tf.device(device):
            tensors = [self.tf.cast(self.tf.constant(array.astype("float32")), dtype) for array in arrays]
            began = time.monotonic()
            result = compute(*tensors)
            values = self.tf.cast(result, "float32").numpy()
            first = time.monotonic() - began
            began = time.monotonic()
            self.tf.cast(compute(*tensors), "float32").numpy()
            again = time.monotonic() - began
        error = float(abs(values - expected).max() / abs(expected).max())
        return {
            "placed": result.device,
            "seconds": round(first, 6),
            "again": round(again, 6),
            "error": error,
            "tolerance": self.TOLERANCES[dtype],
        }

    def matmul(self, device: str, dtype: str) -> "dict[str, Any]":
        a, b = self.random(0, 256, 256), self.random(1, 256, 256)
        return self.compare(device, dtype, a @ b, self.tf.linalg.matmul, a, b)

    def elementwise(self, device: str, dtype: str) -> "dict[str, Any]":
        np, tf = self.np, self.tf
        a, b = self.random(2, 256, 256), self.random(3, 256, 256)
        return self.compare(device, dtype, np.tanh(a) * b + np.exp(-a * a), lambda x, y: tf.tanh(x) * y + tf.exp(-x * x), a, b)

    def reduction(self, device: str, dtype: str) -> "dict[str, Any]":
        a = self.random(4, 256, 512)
        return self.compare(device, dtype, a.sum(axis=1), lambda x: self.tf.reduce_sum(x, axis=1), a)

    def convolution(self, device: str, dtype: str) -> "dict[str, Any]":
        images, kernel = self.random(5, 4, 32, 32, 8), self.random(6, 3, 3, 8, 16)
        expected = self.convolved(images, kernel)
        return self.compare(device, dtype, expected, lambda x, k: self.tf.nn.conv2d(x, k, strides=1, padding="VALID"), images, kernel)

    def convolved(self, images: "Any", kernel: "Any") -> "Any":
        height, width = images.shape[1] - 2, images.shape[2] - 2
        parts = (self.np.tensordot(images[:, y : y + height, x : x + width], kernel[y, x], axes=1) for y in range(3) for x in range(3))
        return sum(parts)

    def training(self, device: str, dtype: str) -> "dict[str, Any]":
        """One step of a small model. Keras may count steps in kernels that a GPU lacks: then soft placement is on, and is told."""
        try:
            return self.train(device, dtype)
        except Exception as error:
            if not NO_KERNEL.search(str(error)):
                raise
        set_soft_placement(self.tf, True)
        try:
            return dict(self.train(device, dtype), soft_placement=True)
        finally:
            set_soft_placement(self.tf, False)

    def train(self, device: str, dtype: str) -> "dict[str, Any]":
        tf, np = self.tf, self.np
        images, wanted = self.random(7, 32, 8, 8, 1).astype(dtype), self.random(8, 32, 1).astype(dtype)
        began = time.monotonic()
        with tf.device(device):
            inputs = tf.keras.Input(shape=(8, 8, 1))
            hidden = tf.keras.layers.Conv2D(4, 3, activation="relu")(inputs)
            model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(tf.keras.layers.Flatten()(hidden)))
            x, y = tf.constant(images), tf.constant(wanted)
            weights = [np.array(weight) for weight in model.get_weights()]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
            gradients = tape.gradient(loss, model.trainable_variables)
            tf.keras.optimizers.SGD(0.01).apply_gradients(zip(gradients, model.trainable_variables))
            after = tf.reduce_mean(tf.square(model(x, training=True) - y))
        hidden = np.maximum(self.convolved(images, weights[0]) + weights[1], 0)
        expected = float(np.square(hidden.reshape(32, -1) @ weights[2] + weights[3] - wanted).mean())
        if not float(after) < float(loss):
            raise ArithmeticError("the loss does not fall: {} after {}".format(float(after), float(loss)))
        placed = {tensor.device for tensor in [loss, after] + list(gradients)}
        wrong = [name for name in placed if not name.endswith("{}:{}".format(self.kind, device.rpartition(":")[2]))]
        return {
            "placed": (wrong + sorted(placed))[0],
            "seconds": round(time.monotonic() - began, 6),
            "error": abs(float(loss) - expected) / expected,
            "tolerance": self.TOLERANCES[dtype],
        }

    def stress(self, device: str, dtype: str) -> "dict[str, Any]":
        """The same product over and over, all the time asked for: each must equal the first."""
        tf, size = self.tf, 4096 if self.kind == "GPU" else 1024
        runs, worst = 0, 0.0
        with tf.device(device):
            a, b = (tf.constant(self.random(seed, size, size).astype(dtype)) for seed in (9, 10))
            first = tf.linalg.matmul(a, b)
            scale = float(tf.reduce_max(tf.abs(first)))
            began = time.monotonic()
            while not runs or time.monotonic() - began < self.options.stress:
                result = tf.linalg.matmul(a, b)
                difference = float(tf.reduce_max(tf.abs(result - first))) / scale
                worst = difference if worst == worst and not difference <= worst else worst  # NaN stays
                runs += 1
        seconds = round(time.monotonic() - began, 3)
        return {"placed": result.device, "seconds": seconds, "error": worst, "tolerance": 1e-5, "runs": runs, "size": size}


def set_soft_placement(tf: "Any", allowed: bool) -> None:
    tf.config.set_soft_device_placement(allowed)


# -- all of it -----------------------------------------------------------------------------------------


def parse(arguments: "list[str]") -> "Any":
    parser = argparse.ArgumentParser("probe.py", description="Print what this environment is, as one JSON object.")
    parser.add_argument(
        "--expect", choices=("gpu", "cpu", "auto"), default="auto", help="where the smoke test runs; auto: a GPU where one is seen"
    )
    parser.add_argument("--timeout", type=seconds_from, default=300.0, metavar="SECONDS", help="for TensorFlow and the smoke test (300)")
    parser.add_argument("--stress", type=seconds_from, default=0.0, metavar="SECONDS", help="multiply large matrices so long as well")
    parser.add_argument("--all-gpus", action="store_true", help="the smoke test on every GPU, not on the first alone")
    parser.add_argument("--no-smoke", dest="smoke", action="store_false", help="import TensorFlow, and compute nothing")
    parser.add_argument("--no-tensorflow", dest="tensorflow", action="store_false", help="do not import TensorFlow")
    parser.add_argument("--root", default="", metavar="DIR", help="read /proc, /sys, /dev and /etc below DIR")
    return parser.parse_args(arguments)


def seconds_from(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError("{!r} is not a number of seconds".format(text)) from None
    if not 0 <= number <= 86400:
        raise argparse.ArgumentTypeError("{} is not between 0 and 86400 seconds".format(text))
    return number


def driver(machine: Machine) -> "dict[str, Any]":
    return {
        "module": field(machine.module_version),
        "proc": field(machine.proc_version),
        "nodes": field(machine.nodes),
        "pci": field(machine.pci),
        "compat": field(machine.compat),
        "nvml": field(library, probe_nvml),
        "libcuda": field(library, probe_libcuda),
    }


def sees_gpu(found: "dict[str, Any]") -> bool:
    """Whether anything of an NVIDIA GPU reached this environment: a node, a driver, its library, which is no toolkit's stub."""
    path = found["libcuda"].get("path")
    code = found["libcuda"].get("init", {}).get("code")
    return bool(
        isinstance(found["module"], str)
        or isinstance(found["proc"], str)
        or any(path != "/dev/dxg" for path in found["nodes"] if path != "unavailable")  # WSL has that for every GPU
        or (isinstance(path, str) and "/stubs/" not in path and code != 34)  # CUDA_ERROR_STUB_LIBRARY
    )


def collect(options: "Any") -> "dict[str, Any]":
    machine = Machine(options.root)
    began = time.monotonic()
    facts = {"schema": "tfcompat-probe", "schema_version": SCHEMA_VERSION, "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}  # type: dict[str, Any]
    facts["interpreter"] = field(interpreter)
    facts["platform"] = field(machine.platform)
    facts["container"] = field(machine.container)
    facts["environment"] = {name: os.environ[name][:4000] for name in VARIABLES if name in os.environ}
    facts["driver"] = driver(machine)
    wants_gpu = options.expect == "gpu" or (options.expect == "auto" and sees_gpu(facts["driver"]))
    facts["asked"] = {
        "expect": options.expect,
        "gpu": wants_gpu,
        "smoke": options.smoke,
        "all_gpus": options.all_gpus,
        "stress": options.stress,
        "timeout": options.timeout,
    }
    facts["distributions"] = field(distributions)
    facts["wheel"] = field(wheel, facts["distributions"].get("modules", {}))
    facts["libraries"] = field(library_facts, facts["wheel"], facts["distributions"], wants_gpu)
    if not options.tensorflow:
        facts["tensorflow"] = unavailable("--no-tensorflow was given")
    else:
        facts["tensorflow"] = field(tensorflow, options, wants_gpu, len(facts["driver"]["libcuda"].get("devices", ())), machine)
    facts["seconds"] = round(time.monotonic() - began, 3)
    return facts


def library_facts(found: "dict[str, Any]", installed: "dict[str, Any]", wants_gpu: bool) -> "Any":
    if not wants_gpu:
        raise Unavailable("not tried: no GPU is expected")
    if "unavailable" in found:
        raise Unavailable("not tried: " + found["unavailable"])
    if "unavailable" in found["build"]:
        raise Unavailable("not tried: " + found["build"]["unavailable"])
    versions = [
        cell["version"] for cell in installed.get("installed", ()) if TENSORFLOWS.search(cell["name"]) and isinstance(cell["version"], str)
    ]
    return libraries(found["build"], found["search"], (versions + [""])[0])


def main(arguments: "list[str]") -> int:
    options = parse(arguments)
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, lambda number, _: sys.exit(128 + number))  # so that children are ended as well
    facts = collect(options)
    text = json.dumps(facts, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")  # names that are no UTF-8 are no JSON
    sys.stdout.write(json.dumps(json.loads(text.decode("utf-8")), indent=1) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
