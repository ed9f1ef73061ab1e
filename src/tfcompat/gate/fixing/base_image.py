"""Another tag of the same repository: the nearest with which the build, followed and judged again, has fewer faults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.finding import Edit, Fix
from tfcompat.gate.findings import findings_of
from tfcompat.gate.fixing.lines import mended_by_a_line
from tfcompat.gate.follow import Build, follow
from tfcompat.reference import Reference
from tfcompat.resolver.request import KNOWN_PYTHONS
from tfcompat.tags import TagName
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packaging.version import Version

    from tfcompat.gate.bases import ImageFinder
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.fixing.world import World
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.matrix.records import OfficialTag

__all__ = ["other_base"]

_OF_PINS = frozenset(("requirement-conflict", "keras-pin-mismatch", "two-keras", "numpy-abi", "package-range"))
_TRIED = 40  # images
_PYTHON_TAG = re.compile(r"(?P<version>\d+(\.\d+)*)?(?P<dash>-?)(?P<rest>(slim|bookworm|bullseye|buster|trixie|slim-\w+)?)")
_CUDA_TAG = re.compile(r"(?P<cuda>\d+(\.\d+)+)-(?P<flavor>[\w-]+)-(?P<os>ubuntu[\d.]+|rockylinux\d|ubi\d)")


def other_base(subject: Subject, world: World) -> Fix | None:
    """None where the image is named by a variable, by a digest, or where no tag of its repository does better.

    Every environment that stands on the image there is followed and judged again.
    """
    base = subject.stage.base
    build = subject.stage.build
    if base is None or base.image is None or not base.written or "@" in base.text or not isinstance(build, Build):
        return None
    sharing = world.sharing(subject)
    found = [one for each in sharing for one in findings_of(each, world.project, world.matrix)]
    best, least = None, _faults(found, found)
    for candidate in _candidates(world.matrix, base.text, subject):
        if candidate == base.text or not all(_keeps(candidate, each, world.images) for each in sharing):
            continue
        faults = _faults([one for each in sharing for one in _try(candidate, each, world)], found)
        if faults[0] == 0 and faults < least:
            best, least = candidate, faults
        if faults == (0, 0):
            break
    if best is None:
        return None
    edit = Edit(base.place.file, base.place.start, base.place.end, best)
    return Fix(f"take {best} instead of {base.text}", (edit,))


def _keeps(candidate: str, subject: Subject, images: ImageFinder) -> bool:
    """An image with a TensorFlow of its own serves where no line asks for another one than that."""
    inside = images.find(candidate).tensorflow
    held = subject.held
    return inside is None or held is None or not held.demands or (held.exact and inside == held.version)


def _faults(found: Sequence[Finding], before: Sequence[Finding]) -> tuple[int, int]:
    """Errors and warnings, but for those that a line mends, and those of pins that were there *before*."""
    known = {(f.rule, f.place) for f in before if f.rule in _OF_PINS}
    rest = [f.severity for f in found if not mended_by_a_line(f) and (f.rule, f.place) not in known]
    return rest.count("error"), rest.count("warning")


def _try(candidate: str, subject: Subject, world: World) -> Sequence[Finding]:
    """What is found of the same build on another image."""
    base, build = subject.stage.base, subject.stage.build
    if base is None or not isinstance(build, Build):
        return ()
    noted = list(world.project.unchecked)
    stages = follow(world.project, build._replace(bases={base.place.start: candidate}), world.images, subject.stage.platform)
    world.project.unchecked[:] = noted
    stage = stages[subject.stage.number]
    environment = stage.environments.get(subject.environment.name, stage.environments[""])
    return world.judge(stage, environment, subject)


def _candidates(matrix: Matrix, text: str, subject: Subject) -> Iterator[str]:
    """Tags of the same repository and of the same variants, the nearest first; at most a few."""
    reference = Reference.parse(text)
    prefix = text[: len(text) - len(reference.tag)] if reference.tag and text.endswith(f":{reference.tag}") else f"{text}:"
    makers = {
        "tensorflow/tensorflow": _official,
        "python": _python,
        "nvidia/cuda": _cuda,
    }
    maker = makers.get(reference.repository, _distributions)
    for number, tag in enumerate(maker(matrix, reference, subject)):
        if number == _TRIED:
            return
        yield prefix + tag


def _official(matrix: Matrix, reference: Reference, subject: Subject) -> Iterator[str]:
    """The tag of the release that is pinned comes first, then those of the minor that is asked for, then the newest."""
    named = TagName.parse(reference.tag or "latest")
    if named.rolling and not set(named.variants) <= {"latest", "gpu", "jupyter"}:
        return  # latest-py3 and its like stand still since 2020, nightly is nobody's release
    variants = set(named.variants) - {"latest", "py3"}
    if subject.gpu and not variants & {"gpu"}:
        variants |= {"gpu"}
    pinned = subject.held.version if subject.held is not None and subject.held.demands else None
    rows = [r for r in matrix.official_tags.values() if not r.rolling and not r.prerelease and r.tensorflow and set(r.variants) == variants]
    near = minor(named.version) if named.version is not None else None

    def order(row: OfficialTag) -> tuple[bool, bool, Version]:
        number = version(row.tensorflow or "0")
        return number == pinned, minor(number) == near, number

    rows.sort(key=order, reverse=True)
    yield from (row.tag for row in rows if row.status not in ("gone", "absent"))


def _python(matrix: Matrix, reference: Reference, subject: Subject) -> Iterator[str]:
    """The same suite and size with another interpreter, the nearest first; slim in the place of Alpine, which has no wheels."""
    match = _PYTHON_TAG.fullmatch(reference.tag or "")
    alpine = "slim" if "alpine" in (reference.tag or "") else ""
    rest = match["rest"] if match is not None else alpine
    asked = re.match(r"3\.(\d+)", reference.tag or "")
    near = int(asked[1]) if asked else int(KNOWN_PYTHONS[0].partition(".")[2])
    for number in sorted(KNOWN_PYTHONS, key=lambda p: abs(int(p.partition(".")[2]) - near)):
        yield f"{number}-{rest}" if rest else number


def _cuda(matrix: Matrix, reference: Reference, subject: Subject) -> Iterator[str]:
    """Of the CUDA major that TensorFlow was built for, with cuDNN; the same flavour and system before others."""
    match = _CUDA_TAG.fullmatch(reference.tag or "")
    build = subject.tensorflow.build if subject.tensorflow else None
    if match is None or build is None or build.cuda is None:
        return
    built, flavor = version(build.cuda), match["flavor"].rpartition("-")[2]
    rows = [
        r
        for r in matrix.cuda_images
        if r.cudnn is not None
        and r.os.rstrip("0123456789.") == match["os"].rstrip("0123456789.")
        and version(r.cuda).major == built.major
        and r.available == "listed"
        and r.flavor in (flavor, "runtime")
    ]
    rows.sort(key=lambda r: (r.os != match["os"], r.flavor != flavor, abs(version(r.cuda).minor - built.minor), r.tag))
    yield from (row.tag for row in rows)


def _distributions(matrix: Matrix, reference: Reference, subject: Subject) -> Iterator[str]:
    """Releases of the same distribution, the newest first."""
    names = [d.image for d in matrix.distributions if d.image.partition(":")[0] == reference.repository]
    tags = [name.partition(":")[2] for name in names]
    slim = "-slim" if (reference.tag or "").endswith("slim") else ""
    yield from (tag + slim for tag in sorted(tags, key=version, reverse=True))
