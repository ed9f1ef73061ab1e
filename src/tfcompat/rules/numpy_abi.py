"""numpy-abi: a wheel compiled against NumPy 1 cannot be imported beside NumPy 2, whatever its metadata allows.

2.18 is the first release built for NumPy 2. Several before it do not cap NumPy, so that a plain
install brings one that breaks the import. Source: NumPy 2.0 migration guide; TensorFlow 2.18 release notes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from tfcompat.requirements import cap_on, specifier_of
from tfcompat.rules.rule import OK, Check, Rule, Verdict, violated

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Package, Tensorflow


def judge(matrix: Matrix, tensorflow: Tensorflow, package: Package, python: Version | None) -> Verdict | None:
    if package.name != "numpy":
        return None
    cap = cap_on(matrix, tensorflow.release, "numpy")
    if cap is None or SpecifierSet(cap.allows).contains(package.version, prereleases=True):
        return OK
    allowed = specifier_of(tensorflow, "numpy", python)
    if allowed is not None and not allowed.contains(package.version, prereleases=True):
        return None  # the metadata says it already: package-range speaks
    return violated("numpy-1", "error", tuple(s for c in cap.evidence.values() for s in c), allowed=cap.allows, symptom=cap.symptom)


RULE = Rule(
    "numpy-abi",
    "NumPy has the ABI of the wheel",
    (Check(("tensorflow", "package"), judge, optional=("python",)),),
    {
        "numpy-1": "{package} cannot stand beside {tensorflow}, whose wheel is built against NumPy 1 and allows it in its metadata ({symptom})"
    },
    {"numpy-1": "pin numpy<2, or take tensorflow 2.18 or newer"},
)
