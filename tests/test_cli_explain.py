"""``python -m tfcompat explain`` as a person runs it: the verdict, exit codes, and every kind of file that is no log."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
IMAGE = """\
2024-12-06 09:20:48.539413: E external/local_xla/xla/stream_executor/cuda/cuda_fft.cc:477] Unable to register cuFFT factory: Attempting to register factory for plugin cuFFT when one has already been registered
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
E0000 00:00:1733476848.560641       1 cuda_dnn.cc:8310] Unable to register cuDNN factory: Attempting to register factory for plugin cuDNN when one has already been registered
2024-12-06 09:20:48.589059: I tensorflow/core/platform/cpu_feature_guard.cc:210] This TensorFlow binary is optimized to use available CPU instructions in performance-critical operations.
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate compiler flags.
W0000 00:00:1733476850.581204       1 gpu_device.cc:2344] Cannot dlopen some GPU libraries. Please make sure the missing libraries mentioned above are installed properly if you would like to use GPU. Follow the guide at https://www.tensorflow.org/install/gpu for how to download and setup the required libraries for your platform.
Skipping registering GPU devices...
[]
"""
NUMPY = """\

A module that was compiled using NumPy 1.x cannot be run in
NumPy 2.0.2 as it may crash. To support both 1.x and 2.x
versions of NumPy, modules must be compiled with NumPy 2.0.

Traceback (most recent call last):  File "<string>", line 1, in <module>
  File "/usr/local/lib/python3.10/site-packages/tensorflow/__init__.py", line 37, in <module>
    from tensorflow.python.tools import module_util as _module_util
AttributeError: _ARRAY_API not found
ImportError: numpy.core._multiarray_umath failed to import
ImportError: numpy.core.umath failed to import
TypeError: Unable to convert function return value to a Python type! The signature was
\t() -> handle
"""
HEALTHY = """\
I0000 00:00:1733300112.901245     812 gpu_device.cc:2022] Created device /job:localhost/replica:0/task:0/device:GPU:0 with 13764 MB memory:  -> device: 0, name: Tesla T4, pci bus id: 0000:00:04.0, compute capability: 7.5
I0000 00:00:1733300117.118300     870 service.cc:148] XLA service 0x7f29702d1dc0 initialized for platform CUDA (this does not guarantee that XLA will be used). Devices:
I0000 00:00:1733300117.118351     870 service.cc:156]   StreamExecutor device (0): Tesla T4, Compute Capability 7.5
I0000 00:00:1733300118.330071     871 cuda_dnn.cc:529] Loaded cuDNN version 90300
I0000 00:00:1733300120.001020     871 device_compiler.h:188] Compiled cluster using XLA!  This line is logged at most once for the lifetime of the process.
"""
UNPROVEN = "that does not mean that the stack works: run\n  'tfcompat check' inside the container.\n"


WARNED = "qemu: uncaught target signal 6 (Aborted) - core dumped\n"
needs_shell = pytest.mark.skipif(os.name != "posix", reason="no POSIX shell here")


def shell(command: str, **variables: str) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1", "PY": sys.executable, **variables}
    found = subprocess.run(["bash", "-c", command], capture_output=True, env=environment, stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert b"Traceback" not in found.stderr
    return found.returncode, found.stdout.decode(), found.stderr.decode()


def run(*arguments: str, log: bytes = b"", cwd: Path | None = None, **variables: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tfcompat", "explain", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1", **variables}
    found = subprocess.run(command, input=log, capture_output=True, env=environment, cwd=cwd, timeout=60, check=False)
    out, err = found.stdout.decode(), found.stderr.decode()
    assert "Traceback" not in err
    return found.returncode, out.replace("\r\n", "\n"), err.replace("\r\n", "\n")


# -- what is said ---------------------------------------------------------------------------------


def test_an_image_without_cudnn_9() -> None:
    assert run("-", log=IMAGE.encode()) == (
        1,
        """\
1 error in 8 lines.

error  line 6 and 1 other  [tf-image-cudnn9-missing]
  W0000 00:00:1733476850.581204       1 gpu_device.cc:2344] Cannot dlopen some GPU libraries. Please make sure
    the missing libraries mentioned above are installed properly if you would like to use GPU. Follow the
    guide at https://www.tensorflow.org/install/gpu for how to download and setup the req ...
  cause     A CUDA library is missing. In the official -gpu images from 2.18 on it is cuDNN 9, as they still
            carry 8.9: no GPU is registered although nvidia-smi shows one.
  remedy    In the image `RUN apt-get update && apt-get install -y libcudnn9-cuda-12`, or start from
            tensorflow/tensorflow:2.17.0-gpu; outside of it `pip install 'tensorflow[and-cuda]'`.
  evidence  observed: tensorflow/tensorflow#81344, and 7 others

