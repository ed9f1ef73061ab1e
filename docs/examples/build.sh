#!/bin/sh
# Builds an image for a script on what tfcompat finds for the wishes: sh build.sh SCRIPT TAG [WISH...]
set -eu
script=$1 tag=$2
shift 2

plan=$(tfcompat resolve --format env "$@") # without a plan it says why, and nothing is built
eval "$plan"

engine=$(command -v podman || command -v docker)
"$engine" build --tag "$tag" --file - "$(dirname "$script")" <<EOF
FROM $TFCOMPAT_IMAGE
RUN pip install --no-cache-dir $TFCOMPAT_REQUIREMENTS
WORKDIR /app
COPY $(basename "$script") .
CMD ["python", "$(basename "$script")"]
EOF
