"""What image configs say of their contents, as the builders and Dockerfiles of the real images write them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tfcompat.contents import Cell, Contents, read_contents

REQUIRE_11_2 = "cuda>=11.2 brand=tesla,driver>=418,driver<419"
# as in the history of tensorflow/tensorflow:2.9.1-gpu-jupyter
ARGS_2_9 = "ARCH= CUDA=11.2 CUDNN=8.1.0.77-1 CUDNN_MAJOR_VERSION=8 LIBNVINFER=7.2.2-1 LIBNVINFER_MAJOR_VERSION=7 LIB_DIR_PREFIX=x86_64"
HISTORY_2_9 = [
    "/bin/sh -c #(nop) ADD file:7009ad0ee0bbe5ed7f381792e07347e260e6896aeee0d80597808065120fa96b in / ",
    '/bin/sh -c #(nop)  CMD ["bash"]',
    "ENV NVARCH=x86_64",
    f"ENV NVIDIA_REQUIRE_CUDA={REQUIRE_11_2}",
    "ARG TARGETARCH",
    "RUN |1 TARGETARCH=amd64 /bin/sh -c apt-get update && apt-get install -y --no-install-recommends gnupg2 curl # buildkit",
    "ENV CUDA_VERSION=11.2.1",
    "COPY NGC-DL-CONTAINER-LICENSE / # buildkit",
    "/bin/bash -c #(nop)  ARG CUDNN=8.1.0.77-1",
    "/bin/bash -c #(nop)  SHELL [/bin/bash -c]",
    f"|7 {ARGS_2_9} /bin/bash -c apt-get update && apt-get install -y --no-install-recommends libcudnn8=${{CUDNN}}+cuda${{CUDA}} unzip",
    f"|7 {ARGS_2_9} /bin/bash -c apt-get install -y libnvinfer${{LIBNVINFER_MAJOR_VERSION}}=${{LIBNVINFER}}+cuda11.0",
    f'|7 {ARGS_2_9} /bin/bash -c python3 -m pip --no-cache-dir install --upgrade     "pip<20.3"     setuptools',
    "/bin/bash -c #(nop)  ARG TF_PACKAGE=tensorflow",
    "/bin/bash -c #(nop)  ARG TF_PACKAGE_VERSION=",
    f"|9 {ARGS_2_9} TF_PACKAGE=tensorflow TF_PACKAGE_VERSION=2.9.1 /bin/bash -c python3 -m pip install --no-cache-dir "
    "${TF_PACKAGE}${TF_PACKAGE_VERSION:+==${TF_PACKAGE_VERSION}}",
    f"|9 {ARGS_2_9} TF_PACKAGE=tensorflow TF_PACKAGE_VERSION=2.9.1 /bin/bash -c python3 -m pip install --no-cache-dir jupyter matplotlib",
    '/bin/bash -c #(nop)  CMD ["bash" "-c" "source /etc/bash.bashrc && jupyter notebook --notebook-dir=/tf"]',
]
ENV_2_9 = [
    "PATH=/usr/local/cuda/bin:/usr/bin",
    "NVARCH=x86_64",
    f"NVIDIA_REQUIRE_CUDA={REQUIRE_11_2}",
    "CUDA_VERSION=11.2.1",
    "LANG=C.UTF-8",
]


def config(
    history: Sequence[str] = (), env: Sequence[str] = (), labels: Mapping[str, str] | None = None, created: str = "2024-10-24T18:53:45.2Z"
) -> dict[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": {"Env": list(env), "Labels": None if labels is None else dict(labels)},
        "history": [{"created": created, "created_by": line} for line in history],
    }


def read(history: Sequence[str] = (), env: Sequence[str] = (), labels: Mapping[str, str] | None = None) -> Contents:
    return read_contents(config(history, env, labels))


def cell(version: str, where: str) -> Cell:
    return Cell(Version(version), where)


def pip(*commands: str) -> Contents:
    """A user's image on plain Python, one RUN line a command."""
    return read([f"RUN /bin/sh -c {command} # buildkit" for command in commands])


# -- the official images -------------------------------------------------------------------------


