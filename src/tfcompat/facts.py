"""What the probe found, as typed values. The document comes from outside, so every field is checked and bounded.

A field is its value or :class:`Unavailable` with the reason; what an older probe did not ask is unavailable too.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from tfcompat.errors import CouldNotCheck

__all__ = [
    "Device",
    "Distribution",
    "DriverLibrary",
    "Ended",
    "Facts",
    "Library",
    "Step",
    "Tensorflow",
    "Unavailable",
    "known",
    "parse_facts",
    "why",
]

SCHEMA_VERSION = 1

Value = TypeVar("Value")


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Unavailable(_Model):
    """A fact that could not be established, and why."""

    unavailable: str


_ABSENT = Unavailable(unavailable="these facts do not say")
_Short = Annotated[str, StringConstraints(max_length=8192)]
_Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Text = _Short | Unavailable
Flag = bool | Unavailable
Number = Annotated[int, Field(strict=True)] | Unavailable


def known(value: Value | Unavailable) -> Value | None:
    """The value, None where it is unavailable."""
    return None if isinstance(value, Unavailable) else value


def why(value: Any) -> str:
    """Why a fact is unavailable; empty where it is there."""
    return value.unavailable if isinstance(value, Unavailable) else ""


class Interpreter(_Model):
    implementation: Text = _ABSENT
    version: Text = _ABSENT
    executable: Text | None = None
    virtual_environment: Flag = _ABSENT
    externally_managed: Flag = _ABSENT
    site: Flag = _ABSENT


class Libc(_Model):
    name: _Short
    version: _Short


class Cpu(_Model):
    """``avx``, ``avx2`` and ``fma`` are None on machines that are not x86."""

    model: Text = _ABSENT
    avx: bool | None = None
    avx2: bool | None = None
    fma: bool | None = None


class Platform(_Model):
    system: _Short = ""
    machine: _Short = ""
    libc: Libc | Unavailable = _ABSENT
    os: dict[str, _Short] | Unavailable = _ABSENT
    cpu: Cpu | Unavailable = _ABSENT
    wsl: bool = False


class Container(_Model):
    """``kind``: the engine, None outside of a container. Sizes are bytes; ``memory_limit`` None is no limit."""

    kind: Text | None = _ABSENT
    user: int = -1
    read_only_root: bool = False
    memory_limit: Number | None = _ABSENT
    shared_memory: Number = _ABSENT


class Init(_Model):
    """What a library's init call returned: 0, or an error with its name."""

    code: int
    name: Text = ""
    message: Text = ""


class Device(_Model):
    """A GPU as a driver library lists it. ``memory`` is bytes."""

    name: Text = _ABSENT
    capability: Text = _ABSENT
    memory: Any = None
    mig: Flag | None = None


class Ended(_Model):
    """How a child process came to its end."""

    how: Literal["done", "exited", "signal", "hung"]
    code: int | None = None
    signal: _Short = ""
    limit: _Seconds = 0


class DriverLibrary(_Model):
    """libcuda or NVML: the file that was loaded, what init said, the devices; ``unavailable`` where that failed."""

    path: Text | None = None
    init: Init | None = None
    cuda: _Short | None = None
    driver: Text | None = None
    devices: tuple[Device | Unavailable, ...] = ()
    unavailable: _Short = ""
    ended: Ended | None = None


class Driver(_Model):
    """``module`` and ``proc``: the kernel module's version by two witnesses; ``nodes``: device nodes, and whether usable."""

    module: Text = _ABSENT
    proc: Text = _ABSENT
    nodes: dict[str, bool] | Unavailable = _ABSENT
    pci: tuple[_Short, ...] | Unavailable = _ABSENT
    compat: tuple[_Short, ...] | Unavailable = _ABSENT
    nvml: DriverLibrary = DriverLibrary(unavailable=_ABSENT.unavailable)
    libcuda: DriverLibrary = DriverLibrary(unavailable=_ABSENT.unavailable)


class Truncated(_Model):
    path: _Short
    recorded: int
    actual: int


class Files(_Model):
    """The code that RECORD lists: how much there is, is missing, is shorter than recorded."""

    count: int
    missing: int
    first_missing: tuple[_Short, ...] = ()
    truncated: tuple[Truncated, ...] = ()


class Distribution(_Model):
    name: _Short
    version: Text
    folder: _Short = ""
    entry: _Short = ""
    requires: tuple[_Short, ...] = ()
    files: Files | Unavailable | None = None


class Distributions(_Model):
    """``modules``: the file that an import would run; None where there is none, "" for a folder without code."""

    installed: tuple[Distribution, ...] = ()
    leftovers: tuple[_Short, ...] = ()
    modules: dict[str, Text | None] = {}


