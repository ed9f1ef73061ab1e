"""Reads a script of the POSIX shell or bash as simple commands. Nothing is executed."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from itertools import chain
from typing import NamedTuple

from tfcompat.gate.readers.dockerfile_words import Span
from tfcompat.gate.readers.shell_words import Piece, ShellWord, closing, read_word

__all__ = ["Assignment", "Command", "Redirection", "read_shell"]

_OPERATOR = re.compile(r"&&|\|\||;;&|;;|;&|\|&|&>>|&>|<<<|<<-|<<|<&|<>|>>|>&|>\||[;&|<>()\n]")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^]]*\])?\+?=")
_FUNCTION_NAME = re.compile(r"[\w.:+-]+\Z")
_REDIRECTIONS = ("&>>", "&>", "<<<", "<<-", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">")
_CONNECTORS = ("&&", "||", "|", "|&")
_OPENING = {"if": "if", "while": "loop", "until": "loop", "{": "{"}
_CLOSING = {"fi": "if", "done": "loop", "esac": "case", "}": "{"}
_TESTS = ("[", "[[", "test", "command", "which", "type", "hash", "false")
_FILE_TESTS = ("-f", "-e", "-s", "-r", "-d", "-x", "-w", "-h", "-L")
_COMMAND_LIMIT = 20_000
_DEPTH_LIMIT = 100


class Assignment(NamedTuple):
    """``NAME=value``. ``word`` is the whole; ``value`` the word behind the ``=``; ``whole``: it replaces the value (not ``+=``, no array)."""

    name: str
    word: ShellWord
    value: ShellWord
    whole: bool


class Redirection(NamedTuple):
    """``>FILE`` and its siblings; ``body`` is the text of a heredoc or a here-string's word, ``expand`` whether variables in it count."""

    operator: str
    target: ShellWord
    body: Span | None = None
    expand: bool = False


class Command(NamedTuple):
    """One simple command. ``conditional``: it runs under a condition (``if``, a loop, a function, after ``||`` or most tests).

    ``piped``: its input is the output of the command before it. ``subshells``: a number for each ``(`` that it stands in.
    A command without words only assigns; ``for NAME in ...`` is one with the word ``for``.
    """

    words: tuple[ShellWord, ...]
    assignments: tuple[Assignment, ...]
    redirections: tuple[Redirection, ...]
    start: int
    end: int
    conditional: bool = False
    piped: bool = False
    subshells: tuple[int, ...] = ()


def read_shell(text: str, offsets: tuple[int, ...] | None = None) -> list[Command]:
    """The commands of *text* in their order; *offsets* has the offset of each of its characters, itself by default."""
    script = Span(text, tuple(range(len(text))) if offsets is None else offsets)
    return _Reader(script).read()


class _Open(NamedTuple):
    """A construct that is not closed yet: whether what stands in it is conditional, and the list that it stands in."""

    kind: str
    conditional: bool
    number: int
    list: "_List"


class _List(NamedTuple):
    """Where in ``a && b || c`` we are: ``otherwise``: after ``||``; ``guarded``: after a test and ``&&``; ``test``: the last was a test.

    ``expected`` is the number of the first command after a test of a file and ``&&``. The file is there as a rule, so that what
    follows is no condition, unless ``||`` says that it may be missing. ``file``: the last was such a test.
    """

    otherwise: bool = False
    guarded: bool = False
    test: bool = False
    expected: int | None = None
    file: bool = False


