"""Runs inside a fresh environment: does this TensorFlow import, compute, train, save and load?

Standard library, NumPy and TensorFlow alone, for Python 3.6 and later. Prints one JSON object a step, so that whoever
reads them knows how far a process came that died. Usage: exercise.py TENSORFLOW KERAS, as in ``2.16.2
tf-keras==2.16.0``: the version, and the distribution that must stand behind tf.keras (``-`` where it is TensorFlow's own).
"""

import importlib
import json
import os
import sys
import tempfile
import zipfile


class Skipped(Exception):
    """The step does not apply to these versions."""


def main(arguments):
    wanted, keras = arguments
    folder = tempfile.mkdtemp()
    state = {"wanted": wanted, "keras": keras, "folder": folder}
    for step in STEPS:
        try:
            step(state)
            outcome = "ok"
        except Skipped as why:
            outcome = f"skipped: {why}"
        except BaseException as error:
            outcome = f"failed: {type(error).__name__}: {str(error).strip()[:600]}"
        print(json.dumps({"step": step.__name__.rstrip("_").replace("_", "-"), "outcome": outcome}), flush=True)
        if outcome.startswith("failed"):
            return 1
    return 0


def import_(state):
    import tensorflow as tf  # isort: skip
    import numpy as np

    assert tf.__version__ == state["wanted"], f"tensorflow is {tf.__version__}"
    name, _, exact = state["keras"].partition("==")
    if exact:
        found = importlib.import_module(name.replace("-", "_")).__version__
        assert found == exact, f"{name} is {found}"
        behind = tf.keras.Model.__module__.partition(".")[0]
        assert behind == name.replace("-", "_"), f"tf.keras is {behind}"
    state.update(np=np, tf=tf)


def matmul(state):
    np, tf = state["np"], state["tf"]
    a, b = np.random.RandomState(0).rand(2, 64, 64).astype("float32")
    np.testing.assert_allclose(tf.linalg.matmul(a, b).numpy(), a @ b, rtol=1e-4)


def convolution(state):
    np, tf = state["np"], state["tf"]
    random = np.random.RandomState(1)
    image, kernel = random.rand(1, 6, 6, 2).astype("float32"), random.rand(3, 3, 2, 4).astype("float32")
    expected = np.zeros((1, 4, 4, 4), "float32")
    for y in range(4):
        for x in range(4):
            expected[0, y, x] = np.tensordot(image[0, y : y + 3, x : x + 3], kernel, axes=3)
    np.testing.assert_allclose(tf.nn.conv2d(image, kernel, strides=1, padding="VALID").numpy(), expected, rtol=1e-4)


def fit(state):
    np, tf = state["np"], state["tf"]
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(1)])
    model.compile(optimizer="adam", loss=tf.keras.losses.MeanSquaredError())
    images = np.random.RandomState(2).rand(64, 8, 8, 1).astype("float32")
    losses = model.fit(images, images.mean(axis=(1, 2)), epochs=8, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0], f"the loss does not fall: {losses}"
    state.update(model=model, images=images, predictions=model.predict(images, verbose=0))


def h5(state):
    _expect_equal(state, _reload(state, "model.h5"))


def keras(state):
    loaded = _reload(state, "model.keras")
    _expect_equal(state, loaded)
    if not zipfile.is_zipfile(os.path.join(state["folder"], "model.keras")):
        assert tuple(map(int, state["tf"].__version__.split(".")[:2])) < (2, 12), "model.keras is no zip file"
        raise Skipped("this Keras knows no .keras format; under that name it wrote and read HDF5 or a SavedModel")


def _reload(state, name):
    path = os.path.join(state["folder"], name)
    named = state["tf"].__version__.startswith("2.12.") and name.endswith(".keras")
    state["model"].save(path, **({"save_format": "keras_v3"} if named else {}))  # the extension alone chooses it from 2.13 on
    return state["tf"].keras.models.load_model(path).predict(state["images"], verbose=0)


def savedmodel(state):
    path = os.path.join(state["folder"], "saved")
    model, tf = state["model"], state["tf"]
    if tuple(map(int, tf.__version__.split(".")[:2])) >= (2, 13):  # that of Keras 2.12 fails for every model that was fitted
        model.export(path)
        loaded = tf.saved_model.load(path)
        predictions = loaded.serve(state["images"])
    else:
        tf.saved_model.save(model, path)
        loaded = tf.saved_model.load(path)
        predictions = loaded(state["images"])
    _expect_equal(state, predictions.numpy())


def _expect_equal(state, predictions):
    state["np"].testing.assert_allclose(predictions, state["predictions"], rtol=1e-5, atol=1e-6)


STEPS = (import_, matmul, convolution, fit, h5, keras, savedmodel)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
