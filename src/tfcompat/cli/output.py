"""Writes what a command has to say to standard output, and keeps the command's verdict out of that."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck, RequestError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_out", "write_to"]


def write_out(text: str) -> None:
    """Write *text* out to its end. What the encoding of the terminal cannot show is escaped.

    A reader that left is no failure: what is written then and later goes nowhere. Raises :class:`CouldNotCheck` where it
    cannot be written for another reason, such as a full disk.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        _discard()
    except OSError as error:
        _discard()
        hint = "free some space there, or send the output elsewhere"
        raise CouldNotCheck(f"standard output cannot be written: {error.strerror or error}", hint) from None


def write_to(path: Path | None, text: str) -> None:
    """Write *text* to the file that ``-o`` names, whole or not at all, and say so; to standard output without one."""
    if path is None:
        write_out(text)
        return
    from tfcompat.files import write_text

    if str(path) == "-":
        raise RequestError("-o - names no file", "leave -o out to write to standard output")
    changed = write_text(path, text)
    print(f"{path}: {'written' if changed else 'unchanged'}", file=sys.stderr)


def _discard() -> None:
    """Send what is still held back to nowhere, or Python would try again at exit, and complain."""
    with suppress(OSError, ValueError):  # something that stands in for standard output, without a descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
