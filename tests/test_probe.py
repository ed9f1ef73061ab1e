"""The probe without stand-ins of libraries: every interpreter, files of every kind, children that misbehave."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standins import COMPILES, PROBE, Standins, build_info, run_probe
from tfcompat import probe
from tfcompat.pypi.wheel import parse_build_info

if TYPE_CHECKING:
    from collections.abc import Mapping

INTERPRETERS = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")) or [Path(sys.executable)]
EVERYWHERE = pytest.mark.parametrize("python", INTERPRETERS, ids=lambda path: path.parent.parent.name)
SECTIONS = [
    "schema",
    "schema_version",
    "taken",
    "interpreter",
    "platform",
    "container",
    "environment",
    "driver",
    "asked",
    "distributions",
    "wheel",
    "libraries",
    "tensorflow",
    "seconds",
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on sys.path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(probe, "PATH", [str(folder)])
    importlib.invalidate_caches()
    return folder


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# -- the whole document -----------------------------------------------------------------------------


@EVERYWHERE
@pytest.mark.parametrize("flags", [(), ("-I", "-S"), ("-W", "error", "-bb", "-X", "dev")], ids=["plain", "isolated", "strict"])
def test_every_interpreter_prints_one_document(tmp_path: Path, python: Path, flags: tuple[str, ...]) -> None:
    facts = run_probe([str(python), *flags, "-", "--no-tensorflow"], tmp_path, {"LC_ALL": "C"})
    assert list(facts) == SECTIONS
    assert (facts["schema"], facts["schema_version"]) == ("tfcompat-probe", 1)
    if "versions" in python.parts:
        assert facts["interpreter"]["version"] == python.parent.parent.name
    assert (facts["interpreter"]["isolated"], facts["interpreter"]["site"]) == ("-I" in flags, "-S" not in flags)
    assert facts["tensorflow"] == {"unavailable": "--no-tensorflow was given"}


def test_the_probe_is_written_in_ascii_and_stands_alone() -> None:
    """A container's locale may know nothing else, and its Python has nothing but the standard library."""
    source = PROBE.read_text(encoding="ascii")
    imported = {name.split(".")[0] for name in re.findall(r"^\s*(?:import|from) (\w+)", source, re.M)}
    assert imported - set(sys.stdlib_module_names) == {"tensorflow", "numpy"}


def test_a_folder_whose_name_is_not_utf8_is_told(tmp_path: Path) -> None:
    site = tmp_path / os.fsdecode(b"s\xe9t")
    write(site / "keras-3.6.0.dist-info/METADATA", "Name: keras\nVersion: 3.6.0\n")
    facts = run_probe([sys.executable, "-", "--no-tensorflow"], tmp_path, {"PYTHONPATH": str(site)})
    assert facts["distributions"]["installed"][0]["folder"] == str(tmp_path / "s?t")


def test_the_probe_runs_as_a_file_as_well(tmp_path: Path) -> None:
    assert run_probe([sys.executable, str(PROBE), "--no-tensorflow"], tmp_path)["schema"] == "tfcompat-probe"


def test_no_secret_is_told_and_the_variables_that_matter_are(tmp_path: Path) -> None:
    names = ("AWS_SECRET_ACCESS_KEY", "TF_SECRET", "HF_TOKEN", "CUDA_TOKEN", "NVIDIA_API_KEY", "TF_API_KEY", "PIP_INDEX_URL")
    told = {"CUDA_VISIBLE_DEVICES": "-1", "TF_USE_LEGACY_KERAS": "1", "NVIDIA_REQUIRE_CUDA": "cuda>=12.5 " * 1000}
    facts = run_probe([sys.executable, "-", "--no-tensorflow"], tmp_path, {**dict.fromkeys(names, "hunter2"), **told})
    assert "hunter2" not in json.dumps(facts)
    assert facts["environment"] == {name: value[:4000] for name, value in told.items()}


def test_a_variable_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    facts = run_probe([sys.executable, "-", "--no-tensorflow"], tmp_path, {"XLA_FLAGS": "\udcff"})
    assert facts["environment"] == {"XLA_FLAGS": "?"}


