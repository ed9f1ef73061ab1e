"""A TensorFlow made of NumPy: all that the probe's smoke test asks for, and faults where ``standin.json`` wants them.

``standins.py`` copies this file to ``tensorflow/__init__.py``. It computes on the CPU and says of each result that it is
on the device that was asked for.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import types
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_TOLD = json.loads(Path(__file__).with_name("standin.json").read_text())
_LARGEST = 512  # a side of a matrix; of larger ones the corner stands for all, as a GPU would be faster


class InvalidArgumentError(Exception):
    pass


class InternalError(Exception):
    pass


class UnimplementedError(Exception):
    pass


# -- faults -----------------------------------------------------------------------------------------


class _Fault:
    def __init__(self, cell: dict) -> None:
        self.__dict__.update(cell)
        self.calls = 0

    def strikes(self, step: str, dtype: str) -> bool:
        if self.step != step or (self.dtype and self.dtype != dtype) or not (self.soft or not _soft[0]):
            return False
        self.calls += 1
        return self.after < self.calls <= self.after + self.times

    def act(self) -> None:
        action = getattr(self, "act_" + self.do, None)
        if action is not None:
            action()

    def act_raise(self) -> None:
        kind = __builtins__.get(self.error) if isinstance(__builtins__, dict) else getattr(__builtins__, self.error, None)
        raise (kind or globals()[self.error])(self.text)

    def act_say(self) -> None:
        os.write(2, self.text.encode("utf-8", "surrogateescape") + b"\n")

    def act_hang(self) -> None:
        while True:
            time.sleep(3600)

    def act_die(self) -> None:
        os.kill(os.getpid(), signal.Signals[self.text])
        time.sleep(60)

    def act_exit(self) -> None:
        os._exit(int(self.text))

    def act_mark(self) -> None:
        Path(self.text).write_text(str(os.getpid()))

    def act_hangup(self) -> None:
        os.kill(os.getppid(), signal.SIGHUP)

    def act_flood(self) -> None:
        for _ in range(int(self.text) >> 16):
            os.write(2, b"flood " * 10922 + b"\n\n\n\n")

    def act_fork(self) -> None:
        if os.fork() == 0:
            while True:
                time.sleep(0.001)
                if self.text == "chatter":
                    os.write(2, b"chatter\n")

    def spoil(self, array: np.ndarray) -> np.ndarray:
        if self.do == "wrong":
            return array * 1.1
        return np.full_like(array, {"nan": np.nan, "inf": np.inf}[self.do]) if self.do in ("nan", "inf") else array


_faults = [_Fault(cell) for cell in _TOLD["faults"]]
_soft = [True]
_device = [""]


def _strike(step: str, dtype: str = "") -> list:
    struck = [fault for fault in _faults if fault.strikes(step, dtype)]
    for fault in struck:
        fault.act()
    return struck


# -- tensors ----------------------------------------------------------------------------------------


class Tensor:
    def __init__(self, array: object, dtype: str, place: str = "") -> None:
        self.array = _rounded(np.asarray(array), dtype)
        self.dtype = dtype
        self.device = _full_name(place or _device[0] or ("GPU:0" if _TOLD["gpus"] else "CPU:0"))

    def numpy(self) -> np.ndarray:
        return self.array

    def __float__(self) -> float:
        return float(self.array)

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array

    def __mul__(self, other: Tensor) -> Tensor:
        return Tensor(self.array * other.array, self.dtype)

    def __add__(self, other: Tensor) -> Tensor:
        return _result("elementwise", self.array + other.array, self.dtype)

    def __sub__(self, other: Tensor) -> Tensor:
        made = Tensor(self.array - other.array, self.dtype)
        made.model = getattr(self, "model", None)
        return made

    def __neg__(self) -> Tensor:
        return Tensor(-self.array, self.dtype)


def _rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """The values that *dtype* can hold, in 32 bits, which NumPy multiplies fast."""
    with np.errstate(all="ignore"):
        if dtype == "float16":
            array = array.astype("float16")
        array = array.astype("float32")
        return (array.view("uint32") & 0xFFFF0000).view("float32") if dtype == "bfloat16" else array


def _full_name(place: str) -> str:
    return "/job:localhost/replica:0/task:0/device:" + place


def _result(step: str, array: np.ndarray, dtype: str) -> Tensor:
    struck = _strike(step, dtype)
    for fault in struck:
        array = fault.spoil(array)
    place = next((fault.text for fault in struck if fault.do == "place"), "")
    return Tensor(array, dtype, place)


@contextmanager
def device(name: str) -> object:
    place = name.rpartition("/")[2]
    kind, index = place.split(":")
    if int(index) >= (len(_TOLD["gpus"]) if kind == "GPU" else 1):
        raise InvalidArgumentError(f"{_full_name(place)} unknown device.")
    before, _device[0] = _device[0], place
    try:
        yield
    finally:
        _device[0] = before


def constant(array: np.ndarray) -> Tensor:
    array = np.asarray(array)
    if array.ndim == 2 and array.shape[0] > _LARGEST:
        array = array[:64, :64]
    return Tensor(array, str(array.dtype))


def cast(tensor: Tensor, dtype: str) -> Tensor:
    return Tensor(tensor.array, dtype, tensor.device.rpartition(":device:")[2] or tensor.device.rpartition("device:")[2])


# -- operations -------------------------------------------------------------------------------------


def _matmul(a: Tensor, b: Tensor) -> Tensor:
    return _result("matmul" if a.array.shape == (256, 256) else "stress", a.array @ b.array, a.dtype)


def tanh(tensor: Tensor) -> Tensor:
    return Tensor(np.tanh(tensor.array), tensor.dtype)


def exp(tensor: Tensor) -> Tensor:
    return Tensor(np.exp(tensor.array), tensor.dtype)


def abs(tensor: Tensor) -> Tensor:  # noqa: A001  # as TensorFlow names it
    return Tensor(np.abs(tensor.array), tensor.dtype)


def reduce_sum(tensor: Tensor, axis: int | None = None) -> Tensor:
    return _result("reduction", tensor.array.sum(axis=axis), tensor.dtype)


def reduce_max(tensor: Tensor) -> Tensor:
    return Tensor(tensor.array.max(), tensor.dtype)


def square(tensor: Tensor) -> Tensor:
    made = Tensor(np.square(tensor.array), tensor.dtype)
    made.difference = tensor
    return made


def reduce_mean(tensor: Tensor) -> Tensor:
    made = _result("training", tensor.array.mean(), tensor.dtype)
    made.difference = tensor.difference
    return made


def _patches(images: np.ndarray) -> np.ndarray:
    """Each 3 by 3 window, flat: (images, height, width, 9 * channels)."""
    count, height, width, channels = images.shape
    windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(count, height - 2, width - 2, 9 * channels)


def _conv2d(images: Tensor, kernel: Tensor, strides: int, padding: str) -> Tensor:
    flat = kernel.array.reshape(-1, kernel.array.shape[-1])
    return _result("convolution", _patches(images.array) @ flat, images.dtype)


linalg = types.SimpleNamespace(matmul=_matmul)
nn = types.SimpleNamespace(conv2d=_conv2d)


# -- Keras ------------------------------------------------------------------------------------------


class Layer:
    def __call__(self, before: list) -> list:
        return [*before, self]


class Conv2D(Layer):
    def __init__(self, filters: int, size: int, activation: str) -> None:
        self.filters = filters


class Flatten(Layer):
    pass


class Dense(Layer):
    def __init__(self, units: int) -> None:
        self.units = units


class Model:
    """The one model of the smoke test: convolution, ReLU, one dense layer."""

    def __init__(self, inputs: list, outputs: list) -> None:
        height, width, channels = inputs[0]
        filters, units = outputs[1].filters, outputs[3].units
        random = np.random.RandomState(0)
        self.kernel = random.standard_normal((9 * channels, filters)) / 3
        self.bias = np.zeros(filters)
        self.dense = random.standard_normal(((height - 2) * (width - 2) * filters, units)) / 12
        self.dense_bias = np.zeros(units)
        self.channels = channels

    @property
    def trainable_variables(self) -> list:
        return [self.kernel, self.bias, self.dense, self.dense_bias]

    def get_weights(self) -> list:
        return [self.kernel.reshape(3, 3, self.channels, -1), *self.trainable_variables[1:]]

    def __call__(self, x: Tensor, training: bool = False) -> Tensor:
        self.patches = _patches(x.array)
        self.hidden = np.maximum(self.patches @ self.kernel + self.bias, 0)
        self.flat = self.hidden.reshape(len(self.hidden), -1)
        made = Tensor(self.flat @ self.dense + self.dense_bias, x.dtype)
        made.model = self
        return made


class GradientTape:
    def __enter__(self) -> GradientTape:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def gradient(self, loss: Tensor, variables: list) -> list:
        """Of the mean square of a difference from the model's result, and of nothing else."""
        difference, model = loss.difference, loss.difference.model
        slope = 2 * difference.array / difference.array.size
        inner = (slope @ model.dense.T).reshape(model.hidden.shape) * (model.hidden > 0)
        kernel = np.tensordot(model.patches, inner, axes=([0, 1, 2], [0, 1, 2]))
        return [Tensor(part, "float32") for part in (kernel, inner.sum((0, 1, 2)), model.flat.T @ slope, slope.sum(0))]


