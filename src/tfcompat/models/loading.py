"""Whether a Keras loads a model: what came of trying models of the same kinds, put together."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache
from typing import Literal, NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.matrix.loads import WAYS
from tfcompat.matrix.matrix import Matrix
from tfcompat.matrix.records import Loads
from tfcompat.models.model import Model
from tfcompat.versions import minor, version

__all__ = ["Loading", "Reader", "find_readers", "loading_of", "prefers_tf_keras"]

_FIRST_TF_KERAS = version("2.16")
_EVERYWHERE = frozenset(("Dense", "InputLayer", "Functional", "Sequential", "Model"))
_SIMPLEST = "dense"  # and its loss and metric were given by short names
_COMPILED: Mapping[str, Callable[[Model], tuple[str, ...]]] = {  # how models of a kind were compiled, as far as it makes a difference
    _SIMPLEST: lambda model: model.abbreviations,
    "functional": lambda model: model.loss_objects,
    "convolutional": lambda model: ("SGD",) if model.optimizer == "SGD" else (),
}
_COMPILING = re.compile(r"reduction|optimizer|loss|metric|Could not locate function")
_PYTHON = "the Python that wrote it"
_CODE_IN_IT = "verified: lambdas of Python 3.8 are refused by 3.11 (bad marshal data), those of 3.11 end Python 3.13 (data/measured/models, kind lambda)"
_OUTSIDE = ("TFSMLayer", "tf.saved_model.load")  # what gives something else than a Keras model


class Reader(NamedTuple):
    """The Keras that is to load it. ``version`` is None where only the major is known: a Keras 3 that pip chooses."""

    package: str
    version: Version | None

    def __str__(self) -> str:
        name = "Keras" if self.package == "keras" else self.package
        return f"{name} {self.version}" if self.version else f"{name} 3"


class Loading(NamedTuple):
    """What is to be expected. ``outcome``: ``loads``; ``needs``, with what it ``needs``; ``refuses``, with the ``error``; ``unknown``.

    ``because`` names the layers and functions that the word rests on. ``untried`` are those that were in no model that was tried, and
    ``why`` the reason where nothing at all is known.
    """

    outcome: Literal["loads", "needs", "refuses", "unknown"]
    needs: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    error: str = ""
    untried: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    why: str = ""


def loading_of(matrix: Matrix, model: Model, reader: Reader) -> Loading:
    """Whether *reader* loads *model*: of all kinds that the model has something of, the worst."""
    return matrix.remember(("loading", model, str(reader)), lambda: _loading(matrix, model, reader))


def find_readers(matrix: Matrix) -> list[Reader]:
    """Every Keras that was tried, by its minor, oldest first; tf-keras last."""
    return matrix.remember("readers of models", lambda: list(_each_reader(matrix)))


def prefers_tf_keras(matrix: Matrix, models: Sequence[Model]) -> bool:
    """Whether, beside a TensorFlow that leaves the choice, Keras 2 loads *models* with less ado than any Keras 3."""
    readers = [r for r in find_readers(matrix) if r.version is not None]
    legacy = [_ado(matrix, models, r) for r in readers if r.package == "tf-keras"]
    keras_3 = [_ado(matrix, models, r) for r in readers if r.package == "keras" and r.version is not None and r.version.major >= 3]
    return min(legacy, default=0) < min(keras_3, default=0)


def _ado(matrix: Matrix, models: Sequence[Model], reader: Reader) -> int:
    """The worst word on any of them, as a number; 0: all load."""
    return max((_ado_of(loading_of(matrix, model, reader)) for model in models), default=0)


def _ado_of(word: Loading) -> int:
    return ("loads", "needs", "unknown", "refuses").index(word.outcome) * 10 + len(word.needs)


def _each_reader(matrix: Matrix) -> Iterator[Reader]:
    for package in ("keras", "tf-keras"):
        ranges = [SpecifierSet(text) for text in {row.read for row in matrix.loads if row.reader == package}]
        minors = {minor(version(row.version)) for row in matrix.keras if row.package == package}
        minors |= {version("2.4"), version("2.5")} if package == "keras" else set()  # inside of TensorFlow
        yield from (Reader(package, found) for found in sorted(minors) if any(r.contains(found) for r in ranges))


def _loading(matrix: Matrix, model: Model, reader: Reader) -> Loading:
    if model.format == ".weights.h5":
        return Loading("unknown", why="it has weights alone, which a model made by code takes")
    if model.exported:
        return _exported(matrix, model, reader)
    if model.keras is None:
        return Loading("unknown", why="it does not say which Keras wrote it")
    if model.unread:
        return Loading("unknown", why=f"not all of it could be read ({model.unread[0]})")
    if reader.version is None:
        return _of_any_minor(matrix, model)
    written = matrix.remember(("loads of", model), lambda: [row for row in matrix.loads if _wrote(row, model)])
    rows = [row for row in written if _reads(row, reader)]
    by_name = [row for row in rows if row.format == _form(model)]
    rows = [row for row in rows if row.format == model.format or row in by_name]
    if not by_name:
        return Loading("unknown", why=_why_not_tried(matrix, model.keras, reader))
    best = min(by_name, key=_row_ado)  # what every model has: the container, and what nothing is wrong with
    if best.ways and set(best.ways) <= set(_OUTSIDE):  # it is called as functions, whatever is in it
        return Loading("needs", best.ways[:1], evidence=tuple(s for cell in best.evidence.values() for s in cell))
    innocent = {layer for row in rows if row.ways for layer in row.layers}  # whatever another model with it came to
    kinds = {row.kind: names for row in rows if (names := _shared(model, row, innocent))}
    found = [best, *(row for row in rows if row.kind in kinds and row is not best)]
    untried = (*(() if _own(model, reader) else _untried(model, rows)), *_code_untried(model, rows))
    word = _together(found, kinds, untried)
    return _with_code(word, model, reader) if model.lambdas and word.outcome != "refuses" else word


def _with_code(word: Loading, model: Model, reader: Reader) -> Loading:
    """What a Lambda layer adds: its code is of one minor of Python, and newer Keras runs it on request only."""
    keras_3 = reader.version is not None and reader.version.major >= 3
    more = ("safe_mode=False", _PYTHON) if keras_3 or model.format == ".keras" else (_PYTHON,)
    outcome: Literal["needs", "unknown"] = "unknown" if word.outcome == "unknown" else "needs"
    needs, because = (*word.needs, *more), (*word.because, *model.lambdas)
    return word._replace(outcome=outcome, needs=needs, because=because, evidence=(*word.evidence, _CODE_IN_IT))


def _row_ado(row: Loads) -> tuple[bool, int, bool]:
    return not row.ways, WAYS.index(row.ways[0]) if row.ways else 0, row.kind != _SIMPLEST


def _why_not_tried(matrix: Matrix, wrote: Version, reader: Reader) -> str:
    known = {r.version for r in find_readers(matrix) if r.package == reader.package and r.version is not None}
    newest = max((r.version for r in find_readers(matrix) if r.version is not None), default=None)
    if reader.version is not None and known and minor(reader.version) not in known:
        return f"{reader} is newer than the matrix" if reader.version > max(known) else f"no {reader} was tried"
    if newest is not None and minor(wrote) > newest:
        return f"Keras {wrote}, which wrote it, is newer than the matrix"
    return f"no file of Keras {minor(wrote)} was tried with it"


def _form(model: Model) -> str:
    """Keras up to 2.12 writes HDF5 under a name with .keras, by which Keras 3 takes it for a zip."""
    return ".keras, HDF5 inside" if model.format == ".h5" and model.name.endswith(".keras") else model.format


def _exported(matrix: Matrix, model: Model, reader: Reader) -> Loading:
    """A SavedModel without Keras's own metadata: functions, which TensorFlow calls and no Keras has as a model."""
    keras_3 = reader.version is None or reader.version.major >= 3
    if not keras_3 and reader.version is not None and model.tensorflow is not None and minor(model.tensorflow) > minor(reader.version):
        return Loading("unknown", why=f"TensorFlow {minor(model.tensorflow)} wrote it, and older ones lack some operations of newer ones")
    way = "TFSMLayer" if keras_3 else "tf.saved_model.load"
    rows = [r for r in matrix.loads if r.format == "SavedModel" and way in r.ways and (reader.version is None or _reads(r, reader))]
    return Loading("needs", (way,), evidence=tuple(dict.fromkeys(s for row in rows for cell in row.evidence.values() for s in cell)))


