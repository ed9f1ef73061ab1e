"""Runs inside one environment: builds, trains one step and saves small models, each with an input and what it predicts.

Standard library, NumPy, h5py and TensorFlow or Keras alone, for Python 3.8 to 3.13. Appends one JSON line a file to
OUTCOMES, for ``models.py``. Usage: write_models.py PACKAGE OVERLAY FOLDER OUTCOMES KIND..., where PACKAGE is the
distribution that Keras comes from and OVERLAY a folder with another Keras (``-`` for none).
"""

# ruff: noqa: PLC0415

import importlib
import json
import re
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from model_layers import LAYER_KINDS, build_layers

KINDS = ("dense", "functional", "convolutional", "lstm", "recurrent", "custom-loss", "custom-layer", "lambda", "preprocessing")
SAVED_MODELS = ("dense", "lstm", "custom-loss")


def main(arguments):
    package, overlay, folder, outcomes, *kinds = arguments
    keras, tf, np = load_keras(package, overlay)
    with Path(outcomes).open("a") as out:
        say(out, about(keras, tf, np))
        for kind in kinds:
            try:
                write_kind(kind, keras, tf, np, Path(folder, kind), out)
            except Exception as error:
                say(out, {"kind": kind, "error": brief(error, folder)})
            say(out, {"kind": kind, "done": True})


def load_keras(package, overlay):
    """Keras of this environment: Keras 3 stands by itself, every other one is ``tf.keras``."""
    if overlay != "-":
        sys.path.insert(0, overlay)
    import numpy as np
    import tensorflow as tf

    if overlay != "-":
        import keras

        assert keras.__file__.startswith(overlay), keras.__file__
    else:
        keras = tf.keras
        if package == "tf-keras":
            assert keras.Model.__module__.startswith("tf_keras"), keras.Model.__module__
    return keras, tf, np


def version_of(keras):
    """``tf.keras`` itself says nothing of its version from 2.13 on."""
    return getattr(keras, "__version__", None) or importlib.import_module(keras.Model.__module__.partition(".")[0]).__version__


def about(keras, tf, np):
    import h5py

    python = ".".join(map(str, sys.version_info[:3]))
    return {"keras": version_of(keras), "tensorflow": tf.__version__, "python": python, "numpy": np.__version__, "h5py": h5py.__version__}


def write_kind(kind, keras, tf, np, folder, out):
    keras.backend.clear_session()
    folder.mkdir(parents=True, exist_ok=True)
    model, inputs, targets = build(kind, keras, np)
    model.fit(inputs if len(inputs) > 1 else inputs[0], targets, epochs=1, verbose=0)
    predicted = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    np.savez(str(folder / "check.npz"), predicted=predicted, **{f"input{i}": array for i, array in enumerate(inputs)})
    for name, saved, save in ways_to_save(kind, keras, model):
        path = folder / name
        try:
            save(str(path))
            line = {"kind": kind, "file": name, "layers": layers_of(model), "saved": saved}
            say(out, {**line, "format": format_of(path, name), "says": says(path)})
        except Exception as error:
            say(out, {"kind": kind, "file": name, "saved": saved, "error": brief(error, folder)})


def ways_to_save(kind, keras, model):
    """Name of the file, the call, and a function of the path."""
    version = version_of(keras)
    third = version.startswith("3.")
    yield "model.h5", "model.save(path)", model.save
    first_zip = tuple(map(int, version.split(".")[:2])) >= (2, 12)
    if first_zip or kind == "dense":
        yield "model.keras", "model.save(path)", model.save
    if version.startswith("2.12."):
        yield "named.keras", "model.save(path, save_format='keras_v3')", lambda path: model.save(path, save_format="keras_v3")
    if kind == "dense":
        yield "model.weights.h5", "model.save_weights(path)", model.save_weights
    if kind in SAVED_MODELS:
        yield "saved", "model.export(path)" if third else "model.save(path)", model.export if third else model.save


