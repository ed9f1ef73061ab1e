"""The commands as a user runs them, against a real registry behind Docker Hub's ways, and against all that can go wrong there."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict

from registry.front import Fault, Front
from registry.real_registry import RealRegistry, serve_registry
from registry.serving import LoopbackServer, running

ROOT = Path(__file__).parents[2]
TF = "tensorflow/tensorflow"
CUDA = "nvidia/cuda"
PYTHON = "library/python"
RUNTIME = "12.6.3-cudnn-runtime-ubuntu24.04"
REQUIRES = {name: row["value"] for name, row in json.loads((ROOT / "data/images/nvidia-cuda-require.json").read_text()).items()}
REQUIRE = REQUIRES["12.3.0"]
UBUNTU = {"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "22.04"}
TAGS = "/v2/namespaces/tensorflow/repositories/tensorflow/tags"
SNAPSHOT = "2026-07-07"  # of tensorflow/tensorflow in the bundled matrix
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Done(NamedTuple):
    """What a command left behind; ``requests`` are those that reached the front."""

    code: int
    out: str
    err: str
    requests: int

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def lines(self) -> list[str]:
        return [line for line in self.out.splitlines() if line]


class Bench:
    """A user's machine: a home with a Docker configuration, a cache, and the command line."""

    def __init__(self, front: Front, folder: Path) -> None:
        self.front = front
        self.home = folder / "home"
        self.cache = folder / "cache"
        self.work = folder / "work"
        self.work.mkdir()
        self.hub = {"TFCOMPAT_HUB_URL": front.url}
        self.mirror = {"TFCOMPAT_REGISTRIES": f"docker.io={front.url} nvcr.io={front.url}"}
        self.log_in(front.host)

    def log_in(self, *hosts: str) -> None:
        """As ``docker login`` does it."""
        auth = base64.b64encode(f"{self.front.desk.user}:{self.front.desk.password}".encode()).decode()
        folder = self.home / ".docker"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth} for host in hosts}}))

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "TFCOMPAT_CACHE": str(self.cache),
            "TFCOMPAT_MAX_AGE": "0",
            "REQUESTS_CA_BUNDLE": str(self.front.ca_file),
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONIOENCODING": "utf-8",
            "TFCOMPAT_HUB_URL": "http://127.0.0.1:1",  # nobody is asked unless a test names them
            **(self.hub if env is None else env),
        }

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        before = len(self.front.requests)
        command = [sys.executable, "-m", "tfcompat", *arguments]
        done = subprocess.run(command, check=False, env=self.environment(env), capture_output=True, text=True, cwd=self.work, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        self._look_for_secrets(done.stdout + done.stderr)
        return Done(done.returncode, done.stdout, done.stderr, len(self.front.requests) - before)

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.cache)): path.read_bytes() for path in sorted(self.cache.rglob("*")) if path.is_file()}

    def holds(self, content: bytes) -> bool:
        """Whether the cache has it anywhere."""
        return any(content in found for found in self.files().values())

    def _look_for_secrets(self, shown: str) -> None:
        desk = self.front.desk
        sent = [request.headers["Authorization"].split()[-1] for request in self.front.requests if "Authorization" in request.headers]
        for secret in {desk.password, desk.identity_token, *sent}:
            assert secret not in shown
            assert not self.holds(secret.encode())


@pytest.fixture
def bench(front: Front, tmp_path: Path) -> Iterator[Bench]:
    yield Bench(front, tmp_path)
    assert front.leaks == []


def push_tensorflow(registry: RealRegistry, tag: str | None, version: str, **how: Any) -> str:
    history = ("ADD file:1 in /", f"RUN |2 PYTHON_VERSION=python3.11 TENSORFLOW_PACKAGE=tensorflow=={version} /bin/sh -c /setup.python.sh")
    env = ("PATH=/usr/bin", "CUDA_VERSION=12.3.0", f"NVIDIA_REQUIRE_CUDA={REQUIRE}")
    return registry.push_image(TF, tag, **{"env": env, "history": history, "labels": UBUNTU, **how})


def push_stock(registry: RealRegistry) -> dict[str, str]:
    """What every test finds there; by reference, the digest that the tag points to."""
    amd64 = push_tensorflow(registry, None, "2.18.0")
    arm64 = registry.push_image(TF, None, architecture="arm64")
    both = {"linux/amd64": amd64, "linux/arm64/v8": arm64}
    found = {f"{TF}:2.18.0-gpu": registry.push_list(TF, "2.18.0-gpu", both, media="oci", attestation=True)}
    for tag in ("2.15.0", "2.15.0-gpu", "2.16.0rc0-gpu", "2.15.0-gpu-jupyter", "latest-gpu"):
        found[f"{TF}:{tag}"] = push_tensorflow(registry, tag, tag.partition("-")[0].replace("latest", "2.18.0"))
    env = ("CUDA_VERSION=12.6.3", "NV_CUDNN_VERSION=9.5.1.17-1", f"NVIDIA_REQUIRE_CUDA={REQUIRES['12.6.3']}")
    found[f"{CUDA}:{RUNTIME}"] = registry.push_image(CUDA, RUNTIME, env=env)
    for python in ("3.12", "3.13"):
        tag = f"{python}-slim-bookworm"
        found[f"python:{tag}"] = registry.push_image(PYTHON, tag, env=(f"PYTHON_VERSION={python}.1",))
    return found


@pytest.fixture
def stock(registry: RealRegistry) -> dict[str, str]:
    return push_stock(registry)


# -- image list ----------------------------------------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class TagRow(Strict):
    tag: str
    version: str | None
    variants: list[str]
    prerelease: bool
    rolling: bool
    digest: str | None
    platforms: list[str]
    size: int | None
    updated: str | None


class TagList(Strict):
    schema_version: Literal[1]
    repository: str
    origin: Literal["registry", "cache", "snapshot"]
    asked: str
    complete: bool
    tags: list[TagRow]


def test_list_shows_every_tag_newest_version_first(bench: Bench, stock: dict[str, str]) -> None:
    done = bench.run("image", "list")
    assert (done.code, done.err, done.requests) == (0, "", 1)
    *rows, said = done.lines()
    assert [row.split()[0] for row in rows] == ["2.18.0-gpu", "2.16.0rc0-gpu", "2.15.0", "2.15.0-gpu", "2.15.0-gpu-jupyter", "latest-gpu"]
    assert re.fullmatch(r"2\.18\.0-gpu +2\.18\.0 +gpu +20\d\d-\d\d-\d\d +7 bytes +linux/amd64 linux/arm64", rows[0])
    assert re.fullmatch(rf"6 of 6 tags; asked {bench.front.url} at \S+ \(1 request made\)", said)


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        (["--version", ">=2.15"], ["2.18.0-gpu", "2.16.0rc0-gpu", "2.15.0", "2.15.0-gpu", "2.15.0-gpu-jupyter"]),
        (["--version", "2.15", "--variant", "gpu", "--without", "jupyter"], ["2.15.0-gpu"]),
        (["--variant", "gpu", "--variant", "jupyter"], ["2.15.0-gpu-jupyter"]),
        (["--without", "gpu"], ["2.15.0"]),
        (["--variant", "gpu", "--without", "rc", "--without", "jupyter", "--limit", "2"], ["2.18.0-gpu", "2.15.0-gpu"]),
        (["--variant", "latest"], ["latest-gpu"]),
    ],
)
def test_list_filters(bench: Bench, stock: dict[str, str], options: list[str], tags: list[str]) -> None:
    done = bench.run("image", "list", *options, "--format", "json")
    found = TagList.model_validate(done.json)
    assert done.code == 0
    assert [row.tag for row in found.tags] == tags
    assert (found.repository, found.origin, found.complete) == (TF, "registry", True)
    assert {row.tag: row.digest for row in found.tags} == {tag: stock[f"{TF}:{tag}"] for tag in tags}


