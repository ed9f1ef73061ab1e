"""Stand-ins for what the probe asks: a driver, CUDA's libraries, a TensorFlow, a machine; nothing of them needs a GPU.

The libraries are real ones, compiled here with ``cc``, so that ``dlopen``, search paths, SONAMEs and errors are the
loader's own. The TensorFlow is a real package made of NumPy, which computes all that the probe's smoke test computes.
Faults are asked for one by one::

    standins = Standins(tmp_path)
    standins.libcuda(cuda=12040, devices=[H100])      # driver/libcuda.so.580.65.06 and libcuda.so.1
    standins.nvml(driver="550.54.15", cuda=12040)     # driver/libnvidia-ml.so.1
    standins.toolkit("12.5", cudnn="9.3.0", without=["libcusolver.so.11"])  # cuda/lib*.so.*
    standins.tensorflow("2.18.0", faults=[Fault("matmul", "nan")])          # site/tensorflow and its metadata
    standins.machine(nodes=["nvidia0", "nvidiactl"])                        # root/, which the probe reads as --root
    facts = standins.probe("--expect", "gpu")

``driver`` and ``cuda`` are in LD_LIBRARY_PATH, ``site`` is in PYTHONPATH, each where it exists. Tests that compile
have to carry :data:`COMPILES`. What is compiled once is kept until the interpreter ends.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tfcompat.facts import parse_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["A100", "COMPILES", "CPU_BUILD", "GPU_BUILD", "H100", "PROBE", "Fault", "Gpu", "Standins", "assert_shape", "run_probe"]

PROBE = Path(__file__).resolve().parent.parent / "src" / "tfcompat" / "probe.py"
COMPILES = pytest.mark.skipif(
    shutil.which("cc") is None or sys.platform != "linux", reason="stand-ins of GPU libraries are compiled with cc, on Linux"
)

GPU_BUILD: Mapping[str, Any] = {
    "is_cuda_build": True,
    "is_rocm_build": False,
    "is_tensorrt_build": True,
    "cuda_version": "12.5.1",
    "cudnn_version": "9",
    "cuda_compute_capabilities": ["sm_60", "sm_70", "sm_80", "sm_89", "compute_90"],
}
CPU_BUILD: Mapping[str, Any] = {"is_cuda_build": False, "is_rocm_build": False, "is_tensorrt_build": False}


class Gpu(NamedTuple):
    name: str
    capability: str
    memory: int


H100 = Gpu("NVIDIA H100 80GB HBM3", "9.0", 80 << 30)
A100 = Gpu("NVIDIA A100-SXM4-40GB", "8.0", 40 << 30)


@dataclass(frozen=True)
class Fault:
    """What the stand-in TensorFlow does wrong, and where.

    ``step``: ``import``, ``devices``, ``keras``, or a step of the smoke test: ``matmul``, ``elementwise``,
    ``reduction``, ``convolution``, ``training``, ``stress``.

    ``do``: ``raise`` (*text*, an *error*), ``say`` (*text*, on stderr), ``hang``, ``die`` (of the signal *text*),
    ``exit`` (``os._exit`` with the code *text*), ``flood`` (*text* bytes on stderr), ``fork`` (a grandchild that sleeps;
    ``chatter`` as *text*: one that writes for ever), ``mark`` (the process writes its id to the file *text*), ``hangup`` (SIGHUP for the probe); of a result: ``nan``, ``inf``, ``wrong`` (a tenth too large) or
    ``place`` (it is on *text*, such as ``CPU:0``).
    """

    step: str
    do: str
    text: str = ""
    dtype: str = ""  # of this type alone
    error: str = "InvalidArgumentError"  # or InternalError, UnimplementedError, or any built-in exception
    after: int = 0  # so many calls go well before
    times: int = 1 << 30  # and so many do not
    soft: bool = True  # under soft placement as well


class Standins:
    """A folder of stand-ins; each method writes one, and :meth:`probe` asks them all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.root = folder / "root"

    # -- the driver

    def libcuda(
        self,
        init: int = 0,
        cuda: int = 12080,
        devices: Sequence[Gpu] = (H100,),
        file: str = "libcuda.so.580.65.06",
        crash: str = "",
        count: int = 0,
        folder: str = "driver",
    ) -> Path:
        """``cuInit`` gives *init*, or ends in *crash* (``abort``, ``segfault``, ``hang``); *count* is what ``cuDeviceGetCount`` gives.

        A forward compatibility package is one in another folder: ``folder="driver/compat"``, with that in *ld_library_path*.
        """
        ending = {"": "", "abort": "abort();", "segfault": "*(volatile int *)0 = 1;", "hang": "for (;;) pause();"}[crash]
        defines = {
            "INIT": init,
            "CUDA": cuda,
            "COUNT": count,
            "ENDING": ending,
            "DEVICES": _device_rows(devices),
            "DEVICE_COUNT": len(devices),
        }
        path = self._place(_compiled(_LIBCUDA, "libcuda.so.1", defines), folder, file)
        _link(path.with_name("libcuda.so.1"), file)
        return path

    def nvml(
        self,
        init: int = 0,
        driver: str = "580.65.06",
        cuda: int = 13000,
        devices: Sequence[Gpu] = (H100,),
        mig: bool | None = None,
        without: Iterable[str] = (),
        folder: str = "driver",
    ) -> Path:
        """*mig*: on, off, or None for GPUs that have none; *without*: functions that this version of the library lacks."""
        defines = {
            "INIT": init,
            "CUDA": cuda,
            "DRIVER": json.dumps(driver),
            "MIG_CODE": 3 if mig is None else 0,
            "MIG": int(bool(mig)),
            "DEVICES": _device_rows(devices),
            "DEVICE_COUNT": len(devices),
        }
        source = _NVML
        for name in without:
            source = re.sub(rf"\b{name}\b", f"no_{name}", source)
        return self._place(_compiled(source, "libnvidia-ml.so.1", defines), folder, "libnvidia-ml.so.1")

    # -- CUDA's libraries

    def library(self, soname: str, version: str, folder: str = "cuda", needs: Iterable[str] = (), search: str = "") -> Path:
        """A library of CUDA that states *version* in its own way, linked against the SONAMEs in *needs*, which need not be there.

        *search* is its RUNPATH.
        """
        name = soname[3:].partition(".so")[0]
        numbers = ([int(part) for part in version.split(".")] + [0, 0])[:3]
        defines = {"MAJOR": numbers[0], "MINOR": numbers[1], "PATCH": numbers[2]}
        source = _VERSIONS.get(name, _PROPERTY.replace("NAME", name))
        flags = (f"-Wl,-rpath,{search}", "-Wl,--enable-new-dtags") if search else ()
        return self._place(_compiled(source, soname, defines, tuple(needs), flags), folder, soname)

    def toolkit(
        self, cuda: str = "12.5", cudnn: str = "9.3.0", without: Iterable[str] = (), folder: str = "cuda", nccl: str = "2.23.4"
    ) -> None:
        """All libraries that a TensorFlow built for *cuda* opens, but those whose SONAME is in *without*."""
        major, minor = (int(part) for part in cuda.split(".")[:2])
        for soname in _sonames(major, minor):
            if soname not in without:
                self.library(soname, cuda, folder)
        for soname, version in ((f"libcudnn.so.{cudnn.partition('.')[0]}", cudnn), ("libnccl.so.2", nccl)):
            if version and soname not in without:
                self.library(soname, version, folder)

    def _place(self, compiled: Path, folder: str, file: str) -> Path:
        path = self.folder / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        shutil.copyfile(compiled, path)
        return path

    # -- TensorFlow

    def tensorflow(
        self,
        version: str = "2.18.0",
        build: Mapping[str, Any] = GPU_BUILD,
        search: Sequence[str] = (),
        rpath: bool = False,
        distribution: str = "tensorflow",
        requires: Sequence[str] = ("numpy>=1.26",),
        installed: Mapping[str, str] = {"keras": "3.6.0", "protobuf": "5.28.3"},
        gpus: Sequence[Gpu] = (H100,),
        keras: str = "3.6.0",
        keras_module: str = "keras",
        loads: Iterable[str | Path] = (),
        faults: Sequence[Fault] = (),
    ) -> Path:
        """The package, its ``libtensorflow_framework.so.2`` and its metadata; the folder ``site``.

        *search* are the folders of its RUNPATH (RPATH, where *rpath*), such as ``$ORIGIN/../nvidia/cudnn/lib``; *gpus* what it
        lists, which is by itself independent of any driver; *installed* further metadata without files; *loads* are libraries
        that it opens with its devices; *keras_module* is ``keras``, ``tf_keras`` or, for releases up to 2.5, ``tensorflow``.
        """
        package = self.site / "tensorflow"
        (package / "python" / "platform").mkdir(parents=True, exist_ok=True)
        (package / "python" / "platform" / "build_info.py").write_text(build_info(build, version))
        (package / "__init__.py").write_text(_TENSORFLOW)
        (package / "standin.json").write_text(
            json.dumps(
                {
                    "version": version,
                    "build": dict(build),
                    "gpus": [gpu._asdict() for gpu in gpus],
                    "keras": keras,
                    "keras_module": keras_module,
                    "loads": [str(path) for path in loads],
                    "faults": [asdict(fault) for fault in faults],
                }
            )
        )
        flags = [f"-Wl,-rpath,{':'.join(search)}", f"-Wl,--{'disable' if rpath else 'enable'}-new-dtags"] if search else []
        self._place(
            _compiled("int tensorflow;", "libtensorflow_framework.so.2", {}, flags=tuple(flags)),
            "site/tensorflow",
            "libtensorflow_framework.so.2",
        )
        self.install(distribution, version, requires, package.rglob("*"))
        for name, number in installed.items():
            self.install(name, number)
        return self.site

    def install(self, name: str, version: str, requires: Iterable[str] = (), files: Iterable[Path] = ()) -> Path:
        """The ``.dist-info`` of one distribution in ``site``, whose RECORD lists *files*."""
        folder = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {line}" for line in requires)]
        (folder / "METADATA").write_text("\n".join(lines) + "\n\nA stand-in.\n")
        recorded = [path for path in sorted(files) if path.is_file()] + [folder / "METADATA"]
        (folder / "RECORD").write_text("".join(_record_row(path, self.site) for path in recorded) + f"{folder.name}/RECORD,,\n")
        return folder

    # -- the machine

    def machine(
        self,
        nodes: Iterable[str] = (),
        closed_nodes: Iterable[str] = (),
        module: str = "",
        open_module: bool = False,
        pci: Iterable[tuple[str, str, str]] = (),
        avx: bool = True,
        cgroup: int = 2,
        memory_limit: int | None = None,
        files: Mapping[str, str] = {},
        folder: str = "root",
    ) -> Path:
        """A tree for ``--root``.

        *nodes* are below ``/dev`` (``nvidia0``); nobody but root may use the *closed_nodes*. *module* is the kernel module's
        version. *pci* are ``(vendor, class, device)``, such as ``("10de", "030200", "2330")``. *files* are any others.
        """
        flags = "fpu sse sse2 sse4_1 sse4_2" + (" avx avx2 fma" if avx else "")
        limit = "max" if memory_limit is None else str(memory_limit)
        contents = {
            "proc/cpuinfo": f"processor\t: 0\nmodel name\t: Stand-in CPU\nflags\t\t: {flags}\nFeatures\t: fp asimd\n",
            "proc/meminfo": "MemTotal:       16384000 kB\nMemFree:         1024000 kB\nMemAvailable:    8192000 kB\n",
            "proc/1/cgroup": "0::/\n",
            "etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nID=ubuntu\nVERSION_ID="22.04"\n',
        }
        if cgroup == 2:
            events = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"
            contents |= {
                "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
                "sys/fs/cgroup/memory.max": limit + "\n",
                "sys/fs/cgroup/memory.events": events,
            }
        elif cgroup == 1:
            bytes_ = "9223372036854771712" if memory_limit is None else limit
            contents |= {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": bytes_ + "\n",
                "sys/fs/cgroup/memory/memory.oom_control": "under_oom 0\noom_kill 0\n",
            }
        if module:
            kind = "NVIDIA UNIX Open Kernel Module for x86_64" if open_module else "NVIDIA UNIX x86_64 Kernel Module"
            contents |= {
                "sys/module/nvidia/version": module + "\n",
                "proc/driver/nvidia/version": f"NVRM version: {kind}  {module}  Sun Jul 13 16:06:47 UTC 2025\nGCC version:  gcc version 13.3.0\n",
            }
        for index, (vendor, kind, device) in enumerate(pci):
            place = f"sys/bus/pci/devices/0000:0{index}:00.0"
            contents |= {f"{place}/vendor": f"0x{vendor}\n", f"{place}/class": f"0x{kind}\n", f"{place}/device": f"0x{device}\n"}
        contents |= {f"dev/{node}": "" for node in (*nodes, *closed_nodes)} | dict(files)
        root = self.folder / folder
        for name, text in contents.items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (root / "dev" / "shm").mkdir(parents=True, exist_ok=True)
        for node in closed_nodes:
            (root / "dev" / node).chmod(0)
        return root

    # -- the probe

    def probe(
        self,
        *options: str,
        python: str | Path = sys.executable,
        env: Mapping[str, str] = {},
        ld_library_path: Sequence[str | Path] = ("driver", "cuda"),
        library_seconds: float | None = None,
        patch: str = "",
        command: Sequence[str] = (),
    ) -> dict[str, Any]:
        """What the probe says of all this: piped into ``python -``, in an empty folder.

        *command* goes before *python*; *patch* are lines that change the probe before it begins.
        """
        if not self.root.exists():
            self.machine()
        folders = [str(self.folder / folder) for folder in ld_library_path if (self.folder / folder).is_dir()]
        variables = {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}
        if self.site.exists():
            variables["PYTHONPATH"] = str(self.site)
        root = () if "--root" in options else ("--root", str(self.root))
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        command = (*command, str(python), "-", *root, *options)
        return run_probe(command, empty, {**variables, **env}, source=_source(library_seconds, patch))


