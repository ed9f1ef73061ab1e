"""model-format: a model file that is copied into an image whose Keras does not read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from tfcompat.gate.finding import Related
from tfcompat.gate.judge import finding, place_of
from tfcompat.gate.kinds import kind_of
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding, Level
    from tfcompat.gate.project import Project
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.matrix.records import Format

__all__ = ["find_models"]

_HEAD = 1 << 18  # bytes: Keras writes its version near the beginning
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_IN_HDF5 = re.compile(rb"keras_version\0.{0,64}?(\d+\.\d+\.\d+[\w.+-]{0,20})", re.S)
_IN_JSON = re.compile(rb'"keras_version"\s*:\s*"([\w.+-]{1,40})"')
_FIRST_OF_KERAS_3 = version("2.16")
_LEGACY = ("1", "true", "True")


class Model(NamedTuple):
    """A model file: its format in the words of the matrix (``.h5``, ``.keras``), and the Keras that wrote it, where it says so."""

    name: str
    format: str
    keras: Version | None


def find_models(project: Project, subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """The models that the stage copies by name, by a pattern or with a folder of their own; not those of the whole context."""
    reader = _reader(subject)
    if reader is None:
        return
    package, number = reader
    for copied in subject.stage.copies:
        for source in copied.sources if copied.stage is None else ():
            for name in _models(project, source):
                model = _read(project, name)
                row = _row(matrix, package, number, model.format)
                said = _verdict(model, row, package, number, subject)
                if said is not None:
                    level, message = said
                    evidence = tuple(s for cell in row.evidence.values() for s in cell) if row else ()
                    related = Related(place_of(subject), str(subject.tensorflow or subject.image))
                    yield finding(subject, "model-format", level, copied.place, message, related, evidence=evidence)


def _models(project: Project, source: str) -> list[str]:
    if kind_of(source) == "model":
        return [source] if not source.endswith(".pb") else []  # whether Keras is to load a SavedModel, no file says
    if source and project.is_folder(source):
        return [n for n in project.models if n.startswith(f"{source}/") and not n.endswith(".pb")]
    return []


def _reader(subject: Subject) -> tuple[str, Version] | None:
    """The Keras behind ``tf.keras``, as far as its major counts."""
    held = subject.installed.held
    tf_keras, keras = held.get("tf-keras"), held.get("keras")
    if tf_keras is not None and tf_keras.version and subject.stage.variables.get("TF_USE_LEGACY_KERAS") in _LEGACY:
        return "tf-keras", tf_keras.version
    if keras is not None and keras.exact and keras.version is not None:
        return "keras", keras.version
    if subject.held is None or subject.held.version is None:
        return None
    tensorflow = subject.held.version
    return ("keras", version("3.99")) if tensorflow >= _FIRST_OF_KERAS_3 else ("keras", tensorflow)


def _read(project: Project, name: str) -> Model:
    """What the first bytes say; the name alone where there are none. Nothing is loaded, and nothing unpickled."""
    head = project.head(name, _HEAD) or b""
    suffix = ".h5" if name.endswith((".h5", ".hdf5")) else ".keras"
    if head.startswith(_HDF5):
        return Model(name, ".h5", _version(_IN_HDF5.search(head)))
    if head.startswith(_ZIP):
        return Model(name, ".keras", _version(_IN_JSON.search(_first_member(head))))
    return Model(name, suffix, None)


def _first_member(head: bytes) -> bytes:
    """The first file of a zip, which is metadata.json as Keras writes it; bounded, whatever its header says."""
    import zlib

    names, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
    body = head[30 + names + extra :][:4096]
    if head[8:10] == b"\0\0":
        return body
    try:
        return zlib.decompressobj(-15).decompress(body, 4096)
    except zlib.error:
        return b""


def _version(match: re.Match[bytes] | None) -> Version | None:
    try:
        return Version(match[1].decode("ascii", "replace")) if match else None
    except InvalidVersion:
        return None


def _row(matrix: Matrix, package: str, number: Version, form: str) -> Format | None:
    rows = [r for r in matrix.formats if r.package == package and r.format == form]
    return next((r for r in rows if SpecifierSet(r.versions).contains(number, prereleases=True)), None)


def _verdict(model: Model, row: Format | None, package: str, number: Version, subject: Subject) -> tuple[Level, str] | None:
    shown = "3" if package == "keras" and number == version("3.99") else str(number)
    by = f", which Keras {model.keras} wrote," if model.keras else ""
    if row is not None and not row.reads:
        return "error", f"{model.name}{by} is a {model.format} file, which {package} {shown} does not read"
    if model.keras is None or model.keras.major == number.major:
        return None
    if model.keras.major > number.major:
        return "warning", f"{model.name}{by} may not load with {package} {shown}: Keras 2 does not know what Keras 3 writes"
    return "info", f"{model.name}{by} may not load with {package} {shown}: arguments that Keras 3 removed stop a file from loading"
