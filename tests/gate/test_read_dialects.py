"""Versions of poetry and conda as PEP 440. What each means was compared with poetry-core and conda themselves."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from tfcompat.gate.readers.dialects import conda_specifier, parse_match, poetry_specifier


@pytest.mark.parametrize(
    ("text", "specifier"),
    [
        ("^1.2.3", ">=1.2.3,<2"), ("^1.2", ">=1.2,<2"), ("^1", ">=1,<2"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"), ("^0", ">=0,<1"), ("~1.2.3", ">=1.2.3,<1.3"), ("~1.2", ">=1.2,<1.3"), ("~1", ">=1,<2"), ("~=2.15.0", "~=2.15.0"),
        ("1.2.*", "==1.2.*"), ("*", ""), ("", ""), ("1.2.3", "==1.2.3"), ("=1.2", "==1.2"), ("!=1.2.*", "!=1.2.*"), (">=1 <2", ">=1,<2"),
        ("^2.15,!=2.15.1", ">=2.15,<3,!=2.15.1"), ("^2.16.0rc0", ">=2.16.0rc0,<3"),
    ],
)  # fmt: skip
def test_poetry(text: str, specifier: str) -> None:
    read = poetry_specifier(text)
    assert read is not None
    assert SpecifierSet(read) == SpecifierSet(specifier)


@pytest.mark.parametrize("text", ["^1 || ^2", "^1 | ^2", "^", "latest", "^x", "1.2.3.*.4", "9" * 5000, ">=1,,<2;"])
def test_what_poetry_cannot_say_in_one_range_is_none(text: str) -> None:
    assert poetry_specifier(text) is None


@pytest.mark.parametrize(
    ("spec", "name", "specifier", "build", "rest"),
    [
        ("tensorflow=2.15", "tensorflow", "==2.15.*", "", "=2.15"),
        ("tensorflow==2.15.0", "tensorflow", "==2.15.0", "", "==2.15.0"),
        ("tensorflow 2.15", "tensorflow", "==2.15", "", "2.15"),
        ("tensorflow 2.15*", "tensorflow", "==2.15.*", "", "2.15*"),
        ("tensorflow-gpu>=2.4,<3", "tensorflow-gpu", "<3,>=2.4", "", ">=2.4,<3"),
        ("conda-forge::cudnn=8.9", "cudnn", "==8.9.*", "", "=8.9"),
        ("conda-forge/linux-64::cudatoolkit 11.8.*", "cudatoolkit", "==11.8.*", "", "11.8.*"),
        ("nvidia/label/cuda-12.2.0::cuda-toolkit", "cuda-toolkit", "", "", ""),
        ("tensorflow=2.15=cuda120*", "tensorflow", "==2.15", "cuda120*", "=2.15=cuda120*"),
        ("tensorflow=2.15.*=cuda*", "tensorflow", "==2.15.*", "cuda*", "=2.15.*=cuda*"),
        ("tensorflow 2.15.* *cuda*", "tensorflow", "==2.15.*", "*cuda*", "2.15.* *cuda*"),
        (
            "tensorflow[version='>=2.15,<2.16', build='cuda*']",
            "tensorflow",
            "<2.16,>=2.15",
            "cuda*",
            "[version='>=2.15,<2.16', build='cuda*']",
        ),
        ("numpy~=1.26", "numpy", "~=1.26", "", "~=1.26"),
        ("_libgcc_mutex=0.1=main", "_libgcc_mutex", "==0.1", "main", "=0.1=main"),
        ("jpeg=9e", "jpeg", "===9e", "", "=9e"),
        ("Pandas", "pandas", "", "", ""),
    ],
)
def test_conda(spec: str, name: str, specifier: str, build: str, rest: str) -> None:
    match = parse_match(spec)
    assert match is not None
    assert (match.name, match.specifier, match.build, spec[slice(*match.at)]) == (name, specifier, build, rest)


@pytest.mark.parametrize("text", ["1.10|1.11", "^1.2$", "(>=1,<2)", ">=9e", "1.*.2"])
def test_what_conda_cannot_say_in_one_range_is_none(text: str) -> None:
    assert conda_specifier(text) is None


@pytest.mark.parametrize("spec", ["*", "", "=1", "a b c d e f", "a=" + "9" * 5000])
def test_what_is_no_package_and_one_range_is_not_read(spec: str) -> None:
    match = parse_match(spec)
    assert match is None or match.specifier is None
