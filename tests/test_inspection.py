"""Images judged by what their configs say, made up as builders write them; and how that is told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version
from pydantic import BaseModel, ConfigDict

from tfcompat.drift import Drift
from tfcompat.images import find_image
from tfcompat.inspection import Inspection, inspect_image
from tfcompat.matrix import find_gpu, load_bundled
from tfcompat.matrix.records import Sighting
from tfcompat.outputs.images import (
    render_drift,
    render_drift_json,
    render_inspection,
    render_inspection_json,
    render_tags,
    render_tags_json,
    tag_cells,
)
from tfcompat.stack import Fact
from tfcompat.tags import TagName

MATRIX = load_bundled()
OFFICIAL = "tensorflow/tensorflow:2.18.0-gpu"
NGC = "nvcr.io/nvidia/tensorflow:24.03-tf2-py3"
APP = "ghcr.io/team/app:1"
CONFIG_DIGEST = "sha256:" + "c" * 64
DIGEST, OTHER, AMD64, ARM64 = ("sha256:" + letter * 64 for letter in "abde")
REQUIRE = "cuda>=12.3 brand=tesla,driver>=470,driver<471 brand=geforce,driver>=470,driver<471"
ASKED = "2026-11-22T10:00:00+00:00"


def config(*history: str, env: Sequence[str] = (), labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "created": "2024-10-24T18:53:45Z",
        "config": {"Env": list(env), "Labels": dict(labels or {})},
        "history": [{"created_by": line} for line in history],
    }


def official(package: str = "tensorflow==2.18.0", *env: str) -> dict[str, Any]:
    return config(
        f"RUN |2 PYTHON_VERSION=python3.11 TENSORFLOW_PACKAGE={package} /bin/sh -c pip install --no-cache-dir ${{TENSORFLOW_PACKAGE}} # buildkit",
        env=env or ["CUDA_VERSION=12.3.0", f"NVIDIA_REQUIRE_CUDA={REQUIRE}"],
    )


def sighting(reference: str, exists: bool = True, digest: str | None = DIGEST) -> Sighting:
    platforms: dict[str, str | None] = {"linux/amd64": AMD64, "linux/arm64": ARM64} if exists else {}
    return Sighting(reference, exists, ASKED, "https://registry-1.docker.io", digest if exists else None, platforms)


def inspect(reference: str, found: Mapping[str, Any] | None, seen: Sighting | None = None, gpu: str = "", driver: str = "") -> Inspection:
    digest = CONFIG_DIGEST if found is not None else ""
    gpus = [find_gpu(MATRIX, gpu)] if gpu else []
    return inspect_image(MATRIX, reference, "linux/amd64", seen, found, digest, gpus, Version(driver) if driver else None)


def fact(inspection: Inspection, name: str) -> Fact:
    (found,) = [f for f in inspection.facts if f.name == name]
    return found


def reasons(inspection: Inspection) -> list[str]:
    return sorted(f"{f.rule.id}: {f.verdict.reason}" for f in inspection.findings)


def verdict(inspection: Inspection) -> str:
    """The first paragraph of the text, on one line."""
    return " ".join(render_inspection(inspection, None, "said so").partition("\n\n")[0].split())


# -- contents ------------------------------------------------------------------------------------


def test_the_curated_row_adds_digits_to_what_the_config_says() -> None:
    found = inspect(OFFICIAL, official())
    curated = find_image(MATRIX, OFFICIAL)
    assert curated.python == Version("3.11.0rc1")
    statement = f"measured: history line 1, PYTHON_VERSION: 3.11 (config {CONFIG_DIGEST[:19]})"
    assert fact(found, "python") == Fact(
        "python", curated.python, "history line 1, PYTHON_VERSION, curated row", (statement, *curated.evidence)
    )
    assert fact(found, "cudnn") == Fact("cudnn", curated.cudnn, "curated row", curated.evidence)
    assert fact(found, "tensorflow").where == "history line 1, TENSORFLOW_PACKAGE"
    assert fact(found, "require").value == REQUIRE
    assert found.created == "2024-10-24T18:53:45Z"


def test_the_config_has_the_word_where_it_contradicts_the_row() -> None:
    found = inspect(OFFICIAL, official("tensorflow==2.17.0", "CUDA_VERSION=12.5.1"))
    assert fact(found, "tensorflow") == Fact(
        "tensorflow",
        Version("2.17.0"),
        "history line 1, TENSORFLOW_PACKAGE",
        (f"measured: history line 1, TENSORFLOW_PACKAGE: 2.17.0 (config {CONFIG_DIGEST[:19]})",),
    )
    assert (found.image.tensorflow, found.image.cuda) == (Version("2.17.0"), Version("12.5.1"))
    assert fact(found, "require") == Fact("require", None, "not in the config")


def test_a_config_with_more_digits_than_the_row_keeps_them() -> None:
    found = inspect(
        NGC, config(env=["CUDA_VERSION=12.4.0.041", "TENSORFLOW_VERSION=2.15.0", "NVIDIA_TENSORFLOW_VERSION=24.03-tf2", "PYVER=3.10"])
    )
    assert (fact(found, "cuda").value, fact(found, "cuda").where) == (Version("12.4.0.41"), "Env CUDA_VERSION")


def test_without_a_config_the_curated_row_is_all_there_is() -> None:
    found, curated = inspect(OFFICIAL, None), find_image(MATRIX, OFFICIAL)
    assert [(f.value, f.where) for f in found.facts] == [
        (value, "curated row") for value in (curated.tensorflow, curated.python, curated.cuda, curated.cudnn, curated.require)
    ]
    assert found.created is None


def test_what_nobody_says_stays_unknown() -> None:
    for found in (inspect(APP, None), inspect(APP, config())):
        assert [(f.value, f.evidence) for f in found.facts] == [(None, ())] * 5
        assert found.image.status == "unknown"
        assert not found.rejected
    assert (inspect(APP, None).doubt, inspect(APP, None).unread) == ("what is inside could not be read", True)
    doubt = "which TensorFlow is inside, if any, is not said by the image"
    assert (inspect(APP, config()).doubt, inspect(APP, config()).unread) == (doubt, False)
    assert [f.where for f in inspect(APP, None).facts] == ["unknown"] * 5
    assert [f.where for f in inspect(APP, config()).facts] == ["unknown"] * 4 + ["not in the config"]


def test_by_an_unknown_digest_the_row_of_the_tag_says_nothing() -> None:
    found = inspect(f"{OFFICIAL}@{DIGEST}", None)
    assert [f.value for f in found.facts] == [None] * 5


def test_the_digest_on_record_leads_to_the_row() -> None:
    row = next(r for r in MATRIX.official_tags.values() if r.digest and r.tensorflow)
    found = inspect(f"tensorflow/tensorflow@{row.digest}", None)
    assert str(found.image.tensorflow) == row.tensorflow


# -- what the rules make of it -------------------------------------------------------------------


def test_the_official_image_with_a_cudnn_too_old_is_rejected() -> None:
    found = inspect(OFFICIAL, official())
    assert found.rejected
    assert verdict(found) == (
        "tensorflow/tensorflow:2.18.0-gpu is seen in use, but cuDNN 8.9.6.50 is of another major than the 9.3.0.75 that"
        " tensorflow 2.18.0 wants: it will run on the CPU without an error."
    )


def test_a_cudnn_installed_on_top_mends_it() -> None:
    found = config(
        *[entry["created_by"] for entry in official()["history"]],
        "RUN /bin/sh -c apt-get install -y libcudnn9-cuda-12=9.3.0.75-1 # buildkit",
        env=["CUDA_VERSION=12.5.1"],
        labels={"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "22.04"},
    )
    mended = inspect(APP, found, sighting(APP))
    assert not mended.rejected
    assert verdict(mended) == f"{APP} exists, and no rule speaks against what is inside."
    assert (mended.image.os, str(mended.image.libc)) == ("ubuntu22.04", "glibc 2.35")


def test_gpu_and_driver_are_judged_as_well() -> None:
    strict = official("tensorflow==2.18.0", "CUDA_VERSION=12.3.0", "NVIDIA_REQUIRE_CUDA=cuda>=12.3")
    judged = {"driver-minimum: too-old", "gpu-known-to-driver: not-yet", "image-requires-driver: refused"}
    found = inspect(OFFICIAL, strict, gpu="RTX 4090", driver="470.57")
    assert judged <= set(reasons(found))
    assert "driver 470.57 is older than 520.61.05, the first that knows the GeForce RTX 4090 (8.9)" in verdict(found)
    assert judged.isdisjoint(reasons(inspect(OFFICIAL, strict, gpu="RTX 4090", driver="550.54")))


def test_the_requirement_of_the_config_counts_and_not_that_of_the_row() -> None:
    assert find_image(MATRIX, OFFICIAL).require
    found = inspect(OFFICIAL, official("tensorflow==2.18.0", "CUDA_VERSION=12.3.0"), gpu="RTX 3090", driver="450.80.02")
    assert "image-requires-driver: refused" not in reasons(found)


def test_a_cpu_image_is_fine_without_a_gpu_and_rejected_with_one() -> None:
    reference, found = "tensorflow/tensorflow:2.18.0", official("tensorflow-cpu==2.18.0", "LANG=C.UTF-8")
    plain = inspect(reference, found)
    assert (plain.rejected, plain.image.gpu, plain.image.cuda) == (False, False, None)
    assert verdict(plain) == f"{reference} is seen in use, and no rule speaks against what is inside."
    for_gpu = inspect(reference, found, gpu="T4")
    assert "image-contents: cpu-image" in reasons(for_gpu)
    assert verdict(for_gpu) == (
        f"{reference} is seen in use, but a GPU is expected, and the linux/amd64 wheel of tensorflow-cpu 2.18.0 is a CPU build; "
        f"{reference} carries a CPU build of TensorFlow, and a GPU is expected."
    )


def test_the_cpu_package_on_a_cuda_image_is_a_cpu_image() -> None:
    found = inspect(APP, config("RUN pip install tensorflow-cpu==2.15.1", env=["PYTHON_VERSION=3.11.9", "CUDA_VERSION=12.2.2"]), gpu="T4")
    assert "image-contents: cpu-image" in reasons(found)


def test_the_gpu_package_without_cuda_libraries_is_no_cpu_build() -> None:
    found = inspect(APP, config("RUN pip install tensorflow[and-cuda]==2.15.1", env=["PYTHON_VERSION=3.11.9"]), gpu="T4")
    assert "image-contents: cpu-image" not in reasons(found)


def test_the_build_of_nvidia_is_judged_as_theirs() -> None:
    env = [
        "CUDA_VERSION=12.4.0.041", "CUDNN_VERSION=9.0.0.306+cuda12.4", "TENSORFLOW_VERSION=2.15.0", "NVIDIA_TENSORFLOW_VERSION=24.03-tf2",
        "PYVER=3.10", "NVIDIA_REQUIRE_CUDA=cuda>=9.0",
    ]  # fmt: skip
    found = inspect(NGC, config(env=env), gpu="H100", driver="550.54")
    assert (found.image.own_build, found.image.tensorflow, found.rejected) == (True, Version("2.15.0"), False)
    assert verdict(found) == f"{NGC} is seen in use, and no rule speaks against what is inside."


def test_a_users_image_is_judged_by_its_pip_line() -> None:
    found = config(
        "RUN /bin/sh -c pip install 'tensorflow==2.15.1' # buildkit",
        env=["PYTHON_VERSION=3.12.1", "CUDA_VERSION=12.2.2", "NV_CUDNN_VERSION=8.9.6.50-1"],
        labels={"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "22.04"},
    )
    inspection = inspect(APP, found, sighting(APP))
    assert inspection.rejected
    assert "python-has-wheel" in {f.rule.id for f in inspection.findings if f.rejects}
    assert fact(inspection, "tensorflow").evidence == (f"measured: history line 1: 2.15.1 (config {CONFIG_DIGEST[:19]})",)


def test_a_tensorflow_that_the_matrix_lacks_is_a_doubt() -> None:
    found = inspect(APP, config("RUN pip install tensorflow==99.0.0", env=["PYTHON_VERSION=3.11.9"]), sighting(APP))
    assert (found.doubt, found.rejected) == ("tensorflow 99.0.0 is not in the matrix", False)
    assert verdict(found) == f"{APP} exists; not established: tensorflow 99.0.0 is not in the matrix."


def test_a_tensorflow_known_only_in_part_is_a_doubt() -> None:
    found = inspect(APP, config("RUN pip install tensorflow==2.15.*", env=["PYTHON_VERSION=3.11.9"]), sighting(APP))
    assert str(found.image.tensorflow) == "2.15"
    assert "image-contents: patch-unknown" in reasons(found)


@pytest.mark.parametrize("require", ["nonsense", "cuda>=x", "cuda>=12.3,", "driver>=550 cuda"])
def test_a_requirement_that_cannot_be_read_is_no_error_of_the_user(require: str) -> None:
    found = config(env=[f"NVIDIA_REQUIRE_CUDA={require}", "CUDA_VERSION=12.3.2"])
    assert inspect(APP, found, sighting(APP), gpu="T4", driver="550.54").image.require == require


# -- what the registry says ----------------------------------------------------------------------


def test_the_registry_says_that_it_exists_and_where_it_points() -> None:
    found = inspect(OFFICIAL, official(), sighting(OFFICIAL))
    assert (found.image.status, found.image.digest) == ("measured", DIGEST)
    assert found.image.digests == {"linux/amd64": AMD64, "linux/arm64": ARM64}
    assert "image-tag-exists: observed" not in reasons(found)


def test_a_tag_that_moved_since_the_snapshot_is_noted() -> None:
    row = next(r for r in MATRIX.official_tags.values() if r.digest and r.tensorflow)
    reference = f"tensorflow/tensorflow:{row.tag}"
    moved = inspect(reference, None, sighting(reference))
    assert moved.image.moved_from == row.digest
    assert "image-tag-exists: moved" in reasons(moved)
    same = inspect(reference, None, sighting(reference, digest=row.digest))
    assert same.image.moved_from is None
    assert "image-tag-exists: moved" not in reasons(same)


def test_a_tag_that_the_registry_lacks_is_said_to_be_gone() -> None:
    found = inspect(OFFICIAL, None, sighting(OFFICIAL, exists=False))
    assert found.rejected
    assert verdict(found) == f"The registry has no {OFFICIAL} (asked https://registry-1.docker.io on 2026-11-22)."


def test_a_tag_reported_missing_is_said_to_be_absent() -> None:
    assert verdict(inspect("tensorflow/tensorflow:2.15.1-gpu", None)) == "There is no tensorflow/tensorflow:2.15.1-gpu (reported missing)."


def test_a_rolling_tag_stays_one_with_contents_read() -> None:
    reference = "tensorflow/tensorflow:latest-gpu"
    found = inspect(reference, official("tensorflow==2.21.0", "CUDA_VERSION=12.5.1"), sighting(reference))
    assert (found.image.status, found.image.tensorflow) == ("rolling", Version("2.21.0"))
    assert "image-tag-exists: rolling" in reasons(found)


# -- text ----------------------------------------------------------------------------------------


def test_the_text_tells_what_is_inside_and_where_that_was_read() -> None:
    found = inspect(OFFICIAL, official(), sighting(OFFICIAL))
    lines = render_inspection(found, 3_456_000_000, "asked somebody").splitlines()
    table = [line for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert f"  digest         {DIGEST}" in table
    assert "  platform       linux/amd64" in table
    assert "  created        2024-10-24T18:53:45Z" in table
    assert "  size           3.46 GB compressed" in table
    assert "  tensorflow     2.18.0  (history line 1, TENSORFLOW_PACKAGE)" in table
    assert "  python         3.11.0rc1  (history line 1, PYTHON_VERSION, curated row)" in table
    assert "  cudnn          8.9.6.50  (curated row)" in table
    assert "  requires       cuda>=12.3 and 2 exceptions by driver  (Env NVIDIA_REQUIRE_CUDA)" in table
    assert f"    linux/arm64  {ARM64}" in lines
    assert lines[-2:] == ["", "asked somebody"]
    assert "evidence" not in lines


@pytest.mark.parametrize(
    ("require", "shown"),
    [
        ("cuda>=12.3", "cuda>=12.3"),
        (REQUIRE.rpartition(" ")[0], "cuda>=12.3 and 1 exception by driver"),
        (REQUIRE, "cuda>=12.3 and 2 exceptions by driver"),
    ],
)
def test_a_requirement_is_told_in_short(require: str, shown: str) -> None:
    text = render_inspection(inspect(APP, config(env=[f"NVIDIA_REQUIRE_CUDA={require}"])), None, "")
    assert f"  requires    {shown}  (Env NVIDIA_REQUIRE_CUDA)\n" in text


def test_nothing_required_and_nothing_known_are_two_things() -> None:
    assert "requires    nothing of the driver  (not in the config)\n" in render_inspection(inspect(APP, config()), None, "")
    assert "requires    unknown\n" in render_inspection(inspect(APP, None), None, "")


def test_errors_come_before_warnings_and_notes() -> None:
    text = render_inspection(inspect(OFFICIAL, official(), gpu="RTX 4090", driver="470.57"), None, "")
    grades = [line.split()[0] for line in text.partition("findings\n")[2].splitlines() if re.match(r"  \w", line)]
    assert grades == sorted(grades, key=("error", "warning", "unknown", "note").index)
    assert {"error", "warning", "note"} <= set(grades)


def test_the_evidence_is_told_on_demand() -> None:
    found = inspect(OFFICIAL, official())
    text = " ".join(render_inspection(found, None, "", evidence=True).partition("\nevidence\n")[2].split())
    for one in found.facts:
        for statement in one.evidence:
            assert " ".join(statement.split()) in text


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_that_an_image_says_reaches_the_terminal_raw(value: str, require: str) -> None:
    found = config(
        f"RUN pip install tensorflow=={value}", env=[f"PYTHON_VERSION={value}", f"NVIDIA_REQUIRE_CUDA={require}"], labels={"a": value}
    )
    text = render_inspection(inspect(APP, found), None, "said", evidence=True)
    assert all(line.isprintable() for line in text.split("\n"))


# -- JSON ----------------------------------------------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ContentDocument(Strict):
    value: str | None
    where: str
    evidence: list[str]


class ContentsDocument(Strict):
    tensorflow: ContentDocument
    python: ContentDocument
    cuda: ContentDocument
    cudnn: ContentDocument
    require: ContentDocument


class FindingDocument(Strict):
    rule: str
    reason: str
    outcome: Literal["violated", "unknown"]
    severity: Literal["error", "warning", "note"]
    message: str
    remedy: str | None


class InspectionDocument(Strict):
    schema_version: Literal[1]
    reference: str
    status: Literal["measured", "documented", "observed", "rolling", "absent", "gone", "delisted", "unknown"]
    origin: Literal["registry", "cache", "snapshot"]
    asked: str | None
    digest: str | None
    platforms: dict[str, str | None]
    platform: str
    created: str | None
    size: int | None
    contents: ContentsDocument
    not_established: str | None
    findings: list[FindingDocument]


class TagDocument(Strict):
    tag: str
    version: str | None
    variants: list[str]
    prerelease: bool
    rolling: bool
    digest: str | None
    platforms: list[str]
    size: int | None
    updated: str | None


class TagsDocument(Strict):
    schema_version: Literal[1]
    repository: str
    origin: Literal["registry", "cache", "snapshot"]
    asked: str
    complete: bool
    tags: list[TagDocument]


class DifferenceDocument(Strict):
    kind: Literal["new tag", "gone tag", "back again", "changed digest", "other contents"]
    reference: str
    detail: str


class DriftDocument(Strict):
    schema_version: Literal[1]
    drift: list[DifferenceDocument]
    not_established: list[str]


@pytest.mark.parametrize(
    "found",
    [
        inspect(OFFICIAL, official(), sighting(OFFICIAL)),
        inspect(OFFICIAL, official(), gpu="RTX 4090", driver="470.57"),
        inspect(OFFICIAL, None, sighting(OFFICIAL, exists=False)),
        inspect(APP, None),
        inspect(APP, config()),
        inspect(APP, config("RUN pip install tensorflow==99.0.0")),
        inspect(NGC, None),
        inspect("tensorflow/tensorflow:2.15.1", None),
        inspect("tensorflow/tensorflow:latest", None),
        inspect(f"python@{DIGEST}", config(env=["PYTHON_VERSION=3.11.9"])),
    ],
)
def test_the_document_of_an_inspection_keeps_its_contract(found: Inspection) -> None:
    document = InspectionDocument.model_validate_json(render_inspection_json(found, 5, "registry", ASKED))
    assert (document.reference, document.status, document.size) == (found.image.reference, found.image.status, 5)
    assert [(f.rule, f.reason) for f in document.findings] == [(f.rule.id, f.verdict.reason) for f in found.findings]
    for one in found.facts:
        cell: ContentDocument = getattr(document.contents, one.name)
        assert (cell.value, cell.where, tuple(cell.evidence)) == (None if one.value is None else str(one.value), one.where, one.evidence)


def test_the_document_names_what_the_matrix_lacks() -> None:
    found = inspect(APP, config("RUN pip install tensorflow==99.0.0"))
    assert (
        InspectionDocument.model_validate_json(render_inspection_json(found, None, "snapshot", None)).not_established
        == "tensorflow 99.0.0 is not in the matrix"
    )


# -- lists of tags -------------------------------------------------------------------------------


def cells(name: str, size: int | None = None, updated: str | None = None, *platforms: str, digest: str | None = None) -> dict[str, Any]:
    return tag_cells(TagName.parse(name), digest, platforms, size, updated)


def test_tags_are_told_in_columns_and_empty_columns_are_left_out() -> None:
    rows = [
        cells("2.18.0-gpu-jupyter", 3_650_000_000, "2024-10-24T18:53:45Z", "linux/amd64"),
        cells("2.18.0", 612_000_000, "2024-10-24T18:53:45Z", "linux/amd64", "linux/arm64"),
        cells("2.18.0rc0", 5_400, None),
        cells("latest", 17, None),
    ]
    assert render_tags(rows, "4 of 9 tags; asked somebody") == (
        "2.18.0-gpu-jupyter  2.18.0     gpu jupyter  2024-10-24  3.65 GB   linux/amd64\n"
        "2.18.0              2.18.0                  2024-10-24  612 MB    linux/amd64 linux/arm64\n"
        "2.18.0rc0           2.18.0rc0  rc                       5 kB\n"
        "latest                         latest                   17 bytes\n"
        "\n"
        "4 of 9 tags; asked somebody\n"
    )
    assert render_tags([cells("latest")], "said") == "latest  latest\n\nsaid\n"


ODD = st.builds(
    tag_cells,
    st.text(max_size=20).map(TagName.parse),
    st.none() | st.text(max_size=5),
    st.lists(st.text(max_size=5), max_size=2),
    st.none() | st.integers(0, 1 << 70),
    st.none() | st.text(max_size=30),
)


@given(st.lists(ODD, min_size=1, max_size=4))
def test_the_strangest_tags_take_one_printable_line_each(rows: list[dict[str, Any]]) -> None:
    lines = render_tags(rows, "said").split("\n")
    assert len(lines) == len(rows) + 3
    assert all(line.isprintable() for line in lines)


@given(st.lists(ODD, max_size=4), st.booleans())
def test_the_document_of_a_list_keeps_its_contract(rows: list[dict[str, Any]], complete: bool) -> None:
    text = render_tags_json(rows, "a/b", "cache", ASKED, complete)
    assert len(TagsDocument.model_validate_json(text).tags) == len(rows)
    assert json.loads(text)["tags"] == rows


# -- drift ---------------------------------------------------------------------------------------

DRIFT = [Drift("new tag", "a/b:1"), Drift("changed digest", "a/b:2", "one in the matrix, another in the registry")]


def test_drift_is_told_line_by_line_and_then_what_is_open() -> None:
    assert render_drift(DRIFT, ["a/b: no answer"], "2 differences") == (
        "new tag: a/b:1\n"
        "changed digest: a/b:2 (one in the matrix, another in the registry)\n"
        "not established: a/b: no answer\n"
        "2 differences\n"
    )
    assert render_drift([], [], "0 differences") == "0 differences\n"
    assert render_drift([Drift("other contents", "a/b:1", "\x1b[2J\n")], [], "") == "other contents: a/b:1 (?[2J?)\n\n"


def test_the_document_of_drift_keeps_its_contract() -> None:
    document = DriftDocument.model_validate_json(render_drift_json(DRIFT, ["no answer"]))
    assert [Drift(d.kind, d.reference, d.detail) for d in document.drift] == DRIFT
    assert document.not_established == ["no answer"]


@pytest.mark.parametrize("tag", [t for t in MATRIX.official_tags if "gpu" in t.split("-")])
def test_no_gpu_image_of_the_snapshot_is_taken_for_a_cpu_build(tag: str) -> None:
    assert "wheel-has-cuda" not in {f.rule.id for f in inspect(f"tensorflow/tensorflow:{tag}", None).findings}


def test_a_row_of_another_image_proves_nothing() -> None:
    """The tag holds something newer than the row says: its cuDNN is no longer known."""
    history = "RUN |2 PYTHON_VERSION=python3.11 TENSORFLOW_PACKAGE=tensorflow==2.19.0 /bin/sh -c /setup.sh"
    found = inspect("tensorflow/tensorflow:2.18.0-gpu", config(history, env=["CUDA_VERSION=12.5.1"]))
    cells = {f.name: (None if f.value is None else str(f.value), f.where) for f in found.facts}
    assert cells["tensorflow"] == ("2.19.0", "history line 1, TENSORFLOW_PACKAGE")
    assert cells["python"] == ("3.11", "history line 1, PYTHON_VERSION")
    assert cells["cudnn"] == (None, "unknown: the curated row has 8.9.6.50, and is of another image")
    assert not found.rejected
