# A program that starts only where TensorFlow works on the GPU. `docker build -f check.Dockerfile -t trainer .`
ARG BASE=tensorflow/tensorflow:2.17.0-gpu
FROM ${BASE}

# What pip installs: a release, or the wheel of a checkout beside this file
ARG TFCOMPAT=tfcompat
RUN pip install --no-cache-dir ${TFCOMPAT}

WORKDIR /app
COPY train.py .

# It imports TensorFlow and computes on the GPU, beside the program: seldom, and with time enough.
HEALTHCHECK --interval=15m --timeout=5m --start-period=5m CMD ["tfcompat", "check", "--expect", "gpu"]

# The verdict goes to the log. Where it is not good the program is not started, and the exit code is that of the check.
ENTRYPOINT ["sh", "-c", "tfcompat check --expect gpu >&2 && exec \"$@\"", "sh"]
CMD ["python", "train.py"]
