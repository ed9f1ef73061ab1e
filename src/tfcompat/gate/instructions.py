"""A Dockerfile as it is written: instructions, words and heredocs, each with its place. Nothing is expanded here."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from typing import NamedTuple

from tfcompat.gate.declared import Problem
from tfcompat.gate.source import Source

__all__ = ["Dockerfile", "Heredoc", "Instruction", "Word"]


class Word(NamedTuple):
    """One word as it is written, quotes, escapes and ``$X`` included; ``start`` and ``end`` are offsets into the source's text."""

    text: str
    start: int
    end: int


class Heredoc(NamedTuple):
    """``<<NAME``: its body as written. ``expand``: whether variables in it are expanded (the delimiter was not quoted)."""

    name: str
    body: str
    start: int
    end: int
    expand: bool = True
    strip_tabs: bool = False


class Instruction(NamedTuple):
    """One instruction. ``keyword`` is in capitals; ``flags`` are ``--name=value`` words; ``value`` is the rest with continued lines
    joined and comment lines inside left out, and ``offsets`` has, for each of its characters, the offset into the source's text.

    ``json``: the words of the exec form, None for the shell form. ``words``: the value split at blanks as Docker does for
    ``FROM``, ``ARG``, ``ENV``, ``COPY`` and the like (one word for ``RUN`` in shell form: that is the shell's to split).
    ``start`` and ``end`` span the instruction with its heredocs, without the end of its last line; ``line`` counts from 1.
    """

    keyword: str
    flags: tuple[Word, ...]
    value: str
    offsets: tuple[int, ...]
    words: tuple[Word, ...]
    json: tuple[str, ...] | None
    heredocs: tuple[Heredoc, ...]
    start: int
    end: int
    line: int


class Dockerfile(NamedTuple):
    """``escape`` is the character of the ``# escape=`` directive, ``comments`` every comment line: (text, offset of its start)."""

    source: Source
    instructions: tuple[Instruction, ...]
    comments: tuple[tuple[str, int], ...] = ()
    escape: str = "\\"
    problems: tuple[Problem, ...] = ()