def test_the_classic_builder_records_arguments_before_the_command() -> None:
    assert read(HISTORY_2_9, ENV_2_9, {"maintainer": "NVIDIA CORPORATION"}) == Contents(
        created="2024-10-24T18:53:45.2Z",
        cuda=cell("11.2.1", "Env CUDA_VERSION"),
        cudnn=cell("8.1.0.77", "history line 17, CUDNN"),
        require=Cell(REQUIRE_11_2, "Env NVIDIA_REQUIRE_CUDA"),
        tensorflow=cell("2.9.1", "history line 17, TF_PACKAGE_VERSION"),
        distribution="tensorflow",
    )


def test_buildkit_records_arguments_after_run() -> None:
    arguments = "|2 PYTHON_VERSION=python3.11 TENSORFLOW_PACKAGE=tensorflow==2.18.0"
    found = read(
        [
            "ARG PYTHON_VERSION=python3.11",
            "ARG TENSORFLOW_PACKAGE=tf-nightly",
            f"RUN {arguments} /bin/sh -c /setup.python.sh $PYTHON_VERSION /gpu.requirements.txt # buildkit",
            f"RUN {arguments} /bin/sh -c pip install --no-cache-dir ${{TENSORFLOW_PACKAGE}} # buildkit",
            f"RUN {arguments} /bin/sh -c python3 -m pip install --no-cache-dir -r /jupyter.requirements.txt -U # buildkit",
        ],
        ["CUDA_VERSION=12.3.0", "NVIDIA_REQUIRE_CUDA=cuda>=12.3"],
    )
    assert (found.tensorflow, found.distribution) == (cell("2.18.0", "history line 5, TENSORFLOW_PACKAGE"), "tensorflow")
    assert (found.python, found.cuda) == (cell("3.11", "history line 5, PYTHON_VERSION"), cell("12.3.0", "Env CUDA_VERSION"))
    assert (found.cudnn, found.own_build) == (None, False)


@pytest.mark.parametrize(
    ("argument", "version", "distribution"),
    [
        ("tensorflow-cpu==2.18.0", "2.18.0", "tensorflow-cpu"),
        ("tensorflow==2.15.0.post1", "2.15.0.post1", "tensorflow"),
        ("tensorflow==2.21.0rc0", "2.21.0rc0", "tensorflow"),
        ("tensorflow[and-cuda]==2.19.0", "2.19.0", "tensorflow"),
        ("tf-nightly", None, "tf-nightly"),
        ("tf-nightly==2.19.0.dev20241101", None, "tf-nightly"),
        ("tensorflow", None, "tensorflow"),
        ("https://storage.googleapis.com/tf/tensorflow-2.18.0rc1-cp311-cp311-linux_x86_64.whl", None, None),
    ],
)
def test_the_package_argument_is_read_where_it_pins(argument: str, version: str | None, distribution: str | None) -> None:
    found = read([f"RUN |1 TENSORFLOW_PACKAGE={argument} /bin/sh -c pip install --no-cache-dir ${{TENSORFLOW_PACKAGE}} # buildkit"])
    assert found.tensorflow == (cell(version, "history line 1, TENSORFLOW_PACKAGE") if version else None)
    assert found.distribution == distribution


@pytest.mark.parametrize(
    ("arguments", "version", "distribution"),
    [
        ("|2 TF_PACKAGE=tensorflow-gpu TF_PACKAGE_VERSION=2.4.0", "2.4.0", "tensorflow-gpu"),
        ("|2 TF_PACKAGE=tensorflow-cpu TF_PACKAGE_VERSION=2.11.0rc2", "2.11.0rc2", "tensorflow-cpu"),
        ("|1 TF_PACKAGE_VERSION=1.15.0", "1.15.0", "tensorflow"),
        ("|2 TF_PACKAGE=tensorflow TF_PACKAGE_VERSION=", None, None),
        ("|2 TF_PACKAGE=tf-nightly-gpu TF_PACKAGE_VERSION=2.2.0.dev20200301", None, "tf-nightly-gpu"),
    ],
)
def test_the_older_arguments_name_package_and_version_apart(arguments: str, version: str | None, distribution: str | None) -> None:
    found = read(
        [
            f"{arguments} /bin/bash -c python3 -m pip install --no-cache-dir ${{TF_PACKAGE}}${{TF_PACKAGE_VERSION:+==${{TF_PACKAGE_VERSION}}}}"
        ]
    )
    assert found.tensorflow == (cell(version, "history line 1, TF_PACKAGE_VERSION") if version else None)
    assert found.distribution == distribution


