"""The gate where registries are asked: what they hold counts, and what they do not answer lets nothing pass."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from registry.test_commands import TF, UBUNTU, Bench, bench, stock

if TYPE_CHECKING:
    from registry.real_registry import RealRegistry

__all__ = ["bench", "stock"]  # fixtures


def gate(bench: Bench, dockerfile: str, *options: str, env: dict[str, str] | None = None) -> tuple[int, list[tuple[str, str, int]], Any]:
    (bench.work / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    done = bench.run("gate", "--format", "json", *options, env=bench.mirror if env is None else env)
    document = json.loads(done.out)
    found = [(f["rule"], f["severity"], f["line"]) for f in document["findings"]]
    return done.code, found, document["not_checked"]


def test_a_tag_that_the_registry_does_not_have(bench: Bench, stock: dict[str, str]) -> None:
    dockerfile = f"FROM {TF}:2.17.0-gpu\n"
    assert gate(bench, dockerfile, env={})[:2] == (0, [])
    assert gate(bench, dockerfile, "--online", env=bench.hub | bench.mirror) == (1, [("tag-does-not-exist", "error", 1)], [])


def test_an_image_of_ones_own_is_judged_by_its_config(bench: Bench, registry: RealRegistry) -> None:
    env = ("PYTHON_VERSION=3.12.4", "PATH=/usr/local/bin:/usr/bin")
    registry.push_image("acme/base", "1", env=env, history=["/bin/sh -c #(nop) ADD file:1 in /"], labels=UBUNTU)
    dockerfile = "FROM acme/base:1\nRUN pip install tensorflow==2.15.1\n"
    assert gate(bench, dockerfile)[:2] == (0, [("unknown-image", "warning", 1)])
    assert gate(bench, dockerfile, "--online") == (1, [("no-wheel-for-interpreter", "error", 2)], [])
    assert gate(bench, dockerfile.replace("2.15.1", "2.17.1"), "--online")[:2] == (0, [])


def test_a_registry_that_does_not_answer_is_no_verdict(bench: Bench) -> None:
    nobody = {"TFCOMPAT_REGISTRIES": "docker.io=http://127.0.0.1:1"}
    dockerfile = "FROM acme/base:1\nRUN pip install tensorflow-gpu\n"
    code, found, not_checked = gate(bench, dockerfile, "--online", "--exit-zero", env=nobody)
    assert code == 3
    assert ("removed-package", "error", 2) in found
    (unanswered,) = not_checked
    assert unanswered["file"] == "Dockerfile"
    assert "127.0.0.1:1" in unanswered["reason"]


def test_images_without_tensorflow_are_not_asked_for(bench: Bench, stock: dict[str, str]) -> None:
    (bench.work / "Dockerfile").write_text("FROM acme/none:1\nRUN pip install flask\n", encoding="utf-8")
    done = bench.run("gate", "--online", env=bench.mirror)
    assert (done.code, done.requests) == (0, 0)


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_fix_names_a_tag_that_the_registry_has(bench: Bench, registry: RealRegistry, rounds: int) -> None:
    env = ("PYTHON_VERSION=3.13.1",)
    for tag in ("3.13-slim-bookworm", "3.12-slim-bookworm"):
        registry.push_image("library/python", tag, env=env)
    (bench.work / "Dockerfile").write_text("FROM python:3.13-slim-bookworm\nRUN pip install tensorflow==2.17.1\n", encoding="utf-8")
    for _ in range(rounds):
        done = bench.run("gate", "--online", "--fix", env=bench.hub | bench.mirror)
        assert done.code == 0, done.out + done.err
    assert (bench.work / "Dockerfile").read_text(encoding="utf-8").startswith("FROM python:3.12-slim-bookworm\n")
