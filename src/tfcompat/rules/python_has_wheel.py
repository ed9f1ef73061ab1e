"""python-has-wheel: the interpreter must be one that a wheel of this release was made for.

``Requires-Python`` does not say it: it is absent up to 2.8 and never bounded above, so pip finds
a "compatible" release and then no file. The tags in the names of the wheels are the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Tensorflow


def judge(matrix: Matrix, tensorflow: Tensorflow, python: Version | None) -> Verdict | None:
    build = tensorflow.build
    if build is None:
        return None  # platform-has-wheel speaks
    if python is None:
        return unknown("python-unknown")
    if f"{python.major}.{python.minor}" not in build.python:
        wheels = build.python
        return violated("no-wheel", wheels=f"{wheels[0]} to {wheels[-1]}" if len(wheels) > 1 else wheels[0], platform=tensorflow.platform)
    if python.is_prerelease:
        return violated("prerelease", "warning")
    return OK


RULE = Rule(
    "python-has-wheel",
    "The interpreter has a wheel",
    (Check(("tensorflow", "python"), judge),),
    {
        "no-wheel": "no wheel of {tensorflow} is made for Python {python} on {platform}; there are wheels for Python {wheels}",
        "prerelease": "Python {python} is a pre-release: a marker on python_full_version takes it for older than the final one",
        "python-unknown": "which Python this environment has is not established, and {tensorflow} has wheels for few",
    },
    {
        "no-wheel": "take a Python of that range, or a release that has a wheel for yours",
        "prerelease": "start from python:X.Y-slim where the exact interpreter matters",
    },
)
