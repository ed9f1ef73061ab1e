"""Every rule on facts that are true in the bundled matrix: ``rules/<rule id>.toml`` holds the cases.

A case gives facts as plain text (``"unknown"`` for one that could not be established) and what the rule says of
them, word for word. What no stack of the bundled matrix reaches stands below as a record made by hand.
"""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tfcompat.images import find_image
from tfcompat.matrix import find_gpu, load_bundled
from tfcompat.matrix.records import Build, Release, Sighting
from tfcompat.models.model import Model
from tfcompat.prose import sentence
from tfcompat.rules import RULES, Finding, Rule, evaluate
from tfcompat.stack import Fact, Image, Libc, Package, Stack, Tensorflow

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MATRIX = load_bundled()
FIXTURES = Path(__file__).with_name("rules")
PAGES = Path(__file__).parents[1] / "docs" / "rules"
BY_ID = {rule.id: rule for rule in RULES}
EXPECTATIONS = ("reason", "severity", "says")


@dataclass(frozen=True)
class Case:
    """One entry of a fixture, or a stack made by hand."""

    rule: Rule
    kind: str  # good, bad, unknown
    name: str
    stack: Stack
    reason: str = ""
    severity: str = "warning"
    says: str = ""


# -- from text to facts --------------------------------------------------------------------------


