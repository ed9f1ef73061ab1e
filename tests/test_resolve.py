"""What the resolver answers. Expected answers come from the files in data/, or from what NVIDIA and TensorFlow document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import tfcompat
from tfcompat.errors import RequestError
from tfcompat.matrix import load_bundled
from tfcompat.outputs.dockerfile import render_dockerfile
from tfcompat.prose import summary
from tfcompat.requirements_file import load_requirements
from tfcompat.resolver import PackageLine, Plan, Request, Resolution, ResolutionImpossible, resolve

DATA = Path(__file__).parents[1] / "data"
Build = Mapping[str, Any]


def _wheels(package: str) -> dict[str, dict[str, Build]]:
    rows = json.loads((DATA / "measured" / "wheels" / f"{package}.json").read_text(encoding="utf-8"))
    return {row["version"]: row["builds"] for row in rows if not row["yanked"]}


TENSORFLOW = _wheels("tensorflow")
PACKAGES = {name: _wheels(name) for name in ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-cpu-aws")}


def newest(accept: Callable[[Build], bool], platform: str = "linux/amd64") -> str:
    """The newest TensorFlow whose wheel for *platform* is accepted, by the measured files alone."""
    found = [v for v, builds in TENSORFLOW.items() if platform in builds and accept(builds[platform])]
    return max(found, key=Version)


def has_python(python: str) -> Callable[[Build], bool]:
    return lambda build: python in build["python"]


NEWEST = newest(lambda build: True)


def resolved(**wishes: Any) -> Resolution:
    return resolve(Request(**wishes))


def plans(**wishes: Any) -> tuple[Plan, ...]:
    found = resolved(**wishes)
    return (found.plan, *found.alternatives)


def plan(**wishes: Any) -> Plan:
    return resolved(**wishes).plan


def conflict(**wishes: Any) -> ResolutionImpossible:
    with pytest.raises(ResolutionImpossible) as caught:
        resolve(Request(**wishes))
    return caught.value


def causes(found: ResolutionImpossible) -> dict[str, str]:
    return {cause.rule.id: summary(cause.findings) for cause in found.causes}


def rules(found: ResolutionImpossible) -> set[str]:
    """The rules in conflict; that a candidate misses a wish is told beside them, as a ``wish-...``."""
    return {rule for rule in causes(found) if not rule.startswith("wish-")}


def changes(found: ResolutionImpossible) -> list[dict[str, str]]:
    return [dict(s.change) for s in found.suggestions]


def pin(found: Plan, name: str) -> str:
    return next(line.partition("==")[2] for line in found.requirements if line.partition("==")[0].partition("[")[0] == name)


# -- what the project must answer (issue 2, section 5) -------------------------------------------


def test_the_newest_official_gpu_image_is_the_last_whose_cudnn_serves_its_wheel() -> None:
    # contents: 2.17.0-gpu has cuDNN 8.9.6 for a wheel of 8.9; 2.18.0-gpu and later have 8.9 for a wheel of 9.3
    found = plans(gpu=True, base="official")
    assert found[0].image.reference == "tensorflow/tensorflow:2.17.0-gpu"
    assert (found[0].tensorflow, found[0].cudnn) == ("2.17.0", "8.9.6.50")
    assert not [p for p in found if Version(p.tensorflow) >= Version("2.18") or "latest" in p.image.reference]
    assert any("3.11.0rc1" in remark and "pre-release" in remark for remark in found[0].remarks)


def test_tensorflow_2_20_with_a_gpu_is_not_the_official_image() -> None:
    found = plans(tensorflow="2.20", gpu=True)
    assert found[0].image.recipe == "slim"
    assert {p.tensorflow for p in found} == {"2.20.0"}
    for one in found:
        assert one.image.recipe != "official"
        assert Version("9.3") <= Version(str(one.cudnn)) < Version("10")
        assert "12.5.1-cudnn" not in one.image.reference


def test_an_official_image_that_was_never_published_is_a_conflict_with_ways_out() -> None:
    found = conflict(tensorflow="2.15.1", base="official")
    assert causes(found).keys() == {"image-tag-exists"}
    assert causes(found)["image-tag-exists"] == "there is no tensorflow/tensorflow:2.15.1 (reported missing)"
    assert set(found.core.wishes) == {"tensorflow", "base"}
    by_name = {next(iter(s.change)): s for s in found.suggestions}
    assert by_name["base"].plan.tensorflow == "2.15.1"
    assert by_name["tensorflow"].plan.image.recipe == "official"
    assert conflict(tensorflow="2.15.1", base="official", gpu=True).core.wishes.keys() == {"tensorflow", "base"}


def test_no_release_has_a_wheel_for_python_3_14() -> None:
    assert not [v for v, builds in TENSORFLOW.items() if any("3.14" in b["python"] for b in builds.values())]
    found = conflict(python="3.14")
    assert causes(found).keys() == {"python-has-wheel"}
    assert "to 3.13" in causes(found)["python-has-wheel"]
    assert changes(found) == [{"python": "3.13"}]


def test_python_3_13_means_2_20_or_newer() -> None:
    found = plans(python="3.13")
    assert found[0].tensorflow == newest(has_python("3.13"))
    assert min(Version(p.tensorflow) for p in found) == Version("2.20.0")
    assert rules(conflict(python="3.13", tensorflow="2.19")) == {"python-has-wheel"}


def test_a_gpu_without_native_code_gets_nvidias_image_and_ptx_with_its_doubt() -> None:
    found = plans(gpu=["RTX 5090"])
    assert found[0].image.recipe == "ngc"
    assert found[0].image.reference.startswith("nvcr.io/nvidia/tensorflow:")
    stock = [p for p in found if p.image.recipe != "ngc"]
    assert stock
    assert all(any("12.0" in remark and "native code" in remark for remark in p.remarks) for p in stock)
    assert all(Version(str(p.cuda)) >= Version("12.8") for p in found)  # the first toolkit that knows 12.0


def test_a_k80_gets_the_last_releases_of_cuda_11_and_its_driver_branch() -> None:
    # 3.7 runs sm_35 and sm_37; CUDA 12 and with it 2.15 dropped Kepler; its last driver branch is 470
    last = newest(lambda b: any(c in ("sm_35", "sm_37") for c in b.get("compute_capabilities", ())))
    found = plans(gpu=["K80"])
    assert max((p.tensorflow for p in found), key=Version) == last == "2.14.1"
    for one in found:
        assert Version(str(one.cuda)).major == 11
        assert SpecifierSet(one.host["driver"]).contains("470.82.01")
        assert not SpecifierSet(one.host["driver"]).contains("495.29.05")
        assert Version(str(one.cudnn)) < Version("8.8")  # measured: 8.7.0.84 holds sm_35, 8.8.1.3 does not
    assert (found[0].tensorflow, found[0].doubts) == (last, ())


def test_cuda_12_needs_driver_525_so_470_gets_the_newest_of_cuda_11() -> None:
    last = newest(lambda b: str(b.get("cuda", "")).startswith("11."))
    assert plan(driver="470.82.01", gpu=True).tensorflow == last == "2.14.1"
    assert all(Version(str(p.cuda)).major == 11 for p in plans(driver="470.82.01", gpu=True))
    found = conflict(driver="470.82.01", gpu=True, tensorflow="2.15")
    assert "driver-minimum" in causes(found)
    assert "525.60.13" in causes(found)["driver-minimum"]
    assert {"driver": "525.60.13"} in changes(found)


def test_driver_580_65_06_is_enough_for_cuda_12() -> None:
    found = plan(driver="580.65.06")
    assert (found.tensorflow, Version(str(found.cuda)).major) == (NEWEST, 12)
    assert any("cuda" in p.image.reference and str(p.cuda).startswith("12.") for p in plans(driver="580.65.06"))


@pytest.mark.parametrize("release", [">=2.16", "2.16", "2.17", "2.18", "2.19", "2.20", "2.21"])
@pytest.mark.parametrize("gpu", [False, True])
def test_keras_2_beside_2_16_and_later_is_tf_keras_of_the_minor_and_its_variable(release: str, gpu: bool) -> None:
    for found in plans(keras="<3", tensorflow=release, gpu=gpu):
        assert found.env["TF_USE_LEGACY_KERAS"] == "1"
        assert Version(pin(found, "tf-keras")).release[:2] == Version(found.tensorflow).release[:2]
        assert found.keras == pin(found, "tf-keras")


def test_numpy_2_beside_2_10_is_a_conflict_of_abi_although_its_metadata_allows_it() -> None:
    requires = TENSORFLOW["2.10.1"]["linux/amd64"]["requires"]
    assert "numpy>=1.20" in requires  # no upper bound
    found = conflict(tensorflow="2.10", packages=["numpy>=2"])
    assert rules(found) == {"numpy-abi"}
    assert {"tensorflow": "2.18.0"} in changes(found)
    assert {"package:numpy": "any"} in changes(found)


def test_the_stock_wheels_for_arm64_have_no_cuda() -> None:
    assert not [v for v, builds in TENSORFLOW.items() if builds.get("linux/arm64", {}).get("kind") == "cuda"]
    found = conflict(platform="linux/arm64", gpu=True)
    assert "arm64-cuda" in rules(found)
    assert {"platform": "linux/amd64"} in changes(found)
    assert {"accelerator": "cpu"} in changes(found)


# -- further questions: the TensorFlow of the best plan ------------------------------------------

G: dict[str, Any] = {"gpu": True}

ANSWERS: list[tuple[dict[str, Any], str]] = [
    # interpreters, by the tags of the wheels
    ({}, NEWEST),
    (G, NEWEST),
    ({"python": "3.6"}, newest(has_python("3.6"))),
    ({"python": "3.7"}, newest(has_python("3.7"))),
    ({"python": "3.8"}, newest(has_python("3.8"))),
    ({"python": "3.9"}, newest(has_python("3.9"))),
    ({"python": "3.10"}, newest(has_python("3.10"))),
    ({"python": "3.11", "gpu": True}, newest(has_python("3.11"))),
    ({"python": "3.12", "gpu": True}, newest(has_python("3.12"))),
    ({"python": ">=3.9,<3.10", "gpu": True}, newest(has_python("3.9"))),
    ({"python": "3.6", "gpu": True}, newest(has_python("3.6"))),
    ({"python": "3.8", "gpu": True}, newest(has_python("3.8"))),
    ({"python": "3.12", "tensorflow": "<2.18"}, "2.17.1"),
    ({"python": "3.9", "tensorflow": ">=2.16,<2.18"}, "2.17.1"),
    # GPUs, by the compiled architectures
    ({"gpu": ["GTX 980"]}, newest(lambda b: "sm_50" in b.get("compute_capabilities", ()))),
    ({"gpu": ["sm_50"]}, "2.16.2"),
    ({"gpu": ["5.2"]}, "2.16.2"),
    ({"gpu": ["T4", "A100"], "driver": "535.104.05"}, NEWEST),
    ({"gpu": ["V100"]}, NEWEST),
    ({"gpu": ["GTX 1080"]}, NEWEST),
    ({"gpu": ["RTX 4090"], "driver": "535.104.05"}, NEWEST),
    ({"gpu": ["H100"], "tensorflow": "2.15"}, "2.15.1"),
    ({"gpu": ["V100", "GTX 980"]}, "2.16.2"),
    # an H100 reaches 2.21 through PTX of CUDA 12.5, which driver 535 does not know; 2.15's PTX is of CUDA 12.2
    ({"gpu": ["H100"], "driver": "535.104.05"}, "2.15.1"),
    # drivers, by the floor of the major and the toolkit of the wheel
    ({"driver": "525.60.13"}, NEWEST),
    ({"driver": "525.60.12"}, "2.14.1"),
    ({"driver": "450.80.02"}, "2.14.1"),
    ({"driver": "418.87.01"}, "2.3.4"),
    # CUDA and cuDNN
    ({"cuda": "11.8"}, "2.14.1"),
    ({"cuda": "11.2"}, "2.11.1"),
    ({"cuda": "10.1"}, "2.3.4"),
    ({"cuda": "12.8"}, NEWEST),
    ({"cudnn": "8"}, "2.17.1"),
    ({"cudnn": ">=9.5"}, NEWEST),
    ({"cudnn": ">=9.5", "tensorflow": "2.18"}, "2.18.1"),
    # arm64, by its own wheels
    ({"platform": "linux/arm64"}, newest(lambda b: True, "linux/arm64")),
    ({"platform": "linux/arm64", "python": "3.9"}, newest(has_python("3.9"), "linux/arm64")),
    ({"platform": "linux/arm64", "tensorflow": "2.15"}, "2.15.1"),
    ({"platform": "linux/arm64", "python": "3.8"}, "2.13.1"),
    # bases: their own interpreter and glibc decide
    ({"base": "python:3.11-slim-bookworm"}, NEWEST),
    ({"base": "python:3.9-slim-bullseye"}, newest(has_python("3.9"))),
    ({"base": "ubuntu:18.04"}, newest(has_python("3.6"))),
    ({"base": "ubuntu:20.04"}, newest(has_python("3.8"))),
    ({"base": "ubuntu:22.04", "gpu": True}, NEWEST),
    ({"base": "debian:10"}, newest(has_python("3.7"))),
    ({"base": "debian:11"}, newest(has_python("3.9"))),
    ({"base": "debian:12", "gpu": True}, NEWEST),
    ({"base": "rockylinux:9", "gpu": True}, newest(has_python("3.9"))),
    ({"base": "nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04", "gpu": True}, "2.14.1"),
    ({"base": "nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04", "gpu": True}, NEWEST),
    # Keras and packages
    ({"keras": "2.15"}, "2.15.1"),
    ({"keras": "2.6"}, "2.6.5"),
    ({"keras": "3"}, NEWEST),
    ({"packages": ["protobuf<4"]}, newest(lambda b: any("protobuf" in r and ">=3.20.3" in r for r in b["requires"]))),
    ({"packages": ["numpy<2"]}, NEWEST),
    ({"packages": ["numpy<1.20"]}, newest(lambda b: any(r in ("numpy>=1.14.5", "numpy<2.0,>=1.14.5") for r in b["requires"]))),
    ({"packages": ["tensorflow<2.10"]}, "2.9.3"),
    # exact releases
    ({"tensorflow": "2.15.0.post1"}, "2.15.0.post1"),
    ({"tensorflow": "==2.15.0.post1", "gpu": True}, "2.15.0.post1"),
    ({"tensorflow": "==2.15.0"}, "2.15.0"),
    ({"tensorflow": "1.15"}, "1.15.5"),
    ({"tensorflow": "~=2.15"}, NEWEST),
]


@pytest.mark.parametrize(("wishes", "release"), ANSWERS, ids=lambda v: v if isinstance(v, str) else repr(v)[:60])
def test_the_best_plan_has_the_newest_release_that_the_data_admits(wishes: dict[str, Any], release: str) -> None:
    found = plan(**wishes)
    assert found.tensorflow == release
    python = ".".join(found.python.split(".")[:2])
    builds = PACKAGES[found.package][found.tensorflow]
    build = builds[found.platform] if found.platform in builds else PACKAGES["tensorflow"][found.tensorflow][found.platform]
    assert python in build["python"]


REJECTED: list[tuple[dict[str, Any], set[str], dict[str, str]]] = [
    ({"python": "3.12", "tensorflow": "<2.16"}, {"python-has-wheel"}, {"tensorflow": "2.16.1"}),
    ({"python": "3.8", "tensorflow": "2.14"}, {"python-has-wheel"}, {"python": "3.9"}),
    ({"base": "ubuntu:latest"}, {"python-has-wheel"}, {"base": "ubuntu:24.04"}),
    ({"base": "ubuntu:24.04", "tensorflow": "2.10"}, {"python-has-wheel"}, {"base": "ubuntu:22.04"}),
    ({"base": "debian:13", "tensorflow": "2.19"}, {"python-has-wheel"}, {"base": "debian:12"}),
    ({"base": "alpine:3.19"}, {"platform-has-wheel"}, {"base": "auto"}),
    ({"base": "python:3.11-alpine"}, {"platform-has-wheel"}, {"base": "auto"}),
    ({"platform": "linux/arm64", "tensorflow": "2.9"}, {"platform-has-wheel"}, {"tensorflow": "2.10.0"}),
    ({"base": "nvidia/cuda:12.5.1-cudnn-runtime-ubuntu22.04", "tensorflow": "2.20", "gpu": True}, {"cudnn-runtime"}, {"base": "auto"}),
    ({"base": "nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04", "gpu": ["K80"]}, {"gpu-known-to-toolkit"}, {"base": "auto"}),
    ({"base": "tensorflow/tensorflow:2.15.1-gpu", "gpu": True}, {"image-tag-exists"}, {"base": "auto"}),
    ({"base": "tensorflow/tensorflow:2.17.0", "gpu": True}, {"image-contents"}, {"accelerator": "cpu"}),
    ({"base": "tensorflow/tensorflow:2.18.0-gpu", "gpu": True, "tensorflow": "2.18.0"}, {"cudnn-runtime"}, {"base": "auto"}),
    ({"tensorflow": "2.15", "keras": "3"}, {"keras-range"}, {"keras": "any"}),
    ({"tensorflow": "2.17", "packages": ["numpy>=2"]}, {"package-range"}, {"tensorflow": "2.18.0"}),
    ({"tensorflow": "2.9", "packages": ["protobuf>=4"]}, {"package-range"}, {"package:protobuf": "any"}),
    ({"tensorflow": "2.17", "packages": ["tensorboard==2.16.0"]}, {"package-range"}, {"package:tensorboard": "any"}),
    ({"tensorflow": "2.3", "gpu": ["5.0"]}, {"gpu-architecture"}, {"tensorflow": "2.4.0"}),
    ({"tensorflow": "2.18", "gpu": ["GTX 980"], "base": "slim"}, {"gpu-architecture"}, {"tensorflow": "2.16.2"}),
    ({"gpu": ["V100"], "driver": "590.10"}, {"gpu-known-to-driver"}, {"gpu:NVIDIA V100": "any"}),
    ({"gpu": ["K80"], "driver": "535.104.05"}, {"gpu-known-to-driver"}, {"driver": "470.82.01"}),
    ({"gpu": ["H100"], "driver": "535.104.05", "tensorflow": "2.20"}, {"driver-ptx-jit"}, {"driver": "555.42.02"}),
]


@pytest.mark.parametrize(("wishes", "expected", "change"), REJECTED, ids=lambda v: repr(v)[:70])
def test_a_conflict_names_its_rules_and_a_way_out(wishes: dict[str, Any], expected: set[str], change: dict[str, str]) -> None:
    found = conflict(**wishes)
    assert rules(found) == expected
    assert change in changes(found)


def test_a_cuda_that_no_wheel_is_built_for_is_a_conflict() -> None:
    found = conflict(cuda="13")
    assert "cuda-runtime" in rules(found)
    assert {"cuda": "any", "gpu": "any"} in changes(found)


def test_a_wish_for_the_interpreter_of_another_image_is_a_conflict() -> None:
    found = conflict(base="python:3.11-slim-bookworm", python="3.12")
    assert set(causes(found)) == {"wish-python"}
    assert changes(found) == [{"base": "auto"}, {"python": "3.11"}]


def test_a_suggestion_leads_to_an_established_plan_where_there_is_one() -> None:
    """NVIDIA's 2.17.0 is nearer, and whether it has code for Maxwell is not established."""
    assert {"tensorflow": "2.16.2"} in changes(conflict(tensorflow="2.18", gpu=["GTX 980"]))


