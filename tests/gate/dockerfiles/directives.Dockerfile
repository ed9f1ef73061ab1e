#syntax = docker/dockerfile:1
# escape = `
# not a directive
# escape=\
FROM python:3.11
RUN pip install `
    tensorflow
COPY a\
RUN echo done
