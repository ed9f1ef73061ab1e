"""Dockerfiles: instructions, words and places, as BuildKit's own parser sees them."""

from __future__ import annotations

from contextlib import suppress
from json import JSONDecoder
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfcompat.gate.instructions import Dockerfile, Instruction, Word
from tfcompat.gate.readers.dockerfile import read_dockerfile
from tfcompat.gate.readers.dockerfile_words import KEYWORDS, Span, split_instruction
from tfcompat.gate.source import Source

FIXTURES = sorted((Path(__file__).parent / "dockerfiles").glob("*.Dockerfile"))
# What differs from the reference on purpose: it is BuildKit 0.12, which knows no "# check=", and it hands NUL characters to C.
NEWER_THAN_THE_REFERENCE = {"check-directive", "nul"}


def read(text: str) -> Dockerfile:
    return read_dockerfile(Source("Dockerfile", text))


def only(text: str) -> Instruction:
    (instruction,) = read(text).instructions
    return instruction


def fixture(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def problems(text: str) -> list[tuple[int, str, bool]]:
    return [(problem.place.line, problem.reason, problem.grave) for problem in read(text).problems]


def spelled(words: tuple[Word, ...]) -> list[str]:
    return [word.text for word in words]


# --- what each form is read as


def test_words_flags_and_places() -> None:
    text = "FROM --platform=$P a:b AS c\n"
    found = only(text)
    assert (found.keyword, found.value, spelled(found.flags), spelled(found.words)) == (
        "FROM",
        "a:b AS c",
        ["--platform=$P"],
        ["a:b", "AS", "c"],
    )
    assert [text[word.start : word.end] for word in (*found.flags, *found.words)] == ["--platform=$P", "a:b", "AS", "c"]
    assert (found.start, found.end, found.line) == (0, 27, 1)


def test_a_continued_line_keeps_the_offset_of_every_character() -> None:
    text = "FROM a\nRUN one \\\n  # comment\n\n  two\n"
    found = read(text).instructions[1]
    assert found.value == "one   two"
    assert "".join(text[offset] for offset in found.offsets) == found.value
    assert (text[found.start : found.end], found.line) == (text[7:-1], 2)
    assert read(text).comments == (("# comment", text.index("#")),)


def test_a_carriage_return_is_no_part_of_a_value() -> None:
    text = "FROM a\r\nENV A=b \\\r\n C=d\r\n"
    found = read(text).instructions[1]
    assert spelled(found.words) == ["A=b", "C=d"]
    assert "\r" not in found.value


def test_a_byte_order_mark_is_passed_over() -> None:
    assert (only("\ufefffrom a").keyword, only("\ufeffFROM a").start) == ("FROM", 1)


def test_the_escape_directive() -> None:
    found = read("# syntax=x\n# escape=`\nFROM a\nRUN b `\n c\\\n")
    assert (found.escape, [one.value for one in found.instructions]) == ("`", ["a", "b  c\\"])
    assert read("# a comment\n# escape=`\nFROM a\n").escape == "\\"
    assert read("\n# escape=`\nFROM a\n").escape == "\\"
    assert read("# check=skip=all\n# escape=`\nFROM a\n").escape == "`"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ENV A=1 B=\"two words\" C=three\\ words D='x y'", ["A=1", 'B="two words"', "C=three\\ words", "D='x y'"]),
        ("ENV A b  c=d", ["A", "b  c=d"]),
        ("ENV A=b\\", ["A=b"]),
        ("LABEL \"a b\"=c d=e", ['"a b"=c', "d=e"]),
        ("ARG A B=c \"D=e f\"", ["A", "B=c", '"D=e f"']),
        ("COPY a\tb  c", ["a", "b", "c"]),
        ("RUN a  b", ["a  b"]),
        ("HEALTHCHECK --interval=1s CMD a  b", ["CMD", "a  b"]),
        ("HEALTHCHECK NONE", ["NONE"]),
        ("WORKDIR /a b", ["/a b"]),
        ("RUN [\"a\", \"b c\"]", ['"a"', '"b c"']),
        ("ONBUILD RUN a b", ["RUN a b"]),
        ("RUN", []),
    ],
)  # fmt: skip
def test_each_keyword_splits_its_words(text: str, words: list[str]) -> None:
    assert spelled(only(text).words) == words


def test_the_exec_form() -> None:
    text = 'RUN ["a\\u0062", "c \\"d\\""]'
    found = only(text)
    assert found.json == ("ab", 'c "d"')
    assert [text[word.start : word.end] for word in found.words] == ['"a\\u0062"', '"c \\"d\\""']
    assert only("RUN [ -f x ]").json is None
    assert only("HEALTHCHECK CMD []").json == ("CMD",)


