"""What a name may lead to: every format, what is no model of Keras, and files on this machine."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from models.making import FILES, Counted, fixture, number, read, refusal, survive
from tfcompat.errors import CouldNotCheck
from tfcompat.model_files import LocalModelFiles
from tfcompat.models.files import MemoryModelFiles, ModelFile
from tfcompat.models.model import Model
from tfcompat.models.reading import read_model

WHOLE = "name a model that was saved whole, with model.save()"
ONLY = "only models of Keras and TensorFlow are read"
UNPACK = "unpack it, and name what was inside"
NOT_KERAS = "name a model that was saved with model.save(), or weights of model.save_weights()"
DENSE = ("Dense", "Dropout", "InputLayer")
NO_VERSION = ("its weights do not say which Keras wrote them",)


@pytest.mark.parametrize(
    "model",
    [
        Model(
            "keras-2.4.0-dense.h5",
            ".h5",
            Version("2.4.0"),
            None,
            "Sequential",
            DENSE,
            compiled=True,
            abbreviations=("mae", "mse"),
            optimizer="Adam",
        ),
        Model(
            "keras-2.4.0-lambda.h5",
            ".h5",
            Version("2.4.0"),
            None,
            "Sequential",
            ("Dense", "InputLayer", "Lambda"),
            lambdas=("lambda",),
            compiled=True,
            optimizer="Adam",
        ),
        Model(
            "keras-2.12.0-mixed.h5",
            ".h5",
            Version("2.12.0"),
            None,
            "Sequential",
            ("Dense", "InputLayer"),
            compiled=True,
            loss_objects=("BinaryCrossentropy",),
            optimizer="LossScaleOptimizerV3",
        ),
        Model("keras-2.12.0-uncompiled.h5", ".h5", Version("2.12.0"), None, "Sequential", ("Dense", "InputLayer"), compiled=False),
        Model(
            "keras-3.12.4-custom-loss.h5",
            ".h5",
            Version("3.12.4"),
            None,
            "Sequential",
            DENSE,
            ("doubled_error",),
            compiled=True,
            optimizer="Adam",
        ),
        Model("keras-2.4.0.weights.h5", ".weights.h5", Version("2.4.0")),
        Model("keras-2.12.0.weights.h5", ".weights.h5", unread=NO_VERSION),
        Model("keras-3.15.1.weights.h5", ".weights.h5", unread=NO_VERSION),
    ],
    ids=lambda model: model.name,
)
def test_real_files(model: Model) -> None:
    assert read(fixture(model.name), model.name) == model
    assert read(fixture(model.name), "odd.keras") == model._replace(name="odd.keras")  # what is inside counts, not the name


LFS = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty | copy or download it again"),
        (bytes(1000), "its first bytes are all zero | copy or download it again"),
        (LFS, "it is a pointer of Git LFS, not the file itself | run 'git lfs pull' to get the file"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02", f"it is a PyTorch model, not one of Keras | {ONLY}"),
        (pickle.dumps({"a": 1}), f"it is a pickle of Python, which is code and is not opened | {ONLY}"),
        (pickle.dumps([1, 2], protocol=2), f"it is a pickle of Python, which is code and is not opened | {ONLY}"),
        (b'\x40\x00\x00\x00\x00\x00\x00\x00{"weight":{"dtype":"F32"}}', f"it is a safetensors file, not a model of Keras | {ONLY}"),
        (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:", f"it is an ONNX model, not one of Keras | {ONLY}"),
        (b"\x1c\x00\x00\x00TFL3\x14\x00", "it is a TensorFlow Lite model, which Keras does not load | name the model that it was made of"),
        (b"GGUF\x03\x00\x00\x00", f"it is a GGUF model, not one of Keras | {ONLY}"),
        (b"\x93NUMPY\x01\x00", f"it is a NumPy array, not a model | {WHOLE}"),
        (b"\x1f\x8b\x08\x00", f"it is compressed with gzip | {UNPACK}"),
        (b"BZh91AY", f"it is compressed with bzip2 | {UNPACK}"),
        (b"\xfd7zXZ\x00\x00", f"it is compressed with xz | {UNPACK}"),
        (b"\x28\xb5\x2f\xfd\x00", f"it is compressed with Zstandard | {UNPACK}"),
        (b"7z\xbc\xaf\x27\x1c\x00", f"it is a 7-Zip archive | {UNPACK}"),
        (b"model.h5".ljust(257, b"\x00") + b"ustar\x0000", f"it is a tar archive | {UNPACK}"),
        (b"<!DOCTYPE html>\n<html>", "it is a web page, not a model | download it again: the server sent a page instead of the file"),
        (b"\n <HTML lang=en>", "it is a web page, not a model | download it again: the server sent a page instead of the file"),
        (b'{"class_name": "Sequential", "config": {}}', f"it is JSON, the architecture of a model without its weights | {WHOLE}"),
        (b'model_checkpoint_path: "ckpt-1"\n', f"it lists checkpoints of TensorFlow, which hold weights alone | {WHOLE}"),
        (b"import keras\n", f"it is a text file, not a model | {WHOLE}"),
        ("é".encode() * 400, f"it is a text file, not a model | {WHOLE}"),
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", f"its first bytes are of no format that is known | {NOT_KERAS}"),
        (b"\x01", f"its first bytes are of no format that is known | {NOT_KERAS}"),
    ],
)
def test_what_is_no_model_says_what_it_is(content: bytes, said: str) -> None:
    assert refusal(content) == f"model cannot be read: {said}"


@pytest.mark.parametrize("name", ["ckpt-1.index", "variables.data-00000-of-00001"])
def test_a_checkpoint_is_told_by_its_name(name: str) -> None:
    assert (
        refusal(b"\x00\x01\x02\xff", name)
        == f"{name} cannot be read: it is a part of a TensorFlow checkpoint, which holds weights alone | {WHOLE}"
    )
    assert refusal(LFS, name).startswith(f"{name} cannot be read: it is a pointer of Git LFS")


def test_a_frozen_graph_is_no_saved_model() -> None:
    hint = "name the folder that model.save() or tf.saved_model.save() wrote"
    assert refusal(b"\x0a\x20\x0a\x01x\x12\x0bPlaceholder\xff", "frozen.pb") == f"frozen.pb cannot be read: it is no SavedModel | {hint}"


def test_hdf5_that_keras_did_not_write() -> None:
    import io

    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_group("measurements")["x"] = [1, 2]
    assert refusal(memory.getvalue()) == f"model cannot be read: it is HDF5, but no model of Keras | {NOT_KERAS}"


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"model_config": 5}, "its model_config is no text | save the model again with model.save()"),
        (
            {"model_config": "{"},
            "model_config in it is not JSON | copy or download it again: a download that was interrupted leaves such a file",
        ),
        (
            {"model_config": "{}", "training_config": "[]"},
            "training_config in it is not a JSON object | copy or download it again: a download that was interrupted leaves such a file",
        ),
        ({}, "it is a model of Keras without its configuration | save the model again with model.save()"),
    ],
)
def test_a_whole_model_whose_configuration_is_none(attributes: dict[str, object], said: str) -> None:
    import io

    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_group("model_weights")
        file.attrs.update(attributes)
    assert refusal(memory.getvalue()) == f"model cannot be read: {said}"


@pytest.mark.parametrize(
    ("said", "version", "unread"),
    [
        ("2.2.4-tf", "2.2.4", ()),  # TensorFlow 1.14 to 2.1
        ("2.3.0-tf", "2.3.0", ()),
        ("3.0.0-dev", "3.0.0.dev0", ()),
        ("", None, ("it does not say which Keras wrote it",)),
        ("new\x1b[31m", None, ("the version of Keras that it names is none: 'new\\x1b[31m'",)),
    ],
)
def test_versions_as_they_are_spelled(said: str, version: str | None, unread: tuple[str, ...]) -> None:
    import io

    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.attrs.update({"model_config": '{"class_name": "Sequential", "config": {"layers": []}}', "keras_version": said})
    model = read(memory.getvalue())
    assert (model.keras and str(model.keras), model.unread) == (version, unread)


def test_a_folder_with_what_a_keras_file_has() -> None:
    files = Counted({"m/config.json": fixture("keras-3.15.1-rich.json"), "m/metadata.json": b'{"keras_version": "3.15.1"}'})
    model = read_model("m/", files)
    assert (model.format, str(model.keras), model.architecture) == (".keras", "3.15.1", "Functional")


def test_a_folder_with_too_much_json() -> None:
    with pytest.raises(CouldNotCheck) as caught:
        read_model("m", Counted({"m/config.json": bytes((16 << 20) + 1), "m/metadata.json": b"{}"}))
    assert caught.value.message == "m/config.json cannot be read: it has more than 8 MiB"
    assert caught.value.hint == "check where the file comes from"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "m has no saved_model.pb, so that it is no SavedModel | name an .h5 or .keras file, or the folder of a SavedModel"),
        (
            {"m/saved_model.pbtxt": b""},
            "m cannot be read: its saved_model.pbtxt is text, and only saved_model.pb is read | save the model again with model.save()",
        ),
        ({"m.index": b""}, f"m cannot be read: it is a TensorFlow checkpoint, which holds weights alone | {WHOLE}"),
        ({"m/checkpoint": b""}, f"m cannot be read: it is a TensorFlow checkpoint, which holds weights alone | {WHOLE}"),
    ],
)
def test_a_name_that_leads_to_no_model(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(CouldNotCheck) as caught:
        read_model("m", Counted(files))
    assert f"{caught.value.message} | {caught.value.hint}" == said


def test_a_file_is_read_up_to_a_bound() -> None:
    class Endless(MemoryModelFiles):
        def read(self, name: str, offset: int, length: int) -> bytes:
            return bytes(length)

    file = ModelFile(Endless({}), "large", 1 << 40)
    for at in range(0, 64 << 20, 1 << 20):
        file.read(at, 1 << 20)
    with pytest.raises(CouldNotCheck) as caught:
        file.read(0, 1)
    assert caught.value.message == "large cannot be read: its description takes more than 64 MiB"
    assert caught.value.hint == "check where the file comes from"


@given(st.binary(max_size=600), st.sampled_from(["m", "saved_model.pb", "x.index", "d/keras_metadata.pb", "x.pb"]))
@settings(max_examples=120, deadline=None)
def test_any_bytes_end_in_a_model_or_an_error(content: bytes, name: str) -> None:
    survive({name: content}, name)


# files on this machine


def test_files_and_folders_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FILES)
    files = LocalModelFiles()
    assert str(read_model("keras-2.4.0-dense.h5", files).keras) == "2.4.0"
    assert str(read_model("./keras-2.15.0-custom-loss/", files).keras) == "2.15.0"
    assert str(read_model(str(FILES / "keras-2.15.0-custom-loss" / "saved_model.pb"), files).keras) == "2.15.0"
    monkeypatch.chdir(FILES / "keras-2.15.0-custom-loss")
    for name in (".", "saved_model.pb", "keras_metadata.pb"):
        assert str(read_model(name, files).keras) == "2.15.0"


def message(name: str) -> str:
    with pytest.raises(CouldNotCheck) as caught:
        read_model(name, LocalModelFiles())
    return f"{caught.value.message} | {caught.value.hint}"


PIPE = "it is a pipe, a socket or a device, not a file | copy it into a file"
CHECK = "check the name and the permissions"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert message(f"{tmp_path}/pipe") == f"{tmp_path}/pipe cannot be read: {PIPE}"
    with pytest.raises(CouldNotCheck, match="a pipe, a socket or a device"):
        LocalModelFiles().read(f"{tmp_path}/pipe", 0, 5)


def test_devices_and_sockets_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert message("/dev/zero") == f"/dev/zero cannot be read: {PIPE}"
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert message("socket") == f"socket cannot be read: {PIPE}"


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("absent")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").write_bytes(b"x")
    nowhere = "has no saved_model.pb, so that it is no SavedModel | name an .h5 or .keras file, or the folder of a SavedModel"
    assert message(f"{tmp_path}/absent") == f"{tmp_path}/absent {nowhere}"
    assert message(f"{tmp_path}/file/model") == f"{tmp_path}/file/model {nowhere}"
    assert message(str(tmp_path)) == f"{tmp_path} {nowhere}"
    assert message(f"{tmp_path}/dangling") == f"{tmp_path}/dangling cannot be read: it is a link to a file that is not there | {CHECK}"
    assert message(f"{tmp_path}/circle") == f"{tmp_path}/circle cannot be read: Too many levels of symbolic links | {CHECK}"
    assert message("a" * 300) == f"{'a' * 300} cannot be read: File name too long | {CHECK}"
    assert message("a\x00b") == f"a\x00b cannot be read: its name cannot be used | {CHECK}"


def test_a_file_that_goes_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CouldNotCheck) as caught:
        LocalModelFiles().read(f"{tmp_path}/gone", 0, 5)
    assert caught.value.message == f"{tmp_path}/gone cannot be read: No such file or directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "closed").write_bytes(b"x")
    (tmp_path / "closed").chmod(0)
    assert message(f"{tmp_path}/closed") == f"{tmp_path}/closed cannot be read: Permission denied | {CHECK}"


def test_a_file_of_4_gb_is_not_read_whole(tmp_path: Path) -> None:
    """Sparse, behind a real model: only what describes it is read."""
    content = fixture("keras-2.4.0-dense.h5")
    with (tmp_path / "large.h5").open("wb") as file:
        file.write(content)
        file.truncate(4 << 30)
    assert read_model(f"{tmp_path}/large.h5", LocalModelFiles()).layers == DENSE


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    """Neither to read, nor by the module that the gate imports."""
    code = (
        "import sys; from tfcompat.models.reading import read_model; heavy = {'zipfile', 'json', 'pathlib', 'zlib', 'pickle', 'marshal'}; "
        "early = heavy & set(sys.modules); from tfcompat.model_files import LocalModelFiles; "
        "[read_model(name, LocalModelFiles()) for name in sys.argv[1:]]; "
        "print(sorted(early & {'zipfile', 'json'}), sorted({'h5py', 'numpy', 'keras', 'tensorflow', 'pickle'} & set(sys.modules)))"
    )
    names = [str(FILES / name) for name in ("keras-2.4.0-lambda.h5", "keras-3.12.4-lambda.keras", "keras-2.15.0-custom-loss")]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[] []\n"


def test_a_schema_that_is_not_known_is_named() -> None:
    with pytest.raises(CouldNotCheck, match="one of a kind that is not known"):
        read_model("m", Counted({"m/saved_model.pb": number(1, 9)}))