def run_probe(command: Sequence[str], folder: Path, env: Mapping[str, str] = {}, source: str | None = None) -> dict[str, Any]:
    """The facts that *command* prints when the probe is piped into it: one JSON object of the known shape, and no other word."""
    base = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        list(command),
        input=(source or _source()).encode(),
        capture_output=True,
        check=False,
        cwd=folder,
        env={**base, **env},
        timeout=120,
    )
    assert (ran.returncode, ran.stderr.decode("utf-8", "replace")) == (0, "")
    facts = json.loads(ran.stdout.decode("ascii"), parse_constant=_refuse)
    assert_shape(facts)
    parse_facts(ran.stdout, "the probe")
    assert isinstance(facts, dict)
    return facts


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@cache
def _source(library_seconds: float | None = None, patch: str = "") -> str:
    text = PROBE.read_text(encoding="utf-8")
    if library_seconds is not None:
        patch += f"\nLIBRARY_SECONDS = {library_seconds}\n"
    body, start, end = text.rpartition('\nif __name__ == "__main__":\n')
    assert body
    return f"{body}\n{patch}\n{start}{end}"


# -- the shape of what the probe prints -------------------------------------------------------------


class Each(NamedTuple):
    """A mapping with any names."""

    shape: Any


class Sure(NamedTuple):
    """What is never unavailable."""

    shape: Any