def test_list_without_a_match_or_a_repository(bench: Bench, stock: dict[str, str]) -> None:
    none = bench.run("image", "list", "--version", "9.9")
    assert (none.code, none.err) == (1, "")
    assert none.out.startswith("0 of 6 tags; asked ")
    for env in (bench.hub, bench.mirror):
        unknown = bench.run("image", "list", "no/such", env=env)
        if env is bench.hub:  # its API says no, and its registry, which has the last word, cannot be reached here
            assert (unknown.code, unknown.out) == (3, "")
            assert unknown.err.startswith("tfcompat: registry-1.docker.io could not be reached: the name ")
        else:  # Docker Hub's registry does not tell what is not there from what is hidden
            assert (unknown.code, unknown.out) == (3, "")
            assert unknown.err.startswith(
                f"tfcompat: {bench.front.host} does not let you read no/such (status 401), and the snapshot does not cover no/such\n  hint: "
            )
    wrong = bench.run("image", "list", f"{TF}:2.15.0")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err == (
        f"tfcompat: '{TF}:2.15.0' names one image, not a repository\n  hint: leave the tag out, or use 'tfcompat image inspect'\n"
    )


def test_online_does_not_do_with_a_list_of_before(bench: Bench, stock: dict[str, str], front: Front) -> None:
    fresh = {**bench.hub, "TFCOMPAT_MAX_AGE": "300"}
    assert bench.run("image", "list", env=fresh).requests == 1
    again = bench.run("image", "list", env=fresh)
    assert (again.requests, again.code) == (0, 0)
    assert f"; what {front.url} said at " in again.lines()[-1]
    assert bench.run("image", "list", "--online", env=fresh).requests == 1


def test_list_names_of_a_mirror(bench: Bench, stock: dict[str, str], front: Front) -> None:
    front.page_cap = 2
    done = bench.run("image", "list", "--format", "json", env=bench.mirror)
    found = TagList.model_validate(done.json)
    assert [row.tag for row in found.tags] == ["2.18.0-gpu", "2.16.0rc0-gpu", "2.15.0", "2.15.0-gpu", "2.15.0-gpu-jupyter", "latest-gpu"]
    assert {(row.digest, row.size, row.updated, *row.platforms) for row in found.tags} == {(None, None, None)}
    assert front.asked("tags/list") == 1 + 3


def test_old_entries_and_attestations_are_listed_as_they_are(bench: Bench, stock: dict[str, str], front: Front) -> None:
    front.age(TF, "2.15.0")
    rows = {row.tag: row for row in TagList.model_validate(bench.run("image", "list", "--format", "json").json).tags}
    assert (rows["2.15.0"].digest, rows["2.15.0"].platforms) == (None, ["linux/amd64"])
    assert rows["2.18.0-gpu"].platforms == ["linux/amd64", "linux/arm64"]
    assert bench.run("image", "list").code == 0


def test_a_list_that_is_not_whole_says_so(bench: Bench, stock: dict[str, str], front: Front) -> None:
    body = json.dumps({"count": 9, "next": None, "results": [{"name": "2.15.0"}]}).encode()
    front.fault("/tags", Fault(body=body), stay=True)
    done = bench.run("image", "list")
    assert done.code == 0
    assert re.search(r"^1 of 1 tags; asked \S+ at \S+, which counts more than it shows \(2 requests made\)$", done.out, re.MULTILINE)
    assert TagList.model_validate(bench.run("image", "list", "--format", "json").json).complete is False
    assert not bench.files()


# -- the registry's word, what it said before, the snapshot --------------------------------------


def test_offline_takes_what_was_said_before_else_the_snapshot(bench: Bench, stock: dict[str, str]) -> None:
    host = bench.front.host
    empty = bench.run("image", "list", "--offline", "--format", "json")
    found = TagList.model_validate(empty.json)
    assert (empty.code, empty.requests) == (0, 0)
    assert (found.origin, found.asked, found.complete) == ("snapshot", SNAPSHOT, False)
    assert empty.err == f"tfcompat: {host} was not asked (--offline); this is the snapshot of {SNAPSHOT}\n"
    assert "2.17.0-gpu" in {row.tag for row in found.tags}

    online = TagList.model_validate(bench.run("image", "list", "--online", "--format", "json").json)
    kept = bench.run("image", "list", "--offline", "--format", "json")
    assert TagList.model_validate(kept.json) == online.model_copy(update={"origin": "cache"})
    assert kept.err == f"tfcompat: {host} was not asked (--offline); this is what it said at {online.asked}\n"
    assert bench.run("image", "list", "--offline").lines()[-1] == f"6 of 6 tags; what {bench.front.url} said at {online.asked}"

    nowhere = bench.run("image", "list", "no/such", "--offline")
    assert (nowhere.code, nowhere.out) == (3, "")
    assert nowhere.err == (
        f"tfcompat: {host} was not asked (--offline), and the snapshot does not cover no/such\n  hint: leave --offline out\n"
    )
    both = bench.run("image", "list", "--offline", "--online")
    assert (both.code, both.err) == (2, "tfcompat: --online excludes --offline\n  hint: leave one of them out\n")


def test_nobody_there(bench: Bench, stock: dict[str, str]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        gone = f"127.0.0.1:{probe.getsockname()[1]}"
    nobody = {"TFCOMPAT_HUB_URL": f"https://{gone}"}
    why = f"{gone} did not answer https://{gone}{TAGS} in 4 attempts: the connection was refused"
    mirror = {"TFCOMPAT_REGISTRIES": f"docker.io=https://{gone}"}
    with ThreadPoolExecutor() as pool:  # each waits between its attempts
        default_ = pool.submit(bench.run, "image", "list", "--version", "2.17", env=nobody)
        strict_ = pool.submit(bench.run, "image", "inspect", f"{TF}:2.17.0-gpu", "--online", env=mirror)
    default, strict = default_.result(), strict_.result()
    assert (default.code, default.err) == (0, f"tfcompat: {why}; this is the snapshot of {SNAPSHOT}\n")
    assert default.lines()[-1].endswith(f"tags; snapshot of {SNAPSHOT}")
    address = f"https://{gone}/v2/{TF}/manifests/2.17.0-gpu"
    assert (strict.code, strict.out) == (3, "")
    assert strict.err == (
        f"tfcompat: {gone} did not answer {address} in 4 attempts: the connection was refused\n"
        "  hint: check the network, the proxy and the address\n"
    )


@pytest.mark.parametrize(
    ("reference", "code", "verdict"),
    [
        (f"{TF}:2.18.0-gpu", 1, "cuDNN 8.9.6.50 is of another major than the 9.3.0.75 that tensorflow 2.18.0 wants"),
        (f"{TF}:2.15.0-gpu", 0, "exists, and no rule speaks against what is inside."),
        (f"{TF}:2.17.1", 1, f"There is no {TF}:2.17.1 (reported missing)."),
        ("somebody/app:1", 3, "somebody/app:1 is not known to exist"),
    ],
)
def test_inspect_offline_judges_by_the_snapshot(bench: Bench, reference: str, code: int, verdict: str) -> None:
    done = bench.run("image", "inspect", reference, "--offline", env=bench.mirror)
    assert (done.code, done.requests) == (code, 0)
    assert verdict in " ".join(done.out.split())
    covered = "; this is the snapshot of 2026-07-07" if reference.startswith(TF) else ", and the snapshot does not cover it"
    assert done.err == f"tfcompat: {bench.front.host} was not asked (--offline){covered}\n"


# -- image inspect -------------------------------------------------------------------------------


class Cell(Strict):
    value: str | None
    where: str
    evidence: list[str]


class InspectionFinding(Strict):
    rule: str
    reason: str
    outcome: Literal["violated", "unknown"]
    severity: Literal["error", "warning", "note"]
    message: str
    remedy: str | None


class InspectionDocument(Strict):
    schema_version: Literal[1]
    reference: str
    status: str
    origin: Literal["registry", "cache", "snapshot"]
    asked: str | None
    digest: str | None
    platforms: dict[str, str | None]
    platform: str
    created: str | None
    size: int | None
    contents: dict[str, Cell]
    not_established: str | None
    findings: list[InspectionFinding]


def test_a_terminal_sees_progress_on_standard_error(bench: Bench, registry: RealRegistry) -> None:
    registry.push_image(TF, "2.15.0")
    registry.spread_tags(TF, "2.15.0", [f"1.{n}.0" for n in range(250)])
    screen, line = pty.openpty()
    settings = {**bench.environment(), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "tfcompat", "image", "list", "--limit", "1"]
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=line, cwd=bench.work) as process:
        os.close(line)
        shown = b""
        with suppress(OSError):  # how a terminal ends
            while part := os.read(screen, 4096):
                shown += part
        os.close(screen)
        assert process.stdout is not None
        out = process.stdout.read().decode()
    assert process.returncode == 0
    assert b"251/251" in shown
    assert out.startswith("2.15.0  2.15.0  ")
    assert "\x1b" not in out


