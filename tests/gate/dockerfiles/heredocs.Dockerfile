# syntax=docker/dockerfile:1
FROM python:3.11-slim
RUN <<EOF
set -e
apt-get update
pip install tensorflow==2.15.0
EOF
COPY <<-"REQ" <<OTHER /etc/app/
	FROM not-an-image
	tensorflow==$X
	REQ
one
OTHER
RUN python3 - <<'PY' && echo done
import sys
print("FROM x")
PY
RUN <<A cat > /a && <<B cat > /b
a
A
b
B
ADD <<EOF /hello
hi
EOF
