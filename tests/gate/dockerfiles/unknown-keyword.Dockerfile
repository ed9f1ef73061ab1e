FROM python:3.11
INCLUDE other.Dockerfile
RUN pip install tensorflow
PIP install keras
