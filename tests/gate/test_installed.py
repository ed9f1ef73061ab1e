"""What pip makes of one command after another: what stays, what is replaced, and what excludes itself."""

from __future__ import annotations

import pytest
from small import MATRIX, judge, rules, said

PLAIN = "FROM python:3.11-slim-bookworm"
IMAGE = "FROM tensorflow/tensorflow:2.17.0-gpu"
CUDNN = "cuDNN 8.9.6.50 is of another major than the 9.3.0.75 that tensorflow {} wants: it will run on the CPU without an error"


def lines(*texts: str) -> dict[str, str | bytes]:
    return {"Dockerfile": "\n".join((*texts, ""))}


def replaced(*texts: str) -> list[str]:
    found = [f for f in judge(lines(IMAGE, *texts)).findings if f.rule == "image-tensorflow-replaced"]
    return [f"{f.severity} {f.place}: {f.message}" for f in found]


def carries(version: str, by: str = "") -> str:
    said_by = f" ({by})" if by else ""
    return (
        "error Dockerfile:1: tensorflow/tensorflow:2.17.0-gpu carries tensorflow 2.17.0; "
        f"installing tensorflow {version} over it replaces that without a word{said_by}. {CUDNN.format(version)}"
    )


# -- the image's TensorFlow --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "RUN pip install tensorflow",
        'RUN pip install "tensorflow>=2.10"',
        "RUN pip install tensorflow==2.17.0",
        "RUN pip install tensorflow~=2.17.0",
        "RUN pip install tf-keras==2.17.0",
        "RUN pip install tensorflow-text==2.17.0",
        "RUN pip install --no-deps tf-keras==2.19.0",
        "RUN pip install 'tensorflow==2.15.0 ; python_version < \"3.10\"'",
        "RUN pip install 'tensorflow==2.15.0 ; sys_platform == \"darwin\"'",
        "RUN pip install --upgrade numpy",
        "RUN pip uninstall -y keras",
        "RUN pip install -c /c.txt numpy",
    ],
)
def test_the_image_s_tensorflow_stays(command: str) -> None:
    files = {**lines(IMAGE, "COPY c.txt /c.txt", command), "c.txt": "tensorflow==2.15.0\n"}
    assert "image-tensorflow-replaced" not in {f.rule for f in judge(files).findings}


@pytest.mark.parametrize(
    ("command", "version", "by"),
    [
        ("RUN pip install tensorflow==2.18.0", "2.18.0", ""),
        ("RUN pip install 'tensorflow>=2.18,<2.19'", "2.18.1", ""),
        ("RUN pip install -U tensorflow", "2.21.0", ""),
        ("RUN pip install tf-keras==2.19.0", "2.19.1", "tf-keras 2.19.0 requires tensorflow<2.20,>=2.19"),
        ("RUN pip install tensorflow-text==2.18.1", "2.18.1", "tensorflow-text 2.18.1 requires tensorflow<2.19,>=2.18.0"),
        ("RUN pip install tf-keras", "2.21.0", "tf-keras 2.21.0 requires tensorflow<2.22,>=2.21"),
        ("RUN pip install tensorflow-hub==0.16.1", "2.21.0", "tf-keras 2.21.0 requires tensorflow<2.22,>=2.21"),
        ("RUN pip uninstall -y tensorflow && pip install tensorflow==2.18.0", "2.18.0", ""),
    ],
)
def test_the_image_s_tensorflow_is_replaced(command: str, version: str, by: str) -> None:
    assert replaced(command) == [carries(version, by)]


def test_the_other_place_says_who_requires_it() -> None:
    found = next(f for f in judge(lines(IMAGE, "RUN pip install tf-keras==2.19.0")).findings if f.rule == "image-tensorflow-replaced")
    assert [(str(r.place), r.message) for r in found.related] == [("Dockerfile:2", "tf-keras 2.19.0 requires tensorflow<2.20,>=2.19")]
    pinned = next(f for f in judge(lines(IMAGE, "RUN pip install tensorflow==2.18.0")).findings if f.rule == "image-tensorflow-replaced")
    assert [(str(r.place), r.message) for r in pinned.related] == [("Dockerfile:2", "tensorflow 2.18.0")]


