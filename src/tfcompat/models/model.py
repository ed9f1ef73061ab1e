"""A model file, as far as it says what it is: values alone, no file is opened here."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from typing import Literal, NamedTuple

from packaging.version import Version

__all__ = ["Model", "ModelFormat"]

ModelFormat = Literal[".h5", ".keras", "SavedModel", ".weights.h5"]


class Model(NamedTuple):
    """A saved model. What the file does not say, or could not be read from it, is None or empty, and told in ``unread``.

    ``format``: ``.h5`` is a whole model in HDF5, whatever its name; ``.keras`` the zip of Keras 2.12 and later; ``SavedModel`` a
    folder; ``.weights.h5`` HDF5 with weights alone. ``keras``: the version that wrote it, by its own words; ``tensorflow``: that
    of a SavedModel. ``exported``: a SavedModel without Keras's own metadata, which Keras loads as a model no more.
    ``architecture``: ``Sequential``, ``Functional`` or the name of a class. ``layers``: the class names, sorted, each once.
    ``customs``: names of classes and functions that Keras does not bring, as the configuration spells them. ``lambdas``: names of
    Lambda layers that hold Python code. ``compiled``: whether it was saved with its optimizer and loss. ``abbreviations`` are losses and
    metrics by a short name such as ``mse``; ``loss_objects`` the class names of losses that are objects; ``optimizer`` that of its own.
    """

    name: str
    format: ModelFormat
    keras: Version | None = None
    tensorflow: Version | None = None
    architecture: str | None = None
    layers: tuple[str, ...] = ()
    customs: tuple[str, ...] = ()
    lambdas: tuple[str, ...] = ()
    compiled: bool | None = None
    abbreviations: tuple[str, ...] = ()
    loss_objects: tuple[str, ...] = ()
    optimizer: str | None = None
    exported: bool = False
    unread: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}, which Keras {self.keras} wrote," if self.keras else self.name