class _Reader:
    def __init__(self, script: Span) -> None:
        self.script = script
        self.text = script.text
        self.at = 0
        self.commands: list[Command] = []
        self.open: list[_Open] = []
        self.subshells = 0
        self.list = _List()
        self.operator = ";"  # the last one
        self.phase = ""  # "subject" or "pattern" of a case, "name" of a function, "test" inside [[ ]]
        self.bodies: list[tuple[int, int, bool]] = []  # heredocs whose text follows: numbers of command and redirection, tabs stripped
        self._fresh()

    def _fresh(self) -> None:
        self.tested = ""  # the first word inside [[ ]]
        self.words: list[ShellWord] = []
        self.assignments: list[Assignment] = []
        self.redirections: list[Redirection] = []

    def read(self) -> list[Command]:
        while self.at < len(self.text) and len(self.commands) < _COMMAND_LIMIT:
            self._token()
        self._finish()
        return self.commands

    def _token(self) -> None:
        c = self.text[self.at]
        if c in " \t\r":
            self.at += 1
        elif self.text.startswith("\\\n", self.at):
            self.at += 2
        elif c == "#":
            end = self.text.find("\n", self.at)
            self.at = end if end >= 0 else len(self.text)
        elif self.text.startswith(("<(", ">("), self.at):  # a command in the place of a file
            end = closing(self.text, self.at + 2)
            self._word(self._unknown(self.at, end))
            self.at = end
        elif (found := _OPERATOR.match(self.text, self.at)) is not None:
            self.at = found.end()
            self._operator(found[0])
        else:
            word, end = read_word(self.script, self.at)
            self.at = end
            if not (word.text.isdecimal() and self.text.startswith(("<", ">"), end)):  # the number of a file before > is no word
                self._word(word)

    def _unknown(self, start: int, end: int) -> ShellWord:
        text, offsets = self.text[start:end], self.script.offsets[start:end]
        return ShellWord(text, offsets[0], offsets[-1] + 1, (Piece("unknown", text, offsets),))

    # --- words

    def _word(self, word: ShellWord) -> None:
        if self.phase in ("subject", "pattern"):
            self._case_word(word.keyword)
        elif self.phase == "test":
            self.phase = "" if word.text == "]]" else "test"
            self.tested = self.tested or word.text
        elif self.phase == "name":
            self.phase = ""
        elif self.words:
            self.words.append(word)
        elif not self.assignments and self._keyword(word.keyword):
            self.operator = ";"
        elif (found := _ASSIGNMENT.match(word.text)) is not None and word.pieces and found.end() <= len(word.pieces[0].text):
            self.assignments.append(_assignment(found, word))
        else:
            self.words.append(word)
            self.phase = "test" if word.keyword == "[[" else self.phase

    def _case_word(self, keyword: str) -> None:
        if self.phase == "subject":
            self.phase = "pattern" if keyword == "in" else "subject"
        elif keyword == "esac":
            self.phase = ""
            self._close("case")

    def _keyword(self, word: str) -> bool:
        """Whether *word* is a keyword of the shell where a command may begin."""
        if word in _OPENING:
            self._push(_OPENING[word])
        elif word in ("for", "select"):
            self._push("loop")
            return False
        elif word == "case":
            self._push("case")
            self.phase = "subject"
        elif word == "function":
            self._push("function")
            self.phase = "name"
        elif word in ("then", "else", "elif", "do"):
            if self.open:
                self.open[-1] = self.open[-1]._replace(conditional=True)
            self.list = _List()
        elif word in _CLOSING:
            self._close(_CLOSING[word])
        else:
            return word == "!"
        return True

    def _push(self, kind: str) -> None:
        if len(self.open) < _DEPTH_LIMIT:
            conditional = self._conditional() or kind in ("case", "function")
            self.subshells += kind == "("
            self.open.append(_Open(kind, conditional, self.subshells if kind == "(" else 0, self.list))
        self.list = _List()

    def _close(self, kind: str) -> None:
        """Close the innermost construct of *kind*, and a function with its body."""
        depth = next((n for n in range(len(self.open) - 1, -1, -1) if self.open[n].kind == kind), None)
        if depth is None:
            return
        if depth and self.open[depth - 1].kind == "function":
            depth -= 1
        self.list = self.open[depth].list
        del self.open[depth:]

    def _conditional(self) -> bool:
        return self.list.otherwise or self.list.guarded or bool(self.open and self.open[-1].conditional)

    # --- operators

    def _operator(self, operator: str) -> None:
        if operator in _REDIRECTIONS and self.phase not in ("pattern", "test"):
            self._redirection(operator)
        elif self.phase == "test" and operator != "\n":
            return
        elif self.phase in ("subject", "pattern"):
            self.phase = "" if operator == ")" and self.phase == "pattern" else self.phase
        elif operator == "(":
            self._parenthesis()
        elif operator == ")":
            self._finish()
            self._close("(")
        elif operator == "\n":
            self._newline()
        else:
            self._separator(operator)

    def _parenthesis(self) -> None:
        if len(self.words) == 1 and _FUNCTION_NAME.match(self.words[0].keyword):  # NAME() { ... }
            self._fresh()
            self.bodies = [body for body in self.bodies if body[0] < len(self.commands)]
            self._push("function")
            end = self.text.find(")", self.at)
            self.at = end + 1 if end >= 0 and not self.text[self.at : end].strip() else self.at
            return
        self._finish()
        self._push("(")
        self.operator = ";"

    def _newline(self) -> None:
        self.phase = ""
        if self.words or self.assignments or self.redirections or self.operator not in _CONNECTORS:
            self._separator(";")
        changed: dict[int, list[Redirection]] = {}
        for number, which, strip_tabs in self.bodies:
            if number not in changed:
                changed[number] = list(self.commands[number].redirections)
            redirections = changed[number]
            redirections[which] = redirections[which]._replace(body=self._body(redirections[which].target, strip_tabs))
        for number, redirections in changed.items():
            self.commands[number] = self.commands[number]._replace(redirections=tuple(redirections))
        self.bodies = []

    def _separator(self, operator: str) -> None:
        self._finish()
        if operator == "&&":
            since = len(self.commands) if self.list.file and self.list.expected is None else self.list.expected
            self.list = _List(guarded=self.list.guarded or self.list.test, expected=since)
        elif operator == "||":
            if self.list.expected is not None:
                self.commands[self.list.expected :] = [one._replace(conditional=True) for one in self.commands[self.list.expected :]]
            self.list = _List(otherwise=True)
        elif operator in (";", "&"):
            self.list = _List()
        elif operator in (";;", ";&", ";;&"):
            self.list = _List()
            self.phase = "pattern" if any(one.kind == "case" for one in self.open) else ""
        self.operator = operator

    def _redirection(self, operator: str) -> None:
        while self.at < len(self.text) and (self.text[self.at] in " \t" or self.text.startswith("\\\n", self.at)):
            self.at += 1 if self.text[self.at] in " \t" else 2
        if self.at >= len(self.text) or _OPERATOR.match(self.text, self.at) is not None:
            return
        target, self.at = read_word(self.script, self.at)
        quoted = any(piece.quoted for piece in target.pieces)
        body = _body_of_string(target) if operator == "<<<" else None
        self.redirections.append(Redirection(operator, target, body, expand=not quoted))
        if operator in ("<<", "<<-"):
            self.bodies.append((len(self.commands), len(self.redirections) - 1, operator == "<<-"))

    def _body(self, delimiter: ShellWord, strip_tabs: bool) -> Span:
        name = "".join(piece.text for piece in delimiter.pieces)
        start = self.at
        while self.at < len(self.text):
            line_start = self.at
            end = self.text.find("\n", self.at)
            self.at = end + 1 if end >= 0 else len(self.text)
            line = self.text[line_start : end if end >= 0 else len(self.text)].rstrip("\r")
            if (line.lstrip("\t") if strip_tabs else line) == name:
                return self.script.part(start, line_start)
        return self.script.part(start, len(self.text))

    def _finish(self) -> None:
        if self.words or self.assignments or self.redirections:
            self.commands.append(self._command())
            first = self.words[0].value if self.words else None
            quiet_grep = first == "grep" and any(word.text.startswith("-") and "q" in word.text for word in self.words)
            operator = self.tested or (self.words[1].text if len(self.words) > 1 else "")
            file = first in ("[", "[[", "test") and operator in _FILE_TESTS
            self.list = self.list._replace(test=not file and (first in _TESTS or quiet_grep), file=file)
        self._fresh()

    def _command(self) -> Command:
        parts = [*self.words, *(one.word for one in self.assignments), *(one.target for one in self.redirections)]
        return Command(
            tuple(self.words),
            tuple(self.assignments),
            tuple(self.redirections),
            min(part.start for part in parts),
            max(part.end for part in parts),
            self._conditional(),
            self.operator in ("|", "|&"),
            tuple(one.number for one in self.open if one.number),
        )


def _assignment(found: re.Match[str], word: ShellWord) -> Assignment:
    first = word.pieces[0]
    cut = found.end()
    rest = Piece("literal", first.text[cut:], first.offsets[cut:])
    pieces = (rest, *word.pieces[1:]) if rest.text else word.pieces[1:]
    array = bool(pieces) and pieces[0].kind == "unknown" and pieces[0].text.startswith("(")
    value = ShellWord(word.text[cut:], min(word.start + cut, word.end), word.end, pieces)
    return Assignment(found[1], word, value, found[0] == f"{found[1]}=" and not array)


def _body_of_string(word: ShellWord) -> Span | None:
    value = word.value
    return None if value is None else Span(value, tuple(chain.from_iterable(piece.offsets for piece in word.pieces)))
