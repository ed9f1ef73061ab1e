"""A request is bounded in size, time and patience, and tells what went wrong; what authorizes stays where it belongs."""

from __future__ import annotations

import gzip
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from registry.faults import Fault
from registry.front import Front
from registry.real_registry import RealRegistry, serve_registry
from registry.serving import Handler, LoopbackServer, running
from tfcompat import __version__
from tfcompat.errors import CouldNotCheck
from tfcompat.registry import transport as module
from tfcompat.registry.addresses import host_of, join, origin
from tfcompat.registry.transport import Transport

REPOSITORY = "tensorflow/tensorflow"
TAGS = f"/v2/repositories/{REPOSITORY}/tags"
GOOD = Fault(body=b"good")
NETWORK = "check the network, the proxy and the address"
LATER = "try again later; 'docker login' raises the limit of most registries"

Open = Callable[..., Transport]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """One for all: what it holds matters little here."""
    with serve_registry(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """What was slept, in seconds."""
    return []


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def opened(waits: list[float]) -> Iterator[Open]:
    made: list[Transport] = []

    def opened(**options: Any) -> Transport:
        made.append(Transport(**{"timeout": 5, "sleep": waits.append, **options}))
        return made[-1]

    yield opened
    for transport in made:
        transport.close()


@pytest.fixture
def transport(opened: Open, ca_bundle: Path) -> Transport:
    return opened()


@pytest.fixture
def paging(opened: Open, ca_bundle: Path, cache: Path) -> Transport:
    """With a folder for pages."""
    return opened(cache=str(cache))


@pytest.fixture
def url(front: Front) -> str:
    """An address where only what a test plans is found."""
    return f"{front.url}/page"


def failure(transport: Transport, url: str, **how: Any) -> tuple[str, str]:
    with pytest.raises(CouldNotCheck) as caught:
        transport.fetch(url, **how)
    assert caught.value.exit_code == 3
    return caught.value.message, caught.value.hint


def kept(folder: Path) -> bytes:
    """All that is in any file below a folder, and the files' names."""
    return b"\n".join(bytes(file) + file.read_bytes() for file in folder.rglob("*") if file.is_file())


# -- what is sent --------------------------------------------------------------------------------


def test_an_answer_is_status_headers_body_and_address(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(status=418, body=b"tea", headers={"X-Pot": "short"}))
    answer = transport.fetch(url, {"Accept": "tea/green"}, "Bearer x")
    assert (answer.status, answer.headers["x-pot"], answer.body, answer.url) == (418, "short", b"tea", url)
    headers = front.requests[-1].headers
    assert (headers["Accept"], headers["Authorization"], headers["User-Agent"]) == ("tea/green", "Bearer x", f"tfcompat/{__version__}")


def test_a_head_has_no_body(front: Front, transport: Transport, registry: RealRegistry) -> None:
    registry.push_image(REPOSITORY, "1")
    answer = transport.fetch(front.url + TAGS, method="HEAD")
    assert (answer.status, answer.body, front.requests[-1].method) == (200, b"", "HEAD")
    assert int(answer.headers["Content-Length"]) > 0


def test_a_form_is_posted(front: Front, transport: Transport) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": front.desk.identity_token}
    assert transport.fetch(front.realm, method="POST", form=form).status == 200
    assert front.desk.requests[-1].fields["grant_type"] == ["refresh_token"]


def test_requests_are_counted_as_they_are_sent(front: Front, paging: Transport, url: str) -> None:
    front.fault("/page", Fault(status=500), Fault(redirect=url), Fault(body=b"x", headers={"ETag": '"1"'}))
    front.fault("/page", GOOD, stay=True)
    assert paging.requests == 0
    paging.fetch(url, page=True)
    paging.fetch(url)
    paging.fetch(url, page=True)
    assert paging.requests == len(front.requests) == 5


def test_threads_share_a_transport(front: Front, paging: Transport, registry: RealRegistry) -> None:
    registry.push_image(REPOSITORY, "1")
    front.etags = True
    addresses = [f"{front.url}{TAGS}?page_size={1 + i % 4}" for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(lambda address: paging.fetch(address, page=True).body, addresses))
    assert len(bodies) == 1
    assert paging.requests == len(front.requests) == 40


def test_offline_sends_nothing(front: Front, opened: Open, url: str) -> None:
    offline = opened(offline=True)
    assert failure(offline, url) == (f"{front.host} was not asked (--offline)", "leave --offline out")
    assert (offline.requests, front.requests) == (0, [])


@pytest.mark.parametrize("page", [False, True])
def test_cookies_are_not_kept(front: Front, paging: Transport, url: str, page: bool) -> None:
    front.fault("/page", Fault(body=b"x", headers={"Set-Cookie": "who=bob; Path=/"}), Fault(redirect=url), GOOD)
    for _ in range(2):
        paging.fetch(url, page=page)
    assert [request.path for request in front.requests if "Cookie" in request.headers] == []
    assert len(front.requests) == 3


@pytest.mark.parametrize("page", [False, True])
def test_a_netrc_is_not_used(
    front: Front, paging: Transport, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: bool
) -> None:
    for name in (".netrc", "_netrc", "named"):
        (tmp_path / name).write_text("machine 127.0.0.1 login bob password hunter2\nmachine localhost login bob password hunter2\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    front.fault("/page", Fault(redirect=f"https://{front.cdn_host}/page"), stay=False)
    front.fault("/page", GOOD, stay=True)
    for netrc in (str(tmp_path / "named"), None):
        if netrc:
            monkeypatch.setenv("NETRC", netrc)
        else:
            monkeypatch.delenv("NETRC")
        paging.fetch(url, page=page)
        paging.fetch(url, authorization="Bearer mine", page=page)
    assert [request.headers.get("Authorization") for request in front.requests] == [None, None, "Bearer mine", None, "Bearer mine"]
    assert front.leaks == []


# -- patience ------------------------------------------------------------------------------------


def in_seconds(seconds: float) -> str:
    return str(round(time.time() + seconds))


def in_date(seconds: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("Retry-After", lambda: "20", id="Retry-After in seconds"),
        pytest.param("Retry-After", lambda: in_date(20), id="Retry-After as a date"),
        pytest.param("X-Retry-After", lambda: in_seconds(20), id="X-Retry-After as unix time"),
        pytest.param("X-RateLimit-Reset", lambda: in_seconds(20), id="X-RateLimit-Reset as unix time"),
    ],
)
def test_as_long_is_waited_as_the_server_asks(
    front: Front, transport: Transport, url: str, waits: list[float], status: int, name: str, value: Callable[[], str]
) -> None:
    front.fault("/page", Fault(status=status, headers={name: value()}), GOOD)
    assert transport.fetch(url).body == b"good"
    assert [pytest.approx(20, abs=1.6)] == waits


@pytest.mark.parametrize("headers", [{"Retry-After": "0"}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, {"X-Retry-After": "1"}])
def test_a_time_that_is_over_is_not_waited_for(
    front: Front, transport: Transport, url: str, waits: list[float], headers: dict[str, str]
) -> None:
    front.fault("/page", Fault(status=429, headers=headers), GOOD)
    assert transport.fetch(url).body == b"good"
    assert waits == [0]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": "soon"},
        {"Retry-After": "-5"},
        {"Retry-After": "\u00b2"},
        {"Retry-After": "Wed, 21 Oct 2015 07:28:00 -0000"},
        {"Retry-After": "Wed, 21 Oct 9999 07:28:00 +99999999999999"},
        {"Retry-After": "Wed, 99 Oct 2015 07:28:00 GMT"},
        {"X-Retry-After": "\u00b2"},
        {"X-RateLimit-Reset": "tomorrow", "X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Reset": "\u00b2", "X-RateLimit-Remaining": "0"},
    ],
)
def test_what_is_no_time_is_not_heeded(front: Front, transport: Transport, url: str, waits: list[float], headers: dict[str, str]) -> None:
    front.fault("/page", Fault(status=429, headers=headers), GOOD)
    assert transport.fetch(url).body == b"good"
    assert [0.5 <= wait <= 1.5 for wait in waits] == [True]


