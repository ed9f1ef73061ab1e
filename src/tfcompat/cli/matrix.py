"""``tfcompat matrix show | export | html | refresh | compile``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out, write_to
from tfcompat.cli.parsers import teach
from tfcompat.cli.wishes import path_of
from tfcompat.errors import RequestError
from tfcompat.matrix.load import BUNDLED, load_bundled, load_matrix

if TYPE_CHECKING:
    import argparse

__all__ = ["add_arguments"]

_SECTIONS = ("tensorflow", "keras", "pins", "cuda", "gpus", "images")
_EXAMPLES = {
    "show": (
        ("tfcompat matrix show", "which TensorFlow goes with which Python, CUDA and cuDNN"),
        ("tfcompat matrix show pins --version 2.15", "the sets of pins that were run"),
        ("tfcompat matrix show gpus", "GPUs and their compute capabilities"),
        ("tfcompat matrix show tensorflow --version '>=2.18' --evidence", "with the statements behind each row"),
    ),
    "export": (
        ("tfcompat matrix export > matrix.json", "all of it"),
        ("tfcompat matrix export --format csv --section cuda > cuda.csv", "one section, for a spreadsheet"),
        ("tfcompat matrix export --format markdown --section keras", "one section, for a page"),
    ),
    "html": (
        ("tfcompat matrix html -o matrix.html", "one page to open in a browser: what fits your GPU and driver, and why the rest does not"),
        ("tfcompat matrix html --matrix mine/matrix.json > mine.html", "the same of a matrix of your own"),
    ),
    "compile": (
        ("tfcompat matrix compile", "in a checkout: the file that the package loads"),
        ("tfcompat matrix compile --data data --output mine/matrix.json", "a matrix of your own, for --matrix"),
    ),
    "refresh": (
        ("tfcompat matrix refresh", "in a checkout: how the matrix differs from what the package index has today"),
        ("tfcompat matrix refresh --project keras", "the same of one project"),
        ("tfcompat matrix refresh --write && tfcompat matrix compile", "keep what was measured"),
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One parser a subcommand."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    show = commands.add_parser("show", help="print the matrix for people")
    show.add_argument("section", nargs="?", choices=_SECTIONS, default="tensorflow")
    show.add_argument("--version", metavar="SPEC", help="only versions that match, as in 2.15 or '>=2.16'")
    show.add_argument("--evidence", action="store_true", help="with the statements behind each row")
    show.set_defaults(run=run_show, of_matrix=True)

    export = commands.add_parser("export", help="print the matrix for machines")
    export.add_argument("--format", choices=("json", "csv", "markdown"), default="json")
    export.add_argument("--section", choices=_SECTIONS, default="tensorflow", help="for csv and markdown")
    export.set_defaults(run=run_export)

    html = commands.add_parser("html", help="one page, for browsers: what fits a GPU and a driver, and why the rest does not")
    html.add_argument("-o", "--output", metavar="FILE", type=path_of, help="write it here instead of to standard output")
    html.set_defaults(run=run_html)

    for command in (show, export, html):
        command.add_argument("--matrix", metavar="PATH", type=path_of, help="a compiled matrix instead of the bundled one")

    compile_ = commands.add_parser("compile", help="join data/ into the file the package loads")
    compile_.add_argument("--output", metavar="PATH", type=path_of, default=Path(BUNDLED))
    compile_.set_defaults(run=run_compile)

    refresh = commands.add_parser(
        "refresh",
        help="measure data/measured anew from the package index, and print the difference; needs tfcompat[refresh]",
        description="Measure data/measured anew from the package index. It needs one package more: pip install 'tfcompat[refresh]'.",
    )
    refresh.add_argument("--write", action="store_true", help="keep what was measured; without it nothing is changed")
    refresh.add_argument("--allow-shrink", action="store_true", help="accept that the index has lost releases")
    refresh.add_argument("--index-url", metavar="URL", help="another index with the simple JSON API (PEP 691)")
    refresh.add_argument("--cache", metavar="DIR", type=Path, help="where to keep what was read (default: the user's cache folder)")
    refresh.add_argument("--project", metavar="NAME", action="append", default=[], help="only this project; repeatable")
    refresh.set_defaults(run=run_refresh)

    for command in (compile_, refresh):
        command.add_argument("--data", metavar="DIR", type=Path, default=Path("data"), help="the data folder of a checkout (default: data)")
    for name, command in commands.choices.items():
        teach(command, *_EXAMPLES[name])
    teach(parser, *(_EXAMPLES[name][0] for name in ("show", "export", "html", "refresh")))


def run_show(options: argparse.Namespace) -> int:
    """A table that fits the terminal."""
    import shutil

    from tfcompat.outputs.table import render_table

    matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
    write_out(render_table(matrix, options.section, options.version, options.evidence, shutil.get_terminal_size((120, 24)).columns))
    return 0


def run_export(options: argparse.Namespace) -> int:
    """JSON of everything, or CSV and Markdown of one section."""
    from tfcompat.outputs.export import render_csv, render_json, render_markdown

    matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
    if options.format == "json":
        write_out(render_json(matrix))
    else:
        render = render_csv if options.format == "csv" else render_markdown
        write_out(render(matrix, options.section))
    return 0


def run_html(options: argparse.Namespace) -> int:
    """The page, to a file where one is named."""
    from importlib.resources import files

    from tfcompat.outputs.page import PARTS, PageParts, render_page

    matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
    folder = files("tfcompat.outputs.page")
    page = render_page(matrix, PageParts(*(folder.joinpath(name).read_text(encoding="utf-8") for name in PARTS)))
    write_to(options.output, page)
    return 0


def run_compile(options: argparse.Namespace) -> int:
    """Compile the matrix and, beside it, the catalogue of signatures; validate both, then write each aside and rename."""
    import json

    from tfcompat.files import write_text
    from tfcompat.matrix.catalogue import CATALOGUE, compile_signatures, validate_signatures
    from tfcompat.matrix.compile import compile_matrix, dump_document
    from tfcompat.matrix.schema import validate_document

    if options.output.name == CATALOGUE:
        raise RequestError(f"--output: {CATALOGUE} is the catalogue that is written beside the matrix", "name it matrix.json")
    matrix, signatures = dump_document(compile_matrix(options.data)), dump_document(compile_signatures(options.data))
    validate_document(json.loads(matrix), str(options.data))
    validate_signatures(json.loads(signatures), str(options.data))
    for output, text in ((options.output, matrix), (options.output.parent / CATALOGUE, signatures)):
        write_text(output, text, "name another file with --output")
        print(f"{output}: {len(text) >> 10} kB", file=sys.stderr)
    return 0


def run_refresh(options: argparse.Namespace) -> int:
    """Measure, print the difference on standard output, write only when told to."""
    from tfcompat.refresh import PACKAGES, WHEELS, open_session, plan_changes, refresh_with_progress, write_files

    unknown = sorted(set(options.project) - {*WHEELS, *PACKAGES})
    if unknown:
        raise RequestError(f"--project: {', '.join(unknown)} is not measured", f"one of {', '.join(sorted({*WHEELS, *PACKAGES}))}")
    wheels = {n: v for n, v in WHEELS.items() if not options.project or n in options.project}
    packages = {n: v for n, v in PACKAGES.items() if not options.project or n in options.project}
    index, session, cache, today = open_session(options.index_url, options.cache)
    folder = options.data / "measured"
    files = refresh_with_progress(index, session, cache, wheels, packages)
    changes = plan_changes(folder, files)
    for change in changes:
        print(change)
    if options.write:
        write_files(folder, files, changes, None if options.project else {"measured": today}, options.allow_shrink)
    print(f"{len(changes)} rows differ; {'written' if options.write else 'nothing was changed (use --write)'}", file=sys.stderr)
    return 0
