"""conda's files: environments, locks, and those of pixi."""

from __future__ import annotations

import pytest
from pin_readers import read, rows, said, written

ENVIRONMENT = """\
name: tf
channels: [conda-forge]
dependencies:
  - python=3.10
  - tensorflow-gpu>=2.4,<3
  - conda-forge::cudnn=8.9   # the library
  - tensorflow=2.15=cuda120*
  - "numpy >=1.20,<2"
  - openssl=1.1.1k
  - pip
  - pip:
    - tensorflow[and-cuda]==2.15.1 ; python_version < "3.12"
    - -r requirements.txt
    - --extra-index-url https://pypi.nvidia.com
    - "keras<3"
    - -e .
    - |
      h5py==3.10
"""
CONDA_LOCK = """\
version: 1
package:
- name: python
  version: 3.10.14
  manager: conda
  platform: linux-64
  url: https://conda.anaconda.org/conda-forge/linux-64/python-3.10.14-hd12c33a_0_cpython.conda
  category: main
- name: ca-certificates
  version: 2024b
  manager: conda
  platform: linux-aarch64
  url: https://conda.anaconda.org/conda-forge/linux-aarch64/ca-certificates-2024b-h_0.tar.bz2
  category: dev
- name: Keras_Applications
  version: 1.0.8
  manager: pip
  platform: linux-64
  url: https://x/k.whl
- name: python
  version: 3.10.14
  manager: conda
  platform: osx-arm64
"""
PIXI = """\
[workspace]
platforms = ["linux-64"]
[dependencies]
python = "3.11.*"
tensorflow = {version = "2.15.*", build = "cuda*"}
c = "*"
[pypi-dependencies]
keras = "==3.1"
tf-keras = { version = "~=2.15.0", extras = ["x"] }
me = { path = ".", editable = true }
you = { git = "https://x" }
[target.win-64.dependencies]
nope = "1"
[target.linux-aarch64.dependencies]
arm = "1"
[feature.gpu.dependencies]
cudnn = "8.9.*"
[environments]
gpu = ["gpu"]
"""
PIXI_LOCK = """\
version: 6
environments:
  default:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    packages:
      linux-64:
      - conda: https://c/linux-64/python-3.11.9-hb806964_0_cpython.conda
      - pypi: https://p/tensorflow-2.15.0-cp311-cp311-manylinux_2_17_x86_64.whl
      - pypi: ./
      linux-aarch64:
      - conda: https://c/noarch/tzdata-2025b-h78e105d_0.conda
      osx-arm64:
      - conda: https://c/osx-arm64/python-3.11.9-h932a869_0_cpython.conda
  gpu:
    packages:
      linux-64:
      - conda: https://c/noarch/tzdata-2025b-h78e105d_0.conda
      linux-aarch64:
      - conda: https://c/noarch/tzdata-2025b-h78e105d_0.conda
packages:
- conda: https://c/linux-64/python-3.11.9-hb806964_0_cpython.conda
  sha256: 17
- conda: https://c/noarch/tzdata-2025b-h78e105d_0.conda
- pypi: https://p/tensorflow-2.15.0-cp311-cp311-manylinux_2_17_x86_64.whl
  name: tensorflow
  version: 2.15.0
- pypi: ./
  name: me
  version: 0.1
"""
PIXI_LOCK_4 = """\
version: 4
environments:
  default:
    packages:
      linux-64:
      - conda: https://c/linux-64/cudnn-8.9.7.29-h_1.conda
      - pypi: https://p/keras-3.1.0-py3-none-any.whl
packages:
- kind: conda
  name: cudnn
  version: 8.9.7.29
  build: h_1
  subdir: linux-64
  url: https://c/linux-64/cudnn-8.9.7.29-h_1.conda
- kind: pypi
  name: Keras
  version: 3.1.0
  url: https://p/keras-3.1.0-py3-none-any.whl
"""


def test_an_environment() -> None:
    file = read("environment.yml", ENVIRONMENT)
    assert rows(file) == [
        "python==3.10.* <conda>",
        "tensorflow-gpu<3,>=2.4 <conda>",
        "cudnn==8.9.* <conda>",
        "tensorflow==2.15 <conda> build cuda120*",
        "numpy<2,>=1.20 <conda>",
        "openssl===1.1.1k <conda>",
        "pip <conda>",
        'tensorflow[and-cuda]==2.15.1 ; python_version < "3.12"',
        "keras<3",
        "h5py==3.10",
    ]
    assert ([each.path for each in file.includes], file.indexes) == (["requirements.txt"], ("--extra-index-url https://pypi.nvidia.com",))
    assert file.python is not None
    assert (file.python[0], written(ENVIRONMENT, file.python[1]), said(file)) == ("==3.10.*", "python=3.10", [])


def test_places_in_an_environment() -> None:
    file = read("environment.yml", ENVIRONMENT)
    held = [(written(ENVIRONMENT, pin.place), pin.version_place and written(ENVIRONMENT, pin.version_place)) for pin in file.pins]
    assert held[2:5] == [
        ("conda-forge::cudnn=8.9", "=8.9"),
        ("tensorflow=2.15=cuda120*", "=2.15=cuda120*"),
        ("numpy >=1.20,<2", ">=1.20,<2"),
    ]
    assert held[7:9] == [("tensorflow[and-cuda]==2.15.1", "==2.15.1"), ("keras<3", "<3")]
    assert written(ENVIRONMENT, file.includes[0].place) == "requirements.txt"
    assert (file.pins[9].place.line, file.pins[9].version_place) == (17, file.pins[9].place)


