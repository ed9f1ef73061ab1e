"""The images of Docker Hub that the whole path starts from, made here of the same parts and pushed to a registry on loopback.

``ubuntu:22.04`` and ``ubuntu:20.04`` come from Ubuntu's archive. ``tensorflow/tensorflow`` is that Ubuntu with the packages that its
Dockerfile names, TensorFlow and what pip would have taken on the day the image was made; without CUDA's libraries, as there is no GPU.
``python:X.Y-slim-bookworm`` is Debian with a CPython of that minor in /usr/local.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from containers.engine import Engine, run_tool

__all__ = ["TENSORFLOW", "TensorFlow", "make_python", "make_tensorflow", "make_ubuntu"]

_KEYRING = "http://archive.ubuntu.com/ubuntu/pool/main/u/ubuntu-keyring/ubuntu-keyring_2021.03.26_all.deb"
_KEYRING_SHA256 = "0d0e7ed6b112f5d03eabf3c7eb01ebdacf9c57714b279e90495cfc58c8c4520f"
_SUITES = {"22.04": "jammy", "20.04": "focal"}
# Recommended packages are a compiler and its headers here: 250 MB that nothing uses.
_NO_RECOMMENDS = "--aptopt=APT::Install-Recommends false"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_INDEX = "https://pypi.org/simple"
_DEBIAN = "localhost/slim:bookworm"
_SHARED_LIBRARIES = ["ca-certificates", "libbz2-1.0", "libffi8", "liblzma5", "libsqlite3-0", "libssl3", "zlib1g"]
_BRANDS = ("tesla", "unknown", "nvidia", "nvidiartx", "geforce", "geforcertx", "quadro", "quadrortx", "titan", "titanrtx")
_OLDER = [f"brand={brand},driver>={branch},driver<{branch + 1}" for branch in (470, 525, 535) for brand in _BRANDS]
_CUDA_12_3 = {  # nvidia/cuda:12.3.0-base-ubuntu22.04
    "CUDA_VERSION": "12.3.0",
    "LD_LIBRARY_PATH": "/usr/local/nvidia/lib:/usr/local/nvidia/lib64",
    "NVARCH": "x86_64",
    "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
    "NVIDIA_REQUIRE_CUDA": f"cuda>=12.3 {' '.join(_OLDER)}",
    "NVIDIA_VISIBLE_DEVICES": "all",
    "NV_CUDA_CUDART_VERSION": "12.3.52-1",
    "PATH": "/usr/local/nvidia/bin:/usr/local/cuda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


class TensorFlow(NamedTuple):
    """What is in an image of tensorflow/tensorflow; ``day`` is the one after which nothing on the index counts."""

    ubuntu: str
    python: str
    packages: tuple[str, ...]
    requirement: str
    day: str
    env: dict[str, str]


TENSORFLOW = {
    "2.17.0-gpu": TensorFlow("22.04", "3.11", ("python3.11",), "tensorflow==2.17.0", "2024-07-13", _CUDA_12_3),
    "2.10.0": TensorFlow("20.04", "3.8", ("python3.8", "python3-distutils"), "tensorflow-cpu==2.10.0", "2022-09-08", {}),
}


def make_ubuntu(engine: Engine, release: str) -> str:
    """Ubuntu *release*, signed by its archive's key; apt finds that archive in it."""
    image = f"localhost/ubuntu:{release}"
    if not engine.has(image):
        suite, keyring = _SUITES[release], _ubuntu_keyring(engine.folder / f"keyring-{release}")
        sources = [f"deb http://archive.ubuntu.com/ubuntu {name} main universe" for name in (suite, f"{suite}-updates")]
        engine.load_base(image, ["apt", "ca-certificates"], suite, options=[f"--keyring={keyring}", _NO_RECOMMENDS], sources=sources)
    return image


def make_tensorflow(engine: Engine, tag: str) -> str:
    """``tensorflow/tensorflow:TAG``."""
    held = TENSORFLOW[tag]
    interpreter = f"/usr/bin/python{held.python}"
    variables = {"LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **held.env}
    # uv takes what pip would have taken on that day; pip itself cannot be told
    options = f"--system --python {interpreter} --no-cache --link-mode copy --compile-bytecode --exclude-newer {held.day}"
    dockerfile = [
        f"FROM {make_ubuntu(engine, held.ubuntu)}",
        *(f'ENV {name}="{value}"' for name, value in variables.items()),
        f"RUN apt-get update && apt-get install -y {' '.join(held.packages)} && rm -rf /var/lib/apt/lists/* \\",
        f" && ln -sf {interpreter} /usr/bin/python3 && ln -sf {interpreter} /usr/bin/python",
        f"RUN SSL_CERT_FILE={_CERTIFICATES} uv pip install --quiet {options} --index-url {_INDEX} pip '{held.requirement}'",
    ]
    return _build(engine, f"tensorflow-{tag}", "\n".join(dockerfile) + "\n")


def make_python(engine: Engine, minor: str) -> str:
    """``python:MINOR-slim-bookworm``."""
    engine.load_base(_DEBIAN, _SHARED_LIBRARIES)
    dockerfile = f"""\
FROM {_DEBIAN}
ENV LANG=C.UTF-8
COPY python /usr/local
RUN ldconfig && python{minor} -m ensurepip --upgrade && ln -sf pip{minor} /usr/local/bin/pip && ln -sf python{minor} /usr/local/bin/python
"""
    return _build(engine, f"python-{minor}", dockerfile, _interpreter(minor))


def _build(engine: Engine, name: str, dockerfile: str, python: Path | None = None) -> str:
    """The image of *dockerfile*; its tag is made of it, so that a kept one is taken only where nothing changed."""
    tag = f"localhost/{name.lower()}:{hashlib.sha256(dockerfile.encode()).hexdigest()[:12]}"
    if not engine.has(tag):
        context = engine.folder / name
        context.mkdir()
        (context / "Dockerfile").write_text(dockerfile)
        if python is not None:
            unwanted = shutil.ignore_patterns("__pycache__", "test", "site-packages", "*.a", "EXTERNALLY-MANAGED")
            shutil.copytree(python, context / "python", symlinks=True, ignore=unwanted)
        engine.build(tag, context, f"--volume={_uv()}:/usr/local/bin/uv:ro")
        shutil.rmtree(context)
    return tag


def _interpreter(minor: str) -> Path:
    """The folder of a CPython that can be moved: pyenv's, or uv's, which fetches one where there is none."""
    found = sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python{minor}"))
    if not found:
        for action in (["install", minor], ["find", "--managed-python", minor]):
            asked = run_tool([sys.executable, "-m", "uv", "python", *action])
        found = [Path(asked.out.strip()).resolve()]
    return found[0].parent.parent


def _uv() -> str:
    from uv import find_uv_bin

    return str(find_uv_bin())


def _ubuntu_keyring(folder: Path) -> Path:
    """The keys of Ubuntu's archive, which Debian does not have, by their package's digest."""
    with urlopen(_KEYRING, timeout=60) as response:
        package = response.read()
    assert hashlib.sha256(package).hexdigest() == _KEYRING_SHA256, f"{_KEYRING} is another file than it was"
    folder.mkdir()
    folder.parent.chmod(0o711)  # apt reads the keys without root's rights
    (folder / "keyring.deb").write_bytes(package)
    subprocess.run(["dpkg-deb", "--extract", folder / "keyring.deb", folder], check=True)
    return folder / "usr/share/keyrings/ubuntu-archive-keyring.gpg"
