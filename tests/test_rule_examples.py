"""The examples on the pages of the rulebook: facts, and below them what the rule says of these."""

from __future__ import annotations

import sys

import pytest

from documents import ROOT, Block, blocks_of
from test_rules import BY_ID, MATRIX, stack_from_text
from tfcompat.prose import sentence
from tfcompat.rules import Finding, evaluate

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def blocks(name: str) -> list[Block]:
    page = ROOT / "docs" / "rules" / f"{name}.md"
    return [block for block in blocks_of(page) if block.heading == "Example"] if page.exists() else []


def examples() -> list[tuple[str, Block, Block]]:
    """The rule, the facts and the answer."""
    return [(name, *pair) for name in BY_ID for pair in zip(blocks(name)[::2], blocks(name)[1::2], strict=False)]


def answer(finding: Finding) -> str:
    verdict = finding.verdict
    if verdict.outcome == "ok":
        return "ok"
    grade = f"violated ({verdict.severity})" if verdict.outcome == "violated" else "unknown"
    return f"{grade}, {verdict.reason}: {sentence(finding)}"


@pytest.mark.parametrize(("name", "facts", "said"), examples(), ids=lambda value: str(value) if isinstance(value, Block) else "")
def test_a_rule_says_of_the_example_what_its_page_shows(name: str, facts: Block, said: Block) -> None:
    found = evaluate(MATRIX, stack_from_text(tomllib.loads(facts.text)), (BY_ID[name],))
    assert "".join(f"{answer(finding)}\n" for finding in found) == said.text


@pytest.mark.parametrize("name", BY_ID)
def test_every_page_has_examples_of_facts_and_answers(name: str) -> None:
    languages = [block.language for block in blocks(name)]
    assert languages == ["toml", "text"] * max(1, len(languages) // 2)
