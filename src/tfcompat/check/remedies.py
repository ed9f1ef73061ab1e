"""What to do about it, in commands for the very environment that was looked at."""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING

from packaging.version import Version

from tfcompat.drivers import driver_text
from tfcompat.facts import known
from tfcompat.prose import LIBRARY_PATH, remedy

if TYPE_CHECKING:
    from tfcompat.check.observed import Observed
    from tfcompat.facts import Library
    from tfcompat.rules import Finding

__all__ = ["fitted", "last_resort", "library_remedy", "path_remedy", "remedy_of"]

_RANGES = {"package-range": "", "keras-range": "keras", "numpy-abi": "numpy"}  # rules that ask for a range, and of which package
_PLANS = (
    "gpu-architecture",
    "gpu-known-to-toolkit",
    "gpu-known-to-driver",
    "driver-minimum",
    "driver-ptx-jit",
    "cuda-runtime",
    "arm64-cuda",
)
_PARTS = {  # the names of NVIDIA's wheels
    "libcudart": "cuda-runtime", "libcublas": "cublas", "libcublasLt": "cublas", "libcufft": "cufft", "libcurand": "curand",
    "libcusolver": "cusolver", "libcusparse": "cusparse", "libcudnn": "cudnn",
}  # fmt: skip
_LIBRARY_PATH_VARIABLE = (
    """export LD_LIBRARY_PATH="$(python -c 'import glob, sysconfig; """
    """print(":".join(glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib")))')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\""""
)
_EXTRA_SINCE = Version("2.14")
_CUDA_SINCE = Version("2.1")  # before it, tensorflow itself was the CPU build
_PIP = re.compile(r"(?<![\w/-])pip (install|uninstall) ")
_PYTHON = re.compile(r"\$\(python -c ")


def remedy_of(finding: Finding, seen: Observed) -> str:
    """A rule's advice; as a command where there is one."""
    advice, values = remedy(finding), finding.verdict.values
    if finding.rule.id in _RANGES and values.get("allowed"):
        return f"pip install '{_RANGES[finding.rule.id]}{values['allowed']}'"
    if finding.rule.id == "wheel-has-cuda" and seen.tensorflow is not None:
        return _with_cuda(seen) or advice
    if finding.rule.id == "cudnn-runtime" and finding.verdict.reason == "older":
        return _newer_cudnn(seen, str(values["built"])) or advice
    if finding.rule.id in _PLANS and finding.rejects and advice:
        return f"{advice}: {last_resort(seen)}"
    return advice


def _with_cuda(seen: Observed) -> str:
    """The same release as a GPU build."""
    release = seen.tensorflow.release if seen.tensorflow else None
    version = Version(release.version) if release is not None and release.package == "tensorflow-cpu" else None
    if version is None or version < _CUDA_SINCE:
        return ""
    name = "tensorflow[and-cuda]" if version >= _EXTRA_SINCE else "tensorflow"
    return f"pip uninstall -y tensorflow-cpu && pip install '{name}=={version.public}'"


def _newer_cudnn(seen: Observed, built: str) -> str:
    """The wheel of cuDNN raised, where the library comes from it."""
    wheel = next((d.name for d in getattr(seen.facts.distributions, "installed", ()) if re.match(r"nvidia-cudnn-cu\d+$", d.name)), None)
    wanted = Version(built)
    return f"pip install '{wheel}>={wanted.major}.{wanted.minor},<{wanted.major + 1}'" if wheel else ""


def path_remedy(seen: Observed, row: Library) -> str:
    """How the loader comes to look there: for good where one may write to /etc, else for this process."""
    folder = row.elsewhere[0].rpartition("/")[0]
    wheels = "-packages/nvidia/" in folder
    container = known(seen.facts.container)
    if container is not None and container.user not in (0, -1):
        variable = f'export LD_LIBRARY_PATH={quote(folder)}"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"'
        return _LIBRARY_PATH_VARIABLE if wheels else variable
    return LIBRARY_PATH if wheels else f"echo {quote(folder)} > /etc/ld.so.conf.d/cuda.conf && ldconfig"


def library_remedy(seen: Observed, row: Library) -> str:
    """How to get the library whole: the wheel that has it again, the extra of this release, or an image that carries it."""
    file, _, rest = row.unavailable.partition(": ")
    first = file.rpartition("/")[0]
    if rest and first and first in seen.facts.environment.get("LD_LIBRARY_PATH", "").split(":"):
        return f"mend the CUDA installation in {quote(first)}, or take that folder out of LD_LIBRARY_PATH"
    part = _PARTS.get(row.soname.partition(".so")[0])
    wheel = next(
        (
            d
            for d in getattr(seen.facts.distributions, "installed", ())
            if part and re.match(rf"nvidia-{part}-cu\d+$", d.name) and known(d.version)
        ),
        None,
    )
    if wheel is not None:
        return f"pip install --force-reinstall --no-deps {wheel.name}=={quote(str(wheel.version))}"
    release = seen.tensorflow.release if seen.tensorflow else None
    if release is None:
        return "take an image that carries it: tfcompat resolve --gpu"
    version = Version(release.version)
    if version >= _EXTRA_SINCE and seen.platform == "linux/amd64" and release.package != "nvidia":
        return f"pip install 'tensorflow[and-cuda]=={version.public}'"
    return f"take an image that carries it: tfcompat resolve --tensorflow {version.public} --gpu"


def last_resort(seen: Observed) -> str:
    """The command that names an image and pins for this GPU and driver."""
    words = ["tfcompat resolve"]
    if seen.gpu:
        names = dict.fromkeys(gpu.name if gpu.evidence and gpu.forward_compatible is not None else str(gpu.capability) for gpu in seen.gpus)
        words += [f"--gpu {quote(name)}" for name in names] or ["--gpu"]
        words += [f"--driver {driver_text(seen.driver)}"] if seen.driver else []
    else:
        words += ["--cpu"]
        words += [f"--python {seen.python.major}.{seen.python.minor}"] if seen.python else []
    return " ".join(words)


def _pip(seen: Observed, executable: str, verb: str) -> str:
    """pip of that interpreter; uv, which has brought an environment that is without one."""
    found = known(seen.facts.distributions)
    if found is not None and not any(row.name == "pip" for row in found.installed):
        return f"uv pip {verb} --python {quote(executable)}"
    return f"{quote(executable)} -m pip {verb}"


def fitted(fix: str, seen: Observed) -> str:
    """*fix* with the interpreter that was looked at; a system's own needs to be told that it is meant (PEP 668)."""
    interpreter = known(seen.facts.interpreter)
    executable = known(interpreter.executable) if interpreter else None
    if interpreter is None or not executable:
        return fix
    flag = " --break-system-packages" if known(interpreter.externally_managed) else ""
    fix = _PIP.sub(lambda match: f"{_pip(seen, executable, match[1])}{flag} ", fix)
    return _PYTHON.sub(lambda _: f"$({quote(executable)} -c ", fix)
