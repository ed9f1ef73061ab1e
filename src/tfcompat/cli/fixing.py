"""The gate's fixes: made in rounds until nothing is left to mend, then shown, or written all at once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tfcompat.gate.finding import Report
    from tfcompat.gate.source import Source, Tree

__all__ = ["Change", "diff", "mend", "write_changes"]

Change = tuple["Source", "Source"]  # before and after
_ROUNDS = 5  # a fix may make room for another; those that go on after so many only move each other about


class _Once:
    """A tree whose files are read once: what is judged, what is edited and what is replaced is the same text."""

    def __init__(self, tree: Tree) -> None:
        self._known: dict[str, Source | None] = {}
        self._find = tree.find
        self.find_bytes = tree.find_bytes
        self.size = tree.size
        self.names = tree.names
        self.entries = tree.entries

    def find(self, name: str) -> Source | None:
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]


def mend(tree: Tree, judge: Callable[[Tree], Report]) -> tuple[list[Change], Report]:
    """What the fixes of all rounds change, by file, and what *judge* finds after the last one."""
    from tfcompat.gate.editing import Overlay, choose_edits, edited

    once = _Once(tree)
    now: Tree = once
    changed: dict[str, Source] = {}
    report = judge(now)
    for _ in range(_ROUNDS):
        edits = choose_edits(report.findings, now.find)
        befores = [source for name in edits if (source := now.find(name)) is not None]
        new = {old.name: edited(old, edits[old.name]) for old in befores}
        if all(old.text == new[old.name].text for old in befores):
            break
        changed |= new
        now = Overlay(once, dict(changed))
        report = judge(now)
    pairs = [(old, changed[name]) for name in sorted(changed) if (old := once.find(name)) is not None]
    return [(old, new) for old, new in pairs if old.text != new.text], report


def diff(changes: Sequence[Change]) -> str:
    """What changes, file by file."""
    from tfcompat.gate.editing import unified_diff

    return "".join(unified_diff(old, new) for old, new in changes)


def write_changes(top: Path, changes: Sequence[Change]) -> None:
    """Write every file aside, then rename them all; a link is followed within *top*. Modes are kept, owners and groups where that is
    allowed, and a file that has several names is written where it is.

    Raises :class:`CouldNotCheck` and changes nothing where a file is no longer what was judged, and :class:`RequestError`
    where one cannot be written.
    """
    from tfcompat.gate.editing import encoded

    aside: dict[Path, Path] = {}
    hint = "nothing was changed; mend it by hand, as --diff shows"
    try:
        for old, new in changes:
            target = _target(top, old.name)
            if target.read_bytes() != encoded(old):
                raise CouldNotCheck(f"{old.name} is not what was looked at any more", "nothing was changed; run the gate again")
            aside[_aside(target, encoded(new))] = target
        while aside:
            part, target = next(iter(aside.items()))
            _put(part, target)
            del aside[part]
            hint = "some files were mended, others were not; run the gate again"
    except OSError as error:
        raise RequestError(f"{error.filename or top} cannot be written: {error.strerror or error}", hint) from None
    finally:
        for part in aside:
            part.unlink(missing_ok=True)


def _target(top: Path, name: str) -> Path:
    target = (top / name).resolve()
    if not target.is_relative_to(top.resolve()) or not target.is_file():
        raise RequestError(f"{name} is not a file of this tree", "nothing was changed; mend it by hand, as --diff shows")
    return target


def _aside(target: Path, content: bytes) -> Path:
    """A file beside *target* with *content*, and the owner, group and mode of *target*."""
    import os

    known = target.stat()
    part = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if hasattr(os, "chown"):
            for owner in (known.st_uid, -1):  # who may not give a file away may still give it to a group
                with suppress(PermissionError):
                    os.chown(part, owner, known.st_gid)
                    break
        part.chmod(known.st_mode & 0o7777)  # last: a new owner takes bits away
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


def _put(part: Path, target: Path) -> None:
    """*part* in the place of *target*; into it where that has other names, which would keep the old text."""
    if target.stat().st_nlink == 1:
        part.replace(target)
        return
    content = part.read_bytes()
    with target.open("r+b") as file:
        file.write(content)
        file.truncate()
    part.unlink()
