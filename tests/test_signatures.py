"""The catalogue of signatures is sound, what it says of a line is what the line means, and no text upsets it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompat.errors import MatrixError
from tfcompat.matrix import catalogue
from tfcompat.matrix.catalogue import BUNDLED_SIGNATURES, compile_signatures, load_signatures, validate_signatures
from tfcompat.matrix.compile import dump_document
from tfcompat.signatures import Match, Signature, literals, match_signatures
from tfcompat.versions import version

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
CATALOGUE = load_signatures()
DLOPEN = "W0000 00:00:1733476850.581204       1 gpu_device.cc:2344] Cannot dlopen some GPU libraries. Please make sure"
OLD_DLOPEN = "2023-05-20 10:11:12.345678: W tensorflow/core/common_runtime/gpu/gpu_device.cc:1956] Cannot dlopen some GPU libraries."
NO_DRIVERS = "external/local_tsl/tsl/cuda/cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used."


def example(signature: Signature) -> list[str]:
    return signature.example.strip().splitlines()


def ids(*lines: str, **known: Any) -> list[str]:
    return [m.signature.id for m in match_signatures(lines, CATALOGUE, **known)]


def only(*lines: str, **known: Any) -> Match:
    (match,) = match_signatures(lines, CATALOGUE, **known)
    return match


def row(**cells: Any) -> Signature:
    return Signature(
        **{
            "id": "a",
            "group": "noise",
            "severity": "error",
            "patterns": ("a line of text",),
            "cause": "c",
            "fix": "f",
            "evidence": (),
            **cells,
        }
    )


# -- the catalogue --------------------------------------------------------------------------------


def test_the_bundled_catalogue_is_what_data_compiles_to_byte_for_byte() -> None:
    assert dump_document(compile_signatures(DATA)).encode() == BUNDLED_SIGNATURES.read_bytes()


def test_the_bundled_catalogue_is_valid() -> None:
    validate_signatures(json.loads(BUNDLED_SIGNATURES.read_bytes()), "here")


@pytest.mark.parametrize("signature", CATALOGUE, ids=lambda s: s.id)
def test_every_example_is_recognised_as_its_own_row(signature: Signature) -> None:
    first, *others = match_signatures(example(signature), CATALOGUE)
    assert first.signature.id == signature.id
    assert first.severity == signature.severity
    assert {m.severity for m in others} <= {"harmless"}


@pytest.mark.parametrize("signature", CATALOGUE, ids=lambda s: s.id)
def test_every_row_says_why_and_what_to_do_in_one_look(signature: Signature) -> None:
    for text in (signature.cause, signature.fix):
        assert 10 < len(text) <= 200
        assert text == text.strip()
        assert text[-1] == "."
        assert text.count("`") % 2 == 0


@pytest.mark.parametrize("signature", [s for s in CATALOGUE if s.severity == "harmless"], ids=lambda s: s.id)
@pytest.mark.parametrize("gpu_expected", [True, False, None])
def test_no_harmless_example_is_an_error(signature: Signature, gpu_expected: bool | None) -> None:
    assert {m.severity for m in match_signatures(example(signature), CATALOGUE, gpu_expected=gpu_expected)} == {"harmless"}


def test_the_order_of_the_catalogue_does_not_hide_a_row() -> None:
    together = {m.signature.id for s in CATALOGUE for m in match_signatures(example(s), CATALOGUE)}
    assert together == {s.id for s in CATALOGUE}


@pytest.mark.parametrize(
    "line",
    [
        "Epoch 3/10 - loss: 0.1234 - accuracy: 0.9821",
        "INFO:root:no error, libcudnn.so.9 and libcudart.so.12 are there",
        "Collecting tensorflow==2.18.0",
        "Requirement already satisfied: tensorflow-text in /usr/lib/python3",
        "ERROR: No matching distribution found for tensorflow-text==2.18",
        "AttributeError: 'str' object has no attribute 'decode'",
        "ERROR: manifest unknown",
        "| NVIDIA-SMI 535.104.05             Driver Version: 535.104.05   CUDA Version: 12.2     |",
        "Python 3.11.4 (main, Jul  5 2023) on linux",
        "undefined symbol: cublasLtGetVersion",
        "Successfully uninstalled tensorflow-text-2.15.0",
        "Attempting uninstall: tensorflow-estimator",
        "nvc.c:396] dxcore initialization failed, continuing assuming a non-WSL environment",
        "Traceback (most recent call last):",
        "",
        # of programs that train, but not with TensorFlow, or without a fault
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 7.79 GiB total capacity)",
        "grpc._channel._InactiveRpcError: status = StatusCode.RESOURCE_EXHAUSTED",
        "google.api_core.exceptions.ResourceExhausted: 429 Quota exceeded for quota metric",
        "ResourceExhaustedError: too many requests, try again in 20 s",
        "retrying after OOM, batch size is 16 now",
        "RuntimeError: CUDA error: an illegal instruction was encountered",
        "foo.s:12: Error: Illegal instruction `vaddps' for this target",
        "Caught SIGILL (Illegal instruction) in the test of the emulator, as expected",
        "test_illegal_opcode: Illegal instruction is reported ... ok",
        "Using backend: pytorch",
        "DGL backend not selected or invalid. Using PyTorch backend for now.",
        "the NumPy backend does not support training",
        "Using TensorFlow backend requires `pip install tensorflow`",
        "ModuleNotFoundError: No module named 'torch'",
        "INFO: file system not yet initialized, waiting",
        "could not load library cuDNN is optional and was skipped",
        "ERROR: Could not find a version that satisfies the requirement tensorrt==8.6.1 (from versions: 10.0.1)",
        '    python_version>"3.7" and extra == "dev"',
        "importlib-metadata ; python_version<'3.8'",
        "undefined symbol: PyCMethod_New",
        "// added to Python 3.11.0rc1 as well",
        "/usr/lib/libfoo.so: undefined symbol: _ZN3foo3barEv",
        # of kernels, package managers and clusters
        "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023",
        "NVRM: GPU at PCI:0000:01:00: GPU-af4f89ae-d08b-1b53-9938-c9ed209a3513",
        "Get:12 https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64  libcudnn9-cuda-12 9.3.0.75-1 [447 MB]",
        "Setting up libcublas-12-5 (12.5.3.2-1) ...",
        "Collecting nvidia-cudnn-cu12==9.1.0.70 (from torch)",
        "Downloading keras-3.5.0-py3-none-any.whl (1.1 MB)",
        "Warning  FailedScheduling  0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
        "Last State: Terminated  Reason: OOMKilled  Exit Code: 137",
        'Normal  Pulled  Container image "tensorflow/tensorflow:2.17.0-gpu" already present on machine',
        "2024-05-01T10:00:00Z INFO epoch=3 step=1200 loss=0.231 gpu_mem=11.2GiB",
        "W0501 10:00:00.000000 1 watcher.go:93] retrying, resource exhausted",
    ],
)
def test_an_innocent_line_is_not_recognised(line: str) -> None:
    assert ids(line) == []


# -- what is wrong with a catalogue ---------------------------------------------------------------


def fault(**cells: Any) -> str:
    rows = compile_signatures(DATA)["signatures"]
    rows[-1] = {**rows[-1], **cells}
    with pytest.raises(MatrixError) as caught:
        validate_signatures({"schema_version": 1, "signatures": rows}, "here")
    assert caught.value.hint == "correct curated/signatures.toml"
    return caught.value.message


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"id": "end-of-sequence"}, "here: 1 signatures are wrong: end-of-sequence: its id stands twice"),
        ({"id": "With Spaces"}, "here: 1 signatures are wrong: With Spaces: its id is not lower case with hyphens"),
        ({"cause": ""}, "its cause is not one line of at most 200 characters"),
        ({"fix": "f" * 201}, "its fix is not one line of at most 200 characters"),
        ({"fix": "one\ntwo"}, "its fix is not one line of at most 200 characters"),
        ({"evidence": []}, "its evidence is not 'KIND: SOURCE'"),
        ({"evidence": ["rumour: somewhere"]}, "its evidence is not 'KIND: SOURCE'"),
        ({"evidence": ["observed"]}, "its evidence is not 'KIND: SOURCE'"),
        ({"tensorflow": "new ones"}, "'new ones' is not a specifier"),
        ({"patterns": []}, "it has no pattern"),
        ({"patterns": ["Allocation of (\\d+"]}, "is not a regular expression (missing ), unterminated subpattern at position 14)"),
        ({"patterns": ["\\w+"]}, "'\\\\w+' has an alternative without a literal of 6 characters"),
        ({"patterns": ["long enough|no"]}, "'long enough|no' has an alternative without a literal of 6 characters"),
        ({"patterns": ["one thing.*another"]}, "'one thing.*another' repeats without a bound"),
        ({"patterns": ["Allocation(a+)+"]}, "'Allocation(a+)+' repeats without a bound"),
        ({"example": "nothing of the kind"}, "allocator-not-a-failure: its example belongs to no row"),
        ({"example": "Loaded cuDNN version 90300"}, "allocator-not-a-failure: its example belongs to cudnn-loaded"),
        (
            {"example": "Allocation of 5 exceeds 10% of system memory\nIllegal instruction"},
            "allocator-not-a-failure: its example belongs to avx-required",
        ),
        ({"severity": "fatal"}, "here: the signatures are malformed: signatures.LAST.severity: "),
        ({"harmless_when": "raining"}, "here: the signatures are malformed: signatures.LAST.harmless_when: "),
        ({"colour": "red"}, "here: the signatures are malformed: signatures.LAST.colour: "),
        ({"cause": 5}, "here: the signatures are malformed: signatures.LAST.cause: "),
    ],
)
def test_what_is_wrong_with_a_row_is_said(cells: dict[str, Any], message: str) -> None:
    assert message.replace("LAST", str(len(CATALOGUE) - 1)) in fault(**cells)


def test_an_example_that_shows_another_fault_as_well_is_refused() -> None:
    rows = [row(patterns=("a line of text",), evidence=("observed: x",), example="two\na line of text\nb line of text")]
    rows += [row(id="b", patterns=("b line of text",), evidence=("observed: x",), example="b line of text")]
    document = {"schema_version": 1, "signatures": [s._asdict() for s in rows]}
    with pytest.raises(MatrixError, match="a: its example shows b as well"):
        validate_signatures(document, "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the bundled catalogue (signatures.json) cannot be read: No such file or directory"),
        (b"", "the bundled catalogue (signatures.json) is damaged: JSONDecodeError("),
        (b"[]", "the bundled catalogue (signatures.json) is damaged: TypeError("),
        (b"{}", "the bundled catalogue (signatures.json) is damaged: KeyError('signatures')"),
        (b'{"signatures": [5]}', "the bundled catalogue (signatures.json) is damaged: AttributeError("),
        (b'{"signatures": [{"id": "a"}]}', "the bundled catalogue (signatures.json) is damaged: TypeError("),
        (b"[" * 100_000, "the bundled catalogue (signatures.json) is damaged: "),
        (BUNDLED_SIGNATURES.read_bytes()[:5000], "the bundled catalogue (signatures.json) is damaged: JSONDecodeError("),
    ],
    ids=["missing", "empty", "list", "object", "number", "half a row", "deep", "truncated"],
)
def test_a_damaged_catalogue_is_one_clear_error(content: bytes | None, message: str, tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "signatures.json"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(catalogue, "BUNDLED_SIGNATURES", path)
    with pytest.raises(MatrixError) as caught:
        load_signatures.__wrapped__()
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "reinstall tfcompat"


def test_a_folder_without_the_catalogue_does_not_compile(tmp_path: Path) -> None:
    with pytest.raises(MatrixError) as caught:
        compile_signatures(tmp_path)
    assert caught.value.message == f"{tmp_path / 'curated/signatures.toml'} is missing"


def test_a_catalogue_that_is_no_toml_does_not_compile(tmp_path: Path) -> None:
    (tmp_path / "curated").mkdir()
    (tmp_path / "curated/signatures.toml").write_text("[[signature]\n")
    with pytest.raises(MatrixError, match="cannot be read: "):
        compile_signatures(tmp_path)


# -- which row a line belongs to ------------------------------------------------------------------


def test_a_line_belongs_to_one_row_only() -> None:
    assert ids(OLD_DLOPEN) == ["cannot-dlopen-some-gpu-libraries"]


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ("Successfully installed tensorflow-2.16.1", "pip-and-cuda-not-on-path"),
        ("FROM tensorflow/tensorflow:2.19.0-gpu-jupyter", "tf-image-cudnn9-missing"),
        ("docker run --gpus all tensorflow/tensorflow:latest-gpu", "tf-image-cudnn9-missing"),
        ("FROM tensorflow/tensorflow:2.15.0-gpu", "cannot-dlopen-some-gpu-libraries"),
        ("pip install tensorflow[and-cuda]==2.21.0", "tf221-and-cuda-runpath"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_what_else_the_log_says_decides_between_causes(said: str, row: str, before: bool) -> None:
    assert ids(*([said, OLD_DLOPEN] if before else [OLD_DLOPEN, said])) == [row]


@pytest.mark.parametrize(
    ("release", "row"),
    [
        ("2.16.1", "pip-and-cuda-not-on-path"),
        ("2.17.0", "cannot-dlopen-some-gpu-libraries"),
        ("2.18", "tf-image-cudnn9-missing"),
        ("2.20.0", "tf-image-cudnn9-missing"),
        ("1.15.5", "cannot-dlopen-some-gpu-libraries"),
    ],
)
def test_the_release_counts_as_said_by_the_log(release: str, row: str) -> None:
    assert ids(OLD_DLOPEN, tensorflow=version(release)) == [row]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (
            "failed call to cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY: out of memory; total memory reported: 8506114048",
            "gpu-out-of-memory",
        ),
        ("OP_REQUIRES failed at tile_ops.cc:123 : Resource exhausted: OOM when allocating tensor with shape[16,1]", "gpu-out-of-memory"),
        ("InternalError: cudaSetDevice() on GPU:0 failed. Status: out of memory", "gpu-out-of-memory"),
        ("INTERNAL: RET_CHECK failure: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 805306368 bytes", "gpu-out-of-memory"),
        ("ResourceExhaustedError: Graph execution error:", "gpu-out-of-memory"),
        ("failed to allocate 1.51G (1617277696 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY", "gpu-memory-short"),
        (
            "failed to allocate 32.00MiB (33554432 bytes) from device: RESOURCE_EXHAUSTED: : CUDA_ERROR_OUT_OF_MEMORY: out of memory",
            "gpu-memory-short",
        ),
        (
            "Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.00GiB (rounded to 2147483648)requested by op Conv2D",
            "gpu-memory-short",
        ),
        (
            "Allocator (GPU_0_bfc) ran out of memory trying to allocate 1.1GiB with freed_by_count=0. The caller indicates that this is not a failure, but",
            "allocator-not-a-failure",
        ),
        (
            "Allocator (GPU_0_bfc) ran out of memory trying to allocate 1.25GiB.  The caller indicates that this is not a failure",
            "allocator-not-a-failure",
        ),
        (
            "Could not load library libcudnn_ops_infer.so.8. Error: libcudnn_ops_infer.so.8: cannot open shared object file",
            "cudnn-part-not-loaded",
        ),
        (
            "Could not load library libcudnn_cnn_train.so.8. Error: /x/libcudnn_ops_train.so.8: undefined symbol: _Z22cudnnGenericOpTensorNdILi2EE",
            "cudnn-part-not-loaded",
        ),
        ("Could not load library libcudnn_cnn_infer.so.8. Error: libcuda.so: cannot open shared object file", "cudnn-part-needs-libcuda"),
        ("Could not locate cudnn_ops64_9.dll. Please make sure it is in your library path!", "cudnn-part-not-loaded"),
        ("Could not load library cudnn_ops_infer64_8.dll. Error code 126", "cudnn-part-not-loaded"),
        ("Invalid handle. Cannot load symbol cudnnCreateConvolutionDescriptor", "cudnn-part-not-loaded"),
        ("Error 802: system not yet initialized (Triggered internally at CUDAFunctions.cpp:112.)", "cuda-system-not-ready"),
        ("ggml_cuda_init: failed to initialize CUDA: system not yet initialized", "cuda-system-not-ready"),
        ("CUDA driver is a stub library", "cuda-stub-library"),
        ("failed call to cuInit: CUDA_ERROR_MPS_CONNECTION_FAILED: MPS client failed to connect", "cuda-mps-connection"),
        (
            "CUDA runtime implicit initialization on GPU:0 failed. Status: all CUDA-capable devices are busy or unavailable",
            "cuda-devices-unavailable",
        ),
        ("failed call to cuDevicePrimaryCtxRetain: CUDA_ERROR_DEVICE_UNAVAILABLE", "cuda-devices-unavailable"),
        ("failed call to cuCtxCreate: CUDA_ERROR_DEVICES_UNAVAILABLE", "cuda-devices-unavailable"),
        ("NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus.", "xid-hardware"),
        ("[ 1843.3] NVRM: fallen off the bus and is not responding to commands.", "xid-hardware"),
        ("Python 3.11.0rc1\n", "image-python-unexpected"),
        ("ERROR: Package 'foo' requires a different Python: 3.11.0rc1 not in '>=3.11'", "image-python-unexpected"),
        ("NVRM: Xid (0000:01:00): 48, Double Bit ECC error", "xid-hardware"),
        ("kernel: NVRM: Xid (PCI:0000:dc:00): 45, pid=1818990, name=python3, Ch 00000001 caused by previous Xid 149", "xid"),
        ("NVRM: Xid (PCI:0000:70:00): 13, Graphics SM Warp Exception on (GPC 1, TPC 1, SM 1): MMU Fault", "xid"),
        ("could not synchronize on CUDA context: CUDA_ERROR_LAUNCH_FAILED :: No stack trace available", "gpu-code-crashed"),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", "gpu-code-crashed"),
        ("failed to create cublas handle: CUBLAS_STATUS_ALLOC_FAILED", "cublas-handle"),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", "cublas-handle"),
        ("Could not create cudnn handle: CUDNN_STATUS_NOT_INITIALIZED", "failed-to-get-convolution-algorithm"),
        ("ValueError: Unable to import backend : tf_keras", "keras-backend-unknown"),
        ("Using PyTorch backend.\r\n", "keras-other-backend"),
        ("app-1  | Using JAX backend.", "keras-other-backend"),
        ("Using TensorFlow backend\n", "keras-tensorflow-backend"),
        (
            "/v/lib/python3.6/dist-packages/tensorflow/libtensorflow_framework.so.2: undefined symbol: _ZN4absl12lts_202308027",
            "tensorflow-files-mixed",
        ),
        (
            "/srv/tensorflow/v/site-packages/tensorflow_text/x.so: undefined symbol: _ZN10tensorflow8OpKernel",
            "companions-undefined-symbol",
        ),
        ("/v/site-packages/tensorflow-plugins/libdirectml.so: undefined symbol: _ZN10tensorflow8OpKernel", "companions-undefined-symbol"),
        ("/v/site-packages/horovod/tensorflow/mpi_lib.so: undefined symbol: _ZN10tensorflow8OpKernel", "companions-undefined-symbol"),
        ("Illegal instruction (core dumped)", "avx-required"),
        ("Illegal instruction", "avx-required"),
        ("web-1  | Illegal instruction\n", "avx-required"),
        ("2024-05-01T10:00:00.123Z Illegal instruction", "avx-required"),
        ("Illegal instruction: 4", "avx-required"),
        ("run.sh: line 3:    12 Illegal instruction     (core dumped) python3 train.py", "avx-required"),
        ("/entry.sh: line 3:    12 Illegal instruction     python3 train.py", "avx-required"),
        ("Fatal Python error: Illegal instruction", "avx-required"),
    ],
)
def test_a_line_belongs_to_the_row_that_explains_it(line: str, row: str) -> None:
    assert ids(line) == [row]


def test_what_ran_out_of_memory_is_said_by_the_allocator() -> None:
    tail = "OOM when allocating tensor with shape[16,19] and type float on /job:localhost/replica:0/task:0/device:{} by allocator {}"
    raised = "tensorflow.python.framework.errors_impl.ResourceExhaustedError: Graph execution error:"
    assert ids(raised, tail.format("CPU:0", "cpu")) == ["cpu-out-of-memory"]
    assert ids(raised, tail.format("CPU:0", "mklcpu")) == ["cpu-out-of-memory"]
    assert ids(raised, tail.format("GPU:0", "GPU_0_bfc")) == ["gpu-out-of-memory"]
    assert ids(raised) == ["gpu-out-of-memory"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("os.environ['KERAS_BACKEND'] = 'torch'", ["keras-backend-missing"]),
        ('  File "/v/keras/src/backend/jax/__init__.py", line 3, in <module>', ["keras-backend-missing"]),
        ('  File "C:\\v\\keras\\src\\backend\\torch\\core.py", line 6, in <module>', ["keras-backend-missing"]),
        ("/v/keras/src/layers/core/dense.py:87: UserWarning: Do not pass an `input_shape`", []),
        ("", []),
    ],
)
def test_a_missing_torch_is_keras_s_only_where_keras_asked_for_it(said: str, found: list[str]) -> None:
    assert ids(said, "ModuleNotFoundError: No module named 'torch'") == found


def test_tensorrt_is_tensorflow_s_only_where_tensorflow_asked_for_it() -> None:
    missing = "ERROR: No matching distribution found for tensorrt-libs==8.6.1"
    assert ids(missing) == []
    assert ids("RUN pip install 'tensorflow[and-cuda]==2.15.0'", missing) == ["tf215-and-cuda-tensorrt"]


def test_a_row_of_other_releases_is_out() -> None:
    line = "ModuleNotFoundError: No module named 'tensorboard'"
    assert ids(line) == ids(line, tensorflow=version("2.21.0rc1")) == ["tensorboard-no-longer-dependency"]
    assert ids(line, tensorflow=version("2.18.0")) == []


def test_two_lines_of_one_event_are_one_match() -> None:
    match = only("one", DLOPEN, "Skipping registering GPU devices...", DLOPEN)
    assert (match.signature.id, match.number, match.count) == ("tf-image-cudnn9-missing", 2, 3)
    assert match.line == DLOPEN


@pytest.mark.parametrize(("gpu_expected", "severity"), [(True, "error"), (False, "harmless"), (None, "warning")])
def test_a_missing_gpu_is_judged_by_whether_one_is_wanted(gpu_expected: bool | None, severity: str) -> None:
    assert only(NO_DRIVERS, gpu_expected=gpu_expected).severity == severity


def test_errors_come_first_then_warnings_then_what_is_harmless_each_by_line() -> None:
    found = match_signatures(
        ["Loaded cuDNN version 90300", NO_DRIVERS, "_ARRAY_API not found", "Compiled cluster using XLA!", DLOPEN], CATALOGUE
    )
    assert [(m.severity, m.number) for m in found] == [("error", 3), ("error", 5), ("warning", 2), ("harmless", 1), ("harmless", 4)]


# -- what is kept of a line -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("\x1b[31mLoaded cuDNN\x1b[0m version 8902\r\n", "Loaded cuDNN version 8902"),
        ("L\0o\0a\0d\0e\0d\0 \0c\0u\0D\0N\0N\0 \0v\0e\0r\0s\0i\0o\0n\0 \0008\0009\0", "Loaded cuDNN version 89"),
        ("\x1b]0;title\x07Loaded cuDNN version 8\t\x07\x9b2J!", "Loaded cuDNN version 8 2J!"),
        ("Loaded cuDNN version 8\u202e\ud800", "Loaded cuDNN version 8"),
    ],
    ids=["colours", "UTF-16 without a mark", "a title", "direction"],
)
def test_what_is_kept_of_a_line_is_fit_to_print(line: str, kept: str) -> None:
    assert only(line).line == kept


def test_a_long_line_is_cut() -> None:
    assert only("Loaded cuDNN version 8" + "x" * 5000).line == "Loaded cuDNN version 8" + "x" * 274 + " ..."
    assert only("Loaded cuDNN version 8" + "x" * 278).line == "Loaded cuDNN version 8" + "x" * 278
    assert ids(" " * 3990 + "Loaded cuDNN version 8") == []


# -- the literals of a pattern --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("plain text", ("plain text",)),
        (r"a\.b\(c\) and more", ("a.b(c) and more",)),
        (r"Unknown flags? in XLA", ("Unknown flag",)),
        (r"lib(cusolver|nvJitLink)[\w.]*' is missing", ("' is missing",)),
        (r"one thing|an(other)? way|[]x]third", ("one thing", " way", "third")),
        (r"as+ many {2,3}as one likes", ("as one likes",)),
        (r"\w+", ("",)),
        ("", ("",)),
    ],
)
def test_the_literals_of_a_pattern_are_its_longest_certain_stretches(pattern: str, found: tuple[str, ...]) -> None:
    assert literals(pattern) == found


@pytest.mark.parametrize("pattern", sorted({p for s in CATALOGUE for p in (*s.patterns, *s.context)}))
def test_where_a_pattern_is_found_one_of_its_literals_stands(pattern: str) -> None:
    texts = [*(line for s in CATALOGUE for line in example(s)), "tensorflow==2.21.0", "tensorflow==2.16.1"]
    assert all(any(literal in text for literal in literals(pattern)) for text in texts if re.search(pattern, text))


# -- laws -----------------------------------------------------------------------------------------

LINES = st.one_of(
    st.text(max_size=200),
    st.sampled_from([line for s in CATALOGUE for line in example(s)]),
    st.tuples(st.sampled_from([lit for s in CATALOGUE for p in s.patterns for lit in literals(p)]), st.text(max_size=40)).map("".join),
)
KNOWN = st.fixed_dictionaries(
    {
        "gpu_expected": st.sampled_from([True, False, None]),
        "tensorflow": st.sampled_from([None, *map(version, ("1.15.5", "2.18.0", "2.21"))]),
    }
)


@given(st.lists(LINES, max_size=30), KNOWN)
@settings(deadline=None)
def test_any_text_is_explained_the_same_way_twice_in_print_and_in_order(lines: list[str], known: dict[str, Any]) -> None:
    found = match_signatures(lines, CATALOGUE, **known)
    assert found == match_signatures(iter(lines), CATALOGUE, **known)
    assert len({m.signature.id for m in found}) == len(found)
    assert sum(m.count for m in found) <= len(lines)
    assert all(m.line.isprintable() and len(m.line) <= 300 and 1 <= m.number <= len(lines) for m in found)
    keys = [(("error", "warning", "harmless").index(m.severity), m.number) for m in found]
    assert keys == sorted(set(keys))


@given(st.lists(st.sampled_from([line for s in CATALOGUE if s.severity == "harmless" for line in example(s)]), max_size=50), KNOWN)
@settings(deadline=None)
def test_a_log_of_harmless_lines_holds_no_error(lines: list[str], known: dict[str, Any]) -> None:
    assert {m.severity for m in match_signatures(lines, CATALOGUE, **known)} <= {"harmless"}


@given(st.lists(LINES, max_size=10), st.integers(0, 5000))
@settings(deadline=None, max_examples=30)
def test_only_line_numbers_depend_on_what_stands_before(lines: list[str], before: int) -> None:
    moved = match_signatures(["nothing"] * before + lines, CATALOGUE)
    assert moved == tuple(m._replace(number=m.number + before) for m in match_signatures(lines, CATALOGUE))


def test_a_long_log_is_read_in_seconds() -> None:
    step = "2024-01-01 10:00:00.{0:06d}: I tensorflow/core/foo.cc:{0}] step {0} loss: 0.123, and words to fill a line of a hundred"
    lines = [DLOPEN if number % 100 == 0 else step.format(number) for number in range(200_000)]
    begun = time.perf_counter()
    assert only(*lines).count == 2000
    assert time.perf_counter() - begun < 15  # about 1 s where it was written
