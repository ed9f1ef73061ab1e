"""What a wheel says of itself, read with HTTP range requests: a few hundred kB, not 600 MB.

Three statements are read: ``METADATA`` (requirements), ``build_info.py`` (CUDA, cuDNN and the
GPU architectures that were compiled in) and the tags in the file name. Nothing is executed:
``build_info.py`` is parsed as a syntax tree and only its literals are taken.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tfcompat.errors import CouldNotCheck

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Mapping

__all__ = ["WheelContent", "parse_build_info", "parse_metadata", "read_wheel"]

_MEMBER_LIMIT = 4 << 20  # bytes, unpacked; the real ones are under 100 kB


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
        with RemoteZip(url, session=responses, timeout=(10, 60)) as archive:
            return parse_archive(archive)
    except (*transfer, *damage, *members) as error:
        raise CouldNotCheck(f"the wheel at {url} could not be read: {error}", "run the refresh again: it resumes") from error
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
    metadata = next((n for n in names if n.count("/") == 1 and n.endswith(".dist-info/METADATA")), None)
    if metadata is None:
        raise KeyError("no METADATA in the archive")
    # 1.15 and 2.0 keep the module below tensorflow_core, all others below tensorflow
    info = next((n for n in names if n.endswith("/python/platform/build_info.py") and n.count("/") == 3), None)
    requires_python, requires = parse_metadata(_read_member(archive, metadata))
    return WheelContent(requires_python, requires, parse_build_info(_read_member(archive, info)) if info is not None else None)


def _read_member(archive: zipfile.ZipFile, name: str) -> str:
    if archive.getinfo(name).file_size > _MEMBER_LIMIT:
        raise ValueError(f"{name} claims to be larger than {_MEMBER_LIMIT >> 20} MiB")
    with archive.open(name) as member:  # read to a limit: a member can be larger than it claims
        return member.read(_MEMBER_LIMIT).decode("utf-8", errors="replace")


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
