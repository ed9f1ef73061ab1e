"""Base images as files name them: as the settings say they are to be judged, as a registry has them, as the matrix does, or by their tag."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from tfcompat.images import find_image
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfcompat.gate.settings import Settings
    from tfcompat.matrix import Matrix
    from tfcompat.stack import Image

__all__ = ["ImageFinder"]

# copies of Docker Hub's official images under other names
_MIRRORS = re.compile(
    r"(?:public\.ecr\.aws/docker/library|mirror\.gcr\.io/library|mirror\.gcr\.io|registry\.hub\.docker\.com/library|docker\.mirror\.[\w.-]+/library)/"
)
_IN_TAG = re.compile(r"(?:^|[^a-z0-9])(?:python|py)-?(3\.?\d{1,2})(?![\d])", re.I)  # python3.11, py310, python-3.12
_OF_PYTHON = re.compile(r"(?:^|[\w-]*-)(3\.\d{1,2})(?![\d])")  # of a repository that is called python: 3.11, 1-3.11-bookworm


class ImageFinder:
    """*learned* are images by reference, as a registry has them."""

    def __init__(self, matrix: Matrix, settings: Settings, learned: Mapping[str, Image] = MappingProxyType({})) -> None:
        self.matrix = matrix
        self.settings = settings
        self.learned = learned

    def find(self, text: str) -> Image:
        """Raises :class:`tfcompat.errors.RequestError` for what is no reference."""
        named = self.settings.images
        alias = named.get(text) or named.get(text.partition("@")[0].rpartition(":")[0])
        if alias is not None:
            return find_image(self.matrix, alias)._replace(reference=text, means=f"judged as {alias}")
        learned = self.learned.get(text)
        if learned is not None:
            return learned
        copied = _MIRRORS.match(text)
        if copied is not None and (original := find_image(self.matrix, text[copied.end() :])).status != "unknown":
            return self.matrix.remember(("copy", text), lambda: original._replace(reference=text))
        image = find_image(self.matrix, text)
        return self.matrix.remember(("named", text), lambda: _by_tag(image, text)) if _is_unknown(image) else image


def _is_unknown(image: Image) -> bool:
    return image.status == "unknown" and image.python is None and image.os is None and image.tensorflow is None


def _by_tag(image: Image, text: str) -> Image:
    """What the tag says of the interpreter, where it says that plainly."""
    name, _, tag = text.partition("@")[0].rpartition(":")
    if not name or "/" in tag:
        return image
    said = _IN_TAG.search(tag) or (_OF_PYTHON.match(tag) if name.rpartition("/")[2] == "python" else None)
    if said is None:
        return image
    digits = said[1] if "." in said[1] else f"3.{said[1][1:]}"
    return image._replace(python=version(digits), evidence=("inferred: the tag names the Python",))
