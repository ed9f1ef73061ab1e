"""Docker Hub's API as the client reads it: whole, once, in few requests, and never believed further than it goes."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests

import registry.hub as registry_hub
from registry.front import Fault, Front, Request
from registry.real_registry import RealRegistry
from registry.serving import Reply
from tfcompat.errors import CouldNotCheck
from tfcompat.registry.hub import Hub
from tfcompat.registry.listings import known_listing
from tfcompat.registry.records import Listing
from tfcompat.registry.store import Store
from tfcompat.registry.transport import Transport

REPOSITORY = "tensorflow/tensorflow"
CALM = threading.Lock()
TAGS = "/v2/namespaces/tensorflow/repositories/tensorflow/tags"


class Client:
    """A Hub client with its cache, its patience and what it reported; ``waits`` are not waited."""

    def __init__(self, front: Front, cache: Path) -> None:
        self.front = front
        self.cache = cache
        self.waits: list[float] = []
        self.progress: list[tuple[int, int | None]] = []
        self.asked = 0
        self.store = Store(cache)

    def hub(self, transport: Transport, fresh: int = 0) -> Hub:
        return Hub(self.front.url, transport, self.store, time.time, fresh)

    def transport(self) -> Transport:
        return Transport(self.store.pages, timeout=5, sleep=self.waits.append)

    def sync(self, fresh: int = 0, repository: str = REPOSITORY) -> Listing:
        found = self.look(fresh, repository)
        assert found is not None
        return found

    def look(self, fresh: int = 0, repository: str = REPOSITORY) -> Listing | None:
        self.progress, before = [], len(self.front.requests)
        with self.transport() as transport:
            found = self.hub(transport, fresh).fetch_tags(repository, lambda done, total: self.progress.append((done, total)))
        self.asked = len(self.front.requests) - before
        return found

    def tag(self, name: str, repository: str = REPOSITORY) -> Any:
        with self.transport() as transport:
            return self.hub(transport).fetch_tag(repository, name)

    def kept(self) -> Listing | None:
        return known_listing(self.store, self.front.url, REPOSITORY)

    def files(self) -> dict[str, bytes]:
        """Everything in the cache."""
        return {str(path.relative_to(self.cache)): path.read_bytes() for path in sorted(self.cache.rglob("*")) if path.is_file()}


@pytest.fixture
def client(front: Front, ca_bundle: Path, tmp_path: Path) -> Client:
    return Client(front, tmp_path / "cache")


@pytest.fixture
def fill(front: Front, registry: RealRegistry) -> Callable[[int], list[str]]:
    """Push so many tags, a second apart in 2024, the first one newest."""

    def make(count: int) -> list[str]:
        registry.push_image(REPOSITORY, "t0000")
        names = [f"t{i:04}" for i in range(count)]
        registry.spread_tags(REPOSITORY, "t0000", names[1:])
        for i, name in enumerate(names):
            front.touch(REPOSITORY, name, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_720_000_000 - i)))
        return names

    return make


@pytest.fixture(autouse=True)
def _calm(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is made while a tag is pushed or dropped: half of a change is no answer of Docker Hub's."""
    answer = front.hub.answer

    def calmly(method: str, target: str, headers: Mapping[str, str]) -> Reply | None:
        with CALM:
            return answer(method, target, headers)

    monkeypatch.setattr(front.hub, "answer", calmly)


@pytest.fixture(autouse=True)
def _no_leaks(front: Front) -> Iterator[None]:
    """Nothing is ever authorized here."""
    yield
    assert front.leaks == []
    assert not any("Authorization" in sent.headers for sent in front.requests)


Fill = Callable[[int], list[str]]


def names(listing: Listing) -> list[str]:
    return sorted(tag.name for tag in listing.tags)


def page(front: Front, number: int = 1) -> dict[str, Any]:
    """The true page as the client asks for it."""
    found = requests.get(f"{front.url}{TAGS}?page_size=100&page={number}&ordering=last_updated").json()
    assert isinstance(found, dict)
    return found


def once(part: str, act: Callable[[], object]) -> Callable[[Request], None]:
    """Act before the first request with *part* in its address is answered."""
    left = [act]

    def on_request(request: Request) -> None:
        if part in request.path:
            with CALM:
                for do in left:
                    do()
                left.clear()

    return on_request


# -- the whole list ------------------------------------------------------------------------------


