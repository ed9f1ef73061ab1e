"""The second door: files judged together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Tree
    from tfcompat.matrix import Matrix

__all__ = ["run_gate"]


def run_gate(tree: Tree, names: Sequence[str], settings: Settings, matrix: Matrix) -> Report:
    """Judge the files *names* of *tree*. Raises :class:`tfcompat.errors.RequestError` for settings that cannot be understood."""
    return Report((), tuple(names), (), matrix.measured)
