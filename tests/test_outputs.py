"""Every form a result takes: the contract for machines, and files that other tools read."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from functools import lru_cache
from typing import Any, Literal

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pydantic import BaseModel, ConfigDict

from tfcompat import __version__
from tfcompat.matrix import load_bundled
from tfcompat.outputs import document, text
from tfcompat.outputs.change import describe_change
from tfcompat.outputs.dockerfile import render_dockerfile
from tfcompat.outputs.requirements import proof, render_requirements
from tfcompat.outputs.variables import render_env, render_github_output
from tfcompat.resolver import Plan, Request, Resolution, ResolutionImpossible, resolve

MATRIX = load_bundled()
DAY = "2026-01-31"

REQUESTS = {
    "cpu": Request(),
    "gpu": Request(gpu=True),
    "official": Request(gpu=True, base="official"),
    "official-with-packages": Request(base="official", packages=["numpy>=2", "frobnicate[x]>=1; python_version > '3'"]),
    "cuda": Request(gpu=True, base="cuda"),
    "uv": Request(gpu=True, base="cuda", tensorflow="2.17", python="3.11"),
    "custom-system": Request(gpu=True, base="ubuntu:22.04"),
    "rocky": Request(gpu=True, base="rockylinux:9"),
    "ngc": Request(gpu=["RTX 5090"]),
    "jit": Request(gpu=["H100"], tensorflow="2.15"),
    "legacy": Request(keras="<3", tensorflow="2.17", gpu=True),
    "left-out": Request(tensorflow="2.14.1", python="3.11", gpu=True, base="slim"),
    "library-path": Request(tensorflow="2.16.1", gpu=True, base="slim"),
    "arm64": Request(platform="linux/arm64"),
    "old": Request(tensorflow="1.15", gpu=True),
    "jupyter": Request(jupyter=True, gpu=True),
    "k80": Request(gpu=["K80"]),
}  # fmt: skip
CONFLICTS = {
    "python": Request(python="3.14"),
    "numpy": Request(tensorflow="2.10", packages=["numpy>=2"]),
    "arm64": Request(platform="linux/arm64", gpu=True),
    "tag": Request(tensorflow="2.15.1", base="official"),
    "cudnn": Request(base="nvidia/cuda:12.5.1-cudnn-runtime-ubuntu22.04", gpu=True),
    "driver": Request(gpu=["K80"], driver="535.104.05"),
}
each = pytest.mark.parametrize("name", REQUESTS)
each_conflict = pytest.mark.parametrize("name", CONFLICTS)


@lru_cache(maxsize=64)
def resolution(name: str) -> Resolution:
    return resolve(REQUESTS[name], MATRIX)


@lru_cache(maxsize=64)
def conflict(name: str) -> ResolutionImpossible:
    with pytest.raises(ResolutionImpossible) as caught:
        resolve(CONFLICTS[name], MATRIX)
    return caught.value


def plans(name: str) -> tuple[Plan, ...]:
    return (resolution(name).plan, *resolution(name).alternatives)


# -- JSON: exactly the keys of the contract, with their types ------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PinsDocument(Strict):
    status: Literal["verified", "follows", "derived", "image"]
    distribution: str | None
    tensorflow: str | None
    date: str | None
    python: str | None
    machine: str | None
    sha256: str | None
    steps: dict[str, str]
    changed: list[str]
    added: list[str]
    unpinned: list[str]


class ImageDocument(Strict):
    reference: str
    recipe: Literal["official", "slim", "cuda", "custom", "ngc"]
    digest: str | None
    platforms: dict[str, str | None]
    asked: str | None
    evidence: Literal["verified", "measured", "documented", "observed", "inferred", "unknown"]


class EvidenceDocument(Strict):
    fact: str
    statements: list[str]


class PlanDocument(Strict):
    package: Literal["tensorflow", "tensorflow-cpu", "tensorflow-gpu"]
    tensorflow: str
    keras: str | None
    python: str
    cuda: str | None
    cudnn: str | None
    platform: Literal["linux/amd64", "linux/arm64"]
    image: ImageDocument
    requirements: list[str]
    env: dict[str, str]
    steps: list[str]
    pins: PinsDocument
    host: dict[str, str]
    remarks: list[str]
    doubts: list[str]
    evidence: list[EvidenceDocument]


class ResolutionDocument(Strict):
    schema_version: Literal[1]
    status: Literal["resolved"]
    plan: PlanDocument
    alternatives: list[PlanDocument]


class FactDocument(Strict):
    name: str
    value: str | None
    where: str
    evidence: list[str]


class CauseDocument(Strict):
    rule: str
    message: str
    facts: list[FactDocument]
    evidence: list[str]


class SuggestionDocument(Strict):
    change: dict[str, str]
    message: str
    plan: PlanDocument


class WishDocument(Strict):
    name: str
    value: str
    where: str


class ConflictDocument(Strict):
    schema_version: Literal[1]
    status: Literal["conflict"]
    wishes: list[WishDocument]
    causes: list[CauseDocument]
    suggestions: list[SuggestionDocument]


@each
def test_a_resolution_is_the_documented_json(name: str) -> None:
    found = ResolutionDocument.model_validate_json(document.render_resolution(resolution(name)))
    plan = resolution(name).plan
    assert (found.plan.tensorflow, found.plan.image.reference) == (plan.tensorflow, plan.image.reference)
    assert len(found.alternatives) == len(resolution(name).alternatives)
    for one in (found.plan, *found.alternatives):
        for number in filter(None, (one.tensorflow, one.keras, one.python, one.cuda, one.cudnn)):
            Version(number)
        assert all(SpecifierSet(s) for s in one.host.values())
        assert all(e.statements for e in one.evidence)


@each_conflict
def test_a_conflict_is_the_documented_json(name: str) -> None:
    found = ConflictDocument.model_validate_json(document.render_conflict(conflict(name)))
    assert found.causes
    assert found.wishes
    assert found.suggestions
    assert all(cause.message and cause.facts for cause in found.causes)
    assert [s.change for s in found.suggestions] == [dict(s.change) for s in conflict(name).suggestions]


@each_conflict
def test_both_sides_of_every_cause_have_their_evidence_or_their_place(name: str) -> None:
    found = ConflictDocument.model_validate_json(document.render_conflict(conflict(name)))
    for cause in found.causes:
        assert len({fact.name for fact in cause.facts}) > 1 or cause.rule in ("image-tag-exists", "platform-has-wheel")
        assert all(fact.where for fact in cause.facts)
        assert any(fact.evidence for fact in cause.facts) or cause.evidence or cause.rule == "platform-has-wheel"  # see below


def test_a_missing_wheel_has_its_evidence() -> None:
    causes = ConflictDocument.model_validate_json(document.render_conflict(conflict("arm64"))).causes
    missing = next(cause for cause in causes if cause.rule == "platform-has-wheel")
    assert missing.evidence or any(fact.evidence for fact in missing.facts)


# -- text ----------------------------------------------------------------------------------------


@each
def test_text_answers_first_and_fits_the_terminal(name: str) -> None:
    rendered = text.render_resolution(resolution(name), DAY, evidence=True)
    plan = resolution(name).plan
    assert rendered.startswith(plan.image.reference + "  (")
    assert f"  tensorflow   {plan.tensorflow}" in rendered
    alternatives = {f"  {line}" for line in map(text._brief, resolution(name).alternatives)}  # one line each
    assert all(len(line) <= 110 or line in alternatives for line in rendered.splitlines())
    assert f"matrix of {DAY}" in rendered
    assert all(line in rendered for line in plan.requirements)


@each_conflict
def test_text_of_a_conflict_has_every_rule_and_every_change(name: str) -> None:
    found = conflict(name)
    rendered = text.render_conflict(found)
    joined = re.sub(r"\s+", " ", rendered)
    assert rendered.startswith("There is no such plan.\n  Because ")
    assert all(f"[{cause.rule.id}]" in re.sub(r"-\s+", "-", joined) for cause in found.causes)
    assert all(re.sub(r"\s+", " ", describe_change(s)) in joined for s in found.suggestions)
    assert "{" not in rendered


# -- files ---------------------------------------------------------------------------------------


def instructions(rendered: str) -> list[str]:
    """The instructions of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in rendered.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()


