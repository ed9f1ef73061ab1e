"""Listings on disk: what a repository held when it was last asked."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tfcompat.registry.records import Listing, TagEntry

if TYPE_CHECKING:
    from tfcompat.registry.store import Store

__all__ = ["fresh_listing", "keep_listing", "known_listing"]

_VERSION = 1  # of the document


def known_listing(store: Store, source: str, path: str) -> Listing | None:
    """The listing kept from *source*, however old; None where there is none that can be read."""
    document = store.read_document("listings", source, path)
    try:
        if document is None or document["version"] != _VERSION:
            return None
        tags = tuple(TagEntry(*cells) for cells in document["tags"])
        return Listing(path, tags, str(document["asked"]), source, bool(document["complete"]))
    except (KeyError, TypeError, ValueError):
        return None


def fresh_listing(store: Store, source: str, path: str, since: float) -> Listing | None:
    """The listing kept from *source*, where it was asked for after *since* (unix time)."""
    found = known_listing(store, source, path)
    if found is None:
        return None
    try:
        asked = datetime.fromisoformat(found.asked).timestamp()
    except ValueError:
        return None
    return found if since < asked else None


def keep_listing(store: Store, source: str, listing: Listing, now: float) -> Listing:
    """Keep *listing* as of *now* (unix time), and return it so dated."""
    asked = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds")
    dated = listing._replace(asked=asked)
    rows: list[Any] = [[*t[:2], dict(t.platforms), *t[3:]] for t in dated.tags]
    document = {"version": _VERSION, "asked": asked, "complete": dated.complete, "tags": rows}
    store.keep_document("listings", source, listing.repository, document=document)
    return dated
