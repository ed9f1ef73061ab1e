"""Model files that are copied into an image: which of them are found, and how grave what is said of them is."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from small import MATRIX, Files, judge, said, unread

from models.making import fixture
from tfcompat import worktree
from tfcompat.gate.gate import run_gate
from tfcompat.gate.settings import Settings
from tfcompat.worktree import Worktree, discover

LSTM = fixture("keras-2.10.0-lstm.h5")  # no Keras 3 loads it
REFUSED = "which Keras 2.10.0 wrote, in Keras 3 (LSTM): ValueError: Unrecognized keyword arguments passed to LSTM: {'time_major': False}"
IMAGE = "tensorflow/tensorflow:2.17.0"
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4665a5ea423c2713d436b5ee50593a9640e0018c1550b5a0002f74190d6caea8\nsize 9\n"
)


def dockerfile(*lines: str, image: str = IMAGE) -> str:
    return "\n".join((f"FROM {image}", *lines, ""))


def refused(*found: str) -> list[str]:
    """Errors, one for each ``line:column name``."""
    pairs = [each.split(" ") for each in found]
    return [f"Dockerfile:{place} error model-format: No way was found to load {name}, {REFUSED}" for place, name in pairs]


def notes(files: Files) -> list[str]:
    return [f"{f.place}:{f.place.column} {f.message}" for f in judge(files).findings if (f.severity, f.rule) == ("info", "model-format")]


def model(keras: str | None, *layers: str) -> bytes:
    """A .keras as Keras writes it, of these layers."""
    described = [{"class_name": name, "module": "keras.layers", "registered_name": None, "config": {"name": name}} for name in layers]
    config = {"class_name": "Sequential", "module": "keras", "registered_name": "Sequential", "config": {"layers": described}}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": keras} if keras else {}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", b"")
    return content.getvalue()


# -- which are copied ------------------------------------------------------------------------------


def project(top: Path, ignore: str, files: Files) -> list[str]:
    """What is said of a folder in which git ignores what *ignore* has."""
    (top / ".git").mkdir()
    (top / ".gitignore").write_text(ignore)
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return judged(top)


def judged(top: Path) -> list[str]:
    found = discover([str(top)])
    report = run_gate(Worktree(str(top)), found.names, Settings(), MATRIX)
    told = [f"{'!' if u.grave else ''}{u.file}:{u.line} {u.reason}" for u in report.not_checked]
    return [f"{f.place}:{f.place.column} {f.severity} {f.rule}: {f.message}" for f in report.findings if f.severity != "info"] + told


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("COPY a.h5 /", "a.h5"),
        ("COPY *.h5 /", "a.h5"),
        ("COPY models /models", "models/b.h5"),
        ("COPY mod?ls /models", "models/b.h5"),
        ("COPY models/*.h5 /m/", "models/b.h5"),
        ("COPY m*/*.h5 /m/", "models/b.h5"),
        ("COPY all /all", "all/c.h5"),
        ("COPY al* /all", "all/c.h5"),
        ("COPY all/saved /all", "all/saved"),
    ],
)
def test_what_git_ignores_is_copied_all_the_same(line: str, name: str, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"Dockerfile": dockerfile(line), "app.py": ""}
    if name == "all/saved":
        folder = Path(__file__).parent.parent / "models/files/keras-3.15.1-export"
        files |= {f"all/saved/{f.name}": f.read_bytes() for f in folder.iterdir() if f.is_file()}
        (found,) = notes_of(tmp_path, "*.h5\n/all/\n", files)
        assert found.startswith("Dockerfile:2 Loading all/saved in Keras 3 gives no Keras model")
    else:
        assert project(tmp_path, "*.h5\n/all/\n", {**files, name: LSTM}) == refused(f"2:6 {name}")


def notes_of(top: Path, ignore: str, files: Files) -> list[str]:
    project(top, ignore, files)
    report = run_gate(Worktree(str(top)), discover([str(top)]).names, Settings(), MATRIX)
    return [f"{f.place} {f.message}" for f in report.findings if f.rule == "model-format"]


def test_what_no_tree_has_is_not_looked_into(tmp_path: Path) -> None:
    files: Files = {
        "Dockerfile": dockerfile("COPY all /all"),
        "all/.venv/pyvenv.cfg": "",
        "all/.venv/a.h5": LSTM,
        "all/node_modules/b.h5": LSTM,
        "all/.git/c.h5": LSTM,
    }
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d.h5").write_bytes(LSTM)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "all").mkdir()
    (tmp_path / "in" / "all" / "link").symlink_to(tmp_path / "out")
    assert project(tmp_path / "in", "", files) == []


def test_a_folder_with_too_much_in_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worktree, "_FILES", 3)
    files = {f"all/{number}.txt": "" for number in range(4)}
    assert project(tmp_path, "all\n", {"Dockerfile": dockerfile("COPY all /all"), **files}) == ["all:1 there are more than 3 files in it"]


def test_many_folders_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfcompat.gate.project._FILES", 3)
    files = {f"all/{number}/a.txt": "" for number in range(5)}
    assert unread({"Dockerfile": dockerfile("COPY all /all"), **files}) == [
        "all:1 there are too many files in it to look for models in all of them"
    ]
    deep = "/".join(["d"] * 45)
    monkeypatch.undo()
    assert unread({"Dockerfile": dockerfile("COPY d /d"), f"{deep}/a.h5": LSTM}) == [
        "d:1 there are too many files in it to look for models in all of them"
    ]


def test_names_in_capitals_are_names() -> None:
    assert said({"Dockerfile": dockerfile("COPY M.H5 /", "COPY all /all"), "M.H5": LSTM, "all/MODEL.Keras": LSTM}) == refused(
        "2:6 M.H5", "3:6 all/MODEL.Keras"
    )


@pytest.mark.parametrize("line", ["COPY *.h5 /", "COPY . /app"])
def test_a_name_that_cannot_be_shown_is_told_where_it_is_copied(line: str, tmp_path: Path) -> None:
    files: Files = {"Dockerfile": dockerfile(line), "a\n.h5": LSTM, "\x1b[2J.h5": LSTM, os.fsdecode(b"\xff.h5"): LSTM}
    shown = "its name has characters that cannot be shown"
    assert sorted(project(tmp_path, "*.h5\n", files)) == [
        f"!\x1b[2J.h5:1 {shown}",
        f"!a\n.h5:1 {shown}",
        "!\ufffd.h5:1 its name is not UTF-8",
    ]
    (tmp_path / "Dockerfile").write_text(dockerfile("COPY app.py /"))
    assert judged(tmp_path) == []


# -- words that cannot be known, and stages ---------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("COPY $MODEL /m.h5", "$MODEL"),
        ("COPY a.txt $MODEL /m.keras", "$MODEL"),
        ("COPY $MODEL.h5 /models/", "$MODEL.h5"),
        ("COPY m.h5 $MODEL", "$MODEL"),
        ('COPY ["$MODEL", "/m.h5"]', "$MODEL"),
    ],
)
def test_a_word_without_a_value_is_told(line: str, word: str) -> None:
    files: Files = {"Dockerfile": dockerfile("ARG MODEL", line), "m.h5": LSTM, "a.txt": ""}
    assert unread(files) == [
        f"Dockerfile:3 COPY {word}: a variable in it has no value, so that no model is judged here; pass it with --build-arg"
    ]
    assert unread({"Dockerfile": dockerfile("ARG MODEL", line, image="python:3.11-slim")}) == []


def test_a_word_with_a_value_is_judged_and_another_is_not_told() -> None:
    files: Files = {"Dockerfile": dockerfile("ARG MODEL", "COPY $MODEL /m.h5"), "m.h5": LSTM}
    assert said(files, build_args={"MODEL": "m.h5"}) == refused("3:6 m.h5")
    assert unread(files, build_args={"MODEL": "m.h5"}) == []
    assert unread({"Dockerfile": dockerfile("ARG APP", "COPY $APP /app")}) == []


@pytest.mark.parametrize(
    ("inside", "line", "count"),
    [
        (["COPY m.h5 /"], "COPY --from=data /m.h5 /", 1),
        (["WORKDIR /d", "COPY m.h5 ."], "COPY --from=data /d/m.h5 /m/", 1),
        (["WORKDIR /d", "COPY m.h5 other"], "COPY --from=data d/other /m/", 1),
        (["COPY m.h5 /d/"], "COPY --from=data /d /m", 1),
        (["COPY m.h5 /d/"], "COPY --from=data / /all", 1),
        (["COPY m.h5 /d/"], "COPY --from=data /d/*.h5 /all/", 1),
        (["COPY models /d"], "COPY --from=data /d/n.h5 /m/", 1),
        (["COPY . /d"], "COPY --from=data /d/m.h5 /m/", 1),
        (["COPY . /d"], "COPY --from=data /d /m", 0),
        (["COPY m.h5 /d/"], "COPY --from=data /e /m", 0),
        (["COPY m.h5 /d/"], "COPY --from=data /d/m.h /m", 0),
    ],
)
def test_models_come_from_another_stage(inside: list[str], line: str, count: int) -> None:
    build = "\n".join(("FROM busybox AS data", *inside, "FROM data AS again", f"FROM {IMAGE}", line, ""))
    name = "models/n.h5" if "models" in inside[0] else "m.h5"
    number = len(inside) + 4
    assert said({"Dockerfile": build, name: LSTM}) == refused(*[f"{number}:18 {name}"] * count)


def test_models_come_through_several_stages() -> None:
    build = f"FROM busybox AS a\nCOPY m.h5 /x/\nFROM busybox AS b\nCOPY --from=a /x /y\nFROM {IMAGE}\nCOPY --from=b /y/m.h5 /\n"
    assert said({"Dockerfile": build, "m.h5": LSTM}) == refused("6:15 m.h5")


def test_stages_that_double_are_bounded() -> None:
    stages = ["FROM busybox AS s0", "COPY m.h5 /"]
    for number in range(40):
        stages += [f"FROM busybox AS s{number + 1}", f"COPY --from=s{number} / /a", f"COPY --from=s{number} / /b"]
    build = "\n".join((*stages, f"FROM {IMAGE}", "COPY --from=s40 / /", ""))
    assert len(said({"Dockerfile": build, "m.h5": LSTM})) == 1


# -- the whole context, and what is left out of it --------------------------------------------------


def test_models_of_the_whole_context_are_told() -> None:
    files: Files = {"Dockerfile": dockerfile("COPY . /app"), "a.h5": LSTM}
    assert notes(files) == ["Dockerfile:2:6 a.h5 comes with the whole context and was not judged"]
    more: Files = {**files, "m/b.h5": LSTM, "c.h5": LSTM, "d.keras": LSTM, "s/saved_model.pb": b""}
    assert notes(more) == ["Dockerfile:2:6 a.h5, c.h5, d.keras and 2 more come with the whole context and were not judged"]
    named: Files = {**files, "Dockerfile": dockerfile("COPY . /app", "COPY a.h5 /m/")}
    assert (notes(named), said(named)) == ([], refused("3:6 a.h5"))
    assert notes({"Dockerfile": dockerfile("COPY . /app"), "a.py": ""}) == []


def test_the_whole_context_may_lie_below_the_top() -> None:
    files: Files = {"svc/Dockerfile": dockerfile("COPY . /app"), "svc/a.h5": LSTM}
    assert (said(files), notes(files)) == ([], ["svc/Dockerfile:2:6 svc/a.h5 comes with the whole context and was not judged"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("*.h5", ["a.h5"]),
        ("**/*.h5", []),
        ("a.h5\nmodels", []),
        ("/a.h5\n", ["models/b.h5"]),
        ("./models/\n", ["a.h5"]),
        ("models/*\n", ["a.h5"]),
        ("b.h5", ["a.h5", "models/b.h5"]),
        ("*\n!models", ["models/b.h5"]),
        ("models\n!models/b.h5", ["a.h5", "models/b.h5"]),
        ("# *\n #x\n\n!a.h5\n", ["a.h5", "models/b.h5"]),
        ("**", []),
        ("!a.h5\n*", []),
    ],
)
def test_dockerignore_leaves_models_out(text: str, left: list[str]) -> None:
    files: Files = {"svc/Dockerfile": dockerfile("COPY a.h5 models /m/"), "svc/a.h5": LSTM, "svc/models/b.h5": LSTM}
    kept = {"*.h5": ["models/b.h5"]}.get(text, left)
    for name in ("svc/.dockerignore", "svc/Dockerfile.dockerignore"):
        found = said({**files, name: text})
        assert [each.split("load ")[1].split(",")[0] for each in found] == [f"svc/{each}" for each in kept]


def test_the_dockerfiles_own_dockerignore_wins() -> None:
    files: Files = {"Dockerfile": dockerfile("COPY a.h5 /"), "a.h5": LSTM, ".dockerignore": "*.h5", "Dockerfile.dockerignore": "b"}
    assert said(files) == refused("2:6 a.h5")


# -- how grave it is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keras", "content", "level"),
    [
        ("3.6.0", model("3.99.0", "Dense"), "warning"),  # newer than the matrix
        (None, model("3.99.0", "Dense"), "warning"),
        ("3.6.0", model(None, "Dense"), "warning"),
        ("3.6.0", model("2.14.0", "Nobodys"), "warning"),
        ("3.6.0", model("3.5.0", "Nobodys"), "info"),
        (None, model("3.5.0", "Nobodys"), "info"),
    ],
)
def test_what_is_not_known_is_a_warning_where_it_is_not_of_the_same_major(keras: str | None, content: bytes, level: str) -> None:
    pinned = [f"RUN pip install keras=={keras}"] if keras else []
    files: Files = {"Dockerfile": dockerfile(*pinned, "COPY m.keras /"), "m.keras": content}
    ((severity, message),) = [(f.severity, f.message) for f in judge(files).findings if f.rule == "model-format"]
    assert re.match(rf"Whether m\.keras(, which Keras [\d.]+ wrote,)? loads in Keras {keras or 3} is not known: ", message), message
    assert severity == level


# -- what cannot be read ----------------------------------------------------------------------------


def test_a_pointer_of_git_lfs_cannot_be_checked() -> None:
    assert unread({"Dockerfile": dockerfile("COPY m.h5 /"), "m.h5": POINTER}) == [
        "!m.h5:1 it is a pointer of Git LFS, not the file itself; run 'git lfs pull' to get the file"
    ]


def test_data_in_hdf5_is_no_model() -> None:
    data = LSTM
    for name in (b"model_config", b"keras_version", b"layer_names", b"model_weights"):
        data = data.replace(name, b"x" * len(name))
    files: Files = {"Dockerfile": dockerfile("COPY m.h5 /"), "m.h5": data}
    assert (said(files), unread(files)) == ([], ["m.h5:1 it is HDF5, but no model of Keras"])


@pytest.mark.parametrize(("line", "image"), [("COPY app.py /", IMAGE), ("COPY m.h5 /", "python:3.11-slim"), ("COPY gone.h5 /", IMAGE)])
def test_what_is_not_copied_into_a_tensorflow_is_nothing(line: str, image: str) -> None:
    files: Files = {"Dockerfile": dockerfile(line, image=image), "m.h5": LSTM, "app.py": ""}
    assert ([f for f in judge(files).findings if f.rule == "model-format"], unread(files)) == ([], [])
