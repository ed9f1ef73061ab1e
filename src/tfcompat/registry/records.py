"""What the clients of registries return, and the Protocol they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Listing", "Manifest", "Registry", "TagEntry"]


class TagEntry(NamedTuple):
    """A tag as a registry describes it. The distribution API lists names only: the rest is None or empty there.

    ``digest`` is what the tag points to, an index or a manifest; ``platforms`` maps ``linux/amd64`` to the digest
    of its manifest, None where an old entry does not say. ``size``: compressed bytes of one platform. ``updated``: RFC 3339, UTC.
    """

    name: str
    digest: str | None = None
    platforms: Mapping[str, str | None] = {}
    size: int | None = None
    updated: str | None = None


class Listing(NamedTuple):
    """All tags of a repository. ``asked`` is the time (ISO, UTC) at which the registry was, ``source`` the address.

    ``complete`` is False where the registry counted more tags than it showed, even when asked twice.
    """

    repository: str
    tags: tuple[TagEntry, ...]
    asked: str
    source: str
    complete: bool = True


class Manifest(NamedTuple):
    """The image of one platform: digests, compressed size of its layers, and its config as the registry stores it."""

    digest: str
    config_digest: str
    size: int
    config: Mapping[str, Any]


class Registry(Protocol):
    """What both clients answer. Each method raises :class:`CouldNotCheck` when the registry gives no usable answer."""

    def fetch_tags(self, path: str, progress: Callable[[int, int | None], None] | None = None) -> Listing | None:
        """Every tag of a repository, None where there is no such repository (or none that may be seen).

        *progress* gets the tags so far, and those in all where that is known.
        """

    def fetch_tag(self, path: str, tag: str) -> TagEntry | None:
        """One tag, None where it is not there."""
