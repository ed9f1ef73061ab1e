"""The session that runs the pins: what it covers, and what it says of sets that do not work. Real uv, made-up wheels."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest
from packaging.version import Version

from folder_index import FolderIndex
from tfcompat.errors import MatrixError
from tfcompat.matrix import load_bundled
from tfcompat.matrix.compile import compile_matrix

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "verify.py"
MATRIX = load_bundled()
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TARGETS = load_tool().find_targets(MATRIX)


# -- what is covered ------------------------------------------------------------------------------


def wheels(distribution: str) -> dict[tuple[int, int], tuple[str, list[str]]]:
    """By minor: the last patch on the index that was not yanked, and the interpreters of its Linux wheels."""
    rows = json.loads((ROOT / f"data/measured/wheels/{distribution}.json").read_text(encoding="utf-8"))
    found: dict[tuple[int, int], tuple[str, list[str]]] = {}
    for row in rows:  # oldest first
        if not row["yanked"] and "linux/amd64" in row["builds"]:
            release = Version(row["version"])
            found[release.major, release.minor] = (row["version"], row["builds"]["linux/amd64"]["python"])
    return {minor: last for minor, last in found.items() if minor >= (2, 3)}


def test_every_minor_from_2_3_on_and_every_interpreter_with_its_wheel_is_a_target() -> None:
    expected = {(text, python, "keras") for text, pythons in wheels("tensorflow").values() for python in pythons}
    expected |= {(t, p, "tf-keras") for minor, (t, pythons) in wheels("tensorflow").items() if minor >= (2, 16) for p in pythons}
    assert set(TARGETS) == expected
    assert len([target for target in TARGETS if target.keras == "keras"]) >= 69


def test_every_target_was_run_under_each_name_it_can_have() -> None:
    ran: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in MATRIX.document["pin_sets"]:
        ran[row["tensorflow"], row["python"], row["keras"]] |= {run["distribution"] for run in row["runs"]}
    cpu = dict(wheels("tensorflow-cpu").values())
    for text, python, keras in TARGETS:
        both = keras == "keras" and python in cpu.get(text, ())
        assert ran[text, python, keras] == ({"tensorflow", "tensorflow-cpu"} if both else {"tensorflow"}), (text, python, keras)


def test_every_run_passed_every_step() -> None:
    steps = ["install", "import", "matmul", "convolution", "fit", "h5", "keras", "savedmodel", "tensorboard", "pip-check"]
    for row in MATRIX.document["pin_sets"]:
        pins = [MATRIX.document["pin_lines"][index] for index in row["pins"]]
        for run in row["runs"]:
            assert list(run["steps"]) == steps
            skipped = {step for step, outcome in run["steps"].items() if outcome != "ok"}
            assert skipped <= {"keras", "tensorboard"}
            assert ("tensorboard" in skipped) == (not any(line.startswith("tensorboard==") for line in pins))
            assert ("keras" in skipped) == (Version(row["tensorflow"]) < Version("2.12"))
            assert run["python"].startswith(f"CPython {row['python']}.")


# -- what is compiled -----------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Path:
    copied = tmp_path / "data"
    shutil.copytree(ROOT / "data", copied)
    for folder in (copied / "pins").iterdir():
        if folder.name != "2.21.0":
            shutil.rmtree(folder)
    return copied


def damage(data: Path, old: str, new: str) -> str:
    path = data / "pins/2.21.0/py3.13.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(MatrixError) as refusal:
        compile_matrix(data)
    return str(refusal.value).replace(str(path), "FILE")


def test_pins_that_were_not_run_do_not_compile(data: Path) -> None:
    compile_matrix(data)
    message = damage(data, "six==1.17.0", "six==1.16.0")
    assert message == "FILE: the pins are not those that tensorflow was run with\n  hint: run them: nox -s verify"


def test_a_step_that_failed_does_not_compile(data: Path) -> None:
    message = damage(data, '"fit": "ok"', '"fit": "failed: ValueError: no"')
    assert message == "FILE: fit did not pass with tensorflow\n  hint: run them again: nox -s verify -- --again"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"runs": [{}]}', "\0"])
def test_a_damaged_record_does_not_compile(text: str, data: Path) -> None:
    path = data / "pins/2.21.0/py3.13.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MatrixError, match=r"py3\.13\.json (cannot be read|is not a record of pins)"):
        compile_matrix(data)


# -- what fails -----------------------------------------------------------------------------------


def verify(index: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    asked = ["--dry-run", "--tensorflow", "2.21", "--keras", "keras", *arguments]
    command = [sys.executable, str(TOOL), "--index-url", index.as_uri(), "--work", str(index.parent), *asked]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment})
    assert "Traceback" not in found.stderr
    return found


needs_a_wheel = pytest.mark.skipif(PYTHON not in ("3.10", "3.11", "3.12", "3.13"), reason="TensorFlow 2.21 has no wheel for this Python")


@needs_a_wheel
def test_a_tensorflow_that_does_not_import_fails_with_its_reason(tmp_path: Path) -> None:
    FolderIndex(tmp_path / "simple").add("tensorflow", "2.21.0", code="raise ImportError('no such symbol')\n")
    found = verify(tmp_path / "simple", "--python", PYTHON, "--renew")
    assert found.returncode == 1
    first, last = found.stdout.splitlines()
    assert first.startswith(f"[1/1] tensorflow 2.21.0, Python {PYTHON}: tensorflow: import failed: ImportError: no such symbol (")
    assert last == "1 sets, 1 failed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["simple"]


@needs_a_wheel
def test_a_process_that_dies_fails_with_its_last_words(tmp_path: Path) -> None:
    code = "import os, sys; sys.stderr.write('illegal instruction\\n'); sys.stderr.flush(); os._exit(132)\n"
    FolderIndex(tmp_path / "simple").add("tensorflow", "2.21.0", code=code)
    found = verify(tmp_path / "simple", "--python", PYTHON, "--renew")
    assert found.returncode == 1
    assert "tensorflow: exercise failed: the process ended with 132: illegal instruction" in found.stdout


@needs_a_wheel
def test_a_set_that_does_not_resolve_is_told(tmp_path: Path) -> None:
    FolderIndex(tmp_path / "simple").add("tensorflow", "2.21.0", "numpy>=1")
    found = verify(tmp_path / "simple", "--python", PYTHON, "--renew")
    assert found.returncode == 1
    assert f"tensorflow 2.21.0, Python {PYTHON}: failed: does not resolve: " in found.stdout
    assert "numpy" in found.stdout


@needs_a_wheel
def test_pins_that_the_index_no_longer_has_are_told(tmp_path: Path) -> None:
    FolderIndex(tmp_path / "simple").add("tensorflow", "2.21.0")
    found = verify(tmp_path / "simple", "--python", PYTHON, "--again", "--distribution", "tensorflow")
    assert found.returncode == 1
    assert "tensorflow: install failed: " in found.stdout


@needs_a_wheel
def test_sets_that_are_there_are_passed_over(tmp_path: Path) -> None:
    found = verify(tmp_path / "simple", "--python", PYTHON)
    assert found.returncode == 0
    first, last = found.stdout.splitlines()
    assert re.sub(r"\d+ s", "N s", first) == f"[1/1] tensorflow 2.21.0, Python {PYTHON}: there already (N s)"
    assert last == "1 sets, 0 failed"


def test_an_interpreter_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = verify(tmp_path, "--tensorflow", "2.3", "--python", "3.5", "--renew", PYENV_ROOT=str(tmp_path))
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "no TensorFlow release with a wheel for this interpreter fits\n"
    asked = ("--tensorflow", "2.3", "--python", "3.6", "--renew")
    told = verify(tmp_path, *asked, PYENV_ROOT=str(tmp_path), PATH=os.path.dirname(shutil.which("uv") or ""), HOME=str(tmp_path))  # noqa: PTH120
    assert told.returncode == 1
    assert "tensorflow 2.3.4, Python 3.6: failed: no Python 3.6 on this machine" in told.stdout


# -- records ----------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool with a folder of its own and runs that are made up: what a run does is tested above, what becomes of it here."""
    tool = load_tool()
    monkeypatch.setattr(tool, "PINS", tmp_path / "pins")
    monkeypatch.setattr(tool, "find_interpreter", lambda python: "python")
    monkeypatch.setattr(tool, "resolve_pins", lambda *_: ["six==1.17.0"])
    tool.outcomes = {"tensorflow": "ok", "tensorflow-cpu": "ok"}

    def run_pins(target: object, name: str, pins: list[str], *_: object) -> dict[str, object]:
        return {"distribution": name, "pins": pins, "steps": {"fit": tool.outcomes[name]}}

    monkeypatch.setattr(tool, "run_pins", run_pins)
    return tool


