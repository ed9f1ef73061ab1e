"""Findings become sentences: values are joined, ranges are merged, and what is not known is said."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from tfcompat.matrix import find_gpu, load_bundled
from tfcompat.prose import listed, remedy, sentence, summary
from tfcompat.rules import RULES, Finding, evaluate
from tfcompat.stack import Fact, Package, Stack, Tensorflow

MATRIX = load_bundled()
BY_ID = {rule.id: rule for rule in RULES}


def tensorflow(number: str, name: str = "tensorflow") -> Tensorflow:
    release = MATRIX.release(name, number)
    assert release is not None
    return Tensorflow(release, "linux/amd64", MATRIX.build(release, "linux/amd64"))


def versions(*texts: str) -> list[Version]:
    return [Version(text) for text in texts]


def packages(name: str, *texts: str) -> list[Package]:
    return [Package(name, Version(text)) for text in texts]


def findings(rule_id: str, where: str = "the test", **values: Any) -> list[Finding]:
    stack = Stack({name: Fact(name, value, where) for name, value in values.items()})
    return [f for f in evaluate(MATRIX, stack, (BY_ID[rule_id],)) if f.verdict.outcome != "ok"]


# -- listed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b and 2 others"),
        (["a", "b", "c", "d", "e"], "a, b and 3 others"),
    ],
)
def test_up_to_three_values_are_named_and_more_are_counted(values: list[str], text: str) -> None:
    assert listed(values) == text


def test_many_versions_become_a_range_whatever_their_order() -> None:
    assert listed(versions("3.12", "3.9", "3.10")) == "3.12, 3.9 and 3.10"
    assert listed(versions("3.12", "3.9", "3.10", "3.11")) == "3.9 to 3.12"


def test_ranges_are_merged_by_version_and_not_by_letter() -> None:
    assert listed(["3.6 to 3.9", "3.9 to 3.13"]) == "3.6 to 3.13"
    assert listed(["3.10 to 3.12", "3.7 to 3.9"]) == "3.7 to 3.12"


def test_one_range_stays_as_it_is_and_a_range_beside_a_value_is_not_merged() -> None:
    assert listed(["3.6 to 3.9"]) == "3.6 to 3.9"
    assert listed(["3.6 to 3.9", "3.11"]) == "3.6 to 3.9 and 3.11"


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        (("2.18.0",), "tensorflow 2.18.0"),
        (("2.18.0", "2.17.0"), "tensorflow 2.17.0 and 2.18.0"),
        (("2.18.0", "2.9.3", "2.17.0"), "tensorflow 2.9.3, 2.17.0 and 2.18.0"),
        (("2.18.0", "2.9.3", "2.17.0", "2.21.0"), "tensorflow 2.9.3 to 2.21.0"),
    ],
)
def test_releases_are_named_once_and_in_order(numbers: tuple[str, ...], text: str) -> None:
    assert listed([tensorflow(number) for number in numbers]) == text


def test_the_same_release_under_two_names_is_tensorflow() -> None:
    assert listed([tensorflow("2.9.3", "tensorflow-gpu"), tensorflow("2.9.3")]) == "tensorflow 2.9.3"
    assert listed([tensorflow("2.0.4", "tensorflow-gpu")]) == "tensorflow-gpu 2.0.4"


def test_many_versions_of_one_package_become_a_range_under_its_name() -> None:
    numpy = packages("numpy", "2.0.2", "1.9.0", "1.26.4", "2.1.0")
    assert listed(numpy[:3]) == "numpy 2.0.2, numpy 1.9.0 and numpy 1.26.4"
    assert listed(numpy) == "numpy 1.9.0 to 2.1.0"


def test_many_packages_of_several_names_are_counted() -> None:
    several = [*packages("numpy", "2.0.2", "2.1.0"), *packages("wrapt", "1.16.0", "1.17.0")]
    assert listed(several) == "numpy 2.0.2, numpy 2.1.0 and 2 others"


def test_what_is_not_known_is_said() -> None:
    assert listed([None]) == "(unknown)"
    assert listed([]) == "something unknown"
    assert listed([None, *versions("1", "2", "3")]) == "1 to 3"


# -- sentence ------------------------------------------------------------------------------------


def test_a_driver_is_written_as_nvidia_writes_it() -> None:
    (finding,) = findings("driver-minimum", cuda=Version("12.5.1"), driver=Version("450.80.02"), image=None)
    assert sentence(finding) == "Driver 525.60.13 or newer is needed by CUDA 12.5.1, and the host has 450.80.02"


def test_an_interpreter_that_an_image_brings_is_said_to_be_its() -> None:
    (finding,) = findings("python-has-wheel", "ubuntu:24.04", tensorflow=tensorflow("2.15.1"), python=Version("3.12"))
    assert sentence(finding) == (
        "No wheel of tensorflow 2.15.1 is made for Python 3.12, which ubuntu:24.04 brings, on linux/amd64; "
        "there are wheels for Python 3.9 to 3.11"
    )


def test_a_sentence_that_begins_with_the_name_of_a_release_keeps_it() -> None:
    (finding,) = findings("keras-range", tensorflow=tensorflow("2.15.1"), keras=packages("keras", "3.5.0")[0])
    assert sentence(finding).startswith("tensorflow 2.15.1 asks for ")


# -- summary -------------------------------------------------------------------------------------


def test_findings_of_one_reason_become_one_clause() -> None:
    found = [
        finding
        for number in ("2.15.0", "2.15.1", "2.14.1", "2.13.1")
        for finding in findings("python-has-wheel", tensorflow=tensorflow(number), python=Version("3.12"))
    ]
    assert summary(found) == (
        "no wheel of tensorflow 2.13.1 to 2.15.1 is made for Python 3.12 on linux/amd64; there are wheels for Python 3.8 to 3.11"
    )


def test_each_reason_has_its_clause() -> None:
    gpus = tuple(find_gpu(MATRIX, name) for name in ("K80", "H100", "A100"))
    assert summary(findings("gpu-architecture", tensorflow=tensorflow("2.15.1"), gpu=gpus)) == (
        "there is no code that the Tesla K80 (3.7) can run in tensorflow 2.15.1, compiled for sm_50, sm_60, sm_70, sm_75, compute_80; "
        "compute_80 in tensorflow 2.15.1 serves the NVIDIA H100 (9.0) and NVIDIA A100 (8.0): "
        "what of it is PTX the driver compiles at the first start, which takes minutes"
    )


def test_a_value_that_findings_share_is_named_once() -> None:
    found = [
        finding
        for cuda in ("11.8", "11.2", "13.0")
        for finding in findings("cuda-runtime", tensorflow=tensorflow("2.15.1"), cuda=Version(cuda))
    ]
    assert summary(found) == "the libraries of CUDA 11.8, 11.2 and 13.0 cannot serve tensorflow 2.15.1, built for CUDA 12.2"


def test_no_findings_say_nothing() -> None:
    assert summary([]) == ""


# -- remedy --------------------------------------------------------------------------------------


def test_a_remedy_goes_with_its_reason_and_may_be_missing() -> None:
    release = tensorflow("2.18.0")
    (too_old,) = findings("cuda-runtime", tensorflow=release, cuda=Version("12.3"))
    (other_major,) = findings("cuda-runtime", tensorflow=release, cuda=Version("11.8"))
    assert remedy(too_old) == ""
    assert remedy(other_major) == "take an image with the CUDA of the release, or the and-cuda extra"