@pytest.mark.parametrize(
    ("headers", "until"),
    [
        ({"Retry-After": "61"}, "61 s"),
        ({"Retry-After": "3600"}, "3600 s"),
        ({"Retry-After": "9" * 5000}, "for ever"),
        ({"X-Retry-After": "9" * 400}, "for ever"),
        ({"X-RateLimit-Reset": "9" * 400, "X-RateLimit-Remaining": "0"}, "for ever"),
    ],
)
def test_a_longer_wait_is_told(
    front: Front, transport: Transport, url: str, waits: list[float], headers: dict[str, str], until: str
) -> None:
    front.fault("/page", Fault(status=429, headers=headers, body=b"pull\n  limit"))
    assert failure(transport, url) == (f"{front.host} asks to wait {until}: status 429 (pull limit)", LATER)
    assert (waits, len(front.requests)) == ([], 1)


def test_a_longer_wait_of_a_failing_server_is_told(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(status=503, headers={"Retry-After": "90"}))
    assert failure(transport, url) == (f"{front.host} asks to wait 90 s: status 503", "try again later")


def test_where_nothing_is_left_the_next_request_waits(front: Front, transport: Transport, url: str, waits: list[float]) -> None:
    limits = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": in_seconds(20)}
    front.fault("/page", Fault(body=b"last", headers=limits), GOOD)
    assert transport.fetch(url).body == b"last"
    assert waits == []
    assert transport.fetch(url).body == b"good"
    assert [pytest.approx(20, abs=1.6)] == waits


