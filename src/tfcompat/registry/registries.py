"""The clients by host, made when they are first needed, over one transport and one store."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat.reference import DOCKER_HUB
from tfcompat.registry.credentials import find_credentials
from tfcompat.registry.distribution import Distribution
from tfcompat.registry.hub import Hub
from tfcompat.registry.settings import load_settings
from tfcompat.registry.store import Store
from tfcompat.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tfcompat.registry.records import Registry
    from tfcompat.registry.settings import Settings

__all__ = ["Registries", "open_registries"]


def open_registries(
    *,
    hub_url: str | None = None,
    registries: Mapping[str, str] | Sequence[str] | None = None,
    cache: str | None = None,
    timeout: float | str | None = None,
    max_age: int | str | None = None,
    offline: bool = False,
) -> Registries:
    """The registries that these settings lead to; those left out come from the environment or the nearest pyproject.toml.

    To be used in a ``with`` statement. Raises :class:`RequestError` for a setting that cannot be understood.
    """
    given = {"hub-url": hub_url, "registries": registries, "cache": cache, "timeout": timeout, "max-age": max_age}
    return Registries(load_settings(given, os.environ, Path.cwd()), offline=offline)


class Registries:
    """Every registry that the settings lead to. Close it after use: it holds connections."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        offline: bool = False,
    ) -> None:
        self.settings = settings
        self.store = Store(settings.cache or _user_cache())
        self.transport = Transport(self.store.pages, settings.timeout, sleep, offline)
        self.now = now
        self._environ = environ
        self._clients: dict[str, Distribution] = {}

    def __enter__(self) -> Registries:
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.close()

    def of_tags(self, registry: str) -> Registry:
        """Who lists the tags of the host *registry*: Docker Hub's API knows more of them than its registry does."""
        settings = self.settings
        if registry == DOCKER_HUB and not settings.mirrored:
            return Hub(settings.hub, self.transport, self.store, self.now, settings.max_age)
        return self.of_images(registry)

    def of_images(self, registry: str) -> Distribution:
        """Who serves manifests and configs of the host *registry*."""
        if registry not in self._clients:
            self._clients[registry] = Distribution(
                self.settings.base(registry),
                self.transport,
                self.store,
                lambda: find_credentials(self.settings.account(registry), self._environ),
                self.now,
                self.settings.max_age,
            )
        return self._clients[registry]

    def address_of_tags(self, registry: str) -> str:
        """The address that :meth:`of_tags` asks."""
        plain = registry == DOCKER_HUB and not self.settings.mirrored
        return self.settings.hub.rstrip("/") if plain else self.settings.base(registry)


def _user_cache() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("tfcompat")) / "registry"
