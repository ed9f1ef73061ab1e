"""Image references as Docker reads them: registry, repository, tag and digest are four different things."""

from __future__ import annotations

import re
from typing import NamedTuple

from tfcompat.errors import RequestError

__all__ = ["DOCKER_HUB", "Reference"]

DOCKER_HUB = "docker.io"  # the registry that names without a host mean
_REFERENCE = re.compile(
    r"^(?P<name>(?:[a-z0-9]+(?:[.-]+[a-z0-9]+)*(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?$",
    re.ASCII,
)
_LENGTH_LIMIT = 512  # characters; Docker allows 255 of name and 128 of tag


class Reference(NamedTuple):
    """An image reference as Docker reads it: repository without the default registry, tag, digest."""

    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse *text*. Raises :class:`RequestError` for anything that is not a reference."""
        match = _REFERENCE.match(text.strip()) if len(text) <= _LENGTH_LIMIT else None
        if match is None:
            raise RequestError(f"{text[:80]!r} is not an image reference", "write REPOSITORY:TAG, as in python:3.11-slim")
        name = match["name"].removeprefix("index.docker.io/").removeprefix("docker.io/").removeprefix("library/")
        return cls(name, match["tag"] or (None if match["digest"] else "latest"), match["digest"])

    @property
    def registry(self) -> str:
        """The host that serves it: ``docker.io`` unless the first part of the name is a host."""
        first, slash, _ = self.repository.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else DOCKER_HUB

    @property
    def path(self) -> str:
        """The repository as its registry calls it: ``library/python``, ``nvidia/tensorflow``."""
        if self.registry != DOCKER_HUB:
            return self.repository.partition("/")[2]
        return self.repository if "/" in self.repository else f"library/{self.repository}"

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")
