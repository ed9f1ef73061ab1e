"""The rulebook's word on one environment, told with the names and the places of files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from tfcompat.gate.demands import TENSORFLOW, is_exact, specifier
from tfcompat.gate.finding import Finding, Related
from tfcompat.gate.neighbours import strangers
from tfcompat.gate.rulebook import FILE_RULES, said_as
from tfcompat.gate.source import Place
from tfcompat.gate.subject import ITS_OWN
from tfcompat.prose import capital, remedy, sentence
from tfcompat.requirements import cap_on, specifier_of
from tfcompat.rules import RULES, evaluate
from tfcompat.versions import minor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tfcompat.gate.demands import Held
    from tfcompat.gate.finding import Level
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.rules import Finding as Said
    from tfcompat.stack import Image

__all__ = ["BOUND", "REMEDIES", "finding", "judge", "pip_goes_on", "place_of"]

BOUND = "add numpy"  # how a remedy begins that bounds the NumPy that a package brings
REMEDIES: Mapping[str, str] = {rule.id: rule.remedy for rule in FILE_RULES}
_LEVELS: Mapping[str, Level] = {"error": "error", "warning": "warning", "note": "info"}
_STANDS: Mapping[str, tuple[str, ...]] = {  # the fact whose place a rule's finding has; the first that has one
    "image-tag-exists": ("image",),
    "image-contents": ("image",),
    "image-requires-driver": ("image",),
    "cuda-runtime": ("cuda", "tensorflow"),
    "cudnn-runtime": ("cudnn", "tensorflow"),
    "driver-minimum": ("cuda", "tensorflow"),
    "gpu-known-to-toolkit": ("cuda", "tensorflow"),
    "keras-range": ("keras", "tf-keras"),
    "keras-legacy": ("tf-keras", "keras"),
}
# What the rulebook has to remark of an image that is to be chosen, and that nobody needs to hear of one that is in use.
_ASIDE = frozenset(
    (
        ("python-has-wheel", "prerelease"),
        ("keras-legacy", "not-switched-on"),  # many install it for a package that imports tf_keras by its name
        ("image-contents", "patch-unknown"),
        ("image-tag-exists", "unknown"),
        ("image-tag-exists", "platform-unknown"),
    )
)
_ABOUT_THE_BASE = (
    "wheel-has-cuda",
    "platform-has-wheel",
    "python-has-wheel",
    "arm64-cuda",
)  # the image, or its platform, is the other side
_FRAMEWORKS = re.compile(
    r"jax|jaxlib|jax-cuda\d+.*|torch|torchvision|torchaudio|cupy.*|onnxruntime-gpu|paddlepaddle-gpu|mxnet-cu.*|cudf.*|numba"
)
_OF_WHEELS = ("python-has-wheel", "platform-has-wheel")
_FALLBACKS = {  # where the rulebook knows no remedy
    "cuda-runtime": "take an image with that CUDA or a newer minor, or the and-cuda extra",
    "platform-has-wheel": "take a release, or a platform, that has a wheel",
    "gpu-architecture": "take a release compiled for this GPU",
}
_MILD = ("setuptools", "grpcio")
_LIBRARIES = ("cuda-runtime", "cudnn-runtime")
_NEEDS_IMAGE = frozenset(("python-unknown", "libc-unknown"))  # unknown-image says it once


def place_of(subject: Subject, *names: str) -> Place:
    """The place of the first of these facts that has one; else where TensorFlow, or the image, stands."""
    places = subject.places
    for name in (*names, "tensorflow", "image"):
        if name in places:
            return places[name]
    first = next(subject.installed.pins, None)
    return first.place if first is not None else subject.stage.end or Place(subject.stage.file, 1, 1)


def finding(
    subject: Subject,
    rule: str,
    severity: Level,
    place: Place,
    message: str,
    *related: Related,
    evidence: tuple[str, ...] = (),
    remedy: str | None = None,
) -> Finding:
    """A finding about *subject*, with the remedy of its rule unless another is given."""
    places = {r.place: r for r in reversed(related)}  # the first word on each
    others = tuple(r for r in dict.fromkeys(places[r.place] for r in related) if (r.place.file, r.place.line) != (place.file, place.line))
    said = REMEDIES.get(rule, "") if remedy is None else remedy
    return Finding(rule, severity, place, capital(message), others, evidence, said, what=subject.what)


def judge(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """What the rules of the rulebook find, but for what is ok."""
    said = [f for f in evaluate(matrix, subject.stack, RULES) if f.verdict.outcome != "ok" and not _beside_the_point(f, subject)]
    reasons = {f.verdict.reason for f in said}
    lacking = next((f for f in said if f.rule.id in _LIBRARIES and f.rejects), None)
    for one in said:
        if one.rule.id == "keras-range" and "keras-2-is-tf-keras" in reasons:
            continue  # the same, with less to go by
        if one.rule.id in _LIBRARIES and "replaced" in reasons:
            continue  # why it matters that TensorFlow is replaced: told with that
        level, message = _level(one, subject), sentence(one)
        if one.verdict.reason == "replaced":
            level = "error" if lacking is not None else level
            message += _other_name(subject) + _required_by(subject) + (f". {capital(sentence(lacking))}" if lacking is not None else "")
        numpy = _brought(one, subject)
        if numpy is None:
            yield _as_finding(one, level, message, subject)
        else:
            held_back = _may_be_held_back(subject, numpy)
            message += f" ({_who(numpy)}{'; what else is installed with it may hold that back' if held_back else ''})"
            yield _as_finding(one, "warning" if held_back else level, message, subject)._replace(remedy=_make_room(subject, numpy))


def _brought(said: Said, subject: Subject) -> Held | None:
    """The NumPy that the finding is about, where no line asks for it but a package that needs it."""
    held = subject.installed.held.get("numpy") if any(f.name == "package" and f.value.name == "numpy" for f in said.facts) else None
    return held if held is not None and held.brought else None


def _who(numpy: Held) -> str:
    first = numpy.demands[0]
    return f"{first.by} requires numpy{first.specifier}"


def _make_room(subject: Subject, numpy: Held) -> str:
    """A package that is pinned cannot give way to a bound."""
    by, pin = numpy.demands[0].by, numpy.demands[0].pin
    pinned = by.startswith(f"{pin.name} ") and is_exact(specifier(pin.specifier))
    return f"take a release of {pin.name} that admits {_bound(subject)}" if pinned else f"add {_bound(subject)}"


def _bound(subject: Subject) -> str:
    """What to ask of NumPy beside the package: no more than what excludes the one that breaks TensorFlow."""
    if subject.tensorflow is None:
        return "numpy"
    cap = cap_on(subject.releases.matrix, subject.tensorflow.release, "numpy")
    if cap is not None:
        return f"numpy{cap.allows}"
    allowed = specifier_of(subject.tensorflow, "numpy", subject.releases.python) or SpecifierSet()
    upper = [str(s) for s in allowed if s.operator in ("<", "<=")]
    return "numpy" + (",".join(upper) or str(allowed))


def _may_be_held_back(subject: Subject, numpy: Held) -> bool:
    """Whether the command that brings it has packages of which it is not known what they require."""
    _, pins = subject.installed.steps[numpy.step]
    return bool(strangers(subject.releases, pins))


def _as_finding(said: Said, level: Level, message: str, subject: Subject) -> Finding:
    rule = said_as(said.rule.id, said.verdict.reason)
    evidence = tuple(dict.fromkeys((*said.verdict.evidence, *(s for fact in said.facts for s in fact.evidence))))
    place = place_of(subject, *_names(said))
    return finding(
        subject,
        rule,
        level,
        place,
        message,
        *_related(said, subject),
        evidence=evidence,
        remedy=remedy(said) or REMEDIES.get(rule) or _FALLBACKS.get(rule, ""),
    )


def _other_name(subject: Subject) -> str:
    """That the image's is another distribution, so that both stand side by side."""
    names = [name for name, held in subject.installed.held.items() if held.own and name in TENSORFLOW]
    return (
        f" (the image's is {names[0]}, which stays beside it)"
        if names and subject.held is not None and names[0] != subject.held.name
        else ""
    )