harmless
  line 1 and 1 other: A part of the wheel registers itself twice. It is printed as an error, on healthy GPUs
    as well. [unable-to-register-factory]
  line 2: A remark on where early messages are written; it is printed before the first of them.
    [absl-before-init]
  line 4 and 1 other: A remark on the CPU's instructions; one's own build might be somewhat faster on the CPU.
    [cpu-feature-guard]
""",
        "",
    )


def test_numpy_2_under_tensorflow_2_10() -> None:
    assert run("-", "--tensorflow", "2.10.1", log=NUMPY.encode()) == (
        1,
        """\
1 error in 13 lines.

error  line 2 and 3 others  [numpy2-abi]
  A module that was compiled using NumPy 1.x cannot be run in
  cause     NumPy 2 is installed, and TensorFlow up to 2.17, or another compiled package, was built for NumPy
            1.
  remedy    Run `pip install 'numpy<2'`, or take TensorFlow 2.18 or newer. `tfcompat pin --tensorflow VERSION`
            writes pins that are known to run.
  evidence  verified: 2026-11-22 on CPython 3.9 and 3.10: tensorflow-cpu 2.7.4 to 2.11.1 fail to import beside
            NumPy 2, and import beside 1.26.4, and 5 others
""",
        "",
    )


def test_a_healthy_gpu() -> None:
    assert run("-", "--expect", "gpu", log=HEALTHY.encode()) == (
        0,
        f"""\
No known error in 5 lines, and what is recognised is harmless; {UNPROVEN}
harmless
  line 1: TensorFlow has registered the GPU and set memory aside on it: the sign that one hopes for.
    [gpu-device-created]
  line 2 and 2 others: The compiler XLA has started, on the device it names. [xla-service]
  line 4: cuDNN was found and fits: 8902 stands for 8.9.2, 90300 for 9.3.0. [cudnn-loaded]
