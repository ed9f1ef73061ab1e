"""Variables of Dockerfiles, as BuildKit replaces them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompat.gate.readers.variables import UNKNOWN, UNSET, Missing, expand, raw_words, word_and_quoted

KNOWN = {"V": "2.15.0", "EMPTY": "", "PATH_": "/a/b/c.tar.gz", "STAR": "a*b"}


def lookup(name: str) -> str | Missing:
    return UNKNOWN if name == "U" else KNOWN.get(name, UNSET)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$V-gpu", "2.15.0-gpu"),
        ("${V}-gpu", "2.15.0-gpu"),
        ("$NOT/x", "/x"),
        ("${NOT:-y}", "y"),
        ("${NOT-y}", "y"),
        ("${EMPTY:-y}", "y"),
        ("${EMPTY-y}", ""),
        ("${V:+y}", "y"),
        ("${NOT:+y}", ""),
        ("${EMPTY:+y}", ""),
        ("${EMPTY+y}", "y"),
        ("${NOT:-${V:-z}}", "2.15.0"),
        ("${V:?said}", "2.15.0"),
        ("${NOT:?said}", None),
        ("${V%.*}", "2.15"),
        ("${V%%.*}", "2"),
        ("${V#*.}", "15.0"),
        ("${V##*.}", "0"),
        ("${V%.?}", "2.15"),
        ("${V#x}", "2.15.0"),
        ("${PATH_##*/}", "c.tar.gz"),
        ("${PATH_%/*}", "/a/b"),
        ("${V/./-}", "2-15.0"),
        ("${V//./-}", "2-15-0"),
        ("${PATH_//\\//_}", "_a_b_c.tar.gz"),
        ("${STAR%\\*b}", "a"),
        ("\\$V", "$V"),
        ("'$V'", "$V"),
        ('"$V x"', "2.15.0 x"),
        ('"\\$V \\x"', "$V \\x"),
        ("a\\ b", "a b"),
        ("$", "$"),
        ("$.", "$."),
        ("${", None),
        ("${}", None),
        ("${V", None),
        ("${V^^}", None),
        ("'open", None),
        ("$U", None),
        ("a${U}b", None),
        ("${U:-y}", None),
        ("${U:+y}", None),
        ("${V:-$U}", "2.15.0"),
        ("${NOT:-$U}", None),
        ("$1", ""),
    ],
)
def test_expansion(text: str, value: str | None) -> None:
    assert expand(text, lookup) == value


def test_the_other_escape_character() -> None:
    assert expand("C:\\a`$V $V", lookup, "`") == "C:\\a$V 2.15.0"


def test_words_as_they_are_written() -> None:
    assert raw_words("a 'b c' \"d e\"  $X ${Y:-z} f\\ g") == ["a", "'b c'", '"d e"', "$X", "${Y:-z}", "f g"]
    assert raw_words("a ${X^^} b") == []
    assert (word_and_quoted("EOF"), word_and_quoted("'E F'"), word_and_quoted("a b")) == (("EOF", False), ("E F", True), None)


@pytest.mark.parametrize(
    "text", ["${X:-" * 5000, "${V//*a*/b}" * 1000, "${LONG//*a*b*c*/x}", "${LONG%%*a*b}", "'" * 9999, '"$' * 9999, "${" * 9999]
)
def test_hostile_text_ends_soon(text: str) -> None:
    assert isinstance(expand(text, lambda name: "ab" * 4000 if name == "LONG" else "x"), str | None)


@settings(max_examples=500, deadline=None)
@given(st.text("${}:-+?#%/\\'\"VNU *.ax", max_size=40), st.sampled_from("\\`"))
def test_nothing_raises(text: str, escape: str) -> None:
    value = expand(text, lookup, escape)
    raw_words(text)
    word_and_quoted(text)
    if value is None:
        assert set(text) & set("$'\"")


@given(st.text(st.characters(exclude_characters="$'\"\\", codec="utf-8")))
def test_text_without_signs_stays_as_it_is(text: str) -> None:
    assert expand(text, lookup) == text
