"""What is written to standard output arrives, or the reason is said; a reader that left changes nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tfcompat.cli.output import write_out
from tfcompat.errors import CouldNotCheck

SOURCE = Path(__file__).parents[1] / "src"
# ends as a command does: the code is known before anything is written, and main() flushes
SCRIPT = """
import sys
from tfcompat.cli.output import write_out
from tfcompat.errors import CouldNotCheck
try:
    write_out({text})
    sys.stdout.flush()
except CouldNotCheck as error:
    print(error, file=sys.stderr)
    sys.exit(3)
sys.exit(1)
"""
needs_shell = pytest.mark.skipif(os.name != "posix", reason="no POSIX shell here")


def run(text: str, redirection: str = "", **variables: str) -> tuple[int, bytes, str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PY": sys.executable, "SCRIPT": SCRIPT.format(text=text), **variables}
    command = ["bash", "-c", f'"$PY" -c "$SCRIPT" {redirection}']
    found = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    return found.returncode, found.stdout, found.stderr.decode()


def test_a_text_arrives_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    write_out("naïve\n漢\n")
    assert capsys.readouterr() == ("naïve\n漢\n", "")


@needs_shell
@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "naïve \\udc80 漢\n".encode()), ("latin-1", b"na\xefve \\udc80 \\u6f22\n"), ("ascii", b"na\\xefve \\udc80 \\u6f22\n")],
)
def test_what_the_terminal_cannot_show_is_escaped(encoding: str, shown: bytes) -> None:
    assert run(ascii("naïve \udc80 漢\n"), PYTHONIOENCODING=encoding, PYTHONUTF8="0") == (1, shown, "")


@needs_shell
@pytest.mark.parametrize("text", ["'one\\n'", "'one line of many\\n' * 100_000"], ids=["short", "long"])
def test_a_reader_that_left_changes_nothing(text: str) -> None:
    code, _, err = run(text, "| true; exit ${PIPESTATUS[0]}")
    assert (code, err) == (1, "")


@needs_shell
@pytest.mark.parametrize("sink", [">&-", "| true; exit ${PIPESTATUS[0]}"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_every_command_keeps_its_verdict_whatever_becomes_of_the_output(form: str, sink: str) -> None:
    command = f'"{sys.executable}" -m tfcompat resolve --python 3.14 --format {form} {sink}'
    found = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
    assert (found.returncode, found.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("text", ["'one\\n'", "'one line of many\\n' * 100_000"], ids=["short", "long"])
def test_a_full_disk_is_said(text: str) -> None:
    told = "standard output cannot be written: No space left on device\n  hint: free some space there, or send the output elsewhere\n"
    assert run(text, ">/dev/full") == (3, b"", told)


class Failing(io.StringIO):
    """Stands in for standard output, without a descriptor."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


def test_a_stand_in_whose_reader_left(monkeypatch: Any) -> None:
    sink = Failing(BrokenPipeError())
    monkeypatch.setattr(sys, "stdout", sink)
    write_out("one\n")
    assert sink.getvalue() == "one\n"


def test_a_stand_in_that_fails(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(OSError("out of paper")))
    with pytest.raises(CouldNotCheck, match="standard output cannot be written: out of paper"):
        write_out("one\n")
