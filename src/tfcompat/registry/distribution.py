"""A client of the OCI distribution API: Docker Hub's registry, nvcr.io, a company's mirror, one on this machine.

Sources: opencontainers/distribution-spec (spec.md), distribution/distribution (docs/spec/auth), OCI image-spec.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from requests.utils import parse_dict_header, parse_header_links

from tfcompat.errors import CouldNotCheck
from tfcompat.registry.addresses import host_of, join, origin
from tfcompat.registry.listings import fresh_listing, keep_listing
from tfcompat.registry.records import Listing, Manifest, TagEntry
from tfcompat.registry.store import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tfcompat.registry.credentials import Credentials
    from tfcompat.registry.store import Store
    from tfcompat.registry.transport import Answer, Transport

__all__ = ["Distribution"]

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_ACCEPT = ", ".join((*_INDEXES, *_MANIFESTS))  # without all four a registry converts, or denies what it has
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_TOO_MANY = (400, 405, 422)
_DENIALS = {"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"}
_WORD = re.compile(r"[\w.-]{1,64}", re.ASCII)  # of a platform
_BEARER = re.compile(r"(?:^|,)\s*bearer\s+(.*)", re.IGNORECASE)  # also where it is not the first challenge
_PAGE_SIZE = 10_000  # names; a registry that allows fewer sends fewer, and a link to the rest
_PAGES_LIMIT = 2_000
_MANIFEST_LIMIT = 4 << 20  # bytes, the distribution-spec's own bound
_CONFIG_LIMIT = 8 << 20
_TOKEN_LIMIT = 1 << 20
_TAGS_LIMIT = 1_000_000
_UNLABELLED_LIMIT = 8  # entries of an index


class Distribution:
    """One registry at the address *base*. *credentials* is asked once, and only when the registry wants some.

    With *fresh* (seconds) above 0 a listing from the store that is not older is used as it is.
    """

    def __init__(
        self,
        base: str,
        transport: Transport,
        store: Store,
        credentials: Callable[[], Credentials | None],
        now: Callable[[], float],
        fresh: int = 0,
    ) -> None:
        self.base = base.rstrip("/")
        self._transport = transport
        self._store = store
        self._find_credentials = credentials
        self._now = now
        self._fresh = fresh
        self._credentials: list[Credentials | None] = []  # once they were asked for
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()

    # -- tags -------------------------------------------------------------------------------

    def fetch_tags(self, path: str, progress: Callable[[int, int | None], None] | None = None) -> Listing | None:
        """Every tag of the repository *path*, None where the registry knows no such repository."""
        known = fresh_listing(self._store, self.base, path, self._now(), self._fresh)
        if known is not None:
            return known
        names: dict[str, None] = {}
        url = f"{self.base}/v2/{path}/tags/list?n={_PAGE_SIZE}"
        seen = {url}
        for _ in range(_PAGES_LIMIT):
            answer = self._ask(url, path, page=True, refusable=not names)
            if answer.status in _TOO_MANY:  # as many as that in one page are not allowed
                url = f"{self.base}/v2/{path}/tags/list"
                answer = self._ask(url, path, page=True)
            if self._denies(answer, url):
                return None
            names.update(dict.fromkeys(self._names(answer, url)))
            if len(names) > _TAGS_LIMIT:
                break
            if progress:
                progress(len(names), None)
            following = self._next(answer, url)
            if following is None:
                return keep_listing(self._store, self.base, Listing(path, tuple(map(TagEntry, names)), "", self.base), self._now())
            if following in seen:
                raise CouldNotCheck(f"{self._host} sends its list of tags round in a circle", "report this to whoever runs the registry")
            seen.add(following)
            url = following
        raise CouldNotCheck(f"{self._host} lists the tags of {path} without end: {len(names)} so far", "check the address")

    def _names(self, answer: Answer, url: str) -> list[str]:
        found = self._json(answer, url)
        names = found.get("tags") if isinstance(found, dict) else None
        if names is None and isinstance(found, dict) and "tags" in found:
            return []  # how distribution says that a repository has none left
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._transport.forget_page(url)
            raise CouldNotCheck(f"{self._host} answers the list of tags with something else", "check the address of the registry")
        return names

    def _next(self, answer: Answer, url: str) -> str | None:
        """The page after this one, by the Link header; on the same host, or not at all."""
        links = parse_header_links(answer.headers.get("Link", ""))
        target = next((link["url"] for link in links if link.get("rel") == "next"), None)
        if not target:
            return None
        following = join(url, target)
        if origin(following) != origin(url):
            raise CouldNotCheck(f"{self._host} links the rest of its tags to another host, {host_of(following)}", "check the address")
        return following

    def fetch_tag(self, path: str, tag: str) -> TagEntry | None:
        """Existence, digest and platforms of one tag: a HEAD, and a manifest that was not read before."""
        digest = self.fetch_digest(path, tag)
        if digest is None:
            return None
        return TagEntry(tag, digest, self.fetch_platforms(path, digest))

    def fetch_digest(self, path: str, tag: str) -> str | None:
        """What *tag* points to, None where it is not there. A HEAD does not count against a pull limit."""
        url = f"{self.base}/v2/{path}/manifests/{tag}"
        answer = self._ask(url, path, {"Accept": _ACCEPT}, method="HEAD")
        digest = answer.headers.get("Docker-Content-Digest", "")
        if answer.status == 200 and _DIGEST.fullmatch(digest):
            return digest
        answer = self._ask(url, path, {"Accept": _ACCEPT}, limit=_MANIFEST_LIMIT)
        if self._denies(answer, url):
            return None
        found = self._json(answer, url)
        if not isinstance(found, dict) or not isinstance(found.get("schemaVersion"), int):
            raise CouldNotCheck(
                f"{self._host} answers for {path}:{tag} with something other than a manifest", "check the address of the registry"
            )
        digest = digest_of(answer.body)
        self._store.keep_content(digest, answer.body)
        return digest

    # -- manifests and configs --------------------------------------------------------------

    def fetch_platforms(self, path: str, digest: str) -> dict[str, str | None]:
        """Platform to manifest digest; one entry where the digest is that of a single image."""
        document = self._document(path, "manifests", digest, _MANIFEST_LIMIT)
        if _is_index(document):
            found = _platforms(document)
            for one in _unlabelled(document):  # the platform is optional there; the image's config has it
                manifest = self._document(path, "manifests", one, _MANIFEST_LIMIT)
                if not _is_index(manifest):
                    found.setdefault(_platform(self._config(path, manifest)), one)
            return found
        config = self._config(path, document)
        return {_platform(config): digest}

    def fetch_manifest(self, path: str, digest: str) -> Manifest:
        """The image of a manifest's *digest*, with its config. Nothing is asked that was read before."""
        document = self._document(path, "manifests", digest, _MANIFEST_LIMIT)
        layers = document.get("layers")
        sizes = [layer.get("size") for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []
        size = sum(s for s in sizes if isinstance(s, int) and 0 <= s < 1 << 63)
        return Manifest(digest, self._config_digest(document), size, self._config(path, document))

    def _config(self, path: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        return self._document(path, "blobs", self._config_digest(manifest), _CONFIG_LIMIT)

    def _config_digest(self, manifest: Mapping[str, Any]) -> str:
        config = manifest.get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            what = (
                "a manifest of the first version, which has no digest of its config"
                if manifest.get("schemaVersion") == 1
                else "a manifest without a config"
            )
            raise CouldNotCheck(f"{self._host} has {what}", "push the image again with a current tool")
        return digest

    def _document(self, path: str, kind: str, digest: str, limit: int) -> dict[str, Any]:
        """A JSON object by its digest: kept for ever once its content was found to have it."""
        content = self._store.read_content(digest)
        if content is None:
            headers = {"Accept": _ACCEPT} if kind == "manifests" else {}
            answer = self._ask(f"{self.base}/v2/{path}/{kind}/{digest}", path, headers, limit=limit)
            if answer.status != 200:
                raise CouldNotCheck(
                    f"{self._host} has no {kind[:-1]} {digest[:19]} of {path} (status {answer.status})", "ask again for the tag"
                )
            content = answer.body
            if digest_of(content) != digest:
                raise CouldNotCheck(
                    f"{self._host} answers {digest[:19]} of {path} with content of another digest, {digest_of(content)[:19]}",
                    "something on the way alters answers: check the proxy or the mirror",
                )
            self._store.keep_content(digest, content)
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise CouldNotCheck(f"{self._host} has a {kind[:-1]} {digest[:19]} of {path} that is no JSON object", "it is not an image")
        return document

    # -- asking -----------------------------------------------------------------------------

    @property
    def _host(self) -> str:
        return host_of(self.base)

    def _denies(self, answer: Answer, url: str) -> bool:
        """Whether the registry says that something is not there. A 404 without its error document proves nothing."""
        if answer.status != 404:
            return False
        found = self._json(answer, url)
        errors = found.get("errors") if isinstance(found, dict) else None
        codes = {e.get("code") for e in errors if isinstance(e, dict)} if isinstance(errors, list) else set()
        if not codes & _DENIALS:
            raise CouldNotCheck(
                f"{self._host} answers {urlsplit(url).path} with a 404 that is no registry's", "check the address of the registry"
            )
        return True

    def _json(self, answer: Answer, url: str) -> Any:
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError):
            self._transport.forget_page(url)
            raise CouldNotCheck(f"{self._host} answers with something other than JSON", "check the address of the registry") from None

    def _ask(self, url: str, path: str, headers: Mapping[str, str] | None = None, *, refusable: bool = False, **options: Any) -> Answer:
        """The answer with the rights that the registry asks for; 404 is the caller's to judge, refusals are errors.

        *refusable*: so is an answer that the question is not allowed.
        """
        held = self._tokens.get(path)
        answer = self._transport.fetch(url, headers, held, **options)
        if answer.status == 401 and origin(answer.url) == origin(url):  # not what a redirect led to
            token = self._authorize(answer.headers.get("WWW-Authenticate", ""), path, held)
            answer = self._transport.fetch(url, headers, token, **options)
        if answer.status in (401, 403):
            raise CouldNotCheck(
                f"{self._host} does not let you read {path} (status {answer.status})",
                "check the name; for a private one, log in with 'docker login'",
            )
        if answer.status not in (200, 404) and not (refusable and answer.status in _TOO_MANY):
            raise CouldNotCheck(
                f"{self._host} answers {urlsplit(url).path} with status {answer.status}", "check the address of the registry"
            )
        return answer

    def _authorize(self, challenge: str, path: str, refused: str | None) -> str | None:
        """An Authorization header for *path*, by the challenge; kept, and made anew when the registry has refused it."""
        with self._lock:
            held = self._tokens.get(path)
            if held is None or held == refused:
                bearer = _BEARER.search(challenge)
                fields: dict[str, str] = parse_dict_header(bearer[1]) if bearer else {}  # type: ignore[no-untyped-call]
                if not self._credentials:
                    self._credentials.append(self._find_credentials())
                credentials = self._credentials[0]
                if fields.get("realm"):
                    held = f"Bearer {self._fetch_token(fields, path, credentials)}"
                elif challenge[:6].lower() == "basic " and credentials is not None and not credentials.identity:
                    held = credentials.basic
                else:
                    return None
                self._tokens[path] = held
            return held

    def _fetch_token(self, challenge: Mapping[str, str], path: str, credentials: Credentials | None) -> str:
        """An access token from the realm that the challenge names."""
        realm = join(self.base, challenge["realm"]).partition("#")[0]
        if origin(self.base)[0] == "https" and origin(realm)[0] != "https":
            raise CouldNotCheck(f"{self._host} wants credentials sent to {host_of(realm)} unencrypted", "report this to whoever runs it")
        fields = {"scope": f"repository:{path}:pull"}
        if challenge.get("service"):  # nvcr.io leaves it out
            fields["service"] = challenge["service"]
        if credentials is not None and credentials.identity:
            form = {**fields, "grant_type": "refresh_token", "refresh_token": credentials.secret, "client_id": "tfcompat"}
            answer = self._transport.fetch(realm, method="POST", form=form, limit=_TOKEN_LIMIT, follow=False)
        else:
            url = f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(fields)}"
            basic = credentials.basic if credentials else None
            answer = self._transport.fetch(url, authorization=basic, limit=_TOKEN_LIMIT, follow=credentials is None)
        if answer.status in (400, 401, 403):
            who = f"the credentials for {self._host}" if credentials else "a reader without credentials"
            raise CouldNotCheck(f"{host_of(realm)} refuses {who} (status {answer.status})", "log in with 'docker login'")
        found = self._json(answer, url=realm) if answer.status == 200 else None
        token = (found.get("token") or found.get("access_token")) if isinstance(found, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise CouldNotCheck(f"{host_of(realm)} gives no token for {path} (status {answer.status})", "check the address of the registry")
        return token


def _is_index(document: Mapping[str, Any]) -> bool:
    return document.get("mediaType") in _INDEXES or ("mediaType" not in document and "manifests" in document)


def _platforms(index: Mapping[str, Any]) -> dict[str, str | None]:
    """The images of an index; attestations, which stand there as platform ``unknown``, are none."""
    found: dict[str, str | None] = {}
    entries = index.get("manifests")
    for entry in entries if isinstance(entries, list) else ():
        platform = entry.get("platform") if isinstance(entry, dict) else None
        digest = entry.get("digest") if isinstance(entry, dict) else None
        if isinstance(platform, dict) and isinstance(digest, str) and _DIGEST.fullmatch(digest) and platform.get("os") != "unknown":
            found.setdefault(_platform(platform), digest)
    return found


def _unlabelled(index: Mapping[str, Any]) -> list[str]:
    """The digests of entries that name no platform."""
    entries = index.get("manifests")
    bare = [e for e in entries if isinstance(e, dict) and not e.get("platform")] if isinstance(entries, list) else []
    digests = [e.get("digest") for e in bare if e.get("mediaType") in _MANIFESTS]
    return [d for d in digests if isinstance(d, str) and _DIGEST.fullmatch(d)][:_UNLABELLED_LIMIT]


def _platform(cells: Mapping[str, Any]) -> str:
    """``linux/amd64``; the variant only where it tells images apart: arm64 has one, v8."""
    words = (str(cells.get(name) or "") for name in ("os", "architecture", "variant"))
    system, architecture, variant = (word if _WORD.fullmatch(word) else "" for word in words)
    name = f"{system or 'linux'}/{architecture or 'unknown'}"
    return f"{name}/{variant}" if variant and architecture != "arm64" else name
