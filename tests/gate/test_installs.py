"""Which environment a command installs into, and which files it reads."""

from __future__ import annotations

import pytest
from small import Files, judge, rules, said, unread

NO_WHEEL = "tensorflow==2.15.0\n"  # there is none for Python 3.12
NEW = "FROM python:3.12-slim-bookworm"
OLD = "FROM python:3.11-slim-bookworm"
MANAGED = "FROM ubuntu:24.04\nRUN apt-get update && apt-get install -y python3 python3-venv python3-pip"
REFUSED = "pip installs nothing here: the Python 3.12 of ubuntu:24.04 is externally managed (PEP 668)"
PROJECT = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["tensorflow==2.15.0"]\n'


def lines(*texts: str) -> dict[str, str | bytes]:
    return {"Dockerfile": "\n".join((*texts, ""))}


# -- virtual environments ----------------------------------------------------------------------------

IN_VENV = {
    "by PATH": ("RUN python3 -m venv /opt/venv", "ENV PATH=/opt/venv/bin:$PATH", "RUN pip install {pin}"),
    "by a quoted PATH": ("RUN python3 -m venv /opt/venv", 'ENV PATH="/opt/venv/bin:${{PATH}}"', "RUN pip install {pin}"),
    "by VIRTUAL_ENV and PATH": (
        "ENV VIRTUAL_ENV=/opt/venv", "RUN python3 -m venv $VIRTUAL_ENV", 'ENV PATH="$VIRTUAL_ENV/bin:$PATH"', "RUN pip install {pin}",
    ),
    "activated": ("RUN python3 -m venv /opt/venv && . /opt/venv/bin/activate && pip install {pin}",),
    "activated with source": ('SHELL ["/bin/bash", "-c"]', "RUN python3 -m venv /v && source /v/bin/activate && pip install {pin}"),
    "by the path of pip": ("RUN python3 -m venv /opt/venv", "RUN /opt/venv/bin/pip install {pin}"),
    "by the path of python": ("RUN python3 -m venv /opt/venv", "RUN /opt/venv/bin/python -m pip install {pin}"),
    "relative to the working folder": ("WORKDIR /app", "RUN python3 -m venv .venv", "RUN .venv/bin/pip install {pin}"),
}  # fmt: skip


@pytest.mark.parametrize("how", IN_VENV)
def test_a_virtual_environment_is_not_refused_and_has_the_interpreter_it_was_made_with(how: str) -> None:
    texts = IN_VENV[how]
    good = lines(MANAGED, *(text.format(pin="tensorflow==2.17.0") for text in texts))
    assert said(good) == []
    bad = lines(MANAGED, *(text.format(pin="tensorflow==2.15.0") for text in texts))
    assert rules(bad) == [f"Dockerfile:{2 + len(texts)} no-wheel-for-interpreter"]


def test_the_system_s_pip_is_refused() -> None:
    assert said(lines(MANAGED, "RUN pip install tensorflow==2.17.0")) == [f"Dockerfile:3:5 error externally-managed-pip: {REFUSED}"]
    upgrade = lines(MANAGED, "RUN pip3 install --upgrade pip", "RUN pip3 install tensorflow==2.17.0")
    assert said(upgrade) == [f"Dockerfile:3:5 error externally-managed-pip: {REFUSED}, and a newer pip is refused like any other package"]


@pytest.mark.parametrize(
    "texts",
    [
        ("RUN pip install --break-system-packages tensorflow==2.17.0",),
        ("ENV PIP_BREAK_SYSTEM_PACKAGES=1", "RUN pip install tensorflow==2.17.0"),
        ("RUN rm /usr/lib/python3.12/EXTERNALLY-MANAGED", "RUN pip install tensorflow==2.17.0"),
        ("RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED && pip install tensorflow==2.17.0",),
        ("RUN pip install --target /app tensorflow==2.17.0",),
    ],
)
def test_the_marker_can_be_overridden(texts: tuple[str, ...]) -> None:
    assert rules(lines(MANAGED, *texts)) == []


