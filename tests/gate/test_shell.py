"""Shell scripts as simple commands."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompat.gate.readers.shell import Command, read_shell
from tfcompat.gate.readers.shell_words import fields_of
from tfcompat.gate.readers.variables import UNKNOWN, UNSET, Missing

KNOWN = {"LIST": "a  b", "ONE": "1.0", "EMPTY": ""}


def lookup(name: str) -> str | Missing:
    return UNKNOWN if name == "U" else KNOWN.get(name, UNSET)


def said(command: Command) -> str:
    """The words of a command, with a mark for a condition (?) and a pipe (|)."""
    words = " ".join(
        word.text if word.value is None else f"<{word.value}>" if " " in word.value or not word.value else word.value
        for word in command.words
    )
    return ("?" if command.conditional else "") + ("|" if command.piped else "") + words


def commands(text: str) -> list[str]:
    return [said(command) for command in read_shell(text)]


def arguments(text: str) -> list[tuple[str | None, str]]:
    (command,) = read_shell(text)
    return [(field.value, field.shown) for word in command.words for field in fields_of(word, lookup)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set -ex; a && b || c; d & e", ["set -ex", "a", "b", "?c", "d", "e"]),
        ("a || b && c", ["a", "?b", "c"]),
        ("[ -f x ] && a && b; c", ["[ -f x ]", "a", "b", "c"]),
        ("test -d x && { a; (b); }\nc", ["test -d x", "a", "b", "c"]),
        ("[[ -e x && -f y ]] && a", ["[[", "a"]),
        ("[ -f x ] && a || b; c", ["[ -f x ]", "?a", "?b", "c"]),
        ("[ -f x ] && { a; b; } || true && c", ["[ -f x ]", "?a", "?b", "?true", "c"]),
        ("[ -f x ] && { y || a; b; }", ["[ -f x ]", "y", "?a", "b"]),
        ("if y; then [ -f x ] && a; fi", ["y", "?[ -f x ]", "?a"]),
        ("[ -f x ] && [ $Y = 1 ] && a", ["[ -f x ]", "[ $Y = 1 ]", "?a"]),
        ("[ -n \"$Y\" ] && a; [[ $Y = 1 ]] && b; [ ! -f x ] && c", ["[ -n \"$Y\" ]", "?a", "[[", "?b", "[ ! -f x ]", "?c"]),
        ("grep -q x y && a", ["grep -q x y", "?a"]),
        ("grep -v x y > z && a", ["grep -v x y", "a"]),
        ("a | b |& c\nd", ["a", "|b", "|c", "d"]),
        ("a |\n b &&\n c", ["a", "|b", "c"]),
        ("if a; then b; elif c; then d; else e; fi; f", ["a", "?b", "?c", "?d", "?e", "f"]),
        ("while a; do b; done; c", ["a", "?b", "c"]),
        ("for x in 1 2; do b $x; done; c", ["for x in 1 2", "?b $x", "c"]),
        ("case $X in a|b) c;; (d) e ;; *) f; esac; g", ["?c", "?e", "?f", "g"]),
        ("case x in\n a)\n  b\n  ;;\nesac\nc", ["?b", "c"]),
        ("f() { a; }\nb", ["?a", "b"]),
        ("function f { a; }; b", ["?a", "b"]),
        ("{ a; b; } || { c; d; }; e", ["a", "b", "?c", "?d", "e"]),
        ("(a && b) && c", ["a", "b", "c"]),
        ("[[ a && b < c ]] && d", ["[[", "?d"]),
        ("! a; b", ["a", "b"]),
        ("a # b\nc#d", ["a", "c#d"]),
        ("a \\\n  b", ["a b"]),
        ("a 'b c' \"d e\" f\\ g ''", ["a <b c> <d e> <f g> <>"]),
        ("a $(b; c ')') `d` ${E:-f g}", ["a $(b; c ')') `d` ${E:-f g}"]),
        ("a <(b c) >(d)", ["a <(b c) >(d)"]),
        ("\"if\" a; then b", ["if a", "b"]),
        ("echo if then", ["echo if then"]),
        ("$'a b' $\"c d\"", ["<a b> <c d>"]),
        ("fi done ) } esac ;; a", ["a"]),
        ("a 2>&1 >b 3< c d", ["a d"]),
        ("'open quote", ["<open quote>"]),
    ],
)  # fmt: skip
def test_commands(text: str, expected: list[str]) -> None:
    assert commands(text) == expected


def test_assignments_and_redirections() -> None:
    (command,) = read_shell("A=1 B='x y' C+=z D=(1 2) run 2>/dev/null >> out <<< 'in put'")
    assert [(one.name, one.value.value, one.whole) for one in command.assignments] == [
        ("A", "1", True), ("B", "x y", True), ("C", "z", False), ("D", None, False)
    ]  # fmt: skip
    assert [(one.operator, one.target.value) for one in command.redirections] == [(">", "/dev/null"), (">>", "out"), ("<<<", "in put")]
    assert [word.value for word in command.words] == ["run"]


def test_heredocs_belong_to_their_commands() -> None:
    text = "cat <<A | tee x\none $X\nA\nb <<-'B' <<C\n\ttwo\n\tB\nthree\nC\nd\n"
    found = read_shell(text)
    assert [said(command) for command in found] == ["cat", "|tee x", "b", "d"]
    bodies = [(one.body and one.body.text, one.expand) for command in found for one in command.redirections]
    assert bodies == [("one $X\n", True), ("\ttwo\n", False), ("three\n", True)]


def test_a_heredoc_without_an_end_takes_the_rest() -> None:
    (command,) = read_shell("cat <<A\nb\nc")
    assert command.redirections[0].body is not None
    assert command.redirections[0].body.text == "b\nc"


def test_subshells_are_numbered() -> None:
    assert [command.subshells for command in read_shell("a; (b; (c)); (d)")] == [(), (1,), (1, 2), (3,)]


def test_places() -> None:
    text = "x && A=b pip install 'numpy<2' # c"
    command = read_shell(text)[1]
    assert text[command.start : command.end] == "A=b pip install 'numpy<2'"
    (field,) = fields_of(command.words[2], lookup)
    assert "".join(text[offset] for offset in field.offsets) == field.value == "numpy<2"
    assert text[field.start : field.end] == "'numpy<2'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $LIST", [("a", "a"), ("a", "a"), ("b", "b")]),
        ('a "$LIST"', [("a", "a"), ("a  b", "a  b")]),
        ("a x$LIST'y'", [("a", "a"), ("xa", "xa"), ("by", "by")]),
        ("a $EMPTY \"$EMPTY\"", [("a", "a"), ("", "")]),
        ("a tf==$ONE ${ONE%.*}", [("a", "a"), ("tf==1.0", "tf==1.0"), ("1", "1")]),
        ("$U x$U", [(None, "$U"), (None, "x$U")]),
        ("$NOT ${NOT:-d} ${NOT%x} ${A:-$B}", [(None, "$NOT"), ("d", "d"), (None, "${NOT%x}"), (None, "${A:-$B}")]),
        ("$1 $@ $(x) $?", [(None, "$1"), (None, "$@"), (None, "$(x)"), (None, "$?")]),
    ],
)  # fmt: skip
def test_arguments(text: str, expected: list[tuple[str | None, str]]) -> None:
    assert arguments(text) == expected


@settings(max_examples=300)
@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12), min_size=1, max_size=6))
def test_quoted_words_come_back(words: list[str]) -> None:
    """What :func:`shlex.quote` protects is one word again, whatever it holds."""
    (command,) = read_shell("run " + " ".join(map(shlex.quote, words)))
    assert [word.value for word in command.words] == ["run", *words]


SIGNS = st.text("ab =;&|<>(){}[]'\"\\$`\n\t\r#!-EO", max_size=60)
PARTS = st.lists(
    st.sampled_from(
        [
            "if ",
            "then ",
            "fi",
            "; ",
            "&&",
            "||",
            "case x in ",
            "a) ",
            ";;",
            "esac",
            "<<E\n",
            "E\n",
            "$(",
            ")",
            "(",
            "f() ",
            "{ ",
            "} ",
            "X=1 ",
            "do ",
            "[[ ",
        ]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.one_of(SIGNS, PARTS, st.text(max_size=60)))
def test_every_place_lies_in_the_text(text: str) -> None:
    for command in read_shell(text):
        assert 0 <= command.start <= command.end <= len(text)
        for word in command.words:
            assert text[word.start : word.end] == word.text
            for field in fields_of(word, lookup):
                assert len(field.offsets) == len(field.value or "")
                assert all(0 <= offset < len(text) for offset in field.offsets)


@pytest.mark.parametrize(
    "part", ["(", "$(", "{ ", "if ", "'", '"', "`", "\\", "a=(", "<<E ", "<<E\n", "case x in ", "f() ", "${", "&& ", ";;", "''", "a;"]
)
def test_hostile_scripts_end_soon(part: str) -> None:
    assert isinstance(read_shell(part * 20_000), list)
