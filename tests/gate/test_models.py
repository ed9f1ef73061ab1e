"""Model files that are copied into an image whose Keras may not read them."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from small import judge, said

DEFLATED = zipfile.ZIP_DEFLATED


def keras_file(version: str | None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip as Keras writes it."""
    metadata = {"date_saved": "2024-01-01"} if version is None else {"keras_version": version, "date_saved": "2024-01-01"}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", "{}")
    return content.getvalue()


def hdf5_file(version: str) -> bytes:
    """The signature of HDF5, and an attribute named keras_version, laid out as the format has it: name, type, space, value."""
    name = b"keras_version\0\0\0"
    message = (
        b"\x01\0" + b"\x0e\0" + b"\x08\0" + b"\x08\0" + name + b"\x13\0\0\0" + len(version).to_bytes(4, "little") + b"\x01" + b"\0" * 7
    )
    return b"\x89HDF\r\n\x1a\n" + b"\0" * 120 + message + version.encode() + b"\0" * 64


def copied(image: str, name: str, content: bytes | None, line: str = "") -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = {"Dockerfile": f"FROM tensorflow/tensorflow:{image}\n{line or f'COPY {name} /models/'}\n"}
    return files if content is None else {**files, name: content}


UNREAD = "is a .keras file, which keras 2.10.0 does not read"
MAY_NOT = "may not load with keras 2.15.0: Keras 2 does not know what Keras 3 writes"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, DEFLATED])
def test_a_zip_says_which_keras_wrote_it(compression: int) -> None:
    new = keras_file("3.5.0", compression)
    assert said(copied("2.10.0", "m.keras", new)) == [f"Dockerfile:2:6 error model-format: m.keras, which Keras 3.5.0 wrote, {UNREAD}"]
    assert said(copied("2.15.0", "m.keras", new)) == [f"Dockerfile:2:6 warning model-format: m.keras, which Keras 3.5.0 wrote, {MAY_NOT}"]
    assert said(copied("2.17.0", "m.keras", new)) == []
    assert said(copied("2.15.0", "m.keras", keras_file("2.15.0", compression))) == []


def test_an_hdf5_file_says_which_keras_wrote_it() -> None:
    assert said(copied("2.15.0", "m.h5", hdf5_file("3.1.1"))) == [
        f"Dockerfile:2:6 warning model-format: m.h5, which Keras 3.1.1 wrote, {MAY_NOT}"
    ]
    assert said(copied("2.15.0", "m.hdf5", hdf5_file("2.11.0"))) == []
    assert said(copied("2.15.0", "m.keras", hdf5_file("2.10.0"))) == []


def test_an_older_file_is_no_more_than_a_note() -> None:
    for name, content in (("m.h5", hdf5_file("2.4.0")), ("m.keras", keras_file("2.15.0"))):
        found = [(f.severity, f.message) for f in judge(copied("2.17.0", name, content)).findings if f.rule == "model-format"]
        number = "2.4.0" if name == "m.h5" else "2.15.0"
        assert found == [
            (
                "info",
                f"{name}, which Keras {number} wrote, may not load with keras 3: arguments that Keras 3 removed stop a file from loading",
            )
        ]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\0" * 4096, b"PK\x03\x04" + b"\xff" * 500, keras_file(None), keras_file("no version")]
)
def test_a_file_that_says_nothing_is_told_by_its_name(content: bytes) -> None:
    assert said(copied("2.10.0", "m.keras", content)) == [f"Dockerfile:2:6 error model-format: m.keras {UNREAD}"]
    assert said(copied("2.15.0", "m.keras", content)) == []


def test_a_file_that_is_not_in_the_tree_is_told_by_its_name() -> None:
    assert said(copied("2.10.0", "m.keras", None)) == [f"Dockerfile:2:6 error model-format: m.keras {UNREAD}"]
    assert said(copied("2.17.0", "m.h5", None)) == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("COPY models /m/", 1),
        ("COPY models/*.keras /m/", 1),
        ("COPY models/m.keras app.py /m/", 1),
        ("COPY . /app", 0),
        ("COPY app.py /", 0),
    ],
)
def test_models_are_looked_at_where_they_are_meant(line: str, count: int) -> None:
    files = {**copied("2.10.0", "models/m.keras", keras_file("3.5.0"), line), "app.py": ""}
    assert [text.split()[2] for text in said(files)] == ["model-format:"] * count


def test_the_keras_that_is_pinned_or_switched_on_reads_it() -> None:
    build = "FROM python:3.11-slim\nENV TF_USE_LEGACY_KERAS={}\nRUN pip install tensorflow==2.17.0 tf-keras==2.17.0\nCOPY m.keras /\n"
    model = keras_file("3.5.0")
    assert said({"Dockerfile": build.format(1), "m.keras": model}) == [
        "Dockerfile:4:6 warning model-format: m.keras, which Keras 3.5.0 wrote, may not load with tf-keras 2.17.0: "
        "Keras 2 does not know what Keras 3 writes"
    ]
    assert "model-format" not in {f.rule for f in judge({"Dockerfile": build.format(0), "m.keras": model}).findings}


def test_nothing_is_unpacked_beyond_a_bound() -> None:
    bomb = keras_file("3.5.0", DEFLATED)[:30] + b"\xff\xff" + keras_file("3.5.0", DEFLATED)[32:]
    assert said(copied("2.17.0", "m.keras", bomb + b"\0" * 300_000)) == []


def test_an_image_without_tensorflow_reads_nothing() -> None:
    assert judge({"Dockerfile": "FROM python:3.11-slim\nCOPY m.keras /\n", "m.keras": keras_file("3.5.0")}).findings == ()
