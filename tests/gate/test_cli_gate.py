"""``tfcompat gate`` as a command: options, outputs, fixes, exit codes, bad input.

What is found comes from a stand-in that reads marks in the files, so that these tests say nothing of the rules;
the command, the tree and the outputs are the real ones.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest

from tfcompat.cli import main
from tfcompat.errors import CouldNotCheck
from tfcompat.gate.finding import Edit, Finding, Fix, Level, Related, Report, Unchecked
from tfcompat.gate.kinds import kind_of
from tfcompat.gate.settings import Settings
from tfcompat.gate.source import Source, Tree
from tfcompat.matrix import load_bundled

MARKS = re.compile(r"\b(error|warning|info|twin|chain\d|flip|flop)\b")
MATRIX = load_bundled().measured
SEEN: list[Settings] = []


def stand_in(tree: Tree, names: Sequence[str], settings: Settings, matrix: Any, learned: Any) -> Report:
    """A word that is a severity is a finding; ``error`` can be fixed, ``twin`` only with its twin, ``chain2`` becomes ``chain1``."""
    SEEN.append(settings)
    found, checked, unchecked = [], [], []
    for name in names:
        if kind_of(name) in (None, "kubernetes", "model"):
            continue
        try:
            source = tree.find(name)
        except CouldNotCheck as error:
            unchecked.append(Unchecked(name, error.message))
            continue
        assert source is not None
        checked.append(name)
        found += list(marked(source))
    return Report(tuple(found), tuple(checked), tuple(unchecked), matrix.measured)


def marked(source: Source) -> Iterator[Finding]:
    for mark in MARKS.finditer(source.text):
        word = mark[0]
        place = source.place(mark.start(), mark.end())
        if word in ("error", "warning", "info"):
            rule = {"error": "two-keras", "warning": "floating-tag", "info": "cannot-follow"}[word]
            fix = Fix("mend it", (Edit(source.name, mark.start(), mark.end(), "good"),)) if word == "error" else None
            yield Finding(rule, cast(Level, word), place, f"it says {word}", (Related(place),), ("by reading",), "mend it", fix)
        elif word.startswith("chain"):
            left = int(word[5:]) - 1
            text = f"chain{left}" if left else "done"
            yield Finding("keras-range", "error", place, word, fix=Fix("go on", (Edit(source.name, mark.start(), mark.end(), text),)))
        elif word in ("flip", "flop"):
            text = "flop" if word == "flip" else "flip"
            yield Finding("keras-range", "error", place, word, fix=Fix("turn", (Edit(source.name, mark.start(), mark.end(), text),)))


@pytest.fixture(autouse=True)
def _judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    SEEN.clear()
    monkeypatch.setattr("tfcompat.gate.gate.run_gate", stand_in)
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    yield
    gc.enable()  # a command turns it off


def write(**files: str) -> None:
    for name, text in files.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def gate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["gate", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


Said = pytest.CaptureFixture[str]

# -- exit codes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        ("clean", (), 0),
        ("warning", (), 0),
        ("warning", ("--fail-on", "warning"), 1),
        ("info", ("--fail-on", "warning"), 0),
        ("info", ("--fail-on", "warning", "--info"), 0),
        ("error", (), 1),
        ("error", ("--fail-on", "error"), 1),
        ("error", ("--exit-zero",), 0),
        ("error", ("--ignore", "two-keras"), 0),
        ("error", ("--select", "floating-tag"), 0),
        ("error warning", ("--select", "floating-tag", "--fail-on", "warning"), 1),
        ("error warning", ("--select", "floating-tag,two-keras"), 1),
        ("error warning", ("--select", "floating-tag", "--select", " two-keras "), 1),
        ("error warning", ("--select", "floating-tag,two-keras", "--ignore", "two-keras"), 0),
    ],
)
def test_the_exit_code_is_the_verdict(text: str, arguments: tuple[str, ...], code: int, capsys: Said) -> None:
    write(requirements_txt=f"{text}\n")
    assert gate(capsys, *arguments)[0] == code


@pytest.mark.parametrize("arguments", [(), ("--exit-zero",), ("--select", "floating-tag"), ("--diff",), ("--fix",)])
def test_what_could_not_be_checked_wins(arguments: tuple[str, ...], capsys: Said) -> None:
    write(requirements_txt="error\n")
    Path("uv.lock").write_bytes(b"\xff\xfe\x00")
    code, out, err = gate(capsys, *arguments)
    assert code == 3
    assert "uv.lock:1: could not be checked: it is not text: " in out + err


def test_nothing_to_check_is_not_clean(capsys: Said) -> None:
    write(README_md="error\n")
    hint = (
        "the gate reads "
        "Dockerfile, requirements*.txt, constraints*.txt, pyproject.toml, the lock files of uv, Poetry, PDM, Pipenv, conda and pixi, "
        "environment.yml, compose.yaml, devcontainer.json, .gitlab-ci.yml, .github/workflows/*.yml and what Kubernetes starts; "
        "'tfcompat resolve --format dockerfile' writes a first Dockerfile"
    )
    assert gate(capsys) == (3, "", f"tfcompat: nothing to check below .\n  hint: {hint}\n")
    Path("sub").mkdir()
    assert gate(capsys, "sub")[::2] == (3, f"tfcompat: nothing to check below sub\n  hint: {hint}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone",), "gone does not exist\n  hint: name files or folders, or - for standard input"),
        (
            ("notes.md",),
            "notes.md is no file that the gate knows by its name\n  hint: it reads Dockerfile, requirements*.txt, constraints*.txt, ",
        ),
        (("--select", "keras-range"), "--select: no finding is named keras-range\n  hint: the gate tells it as keras-pin-mismatch\n"),
        (
            ("--ignore", "wheel-has-cuda"),
            "--ignore: no finding is named wheel-has-cuda\n  hint: the gate tells it as gpu-image-with-cpu-package",
        ),
        (
            ("--select", "not-checked"),
            "--select: not-checked is the name of no finding\n  hint: [[tool.tfcompat.excuse]] excuses it, with a path and a reason",
        ),
        (("--platform", ""), "--platform: '' is not known\n  hint: one of linux/amd64 and linux/arm64\n"),
        (("--platform", "windows/amd64"), "--platform: 'windows/amd64' is not known\n  hint: one of linux/amd64 and linux/arm64\n"),
        (("--driver", ""), "--driver: '' is no version of a driver\n  hint: write it as nvidia-smi prints it: 535.104.05\n"),
        (("--driver", "abc"), "--driver: 'abc' is no version of a driver\n  hint: write it as nvidia-smi prints it: 535.104.05\n"),
        (("--output", "sarif=-"), "--output 'sarif=-' names no file\n  hint: --format sarif prints it\n"),
        (("--diff", "--format", "sarif"), "--diff prints a diff\n  hint: write the report with --output FORMAT=FILE\n"),
        (("--select", "two-kerass"), "--select: there is no rule 'two-kerass'\n  hint: did you mean two-keras?"),
        (("--ignore", "a,two-keras"), "--ignore: there is no rule 'a'\n  hint: tfcompat rule lists them all"),
        (("--build-arg", "TAG"), "--build-arg 'TAG' is not NAME=VALUE\n  hint: no variables of the environment are looked at"),
        (("--build-arg", "=x"), "--build-arg '=x' is not NAME=VALUE"),
        (
            ("--output", "sarif"),
            "--output 'sarif' is not FORMAT=FILE\n  hint: FORMAT is one of text, json, sarif, github, junit, gitlab, markdown",
        ),
        (("--output", "xml=a"), "--output 'xml=a' is not FORMAT=FILE"),
        (("--output", "json=a", "--output", "text=a"), "--output names 'a' twice"),
        (("--output", "json=gone/a"), "gone/a cannot be written: No such file or directory\n  hint: name another file with --output"),
        (("--stdin-filename", "Dockerfile"), "--stdin-filename is for standard input\n  hint: name - as the path"),
        (("-",), "- stands alone, and --stdin-filename says what it is\n  hint: as in: tfcompat gate - --stdin-filename Dockerfile"),
        (("-", "x", "--stdin-filename", "Dockerfile"), "- stands alone"),
        (("-", "--stdin-filename", "../Dockerfile"), "--stdin-filename '../Dockerfile' is no file of "),
        (("-", "--stdin-filename", "notes.md"), "--stdin-filename 'notes.md' is no file of "),
        (
            ("-", "--stdin-filename", "Dockerfile", "--fix"),
            "--fix cannot change standard input\n  hint: --diff prints what it would change",
        ),
        (
            ("--write-baseline", "gone/b.json"),
            "gone/b.json cannot be written: No such file or directory\n  hint: name another file with --write-baseline",
        ),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], message: str, capsys: Said) -> None:
    write(requirements_txt="error\n", notes_md="x")
    code, out, err = gate(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"tfcompat: {message}")


@pytest.mark.parametrize("option", ["--baseline", "--config"])
def test_a_file_that_an_option_names_must_be_there(option: str, capsys: Said) -> None:
    write(requirements_txt="error\n")
    code, out, err = gate(capsys, option, "gone")
    assert (code, out) == (2, "")
    assert err == f"tfcompat: gone cannot be read: No such file or directory\n  hint: name a file with {option}\n"


def test_the_threshold_is_one_of_two(capsys: Said) -> None:
    assert gate(capsys, "--fail-on", "info") == (2, "", "tfcompat: --fail-on: 'info' is not known\n  hint: it is one of error, warning\n")


# -- what is looked at --------------------------------------------------------------------------


KEYS = "there are gpu, driver, platform, build-args, select, ignore, fail-on, severity, exclude, images, baseline, excuse and registry"


def checked(out: str) -> list[str]:
    found: list[str] = json.loads(out)["checked"]
    return found


def test_folders_are_searched_and_files_are_taken(capsys: Said) -> None:
    write(requirements_txt="", a__Dockerfile="", a__b__constraints_txt="", c__Dockerfile="", a__x_py="")
    assert checked(gate(capsys, "--format", "json")[1]) == ["a/Dockerfile", "a/b/constraints.txt", "c/Dockerfile", "requirements.txt"]
    assert checked(gate(capsys, "a/b", "c/Dockerfile", "--format", "json")[1]) == ["a/b/constraints.txt", "c/Dockerfile"]


def test_a_folder_of_a_repository_is_looked_at_as_from_its_top(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        svc__requirements_txt="warning\n",
        Dockerfile="FROM error\n",
        pyproject_toml=CONFIGURATION,
        svc__pyproject_toml="[tool.tfcompat]\nx = 1\n",
    )
    Path(".git").mkdir()
    from_top = gate(capsys, "svc"), gate(capsys, "svc", "--format", "json"), gate(capsys, "svc/requirements.txt")
    assert from_top[0][0] == 1  # by the table at the top
    assert from_top[0][1].startswith("svc/requirements.txt:1:1: warning[floating-tag]")
    assert checked(from_top[1][1]) == ["svc/pyproject.toml", "svc/requirements.txt"]
    monkeypatch.chdir("svc")
    assert (gate(capsys), gate(capsys, "--format", "json"), gate(capsys, "requirements.txt")) == from_top
    assert checked(gate(capsys, "..", "--format", "json")[1]) == [
        "Dockerfile",
        "pyproject.toml",
        "svc/pyproject.toml",
        "svc/requirements.txt",
    ]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"FROM warning\n")))
    code, out, _ = gate(capsys, "-", "--stdin-filename", "Dockerfile")
    assert (code, out.split(" ")[0]) == (1, "svc/Dockerfile:1:6:")
    assert gate(capsys, "--config", "pyproject.toml")[::2] == (
        2,
        f"tfcompat: pyproject.toml:2: tool.tfcompat has no key 'x'\n  hint: {KEYS}\n",
    )


def test_fixes_of_a_folder_are_made_there(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(svc__requirements_txt="error\n", requirements_txt="error\n")
    Path(".git").mkdir()
    monkeypatch.chdir("svc")
    assert gate(capsys, "--fix")[::2] == (0, "svc/requirements.txt: fixed\n")
    assert Path("requirements.txt").read_text(encoding="utf-8") == "good\n"
    assert Path("../requirements.txt").read_text(encoding="utf-8") == "error\n"


def test_standard_input_stands_for_a_file(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(requirements_txt="error\n", sub__Dockerfile="FROM fine\n")
    stdin = io.TextIOWrapper(io.BytesIO("\ufeffFROM warning\r\n".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    code, out, _ = gate(capsys, "-", "--stdin-filename", "sub/Dockerfile", "--fail-on", "warning")
    assert code == 1
    assert out.startswith("sub/Dockerfile:1:6: warning[floating-tag] it says warning\n1 | FROM warning\n  |      ^^^^^^^\n")
    assert Path("sub/Dockerfile").read_text(encoding="utf-8") == "FROM fine\n"


def test_the_options_are_the_settings(capsys: Said) -> None:
    write(requirements_txt="")
    arguments = ["--target-gpu", "A100", "--target-gpu", "8.6", "--driver", "535", "--platform", "linux/arm64", "--build-arg", "A=b=c"]
    assert gate(capsys, *arguments, "--build-arg", "D=", "--fail-on", "warning")[0] == 0
    (settings,) = SEEN
    assert settings._replace(excuses=()) == Settings(
        gpu=("A100", "8.6"), driver="535", platform="linux/arm64", build_args={"A": "b=c", "D": ""}, fail_on="warning"
    )


CONFIGURATION = """\
[tool.tfcompat]
gpu = ["T4"]
driver = "470"
fail-on = "warning"
"""


def test_the_table_is_read_and_an_option_wins(capsys: Said) -> None:
    write(pyproject_toml=CONFIGURATION, requirements_txt="warning\n", other_toml=CONFIGURATION.replace("T4", "H100"))
    assert gate(capsys)[0] == 1
    assert gate(capsys, "--fail-on", "error", "--driver", "535")[0] == 0
    gate(capsys, "--config", "other.toml")
    assert [(s.gpu, s.driver, s.fail_on) for s in SEEN] == [
        (("T4",), "470", "warning"),
        (("T4",), "535", "error"),
        (("H100",), "470", "warning"),
    ]


# -- how it is told -----------------------------------------------------------------------------


def test_text_is_the_default(capsys: Said) -> None:
    write(requirements_txt="warning\n")
    for extra in ((), ("--evidence",)):
        code, out, err = gate(capsys, *extra)
        assert (code, err) == (0, "")
        assert out == (
            "requirements.txt:1:1: warning[floating-tag] it says warning\n"
            "1 | warning\n"
            "  | ^^^^^^^\n"
            "  -> requirements.txt:1:1\n"
            "1 | warning\n"
            "  | ^^^^^^^\n"
            "  = help: mend it\n" + ("  = evidence: by reading\n" if extra else "") + "\n"
            f"1 warning in 1 file (matrix of {MATRIX}).\n"
        )


def test_notes_are_off_by_default(capsys: Said) -> None:
    write(requirements_txt="info\n")
    assert gate(capsys)[1] == f"No findings in 1 file (matrix of {MATRIX}).\n"
    for arguments in (("--info",), ("--select", "cannot-follow")):
        assert gate(capsys, *arguments)[1].startswith("requirements.txt:1:1: info[cannot-follow] it says info\n")


def test_several_outputs_in_one_run(capsys: Said) -> None:
    write(requirements_txt="error\n")
    names = ("text", "json", "sarif", "github", "junit", "gitlab", "markdown")
    arguments = [part for name in names for part in ("--output", f"{name}=out.{name}")]
    code, out, err = gate(capsys, *arguments, "--format", "json")
    assert (code, err) == (1, "")
    assert Path("out.json").read_text(encoding="utf-8") == out
    assert json.loads(Path("out.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert ElementTree.parse("out.junit").getroot().tag == "testsuites"
    assert len(json.loads(Path("out.gitlab").read_text(encoding="utf-8"))) == 1
    assert Path("out.markdown").read_text(encoding="utf-8").startswith("## tfcompat gate\n")
    assert Path("out.github").read_text(encoding="utf-8").startswith("::error file=requirements.txt,line=1,")
    assert Path("out.text").read_text(encoding="utf-8").startswith("requirements.txt:1:1: error[two-keras]")


@pytest.mark.parametrize("arguments", [("--format", "github"), ("--output", "github=out")])
def test_annotations_bring_a_step_summary(arguments: tuple[str, ...], capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(requirements_txt="error\n")
    Path("summary").write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(Path("summary").resolve()))
    assert gate(capsys, "--format", "json")[0] == 1
    assert Path("summary").read_text(encoding="utf-8") == "before\n"
    assert gate(capsys, *arguments)[0] == 1
    assert Path("summary").read_text(encoding="utf-8").startswith("before\n## tfcompat gate\n\n1 error in 1 file")


def test_a_step_summary_that_cannot_be_written_changes_no_verdict(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(requirements_txt="error\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(Path("gone/summary").resolve()))
    code, _, err = gate(capsys, "--format", "github")
    assert (code, err) == (1, "tfcompat: the step summary was not written: No such file or directory\n")


def test_colours_are_forced_and_refused_as_everywhere(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(requirements_txt="error\n")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    plain = gate(capsys)[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = gate(capsys)[1]
    assert "\x1b[1;31merror[two-keras]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert gate(capsys)[1] == plain
    monkeypatch.delenv("NO_COLOR")
    for nothing in ("0", ""):
        monkeypatch.setenv("FORCE_COLOR", nothing)
        assert gate(capsys)[1] == plain


def test_no_colour_means_plain_text_in_a_terminal_too(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(requirements_txt=f"{'x' * 40} error {'x' * 60}\n")
    plain = gate(capsys)[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name, value in {"NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "110"}.items():
        monkeypatch.setenv(name, value)
    assert gate(capsys)[1] == plain
    monkeypatch.setenv("COLUMNS", "60")
    narrow = gate(capsys)[1]
    assert "\x1b" not in narrow
    assert narrow != plain


# -- excuses ------------------------------------------------------------------------------------


def test_comments_excuse_unless_they_are_switched_off(capsys: Said) -> None:
    write(requirements_txt="error  # tfcompat: ignore[two-keras] known\n")
    assert gate(capsys)[:2] == (0, f"No findings in 1 file, 1 excused (matrix of {MATRIX}).\n")
    assert gate(capsys, "--no-inline")[0] == 1


def test_an_unused_comment_is_told_where_everything_was_looked_at(capsys: Said) -> None:
    write(requirements_txt="fine  # tfcompat: ignore[two-keras] known\n", Dockerfile="")
    told = "requirements.txt:1:7: warning[unused-suppression] two-keras is excused, and was not found here\n"
    assert gate(capsys)[1].startswith(told)
    assert gate(capsys, ".")[1].startswith(told)
    assert "unused" not in gate(capsys, "requirements.txt")[1]


def test_a_baseline_is_written_used_and_outgrown(capsys: Said) -> None:
    write(requirements_txt="error\n", Dockerfile="FROM warning\n")
    code, out, err = gate(capsys, "--write-baseline", "b.json", "--fail-on", "warning")
    assert (code, err) == (0, "b.json: 2 findings written\n")
    assert out == f"No findings in 2 files, 2 excused (matrix of {MATRIX}).\n"
    first = Path("b.json").read_text(encoding="utf-8")
    assert gate(capsys, "--baseline", "b.json", "--fail-on", "warning")[0] == 0
    write(requirements_txt="# new\nerror\nand an error\n", Dockerfile="FROM fine\n")
    code, out, _ = gate(capsys, "--baseline", "b.json")
    assert code == 1
    assert [line for line in out.splitlines() if "[" in line] == [
        "b.json:8:22: warning[unused-suppression] the baseline excuses floating-tag in Dockerfile, and it was not found",
        "requirements.txt:3:8: error[two-keras] it says error",
    ]
    assert gate(capsys, "--baseline", "b.json", "--write-baseline", "b.json")[0] == 0
    second = Path("b.json").read_text(encoding="utf-8")
    assert [row["rule"] for row in json.loads(first)["findings"]] == ["floating-tag", "two-keras"]
    assert [row["rule"] for row in json.loads(second)["findings"]] == ["two-keras", "two-keras"]
    assert gate(capsys, "--baseline", "b.json", "--fail-on", "warning")[0] == 0


def test_a_baseline_that_is_none_is_a_usage_error(capsys: Said) -> None:
    write(requirements_txt="error\n", b_json="[]")
    assert gate(capsys, "--baseline", "b.json") == (
        2,
        "",
        "tfcompat: b.json is not a baseline: it has no list of findings\n  hint: write it anew with --write-baseline\n",
    )
    Path("b.json").write_bytes(b"\xff")
    assert gate(capsys, "--baseline", "b.json")[0] == 2


def excuse(path: str, **more: str) -> str:
    lines = "".join(f'{key} = "{value}"\n' for key, value in more.items())
    return f'[[tool.tfcompat.excuse]]\nrule = "not-checked"\npath = "{path}"\nreason = "CI makes it"\n{lines}'


def test_a_file_that_could_not_be_checked_may_be_excused(capsys: Said) -> None:
    write(requirements_txt="fine\n", pyproject_toml=excuse("uv.lock"))
    Path("uv.lock").write_bytes(b"\xff")
    assert gate(capsys) == (0, f"No findings in 2 files; 1 could not be checked and is excused (matrix of {MATRIX}).\n", "")
    document = json.loads(gate(capsys, "--format", "json")[1])
    assert [(u["file"], u["grave"], u["excused"]) for u in document["not_checked"]] == [("uv.lock", True, "CI makes it")]
    write(pyproject_toml=excuse("uv.lock", contains="something else"))
    assert gate(capsys)[0] == 3
    Path("uv.lock").unlink()
    assert "warning[unused-suppression] uv.lock is excused, and nothing of it could not be checked\n" in gate(capsys)[1]


# -- fixes --------------------------------------------------------------------------------------


def test_fix_mends_what_is_certain_and_says_what_is_left(capsys: Said) -> None:
    Path("requirements.txt").write_bytes(b"\xef\xbb\xbferror\r\nwarning\x0b\r\n")
    Path("requirements.txt").chmod(0o640)
    code, out, err = gate(capsys, "--fix", "--fail-on", "warning")
    assert (code, err) == (1, "requirements.txt: fixed\n")
    assert out.startswith("requirements.txt:2:1: warning[floating-tag] it says warning\n")
    assert Path("requirements.txt").read_bytes() == b"\xef\xbb\xbfgood\r\nwarning\x0b\r\n"
    assert stat.S_IMODE(Path("requirements.txt").stat().st_mode) == 0o640
    before = Path("requirements.txt").stat().st_mtime_ns
    assert gate(capsys, "--fix")[::2] == (0, "")
    assert Path("requirements.txt").stat().st_mtime_ns == before
    assert [path.name for path in Path().iterdir()] == ["requirements.txt"]


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="only root gives files away")
def test_fix_keeps_owner_group_and_mode() -> None:
    write(requirements_txt="error\n")
    os.chown("requirements.txt", 1234, 2345)
    Path("requirements.txt").chmod(0o4640)
    assert main(["gate", "--fix"]) == 0
    found = Path("requirements.txt").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o4640)


@pytest.mark.skipif(not hasattr(os, "chown"), reason="there are no owners")
@pytest.mark.parametrize("allowed", [(), (-1,)])
def test_fix_gives_the_group_where_it_may_not_give_the_owner(allowed: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def chown(path: Path, owner: int, group: int) -> None:
        asked.append((owner, group))
        if owner not in allowed:
            raise PermissionError(1, "Operation not permitted")

    write(requirements_txt="error\n")
    known = Path("requirements.txt").stat()
    monkeypatch.setattr(os, "chown", chown)
    assert main(["gate", "--fix"]) == 0
    assert asked == [(known.st_uid, known.st_gid), (-1, known.st_gid)]
    assert Path("requirements.txt").read_text(encoding="utf-8") == "good\n"


def test_fix_writes_a_file_with_several_names_where_it_is(capsys: Said) -> None:
    write(requirements_txt="error and more, which is longer\n", constraints_txt="error\n", Dockerfile="chain1 chain1 chain1\n")
    for name in ("requirements.txt", "Dockerfile"):
        os.link(name, f"other {name}.bin")
    known = Path("requirements.txt").stat().st_ino
    assert gate(capsys, "--fix")[::2] == (0, "Dockerfile: fixed\nconstraints.txt: fixed\nrequirements.txt: fixed\n")
    assert Path("requirements.txt").stat().st_ino == known
    assert Path("other requirements.txt.bin").read_text(encoding="utf-8") == "good and more, which is longer\n"
    assert Path("other Dockerfile.bin").read_text(encoding="utf-8") == "done done done\n"
    assert len(list(Path().iterdir())) == 5


def test_fix_leaves_files_with_line_ends_of_old_macs(capsys: Said) -> None:
    Path("requirements.txt").write_bytes(b"error\rother\n")
    code, out, err = gate(capsys, "--fix")
    assert (code, err) == (1, "")
    assert "  = help: mend it\n" in out
    assert Path("requirements.txt").read_bytes() == b"error\rother\n"


def test_fix_leaves_what_could_not_be_read_whole(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def partly(*given: Any) -> Report:
        return stand_in(*given)._replace(not_checked=(Unchecked("requirements.txt", "there is more", 2),))

    write(requirements_txt="error\n", constraints_txt="error\n")
    monkeypatch.setattr("tfcompat.gate.gate.run_gate", partly)
    assert gate(capsys, "--fix")[::2] == (3, "constraints.txt: fixed\n")
    assert Path("requirements.txt").read_text(encoding="utf-8") == "error\n"


def test_fix_leaves_what_is_excused_or_not_selected(capsys: Said) -> None:
    write(requirements_txt="error  # tfcompat: ignore[two-keras] known\n", constraints_txt="error\n")
    assert gate(capsys, "--fix", "--select", "floating-tag")[0] == 0
    assert Path("constraints.txt").read_text(encoding="utf-8") == "error\n"
    assert gate(capsys, "--fix")[::2] == (0, "constraints.txt: fixed\n")
    assert Path("requirements.txt").read_text(encoding="utf-8").startswith("error")


def test_fixes_go_on_until_nothing_changes(capsys: Said) -> None:
    write(requirements_txt="chain4\n")
    assert gate(capsys, "--fix")[0] == 0
    assert Path("requirements.txt").read_text(encoding="utf-8") == "done\n"


def test_fixes_that_only_move_each_other_about_end(capsys: Said) -> None:
    write(requirements_txt="flip\n")
    assert gate(capsys, "--fix")[0] == 1
    assert len(SEEN) == 6


def test_diff_shows_the_fix_and_makes_none(capsys: Said) -> None:
    write(requirements_txt="error\nwarning\n", Dockerfile="FROM fine\n")
    code, out, err = gate(capsys, "--diff")
    assert code == 1
    assert out == "--- a/requirements.txt\n+++ b/requirements.txt\n@@ -1,2 +1,2 @@\n-error\n+good\n warning\n"
    assert err.startswith("requirements.txt:2:1: warning[floating-tag] it says warning\n2 | warning\n")
    assert err.endswith(f"\n\nWith these edits: 1 warning in 2 files (matrix of {MATRIX}).\n")
    assert Path("requirements.txt").read_text(encoding="utf-8") == "error\nwarning\n"
    assert gate(capsys, "--diff", "--exit-zero")[0] == 0
    write(requirements_txt="warning\n")
    code, out, err = gate(capsys, "--diff")
    assert (code, out) == (0, "")
    assert err.endswith(f"\n\n1 warning in 2 files (matrix of {MATRIX}).\n")


def test_fix_and_diff_exclude_each_other(capsys: Said) -> None:
    hint = "'tfcompat gate --help' shows its options and examples"
    assert gate(capsys, "--fix", "--diff") == (2, "", f"tfcompat: --diff: not allowed with argument --fix\n  hint: {hint}\n")


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_fix_follows_a_link_within_the_tree(capsys: Said) -> None:
    write(real__base_in="error\n")
    Path("requirements.txt").symlink_to("real/base.in")
    assert gate(capsys, "--fix", "requirements.txt")[0] == 0
    assert Path("requirements.txt").is_symlink()
    assert Path("real/base.in").read_text(encoding="utf-8") == "good\n"


def test_fix_changes_nothing_where_a_file_changed_meanwhile(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    write(requirements_txt="error\n", constraints_txt="error\n")

    def meddling(*given: Any) -> Report:
        report = stand_in(*given)
        Path("requirements.txt").write_text("error and more\n", encoding="utf-8")
        return report

    monkeypatch.setattr("tfcompat.gate.gate.run_gate", meddling)
    code, _, err = gate(capsys, "--fix")
    assert (code, err) == (
        3,
        "tfcompat: requirements.txt is not what was looked at any more\n  hint: nothing was changed; run the gate again\n",
    )
    assert Path("constraints.txt").read_text(encoding="utf-8") == "error\n"
    assert sorted(path.name for path in Path().iterdir()) == ["constraints.txt", "requirements.txt"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_fix_says_where_it_cannot_write(capsys: Said) -> None:
    write(sub__requirements_txt="error\n")
    Path("sub").chmod(0o555)
    try:
        code, _, err = gate(capsys, "--fix")
    finally:
        Path("sub").chmod(0o755)
    assert code == 2
    assert err.endswith("cannot be written: Permission denied\n  hint: nothing was changed; mend it by hand, as --diff shows\n")


def test_several_files_are_written_together_or_not_at_all(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    from tfcompat.cli import fixing

    write(requirements_txt="error\n", constraints_txt="error\n")
    real, made = fixing._aside, []

    def full(target: Path, content: bytes) -> Path:
        made.append(target.name)
        if len(made) > 1:
            raise OSError(28, "No space left on device", str(target))
        return real(target, content)

    monkeypatch.setattr(fixing, "_aside", full)
    code, _, err = gate(capsys, "--fix")
    assert code == 2
    assert err.endswith(
        "requirements.txt cannot be written: No space left on device\n  hint: nothing was changed; mend it by hand, as --diff shows\n"
    )
    assert {path.name: path.read_text(encoding="utf-8") for path in Path().iterdir()} == {
        "constraints.txt": "error\n",
        "requirements.txt": "error\n",
    }


# -- the real judge -----------------------------------------------------------------------------


def test_a_real_project_is_judged_and_mended() -> None:
    write(Dockerfile="FROM python:3.11-slim\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n")
    write(requirements_txt="tensorflow==2.15.0\nkeras==3.5.0\n")
    command = [sys.executable, "-m", "tfcompat", "gate", "--format", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    (found,) = [f for f in json.loads(ran.stdout)["findings"] if f["severity"] == "error"]
    assert ran.returncode == 1
    assert (found["rule"], found["file"], found["line"]) == ("keras-pin-mismatch", "requirements.txt", 2)
    assert subprocess.run([*command, "--fix"], capture_output=True, check=False).returncode == 0
    assert Path("requirements.txt").read_text(encoding="utf-8") == "tensorflow==2.15.0\nkeras==2.15.0\n"


def test_what_ci_makes_may_be_missing() -> None:
    write(Dockerfile="FROM python:3.11-slim\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n")
    command = [sys.executable, "-m", "tfcompat", "gate"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    lacks = "Dockerfile:3: could not be checked: requirements.txt, which is copied and installed here, is not in the tree\n"
    assert (ran.returncode, ran.stdout) == (3, f"{lacks}\nNo file was fully checked; 1 could not be checked (matrix of {MATRIX}).\n")
    write(pyproject_toml=excuse("requirements.txt"))
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, f"No findings in 1 file; 1 could not be checked and is excused (matrix of {MATRIX}).\n")


@pytest.mark.parametrize("option", ["--target-gpu", "--driver", "--platform"])
def test_a_target_of_nothing_is_a_usage_error(option: str) -> None:
    write(requirements_txt="tensorflow==2.15.0\n")
    ran = subprocess.run([sys.executable, "-m", "tfcompat", "gate", option, ""], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"tfcompat: {option}: '' is ")


# -- start-up -----------------------------------------------------------------------------------


def test_a_form_that_is_not_asked_for_is_not_imported() -> None:
    script = (
        "import sys; from tfcompat.cli import main; code = main(['gate', '--format', 'json'])\n"
        "heavy = {'rich', 'yaml', 'pydantic', 'requests', 'difflib', 'tfcompat.outputs.gate.sarif', 'tfcompat.outputs.gate.text',\n"
        "         'tfcompat.outputs.gate.junit', 'tfcompat.cli.fixing', 'tfcompat.gate.editing', 'xml'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    write(requirements_txt="numpy\n")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stderr.splitlines()[-1].endswith(" []")
