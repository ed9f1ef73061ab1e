"""The words of a shell script: quotes taken away, variables replaced where they are known, and where each character came from."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from itertools import chain
from typing import Literal, NamedTuple

from tfcompat.gate.readers.dockerfile_words import Span
from tfcompat.gate.readers.variables import UNKNOWN, UNSET, Lookup, Missing, expand

__all__ = ["Field", "Piece", "ShellWord", "closing", "fields_of", "read_word"]

_PLAIN = re.compile(r"[^\s'\"\\$`;&|<>()]+|[\v\f\x1c-\x1f\x85\xa0]+")
_QUOTED = re.compile(r"[^\"\\$`]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_EXPANSION = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(:?[-+])?|[A-Za-z_])")
_BLANKS = " \t\n"
_FIELD_LIMIT = 2000  # words that one variable may become


class Piece(NamedTuple):
    """A part of a word. ``variable`` is as written (``$X``, ``${X:-y}``); ``unknown`` is what only a shell could tell (``$(...)``)."""

    kind: Literal["literal", "variable", "unknown"]
    text: str
    offsets: tuple[int, ...]
    quoted: bool = False


class ShellWord(NamedTuple):
    """A word as it is written, from offset ``start`` up to ``end``."""

    text: str
    start: int
    end: int
    pieces: tuple[Piece, ...]

    @property
    def value(self) -> str | None:
        """What the word stands for, None where that depends on variables or on commands."""
        if any(piece.kind != "literal" for piece in self.pieces):
            return None
        return "".join(piece.text for piece in self.pieces)

    @property
    def keyword(self) -> str:
        """The word, if it has no quotes: only then it can be a keyword of the shell."""
        plain = len(self.pieces) == 1 and self.pieces[0].kind == "literal" and not self.pieces[0].quoted
        return self.text if plain else ""


class Field(NamedTuple):
    """What a command gets as one argument. ``value`` is None where it is not known; ``offsets`` has an offset for each of its characters.

    ``shown`` is the value with what is not known as it is written. ``start`` and ``end`` span the word that it comes from.
    """

    value: str | None
    shown: str
    offsets: tuple[int, ...]
    start: int
    end: int

    def part(self, start: int, end: int | None = None) -> "Field":
        """The field from one position of ``shown`` up to another."""
        shown = self.shown[start:end]
        if self.value is None:
            return self._replace(value=shown if "$" not in shown and "`" not in shown else None, shown=shown, offsets=())
        return self._replace(value=shown, shown=shown, offsets=self.offsets[start:end])

    def span(self) -> Span:
        """The value with its offsets; an unknown one as it is written."""
        if self.value is not None:
            return Span(self.value, self.offsets)
        return Span(self.shown, (self.start,) * len(self.shown))


def read_word(script: Span, at: int) -> tuple[ShellWord, int]:
    """The word that begins at position *at* of *script*, and the position behind it. The word is never empty of text."""
    reader = _WordReader(script, at)
    reader.read()
    end = max(reader.at, at + 1)
    word = ShellWord(script.text[at:end], script.offsets[at], script.offsets[min(end, len(script.text)) - 1] + 1, tuple(reader.pieces))
    return word, end


class _WordReader:
    def __init__(self, script: Span, at: int) -> None:
        self.script = script
        self.text = script.text
        self.at = at
        self.start = at
        self.pieces: list[Piece] = []

    def read(self) -> None:
        while self.at < len(self.text):
            c = self.text[self.at]
            if (plain := _PLAIN.match(self.text, self.at)) is not None:
                self._add("literal", self.at, plain.end())
            elif c == "\\":
                self._escaped()
            elif c == "'":
                self._single()
            elif c == '"':
                self._double()
            elif c == "$":
                self._dollar(False)
            elif c == "`":
                self._backquoted(False)
            elif c == "(" and self.at > self.start and self.text[self.at - 1] == "=":
                self._add("unknown", self.at, closing(self.text, self.at + 1))  # an array
            else:
                return

    def _add(self, kind: Literal["literal", "variable", "unknown"], start: int, end: int, quoted: bool = False) -> None:
        end = min(end, len(self.text))
        self.pieces.append(Piece(kind, self.text[start:end], self.script.offsets[start:end], quoted))
        self.at = end

    def _escaped(self) -> None:
        if self.text.startswith("\n", self.at + 1):
            self.at += 2  # a continued line
        elif self.at + 1 < len(self.text):
            self._add("literal", self.at + 1, self.at + 2, True)
        else:
            self._add("literal", self.at, self.at + 1)

    def _single(self) -> None:
        end = self.text.find("'", self.at + 1)
        end = end if end >= 0 else len(self.text)
        self._add("literal", self.at + 1, end, True)
        self.at = min(end + 1, len(self.text))

    def _double(self) -> None:
        self.at += 1
        if self.text.startswith('"', self.at):
            self._add("literal", self.at, self.at, True)
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == '"':
                self.at += 1
                return
            if (plain := _QUOTED.match(self.text, self.at)) is not None:
                self._add("literal", self.at, plain.end(), True)
            elif c == "$":
                self._dollar(True)
            elif c == "`":
                self._backquoted(True)
            elif self.text.startswith("\n", self.at + 1):
                self.at += 2
            else:
                start = self.at + (self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`"))
                self._add("literal", start, self.at + 2, True)

    def _dollar(self, quoted: bool) -> None:
        text, at = self.text, self.at
        following = text[at + 1 : at + 2]
        if following == "(":
            self._add("unknown", at, closing(text, at + 2), quoted)
        elif following == "{":
            self._add("variable", at, closing(text, at + 2, "}"), quoted)
        elif following == "'" and not quoted:
            end = _ansi_end(text, at + 2)
            plain = "\\" not in text[at:end]
            self._add("literal" if plain else "unknown", at + 2 if plain else at, max(at + 2, end - 1) if plain else end, True)
            self.at = end
        elif following == '"' and not quoted:
            self.at += 1  # a translated string: the quotes follow
        elif (name := _NAME.match(text, at + 1)) is not None:
            self._add("variable", at, name.end(), quoted)
        else:
            self._add("literal", at, at + 1, quoted)

    def _backquoted(self, quoted: bool) -> None:
        at = self.at + 1
        while at < len(self.text) and self.text[at] != "`":
            at += 2 if self.text[at] == "\\" else 1
        self._add("unknown", self.at, at + 1, quoted)


def _ansi_end(text: str, at: int) -> int:
    while at < len(text) and text[at] != "'":
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def closing(text: str, at: int, bracket: str = ")") -> int:
    """The position behind the *bracket* that closes what was opened before *at*; the end of the text where none does."""
    open_ = [bracket]
    while at < len(text) and open_:
        c, inside = text[at], open_[-1]
        if c == "\\":
            at += 1
        elif c == inside:
            open_.pop()
        elif c == '"':
            open_.append('"')
        elif c == "'" and inside != '"':
            end = text.find("'", at + 1)
            at = end if end >= 0 else len(text)
        elif c in "({" and (inside != '"' or text[at - 1] == "$") and (c == "(" or text[at - 1] == "$"):
            open_.append(")" if c == "(" else "}")
        at += 1
    return min(at, len(text))


def fields_of(word: ShellWord, lookup: Lookup) -> list[Field]:
    """The arguments that *word* becomes: a variable outside of quotes is split at blanks, and vanishes where it is empty."""
    if all(piece.kind == "literal" for piece in word.pieces):
        value = "".join(piece.text for piece in word.pieces)
        offsets = tuple(chain.from_iterable(piece.offsets for piece in word.pieces))
        return [Field(value, value, offsets, word.start, word.end)] if word.pieces else []
    making = _Fields(word)
    for piece in word.pieces:
        found = _value(piece, lookup)
        if found is None:
            making.unknown(piece)
        elif piece.kind == "literal" or piece.quoted:
            making.add(found, piece)
        else:
            making.split(found, piece)
    making.end()
    return making.fields


class _Fields:
    def __init__(self, word: ShellWord) -> None:
        self.word = word
        self.fields: list[Field] = []
        self._fresh()

    def _fresh(self) -> None:
        self.known, self.begun = True, False
        self.shown: list[str] = []
        self.offsets: list[int] = []

    def add(self, text: str, piece: Piece) -> None:
        self.begun = True
        self.shown.append(text)
        self.offsets += piece.offsets if piece.kind == "literal" else (piece.offsets[0],) * len(text)

    def unknown(self, piece: Piece) -> None:
        self.add(piece.text, piece)
        self.known = False

    def split(self, text: str, piece: Piece) -> None:
        parts = re.split(f"[{_BLANKS}]+", text)
        for number, part in enumerate(parts[:_FIELD_LIMIT]):
            if number:
                self.end()
            if part:
                self.add(part, piece)

    def end(self) -> None:
        if self.begun:
            shown = "".join(self.shown)
            offsets = tuple(self.offsets) if self.known else ()
            self.fields.append(Field(shown if self.known else None, shown, offsets, self.word.start, self.word.end))
        self._fresh()


def _value(piece: Piece, lookup: Lookup) -> str | None:
    if piece.kind == "literal":
        return piece.text
    found = _EXPANSION.match(piece.text)
    if found is None:
        return None

    def known(name: str) -> str | Missing:
        """A variable that nothing here sets may still come from the image: only its own default can stand for it."""
        value = lookup(name) if name.isidentifier() else UNKNOWN
        return UNKNOWN if value is UNSET and (name != found[1] or not found[2]) else value

    return expand(piece.text, known)
