"""The file: the person's lines at exact versions, in their order, and below them what they and TensorFlow need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from tfcompat.join.options import option_beside
from tfcompat.join.question import TENSORFLOW, holds, name_of
from tfcompat.requirements_file import SECTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tfcompat.installers import Pinned
    from tfcompat.requirements_file import Line
    from tfcompat.resolver import Plan

__all__ = ["body", "without_extras"]


def body(lines: Sequence[Line], plan: Plan, pins: Sequence[Pinned], universal: bool, folder: Path | None) -> Iterable[str]:
    lines = [line for line in lines if line.kind not in ("constraint", "pinned")]
    while lines and not (lines[-1].text or lines[-1].comment):
        lines.pop()
    by_name: dict[str, list[Pinned]] = {}
    for pin in pins:
        by_name.setdefault(pin.name, []).append(pin)
    first = plan.requirements[0]
    by_name[name_of(first)] = [pin._replace(name=Requirement(first).name) for pin in by_name.get(name_of(first), ())]
    seen: set[str] = set()
    for line in lines:
        if line.kind == "requirement":
            name = name_of(first) if name_of(line.text) in TENSORFLOW else name_of(line.text)
            if universal or holds(line.text, plan):
                seen.add(name)  # else what needs it on this target finds its pin below
            yield from _pinned_line(line, plan, by_name.get(name, ()), universal)
        elif line.kind == "option":
            yield option_beside(line, folder) + line.comment
        else:
            yield line.comment.lstrip()
    rest = [name for name in by_name if name not in seen]
    if lines and rest:
        yield from ("", SECTION)
    for name in sorted(rest, key=lambda name: (name != name_of(first), name)):
        extras = _extras(first) if name == name_of(first) else ""
        yield from (_hashed(f"{name}{extras}=={pin.version}{_marked(pin.marker)}", pin.hashes) for pin in by_name[name])


def _pinned_line(line: Line, plan: Plan, pins: Sequence[Pinned], universal: bool) -> Iterable[str]:
    """The person's line at its exact version, with its extras, marker and comment; one that is not for this target stays as it is.

    Of a universal answer the markers are the installer's, and a line may become several; one of those that is met again stays one.
    """
    requirement = Requirement(line.text)
    marker = str(requirement.marker or "")
    if not pins or not (universal or holds(line.text, plan)):
        yield line.text + line.comment
        return
    name, extras = requirement.name, _extras(line.text)
    if name_of(line.text) in TENSORFLOW:
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


def without_extras(text: str) -> str:
    """As a constraint must be."""
    requirement = Requirement(text)
    return f"{requirement.name}{requirement.specifier}{_marked(str(requirement.marker or ''))}"


def _marked(marker: str) -> str:
    return f"; {marker}" if marker else ""


def _hashed(text: str, hashes: Sequence[str]) -> str:
    return " \\\n".join([text, *(f"    --hash=sha256:{sha256}" for sha256 in hashes)])
