"""Fixes: which edits are made in which kinds of files, that every other byte stays, and that what is not sure is left alone."""

from __future__ import annotations

import pytest
from small import Files, after, judge, mended, rules

SLIM = "FROM python:3.11-slim-bookworm\n"
OLD = "FROM python:3.9-slim\n"
HASH = " --hash=sha256:" + "a" * 64
LIBRARY_PATH = (
    'RUN find "$(python -c \'import sysconfig; print(sysconfig.get_path("purelib"))\')/nvidia" -maxdepth 2 -name lib -type d'
    " > /etc/ld.so.conf.d/nvidia-pip.conf && ldconfig"
)


def errors(files: Files) -> list[str]:
    return [f"{f.place} {f.rule}" for f in judge(files).findings if f.severity == "error"]


CHANGED: dict[str, tuple[str, Files, str, str]] = {  # the file, the project, what is replaced in it, by what
    # a pin that disagrees
    "requirements": ("requirements.txt", {"requirements.txt": "tensorflow==2.15.0\nnumpy==2.1.0  # why\n"}, "==2.1.0", "==1.26.4"),
    "carriage returns": ("requirements.txt", {"requirements.txt": "tensorflow==2.15.0\r\nnumpy==2.1.0\r\n"}, "==2.1.0", "==1.26.4"),
    "no newline at the end": ("requirements.txt", {"requirements.txt": "tensorflow==2.15.0\nnumpy==2.1.0"}, "==2.1.0", "==1.26.4"),
    "a byte order mark": (
        "requirements.txt", {"requirements.txt": b"\xef\xbb\xbfnumpy==2.1.0\ntensorflow==2.15.0\n"}, "==2.1.0", "==1.26.4",
    ),
    "a range with a marker": (
        "requirements.txt",
        {"requirements.txt": 'tensorflow==2.15.0\nnumpy>=2,<2.2 ; python_version > "3.8"\n'}, ">=2,<2.2", "==1.26.4",
    ),
    "odd spelling": ("requirements.txt", {"requirements.txt": "TensorFlow == 2.15.0\nNumPy == 2.1.0\n"}, "== 2.1.0", "==1.26.4"),
    "an array": (
        "pyproject.toml",
        {"pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["tensorflow==2.15.0", "numpy==2.1.0"]  # both\n'},
        "==2.1.0", "==1.26.4",
    ),
    "an array in other quotes": (
        "pyproject.toml",
        {"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = [\n  'tensorflow==2.15.0',\n  'numpy==2.1.0',\n]\n"},
        "==2.1.0", "==1.26.4",
    ),
    "poetry's own dialect": (
        "pyproject.toml",
        {"pyproject.toml": '[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npython = "~3.11"\ntensorflow = "2.15.0"\nnumpy = "2.1.0"\n'},
        '"2.1.0"', '"==1.26.4"',
    ),
    "a word of a command": ("Dockerfile", {"Dockerfile": f"{SLIM}RUN pip install tensorflow==2.15.0 numpy==2.1.0\n"}, "==2.1.0", "==1.26.4"),
    "a quoted word on the next line": (
        "Dockerfile", {"Dockerfile": f"{SLIM}RUN pip install 'tensorflow==2.15.0' \\\n    \"numpy==2.1.0\" && true\n"}, "==2.1.0", "==1.26.4",
    ),
    "keras": ("requirements.txt", {"requirements.txt": "keras==3.0.0\ntensorflow==2.15.0\n"}, "==3.0.0", "==2.15.0"),
    "tf-keras": ("requirements.txt", {"requirements.txt": "tensorflow==2.17.0\ntf-keras==2.19.0\n"}, "==2.19.0", "==2.17.0"),
    # another image
    "another interpreter": ("Dockerfile", {"Dockerfile": "FROM python:3.12-slim AS a\nRUN pip install tensorflow==2.15.0\n"}, "3.12", "3.11"),
    "the release that is pinned": (
        "Dockerfile",
        {"Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\nCOPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": "tensorflow==2.15.0\n"},
        "2.17.0", "2.15.0",
    ),
    "the nearest interpreter, and not the newest": ("Dockerfile", {"Dockerfile": "FROM python:3.6\nRUN pip install tensorflow==2.15.1\n"}, "3.6", "3.9"),
    "the interpreter that serves every stage": (
        "Dockerfile",
        {
            "Dockerfile": "FROM python:3.13-slim AS base\nFROM base AS a\nRUN pip install tensorflow==2.15.0\n"
            "FROM base AS b\nRUN pip install tensorflow==2.18.0\n"
        },
        "3.13", "3.11",
    ),
    "a pin that serves every build": (
        "r.txt",
        {
            "a.Dockerfile": "FROM python:3.10-slim\nCOPY r.txt .\nRUN pip install -r r.txt tensorflow==2.15.0\n",
            "b.Dockerfile": "FROM python:3.10-slim\nCOPY r.txt .\nRUN pip install -r r.txt tensorflow==2.19.0\n",
            "r.txt": "numpy==2.2.0\n",
        },
        "==2.2.0", "==1.26.4",
    ),
    "a version for what requires another TensorFlow": (
        "r.txt",
        {"Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\nCOPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": "tensorflow_text  # words\nflask\n"},
        "tensorflow_text", "tensorflow_text==2.17.0",
    ),
    "a version for tf-keras in a command": (
        "Dockerfile", {"Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\nRUN pip install tf-keras\n"}, "tf-keras", "tf-keras==2.17.0",
    ),
    "another range for what requires another TensorFlow": (
        "Dockerfile", {"Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\nRUN pip install 'tf-keras>=2.18'\n"}, ">=2.18", "==2.17.0",
    ),
    "a pin of one group": (
        "pyproject.toml",
        {
            "pyproject.toml": '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["tensorflow==2.15.0"]\n'
            '[project.optional-dependencies]\na = ["keras==3.5.0"]\n'
        },
        "keras==3.5.0", "keras==2.15.0",
    ),
    # another name
    "tensorflow-gpu": ("requirements.txt", {"requirements.txt": "numpy<2\ntensorflow-gpu==2.12.0\n"}, "tensorflow-gpu", "tensorflow"),
    "tensorflow_gpu": ("requirements.txt", {"requirements.txt": "tensorflow_gpu\n"}, "tensorflow_gpu", "tensorflow"),
    "a version that never was": ("requirements.txt", {"requirements.txt": "tensorflow==2.15.7  # why\n"}, "==2.15.7", "==2.15.1"),
    "tensorflow-cpu": (
        "Dockerfile",
        {"Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\nRUN pip install tensorflow-cpu==2.17.0\n"}, "tensorflow-cpu", "tensorflow",
    ),
    # a line that is added
    "a cap on a line": (
        "r.txt",
        {"Dockerfile": f"{OLD}COPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": "tensorflow-cpu==2.10.0  # why\nflask\n"},
        "# why\n", "# why\nnumpy<2\n",
    ),
    "a cap on a line that ends as Windows does": (
        "r.txt",
        {"Dockerfile": f"{OLD}COPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": "tensorflow-cpu==2.10.0\r\nflask\r\n"},
        "2.10.0\r\n", "2.10.0\r\nnumpy<2\r\n",
    ),
    "a cap behind the last line": (
        "r.txt",
        {"Dockerfile": f"{OLD}COPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": "tensorflow-cpu==2.10.0"}, "2.10.0", "2.10.0\nnumpy<2",
    ),
    "a cap in a command": (
        "Dockerfile", {"Dockerfile": f"{OLD}RUN pip install tensorflow-cpu==2.10.0 && true\n"}, "2.10.0", '2.10.0 "numpy<2"',
    ),
    "a cap behind a quoted word": (
        "Dockerfile", {"Dockerfile": f"{OLD}RUN pip install 'tensorflow-cpu==2.10.0' \\\n  flask\n"}, "2.10.0'", "2.10.0' \"numpy<2\"",
    ),
    "a cap in an array": (
        "pyproject.toml",
        {"pyproject.toml": "[project]\nname='x'\nversion='1'\nrequires-python='==3.9.*'\ndependencies = [\n  'tensorflow-cpu==2.10.0',  # c\n]\n"},
        "2.10.0',", "2.10.0', 'numpy<2',",
    ),
    "the loader is told": (
        "Dockerfile",
        {"Dockerfile": f"{SLIM}RUN pip install tensorflow[and-cuda]==2.16.1\nCMD train\n"}, "2.16.1\n", f"2.16.1\n{LIBRARY_PATH}\n",
    ),
    "the loader is told on Windows": (
        "Dockerfile",
        {"Dockerfile": f"{SLIM}RUN pip install tensorflow[and-cuda]==2.16.1".replace("\n", "\r\n")}, "2.16.1", f"2.16.1\r\n{LIBRARY_PATH}",
    ),
    "a comment is put above": (
        "Dockerfile", {"Dockerfile": "FROM python:3.11-slim # c\nRUN pip install tensorflow==2.17.0\n"},
        "FROM python:3.11-slim # c", "# c\nFROM python:3.11-slim",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", CHANGED)
def test_a_fix_changes_the_least_and_mends(how: str) -> None:
    name, files, old, new = CHANGED[how]
    content = files[name].encode() if isinstance(text := files[name], str) else text
    assert content.count(old.encode()) == 1
    assert rules(files) != []
    assert mended(files) == {name: content.replace(old.encode(), new.encode())}
    assert rules(after(files)) == []


@pytest.mark.parametrize("how", CHANGED)
def test_a_second_run_changes_nothing(how: str) -> None:
    assert mended(after(CHANGED[how][1])) == {}


def test_utf_16_stays_utf_16() -> None:
    for codec, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        files: Files = {"requirements.txt": mark + "numpy==2.1.0\r\ntensorflow==2.15.0\r\n".encode(codec)}
        assert mended(files) == {"requirements.txt": mark + "numpy==1.26.4\r\ntensorflow==2.15.0\r\n".encode(codec)}


UV = (
    'version = 1\nrequires-python = ">=3.9"\n'
    '[[package]]\nname = "tensorflow"\nversion = "2.15.0"\nsource = { registry = "https://pypi.org/simple" }\n'
    '[[package]]\nname = "keras"\nversion = "3.0.0"\nsource = { registry = "https://pypi.org/simple" }\n'
)
LEFT: dict[str, Files] = {
    "a lock file": {"uv.lock": UV},
    "a variable in a pin": {"Dockerfile": f"{SLIM}ARG N=2.1.0\nRUN pip install tensorflow==2.15.0 numpy==$N\n"},
    "a variable as a pin": {"Dockerfile": f"{SLIM}ARG N=numpy==2.1.0\nRUN pip install tensorflow==2.15.0 $N\n"},
    "a variable in FROM": {"Dockerfile": "ARG V=3.12\nFROM python:$V-slim\nRUN pip install tensorflow==2.15.0\n"},
    "a cap beside a hash": {
        "Dockerfile": f"{OLD}COPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": f"tensorflow-cpu==2.10.0{HASH}\n",
    },
    "a cap in the exec form": {"Dockerfile": f'{OLD}RUN ["pip", "install", "tensorflow-cpu==2.10.0"]\n'},
    "a pin that stands on TensorFlow": {"requirements.txt": "tensorflow==2.17.0\ntensorflow-text==2.15.0\n"},
    "Keras 2 beside Keras 3's TensorFlow": {"requirements.txt": "tensorflow==2.17.0\nkeras==2.10.0\n"},
    "a pin beside a hash": {
        "Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\nCOPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": f"tensorflow==2.18.0{HASH}\n",
    },
    "no pin beside a hash": {
        "Dockerfile": "FROM tensorflow/tensorflow:2.17.0-gpu\nCOPY r.txt .\nRUN pip install -r r.txt\n", "r.txt": f"tf-keras{HASH}\n",
    },
    "a heredoc that is copied": {
        "Dockerfile": f"{SLIM}COPY <<EOF r.txt\ntensorflow==2.15.0\nnumpy==2.1.0\nEOF\nRUN pip install -r r.txt\n",
    },
    "a cap in a heredoc that is copied": {"Dockerfile": f"{OLD}COPY <<EOF r.txt\ntensorflow-cpu==2.10.0\nEOF\nRUN pip install -r r.txt\n"},
    "a pin that another build needs": {
        "a.Dockerfile": f"{SLIM}COPY r.txt .\nRUN pip install -r r.txt tensorflow==2.15.0\n",
        "b.Dockerfile": f"{SLIM}COPY r.txt .\nRUN pip install -r r.txt tensorflow==2.17.0\n",
        "r.txt": "keras==3.5.0\n",
    },
    "a line that other groups share": {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["keras==3.5.0"]\n'
        '[project.optional-dependencies]\na = ["tensorflow==2.15.0"]\nb = ["tensorflow==2.17.0"]\n',
    },
    "no interpreter that serves every stage": {
        "Dockerfile": "FROM python:3.13-slim AS base\nFROM base AS a\nRUN pip install tensorflow==2.4.4 'numpy<2' 'protobuf<3.21'\n"
        "FROM base AS b\nRUN pip install tensorflow==2.21.0\n",
    },
    "a managed interpreter without a sign of apt": {"Dockerfile": "FROM ubuntu:24.04\nRUN pip install tensorflow==2.17.0\n"},
    "a managed interpreter and another account": {
        "Dockerfile": "FROM debian:12\nRUN apt-get install -y python3-pip\nUSER me\nRUN pip install tensorflow==2.17.0\n",
    },
    "conda's own": {"environment.yml": "dependencies:\n  - python=3.12\n  - pip:\n    - tensorflow==2.15.0\n"},
}  # fmt: skip


@pytest.mark.parametrize("how", LEFT)
def test_what_is_not_sure_is_left_alone(how: str) -> None:
    assert errors(LEFT[how]) != []
    assert mended(LEFT[how]) == {}


def test_an_image_by_digest_is_left_alone() -> None:
    files: Files = {"Dockerfile": f"FROM python:3.12-slim@sha256:{'a' * 64}\nRUN pip install tensorflow==2.15.0\n"}
    assert mended(files) == {}


def test_notes_are_not_mended() -> None:
    files: Files = {"requirements.txt": "tensorflow==2.15.0\n"}
    assert [f.severity for f in judge(files).findings] == ["info"]
    assert mended(files) == {}


def test_a_managed_interpreter_gets_a_virtual_environment() -> None:
    files: Files = {"Dockerfile": "FROM ubuntu:24.04\nRUN apt-get install -y python3-pip\nRUN pip3 install tensorflow==2.17.0\n"}
    found = mended(files)["Dockerfile"].decode()
    assert errors({"Dockerfile": found}) == []
    kept = str(files["Dockerfile"]).splitlines()
    lines = found.splitlines()
    assert [line for line in lines if line in kept] == kept
    assert [line for line in lines if line not in kept] == [
        "RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/* && python3 -m venv /opt/venv",
        "ENV PATH=/opt/venv/bin:$PATH",
    ]
    assert lines[0] == kept[0]  # the image stays


def test_findings_of_one_cause_share_one_fix() -> None:
    files: Files = {
        "Dockerfile": "FROM nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04\nRUN apt-get install -y python3-pip\nRUN pip3 install tensorflow==2.18.0\n"
    }
    fixes = {f.fix for f in judge(files).findings if f.severity == "error"}
    assert len(fixes) == 1
    assert None not in fixes
    assert errors(after(files)) == []


def test_two_faults_are_mended_together() -> None:
    files: Files = {
        "Dockerfile": "FROM python:3.12-slim\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\n",
        "requirements.txt": "tensorflow==2.15.0\nnumpy==2.1.0\nkeras==3.0.0\n",
    }
    assert mended(files) == {
        "Dockerfile": b"FROM python:3.11-slim\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\n",
        "requirements.txt": b"tensorflow==2.15.0\nnumpy==1.26.4\nkeras==2.15.0\n",
    }
