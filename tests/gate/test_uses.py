"""What files that start containers say: images, builds, GPUs, variables and commands."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.gate.declared import BuildUse, ImageUse, Uses
from tfcompat.gate.readers.uses import read_compose, read_devcontainer, read_gitlab, read_kubernetes, read_workflow
from tfcompat.gate.readers.values import below, expand
from tfcompat.gate.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

READERS = (read_compose, read_devcontainer, read_gitlab, read_kubernetes, read_workflow)


def source(text: str, name: str = "compose.yaml") -> Source:
    return Source(name, dedent(text).lstrip("\n"))


def one(uses: Uses) -> ImageUse:
    assert uses.problems == ()
    (image,) = uses.images
    return image


def said(uses: Uses) -> list[str]:
    return [f"{each.place} {each.reason}{' (grave)' if each.grave else ''}" for each in uses.problems]


def service(text: str) -> ImageUse:
    return one(read_compose(source("services:\n  train:\n" + "".join(f"    {line}\n" for line in dedent(text).strip().split("\n")))))


def test_a_service_and_where_it_stands() -> None:
    file = source(
        "services:\n  train:\n    image: 'tensorflow/tensorflow:2.15.0-gpu'\n    platform: linux/amd64\n    environment: [A=1, B]\n"
    )
    use = one(read_compose(file))
    assert (use.what, use.reference, use.gpu, use.platform, use.environment) == (
        "service train", "tensorflow/tensorflow:2.15.0-gpu", False, "linux/amd64", {"A": "1"},
    )  # fmt: skip
    assert (use.place.line, use.place.column) == (3, 13)
    assert file.text[use.place.start : use.place.end] == use.reference
    assert use.where_gpu is not None
    assert use.where_gpu.line == 2


@pytest.mark.parametrize(
    "asks",
    [
        "gpus: all",
        "gpus:\n  - driver: nvidia\n    count: 1",
        "runtime: nvidia",
        "runtime: ${RUNTIME:-nvidia}",
        "deploy:\n  resources:\n    reservations:\n      devices:\n        - driver: nvidia\n          count: all\n          capabilities: [gpu]",
        "deploy: {resources: {reservations: {devices: [{capabilities: [gpu, utility]}]}}}",
        "deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: ['nvidia.com/gpu=all']}]}}}",
        "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: NVIDIA-GPU, value: 1}}]}}}",
        "device_requests: [{driver: nvidia, count: -1, capabilities: [[gpu]]}]".replace("[[gpu]]", "[gpu]"),
        "devices: ['nvidia.com/gpu=0']",
        "devices: [/dev/nvidia0:/dev/nvidia0]",
    ],
)
def test_a_service_asks_for_a_gpu(asks: str) -> None:
    use = service("image: x\n" + asks)
    assert use.gpu is True
    assert use.where_gpu is not None
    assert use.where_gpu.line > 3


@pytest.mark.parametrize(
    ("asks", "gpu"),
    [
        ("deploy: {resources: {reservations: {devices: [{driver: amd, capabilities: [gpu]}]}}}", False),
        ("deploy: {resources: {reservations: {devices: [{count: 0, capabilities: [gpu]}]}}}", False),
        ("deploy: {resources: {reservations: {devices: [{capabilities: [tpu]}]}}}", False),
        ("deploy: {resources: {limits: {cpus: '4'}}}", False),
        ("runtime: runc", False),
        ("gpus: 0", False),
        ("gpus: []", False),
        ("runtime: ${RUNTIME}", None),
    ],
)
def test_a_service_asks_for_none(asks: str, gpu: bool | None) -> None:
    assert service("image: x\n" + asks).gpu is gpu


@pytest.mark.parametrize(
    ("name", "build", "expected"),
    [
        ("compose.yaml", ".", BuildUse("", "Dockerfile")),
        ("deploy/compose.yaml", "..", BuildUse("", "Dockerfile")),
        ("deploy/compose.yaml", "{context: ../api, dockerfile: docker/gpu.Dockerfile}", BuildUse("api", "api/docker/gpu.Dockerfile")),
        ("compose.yaml", "{dockerfile: ../x/Dockerfile, context: api}", BuildUse("api", "x/Dockerfile")),
        (
            "compose.yaml",
            "{context: ., args: {TF: 2.15, N: , E: '${T:-a}', U: '${V}'}, target: gpu}",
            BuildUse("", "Dockerfile", {"TF": "2.15", "E": "a"}, "gpu"),
        ),
        ("compose.yaml", "{context: ., args: [TF=2.15, N]}", BuildUse("", "Dockerfile", {"TF": "2.15"})),
        ("compose.yaml", "{context: '${DIR:-api}'}", BuildUse("api", "api/Dockerfile")),
    ],
)
def test_a_service_is_built(name: str, build: str, expected: BuildUse) -> None:
    use = one(read_compose(source(f"services: {{train: {{build: {build}, image: my/name:1}}}}", name)))
    assert use.build == expected
    assert use.reference is None  # it names the result


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        ("..", "service s is built from .., which is outside of the tree"),
        ("https://github.com/a/b.git#main", "service s is built from https://github.com/a/b.git#main, which is outside of the tree"),
        ("git@github.com:a/b", "service s is built from git@github.com:a/b, which is outside of the tree"),
        ("/srv", "service s is built from /srv, which is outside of the tree"),
        ("${DIR}", "the context of service s is named by a variable without a default: ${DIR}"),
        ("{dockerfile: ../D}", "the Dockerfile of service s is ../D, which is outside of the tree"),
        ("{dockerfile_inline: 'FROM x'}", "the Dockerfile of service s is written inline and is not read"),
    ],
)
def test_builds_that_cannot_be_followed(build: str, problem: str) -> None:
    uses = read_compose(source(f"services: {{s: {{build: {json.dumps(build) if build[0] != '{' else build}}}}}"))
    assert said(uses) == [f"compose.yaml:1 {problem}"]
    assert uses.images[0].build is None or uses.images[0].build.dockerfile is None


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("tf:${TAG:-2.15}", "tf:2.15"),
        ("tf:${TAG-2.15}", "tf:2.15"),
        ("${R:-tensorflow}/${N:-tensorflow}:${A:-${B:-2}.15}", "tensorflow/tensorflow:2.15"),
        ("tf:2.15${GPU:+-gpu}", "tf:2.15"),
        ("tf:$${X}", "tf:${X}"),
        ("tf:${TAG}", None),
        ("tf:$TAG", None),
        ("tf:${TAG:?say it}", None),
        ("tf:${TAG:-2.15", None),
        ("tf:${A:-${B}}", None),
    ],
)
def test_variables_of_images(image: str, reference: str | None) -> None:
    uses = read_compose(source(f"services: {{s: {{image: '{image}'}}}}"))
    assert uses.images[0].reference == reference
    expected = f"compose.yaml:1 the image of service s is named by a variable without a default: {image}"
    assert said(uses) == ([] if reference else [expected])


def test_services_extend_and_merge() -> None:
    uses = read_compose(
        source("""
        x-gpu: &gpu
          deploy: {resources: {reservations: {devices: [{driver: nvidia, capabilities: [gpu]}]}}}
        services:
          base: {image: "tf:1", environment: {A: 1, B: 2}, profiles: [never]}
          child: {extends: base, environment: [B=3], runtime: nvidia}
          again: {extends: {service: child}, image: "tf:2"}
          merged: {<<: *gpu, image: "tf:3"}
          loop: {extends: loop, image: "tf:4"}
          away: {extends: {file: other.yaml, service: x}}
        """)
    )
    assert [(each.what, each.reference, each.gpu, dict(each.environment)) for each in uses.images] == [
        ("service base", "tf:1", False, {"A": "1", "B": "2"}),
        ("service child", "tf:1", True, {"A": "1", "B": "3"}),
        ("service again", "tf:2", True, {"A": "1", "B": "3"}),
        ("service merged", "tf:3", True, {}),
        ("service loop", "tf:4", False, {}),
        ("service away", None, None, {}),
    ]
    assert said(uses) == [
        "compose.yaml:8 service loop extends itself",
        "compose.yaml:9 service away extends a service of other.yaml, which is not followed",
    ]


def test_commands_of_a_service() -> None:
    assert [text for text, _ in service("image: x\ncommand: pip install tf").runs] == ["pip install tf"]
    assert [text for text, _ in service("image: x\ncommand: [bash, -lc, 'pip install tf && a']").runs] == ["pip install tf && a"]
    assert [text for text, _ in service("image: x\nentrypoint: [pip, install, 'a b']").runs] == ["pip install 'a b'"]


@pytest.mark.parametrize("text", ["include: [a.yaml]\n", "services:\n", "services: {a: }\n"])
def test_files_that_start_nothing(text: str) -> None:
    assert read_compose(source(text)) == Uses("compose.yaml", ())


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
@pytest.mark.parametrize("read", [read_compose, read_workflow, read_gitlab])
def test_an_empty_file_is_said_to_be_empty(read: Callable[[Source], Uses], text: str) -> None:
    uses = read(source(text))
    assert (uses.images, said(uses)) == ((), ["compose.yaml:1 it is empty"])


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (read_compose, "- a\n", "compose.yaml:1 it is not a Compose file: services should be a map (grave)"),
        (read_compose, "services: [a]\n", "compose.yaml:1 it is not a Compose file: services should be a map (grave)"),
        (read_compose, "a: [\n", "compose.yaml:2 it is not YAML: did not find expected node content (grave)"),
        (read_devcontainer, "{", 'compose.yaml:1 it is not JSON: it ends where a key in "" or } should stand (grave)'),
        (read_devcontainer, "[]", "compose.yaml:1 it is not a devcontainer: it should be a map (grave)"),
        (read_workflow, "x\n", "compose.yaml:1 it is not a workflow: it should be a map (grave)"),
        (read_workflow, "a: b: c\n", "compose.yaml:1 it is not YAML: mapping values are not allowed in this context (grave)"),
        (read_gitlab, "[]\n", "compose.yaml:1 it is not a GitLab pipeline: it should be a map (grave)"),
        (read_gitlab, "a: *b\n", "compose.yaml:1 the alias *b names nothing (grave)"),
        (read_kubernetes, "image: [\n", "compose.yaml:2 it is not YAML: did not find expected node content"),
        (read_kubernetes, "image: [\n# a Keras model", "compose.yaml:2 it is not YAML: did not find expected node content (grave)"),
        (read_kubernetes, "image: {registry}/x:1\n", "compose.yaml:1 it is not YAML: did not find expected key"),
        (read_kubernetes, "image: {r}/tensorflow:1\n", "compose.yaml:1 it is not YAML: did not find expected key (grave)"),
        (read_kubernetes, "image: " + "[" * 200, "compose.yaml:1 it is nested more than 100 levels deep"),
        (read_kubernetes, "---\nimage: a\n" * 10_001, "compose.yaml:20001 only 10,000 of its documents are read"),
        (read_kubernetes, "image: {{ .Values.x }}\nb: - nvidia\n", "compose.yaml:2 it is a template, which is not filled in here"),
    ],
)
def test_files_that_are_not_what_they_should_be(read: Callable[[Source], Uses], text: str, problem: str) -> None:
    uses = read(source(text))
    assert said(uses) == [problem]
    assert uses.images == ()


def devcontainer(text: str, name: str = ".devcontainer/devcontainer.json") -> Uses:
    return read_devcontainer(source(text, name))


@pytest.mark.parametrize(
    ("name", "run"),
    [
        (".devcontainer/devcontainer.json", "pip install tf"),
        (".devcontainer/gpu/devcontainer.json", "pip install tf"),
        (".devcontainer.json", "pip install tf"),
        ("a/b/.devcontainer/devcontainer.json", "cd a/b; pip install tf"),
        ("a/.devcontainer/gpu/devcontainer.json", "cd a; pip install tf"),
        ("a b/.devcontainer.json", "cd 'a b'; pip install tf"),
    ],
)
def test_commands_of_a_devcontainer_work_in_its_workspace(name: str, run: str) -> None:
    use = one(devcontainer('{"image": "x", "postCreateCommand": "pip install tf"}', name))
    assert [(text, str(place)) for text, place in use.runs] == [(run, f"{name}:1")]


def test_a_devcontainer_of_an_image() -> None:
    file = source(
        """
        {
          // the image
          "image": "tensorflow/tensorflow:2.15.0-gpu",
          "runArgs": ["--ipc=host", "--gpus", "all", "--platform=linux/amd64"],
          "features": {"ghcr.io/devcontainers/features/nvidia-cuda:1": {"installCudnn": true}, "ghcr.io/x/git:1": {}},
          "containerEnv": {"A": "1", "W": "${containerWorkspaceFolder}"}, "remoteEnv": {"B": "${localEnv:B:2}"},
          "postCreateCommand": "pip install -r requirements.txt",
          "updateContentCommand": {"a": ["bash", "-c", "pip install keras"], "b": "true"},
        }
        """,
        ".devcontainer/devcontainer.json",
    )
    use = one(read_devcontainer(file))
    assert (use.what, use.reference, use.gpu, use.platform) == (
        "the development container", "tensorflow/tensorflow:2.15.0-gpu", True, "linux/amd64",
    )  # fmt: skip
    assert use.environment == {"A": "1", "B": "2"}
    assert [(text, place.line) for text, place in use.runs] == [
        ("feature nvidia-cuda", 5), ("pip install keras", 8), ("true", 8), ("pip install -r requirements.txt", 7),
    ]  # fmt: skip
    assert (use.place.line, use.where_gpu and use.where_gpu.line) == (3, 4)
    assert file.text[use.place.start : use.place.end] == use.reference


@pytest.mark.parametrize(
    ("rest", "gpu"),
    [
        ('"runArgs": ["--gpus=all"]', True),
        ('"runArgs": ["--runtime", "nvidia"]', True),
        ('"runArgs": ["--runtime=nvidia"]', True),
        ('"runArgs": ["--device", "nvidia.com/gpu=all"]', True),
        ('"runArgs": ["--device=/dev/nvidia0"]', True),
        ('"runArgs": ["--gpus"]', False),
        ('"runArgs": ["--device=/dev/kvm", "--runtime=runc"]', False),
        ('"hostRequirements": {"gpu": true}', True),
        ('"hostRequirements": {"gpu": "optional"}', True),
        ('"hostRequirements": {"gpu": {"cores": 1000}}', True),
        ('"hostRequirements": {"gpu": false}', False),
        ('"hostRequirements": {"cpus": 4}', False),
    ],
)
def test_a_devcontainer_asks_for_a_gpu(rest: str, gpu: bool) -> None:
    assert one(devcontainer(f'{{"image": "x", {rest}}}')).gpu is gpu


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            ".devcontainer/devcontainer.json",
            '{"build": {"dockerfile": "Dockerfile"}}',
            BuildUse(".devcontainer", ".devcontainer/Dockerfile"),
        ),
        (
            ".devcontainer/gpu/devcontainer.json",
            '{"build": {"dockerfile": "../../Dockerfile", "context": "../..", "args": {"TF": "2.15", "X": "${localEnv:X}"}, "target": "dev"}}',
            BuildUse("", "Dockerfile", {"TF": "2.15"}, "dev"),
        ),
        (".devcontainer.json", '{"dockerFile": "docker/Dockerfile", "context": "docker"}', BuildUse("docker", "docker/Dockerfile")),
    ],
)
def test_a_devcontainer_is_built(name: str, text: str, expected: BuildUse) -> None:
    use = one(devcontainer(text, name))
    assert (use.build, use.reference) == (expected, None)


def test_a_devcontainer_that_cannot_be_followed() -> None:
    assert said(devcontainer('{"image": "${localEnv:IMAGE}"}')) == [
        ".devcontainer/devcontainer.json:1 the image of the development container is named by a variable without a default: ${localEnv:IMAGE}"
    ]
    assert said(devcontainer('{"build": {"dockerfile": "../../D"}}')) == [
        ".devcontainer/devcontainer.json:1 the Dockerfile of the development container is ../../D, which is outside of the tree"
    ]
    assert devcontainer('{"dockerComposeFile": "../compose.yaml", "service": "app", "image": "x"}').images == ()
    assert devcontainer("{}").images == ()


def workflow(text: str) -> Uses:
    return read_workflow(source(text, ".github/workflows/ci.yml"))


def test_a_workflow() -> None:
    uses = workflow("""
        on: push
        env: {TF_CPP_MIN_LOG_LEVEL: 1, S: "${{ secrets.S }}"}
        defaults: {run: {working-directory: api}}
        jobs:
          test:
            runs-on: ubuntu-latest
            container: tensorflow/tensorflow:2.15.0
            env: {A: 1}
            services: {db: {image: "postgres:16"}, none: }
            steps:
              - uses: actions/checkout@v4
              - run: pip install -r requirements.txt
              - name: lint
                uses: docker://ghcr.io/a/b:1
              - run: |
                  pip install tensorflow==${{ matrix.tf }}
                  pytest
                working-directory: ${{ x }}
              - {run: print(1), shell: python}
          gpu:
            runs-on: [self-hosted, GPU]
            container: {image: "tf:1", options: "--ipc=host --gpus all", env: {A: 2}}
          slow: {runs-on: {group: gpu-runners}, container: {image: "tf:2"}}
          plain: {runs-on: ubuntu-latest, steps: [{run: pip install keras}]}
          called: {uses: ./.github/workflows/other.yml}
        """)
    assert uses.problems == ()
    assert [(each.what, each.reference, each.gpu, each.place.line) for each in uses.images] == [
        ("job test", "tensorflow/tensorflow:2.15.0", None, 7),
        ("service db of job test", "postgres:16", None, 9),
        ("step lint of job test", "ghcr.io/a/b:1", None, 14),
        ("job gpu", "tf:1", True, 22),
        ("job slow", "tf:2", False, 23),
    ]
    test = uses.images[0]
    assert test.environment == {"TF_CPP_MIN_LOG_LEVEL": "1", "A": "1"}
    assert [text for text, _ in test.runs] == ["cd api; pip install -r requirements.txt", "pip install tensorflow==${expression}\npytest\n"]


def test_the_matrix_of_a_workflow() -> None:
    uses = workflow("""
        jobs:
          test:
            strategy:
              matrix:
                image: ["tf:1", "tf:2"]
                tf: [2.15.0, 2.16.1]
                kind: ["", -gpu]
                exclude: [{tf: 2.16.1, kind: -gpu}, {tf: 2.15.0, image: "tf:1"}]
                include: [{tf: 2.17.0, kind: -jupyter}, {tf: 2.15.0, kind: ""}, {other: 1}]
            container: ${{ matrix.image }}
            services: {s: {image: "tf:${{ matrix.tf }}${{matrix.kind}}"}}
          dynamic: {strategy: {matrix: "${{ fromJSON(x) }}"}, container: "tf:${{ matrix.tf }}"}
          input: {container: "${{ inputs.image || 'tf:1' }}"}
        """)
    assert [(each.what, each.reference, each.place.line, each.place.column) for each in uses.images] == [
        ("job test (image tf:1)", "tf:1", 5, 18),
        ("job test (image tf:2)", "tf:2", 5, 26),
        ("service s of job test (tf 2.15.0)", "tf:2.15.0", 11, 28),
        ("service s of job test (tf 2.15.0, kind -gpu)", "tf:2.15.0-gpu", 11, 28),
        ("service s of job test (tf 2.16.1)", "tf:2.16.1", 11, 28),
        ("service s of job test (tf 2.17.0, kind -jupyter)", "tf:2.17.0-jupyter", 11, 28),
        ("job dynamic", None, 12, 67),
        ("job input", None, 13, 23),
    ]
    assert said(uses) == [
        ".github/workflows/ci.yml:12 the image of job dynamic is an expression that only a run knows: tf:${{ matrix.tf }}",
        ".github/workflows/ci.yml:13 the image of job input is an expression that only a run knows: ${{ inputs.image || 'tf:1' }}",
    ]


def gitlab(text: str) -> Uses:
    return read_gitlab(source(text, ".gitlab-ci.yml"))


def test_gitlab_jobs() -> None:
    uses = gitlab("""
        variables: {TF: 2.15.0, IMAGE: "tensorflow/tensorflow:$TF", DEEP: {value: x, description: y}}
        default:
          image: python:3.11
          before_script: [pip install -U pip]
        .gpu: &gpu
          image: {name: "tensorflow/tensorflow:${TF}-gpu", docker: {platform: linux/amd64}}
          tags: [gpu]
        .install: {script: [pip install -r requirements.txt]}
        plain: {script: pytest}
        merged: {<<: *gpu, script: [[a], [!reference [.install, script], b]]}
        extended: {extends: [.install, .gpu], variables: {TF: 2.16.1}, before_script: []}
        deep: {image: $IMAGE, inherit: {default: [image]}, script: a, services: ["postgres:16", {name: "redis:$R", alias: cache}]}
        bare: {inherit: {default: false}, script: a}
        away: {extends: .remote, image: "$CI_REGISTRY_IMAGE:1"}
        """)
    assert [(each.what, each.reference, each.gpu, each.platform, each.place.line) for each in uses.images] == [
        ("job plain", "python:3.11", None, None, 3),
        ("job merged", "tensorflow/tensorflow:2.15.0-gpu", None, "linux/amd64", 6),
        ("job extended", "tensorflow/tensorflow:2.16.1-gpu", None, "linux/amd64", 6),
        ("job deep", "tensorflow/tensorflow:2.15.0", None, None, 12),
        ("service 1 of job deep", "postgres:16", None, None, 12),
        ("service cache of job deep", None, None, None, 12),
        ("job away", None, None, None, 14),
    ]
    assert {each.what: [text for text, _ in each.runs] for each in uses.images[:4]} == {
        "job plain": ["pip install -U pip", "pytest"],
        "job merged": ["pip install -U pip", "a", "pip install -r requirements.txt", "b"],
        "job extended": ["pip install -r requirements.txt"],
        "job deep": ["a"],
    }
    assert said(uses) == [
        ".gitlab-ci.yml:12 the image of service cache of job deep is named by a variable that only a run knows: redis:$R",
        ".gitlab-ci.yml:14 job away extends .remote, which is not in this file",
        ".gitlab-ci.yml:14 the image of job away is named by a variable that only a run knows: $CI_REGISTRY_IMAGE:1",
    ]


def test_gitlab_without_jobs_and_with_inputs() -> None:
    uses = gitlab("spec: {inputs: {tf: }}\n---\nimage: tf:1\nservices: [db:1]\n.template: {script: a}\n")
    assert [(each.what, each.reference) for each in uses.images] == [
        ("the default image", "tf:1"),
        ("service 1 of the default image", "db:1"),
    ]
    assert said(gitlab("job: {image: 'tf:$[[ inputs.tf ]]'}\n")) == [
        ".gitlab-ci.yml:1 the image of job job is named by a variable that only a run knows: tf:$[[ inputs.tf ]]"
    ]


def pods(text: str) -> Uses:
    return read_kubernetes(source(text, "k8s/train.yaml"))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Pod", "spec"),
        ("Deployment", "spec.template.spec"),
        ("CronJob", "spec.jobTemplate.spec.template.spec"),
        ("TFJob", "spec.tfReplicaSpecs.Worker.template.spec"),
    ],
)
def test_pods_of_every_kind(kind: str, path: str) -> None:
    spec: object = {
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "initContainers": [{"name": "init", "image": "busybox:1"}],
        "containers": [
            {
                "name": "train", "image": "tf:1", "resources": {"limits": {"nvidia.com/gpu": 1}},
                "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}, {"name": "C", "value": "$(A)"}],
                "command": ["/bin/sh", "-c"], "args": ["pip install tf"],
            },
        ],
    }  # fmt: skip
    for part in reversed(path.split(".")):
        spec = {part: spec}
    uses = pods(json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **spec}, indent=1))  # type: ignore[dict-item]
    assert uses.problems == ()
    assert [(each.what, each.reference, each.gpu, each.platform) for each in uses.images] == [
        (f"container init of {kind} x", "busybox:1", False, "linux/arm64"),
        (f"container train of {kind} x", "tf:1", True, "linux/arm64"),
    ]
    assert uses.images[1].environment == {"A": "1"}
    assert [text for text, _ in uses.images[1].runs] == ["pip install tf"]


@pytest.mark.parametrize(
    ("rest", "gpu"),
    [
        ("resources: {limits: {nvidia.com/gpu: '2'}}", True),
        ("resources: {requests: {nvidia.com/mig-1g.5gb: 1}}", True),
        ("resources: {limits: {nvidia.com/gpu: 0}}", False),
        ("resources: {limits: {cpu: 1, memory: 1Gi}}", False),
        ("resources: {limits: {amd.com/gpu: 1}}", False),
        ("resources: {limits: {aliyun.com/gpu-mem: 3}}", None),
        ("resources: {claims: [{name: gpu}]}", None),
    ],
)
def test_a_container_asks_for_a_gpu(rest: str, gpu: bool | None) -> None:
    assert one(pods(f"apiVersion: v1\nkind: Pod\nspec: {{containers: [{{name: a, image: x, {rest}}}]}}\n")).gpu is gpu


def test_manifests_in_one_file_lists_and_templates() -> None:
    uses = pods("""
        apiVersion: v1
        kind: List
        items:
          - {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {runtimeClassName: nvidia, containers: [{image: "tf:1"}]}}
        ---
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {generateName: w-}
        spec: {templates: [{name: t, script: {image: "tf:2", source: "pip install a", command: [bash]}}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: b}
        spec: {containers: [{name: c, image: $IMAGE}, {name: patch, resources: {limits: {nvidia.com/gpu: 1}}}]}
        ---
        containers: [{image: "no-manifest:1"}]
        """)
    assert [(each.what, each.reference, each.gpu) for each in uses.images] == [
        ("container of Pod a", "tf:1", True),
        ("container of Workflow without a name", "tf:2", False),
        ("container c of Pod b", None, False),
        ("container patch of Pod b", None, True),
    ]
    assert [text for text, _ in uses.images[1].runs] == ["bash", "pip install a"]
    assert said(uses) == ["k8s/train.yaml:14 the image of container c of Pod b is filled in later: $IMAGE"]


def test_documents_without_an_image_are_passed_over() -> None:
    uses = pods("""
        apiVersion: v1
        data: [
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        spec: {properties: {containers: [{name: a, image: {description: [}}]
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: a}
        spec:
          containers:
          - {name: c, image: "tf:1", command: ["---"]}
        """)
    assert ([(each.what, each.place.line, each.place.column) for each in uses.images], said(uses)) == (
        [("container c of Pod a", 13, 23)],
        [],
    )


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [
        ("", ".", ""),
        ("a", "..", ""),
        ("a", "../..", None),
        ("a/b", "./../c//d", "a/c/d"),
        ("", "/x", None),
        ("", "~/x", None),
        ("", "C:\\x", None),
    ],
)
def test_paths_stay_below_the_tree(folder: str, path: str, expected: str | None) -> None:
    assert below(folder, path) == expected


@given(st.text(st.sampled_from("${}:-?+AB_1 ")))
def test_only_dollars_are_replaced(text: str) -> None:
    assert expand(text.replace("$", "$$"), lambda name: None) == text
    expanded = expand(text, {"A": "1", "B": ""}.get)
    assert expanded is None or "${" not in expanded or "$$" in text


PIECES = st.sampled_from(
    ["services", "image", "build", "jobs", "container", "containers", "spec", "apiVersion", "kind", "extends", "script", "env", "steps", "run", "default",
     "gpus", "deploy", "strategy", "matrix", "include", "x", "${X:-y}", "${{ matrix.x }}", "$X", "..", "~", "runArgs", "features", "services", "variables"]
)  # fmt: skip
TREES = st.recursive(
    PIECES | st.none(), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PIECES, inner, max_size=6), max_leaves=40
)


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (read_compose, "services: {s: {image: 'a:${{ matrix.tf }}'}}", "the image of service s is named by a variable without a default: a:${{ matrix.tf }}"),
        (read_gitlab, "j: {image: 'a:${{ x }}'}", "the image of job j is named by a variable that only a run knows: a:${{ x }}"),
        (read_gitlab, "j: {image: 'a:$[[ inputs.x ]]'}", "the image of job j is named by a variable that only a run knows: a:$[[ inputs.x ]]"),
    ],
)  # fmt: skip
def test_expressions_of_another_system_are_not_known(read: Callable[[Source], Uses], text: str, problem: str) -> None:
    uses = read(source(text))
    assert ([use.reference for use in uses.images], said(uses)) == ([None], [f"compose.yaml:1 {problem}"])


@given(st.dictionaries(PIECES, TREES, min_size=1), st.sampled_from(READERS))
def test_no_tree_breaks_a_reader(value: object, read: Callable[[Source], Uses]) -> None:
    text = json.dumps(value)
    uses = read(Source("a/b", text))
    assert all(
        0 <= each.start <= each.end <= len(text)
        for each in [use.place for use in uses.images] + [problem.place for problem in uses.problems]
    )


@given(st.text() | st.text(st.sampled_from("{}[]:,-&*!|>'\"#%@ \n\tabservicjobs$")), st.sampled_from(READERS))
def test_no_text_breaks_a_reader(text: str, read: Callable[[Source], Uses]) -> None:
    assert read(Source("a", text)).name == "a"


HOSTILE = {
    "services": "x: &e {" + ", ".join(f"k{n}: v" for n in range(3_000)) + "}\nservices:\n" + "".join(f"  s{n}: {{image: a, environment: *e}}\n" for n in range(3_000)),
    "expressions": "jobs: {a: {container: x, steps: [{run: '" + "${{" * 50_000 + "'}]}}",
    "matrix": "jobs: {a: {container: '${{matrix.a}}${{matrix.b}}${{matrix.c}}', strategy: {matrix: {"
    + ", ".join(f"{k}: [{', '.join(map(str, range(3000)))}]" for k in "abc") + "}}}}",
    "scripts": "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)) + "job: {image: x, script: *u}\n",
    "variables": "services: {s: {image: '" + "${a:-" * 50_000 + "'}}",
    "pods": "apiVersion: v1\nkind: List\nitems: &i [x]\nall: [" + ", ".join(["{spec: {containers: [{image: a, env: []}]}}"] * 3_000) + "]\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("read", READERS)
def test_hostile_files_come_to_an_end(name: str, read: Callable[[Source], Uses]) -> None:
    uses = read(Source("a", HOSTILE[name]))
    assert len(uses.images) <= 500
    assert len(uses.images) < 500 or said(uses)[-1] == "a:1 it starts more than 500 containers (grave)"