def test_every_page_is_read_once_at_most_four_at_a_time(client: Client, front: Front, fill: Fill) -> None:
    wanted, front.latency = fill(950), 0.02
    found = client.sync()
    assert names(found) == wanted
    assert found.complete
    assert found.source == front.url
    assert sorted(request.path for request in front.requests) == sorted(
        f"{TAGS}?page_size=100&page={number}&ordering=last_updated" for number in range(1, 11)
    )
    assert 1 < front.busiest <= 4
    assert client.kept() == found


def test_eight_thousand_tags_cost_eighty_requests_and_then_one(client: Client, front: Front, registry: RealRegistry) -> None:
    registry.push_image(REPOSITORY, "t0000")
    registry.spread_tags(REPOSITORY, "t0000", [f"t{i:04}" for i in range(1, 8000)])
    started = time.monotonic()
    assert len(client.sync().tags) == 8000
    assert client.asked == 80
    assert time.monotonic() - started < 30
    counts = [done for done, _ in client.progress]
    assert counts == sorted(counts)
    assert client.progress[-1] == (8000, 8000)
    assert all(total is not None and done <= total for done, total in client.progress)
    assert len(client.sync().tags) == 8000
    assert client.asked == 1
    assert client.progress[-1] == (8000, 8000)


def test_the_page_size_is_the_servers(client: Client, front: Front, fill: Fill) -> None:
    wanted, front.hub.page_size = fill(60), 25
    assert names(client.sync()) == wanted
    assert client.asked == 3


@pytest.mark.parametrize("count", [1, 99, 100, 101])
def test_no_page_is_asked_for_in_vain(client: Client, fill: Fill, count: int) -> None:
    wanted = fill(count)
    assert names(client.sync()) == wanted
    assert client.asked == 1 + (count > 100)


def test_what_an_entry_tells(client: Client, front: Front, registry: RealRegistry) -> None:
    platforms = {"linux/amd64": "amd64", "linux/arm64/v8": "arm64", "linux/arm/v7": "arm"}
    images = {name: registry.push_image(REPOSITORY, None, architecture=short) for name, short in platforms.items()}
    digest = registry.push_list(REPOSITORY, "list", images, media="oci", attestation=True)
    single = registry.push_image(REPOSITORY, "single")
    front.touch(REPOSITORY, "list", "2024-03-06T18:53:45.226Z")
    tags = {tag.name: tag for tag in client.sync().tags}
    assert tags["list"].digest == digest
    assert tags["list"].platforms == {name.removesuffix("/v8"): value for name, value in images.items()}  # and no unknown/unknown
    assert tags["list"].updated == "2024-03-06T18:53:45.226000000Z"
    assert tags["list"].size == len(b"a layer")
    assert (tags["single"].digest, tags["single"].platforms) == (single, {"linux/amd64": single})
    assert client.tag("list") == tags["list"]


def test_entries_of_before_2020_have_no_digests(client: Client, front: Front, fill: Fill) -> None:
    fill(3)
    front.age(REPOSITORY, "t0001")
    old = next(tag for tag in client.sync().tags if tag.name == "t0001")
    assert (old.digest, old.platforms) == (None, {"linux/amd64": None})
    assert old.updated is not None
    assert client.tag("t0001") == old
    assert client.sync().complete
    assert client.asked == 1


def test_times_are_in_order_whatever_their_digits(client: Client, front: Front, registry: RealRegistry) -> None:
    registry.push_image(REPOSITORY, "t0")
    registry.spread_tags(REPOSITORY, "t0", [f"t{digits}" for digits in range(1, 10)])
    for digits in range(10):  # ...45Z, ...45.1Z, ...45.12Z and so on: each a little later
        front.touch(REPOSITORY, f"t{digits}", f"2024-03-06T18:53:45{'.' if digits else ''}{'123456789'[:digits]}Z")
    front.hub.page_size = 2
    found = client.sync()
    assert [tag.name for tag in sorted(found.tags, key=lambda t: t.updated or "")] == [f"t{digits}" for digits in range(10)]
    assert {len(tag.updated or "") for tag in found.tags} == {30}
    client.sync()
    assert client.asked == 1