NUMBER = (int, float)
ENDED = {"how": str, "code?": int, "signal?": str, "limit?": NUMBER}
ERROR = {"type": str, "message": str}
DRIVER_LIBRARY = {"unavailable?": str, "ended?": ENDED, "log?": [str], "path?": str, "cuda?": str}
DEVICE = {"name": str, "capability": str, "memory": int}
OTHER = {"soname": str, "path": str, "version": str}
SHAPE = {
    "schema": Sure(str),
    "schema_version": Sure(int),
    "taken": Sure(str),
    "interpreter": {
        "implementation": str,
        "version": Sure(str),
        "abi": (str, None),
        "bits": int,
        "executable": str,
        "prefix": str,
        "base_prefix": str,
        "virtual_environment": bool,
        "externally_managed": bool,
        "isolated": bool,
        "site": bool,
        "path": [str],
    },
    "platform": {
        "system": str,
        "machine": str,
        "kernel": str,
        "libc": {"name": str, "version": str},
        "os": Each(str),
        "cpu": {"model": str, "count": int, "avx?": bool, "avx2?": bool, "fma?": bool},
        "wsl": bool,
    },
    "container": {
        "kind": (str, None),
        "cgroup": int,
        "user": int,
        "read_only_root": bool,
        "temporary_folder": bool,
        "memory": {"total": int, "available": int},
        "memory_limit": (int, None),
        "shared_memory": int,
    },
    "environment": Each(Sure(str)),
    "driver": {
        "module": str,
        "proc": str,
        "nodes": Each(bool),
        "pci": [str],
        "compat": [str],
        "nvml": {
            **DRIVER_LIBRARY,
            "init?": {"code": int, "message": str},
            "driver?": str,
            "devices?": [{**DEVICE, "memory": {"total": int, "free": int}, "mig": bool}],
        },
        "libcuda": {
            **DRIVER_LIBRARY,
            "init?": {"code": int, "name": str, "message": str},
            "count?": {"code": int, "devices": int},
            "devices?": [DEVICE],
        },
    },
    "asked": Sure({"expect": str, "gpu": bool, "smoke": bool, "all_gpus": bool, "stress": NUMBER, "timeout": NUMBER}),
    "distributions": {
        "installed": [
            {
                "name": Sure(str),
                "folder": Sure(str),
                "entry": Sure(str),
                "version": str,
                "requires?": [str],
                "files?": {
                    "count": int,
                    "missing": int,
                    "first_missing": [str],
                    "truncated": [{"path": str, "recorded": int, "actual": int}],
                },
            }
        ],
        "leftovers": [str],
        "modules": {"tensorflow": (str, None), "keras": (str, None), "tf_keras": (str, None), "numpy": (str, None)},
    },
    "wheel": {
        "folder": str,
        "build": Each((str, bool, [str])),
        "search": {"of": str, "kind": str, "folders": [str]},
    },
    "libraries": [
        {
            "soname": str,
            "needed": bool,
            "unavailable?": str,
            "elsewhere?": [str],
            "others?": [OTHER],
            "path?": str,
            "where?": str,
            "version?": str,
            "missing_parts?": Sure(Each(Sure(str))),
        },
    ],
    "tensorflow": {
        "ended": Sure(ENDED),
        "out_of_memory_kills": int,
        "seconds": NUMBER,
        "log": [str],
        "stage?": str,
        "from_working_directory?": [str],
        "error?": ERROR,
        "import_seconds?": NUMBER,
        "file?": (str, None),
        "version?": str,
        "build?": Each((str, bool, [str])),
        "devices?": [{"name": str, "details": {"name": (str, None), "capability": (str, None)}}],
        "keras?": {"module": str, "version": str, "backend": str},
        "loaded?": [str],
        "smoke": [
            {
                "step": str,
                "device": str,
                "outcome": str,
                "dtype?": str,
                "message?": str,
                "placed?": str,
                "seconds?": NUMBER,
                "again?": NUMBER,
                "error?": (*NUMBER, None),
                "tolerance?": NUMBER,
                "runs?": int,
                "size?": int,
                "soft_placement?": bool,
            }
        ],
    },
    "seconds": Sure(NUMBER),
}  # fmt: skip


