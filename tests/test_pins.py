"""Pins against the measured files alone: what wheels require, the index, the learned caps, and the sets that were run."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from tfcompat.matrix import load_bundled
from tfcompat.matrix.matrix import Matrix
from tfcompat.pins import Pins, admits, find_pins, installable, newest_package
from tfcompat.platforms import environment
from tfcompat.resolver import Plan, Request, resolve
from tfcompat.stack import Package, Tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = Path(__file__).parents[1] / "data"
MATRIX = load_bundled()
BARE = Matrix({**MATRIX.document, "pin_sets": []}, "the bundled matrix without sets that were run")
INDEXED = {path.stem for path in (DATA / "measured" / "index").glob("*.jsonl")}
CAPS = tomllib.loads((DATA / "curated" / "caps.toml").read_text(encoding="utf-8"))["cap"]
Target = tuple[str, str, str, str]  # distribution, version, platform, Python


@lru_cache(maxsize=16)
def wheels(package: str) -> dict[str, dict[str, Any]]:
    return {
        row["version"]: row["builds"] for row in json.loads((DATA / "measured" / "wheels" / f"{package}.json").read_text(encoding="utf-8"))
    }


@lru_cache(maxsize=128)
def index(package: str) -> dict[str, dict[str, Any]]:
    lines = (DATA / "measured" / "index" / f"{package}.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["version"]: row for row in map(json.loads, lines)}


def wheel(package: str, release: str, platform: str) -> dict[str, Any]:
    build: dict[str, Any] = wheels(package)[release][platform]
    return wheel(build["delegates_to"][0], release, platform) if build["kind"] == "stub" else build


def ranges(lines: list[str], platform: str, python: str) -> dict[str, SpecifierSet]:
    found: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate(environment(platform, python)):
            found[requirement.name] = found.get(requirement.name, SpecifierSet()) & requirement.specifier
    return found


def cap(package: str, release: str) -> SpecifierSet:
    return next(
        (SpecifierSet(c["allows"]) for c in CAPS if c["package"] == package and Requirement(c["when"]).specifier.contains(release)),
        SpecifierSet(),
    )


def targets() -> Iterator[Target]:
    """The newest of each minor on both platforms, with its oldest and its newest interpreter from 3.6 on."""
    newest: dict[tuple[int, ...], str] = {}
    for release in sorted(wheels("tensorflow"), key=Version):
        newest[Version(release).release[:2]] = release
    for release in newest.values():
        for platform in ("linux/amd64", "linux/arm64"):
            if platform in wheels("tensorflow")[release]:
                own = wheels("tensorflow")[release][platform]["python"]  # a stub and what it delegates to: an interpreter needs both
                known = [p for p in wheel("tensorflow", release, platform)["python"] if Version(p) >= Version("3.6") and p in own]
                yield from (("tensorflow", release, platform, python) for python in dict.fromkeys((*known[:1], *known[-1:])))


TARGETS = list(targets())
targeted = pytest.mark.parametrize("target", TARGETS, ids="-".join)
either = pytest.mark.parametrize("matrix", [BARE, MATRIX], ids=["derived", "bundled"])


def tensorflow_of(target: Target) -> Tensorflow:
    release = MATRIX.release(target[0], target[1])
    assert release is not None
    return Tensorflow(release, target[2], MATRIX.build(release, target[2]))


@lru_cache(maxsize=1024)
def pins_of(target: Target, matrix: Matrix = BARE) -> Pins:
    return find_pins(matrix, tensorflow_of(target), Version(target[3]), None, {})


def plan(**wishes: Any) -> Plan:
    return resolve(Request(**wishes), MATRIX).plan


def pinned(found: Plan) -> dict[str, str]:
    return {Requirement(line).name: line.partition("==")[2] for line in found.requirements if "==" in line}


def requires_of(name: str, text: str, platform: str, python: str) -> dict[str, SpecifierSet]:
    """What the measured files say that this pin requires; nothing where they say nothing."""
    if name in ("keras", "tf-keras"):
        return ranges(wheels(name)[text]["any"].get("requires", []), platform, python)
    return ranges(index(name)[text].get("requires", []), platform, python) if name in INDEXED and text in index(name) else {}


def contradictions(exact: Mapping[str, str], platform: str, python: str) -> list[str]:
    return [
        f"{name} {text} requires {other}{allowed}, and {other} is {exact[other]}"
        for name, text in exact.items()
        for other, allowed in requires_of(name, text, platform, python).items()
        if other in exact and not allowed.contains(exact[other], prereleases=True)
    ]


# -- what every set of pins keeps ----------------------------------------------------------------


@targeted
@either
def test_no_pin_contradicts_another(target: Target, matrix: Matrix) -> None:
    assert contradictions(pins_of(target, matrix).exact, target[2], target[3]) == []


@targeted
@either
def test_pins_are_inside_the_ranges_of_the_wheel_and_the_caps(target: Target, matrix: Matrix) -> None:
    package, release, platform, python = target
    required = ranges(wheel(package, release, platform)["requires"], platform, python)
    pins = pins_of(target, matrix)
    for name, text in pins.exact.items():
        assert required.get(name, SpecifierSet()).contains(text, prereleases=True), name
        assert cap(name, release).contains(text, prereleases=True), name
    names = {name.lower().replace("_", "-").replace(".", "-") for name in required}
    assert names <= set(pins.exact) | {Requirement(line).name for line in pins.open}


@targeted
def test_pins_keep_the_ranges_of_the_keras_they_bring(target: Target) -> None:
    _, _, platform, python = target
    pins = pins_of(target)
    if "keras" in pins.exact:
        build = wheels("keras")[pins.exact["keras"]]["any"]
        for name, allowed in ranges(build.get("requires", []), platform, python).items():
            assert name not in pins.exact or name == "tensorflow" or allowed.contains(pins.exact[name], prereleases=True), name


@targeted
@either
def test_a_pin_is_installable_by_the_interpreter_on_the_platform(target: Target, matrix: Matrix) -> None:
    _, _, platform, python = target
    pins = pins_of(target, matrix)
    for name, text in pins.exact.items():
        if name != "keras" and (name not in INDEXED or text not in index(name)):  # came along, or has no wheel
            assert pins.base is not None
            assert pins.base.pins[name] == text
            continue
        if name == "keras":
            row: dict[str, Any] = {
                "requires_python": wheels("keras")[text]["any"].get("requires_python"),
                "python": {platform: ["*"]},
                "yanked": False,
            }
        else:
            row = index(name)[text]
        interpreters = row["python"].get(platform, ())
        assert python in interpreters or "*" in interpreters, name
        assert row["requires_python"] is None or SpecifierSet(row["requires_python"]).contains(f"{python}.99"), name
        assert not row["yanked"], name


@targeted
def test_nothing_newer_would_do(target: Target) -> None:
    package, release, platform, python = target
    required = ranges(wheel(package, release, platform)["requires"], platform, python)
    exact = pins_of(target).exact
    for name, text in exact.items():
        if name in ("keras", "tensorboard", "tensorflow-estimator"):
            continue
        allowed = required.get(name, SpecifierSet()) & cap(name, release)
        newer = [
            v
            for v, row in index(name).items()
            if Version(v) > Version(text) and not Version(v).is_prerelease and not row["yanked"] and allowed.contains(v)
            if {python, "*"} & set(row["python"].get(platform, ())) and _admits(row["requires_python"], python)
            if not contradictions({**exact, name: v}, platform, python)
        ]
        assert not newer, f"{name} {text}, and there is {newer[-1]}"


def _admits(requires_python: str | None, python: str) -> bool:
    try:
        return requires_python is None or SpecifierSet(requires_python).contains(f"{python}.99")
    except InvalidSpecifier:
        return False


@targeted
def test_companions_stay_on_the_minor_of_tensorflow(target: Target) -> None:
    minor = Version(target[1]).release[:2]
    exact = pins_of(target).exact
    for name in ("tensorboard", "tensorflow-estimator"):
        assert name not in exact or Version(exact[name]).release[:2] == minor
    if "keras" in exact and minor < (2, 16):
        assert Version(exact["keras"]).release[:2] == minor
    if minor < (2, 18) and "numpy" in exact:
        assert Version(exact["numpy"]).major == 1


@targeted
def test_the_same_pins_come_twice(target: Target) -> None:
    assert find_pins(BARE, tensorflow_of(target), Version(target[3]), None, {}) == pins_of(target)


# -- wishes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wished", ["numpy<1.25", "numpy>=1.24,<1.26", "protobuf<4.24", "h5py<3.10", "wrapt==1.14.1"])
def test_wished_ranges_are_honoured(wished: str) -> None:
    requirement = Requirement(wished)
    target = ("tensorflow", "2.15.1", "linux/amd64", "3.11")
    pins = find_pins(MATRIX, tensorflow_of(target), Version("3.11"), None, {requirement.name: requirement.specifier})
    assert requirement.specifier.contains(pins.exact[requirement.name])
    assert pinned(plan(tensorflow="2.15.1", packages=[wished], base="slim"))[requirement.name] == pins.exact[requirement.name]


def test_a_wished_package_that_tensorflow_does_not_name_is_pinned_as_well() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    assert "scipy" not in pins_of(target).exact
    pins = find_pins(MATRIX, tensorflow_of(target), Version("3.12"), None, {"scipy": SpecifierSet(">=1.10")})
    assert Version(pins.exact["scipy"]) >= Version("1.10")


def test_what_no_release_satisfies_is_left_open_as_it_is_written() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    pins = find_pins(MATRIX, tensorflow_of(target), Version("3.12"), None, {"numpy": SpecifierSet(">=99")})
    assert "numpy" not in pins.exact
    assert [Requirement(line).name for line in pins.open] == ["numpy"]
    assert Requirement(pins.open[0]).specifier.contains("99")


def test_a_chosen_keras_is_the_pin() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    pins = find_pins(MATRIX, tensorflow_of(target), Version("3.12"), Package("keras", Version("3.10.0")), {})
    assert pins.exact["keras"] == "3.10.0"


def test_tf_keras_stands_beside_the_keras_that_the_wheel_asks_for() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    pins = find_pins(MATRIX, tensorflow_of(target), Version("3.12"), Package("tf-keras", Version("2.20.0")), {})
    assert pins.exact["tf-keras"] == "2.20.0"
    assert Version(pins.exact["keras"]).major == 3


def test_a_wheel_that_does_not_exist_has_no_pins() -> None:
    release = MATRIX.release("tensorflow", "2.9.0")
    assert release is not None
    assert find_pins(MATRIX, Tensorflow(release, "linux/arm64", None), Version("3.10"), None, {}) == Pins({})


NUMPY_1 = [
    ("tensorflow", release, "linux/amd64", python)
    for release in dict.fromkeys(release for _, release, _, _ in TARGETS)
    if Version(release) >= Version("2.16")
    for python in wheel("tensorflow", release, "linux/amd64")["python"]
]


@pytest.mark.parametrize("target", NUMPY_1, ids="-".join)
@either
def test_pins_beside_numpy_1_agree_with_each_other(target: Target, matrix: Matrix) -> None:
    """ml-dtypes 0.6 requires NumPy 2, and no release of ml-dtypes or TensorFlow says so to the other."""
    pins = find_pins(matrix, tensorflow_of(target), Version(target[3]), None, {"numpy": SpecifierSet("<2")})
    if Version(target[3]) < Version("3.13"):
        assert pins.exact["numpy"] == "1.26.4"
        assert pins.open == ()
    else:  # NumPy 1 has no wheel for it
        assert [Requirement(line).name for line in pins.open] == ["numpy"]
    assert contradictions(pins.exact, target[2], target[3]) == []


NAMES = [
    "numpy",
    "ml-dtypes",
    "protobuf",
    "h5py",
    "grpcio",
    "typing-extensions",
    "requests",
    "rich",
    "optree",
    "scipy",
    "six",
    "tensorboard",
]
WISH = st.sampled_from(NAMES).flatmap(
    lambda name: st.builds(
        lambda sign, text: f"{name}{sign}{text}", st.sampled_from(["<", "<=", "==", ">="]), st.sampled_from(sorted(index(name)))
    )
)


@given(target=st.sampled_from(TARGETS), lines=st.lists(WISH, max_size=3), matrix=st.sampled_from([BARE, MATRIX]))
@example(target=("tensorflow", "2.21.0", "linux/amd64", "3.12"), lines=["numpy<2", "ml-dtypes>=0.5"], matrix=MATRIX)
@settings(max_examples=150, deadline=None)
def test_whatever_is_wished_no_pin_contradicts_another_or_the_wish(target: Target, lines: list[str], matrix: Matrix) -> None:
    wished: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, lines):
        wished[requirement.name] = wished.get(requirement.name, SpecifierSet()) & requirement.specifier
    pins = find_pins(matrix, tensorflow_of(target), Version(target[3]), None, wished)
    assert contradictions(pins.exact, target[2], target[3]) == []
    left = {Requirement(line).name for line in pins.open}
    for name, allowed in wished.items():
        assert (name in left) != (name in pins.exact)
        assert name in left or allowed.contains(pins.exact[name])


# -- sets that were run --------------------------------------------------------------------------


RUN = list(MATRIX.document["pin_sets"])
run_targets = pytest.mark.parametrize("row", RUN, ids=lambda row: f"{row['tensorflow']}-{row['python']}-{row['keras']}")


def pins_beside(row: Mapping[str, Any], distribution: str = "tensorflow", platform: str = "linux/amd64", **wished: str) -> Pins:
    target = (distribution, row["tensorflow"], platform, row["python"])
    keras = None
    if row["keras"] == "tf-keras":
        pins = dict(line.split("==") for line in lines_of(row))
        keras = Package("tf-keras", Version(pins["tf-keras"]))
    ranges = {name.replace("_", "-"): SpecifierSet(text) for name, text in wished.items()}
    return find_pins(MATRIX, tensorflow_of(target), Version(row["python"]), keras, ranges)


def lines_of(row: Mapping[str, Any]) -> list[str]:
    return [MATRIX.document["pin_lines"][number] for number in row["pins"]]


@run_targets
def test_a_set_that_was_run_is_given_as_it_was_run(row: Mapping[str, Any]) -> None:
    for run in row["runs"]:
        pins = pins_beside(row, run["distribution"])
        assert sorted(f"{name}=={text}" for name, text in pins.exact.items()) == sorted(lines_of(row))
        assert (pins.open, pins.changed) == ((), ())
        assert pins.run is not None
        assert pins.run.sha256 == run["sha256"]
        assert pins.run.distribution == run["distribution"]


@run_targets
def test_a_set_that_was_run_does_not_contradict_itself(row: Mapping[str, Any]) -> None:
    assert contradictions(pins_beside(row).exact, row["platform"], row["python"]) == []


def has_arm64(row: Mapping[str, Any]) -> bool:
    build = wheels("tensorflow")[row["tensorflow"]].get("linux/arm64")
    return build is not None and row["python"] in wheel("tensorflow", row["tensorflow"], "linux/arm64")["python"]


@pytest.mark.parametrize(
    "row", [row for row in RUN if has_arm64(row)], ids=lambda row: f"{row['tensorflow']}-{row['python']}-{row['keras']}"
)
def test_another_platform_follows_the_set_and_says_what_it_changed(row: Mapping[str, Any]) -> None:
    pins = pins_beside(row, platform="linux/arm64")
    assert pins.run is None
    assert pins.base is not None
    assert pins.changed == tuple(f"{name}=={text}" for name, text in sorted(pins.exact.items()) if pins.base.pins.get(name) != text)
    assert contradictions(pins.exact, "linux/arm64", row["python"]) == []


@pytest.mark.parametrize(("release", "base"), [("2.16.1", "2.16.2"), ("2.17.0", "2.17.1"), ("2.18.0", "2.18.1"), ("2.19.0", "2.19.1")])
def test_another_patch_release_follows_the_set_of_its_minor(release: str, base: str) -> None:
    pins = pins_of(("tensorflow", release, "linux/amd64", "3.12"), MATRIX)
    assert pins.run is None
    assert pins.base is not None
    assert pins.base.tensorflow == base
    kept = set(pins.exact.items()) & set(pins.base.pins.items())
    assert len(kept) > 0.9 * len(pins.base.pins)
    assert pins.changed == tuple(sorted(f"{name}=={text}" for name, text in set(pins.exact.items()) - kept))


def test_a_wish_that_the_set_meets_changes_nothing() -> None:
    target = ("tensorflow", "2.21.0", "linux/amd64", "3.12")
    assert find_pins(MATRIX, tensorflow_of(target), Version("3.12"), None, {"numpy": SpecifierSet(">=2")}) == pins_of(target, MATRIX)
    assert pins_of(target, MATRIX).run is not None


def test_a_wish_that_the_set_does_not_meet_changes_what_it_must() -> None:
    target = ("tensorflow", "2.21.0", "linux/amd64", "3.12")
    pins = find_pins(MATRIX, tensorflow_of(target), Version("3.12"), None, {"numpy": SpecifierSet("<2")})
    assert pins.run is None
    assert pins.base is not None
    assert [line.partition("==")[0] for line in pins.changed] == ["ml-dtypes", "numpy"]
    assert set(pins.exact) == set(pins.base.pins)


def test_without_a_set_that_was_run_pins_are_derived() -> None:
    pins = pins_of(("tensorflow", "2.21.0", "linux/amd64", "3.12"))
    assert (pins.run, pins.base, pins.changed) == (None, None, ())
    assert "urllib3" not in pins.exact


# -- a small index, to see how pins give way to each other ----------------------------------------

Universe = dict[str, dict[str, list[str] | None]]  # by package and version: what that release requires


def small(universe: Universe, requires: list[str], base: Mapping[str, str] | None = None, **wished: str) -> Pins:
    """Pins for a TensorFlow 2.20.0 that *requires* these lines, where the index has only *universe*."""
    document = {
        **MATRIX.document,
        "requirement_sets": [lines or [] for releases in universe.values() for lines in releases.values()],
        "packages": {},
        "tensorflow": [],
        "keras": [],
        "caps": [],
        "pin_lines": [f"{name}=={text}" for name, text in (base or {}).items()],
        "pin_sets": [],
    }
    numbers = iter(range(1000))
    for name, releases in universe.items():
        rows = [(text, next(numbers), lines) for text, lines in releases.items()]
        rows.sort(key=lambda row: Version(row[0]))
        document["packages"][name] = [[text, None, ["*"], ["*"], n if lines is not None else None] for text, n, lines in rows]
    if base is not None:
        row = {"tensorflow": "2.20.1", "python": "3.12", "keras": "keras", "platform": "linux/amd64"}
        document["pin_sets"] = [{**row, "pins": list(range(len(base))), "runs": []}]
    whole = tensorflow_of(("tensorflow", "2.20.0", "linux/amd64", "3.12"))
    assert whole.build is not None
    tensorflow = Tensorflow(whole.release, "linux/amd64", whole.build._replace(requires=tuple(requires)))
    ranges = {name: SpecifierSet(text) for name, text in wished.items()}
    return find_pins(Matrix(document, "a small matrix"), tensorflow, Version("3.12"), None, ranges)


def test_the_newest_is_taken_of_what_agrees_with_the_pins_before_it() -> None:
    universe: Universe = {"b": {"1": ["numpy"], "2": ["numpy>=2"]}, "numpy": {"1": [], "2": []}}
    assert small(universe, ["b", "numpy"]).exact == {"b": "2", "numpy": "2"}
    assert small(universe, ["b", "numpy<2"]).exact == {"b": "1", "numpy": "1"}
    assert small(universe, ["b", "numpy"], numpy="<2").exact == {"b": "1", "numpy": "1"}


def test_a_pin_gives_way_to_one_that_would_find_nothing_after_it() -> None:
    """As grpcio 1.75, which asks for typing-extensions 4.12 where TensorFlow 2.12 admits only 4.5."""
    universe: Universe = {"grpcio": {"1.74": [], "1.75": ["typing~=4.12"]}, "typing": {"4.5": [], "4.12": []}}
    assert small(universe, ["grpcio", "typing<4.6"]) == Pins({"grpcio": "1.74", "typing": "4.5"})


def test_two_that_cannot_stand_together_are_not_both_pinned() -> None:
    universe: Universe = {"a": {"1": ["b>=2"]}, "b": {"1": [], "2": []}}
    assert small(universe, ["a", "b<2"]) == Pins({"a": "1"}, ("b<2",))


def test_what_a_release_requires_holds_for_the_target_and_not_for_this_interpreter() -> None:
    universe: Universe = {"a": {"1": [], "2": ['numpy>=2; python_version == "3.12"']}, "numpy": {"1": [], "2": []}}
    assert small(universe, ["a", "numpy<2"]).exact["a"] == "1"
    other: Universe = {"a": {"1": [], "2": ['numpy>=2; python_version != "3.12"']}, "numpy": {"1": [], "2": []}}
    assert small(other, ["a", "numpy<2"]).exact["a"] == "2"


def test_unknown_requirements_rule_nothing_out() -> None:
    assert small({"a": {"1": [], "2": None}, "numpy": {"1": [], "2": []}}, ["a", "numpy<2"]).exact["a"] == "2"


def test_a_requirement_of_a_pin_adds_none() -> None:
    assert small({"a": {"1": ["b"]}, "b": {"1": []}}, ["a"]) == Pins({"a": "1"})


def test_the_set_that_was_run_is_preferred_where_it_agrees() -> None:
    universe: Universe = {"a": {"1": ["b<3"], "2": ["b<3"], "3": []}, "b": {"1": [], "2": [], "3": []}}
    base = {"a": "2", "b": "2"}
    assert small(universe, ["a", "b"], base).exact == base
    changed = small(universe, ["a", "b"], base, b=">=3")
    assert (changed.exact, changed.changed) == ({"a": "3", "b": "3"}, ("a==3", "b==3"))


def test_what_came_along_with_the_set_stays_as_long_as_it_agrees() -> None:
    universe: Universe = {"a": {"1": ["b<2"], "2": ["b>=2"]}, "b": {"1": [], "2": []}}
    base = {"a": "1", "b": "1", "stranger": "7"}
    assert small(universe, ["a"], base).exact == base
    assert small(universe, ["a"], base, a=">=2").exact == {"a": "2", "b": "2", "stranger": "7"}


def test_what_was_run_and_has_no_wheel_stays_as_long_as_it_is_admitted() -> None:
    """As termcolor 1.1.0, of which the index has the source alone."""
    universe: Universe = {"a": {"1": [], "2": []}, "termcolor": {"2": []}}
    base = {"a": "1", "termcolor": "1.1"}
    assert small(universe, ["a", "termcolor~=1.1"], base, a=">=2").exact == {"a": "2", "termcolor": "1.1"}
    assert small(universe, ["a", "termcolor"], base, termcolor=">=2").exact == {"a": "1", "termcolor": "2"}
    assert small(universe, ["a", "termcolor~=1.1"]) == Pins({"a": "2"}, ("termcolor~=1.1",))


def test_what_came_along_and_has_no_release_that_agrees_is_left_open() -> None:
    universe: Universe = {"a": {"1": ["b<2"], "2": ["b>=2"]}, "b": {"1": []}}
    assert small(universe, ["a"], {"a": "1", "b": "1"}, a=">=2")[:2] == ({"a": "2"}, ("b>=2",))


def test_numpy_is_chosen_before_the_rest() -> None:
    universe: Universe = {"a": {"1": [], "2": ["numpy<2"]}, "numpy": {"1": [], "2": []}}
    assert small(universe, ["a", "numpy"]).exact == {"a": "1", "numpy": "2"}
    assert small(universe, ["a", "numpy"], a=">=2").exact == {"a": "2", "numpy": "1"}


def test_the_keras_of_the_set_that_was_run_is_preferred() -> None:
    row = {"tensorflow": "2.20.1", "python": "3.12", "keras": "keras", "platform": "linux/amd64", "pins": [0], "runs": []}
    matrix = Matrix({**MATRIX.document, "pin_lines": ["keras==3.11.0"], "pin_sets": [row]}, "with an older Keras")
    found = find_pins(matrix, tensorflow_of(("tensorflow", "2.20.0", "linux/amd64", "3.12")), Version("3.12"), None, {})
    assert found.exact["keras"] == "3.11.0"


def test_what_keras_requires_is_pinned_as_well() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    required = requires_of("keras", pins_of(target).exact["keras"], "linux/amd64", "3.12")
    assert {"optree", "rich", "namex"} <= set(required) <= set(pins_of(target).exact)


def test_a_keras_gives_way_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras 3.15 as if it required a newer h5py than is wished for."""
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    rows = MATRIX.keras
    newest = next(row for row in reversed(rows) if row.package == "keras")
    build = newest.builds["any"]._replace(requires=(*newest.builds["any"].requires, "h5py>=3.14"))
    matrix = Matrix(BARE.document, "with another Keras")
    monkeypatch.setitem(matrix.__dict__, "keras", tuple(row._replace(builds={"any": build}) if row is newest else row for row in rows))
    free = find_pins(matrix, tensorflow_of(target), Version("3.12"), None, {})
    assert free.exact["keras"] == newest.version
    bound = find_pins(matrix, tensorflow_of(target), Version("3.12"), None, {"h5py": SpecifierSet("<3.14")})
    assert Version(bound.exact["keras"]) < Version(newest.version)
    assert Version(bound.exact["h5py"]) < Version("3.14")