# -- details of plans ----------------------------------------------------------------------------


def test_what_runs_on_no_gpu_is_the_cpu_distribution_on_amd64_and_the_only_one_on_arm64() -> None:
    assert plan(base="slim").package == "tensorflow-cpu"
    assert plan(platform="linux/arm64").package == "tensorflow"
    assert plan(cpu=True).cuda is None


def test_tensorflow_gpu_is_taken_only_where_tensorflow_is_a_cpu_build() -> None:
    assert plan(tensorflow="1.15", gpu=True).package == "tensorflow-gpu"
    assert plan(tensorflow="2.0", gpu=True).package == "tensorflow-gpu"
    assert all(p.package == "tensorflow" for p in plans(tensorflow="2.10", gpu=True))


def test_a_distributions_own_python_is_used_and_said_so() -> None:
    found = plan(base="ubuntu:22.04", gpu=True)
    assert (found.python, found.image.python_from, found.image.recipe) == ("3.10", "system", "custom")
    assert plan(base="debian:12").python == "3.11"


def test_ptx_at_the_first_start_is_remarked_and_raises_the_driver_and_the_cache() -> None:
    found = plan(gpu=["H100"], tensorflow="2.15")  # sm_50 to sm_75 and compute_80, of CUDA 12.2
    assert any("compute_80" in remark for remark in found.remarks)
    assert "CUDA_CACHE_MAXSIZE" in found.env
    assert SpecifierSet(found.host["driver"]).contains("535.54.03")  # the driver of CUDA 12.2
    assert not SpecifierSet(found.host["driver"]).contains("525.60.13")