@pytest.mark.parametrize("when", [None, "yesterday", "2024-03-06 18:53:45", ""])
def test_a_time_that_is_none_is_not_known(client: Client, front: Front, fill: Fill, when: str | None) -> None:
    fill(3)
    front.touch(REPOSITORY, "t0002", when)
    assert {tag.name: tag.updated for tag in client.sync().tags}["t0002"] is None
    assert names(client.sync()) == ["t0000", "t0001", "t0002"]


def test_cells_of_another_type_are_not_known(client: Client, front: Front, fill: Fill) -> None:
    fill(1)
    strange = {
        "last_updated": 7, "tag_last_pushed": ["x"], "full_size": "big", "digest": "sha256:12",
        "images": [7, {"architecture": 7}, {"architecture": "\x1b[31m"}, {"architecture": "amd64", "digest": 7, "variant": 7}],
    }  # fmt: skip
    rows = [{"name": "a", **strange}, {"name": "b", "images": 7, "full_size": 10**400}, {"name": "c", "images": None, "full_size": -1}]
    front.fault("/tags", Fault(body=json.dumps({"count": 3, "next": None, "results": rows}).encode()))
    found = {tag.name: tag for tag in client.sync().tags}
    assert list(found) == ["a", "b", "c"]
    assert {(tag.digest, tag.size, tag.updated) for tag in found.values()} == {(None, None, None)}
    assert dict(found["a"].platforms) == {"linux/7": None, "linux/amd64/7": None}
    assert client.kept() is not None


# -- tags that move while they are read ----------------------------------------------------------


@pytest.mark.parametrize("event", ["added", "moved", "deleted", "deleted and added"])
def test_what_happens_between_two_pages_hides_no_tag(client: Client, front: Front, registry: RealRegistry, fill: Fill, event: str) -> None:
    wanted = set(fill(500))
    front.latency = 0.01

    def act() -> None:
        if "deleted" in event:
            registry.drop_tag(REPOSITORY, "t0003")  # from the page that was read already
        if "added" in event:
            registry.spread_tags(REPOSITORY, "t0000", ["new"])
        if event == "moved":
            front.touch(REPOSITORY, "t0490", "2030-01-01T00:00:00Z")  # from the last page to the first

    front.on_request = once("page=2", act)
    found = client.sync()
    assert found.complete
    assert set(names(found)) >= wanted - {"t0003"}
    assert len(names(found)) == len(set(names(found)))
    truth = sorted(registry.pushes(REPOSITORY))
    assert names(client.sync()) == truth


@pytest.mark.parametrize("seed", range(8))
def test_no_disturbance_makes_a_tag_vanish(client: Client, front: Front, registry: RealRegistry, fill: Fill, seed: int) -> None:
    """A listing that calls itself complete holds every tag that stood still, whatever others did meanwhile."""
    dice = random.Random(seed)
    tags = fill(60)
    still = set(dice.sample(tags, 40))
    others = [name for name in tags if name not in still]
    front.hub.page_size = dice.choice([3, 7, 10])

    def disturb(_: Request) -> None:
        with CALM:
            for _time in range(dice.choice([0, 0, 1, 2])):
                name = dice.choice(others)
                kind = dice.choice(["push", "touch", "drop"])
                if kind == "drop" and registry.digest(REPOSITORY, name):
                    registry.drop_tag(REPOSITORY, name)
                elif kind == "push" and not registry.digest(REPOSITORY, name):
                    registry.spread_tags(REPOSITORY, "t0000" if registry.digest(REPOSITORY, "t0000") else min(still), [name])
                front.touch(REPOSITORY, name, f"2025-01-01T00:00:{len(front.requests) % 60:02}.{len(front.requests):06}Z")

    for _ in range(3):
        front.on_request = disturb
        found = client.sync()
        assert not found.complete or set(names(found)) >= still
        front.on_request = lambda _: None
        calm = client.sync()
        assert calm.complete
        assert names(calm) == sorted(registry.pushes(REPOSITORY))


@pytest.mark.parametrize("count", [3, 7, 250])
def test_a_count_that_is_never_reached_is_no_complete_list(client: Client, front: Front, fill: Fill, count: int) -> None:
    fill(2)
    truth = page(front)
    front.fault("/tags", Fault(body=json.dumps({**truth, "count": count}).encode()), stay=True)
    found = client.sync()
    assert names(found) == ["t0000", "t0001"]
    assert not found.complete
    assert client.asked == 2  # and not one for each page that the count promises
    assert client.kept() is None
    assert [done for done, _ in client.progress] == [2, 2]


