"""A token server as registries use one: real RS256 tokens with their certificate, for accounts, guests and identity tokens."""

from __future__ import annotations

import base64
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from registry.serving import Handler, LoopbackServer, Reply, json_reply, running

__all__ = ["TokenDesk", "TokenRequest", "basic", "serve_tokens"]


class TokenRequest(NamedTuple):
    """What a client sent to the token server: the fields of its query or form, and its Authorization header."""

    method: str
    fields: Mapping[str, Sequence[str]]
    authorization: str | None


class TokenDesk:
    """Issues tokens for one service. The account may do anything; a guest may pull what is not in ``private``.

    ``may`` can be replaced by another rule, ``lifetime`` is in seconds, and ``forget`` ends every token issued so far.
    """

    def __init__(self, service: str, user: str = "bob") -> None:
        self.service = service
        self.user = user
        self.password = secrets.token_urlsafe(12)
        self.identity_token = secrets.token_urlsafe(24)
        self.private: set[str] = set()
        self.may: Callable[[str | None, str, str], bool] = self._may
        self.lifetime = 300
        self.requests: list[TokenRequest] = []
        self._issued: dict[str, dict[str, Any]] = {}

    def _may(self, user: str | None, repository: str, action: str) -> bool:
        return user is not None or (action == "pull" and repository not in self.private)

    @property
    def root_certificates(self) -> bytes:
        """What a registry needs to check the tokens, as PEM."""
        return _signer()[0]

    def issue(self, user: str | None, access: Sequence[Mapping[str, Any]]) -> str:
        _, key, chain = _signer()
        now = int(time.time())
        claims = {
            "iss": "tests",
            "aud": self.service,
            "sub": user or "",
            "iat": now,
            "nbf": now - 5,
            "exp": now + self.lifetime,
            "jti": secrets.token_hex(8),
            "access": list(access),
        }
        token: str = jwt.encode(claims, key, algorithm="RS256", headers={"x5c": chain})
        self._issued[token] = claims
        return token

    def allows(self, token: str, repository: str, action: str) -> bool:
        """Whether a token that still holds grants *action* on *repository*."""
        return self.holds(token) and any(
            entry["name"] == repository and action in entry["actions"] for entry in self._issued[token]["access"]
        )

    def holds(self, token: str) -> bool:
        return token in self._issued and self._issued[token]["exp"] > time.time()

    def forget(self) -> None:
        self._issued.clear()

    def answer(self, method: str, path: str, authorization: str | None, body: bytes) -> Reply:
        """GET with basic credentials or none; POST with ``grant_type`` refresh_token or password, as OAuth 2 has it."""
        text = body.decode() if method == "POST" else urlsplit(path).query
        fields = parse_qs(text, keep_blank_values=True)
        self.requests.append(TokenRequest(method, fields, authorization))
        user = self._account_of_form(fields) if method == "POST" else self._account_of_header(authorization)
        if user is None:
            return json_reply(401, {"details": "incorrect username or password"})
        access = list(self._granted(user or None, " ".join(fields.get("scope", [])).split()))
        token = self.issue(user or None, access)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        cells = {"token": token, "access_token": token, "expires_in": self.lifetime, "issued_at": now}
        if user and (method == "POST" or fields.get("offline_token") == ["true"]):
            cells["refresh_token"] = self.identity_token
        return json_reply(200, cells)

    def _account_of_header(self, authorization: str | None) -> str | None:
        """The account, "" for a guest, None for wrong credentials."""
        if authorization is None:
            return ""
        return self.user if authorization == basic(self.user, self.password) else None

    def _account_of_form(self, fields: Mapping[str, Sequence[str]]) -> str | None:
        sent = {name: values[0] for name, values in fields.items()}
        match sent.get("grant_type"):
            case "refresh_token" if sent.get("refresh_token") == self.identity_token:
                return self.user
            case "password" if (sent.get("username"), sent.get("password")) == (self.user, self.password):
                return self.user
        return None

    def _granted(self, user: str | None, scopes: Sequence[str]) -> Iterator[dict[str, Any]]:
        for scope in scopes:
            kind, name, actions = scope.split(":", 1)[0], *scope.split(":", 1)[1].rsplit(":", 1)
            allowed = [action for action in actions.split(",") if self.may(user, name, action)]
            if kind == "repository" and allowed:
                yield {"type": kind, "name": name, "actions": allowed}


@contextmanager
def serve_tokens(desk: TokenDesk) -> Iterator[str]:
    """The desk behind plain HTTP on loopback; gives the URL for a registry's ``realm``."""

    class TokenHandler(Handler):
        def respond(self, body: bytes) -> None:
            self.send(desk.answer(self.command, self.path, self.headers.get("Authorization"), body))

    with running(LoopbackServer(TokenHandler)) as server:
        yield f"http://127.0.0.1:{server.port}/token"


def basic(user: str, password: str) -> str:
    """An Authorization header of these credentials."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@cache
def _signer() -> tuple[bytes, RSAPrivateKey, list[str]]:
    """The root certificate, the signing key and the certificate of that key: one set a process, as RSA keys take time to make."""
    ca = trustme.CA()
    leaf = ca.issue_cert("tokens.test", key_type=trustme.KeyType.RSA)
    chain = base64.b64encode(ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())).decode()
    key = load_pem_private_key(leaf.private_key_pem.bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return ca.cert_pem.bytes(), key, [chain]
