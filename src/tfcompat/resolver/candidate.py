"""Candidates: every way the matrix knows of bringing one TensorFlow, one Python and its libraries together.

Nothing is judged here. Candidates come best first within one release and interpreter; the rules
and the wishes reject them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement

from tfcompat.images import find_image, official_tags_of
from tfcompat.matrix.records import Build, Release
from tfcompat.pins import installable
from tfcompat.requirements import requirements_of
from tfcompat.stack import Image, Tensorflow
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix

__all__ = [
    "RECIPES",
    "Offer",
    "cuda_offers",
    "custom_offers",
    "needs_its_name",
    "ngc_offers",
    "official_offers",
    "own_build",
    "pip_cuda",
    "slim_offers",
    "spellings",
]

RECIPES = ("official", "slim", "cuda", "custom", "ngc")
_FIRST_OF_UV = version("3.8")  # the oldest interpreter that uv fetches
_FIRST_OF_KERAS_3 = version("2.16")
_NVIDIA = "nvidia"  # the "package" of a TensorFlow that NVIDIA built: no wheel of the index


class Offer(NamedTuple):
    """An image and where its CUDA comes from: the image itself, or exact pip distributions (``parts``).

    ``python_from``: ``image`` has it, ``system`` installs the distribution's own package, ``uv`` fetches another one.
    """

    recipe: str
    image: Image
    cuda: Version | None = None
    cudnn: Version | None = None
    parts: Mapping[str, str] = {}
    left_out: tuple[str, ...] = ()
    python_from: str = "image"
    cuda_where: str = ""
    cuda_evidence: tuple[str, ...] = ()


def spellings(matrix: Matrix, gpu: bool, platform: str, tf_keras: bool = False, by_name: bool = False) -> list[Tensorflow]:
    """Every version under the name to install: the CPU distribution without a GPU, tensorflow-gpu only where it is needed.

    Where it :func:`needs_its_name` it is ``tensorflow`` whatever it runs on.
    """

    def make() -> list[Tensorflow]:
        found = []
        for release in matrix.releases:
            build = matrix.build(release, platform)
            named = needs_its_name(release.version, tf_keras, by_name)
            plain = matrix.release("tensorflow", release.version)
            cpu = matrix.release("tensorflow-cpu", release.version)
            plain_build = matrix.build(plain, platform) if plain else None
            cpu_build = matrix.build(cpu, platform) if cpu else None
            keep = {
                "tensorflow": gpu or cpu_build is None or (named and plain_build is not None),
                "tensorflow-cpu": not gpu and build is not None and not (named and plain_build is not None),
                "tensorflow-gpu": gpu and build is not None and (plain_build is None or plain_build.kind != "cuda"),
            }[release.package]
            if keep:
                found.append(Tensorflow(release, platform, build))
        return found

    return matrix.remember(("spellings", gpu, platform, tf_keras, by_name), make)


def needs_its_name(text: str, tf_keras: bool, by_name: bool) -> bool:
    """Whether what stands beside TensorFlow *text* requires the distribution ``tensorflow``: tf-keras does from 2.16 on."""
    return by_name or (tf_keras and version(text) >= _FIRST_OF_KERAS_3)


def official_offers(matrix: Matrix, tensorflow: Tensorflow, gpu: bool, jupyter: bool) -> Iterator[Offer]:
    """The official images of this very version."""
    for image in official_tags_of(matrix, tensorflow.release.version, gpu, jupyter):
        yield Offer("official", image, image.cuda, image.cudnn, cuda_where=image.reference, cuda_evidence=image.evidence)


def slim_offers(matrix: Matrix, tensorflow: Tensorflow, python: Version, gpu: bool, precise: str | None) -> Iterator[Offer]:
    """``python:X.Y-slim`` with the wheel, and the and-cuda parts for a GPU."""
    image = python_base(matrix, python, precise)
    if image is None:
        return
    if not gpu:
        yield Offer("slim", image)
        return
    for cuda, cudnn, parts, left_out in pip_cuda(matrix, tensorflow, python):
        where = f"the and-cuda extra of {tensorflow.release}"
        yield Offer("slim", image, cuda, cudnn, parts, left_out, "image", where, _build_evidence(tensorflow))


def cuda_offers(matrix: Matrix, tensorflow: Tensorflow, python: Version, cuda: SpecifierSet | None) -> Iterator[Offer]:
    """``nvidia/cuda`` runtime images with cuDNN: those whose own Python fits first, then those that need uv for it.

    Of the major that the wheel was built for, or of whatever *cuda* was asked for.
    """
    if tensorflow.build is None or tensorflow.build.cuda is None:
        return
    bases = _cuda_bases(matrix, version(tensorflow.build.cuda), cuda)
    for image in bases:
        if image.python is not None and minor(image.python) == python:
            yield Offer("cuda", image, image.cuda, image.cudnn, {}, (), "system", image.reference, image.evidence)
    for image in bases:
        if image.python is not None and minor(image.python) != python and python >= _FIRST_OF_UV:
            yield Offer("cuda", image, image.cuda, image.cudnn, {}, (), "uv", image.reference, image.evidence)


def ngc_offers(matrix: Matrix) -> list[tuple[Tensorflow, Offer]]:
    """NVIDIA's own images, newest first, each with the TensorFlow that is built into it."""
    offers = [own_build(matrix, find_image(matrix, f"nvcr.io/nvidia/tensorflow:{row.tag}")) for row in matrix.ngc_images if row.tensorflow]
    return sorted(offers, key=lambda o: (version(o[0].release.version), o[1].image.reference), reverse=True)


