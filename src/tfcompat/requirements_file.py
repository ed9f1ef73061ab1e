"""Reads a requirements file as pip does, as far as a resolver needs it: requirements and where they stand.

Nothing is executed or fetched. Sizes and include depth are bounded, and includes stay inside the tree: the current folder if
the file lies below it, else the file's own folder.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement

from tfcompat.errors import RequestError
from tfcompat.platforms import environment
from tfcompat.requirement_lines import COMMENT, CONSTRAINTS, EDITABLE, OPTION, REQUIREMENTS, other_source, shown, without_options
from tfcompat.resolver.request import PackageLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["HEADER", "SECTION", "Line", "load_requirements", "read_lines"]

HEADER = "# Pinned by tfcompat "  # begins the header of a file that this package wrote; a blank line ends it
SECTION = "# Needed by what stands above, pinned by tfcompat:"  # what follows is written anew each time

_SIZE_LIMIT = 1 << 20  # bytes
_DEPTH_LIMIT = 8
_FILE_LIMIT = 200  # includes in all
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_REMEDY = "take the line out of the file given with -r, or give the rest with --package"


class Line(NamedTuple):
    """One logical line. ``kind``: ``requirement``, ``constraint``, ``option``, ``text`` for comments and blank lines, or ``pinned``
    for what this package wrote into the file itself.

    ``text`` is the line without its comment and without hashes; ``comment`` has the space before it. Of a file of constraints
    only the constraints are lines; the ``-c`` that names it is an option, and an ``-r`` is a comment before what it includes.
    """

    kind: str
    text: str
    where: str
    comment: str = ""


class _Reader(NamedTuple):
    tree: Path
    files_left: list[int]

    def read(self, path: Path, kind: str, chain: tuple[Path, ...]) -> Iterator[Line]:
        self.files_left[0] -= 1
        if self.files_left[0] < 0:
            raise RequestError(f"{path}: more than {_FILE_LIMIT} files are included", "join them into one")
        if len(chain) > _DEPTH_LIMIT:
            raise RequestError(f"{path} is included more than {_DEPTH_LIMIT} files deep", "join some of them into one")
        body, section = _parts(_text(path))
        for number, line, comment in _logical_lines(body):
            where = f"{path}:{number}"
            option = OPTION.match(line)
            if not line:
                if kind != "constraint":
                    yield Line("text", "", where, comment)
            elif option is not None:
                yield from self._option(path, Line("option", line, where, comment), kind, (*chain, path), option)
            else:
                yield Line(kind, _requirement(line, where), where, comment)
        if not chain:
            yield from _pinned(path, section)

    def _option(self, path: Path, line: Line, kind: str, chain: tuple[Path, ...], option: re.Match[str]) -> Iterator[Line]:
        name, value = option[1] or option[3], (option[2] or option[4] or "").strip()
        if name in EDITABLE:
            raise RequestError(f"{line.where}: {name} {shown(value)} names a folder instead of a version", _REMEDY)
        if name not in (*REQUIREMENTS, *CONSTRAINTS):
            if kind != "constraint":
                yield line
            return
        if not value:
            raise RequestError(f"{line.where}: {name} names no file", "write -r FILE")
        if kind != "constraint":
            yield line if name in CONSTRAINTS else Line("text", "", line.where, f"# {name} {value}{line.comment}")
        included = self._included(path, line.where, f"{name} {shown(value)}", value, chain)
        yield from self.read(included, "constraint" if name in CONSTRAINTS else kind, chain)

    def _included(self, path: Path, where: str, said: str, value: str, chain: tuple[Path, ...]) -> Path:
        if re.match(r"[a-z][a-z0-9+.]*:", value, re.I):
            raise RequestError(f"{where}: {said} names a URL, and nothing is fetched", "download the file and name its path")
        included = path.parent / value
        try:
            real = included.resolve()
            odd = real.exists() and not real.is_file() and not real.is_dir()
            before = [step.resolve() for step in chain]
        except (OSError, RuntimeError, ValueError) as error:  # links in a circle, NULs
            raise RequestError(f"{where}: {said} leads nowhere: {error}", "check the path") from None
        if odd:  # a pipe would be waited for
            raise RequestError(f"{where}: {said} names no regular file", "check the path")
        if real in before:
            names = " -> ".join(step.name for step in (*chain[before.index(real) :], included))
            raise RequestError(f"{where}: {said} makes the file include itself ({names})", "take the line out")
        if self.tree not in real.parents:
            raise RequestError(
                f"{where}: {said} leads outside of {self.tree}", "run in the folder that holds both, or name that file with -r"
            )
        return included


def read_lines(path: Path) -> list[Line]:
    """Every line of *path*, with what it includes in the place of the includes. The header that this package wrote is left out,
    and what it pinned below the person's lines comes last.

    Raises :class:`RequestError` for a file that cannot be read and for lines that name no version to reason about.
    """
    from pathlib import Path

    try:
        real, here = path.resolve(), Path.cwd()
    except (OSError, RuntimeError) as error:
        raise RequestError(f"{path} cannot be read: {error}", "check the path given with -r") from None
    return list(_Reader(here if here in real.parents else real.parent, [_FILE_LIMIT]).read(path, "requirement", ()))


def load_requirements(path: Path) -> list[PackageLine]:
    """The requirements of *path* and of the files it includes, constraints as well, each with ``file:line``.

    Options such as ``--index-url`` and ``--hash`` do not bear on compatibility and are passed over. Raises
    :class:`RequestError` for a file that cannot be read and for lines that name no version to reason about.
    """
    found = [PackageLine(line.text, line.where) for line in read_lines(path) if line.kind in ("requirement", "constraint")]
    if not found:
        raise RequestError(f"{path} holds no requirement", "name a file with lines such as 'numpy>=1.26'")
    return found


def _requirement(line: str, where: str) -> str:
    """The requirement of *line* as packaging writes it, its marker kept: the target is not chosen yet."""
    text = without_options(line)
    said = repr(shown(line))
    if what := other_source(text):
        raise RequestError(f"{where}: {said} names {what} instead of a version", _REMEDY)
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise RequestError(f"{where}: {said} is not a requirement that can be read: {reason}", _REMEDY) from None
    except RecursionError:
        raise RequestError(f"{where}: {said} is nested too deeply", _REMEDY) from None
    if requirement.url:
        raise RequestError(f"{where}: {said} names a URL instead of a version", _REMEDY)
    try:
        if requirement.marker is not None:
            requirement.marker.evaluate(environment("linux/amd64", "3.12"))
    except (UndefinedComparison, UndefinedEnvironmentName) as error:
        raise RequestError(f"{where}: the marker of {said} cannot be judged: {error}", _REMEDY) from None
    return str(requirement)


def _parts(text: str) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The numbered lines of *text* without the header that this package writes, and those of the section that it writes."""
    lines = list(enumerate(text.splitlines(), start=1))
    if lines and lines[0][1].startswith(HEADER):
        blank = next((number for number, line in lines if not line.strip()), len(lines))
        lines = lines[blank:]
    own = next((index for index, (_, line) in enumerate(lines) if line.rstrip() == SECTION), len(lines))
    return lines[:own], lines[own:]


def _pinned(path: Path, section: list[tuple[int, str]]) -> Iterator[Line]:
    """What was pinned the last time; it is written anew, so that a line which cannot be read is no loss."""
    for number, line, _ in _logical_lines(section):
        with suppress(RequestError):
            yield Line("pinned", _requirement(line, f"{path}:{number}"), f"{path}:{number}")


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


def _logical_lines(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    """Continued lines joined, each with the number of its first line, and its comment apart."""
    pending, first = "", 0
    for number, raw in lines:
        comment = COMMENT.search(raw)
        line = (raw[: comment.start()] if comment else raw).rstrip()
        first = first or number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        joined, start = (pending + line).strip(), first
        pending, first = "", 0
        yield start, joined, raw[len(line) :].rstrip(" \t\\") if comment else ""
    if pending.strip():
        yield first, pending.strip(), ""