def test_activation_ends_with_its_run() -> None:
    files = lines(MANAGED, "RUN python3 -m venv /opt/venv && . /opt/venv/bin/activate", "RUN pip install tensorflow==2.17.0")
    assert said(files) == [f"Dockerfile:4:5 error externally-managed-pip: {REFUSED}"]


def test_a_virtual_environment_does_not_have_the_image_s_packages() -> None:
    base = "FROM tensorflow/tensorflow:2.17.0"
    texts = ("RUN python3 -m venv /v", "RUN /v/bin/pip install tensorflow==2.16.2")
    assert "image-tensorflow-replaced" not in {f.rule for f in judge(lines(base, *texts)).findings}
    direct = judge(lines(base, "RUN pip install tensorflow==2.16.2"))
    assert "image-tensorflow-replaced" in {f.rule for f in direct.findings}


def test_a_virtual_environment_moves_from_one_stage_to_another() -> None:
    make = (
        "FROM python:3.11-slim AS build",
        "RUN python -m venv /opt/venv",
        "RUN /opt/venv/bin/pip install tensorflow==2.15.0 numpy==2.1.0",
    )
    for copy in ("COPY --from=build /opt/venv /opt/venv", "COPY --from=build /opt /opt", "COPY --from=0 /opt/venv/ /opt/venv/"):
        files = lines(*make, "FROM python:3.11-slim", copy, "ENV PATH=/opt/venv/bin:$PATH")
        assert said(files) == [
            "Dockerfile:3:50 error requirement-conflict: tensorflow 2.15.0 asks for numpy<2.0.0,>=1.23.5, which numpy 2.1.0 is not"
        ]
        assert {f.what for f in judge(files).findings} == {"stage 1 of Dockerfile, /opt/venv"}
    again = lines(*make, "FROM python:3.11-slim", "COPY --from=build /opt/venv /opt/venv", "RUN /opt/venv/bin/pip install numpy==1.26.4")
    assert [f.rule for f in judge(again).findings if f.severity == "error"] == []


def test_installed_packages_move_from_one_stage_to_another() -> None:
    folder = "/usr/local/lib/python3.11/site-packages"
    files = lines(
        "FROM python:3.11-slim AS build", "RUN pip install tensorflow==2.15.0 numpy==2.1.0", "FROM python:3.11-slim", f"COPY --from=build {folder} {folder}"
    )  # fmt: skip
    assert rules(files) == ["Dockerfile:2 requirement-conflict"]
    assert rules(lines("FROM python:3.11-slim AS build", "RUN pip install tensorflow==2.15.0 numpy==2.1.0", "FROM python:3.11-slim")) == [
        "Dockerfile:2 requirement-conflict"
    ]  # a stage that nothing uses is somebody's target


# -- interpreters ------------------------------------------------------------------------------------

