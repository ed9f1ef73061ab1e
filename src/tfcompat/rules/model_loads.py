"""model-loads: the Keras behind ``tf.keras`` must load the model file.

It is Keras that decides, and not TensorFlow: which Keras wrote the file, which reads it, and what is in it. What is known was
found by loading: small models of several kinds, written and read by every Keras since 2.4 (data/measured/models).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.models.loading import Reader, loading_of
from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.models.model import Model
    from tfcompat.stack import Package, Tensorflow

_KERAS_3 = version("2.16")
_FIRST_BESIDE = version("2.6")  # before that Keras is a part of TensorFlow
_SWITCHED_ON = ("1", "true", "True")


def judge(
    matrix: Matrix, model: Model, tensorflow: Tensorflow, keras: Package | None, tf_keras: Package | None, env: Mapping[str, str] | None
) -> Verdict | None:
    if model.format == ".weights.h5":
        return None
    reader = reader_of(tensorflow, keras, tf_keras, env)
    word = loading_of(matrix, model, reader)
    because = f" ({', '.join(word.because)})" if word.because else ""
    told = {"reader": str(reader), "because": because, "needs": word.needs, "error": word.error}
    if word.outcome == "loads":
        return OK
    if word.outcome == "unknown":
        return unknown("unknown" if word.why else "untried", word.evidence, reader=str(reader), untried=word.untried, why=word.why)
    if word.outcome == "refuses":
        return violated("otherwise" if word.error.startswith("loads, but") else "refused", "error", word.evidence, **told)
    outside = bool({"TFSMLayer", "tf.saved_model.load"} & set(word.needs))
    return violated("no-model" if outside else "needs", "warning", word.evidence, **told)


def reader_of(tensorflow: Tensorflow, keras: Package | None, tf_keras: Package | None, env: Mapping[str, str] | None) -> Reader:
    """The Keras that ``tf.keras`` is, and programs that import keras get but for tf-keras."""
    release = version(tensorflow.release.version)
    if tf_keras is not None and release >= _KERAS_3 and (env or {}).get("TF_USE_LEGACY_KERAS") in _SWITCHED_ON:
        return Reader("tf-keras", tf_keras.version)
    if release < _FIRST_BESIDE:
        return Reader("keras", version("2.5") if minor(release) == version("2.5") else version("2.4"))
    if keras is not None:
        return Reader("keras", keras.version)
    return Reader("keras", None if release >= _KERAS_3 else minor(release))


RULE = Rule(
    "model-loads",
    "Keras loads the model file",
    (Check(("model", "tensorflow"), judge, optional=("keras", "tf-keras", "env")),),
    {
        "refused": "no way was found to load {model} in {reader}{because}: {error}",
        "otherwise": "{model} loads in {reader}, and predicts something else{because}",
        "needs": "loading {model} in {reader} takes {needs}{because}",
        "no-model": "loading {model} in {reader} gives no Keras model: {needs} calls its functions",
        "untried": "whether {model} loads in {reader} is not known: no model that was tried has {untried}",
        "unknown": "whether {model} loads in {reader} is not known: {why}",
    },
    {
        "refused": "take the Keras that wrote it, or save it again in a format that both read",
        "otherwise": "take the Keras that wrote it, or save it again in a format that both read",
        "needs": "pass that to load_model; what is left out there is given to compile() anew",
        "no-model": "save the model again as .keras or .h5 with the Keras that wrote it, or call it as functions",
        "untried": "load it once with that Keras",
        "unknown": "load it once with that Keras",
    },
)
