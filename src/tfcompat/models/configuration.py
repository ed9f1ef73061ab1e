"""Keras's JSON of a model, from 2.x to 3.x: its architecture, its layers, and what it needs that Keras does not bring.

Code in it, as Lambda layers have, is noticed and never decoded.
"""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tfcompat.models.vocabulary import ABBREVIATIONS, CLASSES, FUNCTIONS, OPTIMIZERS, is_short_name

__all__ = ["Configuration", "parse_configuration", "parse_json"]

_DEPTH = 150  # lists and objects in one another: a nested model takes about five
_VALUES = 200_000
_NAMES = 1_000
_LENGTH = 200  # of a name
_KERAS = ("keras", "tf_keras", "keras_core", "tensorflow.keras", "tensorflow.python.keras")
_LAYERS = frozenset(("layer", "layers", "forward_layer", "backward_layer", "cell", "cells"))
_FUNCTIONS = frozenset(("activation", "recurrent_activation", "fn", "loss", "losses", "metrics", "weighted_metrics"))
_LOSSES = ("loss", "losses")
_OPTIMIZER = ("optimizer", "optimizer_config")
_SHORT = ("initializer", "regularizer", "constraint", "optimizer")
_SKIPPED = frozenset(("inbound_nodes", "input_layers", "output_layers", "build_config", "shared_object_id"))
_CODE = re.compile(r"4[wQ][A-Za-z0-9+/=\n]{40}")  # a code object as marshal writes it
_LAMBDA_TYPES = ("function_type", "output_shape_type", "mask_type")


class Configuration(NamedTuple):
    """As in :class:`~tfcompat.models.model.Model`."""

    architecture: str | None = None
    layers: tuple[str, ...] = ()
    customs: tuple[str, ...] = ()
    lambdas: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    loss_objects: tuple[str, ...] = ()
    optimizer: str | None = None
    unread: tuple[str, ...] = ()


class _Place(NamedTuple):
    """A value and where it stands: under which ``key``, of which ``layer``, how deep."""

    value: Any
    key: str = ""
    layer: str = ""
    depth: int = 0


def parse_json(content: bytes) -> dict[str, Any]:
    """The JSON object in *content*. Raises :class:`ValueError`, whose text says what it is instead."""
    import json

    try:
        found = json.loads(content.decode("utf-8-sig"), parse_int=_whole)
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except ValueError:
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return found


def parse_configuration(model: object, training: object = None) -> Configuration:
    """What *model*, an object with class_name and config, needs, and *training*, what it was compiled with."""
    walk = _Walk()
    walk.run([_Place(training), _Place(model)])
    architecture = None
    if isinstance(model, dict) and isinstance(model.get("class_name"), str):
        architecture = _clean(model["class_name"])
        if architecture == "Model" and _has_layers(model.get("config")):
            architecture = "Functional"  # as Keras up to 2.3 calls it
    return Configuration(
        architecture,
        _names(walk.layers),
        _names(walk.customs),
        _names(walk.lambdas),
        _names(walk.abbreviations),
        _names(walk.loss_objects),
        walk.optimizer,
        tuple(walk.unread),
    )


def _names(found: set[str]) -> tuple[str, ...]:
    return tuple(sorted(found)[:_NAMES])