def test_a_constraint_holds_what_another_package_requires() -> None:
    files = {**lines(IMAGE, "COPY c.txt /c.txt", "RUN pip install -c /c.txt tf-keras"), "c.txt": "tf-keras==2.17.0\n"}
    assert "image-tensorflow-replaced" not in {f.rule for f in judge(files).findings}


def test_a_patch_of_the_same_minor_is_no_error() -> None:
    assert replaced("RUN pip install tensorflow==2.17.1") == [
        "warning Dockerfile:1: tensorflow/tensorflow:2.17.0-gpu carries tensorflow 2.17.0; "
        "installing tensorflow 2.17.1 over it replaces that without a word"
    ]


# -- one command after another -----------------------------------------------------------------------


def test_what_satisfies_is_left_alone() -> None:
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.17.0", "RUN pip install tensorflow")) == []
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.15.1", "RUN pip install numpy")) == []


def test_the_second_of_two_pins_replaces_the_first() -> None:
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.17.0", "RUN pip install tensorflow==2.15.1")) == [
        "Dockerfile:3:17 warning requirement-conflict: tensorflow==2.17.0 and tensorflow==2.15.1 are installed one after the other: "
        "the second replaces the first"
    ]
    assert (
        said(lines(PLAIN, "RUN pip install tensorflow==2.17.0", "RUN pip uninstall -y tensorflow && pip install tensorflow==2.15.1")) == []
    )


def test_two_pins_in_one_command_exclude_each_other() -> None:
    found = judge(lines(PLAIN, "RUN pip install tensorflow==2.17.0 tensorflow==2.15.1")).findings
    assert [(f.severity, f.rule, f.message) for f in found if f.severity != "info"] == [
        ("error", "requirement-conflict", "tensorflow==2.17.0 and tensorflow==2.15.1 exclude each other: pip finds no version")
    ]


def test_a_later_step_brings_a_numpy_that_tensorflow_cannot_take() -> None:
    tensorflow = "RUN pip install tensorflow==2.15.1"
    asks = "error requirement-conflict: tensorflow 2.15.1 asks for numpy<2.0.0,>=1.23.5, which numpy {} is not"
    assert said(lines(PLAIN, tensorflow, "RUN pip install numpy==2.1.0")) == [f"Dockerfile:3:17 {asks.format('2.1.0')}"]
    upgraded = said(lines(PLAIN, tensorflow, "RUN pip install -U numpy"))
    assert len(upgraded) == 1
    assert upgraded[0].startswith(
        "Dockerfile:3:20 error requirement-conflict: tensorflow 2.15.1 asks for numpy<2.0.0,>=1.23.5, which numpy 2."
    )
    assert said(lines(PLAIN, "RUN pip install -U numpy tensorflow==2.15.1")) == []


def test_the_last_keras_counts() -> None:
    old = "RUN pip install tensorflow==2.17.0 keras==2.10.0"
    assert said(lines(PLAIN, old)) == [
        "Dockerfile:2:36 error keras-pin-mismatch: keras 2.10.0 cannot stand beside tensorflow 2.17.0: "
        "Keras 2 there is tf-keras==2.17.* and TF_USE_LEGACY_KERAS=1"
    ]
    assert said(lines(PLAIN, old, "RUN pip uninstall -y keras && pip install keras==3.5.0")) == []


def test_packages_that_stand_on_tensorflow_ask_for_their_own() -> None:
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.17.0 tensorflow-text==2.15.0")) == [
        "Dockerfile:2:36 error requirement-conflict: tensorflow==2.17.0 and tensorflow-text 2.15.0 (which requires tensorflow<2.16,>=2.15.0) "
        "exclude each other: pip finds no version"
    ]
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.17.0 tensorflow-text==2.17.0")) == []
    assert said(lines(PLAIN, "RUN pip install --no-deps tensorflow==2.17.0 tf-keras==2.19.0")) == [
        "Dockerfile:2:46 error keras-pin-mismatch: tensorflow 2.17.0 needs the tf-keras of its own minor, which tf-keras 2.19.0 is not"
    ]


