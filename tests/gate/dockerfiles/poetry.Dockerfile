FROM python:3.10
RUN curl -sSL https://install.python-poetry.org | POETRY_HOME=/opt/poetry python3 - \
 && ln -s /opt/poetry/bin/poetry /usr/local/bin/poetry
COPY pyproject.toml poetry.lock ./
RUN poetry config virtualenvs.create false \
 && poetry install --no-interaction --no-ansi --only main
