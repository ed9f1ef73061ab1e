"""A contradiction between a person's requirements and TensorFlow's part, told by the two lines that make it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement

from tfcompat.errors import RequestError
from tfcompat.installers import Unresolvable
from tfcompat.join.question import TENSORFLOW, name_of, own_lines, request_lines, target_of, tensorflow_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tfcompat.installers import Asked, Installer
    from tfcompat.resolver import PackageLine, Plan, Request

    Fits = Callable[[Sequence[PackageLine]], bool]

__all__ = ["Case", "Contradiction", "Misfit", "explain"]

_TRIES = 10  # other TensorFlow minors that are tried, after a contradiction
_PATIENCE = 90  # seconds after which no further one is tried
_MINORS = range(0, 40)


class Misfit(NamedTuple):
    """A line of the person's that does not go with TensorFlow's part, and the pins of it that it excludes."""

    line: PackageLine
    excludes: tuple[str, ...]


class Contradiction(Unresolvable):
    """The person's requirements and TensorFlow's part exclude each other. ``nearest`` is a TensorFlow that fits, if one was found."""

    def __init__(self, plan: Plan, misfits: Sequence[Misfit], nearest: Plan | None, tried: int, said: str, named: str = "") -> None:
        self.plan = plan
        self.misfits = tuple(misfits)
        self.nearest = nearest
        lines = "\n  ".join(_misfit_text(misfit, plan) for misfit in misfits)
        super().__init__(
            f"your requirements do not go with tensorflow {plan.tensorflow}\n  {lines}", said, _nearest_text(nearest, tried, named)
        )


class Case(NamedTuple):
    """What was asked in vain: the person's ``own`` lines, the ``bounds`` of their constraint files, and how to ask again.

    ``find_other`` makes the plan of another release, None where there is none.
    """

    request: Request
    plan: Plan
    own: Sequence[PackageLine]
    bounds: Sequence[PackageLine]
    question: Asked
    installer: Installer
    find_other: Callable[[Request], Plan | None]

    def refusal(self, requirements: Iterable[str], constraints: Sequence[str] | None = None) -> Unresolvable | None:
        """What the installer says against *requirements* inside *constraints* (the person's, where None); None where they resolve."""
        bounds = self.question.constraints if constraints is None else constraints
        try:
            question = self.question._replace(requirements=list(requirements), constraints=bounds, hashes=False)
            self.installer.compile(question, target_of(self.plan))
        except Unresolvable as told:
            return told
        return None


def explain(case: Case, error: Unresolvable) -> Unresolvable:
    """Which of the person's lines exclude which pins, and the nearest TensorFlow that goes with all of them."""
    plan, target = case.plan, target_of(case.plan)
    by_itself = case.refusal(_texts(case.own))
    if by_itself is not None:
        return _by_itself(case, by_itself)
    without = case.refusal(tensorflow_part(plan), ())
    if without is not None:
        message = f"the pins of tensorflow {plan.tensorflow} for Python {target.python} on {target.platform} do not resolve from this index"
        return Unresolvable(message, without.said, "name another index with --index-url; -v shows what the resolver said")
    misfits = _of_bounds(case) or _of_lines(case)
    nearest, tried = _nearest(case)
    return Contradiction(plan, misfits, nearest, tried, error.said, _named(case))


def _by_itself(case: Case, told: Unresolvable) -> Unresolvable:
    """The person's lines contradict each other on the target, whatever TensorFlow; another one may come with another interpreter."""

    def fits(lines: Sequence[PackageLine]) -> bool:
        return case.refusal(_texts(lines)) is None

    target = target_of(case.plan)
    guilty = _misfits(case.own, fits) or _together(case.own, fits)
    named = "".join(f"\n  {line.where} wants {line.text}" for line in guilty)
    message = f"your requirements do not resolve by themselves for Python {target.python} on {target.platform}{named}"
    nearest, tried = _nearest(case)
    return Unresolvable(message, told.said, _nearest_text(nearest, tried, _named(case)))


def _of_bounds(case: Case) -> list[Misfit]:
    """The constraints that TensorFlow's part breaks."""
    part = tensorflow_part(case.plan)
    found = []
    for line in _misfits(case.bounds, lambda lines: case.refusal(part, _texts(lines)) is None):
        pins = _mentioned(case, line, case.refusal(part, [line.text]))
        freed = [pin for pin in pins if case.refusal(_without(part, pin), [line.text]) is None]
        found.append(Misfit(line, tuple(freed or pins)))
    return found


def _of_lines(case: Case) -> list[Misfit]:
    """The lines that do not go with TensorFlow's part, each by itself; where there is none, the smallest set that does not."""
    part = tensorflow_part(case.plan)

    def fits(lines: Sequence[PackageLine]) -> bool:
        return case.refusal([*part, *_texts(lines)]) is None

    alone = _misfits(case.own, fits)
    if not alone:
        together = _together(case.own, fits)
        told = case.refusal([*part, *_texts(together)])
        return [Misfit(line, tuple(_mentioned(case, line, told))) for line in together]
    found = []
    for line in alone:
        pins = _mentioned(case, line, case.refusal([*part, line.text]))
        freed = [pin for pin in pins if case.refusal([*_without(part, pin), line.text]) is None]
        found.append(Misfit(line, tuple(freed or pins)))
    return found


def _texts(lines: Iterable[PackageLine]) -> list[str]:
    return [line.text for line in lines]


def _without(part: Sequence[str], pin: str) -> list[str]:
    """TensorFlow's part with one of its pins at any version."""
    return [*(other for other in part if other != pin), name_of(pin)]


def _mentioned(case: Case, line: PackageLine, told: Unresolvable | None) -> list[str]:
    """The pins that the resolver speaks of and that *line* may exclude."""
    return [pin for pin in tensorflow_part(case.plan) if told and _says(told.said, name_of(pin)) and _may_exclude(line.text, pin)]


def _named(case: Case) -> str:
    """Where the person's own lines name TensorFlow."""
    return ", ".join(line.where for line in request_lines(case.request) if name_of(line.text) in TENSORFLOW)


def _misfits(lines: Sequence[PackageLine], fits: Fits) -> list[PackageLine]:
    """The lines that do not fit by themselves, found by halving."""
    if not lines or fits(lines):
        return []
    if len(lines) == 1:
        return list(lines)
    half = len(lines) // 2
    return _misfits(lines[:half], fits) + _misfits(lines[half:], fits)


def _together(lines: Sequence[PackageLine], fits: Fits) -> list[PackageLine]:
    """A smallest set of lines that do not fit together: the last line of the shortest beginning that fails is one of it, and so on."""
    found: list[PackageLine] = []
    while lines and fits(found):
        low, high = 0, len(lines) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if fits([*found, *lines[: middle + 1]]) else (low, middle)
        found, lines = [lines[low], *found], lines[:low]
    return found


def _says(said: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}\s*(?:[<>=!~]=?|\()", said) is not None


def _may_exclude(text: str, pin: str) -> bool:
    """Not TensorFlow itself, and not a pin of the line's own package that the line admits."""
    own, other = Requirement(text), Requirement(pin)
    admitted = name_of(text) == name_of(pin) and own.specifier.contains(next(iter(other.specifier)).version, prereleases=True)
    return name_of(pin) not in TENSORFLOW and not admitted


def _nearest(case: Case) -> tuple[Plan | None, int]:
    """The plan of the nearest other TensorFlow minor that goes with everything, and how many were tried."""
    major, ours = map(int, case.plan.tensorflow.split(".")[:2])
    tried, started = 0, time.monotonic()
    packages = [line for line in request_lines(case.request) if name_of(line.text) not in TENSORFLOW]
    for minor in sorted((m for m in _MINORS if m != ours), key=lambda m: (abs(m - ours), -m)):
        if tried == _TRIES or time.monotonic() - started > _PATIENCE:
            break
        try:
            other = case.find_other(case.request._replace(tensorflow=f"{major}.{minor}", packages=tuple(packages)))
        except RequestError:  # no such minor
            continue
        if other is None:
            continue
        tried += 1
        lines = [*tensorflow_part(other), *(line.text for line in own_lines(case.request, other, case.question.universal))]
        try:
            case.installer.compile(case.question._replace(requirements=lines, hashes=False), target_of(other))
        except Unresolvable:
            continue
        return other, tried
    return None, tried


def _misfit_text(misfit: Misfit, plan: Plan) -> str:
    wants = f"{misfit.line.where} wants {misfit.line.text}"
    if not misfit.excludes:
        return f"{wants}; that and the pins of tensorflow {plan.tensorflow} exclude each other"
    held = "was verified with" if plan.pins.status == "verified" else "is pinned with"
    return f"{wants}; that excludes {' and '.join(misfit.excludes)}, which tensorflow {plan.tensorflow} {held}"


def _nearest_text(nearest: Plan | None, tried: int, named: str) -> str:
    """*named* is where the person's own lines name TensorFlow: an option alone would contradict them."""
    if nearest is None:
        return (
            f"none of the {tried} nearest other releases of TensorFlow goes with them; loosen these lines; -v shows what the resolver said"
        )
    minor = ".".join(nearest.tensorflow.split(".")[:2])
    way = f"--tensorflow {minor}, and no other in {named}" if named else f"--tensorflow {minor}"
    return f"the nearest that goes with them: tensorflow {nearest.tensorflow} on Python {nearest.python} ({way}); or loosen these lines"
