"""HTTP answers on disk, each used again only when the server confirms its ETag.

CacheControl does the work; what is changed of it here is its trust: in the server's word on how long an answer is
fresh, in what it finds on disk, and in the folder being there.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cachecontrol import CacheControlAdapter, CacheController
from cachecontrol.caches import FileCache
from cachecontrol.serialize import Serializer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

__all__ = ["Pages", "whole"]


class Pages:
    """A folder of answers. One that cannot be read or written costs speed, not answers."""

    def __init__(self, folder: str) -> None:
        self._cache = _Cache(folder)
        self.adapter = CacheControlAdapter(cache=self._cache, controller_class=_Controller, serializer=_Serializer())

    def forget(self, url: str) -> None:
        self._cache.delete(str(CacheController.cache_url(url)))


class _Cache(FileCache):
    def get(self, key: str) -> bytes | None:
        try:
            found: bytes | None = super().get(key)
        except OSError:
            return None
        return found

    def set(self, *arguments: Any, **options: Any) -> None:
        with suppress(OSError, NotImplementedError):  # the latter: no locks on this file system
            super().set(*arguments, **options)

    def delete(self, key: str) -> None:
        with suppress(OSError):
            super().delete(key)


class _Serializer(Serializer):
    """Keeps what varies by Authorization without the authorization: such an answer is not used again."""

    def dumps(self, request: Any, response: Any, body: bytes | None = None) -> bytes:
        bare = request.copy()
        bare.headers.pop("Authorization", None)
        dumped: bytes = super().dumps(bare, response, body)
        return dumped


class _Controller(CacheController):
    """Believes nothing unasked, redirects neither; what is damaged or strange is not there."""

    def cached_request(self, request: Any) -> Any:
        return False

    def conditional_headers(self, request: Any) -> dict[str, str]:
        try:
            found: dict[str, str] = super().conditional_headers(request)
        except Exception:  # whatever a damaged file does to msgpack
            return {}
        return found

    def cache_response(self, request: Any, response: Any, body: bytes | None = None, status_codes: Any = None) -> None:
        with suppress(Exception):  # AssertionError for a date that is none
            super().cache_response(request, response, body, (200,))


@contextmanager
def whole(response: requests.Response) -> Iterator[None]:
    """Close what CacheControl has of a body that was not read to its end: it leaves the file to the garbage collector."""
    try:
        yield
    finally:
        buffer = getattr(getattr(response.raw, "_fp", None), "_CallbackFileWrapper__buf", None)
        if buffer is not None:
            buffer.close()
