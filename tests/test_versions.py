"""Versions and specifiers keep the precision they were written with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tfcompat.errors import RequestError
from tfcompat.versions import at_least, minor, parse_specifier, parse_version, same_prefix, version

NUMBERS = st.integers(min_value=0, max_value=999)


def releases(least: int = 1) -> st.SearchStrategy[Version]:
    return st.lists(NUMBERS, min_size=least, max_size=5).map(lambda numbers: Version(".".join(map(str, numbers))))


# -- parse_specifier -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2.15", "==2.15.*"),
        (" 2.15 ", "==2.15.*"),
        ("2", "==2.*"),
        ("2.15.0", "==2.15.0.*"),
        ("2.15.0.post1", "==2.15.0.post1"),
        ("2.16.0rc1", "==2.16.0rc1"),
        ("2.16.0.dev3", "==2.16.0.dev3"),
        ("2.16.0+nv", "==2.16.0+nv"),
        ("==2.15", "==2.15"),
        ("~=2.15", "~=2.15"),
        (">=2.15,<2.17", "<2.17,>=2.15"),
    ],
)
def test_a_bare_version_means_its_series_and_a_specifier_itself(text: str, means: str) -> None:
    assert str(parse_specifier(text, "--tensorflow")) == means


def test_a_bare_version_admits_the_post_releases_of_its_series() -> None:
    assert "2.15.0.post1" in parse_specifier("2.15", "--tensorflow")
    assert "2.15.0" not in parse_specifier("2.15.0.post1", "--tensorflow")


def test_a_bare_version_does_not_admit_a_longer_number() -> None:
    assert "2.15.0" not in parse_specifier("2.1", "--tensorflow")


@pytest.mark.parametrize("text", ["latest", "2.x", ">=", "2.15 2.16", "≥2.15"])
def test_text_that_is_no_specifier_is_refused_with_examples(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_specifier(text, "--tensorflow")
    assert caught.value.message == f"--tensorflow: {text!r} is neither a version nor a specifier"
    assert caught.value.hint == "write 2.15, '>=2.15,<2.17' or '~=2.15'"


@pytest.mark.parametrize("number", [3.10, 3, None, True])
def test_a_number_is_refused_because_3_10_reads_as_3_1(number: Any) -> None:
    for parse in (parse_specifier, parse_version):
        with pytest.raises(RequestError) as caught:
            parse(number, "python in tfcompat.toml")
        assert caught.value.message == f"python in tfcompat.toml: {number!r} is not text"
        assert caught.value.hint == "quote versions: as a number, 3.10 reads as 3.1"


@given(releases())
def test_a_bare_version_admits_itself_and_its_patch_releases(release: Version) -> None:
    allowed = parse_specifier(str(release), "--tensorflow")
    assert release in allowed
    assert f"{release}.1" in allowed
    assert f"{release}.post1" in allowed


# -- parse_version -------------------------------------------------------------------------------


def test_a_version_is_read_with_its_leading_zeros() -> None:
    assert parse_version(" 450.80.02 ", "--driver") == version("450.80.2")


@pytest.mark.parametrize("text", ["", "latest", ">=535", "535,"])
def test_text_that_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_version(text, "--driver")
    assert caught.value.message == f"--driver: {text!r} is not a version"
    assert caught.value.hint == "write for instance 2.15.1"


def test_minor_keeps_two_numbers() -> None:
    assert str(minor(version("12.5.1"))) == "12.5"
    assert str(minor(version("12"))) == "12.0"


# -- at_least ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "floor", "parts", "answer"),
    [
        ("8.9.7.29", "8.9.4.25", 2, True),
        ("8.9.1", "8.9.4.25", 2, True),
        ("8.9.1", "8.9.4.25", 3, False),
        ("8.6", "8.9", 2, False),
        ("9.0", "8.9", 2, True),
        ("8.10", "8.9", 2, True),
        ("8", "8.6", 2, None),
        ("9", "8.6", 2, True),
        ("7", "8.6", 2, False),
        ("8.9", "8", 2, None),
    ],
)
def test_at_least_looks_only_as_far_as_both_sides_speak(value: str, floor: str, parts: int, answer: bool | None) -> None:
    assert at_least(version(value), version(floor), parts) is answer


@given(releases(3), releases(3), st.integers(min_value=1, max_value=3))
def test_at_least_is_a_comparison_of_numbers_where_both_have_enough(value: Version, floor: Version, parts: int) -> None:
    assert at_least(value, floor, parts) is (value.release[:parts] >= floor.release[:parts])


@given(releases(), st.integers(min_value=1, max_value=5))
def test_at_least_says_yes_or_nothing_of_a_version_and_itself(release: Version, parts: int) -> None:
    assert at_least(release, release, parts) in (True, None)


@given(releases(), releases(2))
def test_a_difference_in_the_major_always_decides(value: Version, floor: Version) -> None:
    if value.major != floor.major:
        assert at_least(value, floor, 2) is (value.major > floor.major)


# -- same_prefix ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [("8", "8.9.7", True), ("8.6", "8.9", False), ("8.9", "8.9", True), ("8.9", "8.90", False), ("9", "8.9", False)],
)
def test_same_prefix_compares_numbers_as_far_as_both_speak(left: str, right: str, same: bool) -> None:
    assert same_prefix(version(left), version(right)) is same


@given(releases(), releases())
def test_same_prefix_is_symmetric(left: Version, right: Version) -> None:
    assert same_prefix(left, right) is same_prefix(right, left)


@given(releases(), st.lists(NUMBERS, max_size=3))
def test_more_digits_keep_the_prefix(release: Version, more: list[int]) -> None:
    assert same_prefix(release, Version(".".join(map(str, (*release.release, *more)))))


@pytest.mark.parametrize("text", ["9" * 5000, ">=" + "1." * 3000 + "0"])
def test_text_without_end_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="is longer than 1000 characters"):
        parse_specifier(text, "--tensorflow")
    with pytest.raises(RequestError, match="is longer than 1000 characters"):
        parse_version(text, "--driver")