def test_a_wished_cuda_and_cudnn_are_in_the_plan_and_its_pins() -> None:
    found = plan(cuda="12.8")
    assert Version(str(found.cuda)).release[:2] == (12, 8)
    assert Version(pin(found, "nvidia-cuda-runtime-cu12")).release[:2] == (12, 8)
    found = plan(cudnn=">=9.5", base="slim")
    assert Version(str(found.cudnn)) >= Version("9.5")
    assert pin(found, "nvidia-cudnn-cu12") == found.cudnn


def test_jupyter_takes_the_jupyter_variant_or_adds_it() -> None:
    assert plan(jupyter=True, base="official", gpu=True).image.reference == "tensorflow/tensorflow:2.17.0-gpu-jupyter"
    assert plan(jupyter=True, base="official").image.reference.endswith("-jupyter")
    assert "jupyterlab" in plan(jupyter=True, gpu=True).requirements


def test_an_official_image_says_that_another_release_over_its_own_replaces_it() -> None:
    found = plan(base="tensorflow/tensorflow:2.16.1-gpu", tensorflow="2.17", gpu=True)
    assert any("carries tensorflow 2.16.1" in remark for remark in found.remarks)


def test_a_yanked_release_is_not_chosen() -> None:
    yanked = [
        row["version"]
        for name in PACKAGES
        for row in json.loads((DATA / "measured" / "wheels" / f"{name}.json").read_text())
        if row["yanked"]
    ]
    chosen = {p.tensorflow for wishes in ({}, G, {"python": "3.8"}, {"cuda": "11.8"}) for p in plans(**wishes)}
    assert not chosen & set(yanked)