def test_a_working_directory_that_is_gone_costs_what_depends_on_it_alone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = f"cd gone && rmdir ../gone && exec {sys.executable} - --no-tensorflow"
    facts = run_probe(["sh", "-c", script], tmp_path)
    assert facts["platform"]["system"] == "Linux"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--timeout", "x"], "argument --timeout: 'x' is not a number of seconds"),
        (["--timeout", "-1"], "argument --timeout: -1 is not between 0 and 86400 seconds"),
        (["--timeout=nan"], "argument --timeout: nan is not between 0 and 86400 seconds"),
        (["--stress", "1e9"], "argument --stress: 1e9 is not between 0 and 86400 seconds"),
        (["--expect", "tpu"], "argument --expect: invalid choice: 'tpu'"),
        (["--wrong"], "unrecognized arguments: --wrong"),
    ],
)
def test_a_wrong_option_is_refused(options: list[str], message: str) -> None:
    ran = subprocess.run([sys.executable, str(PROBE), *options], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"probe.py: error: {message}" in ran.stderr


# -- installed distributions ------------------------------------------------------------------------


def installed() -> list[dict[str, Any]]:
    return [{name: cell[name] for name in ("name", "entry", "version")} for cell in probe.distributions()["installed"]]


def test_distributions_are_told_by_their_metadata(site: Path) -> None:
    write(
        site / "tensorflow_cpu-2.18.0.dist-info/METADATA",
        "Name: tensorflow_cpu\r\nVersion: 2.18.0\r\nRequires-Dist: numpy (<2.0,>=1.16)\r\n\r\nVersion: 3\r\n",
    )
    write(site / "unknown_name-1.0.dist-info/METADATA", "Name: unknown-name\nVersion: 1.0\n")
    write(
        site / "nvidia_cudnn_cu12-9.3.0.75.dist-info/METADATA",
        "Version: 9.3.0.75\nName: nvidia-cudnn-cu12\nRequires-Dist: nvidia-cublas-cu12\n",
    )
    assert probe.distributions()["installed"] == [
        {
            "name": "nvidia-cudnn-cu12",
            "folder": str(site),
            "entry": "nvidia_cudnn_cu12-9.3.0.75.dist-info",
            "version": "9.3.0.75",
            "requires": [],
            "files": {"unavailable": f"{site}/nvidia_cudnn_cu12-9.3.0.75.dist-info/RECORD: No such file or directory"},
        },
        {
            "name": "tensorflow-cpu",
            "folder": str(site),
            "entry": "tensorflow_cpu-2.18.0.dist-info",
            "version": "2.18.0",
            "requires": ["numpy (<2.0,>=1.16)"],
            "files": {"unavailable": f"{site}/tensorflow_cpu-2.18.0.dist-info/RECORD: No such file or directory"},
        },
    ]


def test_duplicates_and_leftovers_are_told(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    for folder, version in ((site, "2.17.0"), (site, "2.18.0"), (other, "2.16.1")):
        write(folder / f"tensorflow-{version}.dist-info/METADATA", f"Name: tensorflow\nVersion: {version}\n")
    write(site / "~ensorflow-2.15.0.dist-info/METADATA", "Name: tensorflow\nVersion: 2.15.0\n")
    (site / "~ensorflow").mkdir()
    monkeypatch.setattr(probe, "PATH", [str(site), str(other), str(site)])
    assert [cell["version"] for cell in installed()] == ["2.17.0", "2.18.0", "2.16.1"]
    assert probe.distributions()["leftovers"] == [f"{site}/~ensorflow", f"{site}/~ensorflow-2.15.0.dist-info"]


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b"", {"unavailable": r"nothing matches ^Name:[ \t]*(\S+)"}),
        (b"Name: numpy\n", {"unavailable": r"nothing matches ^Version:[ \t]*(\S+)"}),
        (b"Name: numpy\n\nVersion: 1.0\n", {"unavailable": r"nothing matches ^Version:[ \t]*(\S+)"}),
        (b"Name: numpy\nAuthor: M\xfcller\nVersion: 1.26.4\n", "1.26.4"),
        (b"Name: numpy\nVersion: 1.26.4\n" + b"Classifier: x\n" * 200_000, "1.26.4"),
        (b"\xff\xfeN\0a\0", {"unavailable": r"nothing matches ^Name:[ \t]*(\S+)"}),
        (None, {"unavailable": "[Errno 2] No such file or directory: 'SITE/numpy-1.26.4.dist-info/METADATA'"}),
    ],
    ids=["empty", "no version", "version in the description", "latin-1", "huge", "utf-16", "missing"],
)
def test_metadata_of_any_kind_is_a_version_or_a_reason(site: Path, content: bytes | None, version: object) -> None:
    folder = site / "numpy-1.26.4.dist-info"
    folder.mkdir()
    if content is not None:
        write(folder / "METADATA", content)
    found = installed()
    assert json.loads(json.dumps(found).replace(str(site), "SITE")) == [{"name": "numpy", "entry": folder.name, "version": version}]


def test_metadata_of_distutils_is_read_from_a_file_and_from_a_folder(site: Path) -> None:
    write(site / "six-1.16.0.egg-info", "Metadata-Version: 1.0\nName: six\nVersion: 1.16.0\n")
    write(site / "h5py-3.1.0-py3.6.egg-info/PKG-INFO", "Name: h5py\nVersion: 3.1.0\n")
    assert installed() == [
        {"name": "h5py", "entry": "h5py-3.1.0-py3.6.egg-info", "version": "3.1.0"},
        {"name": "six", "entry": "six-1.16.0.egg-info", "version": "1.16.0"},
    ]