def own_build(matrix: Matrix, image: Image) -> tuple[Tensorflow, Offer]:
    """An image with a build of its own as a candidate: what is inside is what it was built for."""

    def make() -> tuple[Tensorflow, Offer]:
        build = Build(
            kind="cuda",
            python=(f"{image.python.major}.{image.python.minor}",) if image.python else (),
            cuda=str(image.cuda) if image.cuda else None,
            cudnn=str(image.cudnn) if image.cudnn else None,
            compute_capabilities=image.compute_capabilities,
            evidence={"*": image.evidence},
        )
        release = Release(_NVIDIA, str(image.tensorflow), "", False, {"linux/amd64": build, "linux/arm64": build})
        offer = Offer("ngc", image, image.cuda, image.cudnn, cuda_where=image.reference, cuda_evidence=image.evidence)
        return Tensorflow(release, "linux/amd64", build), offer

    return matrix.remember(("own build", image), make)


def custom_offers(matrix: Matrix, image: Image, tensorflow: Tensorflow, python: Version, gpu: bool) -> Iterator[Offer]:
    """An image the person named: with its own CUDA if it has one, else with the and-cuda parts."""
    if image.python is None or minor(image.python) == minor(python):
        brings_python = image.tensorflow is not None or image.reference.startswith("python:") or image.python is None
        python_from = "image" if brings_python else "system"
    else:
        python_from = "uv"
    if not gpu:
        yield Offer("custom", image, python_from=python_from)
    elif image.cuda is not None and (image.cudnn is not None or image.tensorflow is not None):
        yield Offer("custom", image, image.cuda, image.cudnn, {}, (), python_from, image.reference, image.evidence)
    else:
        for cuda, cudnn, parts, left_out in pip_cuda(matrix, tensorflow, python):
            where = f"the and-cuda extra of {tensorflow.release}"
            yield Offer("custom", image, cuda, cudnn, parts, left_out, python_from, where, _build_evidence(tensorflow))


# -- Python images -------------------------------------------------------------------------------


def python_base(matrix: Matrix, python: Version, precise: str | None = None) -> Image | None:
    """The slim image of an interpreter: on bookworm where there is one, else on the newest suite it was made for.

    Not on trixie: its glibc 2.41 refuses libraries that ask for an executable stack, as some older wheels do.
    *precise* asks for a patch release, as in ``3.11.9``.
    """
    wanted = precise or f"{python.major}.{python.minor}"

    def make() -> Image | None:
        order = ("bookworm", "bullseye", "buster", "trixie", "stretch")
        rows = [r for r in matrix.python_images if r.python == wanted and r.suite and r.tag.endswith("-" + r.suite) and r.status != "gone"]
        rows.sort(key=lambda r: order.index(r.suite) if r.suite in order else len(order))
        plain = next((r for r in matrix.python_images if r.tag == f"{wanted}-slim"), None)
        chosen = rows[0] if rows else plain
        return find_image(matrix, f"python:{chosen.tag}") if chosen else None

    return matrix.remember(("slim", wanted), make)


def _cuda_bases(matrix: Matrix, built: Version, wished: SpecifierSet | None) -> list[Image]:
    """Runtime images with cuDNN, those nearest to the CUDA the wheel was built for first."""

    def make() -> list[Image]:
        listed = {"listed": 0, "unsupported": 1, "unknown": 2}
        found = []
        for row in matrix.cuda_images:
            if row.flavor != "runtime" or row.cudnn is None or row.available == "delisted" or not row.os.startswith("ubuntu"):
                continue
            cuda = version(row.cuda)
            if not (wished.contains(cuda) if wished is not None else cuda.major == built.major):
                continue
            distance = (cuda.release[:2] < built.release[:2], abs(cuda.minor - built.minor))
            order = (*distance, listed[row.available], -cuda.micro, [-int(n) for n in row.os[6:].split(".")], row.tag)
            found.append((order, find_image(matrix, f"nvidia/cuda:{row.tag}")))
        return [image for _, image in sorted(found, key=lambda pair: pair[0])]

    return matrix.remember(("cuda bases", built, wished), make)


# -- CUDA from pip -------------------------------------------------------------------------------