def test_keras_2_needs_its_variable() -> None:
    install = "RUN pip install tensorflow==2.17.0 tf-keras==2.17.0"
    (found,) = (f for f in judge(lines(PLAIN, install)).findings if f.rule == "two-keras")
    assert (found.severity, str(found.place)) == ("info", "Dockerfile:2")  # many install it for a package that imports it by its name
    assert found.message == (
        "tf-keras 2.17.0 is installed beside tensorflow 2.17.0, but tf.keras stays Keras 3 without TF_USE_LEGACY_KERAS=1"
    )
    assert "two-keras" not in {f.rule for f in judge(lines(PLAIN, "ENV TF_USE_LEGACY_KERAS=1", install)).findings}


def test_two_that_install_the_module_keras() -> None:
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.17.0 keras==3.5.0 keras-nightly")) == [
        "Dockerfile:2:49 warning two-keras: keras and keras-nightly stand side by side: both install the module keras"
    ]
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.17.0 keras==3.5.0 keras-core==0.1.7")) == [
        "Dockerfile:2:49 warning two-keras: keras and keras-core stand side by side: Keras 3 is what keras-core became"
    ]


# -- markers, platforms and locks --------------------------------------------------------------------


def test_markers_choose_by_the_interpreter_of_the_image() -> None:
    text = (
        "tensorflow==2.15.0; python_version < '3.12'\n"
        "tensorflow==2.17.0; python_version >= '3.12'\n"
        "keras==2.15.0\n"
    )  # fmt: skip
    build = ("COPY r.txt /", "RUN pip install -r /r.txt")
    assert rules({**lines("FROM python:3.11-slim", *build), "r.txt": text}) == []
    assert rules({**lines("FROM python:3.12-slim", *build), "r.txt": text}) == ["r.txt:3 keras-pin-mismatch"]


def test_markers_choose_by_the_platform() -> None:
    text = "tensorflow==2.11.0; platform_machine == 'x86_64'\ntensorflow==2.15.0; platform_machine == 'aarch64'\n"
    build = lines("FROM python:3.10-slim", "COPY r.txt /", "RUN pip install 'numpy<2' -r /r.txt")
    assert rules({**build, "r.txt": text}) == []
    assert rules({**build, "r.txt": text}, platform="linux/arm64") == []
    assert rules({**build, "r.txt": text.replace("aarch64", "arm64")}, platform="linux/arm64") == []
    assert rules({**build, "r.txt": "tensorflow==2.9.0\n"}, platform="linux/arm64") == ["r.txt:1 platform-has-wheel"]


FORKED = """version = 1
requires-python = ">=3.9"
[[package]]
name = "tensorflow"
version = "2.15.1"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version < '3.12'"]
[[package]]
name = "tensorflow"
version = "2.17.0"
source = { registry = "https://pypi.org/simple" }
resolution-markers = ["python_full_version >= '3.12'"]
"""


def test_the_forks_of_a_lock_do_not_exclude_each_other() -> None:
    assert said({"uv.lock": FORKED}) == []


# -- what nobody can install -------------------------------------------------------------------------


def test_what_was_removed_from_the_index() -> None:
    empty = "from 2.12 on tensorflow-gpu is an empty package that ends with an error, and tensorflow is the GPU build"
    for asked in ("tensorflow-gpu", "tensorflow-gpu==2.12.0", "tensorflow-gpu>=2.8"):
        assert said(lines(PLAIN, f'RUN pip install "{asked}"')) == [
            f"Dockerfile:2:18 error removed-package: {asked} cannot be installed: {empty}"
        ]
    assert "removed-package" not in {
        f.rule for f in judge(lines("FROM python:3.9-slim", "RUN pip install tensorflow-gpu==2.10.0")).findings
    }


