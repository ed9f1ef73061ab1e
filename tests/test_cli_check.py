"""``tfcompat check`` and ``tfcompat probe`` as commands: options, formats, exit codes, bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from standins import COMPILES, Fault, Standins
from tfcompat.probing import SCRIPT

FACTS = Path(__file__).parent / "facts" / "stand-ins.json"
HEALTHY = FACTS.read_text(encoding="utf-8")


def run(*arguments: str, facts: str | bytes = b"", env: dict[str, str] | None = None, cwd: Path | None = None) -> tuple[int, str, str]:
    source = facts.encode() if isinstance(facts, str) else facts
    ran = subprocess.run(
        [sys.executable, "-m", "tfcompat", *arguments],
        input=source,
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def changed(**places: Any) -> str:
    document = json.loads(HEALTHY)
    for path, value in places.items():
        place = document
        *parents, last = path.split("__")
        for name in parents:
            place = place[name]
        place[last] = value
    return json.dumps(document)


BROKEN = changed(
    driver__libcuda={"unavailable": "libcuda.so.1: cannot open shared object file: No such file or directory"},
    tensorflow__devices=[],
    tensorflow__smoke=[{"step": "device", "device": "/GPU:0", "outcome": "failed", "message": "TensorFlow lists no GPU"}],
)
NO_SMOKE = changed(tensorflow__smoke=[], asked__smoke=False)

TEXT_OK = """\
GPU works: NVIDIA H100 (9.0), driver 570.124.06, CUDA 12.5, cuDNN 9.3.0, tensorflow 2.18.0; matmul ok in 3 ms

   driver      ok      driver 570.124.06, serves CUDA 12.8, gpu NVIDIA H100 (9.0)
   runtime     ok      CUDA 12.5
   libraries   ok      cuDNN 9.3.0, cuBLAS 12.5.0, cuFFT 12.5.0, cuSOLVER 12.5.0, cuSPARSE 12.5.0
   tensorflow  ok      tensorflow 2.18.0, python 3.12.3, import 0.2 s, lists 1 GPU
   keras       ok      Keras 3.6.0
   smoke test  ok      matmul 3 ms, elementwise 1.6 ms, reduction <0.1 ms, convolution 10 ms, training 1.2 ms

also seen
  note     compute_90 in tensorflow 2.18.0 serves the NVIDIA H100 (9.0): what of it is PTX the driver compiles
           at the first start, which takes minutes; it did not show here [gpu-architecture]
           keep CUDA_CACHE_PATH on a volume and raise CUDA_CACHE_MAXSIZE, so that it happens once
"""
TEXT_BROKEN = """\
GPU does not work; first broken link: driver. The device nodes are here, but libcuda.so.1 cannot be opened:
  libcuda.so.1: cannot open shared object file: No such file or directory

-> driver      BROKEN  driver 570.124.06
      because  the device nodes are here, but libcuda.so.1 cannot be opened: libcuda.so.1: cannot open shared
               object file: No such file or directory
      fix      start the container with the environment variable NVIDIA_DRIVER_CAPABILITIES=compute,utility,
               so that the toolkit mounts the driver's library; do not install it in the image
   runtime     ok      CUDA 12.5
   libraries   ok      cuDNN 9.3.0, cuBLAS 12.5.0, cuFFT 12.5.0, cuSOLVER 12.5.0, cuSPARSE 12.5.0
   tensorflow  ok      tensorflow 2.18.0, python 3.12.3, import 0.2 s, lists 0 GPUs
   keras       ok      Keras 3.6.0
   smoke test  -       TensorFlow lists no GPU, for what is broken above
