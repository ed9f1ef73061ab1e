"""Which CUDA and cuDNN are loaded where several sources bring them, and where none does."""

from __future__ import annotations

import pytest
from small import judge, said

PYTHON = "RUN apt-get update && apt-get install -y python3 python3-pip"
RUNTIME = "FROM nvidia/cuda:12.5.1-runtime-ubuntu22.04"
CUDNN_9 = "FROM nvidia/cuda:12.5.1-cudnn-runtime-ubuntu22.04"


def lines(*texts: str) -> dict[str, str | bytes]:
    return {"Dockerfile": "\n".join((*texts, ""))}


def on(base: str, *texts: str, **options: object) -> list[str]:
    return said(lines(base, PYTHON, *texts), **options)


def test_the_image_brings_it() -> None:
    assert on("FROM nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04", "RUN pip3 install tensorflow==2.18.0") == []
    assert on(CUDNN_9, "RUN pip3 install tensorflow==2.18.0") == [
        "Dockerfile:1:6 error cudnn-runtime: cuDNN 9.2.1.18 is older than the 9.3.0.75 that tensorflow 2.18.0 is compiled with: convolutions fail"
    ]


def test_the_image_brings_another_major() -> None:
    assert on("FROM nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04", "RUN pip3 install tensorflow==2.18.0") == [
        "Dockerfile:1:6 error cuda-runtime: The libraries of CUDA 11.8.0 cannot serve tensorflow 2.18.0, built for CUDA 12.5.1",
        "Dockerfile:1:6 error cudnn-runtime: cuDNN 8.9.6.50 is of another major than the 9.3.0.75 that tensorflow 2.18.0 wants: "
        "it will run on the CPU without an error",
    ]


def test_nothing_brings_it() -> None:
    assert on(RUNTIME, "RUN pip3 install tensorflow==2.18.0") == [
        "Dockerfile:1:6 error cpu-image-with-gpu-package: nvidia/cuda:12.5.1-runtime-ubuntu22.04 means a GPU, and neither "
        "nvidia/cuda:12.5.1-runtime-ubuntu22.04 nor what is installed brings the cuDNN 9.3.0.75 that tensorflow 2.18.0 loads"
    ]
    plain = lines("FROM python:3.11-slim", "RUN pip install tensorflow==2.18.0")
    assert said(plain) == []
    assert said(plain, gpu=("A100",)) == [
        "Dockerfile:1:6 error cpu-image-with-gpu-package: The target means a GPU, and neither python:3.11-slim nor what is installed "
        "brings the CUDA 12.5.1 and cuDNN 9.3.0.75 that tensorflow 2.18.0 loads"
    ]


def test_the_package_manager_brings_it() -> None:
    install = "RUN pip3 install tensorflow==2.18.0"
    assert on(RUNTIME, "RUN apt-get install -y libcudnn9-cuda-12", install) == []
    assert on(RUNTIME, "RUN apt-get install -y libcudnn9-cuda-12=9.3.0.75-1", install) == []
    assert on(RUNTIME, "RUN apt-get install -y libcudnn9-cuda-12=9.1.0.70-1", install) == [
        "Dockerfile:3:24 error cudnn-runtime: cuDNN 9.1.0.70 is older than the 9.3.0.75 that tensorflow 2.18.0 is compiled with: convolutions fail"
    ]
    assert on(RUNTIME, "RUN apt-get install -y libcudnn8", install) == [
        "Dockerfile:3:24 error cudnn-runtime: cuDNN 8 is of another major than the 9.3.0.75 that tensorflow 2.18.0 wants: "
        "it will run on the CPU without an error"
    ]


def test_pip_brings_it() -> None:
    extra = "RUN pip3 install tensorflow[and-cuda]==2.18.0"
    assert said(lines("FROM python:3.11-slim", extra)) == []
    assert said(lines("FROM python:3.11-slim", extra), gpu=("A100",), driver="550.54.15") == []
    assert on("FROM nvidia/cuda:12.5.1-base-ubuntu22.04", extra) == []
    assert on(RUNTIME, "RUN pip3 install tensorflow==2.18.0 nvidia-cudnn-cu12==9.3.0.75") == []