def test_a_conda_lock() -> None:
    file = read("conda-lock.yml", CONDA_LOCK)
    assert rows(file) == [
        "python==3.10.14 <conda> build hd12c33a_0_cpython linux/amd64",
        "ca-certificates==2024b (dev) <conda> build h_0 linux/arm64".replace("==2024b", file.pins[1].specifier),
        "keras-applications==1.0.8 linux/amd64",
    ]
    assert (file.lock_of, file.groups, file.python and file.python[0], said(file)) == ("environment.yml", ("dev",), "==3.10.14", [])
    assert [written(CONDA_LOCK, pin.version_place) for pin in file.pins] == ["3.10.14", "2024b", "1.0.8"]


def test_pixi_toml() -> None:
    file = read("pixi.toml", PIXI)
    assert rows(file) == [
        "python==3.11.* <conda>",
        "tensorflow==2.15.* <conda> build cuda*",
        "c <conda>",
        "keras==3.1",
        "tf-keras[x]~=2.15.0",
        "you @ https://x",
        "arm==1 <conda> linux/arm64",
        "cudnn==8.9.* (gpu) <conda>",
    ]
    assert (file.groups, file.python and file.python[0], said(file)) == (("gpu",), "==3.11.*", [])


def test_pixi_lock() -> None:
    file = read("pixi.lock", PIXI_LOCK)
    found = [row.replace("===", "==") for row in rows(file)]
    assert found == [
        "python==3.11.9 <conda> build hb806964_0_cpython linux/amd64",
        "tensorflow==2.15.0 linux/amd64",
        "me==0.1 linux/amd64",
        "tzdata==2025b <conda> build h78e105d_0 linux/arm64",
        "tzdata==2025b (gpu) <conda> build h78e105d_0 linux/amd64 linux/arm64",
    ]
    assert (file.lock_of, file.groups, file.python and file.python[0], said(file)) == ("pixi.toml", ("gpu",), "==3.11.9", [])
    assert [written(PIXI_LOCK, pin.place) for pin in file.pins[:2]] == ["python-3.11.9", "tensorflow"]
    assert [written(PIXI_LOCK, pin.version_place) for pin in file.pins[:2]] == ["3.11.9", "2.15.0"]


def test_an_older_pixi_lock_names_what_its_urls_hold() -> None:
    assert rows(read("pixi.lock", PIXI_LOCK_4)) == ["cudnn==8.9.7.29 <conda> build h_1 linux/amd64", "keras==3.1.0 linux/amd64"]


@pytest.mark.parametrize(
    ("name", "text", "reasons"),
    [
        ("environment.yml", "dependencies: 3", ["1:15 ! dependencies is not a list"]),
        ("environment.yml", "dependencies: {a: 1}", ["1:15 ! dependencies is not a list"]),
        ("environment.yml", "dependencies:", []),
        ("environment.yml", "", ["1:1 it is empty"]),
        ("environment.yml", "# nothing yet\n---\n", ["1:1 it is empty"]),
        ("conda-lock.yml", "\n", ["1:1 it is empty"]),
        ("pixi.lock", "\n", ["1:1 it is empty"]),
        ("environment.yml", "dependencies: [{pip: [tensorflow=2.15]}]",
         ["1:23 ! 'tensorflow=2.15' is not a requirement that can be read: Expected semicolon (after name with no version specifier) or end"]),
        ("environment.yml", "- six", ["1:1 ! it holds no table"]),
        ("environment.yml", "dependencies: [{pip: x}, {pip: [{a: b}]}, {x: y}, scipy=1|2]",
         ["1:22 ! pip is not a list", "1:33 pip holds something that is not a requirement", "1:43 dependencies holds something that is not a package",
          "1:51 'scipy=1|2' is not a package and one range of versions that can be read"]),
        ("conda-lock.yml", "package: x", ["1:10 ! it is no lock file: package is not a list"]),
        ("conda-lock.yml", "package: [1, {name: a}]",
         ["1:11 ! a package has no name, version or platform that can be read", "1:21 ! a package has no name, version or platform that can be read"]),
        ("pixi.toml", "dependencies = 3\nfeature = 3", ["1:16 ! dependencies is not a table", "2:11 ! feature is not a table"]),
        ("pixi.toml", '[dependencies]\na = "1|2"\nb = 1', ["2:5 '1|2' of a is not one range of versions that can be read", "3:5 ! b has no version that can be read"]),
        ("pixi.lock", "version: 1\npackage: []", ["1:1 ! it is no pixi.lock that can be read: it names no environments"]),
        ("pixi.lock", "environments: {default: {packages: {linux-64: [{pypi: 'https://x/y.whl'}]}}}", ["1:55 https://x/y.whl is not in the list of packages"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(name: str, text: str, reasons: list[str]) -> None:
    file = read(name, text)
    assert (file.pins, said(file)) == ((), reasons)