def test_files_that_are_gone_or_cut_short_are_told(site: Path) -> None:
    write(site / "tensorflow/__init__.py", "# shorter than recorded: an editor's work, not a lost download\n")
    write(site / "tensorflow/libtensorflow_cc.so.2", bytes(100))
    write(site / "tensorflow/libtensorflow_framework.so.2", bytes(200))
    rows = [
        "tensorflow/__init__.py,sha256=x,9999",
        "tensorflow/libtensorflow_cc.so.2,sha256=x,1000",
        "tensorflow/libtensorflow_framework.so.2,sha256=x,200",
        *(f"tensorflow/gone{index}.py,sha256=x,1" for index in range(7)),
        '"tensorflow/a,b.py",sha256=x,1',
        "tensorflow/include/gone.h,sha256=x,1",
        "../../bin/gone.py,sha256=x,1",
        "/etc/gone.py,sha256=x,1",
        "tensorflow/compiled.py,,",
        "",
        ",",
        "tensorflow-2.18.0.dist-info/RECORD,,",
    ]
    write(site / "tensorflow-2.18.0.dist-info/METADATA", "Name: tensorflow\nVersion: 2.18.0\n")
    write(site / "tensorflow-2.18.0.dist-info/RECORD", "\n".join(rows))
    (found,) = probe.distributions()["installed"]
    assert found["files"] == {
        "count": 11,
        "missing": 8,
        "first_missing": [f"tensorflow/gone{index}.py" for index in range(5)],
        "truncated": [{"path": "tensorflow/libtensorflow_cc.so.2", "recorded": 1000, "actual": 100}],
    }


def test_what_is_no_folder_on_the_path_is_passed_over(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "packages.zip", "w") as archive:
        archive.writestr("keras/__init__.py", "")
        archive.writestr("keras-3.6.0.dist-info/METADATA", "Name: keras\nVersion: 3.6.0\n")
    write(site / "six-1.16.0.egg-info", "Name: six\nVersion: 1.16.0\n")
    monkeypatch.setattr(probe, "PATH", [str(tmp_path / "packages.zip"), str(tmp_path / "gone"), str(site)])
    importlib.invalidate_caches()
    found = probe.distributions()
    assert [cell["name"] for cell in found["installed"]] == ["six"]
    assert found["modules"]["keras"] == f"{tmp_path}/packages.zip/keras/__init__.py"


def test_a_module_is_its_file_nothing_or_a_folder_without_code(site: Path) -> None:
    write(site / "tensorflow/python/lost.py", "")
    write(site / "tf_keras/__init__.py", "raise SystemExit('imported')")
    found = probe.distributions()["modules"]
    assert (found["tensorflow"], found["tf_keras"]) == ("", f"{site}/tf_keras/__init__.py")
    assert probe.field(probe.wheel, found) == {"unavailable": "no tensorflow package with code of its own is on sys.path"}


# -- build_info.py ----------------------------------------------------------------------------------

LEGACY = {"is_cuda_build": True, "cuda_version_number": "10.1", "cudnn_version_number": "7"}
MODERN = {"is_cuda_build": True, "cuda_version": "12.5.1", "cudnn_version": "9", "cuda_compute_capabilities": ["sm_60", "compute_90"]}
LAYOUTS = pytest.mark.parametrize("release", ["2.1.0", "2.3.0", "2.18.0"])


def statement(tmp_path: Path, source: str | bytes) -> Any:
    return probe.field(probe.build_statement, str(write(tmp_path / "build_info.py", source)))


@LAYOUTS
@pytest.mark.parametrize("build", [LEGACY, MODERN, {"is_cuda_build": False, "is_rocm_build": False}], ids=["legacy", "modern", "cpu"])
def test_every_layout_of_build_info_is_read(tmp_path: Path, release: str, build: Mapping[str, Any]) -> None:
    assert statement(tmp_path, build_info(build, release)) == build


def test_an_ordered_mapping_made_of_a_mapping_is_read(tmp_path: Path) -> None:
    assert statement(tmp_path, "build_info = collections.OrderedDict({'is_cuda_build': False})") == {"is_cuda_build": False}


