"""Laws that hold for every project, over projects that are put together from parts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fuzz.fuzz_gate import examine
from hypothesis import HealthCheck, Phase, assume, given, note, settings
from hypothesis import strategies as st
from small import MATRIX, after, judge, mended

from tfcompat.errors import TfcompatError
from tfcompat.gate.gate import run_gate
from tfcompat.gate.kinds import kind_of
from tfcompat.gate.rulebook import rule_names
from tfcompat.gate.settings import Settings
from tfcompat.outputs.dockerfile import render_dockerfile
from tfcompat.resolver import Plan, Request, ResolutionImpossible, resolve
from tfcompat.worktree import MemoryTree

if TYPE_CHECKING:
    from tfcompat.gate.finding import Finding, Report

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
LAWS = settings(max_examples=40, deadline=None, suppress_health_check=SLOW, phases=(Phase.explicit, Phase.reuse, Phase.generate))

# -- projects ----------------------------------------------------------------------------------------

bases = st.sampled_from(
    [
        "python:3.11-slim", "python:3.12-slim-bookworm", "python:3.9", "python:3.11-alpine", "python:latest", "ubuntu:22.04", "ubuntu:24.04",
        "ubuntu:latest", "debian:12-slim", "tensorflow/tensorflow:2.17.0-gpu", "tensorflow/tensorflow:2.15.0", "tensorflow/tensorflow:latest-gpu",
        "tensorflow/tensorflow:2.99.0", "nvidia/cuda:12.5.1-cudnn-runtime-ubuntu22.04", "nvidia/cuda:11.8.0-base-ubuntu22.04",
        "nvcr.io/nvidia/tensorflow:24.08-tf2-py3", "continuumio/miniconda3", "ghcr.io/acme/base:1", "scratch", "${BASE}", "$BASE-slim",
        "python:3.11-slim AS build", "python:3.11-slim # why", "build", "UPPER", "",
    ]
)  # fmt: skip
pins = st.sampled_from(
    [
        "tensorflow", "tensorflow==2.15.0", "tensorflow==2.17.0", "tensorflow==2.10.0", "tensorflow>=2.12,<2.19", "tensorflow[and-cuda]==2.16.1",
        "tensorflow-cpu==2.15.0", "tensorflow-gpu", "tensorflow-gpu==2.10.0", "tf-nightly", "tensorflow==2.15.7", "tensorflow==99", "tensorflow~=2.16.0",
        "keras==2.10.0", "keras==3.0.0", "keras", "keras>=3", "keras-nightly", "tf-keras==2.17.0", "tf-keras", "tensorflow-text==2.15.0",
        "tensorflow-hub", "numpy==2.1.0", "numpy<2", "numpy", "protobuf==3.20.3", "protobuf>=5", "setuptools", "nvidia-cudnn-cu12==8.9.7.29",
        "nvidia-cuda-runtime-cu12==12.5.82", "tensorflow @ https://example.org/tensorflow-2.15.0-cp311-cp311-linux_x86_64.whl", "TensorFlow == 2.16.1",
    ]
)  # fmt: skip
marked = st.builds(
    "{}{}".format,
    pins,
    st.sampled_from(["", "", "", " ; python_version < '3.12'", " ; sys_platform == 'darwin'", "  # why", " --hash=sha256:" + "a" * 64]),
)
requirement_lines = st.one_of(
    marked, st.sampled_from(["-r other.txt", "-c constraints.txt", "-r ../x.txt", "--index-url https://example.org", "# c", "==", "\\"])
)
requirements = st.lists(requirement_lines, max_size=6).map("\n".join)
installs = st.builds(
    "RUN {} {} {}".format,
    st.sampled_from(
        [
            "pip install", "pip3 install -U", "python3.11 -m pip install --no-deps", "/opt/venv/bin/pip install", "uv pip install --system",
            "python3 -m venv /opt/venv && . /opt/venv/bin/activate && pip install", "conda install -y", "pip uninstall -y", "pip install -c /constraints.txt",
            "set -e; pip install --break-system-packages", "true || pip install",
        ]
    ),
    st.lists(pins, min_size=1, max_size=3).map(lambda some: " ".join(f"'{pin}'" for pin in some)),
    st.sampled_from(["", "&& rm -rf /root/.cache", "\\\n  # why\n  flask", "$EXTRA", "; echo done"]),
)  # fmt: skip
steps = st.one_of(
    installs,
    st.sampled_from(
        [
            "COPY . .", "COPY requirements.txt /app/", "COPY req*.txt ./", "COPY --from=build /opt/venv /opt/venv", "COPY --from=0 / /", "COPY model.h5 /",
            "COPY <<EOF /app/requirements.txt\ntensorflow==2.15.0\nnumpy==2.1.0\nEOF", "ADD https://example.org/x /", "COPY", "RUN pip install -r requirements.txt",
            "RUN pip install -r /app/requirements.txt", "RUN --mount=type=bind,target=. pip install -r requirements.txt", "RUN pip install .",
            "RUN uv sync --frozen", "RUN poetry install", "WORKDIR /app", "WORKDIR $HOME", "ENV PATH=/opt/venv/bin:$PATH", "ENV TF_USE_LEGACY_KERAS=1",
            "ENV LD_LIBRARY_PATH=/x", "ARG EXTRA", "ARG BASE=python:3.12", "RUN python3 -m venv /opt/venv", "RUN apt-get install -y python3 python3-pip libcudnn9-cuda-12",
            "RUN conda create -n tf python=3.11", "RUN <<EOF\npip install tensorflow==2.15.0\nEOF", 'RUN ["pip", "install", "tensorflow==2.15.0"]',
            "SHELL [\"conda\", \"run\", \"-n\", \"tf\", \"/bin/bash\", \"-c\"]", "USER nobody", "NONSENSE", "RUN bash install.sh", "ONBUILD RUN pip install keras",
        ]
    ),
)  # fmt: skip
stages = st.builds("FROM {}\n{}".format, bases, st.lists(steps, max_size=6).map("\n".join))
dockerfiles = st.builds(
    "{}{}\n".format,
    st.sampled_from(["", "ARG BASE=python:3.12-slim\n", "# syntax=docker/dockerfile:1\n"]),
    st.lists(stages, min_size=1, max_size=3).map("\n".join),
)
composes = st.sampled_from(
    [
        "services:\n  t:\n    build: .\n", "services:\n  t:\n    build:\n      context: .\n      target: build\n    gpus: all\n",
        "services:\n  t:\n    image: tensorflow/tensorflow:2.17.0-gpu\n", "services:\n  t:\n    image: tensorflow/tensorflow:2.17.0\n    gpus: all\n",
        "services:\n  t:\n    build: ./none\n    platform: linux/arm64\n", "services: [", "services:\n  t:\n    build:\n      context: ..\n",
    ]
)  # fmt: skip
projects_toml = st.builds(
    '[project]\nname = "x"\nversion = "1"\nrequires-python = "{}"\ndependencies = [{}]\n[project.optional-dependencies]\ntf = [{}]\n'.format,
    st.sampled_from([">=3.9", "==3.12.*", "<3", "x"]),
    st.lists(pins, max_size=3).map(lambda some: ", ".join(f'"{pin}"' for pin in some)),
    st.lists(pins, max_size=2).map(lambda some: ", ".join(f"'{pin}'" for pin in some)),
)
ends = st.sampled_from(["\n", "\n", "\r\n"])


@st.composite
def projects(draw: st.DrawFn) -> dict[str, str | bytes]:
    """Files that lead to each other, some of them not there."""
    parts: dict[str, st.SearchStrategy[str]] = {
        "Dockerfile": dockerfiles, "requirements.txt": requirements, "constraints.txt": requirements, "other.txt": requirements,
        "compose.yaml": composes, "pyproject.toml": projects_toml, "docker/Dockerfile": dockerfiles,
    }  # fmt: skip
    chosen = draw(st.lists(st.sampled_from(sorted(parts)), min_size=1, max_size=4, unique=True))
    end = draw(ends)
    found: dict[str, str | bytes] = {name: draw(parts[name]).replace("\n", end) for name in chosen}
    if draw(st.booleans()):
        found["model.h5"] = b"\x89HDF\r\n\x1a\n"
    return found


targets = st.fixed_dictionaries(
    {}, optional={"gpu": st.just(("A100",)), "driver": st.just("525.60.13"), "platform": st.just("linux/arm64"), "build_args": st.just({"EXTRA": "keras==3.0.0"})}
)  # fmt: skip


def told(report: Report) -> set[tuple[Any, ...]]:
    """What is found, without the name of the environment that it was found in first."""
    return {finding[:4] for finding in report.findings}


# -- laws --------------------------------------------------------------------------------------------


@given(projects(), targets)
@LAWS
def test_every_place_lies_in_its_file(files: dict[str, str | bytes], options: dict[str, Any]) -> None:
    report, tree = judge(files, **options), MemoryTree(files)
    for finding in report.findings:
        assert finding.rule in rule_names()
        assert finding.message
        assert "\n" not in finding.message
        for place in (finding.place, *(related.place for related in finding.related)):
            source = tree.find(place.file)
            assert source is not None
            assert 0 <= place.start <= place.end <= len(source.text)
            assert (place.line, place.column) == source.place(place.start)[1:3]
    for entry in report.not_checked:
        source = tree.find(entry.file) if kind_of(entry.file) != "model" else None  # no text
        assert source is None or 1 <= entry.line <= source.text.count("\n") + 1
    assert set(report.checked) <= set(files)
    assert not set(report.checked) & {entry.file for entry in report.not_checked if entry.line == 0}


@given(projects(), targets, st.randoms(use_true_random=False))
@LAWS
def test_the_same_files_give_the_same_report_in_any_order(files: dict[str, str | bytes], options: dict[str, Any], random: Any) -> None:
    tree = MemoryTree(files)
    names = list(tree.names())
    first = run_gate(tree, names, Settings(**options), MATRIX)
    assert run_gate(MemoryTree(files), names, Settings(**options), MATRIX) == first
    random.shuffle(names)
    other = run_gate(tree, names, Settings(**options), MATRIX)
    assert told(other) == told(first)
    assert set(other.not_checked) == set(first.not_checked)
    assert other.checked == first.checked


@given(
    projects(),
    st.sampled_from(
        [("README.md", "FROM python\n"), ("src/app.py", "import keras\n"), ("zz/requirements.txt", "flask==3.0\n"), ("data.yaml", "a: 1\n")]
    ),
)
@LAWS
def test_an_unrelated_file_changes_nothing(files: dict[str, str | bytes], extra: tuple[str, str]) -> None:
    before, with_it = judge(files), judge({**files, extra[0]: extra[1]})
    assert with_it.findings == before.findings
    assert with_it.not_checked == before.not_checked


@given(projects(), targets)
@LAWS
def test_fixes_come_to_an_end_and_bring_no_new_kind_of_error(files: dict[str, str | bytes], options: dict[str, Any]) -> None:
    before = judge(files, **options)
    changes = mended(files, **options)
    note(str(changes))
    later = judge({**files, **changes}, **options)
    errors = [{finding.rule for finding in report.findings if finding.severity == "error"} for report in (before, later)]
    if "removed-package" not in errors[0]:  # what cannot be installed at all hides what stands behind it
        assert errors[1] <= errors[0]
    assert {entry.reason for entry in later.not_checked if entry.grave} <= {entry.reason for entry in before.not_checked if entry.grave}
    assert len(later.not_checked) <= len(before.not_checked)
    assert mended({**files, **changes}, **options) == {}


@given(projects())
@LAWS
def test_fixes_change_no_more_files_than_they_name(files: dict[str, str | bytes]) -> None:
    changes = mended(files)
    assert all(name in files for name in changes)
    assert all(("\r\n" in str(files[name])) == (b"\r\n" in content) for name, content in changes.items())
    rest = {name: content for name, content in after(files).items() if name not in changes}
    assert rest == {name: content for name, content in files.items() if name not in changes}


# -- what resolve proposes passes the gate -----------------------------------------------------------

wishes = st.fixed_dictionaries(
    {},
    optional={
        "tensorflow": st.sampled_from(["2.10", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "2.18", "2.19", "2.20", "2.21", "==2.16.1", ">=2.15", "2.6", "1.15"]),
        "python": st.sampled_from(["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]),
        "keras": st.sampled_from(["<3", "3"]),
        "gpu": st.sampled_from([True, ("T4",), ("A100",), ("RTX 4090",), ("H100",), ("RTX 5090",)]),
        "driver": st.sampled_from(["470.82.01", "525.60.13", "550.54.15", "580.65.06"]),
        "platform": st.just("linux/arm64"),
        "base": st.sampled_from(["official", "slim", "cuda", "ngc", "ubuntu:22.04", "ubuntu:24.04", "debian:12"]),
        "jupyter": st.just(True),
        "packages": st.sampled_from([("numpy<2",), ("protobuf>=5",), ("h5py>=3",)]),
    },
)  # fmt: skip


@lru_cache(maxsize=512)
def _plan(wanted: tuple[tuple[str, Any], ...]) -> tuple[Plan, bool] | None:
    """The plan, and whether it is for the very request: else it is for the first change that is proposed."""
    try:
        return resolve(Request(**dict(wanted)), MATRIX).plan, True
    except ResolutionImpossible as error:
        return (error.suggestions[0].plan, False) if error.suggestions else None
    except TfcompatError:
        return None


def known(finding: Finding, plan: Plan, drawn: dict[str, Any]) -> bool:
    """What the gate may say of a proposal: warnings that the plan tells as well, and where the two doors do not agree yet."""
    if finding.severity == "warning" and any(finding.message[:60].lower() in remark.lower() for remark in plan.remarks):
        return True  # nothing better satisfies the request, and the plan says so in the same words
    if finding.rule in ("gpu-image-with-cpu-package", "arm64-cuda") and "gpu" not in drawn and "cuda" in plan.image.reference:
        return True  # a CUDA image was named and no GPU was asked for: resolve takes the CPU build, the gate takes the image for a wish
    if finding.rule == "platform-has-wheel" and plan.image.carries_tensorflow:
        return True  # the gate's fault: what the image of another platform brings, it brings without a wheel
    # the gate's fault: the image's own TensorFlow that is pinned as it is stays with the NumPy that was installed with it
    return finding.rule == "uncapped-breaker" and plan.image.carries_tensorflow


@given(wishes)
@settings(LAWS, max_examples=30)
def test_what_resolve_proposes_passes_the_gate(drawn: dict[str, Any]) -> None:
    found = _plan(tuple(sorted(drawn.items(), key=lambda pair: pair[0])))
    assume(found is not None)
    assert found is not None
    plan, as_asked = found
    text = render_dockerfile(plan, "2026-11-22")
    note(text)
    options: dict[str, Any] = {"platform": plan.platform}
    if as_asked and isinstance(drawn.get("gpu"), tuple):
        options["gpu"] = drawn["gpu"]
    if as_asked and drawn.get("gpu"):
        options["driver"] = drawn.get("driver")
    report = judge({"Dockerfile": text}, **options)
    assert [(f.severity, f.rule, f.message) for f in report.findings if f.severity != "info" and not known(f, plan, drawn)] == []
    assert report.not_checked == ()


# -- inputs that the fuzzer begins with --------------------------------------------------------------

CORPUS = sorted((Path(__file__).with_name("fuzz") / "corpus_gate").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_the_corpus_of_the_fuzzer_is_judged(path: Path) -> None:
    examine(path.read_bytes())


@given(st.sampled_from(CORPUS), st.binary(max_size=8), st.integers(0, 500), st.integers(0, 40))
@LAWS
def test_broken_files_are_judged(path: Path, inserted: bytes, start: int, left_out: int) -> None:
    data = path.read_bytes()
    examine(data[:start] + inserted + data[start + left_out :])