OTHER_PYTHONS = {
    "python3.12 -m pip": (
        "FROM ubuntu:22.04", "RUN apt-get update && apt-get install -y python3.12 python3-pip", "RUN python3.12 -m pip install {pin}",
    ),
    "python3.12 -m venv": (
        "FROM ubuntu:22.04", "RUN apt-get update && apt-get install -y python3.12 python3.12-venv", "RUN python3.12 -m venv /v",
        "RUN /v/bin/pip install {pin}",
    ),
    "uv venv": (OLD, "RUN pip install uv && uv venv --python 3.12 /v", "RUN uv pip install --python /v {pin}"),
    "uv pip --system": (NEW, "RUN pip install uv && uv pip install --system {pin}"),
    "conda run": (
        "FROM continuumio/miniconda3:24.7.1-0", "RUN conda create -n tf python=3.12", "RUN conda run -n tf pip install {pin}",
    ),
    "conda activated": (
        "FROM continuumio/miniconda3:24.7.1-0", "RUN conda create -n tf python=3.12", "RUN . activate tf && pip install {pin}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", OTHER_PYTHONS)
def test_the_interpreter_of_the_command_counts(how: str) -> None:
    texts = OTHER_PYTHONS[how]
    assert rules(lines(*(text.format(pin="tensorflow==2.15.0") for text in texts))) == [f"Dockerfile:{len(texts)} no-wheel-for-interpreter"]
    assert rules(lines(*(text.format(pin="tensorflow==2.17.0") for text in texts))) == []


def test_an_older_interpreter_beside_the_system_s() -> None:
    make = "RUN add-apt-repository ppa:deadsnakes/ppa && apt-get install -y python3.11 python3.11-venv && python3.11 -m venv /v"
    assert rules(lines("FROM ubuntu:24.04", make, "RUN /v/bin/pip install tensorflow==2.15.0")) == []


def test_an_environment_file_makes_an_environment() -> None:
    environment = "name: tf\ndependencies:\n  - python=3.12\n  - pip\n  - pip:\n      - tensorflow==2.15.0\n"
    files: Files = {
        "Dockerfile": "FROM continuumio/miniconda3:24.7.1-0\nCOPY environment.yml .\nRUN conda env create -f environment.yml\n",
        "environment.yml": environment,
    }
    assert rules(files) == ["environment.yml:6 no-wheel-for-interpreter"]
    assert rules({**files, "environment.yml": environment.replace("3.12", "3.11")}) == []


# -- projects and their locks ------------------------------------------------------------------------

UV = 'version = 1\nrequires-python = ">=3.9"\n[[package]]\nname = "tensorflow"\nversion = "2.15.0"\nsource = { registry = "https://pypi.org/simple" }\n'
POETRY = '[[package]]\nname = "tensorflow"\nversion = "2.15.0"\noptional = false\npython-versions = ">=3.9"\nfiles = []\n[metadata]\nlock-version = "2.0"\npython-versions = "^3.9"\n'
PDM = '[metadata]\ngroups = ["default"]\nlock_version = "4.4"\n[[package]]\nname = "tensorflow"\nversion = "2.15.0"\nrequires_python = ">=3.9"\n'
TOOLS = {
    "uv sync": ("uv.lock", UV, "RUN pip install uv && uv sync --frozen"),
    "poetry": ("poetry.lock", POETRY, "RUN pip install poetry && poetry install --no-root"),
    "pdm": ("pdm.lock", PDM, "RUN pip install pdm && pdm install"),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_installs_its_lock(tool: str) -> None:
    name, text, command = TOOLS[tool]
    files: Files = {"Dockerfile": f"{NEW}\nWORKDIR /app\nCOPY pyproject.toml {name} ./\n{command}\n", "pyproject.toml": PROJECT, name: text}
    found = [f for f in judge(files).findings if f.severity == "error"]
    assert [(f.rule, f.place.file) for f in found] == [("no-wheel-for-interpreter", name)]
    assert rules({**files, "Dockerfile": str(files["Dockerfile"]).replace(NEW, OLD)}) == []


def test_a_project_is_installed_with_the_extras_that_are_asked_for() -> None:
    extra = '[project]\nname = "x"\nversion = "1"\n[project.optional-dependencies]\ntf = ["tensorflow==2.15.0"]\n'
    build = f"{NEW}\nWORKDIR /app\nCOPY . .\nRUN pip install "
    assert rules({"Dockerfile": f"{build}.\n", "pyproject.toml": PROJECT}) == ["pyproject.toml:5 no-wheel-for-interpreter"]
    assert rules({"Dockerfile": f"{build}-e .\n", "pyproject.toml": PROJECT}) == ["pyproject.toml:5 no-wheel-for-interpreter"]
    assert rules({"Dockerfile": f'{build}".[tf]"\n', "pyproject.toml": extra}) == ["pyproject.toml:5 no-wheel-for-interpreter"]
    assert rules({"Dockerfile": f"{build}.\n", "pyproject.toml": extra}) == []


# -- constraints and includes ------------------------------------------------------------------------

CONSTRAINED = {
    "an option": "RUN pip install -c /c.txt tensorflow==2.15.0",
    "a variable of the image": "ENV PIP_CONSTRAINT=/c.txt\nRUN pip install tensorflow==2.15.0",
    "an exported variable": "RUN export PIP_CONSTRAINT=/c.txt && pip install tensorflow==2.15.0",
    "a variable of the command": "RUN PIP_CONSTRAINT=/c.txt pip install tensorflow==2.15.0",
    "a variable for uv": "ENV UV_CONSTRAINT=/c.txt\nRUN uv pip install --system tensorflow==2.15.0",
}


@pytest.mark.parametrize("how", CONSTRAINED)
def test_constraints_count_and_install_nothing(how: str) -> None:
    files: Files = {"Dockerfile": f"{OLD}\nCOPY c.txt /c.txt\n{CONSTRAINED[how]}\n", "c.txt": "tensorflow==2.16.1\nkeras==3.0.0\n"}
    assert said(files) == [
        "c.txt:1:1 error requirement-conflict: tensorflow==2.15.0 and tensorflow==2.16.1 exclude each other: pip finds no version"
    ]
    assert rules({**files, "c.txt": "keras==3.0.0\n"}) == []


def test_includes_are_followed_from_where_they_stand() -> None:
    build = f"{NEW}\nCOPY . .\nRUN pip install -r a/requirements.txt\n"
    files: Files = {"Dockerfile": build, "a/requirements.txt": "-r ../b/base.txt\n", "b/base.txt": "-r tf.txt\n", "b/tf.txt": NO_WHEEL}
    assert rules(files) == ["b/tf.txt:1 no-wheel-for-interpreter"]
    assert rules({"a/requirements.txt": "-r ../b/tf.txt\nnumpy==2.1.0\n", "b/tf.txt": NO_WHEEL}) == [
        "a/requirements.txt:2 requirement-conflict"
    ]


def test_includes_that_include_each_other_end() -> None:
    build = f"{NEW}\nCOPY . .\nRUN pip install -r requirements.txt\n"
    files: Files = {
        "Dockerfile": build, "requirements.txt": "-r requirements2.txt\n", "requirements2.txt": f"-r requirements.txt\n-r requirements2.txt\n{NO_WHEEL}",
    }  # fmt: skip
    assert rules(files) == ["requirements2.txt:3 no-wheel-for-interpreter"]
    assert unread(files) == []


def test_an_included_constraint_installs_nothing() -> None:
    files: Files = {"requirements.txt": "-c constraints.txt\ntensorflow\n", "constraints.txt": "tensorflow==2.15.0\nnumpy==2.1.0\n"}
    assert [text for text in rules(files) if "numpy" in text] == []
    assert unread(files) == []


def test_an_include_that_is_not_there_fails_the_gate() -> None:
    assert unread({"requirements.txt": f"-r x.txt\n{NO_WHEEL}"}) == ["!requirements.txt:1 x.txt is not in the tree"]
    assert unread({"a/requirements.txt": f"numpy\n-c ../../x.txt\n{NO_WHEEL}"}) == [
        "!a/requirements.txt:2 ../../x.txt leads out of the tree"
    ]


def test_a_file_that_a_build_installs_is_not_judged_alone() -> None:
    build = f"{NEW}\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\n"
    files: Files = {"Dockerfile": build, "requirements.txt": "tensorflow==2.17.0\nnumpy==2.1.0\n"}
    found = judge(files).findings
    assert {f.what for f in found} == {"Dockerfile"}
    assert {f.what for f in judge({"requirements.txt": files["requirements.txt"]}).findings} == {"requirements.txt"}