LETTERS = ["a", "b", "c", "numpy"]
LINE = st.builds(lambda n, s, v: f"{n}{s}{v}", st.sampled_from(LETTERS), st.sampled_from([">=", "<=", "=="]), st.integers(1, 3))
UNIVERSE = st.fixed_dictionaries(
    {name: st.dictionaries(st.sampled_from(["1", "2", "3"]), st.none() | st.lists(LINE, max_size=2), min_size=1) for name in LETTERS}
)


@given(
    universe=UNIVERSE,
    requires=st.lists(LINE, max_size=3),
    base=st.none() | st.dictionaries(st.sampled_from(LETTERS), st.sampled_from(["1", "2", "3"])),
)
@settings(max_examples=200, deadline=None)
def test_in_any_index_pins_agree_and_what_is_required_is_pinned_or_open(
    universe: Universe, requires: list[str], base: dict[str, str] | None
) -> None:
    pins = small(universe, requires, base)
    for name, text in pins.exact.items():
        for line in [*requires, *(universe[name].get(text) or [])]:
            wanted = Requirement(line)
            itself = wanted.name == name and line not in requires
            assert itself or wanted.name not in pins.exact or wanted.specifier.contains(pins.exact[wanted.name]), (name, text, line)
    left = {Requirement(line).name for line in pins.open}
    assert left.isdisjoint(pins.exact)
    assert {Requirement(line).name for line in requires} <= left | set(pins.exact)


