"""One request, bounded in size, time and patience; nothing of it is kept unless it came whole.

A session that several threads share. Redirects are followed here and not by ``requests``: what
authorizes at one host is not sent to another, and an encrypted connection is not left for a plain one.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from tfcompat import __version__
from tfcompat.errors import CouldNotCheck, RateLimited
from tfcompat.registry.addresses import host_of, join, origin, shown
from tfcompat.registry.pages import Pages, whole
from tfcompat.registry.reasons import LASTING, distrust, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from requests.adapters import HTTPAdapter
    from tenacity import RetryCallState

__all__ = ["PAGE_LIMIT", "Answer", "Transport"]

PAGE_LIMIT = 16 << 20  # bytes; a page of 100 tags has about 300 kB, 10,000 bare names about 200 kB
_CHUNK = 1 << 16
_CONNECT_TIMEOUT = 10.0  # seconds
_ATTEMPTS = 4
_REDIRECTS = 5
_PIECE = 12  # characters of a secret that tell too much
_PATIENCE = 60.0  # seconds; who asks for a longer wait is told about it instead
_LATER = "try again later; 'docker login' raises the limit of most registries"
_RETRIED = {304, 408, 429, 500, 502, 503, 504}
_REDIRECTED = {301, 302, 303, 307, 308}


class Answer(NamedTuple):
    """A complete answer: status, headers (any case), body, and the URL that gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class _Authorization(AuthBase):
    """The header that was decided on, or none: without it ``requests`` would send what a .netrc has."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        if self.value:
            request.headers["Authorization"] = self.value
        return request


class _Refused(Exception):
    """An answer that a repetition may mend; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None, hint: str = "check the network, the proxy and the address") -> None:
        super().__init__(reason)
        self.wait = wait
        self.hint = hint


class Transport:
    """Sends requests and counts them. ``cache``: a folder for pages that carry an ETag; None keeps none.

    ``timeout`` bounds the wait for the next byte, four times as much the whole answer, in seconds. With ``offline``
    nothing is sent.
    Proxies and certificates are those that ``requests`` users expect (``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``).
    """

    def __init__(
        self, cache: str | None = None, timeout: float = 30.0, sleep: Callable[[float], None] = time.sleep, offline: bool = False
    ) -> None:
        self.requests = 0
        self._offline = offline
        self._timeout = timeout
        self._sleep = sleep
        self._lock = threading.Lock()
        self._resume: dict[str, float] = {}  # by host: the time (unix) before which it answers nothing
        self._plain = _new_session()
        self._kept = Pages(cache) if cache else None
        self._pages = _new_session(self._kept.adapter if self._kept else None)

    def close(self) -> None:
        self._plain.close()
        self._pages.close()

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = None,
        *,
        method: str = "GET",
        limit: int = PAGE_LIMIT,
        form: Mapping[str, str] | None = None,
        page: bool = False,
        follow: bool = True,
    ) -> Answer:
        """The answer to one request, after redirects and with repetitions where they may help.

        *page* allows an answer from the cache if the server confirms its ETag. *follow* is off where credentials are in the
        *form*. Statuses other than those of failure are the caller's to judge. Raises :class:`CouldNotCheck`.
        """
        if self._offline:
            raise CouldNotCheck(f"{host_of(url)} was not asked (--offline)", "leave --offline out")
        retrying = Retrying(
            retry=retry_if_exception_type(_Refused), stop=stop_after_attempt(_ATTEMPTS), wait=_wait, sleep=self._sleep, reraise=True
        )
        try:
            return retrying(self._follow, method, url, dict(headers or {}), authorization, limit, form, page, follow)
        except _Refused as refused:
            kind = RateLimited if refused.hint == _LATER else CouldNotCheck
            raise kind(f"{host_of(url)} did not answer {shown(url)} in {_ATTEMPTS} attempts: {refused}", refused.hint) from None

    def forget_page(self, url: str) -> None:
        """Drop a page whose content turned out to be wrong."""
        if self._kept is not None:
            self._kept.forget(url)

    def _follow(
        self, method: str, url: str, headers: dict[str, str], authorization: str | None, limit: int, form: Any, page: bool, follow: bool
    ) -> Answer:
        here = url
        for _ in range(_REDIRECTS + 1):
            answer = self._send(method, here, headers, authorization, limit, form, page)
            if answer.status not in _REDIRECTED or not follow or "Location" not in answer.headers:
                return answer
            target = join(here, answer.headers.get("Location", ""))
            if origin(target) != origin(here):
                authorization = None
            if origin(target)[0] != "https" and origin(here)[0] == "https":
                raise CouldNotCheck(
                    f"{host_of(here)} redirects to {shown(target)}, which is not encrypted", "name the registry's own address"
                )
            here = target
        raise CouldNotCheck(f"{host_of(url)} redirects {shown(url)} more than {_REDIRECTS} times", "check the address")

    def _send(self, method: str, url: str, headers: dict[str, str], authorization: str | None, limit: int, form: Any, page: bool) -> Answer:
        self._spare(url)
        with self._lock:
            self.requests += 1
        session = self._pages if page else self._plain
        try:
            with session.request(
                method, url, headers=headers, data=form, auth=_Authorization(authorization), stream=True,
                allow_redirects=False, timeout=(min(_CONNECT_TIMEOUT, self._timeout), self._timeout),
            ) as response:  # fmt: skip
                self._note_limit(response)
                with whole(response), self._in_time(response):
                    if response.status_code in _RETRIED:
                        said = "" if form is not None else _said(response)
                        raise self._refusal(response, "" if _gives_away(said, authorization) else said)
                    body = b"" if method == "HEAD" else _read(response, limit)
                return Answer(response.status_code, response.headers, body, url)
        except requests.exceptions.SSLError as error:
            if why := distrust(error):
                raise CouldNotCheck(
                    f"{host_of(url)} has a certificate that is not trusted: {why}", "name your CA bundle in REQUESTS_CA_BUNDLE"
                ) from None
            raise CouldNotCheck(
                f"{host_of(url)} could not be reached: {reason_of(error)}", "check the address, the proxy and REQUESTS_CA_BUNDLE"
            ) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise _misaddressed(url, error) from None
        except requests.RequestException as error:
            reason = reason_of(error)
            if reason in LASTING:
                raise CouldNotCheck(
                    f"{host_of(url)} could not be reached: {reason}", "check the network, the proxy and the address"
                ) from None
            raise _Refused(reason) from None
        except OSError as error:  # a CA bundle or a client certificate that is not there
            raise CouldNotCheck(f"{host_of(url)} could not be asked: {error}", "check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE") from None
        except ValueError as error:  # of urllib3 and of encodings
            raise _misaddressed(url, error) from None

    def _refusal(self, response: requests.Response, said: str) -> Exception:
        wait, said = _wait_asked_for(response.headers), f"status {response.status_code}{said}"
        limited = response.status_code == 429
        if wait is None or wait <= _PATIENCE:
            return _Refused(said, wait, _LATER) if limited else _Refused(said, wait)
        until = f"{wait:.0f} s" if wait < 1e9 else "for ever"
        kind, hint = (RateLimited, _LATER) if limited else (CouldNotCheck, "try again later")
        return kind(f"{host_of(response.url)} asks to wait {until}: {said}", hint)

    @contextmanager
    def _in_time(self, response: requests.Response) -> Iterator[None]:
        """Hang up on a body that takes too long: for ``requests`` time begins anew with each byte."""
        limit = 4 * self._timeout
        late = threading.Event()

        def hang_up() -> None:
            late.set()
            with suppress(OSError, ValueError, AttributeError), socket.fromfd(response.raw.fileno(), 0, socket.SOCK_STREAM) as line:
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(limit, hang_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except requests.RequestException:
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():
            self.forget_page(response.url)  # without a length, half of it would pass for whole
            raise _Refused(f"the answer took longer than {limit:g} s")

    def _spare(self, url: str) -> None:
        """Wait where the server has said that nothing is left until a time that is near."""
        wait = self._resume.get(host_of(url), 0.0) - time.time()
        if 0 < wait <= _PATIENCE:
            self._sleep(wait)

    def _note_limit(self, response: requests.Response) -> None:
        left, reset = response.headers.get("X-RateLimit-Remaining", ""), response.headers.get("X-RateLimit-Reset", "")
        if left == "0" and reset.isdecimal():
            self._resume[host_of(response.url)] = float(reset)


class _Session(requests.Session):
    def get_redirect_target(self, resp: Any) -> None:
        """None: even when it does not follow, ``requests`` would read the body of a redirect, however long."""


def _new_session(adapter: HTTPAdapter | None = None) -> requests.Session:
    session = _Session()
    if adapter is not None:
        session.mount("https://", adapter)
        session.mount("http://", adapter)
    session.headers["User-Agent"] = f"tfcompat/{__version__}"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


_backoff = wait_exponential(multiplier=0.5, max=8) + wait_random(0, 1)


def _wait(state: RetryCallState) -> float:
    """What the server asked for, else longer each time."""
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "wait", None)
    return _backoff(state) if asked is None else float(asked)


