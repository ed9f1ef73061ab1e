"""Stages, arguments and variables of a build."""

from __future__ import annotations

import pytest
from small import MATRIX, judge, rules, said, unread

PIN = "RUN pip install tensorflow==2.15.0"  # no wheel for Python 3.12


def lines(*texts: str) -> dict[str, str | bytes]:
    return {"Dockerfile": "\n".join((*texts, ""))}


WITH_312 = {
    "a default": ("ARG V=3.12", "FROM python:${V}-slim", PIN),
    "a default in the word": ("FROM python:${V:-3.12}-slim", PIN),
    "a default without a colon": ("FROM python:${V-3.12}-slim", PIN),
    "an argument of an argument": ("ARG MINOR=12", "ARG V=3.$MINOR", "FROM python:${V}-slim", PIN),
    "a quoted default": ('ARG V="3.12"', "FROM python:${V}-slim", PIN),
    "the whole image": ("ARG IMAGE=python:3.12-slim", "FROM ${IMAGE}", PIN),
    "a stage": ("FROM python:3.12-slim AS base", "FROM base", PIN),
    "a stage in other letters": ("FROM python:3.12-slim AS Base", "FROM bASE", PIN),
    "a stage of a stage": ("FROM python:3.12-slim AS a", "FROM a AS b", "FROM b", PIN),
    "a stage named by an argument": ("ARG KIND=new", "FROM python:3.11-slim AS old", "FROM python:3.12-slim AS new", "FROM $KIND", PIN),
}


@pytest.mark.parametrize("how", WITH_312)
def test_the_base_image_is_established(how: str) -> None:
    texts = WITH_312[how]
    assert rules(lines(*texts)) == [f"Dockerfile:{len(texts)} no-wheel-for-interpreter"]


def test_a_build_argument_wins_over_the_default() -> None:
    files = lines("ARG V=3.12", "FROM python:${V}-slim", PIN)
    assert rules(files, build_args={"V": "3.11"}) == []
    assert rules(files, build_args={"W": "3.11"}) == ["Dockerfile:3 no-wheel-for-interpreter"]


def test_a_compose_file_gives_arguments_and_names_the_target() -> None:
    text = "ARG V=3.11\nFROM python:${V}-slim AS train\nRUN pip install tensorflow==2.15.0\nFROM python:3.12-slim AS serve\n"
    compose = "services:\n  one:\n    build:\n      context: .\n      target: train\n      args:\n        V: '3.12'\n"
    assert rules({"Dockerfile": text, "compose.yaml": compose}) == ["Dockerfile:3 no-wheel-for-interpreter"]
    assert rules({"Dockerfile": text}) == []
    assert rules({"Dockerfile": text, "compose.yaml": compose.replace("target: train", "target: serve")}) == []


def test_an_argument_before_from_must_be_declared_again() -> None:
    texts = ("ARG V=2.15.0", "FROM python:3.12-slim", "ARG V", "RUN pip install tensorflow==$V")
    assert rules(lines(*texts)) == ["Dockerfile:4 no-wheel-for-interpreter"]
    assert rules(lines(texts[0], texts[1], texts[3])) == []  # empty there: what pip is asked for is not known


def test_an_argument_without_a_value_is_said_once_and_never_guessed() -> None:
    files = lines("ARG IMAGE", "FROM ${IMAGE}", PIN)
    assert rules(files) == []
    assert unread(files) == ["Dockerfile:2 FROM ${IMAGE}: a variable in it has no value; pass it with --build-arg"]
    assert unread(files, build_args={"IMAGE": "python:3.12-slim"}) == []
    assert rules(files, build_args={"IMAGE": "python:3.12-slim"}) == ["Dockerfile:3 no-wheel-for-interpreter"]


