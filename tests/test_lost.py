"""Where a person is likely lost: each message word for word, with what was probably meant."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tfcompat.cli import check, main

ROOT = Path(__file__).parents[1]
FACTS = (ROOT / "tests" / "facts" / "stand-ins.json").read_text(encoding="utf-8")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said to a command line that cannot be understood."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


# -- commands --------------------------------------------------------------------------------------


def test_nothing_at_all_is_told_a_first_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys) == (
        "tfcompat finds TensorFlow containers that really use the GPU, and says why others do not. To begin with:\n\n"
        "  tfcompat resolve --gpu A100     an image, exact pins and the reason, for that GPU\n"
        "  tfcompat gate                   whether the Dockerfiles and requirements in this folder go together\n"
        "  tfcompat check --expect gpu     whether this very environment computes on its GPU\n\n"
        "'tfcompat --help' lists all commands, 'tfcompat COMMAND --help' shows examples.\n"
    )


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("doctor", "check"), ("lint", "gate"), ("recommend", "resolve"), ("install", "pin"), ("lock", "pin"), ("fix", "gate --fix"),
        ("dockerfile", "resolve --format dockerfile"), ("logs", "explain"), ("images", "image list"), ("inspect", "image inspect"),
        ("show", "matrix show"), ("update", "matrix refresh"), ("help", "--help"), ("version", "--version"), ("Doctor", "check"),
        ("resolv", "resolve"), ("chekc", "check"), ("explian", "explain"), ("autocomplete", "completion"),
        ("html", "matrix html"), ("page", "matrix html"), ("load", "model"), ("keras", "model"), ("h5", "model"), ("convert", "model"),
    ],
)  # fmt: skip
def test_a_command_by_another_name(given: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, given) == f"tfcompat: tfcompat has no command {given!r}\n  hint: did you mean tfcompat {meant}?\n"


def test_the_words_for_another_name_are_no_commands_and_lead_to_one_that_is_there() -> None:
    from tfcompat.cli.lost import _MEANT
    from tfcompat.cli.main import _COMMANDS, _parse

    words = [word for text in _MEANT.values() for word in text.split()]
    assert len(words) == len(set(words))
    assert not set(words) & set(_COMMANDS)
    for command in _MEANT:
        if not command.startswith("-") and command not in ("completion", "image inspect", "explain", "model"):  # these need an argument
            assert callable(_parse(command.split()).run)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["frobnicate"], "tfcompat has no command 'frobnicate'", "'tfcompat --help' lists them all"),
        ([""], "tfcompat has no command ''", "'tfcompat --help' lists them all"),
        (["\x1b[2J"], "tfcompat has no command '\\x1b[2J'", "'tfcompat --help' lists them all"),
        (["x" * 200], f"tfcompat has no command '{'x' * 80}'", "'tfcompat --help' lists them all"),
        (["matrix", "sho"], "tfcompat matrix has no command 'sho'", "did you mean tfcompat matrix show?"),
        (["image", "foo"], "tfcompat image has no command 'foo'", "it has list, inspect, verify, refresh"),
        (["image"], "tfcompat image needs a command: list, inspect, verify, refresh", "as in: tfcompat image list --version 2.15 --variant gpu"),
        (["image", "inspect"], "tfcompat image inspect needs REFERENCE", "as in: tfcompat image inspect tensorflow/tensorflow:2.18.0-gpu"),
        (["explain"], "tfcompat explain needs LOGFILE", "as in: tfcompat explain train.log"),
        (["completion"], "tfcompat completion needs SHELL", "as in: source <(tfcompat completion bash)"),
        (["completion", "tcsh"], "shell: 'tcsh' is not known", "it is one of bash, zsh, fish"),
        # options
        (["resolve", "--tensorfow", "2.15"], "tfcompat resolve has no option '--tensorfow'", "did you mean --tensorflow?"),
        (["resolve", "--tensorfow=2.15"], "tfcompat resolve has no option '--tensorfow'", "did you mean --tensorflow?"),
        (["resolve", "--hashes"], "tfcompat resolve has no option '--hashes'", "tfcompat pin has it"),
        (["resolve", "--version"], "tfcompat resolve has no option '--version'", "did you mean tfcompat --version?"),
        (["gate", "--frobnicate"], "tfcompat gate has no option '--frobnicate'", "'tfcompat gate --help' shows its options and examples"),
        (["--gpu", "A100"], "tfcompat has no option '--gpu'", "it stands behind a command: tfcompat resolve --gpu"),
        (["--online", "resolve"], "tfcompat has no option '--online'", "it stands behind a command: tfcompat resolve --online"),
        (["--frobnicate"], "tfcompat has no option '--frobnicate'", "'tfcompat --help' shows its options and examples"),
        (["image", "verify", "--offline"], "tfcompat image verify has no option '--offline'", "tfcompat resolve has it"),
        (["resolve", "--driver"], "--driver: expected one argument", "'tfcompat resolve --help' shows its options and examples"),
        (["check", "--timeout", "x"], "--timeout: 'x' is not a number of seconds from 0 to 86400", "'tfcompat check --help' shows its options and examples"),
        (["matrix", "show", "gpu"], "section: 'gpu' is not known", "did you mean gpus? it is one of tensorflow, keras, pins, cuda, gpus, images"),
        (["pin", "--format", "json"], "tfcompat pin has no option '--format'", "tfcompat resolve has it"),
        # values that stand alone
        (["resolve", "2.15"], "tfcompat resolve takes no '2.15'", "did you mean --tensorflow 2.15?"),
        (["resolve", ">=2.15,<2.17"], "tfcompat resolve takes no '>=2.15,<2.17'", "did you mean --tensorflow '>=2.15,<2.17'?"),
        (["pin", "tensorflow==2.15"], "tfcompat pin takes no 'tensorflow==2.15'", "did you mean --tensorflow 2.15?"),
        (["resolve", "A100"], "tfcompat resolve takes no 'A100'", "did you mean --gpu A100?"),
        (["resolve", "--gpu", "A100", "RTX 4090"], "tfcompat resolve takes no 'RTX 4090'", "did you mean --gpu 'RTX 4090'?"),
        (["resolve", "ubuntu:22.04"], "tfcompat resolve takes no 'ubuntu:22.04'", "did you mean --base ubuntu:22.04?"),
        (["pin", "numpy"], "tfcompat pin takes no 'numpy'", "did you mean --package numpy?"),
        (["pin", "requirements.in"], "tfcompat pin takes no 'requirements.in'", "did you mean -r requirements.in?"),
        (["resolve", "my_model.h5"], "tfcompat resolve takes no 'my_model.h5'", "did you mean --model my_model.h5?"),
        (["pin", "m/a b.HDF5"], "tfcompat pin takes no 'm/a b.HDF5'", "did you mean --model 'm/a b.HDF5'?"),
        (["resolve", "gone.keras"], "tfcompat resolve takes no 'gone.keras'", "did you mean --model gone.keras?"),
        (["check", "m/good.h5"], "tfcompat check takes no 'm/good.h5'", "did you mean tfcompat model m/good.h5?"),
        (["model", "-dash.h5"], "tfcompat model needs FILE", "write ./-dash.h5"),
        (["model", "-dash.h5", "--format", "json"], "tfcompat model needs FILE", "write ./-dash.h5"),
        (["model", "a.h5", "-dash.h5"], "tfcompat model has no option '-dash.h5'", "write ./-dash.h5"),
        (["explain", "-x.log"], "tfcompat explain needs LOGFILE", "write ./-x.log"),
        (["model", "--keras", "3.5"], "tfcompat model needs FILE", "as in: tfcompat model my_model.h5"),
        (["model", "--dash.h5"], "tfcompat model needs FILE", "as in: tfcompat model my_model.h5"),
        # values that are none
        (["resolve", "--gpu", ""], "--gpu: nothing was given", "'tfcompat resolve --help' shows its options and examples"),
        (["resolve", "--gpu= "], "--gpu: nothing was given", "'tfcompat resolve --help' shows its options and examples"),
        (["pin", "--gpu", "A100", "--gpu", ""], "--gpu: nothing was given", "'tfcompat pin --help' shows its options and examples"),
        (["gate", "--write-baseline", ""], "--write-baseline: nothing was given", "'tfcompat gate --help' shows its options and examples"),
        (["gate", "--baseline", ""], "--baseline: nothing was given", "'tfcompat gate --help' shows its options and examples"),
        (["gate", "--config", ""], "--config: nothing was given", "'tfcompat gate --help' shows its options and examples"),
        (["pin", "-o", ""], "-o/--output: nothing was given", "'tfcompat pin --help' shows its options and examples"),
        (["matrix", "html", "-o", ""], "-o/--output: nothing was given", "'tfcompat matrix html --help' shows its options and examples"),
        (["matrix", "compile", "--output", ""], "--output: nothing was given", "'tfcompat matrix compile --help' shows its options and examples"),
        (["check", "gpu"], "tfcompat check takes no 'gpu'", "did you mean --expect gpu?"),
        (["check", "python:3.11"], "tfcompat check takes no 'python:3.11'", "did you mean tfcompat image inspect python:3.11?"),
        (["rule", "cudnn-runtime", "numpy-abi"], "tfcompat rule takes no 'numpy-abi'", "'tfcompat rule --help' shows its options and examples"),
        (["resolve", "--", "2.15"], "tfcompat resolve takes no '2.15'", "did you mean --tensorflow 2.15?"),
    ],
)  # fmt: skip
def test_what_was_probably_meant(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("requirements.in").write_text("numpy\n")
    Path("my_model.h5").write_text("a file that is there")
    assert refused(capsys, *arguments) == f"tfcompat: {message}\n  hint: {hint}\n"


def test_a_bare_gpu_is_any(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "--gpu", "--base", "official"]) == 0
    assert capsys.readouterr().out.startswith("tensorflow/tensorflow:2.17.0-gpu  (TensorFlow's own image)\n")


def test_the_gate_knows_who_tells_of_a_model(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "tests" / "models" / "files" / "keras-2.4.0-dense.h5", "m 1.h5")
    assert main(["gate", "m 1.h5"]) == 3
    assert capsys.readouterr() == (
        "",
        "tfcompat: nothing to check below m 1.h5\n  hint: tfcompat model 'm 1.h5' says which Keras loads it\n",
    )


# -- answers that were hardly meant ----------------------------------------------------------------


def test_a_slip_in_the_base_is_read_as_an_image_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "--base", "offical"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("offical:latest  (the image you named)\n")
    assert err == "tfcompat: --base offical is read as the image offical:latest\n  hint: did you mean --base official?\n"


@pytest.mark.parametrize("base", ["ubuntu", "debian", "alpine", "python", "official", "ubuntu:22.04"])
def test_other_images_are_no_slips(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["resolve", "--base", base])
    assert "did you mean" not in capsys.readouterr().err


class Printed:
    """Stands in for a probe that has run."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def finish(self) -> bytes:
        return json.dumps(self.facts).encode()

    def stop(self) -> None:
        pass


