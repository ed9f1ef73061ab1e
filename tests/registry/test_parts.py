"""The parts that the registry tests speak to do what they say. The client here is plain requests, and skopeo once."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from registry.faults import Fault
from registry.front import Front
from registry.images import ACCEPT, Media, digest_of, media_types
from registry.real_registry import RealRegistry, serve_registry
from registry.tokens import basic

REPOSITORY = "tensorflow/tensorflow"
TAGS = "/v2/namespaces/tensorflow/repositories/tensorflow/tags"
MEDIA: tuple[Media, ...] = ("docker", "oci")


@pytest.fixture
def session(ca_bundle: Path) -> Iterator[requests.Session]:
    with requests.Session() as client:
        yield client


@pytest.fixture
def image(registry: RealRegistry) -> str:
    return registry.push_image(REPOSITORY, "2.15.0-gpu", env=["CUDA_VERSION=12.2.2"], labels={"maintainer": "someone"}, history=["RUN pip"])


def pull_header(front: Front, session: requests.Session, **how: Any) -> dict[str, str]:
    """What a client sends after it followed the challenge: the header of a token for the repository."""
    challenge = session.get(f"{front.url}/v2/{REPOSITORY}/tags/list")
    assert challenge.status_code == 401
    assert challenge.headers["WWW-Authenticate"].startswith(f'Bearer realm="{front.realm}"')
    scope = {"service": front.desk.service, "scope": f"repository:{REPOSITORY}:pull"}
    token = session.get(front.realm, params=scope, **how)
    assert token.status_code == 200, token.text
    return {"Authorization": f"Bearer {token.json()['token']}", "Accept": ACCEPT}


class TestRealRegistry:
    def test_an_image_is_what_was_pushed(self, registry: RealRegistry, image: str) -> None:
        manifest = registry.manifest(REPOSITORY, "2.15.0-gpu")
        config = registry.image_config(manifest)
        assert manifest.digest == image == digest_of(manifest.body)
        assert config["config"] == {"Env": ["CUDA_VERSION=12.2.2"], "Labels": {"maintainer": "someone"}}
        assert config["history"] == [{"created": config["created"], "created_by": "RUN pip"}]

    @pytest.mark.parametrize("media", MEDIA)
    def test_a_list_names_its_images_and_their_attestations(self, registry: RealRegistry, media: Media) -> None:
        images = {f"linux/{name}": registry.push_image(REPOSITORY, None, architecture=name, media=media) for name in ("amd64", "arm64/v8")}
        digest = registry.push_list(REPOSITORY, "latest", images, media=media, attestation=True)
        manifest = registry.manifest(REPOSITORY, "latest")
        entries = manifest.cells["manifests"]
        assert (manifest.digest, manifest.media_type) == (digest, media_types(media).index)
        assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "arm64", "unknown", "unknown"]
        assert entries[2]["annotations"]["vnd.docker.reference.digest"] == images["linux/amd64"]
        assert list(registry.pushes(REPOSITORY)) == ["latest"]

    def test_a_tag_moves_and_goes(self, registry: RealRegistry, image: str) -> None:
        assert registry.push_image(REPOSITORY, "2.15.0-gpu", env=["A=1"]) == registry.digest(REPOSITORY, "2.15.0-gpu") != image
        registry.drop_tag(REPOSITORY, "2.15.0-gpu")
        assert registry.digest(REPOSITORY, "2.15.0-gpu") is None
        assert registry.manifest(REPOSITORY, image).digest == image

    def test_accounts(self, private_registry: RealRegistry) -> None:
        private_registry.push_image(REPOSITORY, "1")
        url = f"{private_registry.url}/v2/{REPOSITORY}/tags/list"
        refused = requests.get(url)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="tests"')
        assert requests.get(url, auth=(private_registry.user, "wrong")).status_code == 401
        assert requests.get(url, auth=(private_registry.user, private_registry.password)).json()["tags"] == ["1"]

    def test_tokens(self, token_registry: RealRegistry) -> None:
        desk = token_registry.desk
        assert desk
        desk.private.add("mine/secret")
        for repository in ("mine/public", "mine/secret"):
            token_registry.push_image(repository, "1")
        assert desk.requests == []  # the pushes above are none of a client's requests

        def tags(repository: str, **how: Any) -> int:
            url = f"{token_registry.url}/v2/{repository}/tags/list"
            cells = dict(re.findall(r'(\w+)="([^"]*)"', requests.get(url).headers["WWW-Authenticate"]))
            fields = {"service": cells["service"], "scope": cells["scope"]}
            reply = requests.post(cells["realm"], {**fields, **how}) if "grant_type" in how else requests.get(cells["realm"], fields, **how)
            if reply.status_code != 200:
                return reply.status_code
            return requests.get(url, headers={"Authorization": f"Bearer {reply.json()['access_token']}"}).status_code

        assert tags("mine/public") == 200
        assert tags("mine/secret") == 401
        assert tags("mine/secret", auth=(desk.user, desk.password)) == 200
        assert tags("mine/secret", auth=(desk.user, "wrong")) == 401
        assert tags("mine/secret", grant_type="refresh_token", refresh_token=desk.identity_token) == 200
        assert tags("mine/secret", grant_type="refresh_token", refresh_token="wrong") == 401
        assert [request.method for request in desk.requests] == ["GET"] * 4 + ["POST"] * 2
        assert desk.requests[2].authorization == basic(desk.user, desk.password)
        assert desk.requests[4].fields["scope"] == ["repository:mine/secret:pull"]

    def test_the_missing_binary_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(RuntimeError, match="apt-get install docker-registry"), serve_registry(tmp_path):
            pass

    def test_skopeo_agrees(self, front: Front, image: str, tmp_path: Path) -> None:
        if shutil.which("skopeo") is None:
            pytest.skip("skopeo is not on PATH (Debian's package skopeo)")
        certificates = tmp_path / "certificates"
        certificates.mkdir()
        shutil.copy(front.ca_file, certificates / "ca.crt")
        reference = f"docker://{front.host}/{REPOSITORY}:2.15.0-gpu"
        command = ["skopeo", "inspect", "--cert-dir", str(certificates), "--format", "{{.Digest}} {{.Env}} {{.RepoTags}}", reference]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert answer.strip() == f"{image} [CUDA_VERSION=12.2.2] [2.15.0-gpu]"


class TestHub:
    def test_pages_hold_every_tag_once(self, front: Front, session: requests.Session, registry: RealRegistry, image: str) -> None:
        registry.spread_tags(REPOSITORY, "2.15.0-gpu", [f"2.{minor}.0" for minor in range(249)])
        names: list[str] = []
        url = f"{front.url}{TAGS}?page_size=1000"
        while url:
            page = session.get(url).json()
            assert page["count"] == 250
            names += [entry["name"] for entry in page["results"]]
            url = page["next"]
        assert (len(names), len(set(names)), front.asked(TAGS)) == (250, 250, 3)
        assert "page_size=100" in page["previous"]

    def test_an_entry_tells_of_the_real_image(self, front: Front, session: requests.Session, registry: RealRegistry, image: str) -> None:
        registry.push_list(REPOSITORY, "latest", {"linux/amd64": image}, attestation=True)
        front.touch(REPOSITORY, "latest", "2024-03-06T18:53:45.226Z")
        entry = session.get(f"{front.url}/v2/repositories/{REPOSITORY}/tags/latest").json()
        assert (entry["digest"], entry["media_type"]) == (registry.digest(REPOSITORY, "latest"), media_types("docker").index)
        assert (entry["full_size"], entry["last_updated"]) == (len(b"a layer"), "2024-03-06T18:53:45.226Z")
        assert [(cell["architecture"], cell["os"]) for cell in entry["images"]] == [("amd64", "linux"), ("unknown", "unknown")]
        assert entry["images"][0]["digest"] == image

    def test_old_entries_lack_digests(self, front: Front, session: requests.Session, image: str) -> None:
        front.age(REPOSITORY, "2.15.0-gpu")
        entry = session.get(f"{front.url}{TAGS}/2.15.0-gpu").json()
        assert {"digest", "media_type", "content_type"}.isdisjoint(entry)
        assert [cell["digest"] for cell in entry["images"]] == [None]

    def test_the_newest_comes_first_and_names_filter(
        self, front: Front, session: requests.Session, registry: RealRegistry, image: str
    ) -> None:
        registry.spread_tags(REPOSITORY, "2.15.0-gpu", ["old", "new", "never"])
        front.touch(REPOSITORY, "old", datetime(2016, 1, 2, tzinfo=timezone.utc))
        front.touch(REPOSITORY, "new", "2040-01-01T00:00:00Z")
        front.touch(REPOSITORY, "never", None)

        def names(**query: str) -> list[str]:
            return [entry["name"] for entry in session.get(f"{front.url}{TAGS}", params=query).json()["results"]]

        assert names(ordering="last_updated") == ["new", "2.15.0-gpu", "old", "never"]
        assert names(ordering="-last_updated") == ["never", "old", "2.15.0-gpu", "new"]
        assert names(name="ne") == ["never", "new"]

    def test_what_is_not_there(self, front: Front, session: requests.Session, image: str) -> None:
        front.private.add("mine/secret")
        for path in (f"{TAGS}?page=2", f"{TAGS}/nope", "/v2/namespaces/no/repositories/no/tags", "/v2/repositories/mine/secret/tags"):
            reply = session.get(front.url + path)
            assert reply.status_code == 404
            assert reply.json()["message"]
        assert session.head(f"{front.url}{TAGS}/nope").status_code == 404
        assert session.head(f"{front.url}{TAGS}/2.15.0-gpu").status_code == 200

    def test_rates_and_conditions(self, front: Front, session: requests.Session, image: str) -> None:
        front.etags, front.hub_rate.limit = True, 3
        first = session.get(f"{front.url}{TAGS}")
        assert first.headers["X-RateLimit-Remaining"] == "2"
        again = session.get(f"{front.url}{TAGS}", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert session.get(f"{front.url}{TAGS}").status_code == 200
        refused = session.get(f"{front.url}{TAGS}")
        assert (refused.status_code, refused.text) == (429, "Too Many Requests")
        assert 0 < int(refused.headers["Retry-After"]) <= 60

    def test_a_page_size_can_be_ignored(self, front: Front, session: requests.Session, registry: RealRegistry, image: str) -> None:
        registry.spread_tags(REPOSITORY, "2.15.0-gpu", [f"s{i}" for i in range(30)])
        front.hub.page_size = 25
        assert len(session.get(f"{front.url}{TAGS}?page_size=100").json()["results"]) == 25

    def test_eight_thousand_tags_take_seconds(self, front: Front, session: requests.Session, registry: RealRegistry, image: str) -> None:
        started = time.monotonic()
        registry.spread_tags(REPOSITORY, "2.15.0-gpu", [f"nightly-{i:05}" for i in range(7999)])
        with ThreadPoolExecutor(4) as pool:
            addresses = [f"{front.url}{TAGS}?page_size=100&ordering=last_updated&page={page}" for page in range(1, 81)]
            pages = list(pool.map(lambda address: session.get(address).json()["results"], addresses))
        assert len({entry["name"] for page in pages for entry in page}) == 8000
        assert 1 < front.busiest <= 4
        assert time.monotonic() - started < 30

    def test_tags_can_move_while_a_client_pages(self, front: Front, session: requests.Session, registry: RealRegistry, image: str) -> None:
        front.on_request = lambda request: registry.spread_tags(REPOSITORY, "2.15.0-gpu", ["late"])
        assert session.get(f"{front.url}{TAGS}").json()["count"] == 2


class TestRegistryApi:
    @pytest.mark.parametrize("how", ["get", "head"])
    def test_challenge_token_manifest(self, front: Front, session: requests.Session, image: str, how: str) -> None:
        assert session.get(f"{front.url}/v2/").status_code == 401
        header = pull_header(front, session)
        reply = session.request(how, f"{front.url}/v2/{REPOSITORY}/manifests/2.15.0-gpu", headers=header)
        assert reply.status_code == 200
        assert reply.headers["Docker-Content-Digest"] == image
        assert reply.headers["ratelimit-remaining"] == ("99;w=21600" if how == "get" else "100;w=21600")
        assert int(reply.headers["Content-Length"]) > 0
        assert front.desk.requests[-1].authorization is None

    def test_pulls_run_out(self, front: Front, session: requests.Session, image: str) -> None:
        front.pull_rate.limit = 1
        header, url = pull_header(front, session), f"{front.url}/v2/{REPOSITORY}/manifests/{image}"
        assert [session.get(url, headers=header).status_code for _ in range(2)] == [200, 429]
        assert session.head(url, headers=header).status_code == 200

    def test_a_blob_comes_from_another_host(self, front: Front, session: requests.Session, registry: RealRegistry, image: str) -> None:
        digest = registry.manifest(REPOSITORY, image).cells["config"]["digest"]
        header, url = pull_header(front, session), f"{front.url}/v2/{REPOSITORY}/blobs/{digest}"
        blob = session.get(url, headers=header)
        assert digest_of(blob.content) == digest
        assert (blob.history[0].status_code, front.requests[-1].host, front.leaks) == (307, front.cdn_host, [])
        careless = session.get(blob.history[0].headers["Location"], headers=header)
        assert (careless.status_code, len(front.leaks)) == (400, 1)

    @pytest.mark.parametrize("query", ["?n=3", ""])
    def test_tags_are_sorted_and_paged(
        self, front: Front, session: requests.Session, registry: RealRegistry, image: str, query: str
    ) -> None:
        registry.spread_tags(REPOSITORY, "2.15.0-gpu", ["b", "a", "B", "1", "_x", "0"])
        front.page_default = 3
        header, url = pull_header(front, session), f"{front.url}/v2/{REPOSITORY}/tags/list{query}"
        names: list[str] = []
        while url:
            reply = session.get(url, headers=header)
            names += reply.json()["tags"]
            url = urljoin(url, reply.links["next"]["url"]) if "next" in reply.links else ""
        assert names == ["0", "1", "2.15.0-gpu", "B", "_x", "a", "b"]
        assert front.asked("tags/list") == 1 + 3

    def test_the_cap_beats_the_wish(self, front: Front, session: requests.Session, registry: RealRegistry, image: str) -> None:
        registry.spread_tags(REPOSITORY, "2.15.0-gpu", ["a", "b"])
        front.page_cap = 2
        reply = session.get(f"{front.url}/v2/{REPOSITORY}/tags/list?n=10000", headers=pull_header(front, session))
        assert reply.json()["tags"] == ["2.15.0-gpu", "a"]
        assert reply.headers["Link"] == f'</v2/{REPOSITORY}/tags/list?last=a&n=2>; rel="next"'

    def test_private_repositories_are_for_the_account(self, front: Front, session: requests.Session, image: str) -> None:
        front.private.add(REPOSITORY)
        url = f"{front.url}/v2/{REPOSITORY}/tags/list"
        guest = session.get(url, headers=pull_header(front, session))
        assert (guest.status_code, 'error="insufficient_scope"' in guest.headers["WWW-Authenticate"]) == (401, True)
        account = front.desk.user, front.desk.password
        header = pull_header(front, session, auth=account)
        assert session.get(url, headers=header).status_code == 200
        assert session.get(url, auth=account).status_code == 401  # the registry itself takes no passwords
        front.desk.forget()
        late = session.get(url, headers=header)
        assert (late.status_code, 'error="invalid_token"' in late.headers["WWW-Authenticate"]) == (401, True)

    def test_unknown_repositories_hide(self, front: Front, session: requests.Session) -> None:
        url = f"{front.url}/v2/{REPOSITORY}/tags/list"
        assert session.get(url, headers=pull_header(front, session)).status_code == 401
        front.hides_unknown = False
        assert session.get(url, headers=pull_header(front, session)).status_code == 404

    def test_the_service_can_be_left_out(self, front: Front, session: requests.Session) -> None:
        front.leave_out_service = True
        assert "service" not in session.get(f"{front.url}/v2/").headers["WWW-Authenticate"]


class TestFaults:
    """Each fault as a client sees it."""

    @pytest.fixture(autouse=True)
    def _image(self, image: str) -> None:
        """There is something to be wrong about."""

    def get(self, front: Front, session: requests.Session, **how: Any) -> requests.Response:
        return session.get(f"{front.url}{TAGS}", timeout=5, **how)

    def test_each_is_used_once_and_the_last_can_stay(self, front: Front, session: requests.Session) -> None:
        front.fault("/tags", Fault(status=500), Fault(status=429, headers={"Retry-After": "1"}, body=b"slowly"))
        front.fault("page=7", Fault(status=418), stay=True)
        replies = [self.get(front, session) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [500, 429, 200]
        assert (replies[1].headers["Retry-After"], replies[1].text) == ("1", "slowly")
        assert [self.get(front, session, params={"page": "7"}).status_code for _ in range(3)] == [418] * 3

    def test_wrong_content(self, front: Front, session: requests.Session) -> None:
        truth = self.get(front, session).content
        front.fault("/tags", Fault(flip=True), Fault(wrong_json=True), Fault(body=b"<html>"))
        flipped = self.get(front, session).content
        assert sum(a != b for a, b in zip(truth, flipped, strict=True)) == 1
        assert self.get(front, session).json() == {"count": "seven", "next": 7, "previous": 7, "results": 7}
        assert self.get(front, session).content == b"<html>"

    def test_a_flipped_manifest_keeps_the_digest_it_should_have(self, front: Front, session: requests.Session, image: str) -> None:
        front.fault("/manifests/", Fault(flip=True))
        reply = session.get(f"{front.url}/v2/{REPOSITORY}/manifests/{image}", headers=pull_header(front, session))
        assert reply.headers["Docker-Content-Digest"] == image != digest_of(reply.content)

    def test_broken_connections(self, front: Front, session: requests.Session) -> None:
        front.fault("/tags", Fault(reset=True), Fault(cut=20), Fault(length=10**12))
        with pytest.raises(requests.ConnectionError, match="Connection aborted"):
            self.get(front, session)
        for _ in range(2):
            with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
                self.get(front, session)
        assert self.get(front, session).status_code == 200

    def test_slowness(self, front: Front, session: requests.Session) -> None:
        front.fault("/tags", Fault(delay=0.3), Fault(drip=0.05, body=b"slow"))
        for least in (0.3, 0.15):
            started = time.monotonic()
            assert self.get(front, session).content
            assert time.monotonic() - started >= least
        front.latency = 0.2
        started = time.monotonic()
        self.get(front, session)
        assert time.monotonic() - started >= 0.2

    def test_a_body_without_end(self, front: Front, session: requests.Session) -> None:
        front.fault("/tags", Fault(body=b"x" * (1 << 16), repeat=10**9))
        with self.get(front, session, stream=True) as reply:
            assert "Content-Length" not in reply.headers
            assert len(reply.raw.read(1 << 22)) == 1 << 22

    def test_redirects(self, front: Front, session: requests.Session) -> None:
        loop = f"{front.url}{TAGS}"
        front.fault("/tags", *[Fault(redirect=loop)] * 31, Fault(redirect=f"https://{front.cdn_host}{TAGS}"))
        with pytest.raises(requests.TooManyRedirects):
            self.get(front, session)
        assert self.get(front, session).url.startswith("https://localhost:")

    def test_a_downgrade_to_plain_http_is_seen(self, front: Front, session: requests.Session) -> None:
        front.fault("/tags", Fault(redirect=f"{front.plain_url}/v2/"))
        with requests.Session() as careless:
            careless.rebuild_auth = lambda *_: None  # type: ignore[method-assign]  # keeps its header wherever it is sent
            assert self.get(front, careless, headers={"Authorization": "Bearer x"}).status_code == 400
        assert [(leak.scheme, leak.path) for leak in front.leaks] == [("http", "/v2/")]

    def test_the_server_ends_although_a_client_waits(self, front: Front, session: requests.Session) -> None:
        front.fault("/tags", Fault(delay=3600))
        with pytest.raises(requests.ReadTimeout):
            session.get(f"{front.url}{TAGS}", timeout=0.2)


def test_only_the_ca_bundle_makes_the_front_trusted(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{front.url}/v2/")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(front.ca_file))
    assert requests.get(f"{front.url}/v2/").status_code == 401
