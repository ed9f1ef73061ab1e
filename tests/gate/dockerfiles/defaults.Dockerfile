ARG TAG
ARG REGISTRY=docker.io
FROM ${REGISTRY:-docker.io}/tensorflow/tensorflow:${TAG:-2.15.0-gpu}
ARG TF_VERSION=2.15.0
ARG EXTRA
RUN pip install "tensorflow==${TF_VERSION}" ${EXTRA:+"keras==$EXTRA"} "h5py==${H5PY-3.10.0}"
RUN pip install tensorflow-text==${TF_VERSION%.*}.*
