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
    yield from judge(subject, matrix)
    for check in CHECKS:
        yield from check(subject, matrix)
    yield from find_models(project, subject, matrix)
