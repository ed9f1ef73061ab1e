"""Debian's ``docker-registry`` on loopback, and images pushed into it by plain HTTP: no container engine is needed."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode, urlsplit

import bcrypt

from registry.images import ACCEPT, Media, as_json, descriptor, digest_of, image_config, image_manifest, media_types
from registry.serving import Reply
from registry.tokens import TokenDesk, basic, serve_tokens

__all__ = ["Auth", "Manifest", "RealRegistry", "serve_registry"]

Auth = Literal["none", "htpasswd", "token"]

_BINARY = "docker-registry"
_ACTIONS = ["pull", "push", "delete"]


class Manifest(NamedTuple):
    """A manifest or a list as the registry gave it."""

    digest: str
    media_type: str
    body: bytes

    @property
    def cells(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


class RealRegistry:
    """A running registry: what a test pushes there, and the credentials it asks others for.

    ``changes`` counts what was changed through this object, for those who cache.
    """

    def __init__(self, folder: Path, port: int, auth: Auth) -> None:
        self.folder = folder
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        self.desk = TokenDesk("registry.test") if auth == "token" else None  # who issues the tokens
        self.user = self.desk.user if self.desk else "bob"
        self.password = self.desk.password if self.desk else secrets.token_urlsafe(12)
        self.changes = 0
        self._auth = auth
        self._store = folder / "storage/docker/registry/v2"

    def push_image(
        self,
        repository: str,
        tag: str | None,
        *,
        architecture: str = "amd64",
        os: str = "linux",
        variant: str | None = None,
        env: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        history: Sequence[str | Mapping[str, Any]] = (),
        created: str = "2024-01-02T03:04:05Z",
        media: Media = "docker",
        layers: Sequence[bytes] = (b"a layer",),
    ) -> str:
        """Push an image and give its manifest's digest; without a tag it is there by digest only."""
        config = image_config(
            architecture=architecture, os=os, variant=variant, env=env, labels=labels, history=history, created=created, layers=layers
        )
        return self._push(repository, tag, media, config, layers)

    def push_list(
        self, repository: str, tag: str | None, images: Mapping[str, str], *, media: Media = "docker", attestation: bool = False
    ) -> str:
        """Push a list of images, platform ("linux/arm64/v8") to digest; with BuildKit's provenance for each if *attestation*."""
        entries = [self._entry(repository, digest, *platform.split("/")) for platform, digest in images.items()]
        if attestation:
            entries += [self._attestation(repository, digest, media) for digest in images.values()]
        kind = media_types(media).index
        body = as_json({"schemaVersion": 2, "mediaType": kind, "manifests": entries})
        return self._put_manifest(repository, tag, kind, body)

    def spread_tags(self, repository: str, source_tag: str, names: Iterable[str]) -> None:
        """Point many tags where *source_tag* points, by writing the files that the registry reads."""
        link = self._link(repository, source_tag).read_text()
        for name in names:
            target = self._link(repository, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(link)
        self.changes += 1

    def drop_tag(self, repository: str, tag: str) -> None:
        """Remove a tag, which the registry's API cannot do; the manifest stays."""
        shutil.rmtree(self._link(repository, tag).parents[1])
        self.changes += 1

    def has(self, repository: str) -> bool:
        return (self._store / "repositories" / repository / "_manifests").is_dir()

    def pushes(self, repository: str) -> dict[str, float]:
        """Every tag with the time at which it was pushed last."""
        folder = self._tags_folder(repository)
        if not folder.is_dir():  # all that was pushed there was pushed by digest
            return {}
        with os.scandir(folder) as entries:
            return {entry.name: Path(entry.path, "current/link").stat().st_mtime for entry in entries}

    def stamp(self, repository: str) -> tuple[int, int]:
        """Another value after each change; of what others push (skopeo), only new tags change it."""
        folder = self._tags_folder(repository)
        return self.changes, folder.stat().st_mtime_ns if folder.is_dir() else 0

    def digest(self, repository: str, tag: str) -> str | None:
        link = self._link(repository, tag)
        return link.read_text() if link.is_file() else None

    def manifest(self, repository: str, reference: str) -> Manifest:
        reply = self.ask("GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ACCEPT})
        return Manifest(reply.headers["Docker-Content-Digest"], reply.headers["Content-Type"], reply.body)

    def image_config(self, manifest: Manifest) -> dict[str, Any]:
        """The config of the image that a manifest describes."""
        return dict(json.loads(self.blob(manifest.cells["config"]["digest"]) or b"{}"))

    def blob(self, digest: str) -> bytes | None:
        """A blob's content whatever its repository, as a CDN has it."""
        algorithm, _, value = digest.partition(":")
        file = self._store / "blobs" / algorithm / value[:2] / value / "data"
        return file.read_bytes() if file.is_file() else None

    def ask(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """One request with the right to everything; an answer that is no success raises."""
        reply = self.forward(method, target, body, headers)
        if reply.status >= 400:
            raise RuntimeError(f"the registry says {reply.status} to {method} {target}: {reply.body.decode(errors='replace')}")
        return reply

    def forward(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        with closing(HTTPConnection(self.host, timeout=30)) as connection:
            connection.request(method, target, body, {**self._authorization(target), **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, response.read(), dict(response.getheaders()))

    def _authorization(self, target: str) -> dict[str, str]:
        if self._auth == "htpasswd":
            return {"Authorization": basic(self.user, self.password)}
        if self.desk:
            match = re.match(r"/v2/(.+)/(?:blobs|manifests|tags)/", target)
            access = [{"type": "repository", "name": match[1], "actions": _ACTIONS}] if match else []
            return {"Authorization": f"Bearer {self.desk.issue(self.user, access)}"}
        return {}

    def _push(
        self, repository: str, tag: str | None, media: Media, config: bytes, layers: Sequence[bytes], layer_type: str | None = None
    ) -> str:
        for blob in (config, *layers):
            self._put_blob(repository, blob)
        return self._put_manifest(repository, tag, media_types(media).manifest, image_manifest(media, config, layers, layer_type))

    def _put_blob(self, repository: str, content: bytes) -> None:
        digest = digest_of(content)
        if self.forward("HEAD", f"/v2/{repository}/blobs/{digest}").status == 200:
            return
        upload = urlsplit(self.ask("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"])
        self.ask("PUT", f"{upload.path}?{upload.query}&{urlencode({'digest': digest})}", content)

    def _put_manifest(self, repository: str, tag: str | None, kind: str, body: bytes) -> str:
        digest = digest_of(body)
        self.ask("PUT", f"/v2/{repository}/manifests/{tag or digest}", body, {"Content-Type": kind})
        self.changes += 1
        return digest

    def _entry(self, repository: str, digest: str, os: str, architecture: str, variant: str = "", **cells: Any) -> dict[str, Any]:
        manifest = self.manifest(repository, digest)
        platform = {"architecture": architecture, "os": os, **({"variant": variant} if variant else {})}
        return descriptor(manifest.media_type, manifest.body, platform=platform, **cells)

    def _attestation(self, repository: str, digest: str, media: Media) -> dict[str, Any]:
        statement = as_json({"predicateType": "https://slsa.dev/provenance/v0.2", "subject": [{"digest": {"sha256": digest[7:]}}]})
        config = image_config(architecture="unknown", os="unknown", layers=[statement])
        pushed = self._push(repository, None, media, config, [statement], "application/vnd.in-toto+json")
        notes = {"vnd.docker.reference.digest": digest, "vnd.docker.reference.type": "attestation-manifest"}
        return self._entry(repository, pushed, "unknown", "unknown", annotations=notes)

    def _tags_folder(self, repository: str) -> Path:
        return self._store / "repositories" / repository / "_manifests/tags"

    def _link(self, repository: str, tag: str) -> Path:
        return self._tags_folder(repository) / tag / "current/link"


@contextmanager
def serve_registry(folder: Path, auth: Auth = "none", *, realm: str | None = None, private: Iterable[str] = ()) -> Iterator[RealRegistry]:
    """Run the registry with its files in *folder* until the block ends.

    With "htpasswd", *realm* is the name in its challenge. With "token" it is the URL of a token server, the registry's own if left out;
    *private* names the repositories that a guest gets no token for (``registry.desk.private`` later).
    """
    binary = shutil.which(_BINARY)
    if binary is None:
        raise RuntimeError(f"{_BINARY} is not on PATH: install Debian's package of that name (apt-get install {_BINARY})")
    with ExitStack() as stack:
        registry = RealRegistry(folder, _free_port(), auth)
        if registry.desk:
            registry.desk.private.update(private)
            realm = realm or stack.enter_context(serve_tokens(registry.desk))
        config = folder / "registry.yml"
        config.write_bytes(as_json(_settings(registry, auth, realm or "tests")))
        stack.enter_context(_process([binary, "serve", str(config)], folder / "registry.log", registry.host))
        yield registry


def _settings(registry: RealRegistry, auth: Auth, realm: str) -> dict[str, Any]:
    """The registry's configuration: JSON is YAML too."""
    settings: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(registry.folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": registry.host, "secret": secrets.token_hex(8)},
    }
    if auth == "htpasswd":
        accounts = registry.folder / "htpasswd"
        accounts.write_bytes(registry.user.encode() + b":" + bcrypt.hashpw(registry.password.encode(), bcrypt.gensalt(4)) + b"\n")
        settings["auth"] = {"htpasswd": {"realm": realm, "path": str(accounts)}}
    if registry.desk:
        roots = registry.folder / "tokens.pem"
        roots.write_bytes(registry.desk.root_certificates)
        cells = {"realm": realm, "service": registry.desk.service, "issuer": "tests", "rootcertbundle": str(roots)}
        settings["auth"] = {"token": cells}
    return settings


@contextmanager
def _process(command: Sequence[str], log: Path, host: str) -> Iterator[None]:
    """A process that has answered on *host* before the block begins and is gone after it."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={"PATH": os.defpath})
        try:
            _wait_for(lambda: process.poll() is not None or _answers(host))
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended at once: {log.read_text()}")
            yield
        finally:
            process.kill()
            process.wait()


def _wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing answered within {seconds} s")
        time.sleep(0.01)


def _answers(host: str) -> bool:
    try:
        with closing(HTTPConnection(host, timeout=5)) as connection:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
