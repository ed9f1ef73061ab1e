"""Reads a requirements file as pip does, as far as a resolver needs it: requirements and where they stand.

Nothing is executed or fetched. Sizes and include depth are bounded.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from tfcompat.errors import RequestError
from tfcompat.platforms import environment
from tfcompat.resolver.request import PackageLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["load_requirements"]

_SIZE_LIMIT = 1 << 20  # bytes
_DEPTH_LIMIT = 8
_FILE_LIMIT = 200  # includes in all
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_OPTION = re.compile(r"^(?:(--[A-Za-z][\w-]*)(?:[=\s]\s*(.*))?|(-[A-Za-z])[=\s]?\s*(.*))$")
_INCLUDES = {"-r", "--requirement", "-c", "--constraint"}
_UNSUPPORTED = {"-e", "--editable"}


def load_requirements(path: Path) -> list[PackageLine]:
    """The requirements of *path* and of the files it includes, each with ``file:line``.

    Options such as ``--index-url`` and ``--hash`` do not bear on compatibility and are passed over. Raises
    :class:`RequestError` for a file that cannot be read and for lines that name no version to reason about.
    """
    found = list(_load(path, 0, [_FILE_LIMIT]))
    if not found:
        raise RequestError(f"{path} holds no requirement", "name a file with lines such as 'numpy>=1.26'")
    return found


def _load(path: Path, depth: int, budget: list[int]) -> Iterator[PackageLine]:
    budget[0] -= 1
    if budget[0] < 0:
        raise RequestError(f"{path}: more than {_FILE_LIMIT} files are included", "join them into one")
    if depth > _DEPTH_LIMIT:
        raise RequestError(f"{path} is included more than {_DEPTH_LIMIT} files deep", "does it include itself?")
    for number, line in _logical_lines(_text(path)):
        where = f"{path}:{number}"
        option = _OPTION.match(line)
        if option is not None:
            yield from _option(path, where, option[1] or option[3], option[2] or option[4] or "", depth, budget)
            continue
        text = re.split(r"\s--(?:hash|config-settings|global-option)\b", line)[0].strip()
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            raise RequestError(f"{where}: {line[:120]!r} is not a requirement that can be read: {reason}", _REMEDY) from None
        except RecursionError:
            raise RequestError(f"{where}: {line[:120]!r} is nested too deeply", _REMEDY) from None
        if requirement.url:
            raise RequestError(f"{where}: {line[:120]!r} names a URL instead of a version", _REMEDY)
        try:
            if requirement.marker is not None:
                requirement.marker.evaluate(environment("linux/amd64", "3.12"))
        except (UndefinedComparison, UndefinedEnvironmentName) as error:
            raise RequestError(f"{where}: the marker of {line[:120]!r} cannot be judged: {error}", _REMEDY) from None
        yield PackageLine(str(requirement), where)  # with its marker: the target is not chosen yet


_REMEDY = "take the line out of the file given with -r, or give the rest with --package"


def _option(path: Path, where: str, name: str, value: str, depth: int, budget: list[int]) -> Iterator[PackageLine]:
    if name in _INCLUDES:
        if not value:
            raise RequestError(f"{where}: {name} names no file", "write -r FILE")
        yield from _load(path.parent / value.strip(), depth + 1, budget)
    elif name in _UNSUPPORTED:
        raise RequestError(f"{where}: {name} {value} names a folder instead of a version", _REMEDY)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_SIZE_LIMIT + 1)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}", "check the path given with -r") from None
    if len(raw) > _SIZE_LIMIT:
        raise RequestError(f"{path} is larger than {_SIZE_LIMIT >> 20} MiB: not a requirements file")
    encoding = next((name for bom, name in _BOMS if raw.startswith(bom)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not text (byte {error.start} is no {encoding})", "give a requirements file in UTF-8") from None
    if "\0" in text:
        raise RequestError(f"{path} is not text (it holds NUL characters)", "give a requirements file in UTF-8")
    return text


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continued lines joined, each with the number of its first line."""
    pending, first = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|(?<=\s))#.*$", "", raw).rstrip(" \t\f\v") if "#" in raw else raw
        first = first or number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        joined, start = (pending + line).strip(), first
        pending, first = "", 0
        if joined:
            yield start, joined
    if pending.strip():
        yield first, pending.strip()
