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

__all__ = ["OF_THE_INDEX", "findings_of"]

_WITHOUT_TENSORFLOW = frozenset(
    (
        "removed-package",
        "floating-tag",
        "tag-does-not-exist",
        "externally-managed-pip",
        "unknown-image",
        "cannot-follow",
        "comment-behind-from",
    )
)
OF_THE_INDEX = frozenset(("no-wheel-for-interpreter", "platform-has-wheel", "removed-package"))


def findings_of(subject: Subject, project: Project, matrix: Matrix) -> Iterator[Finding]:
    """The rulebook's word, what only files show, and the models that are copied in."""
    found = [*judge(subject, matrix), *(one for check in CHECKS for one in check(subject, matrix)), *find_models(project, subject, matrix)]
    place = subject.tensorflow_place or (subject.held.pin.place if subject.held is not None and subject.held.pin is not None else None)
    if any(one.rule == "removed-package" and one.place == place for one in found):  # TensorFlow is not installed at all
        found = [one for one in found if one.rule in _WITHOUT_TENSORFLOW]
    indexes = [host for step in subject.environment.steps for host in step.indexes]
    yield from (_beside_another_index(one, indexes[0]) for one in found) if indexes else found


def _beside_another_index(finding: Finding, host: str) -> Finding:
    """What the public index does not have another one may have: that is no error, and nothing to mend without asking."""
    if finding.rule == "unknown-release":
        return finding._replace(severity="info")  # built by those whose index it is
    if finding.rule not in OF_THE_INDEX:
        return finding
    return finding._replace(severity="warning", message=f"{finding.message} (on the public index; what {host} has is not known)")
