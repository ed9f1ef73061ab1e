"""Every error a caller can see: what was wrong, where, and what to do about it.

Each class carries the exit code of the command line (0 clean, 1 findings or no solution, 2 usage or
configuration, 3 could not check), so that the mapping from failure to code is written once.
"""

from __future__ import annotations

__all__ = ["CouldNotCheck", "MatrixError", "RateLimited", "RequestError", "TfcompatError", "plain"]


def plain(text: str) -> str:
    """What others wrote, on one line and without anything that could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


class TfcompatError(Exception):
    """Base of all errors raised on purpose.

    ``message`` says what was wrong and where; ``hint`` says what to do and may be empty. ``said`` is what another
    tool printed, for those who ask for it.
    """

    exit_code = 2
    said = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        message = "\n".join(map(plain, self.message.split("\n")))
        return f"{message}\n  hint: {plain(self.hint)}" if self.hint else message


class RequestError(TfcompatError):
    """A wish, an option or an input file that cannot be understood."""


class MatrixError(TfcompatError):
    """A matrix file that is missing, damaged, of another schema, or breaks an invariant."""


class CouldNotCheck(TfcompatError):
    """Something outside did not answer, so nothing was established either way."""

    exit_code = 3


class RateLimited(CouldNotCheck):
    """A server wants fewer questions than there are: asking on would not help for a while."""