def test_an_incomplete_list_replaces_no_complete_one(client: Client, front: Front, fill: Fill) -> None:
    fill(2)
    whole = client.sync()
    front.fault(
        "/tags", Fault(body=json.dumps({**page(front), "count": 9}).encode()), Fault(body=json.dumps({**page(front), "count": 9}).encode())
    )
    assert not client.sync(fresh=0).complete
    assert client.kept() == whole
    assert client.sync(fresh=300) == whole
    assert client.asked == 0


def test_a_count_that_is_too_low_hides_nothing(client: Client, front: Front, fill: Fill) -> None:
    wanted = fill(150)
    front.fault("page=1&", Fault(body=json.dumps({**page(front), "count": 120}).encode()))
    assert names(client.sync()) == wanted


def test_progress_does_not_go_back_in_a_second_pass(client: Client, front: Front, fill: Fill) -> None:
    fill(350)
    front.fault("page=1&", Fault(body=json.dumps({**page(front), "count": 351}).encode()))
    assert client.sync().complete
    assert client.asked == 8
    counts = [done for done, _ in client.progress]
    assert counts == sorted(counts)
    assert client.progress[-1] == (350, 350)


# -- afterwards, only what changed ---------------------------------------------------------------


def test_a_quiet_repository_costs_one_request(client: Client, fill: Fill) -> None:
    fill(350)
    first = client.sync()
    assert client.asked == 4
    again = client.sync()
    assert client.asked == 1
    assert again.tags == first.tags


@pytest.mark.parametrize(("added", "cost"), [(1, 1), (99, 1), (100, 2), (130, 2)])
def test_new_tags_cost_the_pages_they_fill(client: Client, front: Front, registry: RealRegistry, fill: Fill, added: int, cost: int) -> None:
    wanted = fill(350)
    client.sync()
    new = [f"u{i:04}" for i in range(added)]
    registry.spread_tags(REPOSITORY, "t0000", new)  # as of now
    assert names(client.sync()) == sorted([*wanted, *new])
    assert client.asked == cost


def test_a_tag_that_moved_has_its_new_digest(client: Client, front: Front, registry: RealRegistry, fill: Fill) -> None:
    fill(350)
    before = {tag.name: tag.digest for tag in client.sync().tags}
    digest = registry.push_image(REPOSITORY, "t0349", env=["A=1"])
    front.touch(REPOSITORY, "t0349", "2030-01-01T00:00:00Z")
    after = {tag.name: tag.digest for tag in client.sync().tags}
    assert client.asked == 1
    assert after.pop("t0349") == digest != before.pop("t0349")
    assert after == before


@pytest.mark.parametrize(
    ("gone", "new", "cost"),
    [
        (["t0001"], [], 1),  # among the newest: the page that shows what changed shows this
        (["t0300"], [], 4),
        (["t0300"], ["new"], 4),  # the count is the same, and would be one more
        (["t0300", "t0200"], ["new"], 4),
        (["t0001"], ["new"], 1),
        (["t0001", "t0300"], ["a", "b"], 4),
    ],
)
def test_what_was_deleted_and_added_between_two_looks(
    client: Client, registry: RealRegistry, fill: Fill, gone: list[str], new: list[str], cost: int
) -> None:
    wanted = fill(350)
    client.sync()
    for name in gone:
        registry.drop_tag(REPOSITORY, name)
    if new:
        registry.spread_tags(REPOSITORY, "t0000", new)
    found = client.sync()
    assert names(found) == sorted({*wanted, *new} - {*gone})
    assert found.complete
    assert client.asked == cost


def test_what_is_deleted_while_the_news_are_read_hides_no_tag(client: Client, front: Front, registry: RealRegistry, fill: Fill) -> None:
    wanted = fill(350)
    client.sync()
    registry.spread_tags(REPOSITORY, "t0000", [f"u{i:04}" for i in range(120)])
    front.on_request = once("page=2", lambda: registry.drop_tag(REPOSITORY, "u0005"))
    assert set(names(client.sync())) >= {*wanted}
    front.on_request = lambda _: None
    assert names(client.sync()) == sorted(registry.pushes(REPOSITORY))