""",
        "",
    )


def test_a_log_without_a_known_line() -> None:
    told = "No known signature in 2 lines; that does not mean that the stack works: run 'tfcompat check' inside the\n  container.\n"
    assert run("-", log=b"Epoch 1/2\nloss: 0.5") == (0, told, "")


@pytest.mark.parametrize(
    ("expect", "code", "start"),
    [("auto", 0, "1 warning in 1 line.\n"), ("gpu", 1, "1 error in 1 line.\n"), ("cpu", 0, "No known error in 1 line, and what ")],
)
def test_a_missing_gpu_is_an_error_where_one_is_expected(expect: str, code: int, start: str) -> None:
    log = b"cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.\n"
    found = run("-", "--expect", expect, log=log)
    assert (found[0], found[1][: len(start)], found[2]) == (code, start, "")
    assert ("It does not matter where no GPU is wanted." in found[1].replace("\n    ", " ")) == (expect == "cpu")


def test_errors_and_warnings_are_counted() -> None:
    log = b"_ARRAY_API not found\nFailed to initialize NVML: Unknown Error\nptxas does not support CC 9.0\n"
    assert run("-", log=log)[1].startswith("2 errors and 1 warning in 3 lines.\n")


def test_the_document_for_machines() -> None:
    code, out, err = run("-", "--format", "json", log=b"one\nTypeError: Descriptors cannot be created directly.\n")
    document = json.loads(out)
    (match,) = document.pop("matches")
    evidence = match.pop("evidence")
    assert (code, err, document) == (1, "", {"schema_version": 1, "lines": 2})
    assert match == {
        "signature": "protobuf-descriptors",
        "group": "python-deps",
        "severity": "error",
        "line": "TypeError: Descriptors cannot be created directly.",
        "number": 2,
        "count": 1,
        "cause": "protobuf 4 and newer refuse the generated code in this TensorFlow or TensorBoard, which is older; "
        "their requirements had no upper bound then.",
        "fix": "Run `pip install 'protobuf<3.21'`.",
    }
    assert all(": " in statement for statement in evidence)


def test_nothing_of_a_log_controls_the_terminal() -> None:
    for form in ("text", "json"):
        out = run("-", "--format", form, log=b"\x1b[2J\x1b]0;x\x07_ARRAY_API\xc2\x9b not found _ARRAY_API not found \x08\x7f\n")[1]
        assert "_ARRAY_API not found" in out
        assert all(line.isprintable() for line in out.splitlines())


def test_a_terminal_that_knows_only_ascii_gets_escapes() -> None:
    out = run("-", log="_ARRAY_API not found: naïve\n".encode(), PYTHONIOENCODING="ascii")[1]
    assert "_ARRAY_API not found: na\\xefve" in out


# -- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        IMAGE.encode(),
        IMAGE.replace("\n", "\r\n").encode(),
        codecs.BOM_UTF8 + IMAGE.encode(),
        codecs.BOM_UTF16_LE + IMAGE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + IMAGE.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + IMAGE.encode("utf-32-le"),
        IMAGE.encode("utf-16-le"),
        IMAGE.encode().replace(b"[]", b"\xff\xfe\x00\x80"),
    ],
    ids=["UTF-8", "CRLF", "UTF-8 with a mark", "UTF-16", "UTF-16 big", "UTF-32", "UTF-16 without a mark", "bytes"],
)
def test_a_log_is_read_in_any_encoding(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_bytes(content)
    code, out, err = run(str(path))
    assert (code, err) == (1, "")
    assert out.startswith("1 error in 8 lines.\n\nerror  line 6 and 1 other  [tf-image-cudnn9-missing]\n")


@pytest.mark.parametrize("content", [b"", b"\n\r\n \t", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\0" * 100])
def test_an_empty_log_proves_nothing(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_bytes(content)
    hint = "\n  hint: TensorFlow prints to standard error: COMMAND > LOGFILE 2>&1\n"
    assert run(str(path)) == (3, "", f"tfcompat: {path} is empty{hint}")
    assert run("-", log=content) == (3, "", f"tfcompat: the log is empty{hint}")


def test_a_log_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    with path.open("wb") as file:
        file.truncate((64 << 20) + 1)
    told = f"tfcompat: {path} is larger than 64 MiB\n  hint: cut it first: tail -c 64M {path}\n"
    assert run(str(path)) == (3, "", told)


def test_a_missing_log(tmp_path: Path) -> None:
    told = "cannot be read: No such file or directory\n  hint: name the file that the output was written to\n"
    assert run(str(tmp_path / "run.log")) == (3, "", f"tfcompat: {tmp_path / 'run.log'} {told}")


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    told = "is not a file\n  hint: name the file that the output was written to, or pipe it in and name it -\n"
    assert run(str(tmp_path)) == (3, "", f"tfcompat: {tmp_path} {told}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    hint = "name the file that the output was written to, or pipe it in and name it -"
    assert run(str(tmp_path / "pipe")) == (3, "", f"tfcompat: {tmp_path / 'pipe'} is a named pipe, not a file\n  hint: {hint}\n")


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd here")
@pytest.mark.parametrize(
    "command",
    [
        '"$PY" -m tfcompat explain <(printf "%s" "$WARNED")',
        '"$PY" -m tfcompat explain <(printf "%s" "$WARNED"; sleep 0.3)',
        'exec 9< <(printf "%s" "$WARNED"); sleep 0.2; "$PY" -m tfcompat explain /dev/fd/9',
        'printf "%s" "$WARNED" | "$PY" -m tfcompat explain /dev/stdin',
        'printf "%s" "$WARNED" | "$PY" -m tfcompat explain /proc/self/fd/0',
        '"$PY" -m tfcompat explain /dev/stdin <<< "$WARNED"',
    ],
)
def test_a_pipe_that_the_shell_opened_is_read(command: str) -> None:
    code, out, err = shell(command, WARNED=WARNED)
    assert (code, err) == (1, "")
    assert "[apple-silicon-qemu]" in out


@needs_shell
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_named_pipe_that_was_opened_is_read_though_its_writer_is_gone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = 'printf "%s" "$WARNED" > "$PIPE" & exec 9< "$PIPE"; wait; "$PY" -m tfcompat explain /dev/fd/9'
    assert shell(command, WARNED=WARNED, PIPE=str(tmp_path / "pipe"))[0] == 1


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd here")
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/dev/fd/1", "cannot be read: Bad file descriptor"),  # the pipe that the answer goes to
        ("/dev/fd/77", "cannot be read: No such file or directory"),
        ("/dev/null", "is not a file"),
    ],
)
def test_a_descriptor_that_is_no_log(path: str, told: str) -> None:
    code, out, err = run(path)
    assert (code, out) == (3, "")
    assert err.startswith(f"tfcompat: {path} {told}\n")


@needs_shell
def test_a_closed_standard_input_is_no_log() -> None:
    code, out, err = shell('"$PY" -m tfcompat explain - <&-')
    assert (code, out) == (3, "")
    assert err.startswith("tfcompat: the log cannot be read: ")


# -- where it is said -----------------------------------------------------------------------------


@needs_shell
@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("log", "code"), [(WARNED, 1), ("epoch 1\n", 0)])
def test_a_reader_that_left_does_not_change_the_code(form: str, log: str, code: int) -> None:
    command = 'printf "%s" "$LOG" | "$PY" -m tfcompat explain --format "$FORM" - | true; exit ${PIPESTATUS[1]}'
    assert shell(command, LOG=log, FORM=form) == (code, "", "")


@needs_shell
def test_a_closed_standard_output_does_not_change_the_code() -> None:
    assert shell('"$PY" -m tfcompat explain <(printf "%s" "$WARNED") >&-', WARNED=WARNED) == (1, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said() -> None:
    code, out, err = shell('printf "%s" "$WARNED" | "$PY" -m tfcompat explain - > /dev/full', WARNED=WARNED)
    assert (code, out) == (3, "")
    assert err.startswith("tfcompat: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize(("columns", "widest"), [(40, 50), (72, 72), (300, 110)])
def test_in_a_terminal_the_text_is_as_wide_as_that(columns: int, widest: int) -> None:
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"PYTHONPATH": str(SOURCE), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "tfcompat", "explain", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=subprocess.STDOUT, env=environment) as process:
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(NUMPY.encode())
        process.stdin.close()
        text = b""
        try:
            while part := os.read(ours, 4096):
                text += part
        except OSError:  # how Linux says that the other end is closed
            pass
    os.close(ours)
    lines = text.decode().replace("\r\n", "\n").splitlines()
    assert process.returncode == 1
    assert lines[0] == "1 error in 13 lines."
    assert widest - 12 <= max(map(len, lines)) <= widest


def test_in_a_pipe_the_text_is_110_wide_whatever_the_terminal() -> None:
    assert run("-", log=NUMPY.encode(), COLUMNS="60") == run("-", log=NUMPY.encode())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.touch(mode=0o000)
    assert run(str(path))[2].startswith(f"tfcompat: {path} cannot be read: Permission denied\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-", "--tensorflow", "new"), "tfcompat: --tensorflow: 'new' is not a version\n  hint: write for instance 2.15.1\n"),
        (("-", "--expect", "tpu"), "tfcompat: --expect: 'tpu' is not known\n  hint: did you mean gpu? it is one of gpu, cpu, auto\n"),
        (("-", "--format", "sarif"), "tfcompat: --format: 'sarif' is not known\n  hint: it is one of text, json\n"),
        ((), "tfcompat: tfcompat explain needs LOGFILE\n  hint: as in: tfcompat explain train.log\n"),
    ],
)
def test_a_question_that_cannot_be_understood(arguments: tuple[str, ...], message: str) -> None:
    assert run(*arguments, log=b"x") == (2, "", message)


# -- beside it ------------------------------------------------------------------------------------


def test_resolve_does_not_load_the_catalogue() -> None:
    code = "import sys; from tfcompat.cli import main; main(['resolve']); print([m for m in sys.modules if 'signatures' in m or 'catalogue' in m])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=True
    )
    assert found.stdout.splitlines()[-1] == "[]"


def test_compile_writes_the_catalogue_beside_the_matrix(tmp_path: Path) -> None:
    data = SOURCE.parent / "data"
    command = [sys.executable, "-m", "tfcompat", "matrix", "compile", "--data", str(data), "--output"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([*command, str(tmp_path / "m.json")], env=environment, check=True, capture_output=True)
    bundled = SOURCE / "tfcompat" / "matrix" / "signatures.json"
    assert (tmp_path / "signatures.json").read_bytes() == bundled.read_bytes()
    found = subprocess.run([*command, str(tmp_path / "signatures.json")], env=environment, check=False, capture_output=True, text=True)
    assert found.returncode == 2
    assert found.stderr == (
        "tfcompat: --output: signatures.json is the catalogue that is written beside the matrix\n  hint: name it matrix.json\n"
    )
