"""A request: what a person wishes, as text; and the wishes it is made of, parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tfcompat.errors import RequestError
from tfcompat.images import find_image
from tfcompat.matrix.gpus import find_gpu
from tfcompat.platforms import environment
from tfcompat.versions import parse_specifier, parse_version

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.models.model import Model

__all__ = ["BASES", "PackageLine", "Request", "Wish", "parse_wishes"]

LENGTH_LIMIT = 1000  # characters of a requirement
BASES = ("auto", "official", "slim", "cuda", "ngc")
KNOWN_PYTHONS = tuple(f"3.{n}" for n in range(14, 4, -1))  # newest first: those with an image; the wheels say which serve
RESOLVED_PLATFORMS = ("linux/amd64", "linux/arm64")


class PackageLine(NamedTuple):
    """A requirement a person has, and where it stands: ``--package`` or ``requirements.txt:3``."""

    text: str
    where: str = "--package"


class Request(NamedTuple):
    """What is wished for. Everything is optional; specifiers follow PEP 440, and ``2.15`` means ``==2.15.*``.

    ``gpu``: True for any GPU, or names and compute capabilities that the plan must all run on. ``driver``,
    ``cuda`` and ``cudnn`` ask for a GPU as well. ``cpu`` asks for a plan without one, which is also what a
    request gets that names nothing of a GPU. ``base``: ``auto``, ``official``, ``slim``, ``cuda``, ``ngc`` or an image.
    ``models``: saved models that its Keras must load, as :func:`tfcompat.inspect_model` reads them.
    ``by_name``: TensorFlow is installed as ``tensorflow`` on a CPU too, for packages that require the distribution of that name.
    """

    tensorflow: str | None = None
    keras: str | None = None
    python: str | None = None
    cuda: str | None = None
    cudnn: str | None = None
    driver: str | None = None
    gpu: bool | Sequence[str] = False
    cpu: bool = False
    platform: str = "linux/amd64"
    base: str = "auto"
    jupyter: bool = False
    packages: Sequence[str | PackageLine] = ()
    by_name: bool = False
    models: Sequence[Model] = ()


class Wish(NamedTuple):
    """One wish, parsed. ``name`` is unique within a request: ``python``, ``gpu:A100``, ``package:numpy``.

    ``conditions`` are the lines behind a package's wish, each with its marker.
    """

    name: str
    text: str
    value: Any
    where: str
    conditions: tuple[tuple[SpecifierSet, Marker | None], ...] = ()

    def range_for(self, platform: str, python: Version) -> SpecifierSet | None:
        """Of a package: what its lines ask for on this target; None where the markers of all of them are false."""
        target = environment(platform, f"{python.major}.{python.minor}")
        found = [s for s, marker in self.conditions if marker is None or marker.evaluate(target)]
        return SpecifierSet(",".join(map(str, found)), prereleases=True) if found else None

    def with_text(self, text: str, value: Any) -> Wish:
        return self._replace(text=text, value=value)


Wishes = Mapping[str, Wish]


def parse_wishes(request: Request, matrix: Matrix) -> dict[str, Wish]:
    """The wishes of *request*. Raises :class:`RequestError` for one that cannot be understood.

    A version that the matrix has never heard of is refused here, with what there is; two wishes that
    exclude each other are not: that is a conflict, and the resolver explains it.
    """
    wishes: dict[str, Wish] = {}

    def add(name: str, text: str, value: Any, where: str) -> None:
        wishes[name] = Wish(name, text, value, where)

    for name in ("tensorflow", "keras", "python", "cuda", "cudnn"):
        text = getattr(request, name)
        if text is not None:
            add(name, text, parse_specifier(text, f"--{name}"), f"--{name}")
    if request.driver is not None:
        add("driver", request.driver, parse_version(request.driver, "--driver"), "--driver")
    _add_gpus(request, matrix, add)
    if request.platform not in RESOLVED_PLATFORMS:
        raise RequestError(f"--platform: {request.platform!r} is not known", f"one of {', '.join(RESOLVED_PLATFORMS)}")
    add("platform", request.platform, request.platform, "--platform" if request.platform != "linux/amd64" else "the default platform")
    if request.base not in BASES:
        add("base", request.base, find_image(matrix, request.base), "--base")
    elif request.base != "auto":
        add("base", request.base, request.base, "--base")
    if request.jupyter:
        add("jupyter", "yes", True, "--jupyter")
    if request.by_name:
        add("by-name", "yes", True, "a package that requires tensorflow")
    for model in request.models:
        add(f"model:{model.name}", model.name, model, "--model")
    _add_packages(request, wishes)
    _refuse_unheard_of(wishes, matrix)
    own_build = wishes["base"].value == "ngc" or getattr(wishes["base"].value, "own_build", False) if "base" in wishes else False
    if own_build and wishes["accelerator"].value == "cpu":
        raise RequestError(f"--base {request.base}: NVIDIA's own images are for GPUs", "add --gpu")
    return wishes


def _add_gpus(request: Request, matrix: Matrix, add: Any) -> None:
    if isinstance(request.gpu, str):
        raise RequestError(f"gpu={request.gpu!r} is text", f"give a list: gpu=[{request.gpu!r}]")
    names = [] if isinstance(request.gpu, bool) else [str(n) for n in request.gpu]
    for name in names:
        target = find_gpu(matrix, name)
        add(f"gpu:{target.name}", name, target, "--gpu")
    asked = [option for option in ("cuda", "cudnn", "driver") if getattr(request, option) is not None]
    wanted = bool(request.gpu) or bool(names) or bool(asked)
    if wanted and request.cpu:
        raise RequestError(f"--cpu excludes {'--gpu' if request.gpu else '--' + asked[0]}", "leave one of them out")
    where = "--gpu" if request.gpu else f"--{asked[0]}" if asked else "--cpu" if request.cpu else "no GPU was asked for"
    add("accelerator", "gpu" if wanted else "cpu", "gpu" if wanted else "cpu", where)


def _add_packages(request: Request, wishes: dict[str, Wish]) -> None:
    for item in request.packages:
        line = item if isinstance(item, PackageLine) else PackageLine(item)
        if len(line.text) > LENGTH_LIMIT:
            raise RequestError(
                f"{line.where}: {_shown(line.text)[:40]!r}... is longer than {LENGTH_LIMIT} characters", "write for instance 'numpy>=2'"
            )
        try:
            requirement = Requirement(line.text)
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            raise RequestError(
                f"{line.where}: {_shown(line.text)!r} is not a requirement: {reason}", "write for instance 'numpy>=2'"
            ) from None
        if requirement.url:
            raise RequestError(f"{line.where}: {_shown(line.text)!r} names a URL instead of a version", "write for instance 'numpy>=2'")
        name = _wish_name(str(canonicalize_name(requirement.name)))
        if not name.startswith("package:") and not _holds(requirement.marker, request.platform):
            continue
        before = wishes.get(name)
        specifier = requirement.specifier & before.value if before else requirement.specifier
        wishes[name] = Wish(
            name,
            f"{before.text}, {line.text}" if before else line.text,
            SpecifierSet(str(specifier), prereleases=True),
            f"{before.where}, {line.where}" if before else line.where,
            (*(before.conditions if before else ()), (requirement.specifier, requirement.marker)),
        )


def _shown(text: str) -> str:
    """Without the user name and password of a URL."""
    return re.sub(r"(?<=://)[^/\s@]+@", "****@", text)


def _holds(marker: Marker | None, platform: str) -> bool:
    """Whether a line about TensorFlow or Keras speaks of this platform; the interpreter is yet to be chosen."""
    return marker is None or any(marker.evaluate(environment(platform, python)) for python in KNOWN_PYTHONS)


def _wish_name(package: str) -> str:
    """A requirement on TensorFlow or Keras is the same wish as the option of that name."""
    if package in ("tensorflow", "tensorflow-cpu", "tensorflow-gpu"):
        return "tensorflow"
    return package if package in ("keras", "tf-keras") else f"package:{package}"


def _refuse_unheard_of(wishes: Wishes, matrix: Matrix) -> None:
    """A range that no version satisfies is a mistake in the request, not a conflict between facts."""
    wish = wishes.get("python")
    if wish is not None and not any(wish.value.contains(p) for p in KNOWN_PYTHONS):
        minor = re.match(r"\D*(\d+\.\d+)", wish.text)
        if minor is None or minor[1] not in KNOWN_PYTHONS:
            known = f"Python {KNOWN_PYTHONS[-1]} to {KNOWN_PYTHONS[0]}"
            raise RequestError(f"--python: {wish.text!r} is no Python that the matrix knows", f"images and wheels are known for {known}")
    wish = wishes.get("tensorflow")
    if wish is not None:
        versions = [r.version for r in matrix.releases]
        if not any(wish.value.contains(v) for v in versions):
            raise RequestError(
                f"{wish.where}: no final release of tensorflow satisfies {wish.text!r} (matrix of {matrix.measured})",
                _nearest_versions(wish.text, versions),
            )
    for name in ("keras", "tf-keras"):
        wish = wishes.get(name)
        if wish is None:
            continue
        versions = [r.version for r in matrix.keras if name in ("keras", r.package)]
        if not any(wish.value.contains(v) for v in versions):
            raise RequestError(
                f"{wish.where}: no final release of {name} satisfies {wish.text!r} (matrix of {matrix.measured})",
                f"known are {versions[0]} to {max(versions, key=lambda v: parse_version(v, 'keras'))}",
            )


def _nearest_versions(text: str, versions: Sequence[str]) -> str:
    found = re.search(r"\d+\.\d+", text)
    same_minor = sorted({v for v in versions if found and v.startswith(found[0] + ".")}, key=lambda v: parse_version(v, "tensorflow"))
    if same_minor:
        return f"of {found[0] if found else ''} there are {', '.join(same_minor)}"
    return f"known are {versions[-1]} to {versions[0]}; 'tfcompat matrix show' lists them"