class _Walk:
    """Goes through a configuration once, within bounds, and gathers names."""

    def __init__(self) -> None:
        self.layers: set[str] = set()
        self.customs: set[str] = set()
        self.lambdas: set[str] = set()
        self.abbreviations: set[str] = set()
        self.loss_objects: set[str] = set()
        self.optimizer: str | None = None
        self.unread: list[str] = []
        self._left = _VALUES

    def run(self, places: list[_Place]) -> None:
        while places:
            place = places.pop()
            self._left -= 1
            if self._left < 0:
                self.unread.append(f"its configuration has more than {_VALUES:,} parts, and the others were not looked at")
                return
            if place.depth > _DEPTH:
                if not any("deep" in said for said in self.unread):
                    self.unread.append(f"its configuration is more than {_DEPTH} levels deep, and what is below was not looked at")
                continue
            places.extend(self._inside(place))

    def _inside(self, place: _Place) -> Iterator[_Place]:
        value = place.value
        if isinstance(value, str):
            self._string(place.key, value)
        elif isinstance(value, list):
            if _is_code(value):
                self.lambdas.add(place.layer or "<lambda>")
                return
            yield from self._each(place, ((place.key, item) for item in value))
        elif isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                yield from self._object(place, value)
            else:  # losses and metrics may stand by the name of an output
                inherits = place.key in _FUNCTIONS
                yield from self._each(place, ((place.key if inherits else key, item) for key, item in value.items()))

    def _each(self, place: _Place, items: Iterator[tuple[str, Any]]) -> Iterator[_Place]:
        for key, item in items:
            nested = isinstance(item, dict | list) and key not in _SKIPPED
            if nested or (isinstance(item, str) and (key in _FUNCTIONS or key.endswith(_SHORT))):
                yield _Place(item, key, place.layer, place.depth + 1)

    def _string(self, key: str, value: str) -> None:
        """A function or a class by its name alone, under a *key* where one is expected."""
        if key and value in ABBREVIATIONS:
            self.abbreviations.add(value)
        known = not key or value in FUNCTIONS or value in CLASSES or (key.endswith(_SHORT) and is_short_name(value))
        if not known and value:
            self.customs.add(_clean(value))

    def _object(self, place: _Place, value: dict[str, Any]) -> Iterator[_Place]:
        name, config = value["class_name"], value.get("config")
        if name == "__lambda__":
            self.lambdas.add(place.layer or "<lambda>")
            return
        if name == "function":
            self._function(value)
            return
        if name.startswith("__"):  # tensors, types and tuples in Keras's own spelling
            yield from self._each(place, ((place.key, item) for item in (value.get("items"), config) if name == "__tuple__"))
            return
        if _is_custom(name, value.get("module"), value.get("registered_name")):
            self.customs.add(_spelling(name, value.get("registered_name")))
        if place.key in _LOSSES:
            self.loss_objects.add(_clean(name))
        if place.key in _OPTIMIZER and self.optimizer is None:
            self.optimizer = _clean(name).rpartition(">")[2]
        layer = place.layer
        if place.key in _LAYERS:
            self.layers.add(_clean(name))
            found = config.get("name") if isinstance(config, dict) else None
            layer = _clean(found) if isinstance(found, str) else layer
        if name == "Lambda" and isinstance(config, dict):
            self._lambda(config, layer)
        inner = "layers" if isinstance(config, list) else ""  # a Sequential of Keras up to 2.2
        yield _Place(config, inner, layer, place.depth + 1)
        yield _Place(value.get("compile_config"), "", "", place.depth + 1)

    def _function(self, value: dict[str, Any]) -> None:
        name = value.get("config")
        if isinstance(name, str) and name in ABBREVIATIONS:
            self.abbreviations.add(name)
        if isinstance(name, str) and name not in FUNCTIONS and not _is_keras(value.get("module")):
            self.customs.add(_clean(name))

    def _lambda(self, config: dict[str, Any], layer: str) -> None:
        """What a Lambda layer calls: code, or a function by its name."""
        if any(config.get(key) == "lambda" for key in _LAMBDA_TYPES) or isinstance(config.get("function"), list):
            self.lambdas.add(layer or "Lambda")
        elif isinstance(config.get("function"), str):
            self._string("function", config["function"])


def _is_code(value: list[Any]) -> bool:
    """Whether it is a function as Keras dumps one: its code in base64, its defaults and what it closes over."""
    return len(value) == 3 and isinstance(value[0], str) and _CODE.match(value[0]) is not None


def _is_keras(module: object) -> bool:
    return isinstance(module, str) and any(module == name or module.startswith(name + ".") for name in _KERAS)


def _is_custom(name: str, module: object, registered: object) -> bool:
    if isinstance(module, str):
        return not _is_keras(module)
    if isinstance(registered, str) and ">" in registered:
        name = registered
    package, _, plain = name.rpartition(">")
    return name not in CLASSES and not (package == "Custom" and plain in OPTIMIZERS)  # so Keras 2.11 and 2.12 register their own


def _spelling(name: str, registered: object) -> str:
    return _clean(registered if isinstance(registered, str) and ">" in registered else name)


def _whole(digits: str) -> int:
    """A number; nothing that is looked at here is large, and long ones take long."""
    return int(digits) if len(digits) < 20 else 0


def _has_layers(config: object) -> bool:
    return isinstance(config, dict) and isinstance(config.get("layers"), list)


def _clean(name: str) -> str:
    return name[:_LENGTH].encode("utf-8", "replace").decode()
