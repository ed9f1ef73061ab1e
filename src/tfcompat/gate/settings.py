"""What the gate is told: the target, which rules count, and what is excused."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Mapping
from typing import Literal, NamedTuple

from tfcompat.gate.source import Place

__all__ = ["NOT_CHECKED", "PLATFORMS", "Excuse", "Settings"]

NOT_CHECKED = "not-checked"  # what an excuse names in the place of a rule, for what could not be checked
PLATFORMS = ("linux/amd64", "linux/arm64")


class Excuse(NamedTuple):
    """An entry of ``[[tool.tfcompat.excuse]]``: a rule, where (a gitignore pattern; empty: everywhere), why, until when (ISO date or empty).

    ``contains``: only findings whose message has this text, for files such as lock files that can hold no comment.
    """

    rule: str
    path: str
    reason: str
    until: str
    place: Place
    contains: str = ""


class Settings(NamedTuple):
    """Options and ``[tool.tfcompat]`` together; an option wins over the table.

    ``gpu``: what everything must run on (names or compute capabilities); ``driver``: that of the host; ``platform``: ``linux/amd64``
    unless said. ``levels``: the severity a rule is given (``off``, ``info``, ``warning``, ``error``). ``images``: what an image is to be
    judged as, such as ``{"ghcr.io/acme/base:1": "python:3.11-slim"}``. ``exclude``: gitignore patterns of files that are not looked at.
    ``info``: notes are told as well, and places that could not be followed.
    """

    gpu: tuple[str, ...] = ()
    driver: str | None = None
    platform: str | None = None
    build_args: Mapping[str, str] = {}
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Literal["error", "warning"] = "error"
    levels: Mapping[str, str] = {}
    excuses: tuple[Excuse, ...] = ()
    exclude: tuple[str, ...] = ()
    images: Mapping[str, str] = {}
    baseline: str | None = None
    info: bool = False
