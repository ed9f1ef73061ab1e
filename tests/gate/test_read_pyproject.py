"""What a pyproject.toml asks for, in the tables of every tool."""

from __future__ import annotations

import pytest
from pin_readers import read, rows, said, written

NAME = "pyproject.toml"
STANDARD = """\
[build-system]
requires = ["setuptools<70"]
[project]
requires-python = ">=3.10,<3.13"
dependencies = [
  "tensorflow[and-cuda]==2.15.1; python_version < \\"3.12\\"",
  'numpy<2',  # why
  \"\"\"
h5py\"\"\",
]
optional-dependencies.gpu = ["tensorflow[and-cuda]"]
[dependency-groups]
dev = ["six", {include-group = "Test_A"}]
test-a = ["pytest"]
"""
UV = """\
[project]
dependencies = ["six", "numpy<2", "h5py"]
[tool.uv]
dev-dependencies = ["ruff"]
constraint-dependencies = ["protobuf<5"]
override-dependencies = ["ml-dtypes==0.3"]
[[tool.uv.index]]
url = "https://a:b@x/simple"
[tool.uv.sources]
six = {git = "https://x/six"}
numpy = [{index = "pytorch"}, {path = "../numpy"}]
H5Py = {index = "x"}
"""
POETRY = """\
[tool.poetry.dependencies]
python = "^3.10,<3.12"
tensorflow = "^2.15"
keras = "~2.15.0"
numpy = { version = "^1.26", optional = true, extras = ["b", "a"], markers = "sys_platform == 'linux'", python = ">=3.10" }
any = "*"
f = [{version = "^1", python = "<3.11"}, {version = "^2", python = ">=3.11", platform = "linux"}]
g = {git = "https://x"}
"k.l" = "1.0"
never = {version = "*", optional = true}
[tool.poetry.extras]
sci = ["NumPy"]
[tool.poetry.group.test.dependencies]
pytest = "^8"
[tool.poetry.dev-dependencies]
black = "*"
[tool.poetry.dependencies.sub]
version = "^2"
"""


def test_the_standard_tables() -> None:
    file = read(NAME, STANDARD)
    assert rows(file) == [
        'tensorflow[and-cuda]==2.15.1 ; python_version < "3.12"',
        "numpy<2",
        "h5py",
        "tensorflow[and-cuda] (gpu)",
        "six (dev)",
        "pytest (dev)",
        "pytest (test-a)",
    ]
    assert (file.groups, said(file)) == (("gpu", "dev", "test-a"), [])
    assert file.python is not None
    assert (file.python[0], written(STANDARD, file.python[1])) == ("<3.13,>=3.10", ">=3.10,<3.13")


def test_places_are_exact_inside_of_strings() -> None:
    pins = read(NAME, STANDARD).pins
    assert [written(STANDARD, pin.place) for pin in pins[:4]] == ["tensorflow[and-cuda]==2.15.1", "numpy<2", "h5py", "tensorflow[and-cuda]"]
    assert [written(STANDARD, pin.version_place) for pin in pins[:2]] == ["==2.15.1", "<2"]
    assert (pins[0].place.line, pins[0].place.column, pins[2].place.line) == (6, 4, 9)


def test_a_name_behind_an_escape_has_the_place_of_the_whole_string() -> None:
    text = '[project]\ndependencies = ["n\\u0075mpy<2"]'
    pin = read(NAME, text).pins[0]
    assert (str(pin), written(text, pin.place), pin.version_place) == ("numpy<2", '"n\\u0075mpy<2"', None)


def test_the_tables_of_uv() -> None:
    file = read(NAME, UV)
    assert rows(file) == [
        "six @ https://x/six", "numpy<2 @ ../numpy", "h5py", "ruff (dev)", "protobuf<5 <constraint>", "ml-dtypes==0.3 <constraint>",
    ]  # fmt: skip
    assert (file.indexes, file.groups) == (("--index-url https://****@x/simple",), ("dev",))


def test_the_tables_of_poetry() -> None:
    file = read(NAME, POETRY)
    assert rows(file) == [
        "tensorflow<3,>=2.15",
        "keras<2.16,>=2.15.0",
        "numpy[a,b]<2,>=1.26 ; (sys_platform == 'linux') and python_full_version >= \"3.10\" (sci)",
        "any",
        'f<2,>=1 ; python_full_version < "3.11"',
        'f<3,>=2 ; python_full_version >= "3.11" and sys_platform == "linux"',
        "g @ https://x",
        "k-l==1.0",
        "sub<3,>=2",
        "black (dev)",
        "pytest<9,>=8 (test)",
    ]
    assert (file.groups, said(file)) == (("sci", "dev", "test"), [])
    assert file.python is not None
    assert (file.python[0], written(POETRY, file.python[1])) == ("<3.12,<4,>=3.10", "^3.10,<3.12")
    tensorflow = file.pins[0]
    assert (written(POETRY, tensorflow.place), written(POETRY, tensorflow.version_place)) == ("tensorflow", "^2.15")


