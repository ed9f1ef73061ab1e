"""Reads a Dockerfile as BuildKit does: directives, continued lines, flags, the exec form and heredocs, each with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.declared import Problem
from tfcompat.gate.instructions import Dockerfile, Heredoc, Instruction
from tfcompat.gate.readers.dockerfile_words import KEYWORDS, Refused, Span, json_form, split_instruction, split_words
from tfcompat.gate.readers.variables import raw_words, word_and_quoted

if TYPE_CHECKING:
    from tfcompat.gate.source import Source

__all__ = ["read_dockerfile"]

_DIRECTIVE = re.compile(r"([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*)", re.DOTALL)
_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = re.compile(r"([0-9]*)<<(-?)([^<]+)")
_HEREDOC_KEYWORDS = ("RUN", "COPY", "ADD")
_PROBLEM_LIMIT = 50
_SAID_LIMIT = 40  # characters of the file that a reason repeats


def read_dockerfile(source: Source) -> Dockerfile:
    """The instructions of *source*, as far as they can be read. What BuildKit would refuse is a grave :class:`Problem`."""
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 1 if self.text.startswith("\ufeff") else 0
        self.line = 0  # lines read so far
        self.escape = "\\"
        self.directives: set[str] | None = set()  # None: they are over
        self.instructions: list[Instruction] = []
        self.comments: list[tuple[str, int]] = []
        self.problems: list[Problem] = []

    def read(self) -> Dockerfile:
        while (span := self._next_line()) is not None:
            start, end = _stripped(self.text, *span)
            if self._is_comment(start, end):
                self._directive(self.text[start:end], start)
                continue
            self.directives = None
            if start < end:
                self._instruction(start, end)
        self._judge()
        return Dockerfile(self.source, tuple(self.instructions), tuple(self.comments), self.escape, tuple(self.problems))

    def _next_line(self) -> tuple[int, int] | None:
        """The span of the next line without its end."""
        if self.at >= len(self.text):
            return None
        start = self.at
        end = self.text.find("\n", start)
        self.at = end + 1 if end >= 0 else len(self.text)
        self.line += 1
        end = end if end >= 0 else len(self.text)
        while end > start and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    def _is_comment(self, start: int, end: int) -> bool:
        if start < end and self.text[start] == "#":
            self.comments.append((self.text[start:end], start))
            return True
        return False

    def _directive(self, line: str, start: int) -> None:
        if self.directives is None:
            return
        found = _DIRECTIVE.fullmatch(line[1:].strip())
        name = found[1].lower() if found else ""
        if found is None or name not in _DIRECTIVES:
            self.directives = None
        elif name in self.directives:
            self._problem(start, start + len(line), f"the directive {name} is given twice")
        else:
            self.directives.add(name)
            if name == "escape" and found[2] in ("\\", "`"):
                self.escape = found[2]
            elif name == "escape":
                self._problem(start, start + len(line), f"the escape character is \\ or `, not {_said(found[2])}")

    def _instruction(self, start: int, end: int) -> None:
        line, first = self.line, start
        span, end = self._joined(start, end)
        parts = split_instruction(span)
        if parts is None:
            return  # nothing but an escape at the end of a line
        keyword, flags, value = parts
        try:
            words = split_words(keyword, value, self.escape)
            json = json_form(keyword, value)
        except Refused as refused:
            self._problem(first, end, f"{keyword} {refused}")
            words, json = (), None
        heredocs: tuple[Heredoc, ...] = ()
        if json is None and "<<" in span.text and _takes_heredocs(keyword, value):
            heredocs, end = self._heredocs(span, first, end)
        self.instructions.append(Instruction(keyword, flags, value.text, value.offsets, words, json, heredocs, first, end, line))

    def _joined(self, start: int, end: int) -> tuple[Span, int]:
        """The instruction that begins with the line of these offsets, with the lines that continue it, and where it ends."""
        texts: list[str] = []
        offsets: list[int] = []
        while True:
            cut = self._continued(start, end)
            texts.append(self.text[start : end if cut is None else cut])
            offsets += range(start, end if cut is None else cut)
            last = end
            if cut is None or (following := self._continuation()) is None:
                return Span("".join(texts), tuple(offsets)), last
            start, end = following

    def _continued(self, start: int, end: int) -> int | None:
        """Where the escape at the end of a line stands; None where none is, or where it is itself escaped."""
        while end > start and self.text[end - 1] in " \t":
            end -= 1
        at = end - 1
        if at < start or self.text[at] != self.escape or (at > start and self.text[at - 1] == self.escape):
            return None
        return at

    def _continuation(self) -> tuple[int, int] | None:
        """The next line that is neither blank nor a comment: such lines do not end an instruction."""
        while (span := self._next_line()) is not None:
            start, end = _stripped(self.text, *span)
            if start < end and not self._is_comment(start, end):
                return span
        return None

    def _heredocs(self, span: Span, first: int, end: int) -> tuple[tuple[Heredoc, ...], int]:
        found = []
        for word in raw_words(span.text):
            match = _HEREDOC.fullmatch(word)
            named = word_and_quoted(match[3]) if match else None
            if match is None or named is None:
                continue
            heredoc, end = self._body(named[0], not named[1], bool(match[2]), first)
            found.append(heredoc)
        return tuple(found), end

    def _body(self, name: str, expand: bool, strip_tabs: bool, first: int) -> tuple[Heredoc, int]:
        start = self.at
        while (span := self._next_line()) is not None:
            line = self.text[span[0] : span[1]]
            if (line.lstrip("\t") if strip_tabs else line) == name:
                return Heredoc(name, self.text[start : span[0]], start, span[0], expand, strip_tabs), span[1]
        self._problem(first, first, f"the heredoc {_said(name)} has no end")
        end = len(self.text)
        return Heredoc(name, self.text[start:end], start, end, expand, strip_tabs), end

    def _judge(self) -> None:
        """Report what BuildKit refuses once it has read the whole file."""
        stages = [one for one in self.instructions if one.keyword == "FROM"]
        if "\0" in self.text:
            self.problems[:] = [Problem(self.source.place(self.text.index("\0")), "it is not text: it holds NUL characters", True)]
        elif not self.instructions:
            self.problems[:] = [Problem(self.source.place(0), "it holds no instruction")]
        elif not any(one.keyword in KEYWORDS for one in self.instructions):
            self.problems[:] = [Problem(self.source.place(0), "it holds no instruction that a Dockerfile can have", True)]
        elif not stages:
            self.problems.insert(0, Problem(self.source.place(0), "it has no FROM, so that nothing can be built from it", True))
        else:
            self._judge_each(stages[0].start)

    def _judge_each(self, first_stage: int) -> None:
        for one in self.instructions:
            if one.keyword not in KEYWORDS:
                self._problem(one.start, one.end, f"{_said(one.keyword)} is not an instruction")
            elif one.keyword == "FROM" and not one.words:
                self._problem(one.start, one.end, "FROM names no image")
            elif one.keyword == "FROM" and not (len(one.words) == 1 or (len(one.words) == 3 and one.words[1].text.upper() == "AS")):
                self._problem(one.start, one.end, "FROM takes an image, and AS with a name", grave=not _ends_in_comment(one))
            elif one.start < first_stage and one.keyword != "ARG":
                self._problem(one.start, one.end, f"{one.keyword} stands before the first FROM")
        self.problems.sort(key=lambda problem: problem.place.start)

    def _problem(self, start: int, end: int, reason: str, grave: bool = True) -> None:
        if len(self.problems) < _PROBLEM_LIMIT or (grave and not any(problem.grave for problem in self.problems)):
            self.problems.append(Problem(self.source.place(start, end), reason, grave))


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the blanks at its start."""
    line = text[start:end]
    return start + len(line) - len(line.lstrip()), end


def _ends_in_comment(one: Instruction) -> bool:
    """``FROM IMAGE # comment``, with a name or without: as common as it is wrong, so that the gate has a rule for it and goes on."""
    at = 3 if one.words[1].text.upper() == "AS" else 1
    return len(one.words) > at and one.words[at].text.startswith("#")


def _takes_heredocs(keyword: str, value: Span) -> bool:
    if keyword != "ONBUILD":
        return keyword in _HEREDOC_KEYWORDS
    inner = split_instruction(value)
    return inner is not None and inner[0] in _HEREDOC_KEYWORDS and not inner[2].text.startswith("[")


def _said(text: str) -> str:
    return text if len(text) <= _SAID_LIMIT else text[:_SAID_LIMIT] + "..."
