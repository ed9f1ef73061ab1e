"""The warning that the bundled matrix is old. Each test brings its own day."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tfcompat import load_bundled
from tfcompat.cli import main, stale
from tfcompat.matrix import load

MEASURED = load_bundled().measured
WARNING = (
    f"tfcompat: the matrix is of {MEASURED}, more than 90 days ago: releases, images and GPUs that are newer are missing\n"
    "  hint: take a newer tfcompat from where you have this one, or measure anew in a checkout with 'tfcompat matrix refresh'; "
    "--online asks registries for their images; TFCOMPAT_NO_STALE_WARNING=1 silences this\n"
)


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make it so many days after the matrix was measured."""
    monkeypatch.delenv(stale.SILENCED)

    def set_day(days: int) -> None:
        day = date.fromisoformat(MEASURED) + timedelta(days)
        monkeypatch.setattr(stale, "_now", lambda: (day - date(1970, 1, 1)).days * 86400 + 43200)

    return set_day


def err_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    load_bundled.cache_clear()  # as in a process of its own
    assert main(arguments) == code
    return capsys.readouterr().err


@pytest.mark.parametrize(("days", "said"), [(-400, ""), (-1, ""), (0, ""), (90, ""), (91, WARNING), (4000, WARNING)])
def test_it_is_said_after_90_days_and_never_by_a_clock_that_is_behind(
    days: int, said: str, after: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    after(days)
    assert err_of(capsys, "resolve") == said


@pytest.mark.parametrize(
    "arguments",
    [
        ("resolve",),
        ("pin",),
        ("matrix", "show", "cuda"),
        ("image", "list", "--offline"),
        ("image", "inspect", "python:3.11", "--offline"),
        ("gate", "Dockerfile"),
    ],
    ids=" ".join,
)
def test_each_command_that_answers_from_the_matrix_says_it_once(
    arguments: tuple[str, ...], after: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path("Dockerfile").write_text("FROM python:3.11-slim-bookworm\n")
    after(120)
    load_bundled.cache_clear()
    main(arguments)
    assert capsys.readouterr().err.count(WARNING) == 1


@pytest.mark.parametrize("arguments", [("rule", "cudnn-runtime"), ("matrix", "export"), ("probe", "--print")], ids=" ".join)
def test_others_do_not(arguments: tuple[str, ...], after: Any, capsys: pytest.CaptureFixture[str]) -> None:
    after(120)
    assert err_of(capsys, *arguments) == ""


def test_what_is_not_found_may_be_newer_than_the_matrix(after: Any, capsys: pytest.CaptureFixture[str]) -> None:
    after(120)
    told = err_of(capsys, "resolve", "--gpu", "Z9000X", code=2)
    assert told.startswith(WARNING + "tfcompat: --gpu: 'Z9000X' is not a GPU that the matrix knows\n")
    assert err_of(capsys, "resolve", "--python", "3.14", "--format", "dockerfile", code=1).endswith(WARNING)


def test_another_matrix_is_a_matter_of_its_owner(after: Any, capsys: pytest.CaptureFixture[str]) -> None:
    after(120)
    assert err_of(capsys, "resolve", "--matrix", load.BUNDLED) == ""


@pytest.mark.parametrize(("value", "said"), [("1", ""), ("yes", ""), ("0", WARNING), ("", WARNING)])
def test_a_variable_silences_it(
    value: str, said: str, after: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    after(120)
    monkeypatch.setenv("TFCOMPAT_NO_STALE_WARNING", value)
    assert err_of(capsys, "resolve") == said


@pytest.mark.parametrize("form", ["json", "dockerfile", "requirements", "env", "github-output"])
def test_standard_output_stays_clean(form: str, after: Any, capsys: pytest.CaptureFixture[str]) -> None:
    after(0)
    load_bundled.cache_clear()
    assert main(["resolve", "--format", form]) == 0
    before = capsys.readouterr().out
    after(120)
    load_bundled.cache_clear()
    assert main(["resolve", "--format", form]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (before, WARNING)
    assert form != "json" or json.loads(out)["status"] == "resolved"


def test_the_day_of_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale, "_now", lambda: 86400.0 * 90 + 1)
    assert stale._days_ago(90) == "1970-01-01"