def test_the_table_of_pdm() -> None:
    file = read(NAME, '[tool.pdm.dev-dependencies]\nlint = ["black", "-e file:///${PROJECT_ROOT}/sub#egg=sub", "-e ."]')
    assert (rows(file), said(file)) == (["black (lint)", "sub (lint) @ file:///${PROJECT_ROOT}/sub#egg=sub"], [])


def test_the_tables_of_pixi() -> None:
    file = read(NAME, '[tool.pixi.dependencies]\ncudnn = "8.9.*"\n[tool.pixi.pypi-dependencies]\nkeras = "==3.1"')
    assert rows(file) == ["cudnn==8.9.* <conda>", "keras==3.1"]


def test_dynamic_dependencies_are_included_or_said() -> None:
    text = '[project]\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = {file = ["a.txt", "b.txt"]}'
    file = read(NAME, text)
    assert ([(each.path, written(text, each.place)) for each in file.includes], said(file)) == (
        [("a.txt", "a.txt"), ("b.txt", "b.txt")],
        [],
    )
    assert said(read(NAME, '[project]\ndynamic = ["version", "dependencies"]')) == [
        "2:11 the dependencies are dynamic: another program tells them when the project is built"
    ]
    assert not said(read(NAME, '[project]\ndynamic = ["dependencies"]\n[tool.poetry.dependencies]\nsix = "*"'))


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("project = 3", ["1:11 ! project is not a table"]),
        ("[project]\ndependencies = 3", ["2:16 ! project.dependencies is not a list"]),
        ("[project]\ndependencies = [1]", ["2:17 ! project.dependencies holds something that is not a requirement"]),
        ("[project]\noptional-dependencies = []", ["2:25 ! project.optional-dependencies is not a table"]),
        ('[project]\nrequires-python = ">=3.x"', ["2:19 ! '>=3.x' is not a range of Python versions that can be read"]),
        ("dependency-groups = 1", ["1:21 ! dependency-groups is not a table"]),
        ('[dependency-groups]\na = ["six", {include-group = "b"}]', ["2:30 ! there is no group 'b'"]),
        ('[dependency-groups]\na = [{include-group = "a"}]', ["2:23 ! groups include each other"]),
        ("tool.uv = 1\ntool.poetry = 2\ntool.pixi = 3",
         ["2:15 ! tool.poetry is not a table", "1:11 ! tool.uv is not a table", "3:13 ! tool.pixi is not a table"]),
        ('[tool.poetry.dependencies]\na = "^1 || ^2"\nb = 3\nc = {}\n"?" = "*"',
         ["2:5 '^1 || ^2' of a is not one range of versions that can be read", "3:5 ! b has no version that can be read",
          "4:1 c has no version that can be read", "5:1 '?' is not the name of a package"]),
        ('[project]\ndependencies = ["tensorflow=2.15"]', ["2:18 ! 'tensorflow=2.15' is not a requirement that can be read: Expected semicolon"]),
        ('[project]\ndependencies = ["git+https://x/y"]',
         ["2:17 ! 'git+https://x/y' is not a requirement that can be read: a name and @ should stand before it"]),
        ('[project]\ndependencies = ["./keras-3.0-py3-none-any.whl"]',
         ["2:17 ! './keras-3.0-py3-none-any.whl' is not a requirement that can be read: a name and @ should stand before it"]),
        ('[project]\nrequires-python = 3.11', ["2:19 ! '' is not a range of Python versions that can be read"]),
        ('[project]\nrequires-python = ">=3.8.*"', ["2:19 '>=3.8.*' is not a range of Python versions that can be read"]),
        ('[tool.poetry.dependencies]\npython = "^3.8 || ^3.10"', ["2:10 '^3.8 || ^3.10' is not a range of Python versions that can be read"]),
        ("a = 1\na = 2", ["2:6 ! it is not TOML: Cannot overwrite a value"]),
        ('[project]\ndependencies = ["x"', ["2:20 ! it is not TOML: Unclosed array"]),
        ("a" + ".a" * 300 + " = 1", ["1:1 ! a key in line 1 has more than 200 parts"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(text: str, reasons: list[str]) -> None:
    assert [each.split(" (")[0] for each in said(read(NAME, text))] == reasons


def test_groups_that_include_many_groups_are_read_once_each() -> None:
    lines = [f'g{i} = [{{include-group = "g{i + 1}"}}, {{include-group = "g{i + 1}"}}]' for i in range(15)]
    file = read(NAME, "\n".join(["[dependency-groups]", *lines, 'g15 = ["six"]']))
    assert rows(file) == [f"six (g{i})" for i in range(16)]
