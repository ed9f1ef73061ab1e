"""The gate's documentation says what the gate does: small projects for every rule, and what its pages state.

``rules/ID.toml`` holds projects: ``[[bad]]`` has one finding of that rule, word for word, and findings of the rules that it names
``besides``; ``[[good]]`` has neither an error nor a warning, and nothing of that rule. The examples of the pages are run by
``tests/test_documents.py``.
"""

from __future__ import annotations

import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import pytest

from documents import blocks_of
from tfcompat.cli import main
from tfcompat.gate import configuration
from tfcompat.gate.configuration import read_settings
from tfcompat.gate.gate import run_gate
from tfcompat.gate.kinds import Kind, kind_of
from tfcompat.gate.rulebook import FILE_RULES, FileRule
from tfcompat.gate.selection import selected
from tfcompat.gate.source import Source
from tfcompat.gate.suppression import suppress
from tfcompat.matrix import load_bundled
from tfcompat.matrix.records import Sighting
from tfcompat.outputs.gate.pages import find_page
from tfcompat.rules import RULES
from tfcompat.worktree import MemoryTree

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "rules"
GUIDE = ROOT / "docs" / "gate.md"
FIXTURES = Path(__file__).with_name("rules")
MODELS = ROOT / "tests" / "models" / "files"  # as real releases wrote them
MATRIX = load_bundled()
TODAY = "2026-11-23"
BY_ID = {rule.id: rule for rule in FILE_RULES}
KEYS = {
    "bad": {"about", "files", "models", "rewritten", "sighting", "severity", "file", "line", "says", "related", "fix", "besides"},
    "good": {"about", "files", "models", "sighting"},
}


# -- the projects of the fixtures ------------------------------------------------------------------


class Case(NamedTuple):
    rule: FileRule
    kind: str
    name: str
    row: dict[str, Any]


def cases_of(rule: FileRule) -> Iterator[Case]:
    path = FIXTURES / f"{rule.id}.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for kind, rows in tables.items():
        for number, row in enumerate(rows, 1):
            yield Case(rule, kind, f"{rule.id}-{kind}-{number}", row)


CASES = [case for rule in FILE_RULES for case in cases_of(rule)]
BAD = [case for case in CASES if case.kind == "bad"]
GOOD = [case for case in CASES if case.kind == "good"]


def judge(case: Case) -> list[Finding]:
    models = {name: (MODELS / source).read_bytes() for name, source in case.row.get("models", {}).items()}
    for old, new in case.row.get("rewritten", {}).items():  # of the same length
        assert len(old) == len(new)
        models = {name: content.replace(old.encode(), new.encode()) for name, content in models.items()}
    tree = MemoryTree({**case.row["files"], **models})
    settings = read_settings(tree.find("pyproject.toml"), MATRIX)
    matrix = MATRIX
    if "sighting" in case.row:  # what the registry of an image said when it was asked
        seen = case.row["sighting"]
        sighting = Sighting(asked=f"{TODAY}T00:00:00+00:00", source="https://hub.docker.com", **seen)
        matrix = MATRIX.with_sightings({seen["reference"]: sighting})
    report = selected(run_gate(tree, tree.names(), settings, matrix), settings)
    assert [unchecked for unchecked in report.not_checked if unchecked.grave] == []
    return list(suppress(report, tree.find, settings, None, TODAY).counting)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_bad_project_has_its_finding_and_in_these_words(case: Case) -> None:
    row, found = case.row, judge(case)
    (finding,) = (one for one in found if one.rule == case.rule.id)
    assert (finding.severity, finding.place.file, finding.place.line) == (row["severity"], row["file"], row["line"])
    assert finding.message == row["says"].replace("{measured}", MATRIX.measured)
    assert [str(related.place) for related in finding.related] == row.get("related", [])
    assert (finding.fix.description if finding.fix else None) == row.get("fix")
    besides = {one.rule for one in found if one.severity != "info"} - {case.rule.id}
    assert besides == set(row.get("besides", []))


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_a_good_project_has_none(case: Case) -> None:
    assert [one.message for one in judge(case) if one.severity != "info" or one.rule == case.rule.id] == []


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.id)
def test_every_rule_has_a_bad_project_and_a_good_one(rule: FileRule) -> None:
    cases = list(cases_of(rule))
    assert {case.kind for case in cases} == {"bad", "good"}
    for case in cases:
        assert set(case.row) <= KEYS[case.kind]
        assert case.row["about"].endswith(".")


def test_every_fixture_has_a_rule() -> None:
    assert {path.stem for path in FIXTURES.iterdir()} == set(BY_ID)


# -- what a page says ------------------------------------------------------------------------------


def page_of(rule: FileRule) -> str:
    return (PAGES / f"{rule.id}.md").read_text(encoding="utf-8")


