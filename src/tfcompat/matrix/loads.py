"""Folds what came of loading single files into ranges: which Keras loads what which Keras wrote, and what that needs.

The last patch of a minor stands for its minor. Neighbouring writers of which every reader said the same are one row, and neighbouring
readers of one major as well. A minor that was not tried is in a range only between two of which the same was seen, and the evidence says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tfcompat.errors import MatrixError
from tfcompat.matrix.records import Loads
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from packaging.version import Version

__all__ = ["WAYS", "fold_loads", "pack_loads", "unpack_loads"]

Row = dict[str, Any]

# What loading may need, the simplest first. Arguments of load_model come before calls that give something else than a Keras model.
WAYS = ("", "custom_objects", "safe_mode=False", "compile=False", "compile=False+custom_objects", "TFSMLayer", "tf.saved_model.load")


_FIELDS = ("format", "kind", "layers", "writer", "written", "reader", "read", "ways", "error", "evidence")
_LISTED = ("layers", "ways", "evidence")
_REFUSED = "-"
_KEPT = 300  # characters of an error, by tools/models.py
_BETWEEN = "\n"  # in the text of a list


class Keras(NamedTuple):
    """A Keras that writes or reads: ``keras`` or ``tf-keras``, at the minor that was tried."""

    package: str
    minor: Version


class _Cell(NamedTuple):
    ways: tuple[str, ...]
    error: str


def fold_loads(rows: Sequence[Mapping[str, Any]], readers: Sequence[Mapping[str, Any]], source: str) -> list[Row]:
    """The rows of the matrix, from one row a file and one a reader, as ``tools/models.py`` writes them."""
    for row in rows:
        strange = {_way(way) for way in row["loads"]} - set(WAYS)
        if strange:
            raise MatrixError(f"{source}: {', '.join(sorted(strange))} is no known way of loading", "add it to tfcompat.matrix.loads.WAYS")
    named = {row["name"]: row for row in readers}
    kinds = sorted({(row["format"], row["kind"]) for row in rows})
    return [folded for form, kind in kinds for folded in _fold_kind(form, kind, rows, named, source)]


def pack_loads(rows: Iterable[Row]) -> dict[str, Any]:
    """Rows as numbers of texts, each of which is there once: a file that every start reads should be small."""
    texts: dict[str, int] = {}
    packed = []
    for row in rows:
        said = {**row, "evidence": row["evidence"]["*"]}
        said["ways"] = row["ways"] or [_REFUSED]
        cells = (_BETWEEN.join(said[name]) if name in _LISTED else said[name] for name in _FIELDS)
        packed.append([texts.setdefault(cell, len(texts)) for cell in cells])
    return {"texts": list(texts), "rows": packed}


def unpack_loads(table: Mapping[str, Any]) -> Iterator[Loads]:
    """The records of a packed table. Raises :class:`IndexError` or :class:`ValueError` for one that is damaged."""
    texts = table["texts"]
    for row in table["rows"]:
        if min(row) < 0:
            raise IndexError("a text has no number below 0")
        said = dict(zip(_FIELDS, (texts[index] for index in row), strict=True))
        for name in _LISTED:
            said[name] = tuple(said[name].split(_BETWEEN)) if said[name] or name == "ways" else ()
        if said["ways"] == (_REFUSED,):
            said["ways"] = ()
        yield Loads(**{**said, "evidence": {"*": said["evidence"]}})


def _fold_kind(
    form: str, kind: str, rows: Iterable[Mapping[str, Any]], readers: Mapping[str, Mapping[str, Any]], source: str
) -> Iterator[Row]:
    """Of one kind of model in one format."""
    cells: dict[Keras, dict[Keras, _Cell]] = {}
    layers: set[str] = set()
    for row in rows:
        if (row["format"], row["kind"]) == (form, kind):
            layers.update(row["layers"])
            known = cells.setdefault(_keras(readers[row["writer"]]), {})
            for reader, cell in _cells(row, readers):
                known[reader] = _worse(known[reader], cell) if reader in known else cell
    every = sorted(set(map(_keras, readers.values())))
    tried = sorted({reader for told in cells.values() for reader in told})
    for writers in _runs(cells, sorted(cells), lambda keras: _said(cells[keras])):
        told = cells[writers[0]]
        for read in _runs(told, tried, lambda keras, told=told: (told[keras].ways, keras.minor.major)):  # type: ignore[misc]
            errors = [told[keras].error for keras in reversed(read) if told[keras].error]
            files = f"files of {_releases(len(writers))} tried with {_releases(len(read))}"
            between = [*_between(writers, every), *_between(read, every)]
            inferred = [f"inferred: of {', '.join(dict.fromkeys(between))} from their neighbours"] if between else []
            yield {
                "format": form,
                "kind": kind,
                "layers": sorted(layers),
                "writer": writers[0].package,
                "written": _range(writers),
                "reader": read[0].package,
                "read": _range(read),
                "ways": list(told[read[0]].ways),
                "error": _whole(errors[0]) if errors else "",
                "evidence": {"*": [f"verified: {files} on {_dates(read, readers)}, {source}", *inferred]},
            }


def _whole(error: str) -> str:
    """What was cut off, or goes on in a line that is not kept, is told by three dots."""
    return f"{error} ..." if len(error) >= _KEPT or error.endswith(":") else error


def _releases(count: int) -> str:
    return f"{count} releases" if count > 1 else "one release"


def _between(run: Sequence[Keras], every: Iterable[Keras]) -> Iterator[str]:
    """The minors of a run that were not tried with this kind."""
    for keras in every:
        if keras.package == run[0].package and run[0] < keras < run[-1] and keras not in run:
            yield f"{'Keras' if keras.package == 'keras' else keras.package} {keras.minor}"


def _cells(row: Mapping[str, Any], readers: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Keras, _Cell]]:
    errors = {name: text for told in (row.get("plainly", {}), row["refuses"]) for text, names in told.items() for name in names}
    ways: dict[str, list[str]] = {name: [] for name in errors}
    for way, names in row["loads"].items():
        for name in names:
            ways.setdefault(name, []).append(_way(way))
    for name, found in ways.items():
        yield _keras(readers[name]), _Cell(tuple(sorted(found, key=WAYS.index)), errors.get(name, ""))


def _way(text: str) -> str:
    return "" if text == "plain" else "+".join(sorted(text.split(", ")))


def _keras(row: Mapping[str, Any]) -> Keras:
    found = version(row["version"])
    return Keras(row["package"], version(f"{found.major}.{found.minor}"))


def _worse(one: _Cell, other: _Cell) -> _Cell:
    """What serves both: two releases of TensorFlow have the same Keras 2.4."""
    return _Cell(tuple(way for way in one.ways if way in other.ways), one.error or other.error)


def _said(cells: Mapping[Keras, _Cell]) -> tuple[tuple[Keras, tuple[str, ...]], ...]:
    return tuple((keras, cells[keras].ways) for keras in sorted(cells))


def _runs(found: Iterable[Keras], tried: Sequence[Keras], key: Callable[[Keras], Any]) -> Iterator[list[Keras]]:
    """Neighbours among all that were *tried*, of one package, of which *key* is the same."""
    run: list[Keras] = []
    for keras in sorted(found):
        if run and (keras.package, tried.index(keras) - 1, key(keras)) != (run[-1].package, tried.index(run[-1]), key(run[-1])):
            yield run
            run = []
        run.append(keras)
    if run:
        yield run


def _range(run: Sequence[Keras]) -> str:
    last = run[-1].minor
    return f">={run[0].minor},<{last.major}.{last.minor + 1}"


def _dates(read: Iterable[Keras], readers: Mapping[str, Mapping[str, Any]]) -> str:
    dates = sorted({row["date"] for row in readers.values() if _keras(row) in read})
    return dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
