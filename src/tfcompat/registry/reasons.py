"""Why a request failed, in a few words: ``requests`` wraps the cause in addresses and the names of its objects."""

from __future__ import annotations

import re

__all__ = ["LASTING", "distrust", "reason_of"]


def reason_of(error: Exception) -> str:
    """The innermost cause of *error*, without what is private in it."""
    text = str(error).partition("\n")[0] or type(error).__name__
    for phrase, plain in _PLAIN.items():
        if phrase in text:
            return plain
    _, caused, inner = text.rpartition("(Caused by ")
    text = _PRIVATE.sub("", inner[:-1] if caused else text)
    return text if len(text) <= 200 else f"{text[:80]} ... {text[-115:]}"


def distrust(error: Exception) -> str | None:
    """Why a certificate is not trusted, None where something else is the matter."""
    found = _UNTRUSTED.search(str(error))
    return found[1] if found else None


_UNTRUSTED = re.compile(r"certificate verify failed: (.*?)(?: \(_ssl|['\")]*$)")
_PRIVATE = re.compile(r"(?<=//)[^/@\s]*@|(?<=\?)[^\s'\"]+")  # user and password, query
LASTING = ("the name is not known", "the name could not be resolved")
_PLAIN = {  # the first that fits
    "Tunnel connection failed: 407": "the proxy wants credentials",
    "Tunnel connection failed": "the proxy refused the connection",
    "Unable to connect to proxy": "the proxy did not answer",
    "Connection refused": "the connection was refused",
    "Name or service not known": "the name is not known",
    "Temporary failure in name resolution": "the name could not be resolved",
    "nodename nor servname": "the name is not known",
    "Read timed out": "no answer in time",
    "timed out": "no answer in time",
    "IncompleteRead": "the answer broke off",
    "Connection aborted": "the connection was closed without an answer",
    "RemoteDisconnected": "the connection was closed without an answer",
    "Connection reset": "the connection was closed without an answer",
    "WRONG_VERSION_NUMBER": "it does not speak TLS",
    "record layer failure": "it does not speak TLS",
}
