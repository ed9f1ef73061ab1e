FROM python:{{ version }}
{% if gpu %}
RUN pip install tensorflow[and-cuda]
{% endif %}