def test_what_never_was_on_the_index() -> None:
    found = said(lines(PLAIN, "RUN pip install tensorflow==2.15.7"))
    assert len(found) == 1
    assert found[0].startswith("Dockerfile:2:17 error removed-package: There is no tensorflow==2.15.7 on the index (matrix of ")
    assert found[0].endswith("): of 2.15 there are 2.15.0, 2.15.0.post1, 2.15.1")


@pytest.mark.parametrize(
    "asked",
    [
        "tensorflow==99.0.0",
        "tensorflow==1.5.0",
        "tensorflow==2.20.0rc0",
        "tensorflow==2.15.0+acme",
        "tf-nightly",
        "tf-nightly==2.22.0.dev20261001",
    ],
)
def test_what_the_matrix_does_not_have(asked: str) -> None:
    unknown = f"unknown-release: {asked.replace('==', ' ')} is not in the matrix (of {MATRIX.measured}): nothing was held against it"
    assert said(lines(PLAIN, f"RUN pip install {asked}")) == [f"Dockerfile:2:17 warning {unknown}"]
    assert said(lines(IMAGE, f"RUN pip install {asked}"))[-1].startswith(f"Dockerfile:2:17 warning {unknown}")
    other = "--index-url https://pkgs.acme.example/simple"
    assert said(lines(PLAIN, f"RUN pip install {other} {asked}")) == []


def test_what_the_matrix_does_not_have_replaces_the_image_s() -> None:
    assert said(lines(IMAGE, "RUN pip install tensorflow==99.0.0")) == [
        f"Dockerfile:2:17 warning unknown-release: tensorflow 99.0.0 is not in the matrix (of {MATRIX.measured}): nothing was held against it. "
        "It replaces the tensorflow 2.17.0 of tensorflow/tensorflow:2.17.0-gpu"
    ]


# -- another package index -----------------------------------------------------------------------------

INDEX = "https://pkgs.acme.example/simple"
BESIDE = " (on the public index; what pkgs.acme.example has is not known)"
TOLD: dict[str, tuple[str, ...]] = {
    "an option": (f"RUN pip install --index-url {INDEX} {{}}",),
    "an option with an equals sign": (f"RUN pip install --extra-index-url={INDEX} {{}}",),
    "a short option": (f"RUN pip install -i {INDEX} {{}}",),
    "links": (f"RUN pip install -f {INDEX} {{}}",),
    "an option of uv's": (f"RUN uv pip install --system --index {INDEX} {{}}",),
    "a variable": (f"ENV PIP_INDEX_URL={INDEX}", "RUN pip install {}"),
    "another variable": (f"ENV PIP_EXTRA_INDEX_URL={INDEX}", "RUN pip install {}"),
    "a variable of the command": (f"RUN PIP_INDEX_URL={INDEX} pip install {{}}",),
}


@pytest.mark.parametrize("how", TOLD)
def test_another_index_may_have_what_the_public_one_lacks(how: str) -> None:
    wheel = "No wheel of tensorflow 2.10.0 is made for Python 3.11, which python:3.11-slim-bookworm brings, on linux/amd64; there are wheels for Python 3.7 to 3.10"
    for asked, rule, message in (
        ("tensorflow==2.10.0", "no-wheel-for-interpreter", wheel),
        (
            "tensorflow==2.15.7",
            "removed-package",
            f"There is no tensorflow==2.15.7 on the index (matrix of {MATRIX.measured}): of 2.15 there are 2.15.0, 2.15.0.post1, 2.15.1",
        ),
    ):
        found = judge(lines(PLAIN, *(text.format(asked) for text in TOLD[how]))).findings
        assert [(f.severity, f.rule, f.message) for f in found if f.severity != "info"] == [("warning", rule, message + BESIDE)]


def test_a_platform_without_a_wheel_on_the_public_index() -> None:
    arm = "FROM --platform=linux/arm64 python:3.10-slim"
    assert said(lines(arm, f"RUN pip install -i {INDEX} tensorflow==2.9.0")) == [
        f"Dockerfile:2:{21 + len(INDEX)} warning platform-has-wheel: There is no wheel of tensorflow 2.9.0 for linux/arm64{BESIDE}"
    ]