def test_two_sources_of_one_major() -> None:
    assert on(CUDNN_9, "RUN pip3 install tensorflow[and-cuda]==2.18.0") == [
        "Dockerfile:3:18 warning cuda-source-doubled: cuDNN 9.3.0.75 of the and-cuda extra stands beside cuDNN 9.2.1.18 of "
        "nvidia/cuda:12.5.1-cudnn-runtime-ubuntu22.04: which of them is loaded depends on search paths"
    ]
    found = judge(lines(CUDNN_9, PYTHON, "RUN pip3 install tensorflow[and-cuda]==2.18.0")).findings
    assert [str(r.place) for f in found for r in f.related if f.rule == "cuda-source-doubled"] == ["Dockerfile:1"]


def test_apt_and_pip_in_the_order_of_the_build() -> None:
    apt, pip = "RUN apt-get install -y libcudnn9-cuda-12", "RUN pip3 install tensorflow[and-cuda]==2.18.0"
    first = judge(lines("FROM ubuntu:22.04", PYTHON, apt, pip)).findings
    second = judge(lines("FROM ubuntu:22.04", PYTHON, pip, apt)).findings
    places = [
        [(f.place.line, [r.place.line for r in f.related]) for f in one if f.rule == "cuda-source-doubled"] for one in (first, second)
    ]
    assert places == [[(4, [3])], [(4, [3])]]


def test_a_pin_beside_the_extra() -> None:
    assert said(lines("FROM python:3.11-slim", "RUN pip install tensorflow[and-cuda]==2.18.0 nvidia-cudnn-cu12==8.9.7.29")) == [
        "Dockerfile:2:46 error requirement-conflict: nvidia-cudnn-cu12==8.9.7.29 is not what tensorflow[and-cuda] asks for, "
        "which is nvidia-cudnn-cu12==9.3.0.75: pip finds no version"
    ]
    assert said(lines("FROM python:3.11-slim", "RUN pip install tensorflow[and-cuda]==2.18.0 nvidia-cudnn-cu12==9.3.0.75")) == []


MISSING = "The wheel does not find the CUDA libraries that its and-cuda extra installs, so no GPU is registered without a library path"


def test_the_loader_must_be_told() -> None:
    install = "RUN pip install tensorflow[and-cuda]==2.16.1"
    assert said(lines("FROM python:3.11-slim", install)) == [f"Dockerfile:2:17 error library-path-missing: tensorflow 2.16.1: {MISSING}"]


@pytest.mark.parametrize(
    "told",
    [
        "ENV LD_LIBRARY_PATH=/usr/local/lib/python3.11/site-packages/nvidia/cudnn/lib",
        "ENV LD_LIBRARY_PATH /usr/local/lib/python3.11/site-packages/nvidia/cudnn/lib:$LD_LIBRARY_PATH",
        "RUN echo /usr/local/lib/python3.11/site-packages/nvidia/cudnn/lib > /etc/ld.so.conf.d/nvidia.conf && ldconfig",
    ],
)
def test_the_loader_is_told(told: str) -> None:
    assert said(lines("FROM python:3.11-slim", "RUN pip install tensorflow[and-cuda]==2.16.1", told)) == []


def test_an_unrelated_library_path_tells_nothing() -> None:
    files = lines("FROM python:3.11-slim", "ENV LD_LIBRARY_PATH=/opt/lib", "RUN pip install tensorflow[and-cuda]==2.16.1")
    assert [text.split()[2] for text in said(files)] == ["library-path-missing:"]


def test_an_extra_that_cannot_be_installed() -> None:
    assert said(lines("FROM python:3.11-slim", "RUN pip install tensorflow[and-cuda]==2.15.0")) == [
        "Dockerfile:2:17 error removed-package: tensorflow[and-cuda] 2.15.0 cannot be installed. The and-cuda extra asks for "
        "tensorrt-libs 8.6.1, which only NVIDIA's own index carries, so a plain install fails"
    ]