@given(
    st.sampled_from(["2.1.0", "2.3.0", "2.18.0"]),
    st.dictionaries(
        st.from_regex(r"[a-z]{3}[a-z_]{0,12}", fullmatch=True).filter(lambda name: name != "build_info" and name.isidentifier()),
        st.text(max_size=20) | st.booleans() | st.lists(st.text(max_size=5), max_size=4),
        max_size=6,
    ),
)
@settings(max_examples=60, deadline=None)
def test_the_probe_and_the_reader_of_wheels_agree(tmp_path_factory: pytest.TempPathFactory, release: str, build: dict[str, Any]) -> None:
    from keyword import iskeyword

    build = {name: value for name, value in build.items() if not iskeyword(name)} | {"cuda_version": "12.5.1"}
    source = build_info(build, release)
    path = write(tmp_path_factory.getbasetemp() / "agreement.py", source.encode("utf-8"))
    assert probe.build_statement(str(path)) == parse_build_info(source) == build


def test_build_info_is_never_executed(tmp_path: Path) -> None:
    source = f"open({str(tmp_path / 'trap')!r}, 'w')\ncuda_version = '12.5'\nraise SystemExit\n"
    assert statement(tmp_path, source) == {"cuda_version": "12.5"}
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "build_info.py states nothing about CUDA"),
        ("build_info = 3", "build_info.py states nothing about CUDA"),
        ("build_info = {", "SyntaxError"),
        (b"\x7fELF\0\0", ""),
        ("cuda_version = [b'12']\nis_cuda_build = [1e999]\ncuda_version_number = {1: 2}", "build_info.py states nothing about CUDA"),
        ("#" * (2 << 20), "build_info.py states nothing about CUDA"),
        ("x = '" + "y" * (2 << 20) + "'\ncuda_version = '12.5'", "SyntaxError"),
    ],
    ids=["empty", "number", "syntax", "elf", "no JSON", "2 MB of comment", "2 MB of text"],
)
def test_a_damaged_build_info_is_a_reason(tmp_path: Path, source: str | bytes, reason: str) -> None:
    found = statement(tmp_path, source)
    assert list(found) == ["unavailable"]
    assert reason in found["unavailable"]


@EVERYWHERE
@pytest.mark.parametrize(
    "source", ["x = " + "1+" * 200_000 + "1", "x = " + "(" * 50_000, "x = " + "-" * 400_000 + "1"], ids=["sum", "parentheses", "minus"]
)
def test_a_build_info_nested_very_deeply_does_not_crash_the_probe(tmp_path: Path, python: Path, source: str) -> None:
    write(tmp_path / "site/tensorflow/__init__.py", "")
    write(tmp_path / "site/tensorflow/python/platform/build_info.py", source)
    facts = run_probe([str(python), "-", "--no-tensorflow"], tmp_path, {"PYTHONPATH": str(tmp_path / "site")})
    assert list(facts["wheel"]["build"]) == ["unavailable"]


def test_the_code_of_1_15_and_2_0_lies_beside_the_package(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site / "tensorflow/__init__.py", "")
    write(site / "tensorflow_core/python/platform/build_info.py", "is_cuda_build = True\ncuda_version_number = '10'\n")
    facts = run_probe([sys.executable, "-", "--no-tensorflow"], tmp_path, {"PYTHONPATH": str(site)})
    assert facts["wheel"] == {
        "folder": f"{site}/tensorflow_core",
        "build": {"is_cuda_build": True, "cuda_version_number": "10"},
        "search": {"unavailable": f"libtensorflow_framework.so is not in {site}/tensorflow_core"},
    }


@pytest.mark.parametrize(
    ("cuda", "version", "names"),
    [
        ("10", "2.0.4", "cudart.so.10.0 cublas.so.10.0 cufft.so.10.0 curand.so.10.0 cusolver.so.10.0 cusparse.so.10.0"),
        ("10", "2.1.4", "cudart.so.10.1 cublas.so.10 cufft.so.10 curand.so.10 cusolver.so.10 cusparse.so.10"),
        ("10.1", "2.3.4", "cudart.so.10.1 cublas.so.10 cufft.so.10 curand.so.10 cusolver.so.10 cusparse.so.10"),
        ("11.0", "2.4.4", "cudart.so.11.0 cublas.so.11 cublasLt.so.11 cufft.so.10 curand.so.10 cusolver.so.10 cusparse.so.11"),
        ("11.2", "2.13.1", "cudart.so.11.0 cublas.so.11 cublasLt.so.11 cufft.so.10 curand.so.10 cusolver.so.11 cusparse.so.11"),
        ("12.5.1", "2.18.0", "cudart.so.12 cublas.so.12 cublasLt.so.12 cufft.so.11 cusolver.so.11 cusparse.so.12"),
    ],
)
def test_the_libraries_wanted_follow_the_build(cuda: str, version: str, names: str) -> None:
    wanted = probe.wanted_libraries({"is_cuda_build": True, "cuda_version": cuda, "cudnn_version": "8"}, version)
    assert [name for name, needed in wanted if needed] == [f"lib{name}" for name in [*names.split(), "cudnn.so.8"]]


# -- the working directory ---------------------------------------------------------------------------


