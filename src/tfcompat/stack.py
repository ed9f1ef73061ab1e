"""A stack: what is known of one environment, each fact with its value and where it was seen.

A door (resolve, gate, check) fills in the facts it has; a rule reads those it needs. A fact
that a door looked for and could not establish is present with the value None: unknown.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Mapping
from typing import Any, NamedTuple

from packaging.version import Version

from tfcompat.matrix.records import Build, Release

__all__ = ["Fact", "Image", "Libc", "Package", "Stack", "Tensorflow"]


class Fact(NamedTuple):
    """One fact: its name, its value (None when it could not be established), where it was seen, and the evidence."""

    name: str
    value: Any
    where: str
    evidence: tuple[str, ...] = ()

    def each(self) -> "list[Fact]":
        """One fact for each of several values: two GPUs, a list of packages."""
        return [Fact(self.name, value, self.where, self.evidence or getattr(value, "evidence", ())) for value in self.value]


class Tensorflow(NamedTuple):
    """A release on one platform: ``build`` is what really gets installed there, None where there is no wheel."""

    release: Release
    platform: str
    build: Build | None

    def __eq__(self, other: object) -> bool:  # by identity: there is one object of each, and it is a key
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        return str(self.release)


class Libc(NamedTuple):
    """The C library of an image: ``glibc`` or ``musl``, and its version where known."""

    name: str
    version: Version | None

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


class Package(NamedTuple):
    """A distribution at an exact version beside TensorFlow."""

    name: str
    version: Version

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Image(NamedTuple):
    """An image as the rules see it. Contents that could not be established are None.

    ``status``: ``measured`` (a registry listed it), ``documented``, ``observed``, ``rolling``, ``absent`` and ``gone``
    (with ``why``), ``delisted`` or ``unknown``. ``digest`` is what the tag points to, ``digests`` has that of each platform,
    ``moved_from`` is the digest of the snapshot where the registry has another.
    ``means`` says what a floating tag meant and when. ``compute_capabilities``: of an image that carries a TensorFlow build of its own (NGC).
    """

    reference: str
    status: str
    os: str | None = None
    python: Version | None = None
    libc: Libc | None = None
    cuda: Version | None = None
    cudnn: Version | None = None
    tensorflow: Version | None = None
    gpu: bool = False
    own_build: bool = False
    require: str | None = None
    require_known: bool = True
    externally_managed: bool = False
    compute_capabilities: tuple[str, ...] = ()
    minimum_capability: Version | None = None
    maximum_capability: Version | None = None
    driver_minimum: Version | None = None
    driver_branches: tuple[str, ...] = ()
    compat: bool = False
    platforms: tuple[str, ...] | None = None
    digest: str | None = None
    digests: Mapping[str, str | None] = {}
    moved_from: str | None = None
    why: str = ""
    means: str = ""
    uncertain: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:  # by identity: there is one object of each, and it is a key
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        return f"{self.reference} ({self.means})" if self.means else self.reference


class Stack(NamedTuple):
    """A partial assignment of facts by name.

    The names: accelerator (``gpu``, ``cpu``), platform, tensorflow, python, libc, image, cuda, cudnn, driver, gpu (a
    tuple of targets), keras, tf-keras, package (a tuple), env (a mapping).
    """

    facts: Mapping[str, Fact] = {}

    def __contains__(self, name: object) -> bool:
        return name in self.facts

    def with_fact(self, fact: Fact) -> "Stack":
        return Stack({**self.facts, fact.name: fact})
