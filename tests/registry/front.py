"""Docker Hub on loopback, over TLS: its API, its registry with tokens and a CDN, in front of a real registry.

One server plays all the hosts. Clients reach it as 127.0.0.1; ``localhost`` is the CDN's name, to which no credentials may go. All that
is said about images comes from the real registry; what the server gets wrong, a test has asked for (``Front.fault``).
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import trustme

from registry.faults import Fault
from registry.hub import HubApi
from registry.real_registry import RealRegistry
from registry.serving import Handler, LoopbackServer, Reply, json_reply, running
from registry.tokens import TokenDesk

__all__ = ["Fault", "Front", "Rate", "Request", "serve_front"]

_HUB_NAMES = ("hub.docker.com", "registry-1.docker.io", "auth.docker.io")  # for those who map them to loopback
_STORE = "/cdn/registry-v2/docker/registry/v2/blobs"
_PASSED_ON = ("Content-Length", "Content-Type", "Docker-Content-Digest", "Docker-Distribution-Api-Version", "Etag")


class Request(NamedTuple):
    """A request as it arrived: header names in Title-Case, repeated headers as one, time on the monotonic clock, scheme "https" or "http"."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    time: float
    scheme: str


@dataclass
class Rate:
    """So many requests in so many seconds, counted from the first."""

    limit: int
    window: float
    used: int = 0
    until: float = 0

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def take(self) -> bool:
        """Count a request; false if it is one too many."""
        if time.time() >= self.until:
            self.used, self.until = 0, time.time() + self.window
        self.used += 1
        return self.used <= self.limit


