"""Addresses: what they share, where they lead, and how they are shown."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from tfcompat.errors import CouldNotCheck

__all__ = ["host_of", "join", "origin", "printable", "shown"]


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what may share credentials."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def join(base: str, target: str) -> str:
    """The address that *target*, which a server sent, means at *base*. Raises :class:`CouldNotCheck` where it is none."""
    try:
        joined = urljoin(base, target)
        usable = origin(joined)[0] in ("http", "https") and origin(joined)[1]
    except ValueError:
        usable = None
    if not usable:
        raise CouldNotCheck(f"{host_of(base)} names an address that is none: {printable(target.partition('?')[0])}", "check the address")
    return joined


def host_of(url: str) -> str:
    """The host and the port, for messages."""
    return printable(re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2] or url)


def shown(url: str) -> str:
    """The address without its query: a signed address is a credential."""
    parts = urlsplit(url)
    return printable(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def printable(text: str) -> str:
    """What a server chose, fit for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)[:200]
