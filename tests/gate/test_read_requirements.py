"""A requirements file is read as pip reads it, and every part knows where it stands."""

from __future__ import annotations

import pytest
from pin_readers import read, rows, said, written

from tfcompat.gate.readers.requirements import read_requirements
from tfcompat.gate.source import Source

NAME = "requirements.txt"


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("tensorflow==2.15.1", "tensorflow==2.15.1"),
        ("TensorFlow_Text ~= 2.15.0", "tensorflow-text~=2.15.0"),
        ("tensorflow[and-cuda]>=2.15,<3", "tensorflow[and-cuda]<3,>=2.15"),
        ("numpy (>=1.2)  # why", "numpy>=1.2"),
        ('keras<3 ; python_version < "3.12"', 'keras<3 ; python_version < "3.12"'),
        ("six==1.17 --hash=sha256:00 --hash=sha256:11", "six==1.17"),
        ("six # a comment \\", "six"),
        ("h5py @ https://x/h5py.whl ; sys_platform == 'linux'", "h5py ; sys_platform == 'linux' @ https://x/h5py.whl"),
        ("h5py @ https://${USER}:${TOKEN}@x/h5py.whl", "h5py @ https://****@x/h5py.whl"),
        ("keras@git+https://x/y", "keras @ git+https://x/y"),
        ("-e git+https://github.com/a/b.git@v1#egg=Foo_Bar", "foo-bar @ git+https://github.com/a/b.git@v1#egg=Foo_Bar"),
        ("https://u:p@x.y/tensorflow-2.15.0-cp310-cp310-linux_x86_64.whl#sha256=1",
         "tensorflow==2.15.0 @ https://****@x.y/tensorflow-2.15.0-cp310-cp310-linux_x86_64.whl#sha256=1"),
        ("./wheels/tf_models_official-2.15.0-py2.py3-none-any.whl", "tf-models-official==2.15.0 @ ./wheels/tf_models_official-2.15.0-py2.py3-none-any.whl"),
    ],
)  # fmt: skip
def test_a_line_is_a_pin(line: str, row: str) -> None:
    file = read(NAME, f"# first\n{line}\n")
    assert (rows(file), said(file)) == ([row], [])


@pytest.mark.parametrize(
    "line", [".", "./pkg", "-e .", "-e ./pkg[gpu]", "--editable=../pkg", "-e pkg", "# -r x", "--pre", "--trusted-host x", "\\"]
)
def test_a_folder_an_option_or_a_comment_is_no_pin_and_no_problem(line: str) -> None:
    file = read(NAME, line)
    assert (file.pins, file.includes, file.problems) == ((), (), ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("tensorflow==", "1:1 ! 'tensorflow==' is not a requirement that can be read: Expected semicolon (after name with no version specifier) or end"),
        ("tensorflow=2.15.0", "1:1 ! 'tensorflow=2.15.0' is not a requirement that can be read: Expected semicolon (after name with no version specifier) or end"),
        ("tensorflow==2.15.0 numpy<2", "1:1 ! 'tensorflow==2.15.0 numpy<2' is not a requirement that can be read: Expected comma (within version specifier), semicolon (after version specifier) or end"),
        ("tensorflow==$V", "1:1 ! 'tensorflow==$V' is not a requirement that can be read: Expected semicolon (after name with no version specifier) or end"),
        ("numpy>=1.*,<2", "1:1 'numpy>=1.*,<2' is not a requirement that can be read: .* suffix can only be used with `==` or `!=` operators"),
        ("keras>=2.x", "1:1 ! 'keras>=2.x' is not a requirement that can be read: Expected comma (within version specifier), semicolon (after version specifier) or end"),
        ("tensorflow==${V}", "1:1 'tensorflow==${V}' holds a variable of the environment"),
        ("-r ${V}.txt", "1:4 -r ${V}.txt holds a variable of the environment"),
        ("-r https://x/req.txt", "1:4 -r https://x/req.txt names a URL, and nothing is fetched"),
        ("-c", "1:1 ! -c names no file"),
        ("--foo", "1:1 ! --foo is no option of a requirements file"),
        ("git+https://u:p@x/y", "1:1 'git+https://****@x/y' does not say which package it brings"),
        ("a==" + "9" * 5000, f"1:1 ! 'a=={'9' * 117}' is not a requirement that can be read: it is too long"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(line: str, reason: str) -> None:
    file = read(NAME, line)
    assert (rows(file), said(file)) == ([], [reason])


def test_a_problem_with_one_line_leaves_the_others() -> None:
    file = read(NAME, "six\n???\nnumpy\n")
    assert rows(file) == ["six", "numpy"]
    assert [(each.place.line, each.grave) for each in file.problems] == [(2, True)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_places_hold_across_continued_lines(end: str, bom: str) -> None:
    text = f"{bom}six{end}tensorflow[and-cuda] \\{end}   >=2.15, \\{end} <3 ; python_version<'4'{end}"
    pin = read(NAME, text).pins[1]
    assert str(pin) == "tensorflow[and-cuda]<3,>=2.15"
    assert written(text, pin.place) == f"tensorflow[and-cuda] \\{end}   >=2.15, \\{end} <3"
    assert written(text, pin.version_place) == f">=2.15, \\{end} <3"
    assert (pin.place.line, pin.place.column, pin.version_place and pin.version_place.line) == (2, 1, 3)


def test_lines_are_joined_without_a_blank_and_a_comment_ends_them() -> None:
    assert rows(read(NAME, "tensorflow==2.\\\n15.1\nnumpy \\\n# done\n<2")) == ["tensorflow==2.15.1", "numpy"]


def test_what_other_files_are_included() -> None:
    text = '-r base.txt -r ignored.txt\n-rdev.txt\n--requirement=a/b.txt # x\n-c "my constraints.txt"\n'
    includes = read(NAME, text).includes
    assert [(each.path, each.constraint) for each in includes] == [
        ("base.txt", False), ("dev.txt", False), ("a/b.txt", False), ("my constraints.txt", True),
    ]  # fmt: skip
    assert [written(text, each.place) for each in includes] == [each.path for each in includes]


def test_indexes_and_hashes_are_told() -> None:
    file = read(
        NAME, "--index-url https://u:p@x/simple --extra-index-url https://y\n-f ./wheels\n--no-index\nsix==1 \\\n  --hash=sha256:0\n"
    )
    assert file.indexes == ("--index-url https://****@x/simple", "--extra-index-url https://y", "-f ./wheels", "--no-index")
    assert file.hashes
    assert read(NAME, "--require-hashes\n").hashes
    assert not read(NAME, "six==1\n").hashes


def test_a_file_of_constraints_has_constraints() -> None:
    file = read_requirements(Source("constraints.txt", "numpy<2\n"), kind="constraint")
    assert rows(file) == ["numpy<2 <constraint>"]


def test_a_file_with_nul_is_no_text() -> None:
    file = read(NAME, "six\n\0numpy")
    assert (file.pins, said(file)) == ((), ["2:1 ! it is not text"])


@pytest.mark.parametrize("text", ["a" + " " * 200_000 + "b", "./" + "a-1-" * 50_000, "six " + "-" * 200_000])
def test_long_lines_are_read_in_one_go(text: str) -> None:
    assert len(read(NAME, text).pins) <= 1
