"""image-contents: what is inside the image counts, not its name.

An image that carries TensorFlow must carry the one that is asked for: another one in a requirements file
replaces it without a word, and may want other CUDA libraries than the image has. A CPU image stays
one. Contents that could not be established stay unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated
from tfcompat.versions import same_prefix, version

if TYPE_CHECKING:
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Image, Tensorflow


def judge_tensorflow(matrix: Matrix, tensorflow: Tensorflow, image: Image | None) -> Verdict | None:
    if image is None or image.tensorflow is None:
        return None
    wanted = version(tensorflow.release.version)
    if len(image.tensorflow.release) < len(wanted.release) and same_prefix(image.tensorflow, wanted):
        return unknown("patch-unknown", inside=str(image.tensorflow))
    if image.tensorflow != wanted:
        return violated("replaced", "error" if image.own_build else "warning", inside=str(image.tensorflow))
    return OK


def judge_accelerator(matrix: Matrix, image: Image | None, accelerator: str) -> Verdict | None:
    if image is None or accelerator != "gpu" or image.tensorflow is None:
        return None
    return OK if image.gpu else violated("cpu-image")


def judge_doubt(matrix: Matrix, image: Image | None) -> Verdict | None:
    if image is None or not image.uncertain:
        return None
    return unknown("uncertain", image.evidence, doubt="; ".join(image.uncertain))


RULE = Rule(
    "image-contents",
    "The image holds what its name says",
    (
        Check(("tensorflow", "image"), judge_tensorflow),
        Check(("image", "accelerator"), judge_accelerator),
        Check(("image",), judge_doubt),
    ),
    {
        "replaced": "{image} carries tensorflow {inside}; installing {tensorflow} over it replaces that without a word",
        "patch-unknown": "{image} carries a tensorflow {inside}; whether that is {tensorflow} is not established",
        "cpu-image": "{image} carries a CPU build of TensorFlow, and a GPU is expected",
        "uncertain": "the contents of {image} are not fully established: {doubt}",
    },
    {"replaced": "take the image of the release you pin, or a plain Python image", "cpu-image": "take the -gpu variant"},
)
