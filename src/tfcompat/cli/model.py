"""``tfcompat model FILE...``."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach
from tfcompat.cli.wishes import path_of
from tfcompat.errors import CouldNotCheck, RequestError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tfcompat.matrix import Matrix
    from tfcompat.models.loading import Reader
    from tfcompat.models.model import Model

__all__ = ["add_arguments"]

_KERAS = re.compile(r"(?:(keras|tf-keras)(?:==| ))?(\d+\.\d+(?:\.\d+)*)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The files, and which Keras is asked about."""
    parser.add_argument("models", metavar="FILE", nargs="+", help="an .h5, .hdf5 or .keras file, or the folder of a SavedModel")
    parser.add_argument(
        "--keras", metavar="VERSION", action="append", default=[], help="only this Keras, as in 3.5 or 'tf-keras 2.17'; repeatable"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--evidence", action="store_true", help="with --format text: what was tried")
    parser.add_argument("--matrix", metavar="PATH", type=path_of, help="a compiled matrix instead of the bundled one")
    parser.set_defaults(run=run_model, of_matrix=True)
    teach(
        parser,
        ("tfcompat model my_model.h5", "which Keras wrote it, which loads it, and what that needs"),
        ("tfcompat model --keras 3.5 --keras 'tf-keras 2.17' my_model.keras", "whether one of these does; exit code 1 where none does"),
        ("tfcompat model --format json saved_model/ | jq '.models[0].loading'", "the word on every Keras that was tried"),
        exit_codes="0 some Keras loads each of them; 1 none does; 2 usage; 3 it cannot be read, or is not known",
    )


def run_model(options: argparse.Namespace) -> int:
    """Exit code 1 where a model loads in none of the Keras asked about, 3 where that is not known of any, or a file cannot be read."""
    from tfcompat.matrix.load import load_bundled, load_matrix
    from tfcompat.model_files import inspect_model
    from tfcompat.models.loading import find_readers
    from tfcompat.outputs.model import render_models, render_models_json

    matrix = load_matrix(options.matrix) if options.matrix else load_bundled()
    readers = [_reader(text) for text in options.keras] or find_readers(matrix)
    models, unread = [], []
    for path in dict.fromkeys(options.models):
        try:
            models.append(inspect_model(path))
        except CouldNotCheck as error:
            unread.append(error)
    if options.format == "json":
        write_out(render_models_json(models, readers, matrix, [why.message for why in unread]))
    elif models:
        write_out(render_models(models, readers, matrix, options.evidence))
    for why in unread:
        print(f"tfcompat: {why}", file=sys.stderr)
    return 3 if unread else max(_verdict(model, readers, matrix) for model in models)


def _reader(text: str) -> Reader:
    from tfcompat.models.loading import Reader
    from tfcompat.versions import version

    match = _KERAS.fullmatch(text.strip())
    if match is None:
        raise RequestError(f"--keras: {text!r} names no minor of Keras", "write for instance 3.5 or 'tf-keras 2.17'")
    return Reader(match[1] or "keras", version(match[2]))


def _verdict(model: Model, readers: Sequence[Reader], matrix: Matrix) -> int:
    from tfcompat.models.loading import loading_of

    outcomes = {loading_of(matrix, model, reader).outcome for reader in readers}
    if outcomes & {"loads", "needs"}:
        return 0
    return 3 if "unknown" in outcomes or not outcomes else 1
