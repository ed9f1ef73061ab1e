"""How one command comes to another TensorFlow than the one that is there: the newest first, back where nothing fits."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tfcompat.gate.declared import Pin
from tfcompat.gate.demands import Demand, Held, specifier
from tfcompat.gate.releases import Releases
from tfcompat.gate.solving import Solver
from tfcompat.gate.source import Place
from tfcompat.matrix import Matrix, load_bundled

MATRIX = load_bundled()
HERE = Place("requirements.txt", 1, 1)


def made_up(**packages: list[tuple[str, list[str]]]) -> Matrix:
    """A matrix with these dependents: their releases, newest last, and what each requires."""
    sets = [*MATRIX.document["requirement_sets"]]
    rows: dict[str, list[list[object]]] = {}
    for name, found in packages.items():
        rows[name] = [[text, None, ["*"], [], len(sets) + index] for index, (text, _) in enumerate(found)]
        sets += [lines for _, lines in found]
    return Matrix({**MATRIX.document, "dependents": rows, "requirement_sets": sets}, "made up")


def asked(*lines: str, matrix: Matrix = MATRIX, python: str = "3.11", **held: str) -> list[str]:
    """What the command asks of TensorFlow beside 2.18.0, and *held*."""
    demands: dict[str, list[Demand]] = {}
    for line in lines:
        wanted = Requirement(line)
        text = str(wanted.specifier)
        demands.setdefault(wanted.name, []).append(Demand(specifier(text), Pin(wanted.name, text, HERE)))
    there = {"tensorflow": "2.18.0"} | {name.replace("_", "-"): text for name, text in held.items()}
    present = {name: Held(name, Version(text)) for name, text in there.items()}
    found, conflict = Solver(Releases(matrix, "linux/amd64", Version(python)), demands, present, []).tensorflow_demands()
    assert conflict is None
    return [f"{demand.by} requires tensorflow{demand.specifier}" for demand in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "tensorflow-text==2.15.0",  # which requires tensorflow-hub, and that tf-keras, which goes back to where there is room
            ["tensorflow-text 2.15.0 requires tensorflow<2.16,>=2.15.0", "tf-keras 2.15.1 requires tensorflow<2.16,>=2.15"],
        ),
        ("tf-keras==2.19.0", ["tf-keras 2.19.0 requires tensorflow<2.20,>=2.19"]),
        ("tensorflow-hub", ["tf-keras 2.21.0 requires tensorflow<2.22,>=2.21"]),
        ("keras-hub==0.32.0", ["tensorflow-text 2.21.1 requires tensorflow<2.22,>=2.21.0"]),
        ("tensorflow-text==2.18.1", []),
        ("tensorflow-probability", []),
        ("keras==3.8.0", []),
        ("pandas", []),
    ],
)
def test_a_package_may_bring_another_tensorflow(line: str, expected: list[str]) -> None:
    assert asked(line) == expected


def test_what_is_present_and_satisfies_is_not_followed() -> None:
    assert asked("tensorflow-hub", tf_keras="2.18.0") == []
    assert asked("tensorflow-hub", tf_keras="2.14.0") != []  # below what the hub requires


def test_the_ranges_of_the_command_hold_for_what_is_required() -> None:
    assert asked("tensorflow-hub", "tf-keras~=2.18.0") == []


def test_a_release_whose_tensorflow_has_no_wheel_here_is_passed_over() -> None:
    assert asked("tensorflow-hub", python="3.8", tensorflow="2.13.0") == []


def test_a_circle_ends_and_the_way_around_is_found() -> None:
    assert asked("b", matrix=made_up(a=[("1.0", ["b"])], b=[("1.0", ["a"])])) == []
    matrix = made_up(a=[("1.0", ["b", "c"])], b=[("1.0", ["a"])], c=[("1.0", ["tensorflow<2.18"])])
    assert asked("a", matrix=matrix) == ["c 1.0 requires tensorflow<2.18"]


def test_the_newest_release_is_taken_and_an_older_one_where_it_is_pinned() -> None:
    matrix = made_up(a=[("1.0", ["tensorflow<2.18"]), ("2.0", [])])
    assert asked("a", matrix=matrix) == []
    assert asked("a<2", matrix=matrix) == ["a 1.0 requires tensorflow<2.18"]