def _required(subject: Subject) -> str:
    """Which package brings this TensorFlow, where no line asks for it by name."""
    demands = [d for d in subject.held.demands if d.pin.kind != "constraint"] if subject.held is not None else []
    if not demands or any(not d.by for d in demands):
        return ""
    return f"{demands[0].by} requires tensorflow{demands[0].specifier}"


def _required_by(subject: Subject) -> str:
    required = _required(subject)
    return f" ({required})" if required else ""


def _level(said: Said, subject: Subject) -> Level:
    reason = said.verdict.reason
    if reason == "replaced" and _other_minor(subject):
        return "error"
    if reason == "cpu-build" and _for_another_framework(subject):
        return "info"
    packages = [f.value.name for f in said.facts if f.name == "package"]
    if reason == "out-of-range" and any(pip_goes_on(subject, name) for name in packages):
        return "warning"
    if (said.rule.id, said.verdict.reason) in _ASIDE:
        return "info"
    if said.verdict.reason == "capped" and any(f.name == "package" and f.value.name in _MILD for f in said.facts):
        return "warning"  # TensorFlow works, and a command that comes with it does not
    return _LEVELS[said.verdict.severity]


def _other_minor(subject: Subject) -> bool:
    """Whether the TensorFlow that replaces the image's is of another minor; a patch changes none of what it needs."""
    held, image = subject.held, subject.image
    known = held is not None and held.version is not None and image is not None and image.tensorflow is not None
    return known and minor(held.version) != minor(image.tensorflow)  # type: ignore[union-attr]


