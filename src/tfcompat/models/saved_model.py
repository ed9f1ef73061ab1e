"""A SavedModel's two protobufs: saved_model.pb with the versions, keras_metadata.pb with what Keras 2 wrote of its layers.

Graphs, signatures and functions are stepped over by their length. Source: tensorflow/core/protobuf/saved_model.proto,
meta_graph.proto, saved_object_graph.proto, and keras/protobuf/saved_metadata.proto.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterator
from typing import NamedTuple

from tfcompat.models.files import ModelFile
from tfcompat.models.protobuf import Field, Message

__all__ = ["KerasNode", "MetaGraph", "SavedModel", "load_keras_nodes", "load_saved_model"]

_GRAPHS = 100
_NODES = 50_000
_METADATA = 8 << 20  # bytes of JSON in all
_KERAS = "_tf_keras_"


class KerasNode(NamedTuple):
    """An object of Keras: ``identifier`` such as ``_tf_keras_layer``, ``path`` such as ``root.layer-0``, and its JSON, which may be empty."""

    number: int
    identifier: str
    path: str
    metadata: bytes


class MetaGraph(NamedTuple):
    """A graph with its ``tags``. ``nodes``: Keras's own, which TensorFlow up to 2.4 keeps here and later ones in keras_metadata.pb."""

    tags: tuple[str, ...] = ()
    tensorflow: str = ""
    git: str = ""
    nodes: tuple[KerasNode, ...] = ()


class SavedModel(NamedTuple):
    """What saved_model.pb says."""

    schema: int = 0
    graphs: tuple[MetaGraph, ...] = ()


def load_saved_model(file: ModelFile, *, objects: bool) -> SavedModel:
    """The versions in saved_model.pb and, with *objects*, Keras's nodes there. Raises :class:`~tfcompat.errors.CouldNotCheck`."""
    schema = 0
    graphs: list[MetaGraph] = []
    message = Message(file)
    for field in message.fields():
        if field.number == 1:
            schema = field.value
        elif field.number == 2:
            if len(graphs) >= _GRAPHS:
                raise file.damaged(f"it has more than {_GRAPHS} graphs", "check where the file comes from")
            graphs.append(_graph(file, message.message(field), objects=objects))
    return SavedModel(schema, tuple(graphs))


def load_keras_nodes(file: ModelFile) -> tuple[KerasNode, ...]:
    """The nodes of keras_metadata.pb. Raises :class:`~tfcompat.errors.CouldNotCheck`."""
    return tuple(_bounded(file, _metadata_nodes(Message(file))))


def _graph(file: ModelFile, message: Message, *, objects: bool) -> MetaGraph:
    graph = MetaGraph()
    for field in message.fields():
        if field.number == 1:
            tags, tensorflow, git = _info(message.message(field))
            graph = graph._replace(tags=tags, tensorflow=tensorflow, git=git)
        elif field.number == 7 and objects:
            graph = graph._replace(nodes=tuple(_bounded(file, _object_nodes(message.message(field)))))
    return graph


def _info(message: Message) -> tuple[tuple[str, ...], str, str]:
    tags, tensorflow, git = [], "", ""
    for field in message.fields():
        if field.number == 4:
            tags.append(message.text(field)[:200])
        elif field.number == 5:
            tensorflow = message.text(field)[:200]
        elif field.number == 6:
            git = message.text(field)[:200]
    return tuple(tags), tensorflow, git


def _object_nodes(message: Message) -> Iterator[KerasNode]:
    """SavedObjectGraph.nodes that are user objects of Keras."""
    for number, node in enumerate(field for field in message.fields() if field.number == 1):
        inner = message.message(node)
        for field in inner.fields():
            if field.number == 4:
                found = _user_object(inner, field, number)
                if found.identifier.startswith(_KERAS):
                    yield found


def _user_object(message: Message, field: Field, number: int) -> KerasNode:
    inner = message.message(field)
    identifier, metadata = "", b""
    for each in inner.fields():
        if each.number == 1:
            identifier = inner.text(each)[:200]
        elif each.number == 3:
            metadata = inner.content(each)
    return KerasNode(number, identifier, "root" if number == 0 else "", metadata)


def _metadata_nodes(message: Message) -> Iterator[KerasNode]:
    for field in message.fields():
        if field.number != 1:
            continue
        inner = message.message(field)
        number, path, identifier, metadata = 0, "", "", b""
        for each in inner.fields():
            if each.number == 2:
                number = each.value
            elif each.number == 3:
                path = inner.text(each)[:1000]
            elif each.number == 4:
                identifier = inner.text(each)[:200]
            elif each.number == 5:
                metadata = inner.content(each)
        yield KerasNode(number, identifier, path, metadata)


def _bounded(file: ModelFile, nodes: Iterator[KerasNode]) -> Iterator[KerasNode]:
    left = _METADATA
    for count, node in enumerate(nodes):
        left -= len(node.metadata)
        if left < 0 or count >= _NODES:
            raise file.damaged(
                f"Keras's part of it has more than {_NODES:,} objects or {_METADATA >> 20} MiB", "check where the file comes from"
            )
        yield node