def test_a_line_of_the_requirements_names_the_index() -> None:
    files = {**lines(PLAIN, "COPY r.txt /", "RUN pip install -r /r.txt"), "r.txt": f"--extra-index-url {INDEX}\ntensorflow==2.10.0\n"}
    assert [text.split()[1] for text in said(files)] == ["warning"]


@pytest.mark.parametrize(
    "url", ["https://pypi.tuna.tsinghua.edu.cn/simple", "https://download.pytorch.org/whl/cu121", "https://pypi.org/simple"]
)
def test_mirrors_and_indexes_without_tensorflow_are_no_others(url: str) -> None:
    assert [text.split()[1] for text in said(lines(PLAIN, f"RUN pip install --extra-index-url {url} tensorflow==2.10.0"))] == ["error"]


# -- one command as pip solves it ------------------------------------------------------------------------

OLD = "FROM python:3.9-slim"
ROOM = [
    "'tensorflow>=2.8' numpy==1.23.5",
    "tensorflow protobuf==3.20.3",
    "tensorflow keras==2.15.0",
    "tensorflow h5py==3.8.0",
    "tensorflow tf-keras==2.15.1 'numpy<2'",
    "'tensorflow>=2.10' 'protobuf<4'",
]


@pytest.mark.parametrize("asked", ROOM)
def test_an_open_tensorflow_is_the_newest_that_leaves_room(asked: str) -> None:
    assert said(lines(OLD, f"RUN pip install {asked}")) == []


def test_an_open_tensorflow_of_a_project_leaves_room() -> None:
    assert said({"pyproject.toml": '[project]\nname="x"\nversion="1"\ndependencies=["tensorflow>=2.8","keras<3"]\n'}) == []


STAYS = {  # what is installed leaves room for the TensorFlow that is there
    "hub beside 2.13, which needs no tf-keras": ("FROM tensorflow/tensorflow:2.13.0-gpu", "RUN pip install tensorflow-hub"),
    "text of the very release": (
        "FROM python:3.10-slim",
        'RUN pip install tensorflow==2.14.0 "numpy<2"',
        "RUN pip install tensorflow_text==2.14.0",
    ),
    "hub goes back to where text stands": (
        "FROM tensorflow/tensorflow:2.15.0-gpu",
        "RUN pip install tensorflow-hub tensorflow-text==2.15.0",
    ),
    "hub takes the tf-keras that is pinned": ("FROM tensorflow/tensorflow:2.15.0-gpu", 'RUN pip install tensorflow-hub "tf-keras~=2.15.0"'),
    "the CPU package of the image": ("FROM tensorflow/tensorflow:2.14.0", "RUN pip install tensorflow-cpu==2.14.0"),
    "the last value of a variable counts": (
        "FROM tensorflow/tensorflow:2.17.0",
        "ENV V=2.17.0",
        "ARG V=2.15.0",
        "RUN pip install tensorflow-cpu==$V",
    ),
}


@pytest.mark.parametrize("how", STAYS)
def test_a_tensorflow_that_leaves_room_stays(how: str) -> None:
    assert said(lines(*STAYS[how])) == []


def test_hub_alone_brings_another_tensorflow() -> None:
    (found,) = said(lines("FROM tensorflow/tensorflow:2.15.0-gpu", "RUN pip install tensorflow-hub"))
    assert found.startswith(
        "Dockerfile:1:6 error image-tensorflow-replaced: tensorflow/tensorflow:2.15.0-gpu carries tensorflow 2.15.0; installing tensorflow 2.21.0 "
        "over it replaces that without a word (tf-keras 2.21.0 requires tensorflow<2.22,>=2.21). "
    )


def test_another_minor_is_an_error_even_where_it_would_run() -> None:
    over = "Dockerfile:1:6 error image-tensorflow-replaced: tensorflow/tensorflow:2.18.0-gpu carries tensorflow 2.18.0; "
    assert said(lines("FROM tensorflow/tensorflow:2.18.0-gpu", "RUN pip install tensorflow==2.15.0")) == [
        f"{over}installing tensorflow 2.15.0 over it replaces that without a word"
    ]


