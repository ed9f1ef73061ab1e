"""``tfcompat rule``: every rule explained by its name."""

from __future__ import annotations

import json

import pytest

from tfcompat.cli import main
from tfcompat.gate.rulebook import FILE_RULES, rule_names


def test_all_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said] == list(rule_names())
    assert "floating-tag                warning  The base image moves" in said


def test_one_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "keras-pin-mismatch"]) == 0
    assert capsys.readouterr().out == (
        "keras-pin-mismatch: Keras does not go with TensorFlow\n"
        "severity: error at most\n"
        "\n"
        "The pinned Keras is outside of what the pinned TensorFlow accepts, or the reverse.\n"
        "What to do: pin the Keras of that TensorFlow.\n"
        "\n"
        "Judged by keras-range and keras-legacy of the rulebook, which say:\n"
        "  - out-of-range: {tensorflow} asks for keras{allowed}, which {keras} is not\n"
        "  - capped: {keras} cannot stand beside {tensorflow}, whose metadata allows it ({symptom}): keras{allowed} is\n"
        "    needed\n"
        "  - backend: {keras} needs tensorflow{needed}, which {tensorflow} is not\n"
        "  - other-minor: {tensorflow} needs the tf-keras of its own minor, which {tf-keras} is not\n"
        "  - keras-2-is-tf-keras: {keras} cannot stand beside {tensorflow}: Keras 2 there is tf-keras=={needed} and\n"
        "    TF_USE_LEGACY_KERAS=1\n"
        "\n"
        "To excuse one finding: # tfcompat: ignore[keras-pin-mismatch] reason\n"
    )


@pytest.mark.parametrize("name", rule_names())
def test_every_rule_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", name]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{name}: ")
    assert max(map(len, text.splitlines())) <= 110
    rule = next((rule for rule in FILE_RULES if rule.id == name), None)
    if rule is not None:
        assert rule.why in " ".join(text.split())
        assert f"What to do: {rule.remedy}." in " ".join(text.split())


def test_a_rule_that_is_told_under_another_name_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "keras-range"]) == 0
    text = capsys.readouterr().out
    assert "\nThe gate tells it as keras-pin-mismatch.\n" in text
    assert text.endswith("ignore[keras-pin-mismatch] reason\n")


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert [row["rule"] for row in document["rules"]] == list(rule_names())
    assert main(["rule", "wheel-has-cuda", "--format", "json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one.pop("schema_version") == 1
    assert one == next(row for row in document["rules"] if row["rule"] == "wheel-has-cuda")
    assert list(one) == ["rule", "title", "severity", "why", "remedy", "judged_by", "said_as", "messages", "page"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("floating-tags", "did you mean floating-tag?"),
        ("Keras-Range", "did you mean keras-range"),
        ("DL3006", "tfcompat rule lists them all"),
        ("x" * 100_000, "tfcompat rule lists them all"),
    ],
)
def test_an_unknown_rule_is_a_usage_error(name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rule", name]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"tfcompat: there is no rule '{name[:80]}'\n  hint: {hint}")
    assert len(said.err) < 300
