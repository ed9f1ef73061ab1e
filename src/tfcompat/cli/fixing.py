"""The gate's fixes: made in rounds until nothing is left to mend, then shown, or written all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tfcompat.gate.finding import Report
    from tfcompat.gate.source import Source, Tree

__all__ = ["diff", "mend", "write_changes"]

_ROUNDS = 5  # a fix may make room for another; those that go on after so many only move each other about


def mend(tree: Tree, judge: Callable[[Tree], Report]) -> tuple[dict[str, Source], Report]:
    """The files that the fixes of all rounds change, and what *judge* finds after the last one."""
    from tfcompat.gate.editing import Overlay, choose_edits, edited

    changed: dict[str, Source] = {}
    now: Tree = tree
    report = judge(now)
    for _ in range(_ROUNDS):
        edits = choose_edits(report.findings, now.find)
        new = {name: edited(source, edits[name]) for name in edits if (source := now.find(name)) is not None}
        new = {name: source for name, source in new.items() if _text(now, name) != source.text}
        if not new:
            break
        changed |= new
        now = Overlay(tree, dict(changed))
        report = judge(now)
    return {name: source for name, source in changed.items() if _text(tree, name) != source.text}, report


def _text(tree: Tree, name: str) -> str:
    source = tree.find(name)
    return source.text if source is not None else ""


def diff(tree: Tree, changed: Mapping[str, Source]) -> str:
    """What *changed* changes, file by file."""
    from tfcompat.gate.editing import unified_diff

    return "".join(unified_diff(source, changed[name]) for name in sorted(changed) if (source := tree.find(name)) is not None)


def write_changes(top: Path, tree: Tree, changed: Mapping[str, Source]) -> None:
    """Write every file aside, then rename them all; a link is followed within *top*, and modes are kept.

    Raises :class:`CouldNotCheck` and changes nothing where a file is no longer what was judged, and :class:`RequestError`
    where one cannot be written.
    """
    from tfcompat.gate.editing import encoded

    aside: dict[Path, Path] = {}
    try:
        for name in sorted(changed):
            old = tree.find(name)
            target = _target(top, name)
            if old is None or target.read_bytes() != encoded(old):
                raise CouldNotCheck(f"{name} is not what was looked at any more", "nothing was changed; run the gate again")
            aside[_aside(target, encoded(changed[name]))] = target
        while aside:
            part, target = next(iter(aside.items()))
            part.replace(target)
            del aside[part]
    except OSError as error:
        raise RequestError(f"{error.filename or top} cannot be written: {error.strerror or error}", "see what 'git diff' says") from None
    finally:
        for part in aside:
            part.unlink(missing_ok=True)


def _target(top: Path, name: str) -> Path:
    target = (top / name).resolve()
    if not target.is_relative_to(top.resolve()) or not target.is_file():
        raise RequestError(f"{name} is not a file of this tree", "nothing was changed; mend it by hand, as --diff shows")
    return target


def _aside(target: Path, content: bytes) -> Path:
    """A file beside *target* with *content* and the mode of *target*."""
    import os

    part = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(target.stat().st_mode & 0o7777)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part
