"""Commands that the runner of a GitHub workflow reads from standard output."""

from __future__ import annotations

from tfcompat.errors import plain

__all__ = ["command"]


def command(level: str, message: str, **properties: str) -> str:
    """``::error title=...::message``; what would end a command or a property is escaped. A message may have several lines."""
    text = "%0A".join(plain(line) for line in message.replace("%", "%25").split("\n"))
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {named}::{text}"


def _property(value: str) -> str:
    return plain(value).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
