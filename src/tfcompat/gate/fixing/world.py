"""What a fix is proven against: every environment that was looked at, and the means to judge another one."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Sequence
from typing import NamedTuple

from tfcompat.gate.bases import ImageFinder
from tfcompat.gate.environment import Environment, Stage
from tfcompat.gate.finding import Finding
from tfcompat.gate.findings import findings_of
from tfcompat.gate.project import Project
from tfcompat.gate.subject import Subject, Target, subject_of
from tfcompat.matrix.matrix import Matrix

__all__ = ["World"]


class World(NamedTuple):
    """``subjects`` are all environments in which TensorFlow is in play."""

    project: Project
    images: ImageFinder
    matrix: Matrix
    target: Target
    subjects: Sequence[Subject]

    def judge(self, stage: Stage, environment: Environment, like: Subject) -> list[Finding]:
        """What is found of *environment*, for which the same GPU is meant as for *like*."""
        return list(findings_of(subject_of(self.matrix, stage, environment, self.target, like.requested), self.project, self.matrix))

    def sharing(self, subject: Subject) -> list[Subject]:
        """The environments whose build names its image in the same place; *subject* is one of them."""
        base = subject.stage.base
        return [s for s in self.subjects if base is not None and s.stage.base is not None and s.stage.base.place == base.place]
