"""Rows hold what the wheels of a release say of themselves, platform by platform, and each wheel is read once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from index_server import Answer, IndexServer, build_wheel, open_session, serve_index
from tfcompat.errors import CouldNotCheck, MatrixError
from tfcompat.pypi.index import SimpleIndex
from tfcompat.pypi.measure import measure_package, measure_project, measure_requiring_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = dict[str, Any]

CUDA = (
    "build_info = {'is_cuda_build': True, 'cuda_version': '12.3', 'cudnn_version': '8', "
    "'cuda_compute_capabilities': ['compute_90', 'sm_80', 'sm_60', 'sm_90a']}"
)
CPU = "build_info = {'is_cuda_build': False}"
LINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"


@pytest.fixture
def server() -> Iterator[IndexServer]:
    with serve_index() as found:
        yield found


def name(version: str, python: str, platform: str) -> str:
    return f"tensorflow-{version}-cp{python}-cp{python}-{platform}.whl"


def measure(server: IndexServer, cache: Path, project: str = "tensorflow", floor: str = "0", workers: int = 4) -> list[Row]:
    with open_session() as session:
        return measure_project(SimpleIndex(session, server.base), session, project, Version(floor), cache, lambda: None, workers)


def builds(server: IndexServer, cache: Path) -> Row:
    (row,) = measure(server, cache)
    found: Row = row["builds"]
    return found


# -- rows ----------------------------------------------------------------------------------------


def test_a_cuda_build_says_all_that_its_wheel_says(server: IndexServer, tmp_path: Path) -> None:
    filename = name("2.16.1", "311", LINUX)
    server.add("tensorflow", name("2.16.1", "39", LINUX), build_wheel(["numpy<2"], CUDA), uploaded="2024-03-08")
    server.add("tensorflow", filename, build_wheel(["numpy<2"], CUDA), uploaded="2024-03-09")
    digest = server.projects["tensorflow"][1]["hashes"]["sha256"]
    assert measure(server, tmp_path) == [
        {
            "version": "2.16.1",
            "released": "2024-03-08",
            "yanked": False,
            "builds": {
                "linux/amd64": {
                    "kind": "cuda",
                    "python": ["3.9", "3.11"],
                    "requires_python": ">=3.9",
                    "glibc": "2.17",
                    "cuda": "12.3",
                    "cudnn": "8",
                    "compute_capabilities": ["sm_60", "sm_80", "sm_90a", "compute_90"],
                    "requires": ["numpy<2"],
                    "wheel": filename,
                    "sha256": digest,
                }
            },
        }
    ]


def test_a_build_without_cuda_has_no_cuda_cells(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", name("2.16.1", "311", "macosx_12_0_arm64"), build_wheel([], CPU, requires_python=None))
    build = builds(server, tmp_path)["macos/arm64"]
    assert set(build) == {"kind", "python", "requires", "wheel", "sha256"}
    assert build["kind"] == "cpu"


def test_a_wheel_that_only_asks_for_another_is_a_stub_on_the_platforms_where_it_does(server: IndexServer, tmp_path: Path) -> None:
    requires = [
        "tensorflow-cpu-aws==2.13.0; platform_system == 'Linux' and (platform_machine == 'arm64' or platform_machine == 'aarch64')",
        "tensorflow-intel==2.13.0; platform_system == 'Windows'",
        "tensorflow-macos==2.13.0; platform_system == 'Darwin' and platform_machine == 'arm64'",
    ]
    for platform in ("manylinux_2_17_aarch64", "win_amd64", "macosx_12_0_arm64", "macosx_10_15_x86_64"):
        server.add("tensorflow", name("2.13.0", "311", platform), build_wheel(requires, CPU if "x86_64" in platform else None))
    found = {platform: (b["kind"], b.get("delegates_to")) for platform, b in builds(server, tmp_path).items()}
    assert found == {
        "linux/arm64": ("stub", ["tensorflow-cpu-aws"]),
        "windows/amd64": ("stub", ["tensorflow-intel"]),
        "macos/arm64": ("stub", ["tensorflow-macos"]),
        "macos/amd64": ("cpu", None),
    }


def test_a_pure_wheel_serves_any_platform_and_any_interpreter(server: IndexServer, tmp_path: Path) -> None:
    server.add("keras", "keras-3.0.0-py3-none-any.whl", build_wheel(["absl-py"], name="keras", version="3.0.0"))
    build = measure(server, tmp_path, "keras")[0]["builds"]["any"]
    assert (build["kind"], build["python"]) == ("pure", ["*"])


@pytest.mark.parametrize(
    ("platform", "glibc"),
    [
        ("manylinux1_x86_64", "2.5"),
        ("manylinux2010_x86_64", "2.12"),
        ("manylinux2014_x86_64", "2.17"),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "2.17"),
        ("manylinux_2_27_x86_64.manylinux_2_28_x86_64", "2.27"),
    ],
)
def test_the_glibc_floor_is_in_the_tag(server: IndexServer, tmp_path: Path, platform: str, glibc: str) -> None:
    server.add("tensorflow", name("2.16.1", "311", platform), build_wheel([], CPU))
    assert builds(server, tmp_path)["linux/amd64"]["glibc"] == glibc


@pytest.mark.parametrize("platform", ["win32", "manylinux2014_i686", "manylinux2014_ppc64le", "musllinux_1_2_x86_64", "win_arm64"])
def test_a_platform_that_the_matrix_does_not_cover_is_left_out_and_not_read(server: IndexServer, tmp_path: Path, platform: str) -> None:
    server.add("tensorflow", name("2.16.1", "311", platform), b"not a wheel")
    assert builds(server, tmp_path) == {}
    assert server.asked("/files/") == 0


@pytest.mark.parametrize(
    ("build_info", "cells"),
    [
        ("is_cuda_build = True\ncuda_version_number = '10.1'\ncudnn_version_number = '7'", {"cuda": "10.1", "cudnn": "7"}),
        ("build_info = {'is_cuda_build': True, 'cuda_version': '64_101', 'cudnn_version': '64_7'}", {}),
        ("build_info = {'is_cuda_build': True, 'cuda_version': '', 'cudnn_version': '9'}", {"cudnn": "9"}),
    ],
    ids=["up to 2.2", "a file name's suffix", "empty"],
)
def test_cuda_and_cudnn_are_versions_or_not_said(server: IndexServer, tmp_path: Path, build_info: str, cells: Row) -> None:
    server.add("tensorflow", name("2.2.0", "311", "win_amd64"), build_wheel([], build_info))
    build = builds(server, tmp_path)["windows/amd64"]
    assert {key: build[key] for key in ("cuda", "cudnn") if key in build} == cells


# the marker of an extra comes in every position that build backends put it
@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("nvidia-cudnn-cu12==8.9; extra == 'and-cuda'", "nvidia-cudnn-cu12==8.9"),
        ("tensorrt==8.6; python_version < '3.12' and extra == 'and-cuda'", 'tensorrt==8.6; python_version < "3.12"'),
        ("tensorrt==8.6; (python_version < '3.12') and (extra == 'and-cuda')", 'tensorrt==8.6; python_version < "3.12"'),
        ("tensorrt==8.6; extra == 'and-cuda' and python_version < '3.12'", 'tensorrt==8.6; python_version < "3.12"'),
        (
            "tensorrt==8.6; (python_version < '3.12' or os_name == 'nt') and extra == 'and-cuda'",
            'tensorrt==8.6; (python_version < "3.12" or os_name == "nt")',
        ),
    ],
    ids=["alone", "last", "last in parentheses", "first", "after alternatives"],
)
def test_requirements_of_an_extra_stand_apart_without_its_marker(server: IndexServer, tmp_path: Path, line: str, kept: str) -> None:
    server.add("tensorflow", name("2.16.1", "311", LINUX), build_wheel(["Six", line, "numpy<2; os_name == 'posix'"], CUDA))
    build = builds(server, tmp_path)["linux/amd64"]
    assert build["requires"] == ['numpy<2; os_name == "posix"', "six"]
    assert build["extras"] == {"and-cuda": [kept]}


def test_the_newest_interpreter_speaks_and_the_others_are_named_where_they_differ(server: IndexServer, tmp_path: Path) -> None:
    for python in ("39", "310", "311"):
        server.add("tensorflow", name("2.16.1", python, LINUX), build_wheel(["old" if python == "39" else "new"], CUDA))
    build = builds(server, tmp_path)["linux/amd64"]
    assert (build["python"], build["requires"], build["differing"]) == (["3.9", "3.10", "3.11"], ["new"], ["3.9"])


def test_a_free_threaded_wheel_is_for_no_interpreter_that_the_matrix_covers(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", name("2.16.1", "313", LINUX), build_wheel(["six"], CUDA))
    server.add("tensorflow", f"tensorflow-2.16.1-cp313-cp313t-{LINUX}.whl", build_wheel(["another"], CUDA))
    assert builds(server, tmp_path)["linux/amd64"]["python"] == ["3.13"]


def test_releases_below_the_floor_are_not_read(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", name("1.14.0", "37", LINUX), b"not a wheel")
    server.add("tensorflow", name("2.16.1", "311", LINUX), build_wheel([], CPU))
    assert [r["version"] for r in measure(server, tmp_path, floor="1.15")] == ["2.16.1"]


def test_wheels_without_a_digest_are_still_told_apart(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", name("2.15.0", "311", LINUX), build_wheel(["one"], CPU), hashes={})
    server.add("tensorflow", name("2.16.0", "311", LINUX), build_wheel(["two"], CPU), hashes={})
    assert [r["builds"]["linux/amd64"]["requires"] for r in measure(server, tmp_path)] == [["one"], ["two"]]


@pytest.mark.parametrize("source", ["build_info = {'cuda_version': '12'}", "build_info = {'is_cuda_build': 'True'}"])
def test_a_build_that_does_not_say_whether_it_is_cuda_is_refused(server: IndexServer, tmp_path: Path, source: str) -> None:
    server.add("tensorflow", name("2.16.1", "311", LINUX), build_wheel([], source))
    with pytest.raises(MatrixError, match=r"build_info has no is_cuda_build: \['") as caught:
        measure(server, tmp_path)
    assert caught.value.hint == "the wheel layout changed: extend pypi/wheel.py"


def test_a_compute_capability_of_another_shape_is_refused(server: IndexServer, tmp_path: Path) -> None:
    source = "build_info = {'is_cuda_build': True, 'cuda_version': '10.1', 'cuda_compute_capabilities': ['3.5', '7.0']}"
    server.add("tensorflow", name("2.16.1", "311", LINUX), build_wheel([], source))
    with pytest.raises(MatrixError, match="compute"):
        measure(server, tmp_path)


# -- packages of which only names are read --------------------------------------------------------


def test_a_package_row_says_for_which_interpreters_the_index_has_it(server: IndexServer) -> None:
    for version, tag in (
        ("1.0.0", "cp310-cp310-manylinux2014_x86_64"),
        ("1.0.0", "cp39-cp39-manylinux2014_x86_64"),
        ("1.0.0", "cp311-abi3-manylinux2014_aarch64"),
        ("1.1.0", "py2.py3-none-any"),
        ("1.2.0", "cp312-cp312-win_amd64"),
        ("0.9.0", "py3-none-any"),
    ):
        server.add("numpy", f"numpy-{version}-{tag}.whl", uploaded="2024-05-06", requires_python=">=3.9")
    server.add("numpy", "numpy-1.3.0.tar.gz")
    with open_session() as session:
        rows = measure_package(SimpleIndex(session, server.base), "numpy", Version("1.0"))
    cells = {"released": "2024-05-06", "yanked": False, "requires_python": ">=3.9"}
    assert rows == [
        {"version": "1.0.0", **cells, "python": {"linux/amd64": ["3.9", "3.10"], "linux/arm64": ["*"]}},
        {"version": "1.1.0", **cells, "python": {"linux/amd64": ["*"], "linux/arm64": ["*"]}},
    ]
    assert server.asked("/files/") == 0


# -- packages of which the requirements are read as well -------------------------------------------

PURE = "ml_dtypes-0.6.0-py3-none-any.whl"


def metadata(*requires: str) -> bytes:
    lines = ["Metadata-Version: 2.1", "Name: ml-dtypes", "Version: 0.6.0", *(f"Requires-Dist: {line}" for line in requires)]
    return ("\n".join(lines) + "\n\nNumbers.\n").encode()


def measure_requiring(server: IndexServer, cache: Path) -> list[Row]:
    with open_session() as session:
        index = SimpleIndex(session, server.base)
        return measure_requiring_package(index, session, "ml-dtypes", Version("0"), cache)


def requires(server: IndexServer, cache: Path) -> list[str] | None:
    (row,) = measure_requiring(server, cache)
    found: list[str] | None = row.get("requires")
    assert ("requires" in row) == (found is not None)
    return found


@pytest.mark.parametrize("cell", ["core-metadata", "dist-info-metadata"])
def test_requirements_are_read_from_the_metadata_beside_the_wheel(server: IndexServer, tmp_path: Path, cell: str) -> None:
    server.add("ml-dtypes", PURE, b"not a wheel", uploaded="2026-08-13", requires_python=">=3.10")
    path = server.attach("ml-dtypes", metadata("numpy>=2", "Typing_Extensions (>4)"), cell=cell)
    assert measure_requiring(server, tmp_path) == [
        {
            "version": "0.6.0",
            "released": "2026-08-13",
            "yanked": False,
            "requires_python": ">=3.10",
            "python": {"linux/amd64": ["*"], "linux/arm64": ["*"]},
            "requires": ["numpy>=2", "typing-extensions>4"],
        }
    ]
    assert [request for request in server.requests if "/files/" in request] == [path]


@pytest.mark.parametrize("said", [False, "yes", ["ab"]])
def test_requirements_are_read_from_the_wheel_where_the_index_keeps_no_metadata(server: IndexServer, tmp_path: Path, said: object) -> None:
    server.add("ml-dtypes", PURE, build_wheel(["numpy>=2"], name="ml-dtypes", padding=b"x" * 300_000))
    path = server.attach("ml-dtypes", metadata("numpy<1"), said=said)
    assert requires(server, tmp_path) == ["numpy>=2"]
    assert server.asked(path) == 0
    assert server.sent < 200_000


def test_metadata_that_is_promised_and_not_there_is_read_from_the_wheel(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE, build_wheel(["numpy>=2"], name="ml-dtypes"))
    path = server.attach("ml-dtypes", metadata("numpy<1"))
    del server.files[path]
    assert requires(server, tmp_path) == ["numpy>=2"]


def test_a_release_that_requires_nothing_says_so(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata())
    assert requires(server, tmp_path) == []


def test_requirements_of_extras_are_left_out(server: IndexServer, tmp_path: Path) -> None:
    lines = ["numpy>=1.21", "numpy>=2; python_version>='3.13'", "jax", "numpy<2; extra == 'old'", "numpy<3; os_name=='nt' and extra=='old'"]
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata(*lines))
    assert requires(server, tmp_path) == ["jax", "numpy>=1.21", 'numpy>=2; python_version >= "3.13"']


@pytest.mark.parametrize("line", ["numpy numpy", "numpy>=two", "", "numpy>=2; python_version is new", "n\u00famero>=2"])
def test_a_requirement_that_cannot_be_read_leaves_them_unknown(server: IndexServer, tmp_path: Path, line: str) -> None:
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata("typing-extensions", line))
    assert requires(server, tmp_path) is None


def test_a_wheel_with_a_requirement_that_cannot_be_read_leaves_them_unknown(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE, build_wheel(["numpy>=2", "numpy numpy"], name="ml-dtypes"))
    assert requires(server, tmp_path) is None


def test_metadata_that_is_not_utf_8_is_read_where_it_is(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata("numpy>=2").replace(b"Numbers.", b"Z\xe4hlen."))
    assert requires(server, tmp_path) == ["numpy>=2"]


def test_a_requirement_that_is_not_utf_8_leaves_them_unknown(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata("n@mpy>=2").replace(b"@", b"\xfc"))
    assert requires(server, tmp_path) is None


def failure(server: IndexServer, cache: Path) -> CouldNotCheck:
    with pytest.raises(CouldNotCheck) as caught:
        measure_requiring(server, cache)
    assert caught.value.exit_code == 3
    assert not list((cache / "requires").iterdir())
    return caught.value


def test_metadata_of_another_digest_is_refused(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE)
    path = server.attach("ml-dtypes", metadata("numpy>=2"), said={"sha256": "ab" * 32})
    error = failure(server, tmp_path)
    digest = hashlib.sha256(metadata("numpy>=2")).hexdigest()
    assert error.message == f"{server.root}{path} has the sha256 {digest}, and the index says {'ab' * 32}"
    assert error.hint == "ask another index, or the same one later"


@pytest.mark.parametrize("said", [True, {}, {"sha512": "ab"}], ids=["true", "no hashes", "another hash"])
def test_metadata_without_a_digest_is_believed(server: IndexServer, tmp_path: Path, said: object) -> None:
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata("numpy>=2"), said=said)
    assert requires(server, tmp_path) == ["numpy>=2"]


def test_endless_metadata_is_left_at_the_limit(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE)
    path = server.attach("ml-dtypes", b"", said=True)
    server.answer(path, Answer(body=b" " * (1 << 20), repeat=64))
    assert failure(server, tmp_path).message == f"{server.root}{path} is larger than 4 MiB"
    assert server.sent < 32 << 20


@pytest.mark.parametrize("answer", [Answer(status=500), Answer(status=403), Answer(whole=True, cut=9)], ids=["500", "403", "cut"])
def test_metadata_that_does_not_arrive_is_an_error_and_not_unknown(server: IndexServer, tmp_path: Path, answer: Answer) -> None:
    server.add("ml-dtypes", PURE, build_wheel(["numpy>=2"], name="ml-dtypes"))
    path = server.attach("ml-dtypes", metadata("numpy>=2"))
    server.answer(path, answer)
    error = failure(server, tmp_path)
    assert error.message.startswith(f"{server.root}{path} could not be read: ")
    assert error.hint == "run the refresh again: it resumes"


def test_one_wheel_speaks_for_a_release_that_of_the_newest_interpreter_on_amd64(server: IndexServer, tmp_path: Path) -> None:
    tags = [
        "cp39-cp39-manylinux2014_x86_64",
        "cp310-cp310-manylinux2014_x86_64",
        "cp311-cp311-manylinux2014_aarch64",
        "cp312-cp312-win_amd64",
    ]
    for tag in tags:
        server.add("ml-dtypes", f"ml_dtypes-0.6.0-{tag}.whl")
        server.attach("ml-dtypes", metadata(f"numpy>={tag[2:5]}"))
    server.add("ml-dtypes", "ml_dtypes-0.7.0-cp311-cp311-manylinux2014_aarch64.whl")
    server.attach("ml-dtypes", metadata("numpy>=7"))
    assert [row["requires"] for row in measure_requiring(server, tmp_path)] == [["numpy>=310"], ["numpy>=7"]]
    assert server.asked(".metadata") == 2


def test_a_second_run_reads_no_requirements_and_says_the_same(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata("numpy>=2"))
    first = measure_requiring(server, tmp_path)
    assert measure_requiring(server, tmp_path) == first
    assert server.asked("/files/") == 1


def test_a_damaged_note_of_requirements_is_read_anew(server: IndexServer, tmp_path: Path) -> None:
    server.add("ml-dtypes", PURE)
    server.attach("ml-dtypes", metadata("numpy>=2"))
    first = measure_requiring(server, tmp_path)
    (note,) = (tmp_path / "requires").iterdir()
    for damage in ("", "{", "{}", "3", '"numpy"', "[3]", "[null]"):
        note.write_text(damage)
        assert measure_requiring(server, tmp_path) == first


# -- reading each wheel once ----------------------------------------------------------------------


def test_a_second_run_reads_no_wheel_and_says_the_same(server: IndexServer, tmp_path: Path) -> None:
    for version in ("2.15.0", "2.16.1"):
        server.add("tensorflow", name(version, "311", LINUX), build_wheel([f"keras=={version}"], CUDA))
    first = measure(server, tmp_path)
    asked = server.asked("/files/")
    assert asked > 0
    assert measure(server, tmp_path) == first
    assert server.asked("/files/") == asked


def test_an_interrupted_run_resumes_where_it_stopped(server: IndexServer, tmp_path: Path) -> None:
    good, bad = name("2.15.0", "311", LINUX), name("2.16.1", "311", LINUX)
    server.add("tensorflow", good, build_wheel(["six"], CPU))
    server.add("tensorflow", bad, build_wheel(["six"], CPU))
    server.answer(f"/files/{bad}", Answer(status=503))
    with pytest.raises(CouldNotCheck, match=bad):
        measure(server, tmp_path, workers=1)
    server.requests.clear()
    assert [r["version"] for r in measure(server, tmp_path)] == ["2.15.0", "2.16.1"]
    assert (server.asked(good), server.asked(bad) > 0) == (0, True)


def test_a_damaged_note_of_a_wheel_is_read_anew(server: IndexServer, tmp_path: Path) -> None:
    server.add("tensorflow", name("2.16.1", "311", LINUX), build_wheel(["six"], CPU))
    first = measure(server, tmp_path)
    (note,) = (tmp_path / "wheels").iterdir()
    for damage in ("", "{", "[]", "{}", '{"requires": 3}'):
        note.write_text(damage)
        assert measure(server, tmp_path) == first


def test_progress_is_told_once_a_wheel(server: IndexServer, tmp_path: Path) -> None:
    for python in ("39", "310", "311"):
        server.add("tensorflow", name("2.16.1", python, LINUX), build_wheel([], CPU))
    steps: list[int] = []
    with open_session() as session:
        index = SimpleIndex(session, server.base)
        measure_project(index, session, "tensorflow", Version("0"), tmp_path, lambda: steps.append(1))
    assert len(steps) == 3
