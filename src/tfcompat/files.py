"""Writes a file whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tfcompat.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_text"]


def write_text(path: Path, text: str) -> bool:
    """Write *text* aside, then rename it to *path*; False where the file holds it already and was left alone.

    The mode of a file that is there is kept, and a link is followed. Raises :class:`RequestError`, and leaves nothing behind.
    """
    content = text.encode()
    try:
        target = path.resolve()
        if target.is_file() and target.stat().st_size == len(content) and target.read_bytes() == content:
            return False
        if target.is_symlink():  # from Python 3.13 on a circle is resolved to itself
            raise RequestError(f"{path} cannot be written: Symlink loop", "nothing was changed; name another file with -o")
        if target.exists() and not target.is_file():
            raise RequestError(f"{path} cannot be written: it is not a file", "nothing was changed; name another file with -o")
        _replace(target, content)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        reason = error.strerror if isinstance(error, OSError) else error
        raise RequestError(f"{path} cannot be written: {reason}", "nothing was changed; name another file with -o") from None
    return True


def _replace(target: Path, content: bytes) -> None:
    aside = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            aside.chmod(target.stat().st_mode & 0o777)
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
