ENV A=b
FROM python:3.11
