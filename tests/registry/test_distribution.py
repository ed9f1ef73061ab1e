"""Tags, digests, manifests and configs come from a real registry; what it does not say in its own words is no answer."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from registry.faults import Fault
from registry.front import Front, Request
from registry.images import Media, as_json, digest_of
from registry.real_registry import RealRegistry
from registry.tokens import basic
from tfcompat.errors import CouldNotCheck, RequestError
from tfcompat.registry import distribution as module
from tfcompat.registry.credentials import Credentials
from tfcompat.registry.distribution import Distribution
from tfcompat.registry.records import TagEntry
from tfcompat.registry.registries import Registries
from tfcompat.registry.settings import Settings
from tfcompat.registry.store import Store
from tfcompat.registry.transport import Transport

REPOSITORY = "tensorflow/tensorflow"
SECRET = "mine/secret"
TAGS = f"/v2/{REPOSITORY}/tags/list"
MANIFESTS = f"/v2/{REPOSITORY}/manifests/"
ADDRESS = "check the address of the registry"
LOGIN = "check the name; for a private one, log in with 'docker login'"
ABSENT = "sha256:" + "0" * 64
MEDIA: tuple[Media, ...] = ("docker", "oci")

Connect = Callable[..., Distribution]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The cache."""
    return tmp_path / "cache"


@pytest.fixture
def connect(folder: Path) -> Iterator[Connect]:
    made: list[Transport] = []

    def connect(base: str, credentials: Credentials | None = None, *, fresh: int = 0, now: Callable[[], float] = time.time) -> Distribution:
        store = Store(folder)
        made.append(Transport(store.pages, 5, lambda _: None))
        return Distribution(base, made[-1], store, lambda: credentials, now, fresh)

    yield connect
    for transport in made:
        transport.close()


@pytest.fixture
def client(front: Front, connect: Connect, ca_bundle: Path) -> Distribution:
    return connect(front.url)


@pytest.fixture
def image(registry: RealRegistry) -> str:
    return registry.push_image(REPOSITORY, "2.15.0-gpu", env=["CUDA_VERSION=12.2.2"], labels={"maintainer": "someone"}, history=["RUN pip"])


def failure(call: Callable[..., object], *arguments: Any) -> tuple[str, str]:
    with pytest.raises(CouldNotCheck) as caught:
        call(*arguments)
    assert caught.value.exit_code == 3
    return caught.value.message, caught.value.hint


def names(client: Distribution, path: str = REPOSITORY) -> list[str]:
    listing = client.fetch_tags(path)
    assert listing is not None
    return [tag.name for tag in listing.tags]


