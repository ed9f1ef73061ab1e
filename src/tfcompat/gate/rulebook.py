"""The names of what the gate finds: those of the rulebook, and those of what only files can show.

Where a rule of the rulebook says something that has a name of its own among files, the finding has that name: the rule judges, once
for all doors, and a person looks up what they see. ``tfcompat rule ID`` and ``docs/rules/ID.md`` explain each.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Mapping
from typing import NamedTuple

from tfcompat.gate.finding import Level
from tfcompat.rules import RULES

__all__ = ["FILE_RULES", "SAID_AS", "FileRule", "rule_names", "said_as"]


class FileRule(NamedTuple):
    """Something that files show. ``severity``: the gravest it is given; ``why``: one sentence; ``remedy``: what is done about it."""

    id: str
    title: str
    severity: Level
    why: str
    remedy: str


FILE_RULES: tuple[FileRule, ...] = (
    FileRule(
        "floating-tag",
        "The base image moves",
        "warning",
        "A tag that names no version brings another TensorFlow, Python or CUDA with a later pull, while the pins beside it stay.",
        "name the version, or pin the digest",
    ),
    FileRule(
        "tag-does-not-exist",
        "There is no such image",
        "error",
        "The build cannot start: the registry has no such tag, or removed it.",
        "take a tag that exists, or install the release on a plain Python image",
    ),
    FileRule(
        "comment-behind-from",
        "A comment behind FROM is none",
        "error",
        "Docker reads # as a comment at the beginning of a line alone: behind FROM it is one more argument, and the build is refused.",
        "put the comment on a line of its own",
    ),
    FileRule(
        "image-tensorflow-replaced",
        "The image's TensorFlow is replaced",
        "error",
        "A pin, or something that a pinned package requires, makes pip install another TensorFlow over the image's own, "
        "which then has neither the CUDA nor the cuDNN that it was built for.",
        "pin the TensorFlow that is in the image, or take the image of the release that is pinned",
    ),
    FileRule(
        "no-wheel-for-interpreter",
        "No wheel for this Python",
        "error",
        "pip finds no file of the pinned release for the interpreter of the image, and says that no version satisfies the requirement.",
        "take an image with a Python that the release has wheels for",
    ),
    FileRule(
        "externally-managed-pip",
        "pip is refused by the distribution's Python",
        "error",
        "The image's own Python is marked as externally managed (PEP 668): pip ends with an error and installs nothing, not even a newer pip.",
        "make a virtual environment and install there",
    ),
    FileRule(
        "cuda-source-doubled",
        "CUDA or cuDNN comes twice",
        "warning",
        "CUDA libraries come from two sources, and which of them is loaded depends on search paths.",
        "keep one source: the image's, or pip's [and-cuda]",
    ),
    FileRule(
        "gpu-image-with-cpu-package",
        "A CPU build where a GPU is meant",
        "error",
        "The image or the target is for a GPU, and the TensorFlow that is installed is built without CUDA.",
        "install tensorflow instead of tensorflow-cpu",
    ),
    FileRule(
        "cpu-image-with-gpu-package",
        "A GPU is meant, and the image has no CUDA",
        "error",
        "The target or the packages are for a GPU, and the image brings neither CUDA nor cuDNN that TensorFlow could load.",
        "install tensorflow[and-cuda], or take an image with CUDA and cuDNN",
    ),
    FileRule(
        "removed-package",
        "The package is gone",
        "error",
        "What is asked for cannot be installed any more: tensorflow-gpu from 2.12 on is an empty package that refuses to install.",
        "pin tensorflow instead",
    ),
    FileRule(
        "two-keras",
        "Two Keras in one environment",
        "warning",
        "Two distributions bring a Keras of their own, and which of them a program gets depends on what it imports, and on a variable.",
        "keep the one that the code imports",
    ),
    FileRule(
        "keras-pin-mismatch",
        "Keras does not go with TensorFlow",
        "error",
        "The pinned Keras is outside of what the pinned TensorFlow accepts, or the reverse.",
        "pin the Keras of that TensorFlow",
    ),
    FileRule(
        "uncapped-breaker",
        "A package that needs a cap has none",
        "error",
        "The metadata of this TensorFlow admits a release of another package that breaks it, and that is what pip installs today.",
        "add the cap",
    ),
    FileRule(
        "requirement-conflict",
        "Requirements exclude each other",
        "error",
        "Two files, or two lines, ask for versions that cannot be installed together.",
        "change one of them",
    ),
    FileRule(
        "library-path-missing",
        "TensorFlow does not find the CUDA libraries that pip installs",
        "error",
        "The wheel's own search path leaves out folders of the nvidia packages, so that no GPU is registered without help.",
        "tell the loader of the folders, with ldconfig or LD_LIBRARY_PATH",
    ),
    FileRule(
        "gpu-not-requested",
        "Nothing gives the container a GPU",
        "warning",
        "The image is for a GPU and what starts it requests none, so that TensorFlow runs on the CPU without an error.",
        "request the GPU where the container is started",
    ),
    FileRule(
        "model-format",
        "Keras does not load the model file",
        "error",
        "A model file is copied into an image whose Keras refuses it, or loads it in another way only than a plain load_model.",
        "take the Keras that wrote it, or save the model again in a format that both read",
    ),
    FileRule(
        "unknown-image",
        "What is inside the image is not known",
        "warning",
        "Nothing is known of what is inside the base image, so that what is installed into it cannot be judged against it.",
        "say what to judge it as: [tool.tfcompat.images], or ask the registry with --online",
    ),
    FileRule(
        "unknown-release",
        "The matrix does not have this TensorFlow",
        "warning",
        "The release is newer or older than the matrix, unfinished, or built nightly: nothing that is said here has been held against it.",
        "update tfcompat, or give it a newer matrix with --matrix",
    ),
    FileRule(
        "cannot-follow",
        "Something in the build cannot be followed",
        "info",
        "A script, a variable or a command outside of what can be read may install packages.",
        "pass the value with --build-arg, or install from a file that is in the tree",
    ),
    FileRule(
        "unused-suppression",
        "An excuse for nothing",
        "warning",
        "A comment, an entry of the configuration or a line of the baseline excuses a finding that is not there any more.",
        "take it out",
    ),
)

# What a rule of the rulebook says, by rule and reason; "*" stands for every reason that is not named.
SAID_AS: Mapping[tuple[str, str], str] = {
    ("image-tag-exists", "rolling"): "floating-tag",
    ("image-tag-exists", "absent"): "tag-does-not-exist",
    ("image-tag-exists", "gone"): "tag-does-not-exist",
    ("image-tag-exists", "delisted"): "tag-does-not-exist",
    ("image-contents", "replaced"): "image-tensorflow-replaced",
    ("image-contents", "cpu-image"): "cpu-image-with-gpu-package",
    ("python-has-wheel", "no-wheel"): "no-wheel-for-interpreter",
    ("wheel-has-cuda", "cpu-build"): "gpu-image-with-cpu-package",
    ("keras-range", "*"): "keras-pin-mismatch",
    ("keras-legacy", "other-minor"): "keras-pin-mismatch",
    ("keras-legacy", "keras-2-is-tf-keras"): "keras-pin-mismatch",
    ("keras-legacy", "not-switched-on"): "two-keras",
    ("package-range", "out-of-range"): "requirement-conflict",
    ("model-loads", "*"): "model-format",
}


def said_as(rule: str, reason: str) -> str:
    """The name under which the gate tells what *rule* found for *reason*."""
    return SAID_AS.get((rule, reason)) or SAID_AS.get((rule, "*")) or rule


def rule_names() -> tuple[str, ...]:
    """Every name a finding can have, sorted."""
    return tuple(sorted({rule.id for rule in FILE_RULES} | {rule.id for rule in RULES}))