BESIDE = [
    "timeit.py",
    "colorsys/__init__.py",
    "wave/no.txt",
    "helper.py",
    "os.py",
    "keras.py",
    "google/__init__.py",
    "test/__init__.py",
]


@EVERYWHERE
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import time; time.sleep(60)", ["colorsys/__init__.py", "google/__init__.py", "keras.py", "timeit.py"]),
        ("import os; os.abort()", ["colorsys/__init__.py", "google/__init__.py", "keras.py", "timeit.py"]),
        ("import timeit, helper, os; raise ImportError", ["helper.py", "timeit.py"]),
    ],
    ids=["hangs", "dies", "ends"],
)
def test_what_takes_the_place_of_another_in_the_working_directory_is_told(
    tmp_path: Path, python: Path, source: str, told: list[str]
) -> None:
    """Before the import by name, and after it by what was imported; ``wave`` holds no code."""
    site, here = tmp_path / "site", tmp_path / "here"
    write(site / "tensorflow/__init__.py", source)
    write(site / "keras/__init__.py", "")
    write(site / "google/protobuf/__init__.py", "")
    for name in BESIDE:
        write(here / name, "")
    command = [str(python), "-s", "-", "--expect", "cpu", "--timeout", "0.5" if "sleep" in source else "30"]
    found = run_probe(command, here, {"PYTHONPATH": str(site)})["tensorflow"]
    assert (found["stage"], found["from_working_directory"]) == ("import", [str(here / name) for name in told])


def test_a_file_that_is_the_only_one_of_its_name_takes_no_place(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(site / "keras/__init__.py", "")
    for name in ("keras.py", "tf_keras.py"):
        write(tmp_path / "here" / name, "")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(probe, "PATH", ["", str(site)])
    assert probe.shadows({"keras", "tf_keras"}) == [f"{tmp_path}/here/keras.py"]


def test_a_working_directory_that_is_not_on_the_path_counts_for_nothing(tmp_path: Path) -> None:
    write(tmp_path / "site/tensorflow/__init__.py", "import os; os.abort()")
    write(tmp_path / "here/timeit.py", "")
    command = [sys.executable, str(PROBE), "--expect", "cpu"]
    found = run_probe(command, tmp_path / "here", {"PYTHONPATH": str(tmp_path / "site")})
    assert found["tensorflow"]["from_working_directory"] == []


# -- ELF --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a 64-bit ELF file"),
        (b"#!/bin/sh\necho " + b"x" * 100, "is not a 64-bit ELF file"),
        (b"\x7fELF\x02\x01", "is not a 64-bit ELF file"),
        (b"\x7fELF\x01\x01" + bytes(100), "is not a 64-bit ELF file"),
        (b"\x7fELF\x02\x02" + bytes(100), "is not a 64-bit ELF file"),
        (b"\x7fELF\x02\x01" + bytes(100), "has no dynamic section"),
        (b"\x7fELF\x02\x01" + b"\xff" * 100, "is damaged"),
    ],
    ids=["empty", "text", "short", "32-bit", "big-endian", "no segments", "ones"],
)
def test_what_is_no_library_is_a_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = write(tmp_path / "libtensorflow_framework.so.2", content)
    assert probe.field(probe.search_path, str(tmp_path)) == {"unavailable": f"{path} {reason}"}


def test_a_package_without_its_library_is_a_reason(tmp_path: Path) -> None:
    assert probe.field(probe.search_path, str(tmp_path)) == {"unavailable": f"libtensorflow_framework.so is not in {tmp_path}"}


@COMPILES
@pytest.mark.parametrize("kind", ["RUNPATH", "RPATH", "none"])
def test_the_search_path_is_read_with_its_origin(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "with [brackets]"
    search = ["$ORIGIN/../nvidia/cudnn/lib", "${ORIGIN}", "/opt/cuda"] if kind != "none" else []
    package = Standins(folder).tensorflow(search=search, rpath=kind == "RPATH") / "tensorflow"
    assert probe.search_path(str(package)) == {
        "of": f"{package}/libtensorflow_framework.so.2",
        "kind": kind,
        "folders": [f"{folder}/site/nvidia/cudnn/lib", str(package), "/opt/cuda"] if search else [],
    }


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    site = Standins(tmp_path_factory.mktemp("elf")).tensorflow(search=["$ORIGIN/../nvidia/cudnn/lib"])
    return (site / "tensorflow/libtensorflow_framework.so.2").read_bytes()


@COMPILES
@pytest.mark.parametrize("size", [63, 64, 100, 600, 4000, 8000, 12000])
def test_a_library_cut_short_is_a_reason_or_its_path(tmp_path: Path, library: bytes, size: int) -> None:
    path = write(tmp_path / "cut.so", library[:size])
    with suppress(probe.Unavailable):
        assert probe.elf_search_path(str(path)) in (("RUNPATH", "$ORIGIN/../nvidia/cudnn/lib"), ("none", ""))


def read_elf(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "elf"
    write(folder / "libtensorflow_framework.so", content)
    with suppress(probe.Unavailable, OSError):
        found = probe.search_path(str(folder))
        assert found["kind"] in ("RUNPATH", "RPATH", "none")


@given(st.binary(max_size=400), st.booleans())
@settings(deadline=None)
def test_random_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, noise: bytes, header: bool) -> None:
    read_elf(tmp_path_factory, (b"\x7fELF\x02\x01" if header else b"") + noise)


@COMPILES
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6), st.integers(0, 1 << 16))
@settings(deadline=None)
def test_any_damage_to_a_library_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, library: bytes, changes: list[tuple[int, bytes]], cut: int
) -> None:
    content = bytearray(library)
    for place, noise in changes:
        start = place % (1024 if place % 2 else len(library))  # the headers more often than the rest
        content[start : start + len(noise)] = noise
    read_elf(tmp_path_factory, bytes(content[: cut if cut % 3 == 0 else None]))


