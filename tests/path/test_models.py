"""The classic break: a file saved by one Keras in an image of the other. Found before the build, and real when it is built all the same."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from path.conftest import KERAS_2, KERAS_3, Shell, Step

WRITE = """\
from tensorflow import keras

layers = [keras.layers.{layer}, keras.layers.Dense(1)]
keras.Sequential([keras.Input(shape=({shape})), *layers]).save("{name}")
"""
READ = "from tensorflow import keras\n\nkeras.models.load_model({name!r})\nprint('loaded')\n"


class Break(NamedTuple):
    """A model, the image that writes it, the one that is to read it, and what both the gate and the failing load say."""

    name: str
    layer: str
    shape: str
    writer: str
    reader: str
    gate: str
    load: str


BREAKS = [
    Break("dense.keras", "Dense(2)", "4,", KERAS_3, KERAS_2, "which Keras 3.4.1 wrote", "OSError"),
    Break("dense.h5", "Dense(2)", "4,", KERAS_3, KERAS_2, "Unrecognized keyword arguments: ['batch_shape']", "['batch_shape']"),
    Break("lstm.h5", "LSTM(2)", "3, 4", KERAS_2, KERAS_3, "passed to LSTM: {'time_major': False}", "passed to LSTM: {'time_major': False}"),
]


@pytest.fixture(scope="session", params=BREAKS, ids=lambda case: f"{case.name} of {case.writer}")
def case(request: pytest.FixtureRequest, shell: Shell) -> Break:
    """The project, with the model that its image will not read."""
    found: Break = request.param
    shell.await_images(KERAS_2, KERAS_3)
    folder = project(shell, found)
    folder.mkdir()
    (folder / "write.py").write_text(WRITE.format(**found._asdict()))
    (folder / "read.py").write_text(READ.format(name=found.name))
    (folder / "Dockerfile").write_text(
        f'FROM {found.reader}\nWORKDIR /app\nCOPY {found.name} .\nCOPY read.py .\nCMD ["python", "read.py"]\n'
    )
    shell.run(f"podman run --rm --volume {folder}:/model --workdir /model {found.writer} python write.py")
    return found


def project(shell: Shell, case: Break) -> Path:
    return shell.folder / f"crossed-{case.name}"


def test_the_gate_finds_it_before_the_build(case: Break, shell: Shell) -> None:
    ran = shell.run("tfcompat gate", check=False, folder=project(shell, case))
    assert ran.code == 1
    first = ran.out.splitlines()[0]
    assert first.startswith("Dockerfile:3:6: error[model-format] ")
    assert (f"{case.name}, which Keras " in first, case.gate in first) == (True, True), first


def test_the_load_really_fails(case: Break, shell: Shell) -> None:
    name = case.name.replace(".", "-")
    shell.run(f"podman build --quiet --tag crossed-{name} .", folder=project(shell, case))
    ran = shell.run(f"podman run --rm crossed-{name}", check=False)
    assert (ran.code, "loaded" in ran.out) == (1, False)
    assert case.load in ran.err, ran.err[-2000:]


def test_where_the_writer_reads_it_the_gate_is_silent_and_the_load_succeeds(case: Break, shell: Shell) -> None:
    folder = project(shell, case)
    ran = shell.run(
        f"sed -i s,{case.reader},{case.writer}, Dockerfile && tfcompat gate; sed -i s,{case.writer},{case.reader}, Dockerfile",
        folder=folder,
    )
    assert "model-format" not in ran.out
    loaded = shell.run(f"podman run --rm --volume {folder}:/app:ro --workdir /app {case.writer} python read.py")
    assert loaded.out == "loaded\n"


def test_the_model_is_a_wish(case: Break, shell: Shell) -> None:
    """``resolve --model`` finds an image whose Keras is of the writer's major."""
    ran = shell.run(f"tfcompat resolve --model {case.name} --cpu --format env", folder=project(shell, case))
    keras = 2 if case.writer == KERAS_2 else 3
    assert f"\nTFCOMPAT_KERAS={keras}." in ran.out


def test_the_model_of_the_first_example_is_one(training: list[Step], shell: Shell) -> None:
    """``my_model.h5`` of the training container, loaded by the Keras of the second example."""
    shell.await_images(KERAS_2)
    ran = shell.run(f'podman run --rm --volume "$PWD/inference:/app:ro" --workdir /app {KERAS_2} python inference.py', check=False)
    assert ran.code == 1
    assert "batch_shape" in ran.err