@each
def test_a_dockerfile_starts_from_the_image_and_installs_exactly_the_requirements(name: str) -> None:
    for plan in plans(name):
        found = instructions(render_dockerfile(plan, DAY))
        platform = f"--platform={plan.platform} " if plan.platform != "linux/amd64" else ""
        assert found[0] == f"FROM {platform}{plan.image.reference}"
        assert {line.split()[0] for line in found} <= {"FROM", "RUN", "ENV"}
        installs = [line for line in found if line.startswith("RUN pip install")]
        if plan.image.carries_tensorflow and len(plan.requirements) <= 1:
            assert installs == []
        else:
            words = shlex.split(installs[0])
            assert words[:4] == ["RUN", "pip", "install", "--no-cache-dir"]
            assert tuple(words[4:]) == plan.requirements


@each
def test_a_dockerfile_sets_the_variables_of_the_plan(name: str) -> None:
    for plan in plans(name):
        found = instructions(render_dockerfile(plan, DAY))
        assert {f'ENV {k}="{v}"' for k, v in plan.env.items()} == {
            line for line in found if line.startswith("ENV ") and "VIRTUAL_ENV" not in line
        }


@pytest.mark.parametrize(
    ("release", "needed"),
    [
        ("2.15.1", False),
        ("2.16.1", True),
        ("2.16.2", False),
        ("2.17.1", False),
        ("2.18.1", False),
        ("2.19.1", False),
        ("2.20.0", True),
        ("2.21.0", True),
    ],
)
def test_the_library_path_step_stands_where_the_release_needs_it_and_nowhere_else(release: str, needed: bool) -> None:
    for base in ("slim", "debian:12" if release != "2.15.1" else "python:3.11-slim-bookworm"):
        plan = resolve(Request(tensorflow=f"=={release}", gpu=True, base=base), MATRIX).plan
        assert ("ldconfig" in "".join(instructions(render_dockerfile(plan, DAY)))) is needed
        assert bool(plan.steps) is needed
    own = resolve(Request(tensorflow=f"=={release}", gpu=True, base="cuda"), MATRIX).plan
    assert "ldconfig" not in render_dockerfile(own, DAY)  # the image's own libraries are on the path
    cpu = resolve(Request(tensorflow=f"=={release}", base="slim"), MATRIX).plan
    assert "ldconfig" not in render_dockerfile(cpu, DAY)