def kept(folder: Path) -> bytes:
    """All that is in any file below the folder, and the files' names."""
    return b"\n".join(bytes(file) + file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def content(folder: Path, digest: str) -> Path:
    """The file for what *digest* names."""
    return folder / "contents" / digest[7:9] / digest[7:]


def plant(front: Front, kind: str, document: Any) -> str:
    """Let the front serve something that no registry would have taken; gives its digest."""
    body = document if isinstance(document, bytes) else as_json(document)
    front.fault(f"/{kind}/{digest_of(body)}", Fault(body=body), stay=True)
    return digest_of(body)


# -- tags ----------------------------------------------------------------------------------------


def test_tags_are_names_only(front: Front, client: Distribution, image: str) -> None:
    listing = client.fetch_tags(REPOSITORY)
    assert listing is not None
    assert (listing.repository, listing.tags, listing.source, listing.complete) == (REPOSITORY, (TagEntry("2.15.0-gpu"),), front.url, True)
    assert listing.asked.startswith("20")
    assert front.leaks == []


def test_a_registry_that_asks_nobody_who_he_is(registry: RealRegistry, connect: Connect, image: str) -> None:
    """Without the front: what Debian's registry says itself."""
    registry.spread_tags(REPOSITORY, "2.15.0-gpu", ["b", "a"])
    assert sorted(names(connect(registry.url))) == ["2.15.0-gpu", "a", "b"]
    assert sorted(names(connect(registry.url + "/"))) == ["2.15.0-gpu", "a", "b"]
    assert connect(registry.url).fetch_tag(REPOSITORY, "a") == TagEntry("a", image, {"linux/amd64": image})
    assert connect(registry.url).fetch_tags("no/such") is None
    assert connect(registry.url).fetch_tag(REPOSITORY, "no") is None
    assert connect(registry.url).fetch_tag("no/such", "no") is None


def test_pages_are_followed(front: Front, client: Distribution, registry: RealRegistry, image: str) -> None:
    registry.spread_tags(REPOSITORY, "2.15.0-gpu", [f"2.{minor}.0" for minor in range(20)])
    front.page_cap = 5
    seen: list[tuple[int, int | None]] = []
    listing = client.fetch_tags(REPOSITORY, lambda done, total: seen.append((done, total)))
    assert listing is not None
    assert len({tag.name for tag in listing.tags}) == len(listing.tags) == 21
    assert seen == [(5, None), (10, None), (15, None), (20, None), (21, None)]
    assert front.asked(TAGS) == 6  # the first was answered by the challenge
    assert len(front.desk.requests) == 1


def test_eight_thousand_tags_take_seconds(front: Front, client: Distribution, registry: RealRegistry, image: str) -> None:
    registry.spread_tags(REPOSITORY, "2.15.0-gpu", [f"nightly-{i:05}" for i in range(7999)])
    started = time.monotonic()
    assert len(names(client)) == 8000
    assert front.asked(TAGS) == 9
    assert time.monotonic() - started < 10


def test_tags_come_in_the_order_of_the_registry_and_once(front: Front, client: Distribution) -> None:
    link = {"Link": f'<{TAGS}?last=b>; rel="next"'}
    front.fault("last=b", Fault(body=as_json({"tags": ["a", "c"]})))
    front.fault(TAGS, Fault(body=as_json({"tags": ["b", "a", "b"]}), headers=link))
    assert names(client) == ["b", "a", "c"]


@pytest.mark.parametrize(
    "link",
    [
        f"<{TAGS}?last=b>; rel=next",
        '<?last=b>; rel="next"',
        f'</v2/>; rel="prev", <{TAGS}?last=b>; rel="next"',
        "<https://{host}" + TAGS + '?last=b>; rel="next"',
        "<HTTPS://{host}" + TAGS + '?last=b>;rel="next"; title="x"',
    ],
)
def test_spellings_of_a_link(front: Front, client: Distribution, link: str) -> None:
    front.fault("last=b", Fault(body=as_json({"tags": ["c"]})))
    front.fault(TAGS, Fault(body=as_json({"tags": ["b"]}), headers={"Link": link.replace("{host}", front.host)}))
    assert names(client) == ["b", "c"]


@pytest.mark.parametrize("link", ["", "nonsense", "<>; rel=next", f'<{TAGS}>; rel="prev"', f"<{TAGS}>"])
def test_no_link_is_the_end(front: Front, client: Distribution, link: str) -> None:
    front.fault(TAGS, Fault(body=as_json({"tags": ["b"]}), headers={"Link": link}))
    assert names(client) == ["b"]


@pytest.mark.parametrize("body", [b'{"name": "x", "tags": null}', b'{"name": "x", "tags": []}'])
def test_a_repository_can_have_no_tags(front: Front, client: Distribution, body: bytes) -> None:
    front.fault(TAGS, Fault(body=body))
    assert names(client) == []


def test_a_repository_whose_last_tag_has_gone_has_none(client: Distribution, registry: RealRegistry, image: str) -> None:
    registry.drop_tag(REPOSITORY, "2.15.0-gpu")
    assert names(client) == []


def test_an_unknown_repository_is_none_where_the_registry_says_so(front: Front, client: Distribution) -> None:
    front.hides_unknown = False
    assert client.fetch_tags("no/such") is None
    assert client.fetch_tag("no/such", "1") is None


def test_an_unknown_repository_is_no_answer_where_the_registry_hides_it(front: Front, client: Distribution) -> None:
    assert failure(client.fetch_tags, "no/such") == (f"{front.host} does not let you read no/such (status 401)", LOGIN)


@pytest.mark.parametrize("target", ["https://localhost:1/v2/x", "http://{host}/v2/x", "//evil.test/v2/x"])
def test_a_link_to_another_host_is_not_followed(front: Front, client: Distribution, target: str) -> None:
    target = target.replace("{host}", front.host)
    front.fault(TAGS, Fault(body=as_json({"tags": ["b"]}), headers={"Link": f'<{target}>; rel="next"'}))
    other = target.split("/")[2]
    assert failure(client.fetch_tags, REPOSITORY) == (
        f"{front.host} links the rest of its tags to another host, {other}",
        "check the address",
    )
    assert len(front.requests) == 1


@pytest.mark.parametrize("target", ["https://[", "https://a.test:port/", "ftp://a.test/", "data:x"])
def test_a_link_that_is_none_is_told(front: Front, client: Distribution, target: str) -> None:
    front.fault(TAGS, Fault(body=as_json({"tags": ["b"]}), headers={"Link": f'<{target}>; rel="next"'}))
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} names an address that is none: {target}", "check the address")


@pytest.mark.parametrize("pages", [1, 2])
def test_a_circle_of_links_ends(front: Front, client: Distribution, pages: int) -> None:
    targets = [f'<{TAGS}?last={(number + 1) % pages}>; rel="next"' for number in range(pages)]
    faults = [Fault(body=as_json({"tags": ["b"]}), headers={"Link": target}) for target in targets]
    front.fault(TAGS, *faults * 3)
    message = f"{front.host} sends its list of tags round in a circle"
    assert failure(client.fetch_tags, REPOSITORY) == (message, "report this to whoever runs the registry")
    assert len(front.requests) == pages + 1


@pytest.mark.parametrize(("limit", "count"), [("_PAGES_LIMIT", 3), ("_TAGS_LIMIT", 4)])
def test_a_list_without_end_is_left(front: Front, client: Distribution, monkeypatch: pytest.MonkeyPatch, limit: str, count: int) -> None:
    monkeypatch.setattr(module, limit, 3)
    pages = [Fault(body=as_json({"tags": [f"t{i}"]}), headers={"Link": f'<{TAGS}?last={i}>; rel="next"'}) for i in range(9)]
    front.fault(TAGS, *pages)
    message = f"{front.host} lists the tags of {REPOSITORY} without end: {count} so far"
    assert failure(client.fetch_tags, REPOSITORY) == (message, "check the address")


@pytest.mark.parametrize("body", [b"<html>", b"", b"{", b"\xff", b"[" * 100_000])
def test_a_page_that_is_not_json_is_told_and_forgotten(front: Front, client: Distribution, body: bytes) -> None:
    front.fault(TAGS, Fault(body=body, headers={"ETag": '"1"'}), Fault(body=as_json({"tags": ["b"]})))
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} answers with something other than JSON", ADDRESS)
    assert names(client) == ["b"]
    assert "If-None-Match" not in front.requests[-1].headers


