"""Which file of the tree a path in the container is, and which folder a Dockerfile is built in."""

from __future__ import annotations

import pytest
from small import MATRIX, Files, rules, unread

from tfcompat.gate.gate import run_gate
from tfcompat.gate.settings import Settings
from tfcompat.worktree import MemoryTree

NO_WHEEL = "tensorflow==2.15.0\n"  # there is none for Python 3.12
CLEAN = "tensorflow==2.17.0\n"


def dockerfile(*lines: str) -> str:
    return "\n".join(("FROM python:3.12-slim-bookworm", *lines, ""))


READ: dict[str, tuple[str, Files, tuple[str, ...]]] = {  # the pin's file, other files, the lines of the Dockerfile
    "by its own name": ("requirements.txt", {}, ("COPY requirements.txt /", "RUN pip install -r /requirements.txt")),
    "under another name": ("requirements.txt", {}, ("COPY requirements.txt /tmp/r.txt", "RUN pip install -r /tmp/r.txt")),
    "into a folder with a slash": ("requirements.txt", {}, ("COPY requirements.txt /app/", "RUN pip install -r /app/requirements.txt")),
    "into a folder that is there": (
        "requirements.txt", {}, ("WORKDIR /app", "COPY requirements.txt /app", "RUN pip install -r requirements.txt"),
    ),
    "several sources": (
        "requirements.txt", {"setup.py": ""}, ("COPY setup.py requirements.txt ./", "RUN pip install -r requirements.txt"),
    ),
    "the exec form": ("requirements.txt", {}, ('COPY ["requirements.txt", "/app/"]', "RUN pip install -r /app/requirements.txt")),
    "everything": ("requirements.txt", {}, ("WORKDIR /app", "COPY . .", "RUN pip install -r requirements.txt")),
    "everything into a folder": ("requirements.txt", {}, ("WORKDIR /app", "COPY . src", "RUN pip install -r src/requirements.txt")),
    "ADD": ("requirements.txt", {}, ("ADD requirements.txt /", "RUN pip install -r /requirements.txt")),
    "a pattern": ("requirements.txt", {}, ("WORKDIR /app", "COPY req*.txt ./", "RUN pip install -r requirements.txt")),
    "a pattern for one character": ("requirements.txt", {}, ("COPY requirements.tx? /app/", "RUN pip install -r /app/requirements.txt")),
    "a pattern in a folder": ("reqs/base.txt", {}, ("COPY reqs/*.txt /app/", "RUN pip install -r /app/base.txt")),
    "a pattern that means a folder": ("reqs/base.txt", {}, ("COPY r* /app/", "RUN pip install -r /app/base.txt")),
    "a folder by its contents": ("reqs/base.txt", {}, ("COPY reqs /app", "RUN pip install -r /app/base.txt")),
    "a folder below a folder": ("src/reqs/base.txt", {}, ("COPY src/ /app/", "RUN pip install -r /app/reqs/base.txt")),
    "up from the working folder": (
        "requirements.txt", {}, ("WORKDIR /a", "WORKDIR b", "COPY requirements.txt ../c/", "RUN pip install -r /a/c/requirements.txt"),
    ),
    "after cd": ("requirements.txt", {}, ("COPY requirements.txt /c/", "RUN cd /c && pip install -r requirements.txt")),
    "bound for one instruction": (
        "requirements.txt",
        {},
        ("RUN --mount=type=bind,source=requirements.txt,target=/tmp/r.txt pip install -r /tmp/r.txt",),
    ),
    "the context bound": ("requirements.txt", {}, ("WORKDIR /w", "RUN --mount=type=bind,target=. pip install -r requirements.txt")),
    "the later copy": (
        "new.txt", {"old.txt": CLEAN}, ("COPY old.txt /r.txt", "COPY new.txt /r.txt", "RUN pip install -r /r.txt"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", READ)
def test_the_file_is_found_where_it_was_copied_to(how: str) -> None:
    name, others, lines = READ[how]
    assert rules({**others, name: NO_WHEEL, "Dockerfile": dockerfile(*lines)}) == [f"{name}:1 no-wheel-for-interpreter"]
    assert rules({**others, name: CLEAN, "Dockerfile": dockerfile(*lines)}) == []
    assert unread({**others, name: NO_WHEEL, "Dockerfile": dockerfile(*lines)}) == []


FROM_STAGES = {
    "by name": "FROM alpine:3.20 AS files\nCOPY requirements.txt /x/r.txt\n{base}COPY --from=files /x/r.txt /z.txt\n",
    "by name in other letters": "FROM alpine:3.20 AS Files\nCOPY requirements.txt /x/r.txt\n{base}COPY --from=fileS /x/r.txt /z.txt\n",
    "by number": "FROM alpine:3.20\nCOPY requirements.txt /x/r.txt\n{base}COPY --from=0 /x/r.txt /z.txt\n",
    "as a folder": "FROM alpine:3.20 AS files\nCOPY requirements.txt /x/z.txt\n{base}COPY --from=files /x /\n",
    "through two stages": (
        "FROM alpine:3.20 AS a\nCOPY requirements.txt /x/r.txt\n"
        "FROM alpine:3.20 AS b\nCOPY --from=a /x /y\n"
        "{base}COPY --from=b /y/r.txt /z.txt\n"
    ),
    "of a stage that stands on another": (
        "FROM alpine:3.20 AS a\nCOPY requirements.txt /r.txt\nFROM a AS b\nWORKDIR /w\n{base}COPY --from=b /r.txt /z.txt\n"
    ),
    "of a scratch stage": "FROM scratch AS files\nCOPY requirements.txt /\n{base}COPY --from=files /requirements.txt /z.txt\n",
}


@pytest.mark.parametrize("how", FROM_STAGES)
def test_a_file_comes_from_another_stage(how: str) -> None:
    text = FROM_STAGES[how].format(base="FROM python:3.12-slim-bookworm\n") + "RUN pip install -r /z.txt\n"
    assert rules({"Dockerfile": text, "requirements.txt": NO_WHEEL}) == ["requirements.txt:1 no-wheel-for-interpreter"]
    assert unread({"Dockerfile": text, "requirements.txt": NO_WHEEL}) == []


def test_a_heredoc_is_a_file_with_places_in_the_dockerfile() -> None:
    one = dockerfile("COPY <<EOF /r.txt", "numpy", "tensorflow==2.15.0", "EOF", "RUN pip install -r /r.txt")
    assert rules({"Dockerfile": one}) == ["Dockerfile:4 no-wheel-for-interpreter"]
    two = dockerfile("COPY <<r.txt <<c.txt /app/", "tensorflow==2.15.0", "r.txt", "numpy<2", "c.txt", "RUN pip install -r /app/r.txt")
    assert rules({"Dockerfile": two}) == ["Dockerfile:3 no-wheel-for-interpreter"]
    tabs = dockerfile("COPY <<-EOF /r.txt", "\ttensorflow==2.15.0", "\tEOF", "RUN pip install -r /r.txt")
    assert rules({"Dockerfile": tabs}) == ["Dockerfile:3 no-wheel-for-interpreter"]


def test_the_context_is_the_nearest_folder_that_has_what_is_copied() -> None:
    text = dockerfile("COPY requirements.txt /", "RUN pip install -r /requirements.txt")
    above = {"docker/Dockerfile": text, "requirements.txt": NO_WHEEL}
    assert rules(above) == ["requirements.txt:1 no-wheel-for-interpreter"]
    assert rules({**above, "docker/requirements.txt": CLEAN, "requirements.txt": CLEAN}) == []
    own = {**above, "docker/requirements.txt": NO_WHEEL, "requirements.txt": CLEAN}
    assert rules(own) == ["docker/requirements.txt:1 no-wheel-for-interpreter"]
    middle = {"a/b/Dockerfile": text, "a/requirements.txt": NO_WHEEL, "requirements.txt": CLEAN}
    assert rules(middle) == ["a/requirements.txt:1 no-wheel-for-interpreter"]


def test_the_folder_with_more_of_what_is_copied_wins() -> None:
    text = dockerfile("COPY app.py requirements.txt /", "RUN pip install -r /requirements.txt")
    files = {"docker/Dockerfile": text, "docker/requirements.txt": CLEAN, "requirements.txt": NO_WHEEL, "app.py": ""}
    assert rules(files) == ["requirements.txt:1 no-wheel-for-interpreter"]


def test_a_context_that_a_file_names_is_taken_as_it_is() -> None:
    text = dockerfile("COPY requirements.txt /", "RUN pip install -r /requirements.txt")
    compose = "services:\n  web:\n    build:\n      context: .\n      dockerfile: docker/Dockerfile\n"
    files = {"docker/Dockerfile": text, "docker/requirements.txt": CLEAN, "requirements.txt": NO_WHEEL}
    assert rules({**files, "compose.yaml": compose}) == ["requirements.txt:1 no-wheel-for-interpreter"]


def test_a_file_that_is_copied_by_name_and_is_not_there_fails_the_gate() -> None:
    text = dockerfile("COPY requirements.txt /", "RUN pip install -r /requirements.txt")
    assert unread({"Dockerfile": text}) == ["!Dockerfile:3 requirements.txt, which is copied and installed here, is not in the tree"]


@pytest.mark.parametrize(
    "lines",
    [
        ("COPY . /", "RUN pip install -r /r.txt"),  # may be made by what runs before docker build
        ("COPY r*.txt /", "RUN pip install -r /r.txt"),
        ("RUN --mount=type=bind,source=other.txt,target=/r.txt true", "RUN pip install -r /r.txt"),  # bound for that instruction alone
    ],
)
def test_a_file_that_the_build_may_make_is_told_and_does_not_fail_the_gate(lines: tuple[str, str]) -> None:
    found = unread({"Dockerfile": dockerfile(*lines), "other.txt": NO_WHEEL})
    assert found == ["Dockerfile:3 /r.txt, which is installed here, is not a file of the tree that was copied"]


def test_a_file_that_a_command_writes_is_told() -> None:
    found = unread({"Dockerfile": dockerfile("RUN echo tensorflow > /r.txt", "RUN pip install -r /r.txt")})
    assert found == ["Dockerfile:3 /r.txt is changed by a command before it is installed"]


@pytest.mark.parametrize("source", ["../requirements.txt", "/../../requirements.txt", "a/../../requirements.txt"])
def test_nothing_outside_of_the_context_is_copied(source: str) -> None:
    compose = "services:\n  web:\n    build: ./app\n"
    files = {
        "app/Dockerfile": dockerfile(f"COPY {source} /r.txt", "RUN pip install -r /r.txt"),
        "requirements.txt": NO_WHEEL,
        "compose.yaml": compose,
    }
    assert rules(files) == []


class Ignoring(MemoryTree):
    """A tree in which git ignores some of the files."""

    def __init__(self, files: Files, ignored: set[str]) -> None:
        super().__init__(files)
        self.ignored = ignored

    def names(self) -> tuple[str, ...]:
        return tuple(name for name in super().names() if name not in self.ignored)


def test_an_ignored_file_is_read_where_a_build_names_it() -> None:
    files: Files = {"Dockerfile": dockerfile("COPY made.txt /r.txt", "RUN pip install -r /r.txt"), "made.txt": NO_WHEEL}
    tree = Ignoring(files, {"made.txt"})
    report = run_gate(tree, tree.names(), Settings(), MATRIX)
    assert [f"{f.place} {f.rule}" for f in report.findings if f.severity != "info"] == ["made.txt:1 no-wheel-for-interpreter"]
    assert report.not_checked == ()
    alone = Ignoring({"made.txt": NO_WHEEL}, {"made.txt"})
    assert run_gate(alone, alone.names(), Settings(), MATRIX).findings == ()


def test_an_ignored_dockerfile_is_read_where_a_service_names_it() -> None:
    files: Files = {
        "compose.yaml": "services:\n  t:\n    build: {context: ., dockerfile: made.Dockerfile}\n",
        "made.Dockerfile": "FROM python:3.12-slim\nRUN pip install tensorflow==2.15.0\n",
    }
    tree = Ignoring(files, {"made.Dockerfile"})
    report = run_gate(tree, tree.names(), Settings(), MATRIX)
    assert [f"{f.place} {f.rule}" for f in report.findings if f.severity != "info"] == ["made.Dockerfile:2 no-wheel-for-interpreter"]
    assert report.not_checked == ()
