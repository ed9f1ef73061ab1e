"""Pins against the measured files alone: the wheels' own Requires-Dist, the index, and the learned caps."""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from tfcompat.matrix import load_bundled
from tfcompat.pins import Pins, admits, derive_pins, installable, newest_package
from tfcompat.platforms import environment
from tfcompat.resolver import Plan, Request, resolve
from tfcompat.stack import Package, Tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA = Path(__file__).parents[1] / "data"
MATRIX = load_bundled()
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
                known = [p for p in wheel("tensorflow", release, platform)["python"] if Version(p) >= Version("3.6")]
                yield from (("tensorflow", release, platform, python) for python in dict.fromkeys((known[0], known[-1])))


TARGETS = list(targets())
targeted = pytest.mark.parametrize("target", TARGETS, ids="-".join)


def tensorflow_of(target: Target) -> Tensorflow:
    release = MATRIX.release(target[0], target[1])
    assert release is not None
    return Tensorflow(release, target[2], MATRIX.build(release, target[2]))


@lru_cache(maxsize=256)
def pins_of(target: Target) -> Pins:
    return derive_pins(MATRIX, tensorflow_of(target), Version(target[3]), None, {})


def plan(**wishes: Any) -> Plan:
    return resolve(Request(**wishes), MATRIX).plan


def pinned(found: Plan) -> dict[str, str]:
    return {Requirement(line).name: line.partition("==")[2] for line in found.requirements if "==" in line}


# -- what every set of pins keeps ----------------------------------------------------------------


@targeted
def test_pins_are_inside_the_ranges_of_the_wheel_and_the_caps(target: Target) -> None:
    package, release, platform, python = target
    required = ranges(wheel(package, release, platform)["requires"], platform, python)
    pins = pins_of(target)
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
def test_a_pin_is_installable_by_the_interpreter_on_the_platform(target: Target) -> None:
    _, _, platform, python = target
    for name, text in pins_of(target).exact.items():
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
    keras = pins_of(target).exact.get("keras")
    beside = ranges(wheels("keras")[keras]["any"].get("requires", []), platform, python) if keras else {}
    for name, text in pins_of(target).exact.items():
        if name in ("keras", "tensorboard", "tensorflow-estimator"):
            continue
        allowed = required.get(name, SpecifierSet()) & cap(name, release) & beside.get(name, SpecifierSet())
        newer = [
            v
            for v, row in index(name).items()
            if Version(v) > Version(text) and not Version(v).is_prerelease and not row["yanked"] and allowed.contains(v)
            if {python, "*"} & set(row["python"].get(platform, ())) and _admits(row["requires_python"], python)
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
    assert derive_pins(MATRIX, tensorflow_of(target), Version(target[3]), None, {}) == pins_of(target)


# -- wishes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wished", ["numpy<1.25", "numpy>=1.24,<1.26", "protobuf<4.24", "h5py<3.10", "wrapt==1.14.1"])
def test_wished_ranges_are_honoured(wished: str) -> None:
    requirement = Requirement(wished)
    target = ("tensorflow", "2.15.1", "linux/amd64", "3.11")
    pins = derive_pins(MATRIX, tensorflow_of(target), Version("3.11"), None, {requirement.name: requirement.specifier})
    assert requirement.specifier.contains(pins.exact[requirement.name])
    assert pinned(plan(tensorflow="2.15.1", packages=[wished], base="slim"))[requirement.name] == pins.exact[requirement.name]


def test_a_wished_package_that_tensorflow_does_not_name_is_pinned_as_well() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    assert "scipy" not in pins_of(target).exact
    pins = derive_pins(MATRIX, tensorflow_of(target), Version("3.12"), None, {"scipy": SpecifierSet(">=1.10")})
    assert Version(pins.exact["scipy"]) >= Version("1.10")


def test_what_no_release_satisfies_is_left_open_as_it_is_written() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    pins = derive_pins(MATRIX, tensorflow_of(target), Version("3.12"), None, {"numpy": SpecifierSet(">=99")})
    assert "numpy" not in pins.exact
    assert [Requirement(line).name for line in pins.open] == ["numpy"]
    assert Requirement(pins.open[0]).specifier.contains("99")


def test_a_chosen_keras_is_the_pin() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    pins = derive_pins(MATRIX, tensorflow_of(target), Version("3.12"), Package("keras", Version("3.10.0")), {})
    assert pins.exact["keras"] == "3.10.0"


def test_tf_keras_stands_beside_the_keras_that_the_wheel_asks_for() -> None:
    target = ("tensorflow", "2.20.0", "linux/amd64", "3.12")
    pins = derive_pins(MATRIX, tensorflow_of(target), Version("3.12"), Package("tf-keras", Version("2.20.0")), {})
    assert pins.exact["tf-keras"] == "2.20.0"
    assert Version(pins.exact["keras"]).major == 3


def test_a_wheel_that_does_not_exist_has_no_pins() -> None:
    release = MATRIX.release("tensorflow", "2.9.0")
    assert release is not None
    assert derive_pins(MATRIX, Tensorflow(release, "linux/arm64", None), Version("3.10"), None, {}) == Pins({}, ())


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