def _for_another_framework(subject: Subject) -> bool:
    """Whether the image's GPU is for something else, which reads its data with TensorFlow: then the CPU build is meant."""
    asked = subject.meant in ("the target", subject.requested)
    return not asked and any(_FRAMEWORKS.fullmatch(name) for name in subject.installed.held)


def pip_goes_on(subject: Subject, name: str) -> bool:
    """Whether *name* was installed after TensorFlow, so that pip warns at most, and is none that is known to break it."""
    held = subject.installed.held.get(name)
    if held is None or subject.held is None or subject.tensorflow is None or held.step <= subject.held.step:
        return False
    cap = cap_on(subject.releases.matrix, subject.tensorflow.release, name)
    wanted = [SpecifierSet(f"=={held.version}")] if held.exact else [d.specifier for d in held.demands]
    return cap is None or subject.releases.together(name, [SpecifierSet(cap.allows), *wanted])


def _beside_the_point(said: Said, subject: Subject) -> bool:
    """What a more fitting finding says, or what the rule cannot know of files."""
    reason = said.verdict.reason
    image = subject.image
    if said.verdict.outcome == "unknown" and said.rule.id in _LIBRARIES and image is not None and image.own_build and subject.from_image:
        return True  # what NVIDIA built into its image, it built for its image
    if said.verdict.outcome == "unknown" and (image is None or image.status == "unknown" or reason in _NEEDS_IMAGE):
        return subject.environment.name.startswith("conda:") or image is None or (image.python is None and image.os is None)
    if said.rule.id in _OF_WHEELS and subject.from_image:
        return True  # it is installed
    if said.rule.id in _LIBRARIES and _nothing_known(image):
        return True  # unknown-image says it
    if reason == "not-switched-on" and subject.stage.base is None:
        return True  # where it will run, and with which variables, is not known
    if reason == "cpu-build" and subject.from_image:
        return True  # image-contents says it
    if reason == "cpu-image":  # pip may have brought another build, and CUDA
        build = subject.tensorflow.build if subject.tensorflow else None
        return not subject.from_image and build is not None and build.kind == "cuda" and bool(subject.sources)
    return False


def _nothing_known(image: Image | None) -> bool:
    return image is not None and image.reference.startswith(ITS_OWN) and image.tensorflow is None


def _names(said: Said) -> tuple[str, ...]:
    packages = tuple(f"package:{f.value.name}" for f in said.facts if f.name == "package")
    return _STANDS.get(said.rule.id, (*packages, "tensorflow"))


def _related(said: Said, subject: Subject) -> Iterator[Related]:
    names = {fact.name for fact in said.facts}
    if said.rule.id in _ABOUT_THE_BASE and "image" not in names and "image" in subject.places:
        yield Related(subject.places["image"], str(subject.image))
    for fact in said.facts:
        name = f"package:{fact.value.name}" if fact.name == "package" else fact.name
        if name in subject.places and name != "env":
            yield Related(subject.places[name], _told(fact.name, fact.value, subject))


def _told(name: str, value: object, subject: Subject) -> str:
    """What stands at the other place."""
    if name == "tensorflow":
        return _required(subject) or str(value)
    known = {"cuda": "CUDA", "cudnn": "cuDNN", "python": "Python"}.get(name)
    return f"{known} {value if value is not None else '(unknown)'}" if known else str(value)
