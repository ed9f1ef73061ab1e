"""GPUs are found by any name that people type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from tfcompat.errors import RequestError
from tfcompat.matrix import find_gpu, load_bundled
from tfcompat.matrix.gpus import capability_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MATRIX = load_bundled()


def refusal(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        find_gpu(MATRIX, text)
    return caught.value


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("A100", "NVIDIA A100"),
        ("h100", "NVIDIA H100"),
        ("RTX 4090", "GeForce RTX 4090"),
        ("RTX4090", "GeForce RTX 4090"),
        ("rtx-4090", "GeForce RTX 4090"),
        ("4090", "GeForce RTX 4090"),
        ("GeForce RTX 4090 Laptop GPU", "GeForce RTX 4090"),
        ("NVIDIA GeForce RTX 3090", "GeForce RTX 3090"),
        ("Tesla-T4", "NVIDIA T4"),
        ("Tesla V100-SXM2-16GB", "NVIDIA V100"),
        ("NVIDIA A100-SXM4-80GB", "NVIDIA A100"),
        ("K80", "Tesla K80"),
        ("g4dn.xlarge", "NVIDIA T4"),
        ("Jetson Thor", "Jetson T5000"),
    ],
)
def test_a_name_is_found_however_it_is_typed(typed: str, name: str) -> None:
    assert find_gpu(MATRIX, typed).name == name


@pytest.mark.parametrize(
    ("typed", "capability"),
    [
        ("sm_90", "9.0"),
        ("SM90", "9.0"),
        ("compute_90", "9.0"),
        ("sm_90a", "9.0"),
        ("8.6", "8.6"),
        ("86", "8.6"),
        ("120", "12.0"),
        ("cc8.6", "8.6"),
    ],
)
def test_a_compute_capability_is_a_target_of_no_known_kind(typed: str, capability: str) -> None:
    target = find_gpu(MATRIX, typed)
    assert target.capability == Version(capability)
    assert (target.forward_compatible, target.brands) == (None, None)
    assert str(target) == f"capability {capability}"


def test_a_target_is_written_with_its_capability() -> None:
    assert str(find_gpu(MATRIX, "rtx3090")) == "GeForce RTX 3090 (8.6)"


@pytest.mark.parametrize(
    ("typed", "forward", "brand"), [("A100", True, "tesla"), ("RTX 3090", False, "geforce"), ("RTX A6000", False, "nvidiartx")]
)
def test_a_name_tells_the_brand_and_forward_compatibility(typed: str, forward: bool, brand: str) -> None:
    target = find_gpu(MATRIX, typed)
    assert target.forward_compatible is forward
    assert brand in (target.brands or ())


def test_the_matrix_knows_at_least_200_gpus() -> None:
    assert len(MATRIX.gpus) >= 200


def lost(names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of (typed, name) that do not lead to the GPU of that name."""
    found = []
    for typed, name in names:
        try:
            if find_gpu(MATRIX, typed).name != name:
                found.append((typed, name))
        except RequestError:
            found.append((typed, name))
    return found


def test_every_gpu_is_found_by_its_own_name() -> None:
    assert lost((gpu.name, gpu.name) for gpu in MATRIX.gpus) == []


def test_every_gpu_is_found_by_every_alias_that_has_a_letter() -> None:
    assert lost((alias, gpu.name) for gpu in MATRIX.gpus for alias in gpu.aliases if not alias.isdigit()) == []


def test_every_gpu_has_evidence() -> None:
    assert [gpu.name for gpu in MATRIX.gpus if not find_gpu(MATRIX, gpu.name).evidence] == []


def test_every_ambiguous_name_gives_all_its_capabilities() -> None:
    for row in MATRIX.ambiguous_gpus:
        error = refusal(row.name)
        assert error.message == f"--gpu: {row.name!r} is ambiguous: compute capability {' or '.join(row.capabilities)}"
        assert error.hint == f"say which: --gpu {row.capabilities[0]}"


def test_an_ambiguous_name_says_which_capabilities() -> None:
    error = refusal("RTX 4000")
    assert error.message == "--gpu: 'RTX 4000' is ambiguous: compute capability 7.5 or 8.9"
    assert find_gpu(MATRIX, "Quadro RTX 4000").capability == Version("7.5")
    assert find_gpu(MATRIX, "RTX 4000 Ada").capability == Version("8.9")


@pytest.mark.parametrize(("typed", "near"), [("H10O", "NVIDIA H100"), ("RTX 3O90", "GeForce RTX 3090"), ("V10O", "NVIDIA V100")])
def test_a_misspelt_name_gives_the_near_ones(typed: str, near: str) -> None:
    error = refusal(typed)
    assert error.message == f"--gpu: {typed!r} is not a GPU that the matrix knows"
    assert error.hint.startswith("did you mean ")
    assert near in error.hint
    assert error.hint.endswith("? A compute capability such as 8.6 works as well")


@pytest.mark.parametrize("typed", ["banana", ""])
def test_a_name_like_no_other_gives_the_way_to_name_one(typed: str) -> None:
    assert refusal(typed).hint == "give the name on the box (A100, RTX 4090) or a compute capability such as 8.6"


def test_a_capability_that_no_gpu_has_gives_those_that_are_known() -> None:
    error = refusal("9.7")
    assert error.message == "--gpu: no GPU has compute capability 9.7"
    assert error.hint.startswith("known are 3.0, 3.5, 3.7, ")


@pytest.mark.parametrize(("code", "capability"), [("sm_35", "3.5"), ("compute_90", "9.0"), ("sm_90a", "9.0"), ("sm_120", "12.0")])
def test_the_last_digit_of_compiled_code_is_the_minor(code: str, capability: str) -> None:
    assert capability_of(code) == Version(capability)
