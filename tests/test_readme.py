"""The README is executed: what it shows is what happens."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from tfcompat.cli import main
from tfcompat.rules import RULES, Rule

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_the_python_example_prints_what_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    (shown,) = blocks("text")
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("example", blocks("console"), ids=lambda example: example.split("\n")[0])
def test_the_console_examples_print_what_the_readme_says(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFCOMPAT_CACHE", str(tmp_path))
    monkeypatch.chdir(ROOT)
    command, _, shown = example.partition("\n")
    out = io.StringIO()
    with redirect_stdout(out):
        code = main(command.removeprefix("$ tfcompat ").split())
    assert (code, out.getvalue()) == (1, shown)


def test_ci_runs_the_very_test_command_of_the_readme() -> None:
    command = next(block for block in blocks("sh") if "pytest" in block)
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_page_of_a_rule_shows_its_messages(rule: Rule) -> None:
    page = (ROOT / f"docs/rules/{rule.id}.md").read_text(encoding="utf-8")
    for reason, message in rule.messages.items():
        assert reason in page
        assert message in page