def test_the_wrong_build_for_a_gpu() -> None:
    cpu = "A GPU is expected, and the linux/amd64 wheel of tensorflow-cpu 2.18.0 is a CPU build"
    assert on(CUDNN_9, "RUN pip3 install tensorflow-cpu==2.18.0") == [f"Dockerfile:3:18 error gpu-image-with-cpu-package: {cpu}"]
    assert said(lines("FROM tensorflow/tensorflow:2.18.0-gpu", "RUN pip install tensorflow-cpu==2.18.0")) == [
        f"Dockerfile:2:17 error gpu-image-with-cpu-package: {cpu}"
    ]
    assert said(lines("FROM tensorflow/tensorflow:2.18.0"), gpu=("A100",)) == [
        "Dockerfile:1:6 error cpu-image-with-gpu-package: tensorflow/tensorflow:2.18.0 carries a CPU build of TensorFlow, and a GPU is expected"
    ]


def test_the_driver_of_the_target() -> None:
    files = lines("FROM python:3.11-slim", "RUN pip install tensorflow[and-cuda]==2.18.0")
    assert said(files, driver="470.82.01") == [
        "Dockerfile:2:17 error driver-minimum: Driver 525.60.13 or newer is needed by CUDA 12.5.82, and the host has 470.82.01"
    ]
    assert said(files, driver="550.54.15") == []


def test_conda_brings_it() -> None:
    base = "FROM continuumio/miniconda3:24.7.1-0"
    path = "ENV PATH=/opt/conda/bin:$PATH"
    install = "RUN pip install tensorflow==2.10.0 'numpy<2' 'protobuf<3.20'"
    good = lines(base, path, "RUN conda install -y python=3.10 cudatoolkit=11.2 cudnn=8.1", install)
    assert said(good) == []
    bad = judge(lines(base, path, "RUN conda install -y python=3.10 cudatoolkit=10.1 cudnn=7.6", install)).findings
    assert [(f.rule, str(f.place)) for f in bad if f.severity == "error"] == [
        ("cuda-runtime", "Dockerfile:3"),
        ("cudnn-runtime", "Dockerfile:3"),
    ]


@pytest.mark.parametrize("beside", ['"jax[cuda12]==0.4.26"', "torch", "cupy-cuda12x", "onnxruntime-gpu==1.20.0"])
def test_the_gpu_of_the_image_is_for_another_framework(beside: str) -> None:
    image = "FROM nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04"
    for text in (
        f"RUN pip3 install {beside} tensorflow-cpu==2.16.1",
        f"RUN pip3 install {beside}\nRUN pip3 install tensorflow-cpu==2.16.1",
    ):
        found = judge(lines(image, PYTHON, text)).findings
        assert [f.severity for f in found if f.rule == "gpu-image-with-cpu-package"] == ["info"]
        assert said(lines(image, PYTHON, text)) == []
        asked = judge(lines(image, PYTHON, text), gpu=("A100",)).findings
        assert [f.severity for f in asked if f.rule == "gpu-image-with-cpu-package"] == ["error"]


def test_parts_of_cuda_of_another_major_are_another_framework_s() -> None:
    torch = "torch==2.11.0 nvidia-cuda-runtime-cu12==12.9.79 nvidia-cuda-runtime==13.0.96 nvidia-cudnn-cu13==9.12.0.46"
    assert said(lines("FROM python:3.11-slim", f"RUN pip install tensorflow[and-cuda]==2.20.0 {torch}")) == []
    parts = "nvidia-cuda-runtime==13.0.96 nvidia-cudnn-cu12==9.3.0.75"
    assert said(lines("FROM python:3.11-slim", f"RUN pip install tensorflow==2.18.0 {parts}"), gpu=("A100",)) == [
        "Dockerfile:1:6 error cpu-image-with-gpu-package: The target means a GPU, and neither python:3.11-slim nor what is installed "
        "brings the CUDA 12.5.1 that tensorflow 2.18.0 loads"
    ]


def test_nccl_alone_is_a_note() -> None:
    found = judge(lines("FROM python:3.12-slim", "RUN pip install 'tensorflow[and-cuda]==2.20.0'")).findings
    assert [(f.severity, f.message, f.fix) for f in found if f.rule == "library-path-missing"] == [
        (
            "info",
            "tensorflow 2.20.0: The library search path of the wheel names no pip folder for NCCL, which training on several GPUs loads",
            None,
        )
    ]
