"""What was measured of loading, folded into ranges; and the word on a model that is put together from them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.errors import MatrixError
from tfcompat.matrix import Matrix, load_bundled
from tfcompat.matrix.loads import WAYS, fold_loads, pack_loads, unpack_loads
from tfcompat.models.loading import Loading, Reader, find_readers, loading_of, prefers_tf_keras
from tfcompat.models.model import Model

BUNDLED = load_bundled()
VERSIONS = ["2.12.0", "2.13.0", "2.14.0", "2.15.0", "3.0.5", "3.1.1"]


def reader(version: str, package: str = "keras", **more: str) -> dict[str, str]:
    return {"name": f"{package} {version}", "package": package, "version": version, "date": "2026-11-23", **more}


READERS = [*map(reader, VERSIONS), reader("2.16.0", "tf-keras")]
NAMES = [row["name"] for row in READERS]


def row(writer: str, kind: str = "dense", form: str = ".h5", **told: Any) -> dict[str, Any]:
    return {"writer": writer, "kind": kind, "format": form, "layers": ["Dense"], "loads": {}, "refuses": {}, "plainly": {}, **told}


def folded(*rows: dict[str, Any]) -> list[tuple[str, str, str, str, list[str], str]]:
    return [
        (r["writer"], r["written"], r["reader"], r["read"], r["ways"], r["error"])
        for r in fold_loads(rows, READERS, "data/measured/models")
    ]


def test_neighbours_of_which_the_same_was_seen_are_one_row() -> None:
    older = {"loads": {"plain": NAMES[:4]}, "refuses": {"ValueError: no": NAMES[4:6]}}
    assert folded(row("keras 2.12.0", **older), row("keras 2.13.0", **older)) == [
        ("keras", ">=2.12,<2.14", "keras", ">=2.12,<2.16", [""], ""),
        ("keras", ">=2.12,<2.14", "keras", ">=3.0,<3.2", [], "ValueError: no"),
    ]


def test_a_minor_that_was_not_tried_is_inferred_from_its_neighbours() -> None:
    seen = {"loads": {"plain": ["keras 2.12.0", "keras 2.14.0", "tf-keras 2.16.0"]}}
    rows = [row("keras 2.12.0", **seen), row("keras 2.14.0", **seen)]
    assert folded(*rows) == [
        ("keras", ">=2.12,<2.15", package, read, [""], "") for package, read in (("keras", ">=2.12,<2.15"), ("tf-keras", ">=2.16,<2.17"))
    ]
    assert [r["evidence"]["*"][1:] for r in fold_loads(rows, READERS, "here")] == [["inferred: of Keras 2.13 from their neighbours"]] * 2


def test_nothing_is_said_of_a_minor_between_two_that_differ() -> None:
    seen = {"loads": {"plain": ["keras 2.12.0"]}, "refuses": {"no": ["keras 2.14.0"]}}
    assert [(r[3], r[4]) for r in folded(row("keras 2.12.0", **seen))] == [(">=2.12,<2.13", [""]), (">=2.14,<2.15", [])]
    assert word(model("2.12.0"), "2.13", matrix=matrix_of(row("keras 2.12.0", **seen))).why == "no Keras 2.13 was tried"


def test_the_simplest_way_comes_first_with_the_error_of_the_plain_one() -> None:
    ways = {"compile=False": ["keras 3.0.5"], "custom_objects": ["keras 3.0.5"], "custom_objects, compile=False": ["keras 3.0.5"]}
    plainly = {"ValueError: Unknown loss": ["keras 3.0.5"]}
    assert folded(row("keras 3.0.5", loads=ways, plainly=plainly)) == [
        (
            "keras", ">=3.0,<3.1", "keras", ">=3.0,<3.1",
            ["custom_objects", "compile=False", "compile=False+custom_objects"], "ValueError: Unknown loss",
        )
    ]  # fmt: skip


def test_two_releases_of_tensorflow_with_one_keras_have_what_serves_both() -> None:
    readers = [*READERS, {**reader("2.12.0"), "name": "keras 2.12.0 (TF 2.3.4)"}]
    told = row("keras 2.13.0", loads={"plain": ["keras 2.12.0"], "compile=False": ["keras 2.12.0", "keras 2.12.0 (TF 2.3.4)"]})
    (found,) = fold_loads([told], readers, "data/measured/models")
    assert (found["read"], found["ways"]) == (">=2.12,<2.13", ["compile=False"])


def test_the_row_says_how_much_was_tried_and_when() -> None:
    (found,) = fold_loads([row("keras 2.13.0", loads={"plain": ["keras 2.12.0", "keras 2.13.0"]})], READERS, "data/measured/models")
    assert found["evidence"] == {"*": ["verified: files of one release tried with 2 releases on 2026-11-23, data/measured/models"]}
    assert found["layers"] == ["Dense"]


def test_a_way_that_is_not_known_is_refused() -> None:
    with pytest.raises(MatrixError) as error:
        fold_loads([row("keras 2.13.0", loads={"by magic": ["keras 2.12.0"]})], READERS, "data/measured/models")
    assert str(error.value) == ("data/measured/models: by magic is no known way of loading\n  hint: add it to tfcompat.matrix.loads.WAYS")


outcomes = st.sampled_from(["plain", "compile=False", "no"])


@settings(deadline=None)
@given(st.lists(st.lists(outcomes, min_size=len(NAMES), max_size=len(NAMES)), min_size=len(NAMES), max_size=len(NAMES)))
def test_the_ranges_say_of_each_pair_what_was_seen_of_it(seen: list[list[str]]) -> None:
    """Folding loses nothing and adds nothing."""
    rows = [
        row(
            writer,
            loads={way: [n for n, s in zip(NAMES, line, strict=True) if s == way] for way in ("plain", "compile=False")},
            refuses={"no": [n for n, s in zip(NAMES, line, strict=True) if s == "no"]},
        )
        for writer, line in zip(NAMES, seen, strict=True)
    ]
    found = fold_loads(rows, READERS, "here")
    for writer, line in zip(READERS, seen, strict=True):
        for read, outcome in zip(READERS, line, strict=True):
            ways = [
                r["ways"]
                for r in found
                if (r["writer"], r["reader"]) == (writer["package"], read["package"])
                and SpecifierSet(r["written"]).contains(writer["version"])
                and SpecifierSet(r["read"]).contains(read["version"])
            ]
            assert ways == {"plain": [[""]], "compile=False": [["compile=False"]], "no": [[]]}[outcome]


def test_packing_and_unpacking_changes_nothing() -> None:
    rows = fold_loads([row("keras 2.13.0", loads={"plain": NAMES[:2]}, refuses={"no": NAMES[2:]})], READERS, "here")
    found = [{**r._asdict(), **{name: list(getattr(r, name)) for name in ("layers", "ways")}} for r in unpack_loads(pack_loads(rows))]
    assert [{**r, "evidence": {"*": list(r["evidence"]["*"])}} for r in found] == rows


# -- the word on a model -------------------------------------------------------------------------


def matrix_of(*rows: dict[str, Any]) -> Matrix:
    return Matrix({**BUNDLED.document, "loads": pack_loads(fold_loads(rows, READERS, "here"))}, "the test")


ALL = {"plain": NAMES}
MATRIX = matrix_of(
    *(row(name, loads=ALL) for name in NAMES if name != "keras 3.1.1"),
    row("keras 3.1.1", loads={"plain": NAMES[4:6]}, refuses={"TypeError: no such argument": [*NAMES[:4], NAMES[6]]}),
    *(
        row(name, "lstm", layers=["Dense", "LSTM"], loads={"plain": [*NAMES[:4], NAMES[6]]}, refuses={"ValueError: time_major": NAMES[4:6]})
        for name in NAMES[:4]
    ),
    *(
        row(name, "custom-loss", loads={"compile=False": NAMES, "custom_objects": NAMES}, plainly={"ValueError: Unknown loss": NAMES})
        for name in NAMES[:4]
    ),
)


def model(keras: str | None = "2.14.0", *layers: str, **more: Any) -> Model:
    return Model("m.h5", more.pop("format", ".h5"), Version(keras) if keras else None, layers=("Dense", *layers), **more)


def word(found: Model, version: str | None, package: str = "keras", matrix: Matrix | None = None) -> Loading:
    return loading_of(matrix or MATRIX, found, Reader(package, Version(version) if version else None))


def test_a_model_of_layers_that_were_tried_loads() -> None:
    assert word(model(), "3.0.2")._replace(evidence=()) == Loading("loads")
    assert word(model(), "3.0").evidence == ("verified: files of 5 releases tried with 2 releases on 2026-11-23, here",)


def test_one_layer_that_is_refused_is_enough() -> None:
    assert word(model("2.14.0", "LSTM"), "3.0")._replace(evidence=()) == Loading("refuses", (), ("LSTM",), "ValueError: time_major")
    assert word(model("2.14.0", "LSTM"), "2.16", "tf-keras").outcome == "loads"


def test_a_layer_that_was_not_tried_is_told_but_to_the_keras_that_wrote_it() -> None:
    assert word(model("2.14.0", "Frobnicate"), "3.0")._replace(evidence=()) == Loading("unknown", untried=("Frobnicate",))
    assert word(model("2.14.0", "Frobnicate"), "2.14.9").outcome == "loads"


def test_what_is_needed_for_several_reasons_is_put_together() -> None:
    lossy = model("2.14.0", customs=("my_loss",))
    assert word(lossy, "2.15")._replace(evidence=()) == Loading("needs", ("custom_objects",), ("my_loss",), "ValueError: Unknown loss")
    both = model("2.14.0", "Lambda", customs=("my_loss",), lambdas=("lambda_1",))
    assert word(both, "3.0").needs == ("custom_objects", "safe_mode=False", "the Python that wrote it")


def test_of_a_keras_3_that_is_not_known_only_what_all_say_counts() -> None:
    assert word(model(), None).outcome == "loads"
    assert word(model("2.14.0", "LSTM"), None).outcome == "refuses"
    mixed = matrix_of(row("keras 2.14.0", loads={"plain": ["keras 3.0.5"]}, refuses={"no": ["keras 3.1.1"]}))
    assert loading_of(mixed, model(), Reader("keras", None)).why == "it depends on the minor of Keras 3, which is not known here"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (model(None), "it does not say which Keras wrote it"),
        (model("2.3.1"), "no file of Keras 2.3 was tried with it"),
        (model("3.99.0"), "Keras 3.99.0, which wrote it, is newer than the matrix"),
        (model("2.14.0", format=".keras"), "no file of Keras 2.14 was tried with it"),
        (model("2.14.0", format=".weights.h5"), "it has weights alone, which a model made by code takes"),
    ],
)
def test_what_is_not_known_is_said(found: Model, why: str) -> None:
    assert word(found, "3.0")._replace(evidence=()) == Loading("unknown", why=why)


def test_a_saved_model_without_keras_is_called_as_functions() -> None:
    served = model(None, format="SavedModel", exported=True)
    assert word(served, "3.0").needs == ("TFSMLayer",)
    assert word(served, "2.15").needs == ("tf.saved_model.load",)


def test_what_tf_keras_wrote_is_not_taken_for_what_keras_wrote() -> None:
    assert word(model("2.16.0"), "3.0").outcome == "loads"
    assert word(model("2.17.0"), "3.0").why == "no file of Keras 2.17 was tried with it"


def test_the_readers_are_those_that_were_tried() -> None:
    assert list(map(str, find_readers(MATRIX))) == [
        "Keras 2.12",
        "Keras 2.13",
        "Keras 2.14",
        "Keras 2.15",
        "Keras 3.0",
        "Keras 3.1",
        "tf-keras 2.16",
    ]


def test_keras_2_is_preferred_where_it_loads_with_less_ado() -> None:
    assert prefers_tf_keras(MATRIX, [model("2.14.0", "LSTM")])
    assert not prefers_tf_keras(MATRIX, [model("2.14.0")])
    assert not prefers_tf_keras(MATRIX, [])


names = st.lists(st.sampled_from(["Dense", "LSTM", "Lambda", "Frobnicate"]), unique=True).map(tuple)


@settings(deadline=None)
@given(st.sampled_from(VERSIONS), names, names, st.sampled_from(find_readers(MATRIX)))
def test_more_in_a_model_never_makes_it_load_better(version: str, some: tuple[str, ...], more: tuple[str, ...], keras: Reader) -> None:
    order = ("loads", "needs", "unknown", "refuses")
    less = loading_of(MATRIX, model(version, *some), keras)
    greater = loading_of(MATRIX, model(version, *dict.fromkeys((*some, *more))), keras)
    assert order.index(less.outcome) <= order.index(greater.outcome)


def test_every_way_of_the_bundled_matrix_is_known() -> None:
    assert {way for r in BUNDLED.loads for way in r.ways} <= set(WAYS)