def test_variables_hold_from_where_they_are_set() -> None:
    assert rules(lines("FROM python:3.12-slim", "ENV V=2.15.0", "RUN pip install tensorflow==$V")) == [
        "Dockerfile:3 no-wheel-for-interpreter"
    ]
    assert rules(lines("FROM python:3.12-slim", "ENV V 2.15.0", "RUN pip install tensorflow==${V}")) == [
        "Dockerfile:3 no-wheel-for-interpreter"
    ]
    assert rules(lines("FROM python:3.12-slim", "ARG V=2.15.0", "ENV V=2.17.0", "RUN pip install tensorflow==$V")) == []
    assert rules(lines("FROM python:3.12-slim AS a", "ENV V=2.15.0", "FROM a", "RUN pip install tensorflow==$V")) == [
        "Dockerfile:4 no-wheel-for-interpreter"
    ]


def test_arguments_end_with_their_stage() -> None:
    texts = ("FROM python:3.12-slim AS a", "ARG V=2.15.0", "FROM python:3.12-slim", "ARG V=2.17.0", "RUN pip install tensorflow==$V")
    assert rules(lines(*texts)) == []


def test_every_stage_that_nothing_stands_on_is_judged() -> None:
    files = lines("FROM python:3.12-slim AS one", PIN, "FROM python:3.12-slim AS two", PIN)
    found = judge(files).findings
    assert [(f.place.line, f.what) for f in found if f.severity == "error"] == [
        (2, "stage one of Dockerfile"),
        (4, "stage two of Dockerfile"),
    ]
    used = lines("FROM python:3.12-slim AS one", "RUN pip install tensorflow==2.17.0", "FROM one AS two", PIN)
    assert [(f.place.line, f.what) for f in judge(used).findings if f.severity == "error" and f.rule == "no-wheel-for-interpreter"] == [
        (4, "stage two of Dockerfile")
    ]


def test_the_same_said_of_two_stages_is_said_once() -> None:
    files = lines("FROM python:3.12-slim AS base", PIN, "FROM base AS one", "WORKDIR /one", "FROM base AS two", "WORKDIR /two")
    assert rules(files) == ["Dockerfile:2 no-wheel-for-interpreter"]


def test_the_platform_of_from_wins() -> None:
    message = "Dockerfile:2:17 error platform-has-wheel: There is no wheel of tensorflow 2.9.0 for linux/arm64"
    assert said(lines("FROM --platform=linux/arm64 python:3.10-slim", "RUN pip install tensorflow==2.9.0")) == [message]
    assert said(lines("FROM python:3.10-slim", "RUN pip install tensorflow==2.9.0"), platform="linux/arm64") == [message]
    held = lines("FROM --platform=linux/amd64 python:3.10-slim", "RUN pip install tensorflow==2.9.0")
    assert [text for text in said(held, platform="linux/arm64") if "platform" in text] == []
    own = lines("FROM --platform=$TARGETPLATFORM python:3.10-slim", "RUN pip install tensorflow==2.9.0")
    assert said(own, platform="linux/arm64") == [message]


def test_scratch_has_nothing_to_judge() -> None:
    assert judge(lines("FROM scratch", "COPY app /app")).findings == ()
    assert unread(lines("FROM scratch", "COPY app /app")) == []


def test_an_image_is_judged_as_the_settings_say() -> None:
    files = lines("FROM ghcr.io/acme/base:1", PIN)
    assert said(files) == [
        "Dockerfile:1:6 warning unknown-image: What is inside ghcr.io/acme/base:1 is not known, and TensorFlow is installed into it"
    ]
    for key in ("ghcr.io/acme/base:1", "ghcr.io/acme/base"):
        assert rules(files, images={key: "python:3.12-slim"}) == ["Dockerfile:2 no-wheel-for-interpreter"]
        assert rules(files, images={key: "python:3.11-slim"}) == []


def test_what_is_no_reference_is_told() -> None:
    assert unread(lines("FROM UPPER/case", PIN)) != []
    assert rules(lines("FROM UPPER/case", PIN)) == []


