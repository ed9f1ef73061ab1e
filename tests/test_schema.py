"""Each law of a matrix document, broken on purpose on a copy of the bundled one, is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfcompat.errors import MatrixError
from tfcompat.matrix import load
from tfcompat.matrix.schema import validate_document

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]

TEXT = Path(load.BUNDLED).read_bytes()
FIRST = "tensorflow 1.15.0 linux/amd64"


@pytest.fixture
def document() -> Document:
    found: Document = json.loads(TEXT)
    return found


def refusal(document: Document) -> MatrixError:
    with pytest.raises(MatrixError) as caught:
        validate_document(document, "m.json")
    return caught.value


def build(document: Document) -> Document:
    found: Document = document["tensorflow"][0]["builds"]["linux/amd64"]
    return found


def test_the_copy_is_valid_before_it_is_broken(document: Document) -> None:
    validate_document(document, "m.json")


# -- invariants ------------------------------------------------------------------------------------


def repeat_release(d: Document) -> None:
    d["tensorflow"].insert(1, d["tensorflow"][0])


def swap_releases(d: Document) -> None:
    d["tensorflow"][0], d["tensorflow"][1] = d["tensorflow"][1], d["tensorflow"][0]


def drop_evidence(d: Document) -> None:
    build(d)["evidence"] = {}


def empty_evidence(d: Document) -> None:
    build(d)["evidence"] = {"*": []}


def invent_evidence(d: Document) -> None:
    build(d)["evidence"] = {"*": ["rumoured: a forum"]}


def leave_out_the_source(d: Document) -> None:
    build(d)["evidence"] = {"*": ["measured: "]}


def orphan_a_stub(d: Document) -> None:
    build(d).update(kind="stub")


def drop_interpreters(d: Document) -> None:
    build(d)["python"] = []


def drop_cudnn(d: Document) -> None:
    build(d)["cudnn"] = None


def repeat_toolkit(d: Document) -> None:
    d["toolkits"].append(d["toolkits"][-1])


def swap_packages(d: Document) -> None:
    d["packages"]["six"] = [["1.16.0", None, ["*"], [], None], ["1.12.0", None, ["*"], [], None]]


def repeat_package(d: Document) -> None:
    d["packages"]["six"] = [["1.16", None, ["*"], [], None], ["1.16.0", None, ["*"], [], None]]


def lose_requirements(d: Document) -> None:
    d["packages"]["six"] = [["1.16.0", None, ["*"], [], 10_000]]


def count_requirements_from_the_end(d: Document) -> None:
    d["packages"]["six"] = [["1.16.0", None, ["*"], [], -1]]


def swap_neighbours(d: Document) -> None:
    d["neighbours"]["pandas"] = [["2.1.0", None, ["3.11"], [], None], ["2.0.0", None, ["3.11"], [], None]]


def swap_dependents(d: Document) -> None:
    d["dependents"]["tensorflow-text"] = [["2.16.1", None, ["3.11"], [], None], ["2.15.0", None, ["3.11"], [], None]]


def lose_requirements_of_a_dependent(d: Document) -> None:
    d["dependents"]["tensorflow-text"] = [["2.15.0", None, ["3.11"], [], 10_000]]


def share_an_alias(d: Document) -> None:
    d["gpus"][1]["aliases"] = ["A-b c"]
    d["gpus"][2]["aliases"] = ["ab C"]


def repeat_a_tag(d: Document) -> None:
    d["images"]["python"].append(d["images"]["python"][0])


def repeat_contents(d: Document) -> None:
    d["images"]["official_contents"].append(d["images"]["official_contents"][0])


def drop_evidence_of_a_cap(d: Document) -> None:
    d["caps"][0]["evidence"] = {}


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (repeat_release, "tensorflow: 1.15.0 stands before 1.15.0"),
        (swap_releases, "tensorflow: 1.15.2 stands before 1.15.0"),
        (drop_evidence, f"{FIRST}: no evidence"),
        (empty_evidence, f"{FIRST}: no evidence"),
        (invent_evidence, f"{FIRST}: evidence 'rumoured: a forum' is not 'KIND: SOURCE'"),
        (leave_out_the_source, f"{FIRST}: evidence 'measured: ' is not 'KIND: SOURCE'"),
        (orphan_a_stub, f"{FIRST}: a stub that delegates to nothing"),
        (drop_interpreters, f"{FIRST}: no interpreter"),
        (drop_cudnn, f"{FIRST}: a CUDA build without CUDA, cuDNN or compute capabilities"),
        (swap_packages, "package six: 1.16.0 stands before 1.12.0"),
        (repeat_package, "package six: 1.16 stands before 1.16.0"),
        (lose_requirements, "package six 1.16.0: no such requirement set"),
        (count_requirements_from_the_end, "package six 1.16.0: no such requirement set"),
        (swap_neighbours, "neighbour pandas: 2.1.0 stands before 2.0.0"),
        (swap_dependents, "dependent tensorflow-text: 2.16.1 stands before 2.15.0"),
        (lose_requirements_of_a_dependent, "dependent tensorflow-text 2.15.0: no such requirement set"),
        (share_an_alias, "gpu abc stands twice"),
        (drop_evidence_of_a_cap, "Cap >=2: no evidence"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_broken_invariant_is_named(document: Document, break_it: Callable[[Document], None], message: str) -> None:
    break_it(document)
    error = refusal(document)
    assert error.message == f"m.json breaks 1 invariants: {message}"
    assert error.hint == "correct the rows in data/ and compile anew"


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (repeat_toolkit, r"toolkit (\S+) stands twice; toolkit: \1 stands before \1"),
        (repeat_a_tag, "image python 3.* stands twice"),
        (repeat_contents, "contents .* stands twice"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_stands_twice_is_named(document: Document, break_it: Callable[[Document], None], message: str) -> None:
    break_it(document)
    with pytest.raises(MatrixError, match=rf"^m\.json breaks \d invariants: {message}"):
        validate_document(document, "m.json")


def test_only_the_first_five_broken_invariants_are_told(document: Document) -> None:
    for row in document["tensorflow"][:7]:
        row["builds"]["linux/amd64"]["python"] = []
    error = refusal(document)
    assert error.message.startswith("m.json breaks 7 invariants: ")
    assert error.message.count("no interpreter") == 5


# -- the schema's own version ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "hint"),
    [
        (2, "upgrade tfcompat"),
        (999, "upgrade tfcompat"),
        (0, "compile it with this tfcompat"),
        (None, "compile it with this tfcompat"),
        ("1", "compile it with this tfcompat"),
    ],
)
def test_another_schema_is_refused_with_the_way_out(document: Document, found: object, hint: str) -> None:
    document["schema_version"] = found
    document["tensorflow"] = "means something else"
    error = refusal(document)
    assert (error.message, error.hint) == (f"m.json has schema_version {found!r}; this tfcompat reads 1", hint)


# -- types and keys ----------------------------------------------------------------------------------

COMPILE = "compile it anew with 'tfcompat matrix compile'"


def malformation(document: Document) -> str:
    error = refusal(document)
    assert error.hint == COMPILE
    prefix = "m.json is not a matrix: "
    assert error.message.startswith(prefix)
    return error.message.removeprefix(prefix)


@pytest.mark.parametrize(
    ("cell", "value", "message"),
    [
        ("kind", "gpu", "kind: Input should be 'cuda', 'cpu', 'stub' or 'pure'"),
        ("python", "3.11", "python: Input should be a valid "),
        ("python", [3.1], "python.0: Input should be a valid string"),
        ("cuda", 12.5, "cuda: Input should be a valid string"),
        ("evidence", ["measured: x"], "evidence: Input should be "),
        ("colour", "blue", "colour: Extra inputs are not permitted"),
    ],
)
def test_a_cell_of_a_wrong_type_or_an_unknown_name_is_named(document: Document, cell: str, value: object, message: str) -> None:
    build(document)[cell] = value
    assert malformation(document).startswith(f"tensorflow.0.builds.linux/amd64.{message}")


@pytest.mark.parametrize("section", ["toolkits", "images", "caps", "packages", "dependents", "requirement_sets", "tensorflow", "measured"])
def test_a_section_that_is_missing_is_named(document: Document, section: str) -> None:
    del document[section]
    assert section in malformation(document)


@pytest.mark.parametrize("section", ["toolkits", "images", "caps", "packages", "dependents", "tensorflow", "measured"])
def test_a_section_of_a_wrong_type_is_refused(document: Document, section: str) -> None:
    document[section] = 3
    malformation(document)


def add_a_section(d: Document) -> None:
    d["colours"] = []


def add_a_kind_of_image(d: Document) -> None:
    d["images"]["colours"] = []


def add_a_cell_to_a_gpu(d: Document) -> None:
    d["gpus"][0]["colours"] = "green"


def add_a_cell_to_an_absent_tag(d: Document) -> None:
    d["images"]["official_absent"][0]["colours"] = "green"


@pytest.mark.parametrize(
    "break_it", [add_a_section, add_a_kind_of_image, add_a_cell_to_a_gpu, add_a_cell_to_an_absent_tag], ids=lambda f: str(f.__name__)
)
def test_an_unknown_key_is_refused(document: Document, break_it: Callable[[Document], None]) -> None:
    break_it(document)
    message = malformation(document)
    assert message.endswith(("colours: Unexpected keyword argument", "colours: Extra inputs are not permitted"))


# the document itself is used afterwards, not what a lenient reader made of it: "no" would be true
@pytest.mark.parametrize("value", ["no", "false", 0, 1])
def test_a_word_or_a_number_is_no_truth_value(document: Document, value: object) -> None:
    document["tensorflow"][0]["yanked"] = value
    assert malformation(document).startswith("tensorflow.0.yanked: ")


def spoil_a_version(d: Document) -> None:
    d["tensorflow"][0]["version"] = "latest"


def spoil_a_package(d: Document) -> None:
    d["packages"]["six"] = [["latest", None, ["*"], [], None], ["1.16", None, ["*"], [], None]]


def spoil_a_toolkit(d: Document) -> None:
    d["toolkits"][0]["version"] = "newest"


def spoil_a_range(d: Document) -> None:
    d["notes"][0]["versions"] = "2.15 or so"


def spoil_a_requirement(d: Document) -> None:
    d["requirement_sets"][0] = ["numpy numpy"]


@pytest.mark.parametrize(
    "break_it", [spoil_a_version, spoil_a_package, spoil_a_toolkit, spoil_a_range, spoil_a_requirement], ids=lambda f: str(f.__name__)
)
def test_what_is_no_version_no_range_and_no_requirement_is_refused(document: Document, break_it: Callable[[Document], None]) -> None:
    break_it(document)
    with pytest.raises(MatrixError, match=r"m\.json .*(latest|newest|2\.15 or so|numpy numpy)"):
        validate_document(document, "m.json")


# -- the shared table of requirements ------------------------------------------------------------------


@pytest.mark.parametrize("index", [10_000, -1, "0", None, 1.5, [0]])
def test_a_number_that_is_not_in_the_table_of_requirements_is_refused(document: Document, index: object) -> None:
    build(document)["requires"] = index
    malformation(document)


@pytest.mark.parametrize("extras", [{"and-cuda": 10_000}, {"and-cuda": -1}, {"and-cuda": "0"}, [0], 3])
def test_an_extra_that_is_not_in_the_table_of_requirements_is_refused(document: Document, extras: object) -> None:
    build(document)["extras"] = extras
    malformation(document)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["1.16", None, ["*"], []], "packages.six.0.4: Field required"),
        (["1.16", None, ["*"], [], "0"], "packages.six.0.4: Input should be a valid integer"),
        (["1.16", None, ["*"], [], 0.5], "packages.six.0.4: Input should be a valid integer"),
        (["1.16", None, ["*"], [], True], "packages.six.0.4: Input should be a valid integer"),
        (["1.16", None, ["*"], [], ["numpy"]], "packages.six.0.4: Input should be a valid integer"),
    ],
)
def test_a_package_whose_requirements_are_no_number_is_refused(document: Document, row: list[object], message: str) -> None:
    document["packages"]["six"] = [row]
    assert malformation(document) == message


@pytest.mark.parametrize("row", [None, 3, "tensorflow", [], {}, {"builds": None}, {"builds": {"linux/amd64": None}}])
def test_a_release_that_is_malformed_is_refused(document: Document, row: object) -> None:
    document["tensorflow"][0] = row
    assert malformation(document).startswith("its releases are malformed (")


# -- pins ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "--index-url http://evil.example/\nsix==1.17.0",
        "$(touch EVIL)==1",
        "-r /etc/passwd ; x==1",
        "six==1.17.0\n",
        "six",
        "six>=1",
        "Six==1",
        "",
    ],
)
def test_a_pin_that_a_file_or_a_shell_would_read_as_something_else_is_refused(line: str) -> None:
    document = json.loads(Path(load.BUNDLED).read_text(encoding="utf-8"))
    document["pin_lines"][0] = line
    with pytest.raises(MatrixError, match="is not NAME==VERSION"):
        validate_document(document, "x.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["runs"][0].update(sha256="0" * 64), "the pins are not those that tensorflow was run with"),
        (lambda s: s["pins"].append(s["pins"][0]), "stands twice"),
        (lambda s: s.update(python="3.11.0"), "the interpreter is not a minor such as 3.11"),
        (lambda s: s["runs"][0].update(steps={"install": "ok"}), "not every step was run with tensorflow"),
        (lambda s: s["runs"][0]["steps"].update(fit="skipped: all"), "a step failed with tensorflow"),
        (lambda s: s["runs"][0].update(date="\x1b[31m"), "no distribution or no day"),
        (lambda s: s["runs"][0].update(python="CPython\x1b"), "characters that cannot be printed"),
        (lambda s: s.update(runs=[]), "never run"),
        (lambda s: s.update(pins=[10**9]), "no such pins"),
        (lambda s: s.update(pins=[-1]), "no such pins"),
    ],
)
def test_a_set_of_pins_that_was_not_run_is_refused(change: Any, message: str) -> None:
    document = json.loads(Path(load.BUNDLED).read_text(encoding="utf-8"))
    change(document["pin_sets"][0])
    with pytest.raises(MatrixError, match=message):
        validate_document(document, "x.json")
