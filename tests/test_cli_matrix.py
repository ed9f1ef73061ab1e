"""``tfcompat matrix show`` and ``export``: every section, for people and for machines."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from tfcompat.cli import main
from tfcompat.matrix import load_bundled

MATRIX = load_bundled()
SECTIONS = {
    "tensorflow": sum(len(release.builds) for release in MATRIX.releases),
    "keras": len(MATRIX.keras),
    "pins": len(MATRIX.pin_sets),
    "cuda": len(MATRIX.toolkits),
    "gpus": len(MATRIX.gpus),
}


@pytest.mark.parametrize("section", [*SECTIONS, "images"])
def test_every_section_is_shown_with_its_evidence(section: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "show", section, "--evidence"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{section}, matrix of {MATRIX.measured}"
    told = lines[lines.index("evidence") + 1 :]
    assert told
    kinds = ("verified: ", "measured: ", "documented: ", "observed: ", "inferred: ")
    assert all(any(kind in line for kind in kinds) for line in told)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_exported_row_by_row(section: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "export", "--format", "csv", "--section", section]) == 0
    header, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert len(rows) == SECTIONS[section]
    assert all(len(row) == len(header) for row in rows)
    assert main(["matrix", "export", "--format", "markdown", "--section", section]) == 0
    assert len(capsys.readouterr().out.splitlines()) == SECTIONS[section] + 2


def test_the_json_holds_every_set_of_pins_with_its_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "export"]) == 0
    found = json.loads(capsys.readouterr().out)["pins"]
    assert len(found) == len(MATRIX.pin_sets)
    (one,) = [s for s in found if (s["tensorflow"], s["python"], s["keras"]) == ("2.15.1", "3.11", "keras")]
    assert one["pins"]["keras"] == "2.15.0"
    assert [run["distribution"] for run in one["runs"]] == ["tensorflow", "tensorflow-cpu"]
    assert one["runs"][0]["steps"]["fit"] == "ok"


def test_pins_are_shown_by_the_version_of_tensorflow(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["matrix", "show", "pins", "--version", "2.21"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:] if line]
    assert {row[0] for row in rows} == {"2.21.0"}
    assert {(row[1], row[2]) for row in rows} == {(f"3.{n}", keras) for n in range(10, 14) for keras in ("keras", "tf-keras")}


def test_a_version_that_no_row_has_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "show", "pins", "--version", "9.9"]) == 2
    message = "tfcompat: --version: no row of pins matches '9.9'\n  hint: 'tfcompat matrix show pins' lists all of them\n"
    assert capsys.readouterr().err == message


def test_refreshing_needs_what_a_plain_installation_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "remotezip", None)
    cache = tmp_path / "cache"
    asked = ["matrix", "refresh", "--index-url", "http://127.0.0.1:9/simple", "--cache", str(cache), "--data", str(tmp_path)]
    assert main(asked) == 2
    told = "tfcompat: refresh needs the package remotezip\n  hint: pip install 'tfcompat[refresh]'\n"
    assert capsys.readouterr() == ("", told)
    assert not cache.exists()


def test_the_help_of_refresh_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["matrix", "--help"])
    assert "needs tfcompat[refresh]" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit):
        main(["matrix", "refresh", "--help"])
    assert "pip install 'tfcompat[refresh]'" in " ".join(capsys.readouterr().out.split())