def inspect(bench: Bench, reference: str, *options: str, code: int = 0) -> InspectionDocument:
    done = bench.run("image", "inspect", reference, *options, "--format", "json", env=bench.mirror)
    assert (done.code, done.err) == (code, "")
    return InspectionDocument.model_validate(done.json)


def values(found: InspectionDocument) -> dict[str, str | None]:
    return {name: cell.value for name, cell in found.contents.items()}


def test_inspect_says_that_the_cudnn_is_too_old(bench: Bench, stock: dict[str, str], front: Front) -> None:
    done = bench.run("image", "inspect", f"{TF}:2.18.0-gpu", env=bench.mirror)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith(
        f"{TF}:2.18.0-gpu exists, but cuDNN 8.9.6.50 is of another major than the 9.3.0.75 that\n"
        "  tensorflow 2.18.0 wants: it will run on the CPU without an error.\n\n"
        f"  digest         {stock[f'{TF}:2.18.0-gpu']}\n    linux/amd64  sha256:"
    )
    assert "  tensorflow     2.18.0  (history line 2, TENSORFLOW_PACKAGE)\n" in done.out
    assert "  cuda           12.3.0  (Env CUDA_VERSION)\n  cudnn          8.9.6.50  (curated row)\n" in done.out
    assert "\nfindings\n  error    cuDNN 8.9.6.50 is of another major" in done.out
    assert done.lines()[-1].startswith(f"asked {front.url} at ")
    again = bench.run("image", "inspect", f"{TF}:2.18.0-gpu", "--evidence", env=bench.mirror)
    assert again.requests == 3  # HEAD, token, HEAD: what is inside is known by its digest
    assert "\nevidence\n  tensorflow: measured: history line 2, TENSORFLOW_PACKAGE: 2.18.0 (config sha256:" in again.out
    assert not any(request.method == "GET" and "/manifests/" in request.path for request in front.requests[-3:])


def test_inspect_reads_the_cudnn_of_an_nvidia_image(bench: Bench, stock: dict[str, str]) -> None:
    found = inspect(bench, f"{CUDA}:{RUNTIME}")
    assert (found.digest, found.origin, found.status) == (stock[f"{CUDA}:{RUNTIME}"], "registry", "measured")
    assert found.contents["cudnn"] == Cell(value="9.5.1.17", where="Env NV_CUDNN_VERSION", evidence=found.contents["cudnn"].evidence)
    assert values(found) == {"tensorflow": None, "python": "3.12", "cuda": "12.6.3", "cudnn": "9.5.1.17", "require": REQUIRES["12.6.3"]}
    assert (found.size, found.created) == (7, "2024-01-02T03:04:05Z")


def test_inspect_judges_an_image_of_ones_own(bench: Bench, registry: RealRegistry) -> None:
    env = ("CUDA_VERSION=12.2.2", "NV_CUDNN_VERSION=8.9.6.50-1", "NVIDIA_REQUIRE_CUDA=cuda>=12.2")
    history = ["/bin/sh -c #(nop) ADD file:1 in /", "RUN /bin/sh -c pip install --no-cache-dir tensorflow==2.15.0 numpy<2 # buildkit"]
    registry.push_image("team/app", "1", env=env, history=history, labels=UBUNTU)
    found = inspect(bench, "team/app:1")
    assert values(found) == {"tensorflow": "2.15.0", "python": None, "cuda": "12.2.2", "cudnn": "8.9.6.50", "require": "cuda>=12.2"}
    assert found.contents["tensorflow"].where == "history line 2"
    newer = [history[0], history[1].replace("2.15.0", "2.18.0")]
    registry.push_image("team/app", "2", env=env, history=newer, labels=UBUNTU)
    worse = inspect(bench, "team/app:2", code=1)
    assert [f.rule for f in worse.findings if f.severity == "error" and f.outcome == "violated"] == ["cudnn-runtime"]


def test_what_the_config_does_not_say_stays_unknown(bench: Bench, registry: RealRegistry) -> None:
    digest = push_tensorflow(registry, None, "2.18.0")
    found = inspect(bench, f"{TF}@{digest}")
    assert (found.digest, found.contents["cudnn"].value, found.contents["cudnn"].where) == (digest, None, "unknown")
    assert [(f.rule, f.outcome) for f in found.findings if f.outcome == "unknown"] == [("cudnn-runtime", "unknown")]
    text = bench.run("image", "inspect", f"{TF}@{digest}", env=bench.mirror)
    assert "\n  cudnn       unknown\n" in text.out
    assert "exists; not established: whether cuDNN (unknown) serves tensorflow 2.18.0 is not established" in " ".join(text.out.split())


def test_a_digest_is_asked_for_and_not_assumed(bench: Bench, stock: dict[str, str], registry: RealRegistry, front: Front) -> None:
    digest = stock[f"{TF}:2.15.0-gpu"]
    assert inspect(bench, f"{TF}@{digest}").status == "measured"
    registry.ask("DELETE", f"/v2/{TF}/manifests/{digest}")
    gone = inspect(bench, f"{TF}@{digest}", "--online", code=1)
    assert (gone.status, gone.digest) == ("gone", None)
    never = "sha256:" + "12" * 32
    text = bench.run("image", "inspect", f"{TF}@{never}", env=bench.mirror)
    assert text.code == 1
    assert " ".join(text.out.split()).startswith(f"The registry has no {TF}@{never} (asked {front.url} on ")


def test_a_known_digest_asks_nothing(bench: Bench, stock: dict[str, str], front: Front) -> None:
    reference = f"{TF}@{stock[f'{TF}:2.15.0-gpu']}"
    assert bench.run("image", "inspect", reference, env=bench.mirror).requests > 0
    again = bench.run("image", "inspect", reference, env=bench.mirror)
    assert (again.requests, again.code, again.err) == (0, 0, "")
    assert again.lines()[-1].startswith(f"what {front.url} said at ")
    assert bench.run("image", "inspect", reference, "--online", env=bench.mirror).requests == 3  # HEAD, token, HEAD: is it still there?


def test_a_digest_is_known_by_whatever_name(bench: Bench, stock: dict[str, str], registry: RealRegistry) -> None:
    digest = stock[f"{TF}:2.15.0-gpu"]
    assert bench.run("image", "inspect", f"{TF}:2.15.0-gpu", env=bench.mirror).requests > 0
    for reference in (f"{TF}@{digest}", f"{TF}:2.15.0-gpu@{digest}", f"{TF}:other@{digest}"):
        known = bench.run("image", "inspect", reference, env=bench.mirror)
        assert (known.requests, known.code) == (0, 0), reference
    offline = bench.run("image", "inspect", f"{TF}:2.15.0-gpu", "--offline", "--format", "json", env=bench.mirror)
    assert (offline.json["origin"], offline.json["digest"]) == ("cache", digest)


