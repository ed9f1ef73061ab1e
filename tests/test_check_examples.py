"""The examples for containers and clusters: they are what their formats allow, and their commands are commands of tfcompat."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tfcompat import probe
from tfcompat.cli.main import _parse

DOCS = Path(__file__).parent.parent / "docs"
DOCKERFILE = (DOCS / "check.Dockerfile").read_text(encoding="utf-8")
PAGE = (DOCS / "check-containers.md").read_text(encoding="utf-8")
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((DOCS / "check-kubernetes.yaml").read_text(encoding="utf-8")))
PODS = [manifest["spec"]["template"]["spec"] for manifest in MANIFESTS]
CONTAINERS = [(pod, container) for pod in PODS for container in (*pod.get("initContainers", ()), *pod["containers"])]
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]


def words(form: str) -> list[str]:
    """The words of an exec form: HEALTHCHECK ... CMD [...] or ENTRYPOINT [...]."""
    (found,) = re.findall(rf"^{form}(\[.*\])$", DOCKERFILE, re.M)
    return list(json.loads(found))


def commands(line: str) -> list[list[str]]:
    """The commands that a shell runs for *line*, without its redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&<>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    skip = False
    for word in lexer:
        if word in ("|", "&&"):
            found.append([])
        elif not skip and word not in ("<", ">", ">&"):
            found[-1].append(word)
        skip = word in ("<", ">", ">&")
    return found


def asks_for_gpu(command: list[str]) -> bool:
    """Parses *command* as tfcompat does; argparse ends the test where an option is unknown."""
    assert command[:2] == ["tfcompat", "check"]
    return bool(_parse(command[1:]).expect == "gpu")


def test_the_dockerfile_checks_for_a_gpu_before_the_program_and_while_it_runs() -> None:
    assert asks_for_gpu(words(r"HEALTHCHECK [^\[]*CMD "))
    shell, option, script, name = words("ENTRYPOINT ")
    assert (shell, option, name) == ("sh", "-c", "sh")
    check, program = commands(script)
    assert asks_for_gpu([word for word in check if not word.isdigit()])
    assert program == ["exec", "$@"]


def test_the_manifests_are_a_job_and_a_deployment() -> None:
    assert [(m["apiVersion"], m["kind"]) for m in MANIFESTS] == [("batch/v1", "Job"), ("apps/v1", "Deployment")]
    job, deployment = MANIFESTS
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", m["metadata"]["name"]) for m in MANIFESTS)
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"  # its default is refused for a Job
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize(("pod", "container"), CONTAINERS, ids=lambda value: value.get("name"))
def test_a_container_has_one_gpu_no_rights_and_a_folder_for_temporary_files(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    rights = container["securityContext"]
    assert (rights["readOnlyRootFilesystem"], rights["allowPrivilegeEscalation"]) == (True, False)
    assert rights["capabilities"] == {"drop": ["ALL"]}
    (mounted,) = [mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == "/tmp"]
    assert {"name": mounted, "emptyDir": {}} in pod["volumes"]


def test_the_job_checks_and_the_server_starts_behind_a_check() -> None:
    job, deployment = PODS
    assert asks_for_gpu(job["containers"][0]["command"])
    assert [asks_for_gpu(container["command"]) for container in deployment["initContainers"]] == [True]
    assert deployment["containers"][0]["image"] == deployment["initContainers"][0]["image"]


@pytest.mark.parametrize("line", LINES)
def test_the_commands_of_the_page_are_understood(line: str) -> None:
    for command in commands(line):
        if "tfcompat" in command:
            assert _parse(command[command.index("tfcompat") + 1 :])
        elif "-" in command:  # python - OPTIONS
            assert probe.parse(command[command.index("-") + 1 :]).expect == "gpu"
        else:
            assert command[0] == "kubectl"
            assert all((DOCS / word).exists() for word in command if word.endswith(".yaml"))
            assert all(word.partition("/")[2] == MANIFESTS[0]["metadata"]["name"] for word in command if word.startswith("job/"))


def test_the_exit_codes_of_the_page_are_those_of_the_command() -> None:
    from tfcompat.cli import check

    assert {f"| {code} |" for code in (*check._EXIT_CODES.values(), 2, 130)} <= set(re.findall(r"^\| \d+ \|", PAGE, re.M))
