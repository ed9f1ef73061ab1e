"""Image references as Docker reads them, and what is inside as far as it is established."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tfcompat.errors import RequestError
from tfcompat.images import find_image
from tfcompat.matrix import load_bundled
from tfcompat.matrix.records import Sighting
from tfcompat.reference import Reference

MATRIX = load_bundled()
DIGEST = "sha256:" + "0123456789abcdef" * 4

# -- references ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("python", "python", "latest", None),
        (" python:3.11-slim\n", "python", "3.11-slim", None),
        ("library/python:3.11", "python", "3.11", None),
        ("docker.io/library/python:3.11", "python", "3.11", None),
        ("docker.io/tensorflow/tensorflow:2.18.0-gpu", "tensorflow/tensorflow", "2.18.0-gpu", None),
        ("nvcr.io/nvidia/tensorflow:24.03-tf2-py3", "nvcr.io/nvidia/tensorflow", "24.03-tf2-py3", None),
        ("localhost:5000/team/app", "localhost:5000/team/app", "latest", None),
        ("127.0.0.1:5000/app:1", "127.0.0.1:5000/app", "1", None),
        (f"python@{DIGEST}", "python", None, DIGEST),
        (f"ghcr.io/o/r:1.0@{DIGEST}", "ghcr.io/o/r", "1.0", DIGEST),
    ],
)
def test_a_reference_has_a_repository_a_tag_and_a_digest(text: str, repository: str, tag: str | None, digest: str | None) -> None:
    assert Reference.parse(text) == Reference(repository, tag, digest)


@pytest.mark.parametrize(
    "text", ["", "a b", "Python:3", "python:", "x//y", "python@sha256:12", "python:-1", "https://hub.docker.com/_/python"]
)
def test_text_that_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        Reference.parse(text)
    assert caught.value.message == f"{text!r} is not an image reference"
    assert caught.value.hint == "write REPOSITORY:TAG, as in python:3.11-slim"


@given(
    host=st.sampled_from(["", "ghcr.io/", "localhost:5000/"]),
    name=st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8})?", fullmatch=True),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}", fullmatch=True),
    digest=st.sampled_from(["", f"@{DIGEST}"]),
)
def test_a_reference_reads_back_what_it_writes(host: str, name: str, tag: str, digest: str) -> None:
    reference = Reference.parse(f"{host}{name}:{tag}{digest}")
    assert Reference.parse(str(reference)) == reference


# -- contents ------------------------------------------------------------------------------------


def test_a_floating_tag_says_what_it_meant_and_when() -> None:
    (row,) = (f for f in MATRIX.floating if f.image == "ubuntu:latest")
    image, target = find_image(MATRIX, "ubuntu"), find_image(MATRIX, row.means)
    assert image.status == "rolling"
    assert str(image) == f"ubuntu:latest ({row.means} on {row.as_of})"
    assert (image.os, image.python, image.libc) == (target.os, target.python, target.libc)


def test_every_floating_tag_leads_to_another_name() -> None:
    for row in MATRIX.floating:
        assert find_image(MATRIX, row.image).status == "rolling"
        assert find_image(MATRIX, row.means).reference == row.means


def test_a_python_image_has_its_interpreter_and_no_cuda() -> None:
    image = find_image(MATRIX, "python:3.11-slim")
    assert (image.status, image.python, image.gpu, image.cuda) == ("documented", Version("3.11"), False, None)
    assert image.libc is not None
    assert image.libc.name == "glibc"
    assert image.evidence


def test_the_full_python_image_is_inferred_from_its_slim_sibling() -> None:
    full, slim = find_image(MATRIX, "python:3.11-bookworm"), find_image(MATRIX, "python:3.11-slim-bookworm")
    assert (full.python, full.os, full.libc) == (slim.python, slim.os, slim.libc)
    assert full.evidence[0] == "inferred: the same interpreter as in python:3.11-slim-bookworm"


@pytest.mark.parametrize(
    ("reference", "libc"), [("ubuntu:22.04", "glibc 2.35"), ("debian:bookworm-slim", "glibc 2.36"), ("alpine:3.20", "musl 1.2.5")]
)
def test_a_distribution_brings_its_c_library(reference: str, libc: str) -> None:
    assert str(find_image(MATRIX, reference).libc) == libc


def test_a_cuda_image_has_the_cudnn_that_was_measured() -> None:
    image = find_image(MATRIX, "nvidia/cuda:12.5.1-cudnn-runtime-ubuntu22.04")
    assert (image.cuda, image.python, image.os) == (Version("12.5.1"), Version("3.10"), "ubuntu22.04")
    assert image.cudnn is not None
    assert image.cudnn.release[:3] == (9, 2, 1)
    assert image.require == MATRIX.nvidia_require_cuda("12.5.1")
    assert image.compat


def test_a_cuda_image_that_was_removed_is_known_as_such() -> None:
    assert find_image(MATRIX, "nvidia/cuda:10.1-cudnn7-runtime-ubuntu18.04").status == "delisted"


def test_the_official_gpu_image_carries_a_cudnn_below_what_its_tensorflow_wants() -> None:
    image = find_image(MATRIX, "tensorflow/tensorflow:2.18.0-gpu")
    release = MATRIX.release("tensorflow", "2.18.0")
    assert release is not None
    wanted = release.builds["linux/amd64"].cudnn
    assert (image.tensorflow, image.gpu) == (Version("2.18.0"), True)
    assert image.cudnn is not None
    assert wanted is not None
    assert (image.cudnn.major, Version(wanted).major) == (8, 9)


def test_an_official_tag_reported_missing_is_absent_with_the_reason() -> None:
    image = find_image(MATRIX, "tensorflow/tensorflow:2.15.1-gpu")
    assert (image.status, image.why) == ("absent", "reported missing")
    assert image.evidence


def test_an_official_tag_that_nobody_uses_is_unknown_rather_than_absent() -> None:
    assert find_image(MATRIX, "tensorflow/tensorflow:2.1.4").status == "unknown"


@pytest.mark.parametrize("variant", ["", "-gpu", "-jupyter", "-gpu-jupyter"])
def test_latest_has_the_contents_of_the_newest_release_with_an_image(variant: str) -> None:
    newest = max(
        (t for t in MATRIX.official_tags.values() if t.tensorflow and not t.prerelease), key=lambda t: Version(t.tensorflow or "0")
    )
    image = find_image(MATRIX, f"tensorflow/tensorflow:latest{variant}")
    target = find_image(MATRIX, f"tensorflow/tensorflow:{newest.tensorflow}{variant}")
    as_of = MATRIX.snapshots["tensorflow/tensorflow"]
    assert (image.status, image.means) == ("rolling", f"{target.reference} on {as_of}")
    assert (image.tensorflow, image.python, image.cuda, image.cudnn) == (target.tensorflow, target.python, target.cuda, target.cudnn)
    assert (image.gpu, image.os, image.require) == (target.gpu, target.os, target.require)
    assert any(statement.startswith("inferred: 2.21.0 is the newest final version") for statement in image.evidence)


@pytest.mark.parametrize("tag", ["nightly", "nightly-gpu", "nightly-jupyter", "nightly-gpu-jupyter", "latest-gpu-py3", "devel-gpu"])
def test_what_nothing_says_of_a_tag_that_moves_is_not_guessed(tag: str) -> None:
    image = find_image(MATRIX, f"tensorflow/tensorflow:{tag}")
    assert (image.status, image.gpu, image.means) == ("rolling", "gpu" in tag, "")
    assert (image.tensorflow, image.python, image.cuda, image.cudnn) == (None, None, None, None)


def test_a_digest_that_latest_once_had_is_not_what_latest_means_now() -> None:
    digest = MATRIX.official_tags["latest-gpu"].digest
    for reference in (f"tensorflow/tensorflow:latest-gpu@{digest}", f"tensorflow/tensorflow@{digest}"):
        image = find_image(MATRIX, reference)
        assert (image.status, image.tensorflow, image.cudnn, image.means) == ("unknown", None, None, "")


@pytest.mark.parametrize(("theirs", "known"), [("a", True), ("b", False), (None, True)])
def test_a_registry_that_has_another_image_behind_latest_ends_what_it_meant(theirs: str | None, known: bool) -> None:
    def seen(tag: str, digest: str | None) -> tuple[str, Sighting]:
        reference = f"tensorflow/tensorflow:{tag}"
        return reference, Sighting(reference, True, "2026-11-23T00:00:00Z", "registry", digest and "sha256:" + digest * 64)

    image = find_image(
        MATRIX.with_sightings(dict([seen("latest-gpu", theirs), seen("2.21.0-gpu", "a")])), "tensorflow/tensorflow:latest-gpu"
    )
    assert (image.status, image.tensorflow is not None, image.cudnn is not None, bool(image.means)) == ("rolling", known, known, known)


def test_the_images_of_nvidia_have_a_build_of_their_own() -> None:
    image = find_image(MATRIX, "nvcr.io/nvidia/tensorflow:24.03-tf2-py3")
    assert (image.own_build, image.gpu, image.tensorflow) == (True, True, Version("2.15.0"))


@pytest.mark.parametrize(
    "reference", ["example.org/team/app:1", "nvidia/cuda:99.9-base", "tensorflow/tensorflow:3.0.0", f"python@{DIGEST}"]
)
def test_an_image_that_the_matrix_does_not_know_is_unknown_in_everything(reference: str) -> None:
    image = find_image(MATRIX, reference)
    assert (image.status, image.reference) == ("unknown", reference)
    assert (image.os, image.python, image.libc, image.cuda, image.cudnn, image.tensorflow, image.platforms) == (None,) * 7
    assert not image.require_known


def test_every_image_of_the_matrix_is_found_by_its_tag_with_evidence() -> None:
    tags = {
        "python": [row.tag for row in MATRIX.python_images],
        "nvidia/cuda": [row.tag for row in MATRIX.cuda_images],
        "nvcr.io/nvidia/tensorflow": [row.tag for row in MATRIX.ngc_images],
        "tensorflow/tensorflow": list(MATRIX.official_tags),
    }
    images = [find_image(MATRIX, f"{repository}:{tag}") for repository, names in tags.items() for tag in names]
    assert len(images) > 1000
    assert [i.reference for i in images if i.status in ("unknown", "absent") or not i.evidence] == []
