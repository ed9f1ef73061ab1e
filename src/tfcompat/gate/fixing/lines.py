"""Lines that are added: a cap beside the TensorFlow that needs it, a step that tells the loader of pip's folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Edit, Fix
from tfcompat.gate.judge import BOUND
from tfcompat.gate.kinds import kind_of
from tfcompat.prose import LIBRARY_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.gate.declared import Pin
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.instructions import Instruction
    from tfcompat.gate.project import Project
    from tfcompat.gate.source import Source
    from tfcompat.gate.subject import Subject

__all__ = ["LINES_OF_THEIR_OWN", "added_line", "beside", "in_a_command", "mended_by_a_line"]

# what such a line mends, whatever else is changed
LINES_OF_THEIR_OWN = frozenset(("uncapped-breaker", "library-path-missing", "removed-package", "comment-behind-from"))


def mended_by_a_line(finding: Finding) -> bool:
    """Whether a line of its own mends it, whatever else is changed."""
    return finding.rule in LINES_OF_THEIR_OWN or finding.remedy.startswith(BOUND)


def added_line(finding: Finding, subject: Subject, project: Project) -> Fix | None:
    """None where the file has no room that is sure: lock files, lines with hashes, words made of variables."""
    if finding.rule == "uncapped-breaker":
        return _cap(finding, subject, project)
    if finding.rule == "library-path-missing":
        return _library_path(subject, project)
    if finding.rule == "externally-managed-pip":
        return _virtual_environment(finding, project)
    if finding.rule == "comment-behind-from":
        return _comment_above(finding, project)
    return None


def _cap(finding: Finding, subject: Subject, project: Project) -> Fix | None:
    requirement = finding.remedy.removeprefix("add ")
    pin = next((p for p in subject.installed.pins if p.place == finding.place), None)
    source = project.source(finding.place.file)
    if pin is None or source is None or pin.kind != "requirement" or pin.url:
        return None
    edit = beside(source, pin, requirement, project)
    return Fix(f"add {requirement}", (edit,)) if edit is not None else None


def beside(source: Source, pin: Pin, requirement: str, project: Project) -> Edit | None:
    """The requirement on a line of its own, in an array of strings, or as another word of the command."""
    kind = project.kinds.get(source.name) or kind_of(source.name) or "requirements"
    text, end = source.text, pin.place.end
    if kind == "dockerfile":
        return _word(text, pin, requirement) if in_a_command(pin, project) else None
    if kind == "pyproject":
        quote = text[end : end + 1]
        before = text[pin.place.start - 1 : pin.place.start]
        if quote not in ("'", '"') or before != quote or pin.marker:
            return None
        return Edit(source.name, end + 1, end + 1, f", {quote}{requirement}{quote}")
    if kind != "requirements":
        return None
    file = project.pin_file(source.name, "requirements")
    if file is None or file.hashes:
        return None
    stop = text.find("\n", end)
    line = text[end : stop if stop >= 0 else len(text)]
    if line.rstrip().endswith("\\"):
        return None
    newline = "\r\n" if line.endswith("\r") else "\n"
    if stop < 0:
        return Edit(source.name, len(text), len(text), f"{newline}{requirement}")
    return Edit(source.name, stop + 1, stop + 1, f"{requirement}{newline}")


def _word(text: str, pin: Pin, requirement: str) -> Edit | None:
    """After the word of the pin in a RUN, in quotes: ``<`` would be the shell's."""
    end = pin.place.end
    opening = text[pin.place.start - 1 : pin.place.start]
    if opening in ("'", '"'):
        if text[end : end + 1] != opening:
            return None
        end += 1
    if text[end : end + 1] not in ("", " ", "\t", "\n", "\r"):
        return None
    return Edit(pin.place.file, end, end, f' "{requirement}"')


_MAKE = (
    "RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/* && python3 -m venv /opt/venv\n"
    "ENV PATH=/opt/venv/bin:$PATH\n"
)


def _virtual_environment(finding: Finding, project: Project) -> Fix | None:
    """Made before the first command that is refused; from then on ``pip`` and ``python3`` are those of the environment."""
    dockerfile = project.dockerfile(finding.place.file) if kind_of(finding.place.file) == "dockerfile" else None
    if dockerfile is None or any(i.keyword == "USER" for i in dockerfile.instructions):
        return None
    holder = _holder(dockerfile.instructions, finding.place.start)
    if holder is None or "apt" not in dockerfile.source.text[: holder.end]:
        return None  # another package manager, or none that is seen at work
    start = dockerfile.source.offset(holder.line)
    return Fix("work in a virtual environment", (Edit(dockerfile.source.name, start, start, _MAKE),))


def _holder(instructions: Sequence[Instruction], offset: int) -> Instruction | None:
    return next((i for i in instructions if i.start <= offset < i.end), None)


def _library_path(subject: Subject, project: Project) -> Fix | None:
    """A RUN after the instruction that installs; for the interpreter that ``python`` is there."""
    install = next(
        (s.install for s in reversed(subject.environment.steps) if s.install is not None and s.install.tool in ("pip", "uv")), None
    )
    if install is None or subject.environment.name:
        return None
    dockerfile = project.dockerfile(install.place.file) if kind_of(install.place.file) == "dockerfile" else None
    if dockerfile is None:
        return None
    holder = _holder(dockerfile.instructions, install.place.start)
    if holder is None:
        return None
    text = dockerfile.source.text
    newline = "\r\n" if "\r\n" in text else "\n"
    stop = text.find("\n", holder.end)
    if stop < 0:
        return Fix(
            "tell the loader of pip's CUDA libraries", (Edit(dockerfile.source.name, len(text), len(text), f"{newline}RUN {LIBRARY_PATH}"),)
        )
    return Fix(
        "tell the loader of pip's CUDA libraries", (Edit(dockerfile.source.name, stop + 1, stop + 1, f"RUN {LIBRARY_PATH}{newline}"),)
    )


def _comment_above(finding: Finding, project: Project) -> Fix | None:
    source = project.source(finding.place.file)
    if source is None:
        return None
    start, end = finding.place.start, finding.place.end
    before = len(source.text[:start].rstrip(" \t"))
    line = source.offset(finding.place.line)
    comment = source.text[start:end]
    if "\n" in comment or "\n" in source.text[line:start]:
        return None  # continued over lines
    return Fix("put the comment above", (Edit(source.name, line, line, f"{comment}\n"), Edit(source.name, before, end, "")))


def in_a_command(pin: Pin, project: Project) -> bool:
    """Whether the pin is a word of a RUN, as opposed to a line of a heredoc that is copied."""
    dockerfile = project.dockerfile(pin.place.file) if kind_of(pin.place.file) == "dockerfile" else None
    holder = _holder(dockerfile.instructions, pin.place.start) if dockerfile is not None else None
    return holder is not None and holder.keyword == "RUN"