@pytest.mark.parametrize("times", ["all the same", "none", "their own"])
def test_an_order_that_is_not_the_one_asked_for_is_not_relied_upon(
    client: Client, front: Front, registry: RealRegistry, fill: Fill, monkeypatch: pytest.MonkeyPatch, times: str
) -> None:
    monkeypatch.setattr(registry_hub, "_ordered", lambda dates, ordering: sorted(dates, reverse=times == "their own"))
    wanted = fill(250)
    when = {"all the same": "2024-01-01T00:00:00Z", "none": None}
    if times in when:
        for name in wanted:
            front.touch(REPOSITORY, name, when[times])
    client.sync()
    registry.drop_tag(REPOSITORY, "t0120")
    registry.spread_tags(REPOSITORY, "t0000", ["t0111a"])
    if times in when:
        front.touch(REPOSITORY, "t0111a", when[times])
    digest = registry.push_image(REPOSITORY, "t0115", env=["A=1"])
    found = client.sync()
    assert names(found) == sorted({*wanted, "t0111a"} - {"t0120"})
    assert {tag.name: tag.digest for tag in found.tags}["t0115"] == digest


def test_a_fresh_list_asks_nobody(client: Client, registry: RealRegistry, fill: Fill) -> None:
    fill(3)
    found = client.sync()
    registry.drop_tag(REPOSITORY, "t0002")
    assert client.sync(fresh=300) == found
    assert client.asked == 0
    assert names(client.sync(fresh=0)) == ["t0000", "t0001"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff", b"[]", b"null", b'{"version": 2}', b'{"version": 1, "asked": "x", "tags": 7}', b'{"version": 1, "tags": []}',
        b'{"version": 1, "asked": "x", "tags": [[7]]}', b'{"version": 1, "asked": "x", "tags": [["a", null, 7, null, null]]}',
        b'{"version": 1, "asked": "x", "tags": [["a", null, {}, null, 7]]}', b'{"version": 1, "asked": "x", "tags": [["\\u001b[31m"]]}',
    ],
)  # fmt: skip
def test_a_damaged_list_on_disk_counts_for_nothing(client: Client, fill: Fill, content: bytes) -> None:
    wanted = fill(2)
    client.sync()
    (file,) = (client.cache / "listings").rglob("*.json")
    file.write_bytes(content)
    assert names(client.sync(fresh=300)) == wanted
    assert client.asked == 1


def test_pages_with_an_etag_are_confirmed(client: Client, front: Front, registry: RealRegistry, fill: Fill) -> None:
    wanted, front.etags = fill(250), True
    client.sync()
    for file in (client.cache / "listings").rglob("*.json"):
        file.unlink()
    assert names(client.sync()) == wanted
    assert sum("If-None-Match" in request.headers for request in front.requests) == 3
    registry.drop_tag(REPOSITORY, "t0240")
    assert names(client.sync()) == sorted({*wanted} - {"t0240"})


# -- what is not there, and answers that are none ------------------------------------------------


def test_what_docker_hub_denies_is_not_there(client: Client, front: Front, fill: Fill) -> None:
    fill(2)
    front.private.add("mine/secret")
    assert client.tag("nope") is None
    assert client.tag("nope", "no/such") is None
    assert client.look(repository="no/such") is None
    assert client.look(repository="mine/secret") is None
    assert client.files() == {}


def test_a_tag_is_the_one_that_was_asked_for(client: Client, front: Front, fill: Fill) -> None:
    fill(2)
    other = requests.get(f"{front.url}{TAGS}/t0001").content
    front.fault("/tags/t0000", Fault(body=other))
    with pytest.raises(CouldNotCheck, match="answers for the tag t0000 with t0001"):
        client.tag("t0000")


OBJECT = "answers with something other than a JSON object"


STRANGE = {
    OBJECT: [
        *(Fault(status=404, body=body) for body in (b"<html>not found</html>", b"")),
        *(Fault(body=body) for body in (b"<html>200</html>", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000)),
        Fault(body=b'{"count": ' + b"9" * 5000 + b"}"),
    ],
    "with a 404 that is not Docker Hub's": [
        Fault(status=404, body=body) for body in (b"{}", b'{"error": "no route"}', b'{"errors": [{"code": "NAME_UNKNOWN"}]}')
    ],
    "with status 401": [Fault(status=401, body=b'{"message": "unauthorized"}')],
    "with status 403": [Fault(status=403, body=b"<html>")],
    "with status 204": [Fault(status=204)],
    "answers the list of tags with something else": [
        Fault(body=body)
        for body in (
            b"{}", b'{"count": 1}', b'{"results": []}', b'{"count": true, "results": []}', b'{"count": 1.5, "results": []}',
            b'{"count": "seven", "next": 7, "results": 7}', b'{"count": 1, "results": {"name": "a"}}',
        )
    ],
    "lists a tag without a name": [
        Fault(body=b'{"count": 1, "results": [%s]}' % row)
        for row in (b'"a"', b'{"name": 7}', b'{"name": ""}', b'{"name": "\\u001b[31mred"}', b'{"name": "\\ud800"}')
    ],
    "lists a page without tags, and more pages after it": [Fault(body=b'{"count": 1, "next": "x", "results": []}')],
}  # fmt: skip