@pytest.mark.parametrize("page", [[], {}, "tags", 7, None, {"tags": {}}, {"tags": "x"}, {"tags": 7}, {"tags": ["a", 7]}, {"tags": [None]}])
def test_a_page_of_wrong_types_is_told_and_forgotten(front: Front, client: Distribution, page: Any) -> None:
    front.fault(TAGS, Fault(body=as_json(page), headers={"ETag": '"1"'}), Fault(body=as_json({"tags": ["b"]})))
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} answers the list of tags with something else", ADDRESS)
    assert names(client) == ["b"]
    assert "If-None-Match" not in front.requests[-1].headers


@pytest.mark.parametrize("name", ["../x", "a\x1b[2J", "", "-x", "x" * 129, "é", "\ud800", "a b"])
def test_a_name_that_no_tag_can_have_is_told(front: Front, client: Distribution, name: str) -> None:
    front.fault(TAGS, Fault(body=as_json({"tags": ["a", name]})))
    message, hint = failure(client.fetch_tags, REPOSITORY)
    assert (message, hint) == (f"{front.host} lists a tag with the name {ascii(name)[:80]}", ADDRESS)


def test_a_404_that_is_no_registrys_proves_nothing(front: Front, client: Distribution, image: str) -> None:
    front.fault("/v2/", Fault(status=404, body=b'{"message": "not found"}'), stay=True)
    for path, call in ((TAGS, lambda: client.fetch_tags(REPOSITORY)), (f"{MANIFESTS}1", lambda: client.fetch_digest(REPOSITORY, "1"))):
        assert failure(call) == (f"{front.host} answers {path} with a 404 that is no registry's", ADDRESS)


@pytest.mark.parametrize("errors", [None, [], [{}], [{"code": "UNAVAILABLE"}], "MANIFEST_UNKNOWN"])
def test_a_404_without_a_reason_proves_nothing(front: Front, client: Distribution, image: str, errors: Any) -> None:
    front.fault("/v2/", Fault(status=404, body=as_json({"errors": errors})), stay=True)
    assert failure(client.fetch_digest, REPOSITORY, "1") == (f"{front.host} answers {MANIFESTS}1 with a 404 that is no registry's", ADDRESS)


@pytest.mark.parametrize("status", [400, 405, 422])
def test_a_registry_that_allows_no_such_page_is_asked_for_its_own(front: Front, client: Distribution, image: str, status: int) -> None:
    front.fault("n=10000", Fault(status=status, body=b'{"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}'), stay=True)
    assert names(client) == ["2.15.0-gpu"]


def test_a_404_in_html_proves_nothing(front: Front, client: Distribution, image: str) -> None:
    front.fault("/v2/", Fault(status=404, body=b"<html>404"), stay=True)
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} answers with something other than JSON", ADDRESS)
    assert failure(client.fetch_digest, REPOSITORY, "1") == (f"{front.host} answers with something other than JSON", ADDRESS)


@pytest.mark.parametrize("status", [204, 304, 400, 405, 410, 418])
def test_other_statuses_are_told(front: Front, client: Distribution, status: int) -> None:
    front.fault(TAGS, Fault(status=status), stay=True)
    message, hint = failure(client.fetch_tags, REPOSITORY)
    if status == 304:
        assert message == f"{front.host} did not answer {front.url}{TAGS} in 4 attempts: status 304"
    else:
        assert (message, hint) == (f"{front.host} answers {TAGS} with status {status}", ADDRESS)


def test_a_fresh_listing_asks_nothing(front: Front, connect: Connect, ca_bundle: Path, registry: RealRegistry, image: str) -> None:
    clock = [1_700_000_000.0]
    client = connect(front.url, fresh=300, now=lambda: clock[0])
    first = client.fetch_tags(REPOSITORY)
    before = list(front.requests)
    registry.spread_tags(REPOSITORY, "2.15.0-gpu", ["new"])
    clock[0] += 299
    assert client.fetch_tags(REPOSITORY) == connect(front.url, fresh=300, now=lambda: clock[0]).fetch_tags(REPOSITORY) == first
    assert front.requests == before
    clock[0] += 1
    assert names(client) == ["2.15.0-gpu", "new"]
    assert names(connect(front.url)) == ["2.15.0-gpu", "new"]
    assert len(front.desk.requests) == 2


def test_listings_of_registries_and_repositories_are_apart(
    front: Front, connect: Connect, ca_bundle: Path, registry: RealRegistry, image: str
) -> None:
    for repository in ("a/b", "a.b", "a/b.c"):
        registry.push_image(repository, repository.replace("/", "-"))
    client = connect(front.url, fresh=300)
    assert [names(client, repository) for repository in ("a/b", "a.b", "a/b.c")] == [["a-b"], ["a.b"], ["a-b.c"]]
    assert connect(registry.url, fresh=300).fetch_tags("a/b") != client.fetch_tags("a/b")


# -- digests -------------------------------------------------------------------------------------


def test_a_digest_is_asked_for_by_head(front: Front, client: Distribution, image: str) -> None:
    assert client.fetch_digest(REPOSITORY, "2.15.0-gpu") == image
    manifests = [request for request in front.requests if MANIFESTS in request.path]
    assert [request.method for request in manifests] == ["HEAD", "HEAD"]
    assert manifests[1].headers["Accept"].count("application/vnd.") == 4
    assert front.pull_rate.used == 0


