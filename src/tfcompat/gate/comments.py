"""Comments that speak to the gate: ``# tfcompat: ignore[rule-id] reason``."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from tfcompat.gate.kinds import kind_of
from tfcompat.gate.source import Place, Source

__all__ = ["Comment", "find_comments", "is_dockerfile"]

_MARK = "tfcompat:"
_LIMIT = 1000  # comments of one file that are read
_WORDS = re.compile(r"(?:#+|//+|/\*+)\s*tfcompat:\s*(?P<verb>[\w-]*)[ \t]*(?:\[(?P<rules>[^\]\n]*)\])?(?P<reason>[^\n]*)")
# What may hold a mark that is no comment is matched first, as a whole. The end of each may be missing, or one would be looked for again and again.
_TOML = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)|\'\'\'.*?(?:\'\'\'|\Z)|"(?:\\.|[^"\\\n])*"?|\'[^\'\n]*\'?|(?P<comment>#[^\n]*)', re.DOTALL
)
_YAML = re.compile(
    r'(?:(?<=[\s\[{,:-])|^)(?:"(?:\\[^\n]|[^"\\\n])*"?|\'(?:\'\'|[^\'\n])*\'?)|(?:(?<=\s)|^)(?P<comment>#[^\n]*)', re.MULTILINE
)
_JSON = re.compile(r'"(?:\\.|[^"\\\n])*"?|(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))', re.DOTALL)
_PLAIN = re.compile(r"(?:(?<=\s)|^)(?P<comment>#[^\n]*)", re.MULTILINE)  # pip knows no quotes
_ESCAPE = re.compile(r"[ \t]*#[ \t]*escape[ \t]*=[ \t]*([\\`])[ \t\r]*", re.IGNORECASE)


class Comment(NamedTuple):
    """One comment that speaks to the gate. ``verb`` is its first word, ``rules`` None where no brackets name any.

    ``lines`` are those that it speaks of; None is the whole file. ``alone``: it has its line to itself. ``head``: nothing but comments stands before it.
    """

    place: Place
    verb: str
    rules: tuple[str, ...] | None
    reason: str
    lines: range | None
    alone: bool
    head: bool


def find_comments(source: Source) -> Iterator[Comment]:
    """Every comment of the file that speaks to the gate, in its order.

    One that has its line to itself speaks of the next line that is no comment, in a Dockerfile of the whole instruction
    there; any other of its own line.
    """
    if _MARK not in source.text:
        return
    pattern, docker = _pattern(source.name), is_dockerfile(source.name)
    lines = source.text.split("\n")
    written = ((found.start("comment"), found["comment"]) for found in pattern.finditer(source.text) if found["comment"])
    speaking = ((start, words) for start, words in ((start, _WORDS.match(text)) for start, text in written) if words is not None)
    for start, words in islice(speaking, _LIMIT):
        yield _comment(source, lines, start, words, docker)


def _comment(source: Source, lines: list[str], start: int, words: "re.Match[str]", docker: bool) -> Comment:
    place = source.place(start, start + len(words[0].rstrip()))
    alone = not lines[place.line - 1][: place.column - 1].strip()
    about = _spoken_of(lines, place.line, _mark(source.name), docker) if alone else range(place.line, place.line + 1)
    rules = words["rules"]
    named = tuple(filter(None, (name.strip() for name in rules.split(",")))) if rules is not None else None
    head = alone and all(_is_comment(line, _mark(source.name)) or not line.strip() for line in lines[: place.line - 1])
    reason = words["reason"].removesuffix("*/").strip().lstrip(":-").strip()
    verb = words["verb"]
    return Comment(place, verb, named, reason, None if verb == "ignore-file" else about, alone, head)


def _spoken_of(lines: list[str], line: int, mark: str, docker: bool) -> range:
    """From the comment on *line* to the end of what follows it, as line numbers."""
    at = line  # the index of the line below it
    while at < len(lines) and _is_comment(lines[at], mark):
        at += 1
    if at >= len(lines) or not lines[at].strip():
        return range(line, line + 1)
    return range(line, (_end_of_instruction(lines, at) if docker else at) + 2)


def _end_of_instruction(lines: list[str], at: int) -> int:
    """The index of the last line of the instruction that goes through the line with the index *at*."""
    escape = next((m[1] for m in map(_ESCAPE.fullmatch, lines[:5]) if m), "\\")
    last = len(lines) - 1
    while at < last and lines[at].rstrip().endswith(escape):
        at += 1
        while at < last and (_is_comment(lines[at], "#") or not lines[at].strip()):
            at += 1
    return at


def _is_comment(line: str, mark: str) -> bool:
    return line.lstrip().startswith(mark)


def _mark(name: str) -> str:
    return "//" if name.lower().endswith((".json", ".jsonc")) else "#"


def _pattern(name: str) -> "re.Pattern[str]":
    low = name.lower()
    if low.endswith((".json", ".jsonc")):
        return _JSON
    if low.endswith((".yml", ".yaml")):
        return _YAML
    return _TOML if low.endswith((".toml", ".lock", "pipfile")) else _PLAIN


def is_dockerfile(name: str) -> bool:
    """Whether the file is named as a Dockerfile is; there only whole lines are comments."""
    return kind_of(name) == "dockerfile"
