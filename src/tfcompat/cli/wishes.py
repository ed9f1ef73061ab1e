"""The wishes as options, shared by every command that resolves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfcompat.cli.parsers import given
from tfcompat.resolver import PackageLine, Request
from tfcompat.resolver.request import BASES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from tfcompat.models.model import Model

__all__ = ["add_wishes", "path_of", "request_of"]


def add_wishes(parser: argparse.ArgumentParser) -> None:
    """Specifiers follow PEP 440; a bare version such as 2.15 means ==2.15.*."""
    for name in ("tensorflow", "keras", "python", "cuda", "cudnn"):
        parser.add_argument(
            f"--{name}", metavar="SPEC", help="a version (2.15) or a specifier ('>=2.15,<2.17')" if name == "tensorflow" else None
        )
    parser.add_argument("--driver", metavar="VERSION", help="the NVIDIA driver of the host, as nvidia-smi prints it")
    parser.add_argument(
        "--gpu",
        metavar="GPU",
        type=given,
        nargs="?",
        const=True,
        action="append",
        help="A100, 'RTX 4090', 8.6; repeat: must run on all; bare: any GPU",
    )
    parser.add_argument("--cpu", action="store_true", help="a plan without a GPU")
    parser.add_argument("--platform", default="linux/amd64", metavar="OS/ARCH", help="linux/amd64 (default) or linux/arm64")
    parser.add_argument("--base", default="auto", metavar="BASE", help="auto, official, slim, cuda, ngc, or an image such as ubuntu:22.04")
    parser.add_argument("--jupyter", action="store_true", help="with Jupyter")
    parser.add_argument("--package", metavar="REQ", action="append", default=[], help="another requirement, such as 'numpy>=2'; repeatable")
    parser.add_argument("--model", metavar="FILE", action="append", default=[], help="a saved model that its Keras must load; repeatable")
    parser.add_argument("--matrix", metavar="PATH", type=path_of, help="a compiled matrix instead of the bundled one")


def path_of(text: str) -> Path:
    """A path; pathlib costs a tenth of a start-up, and most requests name no file."""
    from pathlib import Path

    return Path(given(text))


def request_of(options: argparse.Namespace, packages: Sequence[PackageLine] = ()) -> Request:
    """The request that *options* make, with what stands in requirements files."""
    _warn_of_slip(options.base)
    names = [name for name in options.gpu or () if name is not True]
    wishes: dict[str, Any] = {
        n: getattr(options, n) for n in ("tensorflow", "keras", "python", "cuda", "cudnn", "driver", "cpu", "platform", "base", "jupyter")
    }
    models = _models(options.model) if options.model else ()
    return Request(**wishes, gpu=names or options.gpu is not None, packages=(*options.package, *packages), models=models)


def _models(paths: Sequence[str]) -> Sequence[Model]:
    from tfcompat.model_files import inspect_model

    return [inspect_model(path) for path in dict.fromkeys(paths)]


def _warn_of_slip(base: str) -> None:
    """Any word is the name of an image, so that a slip in a keyword would pass."""
    if base in BASES or not base.isalpha():
        return
    import sys

    from tfcompat.cli.lost import slip_of

    meant = slip_of(base, BASES)
    if meant:
        print(f"tfcompat: --base {base} is read as the image {base}:latest\n  hint: did you mean --base {meant}?", file=sys.stderr)
