FROM python:3.11
ENV A=b \
    C="d e"
RUN pip install \
  tensorflow==2.15.0 \

  keras==2.15.0
RUN <<EOF
echo hi
EOF
CMD ["python"]
