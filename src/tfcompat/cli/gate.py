"""``tfcompat gate``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.cli.parsers import given, teach
from tfcompat.cli.registry import add_registry_arguments
from tfcompat.errors import CouldNotCheck, RequestError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from tfcompat.cli.asked import Asked
    from tfcompat.cli.fixing import Change
    from tfcompat.gate.finding import Report, Unchecked
    from tfcompat.gate.gate import BaseImage
    from tfcompat.gate.source import Source, Tree
    from tfcompat.matrix import Matrix
    from tfcompat.stack import Image

__all__ = ["add_arguments"]

_EXIT_CODES = "0 clean; 1 findings at or above the threshold; 2 usage or configuration; 3 something could not be checked"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is looked at, what it must run on, what counts, and how it is told."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files, or folders that are searched (default: .); - reads standard input")
    parser.add_argument("--stdin-filename", metavar="FILE", help="with -: the file that standard input stands for")
    _add_target(parser.add_argument_group("target", "also gpu, driver and platform in [tool.tfcompat] of pyproject.toml"))
    _add_counting(parser.add_argument_group("what counts"))
    _add_telling(parser.add_argument_group("how it is told, and mended"))
    add_registry_arguments(parser, lists=False)
    parser.set_defaults(run=run, of_matrix=True)
    teach(
        parser,
        ("tfcompat gate", "everything below this folder"),
        ("tfcompat gate --target-gpu A100 --driver 535.104.05", "the same for that host"),
        ("tfcompat gate --diff services/api", "what --fix would change there"),
        ("tfcompat gate --output sarif=gate.sarif", "the report here, and in a file that code scanning reads"),
        ("tfcompat gate --write-baseline baseline.json", "what is found today is excused, where --baseline baseline.json is given"),
        exit_codes=_EXIT_CODES,
    )


def _add_target(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--target-gpu", metavar="GPU", action="append", default=[], help="A100, 'RTX 4090', 8.6; repeat: must run on all")
    group.add_argument("--driver", metavar="VERSION", help="the NVIDIA driver of the host, as nvidia-smi prints it")
    group.add_argument("--platform", metavar="OS/ARCH", help="linux/amd64 (default) or linux/arm64")
    group.add_argument("--build-arg", metavar="NAME=VALUE", action="append", default=[], help="as docker build is given it; repeatable")
    group.add_argument("--online", action="store_true", help="ask registries which images they have now; needs the network")
    group.add_argument("--matrix", metavar="PATH", help="a compiled matrix instead of the bundled one")


def _add_counting(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--fail-on", choices=("error", "warning"), help="the least severity that fails, at or above (default: error)")
    group.add_argument("--select", metavar="RULES", action="append", default=[], help="only these rules, with commas; repeatable")
    group.add_argument("--ignore", metavar="RULES", action="append", default=[], help="not these rules, with commas; repeatable")
    group.add_argument("--info", action="store_true", help="notes as well, and what could not be followed")
    group.add_argument("--exit-zero", action="store_true", help="findings do not fail; what could not be checked still does")
    group.add_argument("--no-inline", action="store_true", help="comments excuse nothing")
    group.add_argument("--baseline", metavar="FILE", type=given, help="what this file lists is excused")
    group.add_argument(
        "--write-baseline", metavar="FILE", type=given, help="list everything that is found now, so that only what is new fails"
    )
    group.add_argument("--config", metavar="FILE", type=given, help="a pyproject.toml (default: that at the top of the tree)")


def _add_telling(group: argparse._ArgumentGroup) -> None:
    from tfcompat.outputs.gate import FORMATS

    group.add_argument("--format", choices=FORMATS, default="text", help="of standard output")
    group.add_argument("--output", metavar="FORMAT=FILE", action="append", default=[], help="write it there as well; repeatable")
    group.add_argument("--evidence", action="store_true", help="with --format text: what proves each finding")
    mending = group.add_mutually_exclusive_group()
    mending.add_argument("--fix", action="store_true", help="make the edits that are certain, then say what is left")
    mending.add_argument("--diff", action="store_true", help="print the edits that --fix would make, and make none")


def run(options: argparse.Namespace) -> int:
    """Print the report. Exit code 3 when something could not be checked, else 1 when something at or above the threshold was found."""
    from tfcompat.cli.asked import asked_of
    from tfcompat.cli.told import parse_outputs, say, text_of, write_baseline, write_reports, write_step_summary
    from tfcompat.gate.selection import failing

    if options.diff and options.format != "text":
        raise RequestError("--diff prints a diff", "write the report with --output FORMAT=FILE")
    outputs = parse_outputs(options.output)
    registries = _Registries(options)
    asked = asked_of(options, registries.matrix)
    changes, report = _judged(asked, options, registries)
    sources = _sources(asked.tree, changes)
    if options.write_baseline:
        report = write_baseline(report, sources, options.write_baseline)
    write_reports(report, sources, asked.settings, outputs)
    if options.diff:
        from tfcompat.cli.fixing import diff
        from tfcompat.cli.output import write_out

        write_out(diff(changes))
        sys.stderr.write(text_of(report, sources, asked.settings, options.evidence, sys.stderr.isatty(), edits=bool(changes)))
    else:
        say(report, sources, asked.settings, options.format, options.evidence)
    if "github" in (options.format, *outputs.values()):
        write_step_summary(report, sources, asked.settings)
    if any(unchecked.counts for unchecked in report.not_checked):
        return 3
    if options.exit_zero:
        return 0
    return 1 if failing(report, asked.settings) or (options.diff and changes) else 0


def _judged(asked: Asked, options: argparse.Namespace, registries: _Registries) -> tuple[list[Change], Report]:
    """What is found, and what fixes change, where those are asked for."""

    def judge(tree: Tree) -> Report:
        return _judge(asked, tree, registries.seen(asked, tree), options)

    if not (options.fix or options.diff):
        return [], judge(asked.tree)
    from pathlib import Path

    from tfcompat.cli.fixing import mend, write_changes
    from tfcompat.outputs.gate.spans import harmless

    changes, report = mend(asked.tree, judge)
    if options.fix:
        write_changes(Path(asked.top), changes)
        for old, _ in changes:
            print(f"{harmless(old.name)}: fixed", file=sys.stderr)
    return changes, report


def _judge(asked: Asked, tree: Tree, seen: _Seen, options: argparse.Namespace) -> Report:
    from datetime import date

    from tfcompat.cli.asked import KINDS
    from tfcompat.gate.gate import run_gate
    from tfcompat.gate.selection import selected, shown
    from tfcompat.gate.suppression import suppress

    report = selected(run_gate(tree, asked.names, asked.settings, seen.matrix, seen.images), asked.settings)
    report = report._replace(not_checked=(*asked.unread, *report.not_checked, *seen.unanswered))
    if not (report.checked or report.not_checked):
        from tfcompat.cli.lost import nothing_below

        raise nothing_below(options.paths or ["."], KINDS)
    today, sources = date.today().isoformat(), _sources(tree)
    if any(finding.fix is not None for finding in report.findings):
        from tfcompat.gate.editing import without_idle_fixes

        report = without_idle_fixes(report, sources)
    report = suppress(report, sources, asked.settings, asked.baseline, today, not options.no_inline, asked.whole)
    return shown(report, asked.settings)


class _Seen(NamedTuple):
    """The matrix, the images of which a registry told the contents, and those that none gave an answer for."""

    matrix: Matrix
    images: Mapping[str, Image]
    unanswered: tuple[Unchecked, ...] = ()


class _Registries:
    """The matrix, and what registries say of the images that a tree names, each of them asked for once."""

    def __init__(self, options: argparse.Namespace) -> None:
        from tfcompat.matrix.load import load_bundled, load_matrix

        self.matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
        self._options = options
        self._asked: set[str] = set()
        self._images: dict[str, Image] = {}
        self._unanswered: list[Unchecked] = []

    def seen(self, asked: Asked, tree: Tree) -> _Seen:
        """As registries see the images of *tree* now, where they are to be asked."""
        if self._options.online:
            from tfcompat.gate.gate import references

            bases = [b for b in references(tree, asked.names, asked.settings, self.matrix) if b.reference not in self._asked]
            self._ask(bases)
        return _Seen(self.matrix, self._images, tuple(self._unanswered))

    def _ask(self, bases: Sequence[BaseImage]) -> None:
        from tfcompat.cli.registry import open_registries
        from tfcompat.gate.finding import Unchecked
        from tfcompat.online import look_at

        if not bases:
            return
        self._asked.update(base.reference for base in bases)
        with open_registries(self._options) as registries:
            self.matrix, learned, failed = look_at([(b.reference, b.platform) for b in bases], registries, self.matrix)
        self._images |= learned
        self._unanswered += [Unchecked(b.place.file, failed[b.reference].message, b.place.line) for b in bases if b.reference in failed]


def _sources(tree: Tree, changes: Sequence[Change] = ()) -> Callable[[str], Source | None]:
    """The texts of *tree*; a file that cannot be read has none, and is told among what was not checked."""
    known: dict[str, Source | None] = {new.name: new for _, new in changes}

    def find(name: str) -> Source | None:
        if name not in known:
            try:
                known[name] = tree.find(name)
            except CouldNotCheck:
                known[name] = None
        return known[name]

    return find
