"""The facts of a probe as a stack for the rules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from tfcompat.errors import RequestError
from tfcompat.facts import Distribution, Facts, Unavailable, known
from tfcompat.matrix.gpus import GpuTarget, find_gpu
from tfcompat.matrix.records import Build, Release
from tfcompat.platforms import PLATFORMS
from tfcompat.stack import Fact, Image, Libc, Package, Stack, Tensorflow
from tfcompat.versions import same_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfcompat.matrix import Matrix

__all__ = ["Observed", "compat_path", "observe", "stack_of", "version_of"]

NAMES = ("tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu", "tf-nightly-gpu", "intel-tensorflow")
PARTS = ("tensorflow-intel", "tensorflow-cpu-aws", "tensorflow-macos")  # what the stubs among them bring
_LONGEST = 100  # characters of a version
_LONGEST_REQUIREMENT = 1000
_PLATFORMS = {"x86_64": "linux/amd64", "AMD64": "linux/amd64", "aarch64": "linux/arm64"}


class Observed(NamedTuple):
    """One environment, as the links look at it. What could not be established is None.

    ``gpu`` is whether a GPU is expected, ``gpus`` are those that the driver lists, one by one. ``driver`` is that of the host; ``cuda`` and ``cudnn`` are what was opened.
    """

    facts: Facts
    gpu: bool
    platform: str
    python: Version | None
    tensorflow: Tensorflow | None
    installed: Distribution | None
    driver: Version | None
    gpus: tuple[GpuTarget, ...]
    cuda: Version | None
    cudnn: Version | None

    @property
    def build(self) -> Build | None:
        return self.tensorflow.build if self.tensorflow else None


def version_of(text: object) -> Version | None:
    """The version that a probed field states; None where it states none."""
    try:
        return Version(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    except InvalidVersion:
        return None


def observe(facts: Facts, matrix: Matrix, gpu: bool) -> Observed:
    """Read what the rules need out of *facts*. *gpu* is whether a GPU is expected."""
    machine = facts.platform
    platform = "unknown" if isinstance(machine, Unavailable) else _PLATFORMS.get(machine.machine, f"linux/{machine.machine}")
    interpreter = known(facts.interpreter)
    python = version_of(interpreter.version) if interpreter else None
    installed = _installed(facts)
    tensorflow = _tensorflow(facts, matrix, installed, platform, python)
    gpus = tuple(_gpus(facts, matrix))
    cuda, cudnn = _library(facts, "libcudart"), _library(facts, "libcudnn")
    return Observed(facts, gpu, platform, python, tensorflow, installed, _driver(facts), gpus, cuda, cudnn)


def _installed(facts: Facts) -> Distribution | None:
    """The distribution that the imported TensorFlow came from: of several, the one whose version the code has."""
    rows = [d for d in getattr(facts.distributions, "installed", ()) if d.name in NAMES]
    imported = facts.tensorflow.version if not isinstance(facts.tensorflow, Unavailable) else None
    rows.sort(key=lambda d: (d.version != imported, NAMES.index(d.name)))
    return rows[0] if rows else None


def _tensorflow(facts: Facts, matrix: Matrix, installed: Distribution | None, platform: str, python: Version | None) -> Tensorflow | None:
    """The release, where the matrix has it, with what this very build says of itself; else what the build says alone."""
    number = version_of(installed.version) if installed else None
    number = number or (version_of(facts.tensorflow.version) if not isinstance(facts.tensorflow, Unavailable) else None)
    if number is None:
        return None
    own = "NVIDIA_TENSORFLOW_VERSION" in facts.environment or "nv" in (number.local or "")
    name = "nvidia" if own else installed.name if installed else "tensorflow"
    release = matrix.release(name, str(number)) if not own else None
    build = matrix.build(release, platform) if release else None
    statement = known(facts.wheel)
    said = statement.build if statement else {}
    requires = installed.requires if installed else ()
    build = _build(said, build, tuple(filter(None, map(_requirement, requires))), python)
    if release is None:
        release = Release(name, str(number), "", False, {platform: build} if build else {})
    return Tensorflow(release, platform, build)


def _requirement(line: str) -> str | None:
    """A Requires-Dist line that is not one of an extra, as the matrix writes it."""
    if len(line) > _LONGEST_REQUIREMENT:
        return None
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError, ValueError):
        return None
    if requirement.marker is not None and "extra" in str(requirement.marker):
        return None
    requirement.name = canonicalize_name(requirement.name)
    return str(requirement)


def _build(said: Mapping[str, object], listed: Build | None, requires: tuple[str, ...], python: Version | None) -> Build | None:
    """*listed* as the matrix has it, unless the build_info of this environment contradicts it: that is then believed."""
    flag = said.get("is_cuda_build")
    cuda, cudnn = (_first(said, f"{name}_version", f"{name}_version_number") for name in ("cuda", "cudnn"))
    kind = "cuda" if flag is True or (flag is None and cuda) else "cpu" if flag is False else None
    if kind is None:
        return listed
    if listed is not None and listed.kind == kind and _agree(cuda, listed.cuda) and _agree(cudnn, listed.cudnn):
        return listed
    capabilities = said.get("cuda_compute_capabilities")
    names = (
        tuple(c for c in capabilities if isinstance(c, str) and re.match(r"^(sm|compute)_\d+[af]?$", c))
        if isinstance(capabilities, list)
        else ()
    )
    interpreters = (f"{python.major}.{python.minor}",) if python else ()
    cells = {"python": interpreters, "requires": requires} if listed is None else {}
    base = listed or Build("pure", ())
    return base._replace(kind=kind, cuda=cuda, cudnn=cudnn, compute_capabilities=names, **cells)  # type: ignore[arg-type]


def _first(said: Mapping[str, object], *names: str) -> str | None:
    """The first of these statements that is a version."""
    for name in names:
        number = version_of(said.get(name))
        if number is not None:
            return str(number)
    return None


def _agree(said: str | None, listed: str | None) -> bool:
    return said is None or listed is None or same_prefix(Version(said), Version(listed))


def _driver(facts: Facts) -> Version | None:
    """The host's driver: by its kernel module, whose word counts, or by NVML."""
    found = facts.driver
    return version_of(found.proc) or version_of(found.module) or version_of(found.nvml.driver)


