"""Reads a file that a person named, within bounds; writes one whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck, RequestError

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["read_source", "write_text"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DESCRIPTOR = re.compile(r"/dev/stdin|(?:/dev/fd|/proc/self/fd)/([0-9]{1,9})")


def read_source(path: str, name: str, hint: str, limit: int, too_large: str) -> bytes:
    """The bytes of *path*, or of standard input for ``-``; messages call it *name*. Raises :class:`CouldNotCheck`.

    A pipe that the shell has opened for us, as ``<(COMMAND)`` does, is read to its end; a named one might never end.
    *hint* is what to do where it cannot be read, *too_large* where it has more than *limit* bytes.
    """
    try:
        if path == "-":
            if sys.stdin is None:
                raise CouldNotCheck(f"{name} cannot be read: standard input is closed", hint)
            if sys.stdin.isatty():  # or it would look as if nothing went on
                print(f"tfcompat: reading {name} from the terminal: end it with Ctrl-D", file=sys.stderr)
            content = sys.stdin.buffer.read(limit + 1)
        else:
            with _opened(path, name, f"{hint}, or pipe it in and name it -") as file:
                content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CouldNotCheck(f"{name} cannot be read: {reason}", hint) from None
    if len(content) > limit:
        raise CouldNotCheck(f"{name} is larger than {limit >> 20} MiB", too_large)
    return content


def _opened(path: str, name: str, hint: str) -> BinaryIO:
    mode = Path(path).stat().st_mode
    if stat.S_ISREG(mode):
        return Path(path).open("rb")
    if not stat.S_ISFIFO(mode):
        raise CouldNotCheck(f"{name} is not a file", hint)
    inherited = _DESCRIPTOR.fullmatch(path)
    if not inherited:
        raise CouldNotCheck(f"{name} is a named pipe, not a file", hint)
    return os.fdopen(os.dup(int(inherited[1] or 0)), "rb")  # opened once more it would wait for another writer


def write_text(path: Path, text: str, hint: str = "nothing was changed; name another file with -o") -> bool:
    """Write *text* aside, then rename it to *path*; False where the file holds it already and was left alone.

    The mode of a file that is there is kept, and a link is followed. Raises :class:`RequestError` with *hint*, and
    :class:`CouldNotCheck` where the disk is full; nothing is left behind.
    """
    content = text.encode()
    try:
        target = path.resolve()
        if target.is_file() and target.stat().st_size == len(content) and target.read_bytes() == content:
            return False
        if target.is_symlink():  # from Python 3.13 on a circle is resolved to itself
            raise RequestError(f"{path} cannot be written: Symlink loop", hint)
        if target.exists() and not target.is_file():
            raise RequestError(f"{path} cannot be written: it is not a file", hint)
        _replace(target, content)
    except (OSError, RuntimeError, ValueError) as error:  # ValueError: no name that a file can have
        circle = isinstance(error, RuntimeError)  # up to Python 3.12
        reason = error.strerror if isinstance(error, OSError) else "Symlink loop" if circle else error
        if isinstance(error, OSError) and error.errno in _FULL:
            raise CouldNotCheck(f"{path} cannot be written: {reason}", "free some space there, or send the output elsewhere") from None
        raise RequestError(f"{path} cannot be written: {reason}", hint) from None
    return True


def _replace(target: Path, content: bytes) -> None:
    aside = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    opened = aside.open("xb")  # what is there by that name is not ours to remove
    try:
        with opened as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            aside.chmod(target.stat().st_mode & 0o777)
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
