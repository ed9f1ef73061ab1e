"""Stages, arguments and variables of a build."""

from __future__ import annotations

import pytest
from small import judge, rules, said, unread

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