class SGD:
    def __init__(self, rate: float) -> None:
        self.rate = rate

    def apply_gradients(self, pairs: object) -> None:
        for gradient, variable in pairs:
            np.subtract(variable, self.rate * gradient.array, out=variable)


def _make_keras() -> object:
    name = _TOLD["keras_module"]
    home = {
        "keras": "keras.src.models.model",
        "tf_keras": "tf_keras.src.engine.training",
        "tensorflow": "tensorflow.python.keras.engine.training",
    }
    Model.__module__ = home[name]
    made = types.ModuleType(name if name != "tensorflow" else "tensorflow.keras")
    made.__version__ = _TOLD["keras"]
    made.backend = types.SimpleNamespace(backend=lambda: "tensorflow")
    made.Input = lambda shape: [shape]
    made.layers = types.SimpleNamespace(Conv2D=Conv2D, Flatten=Flatten, Dense=Dense)
    made.Model = Model
    made.optimizers = types.SimpleNamespace(SGD=SGD)
    if name != "tensorflow":
        sys.modules[name] = made
    return made


def __getattr__(name: str) -> object:
    """Keras comes with its first use, as in TensorFlow."""
    if name != "keras":
        raise AttributeError(f"module 'tensorflow' has no attribute {name!r}")
    _strike("keras")
    globals()["keras"] = _make_keras()
    return globals()["keras"]


# -- devices ----------------------------------------------------------------------------------------


def _list_physical_devices(kind: str) -> list:
    _strike("devices")
    for path in _TOLD["loads"]:
        ctypes.CDLL(path)
    return [types.SimpleNamespace(name=f"/physical_device:GPU:{index}", index=index) for index in range(len(_TOLD["gpus"]))]


def _device_details(listed: object) -> dict:
    gpu = _TOLD["gpus"][listed.index]
    return {"device_name": gpu["name"], "compute_capability": tuple(int(part) for part in gpu["capability"].split("."))}


def _set_soft(allowed: bool) -> None:
    _soft[0] = allowed


config = types.SimpleNamespace(
    list_physical_devices=_list_physical_devices,
    set_soft_device_placement=_set_soft,
    experimental=types.SimpleNamespace(
        list_physical_devices=_list_physical_devices, get_device_details=_device_details, set_memory_growth=lambda gpu, on: None
    ),
)
sysconfig = types.SimpleNamespace(get_build_info=lambda: _TOLD["build"])
compat = types.SimpleNamespace(v1=types.SimpleNamespace(enable_v2_behavior=lambda: None))

_strike("import")
__version__ = _TOLD["version"]