@pytest.mark.parametrize("said", ["", "sha256:abc", "sha512:" + "0" * 128, "sha256:" + "A" * 64])
def test_a_head_without_a_digest_is_followed_by_a_get(front: Front, client: Distribution, image: str, said: str) -> None:
    client.fetch_digest(REPOSITORY, "2.15.0-gpu")
    front.fault(MANIFESTS, Fault(headers={"Docker-Content-Digest": said}), stay=True)
    before = len(front.requests)
    assert client.fetch_tag(REPOSITORY, "2.15.0-gpu") == TagEntry("2.15.0-gpu", image, {"linux/amd64": image})
    asked = [(request.method, request.path) for request in front.requests[before:] if MANIFESTS in request.path]
    assert asked == [("HEAD", f"{MANIFESTS}2.15.0-gpu"), ("GET", f"{MANIFESTS}2.15.0-gpu")]


def test_a_tag_that_is_not_there_is_none(front: Front, client: Distribution, image: str) -> None:
    assert client.fetch_digest(REPOSITORY, "nope") is None
    assert client.fetch_tag(REPOSITORY, "nope") is None


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"schemaVersion": "2"}', b'"x"', b"7"])
def test_what_is_no_manifest_has_no_digest(front: Front, client: Distribution, folder: Path, body: bytes) -> None:
    """The answer of a login page, say, must not be pinned."""
    front.fault(MANIFESTS, Fault(body=body), stay=True)
    message = f"{front.host} answers for {REPOSITORY}:1 with something other than a manifest"
    assert failure(client.fetch_digest, REPOSITORY, "1") == (message, ADDRESS)
    assert kept(folder) == b""


def test_a_login_page_has_no_digest(front: Front, client: Distribution, folder: Path) -> None:
    front.fault(MANIFESTS, Fault(body=b"<html>"), stay=True)
    assert failure(client.fetch_digest, REPOSITORY, "1") == (f"{front.host} answers with something other than JSON", ADDRESS)
    assert kept(folder) == b""


# -- manifests and configs -----------------------------------------------------------------------


@pytest.mark.parametrize("media", MEDIA)
def test_an_image_is_what_was_pushed(front: Front, client: Distribution, registry: RealRegistry, media: Media) -> None:
    digest = registry.push_image(REPOSITORY, "1", env=["A=b"], media=media, layers=(b"a layer", b"another"))
    found = client.fetch_manifest(REPOSITORY, digest)
    pushed = registry.manifest(REPOSITORY, digest)
    assert (found.digest, found.config_digest, found.size) == (digest, pushed.cells["config"]["digest"], 14)
    assert found.config == registry.image_config(pushed)
    assert client.fetch_tag(REPOSITORY, "1") == TagEntry("1", digest, {"linux/amd64": digest})


@pytest.mark.parametrize("media", MEDIA)
def test_a_list_tells_its_platforms_and_no_attestations(client: Distribution, registry: RealRegistry, media: Media) -> None:
    images = {
        f"linux/{name}": registry.push_image(REPOSITORY, None, architecture=name.split("/")[0], media=media, env=[name])
        for name in ("amd64", "arm64/v8", "arm/v7", "arm/v6")
    }
    digest = registry.push_list(REPOSITORY, "1", images, media=media, attestation=True)
    images["linux/arm64"] = images.pop("linux/arm64/v8")
    assert client.fetch_tag(REPOSITORY, "1") == TagEntry("1", digest, images)


@pytest.mark.parametrize(
    ("variant", "architecture", "name"),
    [("v8", "arm64", "linux/arm64"), ("v7", "arm", "linux/arm/v7"), (None, "amd64", "linux/amd64"), (None, "ppc64le", "linux/ppc64le")],
)
def test_a_single_image_has_the_platform_of_its_config(
    client: Distribution, registry: RealRegistry, variant: str | None, architecture: str, name: str
) -> None:
    digest = registry.push_image(REPOSITORY, "1", architecture=architecture, variant=variant)
    assert client.fetch_platforms(REPOSITORY, digest) == {name: digest}


def test_a_config_comes_from_another_host_without_authorization(front: Front, client: Distribution, image: str) -> None:
    assert client.fetch_manifest(REPOSITORY, image).config["config"]["Env"] == ["CUDA_VERSION=12.2.2"]
    (elsewhere,) = (request for request in front.requests if request.host == front.cdn_host)
    assert "Authorization" not in elsewhere.headers
    assert front.leaks == []


def test_a_known_digest_asks_nothing(front: Front, connect: Connect, ca_bundle: Path, image: str) -> None:
    first = connect(front.url).fetch_manifest(REPOSITORY, image)
    before = list(front.requests)
    again = connect(front.url)
    assert again.fetch_manifest(REPOSITORY, image) == first
    assert again.fetch_platforms(REPOSITORY, image) == {"linux/amd64": image}
    assert front.requests == before


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_content_of_another_digest_is_refused_and_not_kept(
    front: Front, client: Distribution, registry: RealRegistry, folder: Path, image: str, kind: str
) -> None:
    manifest = registry.manifest(REPOSITORY, image)
    digest = image if kind == "manifests" else manifest.cells["config"]["digest"]
    truth = manifest.body if kind == "manifests" else registry.blob(digest)
    assert truth
    client.fetch_tags(REPOSITORY)
    wrong = truth[:-1] + bytes([truth[-1] ^ 1])
    front.fault(MANIFESTS if kind == "manifests" else "/cdn/", Fault(flip=True), stay=True)
    message = f"{front.host} answers {digest[:19]} of {REPOSITORY} with content of another digest, {digest_of(wrong)[:19]}"
    assert failure(client.fetch_manifest, REPOSITORY, image) == (
        message,
        "something on the way alters answers: check the proxy or the mirror",
    )
    assert not content(folder, digest).exists()
    assert wrong not in kept(folder)
    assert digest_of(wrong)[7:].encode() not in kept(folder)


