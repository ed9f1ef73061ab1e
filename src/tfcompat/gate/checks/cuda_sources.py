"""cuda-source-doubled, and a GPU that is meant where nothing brings CUDA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Related
from tfcompat.gate.judge import finding, place_of
from tfcompat.gate.subject import ITS_OWN
from tfcompat.versions import minor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.gate.cuda import Source
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["find"]

_NAMES = {"cuda": "CUDA", "cudnn": "cuDNN"}


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """Two sources of one major; none at all."""
    yield from _doubled(subject)
    yield from _none(subject)


def _doubled(subject: Subject) -> Iterator[Finding]:
    """Libraries are opened by their major: two majors do not meet, and a source that brings another cuDNN than the image's mends that."""
    sources = [s for s in subject.sources if not (s.kind == "image" and "-base-" in s.what)]  # libcudart alone, to run others' libraries
    if len({source.kind for source in sources}) < 2 or subject.held is None:
        return
    first, second = _pair(sources, "cudnn") or _pair(sources, "cuda") or (None, None)
    if first is None or second is None or _mends(first, second):
        return
    name = "cudnn" if _same(first, second, "cudnn") else "cuda"
    said = (f"{_NAMES[name]} {getattr(s, name)} of {s.what}" for s in (second, first))
    message = f"{' stands beside '.join(said)}: which of them is loaded depends on search paths"
    yield finding(subject, "cuda-source-doubled", "warning", second.place, message, Related(first.place, first.what))


def _pair(sources: Sequence[Source], name: str) -> tuple[Source, Source] | None:
    """The first two of different kinds that bring the same major of it, in the order of the build."""
    ordered = sorted(sources, key=lambda s: s.at)
    pairs = (
        (a, b)
        for index, b in enumerate(ordered)
        for a in ordered[:index]
        if a.kind != b.kind and _same(a, b, name) and not _one_package(a, b)
    )
    return next(pairs, None)


def _one_package(first: Source, second: Source) -> bool:
    """CUDA's images have it from apt themselves: the same package is kept, or made newer."""
    if {first.kind, second.kind} != {"image", "apt"}:
        return False
    if _same(first, second, "cudnn"):
        return True
    return first.cuda is not None and second.cuda is not None and minor(first.cuda) == minor(second.cuda)


def _same(first: Source, second: Source, name: str) -> bool:
    one, other = getattr(first, name), getattr(second, name)
    return one is not None and other is not None and one.major == other.major


def _mends(first: Source, second: Source) -> bool:
    return first.cudnn is not None and second.cudnn is not None and first.cudnn.major != second.cudnn.major


def _none(subject: Subject) -> Iterator[Finding]:
    """TensorFlow is a GPU build, a GPU is meant, and nobody brings the libraries."""
    tensorflow, image = subject.tensorflow, subject.image
    if not subject.gpu or tensorflow is None or tensorflow.build is None or tensorflow.build.kind != "cuda":
        return
    if image is None or image.status == "unknown" or tensorflow.platform != "linux/amd64" or subject.environment.name.startswith("conda:"):
        return
    if (image.tensorflow is not None and image.gpu) or subject.from_image or image.reference.startswith(ITS_OWN):
        return  # other rules judge what an image of TensorFlow's has
    cuda, cudnn = tensorflow.build.cuda, tensorflow.build.cudnn
    vague = " ".join(s.what for s in subject.sources if s.cuda is None and s.cudnn is None)  # named by a variable
    has_cuda = any(s.cuda is not None for s in subject.sources) or "cuda" in vague
    has_cudnn = any(s.cudnn is not None for s in subject.sources) or "cudnn" in vague
    missing = ([] if has_cuda else [f"CUDA {cuda}"]) + ([] if has_cudnn else [f"cuDNN {cudnn}"])
    if missing:
        message = f"{subject.meant} means a GPU, and neither {image} nor what is installed brings the {' and '.join(missing)} that {tensorflow} loads"
        place = subject.places.get("image") or place_of(subject)
        yield finding(subject, "cpu-image-with-gpu-package", "error", place, message, Related(place_of(subject), str(tensorflow)))