def _gpus(facts: Facts, matrix: Matrix) -> list[GpuTarget]:
    devices = [d for d in facts.driver.libcuda.devices if not isinstance(d, Unavailable)]
    return [_gpu(matrix, known(d.name) or "GPU", capability) for d in devices if (capability := version_of(d.capability)) is not None]


def _gpu(matrix: Matrix, name: str, capability: Version) -> GpuTarget:
    """The GPU by the name that the driver gives it, as far as the matrix knows it: ``NVIDIA A100-SXM4-40GB`` is an A100."""
    words = name.replace("-", " ").split()
    for count in range(len(words), 0, -1):
        try:
            target = find_gpu(matrix, " ".join(words[:count]))
        except RequestError:
            continue
        if target.capability == capability and target.name != str(capability):
            return target
    return GpuTarget(name, capability, None, None, ("measured: the driver lists it",))


def _library(facts: Facts, prefix: str) -> Version | None:
    if isinstance(facts.libraries, Unavailable):
        return None
    return next((version_of(row.version) for row in facts.libraries if row.soname.startswith(prefix + ".so")), None)


def stack_of(seen: Observed) -> Stack:
    """What the rules get: where a fact was looked for and not found, a link says so."""
    facts = seen.facts
    machine = known(facts.platform)
    libc = known(machine.libc) if machine else None
    found: dict[str, object] = {
        "accelerator": "gpu" if seen.gpu else "cpu",
        "platform": seen.platform,
        "python": seen.python,
        "tensorflow": seen.tensorflow if seen.platform in PLATFORMS else None,  # no wheel is made for any other
        "libc": Libc(libc.name, version_of(libc.version)) if libc else None,
    }
    packages: dict[str, Package] = {}
    for row in getattr(facts.distributions, "installed", ()):
        if (number := version_of(row.version)) is not None:
            packages.setdefault(row.name, Package(row.name, number))  # the first on the path is the one that is imported
    found |= {name: packages.pop(name, None) for name in ("keras", "tf-keras")}
    found["package"] = tuple(p for name, p in packages.items() if name not in (*NAMES, *PARTS)) or None
    if seen.gpu:
        found |= {"driver": seen.driver, "gpu": tuple(dict.fromkeys(seen.gpus)) or None, "cuda": seen.cuda, "cudnn": seen.cudnn}
    stack = {name: Fact(name, value, "probe") for name, value in found.items() if value is not None}
    stack["env"] = Fact("env", facts.environment, "probe")
    stack["image"] = Fact("image", _image(facts), "probe")
    return Stack(stack)


def _image(facts: Facts) -> Image | None:
    """This container, where its cuda-compat library is in use: then that bridges an older driver."""
    if not compat_path(facts):
        return None
    return Image("this container", "measured", compat=True, require=facts.environment.get("NVIDIA_REQUIRE_CUDA"))


def compat_path(facts: Facts) -> str:
    """The cuda-compat library that stands in for the host's driver; empty where it does not."""
    path = known(facts.driver.libcuda.path) or ""
    return path if re.search(r"/[^/]*compat[^/]*/", path) else ""
