"""What a driver supports, and what an image's NVIDIA_REQUIRE_CUDA says of it."""

from __future__ import annotations

import pytest
from packaging.version import Version

from tfcompat.drivers import Requirement, driver_cuda, driver_text, forward_compatible, last_branch, toolkit_driver
from tfcompat.errors import MatrixError
from tfcompat.images import find_image
from tfcompat.matrix import GpuTarget, find_gpu, load_bundled

MATRIX = load_bundled()
CUDA_12_3 = "nvidia/cuda:12.3.2-cudnn9-runtime-ubuntu22.04"


def requirement(name: str) -> Requirement:
    text = MATRIX.nvidia_require_cuda(name)
    assert text is not None
    return Requirement.parse(text)


def gpus(*names: str) -> tuple[GpuTarget, ...]:
    return tuple(find_gpu(MATRIX, name) for name in names)


def holds(name: str, driver: str, *names: str) -> bool | None:
    version = Version(driver)
    return requirement(name).holds(driver_cuda(MATRIX, version), version, gpus(*names))


# -- NVIDIA_REQUIRE_CUDA -------------------------------------------------------------------------


def test_spaces_separate_alternatives_and_commas_terms_that_must_all_hold() -> None:
    text = "cuda>=10.0 brand=tesla,driver>=384,driver<385"
    assert MATRIX.nvidia_require_cuda("10.0") == text
    assert Requirement.parse(text).alternatives == (
        (("cuda", ">=", "10.0"),),
        (("brand", "=", "tesla"), ("driver", ">=", "384"), ("driver", "<", "385")),
    )


@pytest.mark.parametrize("name", [k for k, v in load_bundled().document["nvidia_require_cuda"].items() if v])
def test_every_requirement_of_the_matrix_is_read(name: str) -> None:
    first, *_ = requirement(name).alternatives
    assert first[0][:2] == ("cuda", ">=")


@pytest.mark.parametrize(
    ("name", "driver", "gpu", "answer"),
    [
        ("12.3.0", "545.23.06", "RTX 4090", True),  # reports CUDA 12.3
        ("12.3.0", "535.104.05", "A100", True),  # by its brand and branch
        ("12.3.0", "530.30.02", "A100", False),  # 530 is no branch it names
        ("12.3.0", "470.256.02", "A100", True),
        ("12.3.0", "470.256.02", "RTX 3090", True),
        ("11.8.0", "520.61.05", "RTX 3090", True),
        ("11.8.0", "470.256.02", "Quadro RTX 8000", True),
        ("11.8.0", "450.80.02", "V100", False),
        ("10.0", "410.48", "V100", True),
        ("10.0", "384.183", "V100", True),
        ("10.0", "384.183", "GTX 1080", False),  # the exception is for tesla
        ("10.0", "396.82", "V100", False),
    ],
)
def test_a_requirement_is_evaluated_as_written(name: str, driver: str, gpu: str, answer: bool) -> None:
    assert holds(name, driver, gpu) is answer


def test_a_brand_that_is_not_known_leaves_an_exception_open() -> None:
    assert holds("10.0", "384.183", "7.0") is None
    assert holds("10.0", "384.183") is None


def test_a_brand_does_not_matter_where_another_term_decides() -> None:
    assert holds("10.0", "410.48", "7.0") is True
    assert holds("10.0", "396.82", "7.0") is False


def test_an_exception_must_cover_every_gpu() -> None:
    assert holds("10.0", "384.183", "V100", "GTX 1080") is False


@pytest.mark.parametrize("text", ["cuda", "cuda>=", ">=12.3", "cuda=>12.3", "cuda>=12.3,,driver>=470"])
def test_a_malformed_term_is_refused(text: str) -> None:
    with pytest.raises(MatrixError, match=r"^NVIDIA_REQUIRE_CUDA has the term '.*'\n  hint: expected NAME OPERATOR VALUE$"):
        Requirement.parse(text)


# -- what a driver reports -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("410.48", "10.0"),
        ("450.80.02", "11.0"),
        ("525.60.13", "12.0"),
        ("535", "12.2"),
        ("535.274.02", "12.2"),
        ("545.23.06", "12.3"),
        ("580", "13.0"),
        ("580.65.06", "13.0"),
    ],
)
def test_a_driver_reports_the_cuda_of_its_branch(driver: str, cuda: str) -> None:
    assert driver_cuda(MATRIX, Version(driver)) == Version(cuda)


def test_a_driver_before_cuda_10_reports_none_that_is_known() -> None:
    assert driver_cuda(MATRIX, Version("390.48")) is None


def test_every_toolkit_is_reported_by_its_own_driver() -> None:
    for toolkit in MATRIX.toolkits:
        reported = driver_cuda(MATRIX, toolkit_driver(toolkit))
        assert reported is not None
        assert reported >= Version(toolkit.version)


def test_a_floor_is_never_above_the_driver_of_the_toolkit() -> None:
    for toolkit in MATRIX.toolkits:
        assert Version(toolkit.minimum_driver) <= toolkit_driver(toolkit)


@pytest.mark.parametrize(("capability", "branch"), [("3.7", 470), ("6.1", 580), ("7.0", 580), ("7.5", None), ("8.0", None)])
def test_a_generation_ends_with_a_branch_or_is_current(capability: str, branch: int | None) -> None:
    last, evidence = last_branch(MATRIX, Version(capability))
    assert last == branch
    assert bool(evidence) is (branch is not None)


@pytest.mark.parametrize("text", ["450.80.02", "470", "410.48", "535.104.05", "580.65.06", "580.105.08"])
def test_a_driver_is_written_as_nvidia_writes_it(text: str) -> None:
    assert driver_text(Version(text)) == text


# -- cuda-compat ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("driver", "names", "bridged"),
    [
        ("470.256.02", ("A100",), True),
        ("470.256.02", ("A100", "V100"), True),
        ("470.256.02", ("RTX 3090",), False),
        ("470.256.02", ("A100", "RTX 3090"), False),
        ("470.256.02", ("8.0",), False),  # a capability is no GPU: it may be either kind
        ("470.256.02", (), False),
        ("510.47.03", ("A100",), False),  # a branch that the image does not name
    ],
)
def test_cuda_compat_bridges_listed_branches_of_data_centre_gpus(driver: str, names: tuple[str, ...], bridged: bool) -> None:
    assert forward_compatible(find_image(MATRIX, CUDA_12_3), Version(driver), gpus(*names)) is bridged


@pytest.mark.parametrize(("driver", "bridged"), [("470.57.02", True), ("470.42.01", False), ("460.32.03", False)])
def test_the_branches_of_a_release_note_count_from_the_version_named(driver: str, bridged: bool) -> None:
    image = find_image(MATRIX, "nvcr.io/nvidia/tensorflow:24.03-tf2-py3")
    assert forward_compatible(image, Version(driver), gpus("A100")) is bridged


def test_an_image_without_cuda_compat_bridges_nothing() -> None:
    assert not forward_compatible(find_image(MATRIX, "python:3.12-slim"), Version("470.256.02"), gpus("A100"))
    assert not forward_compatible(None, Version("470.256.02"), gpus("A100"))