def test_another_distribution_than_the_image_s_is_named() -> None:
    over = "warning image-tensorflow-replaced: tensorflow/tensorflow:2.15.0 carries tensorflow 2.15.0; installing"
    beside = " (the image's is tensorflow-cpu, which stays beside it)"
    assert said(lines("FROM tensorflow/tensorflow:2.15.0", "RUN pip install tensorflow==2.15.1")) == [
        f"Dockerfile:1:6 {over} tensorflow 2.15.1 over it replaces that without a word{beside}"
    ]
    assert said(lines("FROM tensorflow/tensorflow:2.15.0", "RUN pip install tensorflow-cpu==2.15.1")) == [
        f"Dockerfile:1:6 {over} tensorflow-cpu 2.15.1 over it replaces that without a word"
    ]
    assert [text.partition(": ")[0] for text in said(lines("FROM tensorflow/tensorflow:2.15.0", "RUN pip install tensorflow"))] == [
        "Dockerfile:1:6 error image-tensorflow-replaced"
    ]


@pytest.mark.parametrize("before", ["-U numpy", "numpy==1.22.0", "protobuf==5.29.0", "keras==3.5.0"])
def test_what_an_earlier_command_pinned_is_moved_in_silence(before: str) -> None:
    assert said(lines("FROM python:3.10-slim", f"RUN pip install {before}", "RUN pip install tensorflow-cpu==2.15.1")) == []


def test_a_package_that_is_added_later_outside_of_the_metadata_is_a_warning() -> None:
    assert said(lines("FROM tensorflow/tensorflow:2.11.1", "RUN pip install protobuf==3.20.3")) == [
        "Dockerfile:2:17 warning requirement-conflict: tensorflow-cpu 2.11.1 asks for protobuf<3.20,>=3.9.2, which protobuf 3.20.3 is not"
    ]


def test_a_known_breaker_that_is_added_later_is_an_error() -> None:
    found = said(lines("FROM tensorflow/tensorflow:2.15.0", "RUN pip install numpy==2.1.0"))
    assert [text.partition(": ")[0] for text in found] == ["Dockerfile:2:17 error requirement-conflict"]


def test_two_distributions_in_two_versions() -> None:
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.15.0 tensorflow-cpu==2.16.1")) == [
        "Dockerfile:2:36 error requirement-conflict: tensorflow==2.15.0 and tensorflow-cpu==2.16.1 install the same files: "
        "which version is imported is a matter of luck"
    ]
    assert said(lines(PLAIN, "RUN pip install tensorflow==2.15.0 tensorflow-cpu==2.15.0")) == []


def test_tf_keras_of_another_minor_by_its_range() -> None:
    assert said({"requirements.txt": "tensorflow==2.17.0\ntf-keras<2.16\n"}) == [
        "requirements.txt:2:1 error keras-pin-mismatch: tensorflow 2.17.0 asks for tf-keras==2.17.*, and tf-keras<2.16 admits none of these"
    ]


def test_releases_whose_requirements_admit_what_breaks_them() -> None:
    old = "FROM python:3.9-slim"
    assert said(lines(old, "RUN pip install tensorflow-cpu==2.10.0"))[0].startswith(
        "Dockerfile:2:17 error uncapped-breaker: tensorflow-cpu 2.10.0 admits numpy 2.0.2, which pip takes today, and breaks with it"
    )
    assert said(lines(old, "RUN pip install tensorflow-cpu==2.10.0 'numpy<2'")) == []
    assert said(lines(old, "RUN pip install tensorflow-cpu==2.10.0 numpy==1.26.4")) == []
    assert said({**lines(old, "COPY c.txt /", "RUN pip install -c /c.txt tensorflow-cpu==2.10.0"), "c.txt": "numpy<2\n"}) == []
    assert said(lines(old, "RUN pip install tensorflow-cpu==2.10.0 scipy==1.10.1")) == []  # it holds NumPy back
