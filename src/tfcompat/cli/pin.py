"""``tfcompat pin``."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_to
from tfcompat.cli.parsers import teach
from tfcompat.cli.wishes import add_wishes, path_of, request_of
from tfcompat.errors import TfcompatError, plain
from tfcompat.join import pin
from tfcompat.matrix.load import load_bundled, load_matrix
from tfcompat.resolver import ResolutionImpossible

if TYPE_CHECKING:
    import argparse

    from tfcompat.join import Joined
    from tfcompat.matrix import Matrix

__all__ = ["add_arguments"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The wishes, a person's own requirements, and the file that is made of both."""
    add_wishes(parser)
    parser.add_argument(
        "-r",
        "--requirements",
        metavar="FILE",
        type=path_of,
        action="append",
        default=[],
        help="your own requirements, pinned together with TensorFlow's; repeatable; needs uv (or pip) and an index",
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=path_of, help="write here instead of to standard output")
    parser.add_argument("--constraints", action="store_true", help="a constraints file, for 'pip install -c'")
    parser.add_argument("--hashes", action="store_true", help="with the sha256 of every file that may be installed; asks the index")
    parser.add_argument("--universal", action="store_true", help="for every platform and newer interpreters, with markers; needs uv")
    parser.add_argument("--index-url", metavar="URL", help="another package index than pypi.org")
    parser.add_argument("-v", "--verbose", action="store_true", help="on a conflict, also what uv or pip said")
    parser.set_defaults(run=run, of_matrix=True)
    teach(
        parser,
        ("tfcompat pin --tensorflow 2.15 -o requirements.txt", "every package with its exact version, as it was run together"),
        ("tfcompat pin --tensorflow 2.10 --python 3.8 --constraints > constraints.txt", "the same for 'pip install -c'"),
        ("tfcompat pin --gpu A100 -r requirements.in -o requirements.txt", "your own requirements, pinned together with TensorFlow's"),
        ("tfcompat pin --model my_model.h5 -o requirements.txt", "pins whose Keras loads that model"),
    )


def run(options: argparse.Namespace) -> int:
    """Print or write the pins; exit code 1 for a conflict."""
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a resolver that runs is stopped as well
    matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
    try:
        joined = pin(
            request_of(options),
            options.requirements,
            matrix,
            index_url=options.index_url,
            hashes=options.hashes,
            universal=options.universal,
            folder=options.output.parent if options.output else None,
        )
    except ResolutionImpossible as conflict:
        from tfcompat.outputs.text import render_conflict

        sys.stderr.write(render_conflict(conflict))
        return conflict.exit_code
    except TfcompatError as error:
        if options.verbose and error.said:
            sys.stderr.write(f"{error.said.rstrip()}\n")
        raise
    for line in joined.plan.remarks:
        print(f"note: {plain(line)}", file=sys.stderr)
    write_to(options.output, _render(joined, options, matrix))
    return 0


def _render(joined: Joined, options: argparse.Namespace, matrix: Matrix) -> str:
    from tfcompat.outputs.requirements import render_constraints, render_requirements

    render = render_constraints if options.constraints else render_requirements
    return render(joined.plan, matrix.measured, joined.lines, joined.about)
