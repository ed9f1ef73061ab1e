"""Where the gate's report goes: standard output, files, and the summary of a workflow's step."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out
from tfcompat.errors import RequestError, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tfcompat.gate.finding import Finding, Report
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Source

    Sources = Callable[[str], Source | None]

__all__ = ["parse_outputs", "say", "text_of", "write_baseline", "write_reports", "write_step_summary"]

_STYLES = {"": "", "error": "bold red", "warning": "yellow", "info": "cyan", "good": "green", "dim": "dim", "strong": "bold"}


def parse_outputs(given: Sequence[str]) -> dict[str, str]:
    """``FORMAT=FILE`` as formats by file. Raises :class:`RequestError`."""
    from tfcompat.outputs.gate import FORMATS

    found: dict[str, str] = {}
    for text in given:
        form, equals, file = text.partition("=")
        if not equals or not file or form not in FORMATS:
            raise RequestError(f"--output {text[:80]!r} is not FORMAT=FILE", f"FORMAT is one of {', '.join(FORMATS)}")
        if file == "-":
            raise RequestError(f"--output {text[:80]!r} names no file", f"--format {form} prints it")
        if file in found:
            raise RequestError(f"--output names {file[:80]!r} twice", "name a file for each")
        found[file] = form
    return found


def write_reports(report: Report, sources: Sources, settings: Settings, outputs: dict[str, str]) -> None:
    """Write each file whole or not at all."""
    if not outputs:
        return
    from pathlib import Path

    from tfcompat.files import write_text
    from tfcompat.outputs.gate import render_report

    for file, form in outputs.items():
        write_text(Path(file), render_report(form, report, sources, settings), "name another file with --output")


def write_step_summary(report: Report, sources: Sources, settings: Settings) -> None:
    """Append Markdown to the file that a workflow's runner names; a person is told where that fails, the verdict stays."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return
    from tfcompat.outputs.gate import render_report

    try:
        with open(file, "a", encoding="utf-8") as summary:  # noqa: PTH123
            summary.write(render_report("markdown", report, sources, settings))
    except OSError as error:
        print(f"tfcompat: the step summary was not written: {error.strerror or error}", file=sys.stderr)


def say(report: Report, sources: Sources, settings: Settings, form: str, evidence: bool) -> None:
    """Print the report in one form."""
    if form == "text":
        write_out(text_of(report, sources, settings, evidence, sys.stdout.isatty()))
        return
    from tfcompat.outputs.gate import render_report

    write_out(render_report(form, report, sources, settings))


def text_of(report: Report, sources: Sources, settings: Settings, evidence: bool, terminal: bool, edits: bool = False) -> str:
    """As wide and as coloured as the terminal; plain, and as wide as files are here, where there is none."""
    from tfcompat.outputs.gate.text import WIDTH, lines

    if os.environ.get("NO_COLOR") or not (terminal or os.environ.get("FORCE_COLOR", "0") not in ("", "0")):
        from shutil import get_terminal_size

        width = get_terminal_size((WIDTH, 24)).columns if terminal else WIDTH
        return "".join(
            "".join(piece.text for piece in line) + "\n" for line in lines(report, sources, width, evidence, settings.info, edits)
        )
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as capture:
        for line in lines(report, sources, console.width, evidence, settings.info, edits):
            console.print(Text.assemble(*((plain(piece.text), _STYLES[piece.style]) for piece in line)))
    return capture.get()


def write_baseline(report: Report, sources: Sources, path: str) -> Report:
    """Write what counts, and what an older baseline excuses; then nothing of it counts any more."""
    from pathlib import Path

    from tfcompat.files import write_text
    from tfcompat.gate.baseline import fingerprints, render_baseline
    from tfcompat.gate.finding import Suppressed
    from tfcompat.gate.source import Place
    from tfcompat.gate.suppression import RULE

    def kept(finding: Finding) -> bool:
        excused = finding.suppressed is not None and finding.suppressed.kind != "baseline"
        return not excused and finding.rule != RULE

    names = fingerprints(report.findings, sources)
    rows = [(finding, name) for finding, name in zip(report.findings, names, strict=True) if kept(finding)]
    write_text(Path(path), render_baseline(rows), "name another file with --write-baseline")
    print(f"{path}: {len(rows)} finding{'' if len(rows) == 1 else 's'} written", file=sys.stderr)
    because = Suppressed("baseline", f"in the baseline {path}", Place(path, 1, 1))
    return report._replace(findings=tuple(f._replace(suppressed=because) if kept(f) else f for f in report.findings))