@pytest.mark.parametrize("damage", [b"", b"{}", b"garbage"])
def test_a_damaged_file_is_not_believed_but_fetched_again(
    front: Front, client: Distribution, folder: Path, image: str, damage: bytes
) -> None:
    first = client.fetch_manifest(REPOSITORY, image)
    whole, before = content(folder, image).read_bytes(), len(front.requests)
    content(folder, image).write_bytes(damage)
    assert client.fetch_manifest(REPOSITORY, image) == first
    assert [request.path for request in front.requests[before:]] == [MANIFESTS + image]
    assert content(folder, image).read_bytes() == whole


def test_a_manifest_that_is_not_there_is_told(front: Front, client: Distribution, image: str) -> None:
    message = f"{front.host} has no manifest sha256:000000000000 of {REPOSITORY} (status 404)"
    assert failure(client.fetch_manifest, REPOSITORY, ABSENT) == (message, "ask again for the tag")


def test_a_config_that_is_not_there_is_told(front: Front, client: Distribution, registry: RealRegistry, image: str) -> None:
    front.fault("/blobs/", Fault(status=404, body=b"{}"), stay=True)
    digest = registry.manifest(REPOSITORY, image).cells["config"]["digest"]
    message = f"{front.host} has no blob {digest[:19]} of {REPOSITORY} (status 404)"
    assert failure(client.fetch_manifest, REPOSITORY, image) == (message, "ask again for the tag")


def test_a_manifest_of_the_first_version_is_told(front: Front, client: Distribution) -> None:
    document = {"schemaVersion": 1, "name": REPOSITORY, "architecture": "amd64", "fsLayers": [{"blobSum": ABSENT}], "history": []}
    digest = plant(front, "manifests", document)
    expected = (
        f"{front.host} has a manifest of the first version, which has no digest of its config",
        "push the image again with a current tool",
    )
    assert failure(client.fetch_manifest, REPOSITORY, digest) == expected
    assert failure(client.fetch_platforms, REPOSITORY, digest) == expected


@pytest.mark.parametrize("config", [None, [], "x", {}, {"digest": 7}, {"digest": "sha256:abc"}, {"digest": "../../../etc/passwd"}])
def test_a_manifest_without_a_config_is_told(front: Front, client: Distribution, config: Any) -> None:
    digest = plant(front, "manifests", {"schemaVersion": 2, "config": config, "layers": []})
    message = f"{front.host} has a manifest without a config"
    assert failure(client.fetch_manifest, REPOSITORY, digest) == (message, "push the image again with a current tool")
    assert len(front.requests) == 1


