"""A client of Docker Hub's own API, which tells digests, platforms and dates of tags without counting a pull.

Source: docker/docs, content/reference/api/hub/latest.yaml; ``ordering`` is undocumented, so what it returns is
checked and not relied upon.
"""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from tfcompat.errors import CouldNotCheck
from tfcompat.registry.addresses import host_of
from tfcompat.registry.listings import fresh_listing, is_tag, keep_listing, known_listing
from tfcompat.registry.records import Listing, TagEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tfcompat.registry.store import Store
    from tfcompat.registry.transport import Answer, Transport

__all__ = ["Hub"]

_PAGE_SIZE = 100  # the most that Docker Hub allows
_AT_ONCE = 4  # requests; Docker Hub limits those of one address
_PAGES_LIMIT = 2_000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII)
_PLATFORM = re.compile(r"\w[\w./-]*", re.ASCII)
_SIZE_LIMIT = 1 << 50  # bytes


class _Page(NamedTuple):
    """``total`` counts the tags of all pages; ``more`` says that pages follow."""

    total: int
    more: bool
    tags: tuple[TagEntry, ...]


class Hub:
    """Docker Hub's API at *base*. Only public repositories are seen.

    With *fresh* (seconds) above 0 a listing from the store that is not older is used as it is.
    """

    def __init__(self, base: str, transport: Transport, store: Store, now: Callable[[], float], fresh: int = 0) -> None:
        self.base = base.rstrip("/")
        self._transport = transport
        self._store = store
        self._now = now
        self._fresh = fresh

    def fetch_tag(self, path: str, tag: str) -> TagEntry | None:
        """One tag with its digest and platforms, None where it is not there."""
        answer = self._ask(f"{self._address(path)}/{tag}")
        if answer.status == 404:
            return None
        entry = _entry(self._object(answer), self._host)
        if entry.name != tag:
            raise CouldNotCheck(f"{self._host} answers for the tag {tag} with {entry.name}", "check the address of Docker Hub's API")
        return entry

    def fetch_tags(self, path: str, progress: Callable[[int, int | None], None] | None = None) -> Listing | None:
        """Every tag of the repository *path* (``tensorflow/tensorflow``), None where there is no such public repository.

        Asks for what changed since the last time where that is enough, else for all pages, four at a time.
        """
        known = fresh_listing(self._store, self.base, path, self._now(), self._fresh)
        if known is not None:
            return known
        first = self._fetch_page(path, 1)
        if first is None:
            return None
        report = _Rising(progress)
        report(len(first.tags), first.total)
        total, found = first.total, self._changes(path, first, known_listing(self._store, self.base, path))
        if found is None:
            found = self._everything(path, first, report)
        if len(found) < total:  # tags moved while the pages were read: what one pass missed another has
            again = self._fetch_page(path, 1) or first
            later = self._everything(path, again, report)
            whole = len(later) >= again.total  # of one piece, so that nothing of the pass before is wanted
            found, total = (later, again.total) if whole else (_by_name([*later, *found]), max(total, again.total))
        report(len(found), len(found))
        listing = Listing(path, tuple(found), "", self.base, complete=len(found) >= total)
        return keep_listing(self._store, self.base, listing, self._now())

    def _changes(self, path: str, first: _Page, known: Listing | None) -> list[TagEntry] | None:
        """The listing of before brought up to date; None where only reading everything will do.

        Pages come newest first, so the first one that holds an unchanged tag ends the news. A tag of the same period that
        is not on these pages any more is gone; one from before that is gone shows in the count.
        """
        if known is None:
            return None
        before = {t.name: t for t in known.tags}
        news: list[TagEntry] = []
        page: _Page | None = first
        for number in range(1, _PAGES_LIMIT):
            if page is None or not _newest_first(page):
                return None
            news += page.tags
            if not page.more or any(before.get(t.name) == t for t in page.tags):
                break
            page = self._fetch_page(path, number + 1)
        since = min((t.updated or "" for t in news), default="")
        kept = [t for t in known.tags if (t.updated or "") <= since] if page is not None and page.more else []
        merged = _by_name([*news, *kept])
        return merged if len(merged) == first.total else None

    def _everything(self, path: str, first: _Page, report: _Rising) -> list[TagEntry]:
        """All pages. How many there are follows from what the first one held, not from what was asked for."""
        found = list(first.tags)
        if not first.more:
            return _by_name(found)
        page: _Page | None = first
        last = max(1, min(math.ceil(first.total / len(first.tags)), _PAGES_LIMIT))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            futures = [pool.submit(self._fetch_page, path, number) for number in range(2, last + 1)]
            try:
                for future in futures:
                    page = future.result()
                    if page is None:
                        break
                    found += page.tags
                    report(min(len(found), first.total), first.total)
                    if not page.more:
                        break
            finally:
                pool.shutdown(cancel_futures=True)
        while page is not None and page.more and last < _PAGES_LIMIT:  # tags were added meanwhile
            last += 1
            page = self._fetch_page(path, last)
            found += page.tags if page else ()
        return _by_name(found)

    # -- asking -----------------------------------------------------------------------------

    def _fetch_page(self, path: str, number: int) -> _Page | None:
        """Page *number*, None where there is none."""
        url = f"{self._address(path)}?page_size={_PAGE_SIZE}&page={number}&ordering=last_updated"
        answer = self._ask(url, page=True)
        if answer.status == 404:
            return None
        try:
            found = self._object(answer)
            results, count = found.get("results"), found.get("count")
            if not isinstance(results, list) or type(count) is not int:
                raise CouldNotCheck(f"{self._host} answers the list of tags with something else", "check the address of Docker Hub's API")
            more = bool(found.get("next"))
            if more and not results:
                raise CouldNotCheck(f"{self._host} lists a page without tags, and more pages after it", "try again")
            return _Page(count, more, tuple(_entry(row, self._host) for row in results))
        except CouldNotCheck:
            self._transport.forget_page(url)
            raise

    def _address(self, path: str) -> str:
        namespace, _, repository = path.partition("/")
        return f"{self.base}/v2/namespaces/{namespace}/repositories/{repository}/tags"

    def _ask(self, url: str, page: bool = False) -> Answer:
        answer = self._transport.fetch(url, page=page)
        if answer.status == 404:
            found = self._object(answer)  # Docker Hub says in JSON that something is not there; any other 404 proves nothing
            if not isinstance(found.get("message") or found.get("detail"), str):
                raise CouldNotCheck(
                    f"{self._host} answers {urlsplit(url).path} with a 404 that is not Docker Hub's",
                    "check the address of Docker Hub's API",
                )
        elif answer.status != 200:
            raise CouldNotCheck(
                f"{self._host} answers {urlsplit(url).path} with status {answer.status}", "check the address of Docker Hub's API"
            )
        return answer

    def _object(self, answer: Answer) -> dict[str, Any]:
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise CouldNotCheck(f"{self._host} answers with something other than a JSON object", "check the address of Docker Hub's API")
        return found

    @property
    def _host(self) -> str:
        return host_of(self.base)


