"""Images that compose files, devcontainers, workflows, pods and GitLab jobs start, and whether they give them a GPU."""

from __future__ import annotations

import pytest
from small import Files, judge, rules, said, unread

GPU = "tensorflow/tensorflow:2.17.0-gpu"
UNREQUESTED = f"requests no GPU, and {GPU} means one: TensorFlow runs on the CPU without an error"
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - name: a\n    image: tensorflow/tensorflow:2.17.0-gpu\n"
NO_WHEEL = "FROM python:3.12-slim\nRUN pip install tensorflow==2.15.0\n"


def service(*texts: str, name: str = "train", image: str = GPU) -> str:
    return "\n".join(("services:", f"  {name}:", f"    image: {image}", *(f"    {text}" for text in texts), ""))


def unrequested(files: Files) -> list[str]:
    return [f"{f.place}: {f.message}" for f in judge(files).findings if f.rule == "gpu-not-requested"]


def test_what_starts_a_gpu_image_without_a_gpu() -> None:
    assert unrequested({"compose.yaml": service()}) == [f"compose.yaml:2: service train {UNREQUESTED}"]
    assert unrequested({"pod.yaml": POD}) == [f"pod.yaml:8: container a of Pod x {UNREQUESTED}"]
    assert unrequested({".devcontainer/devcontainer.json": f'{{"image": "{GPU}"}}'}) == [
        f".devcontainer/devcontainer.json:1: The development container {UNREQUESTED}"
    ]


@pytest.mark.parametrize(
    "texts",
    [
        ("gpus: all",),
        ("runtime: nvidia",),
        ("deploy:", "  resources:", "    reservations:", "      devices:", "        - driver: nvidia", "          capabilities: [gpu]"),
        ("environment:", '  CUDA_VISIBLE_DEVICES: ""'),
        ("environment:", "  - CUDA_VISIBLE_DEVICES=-1"),
        ("environment:", "  NVIDIA_VISIBLE_DEVICES: none"),
    ],
)
def test_a_gpu_is_requested_or_not_wanted(texts: tuple[str, ...]) -> None:
    assert unrequested({"compose.yaml": service(*texts)}) == []


def test_pods_and_devcontainers_that_request_it() -> None:
    limits = "    resources:\n      limits:\n        nvidia.com/gpu: 1\n"
    assert unrequested({"pod.yaml": POD + limits}) == []
    assert unrequested({"pod.yaml": POD + limits.replace("1", "0")}) != []
    for text in ('"runArgs": ["--gpus", "all"]', '"runArgs": ["--gpus=all"]', '"hostRequirements": {"gpu": true}'):
        assert unrequested({".devcontainer.json": f'{{"image": "{GPU}", {text}}}'}) == []


def test_another_that_has_the_gpu_speaks_for_the_same_image() -> None:
    two = service("gpus: all") + f"  board:\n    image: {GPU}\n"
    assert unrequested({"compose.yaml": two}) == []
    other = service("gpus: all", image="tensorflow/tensorflow:2.16.1-gpu") + f"  board:\n    image: {GPU}\n"
    assert unrequested({"compose.yaml": other}) == [f"compose.yaml:5: service board {UNREQUESTED}"]


def test_an_override_beside_it_gives_the_gpu() -> None:
    override = "services:\n  train:\n    gpus: all\n"
    assert unrequested({"compose.yaml": service(), "compose.override.yaml": override}) == []
    assert unrequested({"a/compose.yaml": service(), "b/compose.override.yaml": override}) != []


def test_a_cpu_image_that_is_given_a_gpu() -> None:
    assert said({"compose.yaml": service("gpus: all", image="tensorflow/tensorflow:2.17.0")}) == [
        "compose.yaml:3:12 error cpu-image-with-gpu-package: tensorflow/tensorflow:2.17.0 carries a CPU build of TensorFlow, and a GPU is expected"
    ]


def test_a_build_that_is_given_a_gpu() -> None:
    compose = "services:\n  train:\n    build: .\n    gpus: all\n"
    files: Files = {"compose.yaml": compose, "Dockerfile": "FROM python:3.11-slim\nRUN pip install tensorflow==2.18.0\n"}
    assert said(files) == [
        "Dockerfile:1:6 error cpu-image-with-gpu-package: service train means a GPU, and neither python:3.11-slim nor what is installed "
        "brings the CUDA 12.5.1 and cuDNN 9.3.0.75 that tensorflow 2.18.0 loads"
    ]
    assert said({**files, "compose.yaml": compose.replace("    gpus: all\n", "")}) == []


