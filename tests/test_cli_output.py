"""What is written to standard output arrives, or the reason is said; a reader that left changes nothing."""

from __future__ import annotations

import io
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tfcompat.cli import main
from tfcompat.cli.output import write_out
from tfcompat.errors import CouldNotCheck, RequestError

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


# -- files that an option names ----------------------------------------------------------------------

WRITERS = {
    "pin": (["pin", "--tensorflow", "2.15", "-o"], "nothing was changed; name another file with -o"),
    "html": (["matrix", "html", "-o"], "nothing was changed; name another file with -o"),
    "compile": (["matrix", "compile", "--data", str(SOURCE.parent / "data"), "--output"], "name another file with --output"),
    "baseline": (["gate", "Dockerfile", "--write-baseline"], "name another file with --write-baseline"),
}
every_writer = pytest.mark.parametrize("writer", WRITERS)


@pytest.fixture(autouse=True)
def _page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the page is another test's, and takes its time."""
    monkeypatch.setattr("tfcompat.outputs.page.render_page", lambda *_: "page")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What may stand in the place of a file, and nothing that belongs to this machine."""
    (tmp_path / "Dockerfile").write_text("FROM python:3.11\n")
    place = tmp_path / "place"
    place.mkdir()
    (place / "folder").mkdir()
    os.mkfifo(place / "fifo")
    monkeypatch.chdir(place)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("socket")
        (place / "to-fifo").symlink_to("fifo")
        (place / "loop").symlink_to("loop")
        monkeypatch.chdir(tmp_path)
        yield place


def kinds(folder: Path) -> dict[str, int]:
    return {path.name: path.lstat().st_mode for path in folder.iterdir()}


@needs_shell
@every_writer
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder", "it is not a file"),
        ("fifo", "it is not a file"),
        ("socket", "it is not a file"),
        ("to-fifo", "it is not a file"),
        ("loop", "Symlink loop"),
        ("missing/file", "No such file or directory"),
    ],
)
def test_what_is_no_file_is_not_replaced(writer: str, name: str, reason: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, hint = WRITERS[writer]
    before = kinds(folder)
    assert main([*arguments, f"place/{name}"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(f"tfcompat: place/{name} cannot be written: {reason}\n  hint: {hint}\n")
    assert kinds(folder) == before


@needs_shell
@every_writer
def test_a_link_is_followed_and_a_neighbour_is_kept(writer: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real, link = folder / "real", folder / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to("real")
    for name in ("link.part", "real.part"):
        (folder / name).write_text("mine")
    before = kinds(folder)
    assert main([*WRITERS[writer][0], "place/link"]) == 0
    assert link.is_symlink()
    assert real.read_text() != "old"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [(folder / name).read_text() for name in ("link.part", "real.part")] == ["mine", "mine"]
    assert set(kinds(folder)) - set(before) == ({"signatures.json"} if writer == "compile" else set())


@needs_shell
@every_writer
def test_a_full_disk_leaves_what_was_there(
    writer: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (folder / "file").write_text("old")
    before = kinds(folder)
    monkeypatch.setattr(os, "fsync", full)
    assert main([*WRITERS[writer][0], "place/file"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    told = "place/file cannot be written: No space left on device\n  hint: free some space there, or send the output elsewhere\n"
    assert err.endswith(f"tfcompat: {told}")
    assert kinds(folder) == before
    assert (folder / "file").read_text() == "old"


@needs_shell
def test_a_file_by_the_name_written_aside_is_not_ours(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    aside = folder / f".file.{os.getpid()}.part"
    aside.write_text("mine")
    assert main([*WRITERS["html"][0], "place/file"]) == 2
    assert capsys.readouterr().err.startswith("tfcompat: place/file cannot be written: File exists\n")
    assert aside.read_text() == "mine"


def test_the_page_says_where_it_is_and_a_dash_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "matrix.html"
    for told in ("written", "unchanged"):
        assert main(["matrix", "html", "-o", str(path)]) == 0
        assert capsys.readouterr() == ("", f"{path}: {told}\n")
    assert main(["matrix", "html", "-o", "-"]) == 2
    assert capsys.readouterr() == ("", "tfcompat: -o - names no file\n  hint: leave -o out to write to standard output\n")


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    from tfcompat.files import write_text

    with pytest.raises(RequestError, match="cannot be written: "):
        write_text(tmp_path / "a\0b", "text")
