"""Where an environment's CUDA and cuDNN come from: the image, pip, conda or the distribution's package manager."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from tfcompat.gate.declared import Pin
from tfcompat.gate.environment import Environment, Stage
from tfcompat.gate.installed import TENSORFLOW, Installed, specifier
from tfcompat.gate.releases import Releases
from tfcompat.gate.source import Place
from tfcompat.requirements import requirements_of
from tfcompat.resolver.candidate import pip_cuda
from tfcompat.stack import Tensorflow
from tfcompat.versions import version

__all__ = ["Source", "extra_ranges", "fitting", "has_extra", "sources_of"]

_RUNTIME = re.compile(r"nvidia-cuda-runtime(-cu(?P<major>\d+))?")
_CUDNN = re.compile(r"nvidia-cudnn-cu(?P<major>\d+)")
_APT_CUDA = re.compile(r"cuda(-(toolkit|runtime|libraries|cudart|compiler|minimal-build|nvcc|command-line-tools))?(-(?P<version>\d+-\d+))?")
_APT_CUDNN = re.compile(r"(lib)?cudnn(?P<major>\d+)(-cuda-\d+)?(-dev)?")
_CONDA_CUDA = ("cudatoolkit", "cuda-version", "cuda-toolkit", "cuda-runtime", "cuda")


class Source(NamedTuple):
    """``kind``: ``image``, ``pip``, ``apt`` or ``conda``. What it brings is None where it brings none of it.

    A version is as precise as what names it: ``9`` of ``libcudnn9``. ``newest``: nothing pins it, so that it is the newest of that.
    ``at`` orders the sources of one build: the offset of the command, -1 for the image.
    """

    kind: str
    what: str
    place: Place
    cuda: Version | None = None
    cudnn: Version | None = None
    newest: bool = False
    evidence: tuple[str, ...] = ()
    at: int = -1


def has_extra(installed: Installed) -> Place | None:
    """Where ``[and-cuda]`` is asked for."""
    return next((p.place for p in installed.pins if p.name in TENSORFLOW and "and-cuda" in p.extras), None)


def sources_of(
    releases: Releases, stage: Stage, environment: Environment, installed: Installed, tensorflow: Tensorflow | None
) -> tuple[Source, ...]:
    """Every source, in the order in which the loader of TensorFlow's wheel meets them: pip's folders come first in its search path."""
    found = [*_pip(releases, installed, tensorflow), *_conda(installed), *_apt(stage)]
    image = stage.image
    if stage.base is not None and image is not None and (image.cuda is not None or image.cudnn is not None):
        found.append(Source("image", image.reference, stage.base.place, image.cuda, image.cudnn, evidence=image.evidence))
    return tuple(found)


def _pip(releases: Releases, installed: Installed, tensorflow: Tensorflow | None) -> Iterator[Source]:
    """The extra's parts, and pins of them. Parts of another major than TensorFlow's are another framework's, and no source of ours."""
    place, build = has_extra(installed), tensorflow.build if tensorflow is not None else None
    ranges = extra_ranges(releases, tensorflow)
    pins = [p for p in installed.pins if p.name.startswith("nvidia-") and p.specifier.startswith("==")]
    exact = [p for p in pins if p.name not in ranges or releases.together(p.name, [specifier(p.specifier), ranges[p.name]])]
    runtime = _of_major(exact, _RUNTIME, build.cuda if build is not None else None)
    ours = [p for p in exact if _for_cuda(p.name, build.cuda if build is not None else None)]
    cudnn = _of_major(ours, _CUDNN, build.cudnn if build is not None else None)
    extra = _extra(releases, tensorflow, ranges) if place is not None and tensorflow is not None else None
    cuda_version = _exact(runtime.specifier) if runtime else extra[0] if extra else None
    cudnn_version = _exact(cudnn.specifier) if cudnn else extra[1] if extra else None
    spot = place or (runtime.place if runtime else cudnn.place if cudnn else None)
    if spot is not None and (cuda_version or cudnn_version):
        what = "the and-cuda extra" if place else "nvidia's packages from pip"
        yield Source("pip", what, spot, cuda_version, cudnn_version, at=_command(installed, spot))


def _for_cuda(name: str, built: str | None) -> bool:
    """Whether ``nvidia-cudnn-cu12`` is made for the CUDA that TensorFlow was built for."""
    made_for = re.search(r"-cu(\d+)$", name)
    return made_for is None or built is None or int(made_for[1]) == version(built).major


