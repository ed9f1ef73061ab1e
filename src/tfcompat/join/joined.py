"""Joins a person's requirements with the pins of TensorFlow: the plan by our resolver, the rest by uv or pip."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.errors import RequestError
from tfcompat.installers import Asked, Pinned, Target, Unresolvable, find_installer
from tfcompat.join.body import body, without_extras
from tfcompat.join.contradiction import Case, explain
from tfcompat.join.options import installer_options, refuse_options
from tfcompat.join.question import TENSORFLOW, name_of, names_of, own_lines, request_lines, target_of, tensorflow_part, with_lines
from tfcompat.matrix.load import load_bundled
from tfcompat.prose import NOT_COVERED, remark
from tfcompat.requirements_file import read_lines
from tfcompat.resolver import PackageLine, find_pins_plan, resolve_pins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tfcompat.installers import Installer
    from tfcompat.matrix import Matrix
    from tfcompat.requirements_file import Line
    from tfcompat.resolver import Plan, Request

    FindPlan = Callable[[Request], Plan]
    FindOther = Callable[[Request], Plan | None]

__all__ = ["Joined", "join_requirements", "pin"]


class Joined(NamedTuple):
    """The plan, and the lines of the file without its header: the person's own in their order, then what they and TensorFlow need.

    ``about`` says of the header's reader what was added to TensorFlow's part, and by whom.
    """

    plan: Plan
    lines: tuple[str, ...]
    about: str = ""


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
        return find_pins_plan(wished, matrix)

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
    refuse_options(lines, hashes)
    request = with_lines(request, lines)
    plan = find_plan(request)
    bounds = [line for line in lines if line.kind == "constraint" and name_of(line.text) in {*names_of(tensorflow_part(plan)), *TENSORFLOW}]
    if bounds:  # a constraint asks for nothing by itself, and binds what is there
        request = with_lines(request, [line._replace(kind="requirement") for line in bounds])
        plan = find_plan(request)
    installer = find_installer(target_of(plan))
    pins = _compile(request, plan, lines, find_other, installer, hashes, universal)
    if not request.by_name and any(pin.name in TENSORFLOW and pin.name != name_of(plan.requirements[0]) for pin in pins):
        request = request._replace(by_name=True)  # a package requires tensorflow by this name: two of them would overwrite each other
        plan = find_plan(request)
        pins = _compile(request, plan, lines, find_other, installer, hashes, universal)
    about = [remark("joined", installer=installer.name)] if request.packages or request.jupyter else []
    about += [remark("universal")] if universal else []
    found = tuple(body(lines, plan, pins, universal, folder or (files[0].parent if files else None)))
    plan = plan._replace(pins=plan.pins._replace(unpinned=()))  # the installer pinned them
    return Joined(plan._replace(remarks=_other_remarks(plan, request_lines(request))), found, " ".join(about))


def _other_remarks(plan: Plan, own: Sequence[PackageLine]) -> tuple[str, ...]:
    """The remarks without those that a line was not checked: the installer did."""
    checked = [f" ({line.where})" for line in own] + [f" ({line.where}, " for line in own]
    other = (text for text in plan.remarks if not (text.endswith(NOT_COVERED) and any(where in text for where in checked)))
    return tuple(text for text in other if text != remark("jupyter"))


def _compile(
    request: Request, plan: Plan, lines: Sequence[Line], find_other: FindOther, installer: Installer, hashes: bool, universal: bool
) -> list[Pinned]:
    constraints = tuple(line.text for line in lines if line.kind == "constraint" and name_of(line.text) not in TENSORFLOW)
    own = own_lines(request, plan, universal)
    question = Asked([*tensorflow_part(plan), *(line.text for line in own)], constraints, installer_options(lines), hashes, universal)
    held = [line.text for line in lines if line.kind == "pinned" and name_of(line.text) not in names_of(question.requirements)]
    with suppress(Unresolvable):  # what was pinned the last time stays, as long as it goes with what is asked now
        if held:
            return installer.compile(question._replace(constraints=(*constraints, *map(without_extras, held))), target_of(plan))
    try:
        return installer.compile(question, target_of(plan))
    except Unresolvable as error:
        bounds = [PackageLine(line.text, line.where) for line in lines if line.kind == "constraint" and line.text in constraints]
        raise explain(Case(request, plan, own, bounds, question, installer, find_other), error) from None
