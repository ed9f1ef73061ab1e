# The gate as an image, from a checkout of tfcompat: docker build -f docs/ci/gate.Dockerfile -t tfcompat-gate .
FROM python:3.13-slim-bookworm
COPY . /usr/src/tfcompat
RUN pip install --no-cache-dir /usr/src/tfcompat && rm -r /usr/src/tfcompat
USER 65534:65534
WORKDIR /project
ENTRYPOINT ["tfcompat", "gate"]
