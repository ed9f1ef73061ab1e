"""The zip of .keras: real ones, bombs, and what else is a zip."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.making import FILES, fixture, read, refusal, survive

CONFIG = '{"module": "keras", "class_name": "Sequential", "config": {"layers": []}, "registered_name": null}'
METADATA = '{"keras_version": "3.4.1", "date_saved": "2026-01-01@00:00:00"}'
CUT = "copy or download it again: a download that was interrupted leaves such a file"
ORIGIN = "check where the file comes from"
SAVE = "save the model again with model.save('NAME.keras')"
ONLY = "only models of Keras and TensorFlow are read"


def zipped(members: Sequence[tuple[str, str | bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    memory = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(memory, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, content in members:
            archive.writestr(name, content)
    return memory.getvalue()


def keras(config: str | bytes = CONFIG, metadata: str | bytes = METADATA, method: int = zipfile.ZIP_STORED) -> bytes:
    return zipped([("metadata.json", metadata), ("config.json", config), ("model.weights.h5", b"")], method)


@pytest.mark.parametrize(
    ("name", "version", "architecture", "customs", "lambdas"),
    [
        ("keras-2.15.0-custom-layer.keras", "2.15.0", "Sequential", ("ScaleLayer",), ()),
        ("keras-3.12.4-lambda.keras", "3.12.4", "Sequential", (), ("lambda",)),
        ("keras-2.12.0-text.keras", "2.12.0", "Sequential", ("<lambda>",), ()),
        ("keras-3.15.1-subclassed.keras", "3.15.1", "MyModel", ("MyModel",), ()),
    ],
)
def test_real_archives(name: str, version: str, architecture: str, customs: tuple[str, ...], lambdas: tuple[str, ...]) -> None:
    model = read(fixture(name), name)
    assert (model.format, str(model.keras), model.architecture) == (".keras", version, architecture)
    assert (model.customs, model.lambdas, model.unread) == (customs, lambdas, ())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_may_be_stored_or_deflated(method: int) -> None:
    model = read(keras(method=method))
    assert (model.format, str(model.keras), model.architecture, model.compiled) == (".keras", "3.4.1", "Sequential", False)


def test_an_archive_with_sizes_of_64_bits_is_read() -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in (("config.json", CONFIG), ("metadata.json", METADATA), ("model.weights.h5", "")):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content.encode())
    assert read(memory.getvalue()).architecture == "Sequential"


def test_a_directory_of_64_bits_is_read() -> None:
    """As of an archive above 4 GiB: the end record says "see the other one"."""
    content = keras()
    end = content.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack("<HLL", content[end + 10 : end + 20])
    big = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    last = content[end : end + 8] + b"\xff" * 12 + b"\x00\x00"
    assert read(content[:end] + big + locator + last).architecture == "Sequential"


def test_an_archive_that_is_cut_short() -> None:
    content = fixture("keras-3.12.4-lambda.keras")
    assert refusal(content[:10_000]) == f"model cannot be read: it is cut short, or damaged: File is not a zip file | {CUT}"


@pytest.mark.parametrize("name", ["config.json", "metadata.json"])
def test_a_zip_without_its_json_is_no_model(name: str) -> None:
    members = [(n, c) for n, c in (("config.json", CONFIG), ("metadata.json", METADATA)) if n != name]
    assert refusal(zipped(members)) == f"model cannot be read: it is a zip without {name}, so no model of Keras | {SAVE}"


def test_an_empty_zip_is_no_model() -> None:
    assert refusal(zipped([])) == f"model cannot be read: it is a zip without config.json, so no model of Keras | {SAVE}"


def test_names_that_come_twice_are_refused() -> None:
    content = zipped([("config.json", CONFIG), ("metadata.json", METADATA), ("config.json", "{}")])
    assert refusal(content) == f"model cannot be read: the zip has config.json 2 times | {SAVE}"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (["archive/data.pkl", "archive/version"], f"it is a PyTorch model, not one of Keras | {ONLY}"),
        (["a.npy", "b.npy"], "it is an .npz of NumPy arrays, not a model | name the model that was saved with model.save()"),
        (["m/saved_model.pb", "m/variables/x"], "it is a zip with a model inside, m/saved_model.pb | unpack it, and name what was inside"),
        (["m/model.h5"], "it is a zip with a model inside, m/model.h5 | unpack it, and name what was inside"),
        (["word/document.xml"], f"it is a zip without config.json, so no model of Keras | {SAVE}"),
    ],
)
def test_other_zips_say_what_they_are(members: list[str], message: str) -> None:
    assert refusal(zipped([(name, b"x") for name in members])) == f"model cannot be read: {message}"


def altered(content: bytes, name: bytes, offset: int, new: bytes) -> bytes:
    """*content* with the bytes *new* at *offset* of the directory's entry of *name*."""
    at = content.rindex(name) - 46
    assert content[at : at + 4] == b"PK\x01\x02"
    return content[: at + offset] + new + content[at + offset + len(new) :]


