"""Splits one instruction as BuildKit does: keyword, flags, and words after the manner of each keyword."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Iterator
from typing import NamedTuple

from tfcompat.gate.instructions import Word
from tfcompat.gate.readers.variables import SPACES

__all__ = ["KEYWORDS", "Refused", "Span", "json_form", "json_words", "split_instruction", "split_words"]

KEYWORDS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
_JSON_KEYWORDS = ("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME")
_LIST_KEYWORDS = ("ADD", "COPY", "EXPOSE", "FROM", "VOLUME")
_BARE = re.compile(r"--(?:\"\"|'')*(?:[\"']?\\?)")  # ends the flags
_WORD = re.compile(r"[^\t\v\f\r ]+")
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPED = re.compile(r"\\u[0-9A-Fa-f]{4}|\\.|[^\\]", re.DOTALL)


class Refused(ValueError):
    """What BuildKit refuses, said after the keyword."""


class Span(NamedTuple):
    """Text put together from a file, and for each of its characters the offset that it came from."""

    text: str
    offsets: tuple[int, ...]

    def part(self, start: int, end: int) -> "Span":
        return Span(self.text[start:end], self.offsets[start:end])

    def strip(self) -> "Span":
        start = len(self.text) - len(self.text.lstrip(SPACES))
        return self.part(start, max(start, len(self.text.rstrip(SPACES))))

    def word(self, start: int = 0, end: int | None = None, text: str | None = None) -> Word:
        """The word between two positions, which has at least one character."""
        end = len(self.text) if end is None else end
        return Word(self.text[start:end] if text is None else text, self.offsets[start], self.offsets[end - 1] + 1)


def split_instruction(span: Span) -> tuple[str, tuple[Word, ...], Span] | None:
    """The keyword in capitals, the flags and the rest of an instruction; None where there is nothing."""
    span = span.strip()
    if not span.text:
        return None
    blank = _BLANKS.search(span.text)
    if blank is None:
        return span.text.upper(), (), span.part(len(span.text), len(span.text))
    flags, rest = _flags(span, blank.end())
    return span.text[: blank.start()].upper(), flags, span.part(rest, len(span.text)).strip()


def _flags(span: Span, at: int) -> tuple[tuple[Word, ...], int]:
    """The ``--name=value`` words from *at* on, and where they end."""
    flags: list[Word] = []
    text = span.text
    while True:
        while at < len(text) and text[at] in SPACES:
            at += 1
        if not text.startswith("--", at):
            return tuple(flags), at
        start, at = at, _flag_end(text, at)
        if _BARE.fullmatch(text, start, at):
            return tuple(flags), at
        flags.append(span.word(start, at))


def _flag_end(text: str, at: int) -> int:
    quote = ""
    while at < len(text):
        c = text[at]
        if c == "\\":
            at += 1
        elif quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in SPACES:
            return at
        at += 1
    return len(text)


def split_words(keyword: str, value: Span, escape: str) -> tuple[Word, ...]:
    """The words of an instruction's value. Raises :class:`Refused` where BuildKit does."""
    if not value.text or keyword not in KEYWORDS:
        return ()
    if (listed := json_words(keyword, value)) is not None:
        return listed
    if keyword in _LIST_KEYWORDS:
        return tuple(value.word(found.start(), found.end()) for found in _WORD.finditer(value.text))
    if keyword == "ARG":
        return tuple(_quoted_words(value, escape))
    if keyword in ("ENV", "LABEL"):
        return _pairs(keyword, value, escape)
    if keyword == "HEALTHCHECK":
        return _healthcheck(value)
    if keyword == "ONBUILD" and (inner := split_instruction(value)) is not None and inner[0] != "ONBUILD":
        split_words(inner[0], inner[2], escape)
        json_form(inner[0], inner[2])
    return (value.word(),)


def _pairs(keyword: str, value: Span, escape: str) -> tuple[Word, ...]:
    """``NAME=value`` words, or the name and the rest of the old form without ``=``."""
    words = list(_quoted_words(value, escape))
    if not words:
        return ()
    if "=" not in words[0].text:
        blank = _BLANKS.search(value.text)
        if blank is None:
            raise Refused("takes a name and a value")
        return value.word(0, blank.start()), value.word(blank.end(), len(value.text))
    if any("=" not in word.text for word in words):
        raise Refused("takes NAME=value, and one of its words has no =")
    return tuple(words)


def _quoted_words(value: Span, escape: str) -> Iterator[Word]:
    """Words between blanks; a blank inside quotes or after the escape character ends none. An escape at the very end is dropped."""
    text, at = value.text, 0
    while at < len(text):
        if text[at] in SPACES:
            at += 1
            continue
        start, at, dropped = at, *_quoted_end(text, at, escape)
        if at - start > dropped:
            yield value.word(start, at, text[start : at - dropped])


def _quoted_end(text: str, at: int, escape: str) -> tuple[int, int]:
    quote = ""
    while at < len(text):
        c = text[at]
        if c == escape and quote != "'":
            if at + 1 == len(text):
                return len(text), 1
            at += 1
        elif quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in SPACES:
            return at, 0
        at += 1
    return len(text), 0


def _healthcheck(value: Span) -> tuple[Word, ...]:
    end = next((at for at, c in enumerate(value.text) if c in SPACES), len(value.text))
    rest = value.part(end, len(value.text)).strip()
    return (value.word(0, end), rest.word()) if rest.text else (value.word(0, end),)


def json_form(keyword: str, value: Span) -> tuple[str, ...] | None:
    """The words of the exec form, None for the shell form. Raises :class:`Refused` for an array of other things than strings."""
    found = _json(keyword, value)
    return None if found is None else found[0]


def json_words(keyword: str, value: Span) -> tuple[Word, ...] | None:
    """The words of the exec form as they are written, with their quotes; None for the shell form."""
    found = _json(keyword, value)
    if found is None:
        return None
    words, array = found
    written = tuple(array.word(match.start(), match.end()) for match in _STRING.finditer(array.text))
    if keyword == "HEALTHCHECK":
        written = (value.word(0, len(words[0])), *written)
    return written


def _json(keyword: str, value: Span) -> tuple[tuple[str, ...], Span] | None:
    if keyword not in _JSON_KEYWORDS:
        return None
    before: tuple[str, ...] = ()
    array = value
    if keyword == "HEALTHCHECK" and value.text:
        end = next((at for at, c in enumerate(value.text) if c in SPACES), len(value.text))
        before, array = (value.text[:end],), value.part(end, len(value.text)).strip()
    if not array.text.startswith("["):
        return None
    from json import loads

    try:
        listed = loads(array.text, parse_constant=_no_constant, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(word, str) for word in listed):
        raise Refused("takes an array of strings, or a command without brackets")
    return (*before, *listed), array


def _no_constant(name: str) -> float:
    raise ValueError(name)


def unquoted(word: Word, value: str) -> tuple[int, ...]:
    """For each character of *value*, the string that *word* writes in JSON, its offset: the word stands in one line."""
    offsets: list[int] = []
    for match in _ESCAPED.finditer(word.text[1:-1]):
        offsets.append(word.start + 1 + match.start())
    if word.end - word.start == len(word.text) and len(offsets) == len(value):
        return tuple(offsets)
    return (word.start,) * len(value)
