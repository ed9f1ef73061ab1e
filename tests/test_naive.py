"""What a plain ``pip install tensorflow`` brought on a day, and what came of it: the rules must know every failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tfcompat.matrix import load_bundled
from tfcompat.rules import RULES
from tfcompat.rules.evaluate import evaluate
from tfcompat.stack import Fact, Package, Stack, Tensorflow

MATRIX = load_bundled()
FILES = sorted((Path(__file__).parents[1] / "data" / "naive").glob("*/*.json"))


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def failures(record: dict[str, Any]) -> dict[str, str]:
    (run,) = record["runs"]
    return {step: outcome for step, outcome in run["steps"].items() if outcome.startswith("failed")}


def violations(record: dict[str, Any]) -> list[str]:
    """What the rules say against the packages that were installed, as ``rule: package``."""
    release = MATRIX.release("tensorflow", record["tensorflow"])
    assert release is not None
    packages = tuple(Package(name, Version(text)) for name, text in (line.split("==") for line in record["pins"]))
    facts = {
        "accelerator": Fact("accelerator", "cpu", "here"),
        "platform": Fact("platform", "linux/amd64", "here"),
        "tensorflow": Fact("tensorflow", Tensorflow(release, "linux/amd64", MATRIX.build(release, "linux/amd64")), "here"),
        "python": Fact("python", Version(record["python"]), "here"),
        "package": Fact("package", packages, "here"),
    }
    keras = next((package for package in packages if package.name == "keras"), None)
    if keras is not None:
        facts["keras"] = Fact("keras", keras, "here")
    findings = [f for f in evaluate(MATRIX, Stack(facts), RULES) if f.verdict.outcome == "violated" and f.verdict.severity == "error"]
    return [f"{f.rule.id}: {fact.value}" for f in findings for fact in f.facts if isinstance(fact.value, Package)]


def test_every_minor_and_interpreter_was_tried() -> None:
    verified = {(s["tensorflow"], s["python"]) for s in MATRIX.document["pin_sets"]}
    assert {(path.parent.name, path.stem.removeprefix("py")) for path in FILES} == verified


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_rules_know_every_failure_and_cry_at_nothing_that_works(path: Path) -> None:
    record = load(path)
    assert bool(violations(record)) == bool(failures(record)), (failures(record), violations(record))
