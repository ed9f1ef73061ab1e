"""A person's own requirements, pinned together with the verified set of TensorFlow.

What speaks of TensorFlow, Keras and the packages of the matrix is judged by the resolver of this package. The rest is left to
uv or pip, with TensorFlow's part held exactly where it is, and a contradiction is told by the two lines that make it.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tfcompat.errors import RequestError, TfcompatError
from tfcompat.installers import Asked, Pinned, Target, Unresolvable, find_installer
from tfcompat.matrix.load import load_bundled
from tfcompat.platforms import environment
from tfcompat.prose import NOT_COVERED, remark
from tfcompat.requirements_file import SECTION, Line, read_lines
from tfcompat.resolver import PackageLine, ResolutionImpossible, find_pins_plan, resolve_pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tfcompat.installers import Installer
    from tfcompat.matrix import Matrix
    from tfcompat.resolver import Plan, Request

    FindPlan = Callable[[Request], Plan]
    FindOther = Callable[[Request], Plan | None]

__all__ = ["Contradiction", "Joined", "Misfit", "join_requirements", "pin"]

_NAMES = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu")
_INDEX_OPTIONS = {
    "--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--no-index", "--trusted-host", "--pre", "--prefer-binary",
    "--only-binary", "--no-binary", "--require-hashes",
}  # fmt: skip
_FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
_CONSTRAINTS = ("-c", "--constraint")
_OPTION = re.compile(r"^(--[^=\s]+|-.)[=\s]*(.*)$")
_NOT_PASSED = (*_CONSTRAINTS, "--require-hashes")
_PATH_OPTION = re.compile(r"(-[cfi]|--constraint|--find-links|--index-url|--extra-index-url)[=\s]*(.+)")
_TRIES = 10  # other TensorFlow minors that are tried, after a contradiction
_PATIENCE = 90  # seconds after which no further one is tried
_MINORS = range(0, 40)


class Joined(NamedTuple):
    """The plan, and the lines of the file without its header: the person's own in their order, then what they and TensorFlow need.

    ``about`` says of the header's reader what was added to TensorFlow's part, and by whom.
    """

    plan: Plan
    lines: tuple[str, ...]
    about: str = ""


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


def pin(
    request: Request,
    files: Sequence[Path] = (),
    matrix: Matrix | None = None,
    *,
    index_url: str | None = None,
    hashes: bool = False,
    universal: bool = False,
    folder: Path | None = None,
) -> Joined:
    """The pins for *request*, joined with the requirements in *files*: what ``tfcompat pin`` writes.

    uv or pip is asked only where the plan's own lines are not the answer: for *files*, packages of the request, *hashes*
    and *universal*. Raises as :func:`join_requirements` does.
    """

    matrix = matrix or load_bundled()

    def find_plan(wished: Request) -> Plan:
        return resolve_pins(wished, matrix)

    def find_other(wished: Request) -> Plan | None:
        if wished.base == "auto":
            return find_pins_plan(wished, matrix)
        try:
            return resolve_pins(wished, matrix)
        except ResolutionImpossible:
            return None

    if not (files or hashes or universal or request.packages or request.jupyter):
        plan = find_plan(request)
        return Joined(plan, plan.requirements)

    def installer(target: Target) -> Installer:
        return find_installer(target, index_url)

    return join_requirements(request, files, find_plan, installer, find_other, hashes=hashes, universal=universal, folder=folder)


def join_requirements(
    request: Request,
    files: Sequence[Path],
    find_plan: FindPlan,
    find_installer: Callable[[Target], Installer],
    find_other: FindOther,
    *,
    hashes: bool = False,
    universal: bool = False,
    folder: Path | None = None,
) -> Joined:
    """Everything that *request* and the *files* need, at exact versions, for the plan that *find_plan* makes of both.
    *find_other* does so for other releases, after a contradiction, and returns None where there is no plan.
    *folder* is where the lines will stand, if not beside the first file: paths in them are relative to it.

    Raises :class:`RequestError` for files that cannot be read, :class:`ResolutionImpossible` and :class:`Contradiction`
    where there is no such set, and :class:`CouldNotCheck` where the installer could not tell.
    """
    lines = [line for file in files for line in read_lines(file)]
    if files and not any(line.kind == "requirement" for line in lines):
        raise RequestError(f"{files[0]} holds no requirement", "name a file with lines such as 'numpy>=1.26'")
    _refuse_options(lines, hashes)
    request = _with_lines(request, lines)
    plan = find_plan(request)
    bounds = [line for line in lines if line.kind == "constraint" and _name(line.text) in {*_names(_part(plan)), *_NAMES}]
    if bounds:  # a constraint asks for nothing by itself, and binds what is there
        request = _with_lines(request, [line._replace(kind="requirement") for line in bounds])
        plan = find_plan(request)
    installer = find_installer(_target(plan))
    pins = _compile(request, plan, lines, find_other, installer, hashes, universal)
    if not request.by_name and any(pin.name in _NAMES and pin.name != _name(plan.requirements[0]) for pin in pins):
        request = request._replace(by_name=True)  # a package requires tensorflow by this name: two of them would overwrite each other
        plan = find_plan(request)
        pins = _compile(request, plan, lines, find_other, installer, hashes, universal)
    own = [*_lines(request), *([PackageLine("jupyterlab", "--jupyter")] if request.jupyter else [])]
    about = [remark("joined", installer=installer.name)] if own else []
    about += [remark("universal")] if universal else []
    body = tuple(_body(lines, plan, pins, universal, folder or (files[0].parent if files else None)))
    plan = plan._replace(pins=plan.pins._replace(unpinned=()))  # the installer pinned them
    return Joined(plan._replace(remarks=_other_remarks(plan, own)), body, " ".join(about))


def _other_remarks(plan: Plan, own: Sequence[PackageLine]) -> tuple[str, ...]:
    """The remarks without those that a line was not checked: the installer did."""
    checked = [f" ({line.where})" for line in own] + [f" ({line.where}, " for line in own]
    other = (text for text in plan.remarks if not (text.endswith(NOT_COVERED) and any(where in text for where in checked)))
    return tuple(text for text in other if text != remark("jupyter"))


# -- the question ---------------------------------------------------------------------------------


def _refuse_options(lines: Iterable[Line], hashes: bool) -> None:
    for line in lines:
        if line.kind != "option":
            continue
        if line.text.startswith(_CONSTRAINTS):
            continue
        name, value = _OPTION.findall(line.text)[0]
        if name not in _INDEX_OPTIONS:
            raise RequestError(f"{line.where}: the option {name} is not known", "take the line out of the file given with -r")
        if re.search(r"(?:^|\s)-", value):
            raise RequestError(f"{line.where}: there is more than one option in the line", "write each into a line of its own")
        if (name in _FLAGS) == bool(value):
            what = "takes no value" if value else "needs a value"
            raise RequestError(f"{line.where}: the option {name} {what}", "write it as pip's documentation has it, or take the line out")
        if name == "--require-hashes" and not hashes:
            raise RequestError(f"{line.where}: --require-hashes asks for pins with hashes", "add --hashes, or take the line out")


def _options(lines: Iterable[Line]) -> tuple[str, ...]:
    """The option lines for an installer, which runs elsewhere: the constraints and the hashes are given to it in another way."""
    lines = [line for line in lines if line.kind == "option" and not line.text.startswith(_NOT_PASSED)]
    return tuple(" ".join(filter(None, _OPTION.findall(_moved(line, lambda path: path.absolute()))[0])) for line in lines)


def _moved(line: Line, place: Callable[[Path], object]) -> str:
    """The option with its path, which is relative to the file it stands in, as *place* has it."""
    option = _PATH_OPTION.match(line.text)
    if option is None or "://" in option[2] or option[2].startswith(("file:", "/", "$")):
        return line.text
    from pathlib import Path

    path = Path(line.where.rpartition(":")[0]).parent / option[2]
    if not path.exists():
        raise RequestError(f"{line.where}: {option[1]} names {option[2]}, which is not there", "check the path")
    return f"{option[1]} {place(path)}"


def _beside(line: Line, folder: Path | None) -> str:
    """The option with its path relative to *folder*; as it was written where the file stands in that folder."""
    from pathlib import Path

    home = Path(line.where.rpartition(":")[0]).parent
    if folder is None or home.resolve() == folder.resolve():
        return line.text
    return _moved(line, lambda path: os.path.relpath(path, folder))


def _with_lines(request: Request, lines: Iterable[Line]) -> Request:
    """The request with the requirements of *lines* as wishes; a person who writes ``tensorflow`` gets it by this name."""
    found = [PackageLine(line.text, line.where) for line in lines if line.kind == "requirement"]
    ours = [line for line in found if _name(line.text) in _NAMES]
    if not ours and request.tensorflow is None:  # a file that was made before stays with the TensorFlow and the Keras 2 it has
        before = [PackageLine(line.text, line.where) for line in lines if line.kind == "pinned"]
        ours = [line for line in before if _name(line.text) in _NAMES]
        found += [line for line in before if _name(line.text) in (*_NAMES, "tf-keras")]
    for line in ours:
        request = _with_name(request, line)
    return request._replace(packages=(*request.packages, *found))


def _with_name(request: Request, line: PackageLine) -> Request:
    """The request with what the name of TensorFlow and its extra say: ``tensorflow[and-cuda]`` and ``tensorflow-gpu`` want a GPU."""
    name, wants_gpu = _name(line.text), "and-cuda" in Requirement(line.text).extras or _name(line.text) == "tensorflow-gpu"
    asked = bool(request.gpu) or any((request.cuda, request.cudnn, request.driver))
    if wants_gpu and request.cpu:
        raise RequestError(f"{line.where}: {line.text} is for a GPU, and --cpu asks for a plan without one", "leave one of them out")
    if name == "tensorflow-cpu" and asked:
        raise RequestError(f"{line.where}: {line.text} has no GPU code, and a GPU was asked for", "write tensorflow, or leave the GPU out")
    return request._replace(gpu=request.gpu or wants_gpu, by_name=request.by_name or name == "tensorflow")


def _target(plan: Plan) -> Target:
    return Target(".".join((plan.python or "").split(".")[:2]), plan.platform)


def _compile(
    request: Request, plan: Plan, lines: Sequence[Line], find_other: FindOther, installer: Installer, hashes: bool, universal: bool
) -> list[Pinned]:
    constraints = tuple(line.text for line in lines if line.kind == "constraint" and _name(line.text) not in _NAMES)
    own = _own(request, plan, universal)
    own += [PackageLine("jupyterlab", "--jupyter")] if "jupyterlab" in plan.unchecked else []
    question = Asked([*_part(plan), *(line.text for line in own)], constraints, _options(lines), hashes, universal)
    held = [line.text for line in lines if line.kind == "pinned" and _name(line.text) not in _names(question.requirements)]
    with suppress(Unresolvable):  # what was pinned the last time stays, as long as it goes with what is asked now
        if held:
            return installer.compile(question._replace(constraints=(*constraints, *map(_without_extras, held))), _target(plan))
    try:
        return installer.compile(question, _target(plan))
    except Unresolvable as error:
        bounds = [PackageLine(line.text, line.where) for line in lines if line.kind == "constraint" and line.text in constraints]
        raise _explain(error, request, plan, own, bounds, question, find_other, installer) from None


def _part(plan: Plan) -> list[str]:
    """TensorFlow's part: the lines of the plan that are exact. The others are a person's, and come as they were written."""
    return [line for line in plan.requirements if line not in plan.unchecked and "==" in line]


def _own(request: Request, plan: Plan, universal: bool) -> list[PackageLine]:
    """The person's lines that hold on the target, without those that name TensorFlow: the plan speaks for it."""
    return [line for line in _lines(request) if _name(line.text) not in _NAMES and (universal or _holds(line.text, plan))]