def test_an_encrypted_member_is_refused() -> None:
    content = altered(keras(), b"config.json", 8, b"\x01\x00")
    assert refusal(content) == "model cannot be read: config.json in it is encrypted | zip it again without a password"


def test_a_method_that_keras_does_not_use_is_refused() -> None:
    content = keras(method=zipfile.ZIP_BZIP2)
    assert refusal(content) == "model cannot be read: config.json in it is compressed by method 12 | zip it again, stored or deflated"


def test_a_version_of_zip_that_none_knows_is_refused() -> None:
    content = altered(keras(), b"config.json", 6, b"\xff\x00")
    assert (
        refusal(content)
        == "model cannot be read: Python's zipfile does not know it: zip file version 25.5 | zip it again, stored or deflated"
    )


def test_a_member_of_10_gb_is_not_inflated() -> None:
    content = altered(keras(method=zipfile.ZIP_DEFLATED), b"config.json", 24, b"\xfe\xff\xff\xff")
    assert refusal(content) == f"model cannot be read: config.json in it has more than 8 MiB | {ORIGIN}"


def test_a_member_that_says_more_than_it_has() -> None:
    content = altered(keras(method=zipfile.ZIP_DEFLATED), b"config.json", 24, (len(CONFIG) + 5).to_bytes(4, "little"))
    assert refusal(content) == f"model cannot be read: config.json in it has not the size that it should have | {CUT}"


def test_a_bomb_is_not_inflated() -> None:
    content = keras(config="[" + " " * 8_000_000 + "]", method=zipfile.ZIP_DEFLATED)
    assert len(content) < 50_000
    assert refusal(content) == f"model cannot be read: config.json in it would inflate to more than 200 times its size | {ORIGIN}"


def test_a_bomb_that_lies_of_its_size_is_not_inflated() -> None:
    """The member inflates to 10 MB and says that it has 100 bytes."""
    content = altered(keras(config=CONFIG + " " * 10_000_000, method=zipfile.ZIP_DEFLATED), b"config.json", 24, (100).to_bytes(4, "little"))
    assert refusal(content) == f"model cannot be read: it is cut short, or damaged: Bad CRC-32 for file 'config.json' | {CUT}"


def test_too_many_members_are_not_looked_at() -> None:
    content = zipped([(f"{index}", "") for index in range(10_001)])
    assert refusal(content) == f"model cannot be read: the zip has 10,001 members, and 10,000 are looked at | {ORIGIN}"


def test_a_directory_that_is_too_large_is_not_read() -> None:
    content = zipped([("a" * 60_000 + str(index), "") for index in range(40)])
    assert refusal(content) == f"model cannot be read: a part of the zip has more than 2 MiB | {ORIGIN}"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (b"\xff\xfe{}", "is not UTF-8"),
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"[" * 100_000, "is nested too deep"),
    ],
)
def test_json_that_is_none(config: bytes, said: str) -> None:
    assert refusal(keras(config=config)) == f"model cannot be read: config.json in it {said} | {CUT}"
    assert refusal(keras(metadata=config)) == f"model cannot be read: metadata.json in it {said} | {CUT}"


@pytest.mark.parametrize(
    ("metadata", "version", "unread"),
    [
        ("{}", None, ("it does not say which Keras wrote it",)),
        ('{"keras_version": "newest"}', None, ("the version of Keras that it names is none: 'newest'",)),
        ('{"keras_version": 3}', "3", ()),
        ('{"keras_version": "3.0.0.dev20240101"}', "3.0.0.dev20240101", ()),
    ],
)
def test_a_version_that_is_none_is_told(metadata: str, version: str | None, unread: tuple[str, ...]) -> None:
    model = read(keras(metadata=metadata))
    assert (model.keras and str(model.keras), model.unread) == (version, unread)


def test_a_configuration_that_names_no_class_is_told() -> None:
    assert read(keras(config="{}")).unread == ("its configuration names no class of model",)


def test_what_it_was_compiled_with_is_read() -> None:
    config = json.loads(CONFIG) | {"compile_config": {"optimizer": "adam", "loss": "my_loss", "metrics": ["mae"]}}
    model = read(keras(config=json.dumps(config)))
    assert (model.compiled, model.customs) == (True, ("my_loss",))


SEEDS = [fixture(path.name) for path in FILES.glob("*.keras")] + [keras(), keras(method=zipfile.ZIP_DEFLATED)]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(SEEDS)))
    end = content.rindex(b"PK\x05\x06")
    directory = content.index(b"PK\x01\x02")
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(directory, len(content) - 1) | st.integers(0, 400) | st.integers(end, len(content) - 1))
        new = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 8, b"\x00" * 8]))
        content[at : at + len(new)] = new
    return bytes(content[: draw(st.just(len(content)) | st.integers(0, len(content)))])


@given(damaged())
@settings(max_examples=120, deadline=None)
def test_any_damage_ends_in_a_model_or_an_error(content: bytes) -> None:
    survive({"model": content}, "model")
