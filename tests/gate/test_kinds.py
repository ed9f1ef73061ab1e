"""Files are known by their names, and manifests by what they begin with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.gate.kinds import kind_of, looks_like

KINDS = {
    "dockerfile": "Dockerfile Containerfile Dockerfile.gpu docker/Dockerfile-cpu gpu.Dockerfile a/b.dockerfile Containerfile.dev x.containerfile",
    "requirements": "requirements.txt requirements-dev.txt dev-requirements.txt requirements.in requirements/base.txt a/requirements/gpu.in "
    "requirements_gpu.txt docker/requirements.lock.txt",
    "constraints": "constraints.txt a/constraints-3.11.txt upper-constraints.txt constraints.in requirements/constraints.txt",
    "pyproject": "pyproject.toml services/api/pyproject.toml",
    "uv.lock": "uv.lock a/uv.lock",
    "poetry.lock": "poetry.lock",
    "pdm.lock": "pdm.lock",
    "Pipfile.lock": "Pipfile.lock",
    "pylock": "pylock.toml pylock.gpu.toml",
    "environment": "environment.yml environment.yaml environment-gpu.yml conda/environment_cpu.yaml gpu-environment.yml",
    "conda-lock": "conda-lock.yml gpu.conda-lock.yml a/conda-lock.yaml",
    "pixi.toml": "pixi.toml",
    "pixi.lock": "pixi.lock",
    "compose": "compose.yaml compose.yml docker-compose.yml docker-compose.override.yml compose.gpu.yaml deploy/docker-compose-gpu.yml podman-compose.yml",
    "devcontainer": ".devcontainer.json .devcontainer/devcontainer.json .devcontainer/gpu/devcontainer.json sub/.devcontainer/devcontainer.json",
    "workflow": ".github/workflows/ci.yml .github/workflows/release.yaml",
    "gitlab": ".gitlab-ci.yml ci/test.gitlab-ci.yml",
    "kubernetes": "deploy/train.yaml k8s/pod.yml mkdocs.yml",
    "model": "model.h5 a/b.hdf5 m.keras export/1/saved_model.pb M.H5 a/B.Hdf5 MODEL.KERAS",
}
NONE = (
    "Dockerfile.dockerignore .dockerignore README.md notes.txt requirements.md Dockerfile/notes.md devcontainer.json .github/dependabot.yml "
    "requirements.txt.bak setup.py docs/dockerfile.rst my-dockerfile .github/workflows/nested/ci.yml src/requirements.py tf.pb a.devcontainer.json"
)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in KINDS.items() for name in names.split()])
def test_names(kind: str, name: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize("name", NONE.split())
def test_other_files(name: str) -> None:
    assert kind_of(name) is None


@given(st.text(st.sampled_from("Dockerfile./-_conmpsqurt\n")))
def test_any_name_has_an_answer(name: str) -> None:
    assert kind_of(name) is None or name.rpartition("/")[2] != ""


POD = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a}]}\n"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (POD, True),
        ('# a\r\n---\r\nkind: Pod\r\napiVersion: v1\r\nspec:\r\n  "image" : a\r\n', True),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {images: a}\n", False),
        ("a:\n  apiVersion: v1\n  kind: Pod\n  image: a\n", False),
        ("kind: x\nimage: a\n", False),
        ("", False),
    ],
)
def test_manifests_are_known_by_their_text(text: str, answer: bool) -> None:
    assert looks_like("kubernetes", text) is answer


def test_other_kinds_need_no_second_look() -> None:
    assert looks_like("dockerfile", "")
