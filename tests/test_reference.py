"""The reference agrees with the code: JSON documents field by field, settings and variables by name, exit codes by number."""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from documents import ROOT, environment
from tfcompat.cli import main
from tfcompat.cli.main import _COMMANDS, build_parser
from tfcompat.drift import Drift
from tfcompat.errors import CouldNotCheck, MatrixError, RequestError, TfcompatError
from tfcompat.gate import configuration
from tfcompat.outputs.images import render_drift_json
from tfcompat.probe import VARIABLES
from tfcompat.registry import settings
from tfcompat.resolver import ResolutionImpossible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFERENCE = ROOT / "docs" / "reference"
FILES = {
    "Dockerfile": "# tfcompat: ignore[floating-tag] on purpose\nFROM python:3.13-slim\nRUN pip install tensorflow==2.15.1\n",
    "gone.Dockerfile": "FROM python:3.11-slim\nCOPY gone.txt .\nRUN pip install -r gone.txt\n",
    "excused.Dockerfile": "# tfcompat: ignore[floating-tag] on purpose\nFROM tensorflow/tensorflow:latest\n",
}
# By heading: commands that together show every field, and the fields that are opened on no page or elsewhere.
DOCUMENTS: dict[str, tuple[list[str], set[str]]] = {
    "A plan": (["resolve --gpu A100 --format json", "resolve --gpu A100 --package numpy<2.4 --format json"], {"alternatives[]"}),
    "No plan": (["resolve --tensorflow 2.18 --gpu --base official --format json"], {"suggestions[].plan"}),
    "The gate": (["gate --format json"], set()),
    "The check": ([f"check --facts {ROOT}/tests/facts/tensorflow-2.21-and-cuda.json --format json"], {"facts"}),
    "A log": ([f"explain {ROOT}/tests/pages/build.log --format json"], set()),
    "An image": (["image inspect tensorflow/tensorflow:2.18.0-gpu --offline --format json"], set()),
    "Tags": (["image list --offline --format json"], set()),
    "Saved models": (["model tiny.keras --keras 3.5 --format json"], set()),
    "Drift": ([], set()),
    "A rule": (["rule no-wheel-for-interpreter --format json"], set()),
}
NAMED = {"steps", "env", "change", "contents"}  # objects whose names depend on the answer


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name, value in environment(tmp_path / "cache").items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def section(page: str, heading: str) -> str:
    (text,) = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", (REFERENCE / page).read_text(encoding="utf-8"), re.M | re.S)
    return str(text)


