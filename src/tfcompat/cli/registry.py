"""The options that say where registries are, shared by every command that asks one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from tfcompat.registry.registries import Registries

__all__ = ["add_registry_arguments", "open_registries"]


def add_registry_arguments(parser: argparse.ArgumentParser, lists: bool = True) -> None:
    """Each is also an environment variable and a key of ``[tool.tfcompat.registry]``: see docs/registry.md.

    *lists*: whether the command may use a list of tags of before.
    """
    group = parser.add_argument_group("registries", "also TFCOMPAT_HUB_URL and so on, and [tool.tfcompat.registry] in pyproject.toml")
    group.add_argument("--hub-url", metavar="URL", help="Docker Hub's API (default: https://hub.docker.com)")
    group.add_argument("--registry", metavar="HOST=URL", action="append", default=[], help="serve HOST from URL: a mirror; repeatable")
    group.add_argument("--cache", metavar="DIR", help="where to keep what was read (default: the user's cache folder)")
    group.add_argument("--timeout", metavar="SECONDS", help="the longest wait for the next byte (default: 30)")
    if lists:
        group.add_argument("--max-age", metavar="SECONDS", help="use a list of tags that is not older without asking (default: 300)")


def open_registries(options: argparse.Namespace, offline: bool = False, anew: bool = False) -> Registries:
    """The registries that options, environment and pyproject.toml lead to; with *anew* no list of before will do."""
    from tfcompat.registry import registries as r

    return r.open_registries(
        hub_url=options.hub_url,
        registries=options.registry,
        cache=options.cache,
        timeout=options.timeout,
        max_age="0" if anew else getattr(options, "max_age", None),
        offline=offline,
    )