@pytest.mark.parametrize("body", [b"[]", b"7", b"null", b"<html>", b"", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_content_that_is_no_json_object_is_told(front: Front, client: Distribution, kind: str, body: bytes) -> None:
    digest = plant(front, kind, body)
    asked = plant(front, "manifests", {"schemaVersion": 2, "config": {"digest": digest}, "layers": []}) if kind == "blobs" else digest
    message = f"{front.host} has a {kind[:-1]} {digest[:19]} of {REPOSITORY} that is no JSON object"
    assert failure(client.fetch_manifest, REPOSITORY, asked) == (message, "it is not an image")


@pytest.mark.parametrize(
    ("layers", "size"),
    [
        (None, 0),
        ("x", 0),
        (7, 0),
        ([7, {}, {"size": "9"}, {"size": -5}, {"size": 10**30}, {"size": 1.5}, {"size": 4}], 4),
        ([{"size": 1}, {"size": 2}], 3),
    ],
)
def test_sizes_of_wrong_types_do_not_count(front: Front, client: Distribution, layers: Any, size: int) -> None:
    config = plant(front, "blobs", {"os": "linux"})
    digest = plant(front, "manifests", {"schemaVersion": 2, "config": {"digest": config}, "layers": layers})
    assert client.fetch_manifest(REPOSITORY, digest).size == size


OTHER = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("manifests", "platforms"),
    [
        pytest.param(None, {}, id="null"),
        pytest.param(7, {}, id="a number"),
        pytest.param("x", {}, id="a text"),
        pytest.param({"a": 1}, {}, id="an object"),
        pytest.param([7, None, "x", []], {}, id="entries of wrong types"),
        pytest.param([{"digest": OTHER}], {}, id="no platform"),
        pytest.param([{"digest": OTHER, "platform": "linux/amd64"}], {}, id="a platform of a wrong type"),
        pytest.param([{"platform": {"os": "linux", "architecture": "amd64"}}], {}, id="no digest"),
        pytest.param([{"digest": "sha256:../..", "platform": {"os": "linux", "architecture": "amd64"}}], {}, id="a digest that is none"),
        pytest.param([{"digest": OTHER, "platform": {"os": "unknown", "architecture": "unknown"}}], {}, id="an attestation"),
        pytest.param([{"digest": OTHER, "platform": {}}], {"linux/unknown": OTHER}, id="an empty platform"),
        pytest.param(
            [{"digest": OTHER, "platform": {"os": "\x1b[2J", "architecture": ["x"], "variant": "a/../b"}}],
            {"linux/unknown": OTHER},
            id="words that are none",
        ),
        pytest.param(
            [{"digest": digest, "platform": {"os": "windows", "architecture": "amd64", "os.version": "10"}} for digest in (OTHER, ABSENT)],
            {"windows/amd64": OTHER},
            id="the first of several",
        ),
    ],
)
def test_entries_of_a_list(front: Front, client: Distribution, manifests: Any, platforms: Mapping[str, str]) -> None:
    digest = plant(front, "manifests", {"schemaVersion": 2, "manifests": manifests})
    assert client.fetch_platforms(REPOSITORY, digest) == platforms


@pytest.mark.parametrize(("kind", "limit"), [("manifests", 4096), ("blobs", 8192)])
def test_contents_are_bounded(
    front: Front, client: Distribution, folder: Path, registry: RealRegistry, image: str, kind: str, limit: int
) -> None:
    client.fetch_digest(REPOSITORY, "2.15.0-gpu")
    front.fault(f"/{kind}/", Fault(body=b" " * (1 << 20), repeat=10**6), stay=True)
    digest = image if kind == "manifests" else registry.manifest(REPOSITORY, image).cells["config"]["digest"]
    message = f"{front.host} answers {front.url}/v2/{REPOSITORY}/{kind}/{digest} with more than {limit} kB"
    assert failure(client.fetch_manifest, REPOSITORY, image) == (message, "check the address")


# -- tokens and accounts -------------------------------------------------------------------------


def test_a_guest_gets_a_token_once(front: Front, client: Distribution, image: str) -> None:
    client.fetch_tags(REPOSITORY)
    client.fetch_manifest(REPOSITORY, image)
    (asked,) = front.desk.requests
    assert (asked.method, asked.authorization) == ("GET", None)
    assert asked.fields == {"service": ["registry.docker.io"], "scope": [f"repository:{REPOSITORY}:pull"]}


def test_a_token_is_for_one_repository(front: Front, client: Distribution, registry: RealRegistry, image: str) -> None:
    registry.push_image("other/one", "1")
    assert [names(client), names(client, "other/one")] == [["2.15.0-gpu"], ["1"]]
    assert [asked.fields["scope"] for asked in front.desk.requests] == [[f"repository:{REPOSITORY}:pull"], ["repository:other/one:pull"]]


def test_a_token_that_has_run_out_is_renewed_once(front: Front, client: Distribution, image: str) -> None:
    client.fetch_digest(REPOSITORY, "2.15.0-gpu")
    front.desk.forget()
    before = len(front.requests)
    assert client.fetch_digest(REPOSITORY, "2.15.0-gpu") == image
    assert [request.path.partition("?")[0] for request in front.requests[before:]] == [
        f"{MANIFESTS}2.15.0-gpu",
        "/token",
        f"{MANIFESTS}2.15.0-gpu",
    ]


def test_tokens_that_never_hold_are_not_asked_for_without_end(front: Front, client: Distribution, image: str) -> None:
    front.desk.lifetime = -10
    message = f"{front.host} does not let you read {REPOSITORY} (status 401)"
    assert failure(client.fetch_tags, REPOSITORY) == (message, LOGIN)
    assert len(front.requests) == 3


def test_a_challenge_can_leave_out_the_service(front: Front, client: Distribution, image: str) -> None:
    front.leave_out_service = True
    assert names(client) == ["2.15.0-gpu"]
    assert list(front.desk.requests[0].fields) == ["scope"]


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="{realm}"',
        'bearer realm="{realm}",service="a, b"',
        'BEARER   service=x, realm="{realm}"',
        'Bearer realm="/token"',
        'Bearer realm="{realm}#fragment"',
        'Bearer realm="{realm}?a=b"',
        'Basic realm="tests", Bearer realm="{realm}"',
    ],
)
def test_spellings_of_a_challenge(front: Front, client: Distribution, image: str, challenge: str) -> None:
    front.fault(TAGS, Fault(status=401, headers={"WWW-Authenticate": challenge.replace("{realm}", front.realm)}))
    assert names(client) == ["2.15.0-gpu"]
    assert front.desk.requests[0].fields["scope"] == [f"repository:{REPOSITORY}:pull"]


@pytest.mark.parametrize(
    "challenge", ["", "Bearer", "Bearer realm", 'Bearer realm=""', "Negotiate", 'Digest realm="x"', 'Basic realm="x"', "Basic"]
)
def test_a_challenge_that_cannot_be_met_is_a_refusal(front: Front, client: Distribution, image: str, challenge: str) -> None:
    front.fault(TAGS, Fault(status=401, headers={"WWW-Authenticate": challenge}), stay=True)
    message = f"{front.host} does not let you read {REPOSITORY} (status 401)"
    assert failure(client.fetch_tags, REPOSITORY) == (message, LOGIN)
    assert front.desk.requests == []


def test_a_refusal_is_told(front: Front, client: Distribution, image: str) -> None:
    front.fault(TAGS, Fault(status=403), stay=True)
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} does not let you read {REPOSITORY} (status 403)", LOGIN)


@pytest.fixture
def account(front: Front, registry: RealRegistry) -> Credentials:
    """Who may read ``mine/secret``, which is there."""
    registry.push_image(SECRET, "1")
    front.private.add(SECRET)
    return Credentials(front.desk.user, front.desk.password)


def test_a_private_repository_wants_credentials(front: Front, connect: Connect, ca_bundle: Path, account: Credentials) -> None:
    assert failure(connect(front.url).fetch_tags, SECRET) == (f"{front.host} does not let you read {SECRET} (status 401)", LOGIN)
    client = connect(front.url, account)
    assert names(client, SECRET) == ["1"]
    assert client.fetch_tag(SECRET, "1") is not None
    assert front.desk.requests[-1].authorization == basic(account.user, account.secret)
    assert front.leaks == []


@pytest.mark.parametrize("identity", [False, True])
def test_wrong_credentials_are_told(front: Front, connect: Connect, ca_bundle: Path, account: Credentials, identity: bool) -> None:
    client = connect(front.url, Credentials("bob", "hunter2", identity))
    message = f"{front.host} refuses the credentials for {front.host} (status 401)"
    assert failure(client.fetch_tags, SECRET) == (message, "log in with 'docker login'")


