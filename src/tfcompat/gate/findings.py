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

_OF_THE_INDEX = frozenset(("no-wheel-for-interpreter", "platform-has-wheel", "removed-package"))


def findings_of(subject: Subject, project: Project, matrix: Matrix) -> Iterator[Finding]:
    """The rulebook's word, what only files show, and the models that are copied in."""
    found = [*judge(subject, matrix), *(one for check in CHECKS for one in check(subject, matrix)), *find_models(project, subject, matrix)]
    hopeless = {one.place for one in found if one.rule == "removed-package"}
    indexes = [host for step in subject.environment.steps for host in step.indexes]
    for one in found:
        if one.rule == "removed-package" or one.place not in hopeless:  # it is not installed at all
            yield _beside_another_index(one, indexes[0]) if indexes and one.rule in _OF_THE_INDEX else one


def _beside_another_index(finding: Finding, host: str) -> Finding:
    """What the public index does not have another one may have: that is no error, and nothing to mend without asking."""
    return finding._replace(severity="warning", message=f"{finding.message} (on the public index; what {host} has is not known)")