def test_heredocs() -> None:
    text = "COPY <<A <<-'B C' /x\none\nA\n\ttwo\n\tB C\nRUN x\n"
    copy, run = read(text).instructions
    first, second = copy.heredocs
    assert (first.name, first.body, first.expand, first.strip_tabs) == ("A", "one\n", True, False)
    assert (second.name, second.body, second.expand, second.strip_tabs) == ("B C", "\ttwo\n", False, True)
    assert text[second.start : second.end] == second.body
    assert (text[copy.start : copy.end], run.line) == ("COPY <<A <<-'B C' /x\none\nA\n\ttwo\n\tB C", 6)


@pytest.mark.parametrize("line", ['RUN ["<<EOF"]', "RUN echo '<<EOF'", "RUN cat <<<EOF", "ENV A=<<EOF", "RUN echo $((1<<EOF))"])
def test_what_is_no_heredoc(line: str) -> None:
    assert [one.heredocs for one in read(f"{line}\nRUN a\nEOF\n").instructions] == [(), (), ()]


# --- what is refused


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("empty", [(1, "it holds no instruction", False)]),
        ("only-comments", [(1, "it holds no instruction", False)]),
        ("letter", [(1, "it holds no instruction that a Dockerfile can have", True)]),
        ("nul", [(2, "it is not text: it holds NUL characters", True)]),
        ("no-from", [(1, "it has no FROM, so that nothing can be built from it", True)]),
        ("unknown-keyword", [(2, "INCLUDE is not an instruction", True), (4, "PIP is not an instruction", True)]),
        (
            "from-without-image",
            [(1, "FROM names no image", True), (3, "FROM takes an image, and AS with a name", True)]
            + [(4, "FROM takes an image, and AS with a name", True)],
        ),
        ("before-from", [(1, "ENV stands before the first FROM", True)]),
        ("unterminated-heredoc", [(2, "the heredoc EOF has no end", True)]),
        ("bad-directive", [(1, "the escape character is \\ or `, not /", True)]),
        (
            "refused",
            [
                (2, "ENV takes a name and a value", True),
                (3, "ENV takes NAME=value, and one of its words has no =", True),
                (4, "LABEL takes a name and a value", True),
                (5, "COPY takes an array of strings, or a command without brackets", True),
            ],
        ),
        (
            "template-leftovers",
            [(1, "FROM takes an image, and AS with a name", True)] + [(n, "{% is not an instruction", True) for n in (2, 4)],
        ),
    ],
)
def test_what_docker_refuses_is_a_problem(name: str, expected: list[tuple[int, str, bool]]) -> None:
    assert problems(fixture(Path(__file__).parent / "dockerfiles" / f"{name}.Dockerfile")) == expected


def test_every_other_fixture_is_without_problems() -> None:
    faulty = {path.stem for path in FIXTURES if read(fixture(path)).problems}
    assert faulty == {
        "empty", "only-comments", "letter", "nul", "no-from", "unknown-keyword", "from-without-image", "before-from", "unterminated-heredoc",
        "bad-directive", "refused", "template-leftovers",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "grave"),
    [
        ("FROM a # c", False),
        ("FROM a #c d", False),
        ("FROM a AS b # c", False),
        ("FROM a as b #", False),
        ("FROM a AS b c", True),
        ("FROM a AS # c", True),
        ("FROM a b # c", True),
        ("FROM a AS", True),
        ("FROM", True),
    ],
)
def test_only_a_comment_behind_an_image_is_not_grave(line: str, grave: bool) -> None:
    found = read(f"{line}\nRUN x\n")
    assert ([problem.grave for problem in found.problems], [one.keyword for one in found.instructions]) == ([grave], ["FROM", "RUN"])


def test_many_comments_hide_no_grave_problem() -> None:
    found = read("FROM a # b\n" * 60 + "NOT one\nNOT two\n")
    assert [problem.reason for problem in found.problems if problem.grave] == ["NOT is not an instruction"]


def test_problems_are_bounded() -> None:
    assert len(read("FROM a\n" + "NOT one\n" * 5000).problems) == 50


# --- against the reference


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    return pytest.importorskip("dockerfile", reason="BuildKit's parser is not installed: pip install dockerfile")


def unquoted(flag: str) -> str:
    """A flag as the reference gives it: without quotes and escapes."""
    found, quote, at = "", "", 0
    while at < len(flag):
        c = flag[at]
        if c == "\\":
            at += 1
            found += flag[at : at + 1]
        elif quote:
            found, quote = (found, "") if c == quote else (found + c, quote)
        elif c in "'\"":
            quote = c
        else:
            found += c
        at += 1
    return found


def values(one: Instruction) -> list[str]:
    if one.json is not None:
        return list(one.json)
    texts = spelled(one.words)
    if one.keyword in ("ENV", "LABEL") and texts and "=" in texts[0]:
        return [part for text in texts for part in text.partition("=")[::2]]
    return texts