class Front:
    """The servers of Docker Hub as one, what they were asked, and the knobs of what they do."""

    def __init__(self, registry: RealRegistry, ca: trustme.CA) -> None:
        self.registry = registry
        self.desk = TokenDesk("registry.docker.io")  # user, password, identity_token, lifetime, forget()
        self.desk.may = self._may
        self.hub = HubApi(registry, self.desk.private)
        self.requests: list[Request] = []
        self.leaks: list[Request] = []  # credentials sent to the CDN or in clear text
        self.on_request: Callable[[Request], object] = lambda _: None  # called before each answer: tags can move while a client pages
        self.latency = 0.0  # seconds before every answer
        self.busiest = 0  # the most requests that were under way at once
        self.page_default = self.page_cap = 1000  # of tags/list: what a page holds if n is absent, and at most
        self.leave_out_service = False  # in the challenge, as nvcr.io does
        self.hides_unknown = True  # an unknown repository is 401, as at the Hub; else 404
        self.hub_rate = Rate(1000, 60)
        self.pull_rate = Rate(100, 6 * 3600)
        self._faults: list[_Planned] = []
        self._under_way = 0
        self._lock = threading.Lock()
        self.ca_file = registry.folder / "ca.pem"
        ca.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("127.0.0.1", "localhost", *_HUB_NAMES).configure_cert(context)
        self.server = LoopbackServer(_handler_of(self), context)
        self.host = f"127.0.0.1:{self.server.port}"
        self.cdn_host = f"localhost:{self.server.port}"
        self.url = f"https://{self.host}"
        self.plain_url = f"http://{self.host}"  # answers too, so that a client that follows a downgrade is seen
        self.realm = f"{self.url}/token"

    @property
    def private(self) -> set[str]:
        """Repositories that only the account may pull, and that the Hub API does not show: add to it."""
        return self.desk.private

    @property
    def etags(self) -> bool:
        """Whether the Hub API's answers carry an ETag and honour If-None-Match."""
        return self.hub.etags

    @etags.setter
    def etags(self, value: bool) -> None:
        self.hub.etags = value

    def touch(self, repository: str, tag: str, when: datetime | str | None) -> None:
        """Say that the tag was pushed then. A text is passed on as it stands: ISO 8601 in UTC, ending in Z."""
        self.hub.touch(repository, tag, when)

    def age(self, repository: str, tag: str) -> None:
        """Show the tag as the Hub shows entries of before 2020: no digests, no media type."""
        self.hub.age(repository, tag)

    def fault(self, part: str, *faults: Fault, stay: bool = False) -> None:
        """Let the next requests with *part* in their path and query fail so, one fault each; the last one stays if *stay*."""
        with self._lock:
            self._faults.append(_Planned(part, list(faults), stay))

    def asked(self, part: str) -> int:
        """How many requests had *part* in their path and query."""
        return sum(part in request.path for request in self.requests)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """A request under way."""
        with self._lock:
            self._under_way += 1
            self.busiest = max(self.busiest, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def next_fault(self, path: str) -> Fault | None:
        with self._lock:
            for planned in self._faults:
                if planned.part in path and planned.faults:
                    last = len(planned.faults) == 1
                    return planned.faults[0] if last and planned.stay else planned.faults.pop(0)
        return None

    def answer(self, request: Request, body: bytes) -> Reply:
        """The truth, before any fault."""
        self.requests.append(request)
        if "Authorization" in request.headers and (request.host == self.cdn_host or request.scheme == "http"):
            self.leaks.append(request)
            return Reply(400, b"credentials do not belong here")
        self.on_request(request)
        path = urlsplit(request.path).path
        if path == "/token":
            return self.desk.answer(request.method, request.path, request.headers.get("Authorization"), body)
        if path.startswith(_STORE):
            content = self.registry.blob(f"sha256:{path.split('/')[-2]}")
            return _error(404, "BLOB_UNKNOWN") if content is None else Reply(200, content, {"Content-Type": "application/octet-stream"})
        return self._hub(request) or self._registry_api(request, path)

    def _hub(self, request: Request) -> Reply | None:
        reply = self.hub.answer(request.method, request.path, request.headers)
        if reply is None:
            return None
        rate = self.hub_rate
        if not rate.take():
            reply = Reply(429, b"Too Many Requests", {"Retry-After": str(max(1, round(rate.until - time.time())))})
        limits = {"Limit": rate.limit, "Remaining": rate.remaining, "Reset": round(rate.until)}
        return reply._replace(headers={**reply.headers, **{f"X-RateLimit-{name}": str(value) for name, value in limits.items()}})

    def _registry_api(self, request: Request, path: str) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return _error(405, "UNSUPPORTED")
        if path == "/v2/":
            return json_reply(200, {}) if self.desk.holds(_bearer(request)) else self._challenge(request)
        match = re.fullmatch(r"/v2/(.+)/(tags|manifests|blobs)/([^/]+)", path)
        if match is None:
            return Reply(404, b"404 page not found")
        repository, kind, reference = match.groups()
        if not self.desk.allows(_bearer(request), repository, "pull"):
            return self._challenge(request, f"repository:{repository}:pull")
        if kind == "blobs":
            return self._blob(reference)
        return self._tags(repository, request.path) if kind == "tags" else self._manifest(request)

    def _challenge(self, request: Request, scope: str | None = None) -> Reply:
        """401 and where to get a token, and what was wrong with the one that was sent."""
        token = _bearer(request)
        cells = {
            "realm": self.realm,
            "service": None if self.leave_out_service else self.desk.service,
            "scope": scope,
            "error": None if not token else "insufficient_scope" if self.desk.holds(token) else "invalid_token",
        }
        challenge = "Bearer " + ",".join(f'{name}="{value}"' for name, value in cells.items() if value)
        return _error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})

    def _may(self, user: str | None, repository: str, action: str) -> bool:
        """The Hub grants nothing on what does not exist: nobody can tell it from what is private."""
        known = self.registry.has(repository) or not self.hides_unknown
        return known and (user is not None or (action == "pull" and repository not in self.private))

    def _tags(self, repository: str, target: str) -> Reply:
        """Sorted and paged, which Debian's registry leaves out."""
        reply = self.registry.forward("GET", f"/v2/{repository}/tags/list")
        if reply.status != 200:
            return _passed_on(reply)
        tags = json.loads(reply.body)["tags"]
        if tags is None:
            return _passed_on(reply)
        query = parse_qs(urlsplit(target).query)
        wish = query.get("n", [str(self.page_default)])[0]
        if not wish.isdecimal():
            return _error(400, "PAGINATION_NUMBER_INVALID")
        size, last = min(int(wish), self.page_cap), query.get("last", [""])[0]
        names = sorted(name for name in tags if name > last)
        page = names[:size]
        following = urlencode({"last": page[-1], "n": size}) if len(names) > size > 0 else None
        link = {"Link": f'</v2/{repository}/tags/list?{following}>; rel="next"'} if following else {}
        return json_reply(200, {"name": repository, "tags": page}, link)

    def _manifest(self, request: Request) -> Reply:
        """From the real registry, content negotiation included. A GET is a pull and counts; a HEAD does not."""
        rate = self.pull_rate
        allowed = request.method == "HEAD" or rate.take()
        limits = {
            "ratelimit-limit": f"{rate.limit};w={rate.window:.0f}",
            "ratelimit-remaining": f"{rate.remaining};w={rate.window:.0f}",
            "docker-ratelimit-source": "127.0.0.1",
        }
        if not allowed:
            return _error(429, "TOOMANYREQUESTS", limits, "You have reached your unauthenticated pull rate limit.")
        sent = {name: request.headers[name] for name in ("Accept", "If-None-Match") if name in request.headers}
        reply = _passed_on(self.registry.forward(request.method, request.path, headers=sent))
        return reply._replace(headers={**reply.headers, **limits})

    def _blob(self, digest: str) -> Reply:
        if self.registry.blob(digest) is None:
            return _error(404, "BLOB_UNKNOWN")
        algorithm, _, value = digest.partition(":")
        location = f"https://{self.cdn_host}{_STORE}/{algorithm}/{value[:2]}/{value}/data?expires=1893456000&signature=test"
        return Reply(307, b"", {"Location": location})


