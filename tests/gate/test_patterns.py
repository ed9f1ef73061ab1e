"""Patterns of .gitignore, against git itself and against its manual."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.gate.patterns import Patterns

PATTERNS = [
    "a",
    "a/",
    "/a",
    "*.txt",
    "!*.txt",
    "!a/",
    "*",
    "!*/",
    "/*",
    "a/*",
    "!a/b",
    "**/b",
    "b/**",
    "a/**/b",
    "[ab]",
    "[!a]*",
    "[^a].txt",
    "[a-c]",
    "[]a]",
    "[z-a]",
    "[a",
    "\\!a",
    "\\#a",
    "# c",
    "x\\ y",
    "x y  ",
    "a\\  ",
    "?.txt",
    "??",
    ".*",
    "**",
    "/**/b",
    "**/a/*.txt",
    "a**b",
    "[[:alpha:]].txt",
    "[[:nothing:]]",
    "\\a",
    "a\\",
    "/",
    "//",
    "a//b",
    "[\\]]",
    "*a*b*",
    "é",
    "[!é]",
]
PATHS = [
    "a",
    "b",
    "a/b",
    "b/a",
    "a/a.txt",
    "a.txt",
    "b/c/b",
    "a/c/d/b",
    "!a",
    "#a",
    "x y",
    ".a",
    "]",
    "ab",
    "aXb",
    "a ",
    "b/a.txt",
    "c/a/b.txt",
    "é",
    "[a",
]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", top], check=True)
    return top


@pytest.mark.parametrize("pattern", PATTERNS)
def test_git_says_the_same(repository: Path, pattern: str) -> None:
    (repository / ".gitignore").write_text(f"{pattern}\n", encoding="utf-8")
    asked = "".join(f"{path}\0" for path in PATHS).encode()
    command = ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "-z", "--stdin"]
    ignored = subprocess.run(command, cwd=repository, input=asked, capture_output=True, check=False).stdout.decode().split("\0")
    patterns = Patterns([pattern])
    assert [path for path in PATHS if patterns.cover(path)] == [path for path in PATHS if path in ignored]


def test_the_last_word_counts() -> None:
    patterns = Patterns(["*.txt", "!keep.txt", "build/"])
    assert [patterns.say(path) for path in ("a.txt", "keep.txt", "a.py", "build")] == [True, False, None, None]
    assert patterns.say("build", folder=True) is True
    assert patterns.cover("build/keep.txt")


def test_nothing_is_no_pattern() -> None:
    assert not Patterns(["", "  ", "# a", "/", "x" * 1001])
    assert Patterns(["a"])


def test_stars_cost_no_more_than_their_number() -> None:
    assert Patterns(["*a" * 200 + "b", "**/a/" * 100 + "x"]).say("/".join(["a" * 250] * 40)) is None


@given(st.text(st.sampled_from("a*?[]!^-\\/:.é ")), st.lists(st.text(st.sampled_from("ab.é]-"), min_size=1), min_size=1))
def test_any_line_is_a_pattern(line: str, parts: list[str]) -> None:
    assert Patterns([line]).cover("/".join(parts)) in (True, False)