def build(kind, keras, np):
    """A compiled model of this kind, its inputs and its targets."""
    if kind in LAYER_KINDS:
        model, inputs = build_layers(kind, keras, np)
        model.compile(optimizer="adam", loss="mean_squared_error")
        return model, inputs, np.zeros((4, 1), "float32")
    random = np.random.RandomState(0)
    layers, inputs = keras.layers, [random.rand(8, 3).astype("float32")]
    targets = random.rand(8, 1).astype("float32")
    named, compiled = custom_objects(keras), {"optimizer": "adam", "loss": "mean_squared_error"}
    if kind == "functional":
        first, second = keras.Input((3,)), keras.Input((2,))
        both = layers.Concatenate()([layers.Dense(4, activation="relu")(first), second])
        model = keras.Model([first, second], layers.Dense(1)(layers.Add()([both, layers.Dense(6)(both)])))
        inputs.append(random.rand(8, 2).astype("float32"))
        compiled = {"optimizer": keras.optimizers.Adam(0.01), "loss": keras.losses.MeanSquaredError()}
        compiled["metrics"] = [keras.metrics.MeanAbsoluteError()]
    elif kind == "convolutional":
        model = keras.Sequential(
            [
                layers.Conv2D(3, 3, activation="relu", input_shape=(8, 8, 1)),
                layers.BatchNormalization(),
                layers.MaxPooling2D(),
                layers.Dropout(0.2),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )
        inputs, targets = [random.rand(8, 8, 8, 1).astype("float32")], random.randint(0, 3, (8,))
        compiled = {
            "optimizer": keras.optimizers.SGD(0.01, momentum=0.9),
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
        }
    elif kind in ("lstm", "recurrent"):
        recurrent = [layers.LSTM(3)]
        if kind == "recurrent":
            recurrent = [layers.LSTM(3, return_sequences=True), layers.Bidirectional(layers.GRU(2))]
        model = keras.Sequential([keras.Input((5,)), layers.Embedding(12, 3), *recurrent, layers.Dense(1, activation="sigmoid")])
        inputs, targets = [random.randint(0, 12, (8, 5)).astype("int32")], random.randint(0, 2, (8, 1)).astype("float32")
        compiled = {"optimizer": "rmsprop", "loss": "binary_crossentropy", "metrics": ["accuracy"]}
    else:
        model = keras.Sequential([keras.Input((3,)), *between(kind, layers, named, inputs[0]), layers.Dense(1)])
        if kind == "dense":
            compiled.update(loss="mse", metrics=["mae"])
        if kind == "custom-loss":
            compiled["loss"] = named["doubled_error"]
    model.compile(**compiled)
    return model, inputs, targets


def between(kind, layers, named, rows):
    """The layers of a small Sequential that stand before its last one."""
    if kind == "custom-layer":
        return [named["ScaleLayer"](2.0), layers.Dense(4, activation="relu")]
    if kind == "lambda":
        return [layers.Lambda(lambda x: x * 2.0 + 1.0), layers.Dense(4, activation="relu")]
    if kind == "preprocessing":
        where = layers if hasattr(layers, "Rescaling") else layers.experimental.preprocessing  # under that name to 2.5
        normalization = where.Normalization()
        normalization.adapt(rows)
        return [normalization, where.Rescaling(0.5, offset=1.0), layers.Dense(4)]
    return [layers.Dense(4, activation="relu"), layers.Dropout(0.1)]


def layers_of(model):
    """Names of the classes, those inside a wrapper too."""
    inner = [layer.forward_layer for layer in model.layers if hasattr(layer, "forward_layer")]
    return sorted({type(layer).__name__ for layer in [*model.layers, *inner]} - {"InputLayer"})


def custom_objects(keras):
    """What a user wrote; made in here, so that no Keras finds it in a module by its name."""

    def doubled_error(actual, predicted):
        return 2.0 * (actual - predicted) ** 2

    class ScaleLayer(keras.layers.Layer):
        def __init__(self, factor=1.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")
            super().build(shape)

        def call(self, inputs):
            return inputs * self.scale * self.factor

        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    return {"doubled_error": doubled_error, "ScaleLayer": ScaleLayer}


def format_of(path, name):
    """The format by the name, and what lies behind it where the name promises something else."""
    if path.is_dir():
        return "SavedModel" if name == "saved" else ".keras, a SavedModel inside"
    if name.endswith(".keras"):
        return ".keras" if zipfile.is_zipfile(path) else ".keras, HDF5 inside"
    return ".weights.h5" if name.endswith(".weights.h5") else ".h5"


def says(path):
    """What the file says of itself, without dates."""
    if path.is_dir():
        from tensorflow.core.protobuf import saved_model_pb2

        saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        graph = saved.meta_graphs[0]
        return {
            "tensorflow_version": graph.meta_info_def.tensorflow_version,
            "schema": saved.saved_model_schema_version,
            "producer": graph.graph_def.versions.producer,
            "min_consumer": graph.graph_def.versions.min_consumer,
            "files": sorted(file.name for file in path.iterdir() if file.is_file()),
        }
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(archive.read("metadata.json").decode())
            return {**{k: v for k, v in metadata.items() if k != "date_saved"}, "members": sorted(archive.namelist())}
    import h5py

    with h5py.File(path, "r") as file:
        attributes = {k: file.attrs[k] for k in ("keras_version", "backend") if k in file.attrs}
        attributes = {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in attributes.items()}
        return {**attributes, "groups": sorted(file)}


def brief(error, *folders):
    """Type and first line of the message, with the innermost cause where Keras names it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    causes = [line for line in lines[1:] if line.startswith("Exception encountered:")]
    text = f"{type(error).__name__}: {' ... '.join([lines[0], *causes[-1:]])}"
    for folder in folders:
        text = text.replace(f"{folder}/", "").replace(str(folder), "")
    return tidy(text)


def tidy(text):
    """An error without what differs from run to run and without a layer's whole configuration, at most 300 characters."""
    text = re.sub(r"0x[0-9a-f]+|(?<='shared_object_id': )\d+", "...", text)
    text = re.sub(r"(/[\w.@+-]+)+/(site-packages|keras-[\d.]+)/", "", text)
    text = re.sub(r"config=\{.*?( \.\.\. Exception encountered:|$)", r"config={...}\1", text)
    text = re.sub(r"(predicts otherwise), by .*|(running on) \S+\.", r"\1\2", text)
    return text.partition(" Full object config:")[0][:300]


def say(out, line):
    out.write(json.dumps(line, sort_keys=True) + "\n")
    out.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
