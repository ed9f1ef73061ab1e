"""SavedModels: real ones of several releases, Protocol Buffers made by hand, and noise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.making import FILES, Counted, block, fixture, number, survive, varint
from tfcompat.errors import CouldNotCheck
from tfcompat.models.files import MemoryModelFiles, ModelFile
from tfcompat.models.model import Model
from tfcompat.models.protobuf import Field, Message
from tfcompat.models.reading import read_model
from tfcompat.models.saved_model import MetaGraph, load_keras_nodes, load_saved_model

CUT = "copy or download it again: a download that was interrupted leaves such a file"
ORIGIN = "check where the file comes from"
FOLDERS = sorted(path.name for path in FILES.iterdir() if path.is_dir())


def folder(name: str) -> dict[str, bytes]:
    return {f"{name}/{path.name}": path.read_bytes() for path in (FILES / name).iterdir()}


def read(files: dict[str, bytes], name: str = "m") -> Model:
    return read_model(name, Counted(files))


def refusal(files: dict[str, bytes], name: str = "m") -> str:
    with pytest.raises(CouldNotCheck) as caught:
        read(files, name)
    return f"{caught.value.message} | {caught.value.hint}"


def file_of(content: bytes) -> ModelFile:
    return ModelFile(MemoryModelFiles({"it": content}), "it", len(content))


def graph(tensorflow: str = "2.11.0", *more: bytes, tags: tuple[str, ...] = ("serve",)) -> bytes:
    info = b"".join(block(4, tag) for tag in tags) + block(5, tensorflow) + block(6, "v2.11.0-rc2-17-gd5b57ca93e5")
    return number(1, 1) + block(2, block(1, info) + b"".join(more))


def test_there_is_a_folder_of_each_kind() -> None:
    assert FOLDERS == [
        "keras-2.12.0-subclassed",
        "keras-2.15.0-custom-loss",
        "keras-2.4.0-custom-loss",
        "keras-3.15.1-export",
        "tensorflow-2.12.0-session",
    ]


@pytest.mark.parametrize(
    ("name", "keras", "tensorflow"), [("keras-2.4.0-custom-loss", "2.4.0", "2.3.4"), ("keras-2.15.0-custom-loss", "2.15.0", "2.15.1")]
)
def test_keras_2_says_everything(name: str, keras: str, tensorflow: str) -> None:
    model = read(folder(name), name)
    assert (model.format, str(model.keras), str(model.tensorflow)) == ("SavedModel", keras, tensorflow)
    assert (model.architecture, model.layers, model.customs) == ("Sequential", ("Dense", "Dropout", "InputLayer"), ("doubled_error",))
    assert (model.compiled, model.exported, model.unread) == (True, False, ())


def test_a_class_of_ones_own_is_told_by_its_layers() -> None:
    model = read(folder("keras-2.12.0-subclassed"), "keras-2.12.0-subclassed")
    assert (model.architecture, model.layers, model.customs) == ("MyModel", ("Dense", "mine>Reg"), ("MyModel", "mine>Reg"))


@pytest.mark.parametrize(("name", "tensorflow"), [("keras-3.15.1-export", "2.20.0"), ("tensorflow-2.12.0-session", "2.12.0")])
def test_what_keras_did_not_save_is_exported(name: str, tensorflow: str) -> None:
    model = read(folder(name), name)
    assert (model.keras, str(model.tensorflow), model.architecture, model.exported) == (None, tensorflow, None, True)


def test_what_tensorflow_1_saved_is_exported() -> None:
    model = read({"m/saved_model.pb": graph("1.15.0")})
    assert (str(model.tensorflow), model.exported, model.unread) == ("1.15.0", True, ())


def test_nodes_of_keras_without_what_it_says_of_them_are_exported() -> None:
    """As tf.saved_model.save writes them."""
    node = block(1, block(4, block(1, "_tf_keras_layer")))
    assert read({"m/saved_model.pb": graph("2.11.0", block(7, node))}).exported


@pytest.mark.parametrize("name", ["m", "m/", "m/saved_model.pb", "m/keras_metadata.pb"])
def test_the_folder_or_a_file_of_it_may_be_named(name: str) -> None:
    files = {key.replace("keras-2.15.0-custom-loss", "m"): content for key, content in folder("keras-2.15.0-custom-loss").items()}
    assert str(read(files, name).keras) == "2.15.0"


def test_the_graph_is_stepped_over() -> None:
    files = Counted({"m/saved_model.pb": graph("2.11.0", block(2, bytes(20_000_000)), block(7, block(2, bytes(20_000_000))))})
    assert str(read_model("m", files).tensorflow) == "2.11.0"
    assert files.bytes_read < 100_000


def test_every_graph_is_read() -> None:
    content = (
        number(1, 1)
        + block(2, block(1, block(4, "serve") + block(4, "gpu") + block(5, "2.0.0")))
        + block(2, block(1, block(5, "2.1.0") + block(6, "g")))
    )
    found = load_saved_model(file_of(content), objects=True)
    assert found.schema == 1
    assert found.graphs == (MetaGraph(("serve", "gpu"), "2.0.0", ""), MetaGraph((), "2.1.0", "g"))


def test_a_graph_without_its_version_is_told() -> None:
    assert read({"m/saved_model.pb": graph("")}).unread == ("it does not say which TensorFlow wrote it",)


def test_what_is_no_saved_model_is_refused() -> None:
    hint = "save the model again with model.save()"
    for content in (number(1, 1), number(1, 2) + graph()[2:]):
        assert (
            refusal({"m/saved_model.pb": content})
            == f"m/saved_model.pb cannot be read: it is no SavedModel, or one of a kind that is not known | {hint}"
        )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (graph()[:-4], f"it is cut short | {CUT}"),
        (b"\x0f" * 20, f"its Protocol Buffers are damaged | {CUT}"),
        (b"\x08" + b"\xff" * 30, f"its Protocol Buffers are damaged | {CUT}"),
        (b"\x08\xff\xff", f"it is cut short | {CUT}"),
        (b"\x00\x01" * 9, f"its Protocol Buffers are damaged | {CUT}"),
        (b"\x12" + varint(1 << 62), f"it is cut short | {CUT}"),
        (b"", "it is empty | copy or download it again"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "it is a pointer of Git LFS, not the file itself | run 'git lfs pull' to get the file",
        ),
        (number(1, 1) + block(2, b"") * 101, f"it has more than 100 graphs | {ORIGIN}"),
        (number(1, 1) * 500_001, f"it has more than 500,000 fields | {ORIGIN}"),
        (number(1, 1) + block(2, block(1, block(5, bytes((16 << 20) + 1)))), f"a text in it has more than 8 MiB | {ORIGIN}"),
    ],
)
def test_damage_is_named(content: bytes, said: str) -> None:
    assert refusal({"m/saved_model.pb": content}) == f"m/saved_model.pb cannot be read: {said}"


def test_metadata_that_is_cut_short_is_named() -> None:
    files = {"m/saved_model.pb": graph(), "m/keras_metadata.pb": fixture("keras-2.15.0-custom-loss/keras_metadata.pb")[:5000]}
    assert refusal(files) == f"m/keras_metadata.pb cannot be read: it is cut short | {CUT}"
    files["m/keras_metadata.pb"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n"
    assert (
        refusal(files)
        == "m/keras_metadata.pb cannot be read: it is a pointer of Git LFS, not the file itself | run 'git lfs pull' to get the file"
    )


def test_metadata_that_is_no_json_is_named() -> None:
    node = block(1, number(2, 0) + block(3, "root") + block(4, "_tf_keras_model") + block(5, "{"))
    assert (
        refusal({"m/saved_model.pb": graph(), "m/keras_metadata.pb": node})
        == f"m/keras_metadata.pb cannot be read: the root's metadata in it is not JSON | {CUT}"
    )


def test_too_much_metadata_is_refused() -> None:
    node = block(1, block(3, "root") + block(5, bytes(7 << 20)))
    said = refusal({"m/saved_model.pb": graph(), "m/keras_metadata.pb": node * 3})
    assert said == f"m/keras_metadata.pb cannot be read: Keras's part of it has more than 50,000 objects or 8 MiB | {ORIGIN}"


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=200)), max_size=20))
def test_fields_are_told_apart(fields: list[tuple[int, int | bytes]]) -> None:
    content = b"".join(number(field, value) if isinstance(value, int) else block(field, value) for field, value in fields)
    message = Message(file_of(content))
    found = [(f.number, message.content(f) if f.start < f.end else f.value) for f in message.fields()]
    assert found == [(field, value or 0) for field, value in fields]


def test_fixed_numbers_are_stepped_over() -> None:
    content = varint(1 << 3 | 1) + bytes(8) + varint(2 << 3 | 5) + bytes(4) + number(3, 7)
    assert list(Message(file_of(content)).fields())[-1] == Field(3, 7, len(content), len(content))


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, bytes]:
    files = {}
    for name, content in folder(draw(st.sampled_from(FOLDERS))).items():
        changed = bytearray(content)
        for _ in range(draw(st.integers(0, 6))):
            at = draw(st.integers(0, len(changed) - 1))
            new = draw(st.binary(min_size=1, max_size=6))
            changed[at : at + len(new)] = new
        files["m/" + name.rpartition("/")[2]] = bytes(changed[: draw(st.just(len(changed)) | st.integers(0, len(changed)))])
    return files


@given(damaged())
@settings(max_examples=120, deadline=None)
def test_any_damage_ends_in_a_model_or_an_error(files: dict[str, bytes]) -> None:
    survive(files, "m")


@given(st.binary(max_size=500), st.binary(max_size=500) | st.none())
@settings(max_examples=120, deadline=None)
def test_any_bytes_end_in_a_model_or_an_error(first: bytes, second: bytes | None) -> None:
    survive({"m/saved_model.pb": first} | ({} if second is None else {"m/keras_metadata.pb": second}), "m")


def test_nodes_of_real_metadata() -> None:
    nodes = load_keras_nodes(file_of(fixture("keras-2.12.0-subclassed/keras_metadata.pb")))
    assert [(node.number, node.path, node.identifier) for node in nodes][:3] == [
        (0, "root", "_tf_keras_model"),
        (8, "root.d", "_tf_keras_layer"),
        (9, "root.r", "_tf_keras_layer"),
    ]
