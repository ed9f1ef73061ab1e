"""Where registries are and how patiently they are asked: options first, then the environment, then pyproject.toml."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from tfcompat.errors import RequestError
from tfcompat.reference import DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Settings", "load_settings"]

_SIZE_LIMIT = 4 << 20  # bytes of a pyproject.toml
_WHERE = "[tool.tfcompat.registry]"
_VARIABLES = {
    "hub-url": "TFCOMPAT_HUB_URL",
    "registries": "TFCOMPAT_REGISTRIES",
    "cache": "TFCOMPAT_CACHE",
    "timeout": "TFCOMPAT_TIMEOUT",
    "max-age": "TFCOMPAT_MAX_AGE",
}
_HOST = re.compile(r"[a-z0-9]+(?:[.-]+[a-z0-9]+)*(?::\d{1,5})?", re.ASCII)  # as references name it
_SHOWN = 80  # characters of a value in a message
_HUB_HOST = "registry-1.docker.io"  # serves Docker Hub's images
_LOOPBACK = ("localhost", "127.0.0.1")


class Settings(NamedTuple):
    """``registries`` maps a host to the base URL that serves it. ``timeout`` and ``max_age`` are in seconds.

    A listing that is not older than ``max_age`` is used without asking.
    """

    hub: str = "https://hub.docker.com"
    registries: Mapping[str, str] = {}
    cache: Path | None = None
    timeout: float = 30.0
    max_age: int = 300

    def base(self, registry: str) -> str:
        """The address of the host *registry*; those on this machine speak plain HTTP, as Docker has it."""
        if registry in self.registries:
            return self.registries[registry]
        if registry == DOCKER_HUB:
            return f"https://{_HUB_HOST}"
        return f"{'http' if registry.rpartition(':')[0] in _LOOPBACK or registry in _LOOPBACK else 'https'}://{registry}"

    def account(self, registry: str) -> str:
        """The host whose credentials go to that address: a mirror gets its own, never those of what it mirrors."""
        host = urlsplit(self.registries[registry]).netloc if registry in self.registries else registry
        return DOCKER_HUB if host == _HUB_HOST else host

    @property
    def mirrored(self) -> bool:
        """Whether Docker Hub's images come from another registry, so that its API does not tell what is there."""
        return DOCKER_HUB in self.registries


def load_settings(options: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> Settings:
    """The settings for a command run in *folder*. Raises :class:`RequestError` for one that cannot be understood."""
    table, path = _load_table(folder)
    unknown = sorted(set(table) - set(_VARIABLES))
    if unknown:
        raise RequestError(f"{path}: {_WHERE} has an unknown key, {unknown[0]!r}", f"one of {', '.join(_VARIABLES)}")
    found: dict[str, tuple[Any, str]] = {}
    for key, variable in _VARIABLES.items():
        if options.get(key) not in (None, []):
            found[key] = (options[key], f"--{'registry' if key == 'registries' else key}")
        elif environ.get(variable):
            found[key] = (environ[variable].split() if key == "registries" else environ[variable], variable)
        elif key in table:
            found[key] = (table[key], f"{path}: {_WHERE} {key}")

    def read(key: str, parse: Callable[[Any, str], Any], default: Any) -> Any:
        return parse(*found[key]) if key in found else default

    plain = Settings()
    return Settings(
        hub=read("hub-url", _url, plain.hub),
        registries=read("registries", _registries, {}),
        cache=read("cache", _folder, None),
        timeout=read("timeout", _seconds, plain.timeout),
        max_age=int(read("max-age", _seconds_or_none, plain.max_age)),
    )


def _load_table(folder: Path) -> tuple[dict[str, Any], Path]:
    """The table of the nearest pyproject.toml, in *folder* or above."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    path = folder / "pyproject.toml"
    try:
        path = next((p for f in (folder, *folder.parents) if (p := f / "pyproject.toml").is_file()), path)
        if path.stat().st_size > _SIZE_LIMIT:
            raise RequestError(f"{path} is larger than {_SIZE_LIMIT >> 20} MiB", "run the command in another folder")
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
        for key in ("tfcompat", "registry"):
            table = table.get(key, {})
    except FileNotFoundError:
        return {}, path
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{path} cannot be read: {error}", "repair it") from None
    except AttributeError:
        table = None
    if not isinstance(table, dict):
        raise RequestError(f"{path}: {_WHERE} is not a table", "write hub-url, registries, cache, timeout or max-age below it")
    return table, path


def _url(value: Any, where: str) -> str:
    _refuse_credentials(value, where)
    try:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or not value.isprintable() or " " in value:
        raise RequestError(f"{where}: {_shown(value)} is not an address", "write for instance https://registry.example.org")
    return str(value).rstrip("/")


def _refuse_credentials(value: Any, where: str) -> None:
    """Before anything of *value* is shown."""
    if "@" in str(value):
        raise RequestError(f"{where}: the address holds credentials", "leave them out, and log in with 'docker login'")


def _registries(value: Any, where: str) -> dict[str, str]:
    if isinstance(value, dict):
        pairs = list(value.items())
    else:
        texts = value if isinstance(value, list) else [value]
        pairs = [text.partition("=")[::2] if isinstance(text, str) else (text, "") for text in texts]
    for host, url in pairs:
        _refuse_credentials(host, where)
        if not isinstance(host, str) or not _HOST.fullmatch(host) or not url:
            raise RequestError(f"{where}: {_shown(host)} is not HOST=URL", "write for instance docker.io=https://mirror.example.org")
    return {host: _url(url, where) for host, url in pairs}


def _folder(value: Any, where: str) -> Path:
    try:
        if isinstance(value, (str, Path)) and str(value).isprintable():
            return Path(value).expanduser()
    except RuntimeError:  # ~somebody who is not there
        pass
    raise RequestError(f"{where}: {_shown(value)} is not a folder", "write a path")


def _seconds(value: Any, where: str) -> float:
    number = _seconds_or_none(value, where)
    if number == 0:
        raise RequestError(f"{where}: 0 seconds is no time to answer", "write for instance 30")
    return number


def _seconds_or_none(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 86_400 * 365:
        raise RequestError(f"{where}: {_shown(value)} is not a number of seconds", "write for instance 30")
    return number


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
