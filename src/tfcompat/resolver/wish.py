"""The wishes as rules: a candidate that is not what was asked for, said in the same way as any other rejection."""

from __future__ import annotations

from tfcompat.rules.rule import Rule

__all__ = ["NO_SUCH_OFFER", "WISH_RULES"]

NO_SUCH_OFFER = ("no-extra", "no-cuda-image", "no-python-image", "no-tag")  # a recipe has nothing to offer at all

_MESSAGES = {
    "tensorflow": "TensorFlow {inside} is in {image}, and {wish} was asked for",
    "keras-inside": "which Keras is in {image} is not curated, so that no wish for one can be met by it",
    "by-name-inside": "tensorflow-cpu is in TensorFlow's own CPU images, and a package that was asked for requires the distribution tensorflow, so that pip installs a second one",
    "python": "Python {python} is what {image} has, and Python {wish} was asked for",
    "cuda": "the CUDA on offer is {cuda}, and {wish} was asked for",
    "cudnn": "the cuDNN on offer is {cudnn}, and {wish} was asked for",
    "package": "no release of {package} on the index satisfies {wish} for Python {python} on {platform}",
    "no-extra": "{tensorflow} has no and-cuda extra (it begins with 2.14): a plain Python image cannot bring its CUDA libraries",
    "no-cuda-image": "no nvidia/cuda image with cuDNN brings Python {python}",
    "no-python-image": "there is no python:{python}-slim image in the snapshot",
    "no-tag": "the snapshot has no tensorflow/tensorflow tag of {tensorflow}",
    "no-cuda-inside": "{image} brings no CUDA libraries, and {tensorflow} has no and-cuda extra that would",
}

# one rule a message, so that a conflict names exactly what it is made of
WISH_RULES = {reason: Rule(f"wish-{reason}", "What was asked for", (), {reason: message}) for reason, message in _MESSAGES.items()}
