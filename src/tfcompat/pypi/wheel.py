"""What a wheel says of itself, read with HTTP range requests: a few hundred kB, not 600 MB.

Where the index keeps METADATA beside the wheel and nothing else is wanted, only that file is read.

Three statements are read: ``METADATA`` (requirements), ``build_info.py`` (CUDA, cuDNN and the
GPU architectures that were compiled in) and the tags in the file name. Nothing is executed:
``build_info.py`` is parsed as a syntax tree and only its literals are taken.
"""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tfcompat.errors import CouldNotCheck

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Mapping

    from tfcompat.pypi.index import WheelFile

__all__ = ["WheelContent", "parse_build_info", "parse_metadata", "read_requires", "read_wheel"]

Read = TypeVar("Read")

_MEMBER_LIMIT = 4 << 20  # bytes, unpacked; the real ones are under 100 kB
_TIMEOUT = (10, 60)  # connect, read; seconds
_AGAIN = "run the refresh again: it resumes"


@dataclass(frozen=True)
class WheelContent:
    """The statements found in one wheel; ``build_info`` is None where the wheel has no such module."""

    requires_python: str | None
    requires: tuple[str, ...]
    build_info: Mapping[str, Any] | None = field(default=None)


def read_wheel(session: Any, url: str) -> WheelContent:
    """Read METADATA and build_info of the wheel at *url*.

    Raises :class:`CouldNotCheck` when the server does not answer, serves no ranges, or the
    archive is not a wheel.
    """
    return _read_archive(session, url, parse_archive)


def read_requires(session: Any, wheel: WheelFile) -> tuple[str, ...]:
    """The ``Requires-Dist`` lines as the wheel spells them, from METADATA beside it, else from the wheel itself.

    Raises :class:`CouldNotCheck` as :func:`read_wheel` does, and when METADATA is too large or is not what the index says.
    """
    text = None if wheel.metadata is None else _fetch_metadata(session, f"{wheel.url}.metadata", wheel.metadata)
    return _requires_of(text) if text is not None else _read_archive(session, wheel.url, lambda a: _requires_of(_metadata_of(a)))


def _fetch_metadata(session: Any, url: str, sha256: str) -> str | None:
    """METADATA at *url*; None where the index promises a file that is not there."""
    import requests

    found = bytearray()
    try:
        with session.get(url, timeout=_TIMEOUT, stream=True) as response:
            if response.status_code == 404:
                return None
            response.raise_for_status()
            for part in response.iter_content(1 << 16):
                found += part
                if len(found) > _MEMBER_LIMIT:
                    raise CouldNotCheck(f"{url} is larger than {_MEMBER_LIMIT >> 20} MiB")
    except (requests.RequestException, OSError) as error:
        raise CouldNotCheck(f"{url} could not be read: {error}", _AGAIN) from error
    digest = hashlib.sha256(found).hexdigest()
    if sha256 not in ("", digest):
        raise CouldNotCheck(f"{url} has the sha256 {digest}, and the index says {sha256}", "ask another index, or the same one later")
    return found.decode("utf-8", errors="replace")


def _read_archive(session: Any, url: str, read: Callable[[zipfile.ZipFile], Read]) -> Read:
    """What *read* makes of the wheel at *url*; only the ranges that it asks for are transferred."""
    import zipfile
    import zlib

    import requests
    from remotezip import RemoteZip, RemoteZipError
    from urllib3.exceptions import HTTPError

    # of the transfer, of the archive (a damaged one fails in many ways), and of what its members say
    transfer = (RemoteZipError, requests.RequestException, HTTPError, OSError)
    damage = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError, MemoryError)
    members = (KeyError, ValueError, TypeError, SyntaxError, AttributeError)
    responses = _Responses(session)
    try:
        with RemoteZip(url, session=responses, timeout=_TIMEOUT) as archive:
            return read(archive)
    except (*transfer, *damage, *members) as error:
        raise CouldNotCheck(f"the wheel at {url} could not be read: {error}", _AGAIN) from error
    finally:
        responses.close()


class _Responses:
    """The session, with every streamed response remembered: the archive reader leaves some open when it fails."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.opened: list[Any] = []

    def get(self, url: str, **options: Any) -> Any:
        response = self.session.get(url, **options)
        self.opened.append(response)
        return response

    def close(self) -> None:
        for response in self.opened:
            response.close()


def parse_archive(archive: zipfile.ZipFile) -> WheelContent:
    """The statements of an open wheel archive."""
    names = archive.namelist()
    requires_python, requires = parse_metadata(_metadata_of(archive))
    # 1.15 and 2.0 keep the module below tensorflow_core, all others below tensorflow
    info = next((n for n in names if n.endswith("/python/platform/build_info.py") and n.count("/") == 3), None)
    return WheelContent(requires_python, requires, parse_build_info(_read_member(archive, info)) if info is not None else None)


def _metadata_of(archive: zipfile.ZipFile) -> str:
    name = next((n for n in archive.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA")), None)
    if name is None:
        raise KeyError("no METADATA in the archive")
    return _read_member(archive, name)


def _read_member(archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > _MEMBER_LIMIT:
        raise ValueError(f"{name} claims to be larger than {_MEMBER_LIMIT >> 20} MiB")
    with archive.open(name) as member:  # read to a limit: a member can be larger than it claims
        return member.read(_MEMBER_LIMIT).decode("utf-8", errors="replace")


def _requires_of(text: str) -> tuple[str, ...]:
    from packaging.metadata import parse_email

    raw, _ = parse_email(text)
    return tuple(raw.get("requires_dist", ()))


def parse_metadata(text: str) -> tuple[str | None, tuple[str, ...]]:
    """``Requires-Python`` and the ``Requires-Dist`` lines, in a canonical spelling.

    Old wheels spell requirements as ``numpy (<2.0,>=1.16)``; both spellings come out alike.
    """
    from packaging.metadata import parse_email
    from packaging.requirements import Requirement

    raw, _ = parse_email(text)
    requires = tuple(str(Requirement(line)) for line in raw.get("requires_dist", ()))
    return raw.get("requires_python"), requires


def parse_build_info(source: str) -> dict[str, Any]:
    """The literals that TensorFlow's ``build_info.py`` assigns.

    Up to 2.2 the module has single assignments (``cuda_version_number = '10.1'``), later one
    mapping named ``build_info``; both come out as one flat dict.
    """
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            continue
        value = node.value
        if isinstance(value, ast.Call) and value.args:  # collections.OrderedDict([...]) or OrderedDict({...})
            value = value.args[0]
        try:
            literal = ast.literal_eval(value)
        except ValueError:
            continue
        if node.targets[0].id == "build_info":
            found.update(dict(literal))
        else:
            found[node.targets[0].id] = literal
    return found