def comparable(one: Instruction) -> tuple[Any, ...]:
    """An instruction as the reference tells it."""
    flags = tuple(unquoted(flag.text) for flag in one.flags)
    if one.keyword not in KEYWORDS:
        return one.keyword, None, flags, ("",), False, one.line
    bodies = tuple((heredoc.name, heredoc.body) for heredoc in one.heredocs)
    if one.keyword == "ONBUILD" and one.value:
        inner = split_instruction(Span(one.value, one.offsets))
        assert inner is not None
        return "ONBUILD", inner[0], flags, None, None, one.line
    return one.keyword, None, flags, tuple(values(one)), one.json is not None, one.line, bodies


def told(command: Any) -> tuple[Any, ...]:
    head = command.cmd.upper(), command.sub_cmd and command.sub_cmd.upper(), command.flags
    if head[0] not in KEYWORDS:
        return (*head, command.value, command.json, command.start_line)
    if command.sub_cmd:
        return (*head, None, None, command.start_line)
    bodies = tuple((heredoc.name, heredoc.content) for heredoc in command.heredocs)
    return (*head, command.value, command.json, command.start_line, bodies)


REFUSED_BY_THE_PARSER = ("takes a name", "takes NAME=", "takes an array", "has no end", "the escape character", "is given twice")


def check_against(reference: ModuleType, text: str) -> None:
    found = read(text)
    try:
        commands = [command for command in reference.parse_string(text) if command.cmd]  # without a word: an escape alone
    except reference.GoParseError:
        assert found.problems, "the reference refuses it"
        return
    assert [comparable(one) for one in found.instructions] == [told(command) for command in commands]
    assert not [problem.reason for problem in found.problems if any(said in problem.reason for said in REFUSED_BY_THE_PARSER)]
    for one, command in zip(found.instructions, commands, strict=True):
        end = found.source.place(one.end).line
        assert end <= command.end_line  # the reference counts blank lines and comments after an escape at the end of the file
        assert not [line for line in text.split("\n")[end : command.end_line] if line.strip() and not line.lstrip().startswith("#")]


def junk_after_an_array(text: str) -> bool:
    """Whether something stands behind an array: the reference passes over it, which later releases of BuildKit do not."""
    for one in read(text).instructions:
        for value in (one.value, one.value.partition(" ")[2].strip()):
            with suppress(ValueError):
                end = JSONDecoder().raw_decode(value)[1]
                if value.startswith("[") and value[end:].strip():
                    return True
    return False


@pytest.mark.parametrize("path", [path for path in FIXTURES if path.stem not in NEWER_THAN_THE_REFERENCE], ids=lambda path: path.stem)
def test_fixtures_are_read_as_buildkit_reads_them(path: Path, reference: ModuleType) -> None:
    check_against(reference, fixture(path))


PIECES = st.sampled_from(
    ["FROM a", "from b AS c", "ARG X=1", "ENV A=b", "ENV A b", "RUN ", "COPY a b", "RUN <<EOF", "EOF", "<<-E", "\tE", "# c", "#", "ONBUILD ", "\\",
     " \\", "`", "\n", "\n", "\n", "\r\n", "\t", " ", "  ", '"', "'", '["a"', "]", '"b"', ", ", "--x=y ", "--", "$X", "${X:-y}", "# escape=`", "=", "é",
     "LABEL a=b", "HEALTHCHECK CMD x", "\v", "EXPOSE 1", "SHELL [\"a\"]", "{", "}", "$", "1"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_made_dockerfiles_are_read_as_buildkit_reads_them(reference: ModuleType, text: str) -> None:
    assume(all(flag.text.isascii() for one in read(text).instructions for flag in one.flags))  # the reference reads flags as bytes
    assume(not junk_after_an_array(text))
    check_against(reference, text)


# --- laws


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join)))
def test_every_place_lies_in_the_text(text: str) -> None:
    found = read(text)
    end = 0
    for one in found.instructions:
        assert end <= one.start <= one.end <= len(text)
        assert len(one.value) == len(one.offsets)
        assert "".join(text[offset] for offset in one.offsets) == one.value
        assert list(one.offsets) == sorted(one.offsets)
        end = one.end
        for word in (*one.words, *one.flags):
            assert one.start <= word.start < word.end <= one.end
        for heredoc in one.heredocs:
            assert text[heredoc.start : heredoc.end] == heredoc.body
    for comment, start in found.comments:
        assert text.startswith(comment, start)
    for problem in found.problems:
        assert 0 <= problem.place.start <= problem.place.end <= len(text)


@given(
    st.lists(st.sampled_from(["FROM a", "RUN pip install x", "ENV A=b", "COPY a b", "# c"]), max_size=8), st.sampled_from(["\n", "\r\n"])
)
def test_line_ends_change_no_value(lines: list[str], end: str) -> None:
    one, other = read("\n".join(lines)), read(end.join(lines))
    assert [(i.keyword, i.value, i.line) for i in one.instructions] == [(i.keyword, i.value, i.line) for i in other.instructions]
