"""Patterns of ``.gitignore``: whether git would ignore a path.

In a time that grows with the length of the pattern and of the path alone: patterns come with the files that are looked at, and a regular
expression that tries every length of every star can be made to take years.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Patterns"]

_LINE = 1000  # characters of a pattern; git's own paths end at 4096
_LINES = 10_000
_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9", "graph": "!-~", "lower": "a-z",
    "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\s", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_NOTHING = r"(?!)"
_NO_MORE = re.compile(_NOTHING)


class Patterns:
    """The patterns of one ignore file; paths are relative to its folder, with slashes."""

    def __init__(self, lines: Iterable[str]) -> None:
        found = [_Pattern(_as_bytes(line)) for line in list(lines)[:_LINES] if len(line) <= _LINE]
        self._patterns = [each for each in reversed(found) if each.segments]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def say(self, path: str, folder: bool = False) -> bool | None:
        """Whether *path* itself is ignored: the last pattern that matches says. None where none does, or a folder above might."""
        parts = _as_bytes(path).split("/")
        return next((not each.negated for each in self._patterns if (folder or not each.folders) and each.matches(parts)), None)

    def cover(self, path: str, folder: bool = False) -> bool:
        """Whether *path* or a folder above it is ignored."""
        parts = path.split("/")
        above = (self.say("/".join(parts[:index]), folder=True) for index in range(1, len(parts)))
        return any(above) or self.say(path, folder) is True


class _Pattern:
    """One line. ``folders``: it is for folders alone. ``segments``: what the parts of a path must match, None for any number of them.

    ``by_name``: what its last part must match, where that is all.
    """

    def __init__(self, line: str) -> None:
        text = line[: len(line) - _trailing(line)]
        self.negated = text.startswith("!")
        text = "" if text.startswith("#") else text[self.negated :]
        self.folders = text.endswith("/")
        text = text[: len(text) - self.folders]
        self.segments: list[re.Pattern[str] | None] = []
        self.by_name: re.Pattern[str] | None = None
        if not text:
            return
        words = text.removeprefix("/").split("/")
        if "/" not in text:
            words = ["**", "*" if text == "**" else text]
        elif words[-1] == "**":
            words.append("*")  # what lies inside, not the folder itself
        self.segments = [None if word == "**" else re.compile(_expression(word), re.S) for word in words]
        if len(words) == 2 and words[0] == "**":
            self.by_name = self.segments[1]

    def matches(self, parts: list[str]) -> bool:
        segments = self.segments
        if self.by_name is not None:
            return self.by_name.fullmatch(parts[-1]) is not None
        at = reached = 0
        any_number, taken = -1, 0  # where to go on from, with one part more, if what follows does not match
        while reached < len(parts):
            segment = segments[at] if at < len(segments) else _NO_MORE
            if segment is None:
                any_number, taken = at, reached
                at += 1
            elif segment.fullmatch(parts[reached]):
                at, reached = at + 1, reached + 1
            elif any_number >= 0:
                taken += 1
                at, reached = any_number + 1, taken
            else:
                return False
        return at == len(segments)


def _as_bytes(text: str) -> str:
    """One character for each byte, which is what git compares."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _trailing(line: str) -> int:
    """The number of blanks at the end that do not count; a backslash keeps the one behind it."""
    bare = line.rstrip(" ")
    kept = len(bare) < len(line) and (len(bare) - len(bare.rstrip("\\"))) % 2
    return len(line) - len(bare) - kept


def _expression(word: str) -> str:
    """One part of a path as a regular expression. Each fixed piece is looked for once: the first place where it fits is as good as any."""
    pieces = [""]
    at = 0
    while at < len(word):
        char = word[at]
        at += 1
        if char == "*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append("")
        elif char == "?":
            pieces[-1] += "."
        elif char == "[":
            text, at = _class(word, at)
            pieces[-1] += text
        elif char == "\\":
            pieces[-1] += re.escape(word[at]) if at < len(word) else _NOTHING
            at += 1
        else:
            pieces[-1] += re.escape(char)
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?=(.*?{piece}))\\{number}" for number, piece in enumerate(pieces[1:-1], start=1))
    return f"{pieces[0]}{middle}.*{pieces[-1]}"


def _class(word: str, at: int) -> tuple[str, int]:
    """The class whose bracket stands before *at*, and what comes after it."""
    negated = word[at : at + 1] in ("!", "^") and at < len(word)
    at += negated
    begin, items = at, []
    while at < len(word) and (word[at] != "]" or at == begin):
        named = re.compile(r"\[:(\w*):\]").match(word, at)
        if named:
            if named[1] not in _CLASSES:
                return _NOTHING, len(word)
            items.append(_CLASSES[named[1]])
            at = named.end()
            continue
        low, at = _character(word, at)
        if word[at : at + 1] == "-" and word[at + 1 : at + 2] not in ("", "]"):
            high, at = _character(word, at + 1)
            items += [f"{re.escape(low)}-{re.escape(high)}"] if low <= high else [re.escape(low)] if low == high else []
        else:
            items.append(re.escape(low))
    if at >= len(word):
        return _NOTHING, len(word)  # no bracket closes it
    inside = "".join(items)
    return (f"[{'^' * negated}{inside}]" if inside else "." if negated else _NOTHING), at + 1


def _character(word: str, at: int) -> tuple[str, int]:
    at += word[at] == "\\" and at + 1 < len(word)
    return word[at], at + 1
