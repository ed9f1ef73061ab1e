"""``tfcompat explain LOGFILE | -``."""

from __future__ import annotations

import codecs
import io
import shutil
import sys
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach
from tfcompat.errors import CouldNotCheck

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = ["add_arguments"]

_LIMIT = 64 << 20  # bytes
_NARROWEST = 50  # columns
_EXPECTED = {"gpu": True, "cpu": False, "auto": None}
_MARKS = (  # of UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The log, and what is known beside it."""
    parser.add_argument("log", metavar="LOGFILE", help="what TensorFlow, pip or docker printed; - reads standard input")
    parser.add_argument("--tensorflow", metavar="VERSION", help="the release that ran, where the log does not say it")
    parser.add_argument(
        "--expect", choices=tuple(_EXPECTED), default="auto", help="whether a GPU was to be used; lines about a missing GPU depend on it"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run_explain)
    teach(
        parser,
        ("tfcompat explain train.log", "what its lines mean, with the true cause and the remedy"),
        ("docker logs trainer 2>&1 | tfcompat explain -", "the same of a container"),
        ("tfcompat explain --expect cpu --tensorflow 2.15 train.log", "no GPU was to be used, and the log does not name the release"),
        exit_codes="0 no line stands for an error; 1 one does; 2 usage; 3 there is nothing to read",
    )


def run_explain(options: argparse.Namespace) -> int:
    """Exit code 1 when a line stands for an error, 0 when none does, 3 when there is nothing to read."""
    from tfcompat.files import read_source
    from tfcompat.matrix.catalogue import load_signatures
    from tfcompat.outputs.log import render_matches, render_matches_json
    from tfcompat.signatures import match_signatures
    from tfcompat.versions import parse_version

    tensorflow = parse_version(options.tensorflow, "--tensorflow") if options.tensorflow is not None else None
    name = "the log" if options.log == "-" else options.log
    hint, cut = "name the file that the output was written to", f"cut it first: tail -c {_LIMIT >> 20}M {options.log}"
    content = _utf8(read_source(options.log, name, hint, _LIMIT, cut), name)
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    expected = _EXPECTED[options.expect]
    matches = match_signatures(_lines(content), load_signatures(), gpu_expected=expected, tensorflow=tensorflow)
    write_out(render_matches_json(matches, lines) if options.format == "json" else render_matches(matches, lines, _width()))
    return 1 if any(match.severity == "error" for match in matches) else 0


def _width() -> int:
    """That of the terminal, within reason; where there is none, the widest."""
    from tfcompat.outputs.log import WIDTH

    if not sys.stdout.isatty():
        return WIDTH
    return min(max(shutil.get_terminal_size((WIDTH, 24)).columns, _NARROWEST), WIDTH)


def _utf8(content: bytes, name: str) -> bytes:
    """The log in UTF-8, in which lines can be told apart as bytes."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            content = content.decode(encoding, "replace").encode("utf-8", "replace")
            break
    content = content.removeprefix(codecs.BOM_UTF8).rstrip(b"\0")
    if not content.strip(b" \t\r\n\0"):
        raise CouldNotCheck(f"{name} is empty", "TensorFlow prints to standard error: COMMAND > LOGFILE 2>&1")
    return content


def _lines(content: bytes) -> Iterator[str]:
    return (line.decode("utf-8", "replace") for line in io.BytesIO(content))
