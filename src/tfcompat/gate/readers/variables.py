"""Expands ``$X`` and ``${X...}`` as BuildKit does in Dockerfiles, and splits words as it does to find heredocs."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

__all__ = ["UNKNOWN", "UNSET", "Lookup", "Missing", "expand", "raw_words", "word_and_quoted"]


class Missing(Enum):
    """Why there is no value: the variable is not set, or what it is set to cannot be known."""

    UNSET = "unset"
    UNKNOWN = "unknown"


UNSET, UNKNOWN = Missing.UNSET, Missing.UNKNOWN
Lookup = Callable[[str], str | Missing]

SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_DEPTH_LIMIT = 40
_VALUE_LIMIT = 1 << 16  # characters: a variable that doubles itself a hundred times is not followed
_WILD_LIMIT = 300  # characters of a value that a pattern with several stars is looked for in
_SPECIAL = "@*#?-$!0"


class _Bad(ValueError):
    """What BuildKit refuses: a bad substitution, a quote without its end."""


class _Mode(NamedTuple):
    """``quotes`` and ``escapes``: keep them as written; ``names``: keep ``$X`` of unset variables as written."""

    lookup: Lookup
    escape: str = "\\"
    quotes: bool = False
    names: bool = False


def expand(text: str, lookup: Lookup, escape: str = "\\") -> str | None:
    """*text* with its variables replaced and its quotes and escapes taken away.

    *lookup* gives a variable's value, :data:`UNSET` (then a default counts, and without one it is empty) or :data:`UNKNOWN`.
    None where the result depends on an unknown variable, or where BuildKit refuses the text.
    """
    if not any(c in text for c in ("$", "'", '"', escape)):
        return text
    try:
        return _Lexer(text, _Mode(lookup, escape)).until("", False)
    except _Bad:
        return None


def raw_words(text: str) -> list[str]:
    """*text* split at blanks outside of quotes, nothing replaced; empty where BuildKit cannot read it."""
    try:
        return _split(text, _Mode(_nothing, quotes=True, names=True))
    except _Bad:
        return []


def word_and_quoted(text: str) -> tuple[str, bool] | None:
    """The one word that *text* is, without quotes, and whether it had any; None where it is not one word."""
    try:
        words = _split(text, _Mode(_nothing, names=True))
        raw = _split(text, _Mode(_nothing, quotes=True, names=True))
    except _Bad:
        return None
    if len(words) != 1 or len(raw) != 1:
        return None
    return words[0], any(raw[0].count(quote) != words[0].count(quote) for quote in "'\"")


def _nothing(_: str) -> str | Missing:
    return UNSET


def _split(text: str, mode: _Mode) -> list[str]:
    lexer = _Lexer(text, mode)
    lexer.until("", False)
    return lexer.words()


class _Lexer:
    """Reads *text* once, from left to right. A result of None is a text that depends on an unknown variable."""

    def __init__(self, text: str, mode: _Mode) -> None:
        self.text = text
        self.mode = mode
        self.at = 0
        self.depth = 0
        self._words: list[str] = []
        self._word: list[str] = []

    def words(self) -> list[str]:
        self._end_word()
        return self._words

    def _end_word(self) -> None:
        if word := "".join(self._word):
            self._words.append(word)
        self._word = []

    def _spread(self, text: str) -> None:
        """Add to the words what blanks may split."""
        for c in text:
            if c in SPACES:
                self._end_word()
            else:
                self._word.append(c)

    def _next(self) -> str:
        c = self.text[self.at : self.at + 1]
        self.at += 1
        return c

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def until(self, stop: str, escapes: bool) -> str | None:
        """What stands before *stop*, which is passed over; ``escapes``: keep them as written."""
        found: list[str | None] = []
        outer = self.depth == 0
        while c := self._peek():
            if c == stop:
                self.at += 1
                return _joined(found)
            if c == "$":
                value = self._dollar()
                found.append(value)
                if outer:
                    self._spread(value or "")
            elif c in "'\"":
                value = self._single() if c == "'" else self._double()
                found.append(value)
                if outer:
                    self._word.append(value or "")
            else:
                found.append(self._plain(escapes, outer))
        if stop:
            raise _Bad(f"no {stop}")
        return _joined(found)

    def _plain(self, escapes: bool, outer: bool) -> str:
        c = self._next()
        if c != self.mode.escape:
            if outer:
                self._spread(c)
            return c
        kept = (c if escapes else "") + self._next()
        if outer:
            self._word.append(kept)
        return kept

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise _Bad("no '")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return f"'{inside}'" if self.mode.quotes else inside

    def _double(self) -> str | None:
        found: list[str | None] = [self._next() if self.mode.quotes else self._next()[:0]]
        while c := self._peek():
            if c == '"':
                self.at += 1
                return _joined([*found, '"' if self.mode.quotes else ""])
            if c == "$":
                found.append(self._dollar())
                continue
            self.at += 1
            if c == self.mode.escape:
                following = self._peek()
                if not following:
                    continue
                if following in ('"', "$", self.mode.escape):
                    c = self._next()
            found.append(c)
        raise _Bad('no "')

    def _dollar(self) -> str | None:
        self.at += 1
        if self._peek() == "{":
            return self._braces()
        name = self._name()
        if not name:
            return "$"
        value = self.mode.lookup(name)
        return _known(value) if not (self.mode.names and value is UNSET) else "$" + name

    def _name(self) -> str:
        start = self.at
        first = self._peek()
        if first.isdecimal():
            while self._peek().isdecimal():
                self.at += 1
        elif first and first in _SPECIAL:
            self.at += 1
        else:
            while (c := self._peek()) and (c == "_" or c.isalpha() or c.isdecimal()):
                self.at += 1
        return self.text[start : self.at]

    def _braces(self) -> str | None:
        start = self.at - 1
        self.at += 1
        if self._peek() in ("", "{", "}", ":"):
            raise _Bad("bad substitution")
        if self.depth >= _DEPTH_LIMIT:
            raise _Bad("nested too deeply")
        self.depth += 1
        name = self._name()
        found = self._modified(name, self._next(), self.mode.lookup(name))
        self.depth -= 1
        return self.text[start : self.at] if self.mode.names else found

    def _modified(self, name: str, modifier: str, value: str | Missing) -> str | None:
        if modifier == "}":
            return _known(value)
        if modifier == "/":
            return self._replaced(value)
        null_is_unset = modifier == ":"
        if null_is_unset:
            modifier = self._next()
        if not modifier or modifier not in "+-?#%":
            raise _Bad("unsupported modifier")
        word = self.until("}", modifier in "#%")
        if self.mode.names:
            return None
        if value is UNKNOWN:
            return None
        empty = value is UNSET or (null_is_unset and value == "")
        if modifier == "-":
            return word if empty else _known(value)
        if modifier == "+":
            return "" if empty else word
        if modifier == "?":
            if empty:
                raise _Bad(f"{name} is not set")
            return _known(value)
        return _trimmed(_known(value), word, modifier)

    def _replaced(self, value: str | Missing) -> str | None:
        every = self._peek() == "/"
        self.at += every
        pattern = self.until("/", True)
        replacement = self.until("}", True)
        if pattern is None or replacement is None or value is UNKNOWN or self.mode.names:
            return None
        known = _known(value) or ""
        if not _bounded(known, pattern):
            return None
        return re.sub(_regex(pattern, True), lambda _: replacement, known, count=0 if every else 1)


def _joined(found: list[str | None]) -> str | None:
    parts = [part for part in found if part is not None]
    return "".join(parts) if len(parts) == len(found) and sum(map(len, parts)) <= _VALUE_LIMIT else None


def _known(value: str | Missing) -> str | None:
    if isinstance(value, Missing):
        return "" if value is UNSET else None
    return value


def _bounded(value: str, pattern: str) -> bool:
    """Whether *pattern* is matched in good time: several stars make it slow on long values."""
    stars = pattern.count("*")
    return stars == 0 or (stars == 1 and len(value) <= 10 * _WILD_LIMIT) or (stars <= 2 and len(value) <= _WILD_LIMIT)


def _regex(pattern: str, greedy: bool) -> str:
    """A pattern of the shell (``*`` and ``?``, no brackets) as a regular expression. Raises :class:`_Bad` for other escapes."""
    found, at = [], 0
    while at < len(pattern):
        c = pattern[at]
        if c == "*":
            found.append(".*" if greedy else ".*?")
        elif c == "?":
            found.append(".")
        elif c == "\\":
            at += 1
            c = pattern[at : at + 1]
            if not c or c not in "*?\\}/":
                raise _Bad("invalid escape")
            found.append(re.escape(c))
        else:
            found.append(re.escape(c))
        at += 1
    return "".join(found)


def _trimmed(value: str | None, word: str | None, modifier: str) -> str | None:
    """*value* without the shortest start (``#``) or end (``%``) that *word* matches; doubled, without the longest."""
    if value is None or word is None:
        return None
    longest = word.startswith(modifier)
    pattern = word[1:] if longest else word
    if not _bounded(value, pattern):
        return None
    if modifier == "#":
        found = re.match(_regex(pattern, longest), value)
        return value[found.end() :] if found else value
    whole = re.compile(_regex(pattern, True))
    starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
    if "*" not in pattern:  # every match has the same length
        length = len(re.sub(r"\\(.)", r"\1", pattern))
        starts = range(len(value) - length, len(value) - length + 1) if length <= len(value) else range(0)
    cut = next((start for start in starts if whole.fullmatch(value, start)), len(value))
    return value[:cut]
