"""The grammar of image tags: version, variants, and which is the newest."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tfcompat.images import REPOSITORIES, snapshot_of
from tfcompat.matrix import load_bundled
from tfcompat.tags import TagName

MATRIX = load_bundled()

VERSIONED = [
    ("2.18.0-gpu", "2.18.0", ("gpu",)),
    ("2.18.0", "2.18.0", ()),
    ("2.15.0-gpu-jupyter", "2.15.0", ("gpu", "jupyter")),
    ("2.15.0.post1-gpu-jupyter", "2.15.0.post1", ("gpu", "jupyter")),
    ("1.0.0.2-devel-gpu-py3", "1.0.0.2", ("devel", "gpu", "py3")),
    ("1.4.0-rc1-devel-gpu-py3", "1.4.0rc1", ("rc", "devel", "gpu", "py3")),
    ("2.4.0rc0-gpu", "2.4.0rc0", ("rc", "gpu")),
    ("2.0.0-rc1-gpu-py3", "2.0.0rc1", ("rc", "gpu", "py3")),
    ("2.0.0-rc.1", "2.0.0rc1", ("rc",)),
    ("2.0.0-beta1", "2.0.0b1", ("beta",)),
    ("2.0.0-alpha0-py3", "2.0.0a0", ("alpha", "py3")),
    ("2.0.0a0", "2.0.0a0", ("alpha",)),
    ("2.5.0-custom-op-gpu-ubuntu16", "2.5.0", ("custom", "op", "gpu", "ubuntu16")),
    ("v1.2", "1.2", ()),
    ("24.03-tf2-py3", "24.3", ("tf2", "py3")),
    ("21.02-tf1-py3", "21.2", ("tf1", "py3")),
    ("24.03-tf2-py3-igpu", "24.3", ("tf2", "py3", "igpu")),
    ("12.5.1-cudnn-runtime-ubuntu22.04", "12.5.1", ("cudnn", "runtime", "ubuntu22.04")),
    ("11.8.0-cudnn8-devel-rockylinux8", "11.8.0", ("cudnn8", "devel", "rockylinux8")),
    ("10.2-base", "10.2", ("base",)),
    ("11.0-cudnn8-runtime-ubuntu20.04-rc", "11.0", ("cudnn8", "runtime", "ubuntu20.04", "rc")),
    ("3.11-slim-bookworm", "3.11", ("slim", "bookworm")),
    ("3.14.0a5-slim", "3.14.0a5", ("alpha", "slim")),
    ("3.13-rc-slim-bookworm", "3.13", ("rc", "slim", "bookworm")),
    ("3", "3", ()),
]
ROLLING = [
    ("latest", ("latest",)),
    ("latest-gpu-jupyter", ("latest", "gpu", "jupyter")),
    ("nightly", ("nightly",)),
    ("nightly-custom-op-gpu-ubuntu16-cuda10.1", ("nightly", "custom", "op", "gpu", "ubuntu16", "cuda10.1")),
    ("devel-gpu-py3", ("devel", "gpu", "py3")),
    ("20240131", ("20240131",)),
    ("gpu-2.15.0", ("gpu", "2.15.0")),
    ("2.15.x", ("2.15.x",)),
    ("2.15.0_gpu", ("2.15.0_gpu",)),
    ("vanilla", ("vanilla",)),
    ("", ("",)),
]


@pytest.mark.parametrize(("text", "version", "variants"), VERSIONED)
def test_a_tag_begins_with_its_version(text: str, version: str, variants: tuple[str, ...]) -> None:
    assert TagName.parse(text) == TagName(text, Version(version), variants)
    assert not TagName.parse(text).rolling


@pytest.mark.parametrize(("text", "variants"), ROLLING)
def test_a_tag_without_a_version_moves(text: str, variants: tuple[str, ...]) -> None:
    assert TagName.parse(text) == TagName(text, None, variants)
    assert TagName.parse(text).rolling


@pytest.mark.parametrize(
    ("text", "prerelease"),
    [
        ("2.4.0rc0-gpu", True),
        ("2.0.0-beta1", True),
        ("2.0.0-alpha0-py3", True),
        ("nightly-gpu", True),
        ("3.13-rc-slim", True),
        ("11.0-base-ubuntu20.04-rc", True),
        ("2.4.0-gpu", False),
        ("2.15.0.post1", False),
        ("1.12.0-devel", False),
        ("latest", False),
        ("12.5.1-base-ubuntu22.04", False),
    ],
)
def test_candidates_and_nightlies_are_not_finished(text: str, prerelease: bool) -> None:
    assert TagName.parse(text).prerelease is prerelease


def test_the_curated_official_tags_are_read_as_the_matrix_has_them() -> None:
    for row in MATRIX.official_tags.values():
        found = TagName.parse(row.tag)
        version = None if found.version is None else str(found.version)
        assert (row.tag, version, found.rolling) == (row.tag, row.tensorflow, row.rolling)
        assert found.prerelease is (row.prerelease or "nightly" in found.variants), row.tag
        if not row.rolling:
            assert set(found.variants) - {"rc"} == set("-".join(row.variants).split("-")) - {"rc", ""}, row.tag


def test_the_curated_images_of_nvidia_and_python_are_read_as_the_matrix_has_them() -> None:
    for cuda in MATRIX.cuda_images:
        assert (TagName.parse(cuda.tag).version, cuda.flavor in TagName.parse(cuda.tag).variants) == (Version(cuda.cuda), True)
    for python in MATRIX.python_images:
        found = TagName.parse(python.tag)
        assert (str(found.version), found.variants[0]) == (python.python, "slim")


# -- the order -----------------------------------------------------------------------------------


def test_the_newest_comes_first_and_a_release_before_its_candidates() -> None:
    tags = [
        "2.15.0.post1",
        "2.15.0",
        "2.15.0-gpu",
        "2.15.0-jupyter",
        "2.15.0-gpu-jupyter",
        "2.15.0rc1",
        "2.15.0-rc0",
        "2.15.0-rc0-gpu",
        "2.10.0",
        "2.9.3",
        "2.9.0rc1",
        "2",
        "1.15.5",
        "latest",
        "nightly",
        "latest-gpu",
    ]
    shuffled = random.Random(7).sample(tags, len(tags))
    assert [t.text for t in sorted(map(TagName.parse, shuffled), key=lambda t: t.order)] == tags


def test_versions_are_ordered_by_their_numbers_and_not_as_text() -> None:
    assert TagName.parse("2.10.0").order < TagName.parse("2.9.0").order
    assert TagName.parse("24.03-tf2-py3").order < TagName.parse("23.12-tf2-py3").order


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_the_whole_snapshot_is_ordered(repository: str) -> None:
    names = sorted(map(TagName.parse, snapshot_of(MATRIX, repository)), key=lambda t: t.order)
    versions = [n.version for n in names if n.version is not None]
    assert versions == sorted(versions, reverse=True)
    assert [n for n in names if n.version is None] == names[len(versions) :]


PIECES = st.sampled_from(
    ["2.15.0", "2.15", "v2.15.0", "2.9.0rc1", "2.10.0", "latest", "gpu", "rc1", "beta1", "20240131", "", "ubuntu22.04"]
)
TAGS = st.one_of(st.text(), st.lists(PIECES, min_size=1, max_size=4).map("-".join))


@given(TAGS)
def test_any_text_is_a_tag(text: str) -> None:
    found = TagName.parse(text)
    assert found.text == text
    assert found.rolling is (found.version is None)
    assert found.prerelease in (True, False)
    assert found.variants or found.version is not None


@pytest.mark.parametrize(
    "text", ["9" * 100_000, "1." * 50_000 + "1", "1.0rc" + "9" * 5_000, "1.0.post" + "9" * 5_000, "9" * 5_000 + ".1", "-" * 100_000]
)
def test_endless_numbers_are_no_version(text: str) -> None:
    assert TagName.parse(text).version is None


@given(st.lists(TAGS, max_size=3))
def test_the_order_is_total(texts: list[str]) -> None:
    names = [TagName.parse(text) for text in texts]
    for a, b in itertools.product(names, repeat=2):
        assert (a.order < b.order) + (b.order < a.order) + (a.text == b.text) == 1
    for a, b, c in itertools.product(names, repeat=3):
        assert not (a.order < b.order < c.order) or a.order < c.order
