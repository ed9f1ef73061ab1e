"""``tfcompat model``: what a saved model is, who loads it, and how the command ends."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from tfcompat.cli import main
from tfcompat.matrix import load_bundled
from tfcompat.models.loading import find_readers

FILES = Path(__file__).with_name("models") / "files"
MATRIX = load_bundled()
Said = pytest.CaptureFixture[str]
LAST = "matrix of {measured}; errors are those of the models that were tried; --evidence shows what was tried\n"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FILES)


def run(capsys: Said, *arguments: str) -> tuple[int, str, str]:
    code = main(["model", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_who_loads_it_in_ranges(capsys: Said) -> None:
    code, out, err = run(capsys, "keras-2.10.0-lstm.h5")
    assert (code, err) == (0, "")
    assert out == (
        "keras-2.10.0-lstm.h5: HDF5, written by Keras 2.10.0\n"
        "  Sequential of Dense, Embedding, InputLayer, LSTM\n"
        "  saved with its optimizer and loss\n"
        "\n"
        "  Keras 2.4 to 2.15       loads\n"
        "  Keras 3.0 to 3.15       does not load (LSTM): ValueError: Unrecognized keyword arguments passed to LSTM:\n"
        "                          {'time_major': False}\n"
        "  tf-keras 2.16 to 2.21   loads\n"
        "\n" + LAST.format(measured=MATRIX.measured)
    )


def test_what_loading_needs_is_explained(capsys: Said) -> None:
    _, out, _ = run(capsys, "keras-2.4.0-dense.h5", "--keras", "3.15")
    assert out.splitlines()[4:8] == [
        "  Keras 3.15              with compile=False (mae, mse)",
        "",
        "  compile=False: load_model(..., compile=False), then compile() anew",
        "",
    ]


def test_the_evidence_is_shown(capsys: Said) -> None:
    _, out, _ = run(capsys, "keras-2.10.0-lstm.h5", "--keras", "3.15", "--evidence")
    assert "verified: files of" in out
    assert "data/measured/models" in out
    assert out.endswith(f"matrix of {MATRIX.measured}; errors are those of the models that were tried; these were tried\n")


def test_code_in_a_file_is_told(capsys: Said) -> None:
    _, out, _ = run(capsys, "keras-3.12.4-lambda.keras")
    assert "  Python code inside: lambda. Loading runs it: only where the file is trusted\n" in out
    assert "runs the Python code in the file: only for a file that you trust\n" in out


def test_a_class_of_ones_own_is_told(capsys: Said) -> None:
    _, out, _ = run(capsys, "keras-2.15.0-custom-layer.keras")
    assert "  not Keras's own: ScaleLayer: its code must be there when it is loaded\n" in out


def test_an_exported_model_is_called_as_functions(capsys: Said) -> None:
    code, out, _ = run(capsys, "keras-3.15.1-export")
    assert code == 0
    assert out.startswith("keras-3.15.1-export: a SavedModel of TensorFlow 2.20.0, without Keras's own metadata\n")
    assert "  TFSMLayer: keras.layers.TFSMLayer(path, call_endpoint='serving_default'), for inference\n" in out


def test_weights_alone_are_told(capsys: Said) -> None:
    code, out, _ = run(capsys, "keras-2.4.0.weights.h5")
    assert code == 3
    assert out.startswith("keras-2.4.0.weights.h5: weights in HDF5, written by Keras 2.4.0\n")
    assert "not known: it has weights alone, which a model made by code takes" in out


def test_the_document_has_a_word_on_every_keras(capsys: Said) -> None:
    code, out, _ = run(capsys, "--format", "json", "keras-2.10.0-lstm.h5", "keras-3.4.1-dense.keras")
    document = json.loads(out)
    assert (code, document["schema_version"], document["matrix"]) == (0, 1, MATRIX.measured)
    lstm, dense = document["models"]
    assert (lstm["file"], lstm["format"], lstm["keras"], lstm["layers"]) == (
        "keras-2.10.0-lstm.h5", ".h5", "2.10.0", ["Dense", "Embedding", "InputLayer", "LSTM"],
    )  # fmt: skip
    assert [(w["package"], w["version"]) for w in dense["loading"]] == [(r.package, str(r.version)) for r in find_readers(MATRIX)]
    assert {w["outcome"] for w in lstm["loading"] if w["package"] == "keras" and Version(w["version"]).major == 3} == {"refuses"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--keras", "3.15", "keras-2.10.0-lstm.h5"], 1),
        (["--keras", "3.15", "--keras", "tf-keras 2.18", "keras-2.10.0-lstm.h5"], 0),
        (["--keras", "tf-keras==2.18.0", "keras-2.10.0-lstm.h5"], 0),
        (["--keras", "3.99", "keras-2.10.0-lstm.h5"], 3),  # nothing is known of it
        (["--keras", "3.15", "keras-3.4.1-dense.keras", "keras-2.10.0-lstm.h5"], 1),
        (["--keras", "3.15", "keras-3.4.1-dense.keras", "keras-3.4.1-dense.keras"], 0),
    ],
)
def test_the_exit_code_is_the_worst_word(capsys: Said, arguments: list[str], code: int) -> None:
    assert run(capsys, *arguments)[0] == code


def test_an_unknown_keras_is_said(capsys: Said) -> None:
    assert (
        "  Keras 3.99              not known: Keras 3.99 is newer than the matrix\n"
        in run(capsys, "--keras", "3.99", "keras-2.10.0-lstm.h5")[1]
    )


@pytest.mark.parametrize("text", ["newest", "3", "", "tf-keras", "keras-2.4", "3.5;rm"])
def test_what_is_no_version_is_refused(capsys: Said, text: str) -> None:
    code, out, err = run(capsys, "--keras", text, "keras-2.10.0-lstm.h5")
    assert (code, out) == (2, "")
    assert err == f"tfcompat: --keras: {text!r} names no minor of Keras\n  hint: write for instance 3.5 or 'tf-keras 2.17'\n"


def test_the_others_are_told_though_one_cannot_be_read(capsys: Said, tmp_path: Path) -> None:
    code, out, err = run(capsys, "keras-2.10.0-lstm.h5", str(tmp_path / "model.h5"))
    assert code == 3
    assert out.startswith("keras-2.10.0-lstm.h5: HDF5")
    assert err == f"tfcompat: {tmp_path}/model.h5 does not exist\n  hint: name an .h5 or .keras file, or the folder of a SavedModel\n"


def test_the_document_says_what_could_not_be_read(capsys: Said, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "--format", "json", str(tmp_path))
    document = json.loads(out)
    assert (code, document["models"]) == (3, [])
    assert document["not_read"] == [f"{tmp_path} has no saved_model.pb, so that it is no SavedModel"]


@pytest.mark.parametrize("name", ["-", "https://example.com/model.h5", "s3://bucket/model"])
def test_only_files_of_this_machine_are_read(capsys: Said, name: str) -> None:
    assert run(capsys, name) == (
        2, "", f"tfcompat: {name}: only files of this machine are read\n  hint: download it first, and name the file\n",
    )  # fmt: skip


def test_what_could_not_be_read_whole_is_not_passed(capsys: Said, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.5.0"}')
        archive.writestr("config.json", '{"class_name": 7}')
        archive.writestr("model.weights.h5", b"")
    code, out, _ = run(capsys, str(tmp_path / "m.keras"))
    assert code == 3
    assert "not known: not all of it could be read (its configuration names no class of model)" in out


def test_without_weights_there_is_nothing_to_load(capsys: Said, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.5.0"}')
        archive.writestr("config.json", '{"class_name": "Sequential", "config": {"layers": []}}')
    code, out, err = run(capsys, str(tmp_path / "m.keras"))
    assert (code, out) == (3, "")
    assert err == (
        f"tfcompat: {tmp_path}/m.keras cannot be read: it has no model.weights.h5, so that there are no weights to load\n"
        "  hint: save the model again with model.save()\n"
    )


def test_a_name_that_a_terminal_would_obey_is_shown_plainly(capsys: Said, tmp_path: Path) -> None:
    name = tmp_path / "\x1b[31mred.h5"
    name.write_bytes((FILES / "keras-2.10.0-lstm.h5").read_bytes())
    code, out, _ = run(capsys, str(name))
    assert (code, "\x1b" in out) == (0, False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(capsys: Said, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.h5")
    code, _, err = run(capsys, str(tmp_path / "model.h5"))
    assert (code, err) == (
        3,
        f"tfcompat: {tmp_path}/model.h5 cannot be read: it is a pipe, a socket or a device, not a file\n  hint: copy it into a file\n",
    )


# -- as a wish -----------------------------------------------------------------------------------


def resolved(capsys: Said, *arguments: str) -> dict[str, object]:
    assert main(["resolve", "--format", "json", *arguments]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)["plan"]
    return found


def test_keras_2_is_chosen_where_keras_3_refuses(capsys: Said) -> None:
    plan = resolved(capsys, "--model", "keras-2.10.0-lstm.h5")
    assert plan["env"] == {"TF_USE_LEGACY_KERAS": "1"}
    assert f"tf-keras=={plan['keras']}" in plan["requirements"]  # type: ignore[operator]


def test_keras_3_is_chosen_where_keras_2_refuses(capsys: Said) -> None:
    plan = resolved(capsys, "--model", "keras-3.15.1-dense.keras", "--gpu", "A100")
    assert plan["env"] == {} or "TF_USE_LEGACY_KERAS" not in plan["env"]  # type: ignore[operator]
    assert Version(str(plan["keras"])) >= Version("3.15")


def test_a_release_whose_own_keras_loads_it_is_left_alone(capsys: Said) -> None:
    assert resolved(capsys, "--model", "keras-2.10.0-lstm.h5", "--tensorflow", "2.10") == resolved(capsys, "--tensorflow", "2.10")


def test_what_loading_needs_is_remarked(capsys: Said) -> None:
    plan = resolved(capsys, "--model", "keras-2.4.0-dense.h5", "--keras", "3.15")
    assert "Loading keras-2.4.0-dense.h5, which Keras 2.4.0 wrote, in Keras 3.15.1 takes compile=False (mae, mse)" in str(plan["remarks"])


def test_two_models_that_exclude_each_other_are_a_conflict(capsys: Said) -> None:
    code = main(["resolve", "--model", "keras-2.10.0-lstm.h5", "--model", "keras-3.15.1-dense.keras"])
    out = capsys.readouterr().out
    assert code == 1
    assert "[model-loads]" in out
    assert "  model keras-2.10.0-lstm.h5 (--model)\n  model keras-3.15.1-dense.keras (--model)\n" in out
    assert "  - leave out --model keras-2.10.0-lstm.h5: tensorflow " in out
    assert "  - leave out --model keras-3.15.1-dense.keras: tensorflow " in out


def test_pins_for_a_model(capsys: Said) -> None:
    assert main(["pin", "--cpu", "--model", "keras-2.10.0-lstm.h5"]) == 0
    assert "\ntf-keras==" in capsys.readouterr().out