# -- the CUDA parts ------------------------------------------------------------------------------


def test_an_extra_that_the_index_cannot_serve_is_left_out_and_said_so() -> None:
    """2.14.1 asks for tensorrt 8.5.3.1, which has wheels up to Python 3.10: pip fails on the extra, TensorFlow runs without."""
    assert "3.11" not in index("tensorrt")["8.5.3.1"]["python"].get("linux/amd64", ())
    found = plan(tensorflow="2.14.1", python="3.11", gpu=True, base="slim")
    assert found.requirements[0] == "tensorflow==2.14.1"
    assert not [line for line in found.requirements if line.startswith("tensorrt")]
    assert any("tensorrt==8.5.3.1" in remark for remark in found.remarks)
    assert pinned(found)["nvidia-cudnn-cu11"] == "8.7.0.84"


@pytest.mark.parametrize("release", ["2.15.1", "2.16.2", "2.17.1", "2.18.1", "2.19.1", "2.20.0", "2.21.0"])
def test_the_parts_of_the_and_cuda_extra_are_exact_and_inside_its_ranges(release: str) -> None:
    found = plan(tensorflow=f"=={release}", gpu=True, base="slim")
    python = ".".join(found.python.split(".")[:2])
    extra = ranges(wheel("tensorflow", release, "linux/amd64")["extras"]["and-cuda"], "linux/amd64", python)
    pins = pinned(found)
    assert found.requirements[0] == f"tensorflow[and-cuda]=={release}"
    assert set(extra) <= set(pins)
    assert all(allowed.contains(pins[name]) for name, allowed in extra.items())
    assert found.cudnn == next(v for n, v in pins.items() if n.startswith("nvidia-cudnn-"))


# -- small parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("requires_python", "python", "verdict"), [
    (None, "3.6", True), (">=3.9", "3.8", False), (">=3.9", "3.9", True), (">=3.9.1", "3.9", True), ("<3.12", "3.12", False),
    (">=3.7,<3.11", "3.10", True), ("not a specifier", "3.11", False), ("", "3.11", True), (">=3.6,!=3.11.*", "3.11", False),
])  # fmt: skip
def test_requires_python_is_asked_about_the_newest_patch_release(requires_python: str | None, python: str, verdict: bool) -> None:
    assert admits(requires_python, Version(python)) is verdict


def test_releases_come_newest_first_and_are_all_installable() -> None:
    found = list(newest_package(MATRIX, "numpy", SpecifierSet(">=1.20"), Version("3.9"), "linux/arm64"))
    versions = [Version(row.version) for row in found]
    assert versions == sorted(versions, reverse=True)
    assert all(installable(row, Version("3.9"), "linux/arm64") for row in found)
    assert min(versions) >= Version("1.20")
