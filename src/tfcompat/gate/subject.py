"""One environment at the end of its build as a stack for the rules, with the place of every fact."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from packaging.version import Version

from tfcompat.gate.cuda import Source, fitting, has_extra, sources_of
from tfcompat.gate.environment import Environment, Stage
from tfcompat.gate.installed import KERAS, TENSORFLOW, Held, Installed, install
from tfcompat.gate.releases import Releases
from tfcompat.gate.source import Place
from tfcompat.inspection import tensorflow_inside
from tfcompat.matrix.gpus import GpuTarget
from tfcompat.matrix.matrix import Matrix
from tfcompat.stack import Fact, Image, Package, Stack, Tensorflow
from tfcompat.versions import version

__all__ = ["ITS_OWN", "Subject", "Target", "subject_of"]

ITS_OWN = ("tensorflow/tensorflow:", "nvcr.io/nvidia/tensorflow:")


class Target(NamedTuple):
    """What everything has to run on."""

    gpus: tuple[GpuTarget, ...] = ()
    driver: Version | None = None

    @property
    def gpu(self) -> bool:
        return bool(self.gpus) or self.driver is not None


class Subject(NamedTuple):
    """``tensorflow`` is None where none is installed or none is known; ``meant``: why a GPU is expected, empty where none is.

    ``places``: where each fact stands, by its name; of a package by ``package:NAME``. ``requested``: who requests a GPU for it.
    """

    stage: Stage
    environment: Environment
    releases: Releases
    installed: Installed
    held: Held | None
    tensorflow: Tensorflow | None
    image: Image | None
    meant: str
    sources: tuple[Source, ...]
    stack: Stack
    places: Mapping[str, Place]
    requested: str = ""

    @property
    def what(self) -> str:
        name = self.environment.name
        return f"{self.stage.what}, {name}" if name else self.stage.what

    @property
    def gpu(self) -> bool:
        return bool(self.meant)

    @property
    def relevant(self) -> bool:
        """Whether TensorFlow, Keras or what stands on them is in play at all."""
        known = self.image is not None and self.image.reference.startswith(ITS_OWN)  # a tag that is not there has no contents
        return known or self.held is not None or any(name in self.installed.held for name in KERAS)

    @property
    def from_image(self) -> bool:
        """Whether TensorFlow is the image's own."""
        return self.held is not None and self.held.own

    @property
    def tensorflow_place(self) -> Place | None:
        return self.places.get("tensorflow")


def subject_of(matrix: Matrix, stage: Stage, environment: Environment, target: Target, requested: str = "") -> Subject:
    """Read the end of a build. *requested* says who requests a GPU for it, as in ``service trainer``."""
    image = _visible(matrix, stage.image, environment)
    python = environment.python.version if environment.python else None
    releases = Releases(matrix, stage.platform, python)
    installed = install(releases, environment, image, _distribution(matrix, image))
    held = installed.tensorflow
    tensorflow = _release(matrix, held, image, stage.platform)
    sources = sources_of(releases, stage, environment, installed, tensorflow)
    meant = _meant(target, image, installed, sources, requested)
    facts, places = _facts(matrix, stage, environment, installed, tensorflow, image, bool(meant), sources, target)
    return Subject(stage, environment, releases, installed, held, tensorflow, image, meant, sources, Stack(facts), places, requested)


def _visible(matrix: Matrix, image: Image | None, environment: Environment) -> Image | None:
    """The image as this environment has it: a virtual environment has its libraries, and not its packages."""
    if image is None or image.tensorflow is None or environment.sees_image:
        return image
    return matrix.remember(("without packages", image), lambda: image._replace(tensorflow=None, own_build=False, uncertain=()))


def _distribution(matrix: Matrix, image: Image | None) -> str | None:
    if image is None or image.tensorflow is None:
        return None
    contents = matrix.official_contents.get((str(image.tensorflow), "gpu" if image.gpu else "cpu"))
    return contents.distribution if contents is not None and not image.own_build else None


