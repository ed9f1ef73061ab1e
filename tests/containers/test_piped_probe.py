"""The probe in a container whose interpreter is too old for tfcompat: piped in, and its facts judged outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from containers.engine import Engine, Ran, run_tool


@pytest.fixture(scope="session")
def script() -> str:
    return run_tool([sys.executable, "-m", "tfcompat", "probe", "--print"]).out


def judge(facts: str, expect: str = "cpu") -> tuple[int, dict[str, Any]]:
    """``tfcompat check --facts -`` outside of the container."""
    ran = run_tool(
        [sys.executable, "-m", "tfcompat", "check", "--facts", "-", "--expect", expect, "--format", "json"], check=False, text=facts
    )
    return ran.code, json.loads(ran.out)


def test_the_facts_of_a_container_are_judged_outside(engine: Engine, old_image: str, script: str) -> None:
    limits = ("--memory", "2g", "--shm-size", "100m", "--read-only", "--user", "1234:1234", "--cap-drop", "all")
    ran = engine.run(*limits, old_image, "python", "-", text=script)
    assert ran.code == 0
    facts = json.loads(ran.out)
    assert facts["interpreter"]["version"].startswith("3.8.")
    container = facts["container"]
    assert (container["kind"], container["user"], container["read_only_root"]) == ("podman", 1234, True)
    assert (container["memory_limit"], container["shared_memory"]) == (2 << 30, 100 << 20)
    code, report = judge(ran.out)
    assert (code, report["verdict"]) == (0, "ok")
    code, report = judge(ran.out, "gpu")
    assert (code, report["chain"][0]["status"]) == (1, "broken")


def test_an_old_tensorflow_needs_a_folder_for_temporary_files_too(engine: Engine, old_image: str, script: str) -> None:
    ran = engine.run("--read-only", "--read-only-tmpfs=false", old_image, "python", "-", text=script)
    code, report = judge(ran.out)
    assert (ran.code, code, [f["rule"] for f in report["findings"]]) == (0, 1, ["no-temporary-folder"])


def test_an_interpreter_without_site_packages_is_told_from_one_without_tensorflow(engine: Engine, old_image: str, script: str) -> None:
    ran = engine.run(old_image, "python", "-I", "-S", "-", "--expect", "cpu", text=script)
    code, report = judge(ran.out)
    assert (code, [finding["rule"] for finding in report["findings"]]) == (1, ["no-site-packages"])


def test_a_container_that_does_not_start_is_no_verdict(engine: Engine, old_image: str, script: str) -> None:
    ran = engine.run(old_image, "pythn", "-", text=script)
    assert (ran.code, ran.out) == (127, "")
    judged = run_tool([sys.executable, "-m", "tfcompat", "check", "--facts", "-"], check=False, text=ran.out)
    assert (judged.code, judged.out) == (3, "")
    assert "did the container start?" in judged.err


def test_a_probe_that_is_stopped_ends_what_it_started(engine: Engine, old_image: str, script: str) -> None:
    command = [
        "podman",
        "run",
        "--rm",
        "--interactive",
        "--network",
        "none",
        "--name",
        "stopped",
        old_image,
        "python",
        "-",
        "--stress",
        "60",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=engine.whole_env, cwd=engine.folder
    ) as probe:
        assert probe.stdin is not None
        probe.stdin.write(script.encode())
        probe.stdin.close()
        wait_for_children(engine)
        stopped = engine.podman("stop", "--time", "20", "stopped")
        assert stopped.seconds < 5
        assert (probe.wait(20), probe.stdout.read() if probe.stdout else b"") == (143, b"")


def wait_for_children(engine: Engine) -> Ran:
    for _ in range(200):
        top = engine.podman("top", "stopped", "comm", check=False)
        if top.out.count("python") > 1:
            time.sleep(1)  # TensorFlow's child, not one of the driver's
            return top
        time.sleep(0.1)
    raise AssertionError(top)
