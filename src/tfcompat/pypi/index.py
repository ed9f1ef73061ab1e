"""A client of the index's simple API (PEP 691, JSON): which files a project has."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from tfcompat.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from packaging.tags import Tag

__all__ = ["DEFAULT_INDEX", "Index", "Release", "WheelFile", "open_index"]

DEFAULT_INDEX = "https://pypi.org/simple/"
_ACCEPT = "application/vnd.pypi.simple.v1+json"
_TIMEOUT = (10, 60)  # connect, read; seconds
_PAGE_LIMIT = 64 << 20  # bytes; numpy's page, the largest read, is under 5 MB


@dataclass(frozen=True)
class WheelFile:
    """One wheel on the index: its tags are in the name, its content behind the URL.

    ``metadata`` is the sha256 of the METADATA that the index keeps beside the wheel (PEP 658), empty where it
    gives none, None where it keeps no such file.
    """

    filename: str
    url: str
    sha256: str
    uploaded: str
    requires_python: str | None
    yanked: bool
    tags: frozenset[Tag]
    metadata: str | None = None


@dataclass(frozen=True)
class Release:
    """All wheels of one final version. ``released`` is the date of the first upload."""

    version: Version
    released: str
    yanked: bool
    wheels: tuple[WheelFile, ...]


class Index(Protocol):
    """What the refresh needs of an index: a project's final releases, oldest first."""

    def fetch_releases(self, project: str) -> list[Release]: ...


class SimpleIndex:
    """A PEP 691 index over HTTP. ``session`` carries the cache, the retries and the proxy."""

    def __init__(self, session: Any, base: str = DEFAULT_INDEX) -> None:
        self.session = session
        self.base = base.rstrip("/") + "/"

    def fetch_releases(self, project: str) -> list[Release]:
        """The final releases of *project*, oldest first.

        Raises :class:`CouldNotCheck` when the index does not answer with a project page.
        """
        import requests

        url = f"{self.base}{canonicalize_name(project)}/"
        try:
            files = json.loads(self._fetch_page(url))["files"]
            if not isinstance(files, list):
                raise TypeError("'files' is not a list")
            return group_releases({**f, "url": urljoin(url, f["url"])} for f in files)
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CouldNotCheck(
                f"the package index could not be read at {url}: {_reason(error)}",
                "check the network and the proxy, or name another index with --index-url; nothing was changed",
            ) from error

    def _fetch_page(self, url: str) -> bytes:
        with self.session.get(url, headers={"Accept": _ACCEPT}, timeout=_TIMEOUT, stream=True) as response:
            response.raise_for_status()
            found = bytearray()
            for part in response.iter_content(1 << 16):
                found += part
                if len(found) > _PAGE_LIMIT:
                    raise CouldNotCheck(f"{url} is larger than {_PAGE_LIMIT >> 20} MiB")
        return bytes(found)


def group_releases(files: Iterable[Mapping[str, Any]]) -> list[Release]:
    """Wheels by final version; pre-releases and anything that is not a wheel are left out."""
    wheels: dict[Version, list[WheelFile]] = defaultdict(list)
    uploads: dict[Version, list[str]] = defaultdict(list)
    yanked: dict[Version, list[bool]] = defaultdict(list)
    for file in files:
        filename = str(file["filename"])
        try:
            version, wheel = _parse_file(filename, file)
        except (InvalidWheelFilename, InvalidVersion):
            continue  # names from before the standard: the oldest eggs and a few broken wheels
        if version.is_prerelease or version.is_devrelease:
            continue
        uploads[version].append(str(file["upload-time"])[:10])
        yanked[version].append(bool(file.get("yanked")))
        if wheel:
            wheels[version].append(wheel)
    return [Release(v, min(uploads[v]), all(yanked[v]), tuple(sorted(wheels[v], key=lambda w: w.filename))) for v in sorted(uploads)]


def _parse_file(filename: str, file: Mapping[str, Any]) -> tuple[Version, WheelFile | None]:
    if not filename.endswith(".whl"):
        stem = filename.removesuffix(".zip").removesuffix(".tar.gz").removesuffix(".tar.bz2")
        return Version(stem.rpartition("-")[2]), None
    _, version, _, tags = parse_wheel_filename(filename)
    wheel = WheelFile(
        filename=filename,
        url=str(file["url"]),
        sha256=str(file["hashes"].get("sha256", "")),
        uploaded=str(file["upload-time"])[:10],
        requires_python=file.get("requires-python"),
        yanked=bool(file.get("yanked")),
        tags=tags,
        metadata=_metadata_of(file),
    )
    return version, wheel


def _metadata_of(file: Mapping[str, Any]) -> str | None:
    """What the page says of METADATA, by its name since PEP 714 or by the one before: hashes, or only that it is there."""
    said = file.get("core-metadata", file.get("dist-info-metadata"))
    if isinstance(said, dict):
        return str(said.get("sha256", ""))
    return "" if said is True else None


def open_index(cache: Path, base: str = DEFAULT_INDEX) -> tuple[SimpleIndex, Any]:
    """An index with an on-disk HTTP cache and patient retries, and the session behind it.

    Needs the ``refresh`` extra. The session is shared with the wheel reader so that
    connections, retries and proxy settings are the same for both.
    """
    try:
        import requests
        from cachecontrol import CacheControlAdapter
        from cachecontrol.caches import SeparateBodyFileCache
        from urllib3.util import Retry
    except ImportError as error:
        raise CouldNotCheck(f"refreshing the matrix needs {error.name}", "pip install 'tfcompat[refresh]'") from error
    retry = Retry(total=5, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    session = requests.Session()
    session.headers["User-Agent"] = "tfcompat-refresh"
    session.mount("https://", requests.adapters.HTTPAdapter(max_retries=retry))
    session.mount(base, CacheControlAdapter(cache=SeparateBodyFileCache(str(cache / "http")), max_retries=retry))
    return SimpleIndex(session, base), session


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    return text if len(text) <= 200 else f"{text[:80]} ... {text[-115:]}"  # the cause comes last