@pytest.mark.parametrize("kind", [None, "docker", {"unavailable": "not looked at"}])
@pytest.mark.parametrize("form", ["text", "json"])
def test_neither_a_container_nor_tensorflow_is_here(
    kind: Any, form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = json.loads(FACTS)
    facts["container"]["kind"] = kind
    facts["distributions"]["modules"]["tensorflow"] = None
    facts["tensorflow"] = {"unavailable": "TensorFlow is not installed"}
    monkeypatch.setattr(check, "start_probe", lambda options: Printed(facts))
    assert main(["check", "--format", form]) == 1
    hint = "tfcompat probe --print | docker run --rm --gpus all -i IMAGE python - --expect gpu | tfcompat check --facts -"
    told = f"tfcompat: this is no container, and its Python has no TensorFlow: was an image meant?\n  hint: {hint}\n"
    assert capsys.readouterr().err == (told if (kind, form) == (None, "text") else "")


@pytest.mark.skipif(os.name != "posix", reason="no terminal of this kind here")
@pytest.mark.parametrize(
    ("arguments", "what"), [(("explain", "-"), "the log"), (("check", "--facts", "-"), "the facts"), (("gate", "-", "--stdin-filename", "Dockerfile"), "standard input")]
)  # fmt: skip
def test_a_command_that_waits_for_the_terminal_says_so(arguments: tuple[str, ...], what: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    try:
        os.write(ours, b"FROM python:3.11\n\x04")  # the end of input
        command = [sys.executable, "-m", "tfcompat", *arguments]
        found = subprocess.run(
            command, stdin=theirs, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert found.stderr.startswith(f"tfcompat: reading {what} from the terminal: end it with Ctrl-D\n")


# -- a Python that is too old ----------------------------------------------------------------------

OLD = [path for name in ("3.6", "3.7", "3.8", "3.9") if (path := shutil.which(f"python{name}")) is not None]


@pytest.mark.skipif(not OLD, reason="no Python from 3.6 to 3.9 here")
def test_an_old_python_is_told_what_it_needs() -> None:
    for python in OLD:
        asked = subprocess.run(
            [python, "-c", "import sys; print('%d.%d %s' % (*sys.version_info[:2], sys.executable))"],
            capture_output=True,
            text=True,
            check=False,
        )
        if asked.returncode:  # a name that leads to no interpreter
            continue
        number, _, executable = asked.stdout.strip().partition(" ")
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        found = subprocess.run([python, "-m", "tfcompat", "resolve"], capture_output=True, text=True, env=environment, check=False)
        assert (found.returncode, found.stdout, found.stderr) == (
            2,
            "",
            f"tfcompat: this is Python {number}, and tfcompat needs 3.10 or newer\n  hint: install tfcompat for another Python; "
            f"it checks this one from there: tfcompat probe --print | {executable} - | tfcompat check --facts -\n",
        )
