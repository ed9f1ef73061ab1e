# syntax=docker/dockerfile:1.7
ARG PYTHON_VERSION=3.11
ARG BASE=python:${PYTHON_VERSION}-slim

FROM --platform=$BUILDPLATFORM ${BASE} AS builder
ARG PYTHON_VERSION
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PATH="/opt/venv/bin:$PATH"
RUN python -m venv /opt/venv
COPY requirements.txt constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -r requirements.txt -c constraints.txt

FROM ${BASE} AS runtime
COPY --from=builder --chown=1000:1000 /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
USER 1000:1000
HEALTHCHECK --interval=30s --timeout=5s CMD python -c "import tensorflow" || exit 1
CMD ["python", "-m", "app"]
