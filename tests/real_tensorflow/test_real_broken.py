"""Environments broken on purpose, for real: what fails, what the check says of it, and that its remedy helps."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from environments import Checked, Environment, Environments, judge

Copy = Callable[[str], Environment]
AFTER = ["skipped", "skipped", "skipped", "broken", "skipped", "skipped"]  # TensorFlow is not imported
KERAS = ["skipped", "skipped", "skipped", "ok", "broken", "broken"]
IN_ITS_PLACE = "in the working directory takes the place of a module of the same name"
RENAME = "rename it, or start Python from another folder"


def assert_not_imported(checked: Checked, *rules: str) -> None:
    """The import fails, and these findings say why, in this order."""
    assert (checked.code, checked.errors, checked.document["verdict"], checked.broken) == (1, "", "broken", "tensorflow")
    assert checked.statuses == AFTER
    assert checked.findings("error") == list(rules)


def pip(environment: Environment, verb: str = "install") -> str:
    """The environments are made by uv, without a pip."""
    return f"uv pip {verb} --python {environment.executable}"


def assert_works(environment: Environment, within: Path) -> None:
    checked = environment.check(within=within)
    assert (checked.code, checked.document["verdict"]) == (0, "ok"), checked.document["summary"]


# -- packages that do not go together -------------------------------------------------------------


def test_numpy_2(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.10")
    environment.install("numpy==2.2.6")
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "import-failed", "numpy-abi")
    link = checked.link("tensorflow")
    assert link["because"].startswith(
        "importing TensorFlow fails: TypeError: Unable to convert function return value to a Python type! The signature was; "
        "numpy 2.2.6 cannot stand beside tensorflow-cpu 2.10.1, whose wheel is built against NumPy 1"
    )
    assert link["fix"] == f"{pip(environment)} 'numpy<2'"
    assert "numpy2-abi" in checked.signatures
    environment.install("numpy<2")
    assert_works(environment, tmp_path)


@pytest.mark.parametrize("name", ["2.5", "2.10"])
def test_a_protobuf_that_is_too_new(copy: Copy, name: str, tmp_path: Path) -> None:
    environment = copy(name)
    environment.install("protobuf==4.25.3")
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "import-failed", "package-range")
    link = checked.link("tensorflow")
    said, _, explained = link["because"].partition("; ")
    assert said == "importing TensorFlow fails: TypeError: Descriptors cannot be created directly."
    assert "protobuf 4.25.3" in explained  # 2.5 has a learned cap, 2.10 names a range
    assert re.search(r"protobuf<3\.2\d", explained)
    assert re.fullmatch(re.escape(pip(environment)) + r" 'protobuf<3\.2[01](,>=3\.9\.2)?'", link["fix"])
    assert "protobuf-descriptors" in checked.signatures
    environment.install("protobuf==3.19.6")
    assert_works(environment, tmp_path)


def test_keras_3_without_its_packages_beside_2_15(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    environment.install("keras==3.5.0")
    checked = environment.check(within=tmp_path)
    assert (checked.code, checked.broken, checked.statuses) == (1, "keras", KERAS)
    assert checked.findings("error")[:2] == ["keras-missing", "keras-range"]
    link = checked.link("keras")
    assert link["because"].startswith("tf.keras cannot be imported: ImportError: Keras cannot be imported.")
    assert "tensorflow-cpu 2.15.1 asks for keras<2.16,>=2.15.0, which keras 3.5.0 is not" in link["because"]
    assert link["fix"] == f"{pip(environment)} 'keras<2.16,>=2.15.0'"
    environment.install("keras<2.16,>=2.15.0")
    assert_works(environment, tmp_path)


def test_keras_3_beside_2_15_runs_outside_of_the_range(copy: Copy, tmp_path: Path) -> None:
    """2.15 knows Keras 3, so that tf.keras is that, and every step passes: a warning remains."""
    environment = copy("2.15")
    environment.install("keras==3.5.0", "namex", "optree", "rich")
    checked = environment.check(within=tmp_path)
    assert (checked.code, checked.document["verdict"]) == (0, "ok")
    assert checked.link("keras")["facts"] == {"Keras": "3.5.0"}
    assert checked.findings("warning") == ["keras-range"]
    assert checked.finding("keras-range")["message"] == (
        "tensorflow-cpu 2.15.1 asks for keras<2.16,>=2.15.0, which keras 3.5.0 is not; it works here all the same"
    )


def test_tf_keras_beside_2_21(copy: Copy, tmp_path: Path) -> None:
    environment = copy("newest")
    environment.install("tf-keras==2.21.*")
    checked = environment.check(within=tmp_path)
    assert (checked.code, list(checked.link("keras")["facts"])) == (0, ["Keras"])
    assert checked.findings("warning") == ["keras-legacy"]
    assert "requires the distribution tensorflow" in checked.finding("keras-legacy")["message"]
    rename(environment, "tensorflow_cpu", "tensorflow")
    checked = environment.check(within=tmp_path)
    assert (checked.code, list(checked.link("keras")["facts"])) == (0, ["Keras"])
    assert "tf.keras stays Keras 3 without TF_USE_LEGACY_KERAS=1" in checked.finding("keras-legacy")["message"]
    assert checked.finding("keras-legacy")["fix"].startswith("set TF_USE_LEGACY_KERAS=1 ")
    checked = environment.check(within=tmp_path, variables={"TF_USE_LEGACY_KERAS": "1"})
    assert (checked.code, list(checked.link("keras")["facts"]), checked.document["findings"]) == (0, ["tf-keras"], [])


def rename(environment: Environment, old: str, new: str) -> None:
    """The metadata of the distribution *old* under the name *new*."""
    (folder,) = environment.site.glob(f"{old}-*.dist-info")
    other = folder.with_name(folder.name.replace(old, new))
    shutil.copytree(folder, other)
    shutil.rmtree(folder)
    text = (other / "METADATA").read_text(encoding="utf-8")
    lines = [f"Name: {new}" if line.startswith("Name: ") else line for line in text.splitlines()]
    (other / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_keras_2_is_asked_for_and_not_there(environments: Environments, tmp_path: Path) -> None:
    environment = environments.get("newest")
    checked = environment.check(within=tmp_path, variables={"TF_USE_LEGACY_KERAS": "1"})
    assert (checked.code, checked.broken, checked.statuses) == (1, "keras", KERAS)
    link = checked.link("keras")
    assert link["because"].startswith("tf.keras cannot be imported: ImportError: Keras cannot be imported.")
    assert link["fix"] == f"{pip(environment)} 'tf-keras~=2.21.0'"
    assert "tf-use-legacy-keras-without-package" in checked.signatures


def test_two_tensorflows(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    (folder,) = environment.site.glob("tensorflow_cpu-*.dist-info")
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    rename(environment, "tensorflow_cpu", "tensorflow")
    kept.rename(folder)
    checked = environment.check(within=tmp_path)
    assert (checked.code, checked.findings("warning")) == (0, ["two-tensorflows"])
    finding = checked.finding("two-tensorflows")
    assert finding["message"] == "tensorflow, tensorflow-cpu are installed over each other, in the same folder"
    uninstall = pip(environment, "uninstall")
    assert finding["fix"] == f"keep one of them: {uninstall} -y tensorflow tensorflow-cpu, then install that again"
    environment.uninstall("tensorflow-cpu")  # what most people do, and it takes the shared files with it
    checked = environment.check(within=tmp_path)
    assert (checked.code, checked.broken) == (1, "tensorflow")
    assert (
        "files of tensorflow are gone" in checked.link("tensorflow")["because"] or "not installed" in checked.link("tensorflow")["because"]
    )


# -- files ----------------------------------------------------------------------------------------


def test_not_installed(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.10")
    environment.uninstall("tensorflow-cpu")
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "tensorflow-missing")
    assert checked.link("tensorflow")["because"] == f"TensorFlow is not installed for {environment.executable}"
    assert checked.link("tensorflow")["fix"] == f"run it with the interpreter that has TensorFlow, or {pip(environment)} tensorflow"
    gpu = judge(environment.probe("--expect", "gpu", within=tmp_path), "--expect", "gpu")
    assert gpu.code == 1
    assert gpu.link("runtime")["because"] == "without TensorFlow it is not known which CUDA is wanted"


def test_without_its_first_file(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    (environment.site / "tensorflow/__init__.py").unlink()
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "tensorflow-half-removed", "files-missing")
    link = checked.link("tensorflow")
    assert link["because"].startswith(
        "the tensorflow folder is there without its code: it was removed or overwritten half-way; 1 of 1917 files of tensorflow-cpu are gone"
    )
    folder = environment.site / "tensorflow"
    uninstall = pip(environment, "uninstall")
    assert link["fix"] == f"{uninstall} -y tensorflow-cpu; rm -r {folder}; {pip(environment)} tensorflow-cpu==2.15.1"
    environment.uninstall("tensorflow-cpu")
    shutil.rmtree(folder, ignore_errors=True)
    environment.install("tensorflow-cpu==2.15.1")
    assert_works(environment, tmp_path)


def test_without_most_of_its_files(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    shutil.rmtree(environment.site / "tensorflow/python")
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "import-failed", "files-missing")
    assert checked.link("tensorflow")["because"] == (
        "importing TensorFlow fails: ModuleNotFoundError: No module named 'tensorflow.python'; "
        "1282 of 1917 files of tensorflow-cpu are gone, such as tensorflow/python/__init__.py"
    )
    assert checked.link("tensorflow")["fix"] == f"{pip(environment)} --force-reinstall --no-deps tensorflow-cpu==2.15.1"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("2.10", "tensorflow/python/_pywrap_tensorflow_internal.so"),
        ("2.10", "tensorflow/libtensorflow_framework.so.2"),
        ("2.15", "tensorflow/libtensorflow_cc.so.2"),
        ("newest", "tensorflow/libtensorflow_framework.so.2"),
    ],
)
def test_half_a_library(copy: Copy, name: str, path: str, tmp_path: Path) -> None:
    """The loader maps what should be there, and what is touched beyond the end kills the process."""
    environment = copy(name)
    size = (environment.site / path).stat().st_size
    environment.truncate(path, size // 2)
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "died", "file-truncated")
    link = checked.link("tensorflow")
    said, _, explained = link["because"].partition("; ")
    assert said.startswith("TensorFlow was ended by SIGBUS during ")
    assert explained == f"{path} of tensorflow-cpu has {size // 2} bytes and should have {size}"
    assert link["fix"] == f"{pip(environment)} --force-reinstall --no-deps tensorflow-cpu=={environment.tensorflow}"
    text = judge(json.dumps(checked.document["facts"]), "--expect", "cpu", form="text").output
    assert "Fatal Python error: Bus error" in text
    assert "tensorflow/python/" in text.partition("Fatal Python error")[2]  # where it was, not the outer frames


def test_an_empty_library(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    path = "tensorflow/libtensorflow_framework.so.2"
    size = environment.truncate(path, 0)
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "import-failed", "file-truncated")
    link = checked.link("tensorflow")
    assert "libtensorflow_framework.so.2: file too short; " in link["because"]
    assert link["because"].endswith(f"{path} of tensorflow-cpu has 0 bytes and should have {size}")
    assert link["fix"] == f"{pip(environment)} --force-reinstall --no-deps tensorflow-cpu==2.15.1"


# -- a file in the working directory --------------------------------------------------------------


@pytest.mark.parametrize("name", ["newest", "2.15"])
def test_keras_py_in_the_working_directory(environments: Environments, name: str, tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("", encoding="utf-8")
    checked = environments.get(name).check(within=tmp_path)
    assert (checked.code, checked.broken, checked.statuses) == (1, "keras", KERAS)
    link = checked.link("keras")
    assert link["because"].startswith(f"{tmp_path}/keras.py {IN_ITS_PLACE}; tf.keras cannot be imported: ")
    assert link["fix"] == RENAME


def test_timeit_py_in_the_working_directory(environments: Environments, tmp_path: Path) -> None:
    """TensorFlow imports it and does not need it today."""
    (tmp_path / "timeit.py").write_text("print('not that of the standard library')\n", encoding="utf-8")
    checked = environments.get("2.15").check(within=tmp_path)
    assert (checked.code, checked.findings("warning")) == (0, ["shadowed"])
    assert checked.finding("shadowed")["message"] == f"{tmp_path}/timeit.py {IN_ITS_PLACE}"


@pytest.mark.parametrize(
    ("module", "failure"),
    [
        ("random", "ImportError: cannot import name 'Random' from 'random'"),
        ("tensorflow", "AttributeError: module 'tensorflow' has no attribute '__version__'"),
    ],
)
def test_a_file_that_breaks_the_import(environments: Environments, module: str, failure: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text("x = 1\n", encoding="utf-8")
    checked = environments.get("2.15").check(within=tmp_path)
    assert_not_imported(checked, "import-failed", "shadowed")
    link = checked.link("tensorflow")
    assert link["because"].startswith(f"importing TensorFlow fails: {failure}")
    assert link["because"].endswith(f"; {tmp_path}/{module}.py {IN_ITS_PLACE}")
    assert link["fix"] == RENAME


# -- how a process ends ---------------------------------------------------------------------------


def test_no_time_to_import(environments: Environments, tmp_path: Path) -> None:
    checked = environments.get("2.15").check("--timeout", "0.3", within=tmp_path)
    assert_not_imported(checked, "hung")
    because = checked.link("tensorflow")["because"]
    assert re.fullmatch(r"TensorFlow was still busy (during import|at its start) after 0\.3 seconds", because), because
    assert "--timeout" in checked.link("tensorflow")["fix"]


def test_a_hang(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    environment.interrupt_import("time.sleep(600)")
    checked = environment.check("--timeout", "3", within=tmp_path)
    assert_not_imported(checked, "hung")
    assert checked.link("tensorflow")["because"] == "TensorFlow was still busy during import after 3 seconds"
    text = judge(json.dumps(checked.document["facts"]), "--expect", "cpu", form="text").output
    assert f'File "{environment.site}/interruption.py", line 8 in find_spec' in text  # where it hangs


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_signal(copy: Copy, name: str, tmp_path: Path) -> None:
    environment = copy("2.15")
    environment.interrupt_import(f"os.kill(os.getpid(), signal.{name})")
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "died")
    assert checked.link("tensorflow")["because"] == f"TensorFlow was ended by {name} during import"


def test_a_silent_exit(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    environment.interrupt_import("os._exit(0)")
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "died")
    assert checked.link("tensorflow")["because"] == "TensorFlow exited with 0 during import"


def test_no_avx(copy: Copy, tmp_path: Path) -> None:
    environment = copy("2.15")
    environment.interrupt_import("os.kill(os.getpid(), signal.SIGILL)")
    (tmp_path / "root/proc").mkdir(parents=True)
    (tmp_path / "root/proc/cpuinfo").write_text(
        "processor\t: 0\nmodel name\t: QEMU Virtual CPU version 2.5+\nflags\t\t: fpu sse sse2 ssse3 sse4_1\n", encoding="utf-8"
    )
    checked = environment.check("--root", str(tmp_path / "root"), within=tmp_path)
    assert_not_imported(checked, "no-avx")
    link = checked.link("tensorflow")
    assert link["because"] == "this CPU (QEMU Virtual CPU version 2.5+) has no AVX, which the TensorFlow wheels are compiled for"
    assert "-cpu host" in link["fix"]
    assert checked.document["findings"][1:] == []  # the line "Illegal instruction" of the log has nothing to add


def test_another_illegal_instruction(copy: Copy, tmp_path: Path) -> None:
    if " avx " not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        pytest.skip("this CPU has no AVX")
    environment = copy("2.15")
    environment.interrupt_import("os.kill(os.getpid(), signal.SIGILL)")
    checked = environment.check(within=tmp_path)
    assert_not_imported(checked, "illegal-instruction")
    assert "AVX" not in json.dumps(checked.document["findings"])


@pytest.mark.parametrize("megabytes", [300, 600])
def test_no_memory(environments: Environments, megabytes: int, tmp_path: Path) -> None:
    """Under a limit on the address space the loader or Python itself is refused, and nobody is killed."""
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is not installed")
    checked = environments.get("2.15").check(within=tmp_path, before=["prlimit", f"--as={megabytes << 20}"])
    assert_not_imported(checked, "memory-refused")
    assert checked.link("tensorflow")["because"].startswith(
        "importing TensorFlow fails, because the system gives this process no more memory: "
    )
    assert "docker run --memory" in checked.link("tensorflow")["fix"]