def _wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds, from Retry-After (seconds or a date), X-Retry-After or X-RateLimit-Reset (unix time), whichever is there."""
    plain = headers.get("Retry-After", "").strip()
    if plain.isdecimal():
        return float(plain)
    now = datetime.now(timezone.utc)
    if plain:
        try:
            return max(0.0, (parsedate_to_datetime(plain) - now).total_seconds())
        except (TypeError, ValueError, OverflowError):
            return None
    for name in ("X-Retry-After", "X-RateLimit-Reset"):
        text = headers.get(name, "").strip()
        if text.isdecimal():
            return max(0.0, float(text) - now.timestamp())
    return None


def _read(response: requests.Response, limit: int) -> bytes:
    """The whole body; more than *limit* bytes is an error."""
    found = bytearray()
    for part in response.iter_content(_CHUNK):
        found += part
        if len(found) > limit:
            raise CouldNotCheck(
                f"{host_of(response.url)} answers {shown(response.url)} with more than {limit >> 10} kB", "check the address"
            )
    return bytes(found)


def _gives_away(said: str, authorization: str | None) -> bool:
    """Whether a server may send back a piece of what authorizes: of a password it knows every spelling."""
    scheme, _, secret = (authorization or "").partition(" ")
    if not secret or scheme.lower() == "basic":
        return bool(secret)
    return secret in said or any(said[i : i + _PIECE] in secret for i in range(len(said) - _PIECE + 1))


def _said(response: requests.Response) -> str:
    """The beginning of what a failing server says, on one line: Docker Hub names the pull limit there."""
    try:
        text = next(response.iter_content(300), b"").decode("utf-8", "replace")
    except requests.RequestException:
        return ""
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f" ({shown[:200]})" if shown else ""


def _misaddressed(url: str, error: Exception) -> CouldNotCheck:
    """An address that is none: this one, or that of the proxy."""
    try:
        sound = bool(requests.Request("GET", url).prepare()) and urlsplit(url).scheme in ("http", "https")
    except ValueError:
        sound = False
    if sound and requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)):
        return CouldNotCheck(
            f"{host_of(url)} could not be asked through the proxy: {reason_of(error)}", "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
        )
    return CouldNotCheck(f"{shown(url)} is not an address: {reason_of(error)}", "check the address")