@pytest.mark.parametrize("limits", [{"X-RateLimit-Remaining": "1"}, {"X-RateLimit-Reset": in_seconds(3600)}])
def test_there_is_no_waiting_where_something_is_left_or_for_an_hour(
    front: Front, transport: Transport, url: str, waits: list[float], limits: dict[str, str]
) -> None:
    limits = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": in_seconds(20), **limits}
    front.fault("/page", Fault(body=b"x", headers=limits), GOOD)
    assert [transport.fetch(url).body for _ in range(2)] == [b"x", b"good"]
    assert waits == []


@pytest.mark.parametrize("status", [304, 408, 429, 500, 502, 503, 504])
def test_a_failure_is_tried_again(front: Front, transport: Transport, url: str, waits: list[float], status: int) -> None:
    front.fault("/page", Fault(status=status), Fault(status=status), Fault(status=status), GOOD)
    assert transport.fetch(url).body == b"good"
    assert len(front.requests) == 4
    assert [0.5 <= wait <= 0.5 * 2**i + 1 for i, wait in enumerate(waits)] == [True] * 3


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 501])
def test_other_statuses_are_answers(front: Front, transport: Transport, url: str, status: int) -> None:
    front.fault("/page", Fault(status=status))
    assert (transport.fetch(url).status, len(front.requests)) == (status, 1)


def test_a_failure_for_ever_is_told_with_what_the_server_says(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(status=500, body=b"\x1b[31mout  of\r\n\xffdisks" + b"." * 300), stay=True)
    message, hint = failure(transport, f"{url}?signature=hidden")
    said = "[31mout of \N{REPLACEMENT CHARACTER}disks"
    assert message == f"{front.host} did not answer {url} in 4 attempts: status 500 ({said}{'.' * (200 - len(said))})"
    assert hint == NETWORK
    assert len(front.requests) == 4


def test_a_limit_for_ever_is_told_with_its_own_remedy(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(status=429, body=b"Too Many Requests"), stay=True)
    assert failure(transport, url) == (f"{front.host} did not answer {url} in 4 attempts: status 429 (Too Many Requests)", LATER)


