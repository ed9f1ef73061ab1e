"""Which NumPy one command brings: the newest release of each package, back where nothing fits, and nothing where something is not known."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tfcompat.gate.commands import Install
from tfcompat.gate.declared import Pin
from tfcompat.gate.demands import Demand, Held, specifier
from tfcompat.gate.environment import Step
from tfcompat.gate.neighbours import asks_numpy, clash, closure, strangers
from tfcompat.gate.releases import Releases
from tfcompat.gate.source import Place
from tfcompat.matrix import Matrix, load_bundled

MATRIX = load_bundled()


def made_up(**packages: list[tuple[str, list[str]]]) -> Matrix:
    """A matrix with these neighbours: their releases, oldest first, and what each requires."""
    sets = [*MATRIX.document["requirement_sets"]]
    rows: dict[str, list[list[object]]] = {}
    for name, found in packages.items():
        rows[name] = [[text, None, ["*"], [], len(sets) + index] for index, (text, _) in enumerate(found)]
        sets += [lines for _, lines in found]
    return Matrix({**MATRIX.document, "neighbours": rows, "requirement_sets": sets}, "made up")


def releases(matrix: Matrix = MATRIX, python: str | None = "3.11") -> Releases:
    return Releases(matrix, "linux/amd64", Version(python) if python is not None else None)


def pins(*lines: str) -> tuple[Pin, ...]:
    wanted = list(map(Requirement, lines))
    return tuple(Pin(w.name, str(w.specifier), Place("requirements.txt", number, 1)) for number, w in enumerate(wanted, 1))


def brought(
    *lines: str,
    matrix: Matrix = MATRIX,
    python: str | None = "3.11",
    constraints: tuple[str, ...] = (),
    there: tuple[str, ...] = (),
    tool: str = "pip",
    tensorflow: str = "2.17.0",
    own: bool = True,
    numpy: str | None = None,
    **step: object,
) -> list[str]:
    """The NumPy that the command brings beside a TensorFlow, and what asks for it; empty where it brings none."""
    found = releases(matrix, python)
    asked = pins(*lines)
    install = Install(tool, Place("Dockerfile", 2, 1), no_deps=bool(step.get("no_deps")), conditional=bool(step.get("conditional")))
    one = Step(asked, (), install, indexes=("example.org",) if step.get("index") else (), whole=not step.get("torn"))
    bounds = [Demand(specifier(p.specifier), p) for p in pins(*constraints)]
    held = {"numpy": Held("numpy", Version(numpy), exact=True)} if numpy is not None else {}
    said = asks_numpy(found, one, asked, bounds, held, Held("tensorflow", Version(tensorflow), own=own), there)
    if said is None:
        return []
    return [f"numpy {said.version}", *(f"{d.by} requires numpy{d.specifier}" for d in said.demands if d.by)]


PANDAS = ["numpy 2.4.6", "pandas 3.1.1 requires numpy>=2.0.2"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["pandas"], PANDAS),
        (["numpy", "pandas"], PANDAS),
        (["scikit-learn"], []),
        (["scikit-learn", "pandas"], [*PANDAS, "scikit-learn 1.9.1 requires numpy>=1.24.1", "scipy 1.17.1 requires numpy<2.7,>=1.26.4"]),
        (["pandas<3"], []),
        (["pandas", "numpy<2"], []),
        (["pandas==2.2.2"], []),
        (["pandas==3.1.1"], PANDAS),
        (["pandas", "tensorflow"], []),
        (["pandas", "tensorflow-hub"], []),
        (["pandas", "keras-cv"], []),
        (["flask"], []),
        (["flask", "pandas"], PANDAS),
        (["numpy>=2", "pandas"], []),  # what the command itself asks for, others judge
        (["h5py", "scipy"], []),
    ],
)
def test_what_a_command_brings_beside_2_17(lines: list[str], expected: list[str]) -> None:
    assert brought(*lines) == expected


def test_the_interpreter_decides_which_pandas_it_is() -> None:
    assert brought("pandas", python="3.10", tensorflow="2.16.1") == []
    assert brought("pandas", python=None) == []


def test_a_constraint_holds_it_back() -> None:
    assert brought("pandas", constraints=("numpy<2",)) == []
    assert brought("seaborn", constraints=("pandas<3",)) == []
    assert brought("seaborn", constraints=("pandas>=3.1",)) != []


@pytest.mark.parametrize("what", ["no_deps", "conditional", "index", "torn"])
def test_in_doubt_nothing_is_said(what: str) -> None:
    assert brought("pandas", **{what: True}) == []  # type: ignore[arg-type]


def test_what_may_be_there_stays() -> None:
    assert brought("pandas", there=("pandas",)) == []
    assert brought("seaborn", there=("pandas",)) == []


def test_a_numpy_that_is_known_counts_before_the_range_of_tensorflow() -> None:
    assert brought("pandas", numpy="2.1.0") == []
    assert brought("pandas", numpy="1.26.4") == PANDAS


def test_an_image_works_and_a_plain_install_may_not() -> None:
    """2.14.0 does not bound NumPy: an image that was made of it has NumPy 1, what pip brought is for uncapped-breaker to say."""
    assert brought("pandas", tensorflow="2.14.0") == PANDAS
    assert brought("pandas", tensorflow="2.14.0", own=False) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [(["pandas"], True), (["requests", "pandas", "scikit-learn"], True)]
    + [(lines, False) for lines in (["seaborn"], ["numpy", "pandas"], ["scikit-learn", "pandas"], ["flask", "pandas"])],
)
def test_uv_leaves_a_numpy_that_another_asked_for_first(lines: list[str], expected: bool) -> None:
    assert bool(brought(*lines, tool="uv")) == expected


def test_other_tools_install_what_a_lock_has() -> None:
    assert brought("pandas", tool="poetry") == []


def test_it_goes_back_to_a_release_that_leaves_a_numpy_for_all() -> None:
    matrix = made_up(a=[("1.0", ["numpy<2"]), ("2.0", ["numpy>=2"])], b=[("1.0", ["numpy<2"])])
    assert brought("a", matrix=matrix) == ["numpy 2.4.6", "a 2.0 requires numpy>=2"]
    assert brought("a", "b", matrix=matrix) == []


def test_a_circle_ends() -> None:
    matrix = made_up(a=[("1.0", ["b", "numpy>=2"])], b=[("1.0", ["a"])])
    assert brought("b", matrix=matrix) == ["numpy 2.4.6", "a 1.0 requires numpy>=2"]
    assert closure(releases(matrix), ["b"]) == {"a", "b", "numpy"}


def test_strangers_are_those_of_which_nothing_is_known() -> None:
    assert strangers(releases(), pins("pandas", "pip", "flask", "tensorflow", "scipy", "numpy")) == ["flask"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["numpy<2", "pandas==3.1.1"], "numpy<2 and pandas 3.1.1 requires numpy>=2.0.2"),
        (["numpy<2", "pandas>=3.1"], "numpy<2 and pandas 3.1.1 requires numpy>=2.0.2"),
        (["numpy<2", "pandas>=3"], ""),
        (["numpy<1.16", "pandas"], ""),  # one from before the matrix may do
        (["numpy<2", "flask==3.0"], ""),
        (["pandas==3.1.1"], ""),
    ],
)
def test_a_bound_and_a_package_that_never_admits_it(lines: list[str], expected: str) -> None:
    asked = pins(*lines)
    found = clash(releases(), Step(asked, (), Install("pip", Place("Dockerfile", 2, 1))), asked, [])
    said = f"{found.first.pin} and {found.second.by} requires numpy{found.second.specifier}" if found is not None else ""
    assert said == expected
