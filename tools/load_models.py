"""Runs inside one environment: tries to load files that other releases wrote, and to predict the same with them.

Standard library, NumPy and TensorFlow or Keras alone, for Python 3.8 to 3.13. Appends one JSON line to OUTCOMES for each
file and way, and one when a file is done, so that whoever reads them knows which file ended the process. Usage:
load_models.py PACKAGE OVERLAY FOLDER JOBS OUTCOMES, where JOBS has one JSON object a line: path, kind and format.
"""

import gc
import inspect
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from write_models import brief, build, custom_objects, load_keras, say

NEAR = 1e-3
PATIENCE = 60  # seconds a way


class TooLong(Exception):
    """A way was not done in time."""


def main(arguments):
    package, overlay, folder, jobs, outcomes = arguments
    keras, tf, np = load_keras(package, overlay)
    signal.signal(signal.SIGALRM, too_long)
    gc.freeze()  # TensorFlow keeps much that need not be looked through again and again
    gc.set_threshold(100_000, 20, 20)
    with Path(jobs).open() as file, Path(outcomes).open("a") as out:
        for line in file:
            try_file(json.loads(line), keras, tf, np, folder, out)


def too_long(*_):
    raise TooLong(f"not done after {PATIENCE} s")


def try_file(job, keras, tf, np, folder, out):
    """Every way that is not a milder form of one that worked already.

    What is loaded is a copy: Keras 3.4 unpacks a model.keras beside it, and removes a model.weights.h5 that lay there.
    """
    path = Path(folder, job["path"])
    with np.load(str(path.with_name("check.npz"))) as arrays:
        inputs, expected = [arrays[name] for name in sorted(arrays) if name != "predicted"], arrays["predicted"]
    keras.backend.clear_session()
    good = set()
    with tempfile.TemporaryDirectory() as place:
        copy = (shutil.copytree if path.is_dir() else shutil.copy)(str(path), str(Path(place, path.name)))
        for way, load in ways(job, copy, keras, tf, np):
            if implied(way, good):
                continue
            outcome = attempt(load, inputs, expected, np, place)
            say(out, {"path": job["path"], "way": way, "outcome": outcome})
            if outcome == "ok":
                good.add(way)
    say(out, {"path": job["path"], "done": True})


def attempt(load, inputs, expected, np, place):
    signal.alarm(PATIENCE)
    try:
        return compare(np, np.asarray(load()(inputs)), expected)
    except Exception as error:
        return brief(error, place, tempfile.gettempdir())
    finally:
        signal.alarm(0)


def implied(way, good):
    """Where the plain way works every option of load_model does, and where one of two options is enough both are."""
    if way == "tf.saved_model.load":
        return False
    return "plain" in good or (", " in way and bool(good & set(way.split(", "))))


def compare(np, found, expected):
    if found.shape != expected.shape:
        return f"loads, but predicts the shape {found.shape}"
    far = float(np.abs(found - expected).max())
    return "ok" if far < NEAR else f"loads, but predicts otherwise, by {far:.2g}"


def ways(job, path, keras, tf, np):
    """Name of the way, and a function that loads and returns a function of the list of inputs."""
    if job["format"] == ".weights.h5":
        yield "plain", lambda: with_weights(keras, np, path)
        yield "named .h5", lambda: renamed(keras, np, path)
        return
    for way, options in options_of(job, keras):
        yield way, lambda options=options: called(keras.models.load_model(path, **options))
    if job["format"] == "SavedModel":
        if hasattr(keras.layers, "TFSMLayer"):
            yield "TFSMLayer", lambda: layered(keras, tf, path)
        yield "tf.saved_model.load", lambda: served(tf, path)


def options_of(job, keras):
    found = [("plain", {}), ("compile=False", {"compile": False})]
    more = {}
    if job["kind"] in ("custom-loss", "custom-layer"):
        more = {"custom_objects": custom_objects(keras)}
    if job["kind"] == "lambda" and "safe_mode" in inspect.signature(keras.models.load_model).parameters:
        more = {"safe_mode": False}
    for name in more:
        found += [(name, more), (f"{name}, compile=False", {**more, "compile": False})]
    return [(way.replace("safe_mode", "safe_mode=False"), options) for way, options in found]


def called(model):
    return lambda inputs: model(inputs if len(inputs) > 1 else inputs[0], training=False)


def with_weights(keras, np, path):
    model, _, _ = build("dense", keras, np)
    model.load_weights(path)
    return called(model)


def renamed(keras, np, path):
    with tempfile.TemporaryDirectory() as folder:
        return with_weights(keras, np, shutil.copy(path, str(Path(folder, "weights.h5"))))


def layered(keras, tf, path):
    layer = keras.layers.TFSMLayer(path, call_endpoint="serving_default")
    kind = next(iter(served_specs(tf.saved_model.load(path)).values())).dtype
    return lambda inputs: one_of(layer(tf.cast(inputs[0], kind)))


def served(tf, path):
    loaded = tf.saved_model.load(path)
    (name, spec), *_ = served_specs(loaded).items()
    return lambda inputs: one_of(loaded.signatures["serving_default"](**{name: tf.cast(inputs[0], spec.dtype)}))


def served_specs(loaded):
    return loaded.signatures["serving_default"].structured_input_signature[1]


def one_of(outputs):
    return next(iter(outputs.values())) if isinstance(outputs, dict) else outputs


if __name__ == "__main__":
    main(sys.argv[1:])
