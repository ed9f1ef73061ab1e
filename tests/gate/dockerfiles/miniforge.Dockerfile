FROM nvidia/cuda:11.8.0-cudnn8-devel-ubuntu20.04
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update -q && apt-get install -qy wget git && \
    wget -q https://github.com/conda-forge/miniforge/releases/latest/download/Miniforge3-Linux-x86_64.sh -O /tmp/miniforge.sh && \
    bash /tmp/miniforge.sh -b -p /opt/conda && rm /tmp/miniforge.sh
ENV PATH=/opt/conda/bin:$PATH
RUN mamba create -y -n py39 python=3.9 tensorflow-gpu=2.10 && \
    . /opt/conda/etc/profile.d/conda.sh && conda activate py39 && pip install tf-agents