def messages_of(rule: FileRule) -> list[tuple[str, str]]:
    """The rows of the table of messages: a severity and a message with its fields."""
    rows = re.findall(r"^\| ((?:error|warning|info)(?:, (?:warning|info))*) \| `(.*)` \|$", page_of(rule), re.M)
    return [(severity, message) for severities, message in rows for severity in severities.split(", ")]


def says(template: str, message: str) -> bool:
    pattern = "".join(".+" if part.startswith("{") else re.escape(part) for part in re.split(r"({[^}]*})", template))
    return re.fullmatch(pattern, message, re.I) is not None


def test_there_is_a_page_for_every_rule_and_no_other() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(BY_ID) | {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.id)
def test_a_page_begins_and_advises_as_the_rule_does(rule: FileRule) -> None:
    page = page_of(rule)
    assert page.startswith(f"# {rule.id}\n\n**{rule.title}.** {rule.why}\n")
    assert f"\n\n{rule.remedy[0].upper()}{rule.remedy[1:]}" in page
    headings = re.findall(r"^## (.*)$", page, re.M)
    assert headings == ["When it is found", "How the gate knows", "What is not found", "Messages", "Example", "What to do", "Sources"]


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.id)
def test_the_messages_of_a_page_are_those_of_the_gate(rule: FileRule) -> None:
    told = messages_of(rule)
    found = [(case.row["severity"], case.row["says"]) for case in BAD if case.rule is rule]
    unlisted = [one for one in found if not any(one[0] == severity and says(template, one[1]) for severity, template in told)]
    unproven = [row for row in told if not any(row[0] == severity and says(row[1], message) for severity, message in found)]
    assert (unlisted, unproven) == ([], [])
    assert rule.severity == next(level for level in ("error", "warning", "info") if level in {severity for severity, _ in told})


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.id)
def test_a_page_names_the_rules_that_judge_and_their_sentences(rule: FileRule) -> None:
    shown = find_page(rule.id)
    assert shown is not None
    page = page_of(rule)
    for sentence in shown.sentences:
        assert f"]({sentence.rule}.md)" in page
        assert f"`{sentence.message}" in page


def test_the_list_of_rules_has_every_page() -> None:
    page = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([a-z0-9-]+)\]\(\1\.md\) \| (.*)\. \|$", page, re.M)
    assert rows[len(RULES) :] == [(rule.id, rule.title) for rule in FILE_RULES]


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.id)
def test_the_example_of_a_page_has_its_finding(rule: FileRule) -> None:
    blocks = list(blocks_of(PAGES / f"{rule.id}.md"))
    first = next(block for block in blocks if block.language == "console")
    assert any(block.name and block.heading == first.heading and block.start < first.start for block in blocks)
    assert f"[{rule.id}] " in first.text


# -- the guide -------------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    return [block.text for block in blocks_of(GUIDE) if block.language == language]


def test_options_of_the_guide_are_those_of_the_command() -> None:
    text = io.StringIO()
    with redirect_stdout(text), pytest.raises(SystemExit):
        main(["gate", "--help"])
    known = set(re.findall(r"--[a-z][a-z-]+", text.getvalue())) - {"--help"}
    own = known - {"--hub-url", "--registry", "--cache", "--timeout"}  # docs/registry.md
    told = set(re.findall(r"`(--[a-z][a-z-]+)", GUIDE.read_text(encoding="utf-8")))
    assert own <= told
    assert told <= known | {"--build-arg", "--gpus", "--from", "--break-system-packages", "--target", "--index-url"}


def test_the_settings_of_the_guide_are_understood_and_complete() -> None:
    for table in (block for block in blocks("toml") if "tool.tfcompat" in block):
        assert read_settings(Source("pyproject.toml", table), MATRIX) != read_settings(None)
    named = set(re.findall(r"^\| `([a-z-]+)` \|", GUIDE.read_text(encoding="utf-8"), re.M))
    assert set(configuration._KEYS) <= named
    assert set(configuration._EXCUSE) <= named


def test_the_files_that_the_guide_names_are_read_and_are_all() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    (section,) = re.findall(r"^## What it reads$(.*?)^## ", guide, re.M | re.S)
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", section, re.M)
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert [name for name in names if kind_of(name) is None] == []
    assert {kind_of(name) for name in names} == set(get_args(Kind))


def test_the_json_of_the_guide_has_the_keys_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = (json.loads(block) for block in blocks("json"))
    monkeypatch.chdir(tmp_path)
    files = {"Dockerfile": "FROM python:3.13-slim\nRUN pip install tensorflow==2.15.1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    out = io.StringIO()
    with redirect_stdout(out):
        main(["gate", "--format", "json"])
    document = json.loads(out.getvalue())
    assert list(shown) == list(document)
    assert list(shown["findings"][0]) == list(document["findings"][0])
    assert list(shown["findings"][0]["fix"]) == list(document["findings"][0]["fix"])
    assert list(shown["findings"][0]["fix"]["edits"][0]) == list(document["findings"][0]["fix"]["edits"][0])
    assert list(shown["findings"][0]["related"][0]) == list(document["findings"][0]["related"][0])
