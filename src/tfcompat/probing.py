"""Runs the probe with this interpreter, as it would run in any container: from standard input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SCRIPT", "Probe"]

SCRIPT = Path(__file__).with_name("probe.py")
_SPARE = 300  # seconds beyond TensorFlow's own limit, for the driver's and CUDA's libraries


class Probe:
    """The probe under way. It runs from standard input, so that this package's folder is not on its path."""

    def __init__(self, options: Sequence[str], seconds: float) -> None:
        """Start it. *seconds* is the limit that *options* give TensorFlow. Raises :class:`CouldNotCheck`."""
        self.limit = seconds + _SPARE
        try:
            with SCRIPT.open("rb") as script:
                self.process = subprocess.Popen(
                    [sys.executable, "-", *options], stdin=script, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
        except OSError as error:
            raise CouldNotCheck(
                f"{sys.executable}: {error.strerror or error}", "run tfcompat with the interpreter that has TensorFlow"
            ) from None

    def finish(self) -> bytes:
        """What it printed. Raises :class:`CouldNotCheck` where it did not come to its end."""
        try:
            printed, said = self.process.communicate(timeout=self.limit)
        except subprocess.TimeoutExpired:
            raise CouldNotCheck(f"the probe did not end within {self.limit:g} seconds", "raise --timeout") from None
        finally:
            self.stop()
        if self.process.returncode:
            last = said.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise CouldNotCheck(
                f"the probe ended with {self.process.returncode}: {last[0][:300]}", "please report this as a bug of tfcompat"
            )
        return printed

    def stop(self) -> None:
        """End it, and with it its own children; nothing where it is over."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate()