class _Rising:
    """Reports progress that never goes back, though a second pass begins anew."""

    def __init__(self, tell: Callable[[int, int | None], None] | None) -> None:
        self._tell = tell
        self._most = 0

    def __call__(self, done: int, total: int) -> None:
        self._most = max(self._most, done)
        if self._tell:
            self._tell(self._most, max(total, self._most))


def _entry(row: Any, host: str) -> TagEntry:
    """A tag as Docker Hub tells it; entries from before 2020 lack digests. Attestations are no platforms."""
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str) or not is_tag(name):
        raise CouldNotCheck(f"{host} lists a tag without a name", "check the address of Docker Hub's API")
    images = row.get("images")
    if isinstance(images, dict):
        images = [images]
    platforms: dict[str, str | None] = {}
    for image in images if isinstance(images, list) else ():
        if isinstance(image, dict) and image.get("architecture") not in (None, "", "unknown"):
            platform = _platform(image)
            if _PLATFORM.fullmatch(platform):
                platforms.setdefault(platform, _digest(image.get("digest")))
    size = row.get("full_size")
    updated = _time(row.get("tag_last_pushed")) or _time(row.get("last_updated"))
    known = type(size) is int and 0 <= size < _SIZE_LIMIT
    return TagEntry(name, _digest(row.get("digest")), platforms, size if known else None, updated)


def _digest(value: Any) -> str | None:
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else None


def _time(value: Any) -> str | None:
    """RFC 3339 in one width, so that text sorts as time does: Docker Hub gives 0 to 9 digits of a second."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{found[1]}.{(found[2] or ''):0<9}Z" if found else None


def _platform(image: Mapping[str, Any]) -> str:
    name = f"{image.get('os') or 'linux'}/{image['architecture']}"
    return f"{name}/{image['variant']}" if image.get("variant") and image["architecture"] != "arm64" else name


def _newest_first(page: _Page) -> bool:
    """Whether the tags stand in the order that was asked for; equal times, with more pages to come, do not show it."""
    updated = [t.updated or "" for t in page.tags]
    return updated == sorted(updated, reverse=True) and not (page.more and updated[0] == updated[-1])


def _by_name(tags: Iterable[TagEntry]) -> list[TagEntry]:
    """Each name once, as it was seen first."""
    found: dict[str, TagEntry] = {}
    for tag in tags:
        found.setdefault(tag.name, tag)
    return list(found.values())