"""


def test_a_gpu_that_works_in_words() -> None:
    assert run("check", "--facts", str(FACTS)) == (0, TEXT_OK, "")


def test_a_broken_link_in_words() -> None:
    assert run("check", "--facts", "-", facts=BROKEN) == (1, TEXT_BROKEN, "")


def test_what_is_not_established() -> None:
    code, said, talk = run("check", "--facts", "-", facts=NO_SMOKE)
    assert (code, talk) == (3, "")
    assert said.startswith("Whether the GPU works is not established: the smoke test was not run: --no-smoke was given\n")
    assert (
        "-> smoke test  unknown\n      because  the smoke test was not run: --no-smoke was given\n      fix      run it without --no-smoke\n"
        in said
    )


def test_json() -> None:
    code, said, _ = run("check", "--facts", "-", "--format", "json", facts=BROKEN)
    document = json.loads(said)
    assert code == 1
    assert set(document) == {"schema_version", "verdict", "summary", "expected", "chain", "findings", "log", "facts"}
    assert (document["schema_version"], document["verdict"], document["expected"]) == (1, "broken", "gpu")
    assert [link["link"] for link in document["chain"]] == ["driver", "runtime", "libraries", "tensorflow", "keras", "smoke test"]
    assert [link["status"] for link in document["chain"]] == ["broken", "ok", "ok", "ok", "ok", "skipped"]
    assert set(document["chain"][0]) == {"link", "status", "facts", "because", "fix"}
    assert document["chain"][0]["facts"] == {"driver": "570.124.06"}
    assert all(set(finding) == {"rule", "severity", "message", "fix"} for finding in document["findings"])
    assert [finding["rule"] for finding in document["findings"]] == ["libcuda-missing"]
    assert document["facts"] == json.loads(BROKEN)


def test_the_facts_of_a_json_verdict_can_be_judged_again() -> None:
    _, said, _ = run("check", "--facts", "-", "--format", "json", facts=BROKEN)
    assert run("check", "--facts", "-", facts=json.dumps(json.loads(said)["facts"])) == (1, TEXT_BROKEN, "")


def test_github_annotations() -> None:
    code, said, _ = run("check", "--facts", "-", "--format", "github", facts=BROKEN)
    assert code == 1
    assert said.splitlines() == [
        "::error title=tfcompat%3A broken::GPU does not work; first broken link: driver. The device nodes are here, but libcuda.so.1 "
        "cannot be opened: libcuda.so.1: cannot open shared object file: No such file or directory%0Astart the container with the environment variable "
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility, so that the toolkit mounts the driver's library; do not install it in the image",
    ]


def test_a_container_cannot_give_commands_to_the_runner() -> None:
    hostile = changed(tensorflow__keras={"unavailable": "x\n::set-output name=a::b\r::error::50%"})
    _, said, _ = run("check", "--facts", "-", "--format", "github", facts=hostile)
    assert all(line.startswith(("::error title=tfcompat", "::notice title=tfcompat")) for line in said.splitlines())
    assert "50%25" in said


def test_junit() -> None:
    code, said, _ = run("check", "--facts", "-", "--format", "junit", facts=BROKEN)
    suite = ElementTree.fromstring(said).find("testsuite")
    assert code == 1
    assert suite is not None
    assert {name: suite.attrib[name] for name in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "tfcompat check", "tests": "6", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    assert [case.attrib["name"] for case in suite] == ["driver", "runtime", "libraries", "tensorflow", "keras", "smoke test"]
    failure = suite[0].find("failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("the device nodes are here")
    assert (failure.text or "").startswith("start the container with the environment variable")


def test_junit_tells_unknown_and_skipped_apart() -> None:
    _, said, _ = run(
        "check", "--facts", "-", "--expect", "cpu", "--format", "junit", facts=changed(tensorflow={"unavailable": "no\x00\x1b"})
    )
    suite = ElementTree.fromstring(said).find("testsuite")
    assert suite is not None
    assert [[child.tag for child in case] for case in suite] == [
        ["skipped", "system-out"], ["skipped"], ["skipped"], ["error", "system-out"], ["skipped"], ["skipped"],
    ]  # fmt: skip


def test_plain_when_piped_and_coloured_when_forced() -> None:
    assert "\x1b" not in run("check", "--facts", str(FACTS))[1]
    assert "\x1b[" in run("check", "--facts", str(FACTS), env={"FORCE_COLOR": "1", "TERM": "xterm"})[1]
    assert "\x1b[3" not in run("check", "--facts", str(FACTS), env={"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"})[1]


def test_a_terminal_that_knows_ascii_alone() -> None:
    odd = changed(tensorflow__keras={"unavailable": "schön"})
    code, said, talk = run("check", "--facts", "-", facts=odd, env={"PYTHONIOENCODING": "ascii"})
    assert (code, talk) == (1, "")
    assert "sch\\xf6n" in said


@pytest.mark.parametrize(
    ("arguments", "facts", "code", "told"),
    [
        (["--facts", "nowhere.json"], "", 3, "nowhere.json cannot be read: No such file or directory\n  hint: name the file that the probe's output was written to\n"),
        (["--facts", "/"], "", 3, "/ is not a file\n  hint: name the file that the probe's output was written to, or pipe it in and name it -\n"),
        (["--facts", "-"], "", 3, "the facts: nothing was read\n  hint: the probe printed nothing: did the container start? pipe the probe's whole output: python - < probe.py | tfcompat check --facts -\n"),
        (["--facts", "-"], b"\xff\x00", 3, None),
        (["--facts", "-"], HEALTHY[:3000], 3, None),
        (["--facts", "-", "--stress", "3"], "{}", 2, "--stress is the probe's, and --facts runs none\n  hint: give it to the probe itself: python - --stress ... < probe.py\n"),
        (["--facts", "-", "--expect-tensorflow", "new"], HEALTHY, 2, "--expect-tensorflow: 'new' is neither a version nor a specifier\n  hint: write 2.15, '>=2.15,<2.17' or '~=2.15'\n"),
        (["--facts", "-", "--expect-gpu-model", "Voodoo2"], HEALTHY, 2, None),
        (["--timeout", "soon"], "", 2, None),
        (["--facts", "-", "--matrix", "nowhere.json"], HEALTHY, 2, None),
    ],
)  # fmt: skip
def test_bad_input_has_one_clear_message(arguments: list[str], facts: str | bytes, code: int, told: str | None) -> None:
    returned, said, talk = run("check", *arguments, facts=facts)
    assert (returned, said) == (code, "")
    assert "Traceback" not in talk
    if told is not None:
        assert talk == f"tfcompat: {told}"


def test_more_than_a_probe_prints_is_refused() -> None:
    code, said, talk = run("check", "--facts", "-", facts=b" " * ((32 << 20) + 1))
    assert (code, said, talk) == (3, "", "tfcompat: the facts is larger than 32 MiB\n  hint: no probe prints so much\n")


def test_the_gpu_option_names_the_flag_in_its_errors() -> None:
    _, _, talk = run("check", "--facts", "-", "--expect-gpu-model", "Voodoo2", facts=HEALTHY)
    assert talk.startswith("tfcompat: --expect-gpu-model: 'Voodoo2' is not a GPU that the matrix knows\n")


def test_the_script_itself() -> None:
    assert run("probe", "--print") == (0, SCRIPT.read_text(encoding="utf-8"), "")


BANNER = "\n==========\n== CUDA ==\n==========\n\nCUDA Version 12.2.0\n\nContainer image Copyright (c) NVIDIA CORPORATION & AFFILIATES.\n\n"


def test_what_an_entry_point_prints_first_is_passed_over() -> None:
    assert run("check", "--facts", "-", facts=BANNER + HEALTHY)[0] == 0
    assert run("check", "--facts", "-", facts=BANNER + HEALTHY + "\nand more\n")[0] == 0
    code, _, talk = run("check", "--facts", "-", facts=BANNER)
    assert (code, talk.partition("\n")[0]) == (
        3,
        "tfcompat: the facts: not the JSON of a probe (truncated?): Expecting value: line 1 column 1 (char 0)",
    )


@pytest.mark.parametrize("form", ["text", "json", "github", "junit"])
def test_the_verdict_holds_where_the_reader_leaves(form: str, tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(BROKEN, encoding="utf-8")
    command = f"{sys.executable} -m tfcompat check --facts {path} --format {form}"
    for sink in ("| true; exit ${PIPESTATUS[0]}", ">&-"):
        ran = subprocess.run(["bash", "-c", f"{command} {sink}"], capture_output=True, check=False)
        assert (ran.returncode, ran.stderr) == (1, b"")
    ran = subprocess.run(["bash", "-c", f"{command} > /dev/full"], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr.decode().partition("\n")[0]) == (
        3,
        "tfcompat: standard output cannot be written: No space left on device",
    )


def test_a_name_cannot_steer_the_terminal() -> None:
    code, _, talk = run("check", "--facts", "-", facts=changed(environment={"\x1b]0;pwn\x07": 1}))
    assert code == 3
    assert "\x1b" not in talk


# -- the probe under way ---------------------------------------------------------------------------------


@COMPILES
def test_check_runs_the_probe_in_this_very_environment(tmp_path: Path) -> None:
    standins = Standins(tmp_path)
    site = standins.tensorflow(gpus=[])
    code, said, talk = run("check", "--expect", "cpu", env={"PYTHONPATH": str(site)}, cwd=tmp_path)
    assert (code, talk) == (0, "")
    assert said.startswith("CPU works: tensorflow 2.18.0, Keras 3.6.0; matmul ok in ")


@COMPILES
def test_the_probe_alone_prints_facts_that_check_takes(tmp_path: Path) -> None:
    site = Standins(tmp_path).tensorflow(gpus=[])
    code, facts, talk = run("probe", "--expect", "cpu", "--stress", "0.1", env={"PYTHONPATH": str(site)}, cwd=tmp_path)
    assert (code, talk) == (0, "")
    assert run("check", "--facts", "-", facts=facts)[0] == 0


def test_check_where_there_is_no_tensorflow(tmp_path: Path) -> None:
    code, said, _ = run("check", "--expect", "cpu", cwd=tmp_path)
    assert code == 1
    first = f"TensorFlow does not work; first broken link: tensorflow. TensorFlow is not installed for {sys.executable}"
    assert " ".join(said.split()).startswith(first)


@COMPILES
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_check_that_is_stopped_stops_what_it_started(how: signal.Signals, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    site = Standins(tmp_path).tensorflow(gpus=[], faults=[Fault("import", "mark", text=str(mark)), Fault("import", "hang")])
    checking = subprocess.Popen(
        [sys.executable, "-m", "tfcompat", "check"],
        env={**os.environ, "PYTHONPATH": str(site)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    for _ in range(900):
        if mark.exists() and mark.read_text():
            break
        time.sleep(0.1)
    child = int(mark.read_text())
    checking.send_signal(how)
    _, talk = checking.communicate(timeout=60)
    assert (checking.returncode, talk.decode()) == (130, "tfcompat: interrupted\n")
    for _ in range(100):
        if not Path(f"/proc/{child}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists()


@COMPILES
def test_a_check_that_is_stopped_while_it_starts_stops_its_probe(tmp_path: Path) -> None:
    site = Standins(tmp_path).tensorflow(gpus=[], faults=[Fault("import", "hang")])
    for delay in (0.05, 0.1, 0.15):  # while the judge is still being imported
        checking = subprocess.Popen(
            [sys.executable, "-m", "tfcompat", "check"], env={**os.environ, "PYTHONPATH": str(site)}, stderr=subprocess.PIPE
        )
        children = Path(f"/proc/{checking.pid}/task/{checking.pid}/children")
        while not (found := children.read_text().split()):
            time.sleep(0.005)
        time.sleep(delay)
        checking.send_signal(signal.SIGTERM)
        checking.communicate(timeout=60)
        for _ in range(200):
            if not Path(f"/proc/{found[0]}").exists():
                break
            time.sleep(0.05)
        assert not Path(f"/proc/{found[0]}").exists()
