"""Whether a Keras loads a model: what came of trying models of the same kinds, put together."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterable, Iterator, Sequence
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
_OF_NAMES = "dense"  # the kind whose loss and metric were given by short names, and whose layers every kind has
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

    ``because`` are the layers, or ``a custom loss`` and the like, that the word rests on; ``untried`` what nothing is known of:
    layers, or why there is no word at all.
    """

    outcome: Literal["loads", "needs", "refuses", "unknown"]
    needs: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    error: str = ""
    untried: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


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
    order = ("loads", "needs", "unknown", "refuses")
    words = [loading_of(matrix, model, reader) for model in models]
    return max((order.index(word.outcome) * 10 + len(word.needs) for word in words), default=0)


def _each_reader(matrix: Matrix) -> Iterator[Reader]:
    for package in ("keras", "tf-keras"):
        ranges = [SpecifierSet(text) for text in {row.read for row in matrix.loads if row.reader == package}]
        minors = {minor(version(row.version)) for row in matrix.keras if row.package == package}
        minors |= {version("2.4"), version("2.5")} if package == "keras" else set()  # inside of TensorFlow
        yield from (Reader(package, found) for found in sorted(minors) if any(r.contains(found) for r in ranges))


def _loading(matrix: Matrix, model: Model, reader: Reader) -> Loading:
    if model.format == ".weights.h5":
        return Loading("unknown", untried=("it has weights alone, which a model made by code takes",))
    if model.exported:
        return _exported(reader)
    if model.keras is None:
        return Loading("unknown", untried=("it does not say which Keras wrote it",))
    if reader.version is None:
        return _of_any_minor(matrix, model)
    rows = [row for row in matrix.loads if row.format == model.format and _wrote(row, model) and _reads(row, reader)]
    kinds = _kinds(matrix, model)
    if not rows:
        return Loading("unknown", untried=(f"no file of Keras {minor(model.keras)} was tried with {reader}",))
    best = min(rows, key=_row_ado)  # what every model has: the container, and how it was compiled
    found = [best, *(row for row in rows if row.kind in kinds and row is not best)]
    untried = () if _own(model, reader) else _untried(matrix, model, {row.kind for row in found})
    return _together(found, kinds, untried)


def _row_ado(row: Loads) -> tuple[bool, int]:
    return not row.ways, WAYS.index(row.ways[0]) if row.ways else 0


def _exported(reader: Reader) -> Loading:
    """A SavedModel without Keras's own metadata: functions, which every TensorFlow calls and no Keras has as a model."""
    keras_3 = reader.version is None or reader.version.major >= 3
    return Loading("needs", ("TFSMLayer",) if keras_3 else ("tf.saved_model.load",), ("a SavedModel without Keras's metadata",))


def _of_any_minor(matrix: Matrix, model: Model) -> Loading:
    """The word of every Keras 3, where they agree."""
    minors = [r for r in find_readers(matrix) if r.version is not None and r.version.major >= 3]
    words = [loading_of(matrix, model, reader) for reader in minors]
    if words and len({(word.outcome, word.needs) for word in words}) == 1:
        return words[-1]
    return Loading("unknown", untried=("it depends on the minor of Keras 3, which is not known here",))


def _wrote(row: Loads, model: Model) -> bool:
    writer = "tf-keras" if model.keras is not None and _FIRST_TF_KERAS <= model.keras < version("3") else "keras"
    return row.writer == writer and model.keras is not None and SpecifierSet(row.written).contains(model.keras, prereleases=True)


def _reads(row: Loads, reader: Reader) -> bool:
    return row.reader == reader.package and reader.version is not None and SpecifierSet(row.read).contains(reader.version, prereleases=True)


def _own(model: Model, reader: Reader) -> bool:
    """Whether the very minor reads what it wrote, whatever the layers."""
    return model.keras is not None and reader.version is not None and minor(model.keras) == minor(reader.version)


# -- kinds ---------------------------------------------------------------------------------------


def _kinds(matrix: Matrix, model: Model) -> dict[str, tuple[str, ...]]:
    """The kinds that the model has something of, each with what that is."""
    layers = set(model.layers) - _EVERYWHERE
    kinds: dict[str, tuple[str, ...]] = {_OF_NAMES: model.abbreviations} if model.abbreviations else {}
    for kind, known in _layers(matrix).items():
        shared = layers & known
        if shared and kind not in ("custom-layer", "lambda", _OF_NAMES):
            kinds[kind] = tuple(sorted(shared))
    if layers & set(model.customs):
        kinds["custom-layer"] = tuple(sorted(layers & set(model.customs)))
    if set(model.customs) - layers:
        kinds["custom-loss"] = tuple(sorted(set(model.customs) - layers))
    if model.lambdas:
        kinds["lambda"] = model.lambdas
    return kinds


def _layers(matrix: Matrix) -> dict[str, frozenset[str]]:
    def make() -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for row in matrix.loads:
            found[row.kind] = found.get(row.kind, frozenset()) | (frozenset(row.layers) - _EVERYWHERE)
        return found

    return matrix.remember("layers that were tried", make)


def _untried(matrix: Matrix, model: Model, kinds: Iterable[str]) -> tuple[str, ...]:
    """The layers of the model that stood in no model that was tried."""
    known = _EVERYWHERE.union(*(_layers(matrix).get(kind, ()) for kind in kinds), model.customs)
    lambdas = {"Lambda"} if model.lambdas else set()
    return tuple(sorted(set(model.layers) - known - lambdas))


def _together(rows: Sequence[Loads], kinds: dict[str, tuple[str, ...]], untried: tuple[str, ...]) -> Loading:
    """The word of several kinds; the first is what every model has."""
    refused = [row for row in rows if not row.ways]
    evidence = tuple(dict.fromkeys(s for row in refused or rows for cell in row.evidence.values() for s in cell))
    if refused:
        return Loading("refuses", (), _because(refused, kinds), refused[0].error, untried, evidence)
    needs = _needs(rows)
    because = _because([row for row in rows if row.ways[0]], kinds)
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