@pytest.mark.parametrize("message", STRANGE)
def test_an_answer_of_another_kind_proves_nothing(client: Client, front: Front, fill: Fill, message: str) -> None:
    wanted, front.etags = fill(250), True
    listing = client.sync()
    files = client.files()
    (kept,) = (client.cache / "listings").rglob("*.json")
    content = kept.read_bytes()
    for fault, number in product(STRANGE[message], (1, 3)):
        kept.unlink()  # so that every page is asked for
        front.fault(f"page={number}&", fault)
        with pytest.raises(CouldNotCheck) as caught:
            client.sync()
        assert message in caught.value.message
        assert caught.value.message.startswith(front.host)
        assert client.kept() is None
        body = fault.body or b""
        assert len(body) < 8 or not any(body in found for name, found in client.files().items() if name not in files)
        kept.write_bytes(content)
    assert client.kept() == listing
    assert names(client.sync()) == wanted


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(status=429), Fault(cut=50), Fault(reset=True)], ids=["503", "429", "cut", "reset"]
)
def test_a_failure_on_any_page_keeps_nothing(client: Client, front: Front, fill: Fill, fault: Fault, number: int) -> None:
    fill(350)
    front.fault(f"page={number}&", fault, stay=True)
    with pytest.raises(CouldNotCheck, match="in 4 attempts"):
        client.sync()
    assert front.asked(f"page={number}&") == 4
    assert len(client.waits) == 3
    assert client.files() == {}


def test_the_list_of_before_outlives_a_failure(client: Client, front: Front, registry: RealRegistry, fill: Fill) -> None:
    fill(350)
    before = client.sync()
    files = client.files()
    registry.drop_tag(REPOSITORY, "t0300")
    front.fault("page=4&", Fault(body=b"{"), stay=True)
    with pytest.raises(CouldNotCheck):
        client.sync()
    assert client.files() == files
    assert client.kept() == before


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Fault(status=429, headers={"Retry-After": "7"}), (7, 7)),
        (Fault(status=429, headers={"X-Retry-After": "in 30 s"}), (5, 30)),
        (Fault(status=429), (0, 8)),
        (Fault(status=500), (0, 8)),
        (Fault(status=502, body=b"<html>"), (0, 8)),
        (Fault(status=503, headers={"Retry-After": "3"}), (3, 3)),
        (Fault(status=504), (0, 8)),
    ],
)
def test_what_passes_is_waited_for(client: Client, front: Front, fill: Fill, fault: Fault, wait: tuple[float, float]) -> None:
    wanted = fill(150)
    headers = {name: str(int(time.time()) + 30) if value == "in 30 s" else value for name, value in fault.headers.items()}
    front.fault("page=2", replace(fault, headers=headers))
    assert names(client.sync()) == wanted
    assert len(client.waits) == 1
    assert wait[0] <= client.waits[0] <= wait[1]


def test_a_long_wait_is_told_and_not_waited(client: Client, front: Front, fill: Fill) -> None:
    fill(2)
    front.fault("/tags", Fault(status=429, headers={"Retry-After": "3600"}, body=b"Too Many Requests"))
    with pytest.raises(CouldNotCheck, match=r"asks to wait 3600 s: status 429 \(Too Many Requests\)"):
        client.sync()
    assert (client.waits, client.files()) == ([], {})


def test_next_leads_nowhere_else(client: Client, front: Front, fill: Fill) -> None:
    wanted = fill(250)
    elsewhere = f"https://{front.cdn_host}{TAGS}?page=2"
    front.fault("page=1&", Fault(body=json.dumps({**page(front), "next": elsewhere}).encode()))
    assert names(client.sync()) == wanted
    assert {request.host for request in front.requests} == {front.host}