@pytest.mark.parametrize("known", [False, True])
def test_an_identity_token_buys_a_token(token_registry: RealRegistry, connect: Connect, known: bool) -> None:
    desk = token_registry.desk
    assert desk
    token_registry.push_image(SECRET, "1")
    desk.private.add(SECRET)
    client = connect(token_registry.url, Credentials("<token>", desk.identity_token, identity=True) if known else None)
    if not known:
        assert failure(client.fetch_tags, SECRET) == (f"{token_registry.host} does not let you read {SECRET} (status 401)", LOGIN)
        return
    assert names(client, SECRET) == ["1"]
    (asked,) = desk.requests
    assert (asked.method, asked.authorization) == ("POST", None)
    assert asked.fields == {
        "scope": [f"repository:{SECRET}:pull"],
        "service": ["registry.test"],
        "grant_type": ["refresh_token"],
        "refresh_token": [desk.identity_token],
        "client_id": ["tfcompat"],
    }


def test_a_registry_of_accounts(private_registry: RealRegistry, connect: Connect, folder: Path) -> None:
    digest = private_registry.push_image(SECRET, "1")
    good = Credentials(private_registry.user, private_registry.password)
    client = connect(private_registry.url, good)
    assert names(client, SECRET) == ["1"]
    assert client.fetch_tag(SECRET, "1") == TagEntry("1", digest, {"linux/amd64": digest})
    assert client.fetch_tags("no/such") is None
    expected = (f"{private_registry.host} does not let you read {SECRET} (status 401)", LOGIN)
    for wrong in (None, good._replace(secret="hunter2"), good._replace(identity=True)):
        assert failure(connect(private_registry.url, wrong).fetch_tags, SECRET) == expected
    assert good.secret.encode() not in kept(folder)
    assert good.basic.encode() not in kept(folder)


def test_credentials_are_looked_up_once_and_only_when_they_are_wanted(
    registry: RealRegistry, front: Front, ca_bundle: Path, folder: Path, account: Credentials, image: str
) -> None:
    asked: list[str] = []

    def find() -> Credentials:
        asked.append("once")
        return account

    with Transport() as transport:
        plain = Distribution(registry.url, transport, Store(folder), find, time.time)
        assert names(plain) == ["2.15.0-gpu"]
        assert asked == []
        client = Distribution(front.url, transport, Store(folder), find, time.time)
        assert [names(client), names(client, SECRET)] == [["2.15.0-gpu"], ["1"]]
        front.desk.forget()
        assert names(client) == ["2.15.0-gpu"]
    assert asked == ["once"]


def test_threads_share_a_token(front: Front, client: Distribution, image: str) -> None:
    for _ in range(2):
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: client.fetch_digest(REPOSITORY, "2.15.0-gpu"), range(24))) == {image}
        front.desk.forget()
    assert len(front.desk.requests) == 2


# -- what goes wrong with tokens -----------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"7",
        b"null",
        b'{"token": 5}',
        b'{"token": ""}',
        b'{"token": "a\\r\\nX-Evil: 1"}',
        b'{"token": "\\u20ac"}',
        b'{"access_token": null}',
    ],
)
def test_an_answer_without_a_token_is_told(front: Front, client: Distribution, image: str, body: bytes) -> None:
    front.fault("/token", Fault(body=body))
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} gives no token for {REPOSITORY} (status 200)", ADDRESS)


def test_a_token_server_that_speaks_html_is_told(front: Front, client: Distribution, image: str) -> None:
    front.fault("/token", Fault(body=b"<html>"))
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} answers with something other than JSON", ADDRESS)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_server_that_refuses_is_told(front: Front, client: Distribution, image: str, status: int) -> None:
    front.fault("/token", Fault(status=status, body=b"{}"))
    message = f"{front.host} refuses a reader without credentials (status {status})"
    assert failure(client.fetch_tags, REPOSITORY) == (message, "log in with 'docker login'")


def test_a_token_server_of_another_kind_is_told(front: Front, client: Distribution, image: str) -> None:
    front.fault("/token", Fault(status=404))
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} gives no token for {REPOSITORY} (status 404)", ADDRESS)


def test_a_token_server_that_fails_is_told(front: Front, client: Distribution, image: str) -> None:
    front.fault("/token", Fault(status=500, body=b"sorry"), stay=True)
    message = f"{front.host} did not answer {front.realm} in 4 attempts: status 500 (sorry)"
    assert failure(client.fetch_tags, REPOSITORY) == (message, "check the network, the proxy and the address")


def test_the_answer_of_a_token_server_is_bounded(front: Front, client: Distribution, image: str) -> None:
    front.fault("/token", Fault(body=b" " * (1 << 20), repeat=10**6))
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} answers {front.realm} with more than 1024 kB", "check the address")


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
@pytest.mark.parametrize("identity", [False, True])
def test_an_encrypted_registry_gets_no_credentials_sent_in_clear_text(
    front: Front, connect: Connect, ca_bundle: Path, account: Credentials, scheme: str, identity: bool
) -> None:
    front.realm = f"{front.plain_url}/token"
    client = connect(f"{scheme}://{front.host}", account._replace(identity=identity))
    message = f"{front.host} wants credentials sent to {front.host} unencrypted"
    assert failure(client.fetch_tags, SECRET) == (message, "report this to whoever runs it")
    assert (front.leaks, front.desk.requests) == ([], [])


@pytest.mark.parametrize("realm", ["https://[", "ftp://a.test/", "https://a.test:port/"])
def test_a_realm_that_is_no_address_is_told(front: Front, client: Distribution, image: str, realm: str) -> None:
    front.realm = realm
    assert failure(client.fetch_tags, REPOSITORY) == (f"{front.host} names an address that is none: {realm}", "check the address")


