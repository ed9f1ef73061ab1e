"""A refresh shows what would change and writes last: no error, no doubt and no shrinkage reaches the folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from index_server import Answer, IndexServer, build_wheel, open_session, refusing_base, serve_index
from tfcompat import refresh
from tfcompat.errors import CouldNotCheck, MatrixError
from tfcompat.pypi.index import SimpleIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Rows = list[dict[str, Any]]

CUDA = "build_info = {'is_cuda_build': True, 'cuda_version': '12.3', 'cudnn_version': '8'}"
WHEEL = "wheels/tensorflow.json"
NUMPY = "index/numpy.jsonl"


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with serve_index() as found:
        for version in ("2.15.0", "2.16.1"):
            found.add("tensorflow", filename(version), build_wheel(["six"], CUDA))
        found.add("numpy", "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl")
        yield found


def filename(version: str, tag: str = "cp311-cp311-manylinux_2_17_x86_64") -> str:
    return f"tensorflow-{version}-{tag}.whl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "measured"
    found.mkdir()
    return found


def measure(base: str, cache: Path, progress: list[tuple[str, int]] | None = None) -> dict[str, Rows]:
    told = progress if progress is not None else []
    with open_session() as session:
        index = SimpleIndex(session, base)
        wheels, packages = {"tensorflow": "1.15"}, {"numpy": "1.16"}
        return refresh.measure(index, session, cache, lambda name, step: told.append((name, step)), wheels, packages)


def rows(*versions: str, **cells: Any) -> Rows:
    return [{"version": v, "released": "2024-01-02", "yanked": False, **cells} for v in versions]


def write(folder: Path, files: Mapping[str, Rows], **options: Any) -> None:
    refresh.write_files(folder, files, refresh.plan_changes(folder, files), {"measured": "2026-11-22"}, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# -- the plan ------------------------------------------------------------------------------------


def test_a_plan_names_what_appears_vanishes_and_changes(folder: Path) -> None:
    write(folder, {WHEEL: rows("2.15.0", "2.16.1"), NUMPY: rows("1.26.4", python={"linux/amd64": ["3.11"]})})
    after = {WHEEL: rows("2.16.1", "2.17.0"), NUMPY: rows("1.26.4", python={"linux/amd64": ["3.11", "3.12"]})}
    assert [str(change) for change in refresh.plan_changes(folder, after)] == [
        "- tensorflow 2.15.0",
        "+ tensorflow 2.17.0",
        '~ numpy 1.26.4: python/linux/amd64 ["3.11"] -> ["3.11", "3.12"]',
    ]


def test_a_plan_against_an_empty_folder_adds_everything_and_makes_nothing(folder: Path) -> None:
    changes = refresh.plan_changes(folder / "absent", {WHEEL: rows("2.15.0")})
    assert [(c.project, c.version, c.kind) for c in changes] == [("tensorflow", "2.15.0", "added")]
    assert content(folder.parent) == {}


def test_what_was_written_is_no_change(folder: Path) -> None:
    files = {WHEEL: rows("2.15.0", note="é"), NUMPY: rows("1.26.4", "2.0.0")}
    write(folder, files)
    assert refresh.plan_changes(folder, files) == []


def test_the_detail_of_a_change_is_bounded(folder: Path) -> None:
    write(folder, {WHEEL: rows("2.15.0", requires=["a" * 1000])})
    (change,) = refresh.plan_changes(folder, {WHEEL: rows("2.15.0", requires=["b" * 1000])})
    assert len(change.detail) == 300


@pytest.mark.parametrize(
    "damage", ["[", '{"a": 1}', "[1]", '[{"released": "2024-01-02"}]', "3"], ids=["cut", "object", "numbers", "no version", "number"]
)
def test_a_damaged_file_in_the_folder_is_an_error(folder: Path, damage: str) -> None:
    path = folder / WHEEL
    path.parent.mkdir()
    path.write_text(damage)
    with pytest.raises(MatrixError) as caught:
        refresh.plan_changes(folder, {WHEEL: rows("2.15.0")})
    assert caught.value.message.startswith(f"{path} cannot be read: ")
    assert caught.value.hint == "restore it from version control"


# -- writing -------------------------------------------------------------------------------------


def test_writing_twice_changes_nothing_and_leaves_nothing_aside(folder: Path) -> None:
    files = {WHEEL: rows("2.15.0"), NUMPY: rows("1.26.4", "2.0.0")}
    write(folder, files)
    first = content(folder)
    write(folder, files)
    assert content(folder) == first
    assert set(first) == {WHEEL, NUMPY, "stamp.json"}


def test_rows_are_written_as_the_folder_has_them(folder: Path) -> None:
    write(folder, {WHEEL: rows("2.15.0"), NUMPY: rows("1.26.4", "2.0.0")})
    assert (folder / WHEEL).read_text() == json.dumps(rows("2.15.0"), indent=1) + "\n"
    assert (folder / NUMPY).read_text().count("\n") == 2
    assert json.loads((folder / "stamp.json").read_text()) == {"measured": "2026-11-22"}


def test_shrinkage_is_refused_and_the_folder_unchanged(folder: Path) -> None:
    write(folder, {WHEEL: rows("2.15.0", "2.16.1")})
    before = content(folder)
    with pytest.raises(MatrixError) as caught:
        write(folder, {WHEEL: rows("2.16.1", "2.17.0")})
    assert caught.value.message == f"what was asked no longer has 1 rows that {folder} has: - tensorflow 2.15.0"
    assert caught.value.hint == "releases and tags rarely vanish: check what was asked, then repeat with --allow-shrink"
    assert content(folder) == before


def test_an_allowed_shrinkage_is_written(folder: Path) -> None:
    write(folder, {WHEEL: rows("2.15.0", "2.16.1")})
    write(folder, {WHEEL: rows("2.16.1")}, allow_shrink=True)
    assert [row["version"] for row in json.loads((folder / WHEEL).read_text())] == ["2.16.1"]


def test_what_cannot_be_written_leaves_the_folder_as_it_was(folder: Path) -> None:
    write(folder, {WHEEL: rows("2.15.0")})
    files = {WHEEL: rows("2.15.0", "2.16.1"), NUMPY: rows("1.26.4")}
    changes = refresh.plan_changes(folder, files)
    (folder / "index").write_text("a file where a folder should be")
    before = content(folder)
    with pytest.raises(MatrixError, match="cannot be written"):
        refresh.write_files(folder, files, changes, {"measured": "2026-11-22"})
    assert content(folder) == before


# -- from the index to the folder ------------------------------------------------------------------


def test_measuring_covers_every_project_and_writes_no_file_but_the_cache(server: IndexServer, folder: Path, tmp_path: Path) -> None:
    progress: list[tuple[str, int]] = []
    files = measure(server.base, tmp_path / "cache", progress)
    assert {name: [r["version"] for r in found] for name, found in files.items()} == {WHEEL: ["2.15.0", "2.16.1"], NUMPY: ["1.26.4"]}
    assert sorted(progress) == [("numpy", 1), ("tensorflow", 1), ("tensorflow", 1)]
    assert content(folder) == {}


def test_a_dependency_is_measured_with_what_it_requires_and_numpy_without(server: IndexServer, tmp_path: Path) -> None:
    name, content = "ml_dtypes-0.6.0-cp311-cp311-manylinux_2_17_x86_64.whl", build_wheel(["numpy>=2", "pytest", "jax"], name="ml-dtypes")
    server.add("ml-dtypes", name, content)
    server.add("tensorrt", "tensorrt-8.6.1-cp311-none-manylinux_2_17_x86_64.whl")
    with open_session() as session:
        index, packages = SimpleIndex(session, server.base), {"numpy": "1.16", "ml-dtypes": "0.1", "tensorrt": "8"}
        files = refresh.measure(index, session, tmp_path, lambda name, step: None, {}, packages)
    assert {name: [row.get("requires") for row in found] for name, found in files.items()} == {
        NUMPY: [None],
        "index/ml-dtypes.jsonl": [["jax", "numpy>=2", "pytest"]],
        "index/tensorrt.jsonl": [None],
    }
    assert server.asked("/files/numpy") == server.asked("/files/tensorrt") == 0


def test_a_dependent_is_measured_by_what_it_requires_of_tensorflow(server: IndexServer, tmp_path: Path) -> None:
    lines = ['tensorflow<2.20,>=2.19; platform_system != "Darwin"', "tf_keras~=2.19", "six", 'tensorflow-cpu; extra == "cpu"']
    server.add("tensorflow-text", "tensorflow_text-2.19.0-cp311-cp311-manylinux_2_17_x86_64.whl", requires_python=">=3.9")
    server.attach("tensorflow-text", "".join(f"Requires-Dist: {line}\n" for line in lines).encode())
    server.add("tensorflow-text", "tensorflow_text-2.20.0-cp311-cp311-manylinux_2_17_x86_64.whl", yanked=True)
    server.attach("tensorflow-text", b"Requires-Dist: grpcio (>=1.0<2)\n")
    server.add("tensorflow-text", "tensorflow-text-2.21.0.tar.gz")
    with open_session() as session:
        index = SimpleIndex(session, server.base)
        files = refresh.measure(index, session, tmp_path, lambda name, step: None, {}, {"tensorflow-text": "1.15"})
    assert files == {
        "dependents/tensorflow-text.jsonl": [
            {
                "version": "2.19.0",
                "yanked": False,
                "requires_python": ">=3.9",
                "python": {"linux/amd64": ["3.11"]},
                "requires": ['tensorflow<2.20,>=2.19; platform_system != "Darwin"', "tf-keras~=2.19"],
            },
            {"version": "2.20.0", "yanked": True, "requires_python": None, "python": {"linux/amd64": ["3.11"]}},
        ]
    }


def test_what_is_refreshed_by_default_has_the_dependents() -> None:
    assert refresh.DEPENDENTS.items() <= refresh.PACKAGES.items()
    assert refresh.NEIGHBOURS.items() <= refresh.PACKAGES.items()
    assert not {*refresh.DEPENDENTS, *refresh.NEIGHBOURS} & refresh.WHEELS.keys()


def test_a_neighbour_is_measured_by_what_it_requires_of_numpy(server: IndexServer, tmp_path: Path) -> None:
    lines = ['numpy>=2.0.2; python_version < "3.14"', "python-dateutil>=2.8", 'numba>=0.56; extra == "performance"']
    server.add("pandas", "pandas-3.1.1-cp311-cp311-manylinux_2_24_x86_64.whl", requires_python=">=3.11")
    server.attach("pandas", "".join(f"Requires-Dist: {line}\n" for line in lines).encode())
    with open_session() as session:
        index = SimpleIndex(session, server.base)
        files = refresh.measure(index, session, tmp_path, lambda name, step: None, {}, {"pandas": "1.0"})
    row = {"version": "3.1.1", "yanked": False, "requires_python": ">=3.11", "python": {"linux/amd64": ["3.11"]}}
    assert files == {"neighbours/pandas.jsonl": [{**row, "requires": ['numpy>=2.0.2; python_version < "3.14"']}]}


def test_the_plan_names_requirements_that_became_known(folder: Path) -> None:
    write(folder, {"index/ml-dtypes.jsonl": rows("0.6.0")})
    (change,) = refresh.plan_changes(folder, {"index/ml-dtypes.jsonl": rows("0.6.0", requires=["numpy>=2"])})
    assert str(change) == '~ ml-dtypes 0.6.0: requires null -> ["numpy>=2"]'


def test_a_dependency_that_cannot_be_read_leaves_the_folder_unchanged(server: IndexServer, folder: Path, tmp_path: Path) -> None:
    name = "ml_dtypes-0.6.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    server.add("ml-dtypes", name, b"not a wheel")
    with open_session() as session, pytest.raises(CouldNotCheck) as caught:
        refresh.measure(SimpleIndex(session, server.base), session, tmp_path, lambda name, step: None, {}, {"ml-dtypes": "0.1"})
    assert caught.value.message.startswith(f"the wheel at {server.root}/files/{name} could not be read: ")
    assert content(folder) == {}


def test_a_refresh_that_finds_nothing_new_plans_nothing(server: IndexServer, folder: Path, tmp_path: Path) -> None:
    write(folder, measure(server.base, tmp_path))
    assert refresh.plan_changes(folder, measure(server.base, tmp_path)) == []


def test_without_a_network_nothing_was_checked(folder: Path, tmp_path: Path) -> None:
    write(folder, {WHEEL: rows("2.15.0")})
    before = content(folder)
    with refusing_base() as base, pytest.raises(CouldNotCheck) as caught:
        measure(base, tmp_path / "cache")
    assert caught.value.exit_code == 3
    assert caught.value.message.startswith(f"the package index could not be read at {base}tensorflow/: ")
    assert caught.value.hint.endswith("nothing was changed")
    assert content(folder) == before


@pytest.mark.parametrize("path", [f"/files/{filename('2.16.1')}", "/simple/numpy/"])
def test_an_index_that_fails_midway_leaves_the_folder_unchanged(server: IndexServer, folder: Path, tmp_path: Path, path: str) -> None:
    server.answer(path, Answer(status=500))
    with pytest.raises(CouldNotCheck, match="500 Server Error"):
        measure(server.base, tmp_path / "cache")
    assert content(folder) == {}


# -- shapes that cannot be right -----------------------------------------------------------------


def refusal(server: IndexServer, cache: Path) -> MatrixError:
    with pytest.raises(MatrixError) as caught:
        measure(server.base, cache)
    return caught.value


def test_a_project_without_final_releases_is_refused(server: IndexServer, tmp_path: Path) -> None:
    server.projects["tensorflow"] = []
    server.add("tensorflow", filename("2.17.0rc0"))
    error = refusal(server, tmp_path)
    assert (error.message, error.hint) == ("the index has no final release of tensorflow", "check the index URL")


def test_a_tensorflow_without_build_info_and_delegate_is_refused(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", filename("2.17.0"), build_wheel(["six"]))
    error = refusal(server, tmp_path)
    assert error.message == "tensorflow 2.17.0 linux/amd64: neither build_info nor a delegate in the wheel"
    assert error.hint == "extend pypi/wheel.py"


def test_a_cuda_build_without_a_cuda_version_is_refused(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", filename("2.17.0"), build_wheel([], "build_info = {'is_cuda_build': True}"))
    error = refusal(server, tmp_path)
    assert error.message == "tensorflow 2.17.0 linux/amd64: a CUDA build whose build_info names no CUDA version"
    assert error.hint == "extend pypi/measure.py"


def test_a_wheel_for_no_known_interpreter_is_refused(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", filename("2.17.0", "pp310-pypy310_pp73-manylinux_2_17_x86_64"), build_wheel([], CUDA))
    error = refusal(server, tmp_path)
    assert error.message == "tensorflow 2.17.0 linux/amd64: no interpreter could be read from the wheel tags"