def _lines(request: Request) -> list[PackageLine]:
    return [item if isinstance(item, PackageLine) else PackageLine(item) for item in request.packages]


def _holds(text: str, plan: Plan) -> bool:
    marker = Requirement(text).marker
    return marker is None or marker.evaluate(environment(plan.platform, _target(plan).python))


def _name(text: str) -> str:
    return canonicalize_name(Requirement(text).name)


def _names(texts: Iterable[str]) -> set[str]:
    return {_name(text) for text in texts}


# -- the file -------------------------------------------------------------------------------------


def _body(lines: Sequence[Line], plan: Plan, pins: Sequence[Pinned], universal: bool, folder: Path | None) -> Iterable[str]:
    lines = [line for line in lines if line.kind not in ("constraint", "pinned")]
    while lines and not (lines[-1].text or lines[-1].comment):
        lines.pop()
    by_name: dict[str, list[Pinned]] = {}
    for pin in pins:
        by_name.setdefault(pin.name, []).append(pin)
    first = plan.requirements[0]
    by_name[_name(first)] = [pin._replace(name=Requirement(first).name) for pin in by_name.get(_name(first), ())]
    seen: set[str] = set()
    for line in lines:
        if line.kind == "requirement":
            name = _name(first) if _name(line.text) in _NAMES else _name(line.text)
            if universal or _holds(line.text, plan):
                seen.add(name)  # else what needs it on this target finds its pin below
            yield from _pinned_line(line, plan, by_name.get(name, ()), universal)
        elif line.kind == "option":
            yield _beside(line, folder) + line.comment
        else:
            yield line.comment.lstrip()
    rest = [name for name in by_name if name not in seen]
    if lines and rest:
        yield from ("", SECTION)
    for name in sorted(rest, key=lambda name: (name != _name(first), name)):
        extras = _extras(first) if name == _name(first) else ""
        yield from (_hashed(f"{name}{extras}=={pin.version}{_marked(pin.marker)}", pin.hashes) for pin in by_name[name])


