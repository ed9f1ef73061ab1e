"""unknown-image, unknown-release, cannot-follow and comment-behind-from: what could not be established of the build, or is not what it seems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Related
from tfcompat.gate.judge import finding
from tfcompat.gate.subject import ITS_OWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.stack import Image

__all__ = ["find"]

_GONE = ("absent", "gone", "delisted")


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """What is not known of the image or of the release, a comment that is none, and commands that cannot be read."""
    yield from _image(subject, matrix)
    yield from _release(subject, matrix)
    base = subject.stage.base
    if base is not None and base.behind is not None:
        message = "a comment must stand on a line of its own: Docker takes this one for arguments of FROM, and refuses the build"
        yield finding(subject, "comment-behind-from", "error", base.behind, message)
    for opaque in subject.stage.opaque:
        yield finding(subject, "cannot-follow", "info", opaque.place, f"{opaque.what} cannot be followed, and may install packages")


def _image(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """An image of which nothing is known, into which TensorFlow is installed, or whose repository is TensorFlow's own."""
    image, base, environment = subject.image, subject.stage.base, subject.environment
    if image is None or base is None or image.status in _GONE or not _unknown(image):
        return
    if image.status == "rolling":
        return  # floating-tag says that nobody knows
    if image.reference.startswith(ITS_OWN):
        measured = matrix.snapshots.get(image.reference.partition("@")[0].rpartition(":")[0], matrix.measured)
        message = f"whether there is {base.text}, and what is inside, is not known (snapshot of {measured})"
        yield finding(subject, "unknown-image", "warning", base.place, message)
        return
    own = environment.python is None or environment.python.own or environment.python.version is None
    if subject.held is not None and subject.held.demands and own and not environment.name.startswith("conda:"):
        message = f"what is inside {base.text} is not known, and TensorFlow is installed into it"
        yield finding(subject, "unknown-image", "warning", base.place, message)


def _release(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """A TensorFlow that the matrix does not have, though it may well be on the index."""
    held, image = subject.held, subject.image
    if held is None or held.pin is None or held.conda or held.pin.url or subject.tensorflow is not None:
        return
    asked = held.version
    if held.impossible and not (asked is not None and (asked.is_prerelease or asked.local)):
        return  # there is no such release, and cannot_install says so
    what = f"{held.name} {asked}" if asked is not None else str(held.pin)
    over = ""
    if image is not None and image.tensorflow is not None:
        over = f" It replaces the tensorflow {image.tensorflow} of {image.reference}."
    message = f"{what} is not in the matrix (of {matrix.measured}): nothing was held against it.{over}".removesuffix(".")
    related = (Related(subject.stage.base.place, str(image)),) if over and subject.stage.base is not None else ()
    yield finding(subject, "unknown-release", "warning", held.pin.place, message, *related)


def _unknown(image: Image) -> bool:
    return image.python is None and image.os is None and image.tensorflow is None