def several(texts: str | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else texts


def tensorflow_fact(text: str, platform: str) -> Tensorflow:
    name, _, number = text.rpartition(" ")
    release = MATRIX.release(name or "tensorflow", number)
    assert release is not None, f"{text} is not in the matrix"
    return Tensorflow(release, platform, MATRIX.build(release, platform))


def libc_fact(text: str) -> Libc:
    name, _, number = text.partition(" ")
    return Libc(name, Version(number) if number else None)


def package_fact(text: str) -> Package:
    name, _, number = text.partition(" ")
    return Package(name, Version(number))


def model_fact(row: dict[str, Any]) -> Model:
    """A model as a file says it; ``model.h5`` unless it has a ``name``."""
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    keras = found.pop("keras", None)
    return Model(**{"name": "model.h5", "format": ".h5", "keras": Version(keras) if keras else None, **found})


def value_of(name: str, text: Any, platform: str) -> Any:
    if text == "unknown":
        return None
    if name == "tensorflow":
        return tensorflow_fact(text, platform)
    if name in ("python", "cuda", "cudnn", "driver"):
        return Version(text)
    if name in ("keras", "tf-keras"):
        return Package(name, Version(text))
    if name == "package":
        return tuple(map(package_fact, several(text)))
    if name == "gpu":
        return tuple(find_gpu(MATRIX, one) for one in several(text))
    if name == "image":
        return find_image(MATRIX, text)
    if name == "model":
        return tuple(map(model_fact, [text] if isinstance(text, dict) else text))
    if name == "libc":
        return libc_fact(text)
    assert name in ("platform", "accelerator", "env"), f"no fact is called {name}"
    return text


def stack_of(**values: Any) -> Stack:
    return Stack({name: Fact(name, value, "the test") for name, value in values.items()})


def stack_from_text(row: dict[str, Any]) -> Stack:
    platform = row.get("platform", "linux/amd64")
    if "sighting" in row:  # what the registry of the image said when it was asked
        row = dict(row)
        sighting = Sighting(row["image"], asked="2026-11-23T00:00:00+00:00", source="https://hub.docker.com", **row.pop("sighting"))
        seen = find_image(MATRIX.with_sightings({row["image"]: sighting}), row.pop("image"))
        return stack_from_text(row).with_fact(Fact("image", seen, "the test"))
    return stack_of(**{name: value_of(name, text, platform) for name, text in row.items() if name not in EXPECTATIONS})


def cases_of_fixture(path: Path) -> list[Case]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(tables) <= {"good", "bad", "unknown"}, f"{path.name} has a table of another name"
    rule = BY_ID[path.stem]
    return [
        Case(
            rule,
            kind,
            f"{rule.id}-{kind}-{number}",
            stack_from_text(row),
            row.get("reason", ""),
            row.get("severity", "warning"),
            row.get("says", "").replace("{measured}", MATRIX.measured),
        )
        for kind, rows in tables.items()
        for number, row in enumerate(rows, 1)
    ]


# -- what the bundled matrix does not hold -------------------------------------------------------


def made_up(kind: str, platform: str = "linux/arm64", **cells: Any) -> Tensorflow:
    build = Build(kind=kind, python=("3.11",), **cells)  # type: ignore[arg-type]
    return Tensorflow(Release("tensorflow", "2.99.0", "2030-01-01", False, {platform: build}), platform, build)


HAND_MADE = [
    Case(
        BY_ID["arm64-cuda"],
        "good",
        "a GPU build on arm64",
        stack_of(tensorflow=made_up("cuda"), accelerator="gpu"),
    ),
    Case(
        BY_ID["platform-has-wheel"],
        "bad",
        "a stub that leads nowhere",
        stack_of(tensorflow=made_up("stub", delegates_to=("tensorflow-cpu-aws",))),
        "stub",
        "error",
        "The linux/arm64 wheel of tensorflow 2.99.0 is a stub for tensorflow-cpu-aws, which has no wheel of that version for the same interpreters there",
    ),
    Case(
        BY_ID["image-contents"],
        "unknown",
        "contents nobody has measured",
        stack_of(image=Image("nvidia/cuda:99.9", "observed", uncertain=("cuDNN is not measured", "nor is its Python"))),
        "uncertain",
        "warning",
        "The contents of nvidia/cuda:99.9 are not fully established: cuDNN is not measured; nor is its Python",
    ),
    Case(
        BY_ID["image-tag-exists"],
        "bad",
        "made for two platforms, neither of them the one",
        stack_of(image=Image("nvidia/cuda:99.9", "documented", platforms=("linux/amd64", "linux/arm64")), platform="windows/amd64"),
        "other-platform",
        "error",
        "nvidia/cuda:99.9 is made for linux/amd64 and linux/arm64, not for windows/amd64",
    ),
    Case(
        BY_ID["image-requires-driver"],
        "unknown",
        "a requirement in words of its own",
        stack_of(image=Image("app:1", "measured", require="cuda>=x"), driver=Version("550.54")),
        "require-unreadable",
        "warning",
        "What app:1 requires of the driver cannot be read: cuda>=x (NVIDIA_REQUIRE_CUDA)",
    ),
]

CASES = [case for path in sorted(FIXTURES.glob("*.toml")) for case in cases_of_fixture(path)] + HAND_MADE


def findings_of(case: Case) -> list[Finding]:
    return list(evaluate(MATRIX, case.stack, (case.rule,)))


def complaints_of(case: Case) -> list[Finding]:
    return [finding for finding in findings_of(case) if finding.verdict.outcome != "ok"]


# -- the verdicts --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in CASES if c.kind == "good"], ids=lambda c: c.name)
def test_facts_that_go_together_are_ok(case: Case) -> None:
    assert {finding.verdict.outcome for finding in findings_of(case)} == {"ok"}


@pytest.mark.parametrize("case", [c for c in CASES if c.kind != "good"], ids=lambda c: c.name)
def test_facts_that_do_not_are_reported_once_and_in_these_words(case: Case) -> None:
    (finding,) = complaints_of(case)
    assert finding.verdict.outcome == {"bad": "violated", "unknown": "unknown"}[case.kind]
    assert (finding.verdict.reason, finding.verdict.severity) == (case.reason, case.severity)
    assert sentence(finding) == case.says


@pytest.mark.parametrize("case", [c for c in CASES if c.kind != "good"], ids=lambda c: c.name)
def test_every_field_of_a_message_is_filled(case: Case) -> None:
    (finding,) = complaints_of(case)
    given = {fact.name for fact in finding.facts} | set(finding.verdict.values)
    assert set(re.findall(r"{([^}]*)}", case.rule.messages[case.reason])) <= given


@pytest.mark.parametrize("case", [c for c in CASES if c.kind == "unknown"], ids=lambda c: c.name)
def test_unknown_neither_passes_nor_rejects(case: Case) -> None:
    (finding,) = complaints_of(case)
    assert finding.verdict.severity == "warning"
    assert not finding.rejects


@pytest.mark.parametrize(
    ("rule_id", "fact", "others"),
    [
        ("python-has-wheel", "python", {"tensorflow": "2.18.0"}),
        ("platform-has-wheel", "libc", {"tensorflow": "2.18.0"}),
        ("cuda-runtime", "cuda", {"tensorflow": "2.18.0"}),
        ("cudnn-runtime", "cudnn", {"tensorflow": "2.18.0"}),
        ("gpu-known-to-toolkit", "cuda", {"gpu": "A100"}),
        ("driver-minimum", "cuda", {"driver": "535.104.05", "image": "python:3.12-slim"}),
        ("driver-minimum", "driver", {"cuda": "12.5.1", "image": "python:3.12-slim"}),
        ("driver-ptx-jit", "driver", {"tensorflow": "2.15.1", "gpu": "H100"}),
        ("gpu-known-to-driver", "driver", {"gpu": "K80"}),
        ("image-requires-driver", "driver", {"image": "nvidia/cuda:12.5.1-cudnn-runtime-ubuntu22.04"}),
    ],
)
def test_a_fact_that_could_not_be_established_does_not_pass(rule_id: str, fact: str, others: dict[str, Any]) -> None:
    stack = stack_from_text(others).with_fact(Fact(fact, None, "the test"))
    outcomes = [f.verdict.outcome for f in evaluate(MATRIX, stack, (BY_ID[rule_id],)) if any(x.name == fact for x in f.facts)]
    assert outcomes == ["unknown"]


def test_a_rule_says_nothing_of_facts_that_no_door_looked_for() -> None:
    assert list(evaluate(MATRIX, Stack(), RULES)) == []


def test_each_of_several_gpus_is_judged() -> None:
    stack = stack_from_text({"tensorflow": "2.15.1", "gpu": ["T4", "K80", "A100"]})
    findings = evaluate(MATRIX, stack, (BY_ID["gpu-architecture"],))
    assert [f.verdict.reason for f in findings] == ["", "no-code", "jit"]


def test_only_errors_reject() -> None:
    rejected = {case.severity: complaints_of(case)[0].rejects for case in CASES if case.kind == "bad"}
    assert rejected == {"error": True, "warning": False, "note": False}


# -- the rulebook --------------------------------------------------------------------------------


def test_every_rule_has_a_fixture_and_every_fixture_a_rule() -> None:
    assert {path.stem for path in FIXTURES.iterdir()} == set(BY_ID)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_every_reason_of_a_rule_is_covered(rule: Rule) -> None:
    assert {case.reason for case in CASES if case.rule is rule and case.reason} == set(rule.messages)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_every_rule_has_a_good_case(rule: Rule) -> None:
    assert any(case.rule is rule and case.kind == "good" for case in CASES)


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_an_id_is_kebab_case_and_the_name_of_its_file(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", rule.id)
    assert importlib.import_module(f"tfcompat.rules.{rule.id.replace('-', '_')}").RULE is rule


def test_no_rule_file_is_left_out_of_the_rulebook() -> None:
    files = {path.stem for path in Path(importlib.import_module("tfcompat.rules").__path__[0]).glob("*.py")}
    assert files - {"__init__", "rule", "evaluate"} == {rule.id.replace("-", "_") for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_a_remedy_belongs_to_a_message(rule: Rule) -> None:
    assert set(rule.remedies) <= set(rule.messages)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_every_rule_has_its_page(rule: Rule) -> None:
    first, *_ = (PAGES / f"{rule.id}.md").read_text(encoding="utf-8").splitlines()
    assert rule.id in first