def _pinned_line(line: Line, plan: Plan, pins: Sequence[Pinned], universal: bool) -> Iterable[str]:
    """The person's line at its exact version, with its extras, marker and comment; one that is not for this target stays as it is.

    Of a universal answer the markers are the installer's, and a line may become several; one of those that is met again stays one.
    """
    requirement = Requirement(line.text)
    marker = str(requirement.marker or "")
    if not pins or not (universal or _holds(line.text, plan)):
        yield line.text + line.comment
        return
    name, extras = requirement.name, _extras(line.text)
    if _name(line.text) in _NAMES:
        first = plan.requirements[0]
        name, extras = Requirement(first).name, _extras(first)
    same = [pin for pin in pins if (f"=={pin.version}", pin.marker) == (str(requirement.specifier), marker)]
    admitted = [pin for pin in pins if requirement.specifier.contains(pin.version, prereleases=True)]
    for pin in same or admitted or pins:
        text = f"{name}{extras}=={pin.version}{_marked(pin.marker if universal else marker)}"
        yield _hashed(text, pin.hashes) + line.comment


def _extras(text: str) -> str:
    extras = ",".join(sorted(Requirement(text).extras))
    return f"[{extras}]" if extras else ""


def _without_extras(text: str) -> str:
    """As a constraint must be."""
    requirement = Requirement(text)
    return f"{requirement.name}{requirement.specifier}{_marked(str(requirement.marker or ''))}"


