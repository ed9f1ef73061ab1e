"""What ``check`` costs beyond the TensorFlow that it tries: ratios taken in one run, and the memory of its own processes.

python tools/bench_check.py [PAIRS]     in an environment with TensorFlow (on the CPU) and tfcompat
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat.probing import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Sequence

# The steps of the smoke test as a person would write them, without looking at anything.
BARE = """
import numpy as np
import tensorflow as tf

def random(seed, *shape):
    return np.random.RandomState(seed).standard_normal(shape)

with tf.device("/CPU:0"):
    for dtype in ("float32", "float16", "bfloat16"):
        a, b = (tf.cast(tf.constant(random(seed, 256, 256).astype("float32")), dtype) for seed in (0, 1))
        for _ in range(2):
            tf.cast(tf.linalg.matmul(a, b), "float32").numpy()
    a, b = (tf.constant(random(seed, 256, 256).astype("float32")) for seed in (2, 3))
    images, kernel = (tf.constant(random(5, *shape).astype("float32")) for shape in ((4, 32, 32, 8), (3, 3, 8, 16)))
    for _ in range(2):
        (tf.tanh(a) * b + tf.exp(-a * a)).numpy()
        tf.reduce_sum(a, axis=1).numpy()
        tf.nn.conv2d(images, kernel, strides=1, padding="VALID").numpy()
    inputs = tf.keras.Input(shape=(8, 8, 1))
    hidden = tf.keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(tf.keras.layers.Flatten()(hidden)))
    x, y = (tf.constant(random(7, *shape).astype("float32")) for shape in ((32, 8, 8, 1), (32, 1)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
    gradients = tape.gradient(loss, model.trainable_variables)
    tf.keras.optimizers.SGD(0.01).apply_gradients(zip(gradients, model.trainable_variables))
    print(float(tf.reduce_mean(tf.square(model(x, training=True) - y))))
"""
CHECK = (sys.executable, "-m", "tfcompat", "check", "--expect", "cpu")


def main(arguments: Sequence[str]) -> int:
    pairs = int(arguments[0]) if arguments else 7
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        bare, probe = (sys.executable, "-c", BARE), (sys.executable, str(SCRIPT), "--no-tensorflow")
        for command in (CHECK, bare):
            if subprocess.run(command, capture_output=True, check=False).returncode:
                print("TensorFlow does not work here: tfcompat check says why")
                return 1
        _compare("tfcompat check --expect cpu / the same steps in a bare script", CHECK, bare, pairs)
        _compare("the probe without TensorFlow / python -c pass", probe, (sys.executable, "-c", "pass"), pairs)
        times = [_seconds(probe) for _ in range(pairs)]
        print(f"the probe without TensorFlow, median of {pairs}: {statistics.median(times):.2f} s")
        own = _own_memory()
        print(f"peak memory beyond TensorFlow's child: {sum(own) / 1024:.0f} MB ({own[0] / 1024:.0f} MB check, the rest the probe)")
    return 0


def _compare(title: str, command: Sequence[str], reference: Sequence[str], pairs: int) -> None:
    ratios = [_seconds(command) / _seconds(reference) for _ in range(pairs)]
    print(f"{title}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)")


def _seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    return time.perf_counter() - start


def _own_memory() -> list[int]:
    """kB: the highest resident size of check, and of its child, the probe."""
    peaks: dict[int, int] = {}
    with subprocess.Popen(CHECK, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as check:
        while check.poll() is None:
            for pid in (check.pid, *_children(check.pid)):
                peaks[pid] = _high_water(pid) or peaks.get(pid, 0)  # only grows, but for the exec that makes a child the probe
            time.sleep(0.01)
    return list(peaks.values())


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _high_water(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
