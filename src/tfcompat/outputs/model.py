"""What a model file is, and which Keras loads it: for people, and as JSON."""

from __future__ import annotations

import json
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tfcompat.errors import plain
from tfcompat.models.loading import loading_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tfcompat.matrix import Matrix
    from tfcompat.models.loading import Loading, Reader
    from tfcompat.models.model import Model

__all__ = ["render_models", "render_models_json"]

SCHEMA_VERSION = 1
_WIDTH = 110
_FORMATS = {".h5": "HDF5", ".keras": "a .keras archive", "SavedModel": "a SavedModel", ".weights.h5": "weights in HDF5"}
_ADVICE = {
    "custom_objects": "load_model(..., custom_objects={...})",
    "compile=False": "load_model(..., compile=False), then compile() anew",
    "safe_mode=False": "load_model(..., safe_mode=False), which runs the Python code in the file: only for a file that you trust",
    "TFSMLayer": "keras.layers.TFSMLayer(path, call_endpoint='serving_default'), for inference",
    "tf.saved_model.load": "tf.saved_model.load(path), for inference",
}


def render_models(models: Sequence[Model], readers: Sequence[Reader], matrix: Matrix, evidence: bool = False) -> str:
    """One paragraph a model: what it is, then who loads it, in ranges."""
    parts = ["\n".join([*_about(model), "", *_loadings(model, readers, matrix, evidence)]) for model in models]
    last = "these were tried" if evidence else "--evidence shows what was tried"
    return "\n\n".join(parts) + f"\n\nmatrix of {matrix.measured}; errors are those of the models that were tried; {last}\n"


def _about(model: Model) -> Iterator[str]:
    wrote = f"written by Keras {model.keras}" if model.keras else "which does not say which Keras wrote it"
    beside = f" of TensorFlow {model.tensorflow}" if model.tensorflow else ""
    if model.format == "SavedModel" and model.exported:
        wrote = "without Keras's own metadata"
    yield f"{plain(model.name)}: {_FORMATS[model.format]}{beside}, {wrote}"
    layers = ", ".join(map(plain, model.layers))
    if model.architecture or layers:
        kind = plain(model.architecture or "a model")
        yield from _wrapped(f"{kind} of {layers}" if layers else kind)
    if model.compiled is not None:
        yield f"  saved {'with' if model.compiled else 'without'} its optimizer and loss"
    if model.customs:
        yield from _wrapped(f"not Keras's own: {', '.join(map(plain, model.customs))}: its code must be there when it is loaded")
    if model.lambdas:
        yield from _wrapped(f"Python code inside: {', '.join(map(plain, model.lambdas))}. Loading runs it: only where the file is trusted")
    for reason in model.unread:
        yield from _wrapped(f"not read: {plain(reason)}")


def _loadings(model: Model, readers: Sequence[Reader], matrix: Matrix, evidence: bool) -> Iterator[str]:
    needed: list[str] = []
    for span, word in _grouped(model, readers, matrix):
        yield from textwrap.wrap(f"{span:<24}{_said(word)}", _WIDTH, initial_indent="  ", subsequent_indent=" " * 26)
        needed += [need for need in word.needs if need in _ADVICE]
        if evidence:
            for statement in word.evidence:
                yield from textwrap.wrap(statement, _WIDTH, initial_indent=" " * 26, subsequent_indent=" " * 28)
    for need in dict.fromkeys(needed):
        yield f"\n  {need}: {_ADVICE[need]}" if need == needed[0] else f"  {need}: {_ADVICE[need]}"


def _grouped(model: Model, readers: Iterable[Reader], matrix: Matrix) -> Iterator[tuple[str, Loading]]:
    """Neighbouring readers of which the same is to be said."""
    words = [(reader, loading_of(matrix, model, reader)) for reader in readers]
    for _, group in groupby(words, lambda pair: (pair[0].package, pair[1]._replace(evidence=()))):
        found = list(group)
        first, last = found[0][0], found[-1][0]
        yield str(first) if first == last else f"{first} to {last.version}", found[-1][1]


def _said(word: Loading) -> str:
    because = f" ({', '.join(map(plain, word.because))})" if word.because else ""
    if word.outcome == "loads":
        return "loads"
    if word.outcome == "needs":
        return f"with {' and '.join(word.needs)}{because}"
    if word.outcome == "refuses" and word.error.startswith("loads, but"):
        return f"loads, and predicts something else{because}"
    if word.outcome == "refuses":
        return f"does not load{because}: {plain(word.error)}"
    so_far = f"with {' and '.join(word.needs)} at least; " if word.needs else ""
    return f"{so_far}not known: {word.why or 'no model that was tried has ' + ' or '.join(map(plain, word.untried))}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def render_models_json(models: Sequence[Model], readers: Sequence[Reader], matrix: Matrix, not_read: Sequence[str] = ()) -> str:
    """Versioned; one word for each Keras that was tried, so that nobody has to read ranges. *not_read*: why, for each other file."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "matrix": matrix.measured,
        "models": [{**_facts(model), "loading": [_word(model, reader, matrix) for reader in readers]} for model in models],
        "not_read": list(map(plain, not_read)),
    }
    return json.dumps(document, indent=2) + "\n"


def _facts(model: Model) -> dict[str, Any]:
    facts = model._asdict()
    facts["file"] = plain(facts.pop("name"))
    return {name: str(value) if name in ("keras", "tensorflow") and value else value for name, value in sorted(facts.items())}


def _word(model: Model, reader: Reader, matrix: Matrix) -> dict[str, Any]:
    word = loading_of(matrix, model, reader)._asdict()
    return {"package": reader.package, "version": str(reader.version), **word}