def test_an_unknown_package_passes_with_a_remark_and_stays_in_the_requirements() -> None:
    found = plan(packages=["frobnicate>=1"], gpu=True)
    assert "frobnicate>=1" in found.requirements
    assert "frobnicate>=1 (--package) was not checked: the matrix does not cover it" in found.remarks


def test_a_conflict_says_which_line_of_which_file_it_is_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requirements.txt").write_text("# pinned\nrequests\nnumpy>=2\n")
    monkeypatch.chdir(tmp_path)
    found = conflict(tensorflow="2.10", packages=load_requirements(Path("requirements.txt")))
    assert found.core.wishes["package:numpy"].where == "requirements.txt:3"
    facts = [fact for cause in found.causes if cause.rule.id == "numpy-abi" for f in cause.findings for fact in f.facts]
    assert {fact.where for fact in facts if fact.name == "package"} == {"requirements.txt:3"}


def test_lines_about_one_package_are_all_honoured() -> None:
    lines = [PackageLine("numpy>=1.24", "a.txt:1"), PackageLine("numpy<1.26", "b.txt:1")]
    found = plan(packages=lines, base="slim")
    assert Version("1.24") <= Version(pin(found, "numpy")) < Version("1.26")
    assert "numpy>=2, numpy<2" in causes(conflict(packages=["numpy>=2", "numpy<2"]))["wish-package"]


