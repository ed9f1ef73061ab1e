"""Credentials from the Docker configuration file: auths, credHelpers and credsStore.

Source: docs.docker.com, "docker login", Credential stores; docker/docker-credential-helpers.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfcompat.errors import RequestError
from tfcompat.reference import DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Credentials", "find_credentials"]

_SIZE_LIMIT = 1 << 20  # bytes
_HELPER_TIMEOUT = 20  # seconds; a helper may ask a keychain
_HELPER_NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_REPAIR = "repair it, or point DOCKER_CONFIG at another folder"
_HUB_KEY = "https://index.docker.io/v1/"


class Credentials(NamedTuple):
    """A user and a secret; with ``identity`` the secret is a token that buys access tokens. Never shown."""

    user: str
    secret: str
    identity: bool = False

    def __repr__(self) -> str:
        return "Credentials(...)"

    @property
    def basic(self) -> str:
        """The value of a Basic Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode(errors="replace")).decode()


def find_credentials(registry: str, environ: Mapping[str, str]) -> Credentials | None:
    """The credentials for the host *registry*, None where there are none.

    Raises :class:`RequestError` for a configuration or a helper that cannot be used.
    """
    folder = environ.get("DOCKER_CONFIG")
    try:
        path = (Path(folder) if folder else Path(environ.get("HOME") or "~").expanduser() / ".docker") / "config.json"
    except RuntimeError:  # a user without a name and without a home, as in many containers
        return None
    document = _load(path)
    keys = (
        [_HUB_KEY, "index.docker.io", DOCKER_HUB] if registry == DOCKER_HUB else [registry, f"https://{registry}", f"https://{registry}/"]
    )
    helpers = _table(document, "credHelpers", path)
    for key in keys:
        helper = helpers.get(key) or document.get("credsStore")
        if helper:
            found = _ask_helper(str(helper), key, path, environ)
            if found:
                return found
    auths = _table(document, "auths", path)
    return next((c for key in _spellings(keys, auths) if (c := _entry(auths[key], key, path))), None)


def _spellings(keys: list[str], auths: Mapping[str, Any]) -> Iterator[str]:
    """The entries of these registries: older clients wrote ``https://host/v1/``."""
    yield from (key for key in keys if key in auths)
    hosts = {_host(key) for key in keys}
    yield from (key for key in auths if key not in keys and _host(key) in hosts)


def _host(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise RequestError(f"{path} is larger than {_SIZE_LIMIT >> 20} MiB: not a Docker configuration", _REPAIR)
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise RequestError(f"{path} cannot be read: {reason}", _REPAIR) from None
    if not isinstance(document, dict):
        raise RequestError(f"{path} holds no JSON object", _REPAIR)
    return document


def _table(document: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = document.get(name) or {}
    if not isinstance(found, dict):
        raise RequestError(f"{path}: {name!r} is not an object", "log in again with 'docker login'")
    return found


def _entry(entry: Any, key: str, path: Path) -> Credentials | None:
    """An entry of ``auths``; an empty one says that a helper has the credentials."""
    if not isinstance(entry, dict):
        raise RequestError(f"{path}: the entry of {key} is not an object", "log in again with 'docker login'")
    if entry.get("identitytoken"):
        return Credentials("<token>", str(entry["identitytoken"]), identity=True)
    if entry.get("username") and entry.get("password"):
        return Credentials(str(entry["username"]), str(entry["password"]))
    if not entry.get("auth"):
        return None
    try:
        user, colon, secret = base64.b64decode(str(entry["auth"]), validate=True).decode().partition(":")
    except ValueError:  # of base64, of ASCII, of UTF-8
        colon = ""
    if not colon:
        raise RequestError(f"{path}: the entry of {key} is not base64 of user:password", "log in again with 'docker login'") from None
    return Credentials(user, secret.rstrip("\0"))


def _ask_helper(name: str, key: str, path: Path, environ: Mapping[str, str]) -> Credentials | None:
    """What ``docker-credential-NAME get`` knows of *key*."""
    if not _HELPER_NAME.fullmatch(name):
        raise RequestError(f"{path}: {name[:40]!r} is not the name of a credential helper", "log in again with 'docker login'")
    program = f"docker-credential-{name}"
    try:
        done = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_TIMEOUT, env=dict(environ), check=False
        )
    except FileNotFoundError:
        raise RequestError(f"{path} names {program}, which is not on PATH", "install it, or remove it from the file") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = f"no answer in {_HELPER_TIMEOUT} s" if isinstance(error, subprocess.TimeoutExpired) else str(error.strerror)
        raise RequestError(f"{program} could not be used: {reason}", "run 'docker login' again") from None
    if done.returncode != 0:
        return None  # the way in which a helper says that it knows nothing
    try:
        answer = json.loads(done.stdout[:_SIZE_LIMIT])
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        user = secret = None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise RequestError(f"{program} answered with something other than credentials", "run 'docker login' again") from None
    return Credentials(user, secret, identity=user == "<token>") if secret else None
