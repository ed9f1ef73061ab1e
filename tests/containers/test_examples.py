"""docs/check.Dockerfile built and run as it is, and the containers of docs/check-kubernetes.yaml with the rights that they are given there.

There is no GPU here, so as they stand they must refuse; with ``--expect cpu`` in their place they must let the program start.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from containers.conftest import ROOT
from containers.engine import Engine

DOCKERFILE = (ROOT / "docs" / "check.Dockerfile").read_text(encoding="utf-8")
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "docs" / "check-kubernetes.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session", params=["gpu", "cpu"])
def trainer(request: pytest.FixtureRequest, engine: Engine, tensorflow: str, wheel: Path) -> Iterator[tuple[str, str]]:
    """What is expected, and the image of the example; its FROM is replaced by the build argument that it offers for that."""
    expected = str(request.param)
    context = engine.folder / f"trainer-{expected}"
    context.mkdir()
    shutil.copy(wheel, context)
    (context / "train.py").write_text("import os\nprint('training as process', os.getpid())\n")
    (context / "Dockerfile").write_text(DOCKERFILE.replace("--expect gpu", f"--expect {expected}").replace('"gpu"]', f'"{expected}"]'))
    name = f"localhost/trainer-{expected}:latest"
    options = [f"--build-arg=BASE={tensorflow}", f"--build-arg=TFCOMPAT=/wheel/{wheel.name}", f"--volume={context}:/wheel:ro"]
    engine.podman("build", "--quiet", "--tag", name, *options, str(context))
    shutil.rmtree(context)
    yield expected, name
    engine.podman("rmi", "--force", name, check=False)  # its wheel is in no tag


def test_the_entrypoint_lets_the_program_start_only_where_it_works(trainer: tuple[str, str], engine: Engine) -> None:
    expected, image = trainer
    ran = engine.run(image)
    if expected == "cpu":
        assert (ran.code, ran.out) == (0, "training as process 1\n")
        assert "CPU works: " in ran.err
        assert engine.run(image, "sh", "-c", "exit 7").code == 7
    else:
        assert (ran.code, ran.out) == (1, "")
        assert "-> driver      BROKEN" in ran.err


def test_the_health_check_tells_what_is_the_case(trainer: tuple[str, str], engine: Engine) -> None:
    expected, image = trainer
    with engine.started("--entrypoint", "sleep", image, "600") as container:
        ran = engine.podman("healthcheck", "run", container, check=False)
        last = engine.podman("inspect", "--format", "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}", container).out
    if expected == "cpu":
        assert (ran.code, last.partition(":")[0]) == (0, "0 CPU works")
    else:
        assert (ran.code, ran.out) == (1, "unhealthy\n")
        assert "-> driver      BROKEN" in last


def in_pods() -> list[Any]:
    """Each container that checks, with its pod."""
    pods = [manifest["spec"]["template"]["spec"] for manifest in MANIFESTS]
    found = [(pod, container) for pod in pods for container in (*pod.get("initContainers", ()), *pod["containers"])]
    return [pytest.param(pod, container, id=container["name"]) for pod, container in found if container["command"][0] == "tfcompat"]


@pytest.mark.parametrize("expected", ["gpu", "cpu"])
@pytest.mark.parametrize(("pod", "container"), in_pods())
def test_the_rights_in_the_manifests_are_enough(
    pod: dict[str, Any], container: dict[str, Any], expected: str, engine: Engine, image: str
) -> None:
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"] is True
    dropped = [f"--cap-drop={name.lower()}" for name in rights["capabilities"]["drop"]]
    folders = [f"--tmpfs={mount['mountPath']}" for mount in container["volumeMounts"]]  # all are emptyDir
    memory = container["resources"]["limits"]["memory"].replace("Gi", "g")
    limits = [f"--user={pod['securityContext']['runAsUser']}", f"--memory={memory}", "--security-opt=no-new-privileges", *dropped]
    command = [expected if word == "gpu" else word for word in container["command"]]
    ran = engine.run("--read-only", "--read-only-tmpfs=false", *limits, *folders, image, *command)
    assert ran.code == {"gpu": 1, "cpu": 0}[expected], ran.out


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_the_manifests_are_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(manifest, version, strict=True)
    manifest = {**manifest, "spec": {**manifest["spec"], "backofLimit": 0}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, version, strict=True)
