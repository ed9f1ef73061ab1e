"""``tfcompat check``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach
from tfcompat.cli.probe import add_probe_arguments, start_probe
from tfcompat.cli.wishes import path_of
from tfcompat.errors import RequestError

if TYPE_CHECKING:
    import argparse

    from tfcompat.check import Report
    from tfcompat.probing import Probe

__all__ = ["add_arguments"]

_EXIT_CODES = {"ok": 0, "broken": 1, "unknown": 3}
_STYLES = {"": "", "good": "green", "bad": "bold red", "doubt": "yellow", "dim": "dim", "strong": "bold"}
_EXPECTATIONS = ("tensorflow", "keras", "python", "cuda", "cudnn", "driver")
_NAMES = {"keras": "Keras", "python": "Python", "cuda": "the CUDA runtime", "cudnn": "cuDNN", "driver": "the host's driver"}
_RANGE = "also fail when it is another one: a version (2.15) or a specifier ('>=2.15,<2.17')"
_LIMIT = 32 << 20  # bytes of facts; a probe prints about 20 kB
_PIPED = "tfcompat probe --print | docker run --rm --gpus all -i IMAGE python - --expect gpu | tfcompat check --facts -"
_ELSEWHERE = f"tfcompat: this is no container, and its Python has no TensorFlow: was an image meant?\n  hint: {_PIPED}"
_PROBE_ONLY = {
    "--stress": ("stress", 0.0),
    "--all-gpus": ("all_gpus", False),
    "--no-smoke": ("smoke", True),
    "--timeout": ("timeout", 300.0),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is expected, where the facts come from, and how the verdict is told."""
    parser.add_argument(
        "--facts", metavar="FILE", help="what the probe printed elsewhere, instead of running it here; - reads standard input"
    )
    add_probe_arguments(parser)
    for name in _EXPECTATIONS:
        parser.add_argument(f"--expect-{name}", metavar="SPEC", help=_RANGE if name == "tensorflow" else f"likewise for {_NAMES[name]}")
    parser.add_argument("--expect-gpu-model", metavar="GPU", help="also fail when a visible GPU is another one, as in A100")
    parser.add_argument("--format", choices=("text", "json", "github", "junit"), default="text")
    parser.add_argument("--matrix", metavar="PATH", type=path_of, help="a compiled matrix instead of the bundled one")
    parser.set_defaults(run=run)
    teach(
        parser,
        ("tfcompat check --expect gpu", "does the GPU compute here, and which link is broken"),
        (
            _PIPED,
            "the same of an image",
        ),
        ("tfcompat check --facts facts.json --expect-tensorflow '>=2.15,<2.17'", "judge what the probe printed elsewhere"),
        ("tfcompat check --expect gpu --format junit > check.xml", "a report for CI"),
        exit_codes="0 it works; 1 a link is broken, or it is not what was expected; 2 usage; 3 it could not be established",
    )


def run(options: argparse.Namespace) -> int:
    """Print the verdict. Exit code 0 when it works, 1 when a link is broken, 3 when that could not be established."""
    report = _report(options)
    write_out(_rendered(report, options.format))
    if options.facts is None and options.format == "text" and _is_elsewhere(report):
        print(_ELSEWHERE, file=sys.stderr)
    return _EXIT_CODES[report.verdict]


def _is_elsewhere(report: Report) -> bool:
    """Whether neither a container nor a TensorFlow is here: then hardly this environment was meant."""
    container = report.observed.facts.container
    missing = any(finding.rule == "tensorflow-missing" for finding in report.findings)
    return missing and getattr(container, "kind", "unknown") is None


def _report(options: argparse.Namespace) -> Report:
    started = _start(options)
    try:
        from tfcompat.check import check_facts, parse_expectations  # all of this while the probe is at work
        from tfcompat.facts import parse_facts
        from tfcompat.files import read_source
        from tfcompat.matrix.catalogue import load_signatures
        from tfcompat.matrix.load import load_bundled, load_matrix

        matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
        signatures = load_signatures()
        expectations = parse_expectations(_expected(options), matrix)
        if started is not None:
            content, where = started.finish(), "the probe"
        else:
            where = "the facts" if options.facts == "-" else options.facts
            content = read_source(
                options.facts, where, "name the file that the probe's output was written to", _LIMIT, "no probe prints so much"
            )
    finally:
        if started is not None:
            started.stop()
    facts, document = parse_facts(content, where)
    return check_facts(facts, document, matrix, signatures, options.expect, expectations)


def _expected(options: argparse.Namespace) -> dict[str, str]:
    given = {name: getattr(options, f"expect_{name}") for name in _EXPECTATIONS} | {"gpu": options.expect_gpu_model}
    return {name: text for name, text in given.items() if text is not None}


def _start(options: argparse.Namespace) -> Probe | None:
    """The probe under way, unless its facts are there already."""
    if options.facts is not None:
        given = [name for name in _PROBE_ONLY if getattr(options, _PROBE_ONLY[name][0]) != _PROBE_ONLY[name][1]]
        if given:
            raise RequestError(
                f"{given[0]} is the probe's, and --facts runs none", f"give it to the probe itself: python - {given[0]} ... < probe.py"
            )
        return None
    if sys.stderr.isatty():
        print("looking at this environment; importing TensorFlow can take a minute ...", file=sys.stderr)
    return start_probe(options)


def _rendered(report: Report, form: str) -> str:
    if form == "text":
        return _text(report)
    from tfcompat.outputs.verdicts import render_github, render_json, render_junit

    return {"json": render_json, "github": render_github, "junit": render_junit}[form](report)


def _text(report: Report) -> str:
    """As wide and as coloured as the terminal; plain, and as wide as files are here, where there is none."""
    from tfcompat.outputs.check import check_lines

    if not (sys.stdout.isatty() or os.environ.get("FORCE_COLOR")):
        return "".join(f"{line.text}\n" for line in check_lines(report))
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as capture:
        for line in check_lines(report, console.width):
            console.print(Text(line.text, style=_STYLES[line.style]))
    return capture.get()
