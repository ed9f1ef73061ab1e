FROM python:3.11
ENV A
ENV A=b c
LABEL x
COPY ["a", 1]
