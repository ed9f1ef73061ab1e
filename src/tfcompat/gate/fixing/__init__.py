"""Edits that mend findings, each proven by judging what it leads to. What is not sure is left alone."""

from __future__ import annotations

from tfcompat.gate.fixing.attach import with_fixes
from tfcompat.gate.fixing.world import World

__all__ = ["World", "with_fixes"]
