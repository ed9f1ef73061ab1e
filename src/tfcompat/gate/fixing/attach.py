"""Gives each finding of an environment the fix that mends it, if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.fixing.base_image import other_base
from tfcompat.gate.fixing.lines import added_line
from tfcompat.gate.fixing.pins import other_pin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.gate.finding import Finding, Fix
    from tfcompat.gate.follow import ImageFinder
    from tfcompat.gate.project import Project
    from tfcompat.gate.subject import Subject, Target
    from tfcompat.matrix import Matrix

__all__ = ["with_fixes"]

_BASE_RULES = frozenset(
    (
        "floating-tag",
        "tag-does-not-exist",
        "no-wheel-for-interpreter",
        "externally-managed-pip",
        "platform-has-wheel",
        "image-tensorflow-replaced",
        "cpu-image-with-gpu-package",
        "cuda-runtime",
        "cudnn-runtime",
    )
)
_IN_PLACE = frozenset(("externally-managed-pip",))  # mended where it stands, unless the image has to change anyhow


def with_fixes(
    found: Sequence[Finding], subject: Subject, project: Project, images: ImageFinder, matrix: Matrix, target: Target
) -> list[Finding]:
    """The findings of *subject*; those that another base image mends share that one edit."""
    base: Fix | None = None
    if any(f.rule in _BASE_RULES - _IN_PLACE and f.severity != "info" for f in found):
        base = other_base(found, subject, project, images, matrix, target)

    def fix(finding: Finding) -> Fix | None:
        if finding.severity == "info":
            return None
        if finding.rule in _BASE_RULES and base is not None:
            return base
        return other_pin(finding, subject, project, matrix, target) or added_line(finding, subject, project)

    return [finding._replace(fix=fix(finding)) for finding in found]
