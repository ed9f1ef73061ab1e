"""Model files on this machine, read in ranges."""

from __future__ import annotations

import os
import stat

from tfcompat.errors import CouldNotCheck

__all__ = ["LocalModelFiles"]

_HINT = "check the name and the permissions"
_ABSENT = (FileNotFoundError, NotADirectoryError)


class LocalModelFiles:
    """Regular files below the current folder or by absolute name; links are followed."""

    def size(self, name: str) -> int | None:
        """As :meth:`tfcompat.models.files.ModelFiles.size`; a folder has none."""
        try:
            found = os.stat(name)
        except _ABSENT:
            if os.path.islink(name):
                raise CouldNotCheck(f"{name} cannot be read: it is a link to a file that is not there", _HINT) from None
            return None
        except (OSError, ValueError) as error:
            raise _unreadable(name, error) from None
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode):
            raise CouldNotCheck(f"{name} cannot be read: it is a pipe, a socket or a device, not a file", "copy it into a file")
        return found.st_size

    def read(self, name: str, offset: int, length: int) -> bytes:
        """As :meth:`tfcompat.models.files.ModelFiles.read`."""
        try:
            descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
            with os.fdopen(descriptor, "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise CouldNotCheck(f"{name} cannot be read: it is a pipe, a socket or a device, not a file", "copy it into a file")
                file.seek(offset)
                return file.read(length)
        except (OSError, ValueError) as error:
            raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError | ValueError) -> CouldNotCheck:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name cannot be used"
    return CouldNotCheck(f"{name} cannot be read: {reason}", _HINT)