# -- children ---------------------------------------------------------------------------------------

CHILD = """
import json, os, signal, sys, time
sys.path.insert(0, {folder!r})
import probe
def work(say):
{work}
child = probe.run_apart(work, {seconds})
print(json.dumps({{"said": child.said, "log": child.log.lines(), "ended": child.ended, "seconds": child.seconds,
                  "peak": int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])}}))
"""


def child(work: str, seconds: float = 20) -> dict[str, Any]:
    """What became of *work* in a child of a process of its own, as pytest must not be forked."""
    source = CHILD.format(folder=str(PROBE.parent), work="\n".join("    " + line for line in work.splitlines()), seconds=seconds)
    ran = subprocess.run([sys.executable, "-I", "-B", "-c", source], capture_output=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, b"")
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def test_a_child_says_its_facts_and_its_output_is_the_log() -> None:
    found = child("say('a', 1)\nprint('out')\nos.write(2, b'\\xff\\xfe\\0 err\\n')\nsay('b', ['\\udcff'])")
    assert (found["said"], found["ended"]) == ({"a": 1, "b": ["\udcff"], "finished": True}, {"how": "done"})
    assert sorted(found["log"]) == ["out", "\ufffd\ufffd\0 err"]


@pytest.mark.parametrize(
    ("work", "ended"),
    [
        ("os._exit(7)", {"how": "exited", "code": 7}),
        ("os.kill(os.getpid(), signal.SIGILL)", {"how": "signal", "signal": "SIGILL"}),
        ("os.kill(os.getpid(), signal.SIGKILL)", {"how": "signal", "signal": "SIGKILL"}),
        ("os.abort()", {"how": "signal", "signal": "SIGABRT"}),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", {"how": "signal", "signal": "signal 37"}),
        ("import ctypes\nctypes.string_at(1)", {"how": "signal", "signal": "SIGSEGV"}),
        ("sys.exit(3)", {"how": "done"}),
        ("sys.stdout = None", {"how": "done"}),
        ("sys.stdout.close()", {"how": "done"}),
        ("os.close(1)\nos.close(2)\nprint('lost')", {"how": "done"}),
    ],
    ids=["exit", "SIGILL", "SIGKILL", "abort", "realtime", "segfault", "SystemExit", "no stdout", "closed stdout", "closed descriptors"],
)
def test_how_a_child_ends_is_told_and_what_it_said_before_is_kept(work: str, ended: dict[str, Any]) -> None:
    found = child("say('stage', 'first')\n" + work)
    assert (found["said"]["stage"], found["ended"]) == ("first", ended)


def test_a_signal_leaves_the_python_stack_in_the_log() -> None:
    assert "Fatal Python error: Segmentation fault" in child("import ctypes\nctypes.string_at(1)")["log"]


def test_an_exception_is_told_with_its_traceback_in_the_log() -> None:
    found = child("raise ValueError('  broken  ')")
    assert found["said"] == {"error": {"type": "ValueError", "message": "broken"}}
    assert found["log"][-1] == "ValueError:   broken  "


