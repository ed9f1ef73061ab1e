"""Where the image rows of the matrix and a registry have come apart: tags, digests, contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.drift import Drift, compare_contents, compare_digests, compare_tags, covered, expected
from tfcompat.images import REPOSITORIES, find_image, snapshot_of
from tfcompat.matrix import load_bundled

MATRIX = load_bundled()
OFFICIAL, CUDA, PYTHON, NGC = REPOSITORIES
BEFORE, AFTER, OTHER = ("sha256:" + letter * 64 for letter in "abc")
each = pytest.mark.parametrize("repository", REPOSITORIES)


# -- which tags are of interest ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repository", "tag"),
    [
        (OFFICIAL, "2.99.0"),
        (OFFICIAL, "2.21.1-gpu"),
        (OFFICIAL, "2.22.0-gpu-jupyter"),
        (OFFICIAL, "2.22.0.post1-gpu"),
        (CUDA, "13.9.0-cudnn-runtime-ubuntu24.04"),
        (CUDA, "12.5.2-cudnn-devel-ubuntu22.04"),
        (CUDA, "13.9.0-base-ubuntu26.04"),
        (PYTHON, "3.14.99-slim"),
        (PYTHON, "3.15.0-slim-trixie"),
        (NGC, "25.03-tf2-py3"),
    ],
)
def test_a_new_version_of_a_known_kind_is_news(repository: str, tag: str) -> None:
    assert covered(MATRIX, repository, [tag]) == [tag]
    (found,) = [d for d in compare_tags(MATRIX, repository, [*expected(MATRIX, repository), tag]) if d.reference.endswith(f":{tag}")]
    assert found == Drift("new tag", f"{repository}:{tag}")


@pytest.mark.parametrize(
    ("repository", "tag"),
    [
        (OFFICIAL, "nightly-gpu"),
        (OFFICIAL, "latest-gpu-jupyter"),
        (OFFICIAL, "20240131"),
        (OFFICIAL, "1.14.0-gpu"),
        (OFFICIAL, "1.15.0rc3"),
        (OFFICIAL, "2.22.0-devel-gpu"),
        (CUDA, "9.2-base-ubuntu18.04"),
        (CUDA, "13.9.0-base-ubi9"),
        (CUDA, "13.9.0-cudnn-runtime-amzn2023"),
        (CUDA, "13.9.0-base-ubuntu24.04-rc"),
        (CUDA, "latest"),
        (PYTHON, "3.4.10-slim"),
        (PYTHON, "3.15.0a2-slim"),
        (PYTHON, "3.15-rc-slim-trixie"),
        (PYTHON, "3.14.99"),
        (PYTHON, "3.14.99-alpine"),
        (PYTHON, "slim"),
        (NGC, "20.01-tf2-py3"),
        (NGC, "25.03-tf2-py3-igpu"),
    ],
)  # fmt: skip
def test_old_versions_nightlies_and_other_kinds_are_no_news(repository: str, tag: str) -> None:
    assert covered(MATRIX, repository, [tag]) == []
    assert not any(d.reference.endswith(f":{tag}") for d in compare_tags(MATRIX, repository, [*expected(MATRIX, repository), tag]))


@pytest.mark.parametrize("tag", ["2.99.0rc0", "2.99.0-rc1-gpu", "2.99.0rc0-gpu-jupyter"])
def test_candidates_are_no_news(tag: str) -> None:
    assert covered(MATRIX, OFFICIAL, [tag]) == []


def test_news_come_newest_first() -> None:
    tags = ["2.9.99", "2.10.99", "2.99.0-gpu", "2.99.0"]
    assert covered(MATRIX, OFFICIAL, tags) == ["2.99.0", "2.99.0-gpu", "2.10.99", "2.9.99"]


def test_of_an_unknown_repository_nothing_is_covered() -> None:
    assert covered(MATRIX, "library/unknown", ["1.0"]) == []
    assert list(compare_tags(MATRIX, "library/unknown", ["1.0"])) == []


@given(st.sampled_from(REPOSITORIES), st.lists(st.text(max_size=20), max_size=5))
def test_no_tag_is_too_strange(repository: str, tags: list[str]) -> None:
    assert set(covered(MATRIX, repository, tags)) <= set(tags)


# -- tags ----------------------------------------------------------------------------------------


@each
def test_a_registry_with_what_is_expected_has_not_drifted(repository: str) -> None:
    rows = expected(MATRIX, repository)
    assert len(rows) > 50
    assert {i.status for i in rows.values()} <= {"documented", "observed", "rolling", "measured"}
    assert list(compare_tags(MATRIX, repository, rows)) == []


@each
def test_a_registry_without_tags_has_lost_them_all(repository: str) -> None:
    rows = expected(MATRIX, repository)
    found = list(compare_tags(MATRIX, repository, []))
    assert {d.kind for d in found} == {"gone tag"}
    assert [d.reference for d in found] == [f"{repository}:{tag}" for tag in rows]


def test_a_tag_that_is_lost_is_gone_with_what_the_matrix_has() -> None:
    rows = set(expected(MATRIX, OFFICIAL)) - {"2.18.0-gpu"}
    status = find_image(MATRIX, f"{OFFICIAL}:2.18.0-gpu").status
    assert list(compare_tags(MATRIX, OFFICIAL, rows)) == [Drift("gone tag", f"{OFFICIAL}:2.18.0-gpu", f"the matrix has it as {status}")]


def test_a_tag_reported_missing_that_is_there_is_back() -> None:
    found = list(compare_tags(MATRIX, OFFICIAL, [*expected(MATRIX, OFFICIAL), "2.15.1"]))
    assert found == [Drift("back again", f"{OFFICIAL}:2.15.1", "the matrix has it as reported missing")]


def test_a_delisted_tag_that_is_there_is_back() -> None:
    gone = [tag for tag, image in snapshot_of(MATRIX, CUDA).items() if image.status == "delisted"]
    assert gone
    found = list(compare_tags(MATRIX, CUDA, [*expected(MATRIX, CUDA), gone[0]]))
    assert found == [Drift("back again", f"{CUDA}:{gone[0]}", "the matrix has it as delisted")]


@given(st.data())
def test_every_difference_is_told_once(data: st.DataObject) -> None:
    rows = list(expected(MATRIX, NGC))
    kept = data.draw(st.lists(st.sampled_from(rows), unique=True))
    news = data.draw(st.lists(st.from_regex(r"(2[6-9]|3[0-9])\.(0[1-9]|1[0-2])-tf2-py3", fullmatch=True), unique=True, max_size=4))
    found = [(d.kind, d.reference.partition(":")[2]) for d in compare_tags(MATRIX, NGC, [*news, *kept, *kept])]
    assert sorted(found) == sorted([("new tag", t) for t in news] + [("gone tag", t) for t in rows if t not in kept])


# -- digests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "digest", "platforms", "drifted"),
    [
        (BEFORE, BEFORE, [], False),
        (BEFORE, AFTER, [OTHER], True),
        (BEFORE, AFTER, [None, BEFORE], False),  # the matrix has that of one platform
        (None, AFTER, [], False),
        (BEFORE, None, [], False),
        (BEFORE, None, [AFTER], False),
    ],
)
def test_a_digest_has_changed_where_both_are_known_and_differ(
    known: str | None, digest: str | None, platforms: Sequence[str | None], drifted: bool
) -> None:
    image = find_image(MATRIX, f"{OFFICIAL}:2.18.0-gpu")._replace(digest=known)
    detail = "sha256:aaaaaaaaaaaa in the matrix, sha256:bbbbbbbbbbbb in the registry"
    expected_drift = [Drift("changed digest", f"{OFFICIAL}:2.18.0-gpu", detail)] if drifted else []
    assert list(compare_digests(image, digest, platforms)) == expected_drift


# -- contents ------------------------------------------------------------------------------------


def contents_drift(reference: str, *env: str) -> list[str]:
    config: dict[str, Any] = {"config": {"Env": list(env)}}
    found = list(compare_contents(find_image(MATRIX, reference), config))
    assert all((d.kind, d.reference) == ("other contents", reference) for d in found)
    return [d.detail for d in found]


CUDA_IMAGE = f"{CUDA}:12.5.1-cudnn-runtime-ubuntu22.04"


@pytest.mark.parametrize(
    "env",
    [
        [],
        ["CUDA_VERSION=12.5.1"],
        ["CUDA_VERSION=12.5"],
        ["CUDA_VERSION=12.5.1.7", "NV_CUDNN_VERSION=9.2.1.18-1"],
        ["TENSORFLOW_VERSION=2.15.0"],  # the row leaves it open
        [f"NVIDIA_REQUIRE_CUDA={MATRIX.nvidia_require_cuda('12.5.1')}"],
    ],
)
def test_contents_agree_as_far_as_both_speak(env: list[str]) -> None:
    assert contents_drift(CUDA_IMAGE, *env) == []


def test_a_contradiction_names_both_values_and_the_place() -> None:
    assert contents_drift(CUDA_IMAGE, "CUDA_VERSION=12.5.0", "NV_CUDNN_VERSION=9.3.0.75-1", "PYTHON_VERSION=3.12.1") == [
        "python 3.10 in the matrix, 3.12.1 in the image (Env PYTHON_VERSION)",
        "cuda 12.5.1 in the matrix, 12.5.0 in the image (Env CUDA_VERSION)",
        "cudnn 9.2.1.18 in the matrix, 9.3.0.75 in the image (Env NV_CUDNN_VERSION)",
    ]


def test_another_requirement_is_a_contradiction() -> None:
    (detail,) = contents_drift(CUDA_IMAGE, "NVIDIA_REQUIRE_CUDA=cuda>=12.6")
    assert detail == f"NVIDIA_REQUIRE_CUDA {MATRIX.nvidia_require_cuda('12.5.1')!r} in the matrix, 'cuda>=12.6' in the image"


def test_another_tensorflow_is_a_contradiction() -> None:
    (detail,) = contents_drift(f"{NGC}:24.03-tf2-py3", "TENSORFLOW_VERSION=2.16.1", "NVIDIA_TENSORFLOW_VERSION=24.03-tf2")
    assert detail == "tensorflow 2.15.0 in the matrix, 2.16.1 in the image (Env TENSORFLOW_VERSION)"
