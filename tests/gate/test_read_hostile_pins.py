"""No text makes a reader of pins raise, and every place holds what it is said to hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pin_readers import READERS, read

SAMPLES = {
    "requirements.txt": 'tensorflow[and-cuda]==2.15.1 ; python_version<"3.12" \\\n  --hash=sha256:00\n-r base.txt\n-e git+https://x/y.git#egg=z\nnumpy \\\n <2\n',
    "pyproject.toml": """
[project]
name = "a"
requires-python = ">=3.10"
dependencies = ["tensorflow==2.15.1 ; python_version<\\"3.12\\"", 'numpy<2']
dynamic = ["dependencies"]
[project.optional-dependencies]
gpu = ["tensorflow[and-cuda]"]
[dependency-groups]
dev = ["six", {include-group = "b"}]
b = []
[tool.poetry.dependencies]
python = "^3.10"
tensorflow = {version = "^2.15", extras = ["and-cuda"], optional = true, python = ">=3.10"}
keras = [{version = "~3"}, "2.*"]
[tool.poetry.extras]
gpu = ["tensorflow"]
[tool.uv]
constraint-dependencies = ["h5py<4"]
[tool.uv.sources]
six = {git = "https://x/y"}
[tool.pixi.dependencies]
cudnn = {version = "8.9.*", build = "cuda*"}
""",
    "uv.lock": 'version = 1\nrequires-python = ">=3.10"\n\n[[package]]\nname = "a"\nsource = { virtual = "." }\ndependencies = [\n    { name = "keras", marker = "x" },\n]\n\n'
    '[[package]]\nname = "keras"\nversion = "3.0"\nsource = { registry = "https://pypi.org/simple" }\nwheels = [\n    { url = "https://x", hash = "sha256:0", size = 3 },\n]\n',
    "poetry.lock": '[[package]]\nname = "keras"\nversion = "3.0"\ngroups = ["main", "dev"]\nmarkers = {main = "x", dev = "y"}\noptional = true\nfiles = [\n    {file = "x", hash = "sha256:0"},\n]\n\n[metadata]\npython-versions = "^3.9"\n',
    "pdm.lock": '[metadata]\n[[metadata.targets]]\nrequires_python = ">=3.10"\n\n[[package]]\nname = "keras"\nversion = "3.0"\ngroups = ["default"]\nmarker = "x"\n',
    "pylock.toml": 'lock-version = "1.0"\nrequires-python = ">=3.10"\n\n[[packages]]\nname = "keras"\nversion = "3.0"\nmarker = "x"\n',
    "Pipfile.lock": '{"_meta": {"requires": {"python_version": "3.11"}}, "default": {"keras": {"version": "==3.0", "markers": "x", "extras": ["y"]}}, "develop": {"six": {"git": "https://x"}}}',
    "environment.yml": "dependencies:\n  - python=3.10\n  - conda-forge::cudnn=8.9=cuda*\n  - tensorflow[version='>=2.15']\n  - pip:\n    - keras<3  # x\n    - -r requirements.txt\n    - |\n      h5py\n",
    "conda-lock.yml": "package:\n- name: keras\n  version: '3.0'\n  manager: conda\n  platform: linux-64\n  url: https://x/keras-3.0-py_0.conda\n- name: six\n  version: 1.17.0\n  manager: pip\n  platform: linux-aarch64\n",
    "pixi.toml": '[dependencies]\npython = "3.11.*"\n[pypi-dependencies]\ntensorflow = { version = ">=2.15", extras = ["and-cuda"] }\n[feature.gpu.target.linux-64.dependencies]\ncudnn = "*"\n',
    "pixi.lock": "version: 6\nenvironments:\n  default:\n    packages:\n      linux-64:\n      - conda: https://c/linux-64/python-3.11.9-h1_0.conda\n      - pypi: https://p/keras-3.0-py3-none-any.whl\npackages:\n- conda: https://c/linux-64/python-3.11.9-h1_0.conda\n- pypi: https://p/keras-3.0-py3-none-any.whl\n  name: keras\n  version: '3.0'\n",
}
CUTS = st.integers(0, 10_000)
PIECES = st.sampled_from(
    ["\0", "\ufeff", "\r", "\\", '"', "'''", "[", "]", "{", "}", "[[package]]\n", "name = 3\n", " = ", "\n", "9" * 5000, "*", "^", "~", "|", ">=", "==1.*.2", "@", "::", "#", "${X}", "-e ", "-r", "\u2028", "\x85", "İ", "*a", "&a", "!!x", "- ", "? ", "<<: ", "1.0", "null", "3.10", ",", ";", "(", "\\\n", "\ud800"]
)  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@given(text=st.text(max_size=60) | st.lists(PIECES, max_size=8).map("".join))
@settings(max_examples=150)
def test_any_text_is_read(name: str, text: str) -> None:
    read(name, text)


@pytest.mark.parametrize("name", READERS)
@given(cuts=st.tuples(CUTS, CUTS), piece=PIECES | st.just("") | st.text(max_size=4))
@settings(max_examples=300)
def test_what_was_damaged_is_read(name: str, cuts: tuple[int, int], piece: str) -> None:
    text = SAMPLES[name]
    first, last = sorted(cut % (len(text) + 1) for cut in cuts)
    if last - first > 30:
        last = first + 3
    read(name, text[:first] + piece + text[last:])


@pytest.mark.parametrize("name", READERS)
def test_what_is_whole_has_pins_and_no_problem_that_is_grave(name: str) -> None:
    file = read(name, SAMPLES[name])
    assert file.pins
    assert not [problem for problem in file.problems if problem.grave]


@pytest.mark.parametrize("name", [name for name in READERS if name != "requirements.txt"])
def test_a_file_that_cannot_be_parsed_has_one_grave_problem(name: str) -> None:
    for text in ("\0", '{"a": [', SAMPLES[name][:-1] + "\n{[", "x = [" + "[" * 100_000):
        file = read(name, text)
        assert (file.pins, [problem.grave for problem in file.problems]) == ((), [True])
