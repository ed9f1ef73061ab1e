"""What a refresh read in the registries, joined with the curated rows: the result is a matrix, and resolve uses it."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tfcompat.errors import MatrixError
from tfcompat.images import find_image
from tfcompat.matrix.compile import compile_matrix
from tfcompat.matrix.images import FILES, join_images
from tfcompat.matrix.matrix import Matrix
from tfcompat.matrix.schema import validate_document
from tfcompat.resolver import Request, ResolutionImpossible, resolve

Row = dict[str, Any]

DATA = Path(__file__).parent.parent / "data"
DATE = "2026-11-20"
OFFICIAL, CUDA, PYTHON, NGC = "tensorflow/tensorflow", "nvidia/cuda", "python", "nvcr.io/nvidia/tensorflow"
DIGEST, AMD64, ARM64 = ("sha256:" + letter * 64 for letter in "abc")
CONFIG = "measured: image config sha256:" + "d" * 64


@pytest.fixture(scope="module")
def curated() -> Row:
    return compile_matrix(DATA)


def listed(tag: str, contents: Row | None = None, *platforms: str) -> Row:
    names = platforms or ("linux/amd64",)
    row = {"tag": tag, "digest": DIGEST, "platforms": dict.fromkeys(names, AMD64), "size": 5, "updated": "2026-11-19T00:00:00Z"}
    return row | ({"contents": {**contents, "evidence": [CONFIG]}} if contents is not None else {})


def section(document: Row, repository: str) -> list[Row]:
    names = {OFFICIAL: "official_tags", CUDA: "cuda", PYTHON: "python", NGC: "ngc"}
    rows: list[Row] = document["images"][names[repository]]
    return rows


def row(document: Row, repository: str, tag: str) -> Row:
    (found,) = [r for r in section(document, repository) if r["tag"] == tag]
    return found


def tags(document: Row, repository: str) -> list[str]:
    return [r["tag"] for r in section(document, repository)]


def copied(document: Row) -> Row:
    """A document whose parts that a join changes are its own."""
    return {**document, **{name: copy.deepcopy(document[name]) for name in ("snapshots", "nvidia_require_cuda", "images")}}


def joined(curated: Row, repository: str, rows: list[Row], keep: bool = True) -> Row:
    """The document with *rows* measured; with *keep* every curated tag is listed as well. It is a matrix."""
    present = {r["tag"] for r in rows}
    others = [listed(tag) for tag in tags(curated, repository) if tag not in present] if keep else []
    document = copied(curated)
    join_images(document, {repository: [*rows, *others]}, {repository: DATE})
    validate_document(document, "the joined matrix")
    return document


def matrix(document: Row) -> Matrix:
    return Matrix(document, "the joined matrix")


# -- curated tags --------------------------------------------------------------------------------


@pytest.mark.parametrize("repository", FILES)
def test_what_the_registry_lists_is_measured(curated: Row, repository: str) -> None:
    document = joined(curated, repository, [])
    assert {r["status"] for r in section(document, repository)} == {"measured"}
    assert {r["digest"] for r in section(document, repository)} == {DIGEST}
    assert tags(document, repository) == tags(curated, repository)
    assert document["snapshots"] == curated["snapshots"] | {repository: DATE}
    for before, after in zip(section(curated, repository), section(document, repository), strict=True):
        assert after["evidence"]["digest"] == [f"measured: the registry's listing of {repository} on {DATE}"]
        changed = {"status", "digest", "platforms", "available", "evidence"}
        assert {k: v for k, v in after.items() if k not in changed} == {k: v for k, v in before.items() if k not in changed}
        assert {k: v for k, v in after["evidence"].items() if k != "digest"} == {
            k: v for k, v in before["evidence"].items() if k != "digest"
        }


@pytest.mark.parametrize("repository", FILES)
def test_what_the_registry_does_not_list_is_gone(curated: Row, repository: str) -> None:
    document = joined(curated, repository, [], keep=False)
    assert {r["status"] for r in section(document, repository) if r.get("available") != "delisted"} == {"gone"}
    assert [r for r in section(document, repository) if r.get("available") == "delisted"] == [
        r for r in section(curated, repository) if r.get("available") == "delisted"
    ]
    found = matrix(document)
    gone = next(r["tag"] for r in section(document, repository) if r["status"] == "gone")
    image = find_image(found, f"{repository}:{gone}")
    assert (image.status, image.why) == ("gone", f"snapshot of {DATE}")


def test_other_repositories_stay_as_they_are(curated: Row) -> None:
    document = joined(curated, PYTHON, [])
    assert all(section(document, name) == section(curated, name) for name in FILES if name != PYTHON)


def test_nothing_measured_changes_nothing(curated: Row) -> None:
    document = copied(curated)
    join_images(document, {}, {})
    assert document == curated


def test_a_join_leaves_the_curated_rows_alone(curated: Row) -> None:
    joined(curated, OFFICIAL, [listed("2.99.0-gpu", {"tensorflow": "2.99.0", "require": "cuda>=12.5"})])
    assert curated == compile_matrix(DATA)


def test_the_platforms_are_those_of_the_registry(curated: Row) -> None:
    document = joined(curated, OFFICIAL, [listed("2.18.0", None, "linux/amd64", "linux/arm64")])
    assert row(document, OFFICIAL, "2.18.0")["platforms"] == ["linux/amd64", "linux/arm64"]
    assert find_image(matrix(document), f"{OFFICIAL}:2.18.0").platforms == ("linux/amd64", "linux/arm64")


def test_where_the_registry_names_no_platform_the_curated_ones_stay(curated: Row) -> None:
    before = row(curated, CUDA, "12.5.1-cudnn-runtime-ubuntu22.04")["platforms"]
    document = joined(curated, CUDA, [listed("12.5.1-cudnn-runtime-ubuntu22.04") | {"platforms": {}}])
    assert row(document, CUDA, "12.5.1-cudnn-runtime-ubuntu22.04")["platforms"] == before


def test_a_delisted_tag_that_is_listed_again_is_back(curated: Row) -> None:
    tag = next(r["tag"] for r in section(curated, CUDA) if r["available"] == "delisted")
    assert find_image(matrix(curated), f"{CUDA}:{tag}").status == "delisted"
    document = joined(curated, CUDA, [listed(tag)])
    assert (row(document, CUDA, tag)["available"], row(document, CUDA, tag)["status"]) == ("listed", "measured")
    assert find_image(matrix(document), f"{CUDA}:{tag}").status == "measured"


def test_a_rolling_tag_stays_one(curated: Row) -> None:
    image = find_image(matrix(joined(curated, OFFICIAL, [])), f"{OFFICIAL}:latest-gpu")
    assert (image.status, image.digest, image.tensorflow) == ("rolling", DIGEST, Version("2.21.0"))
    gone = find_image(matrix(joined(curated, OFFICIAL, [], keep=False)), f"{OFFICIAL}:latest-gpu")
    assert (gone.status, gone.why) == ("gone", f"snapshot of {DATE}")


def test_a_rolling_tag_that_a_registry_has_elsewhere_no_longer_means_what_it_meant(curated: Row) -> None:
    document = joined(curated, OFFICIAL, [{**listed("latest-gpu"), "digest": "sha256:" + "f" * 64}])
    image = find_image(matrix(document), f"{OFFICIAL}:latest-gpu")
    assert (image.status, image.means, image.tensorflow, image.cudnn) == ("rolling", "", None, None)


# -- tags that no curated row describes ----------------------------------------------------------


def test_a_new_official_image_gets_its_contents_from_the_config(curated: Row) -> None:
    contents = {
        "tensorflow": "2.99.0", "python": "3.13", "cuda": "12.5.1", "cudnn": "9.3.0.75", "os": "ubuntu24.04",
        "distribution": "tensorflow", "require": "cuda>=12.5",
    }  # fmt: skip
    document = joined(
        curated,
        OFFICIAL,
        [listed("2.99.0-gpu", contents), listed("2.99.0-gpu-jupyter", contents), listed("2.99.0", {"tensorflow": "2.99.0"})],
    )
    assert row(document, OFFICIAL, "2.99.0-gpu") == {
        "tag": "2.99.0-gpu",
        "status": "measured",
        "digest": DIGEST,
        "platforms": ["linux/amd64"],
        "evidence": {"*": [f"measured: the registry's listing of {OFFICIAL} on {DATE}", CONFIG]},
        "tensorflow": "2.99.0",
        "variants": ["gpu"],
        "rolling": False,
        "prerelease": False,
    }
    image = find_image(matrix(document), f"{OFFICIAL}:2.99.0-gpu-jupyter")
    assert (image.tensorflow, image.python, image.cuda, image.cudnn) == tuple(map(Version, ("2.99.0", "3.13", "12.5.1", "9.3.0.75")))
    assert (image.os, image.require, image.gpu, image.digest) == ("ubuntu24.04", "cuda>=12.5", True, DIGEST)
    plain = find_image(matrix(document), f"{OFFICIAL}:2.99.0")
    assert (plain.tensorflow, plain.cuda, plain.gpu) == (Version("2.99.0"), None, False)


def test_a_new_official_image_without_contents_is_known_by_name_alone(curated: Row) -> None:
    document = joined(curated, OFFICIAL, [listed("2.99.0-gpu"), listed("2.98.0-gpu", {})])
    for tag in ("2.99.0-gpu", "2.98.0-gpu"):
        image = find_image(matrix(document), f"{OFFICIAL}:{tag}")
        assert (image.status, image.cuda, image.cudnn, image.python, image.require_known) == ("measured", None, None, None, False)


def test_a_tag_of_a_version_with_curated_contents_shares_them(curated: Row) -> None:
    tag = "2.16.1-jupyter"
    assert tag not in tags(curated, OFFICIAL)
    document = joined(curated, OFFICIAL, [listed(tag, {"tensorflow": "2.16.1", "python": "3.99"})])
    image, sibling = (find_image(matrix(document), f"{OFFICIAL}:{t}") for t in (tag, "2.16.1"))
    assert (image.python, image.os) == (sibling.python, sibling.os)
    assert image.python != Version("3.99")


@pytest.mark.parametrize("tag", ["2.99.0rc1-gpu", "2.99.0-rc1-gpu"])
def test_a_candidate_is_one_in_both_spellings(curated: Row, tag: str) -> None:
    found = row(joined(curated, OFFICIAL, [listed(tag, {"tensorflow": "2.99.0rc1"})]), OFFICIAL, tag)
    assert (found["tensorflow"], found["prerelease"], found["rolling"]) == ("2.99.0rc1", True, False)


def test_a_new_cuda_image_gets_its_versions_from_the_config(curated: Row) -> None:
    contents = {"cuda": "13.9.0", "cudnn": "9.99.0.1", "require": "cuda>=13.9", "os": "ubuntu24.04"}
    document = joined(
        curated,
        CUDA,
        [
            listed("13.9.0-cudnn-runtime-ubuntu24.04", contents, "linux/amd64", "linux/arm64"),
            listed("13.9.0-base-ubuntu24.04", {"cuda": "13.9.0", "cudnn": "9.99.0.1"}),
        ],
    )
    image = find_image(matrix(document), f"{CUDA}:13.9.0-cudnn-runtime-ubuntu24.04")
    assert (image.cuda, image.cudnn, image.os, image.require) == (Version("13.9.0"), Version("9.99.0.1"), "ubuntu24.04", "cuda>=13.9")
    assert (str(image.python), str(image.libc)) == ("3.12", "glibc 2.39")
    assert (image.platforms, image.status) == (("linux/amd64", "linux/arm64"), "measured")
    base = row(document, CUDA, "13.9.0-base-ubuntu24.04")
    assert (base["cudnn"], base["flavor"], base["require"], base["available"]) == (None, "base", None, "listed")


@pytest.mark.parametrize(
    ("tag", "contents"),
    [
        ("13.9.0-cudnn-runtime-ubuntu24.04", {"cuda": "13.9.0"}),
        ("13.9.0-runtime-ubuntu24.04", {}),
        ("13.9.0-runtime-ubuntu24.04", None),
        ("13.9.0-ubuntu24.04", {"cuda": "13.9.0"}),
    ],
)
def test_of_a_cuda_image_that_says_too_little_no_row_is_made(curated: Row, tag: str, contents: Row | None) -> None:
    document = joined(curated, CUDA, [listed(tag, contents)])
    assert tag not in tags(document, CUDA)
    assert document["nvidia_require_cuda"] == curated["nvidia_require_cuda"]


@pytest.mark.parametrize(
    ("tag", "suite", "system"),
    [("3.14.99-slim-trixie", "trixie", "debian13"), ("3.13.99-slim-bookworm", "bookworm", "debian12"), ("3.13.99-slim", None, None)],
)
def test_a_new_python_image_is_what_its_tag_says(curated: Row, tag: str, suite: str | None, system: str | None) -> None:
    document = joined(curated, PYTHON, [listed(tag, {"python": tag.partition("-")[0], "os": "debian13"})])
    found = row(document, PYTHON, tag)
    assert (found["python"], found["suite"], found["maintained"], found["last_listed"]) == (tag.partition("-")[0], suite, True, DATE)
    image = find_image(matrix(document), f"{PYTHON}:{tag}")
    assert (str(image.python), image.os, image.status) == (tag.partition("-")[0], system, "measured")


def test_a_new_image_of_nvidia_has_only_what_was_read(curated: Row) -> None:
    contents = {
        "tensorflow": "2.17.0",
        "python": "3.12",
        "cuda": "12.8.1",
        "cudnn": "9.8.0.87",
        "os": "ubuntu24.04",
        "require": "cuda>=9.0",
    }
    document = joined(curated, NGC, [listed("25.03-tf2-py3", contents), listed("25.04-tf2-py3")])
    image = find_image(matrix(document), f"{NGC}:25.03-tf2-py3")
    assert (image.tensorflow, image.cuda, image.own_build, image.driver_minimum) == (Version("2.17.0"), Version("12.8.1"), True, None)
    bare = find_image(matrix(document), f"{NGC}:25.04-tf2-py3")
    assert (bare.status, bare.tensorflow, bare.cuda) == ("measured", None, None)


def test_all_four_repositories_can_be_measured_at_once(curated: Row) -> None:
    new = {OFFICIAL: "2.99.0-gpu", CUDA: "13.9.0-base-ubuntu24.04", PYTHON: "3.14.99-slim", NGC: "25.03-tf2-py3"}
    document = copied(curated)
    join_images(document, {name: [listed(tag, {"cuda": "13.9.0"})] for name, tag in new.items()}, dict.fromkeys(new, DATE))
    validate_document(document, "the joined matrix")
    assert document["snapshots"] == dict.fromkeys(FILES, DATE)
    assert all(tags(document, name)[-1] == tag for name, tag in new.items())


# -- resolve -------------------------------------------------------------------------------------


def test_a_plan_names_the_digest_that_was_measured(curated: Row) -> None:
    plan = resolve(Request(gpu=True, base="official"), matrix(joined(curated, OFFICIAL, []))).plan
    assert (plan.image.digest, plan.image.evidence) == (DIGEST, "measured")


def test_an_official_tag_that_is_gone_is_rejected_with_the_date(curated: Row) -> None:
    before = resolve(Request(gpu=True, base="official"), matrix(curated)).plan.image.reference
    tag = before.partition(":")[2]
    rows = [listed(t) for t in tags(curated, OFFICIAL) if t != tag]
    document = joined(curated, OFFICIAL, rows, keep=False)
    assert resolve(Request(gpu=True, base="official"), matrix(document)).plan.image.reference != before
    with pytest.raises(ResolutionImpossible) as caught:
        resolve(Request(gpu=True, base="official", tensorflow=tag.partition("-")[0]), matrix(document))
    from tfcompat.outputs.text import render_conflict

    text = " ".join(render_conflict(caught.value).split())
    assert f"the registry has no {before} (snapshot of {DATE})" in text


def test_without_any_official_tag_another_base_is_taken(curated: Row) -> None:
    found = matrix(joined(curated, OFFICIAL, [], keep=False))
    assert not resolve(Request(gpu=True), found).plan.image.reference.startswith(OFFICIAL)
    with pytest.raises(ResolutionImpossible):
        resolve(Request(gpu=True, base="official"), found)


# -- the files -----------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the data folder, with the folder of what a refresh writes."""
    shutil.copytree(DATA, tmp_path / "data")
    (tmp_path / "data/measured/images").mkdir(exist_ok=True)
    return tmp_path / "data"


