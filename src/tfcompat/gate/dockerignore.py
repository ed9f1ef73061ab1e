"""What ``.dockerignore`` leaves out of a build context: its patterns begin at the context, and the last that fits says."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from tfcompat.gate.patterns import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Dockerignore"]

_LINES = 1000


class Dockerignore:
    """The patterns of one file; paths are relative to the context, with slashes."""

    def __init__(self, lines: Iterable[str]) -> None:
        found = [_pattern(line) for line in list(lines)[:_LINES]]
        self._patterns = [pattern for pattern in reversed(found) if pattern is not None]

    def leaves_out(self, path: str) -> bool:
        """Whether the last pattern that fits *path*, or a folder above it, is one without ``!``."""
        parts = path.split("/")
        paths = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        fitting = (negated for negated, pattern in self._patterns if any(pattern.say(each, folder=True) for each in paths))
        return not next(fitting, True)


def _pattern(line: str) -> tuple[bool, Patterns] | None:
    """Whether a ``!`` stands before it, and the pattern as one of ``.gitignore``, where a slash at its begin holds it to the context."""
    text = line.removeprefix("\ufeff")
    if text.startswith("#"):
        return None
    text = text.strip()
    negated = text.startswith("!")
    text = posixpath.normpath("/" + text[negated:].strip()).lstrip("/") if text[negated:].strip() else ""
    return (negated, Patterns([f"/{text}"])) if text else None
