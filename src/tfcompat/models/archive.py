"""The zip that Keras 2.12 and later write as ``.keras``: metadata.json, config.json and weights, of which only the JSON is read."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from typing import TYPE_CHECKING, NamedTuple

from tfcompat.models.files import CUT_SHORT, ModelFile

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

__all__ = ["ARCHIVED", "Archive", "load_archive"]

ARCHIVED = ("config.json", "metadata.json")
_MEMBERS = 10_000
_DIRECTORY = 2 << 20  # bytes of the central directory, and of any other part that is read at once
_MEMBER = 8 << 20  # bytes of a member that is read, inflated
_RATIO = 200  # of a member above _SMALL
_SMALL = 1 << 20
_ORIGIN = "check where the file comes from"


class Archive(NamedTuple):
    """``members``: every name. ``config`` and ``metadata``: the JSON."""

    members: tuple[str, ...]
    config: bytes
    metadata: bytes


class _Adapter:
    """A :class:`ModelFile` as zipfile reads it."""

    def __init__(self, file: ModelFile) -> None:
        self._file = file
        self._at = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, self._file.size)[whence]
        if at < 0:
            raise OSError("a place before the start")
        self._at = at
        return at

    def read(self, length: int = -1) -> bytes:
        left = max(0, self._file.size - self._at)
        length = left if length < 0 else min(length, left)
        if length > _DIRECTORY:
            raise self._file.damaged(f"a part of the zip has more than {_DIRECTORY >> 20} MiB", _ORIGIN)
        content = self._file.read(self._at, length)
        self._at += length
        return content


def load_archive(file: ModelFile) -> Archive:
    """The members of the zip *file* that say what it is. Raises :class:`~tfcompat.errors.CouldNotCheck`."""
    import zlib
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(_Adapter(file)) as archive:
            return _read(file, archive)
    except (BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise file.damaged(f"it is cut short, or damaged: {_said(error)}") from None
    except (NotImplementedError, RuntimeError) as error:
        raise file.damaged(f"Python's zipfile does not know it: {_said(error)}", "zip it again, stored or deflated") from None
    except Exception as error:
        if type(error).__name__ == "error":  # struct.error, which zipfile lets through
            raise file.damaged("it is cut short, or damaged: its records are too short") from None
        raise


def _said(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


def _read(file: ModelFile, archive: "ZipFile") -> Archive:
    members = archive.infolist()
    if len(members) > _MEMBERS:
        raise file.damaged(f"the zip has {len(members):,} members, and {_MEMBERS:,} are looked at", _ORIGIN)
    names = tuple(member.filename for member in members)
    _refuse_others(file, names)
    for name in ARCHIVED:
        if names.count(name) != 1:
            raise file.damaged(
                f"it is a zip without {name}, so no model of Keras"
                if name not in names
                else f"the zip has {name} {names.count(name)} times",
                "save the model again with model.save('NAME.keras')",
            )
    config, metadata = (_inflate(file, archive, archive.getinfo(name)) for name in ARCHIVED)
    return Archive(names, config, metadata)


def _refuse_others(file: ModelFile, names: tuple[str, ...]) -> None:
    """Say what else a zip without Keras's members is, where that is sure."""
    if "config.json" in names:
        return
    last = {name.rpartition("/")[2] for name in names}
    if "data.pkl" in last:
        raise file.damaged("it is a PyTorch model, not one of Keras", "only models of Keras and TensorFlow are read")
    if names and all(name.endswith(".npy") for name in names):
        raise file.damaged("it is an .npz of NumPy arrays, not a model", "name the model that was saved with model.save()")
    inside = next((n for n in names if n.rpartition("/")[2] == "saved_model.pb" or n.endswith((".h5", ".hdf5", ".keras"))), None)
    if "metadata.json" not in names and inside:
        raise file.damaged(f"it is a zip with a model inside, {inside[:200]}", "unpack it, and name what was inside")


def _inflate(file: ModelFile, archive: "ZipFile", member: "ZipInfo") -> bytes:
    name = member.filename
    if member.flag_bits & 0x41:
        raise file.damaged(f"{name} in it is encrypted", "zip it again without a password")
    if member.compress_type not in (0, 8):
        raise file.damaged(f"{name} in it is compressed by method {member.compress_type}", "zip it again, stored or deflated")
    if member.file_size > _MEMBER:
        raise file.damaged(f"{name} in it has more than {_MEMBER >> 20} MiB", _ORIGIN)
    if member.file_size > _SMALL and member.file_size > _RATIO * member.compress_size:
        raise file.damaged(f"{name} in it would inflate to more than {_RATIO} times its size", _ORIGIN)
    with archive.open(member) as opened:
        content = opened.read(member.file_size + 1)
    if len(content) != member.file_size:
        raise file.damaged(f"{name} in it has not the size that it should have", CUT_SHORT)
    return content