# -- where credentials do not go -----------------------------------------------------------------


@pytest.mark.parametrize("identity", [False, True])
def test_credentials_do_not_follow_a_redirect_of_the_token_server(
    front: Front, connect: Connect, ca_bundle: Path, account: Credentials, identity: bool
) -> None:
    front.fault("/token", Fault(redirect=f"https://{front.cdn_host}/elsewhere", status=307), stay=True)
    client = connect(front.url, account._replace(identity=identity))
    assert failure(client.fetch_tags, SECRET) == (f"{front.host} gives no token for {SECRET} (status 307)", ADDRESS)
    assert (front.asked("/elsewhere"), front.leaks) == (0, [])


def test_a_guest_follows_a_redirect_of_the_token_server(front: Front, client: Distribution, image: str) -> None:
    front.fault("/token?", Fault(redirect=f"https://{front.cdn_host}/token?scope=repository:{REPOSITORY}:pull&service=moved"))
    assert names(client) == ["2.15.0-gpu"]


def test_a_host_that_a_redirect_leads_to_cannot_ask_for_credentials(
    front: Front, connect: Connect, ca_bundle: Path, account: Credentials
) -> None:
    """Or an open redirect at a registry would hand them to anybody."""
    client = connect(front.url, account)
    asked: list[Request] = []
    front.on_request = asked.append
    front.fault("/evil", Fault(status=401, headers={"WWW-Authenticate": f'Bearer realm="https://{front.cdn_host}/token"'}), stay=True)
    front.fault(f"/v2/{SECRET}/tags", Fault(redirect=f"https://{front.cdn_host}/evil"), stay=True)
    assert failure(client.fetch_tags, SECRET) == (f"{front.host} does not let you read {SECRET} (status 401)", LOGIN)
    assert (front.leaks, front.desk.requests) == ([], [])
    assert [request.path.partition("?")[0] for request in asked] == [f"/v2/{SECRET}/tags/list", "/evil"]


@pytest.mark.parametrize("identity", [False, True])
def test_credentials_are_in_no_file_and_no_message(
    front: Front, connect: Connect, ca_bundle: Path, folder: Path, account: Credentials, identity: bool
) -> None:
    front.etags = True
    credentials = Credentials("<token>", front.desk.identity_token, identity=True) if identity else account
    client = connect(front.url, credentials)
    assert names(client, SECRET) == ["1"]
    entry = client.fetch_tag(SECRET, "1")
    assert entry is not None
    assert entry.digest
    client.fetch_manifest(SECRET, entry.digest)
    tokens = {request.headers["Authorization"].partition(" ")[2] for request in front.requests if "Authorization" in request.headers}
    hidden = {credentials.secret, base64.b64encode(credentials.secret.encode()).decode(), *tokens}
    messages = [repr(client), repr(vars(client)["_credentials"]), repr(credentials)]
    echo = json.dumps(sorted(hidden)).encode()
    front.desk.forget()
    for fault in (
        Fault(status=500, body=echo),
        Fault(status=429, body=echo),
        Fault(status=429, body=echo, headers={"Retry-After": "3600"}),
        Fault(status=403, body=echo),
        Fault(status=418, body=echo),
        Fault(body=echo),
        Fault(body=b"{" + echo),
        Fault(redirect=f"{front.plain_url}/token"),
        Fault(reset=True),
    ):
        part = f"/token{len(messages)}"
        front.realm = front.url + part
        front.fault(part, fault, stay=True)
        messages.append(" ".join(failure(client.fetch_tags, SECRET)))
    found = kept(folder)
    assert [text for text in hidden for message in messages if text in message] == []
    assert [text for text in hidden if text.encode() in found] == []
    assert front.leaks == []


# -- by way of the settings ----------------------------------------------------------------------


def docker_config(folder: Path, key: str, account: Credentials) -> dict[str, str]:
    entry = {"auth": base64.b64encode(f"{account.user}:{account.secret}".encode()).decode()}
    (folder / "config.json").write_text(json.dumps({"auths": {key: entry}}))
    return {"DOCKER_CONFIG": str(folder)}


def test_a_mirror_does_not_get_the_credentials_of_what_it_mirrors(
    front: Front, ca_bundle: Path, tmp_path: Path, folder: Path, account: Credentials
) -> None:
    """The pyproject.toml of any folder can name a mirror."""
    settings = Settings(registries={"docker.io": front.url}, cache=folder)
    with Registries(settings, docker_config(tmp_path, "https://index.docker.io/v1/", account)) as registries:
        message = f"{front.host} does not let you read {SECRET} (status 401)"
        assert failure(registries.of_tags("docker.io").fetch_tags, SECRET) == (message, LOGIN)
    assert [asked.authorization for asked in front.desk.requests] == [None]
    with Registries(settings, docker_config(tmp_path, front.host, account)) as registries:
        assert names(registries.of_images("docker.io"), SECRET) == ["1"]


def test_a_configuration_that_cannot_be_used_is_told_when_it_is_wanted(
    front: Front, ca_bundle: Path, tmp_path: Path, folder: Path, registry: RealRegistry, image: str
) -> None:
    (tmp_path / "config.json").write_text("{")
    settings = Settings(registries={"docker.io": front.url}, cache=folder)
    with Registries(settings, {"DOCKER_CONFIG": str(tmp_path)}) as registries:
        assert names(registries.of_images(registry.host)) == ["2.15.0-gpu"]
        with pytest.raises(RequestError, match="cannot be read: not JSON"):
            registries.of_images("docker.io").fetch_tags(REPOSITORY)