def test_every_plan_has_evidence_for_what_it_is_made_of() -> None:
    for found in plans(gpu=True):
        assert {"tensorflow", "python", "cuda", "cudnn", "image"} <= set(found.evidence)
        assert all(
            s.partition(": ")[0] in ("verified", "measured", "documented", "observed", "inferred")
            for e in found.evidence.values()
            for s in e
        )


def test_alternatives_are_of_another_recipe_or_release() -> None:
    for wishes in ({}, G, {"gpu": ["K80"]}, {"jupyter": True}):
        keys = [(p.image.recipe, p.tensorflow) for p in plans(**wishes)]
        assert len(keys) == len(set(keys))


# -- what cannot be understood -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "message", "hint"),
    [
        ({"tensorflow": "2.99"}, "no final release of tensorflow satisfies '2.99'", "known are 1.15.0 to"),
        ({"tensorflow": "2.16.0"}, "no final release of tensorflow satisfies '2.16.0'", "2.16.1, 2.16.2"),
        ({"tensorflow": "latest"}, "'latest' is neither a version nor a specifier", "write 2.15"),
        ({"tensorflow": ""}, "nothing was given", "write 2.15"),
        ({"keras": "9"}, "no final release of keras satisfies '9'", "known are 2.4.0 to"),
        ({"gpu": ["A10O"]}, "'A10O' is not a GPU that the matrix knows", "did you mean NVIDIA A10"),
        ({"gpu": ["RTX 409"]}, "'RTX 409' is not a GPU", "GeForce RTX 4090"),
        ({"gpu": ["Titan X"]}, "'Titan X' is ambiguous", "5.2"),
        ({"gpu": ["9.9"]}, "no GPU has compute capability 9.9", "9.0"),
        ({"gpu": True, "cpu": True}, "--cpu excludes --gpu", "leave one of them out"),
        ({"cuda": "12", "cpu": True}, "--cpu excludes --cuda", "leave one of them out"),
        ({"driver": "new"}, "--driver: 'new' is not a version", "write"),
        ({"platform": "windows/amd64"}, "--platform: 'windows/amd64' is not known", "linux/amd64"),
        ({"base": "Not An Image"}, "'Not An Image' is not an image reference", "REPOSITORY:TAG"),
        ({"packages": ["numpy=2"]}, "--package: 'numpy=2' is not a requirement", "numpy>=2"),
        ({"python": 3.10}, "3.1 is not text", "quote versions"),
        ({"gpu": "A100"}, "gpu='A100' is text", "give a list"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_remedy(wishes: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(RequestError) as caught:
        resolve(Request(**wishes))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_the_public_names_are_those_of_the_documentation() -> None:
    found = tfcompat.resolve(tfcompat.Request(tensorflow="~=2.15", gpu=["H100"], driver="535.104.05"))
    assert found.plan.tensorflow == "2.15.1"
    with pytest.raises(tfcompat.ResolutionImpossible) as caught:
        tfcompat.resolve(tfcompat.Request(python="3.14"))
    assert caught.value.causes
    assert caught.value.suggestions
    assert caught.value.exit_code == 1


# -- what once went wrong -------------------------------------------------------------------------


def _numbers(found: Sequence[Plan]) -> list[SpecifierSet]:
    return [SpecifierSet(p.host["driver"]) for p in found if "driver" in p.host]


def test_gpus_that_no_one_driver_serves_are_a_conflict() -> None:
    assert "gpu-known-to-driver" in causes(conflict(gpu=["K80", "H100"]))


@pytest.mark.parametrize(
    ("wishes", "rule"),
    [
        ({"gpu": ["RTX 5090"], "driver": "535.104.05"}, "gpu-known-to-driver"),
        ({"gpu": ["RTX 4090"], "driver": "535.104.05", "base": "nvcr.io/nvidia/tensorflow:25.02-tf2-py3"}, "driver-minimum"),
    ],
)
def test_a_driver_that_the_gpu_or_the_image_does_not_accept_is_a_conflict(wishes: dict[str, Any], rule: str) -> None:
    assert rule in causes(conflict(**wishes))


def test_a_plan_for_a_new_gpu_asks_for_a_driver_that_knows_it() -> None:
    assert not any(s.contains("560.35.03") for s in _numbers(plans(gpu=["RTX 5090"])))


@pytest.mark.parametrize("base", ["tensorflow/tensorflow:nightly-gpu", "example.org/team/app:1"])
def test_an_unknown_interpreter_is_said_to_be_unknown(base: str) -> None:
    assert any("Python" in remark and "not established" in remark for remark in plan(base=base, gpu=True).remarks)


def test_latest_gpu_is_judged_by_the_release_that_it_meant() -> None:
    assert "cudnn-runtime" in causes(conflict(base="tensorflow/tensorflow:latest-gpu", gpu=True))
    assert plan(base="tensorflow/tensorflow:latest", gpu=False).tensorflow == "2.21.0"


def test_no_image_is_said_to_bring_a_python_it_cannot_have() -> None:
    found = conflict(python="3.7", gpu=True)  # the 1.15.2 image has Python 2.7 or 3.6: which is not established
    assert not [s for s in found.suggestions if s.plan.image.recipe == "official" and s.plan.python is None]


def test_markers_are_judged_for_the_target_and_not_for_the_running_interpreter() -> None:
    lines = ['numpy<1.24; python_version < "3.9"', 'numpy>=2; python_version >= "3.9"']
    assert "numpy==2.0.2" in plan(tensorflow="2.18", python="3.11", base="slim", packages=lines).requirements
    assert plan(packages=['numpy<1.20; python_version < "3.0"'], base="slim").tensorflow == plan(base="slim").tensorflow


def test_an_exact_python_is_taken_from_an_image_that_has_it() -> None:
    assert plan(python="3.11.9").image.reference.startswith("python:3.11.9-slim")


def test_tf_keras_of_another_minor_is_a_conflict() -> None:
    assert "keras-legacy" in causes(conflict(tensorflow="2.17", packages=["tf-keras==2.16.0"]))


@pytest.mark.parametrize(("release", "gpu"), [("2.17.0", True), ("2.9.1", False)])
def test_a_named_official_image_keeps_its_own_tensorflow_where_no_other_is_asked_for(release: str, gpu: bool) -> None:
    assert plan(base=f"tensorflow/tensorflow:{release}" + ("-gpu" if gpu else ""), gpu=gpu).tensorflow == release


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"python": "4"}, "--python: '4' is no Python that the matrix knows"),
        ({"python": "2.7"}, "--python: '2.7' is no Python that the matrix knows"),
        ({"base": "ngc"}, "--base ngc: NVIDIA's own images are for GPUs"),
    ],
)
def test_a_wish_that_nothing_can_meet_is_refused(wishes: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=re.escape(message)):
        resolve(Request(**wishes))


