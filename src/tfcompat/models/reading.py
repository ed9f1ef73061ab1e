"""Reads what a model file says of itself: HDF5, the zip of .keras, or the folder of a SavedModel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from tfcompat.errors import CouldNotCheck
from tfcompat.models.files import CUT_SHORT, ModelFile
from tfcompat.models.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tfcompat.models.files import ModelFiles
    from tfcompat.models.hdf5 import Group
    from tfcompat.models.kinds import Kind
    from tfcompat.models.saved_model import KerasNode

__all__ = ["read_model"]

_SAVED_MODEL = "saved_model.pb"
_METADATA = "keras_metadata.pb"
_WEIGHTS = "model.weights."  # in one file, or in shards
_JSON = 8 << 20  # bytes
_GROUPS = 200  # that are searched for weights
_NOT_KERAS = "name a model that was saved with model.save(), or weights of model.save_weights()"


def read_model(name: str, files: ModelFiles) -> Model:
    """The model in the file *name*, or in the folder *name* of a SavedModel. Raises :class:`~tfcompat.errors.CouldNotCheck`."""
    from tfcompat.models.hdf5 import superblock_of

    size = files.size(name)
    if size is None:
        return _read_folder(name, files)
    file = ModelFile(files, name, size)
    start = superblock_of(file)
    if start is not None:
        return _read_hdf5(file, start)
    if file.read(0, min(4, size)) in (b"PK\x03\x04", b"PK\x05\x06"):
        return _read_archive(file)
    last = name.rpartition("/")[2]
    at = name.removesuffix(last)
    if last == _METADATA and (beside := files.size(at + _SAVED_MODEL)) is not None:
        return _read_saved_model(name, ModelFile(files, at + _SAVED_MODEL, beside), at, files)
    kind = _kind(file)
    if last == _SAVED_MODEL and kind is None:
        return _read_saved_model(name, file, at, files)
    if kind is not None:
        raise file.damaged(kind.what, kind.hint)
    if last.endswith(".pb"):
        raise file.damaged("it is no SavedModel", "name the folder that model.save() or tf.saved_model.save() wrote")
    raise file.damaged("its first bytes are of no format that is known", _NOT_KERAS)


def _kind(file: ModelFile) -> Kind | None:
    """What *file* is, where its first bytes or its name say that it is no model."""
    from tfcompat.models.kinds import HEAD, kind_of

    return kind_of(file.name, file.read(0, min(HEAD, file.size)))


def _read_folder(name: str, files: ModelFiles) -> Model:
    folder = name.rstrip("/")
    at = f"{folder}/" if folder else "/"
    size = files.size(at + _SAVED_MODEL)
    if size is not None:
        file = ModelFile(files, at + _SAVED_MODEL, size)
        kind = _kind(file)
        if kind is not None:
            raise file.damaged(kind.what, kind.hint)
        return _read_saved_model(name, file, at, files)
    if files.size(at + "config.json") is not None and files.size(at + "metadata.json") is not None:
        return _read_unzipped(name, at, files)
    if files.size(at + "saved_model.pbtxt") is not None:
        raise CouldNotCheck(
            f"{name} cannot be read: its saved_model.pbtxt is text, and only saved_model.pb is read",
            "save the model again with model.save()",
        )
    if files.size(f"{folder}.index") is not None or files.size(at + "checkpoint") is not None:
        raise CouldNotCheck(
            f"{name} cannot be read: it is a TensorFlow checkpoint, which holds weights alone",
            "name a model that was saved whole, with model.save()",
        )
    raise CouldNotCheck(
        f"{name} has no saved_model.pb, so that it is no SavedModel", "name an .h5 or .keras file, or the folder of a SavedModel"
    )


def _read_hdf5(file: ModelFile, start: int) -> Model:
    from tfcompat.models.hdf5 import load_root

    root = load_root(file, start)
    if root.is_dataset:
        raise file.damaged("its HDF5 has no root group")
    attributes = root.attributes()
    if "model_config" in attributes:
        return _whole_model(file, root)
    unread: list[str] = []
    if "keras_version" in attributes or "layer_names" in attributes:
        return Model(file.name, ".weights.h5", keras=_version(root.text("keras_version"), "Keras", unread), unread=tuple(unread))
    names = root.names()
    if "model_weights" in names:
        raise file.damaged("it is a model of Keras without its configuration", "save the model again with model.save()")
    if _holds_variables(root, names):
        return Model(file.name, ".weights.h5", unread=("its weights do not say which Keras wrote them",))
    raise file.damaged("it is HDF5, but no model of Keras", _NOT_KERAS)


def _whole_model(file: ModelFile, root: Group) -> Model:
    unread: list[str] = []
    said = {name: root.text(name) for name in ("model_config", "training_config", "keras_version")}
    if said["model_config"] is None:
        raise file.damaged("its model_config is no text", "save the model again with model.save()")
    model = _json(file, "model_config", said["model_config"].encode())
    training = None
    if said["training_config"] is not None:
        training = _json(file, "training_config", said["training_config"].encode())
    keras = _version(said["keras_version"], "Keras", unread)
    return _described(Model(file.name, ".h5", keras, compiled=training is not None), model, training, unread)


def _holds_variables(root: Group, names: Iterable[str]) -> bool:
    """Whether a group below has the ``vars`` of Keras 3 and of the .weights.h5 of Keras 2.12 and later."""
    waiting = [(root, names)]
    left = _GROUPS
    while waiting:
        group, names = waiting.pop()
        for name in names:
            left -= 1
            found = group.group(name) if left >= 0 else None
            if found is None or found.is_dataset:
                continue
            if name == "vars":
                return True
            waiting.append((found, found.names()))
    return False


def _read_archive(file: ModelFile) -> Model:
    from tfcompat.models.archive import load_archive

    archive = load_archive(file)
    if not any(name.startswith(_WEIGHTS) for name in archive.members):
        raise file.damaged("it has no model.weights.h5, so that there are no weights to load", "save the model again with model.save()")
    return _of_json(file.name, _json(file, "config.json", archive.config), _json(file, "metadata.json", archive.metadata))


def _read_unzipped(name: str, at: str, files: ModelFiles) -> Model:
    """A folder with what a .keras has, as ``model.save(zipped=False)`` writes it."""
    found = []
    for member in ("config.json", "metadata.json"):
        file = ModelFile(files, at + member, files.size(at + member) or 0)
        if file.size > _JSON:
            raise file.damaged(f"it has more than {_JSON >> 20} MiB", "check where the file comes from")
        found.append(_json(file, member, file.read(0, file.size)))
    return _of_json(name, *found)


def _of_json(name: str, config: dict[str, Any], metadata: dict[str, Any]) -> Model:
    unread: list[str] = []
    keras = _version(metadata.get("keras_version"), "Keras", unread)
    training = config.get("compile_config")
    return _described(Model(name, ".keras", keras, compiled=bool(training)), config, None, unread)


def _read_saved_model(name: str, file: ModelFile, at: str, files: ModelFiles) -> Model:
    from tfcompat.models.saved_model import load_keras_nodes, load_saved_model

    beside = at + _METADATA
    size = files.size(beside)
    found = load_saved_model(file, objects=size is None)
    if found.schema != 1 or not found.graphs:
        raise file.damaged("it is no SavedModel, or one of a kind that is not known", "save the model again with model.save()")
    unread: list[str] = []
    said = next((graph.tensorflow for graph in found.graphs if graph.tensorflow), None)
    tensorflow = _version(said, "TensorFlow", unread)
    metadata = file
    nodes = [node for graph in found.graphs for node in graph.nodes]
    if size is not None:
        metadata = ModelFile(files, beside, size)
        kind = _kind(metadata)
        if kind is not None and "text" not in kind.what:
            raise metadata.damaged(kind.what, kind.hint)
        nodes = list(load_keras_nodes(metadata))
    model = Model(name, "SavedModel", tensorflow=tensorflow, unread=tuple(unread))
    nodes = [node for node in nodes if node.metadata]
    return _of_nodes(model, metadata, nodes) if nodes else model._replace(exported=True)


def _of_nodes(model: Model, file: ModelFile, nodes: list[KerasNode]) -> Model:
    """What the root node says; where it is of a class that has no configuration, its layers' own nodes tell of them."""
    unread = list(model.unread)
    root = next((node for node in nodes if node.path == "root"), None)
    if root is None:
        return model._replace(exported=True)
    said = _json(file, "the root's metadata", root.metadata)
    keras = _version(said.get("keras_version"), "Keras", unread)
    training = said.get("training_config")
    config = said.get("config")
    if not (isinstance(config, dict) and isinstance(config.get("layers"), list)):
        layers = [
            _json(file, "a layer's metadata", node.metadata) for node in nodes if node is not root and "metric" not in node.identifier
        ]
        said = {**said, "config": {"layers": layers}}
    root_only = {key: said.get(key) for key in ("class_name", "module", "registered_name", "config")}
    return _described(model._replace(keras=keras, compiled=training is not None), root_only, training, unread)