def _release(matrix: Matrix, held: Held | None, image: Image | None, platform: str) -> Tensorflow | None:
    """The release that is imported: of the index, or the image's own build."""
    if held is None or held.version is None or held.conda:
        return None
    if held.own and image is not None:
        return tensorflow_inside(matrix, image, held.name, image.gpu, platform)
    release = matrix.release(held.name, str(held.version))
    return Tensorflow(release, platform, matrix.build(release, platform)) if release is not None else None


def _meant(target: Target, image: Image | None, installed: Installed, sources: Sequence[Source], requested: str) -> str:
    """Why a GPU is expected."""
    if target.gpu:
        return "the target"
    if image is not None and image.gpu:
        return image.reference
    if has_extra(installed) is not None:
        return "the and-cuda extra"
    if any(p.name in ("tensorflow-gpu", "tf-nightly-gpu") for p in installed.pins):
        return "tensorflow-gpu"
    return requested or next((source.what for source in sources if source.kind != "pip"), "")  # another framework's, without the extra


def _facts(
    matrix: Matrix,
    stage: Stage,
    environment: Environment,
    installed: Installed,
    tensorflow: Tensorflow | None,
    image: Image | None,
    gpu: bool,
    sources: Sequence[Source],
    target: Target,
) -> tuple[dict[str, Fact], dict[str, Place]]:
    found: dict[str, tuple[Any, str, Place | None, tuple[str, ...]]] = {
        "accelerator": ("gpu" if gpu else "cpu", "", None, ()),
        "platform": (stage.platform, "", stage.platform_place, ()),
    }
    base = stage.base.place if stage.base else None
    if image is not None:
        found["image"] = (image, image.reference, base, image.evidence)
        if image.libc is not None or image.tensorflow is not None:
            found["libc"] = (image.libc, image.reference, base, image.evidence)
    python = environment.python
    held = installed.tensorflow
    if python is not None and not (held is not None and held.conda):  # conda sees to its own
        found["python"] = (python.version, python.where, python.place, image.evidence if python.own and image is not None else ())
    if tensorflow is not None:
        pin = held.pin if held else None
        found["tensorflow"] = (tensorflow, "", pin.place if pin else base, _evidence(tensorflow))
    packages: list[Package] = []
    places: dict[str, Place] = {}
    for name, one in installed.held.items():
        if name in TENSORFLOW or one.version is None or not one.exact or one.pin is None:
            continue
        package = Package(name, one.version)
        places[f"package:{name}"] = one.pin.place
        if name in KERAS:
            found[name] = (package, str(one.pin.place), one.pin.place, ())
        else:
            packages.append(package)
    if packages:
        found["package"] = (tuple(packages), "", None, ())
    found["env"] = (dict(stage.known_variables), "", None, ())
    if gpu and stage.platform == "linux/amd64":
        found |= _cuda(sources, tensorflow, image, base)
    if target.gpus:
        found["gpu"] = (target.gpus, "the target", None, ())
    if target.driver is not None:
        found["driver"] = (target.driver, "the target", None, ())
    places |= {name: place for name, (_, _, place, _) in found.items() if place is not None}
    return {name: Fact(name, value, where, evidence) for name, (value, where, _, evidence) in found.items()}, places


def _cuda(sources: Sequence[Source], tensorflow: Tensorflow | None, image: Image | None, base: Place | None) -> dict[str, Any]:
    """The libraries that TensorFlow would load. What nothing brings is no fact: that is for another rule to say."""
    found: dict[str, Any] = {}
    build = tensorflow.build if tensorflow else None
    for name in ("cuda", "cudnn"):
        source = fitting(sources, name, getattr(build, name) if build else None)
        if source is not None:
            built = getattr(build, name) if build else None
            if source.newest and built is not None and getattr(source, name).major == version(built).major:
                continue  # the newest of its major, which serves whatever was compiled
            found[name] = (getattr(source, name), source.what, source.place, source.evidence)
        elif image is not None and image.tensorflow is not None and image.gpu:
            found[name] = (None, image.reference, base, image.evidence)
    return found


def _evidence(tensorflow: Tensorflow) -> tuple[str, ...]:
    return tuple(tensorflow.build.evidence.get("*", ())) if tensorflow.build else ()
