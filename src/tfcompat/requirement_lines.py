"""The words of a requirements file: options, comments, and lines that name something other than a version."""

from __future__ import annotations

import re

__all__ = ["COMMENT", "CONSTRAINTS", "EDITABLE", "OPTION", "REQUIREMENTS", "masked", "other_source", "shown", "without_options"]

OPTION = re.compile(r"^(?:(--[A-Za-z][\w-]*)(?:[=\s]\s*(.*))?|(-[A-Za-z])[=\s]?\s*(.*))$")
COMMENT = re.compile(r"(?:^|(?<=\s))#")
REQUIREMENTS = ("-r", "--requirement")
CONSTRAINTS = ("-c", "--constraint")
EDITABLE = ("-e", "--editable")

_OWN_OPTIONS = re.compile(r"\s--(?:hash|config-settings|global-option)\b")
_OTHER_SOURCES = (
    (re.compile(r"^(git|hg|svn|bzr)\+", re.I), "a repository"),
    (re.compile(r"^[a-z][a-z0-9+.]*://|^file:", re.I), "a URL"),
    (re.compile(r"^(\.|/|~|[A-Za-z]:\\)|\\|^[^;#\s]*/|^[^;#\s]*\.(whl|zip|tar\.gz|tar\.bz2)(\s|$)", re.I), "a path"),
)


def other_source(text: str) -> str | None:
    """What a requirement without a name of its own is: ``a repository``, ``a URL`` or ``a path``; None for a name and its versions."""
    text = text.partition(";")[0].strip()
    if "@" in text.partition("/")[0]:  # name @ URL
        return None
    return next((what for pattern, what in _OTHER_SOURCES if pattern.search(text)), None)


def without_options(line: str) -> str:
    """*line* without the options that belong to one requirement, such as hashes."""
    return _OWN_OPTIONS.split(line)[0].strip()


def masked(text: str) -> str:
    """*text* with no user name or password of a URL."""
    return re.sub(r"(?<=://)[^/\s]+@", "****@", text)


def shown(text: str) -> str:
    """What a person wrote, bounded, with no user name or password of a URL."""
    return masked(text)[:120]
