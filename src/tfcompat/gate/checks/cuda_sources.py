"""cuda-source-doubled, and a GPU that is meant where nothing brings CUDA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Related
from tfcompat.gate.judge import finding, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Libraries are opened by their major: two majors do not meet."""
    kinds = {source.kind for source in subject.sources}
    if len(kinds) < 2 or subject.held is None:
        return
    for name in ("cuda", "cudnn"):
        having = [s for s in subject.sources if getattr(s, name) is not None]
        pairs = [(a, b) for a in having for b in having if a.kind != b.kind and getattr(a, name).major == getattr(b, name).major]
        if pairs:
            first, second = sorted(pairs[0], key=_order)
            said = f"{_NAMES[name]} {getattr(second, name)} of {second.what} stands beside {_NAMES[name]} {getattr(first, name)} of {first.what}"
            message = f"{said}: which of them is loaded depends on search paths"
            yield finding(subject, "cuda-source-doubled", "warning", second.place, message, Related(first.place, first.what))
            return


def _order(source: Source) -> tuple[bool, str, int]:
    """The image comes first, then by where it stands."""
    return (source.kind != "image", source.place.file, source.place.line)


def _none(subject: Subject) -> Iterator[Finding]:
    """TensorFlow is a GPU build, a GPU is meant, and nobody brings the libraries."""
    tensorflow, image = subject.tensorflow, subject.image
    if not subject.gpu or subject.sources or tensorflow is None or tensorflow.build is None or tensorflow.build.kind != "cuda":
        return
    if image is None or image.status == "unknown" or tensorflow.platform != "linux/amd64" or subject.environment.name.startswith("conda:"):
        return
    if image.tensorflow is not None and image.gpu:
        return  # what is inside is not established, and another rule says so
    if subject.from_image and not image.gpu:
        return  # image-contents says it
    cuda, cudnn = tensorflow.build.cuda, tensorflow.build.cudnn
    message = f"{subject.meant} means a GPU, and neither {image} nor what is installed brings the CUDA {cuda} and cuDNN {cudnn} that {tensorflow} loads"
    place = subject.places.get("image") or place_of(subject)
    yield finding(subject, "cpu-image-with-gpu-package", "error", place, message, Related(place_of(subject), str(tensorflow)))