def documented(text: str) -> set[str]:
    rows = re.findall(r"^\| (`[^|]+`) \|", text, re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def fields(value: Any, closed: set[str], path: str = "") -> Iterator[str]:
    """The path of each value in a document."""
    last = path.rpartition(".")[2]
    if path in closed or not isinstance(value, dict | list):
        yield path
    elif isinstance(value, list):
        for each in value or [None]:
            yield from [f"{path}[]"] if f"{path}[]" in closed else fields(each, closed, f"{path}[]")
    elif not value:
        yield path
    else:
        named = last in NAMED or path.endswith("chain[].facts")
        for name, each in value.items():
            yield from fields(each, closed, f"{path}.{'*' if named else name}".lstrip("."))


def within(inner: str, outer: str) -> bool:
    """Whether *inner* is *outer*, or lies in it where that is empty or null."""
    outer = outer.removesuffix("[]")
    return inner.removesuffix("[]") == outer or inner.startswith((f"{outer}.", f"{outer}[]"))


def printed_by(command: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        main(shlex.split(command))
    return out.getvalue()


@pytest.mark.parametrize("heading", DOCUMENTS)
def test_a_document_has_the_fields_of_its_page_and_no_other(heading: str, folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with zipfile.ZipFile("tiny.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.5.0"}))
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": []}}))
    commands, closed = DOCUMENTS[heading]
    found: set[str] = set()
    told = documented(section("json.md", heading))
    printed = [printed_by(command) for command in commands]
    for text in printed or [render_drift_json([Drift("new tag", "tensorflow/tensorflow:2.22.0")], ["no answer"])]:
        document = json.loads(text)
        assert f"schema version {document['schema_version']}." in section("json.md", heading)
        found |= set(fields(document, closed))
    assert sorted(path for path in found if not any(within(name, path) for name in told)) == []
    assert sorted(name for name in told if not any(within(name, path) or within(path, name) for path in found)) == []


def test_every_section_of_the_page_is_held_against_a_document() -> None:
    headings = re.findall(r"^## (.*)$", (REFERENCE / "json.md").read_text(encoding="utf-8"), re.M)
    assert set(headings) == {*DOCUMENTS, "The matrix"}


def test_every_command_that_prints_json_has_a_section() -> None:
    page = (REFERENCE / "json.md").read_text(encoding="utf-8")
    names = list(_COMMANDS)
    printing = [parser.prog for parser in parsers(build_parser(names, names)) if "json" in (formats(parser) or ())]
    assert len(printing) >= 8
    assert [prog for prog in printing if not re.search(rf"`{prog}( [A-Z]+)? --format json`", page)] == []


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


def formats(parser: argparse.ArgumentParser) -> Any:
    return next((action.choices for action in parser._actions if action.dest == "format"), None)


def test_the_settings_are_all_there() -> None:
    text = section("settings.md", "Configuration")
    assert documented(text) == {*configuration._KEYS, *settings._VARIABLES}
    for key, variable in settings._VARIABLES.items():
        assert re.search(rf"^\| `{key}` \|.*\| `{variable}` \|$", text, re.M)


def test_the_environment_variables_are_all_there() -> None:
    """Every name that the package looks up, itself or through ``requests`` and ``shutil``."""
    read = set(settings._VARIABLES.values())
    for path in (ROOT / "src" / "tfcompat").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        read |= set(re.findall(r"environ(?:\.get\(|\[)\"(\w+)\"", text)) | set(re.findall(r"\"(\w+)\" in os\.environ", text))
        for constant in re.findall(r"environ\.get\(([A-Z]\w*)", text):
            read |= set(re.findall(rf"^{constant} = \"(\w+)\"", text, re.M))
    page = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)`", section("settings.md", "Environment variables"))) | set(
        re.findall(r"`(\w+)`", section("settings.md", "What the probe keeps"))
    )
    assert sorted(read - told - set(VARIABLES)) == []
    assert all(f"- `{name}`\n" in page for name in VARIABLES)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    told = dict(re.findall(r"^\| (\d+) \| ([^:|]+)", (REFERENCE / "exit-codes.md").read_text(encoding="utf-8"), re.M))
    assert set(told) == {"0", "1", "2", "3", "130"}
    codes = {kind: kind.exit_code for kind in (TfcompatError, RequestError, MatrixError, ResolutionImpossible, CouldNotCheck)}
    assert codes == {TfcompatError: 2, RequestError: 2, MatrixError: 2, ResolutionImpossible: 1, CouldNotCheck: 3}
    assert (told["2"], told["3"]) == ("usage or configuration", "could not check")


def test_the_files_of_the_evidence_are_there_with_these_kinds() -> None:
    """Of files that hold statements; what is measured or run is given its kind when the matrix is compiled."""
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    order = re.findall(r"^\| `(\w+)` \|", page.partition("## Seeing it")[0], re.M)
    rows = re.findall(r"^\| [^|]+ \| (`data/[^|]+`) \| ([\w, ]+) \|$", page, re.M)
    named = {name for row, _ in rows for name in re.findall(r"`([^`]+)`", row)}
    for row, told in rows:
        text = "".join(statements(ROOT / name) for name in re.findall(r"`([^`]+)`", row))
        kinds = [kind for kind in order if f'"{kind}: ' in text]
        assert told == ", ".join(kinds) or not kinds, row
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "data").rglob("*") if path.is_file() and path.name != "stamp.json"]
    assert [file for file in files if not file.startswith((*named, "data/naive/"))] == []


def statements(path: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in ([path] if path.is_file() else path.rglob("*.*")) if file.is_file())
