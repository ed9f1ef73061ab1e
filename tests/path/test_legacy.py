"""The second example: TensorFlow 2.10 with its own Keras, mended, and as ``resolve`` would have it."""

from __future__ import annotations

from path.conftest import Shell, Step

HELD = "import sys, keras, tensorflow; print(sys.version.split()[0], tensorflow.__version__, keras.__version__)"


def test_the_gate_explains(legacy: list[Step]) -> None:
    ran = legacy[0].ran
    assert ran.code == 1
    assert "error[externally-managed-pip]" in ran.out
    assert "error[no-wheel-for-interpreter] No wheel of tensorflow 2.10.0 is made for Python 3.14" in ran.out


def test_mended_it_has_no_findings(legacy: list[Step], shell: Shell) -> None:
    assert (legacy[1].ran.code, legacy[2].ran.code) == (0, 0)
    assert "FROM ubuntu:22.04\n" in (shell.folder / "legacy/Dockerfile").read_text()
    assert (shell.folder / "legacy/requirements.txt").read_text() == (
        "tensorflow==2.10.0\nnumpy<2\nkeras==2.10.0\n#...other dependencies...\n"
    )


def test_it_is_built_and_trains(legacy: list[Step], shell: Shell) -> None:
    assert "Epoch 2/2" in legacy[4].ran.out
    python, *held = shell.run(f"podman run --rm legacy python3 -c '{HELD}'").out.split()
    assert (python.rpartition(".")[0], held) == ("3.10", ["2.10.0", "2.10.0"])


def test_the_resolved_image_trains(legacy: list[Step], shell: Shell) -> None:
    assert "FROM tensorflow/tensorflow:2.10.0\n" in (shell.folder / "resolved/Dockerfile").read_text()
    assert "Epoch 2/2" in legacy[8].ran.out
    assert shell.run(f"podman run --rm resolved python -c '{HELD}'").out == "3.8.10 2.10.0 2.10.0\n"


def test_the_resolved_requirements_are_what_is_installed(legacy: list[Step]) -> None:
    assert "Would install" not in legacy[10].ran.out
    assert "Requirement already satisfied: tensorflow-cpu==2.10.0" in legacy[10].ran.out


def test_the_check_is_content_with_both(legacy: list[Step], shell: Shell) -> None:
    for image in ("legacy", "resolved"):
        probe = f"tfcompat probe --print | podman run --rm --interactive {image} python3 - --expect cpu"
        ran = shell.run(f"{probe} | tfcompat check --facts - --expect-tensorflow 2.10.0 --expect-keras 2.10.0", check=False)
        assert (ran.code, ran.out.partition(":")[0]) == (0, "CPU works"), ran.out