def write(data: Path, stamp: object, rows: dict[str, list[Row]]) -> None:
    folder = data / "measured/images"
    (folder / "stamp.json").write_text(json.dumps(stamp))
    for name, lines in rows.items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_compiling_joins_what_was_measured(data: Path, curated: Row) -> None:
    write(data, {PYTHON: DATE}, {FILES[PYTHON]: [listed(tag) for tag in tags(curated, PYTHON)]})
    document = compile_matrix(data)
    validate_document(document, "compiled")
    assert document == joined(curated, PYTHON, [])


def test_a_repository_without_its_file_is_named(data: Path) -> None:
    write(data, {PYTHON: DATE}, {})
    with pytest.raises(MatrixError) as caught:
        compile_matrix(data)
    assert caught.value.message == f"{data}/measured/images/python-slim.jsonl is missing"
    assert caught.value.hint == "compile from a complete checkout of data/"


def test_a_tag_that_is_gone_says_nothing_of_its_digest(curated: Row) -> None:
    """Whoever pinned the digest before may well have it still."""
    known = next(r for r in curated["images"]["official_tags"] if r["tag"] == "2.15.0-gpu")
    document = copied(curated)
    join_images(document, {OFFICIAL: [listed("2.15.0", {})]}, {OFFICIAL: DATE})
    matrix = Matrix(document, "a test")
    assert find_image(matrix, f"{OFFICIAL}:2.15.0-gpu").status == "gone"
    for reference in (f"{OFFICIAL}@{known['digest']}", f"{OFFICIAL}:2.15.0-gpu@{known['digest']}"):
        image = find_image(matrix, reference)
        assert (image.status, str(image.tensorflow)) == ("unknown", "2.15.0")