def _marked(marker: str) -> str:
    return f"; {marker}" if marker else ""


def _hashed(text: str, hashes: Sequence[str]) -> str:
    return " \\\n".join([text, *(f"    --hash=sha256:{sha256}" for sha256 in hashes)])


# -- the explanation ------------------------------------------------------------------------------


def _explain(
    error: Unresolvable,
    request: Request,
    plan: Plan,
    own: Sequence[PackageLine],
    bounds: Sequence[PackageLine],
    question: Asked,
    find_other: FindOther,
    installer: Installer,
) -> TfcompatError:
    """Which of the person's lines exclude which pins, and the nearest TensorFlow that goes with all of them."""
    target = _target(plan)

    def refusal(requirements: Iterable[str], constraints: Sequence[str] = question.constraints) -> Unresolvable | None:
        try:
            installer.compile(question._replace(requirements=list(requirements), constraints=constraints, hashes=False), target)
        except Unresolvable as told:
            return told
        return None

    theirs = ", ".join(line.where for line in _lines(request) if _name(line.text) in _NAMES)
    by_itself = refusal(line.text for line in own)
    if by_itself is not None:

        def resolves(lines: Sequence[PackageLine]) -> bool:
            return refusal(line.text for line in lines) is None

        guilty = _misfits(own, resolves) or _together(own, resolves)
        named = "".join(f"\n  {line.where} wants {line.text}" for line in guilty)
        message = f"your requirements do not resolve by themselves for Python {target.python} on {target.platform}{named}"
        nearest, tried = _nearest(request, plan, question, find_other, installer)
        return Unresolvable(message, by_itself.said, _nearest_text(nearest, tried, theirs))
    part = _part(plan)
    without = refusal(part, ())
    if without is not None:
        message = f"the pins of tensorflow {plan.tensorflow} for Python {target.python} on {target.platform} do not resolve from this index"
        return Unresolvable(message, without.said, "name another index with --index-url; -v shows what the resolver said")

    def fits(lines: Sequence[PackageLine]) -> bool:
        return refusal([*part, *(line.text for line in lines)]) is None

    def excluded(told: Unresolvable | None, line: PackageLine) -> list[str]:
        return [pin for pin in part if told and _says(told.said, _name(pin)) and _may_exclude(line.text, pin)]

    misfits = []
    for line in _misfits(bounds, lambda lines: refusal(part, [line.text for line in lines]) is None):
        named_pins = excluded(refusal(part, [line.text]), line)
        freed = [pin for pin in named_pins if not refusal([*(p for p in part if p != pin), _name(pin)], [line.text])]
        misfits.append(Misfit(line, tuple(freed or named_pins)))
    alone = [] if misfits else _misfits(own, fits)
    together = [] if misfits or alone else _together(own, fits)
    for line in alone or together:
        named_pins = excluded(refusal([*part, *(one.text for one in together or (line,))]), line)
        freed = [pin for pin in named_pins if not refusal([*(p for p in part if p != pin), _name(pin), line.text])] if alone else []
        misfits.append(Misfit(line, tuple(freed or named_pins)))
    nearest, tried = _nearest(request, plan, question, find_other, installer)
    return Contradiction(plan, misfits, nearest, tried, error.said, theirs)


