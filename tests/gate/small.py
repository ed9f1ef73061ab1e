"""Small projects in memory, judged, and what is said of them in a line each, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfcompat.gate.editing import Overlay, choose_edits, edited, encoded
from tfcompat.gate.finding import Report
from tfcompat.gate.gate import run_gate
from tfcompat.gate.settings import Settings
from tfcompat.matrix import load_bundled
from tfcompat.worktree import MemoryTree

Files = Mapping[str, str | bytes]

MATRIX = load_bundled()


def judge(files: Files, **options: Any) -> Report:
    """The report on *files*; *options* are fields of the settings."""
    tree = MemoryTree(files)
    return run_gate(tree, tree.names(), Settings(**options), MATRIX)


def said(files: Files, **options: Any) -> list[str]:
    """Every error and warning as ``file:line:column severity rule: message``."""
    found = judge(files, **options).findings
    return [f"{f.place}:{f.place.column} {f.severity} {f.rule}: {f.message}" for f in found if f.severity != "info"]


def rules(files: Files, **options: Any) -> list[str]:
    """Every error and warning as ``file:line rule``."""
    return [f"{f.place} {f.rule}" for f in judge(files, **options).findings if f.severity != "info"]


def unread(files: Files, **options: Any) -> list[str]:
    """What was not checked, as ``file:line reason``; an exclamation mark stands before what fails the gate."""
    return [f"{'!' if u.grave else ''}{u.file}:{u.line} {u.reason}" for u in judge(files, **options).not_checked]


def mended(files: Files, rounds: int = 5, **options: Any) -> dict[str, bytes]:
    """The bytes of the files that fixes change, after as many rounds as they need. Fails where they go on after *rounds*."""
    tree: Any = MemoryTree(files)
    changed: dict[str, Any] = {}
    for _ in range(rounds + 1):
        report = run_gate(tree, tree.names(), Settings(**options), MATRIX)
        edits = choose_edits(report.findings, tree.find)
        if not edits:
            return {name: encoded(source) for name, source in changed.items()}
        changed |= {name: edited(tree.find(name), some) for name, some in edits.items()}
        tree = Overlay(MemoryTree(files), dict(changed))
    raise AssertionError(f"fixes go on after {rounds} rounds: {sorted(edits)}")


def after(files: Files, **options: Any) -> dict[str, str | bytes]:
    """All files after the fixes."""
    return {**files, **mended(files, **options)}