def run_session(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["verify.py", "--tensorflow", "2.21", "--python", "3.13", "--keras", "keras", *arguments])
    code: int = tool.main()
    return code


def record(tool: ModuleType) -> list[str]:
    path = tool.PINS / "2.21.0" / "py3.13.json"
    return [run["distribution"] for run in json.loads(path.read_text(encoding="utf-8"))["runs"]] if path.exists() else []


def test_a_set_is_kept_when_it_passed_under_every_name(
    session: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session.outcomes["tensorflow-cpu"] = "failed: no"
    assert run_session(session, monkeypatch) == 1
    assert record(session) == []
    assert "tensorflow-cpu: fit failed: no (" in capsys.readouterr().out
    session.outcomes["tensorflow-cpu"] = "ok"
    assert run_session(session, monkeypatch) == 0
    assert record(session) == ["tensorflow", "tensorflow-cpu"]
    assert "ok, tensorflow, tensorflow-cpu (" in capsys.readouterr().out
    assert run_session(session, monkeypatch) == 0
    assert "there already (" in capsys.readouterr().out


def test_a_renewal_that_fails_keeps_what_there_was(session: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_session(session, monkeypatch) == 0
    before = (session.PINS / "2.21.0/py3.13.json").read_bytes()
    session.outcomes["tensorflow-cpu"] = "failed: no"
    monkeypatch.setattr(session, "resolve_pins", lambda *_: ["six==1.18.0"])
    assert run_session(session, monkeypatch, "--renew") == 1
    assert (session.PINS / "2.21.0/py3.13.json").read_bytes() == before
    assert [path.name for path in session.PINS.rglob("*.part")] == []


def test_a_renewal_runs_every_name(session: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run_session(session, monkeypatch, "--renew", "--distribution", "tensorflow")
    assert left.value.code == 2
    assert "--renew resolves anew, so that every distribution has to be run: leave --distribution out" in capsys.readouterr().err


def test_a_damaged_record_fails_its_set_alone(
    session: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = session.PINS / "2.21.0" / "py3.13.json"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    assert run_session(session, monkeypatch) == 1
    assert "failed: JSONDecodeError: " in capsys.readouterr().out
    assert path.read_text(encoding="utf-8") == "{"


def test_a_full_disk_is_told_before_anything_is_run(
    session: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "NEEDED_DISK", 1 << 60)
    assert run_session(session, monkeypatch) == 3
    assert capsys.readouterr().err.endswith("are needed: name another folder with --work\n")
    assert record(session) == []


@pytest.mark.parametrize(
    ("printed", "code", "outcome"),
    [
        ('{"step": "savedmodel", "outcome": "ok"}', 0, "failed: the process ended with 0: last words"),
        ("", 0, "failed: the process ended with 0: last words"),
        (None, -11, "failed: the process ended with -11: last words"),
    ],
)
def test_a_run_that_leaves_out_a_step_or_dies_after_the_last_did_not_pass(
    printed: str | None, code: int, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = load_tool()
    every = "\n".join(json.dumps({"step": step, "outcome": "ok"}) for step in tool.EXERCISED)
    done = subprocess.CompletedProcess([], code, every if printed is None else printed, "last words")
    monkeypatch.setattr(tool, "_run", lambda *_: done)
    target = tool.Target("2.21.0", "3.13", "keras")
    assert tool._exercise(target, [], Path("python"), {}, tmp_path)["exercise"] == outcome


def test_tensorboard_that_is_pinned_and_not_there_did_not_pass(tmp_path: Path) -> None:
    tool = load_tool()
    assert tool._tensorboard(tmp_path, ["six==1.17.0"], {}) == "skipped: not among the pins"
    assert tool._tensorboard(tmp_path, ["tensorboard==2.20.0"], {}).startswith("failed: ")