def test_only_as_many_words_as_announced_are_arguments() -> None:
    found = read(["RUN |1 TARGETARCH=amd64 CUDNN=8.9.7.29 TF_PACKAGE_VERSION=2.4.0 /bin/sh -c true # buildkit"])
    assert found == Contents(created="2024-10-24T18:53:45.2Z")


def test_a_later_line_has_the_word_on_an_argument() -> None:
    found = read(["|1 CUDNN=7.6.4.38-1 /bin/bash -c true", "|1 CUDNN=8.0.4.30-1 /bin/bash -c true"])
    assert found.cudnn == cell("8.0.4.30", "history line 2, CUDNN")


# -- NVIDIA's images -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "labels", "cuda", "cudnn", "where"),
    [
        (["CUDA_VERSION=10.0.130", "CUDNN_VERSION=7.6.5.32"], {"com.nvidia.cudnn.version": "7.6.5.32"}, "10.0.130", "7.6.5.32", "Env CUDNN_VERSION"),
        (["CUDA_VERSION=10.1.243"], {"com.nvidia.cudnn.version": "7.6.5.32"}, "10.1.243", "7.6.5.32", "label com.nvidia.cudnn.version"),
        (["CUDA_VERSION=11.4.3", "NV_CUDNN_VERSION=8.2.4.15", "NV_CUDNN_PACKAGE=libcudnn8=8.2.4.15-1+cuda11.4"], None, "11.4.3", "8.2.4.15", "Env NV_CUDNN_VERSION"),
        (["CUDA_VERSION=12.5.1", "NV_CUDNN_VERSION=9.2.1.18-1", "NV_CUDNN_PACKAGE=libcudnn9-cuda-12=9.2.1.18-1"], None, "12.5.1", "9.2.1.18", "Env NV_CUDNN_VERSION"),
        (["CUDA_VERSION=13.0.2", "NV_CUDNN_VERSION=9.14.0.64-1"], {"com.nvidia.cudnn.version": "9.14.0.64-1"}, "13.0.2", "9.14.0.64", "Env NV_CUDNN_VERSION"),
    ],
)  # fmt: skip
def test_cuda_images_of_every_generation_name_their_libraries(
    env: list[str], labels: dict[str, str] | None, cuda: str, cudnn: str, where: str
) -> None:
    lines = [
        "RUN |1 TARGETARCH=amd64 /bin/sh -c apt-get update && apt-get install -y --no-install-recommends ${NV_CUDNN_PACKAGE} # buildkit"
    ]
    found = read(lines, env, labels)
    assert (found.cuda, found.cudnn) == (cell(cuda, "Env CUDA_VERSION"), cell(cudnn, where))


def test_a_base_image_of_cuda_has_no_cudnn() -> None:
    found = read(env=["CUDA_VERSION=12.3.0", "NV_CUDA_CUDART_VERSION=12.3.52-1", "NV_CUDA_COMPAT_PACKAGE=cuda-compat-12-3"])
    assert (found.cuda, found.cudnn, found.tensorflow) == (cell("12.3.0", "Env CUDA_VERSION"), None, None)


def test_the_images_of_nvidia_carry_a_build_of_their_own() -> None:
    env = [
        "CUDA_VERSION=12.4.0.041",
        "CUDNN_VERSION=9.0.0.306+cuda12.4",
        "PYVER=3.10",
        "TENSORFLOW_VERSION=2.15.0",
        "NVIDIA_TENSORFLOW_VERSION=24.03-tf2",
        "NVIDIA_REQUIRE_CUDA=cuda>=9.0",
    ]
    labels = {
        "com.nvidia.tensorflow.version": "2.15.0",
        "org.opencontainers.image.ref.name": "ubuntu",
        "org.opencontainers.image.version": "22.04",
    }
    history = ["RUN /bin/sh -c pip install --no-cache-dir /tmp/pip/tensorflow-2.15.0+nv24.3-cp310-cp310-linux_x86_64.whl # buildkit"]
    assert read(history, env, labels) == Contents(
        created="2024-10-24T18:53:45.2Z",
        python=cell("3.10", "Env PYVER"),
        cuda=cell("12.4.0.41", "Env CUDA_VERSION"),
        cudnn=cell("9.0.0.306", "Env CUDNN_VERSION"),
        require=Cell("cuda>=9.0", "Env NVIDIA_REQUIRE_CUDA"),
        tensorflow=cell("2.15.0", "Env TENSORFLOW_VERSION"),
        own_build=True,
        system=Cell("ubuntu22.04", "label org.opencontainers.image.version"),
    )


