"""unknown-image, cannot-follow and comment-behind-from: what could not be established of the build, or is not what it seems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.judge import finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.stack import Image

__all__ = ["find"]

_GONE = ("absent", "gone", "delisted")


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """An image of which nothing is known, into which TensorFlow is installed; and commands that cannot be read."""
    image, base = subject.image, subject.stage.base
    installs = subject.held is not None and subject.held.demands
    own = subject.environment.python is None or subject.environment.python.own or subject.environment.python.version is None
    conda = subject.environment.name.startswith("conda:")
    if image is not None and base is not None and installs and own and not conda and image.status not in _GONE and _unknown(image):
        message = f"what is inside {base.text} is not known, and TensorFlow is installed into it"
        yield finding(subject, "unknown-image", "warning", base.place, message)
    if base is not None and base.behind is not None:
        message = "Docker takes this for arguments of FROM, and refuses the build: a comment begins its line"
        yield finding(subject, "comment-behind-from", "error", base.behind, message)
    for opaque in subject.stage.opaque:
        yield finding(subject, "cannot-follow", "info", opaque.place, f"{opaque.what} cannot be followed, and may install packages")


def _unknown(image: Image) -> bool:
    return image.python is None and image.os is None and image.tensorflow is None