@pytest.mark.parametrize(
    "how", [{"authorization": "Basic hunter2"}, {"method": "POST", "form": {"refresh_token": "hunter2"}}], ids=["basic", "form"]
)
def test_what_is_said_in_answer_to_credentials_is_not_repeated(front: Front, transport: Transport, url: str, how: dict[str, Any]) -> None:
    front.fault("/page", Fault(status=500, body=b"you sent hunter2"), stay=True)
    assert failure(transport, url, **how) == (f"{front.host} did not answer {url} in 4 attempts: status 500", NETWORK)


TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"echo Bearer {TOKEN}", ""),
        (f"token {TOKEN[10:30]} is bad", ""),
        ("pull rate limit reached", " (pull rate limit reached)"),
    ],
)
def test_a_token_that_comes_back_is_not_shown(front: Front, transport: Transport, url: str, said: str, shown: str) -> None:
    front.fault("/page", Fault(status=500, body=said.encode()), stay=True)
    message, _ = failure(transport, url, authorization=f"Bearer {TOKEN}")
    assert message == f"{front.host} did not answer {url} in 4 attempts: status 500{shown}"


# -- time and size -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [False, True])
def test_a_body_that_drips_is_left_at_the_time_limit(front: Front, opened: Open, ca_bundle: Path, cache: Path, page: bool) -> None:
    """Every byte comes in time, so that no timeout of a socket ends it."""
    front.fault("/page", Fault(body=b"x" * 1000, drip=0.02), GOOD)
    started = time.monotonic()
    assert opened(timeout=0.15, cache=str(cache)).fetch(f"{front.url}/page", page=page).body == b"good"
    assert 0.6 <= time.monotonic() - started < 3


