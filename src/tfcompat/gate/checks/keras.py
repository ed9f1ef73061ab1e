"""two-keras: distributions that each bring a Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.finding import Related
from tfcompat.gate.judge import finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix

__all__ = ["find"]

_SAME_MODULE = ("keras", "keras-nightly")  # both install the module keras
_FORERUNNER = "keras-core"


def find(subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """Two that install one module, and keras-core beside Keras 3, which it became."""
    held = {name: one for name, one in subject.installed.held.items() if one.pin is not None}
    pairs = [_SAME_MODULE, ("keras", _FORERUNNER)]
    for first, second in pairs:
        one, other = held.get(first), held.get(second)
        if one is None or other is None or one.pin is None or other.pin is None:
            continue
        if second == _FORERUNNER and (one.version is None or one.version.major < 3):
            continue
        said = "both install the module keras" if second != _FORERUNNER else "Keras 3 is what keras-core became"
        later, earlier = sorted((one.pin, other.pin), key=lambda p: (p.place.file, p.place.start), reverse=True)
        yield finding(
            subject,
            "two-keras",
            "warning",
            later.place,
            f"{first} and {second} stand side by side: {said}",
            Related(earlier.place, str(earlier)),
        )
