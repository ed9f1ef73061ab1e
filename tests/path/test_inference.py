"""The third example: the model of the training container in the mended image, and in a small one."""

from __future__ import annotations

from path.conftest import Shell, Step


def test_the_gate_sees_what_the_first_example_has(inference: list[Step]) -> None:
    assert (inference[0].ran.code, inference[1].ran.code, inference[2].ran.code) == (1, 0, 0)
    assert "error[cudnn-runtime]" in inference[0].ran.out
    assert "model-format" not in inference[0].ran.out


def test_it_loads_the_model_and_predicts(inference: list[Step]) -> None:
    assert inference[4].ran.out.splitlines()[-1] in map(str, range(10))


def test_a_small_image_predicts_the_same(inference: list[Step], shell: Shell) -> None:
    assert "FROM python:3." in (shell.folder / "small/Dockerfile").read_text()
    assert inference[8].ran.out.splitlines()[-1] == inference[4].ran.out.splitlines()[-1]


def test_the_check_is_content_with_the_small_image(inference: list[Step], shell: Shell) -> None:
    probe = "tfcompat probe --print | podman run --rm --interactive small python - --expect cpu"
    ran = shell.run(f"{probe} | tfcompat check --facts -", check=False)
    assert (ran.code, ran.out.partition(":")[0]) == (0, "CPU works"), ran.out