@pytest.mark.parametrize(
    "work", ["time.sleep(60)", "while True: pass", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: os.write(2, b'x' * 4096)"]
)
def test_a_child_that_hangs_is_ended_in_time(work: str) -> None:
    found = child("say('stage', 'first')\n" + work, seconds=0.3)
    assert (found["said"], found["ended"]) == ({"stage": "first"}, {"how": "hung", "limit": 0.3})
    assert 0.3 <= found["seconds"] < 5


def test_a_flood_is_cut_in_the_middle_and_held_in_little_memory() -> None:
    work = "os.write(2, b'first\\n')\nfor _ in range(1600): os.write(2, b'x' * 65535 + b'\\n')\nos.write(2, b'last\\n')"
    found = child(work)
    assert (found["ended"], found["log"][0], found["log"][-1]) == ({"how": "done"}, "first", "last")
    (cut,) = [line for line in found["log"] if "left out" in line]
    assert cut == f"[{6 + 1600 * 65536 + 5 - 2 * probe.LOG_LIMIT} bytes left out]"
    assert found["peak"] < 64 << 10  # kB


def test_facts_without_end_are_held_in_little_memory() -> None:
    found = child("for n in range(2000): say('fact {}'.format(n), 'x' * 65000)")
    assert found["said"]["fact 0"] == "x" * 65000
    assert sum(len(value) for name, value in found["said"].items() if name != "finished") < probe.SAID_LIMIT + (1 << 17)
    assert found["peak"] < 96 << 10


@pytest.mark.parametrize("chatter", ["", "os.write(2, b'chatter\\n')"], ids=["silent", "chattering"])
def test_a_grandchild_that_keeps_the_pipes_does_not_hold_up_the_probe(chatter: str) -> None:
    found = child(f"say('stage', 'first')\nif os.fork() == 0:\n    while True:\n        time.sleep(0.001)\n        {chatter}")
    assert (found["said"], found["ended"]) == ({"stage": "first", "finished": True}, {"how": "done"})
    assert found["seconds"] < 5


def test_what_the_work_leaves_running_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    child(f"pid = os.fork()\nif pid == 0:\n    time.sleep(60)\nopen({str(path)!r}, 'w').write(str(pid))")
    status = Path(f"/proc/{path.read_text()}/status")
    assert not status.exists() or "\nState:\tZ" in status.read_text()


# -- the machine ------------------------------------------------------------------------------------


@pytest.fixture
def standins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standins:
    for name in ("KUBERNETES_SERVICE_HOST", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER", "container"):
        monkeypatch.delenv(name, raising=False)
    return Standins(tmp_path)


def test_a_machine_is_read_below_its_root(standins: Standins) -> None:
    standins.machine(
        nodes=["nvidia0", "nvidiactl", "nvidia-uvm"],
        module="580.65.06",
        open_module=True,
        pci=[("10de", "030200", "2330"), ("10de", "040300", "22e8"), ("1a03", "030000", "2000")],
        memory_limit=8 << 30,
    )
    facts = standins.probe("--no-tensorflow", "--expect", "cpu")
    assert facts["platform"]["os"] == {"PRETTY_NAME": "Ubuntu 22.04.5 LTS", "ID": "ubuntu", "VERSION_ID": "22.04"}
    assert (facts["driver"]["module"], facts["driver"]["proc"]) == ("580.65.06", "580.65.06")
    assert facts["driver"]["nodes"] == {"/dev/nvidia0": True, "/dev/nvidiactl": True, "/dev/nvidia-uvm": True}
    assert facts["driver"]["pci"] == ["10de:2330"]
    assert facts["container"]["memory"] == {"total": 16384000 << 10, "available": 8192000 << 10}
    assert facts["container"]["memory_limit"] == 8 << 30


def test_an_empty_root_gives_reasons(standins: Standins) -> None:
    empty = standins.folder / "nothing"
    empty.mkdir()
    facts = standins.probe("--no-tensorflow", "--root", str(empty))
    assert facts["platform"]["cpu"] == {"unavailable": f"{empty}/proc/cpuinfo: No such file or directory"}
    assert facts["platform"]["os"] == {"unavailable": f"{empty}/etc/os-release: No such file or directory"}
    assert facts["container"]["cgroup"] == {"unavailable": "/sys/fs/cgroup is not there"}
    assert facts["container"]["shared_memory"] == {"unavailable": f"{empty}/dev/shm: No such file or directory"}
    assert facts["driver"]["module"] == {"unavailable": f"{empty}/sys/module/nvidia/version: No such file or directory"}
    assert (facts["driver"]["nodes"], facts["driver"]["pci"]) == ({}, [])


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="AVX is of x86-64")
@pytest.mark.parametrize("avx", [True, False])
def test_avx_is_told(standins: Standins, avx: bool) -> None:
    found = probe.Machine(str(standins.machine(avx=avx))).cpu()
    assert found == {"model": "Stand-in CPU", "count": os.cpu_count(), "avx": avx, "avx2": avx, "fma": avx}


@pytest.mark.parametrize(
    ("cgroup", "asked", "limit"),
    [(2, None, None), (2, 4 << 30, 4 << 30), (1, None, None), (1, 4 << 30, 4 << 30)],
    ids=["v2 max", "v2", "v1 max", "v1"],
)
def test_the_limit_of_the_memory_is_told(standins: Standins, cgroup: int, asked: int | None, limit: int | None) -> None:
    machine = probe.Machine(str(standins.machine(cgroup=cgroup, memory_limit=asked)))
    assert (machine.cgroup_version(), machine.memory_limit(), machine.out_of_memory_kills()) == (cgroup, limit, 0)


@pytest.mark.parametrize(
    ("files", "variables", "kind"),
    [
        ({}, {}, None),
        ({".dockerenv": ""}, {}, "docker"),
        ({"proc/1/cgroup": "12:memory:/docker/0123abcd\n"}, {}, "docker"),
        ({"run/.containerenv": ""}, {"container": "podman"}, "podman"),
        ({"proc/1/cgroup": "1:name=systemd:/kubepods/burstable/pod1\n", ".dockerenv": ""}, {}, "kubernetes"),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({}, {"APPTAINER_CONTAINER": "/x.sif"}, "apptainer"),
        ({"proc/1/cgroup": "1:name=systemd:/lxc/box\n"}, {}, "lxc"),
        ({"proc/1/cgroup": "0::/system.slice/containerd.service\n"}, {}, "containerd"),
        ({}, {"container": "systemd-nspawn"}, "systemd-nspawn"),
    ],
)
def test_the_kind_of_container_is_told(
    standins: Standins, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], variables: dict[str, str], kind: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert probe.Machine(str(standins.machine(files=files))).container_kind() == kind


@pytest.mark.parametrize("kind", ["NVIDIA UNIX x86_64 Kernel Module", "NVIDIA UNIX Open Kernel Module for x86_64"])
def test_both_kinds_of_kernel_module_state_their_version(standins: Standins, kind: str) -> None:
    machine = probe.Machine(str(standins.machine(module="535.183.01", open_module="Open" in kind)))
    assert kind in machine.read("/proc/driver/nvidia/version")
    assert (machine.module_version(), machine.proc_version()) == ("535.183.01", "535.183.01")


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("proc/cpuinfo", "", "/proc/cpuinfo names no flags"),
        ("etc/os-release", "nothing\n", "/etc/os-release names no system"),
        ("proc/meminfo", "MemTotal: 1 kB\n", "KeyError: 'MemAvailable'"),
        ("sys/fs/cgroup/memory.max", "many\n", "ValueError: invalid literal for int() with base 10: 'many'"),
        ("sys/module/nvidia/version", "\n", r"nothing matches ^(\d+(?:\.\d+)+)"),
    ],
)
def test_a_file_that_says_nothing_is_a_reason(standins: Standins, path: str, content: str, reason: str) -> None:
    machine = probe.Machine(str(standins.machine(files={path: content})))
    read = {"cpuinfo": machine.cpu, "os-release": machine.distribution, "meminfo": machine.memory, "memory.max": machine.memory_limit}
    assert probe.field(read.get(path.rpartition("/")[2], machine.module_version)) == {"unavailable": reason}