def test_variables_of_the_service_count() -> None:
    compose = 'services:\n  train:\n    build: .\n    environment:\n      TF_USE_LEGACY_KERAS: "1"\n'
    files: Files = {"compose.yaml": compose, "Dockerfile": "FROM python:3.11-slim\nRUN pip install tensorflow==2.17.0 tf-keras==2.17.0\n"}
    assert "two-keras" not in {f.rule for f in judge(files).findings}
    off = judge({**files, "compose.yaml": compose.replace('"1"', '"0"')}).findings
    assert [(f.severity, str(f.place)) for f in off if f.rule == "two-keras"] == [("info", "Dockerfile:2")]


def test_the_platform_of_the_service_counts() -> None:
    compose = "services:\n  train:\n    build: .\n    platform: linux/arm64\n"
    files: Files = {
        "compose.yaml": compose,
        "Dockerfile": "FROM python:3.10-slim\nRUN pip install tensorflow==2.9.0 'numpy<2' 'protobuf<3.20'\n",
    }
    assert rules(files) == ["Dockerfile:2 platform-has-wheel"]
    assert rules({**files, "compose.yaml": compose.replace("arm64", "amd64")}) == []


def test_scripts_of_jobs_install_into_their_image() -> None:
    requirements: Files = {"requirements.txt": "tensorflow==2.15.0\n"}
    gitlab = "test:\n  image: python:3.12-slim\n  script:\n    - pip install {}\n"
    workflow = (
        "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    container: python:3.12-slim\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - run: |\n          pip install -U pip\n          pip install {}\n"
    )
    for name, text, line in ((".gitlab-ci.yml", gitlab, 4), (".github/workflows/ci.yml", workflow, 10)):
        direct = judge({name: text.format("tensorflow==2.15.0")}).findings
        assert [(f.rule, str(f.place)) for f in direct if f.severity == "error"] == [("no-wheel-for-interpreter", f"{name}:{line}")]
        place = next(f.place for f in direct if f.severity == "error")
        assert text.format("tensorflow==2.15.0")[place.start : place.end] == "tensorflow==2.15.0"
        assert rules({**requirements, name: text.format("-r requirements.txt")}) == ["requirements.txt:1 no-wheel-for-interpreter"]
        assert rules({**requirements, name: text.format("-r requirements.txt").replace("3.12", "3.11")}) == []


def test_a_devcontainer_builds_in_the_context_that_it_names() -> None:
    files: Files = {
        ".devcontainer/devcontainer.json": '{\n  // beside it\n  "build": {"dockerfile": "Dockerfile", "context": ".."},\n}',
        ".devcontainer/Dockerfile": "FROM python:3.12-slim\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\n",
        "requirements.txt": "tensorflow==2.15.0\n",
    }
    assert rules(files) == ["requirements.txt:1 no-wheel-for-interpreter"]


def test_a_build_is_judged_once_for_each_way_it_is_built() -> None:
    compose = "services:\n  one:\n    build:\n      context: .\n      args: {V: '3.12'}\n  two:\n    build:\n      context: .\n      args: {V: '3.11'}\n"
    text = "ARG V=3.11\nFROM python:$V-slim\nRUN pip install tensorflow==2.15.0\n"
    assert rules({"Dockerfile": text, "compose.yaml": compose}) == ["Dockerfile:3 no-wheel-for-interpreter"]
    same = "services:\n  one:\n    build: .\n  two:\n    build: .\n"
    assert rules({"Dockerfile": NO_WHEEL, "compose.yaml": same}) == ["Dockerfile:2 no-wheel-for-interpreter"]


PLAIN = "FROM python:3.12-slim AS base\nRUN pip install tensorflow==2.17.0\n"


@pytest.mark.parametrize(
    ("build", "told"),
    [
        ("build: .", []),
        ("build: {context: ., target: base}", []),
        ("build: {context: ., target: Base}", []),
        ("build: {context: ., target: '0'}", []),
        (
            "build: {context: ., target: gone}",
            ["!compose.yaml:2 service t is built to the stage gone, and Dockerfile has none of that name"],
        ),
        (
            "build: {context: ., dockerfile: x/Dockerfile}",
            ["!compose.yaml:2 service t is built from x/Dockerfile, which is not in the tree"],
        ),
        ("build: ./submodule", ["compose.yaml:3 service t is built from submodule/Dockerfile, which is not in the tree"]),
    ],
)
def test_a_build_whose_dockerfile_or_stage_is_not_there_is_told(build: str, told: list[str]) -> None:
    files: Files = {"compose.yaml": f"services:\n  t:\n    {build}\n", "Dockerfile": PLAIN}
    assert unread(files) == told


def test_what_cannot_be_read_is_told() -> None:
    inline = "services:\n  t:\n    build:\n      dockerfile_inline: |\n        FROM python:3.12-slim\n"
    assert unread({"compose.yaml": inline}) == ["compose.yaml:4 the Dockerfile of service t is written inline and is not read"]
    assert unread({"compose.yaml": service(image='"UPPER:::x"')}) == ["compose.yaml:3 'UPPER:::x' is not an image reference"]
