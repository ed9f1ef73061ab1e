"""The documentation is executed: each of its examples does what its page says, or says why it is not run."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from documents import LANGUAGES, ROOT, Block, Session, blocks_of, environment, home_of, pages, sessions_of
from tfcompat.gate.configuration import read_settings
from tfcompat.gate.source import Source
from tfcompat.matrix import load_bundled

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

README = ROOT / "README.md"
DOCS = [page for page in pages() if page != README]
BLOCKS = [block for page in pages() for block in blocks_of(page)]
REASONS = {
    "needs the network",
    "needs Docker",
    "needs a cluster",
    "needs a GPU",
    "needs TensorFlow",
    "takes hours",
}


def sessions() -> list[Session]:
    return [session for page in pages() for session in sessions_of(page)]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    for name, value in environment(tmp_path_factory.mktemp("cache")).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    before = Path.cwd()
    yield
    os.chdir(before)


@pytest.mark.parametrize("session", [s for s in sessions() if s.blocks], ids=str)
def test_the_examples_do_what_their_page_says(session: Session, tmp_path: Path) -> None:
    folder = home_of(session.page) or tmp_path
    os.chdir(folder)
    for shown in session.run(folder):
        expected = {int(shown.block.told("exit"))} if shown.block.told("exit") else {0, 1} if shown.block.language == "console" else {0}
        assert shown.code in expected, f"{shown.block}: {shown.command}\n{shown.both}"
        assert "Traceback" not in shown.both, f"{shown.block}: {shown.command}\n{shown.both}"
        if not shown.fits:
            assert shown.both == shown.shown, f"{shown.block}: {shown.command}"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    for block in blocks_of(page):
        if block.not_run:
            assert block.not_run in REASONS, str(block)
            assert block.language in LANGUAGES, f"{block}: nothing would run it"
    marks = re.findall(r"^<!-- (?:not )?run: .* -->$", page.read_text(encoding="utf-8"), re.M)
    attached = [block for block in blocks_of(page) if block.mark]
    assert len(marks) - ("<!-- run: this page is one session -->" in marks) == len(attached), "a mark stands above no block"


def test_every_reason_is_used_and_most_blocks_are_run() -> None:
    own = [block for block in BLOCKS if block.page != README and block.language in LANGUAGES and not block.name]
    assert {block.not_run for block in own} - {""} == REASONS
    assert len([block for block in own if block.runs]) > 2 * len([block for block in own if block.not_run])


def data(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


@pytest.mark.parametrize("block", data("toml"), ids=str)
def test_what_is_shown_as_toml_is_toml_and_settings_are_understood(block: Block) -> None:
    values: dict[str, Any] = tomllib.loads(block.text)
    if "tfcompat" in values.get("tool", {}):
        assert read_settings(Source("pyproject.toml", block.text), load_bundled()) is not None


@pytest.mark.parametrize("block", [*data("json"), *data("yaml")], ids=str)
def test_what_is_shown_as_json_or_yaml_is_that(block: Block) -> None:
    assert (json.loads(block.text) if block.language == "json" else yaml.safe_load(block.text)) is not None
