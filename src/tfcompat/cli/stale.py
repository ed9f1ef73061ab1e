"""Warns when the matrix that came with the package is old."""

from __future__ import annotations

import os
import sys
import time

from tfcompat.matrix.load import load_bundled

__all__ = ["DAYS", "warn_if_stale"]

# Between 2.3 and 2.21 a final release, patches included, came within 90 days of a day in 8 cases of 10, and since 2022 a new
# minor in 2 of 3: by then it is more likely than not that the matrix lacks one.
DAYS = 90
SILENCED = "TFCOMPAT_NO_STALE_WARNING"


def warn_if_stale() -> None:
    """Say on standard error how old the bundled matrix is, where this run has used it and that is more than :data:`DAYS`.

    A clock that stands before the day of the matrix says nothing.
    """
    if not load_bundled.cache_info().currsize or os.environ.get(SILENCED, "0") not in ("", "0"):
        return
    measured = load_bundled().measured
    if measured < _days_ago(DAYS):
        print(_warning(measured), file=sys.stderr)


def _warning(measured: str) -> str:
    return (
        f"tfcompat: the matrix is of {measured}, more than {DAYS} days ago: releases, images and GPUs that are newer are missing\n"
        f"  hint: take a newer tfcompat from where you have this one, or measure anew in a checkout with 'tfcompat matrix refresh'; "
        f"--online asks registries for their images; {SILENCED}=1 silences this"
    )


def _days_ago(days: int) -> str:
    """The day so long ago, in ISO form, in which days sort as text."""
    return time.strftime("%Y-%m-%d", time.gmtime(_now() - days * 86400))


def _now() -> float:
    return time.time()
