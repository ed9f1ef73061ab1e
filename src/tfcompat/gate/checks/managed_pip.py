"""externally-managed-pip: the distribution's Python refuses pip (PEP 668)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Related
from tfcompat.gate.judge import finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.commands import Install
    from tfcompat.gate.finding import Finding
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["find"]

_ELSEWHERE = ("--target", "-t", "--prefix", "--root", "--dry-run")  # pip refuses to change the interpreter's own folder alone
_YES = ("1", "true", "True", "yes")


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """The first command that is refused; what comes after it is never reached."""
    image, environment, stage = subject.image, subject.environment, subject.stage
    if image is None or not image.externally_managed or environment.name or stage.marker_removed:
        return
    if environment.python is None or not environment.python.own:
        return
    if stage.variables.get("PIP_BREAK_SYSTEM_PACKAGES") in _YES:
        return
    refused = next((s.install for s in environment.steps if s.install is not None and _refused(s.install)), None)
    if refused is None or stage.base is None:
        return
    about_pip = ", and a newer pip is refused like any other package" if any(p.name == "pip" for p in refused.pins) else ""
    message = f"{refused.tool} installs nothing here: the Python {environment.python.version} of {stage.base.text} is externally managed (PEP 668){about_pip}"
    yield finding(
        subject, "externally-managed-pip", "error", refused.place, message, Related(stage.base.place, str(image)), evidence=image.evidence
    )


def _refused(install: Install) -> bool:
    if install.tool not in ("pip", "uv") or install.break_system_packages or install.conditional:
        return False
    return not any(option.partition("=")[0] in _ELSEWHERE for option in install.options)