def test_leaving_out_the_wish_that_asked_for_a_gpu_still_asks_for_one() -> None:
    found = conflict(cuda="13")
    change = next(s for s in found.suggestions if "cuda" in s.change)
    assert change.plan.cuda is None or "gpu" in change.change


def test_a_driver_branch_is_not_taken_for_a_version() -> None:
    assert plan(gpu=["A100"], driver="535").doubts == ()  # 535 is above 525.60.13, whatever follows
    assert any("driver" in d.lower() for d in plan(tensorflow="2.15", gpu=["H100"], driver="535").doubts)  # 535.54.03 is needed


def test_no_package_wish_is_dropped_silently_on_nvidias_image() -> None:
    found = plan(base="ngc", gpu=True, packages=["numpy>=1.26"])
    assert "numpy>=1.26" in found.requirements
    assert any("numpy>=1.26" in r and "not checked" in r for r in found.remarks)


def test_a_keras_wish_on_nvidias_image_is_a_conflict_with_its_reason() -> None:
    assert "wish-keras-inside" in causes(conflict(base="ngc", gpu=True, keras="3"))


def test_a_digest_is_written_once() -> None:
    pinned = next(
        f"tensorflow/tensorflow:{t.tag}@{t.digest}" for t in load_bundled().official_tags.values() if t.digest and t.tag == "2.21.0"
    )
    found = plan(base=pinned)
    assert f"FROM {pinned}\n" in render_dockerfile(found, "2026-11-22")
