"""Environments from the pins: what the check says of them where there is no GPU, in every format."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from environments import CHAIN, ROOT, Environment, Environments, clean, judge

NAMES = ("newest", "2.15", "2.10", "2.5", "2.4")
STEPS = ("matmul", "elementwise", "reduction", "convolution", "training")
NO_DRIVER = "nothing of an NVIDIA driver is visible: no device node, no kernel module, no libcuda.so.1"
every = pytest.mark.parametrize("name", NAMES)


@every
def test_the_cpu_works(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", "cpu", within=tmp_path)
    checked = judge(facts, "--expect", "cpu")
    assert (checked.code, checked.errors, checked.document["verdict"], checked.document["expected"]) == (0, "", "ok", "cpu")
    assert [link["link"] for link in checked.document["chain"]] == list(CHAIN)
    assert checked.statuses == ["skipped", "skipped", "skipped", "ok", "ok", "ok"]
    assert checked.document["findings"] == []
    assert set(checked.link("smoke test")["facts"]) == set(STEPS)
    smoke = json.loads(facts)["tensorflow"]["smoke"]
    assert {row["step"]: row["outcome"] for row in smoke if row["dtype"] == "float32"} == dict.fromkeys(STEPS, "ok")
    assert all(row["placed"].endswith("device:CPU:0") for row in smoke if row["outcome"] == "ok")


@every
def test_every_log_line_of_a_healthy_environment_is_known_to_be_harmless(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", "cpu", within=tmp_path)
    log = judge(facts, "--expect", "cpu").document["log"]
    assert {row["severity"] for row in log} <= {"harmless"}
    said = [line for line in json.loads(facts)["tensorflow"]["log"] if line.strip()]
    assert sum(row["count"] for row in log) == len(said), said


@every
def test_the_first_line_says_what_works(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", "cpu", within=tmp_path)
    first = judge(facts, "--expect", "cpu", form="text").output.splitlines()[0]
    tensorflow = re.escape(environments.get(name).tensorflow)
    assert re.fullmatch(rf"CPU works: tensorflow-cpu {tensorflow}, Keras (of TensorFlow )?\d+\.\d+\.\d+; matmul ok in <?[\d.]+ m?s", first)


@pytest.mark.no_gpu
@every
def test_a_gpu_is_missed(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", "gpu", within=tmp_path)
    checked = judge(facts, "--expect", "gpu")
    tensorflow = environments.get(name).tensorflow
    assert (checked.code, checked.document["verdict"], checked.broken) == (1, "broken", "driver")
    assert checked.statuses == ["broken", "skipped", "skipped", "broken", "ok", "skipped"]
    assert checked.link("driver")["because"] == NO_DRIVER
    assert "--gpus all" in checked.link("driver")["fix"]
    assert checked.link("runtime")["because"] == "this TensorFlow is a CPU build, which opens no CUDA library"
    assert checked.link("tensorflow")["because"] == (
        f"a GPU is expected, and the linux/amd64 wheel of tensorflow-cpu {tensorflow} is a CPU build"
    )
    wanted = "tensorflow[and-cuda]" if name in ("newest", "2.15") else "tensorflow"
    exchanged = f"uv pip install --python {environments.get(name).executable} '{wanted}=={tensorflow}'"
    assert checked.link("tensorflow")["fix"].endswith(f" tensorflow-cpu && {exchanged}")
    assert checked.link("tensorflow")["facts"]["lists"] == "0 GPUs"
    assert checked.link("smoke test")["because"] == "TensorFlow lists no GPU, for what is broken above"
    text = judge(facts, "--expect", "gpu", form="text").output
    assert text.startswith("GPU does not work; first broken link: driver. Nothing of an NVIDIA driver is visible")


@pytest.mark.no_gpu
@every
def test_without_a_wish_the_cpu_is_taken_and_that_is_said(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, within=tmp_path)
    checked = judge(facts)
    assert (checked.code, checked.document["verdict"], checked.document["expected"]) == (0, "ok", "cpu")
    assert checked.findings("note") == ["cpu-assumed"]
    assert checked.finding("cpu-assumed")["message"] == "no GPU is seen here, so the CPU is taken for what was promised"
    assert "demand a GPU with --expect gpu" in judge(facts, form="text").output


@every
def test_json(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", "cpu", within=tmp_path)
    document = judge(facts, "--expect", "cpu").document
    assert list(document)[:5] == ["schema_version", "verdict", "summary", "expected", "chain"]
    assert {"findings", "log", "facts"} <= set(document)
    assert document["summary"].startswith("CPU works: ")
    assert document["facts"] == json.loads(facts)
    assert set(document["chain"][0]) == {"link", "status", "facts", "because", "fix"}


@pytest.mark.parametrize(("expect", "failures", "skipped"), [("cpu", 0, 3), pytest.param("gpu", 2, 3, marks=pytest.mark.no_gpu)])
@every
def test_junit(environments: Environments, name: str, expect: str, failures: int, skipped: int, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", expect, within=tmp_path)
    checked = judge(facts, "--expect", expect, form="junit")
    suite = ElementTree.fromstring(checked.output).find("testsuite")
    assert suite is not None
    counts = {count: int(suite.attrib[count]) for count in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": len(CHAIN), "failures": failures, "errors": 0, "skipped": skipped}
    assert [case.attrib["name"] for case in suite.iter("testcase")] == list(CHAIN)
    assert (len(list(suite.iter("failure"))), len(list(suite.iter("skipped")))) == (failures, skipped)
    assert checked.code == (1 if failures else 0)


@every
def test_github(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", "cpu", within=tmp_path)
    (line,) = judge(facts, "--expect", "cpu", form="github").output.splitlines()
    assert line.startswith(f"::notice title=tfcompat%3A ok::CPU works: tensorflow-cpu {environments.get(name).tensorflow}, Keras ")


@pytest.mark.no_gpu
@every
def test_github_names_every_finding(environments: Environments, name: str, tmp_path: Path) -> None:
    facts = environments.facts(name, "--expect", "gpu", within=tmp_path)
    lines = judge(facts, "--expect", "gpu", form="github").output.splitlines()
    titles = [re.match(r"::(error|warning|notice) title=tfcompat%3A ([\w-]+)::", line) for line in lines]
    assert all(titles), lines
    assert [title[2] for title in titles if title and title[1] == "error"] == ["broken", "wheel-has-cuda"]


# -- as a user runs it ----------------------------------------------------------------------------


def run_installed(environment: Environment, *options: str, within: Path) -> subprocess.CompletedProcess[str]:
    command = [str(environment.executable), "-m", "tfcompat", "check", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=within, env=clean(within), timeout=300, check=False)


@pytest.mark.no_gpu
def test_installed_beside_tensorflow(copy: Callable[[str], Environment], tmp_path: Path) -> None:
    environment = copy("newest")
    environment.install_whole(str(ROOT))
    plain = run_installed(environment, within=tmp_path)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout.startswith(f"CPU works: tensorflow-cpu {environment.tensorflow}, Keras ")
    assert "no GPU is seen here" in plain.stdout
    document = json.loads(run_installed(environment, "--expect", "gpu", "--format", "json", "--no-smoke", within=tmp_path).stdout)
    assert [link["link"] for link in document["chain"] if link["status"] == "broken"][:1] == ["driver"]
    hung = run_installed(environment, "--expect", "cpu", "--timeout", "0.5", within=tmp_path)
    assert (hung.returncode, hung.stderr) == (1, "")
    said = " ".join(hung.stdout.split())
    assert re.search(r"TensorFlow was still busy (during import|at its start) after 0\.5 seconds", said), said  # by the machine's speed
