"""``tfcompat resolve``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach
from tfcompat.cli.registry import add_registry_arguments, open_registries
from tfcompat.cli.wishes import add_wishes, path_of, request_of
from tfcompat.errors import RequestError, plain
from tfcompat.matrix.load import load_bundled, load_matrix
from tfcompat.resolver import Request, Resolution, ResolutionImpossible, resolve

if TYPE_CHECKING:
    import argparse

    from tfcompat.matrix import Matrix

__all__ = ["add_arguments"]

FORMATS = ("text", "json", "dockerfile", "requirements", "env", "github-output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The wishes, and what becomes of the plan."""
    add_wishes(parser)
    parser.add_argument(
        "-r", "--requirements", metavar="FILE", type=path_of, action="append", default=[], help="requirements to honour; repeatable"
    )
    parser.add_argument(
        "--online", action="store_true", help="only images that their registry has now, with their digests; needs the network"
    )
    parser.add_argument("--offline", action="store_true", help="ask nobody, which is the default")
    parser.add_argument("--pin-digest", action="store_true", help="name the image by tag and digest, so that it stays the same")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--evidence", action="store_true", help="with --format text: every statement behind the plan")
    add_registry_arguments(parser, lists=False)
    parser.set_defaults(run=run, of_matrix=True)
    teach(
        parser,
        ("tfcompat resolve --gpu A100", "an image, exact pins and the reason, for that GPU"),
        ("tfcompat resolve --tensorflow 2.15 --python 3.11", "a plan for the CPU, with that release and that interpreter"),
        ("tfcompat resolve --gpu 'RTX 4090' --driver 535.104.05 --format dockerfile > Dockerfile", "a Dockerfile to build, for that host"),
        (
            "tfcompat resolve --gpu T4 -r requirements.txt --model my_model.h5",
            "a plan that keeps your own requirements and loads your model",
        ),
        ('eval "$(tfcompat resolve --gpu T4 --format env)" && echo "$TFCOMPAT_IMAGE"', "the plan as variables of a shell script"),
    )


def run(options: argparse.Namespace) -> int:
    """Print the plan, or the conflict; exit code 1 for a conflict."""
    matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
    try:
        resolution = _resolve(_request(options), matrix, options)
    except ResolutionImpossible as conflict:
        _print_conflict(conflict, options.format)
        return conflict.exit_code
    if options.format in ("env", "requirements", "github-output"):  # these have no room for it
        for doubt in resolution.plan.doubts:
            print(f"tfcompat: not established: {plain(doubt)}", file=sys.stderr)
    write_out(_render(resolution, options, matrix))
    return 0


def _resolve(request: Request, matrix: Matrix, options: argparse.Namespace) -> Resolution:
    if options.online and options.offline:
        raise RequestError("--online excludes --offline", "leave one of them out")
    if not options.online and not options.pin_digest:
        return resolve(request, matrix)
    from tfcompat.online import pin_digests, resolve_online

    if options.online:
        with open_registries(options) as registries:
            resolution = resolve_online(request, registries, matrix)
    else:
        resolution = resolve(request, matrix)
    return pin_digests(resolution) if options.pin_digest else resolution


def _request(options: argparse.Namespace) -> Request:
    if not options.requirements:
        return request_of(options)
    from tfcompat.requirements_file import load_requirements

    return request_of(options, [line for path in options.requirements for line in load_requirements(path)])


def _render(resolution: Resolution, options: argparse.Namespace, matrix: Matrix) -> str:
    if options.format == "json":
        from tfcompat.outputs.document import render_resolution as render_json

        return render_json(resolution)
    if options.format == "dockerfile":
        from tfcompat.outputs.dockerfile import render_dockerfile

        return render_dockerfile(resolution.plan, matrix.measured)
    if options.format == "requirements":
        from tfcompat.outputs.requirements import render_requirements

        return render_requirements(resolution.plan, matrix.measured)
    if options.format in ("env", "github-output"):
        from tfcompat.outputs.variables import render_env, render_github_output

        return render_env(resolution.plan) if options.format == "env" else render_github_output(resolution.plan)
    from tfcompat.outputs.text import render_resolution

    return render_resolution(resolution, matrix.measured, options.evidence)


def _print_conflict(conflict: ResolutionImpossible, form: str) -> None:
    """A conflict is the answer in text and JSON; where a file was wanted, standard output stays empty."""
    if form == "json":
        from tfcompat.outputs.document import render_conflict as render_json

        write_out(render_json(conflict))
    else:
        from tfcompat.outputs.text import render_conflict

        said = render_conflict(conflict)
        if form == "text":
            write_out(said)
        else:
            sys.stderr.write(said)
