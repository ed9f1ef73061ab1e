"""Docker Hub's own API, its pages built from what a real registry holds."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Set
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from registry.images import digest_of
from registry.real_registry import Manifest, RealRegistry
from registry.serving import Reply, json_reply

__all__ = ["HubApi"]

_PATH = re.compile(r"/v2/(?:namespaces/([^/]+)/repositories|repositories/([^/]+))/([^/]+)/tags(?:/([^/]+))?/?")
_LARGEST_PAGE = 100


class HubApi:
    """What hub.docker.com answers about a repository's tags.

    ``page_size`` makes it ignore the size that was asked for, as the Hub did for some days; ``etags`` makes its answers conditional.
    """

    def __init__(self, registry: RealRegistry, private: Set[str]) -> None:
        self.page_size: int | None = None
        self.etags = False
        self._registry = registry
        self._private = private
        self._dates: dict[tuple[str, str], str | None] = {}
        self._aged: set[tuple[str, str]] = set()
        self._images: dict[str, dict[str, Any]] = {}
        self._listings: dict[str, tuple[object, dict[str, str | None]]] = {}

    def touch(self, repository: str, tag: str, when: datetime | str | None) -> None:
        """Say that the tag was pushed then. A text is passed on as it stands: ISO 8601 in UTC, ending in Z."""
        self._dates[repository, tag] = _utc(when) if isinstance(when, datetime) else when
        self._listings.pop(repository, None)

    def age(self, repository: str, tag: str) -> None:
        """Show the tag as the Hub shows entries of before 2020: no digests, no media type."""
        self._aged.add((repository, tag))

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Reply | None:
        """The answer, or None where the address is not one of this API."""
        url = urlsplit(target)
        match = _PATH.fullmatch(url.path)
        if match is None:
            return None
        if method not in ("GET", "HEAD"):
            return _message(405, f'Method "{method}" not allowed.')
        repository, tag = f"{match[1] or match[2]}/{match[3]}", match[4]
        if repository in self._private or not self._registry.has(repository):
            return _message(404, "object not found")
        if tag is not None:
            dates = self._tags(repository)
            reply = json_reply(200, self._entry(repository, tag, dates[tag])) if tag in dates else _message(404, f"tag '{tag}' not found")
        else:
            reply = self._page(repository, f"https://{headers['Host']}{url.path}", parse_qs(url.query))
        return self._conditional(reply, headers.get("If-None-Match")) if self.etags else reply

    def _conditional(self, reply: Reply, known: str | None) -> Reply:
        etag = f'W/"{digest_of(reply.body)[7:39]}"'
        if reply.status == 200 and known == etag:
            return Reply(304, b"", {"ETag": etag})
        return reply._replace(headers={**reply.headers, "ETag": etag})

    def _page(self, repository: str, address: str, query: Mapping[str, list[str]]) -> Reply:
        wishes = {name: values[-1] for name, values in query.items()}
        try:
            page, asked = int(wishes.get("page", 1)), int(wishes.get("page_size", 10))
        except ValueError:
            return _message(400, "page and page_size are numbers")
        size = self.page_size or max(1, min(asked, _LARGEST_PAGE))
        dates = self._tags(repository)
        names = [name for name in _ordered(dates, wishes.get("ordering", "")) if wishes.get("name", "") in name]
        first = (page - 1) * size
        if page < 1 or (first >= len(names) and page > 1):
            return _message(404, "page not found")
        kept = {name: value for name, value in wishes.items() if name in ("ordering", "name")}

        def link(number: int) -> str:
            return f"{address}?{urlencode({'page': number, 'page_size': min(asked, _LARGEST_PAGE), **kept})}"

        return json_reply(
            200,
            {
                "count": len(names),
                "next": link(page + 1) if first + size < len(names) else None,
                "previous": link(page - 1) if page > 1 else None,
                "results": [self._entry(repository, name, dates[name]) for name in names[first : first + size]],
            },
        )

    def _tags(self, repository: str) -> dict[str, str | None]:
        """Every tag with the time of its push, read anew when something changed."""
        stamp = self._registry.stamp(repository)
        if self._listings.get(repository, (None,))[0] != stamp:
            pushes = self._registry.pushes(repository).items()
            dates = {tag: self._dates.get((repository, tag), _utc(datetime.fromtimestamp(when, timezone.utc))) for tag, when in pushes}
            self._listings[repository] = stamp, dates
        return self._listings[repository][1]

    def _entry(self, repository: str, tag: str, pushed: str | None) -> dict[str, Any]:
        digest = self._registry.digest(repository, tag) or ""
        if digest not in self._images:
            self._images[digest] = _described(self._registry, repository, digest)
        content = self._images[digest]
        entry: dict[str, Any] = {
            "creator": 2156,
            "id": zlib.crc32(f"{repository}:{tag}".encode()),
            "images": [{**image, "last_pulled": None, "last_pushed": pushed} for image in content["images"]],
            "last_updated": pushed,
            "last_updater": 2156,
            "last_updater_username": "builder",
            "name": tag,
            "repository": zlib.crc32(repository.encode()),
            "full_size": content["full_size"],
            "v2": True,
        }
        if (repository, tag) in self._aged:
            return {**entry, "images": [{**image, "digest": None} for image in entry["images"]]}
        dates = {"tag_status": "active", "tag_last_pulled": None, "tag_last_pushed": pushed}
        return {**entry, **dates, "media_type": content["media_type"], "content_type": "image", "digest": digest}


def _described(registry: RealRegistry, repository: str, digest: str) -> dict[str, Any]:
    """What the Hub says of a digest, whichever tags point to it."""
    manifest = registry.manifest(repository, digest)
    images = list(_images(registry, repository, manifest))
    sizes = [image["size"] for image in images if image["architecture"] != "unknown"]
    return {"media_type": manifest.media_type, "full_size": sizes[0] if sizes else 0, "images": images}


def _images(registry: RealRegistry, repository: str, manifest: Manifest) -> Iterator[dict[str, Any]]:
    entries = manifest.cells.get("manifests")
    if entries is None:
        yield _image(manifest, registry.image_config(manifest))
    else:
        for entry in entries:
            yield _image(registry.manifest(repository, entry["digest"]), entry["platform"])


def _image(manifest: Manifest, platform: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "architecture": platform["architecture"],
        "features": "",
        "variant": platform.get("variant"),
        "digest": manifest.digest,
        "os": platform["os"],
        "os_features": "",
        "os_version": None,
        "size": sum(layer["size"] for layer in manifest.cells["layers"]),
        "status": "active",
    }


def _ordered(dates: Mapping[str, str | None], ordering: str) -> list[str]:
    """By name; ``last_updated`` puts the newest first, a minus turns an order around."""
    backwards = ordering.startswith("-")
    if ordering.lstrip("-") != "last_updated":
        return sorted(dates, reverse=backwards)
    # without its Z, a time in UTC sorts as text whatever the number of its digits
    return sorted(sorted(dates), key=lambda tag: (dates[tag] or "").rstrip("Z"), reverse=not backwards)


def _utc(when: datetime) -> str:
    return when.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _message(status: int, message: str) -> Reply:
    return json_reply(status, {"message": message, "errinfo": {}})