def _of_any_minor(matrix: Matrix, model: Model) -> Loading:
    """What every Keras 3 says: where none simply loads it, the least that it takes."""
    minors = [r for r in find_readers(matrix) if r.version is not None and r.version.major >= 3]
    words = [loading_of(matrix, model, reader) for reader in reversed(minors)]
    least = min(words, key=_ado_of, default=None)
    if least is not None and (least.outcome in ("needs", "refuses") or len({word.outcome for word in words}) == 1):
        return least
    return Loading("unknown", why="it depends on the minor of Keras 3, which is not known here")


@lru_cache(maxsize=65536)
def _contains(specifier: str, text: str) -> bool:
    """Whether it does; a few dozen ranges stand in thousands of rows."""
    return SpecifierSet(specifier).contains(text, prereleases=True)


def _wrote(row: Loads, model: Model) -> bool:
    writer = "tf-keras" if model.keras is not None and _FIRST_TF_KERAS <= model.keras < version("3") else "keras"
    return row.writer == writer and model.keras is not None and _contains(row.written, str(model.keras))


def _reads(row: Loads, reader: Reader) -> bool:
    return row.reader == reader.package and reader.version is not None and _contains(row.read, str(reader.version))


def _own(model: Model, reader: Reader) -> bool:
    """Whether the very minor reads what it wrote, whatever the layers."""
    return model.keras is not None and reader.version is not None and minor(model.keras) == minor(reader.version)