def test_an_endless_drip_without_a_length_is_no_answer(
    front: Front, opened: Open, ca_bundle: Path, cache: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hanging up ends such a body as its sender would: it must not pass for whole."""
    monkeypatch.setattr(module, "_ATTEMPTS", 1)
    front.fault("/page", Fault(body=b"half", drip=0.02, repeat=10**6, headers={"ETag": '"1"'}), stay=True)
    message = f"{front.host} did not answer {url} in 1 attempts: the answer took longer than 0.6 s"
    assert failure(opened(timeout=0.15, cache=str(cache)), url, page=True) == (message, NETWORK)
    assert b"half" not in kept(cache)


def test_what_a_failing_server_says_may_drip_as_little(
    front: Front, opened: Open, ca_bundle: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ATTEMPTS", 1)
    front.fault("/page", Fault(status=500, body=b"x" * 300, drip=0.02))
    started = time.monotonic()
    assert "did not answer" in failure(opened(timeout=0.1), url)[0]
    assert time.monotonic() - started < 2


def test_a_first_byte_that_does_not_come_is_not_waited_for(front: Front, opened: Open, ca_bundle: Path, url: str) -> None:
    front.fault("/page", Fault(delay=3600), GOOD)
    assert opened(timeout=0.3).fetch(url).body == b"good"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(Fault(body=b"x" * 100, cut=20), "the answer broke off", id="cut"),
        pytest.param(Fault(body=b"x" * 100, length=10**12), "the answer broke off", id="a length that is not true"),
        pytest.param(Fault(reset=True), "the connection was closed without an answer", id="reset"),
    ],
)
def test_what_breaks_off_is_tried_again_and_then_told(
    front: Front, transport: Transport, url: str, waits: list[float], fault: Fault, reason: str
) -> None:
    front.fault("/page", fault, fault, fault, GOOD)
    assert transport.fetch(url).body == b"good"
    front.fault("/page", fault, stay=True)
    assert failure(transport, url) == (f"{front.host} did not answer {url} in 4 attempts: {reason}", NETWORK)
    assert (len(front.requests), len(waits)) == (8, 6)


def test_a_silent_server_is_told(front: Front, opened: Open, ca_bundle: Path, url: str) -> None:
    front.fault("/page", Fault(delay=3600), stay=True)
    assert failure(opened(timeout=0.2), url) == (f"{front.host} did not answer {url} in 4 attempts: no answer in time", NETWORK)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(body=b"x" * (1 << 20)), id="with its length"),
        pytest.param(Fault(body=b"x" * (1 << 16), repeat=10**9), id="without its length"),
        pytest.param(Fault(body=gzip.compress(b"\0" * (64 << 20)), headers={"Content-Encoding": "gzip"}), id="compressed"),
    ],
)
@pytest.mark.parametrize("page", [False, True])
def test_a_huge_body_is_left_at_the_limit(
    front: Front, paging: Transport, url: str, cache: Path, waits: list[float], fault: Fault, page: bool
) -> None:
    front.fault("/page", fault)
    message = f"{front.host} answers {url} with more than 256 kB"
    assert failure(paging, f"{url}?token=hidden", limit=256 << 10, page=page) == (message, "check the address")
    assert (waits, kept(cache)) == ([], b"")


def test_a_body_may_have_just_the_limit(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(body=b"x" * 1000))
    assert len(transport.fetch(url, limit=1000).body) == 1000


def test_a_body_that_cannot_be_decompressed_is_told(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(body=b"no zip", headers={"Content-Encoding": "gzip"}), stay=True)
    message, _ = failure(transport, url)
    assert message.startswith(f"{front.host} did not answer {url} in 4 attempts: ('Received response with content-encoding: gzip")


# -- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_keeps_the_authorization(front: Front, transport: Transport, url: str, status: int) -> None:
    front.fault("/page", Fault(redirect="/else?where", status=status))
    front.fault("/else", GOOD)
    answer = transport.fetch(url, authorization="Bearer x")
    assert (answer.body, answer.url) == (b"good", f"{front.url}/else?where")
    assert front.requests[-1].headers["Authorization"] == "Bearer x"


def test_another_host_gets_no_authorization_and_neither_does_the_way_back(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(redirect=f"https://{front.cdn_host}/cdn"))
    front.fault("/cdn", Fault(redirect=f"{front.url}/back"))
    front.fault("/back", GOOD)
    assert transport.fetch(url, authorization="Bearer x").body == b"good"
    assert [(request.path, request.headers.get("Authorization")) for request in front.requests] == [
        ("/page", "Bearer x"),
        ("/cdn", None),
        ("/back", None),
    ]
    assert front.leaks == []


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
def test_an_encrypted_connection_is_not_left_for_a_plain_one(front: Front, transport: Transport, scheme: str) -> None:
    url = f"{scheme}://{front.host}/page"
    front.fault("/page", Fault(redirect=f"{front.plain_url}/page?signature=hidden"))
    message = f"{front.host} redirects to {front.plain_url}/page, which is not encrypted"
    assert failure(transport, url, authorization="Bearer x") == (message, "name the registry's own address")
    assert (front.leaks, len(front.requests)) == ([], 1)


def test_a_scheme_in_capitals_is_the_same(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(redirect=f"HTTPS://{front.host}/else"))
    front.fault("/else", GOOD)
    assert transport.fetch(url, authorization="Bearer x").body == b"good"


def test_a_loop_ends(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(redirect=f"{url}?signature=hidden"), stay=True)
    assert failure(transport, url) == (f"{front.host} redirects {url} more than 5 times", "check the address")
    assert len(front.requests) == 6


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("ftp://files.test/x?y", "ftp://files.test/x"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://a.test:port/", "https://a.test:port/"),
        ("https://a.test:99999/", "https://a.test:99999/"),
        ("https://[", "https://["),
        ("ftp://\x1b[2J", "ftp://?[2J"),
        ("data:text/plain,x", "data:text/plain,x"),
    ],
)
def test_a_redirect_to_what_is_no_address_is_told(front: Front, transport: Transport, url: str, target: str, shown: str) -> None:
    front.fault("/page", Fault(redirect=target))
    assert failure(transport, url) == (f"{front.host} names an address that is none: {shown}", "check the address")


def test_the_body_of_a_redirect_is_bounded(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(redirect="/else", body=b"x" * (1 << 16), repeat=10**9))
    message = f"{front.host} answers {url} with more than 256 kB"
    assert failure(transport, url, limit=256 << 10) == (message, "check the address")


def test_a_redirect_to_nowhere_is_an_answer(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(status=302))
    assert transport.fetch(url).status == 302


def test_a_redirect_is_not_followed_where_credentials_are_in_the_form(front: Front, transport: Transport, url: str) -> None:
    front.fault("/page", Fault(redirect=f"https://{front.cdn_host}/cdn"))
    assert transport.fetch(url, method="POST", form={"refresh_token": "x"}, follow=False).status == 302
    assert front.asked("/cdn") == 0


def test_the_signature_of_an_address_is_not_shown(front: Front, transport: Transport, url: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        front.fault("/page", Fault(redirect=f"https://bob:hunter2@127.0.0.1:{port}/cdn?signature=hunter2"), stay=True)
        message, _ = failure(transport, url)
    assert message == f"{front.host} did not answer {url} in 4 attempts: the connection was refused"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://a.test/x", ("https", "a.test", 443)),
        ("HTTPS://A.test:443", ("https", "a.test", 443)),
        ("http://a.test", ("http", "a.test", 80)),
        ("https://u@a.test:5000", ("https", "a.test", 5000)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, found: tuple[str, str, int]) -> None:
    assert origin(url) == found


def test_addresses_are_shown_without_what_is_private_or_harmful() -> None:
    assert host_of("https://bob:hunter2@a.test:5000/x") == "a.test:5000"
    assert host_of("https://a\x1b[2J.test/") == "a?[2J.test"
    assert join("https://a.test/x/y", "../z?a=b") == "https://a.test/z?a=b"


# -- TLS, proxies, names -------------------------------------------------------------------------


def test_a_certificate_that_is_not_trusted_is_told(
    front: Front, transport: Transport, url: str, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    message = f"{front.host} has a certificate that is not trusted: unable to get local issuer certificate"
    assert failure(transport, url) == (message, "name your CA bundle in REQUESTS_CA_BUNDLE")
    assert (front.requests, waits) == ([], [])


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_is_respected(
    front: Front, transport: Transport, url: str, ca_bundle: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv(variable, str(ca_bundle))
    assert transport.fetch(url).status == 404


def test_a_ca_bundle_that_is_not_there_is_told(
    front: Front, transport: Transport, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "no.pem"))
    message, hint = failure(transport, url)
    bundle = f"Could not find a suitable TLS CA certificate bundle, invalid path: {tmp_path / 'no.pem'}"
    assert (message, hint) == (f"{front.host} could not be asked: {bundle}", "check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE")


def test_a_ca_bundle_that_is_none_is_told(
    front: Front, transport: Transport, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "no.pem"))
    message, hint = failure(transport, url)
    assert re.fullmatch(rf"{front.host} could not be \w+: .*NO_CERTIFICATE_OR_CRL_FOUND.*", message)
    assert "REQUESTS_CA_BUNDLE" in hint


def test_a_server_without_tls_is_told(transport: Transport, registry: RealRegistry) -> None:
    message = f"{registry.host} could not be reached: it does not speak TLS"
    assert failure(transport, f"https://{registry.host}/v2/") == (message, "check the address, the proxy and REQUESTS_CA_BUNDLE")


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{unused.getsockname()[1]}"


def test_a_refused_connection_is_told(transport: Transport, refusing: str, waits: list[float]) -> None:
    message = f"{refusing} did not answer http://{refusing}/v2/ in 4 attempts: the connection was refused"
    assert failure(transport, f"http://{refusing}/v2/") == (message, NETWORK)
    assert (transport.requests, len(waits)) == (4, 3)


def test_a_name_that_is_not_known_is_not_tried_again(transport: Transport, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failure(transport, "https://registry.invalid/v2/") == (
        "registry.invalid could not be reached: the name is not known",
        NETWORK,
    )
    assert waits == []


@pytest.mark.parametrize("url", ["https://exa mple.test/", "https://.test/", "ftp://a.test/"])
@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1"])
def test_what_is_no_address_is_told(
    transport: Transport, url: str, waits: list[float], monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """Nor is the proxy blamed for it."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    message, hint = failure(transport, url)
    assert message.startswith(f"{url} is not an address: ")
    assert (hint, waits) == ("check the address", [])


def test_a_name_that_is_too_long_is_no_address(transport: Transport) -> None:
    url = f"https://{'a' * 80}.test/"
    message, hint = failure(transport, url)
    assert (message.startswith(f"{url} is not an address: "), hint) == (True, "check the address")


def test_a_proxy_that_does_not_answer_is_told(
    front: Front, transport: Transport, url: str, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HTTPS_PROXY", f"http://bob:hunter2@{refusing}")
    assert failure(transport, url) == (f"{front.host} did not answer {url} in 4 attempts: the proxy did not answer", NETWORK)
    assert front.requests == []


@pytest.mark.parametrize(("status", "reason"), [(407, "the proxy wants credentials"), (403, "the proxy refused the connection")])
def test_a_proxy_that_refuses_is_told(
    front: Front, transport: Transport, url: str, monkeypatch: pytest.MonkeyPatch, status: int, reason: str
) -> None:
    class Gate(Handler):
        def do_CONNECT(self) -> None:  # noqa: N802
            self.send_error(status)

    with running(LoopbackServer(Gate)) as gate:
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("HTTPS_PROXY", f"http://bob:hunter2@127.0.0.1:{gate.port}")
        assert failure(transport, url) == (f"{front.host} did not answer {url} in 4 attempts: {reason}", NETWORK)


@pytest.mark.parametrize(
    "proxy", ["ftp://bob:hunter2@127.0.0.1:1", "http://bob:hunter2@ho st:1", "http://bob:hunter2@127.0.0.1:port", "socks5://127.0.0.1:1"]
)
def test_a_proxy_that_is_none_is_told(front: Front, transport: Transport, url: str, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    message, hint = failure(transport, url)
    assert message.startswith(f"{front.host} could not be asked through the proxy: ")
    assert hint == "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY"
    assert "hunter2" not in message


# -- pages ---------------------------------------------------------------------------------------


@pytest.fixture
def page(front: Front, registry: RealRegistry) -> str:
    """The address of a page with an ETag."""
    registry.push_image(REPOSITORY, "1")
    front.etags = True
    return front.url + TAGS


def conditions(front: Front) -> list[bool]:
    """Of each request, whether it asked for confirmation."""
    return ["If-None-Match" in request.headers for request in front.requests]


def test_a_page_is_used_again_when_the_server_confirms_it(front: Front, opened: Open, ca_bundle: Path, cache: Path, page: str) -> None:
    first, second = (opened(cache=str(cache)).fetch(page, page=True) for _ in range(2))
    assert (second.status, second.body) == (200, first.body)
    assert conditions(front) == [False, True]


def test_a_page_that_has_changed_is_read_again(front: Front, paging: Transport, page: str, registry: RealRegistry) -> None:
    first = paging.fetch(page, page=True)
    registry.spread_tags(REPOSITORY, "1", ["2"])
    second, third = (paging.fetch(page, page=True) for _ in range(2))
    assert first.body != second.body == third.body
    assert conditions(front) == [False, True, True]


def test_only_pages_are_kept(front: Front, paging: Transport, cache: Path, page: str) -> None:
    for _ in range(2):
        paging.fetch(page)
    assert (conditions(front), kept(cache)) == ([False, False], b"")


def test_without_a_folder_nothing_is_kept(front: Front, transport: Transport, page: str) -> None:
    for _ in range(2):
        transport.fetch(page, page=True)
    transport.forget_page(page)
    assert conditions(front) == [False, False]


def test_a_page_that_was_wrong_is_forgotten(front: Front, paging: Transport, page: str) -> None:
    first = paging.fetch(page, page=True)
    paging.forget_page(page)
    assert paging.fetch(page, page=True).body == first.body
    assert conditions(front) == [False, False]
    paging.forget_page(f"{page}?never=read")


def test_a_page_of_any_age_is_asked_for(front: Front, paging: Transport, url: str) -> None:
    cell = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": '"1"'}
    front.fault("/page", Fault(body=b"old", headers=cell), Fault(status=304), Fault(body=b"new", headers=cell))
    assert [paging.fetch(url, page=True).body for _ in range(3)] == [b"old", b"old", b"new"]
    assert conditions(front) == [False, True, True]


@pytest.mark.parametrize("status", [301, 308])
def test_a_redirect_is_not_remembered(front: Front, paging: Transport, url: str, cache: Path, status: int) -> None:
    front.fault("/page", Fault(redirect="/else?signature=hidden", status=status, headers={"ETag": '"1"'}), GOOD)
    front.fault("/else", GOOD)
    assert [paging.fetch(url, page=True).url for _ in range(2)] == [f"{front.url}/else?signature=hidden", url]
    assert b"hidden" not in kept(cache)


def test_a_body_that_broke_off_is_not_kept(front: Front, paging: Transport, url: str) -> None:
    front.fault("/page", Fault(body=b"x" * 100, cut=20, headers={"ETag": '"1"'}), GOOD)
    assert paging.fetch(url, page=True).body == b"good"
    assert conditions(front) == [False, False]


@pytest.mark.parametrize("varies", ["Authorization", "Accept, Authorization", "*", "Accept"])
def test_no_credential_is_left_on_disk(front: Front, paging: Transport, url: str, cache: Path, varies: str) -> None:
    front.fault("/page", Fault(body=b"a body", headers={"ETag": '"1"', "Vary": varies}), stay=True)
    for _ in range(2):
        assert paging.fetch(f"{url}?q=hunter2", authorization="Bearer hunter2", page=True).body == b"a body"
    assert conditions(front) == [False, varies == "Accept"]
    assert (b"a body" in kept(cache), b"hunter2" in kept(cache)) == (varies != "*", False)
    assert all(file.stat().st_mode & 0o077 == 0 for file in cache.rglob("*") if file.is_file() and file.suffix != ".lock")


@pytest.mark.parametrize("content", [b"", b"garbage", b"cc=4,", b"cc=4,\x07", b"cc=4,\x80", b"cc=4,\xff" * 9, b"cc=4,\x81\xa8response\x07"])
def test_a_damaged_file_is_not_there(front: Front, paging: Transport, cache: Path, page: str, content: bytes) -> None:
    first = paging.fetch(page, page=True)
    for file in cache.rglob("*"):
        if file.is_file():
            file.write_bytes(content)
    assert [paging.fetch(page, page=True).body for _ in range(2)] == [first.body] * 2
    assert conditions(front) == [False, False, True]


@pytest.mark.parametrize("kind", ["a file", "below a file", "not writable"])
def test_a_folder_that_cannot_be_used_costs_speed_only(
    front: Front, opened: Open, ca_bundle: Path, tmp_path: Path, page: str, kind: str
) -> None:
    folder = tmp_path / "folder"
    if kind == "not writable":
        folder = Path("/proc/nowhere")
    else:
        folder.write_text("a file")
        folder = folder / "below" if kind == "below a file" else folder
    paging = opened(cache=str(folder))
    assert len({paging.fetch(page, page=True).body for _ in range(2)}) == 1
    paging.forget_page(page)
    assert conditions(front) == [False, False]


def test_a_strange_date_is_no_crash(opened: Open, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Strange(Handler):
        def respond(self, body: bytes) -> None:
            self.send_response_only(200)
            for name, value in {"Date": "never", "ETag": '"1"', "Cache-Control": "max-age=never", "Content-Length": "4"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"good")

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running(LoopbackServer(Strange)) as server:
        paging = opened(cache=str(cache))
        assert [paging.fetch(f"http://127.0.0.1:{server.port}/", page=True).body for _ in range(2)] == [b"good"] * 2