def test_the_distributions_python_lives_in_an_environment_of_its_own() -> None:
    found = "\n".join(instructions(render_dockerfile(resolution("custom-system").plan, DAY)))
    assert (
        found.index("apt-get install")
        < found.index("python3 -m venv /opt/venv")
        < found.index("ENV VIRTUAL_ENV=/opt/venv")
        < found.index("RUN pip install")
    )
    assert "dnf install" in render_dockerfile(resolution("rocky").plan, DAY)
    uv = render_dockerfile(resolution("uv").plan, DAY)
    assert "uv venv --seed --python 3.11 /opt/venv" in uv


@each
def test_comments_of_a_dockerfile_tell_every_remark(name: str) -> None:
    plan = resolution(name).plan
    comments = " ".join(line.lstrip("# -") for line in render_dockerfile(plan, DAY).splitlines() if line.startswith("#"))
    assert all(re.sub(r"\s+", " ", remark) in re.sub(r"\s+", " ", comments) for remark in plan.remarks)


@each
def test_a_requirements_file_parses_and_says_what_it_is_for(name: str) -> None:
    for plan in plans(name):
        lines = render_requirements(plan, DAY).splitlines()
        assert lines[0] == f"# Pinned by tfcompat {__version__} from the matrix of {DAY}"
        keras = f", Keras {plan.keras}" if plan.keras else ""
        assert lines[1].startswith(f"# for tensorflow {plan.tensorflow}{keras}, Python {plan.python}, ")
        told = " ".join(line.removeprefix("# ") for line in lines[: lines.index("")])
        assert proof(plan) in told
        site = re.compile(r"/opt/venv/lib/python3\.\d+/site-packages")
        assert all(f"Set {name}={site.sub('SITE-PACKAGES', value)} in the environment." in told for name, value in plan.env.items())
        assert "/opt/venv" not in told
        found = [Requirement(line) for line in lines if line and not line.startswith("#")]
        assert tuple(map(str, found)) == tuple(str(Requirement(r)) for r in plan.requirements)
        assert len({r.name for r in found}) == len(found)


