"""The typed records of the matrix, made quickly and validated by :mod:`.schema`.

They are named tuples, not ``pydantic.BaseModel``: importing pydantic's models takes as long as the whole of
``tfcompat resolve``. Pydantic validates these very classes, through ``TypeAdapter``, wherever a matrix is
compiled, tested or comes from outside.

Every record has ``evidence``: statements of the form ``KIND: SOURCE``, strongest kind first
being ``verified``, ``measured``, ``documented``, ``observed``, ``inferred``.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from typing import Literal, NamedTuple

__all__ = [
    "Ambiguous",
    "Architecture",
    "Backend",
    "Build",
    "Cap",
    "CudaImage",
    "CudnnSupport",
    "Distribution",
    "Floating",
    "Format",
    "Gpu",
    "Loads",
    "NgcImage",
    "Note",
    "OfficialContents",
    "OfficialTag",
    "PackageRelease",
    "PinRun",
    "PinSet",
    "PythonImage",
    "Release",
    "Sighting",
    "Toolkit",
]

Text = tuple[str, ...]
Evidence = dict[str, tuple[str, ...]]  # cell name to statements; "*" stands for the whole row


class Build(NamedTuple):
    """The wheels of one release for one platform.

    ``kind``: ``cuda`` has GPU code, ``cpu`` has none, ``stub`` only requires another distribution
    (``delegates_to``), ``pure`` is pure Python. ``cuda`` and ``cudnn`` are what it was built for, at the
    precision known. ``compute_capabilities``: ``sm_XY`` is native code, ``compute_XY`` is PTX.
    ``glibc`` is the floor of the manylinux tag. ``requires`` and ``extras`` are Requires-Dist lines.
    """

    kind: Literal["cuda", "cpu", "stub", "pure"]
    python: Text
    requires: Text = ()
    extras: dict[str, Text] = {}
    requires_python: str | None = None
    glibc: str | None = None
    cuda: str | None = None
    cudnn: str | None = None
    compute_capabilities: Text = ()
    delegates_to: Text = ()
    evidence: Evidence = {}


class Release(NamedTuple):
    """One final release of tensorflow, keras or a variant of theirs. ``released`` is an ISO date."""

    package: str
    version: str
    released: str
    yanked: bool
    builds: dict[str, Build]

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


class PackageRelease(NamedTuple):
    """A release of a dependency. ``python`` maps platform to interpreters; ``*`` is bounded by ``requires_python``.

    ``requires`` are its Requires-Dist lines on packages of the matrix; None where they are not known.
    """

    version: str
    requires_python: str | None
    python: dict[str, Text]
    requires: Text | None = None


class PinRun(NamedTuple):
    """One time that a set of pins was installed into a fresh environment and put to work, with nothing failing.

    ``distribution`` is the name TensorFlow was installed by, ``python`` the interpreter (``CPython 3.11.7``), ``machine``
    the system, ``sha256`` that of the lines installed (TensorFlow's first), ``steps`` maps each to ``ok`` or ``skipped: WHY``.
    """

    distribution: str
    date: str
    python: str
    machine: str
    sha256: str
    steps: dict[str, str]


class PinSet(NamedTuple):
    """Everything that stands beside one TensorFlow on one interpreter, exact, as it was run. ``keras``: keras or tf-keras."""

    tensorflow: str
    python: str
    keras: str
    platform: str
    pins: dict[str, str]
    runs: tuple[PinRun, ...]


class Toolkit(NamedTuple):
    """One CUDA minor. ``minimum_driver``: minor-version compatibility; ``drivers``: its own, by update.

    ``parts``: the exact pip distributions of the newest update, by distribution name (12.x only).
    """

    version: str
    minimum_driver: str
    drivers: dict[str, str]
    capabilities: Text
    ptx: str | None = None
    minimum_driver_windows: str | None = None
    parts: dict[str, dict[str, str]] = {}
    evidence: Evidence = {}


class Architecture(NamedTuple):
    """A GPU generation: the toolkits that know it and the last driver branch that runs it (None: current)."""

    name: str
    capabilities: Text
    first_toolkit: str
    last_toolkit: str | None = None
    last_driver_branch: str | None = None
    evidence: Evidence = {}


class CudnnSupport(NamedTuple):
    """The compute capabilities that cuDNN releases in ``versions`` know."""

    versions: str
    cuda: str | None = None
    minimum_capability: str | None = None
    maximum_capability: str | None = None
    minimum_driver: str | None = None
    note: str | None = None
    evidence: Evidence = {}


class Gpu(NamedTuple):
    """A GPU by the name on the box. ``forward_compatible``: may use the cuda-compat package."""

    name: str
    capability: str
    family: str
    architecture: str
    aliases: Text = ()
    forward_compatible: bool = False
    evidence: Evidence = {}


class Ambiguous(NamedTuple):
    """A name that stands for GPUs of several compute capabilities."""

    name: str
    capabilities: Text
    evidence: Evidence = {}


class Distribution(NamedTuple):
    """A base operating system image: its interpreters and its C library."""

    image: str
    os: str
    libc: Literal["glibc", "musl"]
    libc_version: str | None = None
    python: str | None = None
    extra_pythons: Text = ()
    python_package_installed: bool = False
    externally_managed: bool = False
    aliases: Text = ()
    evidence: Evidence = {}


class Floating(NamedTuple):
    """What a moving tag meant on a date."""

    image: str
    means: str
    as_of: str
    evidence: Evidence = {}


class PythonImage(NamedTuple):
    """A ``python:X.Y-slim`` tag."""

    tag: str
    python: str
    suite: str | None
    maintained: bool
    status: str
    last_listed: str
    platforms: Text | None = None
    digest: str | None = None
    evidence: Evidence = {}


class CudaImage(NamedTuple):
    """An ``nvidia/cuda`` tag. ``require`` names its NVIDIA_REQUIRE_CUDA in the table of those."""

    tag: str
    cuda: str
    cudnn: str | None
    flavor: Literal["base", "runtime", "devel"]
    os: str
    require: str | None
    status: str
    available: Literal["listed", "unsupported", "delisted", "unknown"]
    platforms: Text | None = None
    digest: str | None = None
    evidence: Evidence = {}


class OfficialTag(NamedTuple):
    """A tag of ``tensorflow/tensorflow``. ``status``: how it is known to exist, ``gone`` where a refresh did not find it."""

    tag: str
    tensorflow: str | None
    variants: Text
    rolling: bool
    prerelease: bool
    status: str
    digest: str | None = None
    platforms: Text | None = None
    evidence: Evidence = {}


class OfficialContents(NamedTuple):
    """What is really inside ``tensorflow/tensorflow`` images of one version."""

    tensorflow: str
    accelerator: Literal["gpu", "cpu"]
    python: str | None = None
    os: str | None = None
    python_py3: str | None = None
    base: str | None = None
    gpu_works: bool | None = None
    cuda: str | None = None
    cudnn: str | None = None
    distribution: str | None = None
    platforms: Text | None = None
    require: str | None = None
    uncertain: Text = ()
    evidence: Evidence = {}


class NgcImage(NamedTuple):
    """A tag of ``nvcr.io/nvidia/tensorflow``. Capabilities are those the release notes name."""

    tag: str
    status: str
    tensorflow: str | None = None
    python: str | None = None
    os: str | None = None
    cuda: str | None = None
    cudnn: str | None = None
    compute_capabilities: Text = ()
    minimum_capability: str | None = None
    maximum_capability: str | None = None
    driver_minimum: str | None = None
    driver_datacenter_branches: Text = ()
    platforms: Text | None = None
    digest: str | None = None
    evidence: Evidence = {}


class Cap(NamedTuple):
    """A bound that metadata leaves out and that was learned from failures: ``package`` with ``versions`` breaks."""

    when: str
    versions: str
    package: str
    allows: str
    symptom: str
    evidence: Evidence = {}


class Format(NamedTuple):
    """Whether a Keras version reads and writes a model file format."""

    package: str
    versions: str
    format: str
    reads: bool
    writes: bool
    note: str | None = None
    evidence: Evidence = {}


class Loads(NamedTuple):
    """What came of loading model files: ``kind`` of the ``format`` that ``writer`` in the range ``written`` made, by ``reader`` in ``read``.

    ``layers`` are the class names in a model of that kind. ``ways``: what loading needs, each way for itself enough, the simplest
    first: an empty text is a plain ``load_model``, else arguments and calls such as ``compile=False``; no way at all: it is refused.
    ``error`` is what a plain ``load_model`` says where that is not enough, and the last way tried where none is.
    """

    format: str
    kind: str
    layers: Text
    writer: str
    written: str
    reader: str
    read: str
    ways: Text
    error: str = ""
    evidence: Evidence = {}


class Backend(NamedTuple):
    """The TensorFlow that Keras releases in ``versions`` run on; metadata of Keras does not say it."""

    package: str
    versions: str
    tensorflow: str
    tested: str | None = None
    note: str | None = None
    evidence: Evidence = {}


class Note(NamedTuple):
    """A fact about TensorFlow releases that needs a step or a warning; ``key`` names it for the rules."""

    key: str
    package: str
    versions: str
    fact: str
    platform: str | None = None
    capabilities: str | None = None
    evidence: Evidence = {}


class Sighting(NamedTuple):
    """What a registry said of a tag when it was asked (``asked``: ISO time, UTC; ``source``: its address).

    ``digest`` is what the tag points to, ``platforms`` the digest of each image behind it; not a part of the document.
    """

    reference: str
    exists: bool
    asked: str
    source: str
    digest: str | None = None
    platforms: dict[str, str | None] = {}
