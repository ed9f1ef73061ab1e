"""``tfcompat check`` in an image that has it beside TensorFlow, as an engine starts it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from containers.engine import Engine, Ran

CHECK = ("python", "-m", "tfcompat", "check", "--format", "json")
UNPRIVILEGED = ("--read-only", "--user", "1000:1000", "--cap-drop", "all")
NO_FOLDERS = "--read-only-tmpfs=false"  # podman's --read-only leaves /tmp writable; docker's and Kubernetes' do not
OK, BROKEN, UNKNOWN = 0, 1, 3


class Checked(NamedTuple):
    """What the engine gave back as exit code, and the report that the container printed."""

    code: int
    report: dict[str, Any]

    @property
    def first(self) -> dict[str, Any]:
        """The first link that does not hold."""
        cell: dict[str, Any] = next(link for link in self.report["chain"] if link["status"] not in ("ok", "skipped"))
        return cell

    @property
    def rules(self) -> list[str]:
        return [finding["rule"] for finding in self.report["findings"]]


def read(ran: Ran) -> Checked:
    assert ran.out, ran.err
    return Checked(ran.code, json.loads(ran.out))


@pytest.fixture(scope="session")
def check(engine: Engine, image: str) -> Callable[..., Checked]:
    """Runs the check: the engine's options, then ``--`` and the check's own."""

    def run(*arguments: str) -> Checked:
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        return read(engine.run(*arguments[:cut], image, *CHECK, *arguments[cut + 1 :]))

    return run


def test_it_works_without_root_rights_network_or_a_writable_root(check: Callable[..., Checked]) -> None:
    checked = check(*UNPRIVILEGED, "--memory", "2g", "--shm-size", "100m", "--", "--expect", "cpu")
    assert (checked.code, checked.report["verdict"]) == (OK, "ok")
    container = checked.report["facts"]["container"]
    assert {name: container[name] for name in ("kind", "user", "read_only_root", "temporary_folder", "memory_limit", "shared_memory")} == {
        "kind": "podman",
        "user": 1000,
        "read_only_root": True,
        "temporary_folder": True,
        "memory_limit": 2 << 30,
        "shared_memory": 100 << 20,
    }


def test_tensorflow_needs_a_folder_for_temporary_files(check: Callable[..., Checked]) -> None:
    checked = check(*UNPRIVILEGED, NO_FOLDERS, "--", "--expect", "cpu")
    assert (checked.code, checked.report["facts"]["container"]["temporary_folder"]) == (BROKEN, False)
    assert (checked.first["link"], checked.rules) == ("tensorflow", ["no-temporary-folder"])
    assert "--tmpfs /tmp" in checked.first["fix"]
    assert check(*UNPRIVILEGED, NO_FOLDERS, "--tmpfs", "/tmp", "--", "--expect", "cpu").code == OK


def test_without_a_gpu_the_driver_is_the_first_broken_link(engine: Engine, image: str) -> None:
    ran = engine.run(*UNPRIVILEGED, image, "tfcompat", "check", "--expect", "gpu")
    assert ran.code == BROKEN
    summary, _, chain = ran.out.partition("\n\n")
    assert "first broken link" in summary
    assert "driver" in summary
    assert chain.startswith("-> driver      BROKEN")
    assert "--gpus all" in chain


def test_a_gpu_that_was_taken_away_is_not_promised(check: Callable[..., Checked]) -> None:
    """NVIDIA's toolkit is told by this variable to give nothing, and gives nothing."""
    checked = check("--env", "NVIDIA_VISIBLE_DEVICES=void")
    assert (checked.code, checked.report["expected"], checked.rules) == (OK, "cpu", ["cpu-assumed"])


@pytest.mark.parametrize("how", ["device", "mount"])
def test_device_nodes_without_the_library_promise_a_gpu(how: str, check: Callable[..., Checked], engine: Engine) -> None:
    node = engine.folder / "node"
    node.touch()
    node.chmod(0o666)
    nodes = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm")
    given = [f"--device=/dev/null:{name}" if how == "device" else f"--volume={node}:{name}" for name in nodes]
    checked = check(*given, *UNPRIVILEGED, "--env", "NVIDIA_VISIBLE_DEVICES=void", "--env", "NVIDIA_DRIVER_CAPABILITIES=utility")
    assert checked.report["facts"]["driver"]["nodes"] == dict.fromkeys(nodes, True)
    assert (checked.code, checked.report["expected"]) == (BROKEN, "gpu")
    assert (checked.first["link"], checked.rules[0]) == ("driver", "libcuda-missing")
    assert "libcuda.so.1 cannot be opened" in checked.first["because"]
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in checked.first["fix"]


def test_nodes_that_the_user_may_not_use_are_seen_as_such(check: Callable[..., Checked], engine: Engine) -> None:
    node = engine.folder / "forbidden"
    node.touch(0o600)
    checked = check(f"--volume={node}:/dev/nvidia0", *UNPRIVILEGED)
    assert checked.report["facts"]["driver"]["nodes"] == {"/dev/nvidia0": False}
    assert checked.code == BROKEN


def test_too_little_memory_is_named(check: Callable[..., Checked]) -> None:
    checked = check("--memory", "128m", "--memory-swap", "128m", "--", "--expect", "cpu")
    assert (checked.code, checked.first["link"], checked.rules) == (BROKEN, "tensorflow", ["out-of-memory"])
    assert "(128 MiB)" in checked.first["because"]
    assert "--memory" in checked.first["fix"]


def test_where_no_process_may_be_started_nothing_is_established(check: Callable[..., Checked]) -> None:
    checked = check("--pids-limit", "2", "--", "--expect", "cpu")
    assert (checked.code, checked.report["verdict"]) == (UNKNOWN, "unknown")
    assert checked.rules == ["not-started"]
    assert "--pids-limit" in checked.first["fix"]


def test_an_isolated_interpreter_is_one_like_any_other(engine: Engine, image: str) -> None:
    assert read(engine.run(*UNPRIVILEGED, image, "python", "-I", *CHECK[1:], "--expect", "cpu")).code == OK


def test_a_wrong_option_is_told_from_a_broken_link(engine: Engine, image: str) -> None:
    assert engine.run(image, "tfcompat", "check", "--expect", "tpu").code == 2


@pytest.mark.parametrize("way", ["first process", "background"])
def test_a_container_that_is_stopped_stops_the_check(way: str, engine: Engine, image: str) -> None:
    """A shell without job control starts what is in the background with SIGINT ignored."""
    check = "tfcompat check --expect cpu --stress 60"
    script = f"{check} & trap 'kill $!; wait $!; echo $? >&2; sleep 60' TERM; wait $!"
    with engine.started(image, *(check.split() if way == "first process" else ["sh", "-c", script])) as container:
        wait_until(lambda: sum("python" in name or name == "tfcompat" for name in engine.processes(container)) >= 3)
        if way == "first process":
            stopped = engine.podman("stop", "--time", "20", container)
            assert stopped.seconds < 5
            assert engine.podman("wait", container).out == "130\n"
        else:
            engine.podman("kill", "--signal", "TERM", container)
            wait_until(lambda: engine.processes(container) == ["sh", "sleep"])
        assert "tfcompat: interrupted" in engine.podman("logs", container).err


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
