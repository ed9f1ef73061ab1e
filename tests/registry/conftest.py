"""The servers as fixtures. Starting the real registry takes a twentieth of a second, so that each test has a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from registry.front import Front, serve_front
from registry.real_registry import Auth, RealRegistry, serve_registry


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """An empty registry that lets everybody do everything."""
    yield from _registry(tmp_path_factory, "none")


@pytest.fixture
def private_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """An empty registry that asks for basic credentials."""
    yield from _registry(tmp_path_factory, "htpasswd")


@pytest.fixture
def token_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """An empty registry that asks for a token, and its token server (``desk``)."""
    yield from _registry(tmp_path_factory, "token")


@pytest.fixture
def front(registry: RealRegistry, ca: trustme.CA) -> Iterator[Front]:
    """Docker Hub in front of ``registry``."""
    with serve_front(registry, ca) as server:
        yield server


@pytest.fixture
def ca_bundle(front: Front, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes requests trust the front and no other server, and go there without a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(front.ca_file))
    return front.ca_file


def _registry(folders: pytest.TempPathFactory, auth: Auth) -> Iterator[RealRegistry]:
    with serve_registry(folders.mktemp("registry"), auth) as registry:
        yield registry
