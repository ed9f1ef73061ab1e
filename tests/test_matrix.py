"""The bundled matrix is what data/ compiles to, holds every release that was measured, and loads or says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tfcompat.errors import MatrixError
from tfcompat.matrix import load, load_bundled, load_matrix
from tfcompat.matrix.compile import compile_matrix, dump_document
from tfcompat.matrix.matrix import Matrix
from tfcompat.matrix.schema import validate_document
from tfcompat.versions import version

BUNDLED = Path(load.BUNDLED)

if TYPE_CHECKING:
    from tfcompat.matrix.records import Build, Release

DATA = Path(__file__).parent.parent / "data"
MEASURED = (
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-gpu",
    "tensorflow-cpu-aws",
    "tensorflow-intel",
    "tensorflow-macos",
    "keras",
    "tf-keras",
)
HINT = "compile one with 'tfcompat matrix compile'"


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_bundled()


def measured(package: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / f"measured/wheels/{package}.json").read_text(encoding="utf-8"))
    return found


def release(matrix: Matrix, package: str, text: str) -> Release:
    found = matrix.release(package, text)
    assert found is not None
    return found


def built(matrix: Matrix, package: str, text: str, platform: str) -> Build:
    found = matrix.build(release(matrix, package, text), platform)
    assert found is not None
    return found


# -- drift ---------------------------------------------------------------------------------------


def test_the_bundled_document_is_what_data_compiles_to_byte_for_byte() -> None:
    assert dump_document(compile_matrix(DATA)).encode() == BUNDLED.read_bytes()


def test_the_canonical_text_reads_back_as_the_document(matrix: Matrix) -> None:
    assert json.loads(dump_document(dict(matrix.document))) == matrix.document


def test_the_bundled_document_is_valid(matrix: Matrix) -> None:
    validate_document(matrix.document, "the bundled matrix")


def test_the_bundled_document_loads_from_anywhere_as_the_same_matrix(matrix: Matrix) -> None:
    assert load_matrix(BUNDLED).releases == matrix.releases


def test_a_folder_without_its_files_does_not_compile(tmp_path: Path) -> None:
    with pytest.raises(MatrixError) as caught:
        compile_matrix(tmp_path)
    assert caught.value.message == f"{tmp_path / 'curated/tensorflow.toml'} is missing"
    assert caught.value.hint == "compile from a complete checkout of data/"


@pytest.mark.parametrize("damage", [b"[[release]", b"\xff\xfe"], ids=["cut", "not UTF-8"])
def test_a_damaged_file_does_not_compile(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "curated/tensorflow.toml"
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(MatrixError) as caught:
        compile_matrix(tmp_path)
    assert caught.value.message.startswith(f"{path} cannot be read: ")


# -- what was measured is there -------------------------------------------------------------------


@pytest.mark.parametrize("package", MEASURED)
def test_every_measured_release_is_in_the_matrix_with_its_platforms_and_interpreters(matrix: Matrix, package: str) -> None:
    for row in measured(package):
        found = release(matrix, package, row["version"])
        assert {p: (b.kind, list(b.python), list(b.requires)) for p, b in found.builds.items()} == {
            p: (b["kind"], b["python"], b["requires"]) for p, b in row["builds"].items()
        }


def test_a_stub_is_followed_to_the_wheel_that_it_delegates_to(matrix: Matrix) -> None:
    for package in ("tensorflow", "tensorflow-cpu"):
        for row in measured(package):
            for platform, build in row["builds"].items():
                if build["kind"] == "stub":
                    found = built(matrix, package, row["version"], platform)
                    (delegate,) = build["delegates_to"]
                    if (row["version"], platform) != ("2.11.1", "linux/arm64"):
                        assert found == release(matrix, delegate, row["version"]).builds[platform], (package, row["version"], platform)
                        assert found.kind != "stub"


def test_a_stub_that_shares_no_interpreter_with_its_delegate_leads_nowhere(matrix: Matrix) -> None:
    assert release(matrix, "tensorflow-cpu-aws", "2.11.1").builds["linux/arm64"].python == ("3.7",)
    found = built(matrix, "tensorflow", "2.11.1", "linux/arm64")
    assert (found.kind, found.python) == ("stub", ("3.8", "3.9", "3.10"))


def test_a_platform_without_wheels_has_no_build(matrix: Matrix) -> None:
    assert matrix.build(release(matrix, "tensorflow", "2.5.0"), "linux/arm64") is None


@pytest.mark.parametrize(
    ("package", "text", "kind"),
    [
        ("tensorflow", "1.15.0", "cuda"),
        ("tensorflow", "1.15.2", "cpu"),
        ("tensorflow-gpu", "1.15.2", "cuda"),
        ("tensorflow-cpu", "2.16.1", "cpu"),
    ],
)
def test_a_name_is_no_promise_of_a_gpu(matrix: Matrix, package: str, text: str, kind: str) -> None:
    assert built(matrix, package, text, "linux/amd64").kind == kind


def test_every_cuda_build_on_linux_says_cuda_cudnn_and_capabilities(matrix: Matrix) -> None:
    builds = [r.builds["linux/amd64"] for r in matrix.releases if "linux/amd64" in r.builds]
    assert all(b.cuda and b.cudnn and b.compute_capabilities for b in builds if b.kind == "cuda")


def test_a_curated_cell_adds_digits_and_keeps_both_sources(matrix: Matrix) -> None:
    build = built(matrix, "tensorflow", "1.15.0", "linux/amd64")
    raw = measured("tensorflow")[0]["builds"]["linux/amd64"]
    assert (raw["cuda"], build.cuda) == ("10", "10.0")
    assert [statement.partition(":")[0] for statement in build.evidence["cuda"]] == ["measured", "inferred"]


# -- the indexes that rules ask ---------------------------------------------------------------------


def test_a_release_that_the_matrix_does_not_have_is_none(matrix: Matrix) -> None:
    assert matrix.release("tensorflow", "2.16.99") is None
    assert matrix.release("pytorch", "2.16.1") is None


def test_releases_come_newest_first_under_the_names_people_install(matrix: Matrix) -> None:
    versions = [version(r.version) for r in matrix.releases]
    assert versions == sorted(versions, reverse=True)
    assert {r.package for r in matrix.releases} == {"tensorflow", "tensorflow-cpu", "tensorflow-gpu"}
    assert matrix.releases[0].package == "tensorflow"


@pytest.mark.parametrize("name", ["numpy", "protobuf", "nvidia-cudnn-cu12"])
def test_packages_come_newest_first(matrix: Matrix, name: str) -> None:
    versions = [version(r.version) for r in matrix.package(name)]
    assert versions
    assert versions == sorted(versions, reverse=True)


def test_a_yanked_package_release_is_left_out(matrix: Matrix) -> None:
    lines = (DATA / "measured/index/protobuf.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [row["version"] for row in map(json.loads, lines) if not row["yanked"]]
    assert [r.version for r in matrix.package("protobuf")] == kept[::-1]


@pytest.mark.parametrize("name", ["ml-dtypes", "tensorboard", "rich", "six", "numpy", "nvidia-cudnn-cu12"])
def test_what_a_package_requires_is_what_was_measured(matrix: Matrix, name: str) -> None:
    lines = (DATA / f"measured/index/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["version"]: row for row in map(json.loads, lines)}
    for found in matrix.package(name):
        requires = rows[found.version].get("requires")
        assert found.requires == (None if requires is None else tuple(requires))


def test_nothing_required_and_nothing_known_are_two_statements(matrix: Matrix) -> None:
    assert matrix.package("six")[0].requires == ()
    assert matrix.package("numpy")[0].requires is None
    assert "numpy>=2.0.0" in (next(r for r in matrix.package("ml-dtypes") if r.version == "0.6.0").requires or ())


def test_a_package_that_the_matrix_does_not_cover_is_empty(matrix: Matrix) -> None:
    assert matrix.package("pandas") == ()


@pytest.mark.parametrize(
    ("package", "text", "key"),
    [
        ("tensorflow", "2.16.1", "pip-cuda-libraries-not-found"),
        ("tensorflow", "2.18.0", "maxwell-dropped"),
        ("tensorflow-gpu", "1.15.0", "cudnn-table-too-low"),
    ],
)
def test_a_note_is_found_where_it_holds(matrix: Matrix, package: str, text: str, key: str) -> None:
    note = matrix.notes_of(release(matrix, package, text), key)
    assert note is not None
    assert note.key == key


@pytest.mark.parametrize(
    ("package", "text", "key"),
    [
        ("tensorflow", "2.16.2", "pip-cuda-libraries-not-found"),
        ("tensorflow", "2.16.1", "maxwell-dropped"),
        ("tensorflow", "2.16.1", "no-such-key"),
    ],
)
def test_a_note_is_not_found_where_it_does_not_hold(matrix: Matrix, package: str, text: str, key: str) -> None:
    assert matrix.notes_of(release(matrix, package, text), key) is None


def test_the_caps_that_metadata_leaves_out_are_there(matrix: Matrix) -> None:
    caps = {(c.package, c.when): c.allows for c in matrix.caps}
    assert caps["numpy", "tensorflow<2.18"] == "<2"
    assert caps["protobuf", "tensorflow<2.10"] == "<3.21"


def test_a_toolkit_is_found_by_its_minor_only(matrix: Matrix) -> None:
    found = matrix.toolkit(version("12.5.1"))
    assert found is not None
    assert found.version == "12.5"
    assert matrix.toolkit(version("12")) is None
    assert matrix.toolkit(version("99.9")) is None


# -- memory ----------------------------------------------------------------------------------------


def test_what_is_remembered_is_made_once() -> None:
    matrix, made = Matrix({"measured": "2026-11-22", "snapshots": {}}, "a test"), []
    for _ in range(3):
        assert matrix.remember("key", lambda: made.append(1)) is None
    assert made == [1]


def test_what_is_remembered_is_bounded() -> None:
    matrix, sizes = Matrix({"measured": "2026-11-22", "snapshots": {}}, "a test"), set()
    for key in range(450_000):
        matrix.remember(key, int)
        sizes.add(len(matrix._memo) // 1000)
    assert max(sizes) <= 200


# -- loading ---------------------------------------------------------------------------------------


def refusal(path: Path) -> MatrixError:
    with pytest.raises(MatrixError) as caught:
        load_matrix(path)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_matrix_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    error = refusal(tmp_path / "m.json")
    assert (error.message, error.hint) == (f"{tmp_path / 'm.json'} cannot be read: No such file or directory", HINT)


def test_a_folder_is_no_matrix(tmp_path: Path) -> None:
    assert refusal(tmp_path).message.startswith(f"{tmp_path} cannot be read: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON (truncated?): Expecting value: line 1 column 1 (char 0)"),
        (BUNDLED.read_bytes()[:5000], "is not JSON (truncated?): "),
        (b'{"a": "\xff"}', "is not JSON (truncated?): 'utf-8' codec can't decode byte 0xff"),
        (b"[" * 200_000, "is not JSON (truncated?): "),
        (b"[]", "holds a list, not a matrix"),
        (b'"matrix"', "holds a str, not a matrix"),
        (b"null", "holds a NoneType, not a matrix"),
        (b"{}", "has schema_version None; this tfcompat reads 1"),
        (b'{"schema_version": 1}', "is not a matrix: "),
    ],
    ids=["empty", "truncated", "not UTF-8", "deep", "list", "text", "null", "empty object", "only a version"],
)
def test_what_is_no_matrix_is_an_error_that_names_the_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(content)
    assert refusal(path).message.startswith(f"{path} {message}")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with path.open("wb") as file:
        file.truncate((32 << 20) + 1)
    error = refusal(path)
    assert (error.message, error.hint) == (f"{path} is larger than 32 MiB: not a matrix", HINT)
