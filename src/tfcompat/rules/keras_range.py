"""keras-range: the Keras beside TensorFlow must be one that both sides accept.

TensorFlow's wheel names a range; a learned cap narrows it where the wheel is too loose; and Keras 3
needs a TensorFlow of its own minimum, which its metadata does not say (keras.io, compatibility matrix).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from tfcompat.requirements import cap_on, specifier_of
from tfcompat.rules.rule import OK, Check, Rule, Verdict, violated
from tfcompat.versions import version

if TYPE_CHECKING:
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Package, Tensorflow


def judge(matrix: Matrix, tensorflow: Tensorflow, keras: Package | None) -> Verdict | None:
    if keras is None or tensorflow.build is None:
        return None
    allowed = specifier_of(tensorflow, "keras", None)
    if allowed is not None and not allowed.contains(keras.version, prereleases=True):
        return violated("out-of-range", allowed=str(allowed))
    cap = cap_on(matrix, tensorflow.release, "keras")
    if cap is not None and not SpecifierSet(cap.allows).contains(keras.version):
        return violated("capped", "error", tuple(s for c in cap.evidence.values() for s in c), allowed=cap.allows, symptom=cap.symptom)
    for row in matrix.backends:
        if row.package == keras.name and SpecifierSet(row.versions).contains(keras.version):
            if not SpecifierSet(row.tensorflow).contains(version(tensorflow.release.version), prereleases=True):
                return violated("backend", "error", tuple(s for c in row.evidence.values() for s in c), needed=row.tensorflow)
            return OK
    return OK if allowed is not None else None


RULE = Rule(
    "keras-range",
    "Keras and TensorFlow accept each other",
    (Check(("tensorflow", "keras"), judge),),
    {
        "out-of-range": "{tensorflow} asks for keras{allowed}, which {keras} is not",
        "capped": "{keras} cannot stand beside {tensorflow}, whose metadata allows it ({symptom}): keras{allowed} is needed",
        "backend": "{keras} needs tensorflow{needed}, which {tensorflow} is not",
    },
    {"out-of-range": "pin a Keras of that range", "capped": "pin a Keras of that range"},
)
