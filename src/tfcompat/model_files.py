"""Model files on this machine, read in ranges."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck, RequestError, plain

if TYPE_CHECKING:
    from tfcompat.models.model import Model

__all__ = ["LocalModelFiles", "inspect_model"]

_HINT = "check the name and the permissions"
_ABSENT = (FileNotFoundError, NotADirectoryError)


def inspect_model(path: str | os.PathLike[str]) -> Model:
    """What the model at *path* says of itself: an ``.h5`` or ``.keras`` file, or the folder of a SavedModel.

    Raises :class:`CouldNotCheck` for one that cannot be read, :class:`RequestError` for what is no path of this machine.
    """
    from tfcompat.models.reading import read_model

    name = os.fspath(path)
    if name == "-" or "://" in name:
        raise RequestError(f"{plain(name)}: only files of this machine are read", "download it first, and name the file")
    if not os.path.lexists(name):
        raise CouldNotCheck(f"{plain(name)} does not exist", "name an .h5 or .keras file, or the folder of a SavedModel")
    return read_model(name, LocalModelFiles())


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