@each
def test_a_shell_reads_the_variables_back(name: str) -> None:
    plan = resolution(name).plan
    script = (
        render_env(plan)
        + 'printf "%s\\n" "$TFCOMPAT_IMAGE" "$TFCOMPAT_DRIVER" "$TFCOMPAT_REQUIREMENTS" "$TFCOMPAT_CUDA" "${TF_USE_LEGACY_KERAS-}"'
    )
    told = subprocess.run(["/bin/sh", "-eu"], input=script, capture_output=True, text=True, check=True, env={}).stdout.splitlines()
    expected = [
        plan.image.reference,
        plan.host.get("driver", ""),
        " ".join(plan.requirements),
        plan.cuda or "",
        plan.env.get("TF_USE_LEGACY_KERAS", ""),
    ]
    assert told == expected


def test_a_shell_runs_nothing_that_a_package_name_carries() -> None:
    plan = resolve(Request(packages=['frobnicate; platform_version == "$(touch /tmp/never)`id`"']), MATRIX).plan
    assert any("$(touch" in line for line in plan.requirements)
    script = render_env(plan) + 'printf "%s" "$TFCOMPAT_REQUIREMENTS"'
    told = subprocess.run(["/bin/sh", "-eu"], input=script, capture_output=True, text=True, check=True, env={}).stdout
    assert told == " ".join(plan.requirements)


def parse_github_output(rendered: str) -> dict[str, str]:
    """As GitHub's runner reads it: ``name=value``, or ``name<<END``, lines, ``END``."""
    found: dict[str, str] = {}
    lines = iter(rendered.splitlines())
    for line in lines:
        if "<<" in line and "=" not in line.partition("<<")[0]:
            name, _, end = line.partition("<<")
            block = []
            for inner in lines:
                if inner == end:
                    break
                block.append(inner)
            else:
                raise AssertionError(f"{name} has no end")
            found[name] = "\n".join(block)
        else:
            name, equals, value = line.partition("=")
            assert equals, line
            found[name] = value
    return found


@each
def test_github_reads_the_outputs_back(name: str) -> None:
    for plan in plans(name):
        found = parse_github_output(render_github_output(plan))
        assert found["image"] == plan.image.reference
        assert found["requirements"].splitlines() == list(plan.requirements)
        assert dict(line.split("=", 1) for line in found["env"].splitlines()) == dict(plan.env)
        assert set(found) == {
            "image",
            "recipe",
            "platform",
            "tensorflow",
            "keras",
            "python",
            "cuda",
            "cudnn",
            "driver",
            "requirements",
            "env",
        }


def test_a_plan_document_holds_plain_values_only() -> None:
    found: dict[str, Any] = document.plan_document(resolution("legacy").plan)
    assert json.loads(json.dumps(found)) == found