def test_the_label_counts_where_the_environment_is_silent() -> None:
    found = read(env=["NVIDIA_TENSORFLOW_VERSION=20.02-tf1"], labels={"com.nvidia.tensorflow.version": "1.15.2"})
    assert (found.tensorflow, found.own_build) == (cell("1.15.2", "label com.nvidia.tensorflow.version"), True)


def test_a_wheel_over_the_build_of_nvidia_is_no_build_of_their_own() -> None:
    env = ["TENSORFLOW_VERSION=2.15.0", "NVIDIA_TENSORFLOW_VERSION=24.03-tf2"]
    found = read(["RUN /bin/sh -c pip install tensorflow==2.16.1 # buildkit"], env)
    assert (found.tensorflow, found.distribution, found.own_build) == (cell("2.16.1", "history line 1"), "tensorflow", False)


# -- Python, Debian, Ubuntu ----------------------------------------------------------------------


def test_the_images_of_python_name_the_interpreter_and_the_suite() -> None:
    found = read(
        ["# debian.sh --arch 'amd64' out/ 'bookworm' '@1719792000'", "ENV PYTHON_VERSION=3.11.9", 'CMD ["python3"]'],
        [
            "PATH=/usr/local/bin",
            "LANG=C.UTF-8",
            "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
            "PYTHON_VERSION=3.11.9",
            "PYTHON_PIP_VERSION=24.0",
        ],
    )
    assert (found.python, found.system) == (cell("3.11.9", "Env PYTHON_VERSION"), Cell("bookworm", "history line 1"))


@pytest.mark.parametrize(
    ("line", "suite"),
    [
        ("RUN # debian.sh --arch 'amd64' out/ 'trixie' '@1782172800'", "trixie"),
        ("# debian.sh --arch 'armhf' out/ 'bookworm' '@1719792000'", "bookworm"),
        ("# debian.sh --eol --arch 'amd64' out/ 'stretch' '@1655762400'", "stretch"),
        ("/bin/sh -c #(nop) ADD file:0eae0dca665c7044bf242cb1fc92cb8ea744f5af2dd376a558c90bc47349aefe in / ", None),
        ("# debian.sh --arch 'amd64' out/ ", None),
    ],
)
def test_the_suite_of_debian_is_in_its_first_line(line: str, suite: str | None) -> None:
    assert read([line]).system == (Cell(suite, "history line 1") if suite else None)


