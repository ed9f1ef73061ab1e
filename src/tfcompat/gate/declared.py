"""What files declare, each with its place: pins, images that are started, and builds."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Mapping
from typing import Literal, NamedTuple

from tfcompat.gate.source import Place

__all__ = ["BuildUse", "ImageUse", "Include", "Pin", "PinFile", "Problem", "Uses"]

PinKind = Literal["requirement", "constraint", "locked", "conda"]


class Problem(NamedTuple):
    """Something that could not be read, so that nothing is said of it. ``grave``: the whole file could not be."""

    place: Place
    reason: str
    grave: bool = False


class Pin(NamedTuple):
    """One requirement where it stands.

    ``name`` is canonical; ``specifier`` is PEP 440, empty for any version (``==2.15.0`` of a lock file, translated from other
    dialects such as poetry's caret); ``marker`` is a PEP 508 marker or empty. ``place`` spans the requirement (name, extras
    and specifier, not its marker or comment), ``version_place`` the specifier alone as it is written, None where none is.
    ``group``: the extra, dependency group or environment that it belongs to, empty for what is always installed.
    ``kind``: ``constraint`` installs nothing, ``locked`` is a line of a lock file, ``conda`` a package of conda's, whose names differ.
    ``url`` is a URL, a path or a repository that stands for a version; nothing is known of what that brings.
    ``platforms``: those that a lock file names for this line (``linux/amd64``), None for all.
    """

    name: str
    specifier: str
    place: Place
    version_place: Place | None = None
    extras: tuple[str, ...] = ()
    marker: str = ""
    kind: PinKind = "requirement"
    group: str = ""
    url: str = ""
    build: str = ""
    platforms: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.name + (f"[{','.join(self.extras)}]" if self.extras else "") + self.specifier


class Include(NamedTuple):
    """``-r FILE`` or ``-c FILE`` in a requirements file: *path* as written, relative to the file that it stands in."""

    path: str
    constraint: bool
    place: Place


class PinFile(NamedTuple):
    """What one file pins. ``python`` is its ``requires-python`` (or what stands for that) and where it stands.

    ``groups`` are the names of all optional groups. ``lock_of`` names the file beside it that it locks (``pyproject.toml``).
    ``whole``: whether every line of it is a pin or an include. ``indexes`` are index options as written; ``hashes`` whether lines carry hashes, so that no line can be added by hand.
    """

    name: str
    pins: tuple[Pin, ...]
    includes: tuple[Include, ...] = ()
    python: tuple[str, Place] | None = None
    groups: tuple[str, ...] = ()
    lock_of: str = ""
    indexes: tuple[str, ...] = ()
    hashes: bool = False
    problems: tuple[Problem, ...] = ()
    whole: bool = True


class BuildUse(NamedTuple):
    """A build that a compose file or a devcontainer asks for. Paths are below the tree; ``dockerfile`` None: given inline or unknown.

    ``args`` are build arguments with a known value.
    """

    context: str
    dockerfile: str | None
    args: Mapping[str, str] = {}
    target: str | None = None


class ImageUse(NamedTuple):
    """An image that is started by a compose file, a devcontainer, a workflow, GitLab CI or a pod.

    ``what`` names it for people: ``service trainer``, ``job test``. ``reference`` is as written, None where only ``build``
    says it; ``gpu``: whether a GPU is requested, None where such files cannot say. ``where_gpu``: where the request stands, or
    the place of the service. ``installs`` are pins of commands that run in it, such as the ``script`` of a GitLab job.
    """

    what: str
    place: Place
    reference: str | None = None
    build: BuildUse | None = None
    gpu: bool | None = None
    where_gpu: Place | None = None
    platform: str | None = None
    environment: Mapping[str, str] = {}
    runs: tuple[tuple[str, Place], ...] = ()


class Uses(NamedTuple):
    """What one compose file, devcontainer, workflow, GitLab or Kubernetes file starts."""

    name: str
    images: tuple[ImageUse, ...]
    problems: tuple[Problem, ...] = ()
