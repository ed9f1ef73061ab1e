"""Everything that is found of one environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.checks import CHECKS
from tfcompat.gate.judge import judge
from tfcompat.gate.models import find_models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding
    from tfcompat.gate.project import Project
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["findings_of"]


def findings_of(subject: Subject, project: Project, matrix: Matrix) -> Iterator[Finding]:
    """The rulebook's word, what only files show, and the models that are copied in."""
    found = [*judge(subject, matrix), *(one for check in CHECKS for one in check(subject, matrix)), *find_models(project, subject, matrix)]
    hopeless = {one.place for one in found if one.rule == "removed-package"}
    yield from (one for one in found if one.rule == "removed-package" or one.place not in hopeless)  # it is not installed at all