CudaParts = tuple["Version", "Version", dict[str, str], tuple[str, ...]]


def pip_cuda(matrix: Matrix, tensorflow: Tensorflow, python: Version) -> Iterator[CudaParts]:
    """The CUDA sets that the and-cuda extra admits: (CUDA, cuDNN, exact parts, parts left out), the built-for one first.

    Where the extra gives ranges (2.20 and later) the lowest versions are those TensorFlow was built and
    tested with; newer toolkits follow, each as NVIDIA's ``cuda-toolkit`` distribution names its parts.
    """
    build = tensorflow.build
    if build is None or build.kind != "cuda" or not build.cuda or "and-cuda" not in build.extras:
        return
    built_for = matrix.remember(("pip cuda", tensorflow, python), lambda: _built_for(matrix, tensorflow, python))
    if built_for is None:
        return
    yield built_for
    yield from matrix.remember(("newer pip cuda", tensorflow, python), lambda: list(_newer_toolkits(matrix, tensorflow, python, built_for)))


def _built_for(matrix: Matrix, tensorflow: Tensorflow, python: Version) -> CudaParts | None:
    """The lowest versions that the extra admits. None where a part that TensorFlow needs is not on the index."""
    build = tensorflow.build
    if build is None or build.cuda is None:
        return None
    ranges = requirements_of(build, tensorflow.platform, python, "and-cuda")
    lowest: dict[str, str] = {}
    left_out = []
    for name, allowed in sorted(ranges.items()):
        found = _lowest(matrix, name, allowed, python)
        if found is None:
            left_out.append(f"{name}{allowed}")
        else:
            lowest[name] = found
    cudnn_name = next((name for name in lowest if name.startswith("nvidia-cudnn-")), None)
    if cudnn_name is None or any(not name.startswith("tensorrt") for name in left_out):
        return None
    return version(build.cuda), version(lowest[cudnn_name]), lowest, tuple(left_out)


def _newer_toolkits(matrix: Matrix, tensorflow: Tensorflow, python: Version, built_for: CudaParts) -> Iterator[CudaParts]:
    build = tensorflow.build
    if build is None:
        return
    ranges = requirements_of(build, tensorflow.platform, python, "and-cuda")
    cuda, cudnn, lowest, left_out = built_for
    for toolkit in matrix.toolkits:
        if toolkit.parts and version(toolkit.version) > minor(cuda):
            parts = _parts_of_toolkit(matrix, ranges, lowest, toolkit.parts[max(toolkit.parts, key=version)], python)
            if parts is not None:
                yield version(toolkit.version), cudnn, parts, left_out


def with_cudnn(matrix: Matrix, tensorflow: Tensorflow, python: Version, offer: Offer, wanted: SpecifierSet) -> Offer:
    """The same offer with the lowest cuDNN that the extra and the wish both admit, if there is one."""
    name = next((n for n in offer.parts if n.startswith("nvidia-cudnn-")), None)
    if name is None or tensorflow.build is None:
        return offer
    allowed = requirements_of(tensorflow.build, tensorflow.platform, python, "and-cuda")[name]
    found = _lowest(matrix, name, allowed & wanted, python)
    if found is None:
        return offer
    return Offer(
        offer.recipe, offer.image, offer.cuda, version(found), {**offer.parts, name: found}, offer.left_out,
        offer.python_from, offer.cuda_where, offer.cuda_evidence,
    )  # fmt: skip


def _parts_of_toolkit(
    matrix: Matrix, ranges: Mapping[str, SpecifierSet], lowest: Mapping[str, str], toolkit: Mapping[str, str], python: Version
) -> dict[str, str] | None:
    parts = {}
    for name, allowed in ranges.items():
        if name in toolkit:
            found = _lowest(matrix, name, allowed & Requirement(f"{name}{toolkit[name]}").specifier, python)
            if found is None:
                return None
            parts[name] = found
        elif name in lowest:
            parts[name] = lowest[name]
    return parts


def _lowest(matrix: Matrix, name: str, allowed: SpecifierSet, python: Version) -> str | None:
    """The lowest release on the index inside *allowed*: mostly the lower bound itself, so that is tried first."""
    bounds = [s.version for s in allowed if s.operator in ("==", ">=") and "*" not in s.version]
    bound = max(bounds, key=version, default=None)
    known = matrix.remember(("releases", name), lambda: {r.version: r for r in matrix.package(name)})
    if bound in known and allowed.contains(bound) and installable(known[bound], python, "linux/amd64"):
        return bound
    for row in reversed(matrix.package(name)):
        if installable(row, python, "linux/amd64") and allowed.contains(row.version):
            return row.version
    return None


def _build_evidence(tensorflow: Tensorflow) -> tuple[str, ...]:
    build = tensorflow.build
    if build is None:
        return ()
    return tuple(dict.fromkeys(s for name in ("cuda", "cudnn", "*") for s in build.evidence.get(name, ())))
