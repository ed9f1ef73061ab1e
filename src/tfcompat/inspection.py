"""An image judged by its content: what its config says, what the matrix knows beyond that, and what the rules make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tfcompat.images import find_image, libc_of, system_of_suite
from tfcompat.resolver.candidate import own_build, spellings
from tfcompat.rules import RULES, Rule, evaluate
from tfcompat.stack import Fact, Stack, Tensorflow
from tfcompat.versions import same_prefix, version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packaging.version import Version

    from tfcompat.contents import Cell, Contents
    from tfcompat.matrix import Matrix
    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.records import Sighting
    from tfcompat.rules import Finding
    from tfcompat.stack import Image

__all__ = ["Inspection", "inspect_image", "tensorflow_inside"]

_UNREAD = "what is inside could not be read"
_BASES = ("python:", "nvidia/cuda:", "ubuntu:", "debian:")  # made without TensorFlow
_CELLS = ("tensorflow", "python", "cuda", "cudnn")


class Inspection(NamedTuple):
    """``facts`` are what is inside, each with where that was read; ``findings`` are those that are not ok."""

    image: Image
    platform: str
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]
    created: str | None = None
    doubt: str = ""

    @property
    def unread(self) -> bool:
        """Whether nothing at all is known of what is inside."""
        return self.doubt == _UNREAD

    @property
    def rejected(self) -> bool:
        """Whether the image cannot do what its contents promise."""
        return any(f.rejects for f in self.findings)


def inspect_image(
    matrix: Matrix,
    reference: str,
    platform: str,
    sighting: Sighting | None,
    config: Mapping[str, Any] | None,
    config_digest: str = "",
    gpus: Sequence[GpuTarget] = (),
    driver: Version | None = None,
    rules: Sequence[Rule] = RULES,
) -> Inspection:
    """Judge *reference* by its *config* (None where it could not be read), and by the matrix where that says more.

    *sighting* is what the registry said of it, None where it did not. *gpus* and *driver* are those it is meant for.
    """
    curated = find_image(matrix, reference)
    seen = find_image(matrix.with_sightings({reference: sighting}), reference) if sighting else curated
    from tfcompat.contents import Contents, read_contents  # most images come without a config

    contents = read_contents(config) if config is not None else Contents()
    stale = seen.moved_from is not None or any(_contradicts(getattr(contents, name), getattr(curated, name)) for name in _CELLS)
    facts = {name: _fact(name, getattr(contents, name), curated, stale, config_digest) for name in _CELLS}
    facts["require"] = _require(contents, curated, stale, config_digest)
    image = _merged(matrix, seen._replace(os=None, libc=None) if stale else seen, contents, facts, config is not None)
    gpu = (image.gpu and (image.cuda is not None or seen.gpu)) or bool(gpus) or driver is not None
    tensorflow = tensorflow_inside(matrix, image, contents.distribution, gpu, platform)
    doubt = _doubt(image, tensorflow, read=config is not None or any(f.value is not None for f in facts.values()))
    stack = _stack(image, facts, tensorflow, gpu, platform, gpus, driver)
    findings = tuple(f for f in evaluate(matrix, stack, rules) if f.verdict.outcome != "ok")
    return Inspection(image, platform, tuple(facts.values()), findings, contents.created, doubt)


def _doubt(image: Image, tensorflow: Tensorflow | None, read: bool) -> str:
    """What no rule can say of it: that nothing was read, or what the matrix or the config does not know of TensorFlow."""
    if image.status in ("gone", "absent", "delisted"):
        return ""
    if image.tensorflow is not None:
        return "" if tensorflow is not None else f"tensorflow {image.tensorflow} is not in the matrix"
    if not read:
        return _UNREAD
    base = image.reference.startswith(_BASES) and image.status != "unknown"
    return "" if base else "which TensorFlow is inside, if any, is not said by the image"


def _contradicts(cell: Cell | None, known: Version | None) -> bool:
    return cell is not None and known is not None and not same_prefix(cell.value, known)


def _fact(name: str, cell: Cell | None, curated: Image, stale: bool, config_digest: str) -> Fact:
    """The config's word; the curated row's where that is the same with more digits, or the config is silent.

    A *stale* row is of another image than this one: it proves nothing, and is named.
    """
    known = getattr(curated, name)
    if cell is None and stale and known is not None:
        return Fact(name, None, f"unknown: the curated row has {known}, and is of another image")
    if cell is None:
        return Fact(name, known, "curated row" if known is not None else "unknown", curated.evidence if known is not None else ())
    if known is not None and not stale and same_prefix(known, cell.value) and len(str(known)) > len(str(cell.value)):
        return Fact(name, known, f"{cell.where}, curated row", (_read(cell, config_digest), *curated.evidence))
    return Fact(name, cell.value, cell.where, (_read(cell, config_digest),))


def _require(contents: Contents, curated: Image, stale: bool, config_digest: str) -> Fact:
    if contents.require is not None:
        return Fact("require", contents.require.value, contents.require.where, (_read(contents.require, config_digest),))
    if config_digest:
        return Fact("require", None, "not in the config")
    if stale:
        return Fact("require", None, "unknown")
    return Fact("require", curated.require, "curated row" if curated.require else "unknown", curated.evidence if curated.require else ())


def _read(cell: Cell, config_digest: str) -> str:
    return f"measured: {cell.where}: {cell.value} (config {config_digest[:19]})"


def _merged(matrix: Matrix, seen: Image, contents: Contents, facts: Mapping[str, Fact], known: bool) -> Image:
    """The image with what was read of it."""
    system = _system(contents) or seen.os
    cuda, cudnn = facts["cuda"].value, facts["cudnn"].value
    for_gpus = contents.distribution not in (None, "tensorflow-cpu")  # with CUDA or without: pip may have brought that
    return seen._replace(
        os=system,
        libc=libc_of(matrix, system) or seen.libc,
        python=facts["python"].value,
        cuda=cuda,
        cudnn=cudnn,
        tensorflow=facts["tensorflow"].value,
        gpu=contents.distribution != "tensorflow-cpu" and (seen.gpu or cuda is not None or for_gpus),
        own_build=seen.own_build or contents.own_build,
        require=facts["require"].value,
        require_known=known or seen.require_known,
        compat=seen.compat or cuda is not None,
        uncertain=seen.uncertain if cudnn is None else (),
    )


def _system(contents: Contents) -> str | None:
    return system_of_suite(contents.system.value) if contents.system else None


def tensorflow_inside(matrix: Matrix, image: Image, distribution: str | None, gpu: bool, platform: str) -> Tensorflow | None:
    """The release inside, under the name it was installed by, or that serves what the image is for; None where the matrix has none."""
    if image.tensorflow is None:
        return None
    if image.own_build:
        return own_build(matrix, image)[0]
    release = matrix.release(distribution, str(image.tensorflow)) if distribution else None
    if release is not None:
        return Tensorflow(release, platform, matrix.build(release, platform))
    spelt = [t for t in spellings(matrix, gpu, platform) if version(t.release.version) == image.tensorflow]
    with_cuda = [t for t in spelt if gpu and t.build is not None and t.build.kind == "cuda"]  # tensorflow-gpu, up to 2.0
    return next(iter([*with_cuda, *spelt]), None)


def _stack(
    image: Image,
    facts: Mapping[str, Fact],
    tensorflow: Tensorflow | None,
    gpu: bool,
    platform: str,
    gpus: Sequence[GpuTarget],
    driver: Version | None,
) -> Stack:
    where = image.reference
    known = {
        "image": Fact("image", image, where, image.evidence),
        "platform": Fact("platform", platform, "--platform"),
        "accelerator": Fact("accelerator", "gpu" if gpu else "cpu", where),
        "python": facts["python"],
        "libc": Fact("libc", image.libc, where, image.evidence),
    }
    if tensorflow is not None:
        known["tensorflow"] = Fact("tensorflow", tensorflow, facts["tensorflow"].where, facts["tensorflow"].evidence)
    if gpu:
        known |= {"cuda": facts["cuda"], "cudnn": facts["cudnn"]}
    if gpus:
        known["gpu"] = Fact("gpu", tuple(gpus), "--gpu")
    if driver is not None:
        known["driver"] = Fact("driver", driver, "--driver")
    return Stack(known)
