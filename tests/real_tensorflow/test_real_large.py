"""NVIDIA's own libraries, from ``tensorflow[and-cuda]``. Six gigabytes: with TFCOMPAT_LARGE=1 alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from environments import Environment, Environments, find_interpreter, judge

pytestmark = [
    pytest.mark.no_gpu,
    pytest.mark.skipif(os.environ.get("TFCOMPAT_LARGE") != "1", reason="takes 6 GB: set TFCOMPAT_LARGE=1"),
]


@pytest.fixture(scope="module")
def environment(environments: Environments) -> Environment:
    python, interpreter = find_interpreter(("3.12", "3.11", "3.10", "3.13"))
    return environments.build(f"and-cuda-py{python}", python, interpreter, "tensorflow[and-cuda]==2.21.0\n", timeout=3600)


def test_the_libraries_lie_where_nobody_looks(environment: Environment, tmp_path: Path) -> None:
    """TensorFlow's RUNPATH leads to all of NVIDIA's wheels but that of cuSOLVER."""
    checked = environment.check("--expect", "gpu", within=tmp_path)
    assert (checked.code, checked.broken) == (1, "driver")
    assert checked.statuses == ["broken", "ok", "broken", "ok", "ok", "skipped"]
    assert checked.link("runtime")["facts"]["CUDA"].startswith("12.")
    libraries = checked.link("libraries")
    assert {"cuDNN", "cuBLAS", "cuFFT", "cuSPARSE"} == set(libraries["facts"])
    assert libraries["because"].startswith("libcusolver.so.11 is installed (")
    assert libraries["because"].endswith("neither TensorFlow nor the loader looks there, so that every GPU is dropped")
    assert "library-not-on-path" in checked.findings("error")
    search = libraries["fix"].partition(" > ")[0]
    found = subprocess.run(
        ["bash", "-c", search], env={"PATH": f"{environment.executable.parent}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert sorted(found.stdout.split()) == folders(environment)


def test_with_the_libraries_on_the_path_the_driver_alone_is_missed(environment: Environment, tmp_path: Path) -> None:
    variables = {"LD_LIBRARY_PATH": ":".join(folders(environment))}
    facts = environment.probe("--expect", "gpu", within=tmp_path, variables=variables)
    checked = judge(facts, "--expect", "gpu")
    assert checked.statuses == ["broken", "ok", "ok", "ok", "ok", "skipped"]
    assert checked.link("libraries")["facts"]["cuSOLVER"].startswith("11.")
    assert checked.link("libraries")["facts"]["cuDNN"].startswith("9.")
    assert "cuinit-303" in checked.signatures


def folders(environment: Environment) -> list[str]:
    return sorted(str(path) for path in environment.site.glob("nvidia/*/lib"))
