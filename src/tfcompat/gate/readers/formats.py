"""The versions of lock formats: one that is newer than those that are known may mean something else."""

from __future__ import annotations

import re

from tfcompat.requirement_lines import shown

__all__ = ["newer_than_known"]

_KNOWN = {"uv.lock": 1, "poetry.lock": 2, "pdm.lock": 4, "pylock": 1, "Pipfile.lock": 6, "conda-lock": 1, "pixi.lock": 6}  # majors


def newer_than_known(kind: str, version: str | None) -> str | None:
    """Why a file whose format has *version* cannot be judged; None for a known one, and where the file names none."""
    if version is None:
        return None
    found = re.match(r"[0-9]{1,4}(?![0-9])", version)
    if found is not None and int(found[0]) <= _KNOWN[kind]:
        return None
    return f"it is of a format of its own time, {shown(version)}, that this reader does not know"
