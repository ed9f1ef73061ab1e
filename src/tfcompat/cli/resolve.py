"""``tfcompat resolve``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tfcompat.cli.registry import add_registry_arguments, open_registries
from tfcompat.errors import RequestError
from tfcompat.matrix.load import load_bundled, load_matrix
from tfcompat.resolver import PackageLine, Request, Resolution, ResolutionImpossible, resolve

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from tfcompat.matrix import Matrix

__all__ = ["add_arguments"]

FORMATS = ("text", "json", "dockerfile", "requirements", "env", "github-output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The wishes. Specifiers follow PEP 440; a bare version such as 2.15 means ==2.15.*."""
    for name in ("tensorflow", "keras", "python", "cuda", "cudnn"):
        parser.add_argument(
            f"--{name}", metavar="SPEC", help="a version (2.15) or a specifier ('>=2.15,<2.17')" if name == "tensorflow" else None
        )
    parser.add_argument("--driver", metavar="VERSION", help="the NVIDIA driver of the host, as nvidia-smi prints it")
    parser.add_argument(
        "--gpu", metavar="GPU", nargs="?", const="", action="append", help="A100, 'RTX 4090', 8.6; repeat: must run on all; bare: any GPU"
    )
    parser.add_argument("--cpu", action="store_true", help="a plan without a GPU")
    parser.add_argument("--platform", default="linux/amd64", metavar="OS/ARCH", help="linux/amd64 (default) or linux/arm64")
    parser.add_argument("--base", default="auto", metavar="BASE", help="auto, official, slim, cuda, ngc, or an image such as ubuntu:22.04")
    parser.add_argument("--jupyter", action="store_true", help="with Jupyter")
    parser.add_argument("--package", metavar="REQ", action="append", default=[], help="another requirement, such as 'numpy>=2'; repeatable")
    parser.add_argument(
        "-r", "--requirements", metavar="FILE", type=_path, action="append", default=[], help="requirements to honour; repeatable"
    )
    parser.add_argument("--matrix", metavar="PATH", type=_path, help="a compiled matrix instead of the bundled one")
    parser.add_argument(
        "--online", action="store_true", help="only images that their registry has now, with their digests; needs the network"
    )
    parser.add_argument("--offline", action="store_true", help="ask nobody, which is the default")
    parser.add_argument("--pin-digest", action="store_true", help="name the image by tag and digest, so that it stays the same")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--evidence", action="store_true", help="with --format text: every statement behind the plan")
    add_registry_arguments(parser, lists=False)
    parser.set_defaults(run=run)


def _path(text: str) -> Path:
    """A path; pathlib costs a tenth of a start-up, and most requests name no file."""
    from pathlib import Path

    return Path(text)


def run(options: argparse.Namespace) -> int:
    """Print the plan, or the conflict; exit code 1 for a conflict."""
    matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
    try:
        resolution = _resolve(_request(options), matrix, options)
    except ResolutionImpossible as conflict:
        _print_conflict(conflict, options.format)
        return conflict.exit_code
    sys.stdout.write(_render(resolution, options, matrix))
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
    packages: list[str | PackageLine] = list(options.package)
    if options.requirements:
        from tfcompat.requirements_file import load_requirements

        packages += [line for path in options.requirements for line in load_requirements(path)]
    names = [name for name in options.gpu or () if name]
    wishes: dict[str, Any] = {
        n: getattr(options, n) for n in ("tensorflow", "keras", "python", "cuda", "cudnn", "driver", "cpu", "platform", "base", "jupyter")
    }
    return Request(**wishes, gpu=names or options.gpu is not None, packages=tuple(packages))


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

        sys.stdout.write(render_json(conflict))
    else:
        from tfcompat.outputs.text import render_conflict

        (sys.stdout if form == "text" else sys.stderr).write(render_conflict(conflict))