@dataclass
class _Planned:
    part: str
    faults: list[Fault]
    stay: bool


def _bearer(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def _passed_on(reply: Reply) -> Reply:
    return reply._replace(headers={name: value for name, value in reply.headers.items() if name.title() in _PASSED_ON})


def _error(status: int, code: str, headers: Mapping[str, str] | None = None, message: str = "") -> Reply:
    return json_reply(status, {"errors": [{"code": code, "message": message or code.lower(), "detail": None}]}, headers)


def _handler_of(front: Front) -> type[Handler]:
    class FrontHandler(Handler):
        def respond(self, body: bytes) -> None:
            headers = {name.title(): ", ".join(self.headers.get_all(name, ())) for name in self.headers}
            scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
            request = Request(self.command, headers.get("Host", ""), self.path, headers, time.monotonic(), scheme)
            with front.counted():
                front.server.rest(front.latency)
                reply, fault = front.answer(request, body), front.next_fault(self.path)
                if fault is None:
                    self.send(reply)
                else:
                    self._misbehave(fault, reply)

        def _misbehave(self, fault: Fault, truth: Reply) -> None:
            front.server.rest(fault.delay)
            if fault.reset:
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            reply = fault.over(truth)
            self.close_connection = fault.breaks_off
            self.begin(reply, fault.length or (len(reply.body) if fault.repeat == 1 else None))
            if self.command != "HEAD":
                for part in _parts(fault, reply.body):
                    front.server.rest(fault.drip)
                    self.wfile.write(part)
                    self.wfile.flush()

    return FrontHandler


def _parts(fault: Fault, body: bytes) -> Iterator[bytes]:
    """What is sent at once: single bytes if they drip."""
    kept = body[: fault.cut]
    for _ in range(fault.repeat):
        yield from (kept[i : i + 1] for i in range(len(kept))) if fault.drip else (kept,)


@contextmanager
def serve_front(registry: RealRegistry, ca: trustme.CA) -> Iterator[Front]:
    """Docker Hub in front of *registry*, with a certificate by *ca*, until the block ends."""
    front = Front(registry, ca)
    with running(front.server):
        yield front
