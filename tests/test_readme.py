"""The README and the pages of the rules say what the code has; their examples are run by ``test_documents.py``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tfcompat.rules import RULES, Rule

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_ci_runs_the_very_test_command_of_the_readme() -> None:
    command = next(block for block in blocks("sh") if "pytest" in block)
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_page_of_a_rule_shows_its_messages(rule: Rule) -> None:
    page = (ROOT / f"docs/rules/{rule.id}.md").read_text(encoding="utf-8")
    for reason, message in rule.messages.items():
        assert reason in page
        assert message in page