def _described(model: Model, config: object, training: object, unread: list[str]) -> Model:
    from tfcompat.models.configuration import parse_configuration

    said = parse_configuration(config, training)
    return model._replace(
        architecture=said.architecture,
        layers=said.layers,
        customs=said.customs,
        lambdas=said.lambdas,
        abbreviations=said.abbreviations,
        loss_objects=said.loss_objects,
        optimizer=said.optimizer,
        unread=(*unread, *said.unread, *(() if said.architecture else ("its configuration names no class of model",))),
    )


def _json(file: ModelFile, what: str, content: bytes) -> dict[str, Any]:
    from tfcompat.models.configuration import parse_json

    try:
        return parse_json(content)
    except ValueError as error:
        raise file.damaged(f"{what} in it {error}", CUT_SHORT) from None


def _version(said: object, of: str, unread: list[str]) -> Version | None:
    """The version *said*, such as ``2.4.0`` or, up to TensorFlow 2.2, ``2.3.0-tf``; what it is not goes to *unread*."""
    if said is None or said == "":
        unread.append(f"it does not say which {of} wrote it")
        return None
    try:
        return Version(re.sub(r"-tf$", "", str(said)[:200]))
    except InvalidVersion:
        unread.append(f"the version of {of} that it names is none: {str(said)[:60]!r}")
        return None
