"""What a server can do wrong, to be asked for on purpose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.serving import Reply

__all__ = ["Fault"]


@dataclass(frozen=True)
class Fault:
    """What comes instead of the truth, or how the truth comes.

    With a status, a body or a redirect the answer is the fault's own; the other fields bend whatever is sent.
    """

    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    redirect: str | None = None  # the Location: this address again for a loop, another host, or plain http
    flip: bool = False  # one byte of the body is another: the digest no longer fits
    wrong_json: bool = False  # valid JSON with the right keys, and values of another type behind them
    delay: float = 0  # seconds before the answer
    drip: float = 0  # seconds before each byte of the body
    cut: int | None = None  # announce the whole body and hang up after so many bytes
    repeat: int = 1  # the body so many times, its length not announced
    length: int | None = None  # announce this length, true or not
    reset: bool = False  # end the connection without an answer

    def over(self, truth: Reply) -> Reply:
        """The answer to send in place of *truth*."""
        reply = truth._replace(headers={**truth.headers, **self.headers})
        if self.redirect is not None:
            reply = Reply(self.status or 302, self.body or b"", {"Location": self.redirect, **self.headers})
        elif self.status is not None or self.body is not None:
            reply = Reply(self.status or 200, self.body or b"", self.headers)
        if self.wrong_json:
            reply = reply._replace(body=json.dumps(_warped(json.loads(reply.body))).encode())
        if self.flip:
            reply = reply._replace(body=reply.body[:-1] + bytes([reply.body[-1] ^ 1]))
        return reply

    @property
    def breaks_off(self) -> bool:
        """Whether the connection can carry no other answer after this one."""
        return self.cut is not None or self.repeat != 1 or self.length is not None


def _warped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "seven" if isinstance(cell, (int, float)) else 7 for key, cell in value.items()}
    return {"surprise": value}