# -- what is known of an image by its name ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "python"),
    [
        ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", "3.12"),
        ("ghcr.io/astral-sh/uv:0.8.3-python3.12-alpine", "3.12"),
        ("mcr.microsoft.com/devcontainers/python:3.12", "3.12"),
        ("mcr.microsoft.com/devcontainers/python:1-3.12-bookworm", "3.12"),
        ("acme/base:py312", "3.12"),
        ("acme/base:7-python-3.12", "3.12"),
        ("public.ecr.aws/docker/library/python:3.12-slim", "3.12"),
        ("mirror.gcr.io/library/python:3.12-slim", "3.12"),
        ("mirror.gcr.io/python:3.12-slim", "3.12"),
        ("registry.hub.docker.com/library/python:3.12", "3.12"),
    ],
)
def test_the_name_of_an_image_says_which_python_it_has(image: str, python: str) -> None:
    found = [text for text in said(lines(f"FROM {image}", "RUN pip install tensorflow==2.15.0")) if "no-wheel" in text]
    assert found == [
        f"Dockerfile:2:17 error no-wheel-for-interpreter: No wheel of tensorflow 2.15.0 is made for Python {python}, which {image} brings, "
        "on linux/amd64; there are wheels for Python 3.9 to 3.11"
    ]
    fits = image.replace("3.12", "3.11").replace("312", "311")
    assert "no-wheel-for-interpreter" not in " ".join(rules(lines(f"FROM {fits}", "RUN pip install tensorflow==2.15.0")))


@pytest.mark.parametrize(
    "image", ["acme/py310-base:7", "acme/base:3.11", "acme/base:numpy310", "acme/python", "localhost:5000/python3.11/base"]
)
def test_a_name_that_does_not_say_it_plainly_says_nothing(image: str) -> None:
    assert said(lines(f"FROM {image}", "RUN pip install tensorflow==2.17.0")) == [
        f"Dockerfile:1:6 warning unknown-image: What is inside {image} is not known, and TensorFlow is installed into it"
    ]


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("tensorflow/tensorflow:2.15.3-gpu", "tensorflow/tensorflow"),
        ("tensorflow/tensorflow:nonsense", "tensorflow/tensorflow"),
        ("nvcr.io/nvidia/tensorflow:23.10-tf2-py3", "nvcr.io/nvidia/tensorflow"),
    ],
)
def test_a_tag_that_a_known_repository_is_not_known_to_have(image: str, repository: str) -> None:
    day = MATRIX.snapshots[repository]
    told = f"Dockerfile:1:6 warning unknown-image: Whether there is {image}, and what is inside, is not known (snapshot of {day})"
    assert said(lines(f"FROM {image}")) == [told]
    assert said(lines(f"FROM {image}", "RUN pip install tensorflow==2.13.0")) == [told]


def test_an_old_floating_tag_is_said_to_float_and_no_more() -> None:
    assert rules(lines("FROM tensorflow/tensorflow:latest-gpu-py3")) == ["Dockerfile:1 floating-tag"]


def test_what_breaks_is_a_warning_where_the_interpreter_is_not_known() -> None:
    assert [text.partition(": ")[0] for text in said(lines("FROM mycorp/base:1", 'RUN pip install tensorflow==2.8.3 "protobuf<3.21"'))] == [
        "Dockerfile:1:6 warning unknown-image",
        "Dockerfile:2:17 warning uncapped-breaker",
    ]


def test_an_image_that_is_there_for_the_platform_is_not_judged_by_the_wheels() -> None:
    assert said(lines("FROM tensorflow/tensorflow:2.20.0"), platform="linux/arm64") == []


def test_uv_brings_another_interpreter_where_the_project_asks_for_one() -> None:
    project = '[project]\nname="x"\nversion="1"\nrequires-python=">=3.9,<3.12"\ndependencies=["tensorflow-cpu==2.15.1"]\n'
    files = {**lines("FROM python:3.12-slim", "COPY . /app", "WORKDIR /app", "RUN uv sync"), "pyproject.toml": project}
    assert said(files) == []
