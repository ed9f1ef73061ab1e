"""Keras's JSON from 2.2 to 3.x: real ones, what each release spells differently, and bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.making import fixture
from tfcompat.models.configuration import Configuration, parse_configuration, parse_json

CODE = "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAHMMAAAAfABkARQAZAIXAFMAKQNO5wAA\nAAA="


def sequential(*layers: object) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def layer(class_name: str, **config: object) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": class_name.lower(), **config}}


@pytest.mark.parametrize(
    ("name", "registered", "operations"),
    [
        ("keras-2.12.0-rich.json", "mine>Reg", ("SlicingOpLambda", "TFOpLambda")),
        ("tf_keras-2.20.0-rich.json", "Reg", ("SlicingOpLambda", "TFOpLambda")),
        ("keras-3.15.1-rich.json", "Reg", ("ExpandDims", "GetItem", "Sum")),
    ],
)
def test_real_configurations(name: str, registered: str, operations: tuple[str, ...]) -> None:
    model = parse_json(fixture(name))
    found = parse_configuration(model, model["compile_config"])
    assert found.architecture == "Functional"
    common = ("Dense", "InputLayer", "LSTMCell", "RNN", "Reshape", "Sequential", "TimeDistributed")
    assert found.layers == tuple(sorted((*common, registered, *operations)))
    assert (found.customs, found.lambdas, found.unread) == (("mine>Reg", "my_act", "my_init", "recall"), (), ())


@pytest.mark.parametrize(
    ("model", "customs"),
    [
        (layer("Dense"), ()),
        (layer("MyLayer"), ("MyLayer",)),
        (layer("Custom>MyLayer"), ("Custom>MyLayer",)),
        (layer("Addons>WeightNormalization"), ("Addons>WeightNormalization",)),
        (layer("Custom>Dense"), ("Custom>Dense",)),
        (layer("BatchNormalizationV1"), ()),
        (layer("Dense") | {"module": "keras.layers", "registered_name": None}, ()),
        (layer("Sum") | {"module": "keras.src.ops.numpy", "registered_name": "Sum"}, ()),
        (layer("Functional") | {"module": "tf_keras.src.engine.functional", "registered_name": "Functional"}, ()),
        (layer("Dense") | {"module": "my.layers", "registered_name": "Custom>Dense"}, ("Custom>Dense",)),
        (layer("Scale") | {"module": None, "registered_name": "mine>Scale"}, ("mine>Scale",)),
        (layer("Scale") | {"module": None, "registered_name": "Scale"}, ("Scale",)),
        (
            layer("TransformerEncoder") | {"module": "keras_hub.src.layers", "registered_name": "keras_hub>TransformerEncoder"},
            ("keras_hub>TransformerEncoder",),
        ),
        (layer("Sum"), ()),
        (layer("GetItem"), ("GetItem",)),  # an operation in an .h5 of Keras 3, which no Keras loads without custom_objects
    ],
)
def test_layers_that_keras_brings_and_others(model: dict[str, Any], customs: tuple[str, ...]) -> None:
    found = parse_configuration(sequential(model))
    assert found.customs == customs
    assert found.layers == (model["class_name"],)


@pytest.mark.parametrize(
    ("config", "customs"),
    [
        ({"activation": "relu"}, ()),
        ({"activation": "my_activation"}, ("my_activation",)),
        ({"activation": {"class_name": "LeakyReLU", "config": {}}}, ()),
        ({"activation": {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}}, ()),
        ({"activation": {"module": "builtins", "class_name": "function", "config": "mine", "registered_name": "function"}}, ("mine",)),
        ({"activation": {"module": "keras.activations", "class_name": "function", "config": "newest"}}, ()),
        ({"kernel_initializer": "glorot_uniform"}, ()),
        ({"kernel_initializer": "my_initializer"}, ("my_initializer",)),
        ({"kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}}, ()),
        ({"kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.1}}, "kernel_constraint": "max_norm"}, ()),
        ({"kernel_regularizer": {"class_name": "Mine", "config": {}}}, ("Mine",)),
        ({"dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}}}, ()),
        ({"dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}}, ()),
        ({"target_shape": {"class_name": "__tuple__", "items": [2, 3]}}, ()),
        ({"cells": {"class_name": "__tuple__", "items": [layer("MyCell")]}}, ("MyCell",)),
        ({"name": "my_activation", "padding": "valid", "anything": {"deep": ["text"]}}, ()),
        ({"activation": "<lambda>"}, ("<lambda>",)),
        ({"activation": "\ud800"}, ("?",)),
    ],
)
def test_functions_and_objects_in_a_layer(config: dict[str, Any], customs: tuple[str, ...]) -> None:
    assert parse_configuration(sequential(layer("Dense", **config))).customs == customs


@pytest.mark.parametrize(
    ("training", "customs"),
    [
        ({"loss": "mse", "metrics": ["accuracy", "mae", "acc"], "optimizer_config": {"class_name": "Adam", "config": {}}}, ()),
        ({"loss": "my_loss", "metrics": ["my_metric"]}, ("my_loss", "my_metric")),
        ({"loss": {"output_a": "mse", "output_b": "my_loss"}, "metrics": {"output_a": ["mae", "my_metric"]}}, ("my_loss", "my_metric")),
        ({"loss": ["mse", "my_loss"]}, ("my_loss",)),
        ({"loss": {"class_name": "BinaryCrossentropy", "config": {"fn": "binary_crossentropy", "name": "mine"}}}, ()),
        ({"loss": {"module": "__main__", "class_name": "function", "config": "my_loss", "registered_name": "my_loss"}}, ("my_loss",)),
        ({"metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "recall", "fn": "recall"}}]]}, ("recall",)),
        ({"optimizer_config": {"class_name": "Custom>Adam", "config": {}}}, ()),  # so Keras 2.11 and 2.12 spell their own
        ({"optimizer_config": {"class_name": "Addons>LAMB", "config": {}}}, ("Addons>LAMB",)),
        ({"optimizer": "adam"}, ()),
        ({"optimizer": "my_optimizer"}, ("my_optimizer",)),
        ({"optimizer": {"module": "mine", "class_name": "Lion2", "config": {}, "registered_name": "Lion2"}}, ("Lion2",)),
        (
            {
                "optimizer_config": {
                    "class_name": "LossScaleOptimizer",
                    "config": {"inner_optimizer": {"class_name": "Custom>Adam", "config": {}}},
                }
            },
            (),
        ),
        ({"optimizer_config": {"class_name": "Adam", "config": {"learning_rate": {"class_name": "WarmUp", "config": {}}}}}, ("WarmUp",)),
        ({"loss_weights": {"output_a": 1.0}, "sample_weight_mode": "temporal", "run_eagerly": None}, ()),
        ("text", ()),
        ([1, 2], ()),
    ],
)
def test_what_it_was_compiled_with(training: object, customs: tuple[str, ...]) -> None:
    assert parse_configuration(sequential(), training).customs == customs


@pytest.mark.parametrize(
    ("config", "lambdas", "customs"),
    [
        ({"function": [CODE, None, None], "function_type": "lambda"}, ("doubled",), ()),
        ({"function": "my_function", "function_type": "function"}, (), ("my_function",)),
        ({"function": "relu", "function_type": "function"}, (), ()),
        ({"function": "relu", "function_type": "function", "mask": [CODE, None, None], "mask_type": "lambda"}, ("doubled",), ()),
        ({"function": {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}}, ("doubled",), ()),
        ({"function": {"module": "builtins", "class_name": "function", "config": "mine", "registered_name": "function"}}, (), ("mine",)),
    ],
)
def test_lambda_layers(config: dict[str, Any], lambdas: tuple[str, ...], customs: tuple[str, ...]) -> None:
    found = parse_configuration(sequential({"class_name": "Lambda", "config": {"name": "doubled", **config}}))
    assert (found.lambdas, found.customs) == (lambdas, customs)


@pytest.mark.parametrize(
    "activation", [[CODE, None, None], {"value": [CODE, None, None]}, {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}}]
)
def test_code_in_another_layer_is_noticed(activation: object) -> None:
    found = parse_configuration(sequential({"class_name": "Dense", "config": {"name": "odd", "activation": activation}}))
    assert (found.lambdas, found.customs) == (("odd",), ())


def test_code_in_a_loss_is_noticed() -> None:
    assert parse_configuration(sequential(), {"loss": {"class_name": "__lambda__", "config": {"code": CODE}}}).lambdas == ("<lambda>",)


@pytest.mark.parametrize(
    ("model", "architecture", "layers"),
    [
        ({"class_name": "Sequential", "config": [layer("Dense"), layer("LSTM")]}, "Sequential", ("Dense", "LSTM")),  # Keras 2.2
        ({"class_name": "Model", "config": {"layers": [layer("Dense")]}}, "Functional", ("Dense",)),  # up to 2.3
        ({"class_name": "Model", "config": {}}, "Model", ()),
        (
            sequential(layer("Bidirectional", layer=layer("GRU"), backward_layer=layer("LSTM"))),
            "Sequential",
            ("Bidirectional", "GRU", "LSTM"),
        ),
        (
            sequential(layer("RNN", cell=layer("StackedRNNCells", cells=[layer("GRUCell")]))),
            "Sequential",
            ("GRUCell", "RNN", "StackedRNNCells"),
        ),
        (sequential(sequential(layer("Conv2D"))), "Sequential", ("Conv2D", "Sequential")),
        (sequential(layer("Dense") | {"inbound_nodes": [[["x", 0, 0, {"class_name": "Odd", "config": {}}]]]}), "Sequential", ("Dense",)),
        ({"class_name": 5}, None, ()),
        ({}, None, ()),
        (None, None, ()),
        ([], None, ()),
    ],
)
def test_architectures(model: object, architecture: str | None, layers: tuple[str, ...]) -> None:
    found = parse_configuration(model)
    assert (found.architecture, found.layers, found.customs) == (architecture, layers, ())


def test_a_class_of_ones_own_is_custom() -> None:
    found = parse_configuration({"class_name": "MyModel", "config": {}, "module": "__main__", "registered_name": "mine>MyModel"})
    assert found == Configuration("MyModel", customs=("mine>MyModel",))


def test_depth_is_bounded() -> None:
    model: dict[str, Any] = layer("Odd")
    for _ in range(60):
        model = sequential(model)
    found = parse_configuration(model)
    assert found.unread == ("its configuration is more than 150 levels deep, and what is below was not looked at",)
    assert found.customs == ()


def test_parts_are_bounded() -> None:
    found = parse_configuration(sequential(*({} for _ in range(200_001))))
    assert found.unread == ("its configuration has more than 200,000 parts, and the others were not looked at",)


def test_names_are_bounded() -> None:
    found = parse_configuration(
        sequential(*(layer("x" * 300 + str(index)) for index in range(3)), *(layer(f"{index:04}") for index in range(2000)))
    )
    assert len(found.customs) == len(found.layers) == 1000
    assert parse_configuration(sequential(layer("x" * 300))).customs == ("x" * 200,)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"[1]", "is not a JSON object"),
        (b"\xff", "is not UTF-8"),
        (b'{"a":' * 200_000, "is nested too deep"),
        (b"{}x", "is not JSON"),
    ],
)
def test_json_that_is_none(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        parse_json(content)


def test_numbers_are_not_made_large() -> None:
    assert parse_json(b'{"a": ' + b"9" * 1_000_000 + b', "b": 12, "c": NaN}')["b"] == 12


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Dense", "relu", "__lambda__", "function", CODE]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "class_name",
                    "config",
                    "module",
                    "registered_name",
                    "layers",
                    "layer",
                    "fn",
                    "loss",
                    "function",
                    "function_type",
                    "items",
                    "name",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(VALUES, VALUES)
@settings(max_examples=150, deadline=None)
def test_any_json_is_gone_through(model: object, training: object) -> None:
    found = parse_configuration(model, training)
    assert list(found.layers) == sorted(set(found.layers))
    assert list(found.customs) == sorted(set(found.customs))
    json.dumps(found)
    repr(found).encode()