def test_inspect_of_an_index_that_names_no_platforms(bench: Bench, stock: dict[str, str], registry: RealRegistry, front: Front) -> None:
    manifest = registry.manifest(TF, "2.15.0-gpu")
    entry = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.body)}
    kind = "application/vnd.oci.image.index.v1+json"
    index = {"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}
    registry.ask("PUT", f"/v2/{TF}/manifests/bare", json.dumps(index).encode(), {"Content-Type": kind})
    found = inspect(bench, f"{TF}:bare")
    assert found.platforms == {"linux/amd64": manifest.digest}
    assert found.contents["tensorflow"].value == "2.15.0"


def test_an_image_that_says_nothing_of_tensorflow_is_not_called_sound(bench: Bench, registry: RealRegistry) -> None:
    registry.push_image("team/app", "1", env=("PYTHON_VERSION=3.11.9",), history=("RUN pip install tensorflow",))
    done = bench.run("image", "inspect", "team/app:1", env=bench.mirror)
    assert done.out.startswith("team/app:1 exists; not established: which TensorFlow is inside, if any, is not said by the image.\n")


def test_inspect_of_what_is_not_there(bench: Bench, stock: dict[str, str], front: Front, registry: RealRegistry) -> None:
    done = bench.run("image", "inspect", f"{TF}:2.99", env=bench.mirror)
    assert (done.code, done.err) == (1, "")
    assert re.match(rf"The registry has no {TF}:2\.99 \(asked {front.url} on 20\d\d-\d\d-\d\d\)\.\n\n", done.out)
    assert inspect(bench, f"{TF}:2.15.0-gpu").status == "measured"
    registry.drop_tag(TF, "2.15.0-gpu")
    assert inspect(bench, f"{TF}:2.15.0-gpu", code=1).status == "gone"
    later = bench.run("image", "inspect", f"{TF}:2.15.0-gpu", "--offline", env=bench.mirror)
    assert later.code == 1  # the last word that was heard
    assert re.search(r"\(--offline\); this is what it said at \S+\n$", later.err)


def test_inspect_for_a_platform_a_gpu_and_a_driver(bench: Bench, stock: dict[str, str]) -> None:
    arm = inspect(bench, f"{TF}:2.18.0-gpu", "--platform", "linux/arm64", code=1)
    assert arm.platform == "linux/arm64"
    assert sorted(arm.platforms) == ["linux/amd64", "linux/arm64"]
    wrong = inspect(bench, f"{TF}:2.15.0-gpu", "--platform", "linux/arm64", code=1)
    assert f"{TF}:2.15.0-gpu is made for linux/amd64, not for linux/arm64" in {f.message for f in wrong.findings}
    old = inspect(bench, f"{TF}:2.15.0-gpu", "--gpu", "A100", "--driver", "515.65.01", code=1)
    assert any(f.rule == "image-requires-driver" and "cuda>=12.3" in f.message for f in old.findings)
    assert inspect(bench, f"{TF}:2.15.0-gpu", "--gpu", "A100", "--driver", "550.54.14").findings
    bad = bench.run("image", "inspect", f"{TF}:2.15.0", "--platform", "linux/riscv64", env=bench.mirror)
    assert (bad.code, bad.err.splitlines()[0]) == (2, "tfcompat: --platform: 'linux/riscv64' is not known")


def test_what_an_image_says_of_itself_is_shown_as_text(bench: Bench, registry: RealRegistry) -> None:
    """An author of images writes no escape sequences to other people's terminals, and stops no command."""
    env = ("CUDA_VERSION=12.2.2", "NVIDIA_REQUIRE_CUDA=cuda>=12.2\x1b[31m\ud800")
    registry.push_image("team/app", "1", env=env, created="2024\x1b]0;title\x07\ud800")
    done = bench.run("image", "inspect", "team/app:1", env=bench.mirror)
    assert (done.code, done.err) == (0, "")
    assert done.out.replace("\n", "").isprintable()
    assert "cuda>=12.2?[31m?" in done.out
    assert values(inspect(bench, "team/app:1"))["require"] == "cuda>=12.2\x1b[31m\ud800"


def test_private_images_are_for_who_is_logged_in(bench: Bench, registry: RealRegistry, front: Front) -> None:
    registry.push_image("mine/app", "1", env=("CUDA_VERSION=12.2.2",))
    front.private.add("mine/app")
    assert inspect(bench, "mine/app:1").contents["cuda"].value == "12.2.2"
    bench.log_in("elsewhere.example.org")
    shutil.rmtree(bench.cache)
    guest = bench.run("image", "inspect", "mine/app:1", env=bench.mirror)
    assert guest.code == 3
    assert guest.err.startswith(f"tfcompat: {front.host} does not let you read mine/app (status 401), and the snapshot does not cover it\n")
    strict = bench.run("image", "inspect", "mine/app:1", "--online", env=bench.mirror)
    assert (strict.code, strict.out) == (3, "")
    assert strict.err == (
        f"tfcompat: {front.host} does not let you read mine/app (status 401)\n"
        "  hint: check the name; for a private one, log in with 'docker login'\n"
    )


# -- whatever goes wrong -------------------------------------------------------------------------

BROKEN = b'{"broken": "content"}'
MISSING = b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'
SHRUG = "check the network, the proxy and the address"
LATER = "try again later; 'docker login' raises the limit of most registries"
HUB = "check the address of Docker Hub's API"


class Case(NamedTuple):
    """A fault that stays, and what the user reads of it. ``{host}`` and ``{url}`` are the front's and the address asked."""

    fault: Fault
    message: str
    hint: str
    env: Mapping[str, str] = {}


LIST_CASES = {
    "401": Case(Fault(status=401, body=BROKEN), "{host} answers {path} with status 401", HUB),
    "404 of a proxy": Case(Fault(status=404, body=b"<html>"), "{host} answers with something other than a JSON object", HUB),
    "429, seconds": Case(
        Fault(status=429, headers={"Retry-After": "3600"}, body=b"Too Many Requests"),
        "{host} asks to wait 3600 s: status 429 (Too Many Requests)",
        LATER,
    ),
    "429, a time": Case(
        Fault(status=429, headers={"X-Retry-After": str(int(time.time()) + 7200)}), r"{host} asks to wait \d+ s: status 429", LATER
    ),
    "429, again and again": Case(
        Fault(status=429, headers={"Retry-After": "0"}), "{host} did not answer {url} in 4 attempts: status 429", LATER
    ),
    "503": Case(
        Fault(status=503, headers={"Retry-After": "0"}, body=b"<html>\x1b[31mbusy</html>"),
        "{host} did not answer {url} in 4 attempts: status 503 (<html> [31mbusy</html>)",
        SHRUG,
    ),
    "slow": Case(Fault(delay=20), "{host} did not answer {url} in 4 attempts: no answer in time", SHRUG, {"TFCOMPAT_TIMEOUT": "0.2"}),
    "truncated": Case(Fault(body=BROKEN, length=10**6), "{host} did not answer {url} in 4 attempts: the answer broke off", SHRUG),
    "wrong JSON": Case(Fault(wrong_json=True), "{host} answers the list of tags with something else", HUB),
    "no JSON": Case(Fault(body=b"{" + BROKEN), "{host} answers with something other than a JSON object", HUB),
    "huge": Case(Fault(body=BROKEN * 4096, repeat=10**6), "{host} answers {url} with more than 16384 kB", "check the address"),
    "endless redirects": Case(Fault(redirect="?again"), "{host} redirects {url} more than 5 times", "check the address"),
    "another host": Case(
        Fault(redirect="https://{cdn}/elsewhere", status=307), "{host} answers with something other than a JSON object", HUB
    ),
    "plain HTTP": Case(
        Fault(redirect="http://{host}/plain", status=307),
        "{host} redirects to http://{host}/plain, which is not encrypted",
        "name the registry's own address",
    ),
}  # fmt: skip


def told(case: Case, front: Front, path: str, digest: str = "") -> str:
    """What standard error holds with ``--online``, as a pattern."""
    cells = {"host": front.host, "url": f"{front.url}{path}", "path": path, "digest": digest}
    message = case.message if "\\d" in case.message else re.escape(case.message).replace(r"\{", "{").replace(r"\}", "}")
    for name, value in cells.items():
        message = message.replace(f"{{{name}}}", re.escape(value))
    return f"tfcompat: {message}\n  hint: {re.escape(case.hint)}\n"


def placed(fault: Fault, front: Front) -> Fault:
    from dataclasses import replace

    address = fault.redirect and fault.redirect.replace("{host}", front.host).replace("{cdn}", front.cdn_host)
    return replace(fault, redirect=address)


@pytest.mark.parametrize("name", LIST_CASES)
def test_list_under_a_fault(bench: Bench, stock: dict[str, str], front: Front, name: str) -> None:
    case = LIST_CASES[name]
    front.fault("/tags", placed(case.fault, front), stay=True)
    failed = bench.run("image", "list", "--online", env={**bench.hub, **case.env})
    assert (failed.code, failed.out) == (3, "")
    assert re.fullmatch(told(case, front, TAGS), failed.err), failed.err
    assert failed.requests <= 6
    assert bench.files() == {}
    if case.fault.headers or name in ("wrong JSON", "401"):  # quick ones
        fallback = bench.run("image", "list", "--version", "2.15", env={**bench.hub, **case.env})
        message = told(case, front, TAGS).partition("\n")[0]
        assert fallback.code == 0
        assert re.fullmatch(f"{message}; this is the snapshot of {SNAPSHOT}\n", fallback.err)
    heal(front)
    healthy = bench.run("image", "list", "--online")
    assert (healthy.code, healthy.err) == (0, "")
    assert "6 of 6 tags" in healthy.out


def heal(front: Front) -> None:
    front._faults.clear()


INSPECT_CASES = {
    "401": ("/manifests/", Case(
        Fault(status=401, body=BROKEN), f"{{host}} does not let you read {TF} (status 401)",
        "check the name; for a private one, log in with 'docker login'",
    )),
    "404 of a proxy": ("/manifests/", Case(
        Fault(status=404, body=b"<html>"), "{host} answers with something other than JSON", "check the address of the registry",
    )),
    "404 without errors": ("/manifests/", Case(
        Fault(status=404, body=BROKEN), "{host} answers {path} with a 404 that is no registry's", "check the address of the registry",
    )),
    "another manifest": ("/manifests/sha256", Case(
        Fault(body=BROKEN), rf"{{host}} answers sha256:[0-9a-f]{{12}} of {TF} with content of another digest, sha256:[0-9a-f]{{12}}\d*",
        "something on the way alters answers: check the proxy or the mirror",
    )),
    "one bit of the config": ("/blobs/", Case(
        Fault(flip=True, redirect=None, body=BROKEN), rf"{{host}} answers sha256:[0-9a-f]{{12}} of {TF} with content of another digest, sha256:[0-9a-f]{{12}}\d*",
        "something on the way alters answers: check the proxy or the mirror",
    )),
    "pulls have run out": ("/manifests/sha256", Case(
        Fault(status=429, headers={"Retry-After": "21600"}, body=b"You have reached your unauthenticated pull rate limit."),
        "{host} asks to wait 21600 s: status 429 (You have reached your unauthenticated pull rate limit.)", LATER,
    )),
    "a blob from plain HTTP": ("/blobs/", Case(
        Fault(redirect="http://{host}/plain", status=307),
        "{host} redirects to http://{host}/plain, which is not encrypted", "name the registry's own address",
    )),
    "no token": ("/token", Case(
        Fault(status=403, body=BROKEN), "{host} refuses the credentials for {host} (status 403)", "log in with 'docker login'",
    )),
    "a token that is none": ("/token", Case(
        Fault(body=b'{"token": ["x"]}'), f"{{host}} gives no token for {TF} (status 200)", "check the address of the registry",
    )),
    "a huge config": ("/cdn/", Case(
        Fault(body=BROKEN * 4096, repeat=10**6), r"localhost:\d+ answers https://localhost:\d+/cdn/\S+ with more than 8192 kB", "check the address",
    )),
}  # fmt: skip


@pytest.mark.parametrize("name", INSPECT_CASES)
def test_inspect_under_a_fault(bench: Bench, stock: dict[str, str], front: Front, name: str) -> None:
    part, case = INSPECT_CASES[name]
    front.fault(part, placed(case.fault, front), stay=True)
    failed = bench.run("image", "inspect", f"{TF}:2.18.0-gpu", "--online", env=bench.mirror)
    assert (failed.code, failed.out) == (3, "")
    assert re.fullmatch(told(case, front, f"/v2/{TF}/manifests/2.18.0-gpu"), failed.err), failed.err
    assert not bench.holds(BROKEN)
    if name in ("404 of a proxy", "another manifest", "one bit of the config"):
        fallback = bench.run("image", "inspect", f"{TF}:2.18.0-gpu", env=bench.mirror)
        assert fallback.code == 1  # by what the matrix knows of it
        assert re.fullmatch(
            told(case, front, f"/v2/{TF}/manifests/2.18.0-gpu").partition("\n")[0] + r"; this is (the snapshot of|what it said at) \S+\n",
            fallback.err,
        )
        assert not bench.holds(BROKEN)
    heal(front)
    healthy = bench.run("image", "inspect", f"{TF}:2.18.0-gpu", "--online", env=bench.mirror)
    assert (healthy.code, healthy.err) == (1, "")
    assert stock[f"{TF}:2.18.0-gpu"] in healthy.out
    assert "(Env CUDA_VERSION)" in healthy.out


def test_a_damaged_cache_is_not_believed(bench: Bench, stock: dict[str, str], front: Front) -> None:
    front.etags = True
    bench.run("image", "inspect", f"{TF}:2.18.0-gpu", env=bench.mirror)
    bench.run("image", "list")
    for file in bench.cache.rglob("*"):
        if file.is_file():
            file.write_bytes(BROKEN)
    assert "6 of 6 tags" in bench.run("image", "list", "--online").out
    assert stock[f"{TF}:2.18.0-gpu"] in bench.run("image", "inspect", f"{TF}:2.18.0-gpu", "--online", env=bench.mirror).out
    for file in bench.cache.rglob("*.json"):
        file.write_bytes(BROKEN)
    offline = bench.run("image", "list", "--offline")
    assert (offline.code, offline.lines()[-1].endswith(f"snapshot of {SNAPSHOT}")) == (0, True)


# -- resolve -------------------------------------------------------------------------------------

GPU = ("resolve", "--gpu", "A100")
SLIM = "python:3.13-slim-bookworm"


def test_resolve_online_names_what_is_there(bench: Bench, stock: dict[str, str]) -> None:
    done = bench.run(*GPU, "--online")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{SLIM}  (a plain Python image with exact pins)\n")
    assert re.search(rf"\n  tag          in the registry at 20\S+\n  digest       {stock[SLIM]}\n", done.out)
    document = bench.run(*GPU, "--online", "--format", "json").json
    assert stock[SLIM] in json.dumps(document)


def test_resolve_passes_over_what_is_gone(
    bench: Bench, stock: dict[str, str], registry: RealRegistry, internet: dict[str, str], front: Front
) -> None:
    registry.drop_tag(PYTHON, "3.13-slim-bookworm")
    other = bench.run(*GPU, "--base", "slim", "--online", env=internet)
    assert (other.code, other.err) == (0, "")
    assert other.out.startswith("python:3.12-slim-bookworm  (")
    registry.drop_tag(CUDA, RUNTIME)
    none = bench.run(*GPU, "--base", f"{CUDA}:{RUNTIME}", "--online", env=internet)
    assert (none.code, none.err) == (1, "")
    assert f"the registry has no {CUDA}:{RUNTIME} (asked https://registry-1.docker.io on 20" in " ".join(none.out.split())


def test_docker_hubs_api_alone_declares_nothing_gone(bench: Bench, registry: RealRegistry, internet: dict[str, str], front: Front) -> None:
    """It does not know private repositories, and a gateway may answer in its place: the registry has the last word."""
    registry.push_image("mine/app", "1", env=("CUDA_VERSION=12.2.2", "NV_CUDNN_VERSION=8.9.7.29-1"))
    front.private.add("mine/app")
    front.fault("/v2/namespaces/mine", Fault(status=404, body=b'{"message": "object not found"}'), stay=True)
    bench.log_in("https://index.docker.io/v1/")
    listed = bench.run("image", "list", "mine/app", env=internet)
    assert (listed.code, listed.err, listed.lines()[0]) == (0, "", "1  1")
    command = (*GPU, "--base", "mine/app:1", "--online")
    assert "the registry has no" not in bench.run(*command, env=internet).out
    bench.log_in("elsewhere.example.org")
    guest = bench.run(*command, env=internet)
    assert (guest.code, guest.out) == (3, "")
    assert guest.err.startswith("tfcompat: registry-1.docker.io does not let you read mine/app (status 401)\n")


def test_resolve_remarks_that_a_tag_has_moved(bench: Bench, stock: dict[str, str]) -> None:
    done = bench.run(*GPU, "--tensorflow", "2.15.0", "--base", f"{TF}:2.15.0-gpu", "--online", env=bench.mirror)
    assert (done.code, done.err) == (0, "")
    now = stock[f"{TF}:2.15.0-gpu"][:19]
    assert re.search(rf"{TF}:2\.15\.0-gpu has moved since the snapshot, from sha256:\w{{12}} to {now}: what is", " ".join(done.out.split()))


@pytest.mark.parametrize("form", ["text", "dockerfile", "env", "json", "github-output", "requirements"])
def test_a_digest_is_pinned_in_every_format(bench: Bench, stock: dict[str, str], form: str) -> None:
    done = bench.run(*GPU, "--online", "--pin-digest", "--format", form)
    pinned = f"{SLIM}@{stock[SLIM]}"
    assert (done.code, done.err) == (0, "")
    assert done.requests <= 3
    if form == "dockerfile":
        assert re.search(rf"^# {SLIM}, as the registry had it on 20\d\d-\d\d-\d\d\nFROM {pinned}$", done.out, re.MULTILINE)
    elif form == "json":
        assert json.loads(done.out)
        assert f'"{pinned}"' in done.out
    elif form == "requirements":
        assert "tensorflow[and-cuda]==" in done.out
    else:
        assert pinned in done.out


def test_a_digest_that_nobody_knows_is_not_pinned(bench: Bench) -> None:
    for form in ("text", "dockerfile", "json"):
        done = bench.run(*GPU, "--pin-digest", "--format", form)
        assert (done.code, done.out, done.requests) == (3, "", 0)
        assert re.fullmatch(r"tfcompat: the digest of python:\S+ is not known\n  hint: ask the registry: add --online\n", done.err)


def test_an_old_entry_is_pinned_by_what_the_registry_says(
    bench: Bench, stock: dict[str, str], front: Front, internet: dict[str, str]
) -> None:
    front.age(PYTHON, "3.13-slim-bookworm")  # its digest is not in the Hub's list
    command = (*GPU, "--base", SLIM, "--online", "--pin-digest", "--format", "env")
    asked = bench.run(*command, env=internet)
    assert (asked.code, asked.err) == (0, "")
    assert f"{SLIM}@{stock[SLIM]}" in asked.out
    front.fault("/token", Fault(status=403), stay=True)
    refused = bench.run(*command, env=internet)
    assert (refused.code, refused.out) == (3, "")
    assert refused.err == f"tfcompat: the digest of {SLIM} is not known\n  hint: its registry does not tell it; leave --pin-digest out\n"


def test_resolve_online_needs_the_registry(bench: Bench, stock: dict[str, str], front: Front) -> None:
    front.fault("/tags/", Fault(status=500, headers={"Retry-After": "0"}), stay=True)
    done = bench.run(*GPU, "--online")
    assert (done.code, done.out) == (3, "")
    assert re.fullmatch(
        rf"tfcompat: {front.host} did not answer {front.url}/v2/namespaces/\S+/tags/\S+ in 4 attempts: status 500\n"
        r"  hint: check the network, the proxy and the address\n",
        done.err,
    )
    assert bench.run(*GPU).code == 0


# -- image verify and image refresh --------------------------------------------------------------


class Proxy(BaseHTTPRequestHandler):
    """CONNECT to anywhere ends at ``port``: the Docker Hub of the tests has its own names and no others'."""

    port = 0

    def do_CONNECT(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as there, suppress(OSError):
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    ends[end].sendall(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def internet(bench: Bench) -> Iterator[dict[str, str]]:
    """The settings of who has none: hub.docker.com and registry-1.docker.io, by way of a proxy that leads to the front."""
    handler = type("ProxyOfFront", (Proxy,), {"port": bench.front.server.port})
    with running(LoopbackServer(handler)) as server:
        yield {"HTTPS_PROXY": f"http://127.0.0.1:{server.port}", "TFCOMPAT_HUB_URL": ""}


ROWS = {
    "tensorflow.jsonl": ("2.18.0-gpu", "2.15.0", "2.15.0-gpu", "2.15.0-gpu-jupyter", "latest-gpu"),
    "nvidia-cuda.jsonl": (RUNTIME, "10.0-base-ubuntu16.04"),
    "python-slim.jsonl": ("3.12-slim-bookworm", "3.13-slim-bookworm"),
}
THREE = (TF, CUDA, "python")


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of data/ that knows the stock, and the digest of one tag; and ``small.json``, compiled from it."""
    with serve_registry(tmp_path_factory.mktemp("stock")) as registry:
        digests = push_stock(registry)
    folder = tmp_path_factory.mktemp("small")
    data = folder / "data"
    shutil.copytree(ROOT / "data", data)
    shutil.rmtree(data / "measured/images", ignore_errors=True)
    for name, tags in ROWS.items():
        rows = [json.loads(line) for line in (data / "images" / name).read_text().splitlines()]
        kept = [{**row, **({"digest": None} if "digest" in row else {})} for row in rows if row["tag"] in tags]
        for row in kept:
            if row["tag"] == "2.15.0-gpu":
                row["digest"] = digests[f"{TF}:2.15.0-gpu"]
        assert len(kept) == len(tags)
        (data / "images" / name).write_text("".join(json.dumps(row) + "\n" for row in kept))
    compile_data(data, folder / "small.json")
    return folder


def compile_data(data: Path, output: Path) -> None:
    command = [sys.executable, "-m", "tfcompat", "matrix", "compile", "--data", str(data), "--output", str(output)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def small(small_data: Path) -> tuple[str, str]:
    return "--matrix", str(small_data / "small.json")


@pytest.fixture
def known_stock(stock: dict[str, str], registry: RealRegistry) -> dict[str, str]:
    """The stock without the tag that the small matrix does not know."""
    registry.drop_tag(TF, "2.16.0rc0-gpu")
    return stock


@pytest.mark.parametrize("way", ["Docker Hub", "a mirror"])
def test_verify_finds_no_drift(
    bench: Bench, known_stock: dict[str, str], small: tuple[str, str], internet: dict[str, str], way: str
) -> None:
    env = internet if way == "Docker Hub" else bench.mirror
    done = bench.run("image", "verify", *THREE, *small, env=env)
    assert (done.code, done.err) == (0, "")
    assert done.out == "0 differences; 8 tags listed, 7 images looked into\n"
    again = bench.run("image", "verify", TF, *small, "--format", "json", env=env)
    assert (again.code, again.json) == (0, {"schema_version": 1, "drift": [], "not_established": []})
    if way == "Docker Hub":
        assert again.requests == 1  # the list; what its digests name is known


@pytest.mark.parametrize("way", ["Docker Hub", "a mirror"])
def test_verify_names_every_kind_of_drift(
    bench: Bench, stock: dict[str, str], small: tuple[str, str], internet: dict[str, str], registry: RealRegistry, way: str
) -> None:
    env = internet if way == "Docker Hub" else bench.mirror
    push_tensorflow(registry, "2.99.0-gpu", "2.99.0")
    push_tensorflow(registry, "20991231-gpu", "2.99.0")  # a date, not a version
    push_tensorflow(registry, "2.17.1", "2.17.1")
    registry.drop_tag(TF, "2.15.0-gpu-jupyter")
    registry.drop_tag(TF, "latest-gpu")
    moved = push_tensorflow(registry, "2.15.0-gpu", "2.15.0", created="2025-05-05T05:05:05Z")
    registry.push_image(
        CUDA, RUNTIME, env=("CUDA_VERSION=12.6.3", "NV_CUDNN_VERSION=9.6.0.74-1", f"NVIDIA_REQUIRE_CUDA={REQUIRES['12.6.3']}")
    )
    registry.push_image(CUDA, "10.0-base-ubuntu16.04", env=("CUDA_VERSION=10.0.130",))
    done = bench.run("image", "verify", TF, CUDA, *small, env=env)
    assert (done.code, done.err) == (1, "")
    status = {"2.15.0-gpu-jupyter": "observed", "latest-gpu": "rolling"}
    lines = done.lines()
    assert lines[-1].startswith(f"{len(lines) - 1} differences; 9 tags listed, ")
    assert sorted(re.sub(r"as (observed|documented|rolling)\)", "as ...)", line) for line in lines[:-1]) == [
        f"back again: {CUDA}:10.0-base-ubuntu16.04 (the matrix has it as delisted)",
        f"back again: {TF}:2.17.1 (the matrix has it as reported missing)",
        f"changed digest: {TF}:2.15.0-gpu ({stock[f'{TF}:2.15.0-gpu'][:19]} in the matrix, {moved[:19]} in the registry)",
        *(f"gone tag: {TF}:{tag} (the matrix has it as ...)" for tag in status),
        f"new tag: {TF}:2.99.0-gpu",
        f"other contents: {CUDA}:{RUNTIME} (cudnn 9.5.1.17 in the matrix, 9.6.0.74 in the image (Env NV_CUDNN_VERSION))",
    ]
    document = bench.run("image", "verify", TF, CUDA, *small, "--format", "json", env=env)
    assert document.code == 1
    assert {row["kind"] for row in document.json["drift"]} == {"new tag", "gone tag", "back again", "changed digest", "other contents"}
    assert all(set(row) == {"kind", "reference", "detail"} for row in document.json["drift"])


def test_verify_says_what_it_did_not_look_into(bench: Bench, known_stock: dict[str, str], small: tuple[str, str]) -> None:
    for left in (2, 0):
        done = bench.run("image", "verify", TF, *small, "--limit", "2", env=bench.mirror)
        if left:
            rest = f"not established: {TF}: the contents of {left} images were not compared in this run: repeat it, or raise --limit\n"
            assert (done.code, done.err) == (3, "")
            assert done.out == f"{rest}0 differences; 5 tags listed, 2 images looked into\n"
        else:
            assert (done.code, done.out) == (0, "0 differences; 5 tags listed, 4 images looked into\n")


def test_verify_stops_where_the_registry_wants_no_more_questions(bench: Bench, registry: RealRegistry, front: Front) -> None:
    push_tensorflow(registry, "2.15.0-gpu", "2.15.0")
    registry.spread_tags(TF, "2.15.0-gpu", [f"2.{minor}.0-gpu" for minor in range(3, 15)])
    front.fault("/manifests/", Fault(status=429, headers={"Retry-After": "21600"}), stay=True)
    done = bench.run("image", "verify", TF, env=bench.mirror)
    limited = [line for line in done.lines() if line.endswith(f"-gpu: {front.host} asks to wait 21600 s: status 429")]
    assert 1 <= len(limited) <= 4  # those that were under way
    assert f"the contents of {13 - len(limited)} images were not compared in this run: repeat it, or raise --limit" in done.out
    assert done.lines()[-1].endswith("; 13 tags listed, 0 images looked into")


def test_verify_leaves_a_registry_alone_that_never_answers(bench: Bench, registry: RealRegistry, front: Front) -> None:
    push_tensorflow(registry, "2.15.0-gpu", "2.15.0")
    tags = [f"2.{minor}.0{variant}" for minor in range(3, 15) for variant in ("-gpu", "")]
    registry.spread_tags(TF, "2.15.0-gpu", tags)
    front.fault("/manifests/", Fault(status=403, body=b"no"), stay=True)
    done = bench.run("image", "verify", TF, env=bench.mirror)
    failed = [line for line in done.lines() if line.endswith(f": {front.host} does not let you read {TF} (status 403)")]
    assert 8 <= len(failed) <= 11  # and those that were under way
    assert f"the contents of {len(tags) + 1 - len(failed)} images were not compared in this run" in done.out


def test_verify_keeps_what_is_not_established_apart(
    bench: Bench, known_stock: dict[str, str], small: tuple[str, str], front: Front, registry: RealRegistry
) -> None:
    front.fault("/manifests/2.15.0-gpu", Fault(status=403, body=b"no"), stay=True)
    part = bench.run("image", "verify", TF, *small, env=bench.mirror)
    assert part.code == 3
    assert part.lines()[0] == f"not established: {TF}: {TF}:2.15.0-gpu: {front.host} does not let you read {TF} (status 403)"
    heal(front)
    front.fault(f"/v2/{PYTHON}/tags", Fault(body=b"{"), stay=True)
    registry.drop_tag(TF, "latest-gpu")
    both = bench.run("image", "verify", "python", TF, *small, env=bench.mirror)
    assert both.code == 1  # what one repository shows is not lost with the other
    assert both.lines()[0].startswith(f"gone tag: {TF}:latest-gpu ")
    assert both.lines()[1] == f"not established: python: {front.host} answers with something other than JSON"
    alone = bench.run("image", "verify", "python", *small, env=bench.mirror)
    assert (alone.code, alone.out) == (3, "")
    unknown = bench.run("image", "verify", "no/such", *small)
    assert (unknown.code, unknown.err.splitlines()[0]) == (2, "tfcompat: the matrix has no rows of no/such")


def test_an_empty_or_partial_list_declares_nothing_gone(
    bench: Bench, known_stock: dict[str, str], small: tuple[str, str], front: Front
) -> None:
    nothing = Fault(body=json.dumps({"count": 0, "next": None, "results": []}).encode())
    some = Fault(body=json.dumps({"count": 5, "next": None, "results": [{"name": "2.15.0"}]}).encode())
    other = Fault(body=json.dumps({"count": 1, "next": None, "results": [{"name": "1.0"}]}).encode())
    for fault, why in (
        (nothing, "the registry lists 0 tags, and none of the 5 of the matrix: nothing was compared"),
        (some, "the registry counts more tags than it lists: nothing was compared; try again"),
        (other, "the registry lists 1 tags, and none of the 5 of the matrix: nothing was compared"),
    ):
        front.fault("/tags", fault, stay=True)
        done = bench.run("image", "verify", TF, *small)
        heal(front)
        assert (done.code, done.lines()[0]) == (3, f"not established: {TF}: {why}")
        assert "gone" not in done.out


def copied(small_data: Path, folder: Path) -> Path:
    shutil.copytree(small_data / "data", folder / "data")
    return folder / "data"


def test_refresh_prints_writes_and_then_has_nothing_to_say(
    bench: Bench,
    stock: dict[str, str],
    small_data: Path,
    small: tuple[str, str],
    internet: dict[str, str],
    registry: RealRegistry,
    tmp_path: Path,
) -> None:
    data = copied(small_data, tmp_path)
    env = ("CUDA_VERSION=12.8.1", "NV_CUDNN_VERSION=9.8.0.87-1", "NVIDIA_REQUIRE_CUDA=cuda>=12.8")
    newer = registry.push_image(
        CUDA, "12.8.1-cudnn-runtime-ubuntu24.04", env=env, labels={**UBUNTU, "org.opencontainers.image.version": "24.04"}
    )
    registry.push_image(CUDA, "10.0-base-ubuntu16.04", env=("CUDA_VERSION=10.0.130",))
    push_tensorflow(registry, "2.17.1", "2.17.1")  # reported missing
    command = ("image", "refresh", *THREE, "--data", str(data))
    look = bench.run(*command, *small, env=internet)
    assert look.code == 0
    assert look.err == "11 rows differ; nothing was changed (use --write)\n"
    assert sorted(look.lines()) == sorted(
        [f"+ tensorflow {tag}" for tag in ("2.17.1", *ROWS["tensorflow.jsonl"])]  # no release candidate: the matrix has none
        + [f"+ nvidia-cuda {tag}" for tag in (RUNTIME, "12.8.1-cudnn-runtime-ubuntu24.04", "10.0-base-ubuntu16.04")]
        + [f"+ python-slim {tag}" for tag in ROWS["python-slim.jsonl"]]
    )
    assert not (data / "measured/images").exists()

    done = bench.run(*command, *small, "--write", env=internet)
    assert (done.code, done.err) == (0, "11 rows differ; written\n")
    rows = {row["tag"]: row for row in map(json.loads, (data / "measured/images/nvidia-cuda.jsonl").read_text().splitlines())}
    contents = rows["12.8.1-cudnn-runtime-ubuntu24.04"].pop("contents")
    assert {name: contents[name] for name in ("cuda", "cudnn", "os", "require")} == {
        "cuda": "12.8.1", "cudnn": "9.8.0.87", "os": "ubuntu24.04", "require": "cuda>=12.8",
    }  # fmt: skip
    assert all("contents" not in row for row in rows.values())
    stamp = json.loads((data / "measured/images/stamp.json").read_text())
    assert set(stamp) == set(THREE)

    measured = tmp_path / "measured.json"
    compile_data(data, measured)
    matrix = ("--matrix", str(measured))
    for which in (small, matrix):  # by the matrix of before, and by the one that has learned from it
        again = bench.run(*command, *which, "--write", env=internet)
        assert (again.code, again.out, again.err) == (0, "", "0 rows differ; written\n")
    calm = bench.run("image", "verify", *THREE, *matrix, env=internet)
    assert (calm.code, calm.err) == (0, ""), calm.out
    plan = bench.run(*GPU, "--base", f"{CUDA}:12.8.1-cudnn-runtime-ubuntu24.04", "--pin-digest", *matrix, env=internet)
    assert (plan.code, plan.requests) == (0, 0), plan.err
    assert f"{CUDA}:12.8.1-cudnn-runtime-ubuntu24.04@{newer}" in plan.out
    offline = bench.run(
        "image",
        "inspect",
        f"{CUDA}:12.8.1-cudnn-runtime-ubuntu24.04",
        "--offline",
        "--format",
        "json",
        *matrix,
        "--cache",
        str(tmp_path / "empty"),
    )
    found = InspectionDocument.model_validate(offline.json)
    assert (found.status, found.digest, found.contents["cudnn"].value) == ("measured", newer, "9.8.0.87")
    assert found.contents["require"].value == "cuda>=12.8"


def test_refresh_loses_no_tag_unless_told_to(
    bench: Bench,
    known_stock: dict[str, str],
    small_data: Path,
    small: tuple[str, str],
    internet: dict[str, str],
    registry: RealRegistry,
    tmp_path: Path,
) -> None:
    data = copied(small_data, tmp_path)
    folder = data / "measured/images"
    command = ("image", "refresh", TF, "--write", "--data", str(data))
    registry.drop_tag(TF, "2.15.0")
    first = bench.run(*command, *small, env=internet)  # no refresh before this one: the matrix knows what should be there
    assert (first.code, folder.exists()) == (2, False)
    assert re.search(r"^- tensorflow 2\.15\.0: the matrix has it as \w+$", first.out, re.MULTILINE)
    assert f"what was asked no longer has 1 rows that {folder} has" in first.err
    assert bench.run(*command, *small, "--allow-shrink", env=internet).code == 0
    registry.drop_tag(TF, "latest-gpu")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    second = bench.run(*command, *small, env=internet)
    assert (second.code, second.out) == (2, "- tensorflow latest-gpu\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert bench.run(*command, *small, "--allow-shrink", env=internet).code == 0

    compile_data(data, tmp_path / "lost.json")
    lost = ("--matrix", str(tmp_path / "lost.json"))
    gone = bench.run("image", "inspect", f"{TF}:latest-gpu", "--offline", *lost, env=internet)
    assert gone.code == 1
    assert "The registry has no tensorflow/tensorflow:latest-gpu (snapshot of 20" in gone.out
    push_tensorflow(registry, "latest-gpu", "2.18.0")  # and it is back: for verify, and for the next refresh
    push_tensorflow(registry, "2.15.0", "2.15.0")
    back = bench.run("image", "verify", TF, *lost, env=internet)
    assert [line for line in back.lines() if line.startswith("back")] == [
        f"back again: {TF}:{tag} (the matrix has it as gone)" for tag in ("2.15.0", "latest-gpu")
    ]
    found = bench.run(*command, *lost, env=internet)
    assert (found.code, found.out) == (0, "+ tensorflow 2.15.0\n+ tensorflow latest-gpu\n")


def test_a_refresh_that_fails_changes_nothing(
    bench: Bench, known_stock: dict[str, str], small_data: Path, small: tuple[str, str], front: Front, tmp_path: Path
) -> None:
    data = copied(small_data, tmp_path)
    command = ("image", "refresh", TF, "python", "--write", "--data", str(data), *small)
    for part, fault, message in (
        ("/library/python/tags", Fault(status=403, body=b"no"), "does not let you read library/python (status 403)"),
        ("/manifests/2.15.0-gpu", Fault(status=404, body=b"<html>"), "answers with something other than JSON"),
        ("/manifests/2.15.0-gpu", Fault(status=404, body=b'{"errors": []}'), "with a 404 that is no registry's"),
        ("/manifests/2.15.0-gpu", Fault(status=404, body=MISSING), f"{TF}:2.15.0-gpu is listed and not there"),
        ("/tensorflow/tags", Fault(body=b'{"name": "x", "tags": ["1.0"]}'), "has no tag that the matrix covers"),
    ):
        front.fault(part, fault, stay=True)
        done = bench.run(*command, env=bench.mirror)
        heal(front)
        assert (done.code, done.out) == (3, "")
        assert message in done.err
        assert not (data / "measured/images").exists()
    (data / "measured/images").mkdir()
    (data / "measured/images/stamp.json").write_text("{")
    done = bench.run(*command, env=bench.mirror)
    assert (done.code, done.err.splitlines()[0].startswith(f"tfcompat: {data}/measured/images/stamp.json cannot be read: ")) == (2, True)


# -- settings ------------------------------------------------------------------------------------


def test_an_option_beats_the_environment_and_that_beats_pyproject(bench: Bench, stock: dict[str, str], front: Front) -> None:
    table = bench.work / "pyproject.toml"
    command, wrong, unset = ("image", "list", "--online"), {"TFCOMPAT_HUB_URL": "ftp://x"}, {"TFCOMPAT_HUB_URL": ""}
    table.write_text(f'[tool.tfcompat.registry]\nhub-url = "{front.url}"\n')
    assert bench.run(*command, env=unset).code == 0
    assert bench.run(*command, env=wrong).err.startswith("tfcompat: TFCOMPAT_HUB_URL: 'ftp://x' is not an address\n")
    assert bench.run(*command, "--hub-url", front.url, env=wrong).code == 0
    table.write_text('[tool.tfcompat.registry]\nhub-url = "ftp://y"\n')
    assert bench.run(*command, env=bench.hub).code == 0
    last = bench.run(*command, env=unset)
    assert (last.code, last.err.splitlines()[0]) == (
        2,
        f"tfcompat: {table}: [tool.tfcompat.registry] hub-url: 'ftp://y' is not an address",
    )
    table.write_text(f'[tool.tfcompat.registry]\nregistries = {{ "docker.io" = "{front.url}" }}\n')
    assert bench.run("image", "inspect", f"{TF}:2.15.0-gpu", "--online", env={}).code == 0
    table.write_text('[tool.tfcompat.registry]\nhub = "x"\n')
    unknown = bench.run("image", "list")
    assert (unknown.code, unknown.out) == (2, "")
    assert "[tool.tfcompat.registry] has an unknown key, 'hub'" in unknown.err


def test_a_certificate_that_is_not_trusted(bench: Bench, stock: dict[str, str], front: Front) -> None:
    done = bench.run("image", "list", "--online", env={**bench.hub, "REQUESTS_CA_BUNDLE": ""})
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"tfcompat: {front.host} has a certificate that is not trusted: ")
    assert done.err.endswith("\n  hint: name your CA bundle in REQUESTS_CA_BUNDLE\n")
