"""What a line such as tensorflow-text==2.15.0 does to the TensorFlow that is there, told without the index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.dependents import Candidate, Required, required_of
from tfcompat.matrix import load_bundled
from tfcompat.matrix.matrix import Matrix
from tfcompat.refresh import DEPENDENTS, JUDGED, NEIGHBOURS

MATRIX = load_bundled()
DATA = Path(__file__).parents[1] / "data/measured/dependents"
BESIDE = DATA.with_name("neighbours")
AMD, ARM = "linux/amd64", "linux/arm64"
PY311 = Version("3.11")


def required(line: str, platform: str = AMD, python: Version | None = PY311, matrix: Matrix = MATRIX) -> Required:
    wanted = Requirement(line)
    found = required_of(matrix, wanted.name, wanted.specifier, platform, python)
    assert found is not None
    return found


def newest(line: str, platform: str = AMD, python: Version | None = PY311) -> Candidate:
    return required(line, platform, python).candidates[0]


# -- what one release requires -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "on", "range_"),
    [
        ("tensorflow-text==2.15.0", "tensorflow", "<2.16,>=2.15.0"),
        ("tensorflow-text==2.15.0", "tensorflow-hub", ">=0.13.0"),
        ("tf-keras==2.19.0", "tensorflow", "<2.20,>=2.19"),
        ("tensorflow-decision-forests==1.11.0", "tensorflow", "==2.18.0"),
        ("tf-models-official==2.18.0", "tensorflow-text", "~=2.18.0"),
        ("tensorflow-hub==0.16.1", "tf-keras", ">=2.14.1"),
        ("tensorflow-serving-api==2.19.0", "tensorflow", "<3,>=2.19.0"),
        ("keras-hub==0.32.0", "tensorflow-text", ">=2.20.1"),
    ],
)
def test_a_pin_brings_the_range_that_its_wheel_names(line: str, on: str, range_: str) -> None:
    (only,) = required(line).candidates
    assert only.requires is not None
    assert only.requires[on] == SpecifierSet(range_)


def test_markers_are_judged_for_the_target() -> None:
    found = newest("tensorflow-text==2.15.0").requires
    assert found is not None
    assert "tensorflow-macos" not in found


@pytest.mark.parametrize(
    ("line", "python", "version"),
    [
        ("tensorflow-text", "3.11", "2.21.1"),
        ("tensorflow-text<2.19", "3.11", "2.18.1"),
        ("tensorflow-text", "3.8", "2.13.0"),
        ("tensorflow-hub", "3.8", "0.16.1"),
        ("keras-hub", "3.10", "0.25.1"),
    ],
)
def test_pip_takes_the_newest_release_for_the_interpreter(line: str, python: str, version: str) -> None:
    assert newest(line, python=Version(python)).version == version


def test_without_an_interpreter_every_release_counts() -> None:
    assert required("tensorflow-text", python=None).candidates[-1].version == "1.15.0"
    assert required("tensorflow-text").candidates[-1].version == "2.12.0"


def test_a_release_without_a_wheel_for_the_platform_is_no_candidate() -> None:
    assert required("tensorflow-decision-forests", ARM).candidates == ()
    assert required("tensorflow-decision-forests").candidates


@pytest.mark.parametrize(
    ("line", "found", "version"),
    [
        ("tensorflow-text", "2.18.0", "2.18.1"),
        ("tf-models-official", "2.18.0", "2.18.0"),
        ("tf-keras", "2.18.1", "2.18.0"),
        ("tensorflow-text", "2.9.1", None),
        ("tensorflow-text>=2.19", "2.18.0", None),
        ("tensorflow-addons", "2.18.0", "0.23.0"),
    ],
)
def test_the_newest_release_that_leaves_a_tensorflow_alone(line: str, found: str, version: str | None) -> None:
    admitting = required(line).admitting("tensorflow", Version(found))
    assert (admitting.version if admitting else None) == version


def test_nothing_is_known_of_other_packages_and_other_platforms() -> None:
    assert required_of(MATRIX, "pandas", SpecifierSet(), AMD, PY311) is None
    assert required_of(MATRIX, "tensorflow-text", SpecifierSet(), "macos/arm64", PY311) is None


def test_a_range_that_no_release_is_in_leaves_none() -> None:
    assert required("tensorflow-text==99").candidates == ()


def test_a_requirement_that_cannot_be_read_is_unknown_and_not_none() -> None:
    found = newest("tensorflow-serving-api==2.4.4")  # its metadata says grpcio>=1.0<2
    assert found.requires is None
    assert found.admits("tensorflow", Version("2.18.0")) is None
    assert required("tensorflow-serving-api==2.4.4").admitting("tensorflow", Version("2.4.4")) is None


def test_a_yanked_release_is_no_candidate() -> None:
    assert "2.19.0" not in [c.version for c in required("tf-models-official").candidates]
    rows = map(json.loads, (DATA / "tf-models-official.jsonl").read_text(encoding="utf-8").splitlines())
    assert [row["version"] for row in rows if row["yanked"]] == ["2.19.0"]


@given(name=st.sampled_from([*DEPENDENTS, "keras", "tf-keras"]), minor=st.integers(7, 14), below=st.integers(0, 22))
def test_a_range_only_takes_candidates_away(name: str, minor: int, below: int) -> None:
    python = Version(f"3.{minor}")
    everything = required(name, python=python).candidates
    inside = required(f"{name}<2.{below}", python=python).candidates
    assert inside == tuple(c for c in everything if Version(c.version) < Version(f"2.{below}"))
    assert [Version(c.version) for c in everything] == sorted((Version(c.version) for c in everything), reverse=True)


# -- what was measured ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEPENDENTS)
def test_the_matrix_has_what_was_measured(name: str) -> None:
    rows = {row["version"]: row for row in map(json.loads, (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())}
    found = MATRIX.dependents_of(name)
    assert [r.version for r in found] == [v for v in reversed(rows) if not rows[v]["yanked"]]
    for release in found:
        lines = rows[release.version].get("requires")
        assert release.requires == (None if lines is None else tuple(lines))
        assert {Requirement(line).name for line in lines or ()} <= JUDGED


def test_every_dependent_is_measured_and_no_other() -> None:
    assert {path.stem for path in DATA.glob("*.jsonl")} == set(DEPENDENTS) == set(MATRIX.document["dependents"])


def test_a_package_that_is_not_measured_has_no_releases() -> None:
    assert MATRIX.dependents_of("numpy") == ()
    assert MATRIX.dependents_of("tensorflow") == ()


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_the_matrix_has_what_was_measured_of_the_neighbours(name: str) -> None:
    rows = {row["version"]: row for row in map(json.loads, (BESIDE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())}
    found = MATRIX.neighbours_of(name)
    assert [r.version for r in found] == [v for v in reversed(rows) if not rows[v]["yanked"]]
    for release in found:
        lines = rows[release.version].get("requires")
        assert release.requires == (None if lines is None else tuple(lines))
        assert not {Requirement(line).name for line in lines or ()} & {"tensorflow", "tensorflow-cpu", "tf-keras", "tf-nightly"}


def test_every_neighbour_is_measured_and_no_other() -> None:
    assert {path.stem for path in BESIDE.glob("*.jsonl")} == set(NEIGHBOURS) == set(MATRIX.document["neighbours"])
    assert not NEIGHBOURS.keys() & DEPENDENTS.keys()
    assert MATRIX.neighbours_of("scipy") == MATRIX.neighbours_of("tensorflow-text") == ()