# -- kinds ---------------------------------------------------------------------------------------


def _shared(model: Model, row: Loads, innocent: Set[str]) -> tuple[str, ...]:
    """What the model has of the kind that can make the difference there; empty where the row says nothing of it."""
    code = _own_code(model)
    if row.kind in code:
        return tuple(sorted(code[row.kind]))
    of_compiling = row.ways[:1] == ("compile=False",) or (row.kind in _COMPILED and _COMPILING.search(row.error))
    if row.kind == _SIMPLEST or of_compiling:  # its layers are not what is wrong
        return _COMPILED[row.kind](model) if row.kind in _COMPILED else ()
    suspects = set(row.layers) - (set() if row.ways else innocent)
    named = {name for name in suspects if re.search(rf"\b{re.escape(name)}\b", row.error)}
    return tuple(sorted((named or suspects) & set(model.layers)))


def _own_code(model: Model) -> dict[str, set[str]]:
    """What Keras does not bring, by the kind of model that was tried with such a thing."""
    layers, customs = set(model.layers), set(model.customs)
    return {"custom-layer": customs & layers, "custom-loss": customs - layers}


def _untried(model: Model, rows: Iterable[Loads]) -> tuple[str, ...]:
    """The layers of the model that stood in no model that was tried between these two."""
    known = _EVERYWHERE.union(model.customs, *(row.layers for row in rows))
    lambdas = {"Lambda"} if model.lambdas else set()
    return tuple(sorted(set(model.layers) - known - lambdas))


def _code_untried(model: Model, rows: Sequence[Loads]) -> tuple[str, ...]:
    """Code of one's own, where no file with any was tried between these two."""
    tried = {row.kind for row in rows}
    return tuple(sorted(name for kind, names in _own_code(model).items() if kind not in tried for name in names))


def _together(rows: Sequence[Loads], kinds: dict[str, tuple[str, ...]], untried: tuple[str, ...]) -> Loading:
    """The word of several kinds; the first is what every model has."""
    refused = [row for row in rows if not row.ways]
    evidence = tuple(dict.fromkeys(s for row in refused or rows for cell in row.evidence.values() for s in cell))
    if refused:
        because = () if refused[0] is rows[0] else _because(refused, kinds)
        return Loading("refuses", (), because, refused[0].error, untried, evidence)
    needs = _needs(rows)
    because = () if set(needs) <= set(_OUTSIDE) else _because([row for row in rows if row.ways[0]], kinds)
    if untried:
        return Loading("unknown", needs, because, "", untried, evidence)
    error = next((row.error for row in rows if row.ways[0]), "")
    return Loading("needs" if needs else "loads", needs, because, error, (), evidence)


def _because(rows: Iterable[Loads], kinds: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in kinds.get(row.kind, ())))


def _needs(rows: Sequence[Loads]) -> tuple[str, ...]:
    """What is enough for all kinds together: the simplest way that serves every one of them, else what each needs."""
    shared = [way for way in WAYS if all(_serves(way, row.ways) for row in rows)]
    if shared:
        return tuple(shared[0].split("+")) if shared[0] else ()
    return tuple(dict.fromkeys(part for row in rows for part in row.ways[0].split("+") if part))


def _serves(way: str, ways: Sequence[str]) -> bool:
    """Whether *way* is enough where each of *ways* is: more arguments than needed do no harm."""
    given = set(way.split("+")) - {""}
    outside = given & set(_OUTSIDE)
    return any(given >= set(one.split("+")) - {""} for one in ways) and (not outside or way in ways)
