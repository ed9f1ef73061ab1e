"""package-range: every package that the wheel names must be inside the range it names.

The range is read from the METADATA of the very platform's wheel, with the markers of the target
interpreter. Where the metadata is too loose a learned cap speaks, with the symptom it was learned from.
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
    allowed = specifier_of(tensorflow, package.name, python)
    if allowed is not None and not allowed.contains(package.version, prereleases=True):
        return violated("out-of-range", allowed=f"{package.name}{allowed}")
    cap = cap_on(matrix, tensorflow.release, package.name) if package.name != "numpy" else None  # numpy-abi speaks
    if cap is not None and not SpecifierSet(cap.allows).contains(package.version, prereleases=True):
        evidence = tuple(s for c in cap.evidence.values() for s in c)
        return violated("capped", "error", evidence, allowed=f"{package.name}{cap.allows}", symptom=cap.symptom)
    return OK if allowed is not None else None


RULE = Rule(
    "package-range",
    "Packages are inside TensorFlow's ranges",
    (Check(("tensorflow", "package"), judge, optional=("python",)),),
    {
        "out-of-range": "{tensorflow} asks for {allowed}, which {package} is not",
        "capped": "{package} cannot stand beside {tensorflow}, whose metadata allows it ({symptom}): {allowed} is needed",
    },
    {"out-of-range": "pin the package inside that range", "capped": "pin the package inside that range"},
)