def unprivileged() -> tuple[str, ...]:
    """What runs a command so that the modes of files bind it; root gives up its right to read all."""
    return () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--")


def can_drop() -> bool:
    if os.geteuid():
        return True
    return (
        shutil.which("setpriv") is not None and subprocess.run([*unprivileged(), "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not can_drop(), reason="root reads every file, and setpriv cannot change that here")
def test_what_this_user_may_not_read_is_a_reason(standins: Standins) -> None:
    root = standins.machine(nodes=["nvidiactl"], closed_nodes=["nvidia0"], module="580.65.06")
    closed = ("proc/cpuinfo", "proc/driver/nvidia/version", "sys/fs/cgroup/memory.max")
    for path in closed:
        (root / path).chmod(0)
    write(standins.site / "keras-3.6.0.dist-info/METADATA", "Name: keras\nVersion: 3.6.0\n").chmod(0)
    try:
        facts = standins.probe("--no-tensorflow", command=unprivileged())
    finally:
        for path in (*closed, "dev/nvidia0"):
            (root / path).chmod(0o600)
    assert facts["platform"]["cpu"] == {"unavailable": f"{root}/proc/cpuinfo: Permission denied"}
    assert facts["driver"]["proc"] == {"unavailable": f"{root}/proc/driver/nvidia/version: Permission denied"}
    assert facts["container"]["memory_limit"] == {"unavailable": f"{root}/sys/fs/cgroup/memory.max: Permission denied"}
    assert facts["driver"]["nodes"] == {"/dev/nvidia0": False, "/dev/nvidiactl": True}
    keras = next(cell for cell in facts["distributions"]["installed"] if cell["folder"] == str(standins.site))
    assert keras["version"] == {"unavailable": f"[Errno 13] Permission denied: '{standins.site}/keras-3.6.0.dist-info/METADATA'"}
