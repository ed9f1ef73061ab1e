"""Projects of several files after real cases, ``scenarios/*.toml``, and what the gate must find in each: no more, and no less.

``files`` are the project. ``expect`` names every error and warning; a scenario without it must come out clean. ``allow`` names what
may be found as well, where either is right; ``info`` what must be found below a warning; ``unchecked`` the files that cannot be read.
A list in the place of a rule, a severity or a line holds alternatives. ``after_fix`` has a line that ``--fix`` must leave in a file.
``options`` are fields of the settings, and ``crlf`` ends every line as Windows does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfcompat.gate.editing import choose_edits, edited
from tfcompat.gate.gate import run_gate
from tfcompat.gate.rulebook import FILE_RULES, rule_names
from tfcompat.gate.settings import Settings
from tfcompat.gate.suppression import suppress
from tfcompat.matrix import load_bundled
from tfcompat.worktree import MemoryTree

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from tfcompat.gate.finding import Finding, Report

FOLDER = Path(__file__).with_name("scenarios")
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))
MATRIX = load_bundled()
KEYS = {
    "": {"about", "after", "crlf", "options", "files", "expect", "allow", "info", "unchecked", "after_fix"},
    "expect": {"rule", "severity", "file", "line", "related", "message"},
    "allow": {"rule", "file", "line"},
    "info": {"rule", "file", "line"},
    "unchecked": {"file"},
}


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    if found.get("crlf"):
        found["files"] = {name: text.replace("\n", "\r\n") for name, text in found["files"].items()}
    return found


SCENARIOS = {name: load(name) for name in NAMES}


def alternatives(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def settings_of(scenario: dict[str, Any]) -> Settings:
    options: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in scenario.get("options", {}).items()}
    return Settings(**options)


def judge(files: dict[str, str], settings: Settings) -> Report:
    tree = MemoryTree(files)
    return suppress(run_gate(tree, tree.names(), settings, MATRIX), tree.find, settings, None, "2026-11-23")


def shown(finding: Finding) -> str:
    return f"{finding.place}: {finding.severity}: {finding.message} [{finding.rule}]"


def fits(finding: Finding, wanted: dict[str, Any]) -> bool:
    """Whether this is the finding that is meant; what it says of the other places is looked at afterwards."""
    return (
        finding.rule in alternatives(wanted["rule"])
        and finding.severity in alternatives(wanted.get("severity", finding.severity))
        and finding.place.file == wanted.get("file", finding.place.file)
        and finding.place.line in alternatives(wanted.get("line", finding.place.line))
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_has_just_its_findings(name: str) -> None:
    scenario = SCENARIOS[name]
    report = judge(scenario["files"], settings_of(scenario))
    grave = [finding for finding in report.counting if finding.severity != "info"]
    expected, allowed = scenario.get("expect", []), scenario.get("allow", [])
    missing = [wanted for wanted in expected if not any(fits(finding, wanted) for finding in grave)]
    beside = [shown(finding) for finding in grave if not any(fits(finding, wanted) for wanted in [*expected, *allowed])]
    assert (missing, beside) == ([], []), scenario["about"]
    for wanted in expected:
        said = [finding for finding in grave if fits(finding, wanted)]
        assert len(said) == 1, f"told more than once: {[shown(finding) for finding in said]}"
        others = {str(related.place) for related in said[0].related}
        assert set(wanted.get("related", [])) <= others, f"{shown(said[0])} is related to {sorted(others)}"
        assert wanted.get("message", "") in said[0].message
    assert {entry.file for entry in report.not_checked if entry.grave} == {entry["file"] for entry in scenario.get("unchecked", [])}


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if "info" in scenario])
def test_a_note_is_there_and_is_no_more_than_a_note(name: str) -> None:
    scenario = SCENARIOS[name]
    notes = [finding for finding in judge(scenario["files"], settings_of(scenario)).counting if finding.severity == "info"]
    for wanted in scenario["info"]:
        assert any(fits(finding, wanted) for finding in notes), [shown(finding) for finding in notes]


ROUNDS = 5  # fixes that overlap are made one after the other


def fixed(files: dict[str, str], settings: Settings) -> dict[str, str]:
    """The files with every edit made that may be made without asking, until there is none left."""
    for _ in range(ROUNDS):
        tree = MemoryTree(files)
        edits = choose_edits(judge(files, settings).counting, tree.find)
        if not edits:
            return files
        files = files | {name: edited(found, edits[name]).text for name in edits if (found := tree.find(name)) is not None}
    raise AssertionError("every round changes something")


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if "after_fix" in scenario])
def test_a_safe_fix_is_made(name: str) -> None:
    scenario = SCENARIOS[name]
    settings = settings_of(scenario)
    after = fixed(scenario["files"], settings)
    for file, line in scenario["after_fix"].items():
        assert line in after[file].splitlines(), after[file]
    assert [shown(finding) for finding in judge(after, settings).counting if finding.severity == "error"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_fix_brings_no_new_kind_of_error(name: str) -> None:
    scenario = SCENARIOS[name]
    settings = settings_of(scenario)
    before, after = (judge(files, settings).counting for files in (scenario["files"], fixed(scenario["files"], settings)))
    assert {f.rule for f in after if f.severity == "error"} <= {f.rule for f in before if f.severity == "error"}


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if not {"expect", "allow"} & set(scenario)])
def test_what_is_clean_is_left_alone(name: str) -> None:
    scenario = SCENARIOS[name]
    assert fixed(scenario["files"], settings_of(scenario)) == scenario["files"]


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_well_formed(name: str) -> None:
    scenario = SCENARIOS[name]
    assert set(scenario) <= KEYS[""]
    assert scenario["about"].endswith(".")
    assert scenario["after"]
    assert scenario["files"]
    settings_of(scenario)
    for kind in ("expect", "allow", "info", "unchecked"):
        for wanted in scenario.get(kind, []):
            assert set(wanted) <= KEYS[kind]
            assert set(alternatives(wanted.get("rule", []))) <= set(rule_names())
            assert_place(scenario, wanted.get("file"), *alternatives(wanted.get("line", 1)))
            for place in wanted.get("related", []):
                assert_place(scenario, place.rpartition(":")[0], int(place.rpartition(":")[2]))


def assert_place(scenario: dict[str, Any], file: str | None, *lines: int) -> None:
    """There is such a line, and something stands on it."""
    if file is not None:
        text = scenario["files"][file].splitlines()
        assert all(text[line - 1].strip() for line in lines), f"{file}:{lines}"


def test_there_are_scenarios_enough() -> None:
    clean = [name for name, scenario in SCENARIOS.items() if not {"expect", "allow", "info", "unchecked"} & set(scenario)]
    assert len(SCENARIOS) >= 60
    assert len(clean) >= 20


def test_every_rule_of_files_has_a_scenario() -> None:
    told = {
        rule
        for s in SCENARIOS.values()
        for kind in ("expect", "info")
        for wanted in s.get(kind, [])
        for rule in alternatives(wanted["rule"])
    }
    assert {rule.id for rule in FILE_RULES} <= told