def _of_major(pins: Sequence[Pin], pattern: re.Pattern[str], built: str | None) -> Pin | None:
    """The pin of this part whose major is the one that TensorFlow was built for."""
    found = [p for p in pins if pattern.fullmatch(p.name)]
    if built is None:
        return found[0] if found else None
    return next((p for p in found if (number := _exact(p.specifier)) is not None and number.major == version(built).major), None)


def _command(installed: Installed, place: Place) -> int:
    """Where the command stands that installs what is pinned at *place*."""
    steps = (step for step, pins in installed.steps if step.install is not None and any(p.place == place for p in pins))
    return next((step.install.place.start for step in steps if step.install is not None), place.start)


def _exact(text: str) -> Version | None:
    found = next((s.version for s in specifier(text) if s.operator == "=="), None)
    try:
        return Version(found.removesuffix(".*")) if found else None
    except InvalidVersion:
        return None


def extra_ranges(releases: Releases, tensorflow: Tensorflow | None) -> Mapping[str, SpecifierSet]:
    """What the and-cuda extra of this release asks for, by name."""
    build = tensorflow.build if tensorflow is not None else None
    if tensorflow is None or build is None or "and-cuda" not in build.extras or not build.python:
        return {}
    return requirements_of(build, tensorflow.platform, releases.python or version(build.python[-1]), "and-cuda")


def _extra(releases: Releases, tensorflow: Tensorflow, ranges: Mapping[str, SpecifierSet]) -> tuple[Version | None, Version | None] | None:
    """What the extra brings today: exact up to 2.19, the newest inside its ranges from 2.20 on."""
    if not ranges:
        return None
    runtime, cudnn = _newest(releases, ranges, _RUNTIME), _newest(releases, ranges, _CUDNN)
    if runtime is None and cudnn is None:
        python = releases.python or version(tensorflow.build.python[-1])  # type: ignore[union-attr]
        first = next(iter(pip_cuda(releases.matrix, tensorflow, python)), None)
        return (first[0], first[1]) if first else None
    return runtime, cudnn


def _newest(releases: Releases, ranges: Mapping[str, SpecifierSet], pattern: re.Pattern[str]) -> Version | None:
    name = next((n for n in ranges if pattern.fullmatch(n)), None)
    return releases.newest(name, [ranges[name]]) if name else None


def _conda(installed: Installed) -> Iterator[Source]:
    for pin in installed.pins:
        if pin.kind != "conda":
            continue
        number = _prefix(pin.specifier)
        if pin.name in _CONDA_CUDA:
            yield Source("conda", f"{pin.name} of conda", pin.place, cuda=number, at=_command(installed, pin.place))
        elif pin.name == "cudnn":
            yield Source("conda", "cudnn of conda", pin.place, cudnn=number, at=_command(installed, pin.place))


def _prefix(text: str) -> Version | None:
    """The version that a range of conda's means: ``==11.2.*`` is 11.2."""
    found = next((s.version for s in specifier(text) if s.operator in ("==", "~=")), None)
    return Version(found.removesuffix(".*")) if found else None


def _apt(stage: Stage) -> Iterator[Source]:
    for command in stage.system:
        for name, number, place in command.packages:
            cudnn, cuda = _APT_CUDNN.fullmatch(name), _APT_CUDA.fullmatch(name)
            named = _leading(number)
            source = Source(command.manager, f"{name} of {command.manager}", place, newest=named is None, at=command.place.start)
            if cudnn is not None:
                yield source._replace(cudnn=named or version(cudnn["major"]))
            elif cuda is not None and cuda["version"]:
                yield source._replace(cuda=version(cuda["version"].replace("-", ".")), newest=False)
            elif cuda is not None:
                yield source._replace(cuda=named)
            elif name.startswith(("libcudnn", "cudnn", "cuda-", "libcublas")):  # some of it, named by a variable
                yield source


def _leading(text: str) -> Version | None:
    """The version of a Debian package as far as it is the library's: ``9.3.0.75-1`` is 9.3.0.75; ``8.9.*`` is 8.9."""
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", text)
    return version(match[1]) if match else None


def fitting(sources: Sequence[Source], name: str, built: str | None) -> Source | None:
    """Of several sources of ``cuda`` or ``cudnn`` the one that is loaded: libraries are opened by their major, so that others do not matter."""
    having = [s for s in sources if getattr(s, name) is not None]
    if built is not None:
        same = [s for s in having if getattr(s, name).major == version(built).major]
        having = same or having
    return having[0] if having else None
