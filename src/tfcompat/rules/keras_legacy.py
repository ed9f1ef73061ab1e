"""keras-legacy: Keras 2 beside TensorFlow 2.16 and later is tf-keras of the same minor, switched on by a variable.

``keras`` itself is Keras 3 there. tf.keras stays Keras 3 until TF_USE_LEGACY_KERAS=1 is set before the
import. Sources: tf-keras' own Requires-Dist (measured); keras.io, "TensorFlow + Keras 2 backwards compatibility".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from tfcompat.rules.rule import OK, Check, Rule, Verdict, violated
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Package, Tensorflow

_KERAS_3 = version("2.16")
_OTHER_NAMES = ("tensorflow-cpu", "tensorflow-gpu")  # an NGC image has its own


def judge(matrix: Matrix, tensorflow: Tensorflow, tf_keras: Package | None, env: Mapping[str, str] | None) -> Verdict | None:
    if tf_keras is None:
        return None
    if minor(tf_keras.version) != minor(version(tensorflow.release.version)):
        return violated("other-minor")
    if tensorflow.release.package in _OTHER_NAMES and _requires_tensorflow(matrix, tf_keras):
        return violated("other-distribution")
    if version(tensorflow.release.version) >= _KERAS_3 and (env or {}).get("TF_USE_LEGACY_KERAS") not in ("1", "true", "True"):
        return violated("not-switched-on", "warning")
    return OK


def _requires_tensorflow(matrix: Matrix, tf_keras: Package) -> bool:
    release = matrix.release("tf-keras", str(tf_keras.version))
    return release is None or any(Requirement(line).name == "tensorflow" for line in release.builds["any"].requires)


def judge_keras_2(matrix: Matrix, tensorflow: Tensorflow, keras: Package | None, tf_keras: Package | None) -> Verdict | None:
    if keras is None or keras.version.major >= 3 or version(tensorflow.release.version) < _KERAS_3:
        return None
    return violated("keras-2-is-tf-keras", "error", needed=f"{minor(version(tensorflow.release.version))}.*")


RULE = Rule(
    "keras-legacy",
    "Keras 2 on TensorFlow 2.16 and later",
    (
        Check(("tensorflow", "tf-keras"), judge, optional=("env",)),
        Check(("tensorflow", "keras"), judge_keras_2, optional=("tf-keras",)),
    ),
    {
        "other-minor": "{tensorflow} needs the tf-keras of its own minor, which {tf-keras} is not",
        "other-distribution": "{tf-keras} requires the distribution tensorflow, so that pip installs it over {tensorflow}",
        "not-switched-on": "{tf-keras} is installed beside {tensorflow}, but tf.keras stays Keras 3 without TF_USE_LEGACY_KERAS=1",
        "keras-2-is-tf-keras": "{keras} cannot stand beside {tensorflow}: Keras 2 there is tf-keras=={needed} and TF_USE_LEGACY_KERAS=1",
    },
    {
        "other-minor": "pin tf-keras to the minor of TensorFlow",
        "other-distribution": "install TensorFlow under the name tensorflow",
        "not-switched-on": "set TF_USE_LEGACY_KERAS=1 in the environment, before TensorFlow is imported",
    },
)
