FROM python:3.11
ONBUILD COPY requirements.txt /app/
ONBUILD RUN pip install -r /app/requirements.txt
ONBUILD ENV A=b
ONBUILD RUN <<EOF
pip install tensorflow
EOF
ONBUILD CMD ["python"]