def assert_shape(value: Any, shape: Any = SHAPE, place: str = "facts") -> None:
    """Every value has its type, or is ``{"unavailable": "the reason"}``; no name is missing, and none is unknown."""
    if isinstance(shape, Sure):
        shape = shape.shape
    elif isinstance(value, dict) and list(value) == ["unavailable"]:
        assert isinstance(value["unavailable"], str), place
        assert value["unavailable"], place
        return
    if isinstance(shape, tuple) and not isinstance(shape, Each):
        kinds = [kind for kind in shape if (isinstance(value, list) if isinstance(kind, list) else _is(value, kind))]
        assert kinds, f"{place} is {value!r}"
        if isinstance(kinds[0], list):
            assert_shape(value, kinds[0], place)
    elif isinstance(shape, Each):
        assert isinstance(value, dict), f"{place} is {value!r}"
        for name, cell in value.items():
            assert_shape(cell, shape.shape, f"{place}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), f"{place} is {value!r}"
        for index, cell in enumerate(value):
            assert_shape(cell, shape[0], f"{place}[{index}]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), f"{place} is {value!r}"
        required = {name for name in shape if not name.endswith("?")}
        known = {name.rstrip("?") for name in shape}
        assert required <= set(value) <= known, f"{place} has {sorted(value)}"
        for name, cell in value.items():
            assert_shape(cell, shape.get(name, shape.get(name + "?")), f"{place}.{name}")
    else:
        assert _is(value, shape), f"{place} is {value!r}"


def _is(value: Any, kind: type | None) -> bool:
    return value is None if kind is None else type(value) is kind


# -- build_info.py ----------------------------------------------------------------------------------


def build_info(build: Mapping[str, Any], version: str = "2.18.0") -> str:
    """The module as the release lays it out: single assignments up to 2.2, a mapping up to 2.4, then an ordered one."""
    minor = tuple(int(part) for part in version.split(".")[:2])
    head = "# Copyright 2020 The TensorFlow Authors. All Rights Reserved.\n"
    if minor < (2, 3):
        return head + "".join(f"{name} = {value!r}\n" for name, value in build.items())
    if minor < (2, 5):
        return head + f"build_info = {dict(build)!r}\n"
    return head + f"import collections\n\nbuild_info = collections.OrderedDict({sorted(build.items())!r})\n"


# -- C ----------------------------------------------------------------------------------------------


def _sonames(major: int, minor: int) -> list[str]:
    """What NVIDIA names the libraries of this toolkit."""
    if major >= 12:
        fft, solver = (12, 12) if major == 13 else (11, 11)
        names = [f"cudart.so.{major}", f"cublas.so.{major}", f"cublasLt.so.{major}", f"cufft.so.{fft}", "curand.so.10"]
        names += [f"cusolver.so.{solver}", "cusparse.so.12", f"nvJitLink.so.{major}"]
    elif major == 11:
        names = ["cudart.so.11.0", "cublas.so.11", "cublasLt.so.11", "cufft.so.10", "curand.so.10"]
        names += [f"cusolver.so.{11 if minor else 10}", "cusparse.so.11"]
    else:
        number = "10" if minor else "10.0"
        names = [f"cudart.so.10.{minor}", *(f"{name}.so.{number}" for name in ("cublas", "cufft", "curand", "cusolver", "cusparse"))]
    return [f"lib{name}" for name in names]


@cache
def _built() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tfcompat-standins-")


def _compiled(source: str, soname: str, defines: Mapping[str, Any], needs: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> Path:
    """The shared library made of *source*; each is compiled once."""
    options = [f"-D{name}={value}" for name, value in defines.items()] + [f"-Wl,-soname,{soname}", *flags]
    linked = [_compiled("int stub;", need, {}) for need in needs]
    digest = hashlib.sha256(json.dumps([source, options, needs]).encode()).hexdigest()[:16]
    path = Path(_built().name) / f"{digest}.so"
    if not path.exists():
        command = ["cc", "-shared", "-fPIC", "-O0", "-w", *options, "-x", "c", "-", "-o", str(path), "-x", "none", "-Wl,--no-as-needed"]
        ran = subprocess.run([*command, *map(str, linked)], input=source.encode(), capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr.decode()
    return path


def _device_rows(devices: Sequence[Gpu]) -> str:
    rows = (f"{{{json.dumps(gpu.name)}, {gpu.capability.replace('.', ', ')}, {gpu.memory}ull}}," for gpu in devices)
    return "".join(rows) or '{"", 0, 0, 0}'


def _link(path: Path, target: str) -> None:
    if path.name != target:
        path.unlink(missing_ok=True)
        path.symlink_to(target)


def _record_row(path: Path, site: Path) -> str:
    content = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path.relative_to(site)},sha256={digest},{len(content)}\n"


_COMMON = """
void abort(void); int pause(void);
struct device { const char *name; int major, minor; unsigned long long memory; };
static const struct device devices[] = { DEVICES };
struct text { int code; const char *name, *words; };
static void copy(char *to, const char *from, unsigned room) { while (room-- > 1 && *from) *to++ = *from++; *to = 0; }
"""

# CUresult of cuda.h; 35 is an error of the runtime, which the driver does not know
_LIBCUDA = (
    _COMMON
    + """
static const struct text texts[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {34, "CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {304, "CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"},
    {500, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {802, "CUDA_ERROR_SYSTEM_NOT_READY", "system not yet initialized"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
    {804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE", "forward compatibility was attempted on non supported HW"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};
static const struct text *text_of(int code) {
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) if (texts[i].code == code) return texts + i;
    return 0;
}
int cuInit(unsigned flags) { ENDING return INIT; }
int cuDriverGetVersion(int *version) { *version = CUDA; return 0; }
int cuGetErrorName(int code, const char **text) { const struct text *t = text_of(code); *text = t ? t->name : 0; return t ? 0 : 1; }
int cuGetErrorString(int code, const char **text) { const struct text *t = text_of(code); *text = t ? t->words : 0; return t ? 0 : 1; }
int cuDeviceGetCount(int *count) { *count = DEVICE_COUNT; return COUNT; }
int cuDeviceGet(int *device, int index) { *device = index; return index < DEVICE_COUNT ? 0 : 101; }
int cuDeviceGetName(char *name, int room, int device) { copy(name, devices[device].name, room); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? devices[device].major : devices[device].minor;
    return attribute == 75 || attribute == 76 ? 0 : 1;
}
int cuDeviceTotalMem_v2(unsigned long *bytes, int device) { *bytes = devices[device].memory; return 0; }
"""
)

_NVML = (
    _COMMON
    + """
static const struct text texts[] = {
    {0, "", "Success"}, {1, "", "Uninitialized"}, {3, "", "Not Supported"}, {4, "", "Insufficient Permissions"},
    {9, "", "Driver Not Loaded"}, {12, "", "NVML Shared Library Not Found"}, {15, "", "GPU is lost"},
    {18, "", "Driver/library version mismatch"}, {999, "", "Unknown Error"},
};
int nvmlInit_v2(void) { return INIT; }
const char *nvmlErrorString(int code) {
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) if (texts[i].code == code) return texts[i].words;
    return "Unknown Error";
}
int nvmlSystemGetDriverVersion(char *text, unsigned room) { copy(text, DRIVER, room); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = CUDA; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = DEVICE_COUNT; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, const struct device **device) { *device = devices + index; return index < DEVICE_COUNT ? 0 : 2; }
int nvmlDeviceGetName(const struct device *device, char *text, unsigned room) { copy(text, device->name, room); return 0; }
int nvmlDeviceGetCudaComputeCapability(const struct device *device, int *major, int *minor) {
    *major = device->major; *minor = device->minor; return 0;
}
int nvmlDeviceGetMemoryInfo(const struct device *device, unsigned long long cells[3]) {
    cells[0] = device->memory; cells[1] = device->memory / 2; cells[2] = device->memory - cells[1]; return 0;
}
int nvmlDeviceGetMigMode(const struct device *device, unsigned *current, unsigned *pending) { *current = *pending = MIG; return MIG_CODE; }
"""
)

_VERSIONS = {
    "cudart": "int cudaRuntimeGetVersion(int *v) { *v = MAJOR * 1000 + MINOR * 10; return 0; }",
    "cudnn": "unsigned long cudnnGetVersion(void) { return MAJOR * (MAJOR >= 9 ? 10000 : 1000) + MINOR * 100 + PATCH; }",
    "nccl": "int ncclGetVersion(int *v) { *v = MAJOR * (MAJOR * 100 + MINOR > 208 ? 10000 : 1000) + MINOR * 100 + PATCH; return 0; }",
    "nvJitLink": "int nvJitLinkVersion(unsigned *major, unsigned *minor) { *major = MAJOR; *minor = MINOR; return 0; }",
    "cublasLt": "unsigned long cublasLtGetVersion(void) { return MAJOR * (MAJOR >= 11 ? 10000 : 1000) + MINOR * 100 + PATCH; }",
}
_PROPERTY = "int NAMEGetProperty(int kind, int *value) { *value = kind == 0 ? MAJOR : kind == 1 ? MINOR : PATCH; return 0; }"


# -- the TensorFlow ---------------------------------------------------------------------------------

_TENSORFLOW = (Path(__file__).parent / "standin_tensorflow.py").read_text(encoding="utf-8")
