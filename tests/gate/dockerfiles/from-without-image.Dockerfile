FROM
RUN pip install tensorflow
FROM python:3.11 base
FROM python:3.11 AS