def _misfits(lines: Sequence[PackageLine], fits: Callable[[Sequence[PackageLine]], bool]) -> list[PackageLine]:
    """The lines that do not fit by themselves, found by halving."""
    if not lines or fits(lines):
        return []
    if len(lines) == 1:
        return list(lines)
    half = len(lines) // 2
    return _misfits(lines[:half], fits) + _misfits(lines[half:], fits)


def _together(lines: Sequence[PackageLine], fits: Callable[[Sequence[PackageLine]], bool]) -> list[PackageLine]:
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
    admitted = _name(text) == _name(pin) and own.specifier.contains(next(iter(other.specifier)).version, prereleases=True)
    return _name(pin) not in _NAMES and not admitted


def _nearest(request: Request, plan: Plan, question: Asked, find_other: FindOther, installer: Installer) -> tuple[Plan | None, int]:
    """The plan of the nearest other TensorFlow minor that goes with everything, and how many were tried."""
    major, ours = map(int, plan.tensorflow.split(".")[:2])
    tried, started = 0, time.monotonic()
    packages = [line for line in _lines(request) if _name(line.text) not in _NAMES]
    for minor in sorted((m for m in _MINORS if m != ours), key=lambda m: (abs(m - ours), -m)):
        if tried == _TRIES or time.monotonic() - started > _PATIENCE:
            break
        try:
            other = find_other(request._replace(tensorflow=f"{major}.{minor}", packages=tuple(packages)))
        except RequestError:  # no such minor
            continue
        if other is None:
            continue
        tried += 1
        lines = [*_part(other), *(line.text for line in _own(request, other, question.universal))]
        try:
            installer.compile(question._replace(requirements=lines, hashes=False), _target(other))
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
