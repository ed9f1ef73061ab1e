"""Listings on disk: what a repository held when it was last asked."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tfcompat.errors import CouldNotCheck
from tfcompat.registry.records import Listing, TagEntry

if TYPE_CHECKING:
    from tfcompat.registry.store import Store

__all__ = ["fresh_listing", "is_tag", "keep_listing", "known_listing"]

_VERSION = 1  # of the document
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


def is_tag(name: str) -> bool:
    """Whether a registry can have a tag of this name."""
    return bool(_TAG.fullmatch(name))


def known_listing(store: Store, source: str, path: str) -> Listing | None:
    """The listing kept from *source*, however old; None where there is none that can be read."""
    document = store.read_document("listings", source, path)
    try:
        if document is None or document["version"] != _VERSION:
            return None
        tags = tuple(TagEntry(*cells) for cells in document["tags"])
        return Listing(path, tags, str(document["asked"]), source) if all(map(_sound, tags)) else None
    except (KeyError, TypeError, ValueError):
        return None


def _sound(tag: TagEntry) -> bool:
    if not isinstance(tag.platforms, dict):
        return False
    texts = (tag.digest, tag.updated, *tag.platforms.values())
    return is_tag(tag.name) and isinstance(tag.size, (int, type(None))) and all(isinstance(t, (str, type(None))) for t in texts)


def fresh_listing(store: Store, source: str, path: str, now: float, age: float) -> Listing | None:
    """The listing kept from *source*, where it was asked for less than *age* seconds before *now* (unix time), and not after."""
    found = known_listing(store, source, path)
    if found is None:
        return None
    try:
        asked = datetime.fromisoformat(found.asked).timestamp()
    except ValueError:
        return None
    return found if now - age < asked <= now else None


def keep_listing(store: Store, source: str, listing: Listing, now: float) -> Listing:
    """Keep *listing* as of *now* (unix time), and return it so dated. One that is not complete replaces none that was.

    Raises :class:`CouldNotCheck` where a name is none that a tag can have: it would be shown on terminals, and asked for.
    """
    strange = next((t.name for t in listing.tags if not is_tag(t.name)), None)
    if strange is not None:
        raise CouldNotCheck(
            f"{urlsplit(source).netloc} lists a tag with the name {ascii(strange)[:80]}", "check the address of the registry"
        )
    asked = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds")
    dated = listing._replace(asked=asked)
    if dated.complete:
        rows: list[Any] = [[*t[:2], dict(t.platforms), *t[3:]] for t in dated.tags]
        store.keep_document("listings", source, listing.repository, document={"version": _VERSION, "asked": asked, "tags": rows})
    return dated
