"""Files of pins that no build installs."""

from __future__ import annotations

import json

import pytest
from small import Files, judge, rules, said

NO_WHEEL = "No wheel of tensorflow 2.15.0 is made for Python {} on linux/amd64; there are wheels for Python 3.9 to 3.11"
UV = """version = 1
requires-python = ">=3.12"
[[package]]
name = "tensorflow"
version = "2.15.0"
source = { registry = "https://pypi.org/simple" }
"""
FILES: dict[str, tuple[str, str, int]] = {  # name: text, the interpreter that is told, the line
    "pyproject.toml": ('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.12,<3.13"\ndependencies = ["tensorflow==2.15.0"]\n', "3.12", 5),
    "poetry/pyproject.toml": ('[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npython = "~3.12"\ntensorflow = "2.15.0"\n', "3.12", 5),
    "uv.lock": (UV.replace(">=3.12", "==3.12.*"), "3.12", 4),
    "Pipfile.lock": (
        json.dumps({"_meta": {"requires": {"python_version": "3.12"}}, "default": {"tensorflow": {"version": "==2.15.0"}}}), "3.12", 1,
    ),
    "pylock.toml": ('lock-version = "1.0"\nrequires-python = "==3.12.*"\n[[packages]]\nname = "tensorflow"\nversion = "2.15.0"\n', "3.12", 4),
    "environment.yml": ("dependencies:\n  - python=3.12\n  - pip:\n    - tensorflow==2.15.0\n", "3.12", 4),
    "pixi.toml": (
        '[project]\nname = "x"\nchannels = ["conda-forge"]\nplatforms = ["linux-64"]\n[dependencies]\npython = "3.12.*"\n'
        '[pypi-dependencies]\ntensorflow = "==2.15.0"\n', "3.12", 8,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_names_its_interpreter_is_judged_with_it(name: str) -> None:
    text, python, line = FILES[name]
    found = judge({name: text}).findings
    assert [(f.rule, f.place.line, f.message, f.what.partition(",")[0]) for f in found if f.severity == "error"] == [
        ("no-wheel-for-interpreter", line, NO_WHEEL.format(python), name)
    ]
    assert rules({name: text.replace("3.12", "3.11").replace("3.13", "3.12")}) == []


@pytest.mark.parametrize(
    ("admitted", "errors"), [(">=3.9", 0), (">=3.9,<4", 0), (">=3.12", 1), ("<3.9", 1), (">=3.11", 0), ("==3.10.*", 0)]
)
def test_the_newest_admitted_interpreter_that_has_a_wheel_is_taken(admitted: str, errors: int) -> None:
    text = f'[project]\nname = "x"\nversion = "1"\nrequires-python = "{admitted}"\ndependencies = ["tensorflow==2.15.0"]\n'
    assert rules({"pyproject.toml": text}) == ["pyproject.toml:5 no-wheel-for-interpreter"] * errors


def test_where_nothing_names_an_interpreter_nothing_is_said_of_wheels() -> None:
    assert "no-wheel-for-interpreter" not in {f.rule for f in judge({"requirements.txt": "tensorflow==1.15.0\n"}).findings}
    assert rules({"requirements.txt": "tensorflow==2.17.0\n"}) == []


def test_pins_of_one_file_are_judged_together() -> None:
    assert said({"requirements.txt": "tensorflow==2.15.0\nnumpy==2.1.0\n"}) == [
        "requirements.txt:2:1 error requirement-conflict: tensorflow 2.15.0 asks for numpy<2.0.0,>=1.23.5, which numpy 2.1.0 is not"
    ]
    apart: Files = {"a/requirements.txt": "tensorflow==2.15.0\n", "b/requirements.txt": "numpy==2.1.0\n"}
    assert said(apart) == []


def test_a_range_outside_of_what_tensorflow_asks_for() -> None:
    assert said({"requirements.txt": "tensorflow==2.15.0\nkeras>=3\n"}) == [
        "requirements.txt:2:1 error keras-pin-mismatch: tensorflow 2.15.0 asks for keras<2.16,>=2.15.0, and keras>=3 admits none of these"
    ]
    assert said({"requirements.txt": "tensorflow==2.15.0\nkeras>=2\n"}) == []


def test_constraints_alone_install_nothing() -> None:
    assert said({"constraints.txt": "tensorflow==2.15.0\nnumpy==2.1.0\n"}) == []


def test_groups_are_judged_each_with_what_is_always_installed() -> None:
    text = (
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["tensorflow==2.15.0"]\n'
        '[project.optional-dependencies]\nnew = ["keras==3.0.0"]\nold = ["keras==2.15.0"]\n'
        '[dependency-groups]\ndev = ["numpy==2.1.0"]\n'
    )  # fmt: skip
    found = [(f.place.line, f.rule, f.what) for f in judge({"pyproject.toml": text}).findings if f.severity == "error"]
    assert found == [(7, "keras-pin-mismatch", "pyproject.toml, group new"), (10, "requirement-conflict", "pyproject.toml, group dev")]


def test_groups_do_not_exclude_each_other() -> None:
    text = (
        '[project]\nname = "x"\nversion = "1"\n[project.optional-dependencies]\n'
        'cpu = ["tensorflow-cpu==2.17.0"]\nold = ["tensorflow==2.15.1"]\nnew = ["tensorflow==2.18.0"]\n'
    )
    assert said({"pyproject.toml": text}) == []


def test_a_lock_that_does_not_satisfy_its_project() -> None:
    project = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["tensorflow>=2.16"]\n'
    files: Files = {"pyproject.toml": project, "uv.lock": UV.replace(">=3.12", ">=3.9")}
    found = [f for f in judge(files).findings if f.severity == "error"]
    assert [(f.rule, str(f.place), [str(r.place) for r in f.related]) for f in found] == [
        ("requirement-conflict", "pyproject.toml:5", ["uv.lock:4"])
    ]
    assert rules({**files, "pyproject.toml": project.replace(">=2.16", ">=2.15")}) == []


def test_a_file_that_another_includes_is_still_judged_once() -> None:
    files: Files = {
        "requirements.txt": "-r requirements-base.txt\nnumpy==2.1.0\n",
        "requirements-base.txt": "tensorflow==2.15.0\nkeras==3.0.0\n",
    }
    assert rules(files) == ["requirements-base.txt:2 keras-pin-mismatch", "requirements.txt:2 requirement-conflict"]


def test_what_does_not_bear_on_tensorflow_is_not_our_matter() -> None:
    assert judge({"requirements.txt": "django==4.2\ndjango==5.0\n"}).findings == ()


def of_project(python: str, *pins: str) -> Files:
    listed = ", ".join(f'"{pin}"' for pin in pins)
    return {"pyproject.toml": f'[project]\nname = "x"\nversion = "1"\nrequires-python = "{python}"\ndependencies = [{listed}]\n'}


def test_the_interpreter_that_works_best_is_taken() -> None:
    assert said(of_project(">=3.10", "tensorflow==2.16.1", "numpy==1.24.3")) == []  # with 3.12 TensorFlow asks for numpy 1.26
    assert said(of_project(">=3.12", "tensorflow==2.16.1", "numpy==1.24.3")) == [
        "pyproject.toml:5:40 error requirement-conflict: tensorflow 2.16.1 asks for numpy<2.0.0,>=1.26.0, which numpy 1.24.3 is not"
    ]
    assert said(of_project(">=3.9", "tensorflow==2.15.0", "tensorflow-text==2.15.0")) == []


def test_the_lock_of_a_project_says_that_it_is_out_of_date() -> None:
    lock = UV.replace(">=3.12", ">=3.9")
    files = {**of_project(">=3.9", "tensorflow==2.17.0"), "uv.lock": lock}
    assert said(files) == [
        "pyproject.toml:5:18 error requirement-conflict: uv.lock has tensorflow==2.15.0, and tensorflow==2.17.0 is asked for: the lock file is out of date"
    ]