class Wheel(_Model):
    """What the installed TensorFlow's files say of its build."""

    folder: _Short
    build: dict[str, Any]


class Other(_Model):
    soname: _Short
    version: Text = _ABSENT


class Library(_Model):
    """A library that TensorFlow opens: its file and version, or why it cannot be opened.

    ``missing_parts`` are libraries that it opens itself later on, and cannot, by SONAME with the reason.
    """

    soname: _Short
    needed: bool
    path: Text | None = None
    version: Text | None = None
    unavailable: _Short = ""
    elsewhere: tuple[_Short, ...] = ()
    missing_parts: dict[str, _Short] = {}
    others: tuple[Other, ...] = ()


class Details(_Model):
    """What TensorFlow itself says of a GPU that it lists."""

    name: _Short | None = None
    capability: _Short | None = None


class TensorflowDevice(_Model):
    name: _Short
    details: Details | Unavailable = _ABSENT


class Keras(_Model):
    module: _Short
    version: Text = _ABSENT
    backend: _Short = ""


class Error(_Model):
    type: _Short
    message: _Short


class Step(_Model):
    """One computation of the smoke test. ``error`` is relative to the largest value; times are seconds."""

    step: _Short
    device: _Short
    dtype: _Short = ""
    outcome: Literal["ok", "failed", "skipped"]
    placed: _Short = ""
    seconds: _Seconds = 0
    again: _Seconds = 0
    error: float | None = None
    tolerance: float = 0
    message: _Short = ""
    soft_placement: bool = False
    runs: int = 0


class Tensorflow(_Model):
    """What happened in the process that imported TensorFlow. ``stage`` is the last thing it began."""

    stage: _Short = ""
    import_seconds: _Seconds | None = None
    from_working_directory: tuple[_Short, ...] = ()
    file: _Short | None = None
    version: _Short | None = None
    devices: tuple[TensorflowDevice, ...] | None = None
    keras: Keras | Unavailable = _ABSENT
    error: Error | None = None
    ended: Ended = Ended(how="done")
    out_of_memory_kills: Number = _ABSENT
    log: tuple[str, ...] = ()
    smoke: tuple[Step, ...] = ()
    loaded: tuple[_Short, ...] | Unavailable = _ABSENT


class Asked(_Model):
    """How the probe was told to go about it: ``gpu`` is where the smoke test had to run."""

    expect: Literal["gpu", "cpu", "auto"] = "auto"
    gpu: bool = False
    smoke: bool = True
    all_gpus: bool = False


class Facts(_Model):
    """Everything that one run of the probe found."""

    taken: _Short = ""
    interpreter: Interpreter | Unavailable = _ABSENT
    platform: Platform | Unavailable = _ABSENT
    container: Container | Unavailable = _ABSENT
    environment: dict[str, _Short] = {}
    driver: Driver = Driver()
    asked: Asked = Asked()
    distributions: Distributions | Unavailable = _ABSENT
    wheel: Wheel | Unavailable = _ABSENT
    libraries: tuple[Library, ...] | Unavailable = _ABSENT
    tensorflow: Tensorflow | Unavailable = _ABSENT


def parse_facts(content: str | bytes, where: str) -> tuple[Facts, dict[str, Any]]:
    """The facts in *content*, and the document as it came. Raises :class:`CouldNotCheck`, naming *where*.

    What an image's entry point printed before the probe, as NVIDIA's does, is passed over.
    """
    hint = "pipe the probe's whole output: python - < probe.py | tfcompat check --facts -"
    if not content.strip():
        raise CouldNotCheck(f"{where}: nothing was read", f"the probe printed nothing: did the container start? {hint}")
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    began = _BEGINNING.search(text)
    try:
        document, _ = _DECODER.raw_decode(text, began.start() if began else 0)
    except (ValueError, RecursionError) as error:
        raise CouldNotCheck(f"{where}: not the JSON of a probe (truncated?): {str(error)[:200]}", hint) from None
    if not isinstance(document, dict) or document.get("schema") != "tfcompat-probe":
        raise CouldNotCheck(f"{where}: JSON, but not that of a probe", hint)
    if document.get("schema_version") != SCHEMA_VERSION:
        said = json.dumps(document.get("schema_version"))[:40]
        advice = "use the probe of this very tfcompat: tfcompat probe --print"
        raise CouldNotCheck(f"{where}: schema_version {said}, and this tfcompat reads {SCHEMA_VERSION}", advice)
    try:
        return Facts.model_validate(document), document
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("constrained", "Unavailable", "function")))
        raise CouldNotCheck(f"{where}: {place[:200]}: {first['msg'][:200]}", hint) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_BEGINNING = re.compile(r'^\{\s*"schema": *"tfcompat-probe"', re.M)
_DECODER = json.JSONDecoder(parse_constant=_refuse)