@pytest.mark.parametrize(
    ("labels", "system"),
    [
        ({"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "24.04"}, "ubuntu24.04"),
        ({"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "22.10"}, "ubuntu22.10"),
        ({"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "24.02"}, None),  # of what is on top
        ({"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "1.4.2"}, None),
        ({"org.opencontainers.image.ref.name": "fedora", "org.opencontainers.image.version": "40"}, None),
        ({"org.opencontainers.image.version": "22.04"}, None),
    ],
)
def test_the_release_of_ubuntu_is_in_its_labels(labels: dict[str, str], system: str | None) -> None:
    assert read(labels=labels).system == (Cell(system, "label org.opencontainers.image.version") if system else None)


# -- users' images -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "version", "distribution"),
    [
        ("pip install tensorflow==2.15.1", "2.15.1", "tensorflow"),
        ("pip install --no-cache-dir 'tensorflow[and-cuda]==2.15.1' numpy", "2.15.1", "tensorflow"),
        ('python3.11 -m pip install "tensorflow[and-cuda]==2.15.1"', "2.15.1", "tensorflow"),
        ("pip3 --no-cache-dir install --upgrade tensorflow-gpu==2.4.0", "2.4.0", "tensorflow-gpu"),
        ("pip3.8 install tensorflow_gpu==2.4.0", "2.4.0", "tensorflow-gpu"),
        ("uv pip install --system TensorFlow-CPU==2.16.1", "2.16.1", "tensorflow-cpu"),
        ("pip install 'tensorflow == 2.15.0'", "2.15.0", "tensorflow"),
        ("pip install tensorflow===2.15.0", "2.15.0", "tensorflow"),
        ("pip install tensorflow==2.15.0.post1", "2.15.0.post1", "tensorflow"),
        ("pip install tensorflow==2.16.0rc0", "2.16.0rc0", "tensorflow"),
        ("pip install tensorflow==2.15.*", "2.15", "tensorflow"),
        ("pip install 'tensorflow==2.15.1,<3'", "2.15.1", "tensorflow"),
        ("pip install \"tensorflow==2.15.1; python_version < '3.12'\"", "2.15.1", "tensorflow"),
        ("apt-get update && pip install numpy && pip install tensorflow==2.15.1 && rm -rf /x", "2.15.1", "tensorflow"),
        ("pip install -r requirements.txt tensorflow==2.15.1 tensorflow-io==0.36.0", "2.15.1", "tensorflow"),
        ("pip install --index-url $INDEX tensorflow==2.15.1", "2.15.1", "tensorflow"),
    ],
)
def test_a_pip_line_pins_tensorflow(command: str, version: str, distribution: str) -> None:
    found = pip(command)
    assert (found.tensorflow, found.distribution) == (cell(version, "history line 1"), distribution)


@pytest.mark.parametrize(
    "command",
    [
        "pip install tensorflow",
        "pip install 'tensorflow>=2.15'",
        "pip install 'tensorflow>=2.15,==2.*'",
        "pip install tensorflow~=2.15.0",
        "pip install tensorflow!=2.15.0",
        "pip install 'tensorflow<2.16'",
        "pip install tensorflow==${TF_VERSION}",
        "pip install tensorflow==$TF_VERSION",
        "pip install tensorflow==2.${MINOR}",
        "pip install tensorflow==2.15.0$SUFFIX",
        "pip install tensorflow==",
        "pip install tensorflow-io==0.36.0 tensorflow-probability==0.23.0 tensorflow-estimator==2.15.0",
        "pip install tensorflow_io==0.36.0 tensorflow_datasets==4.9.3 tensorflow-addons[tensorflow]==0.23.0",
        "pip install tensorflow.js==4.0 tensorflow-text==2.15.0 tensorflow-io-gcs-filesystem==0.34.0",
        "pip install my-tensorflow==2.15.1 my.tensorflow==2.15.1 mytensorflow==2.15.1",
        "pip install tf-nightly==2.17.0.dev20240301 tf-nightly-cpu",
        "pip install intel-tensorflow==2.12.0 tensorflow-cpu-aws==2.15.0 tensorflow-rocm==2.14.0.600",
        "pip install https://storage.googleapis.com/tensorflow/linux/cpu/tensorflow_cpu-2.15.0-cp311-cp311-linux_x86_64.whl",
        "pip install /tmp/tensorflow-2.15.0-cp311-cp311-linux_x86_64.whl",
        "pip install 'tensorflow @ https://example.org/tensorflow-2.15.0-cp311-cp311-linux_x86_64.whl'",
        "pip install git+https://github.com/tensorflow/tensorflow@v2.15.0",
        "pip install -r tensorflow/requirements==2.15.txt",
        "pip download tensorflow==2.15.1",
        "pip uninstall -y tensorflow==2.15.1",
        "pipeline install tensorflow==2.15.1",
        "echo tensorflow==2.15.1",
        "conda install tensorflow==2.15.1",
    ],
)  # fmt: skip
def test_what_leaves_a_choice_pins_nothing(command: str) -> None:
    assert pip(command).tensorflow is None


@pytest.mark.parametrize(
    ("commands", "version", "line"),
    [
        (["pip install tensorflow==2.10.0", "pip install tensorflow==2.15.1"], "2.15.1", 2),
        (["pip install tensorflow==2.15.1", "pip install numpy==1.26.4"], "2.15.1", 1),
        (["pip install tensorflow==2.10.0 && pip install tensorflow==2.15.1"], "2.15.1", 1),
        (["pip install tensorflow==2.15.1", "pip install tensorflow"], "2.15.1", 1),  # is there already
        (["pip uninstall -y tensorflow", "pip install tensorflow==2.15.1"], "2.15.1", 2),
        (["pip install tensorflow-gpu==2.4.0", "pip install tensorflow==2.15.1", "pip uninstall -y tensorflow-gpu"], "2.15.1", 2),
        (["pip install tensorflow==2.15.1", "pip install -U tensorflow"], None, 0),
        (["pip install tensorflow==2.15.1", "pip install --upgrade pip tensorflow"], None, 0),
        (["pip install tensorflow==2.15.1", "pip install 'tensorflow>=2.15'"], None, 0),
        (["pip install tensorflow==2.15.1", "pip install tensorflow==$TF_VERSION"], None, 0),
        (["pip install tensorflow==2.15.1", "pip install tf-nightly"], None, 0),
        (["pip install tensorflow==2.15.1", "pip install ./tensorflow-2.16.0-cp311-cp311-linux_x86_64.whl"], None, 0),
        (["pip install tensorflow==2.15.1", "pip uninstall -y tensorflow"], None, 0),
    ],
)
def test_the_last_line_counts(commands: list[str], version: str | None, line: int) -> None:
    assert pip(*commands).tensorflow == (cell(version, f"history line {line}") if version else None)


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ("pip install tensorflow==2.10.1", "2.10.1"),
        ("pip install -U tensorflow", None),
        ("pip uninstall -y tensorflow", None),
        ("pip install keras==2.15.0", "2.9.1"),
    ],
)
def test_a_users_line_comes_after_the_official_image_below(command: str, version: str | None) -> None:
    found = read([*HISTORY_2_9, f"RUN /bin/sh -c {command} # buildkit"], ENV_2_9)
    assert (str(found.tensorflow.value) if found.tensorflow else None) == version


@pytest.mark.parametrize(
    ("command", "version"),
    [
        ("apt-get install -y libcudnn8=8.9.6.50-1+cuda12.2", "8.9.6.50"),
        ("apt-get install -y --allow-downgrades libcudnn9-cuda-12=9.3.0.75-1 libcudnn9-dev-cuda-12=9.3.0.75-1", "9.3.0.75"),
        ("apt-get install -y libcudnn7=7.6.5.32-1+cuda10.0 && apt-get install -y libcudnn8=8.1.0.77-1+cuda11.2", "8.1.0.77"),
    ],
)
def test_an_apt_line_names_the_cudnn_even_over_that_of_the_base(command: str, version: str) -> None:
    line = f"RUN /bin/sh -c {command} # buildkit"
    assert read([line]).cudnn == cell(version, "history line 1")
    assert read([line], ["NV_CUDNN_VERSION=8.0.5.39-1"]).cudnn == cell(version, "history line 1")


@pytest.mark.parametrize(
    "command",
    ["apt-get install libcudnn8", "apt-get install libcudnn8=$V", "apt-get install libcudnn8=8", "apt-get install xlibcudnn8=8.1.0"],
)
def test_an_apt_line_without_a_version_names_no_cudnn(command: str) -> None:
    assert read([f"RUN /bin/sh -c {command}"]).cudnn is None


# -- precision and oddities ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("12", "12"),
        ("12.2", "12.2"),
        ("12.2.2", "12.2.2"),
        ("12.2.140", "12.2.140"),
        ("12.4.0.041", "12.4.0.41"),
        ("8.9.6.50-1+cuda12.2", "8.9.6.50"),
        ("3.13.0rc1", "3.13.0rc1"),
        ("118", None),  # 11.8?
        ("20240131", None),
        ("", None),
        ("latest", None),
        ("v12.2", None),
        ("${CUDA_VERSION}", None),
        ("\u0663.\u0661\u0661", None),
        ("9" * 5_000, None),
        ("9." * 5_000, "9.9.9.9.9"),
        ("1." + "9" * 5_000, None),
    ],
)
def test_versions_keep_the_precision_they_are_written_with(text: str, version: str | None) -> None:
    found = read(env=[f"CUDA_VERSION={text}"]).cuda
    assert found == (cell(version, "Env CUDA_VERSION") if version else None)
    assert found is None or str(found.value) == version


def test_an_empty_variable_says_nothing() -> None:
    assert read(env=["PYTHON_VERSION=", "PYVER=3.8", "NVIDIA_REQUIRE_CUDA= \t", "CUDA_VERSION"]) == Contents(
        created="2024-10-24T18:53:45.2Z", python=cell("3.8", "Env PYVER")
    )


@pytest.mark.parametrize("created", ["2024-10-24T18:53:45Z", "2024-10-24T18:53:45.123456789Z", "2024-10-24T18:53:45+02:00"])
def test_the_time_of_the_build_is_kept_as_written(created: str) -> None:
    assert read_contents(config(created=created)).created == created


@pytest.mark.parametrize("created", ["", "yesterday", "2024-10-24", "2024-10-24T18:53:45Z\x1b[2J", "2024-10-24T18:53:45Z\n"])
def test_anything_else_is_no_time(created: str) -> None:
    assert read_contents(config(created=created)).created is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
LINES = (
    st.sampled_from([*HISTORY_2_9, *ENV_2_9, "RUN |9999 A=b", "|0 ", "RUN /bin/sh -c pip install tensorflow==2..0", "CUDA_VERSION=1..2"])
    | st.text()
)
WORDS = st.sampled_from(
    ["pip", "install", "uninstall", "tensorflow", "==", "2.15.0", "-U", "[", "]", "'", "|2", "CUDNN=8.1", "libcudnn8=8.", ".", " "]
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "created": JSON,
        "config": JSON | st.fixed_dictionaries({}, optional={"Env": JSON | st.lists(LINES | JSON), "Labels": JSON}),
        "history": JSON | st.lists(JSON | st.fixed_dictionaries({"created_by": LINES | JSON | st.lists(WORDS).map("".join)})),
    },
)


@given(CONFIGS | st.dictionaries(st.text(), JSON))
def test_no_config_is_too_strange(found: dict[str, Any]) -> None:
    contents = read_contents(found)
    for name in ("python", "cuda", "cudnn", "tensorflow"):
        value = getattr(contents, name)
        assert value is None or (isinstance(value.value, Version) and value.where)


@pytest.mark.parametrize(
    "piece",
    [
        "debian.sh ",
        "debian.sh out/ 'a",
        "pip ",
        "pip -pip ",
        "pip -",
        "pip install ",
        "pip install tensorflow",
        "pip install tensorflow[",
        "pip install tensorflow==2.",
        "tensorflow==",
        "tensorflow[a,",
        "tensorflow ",
        "tensorflow-",
        "libcudnn8=8.",
        "libcudnn8",
        "2.",
        " ",
        "=",
        "'",
        "|9 ",
        "A=b ",
    ],
)
def test_a_line_without_end_is_read_quickly(piece: str) -> None:
    body = piece * (100_000 // len(piece))
    started = time.process_time()
    for start in (
        "",
        "# debian.sh ",
        "RUN |999 ",
        "RUN pip install ",
        "RUN pip install tensorflow",
        "RUN pip install tensorflow[",
        "RUN pip install tensorflow==",
    ):
        read_contents(config([start + body], [f"CUDA_VERSION={body}"], {"com.nvidia.cudnn.version": body}))
    assert time.process_time() - started < 2.0


def test_a_history_of_many_lines_is_read_quickly() -> None:
    started = time.process_time()
    found = read(HISTORY_2_9 * 1_000, ENV_2_9 * 1_000)
    assert time.process_time() - started < 4.0
    assert found.tensorflow is not None
    assert found.tensorflow.where == "history line 17999, TF_PACKAGE_VERSION"


NEWER = {
    "apt, unnamed": ("RUN apt-get install -y libcudnn9-cuda-12", None),
    "apt, named": ("RUN apt-get install -y libcudnn9-cuda-12=9.3.0.75-1", "9.3.0.75"),
    "pip, named": ("RUN pip install tensorflow==2.18.0 nvidia-cudnn-cu12==9.3.0.75", "9.3.0.75"),
    "pip, unnamed": ("RUN pip install nvidia-cudnn-cu12", None),
    "the extra": ("RUN pip install 'tensorflow[and-cuda]==2.18.0'", None),
}


@pytest.mark.parametrize("line", NEWER)
def test_a_later_cudnn_counts_before_that_of_the_base(line: str) -> None:
    created, version = NEWER[line]
    found = read_contents(config([created], env=["NV_CUDNN_VERSION=8.9.7.29-1"])).cudnn
    assert (str(found.value) if found else None) == version


@pytest.mark.parametrize(
    "line",
    [
        "ENV NV_CUDNN_PACKAGE_NAME=libcudnn8",
        "/bin/sh -c #(nop)  ENV NV_CUDNN_PACKAGE=libcudnn8=8.9.7.29-1+cuda12.2",
        "RUN apt-get install -y ${NV_CUDNN_PACKAGE} && apt-mark hold ${NV_CUDNN_PACKAGE_NAME}",
        "|1 CUDNN=8.1.0.77-1 /bin/bash -c apt-get install -y libcudnn8=${CUDNN}+cuda11.2",
        "RUN pip install tensorflow==2.18.0",
    ],
)
def test_lines_of_the_base_leave_its_cudnn_alone(line: str) -> None:
    found = read_contents(config([line], env=["NV_CUDNN_VERSION=8.9.7.29-1"])).cudnn
    assert found is not None
    assert (str(found.value), found.where) == ("8.9.7.29", "Env NV_CUDNN_VERSION")
