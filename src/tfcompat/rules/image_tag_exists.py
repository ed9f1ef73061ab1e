"""image-tag-exists: a tag must be known to exist before it is recommended, and should not move.

By the registry where it was asked: ``measured`` tags are there, ``gone`` ones are not. Else by the dated snapshot:
``documented`` tags are on an official list or proven by digest, ``observed`` ones are used in public, ``absent``
ones are reported missing, ``delisted`` ones were removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.rules.rule import OK, Check, Rule, Verdict, unknown, violated

if TYPE_CHECKING:
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Image


def judge_platform(matrix: Matrix, image: Image | None, platform: str) -> Verdict | None:
    if image is None or image.status in ("absent", "gone", "unknown", "delisted"):
        return None
    if image.platforms is None:
        return None if platform == "linux/amd64" or not image.tensorflow else unknown("platform-unknown")
    return OK if platform in image.platforms else violated("other-platform", offered=" and ".join(image.platforms))


def judge(matrix: Matrix, image: Image | None) -> Verdict | None:
    if image is None:
        return None
    if image.status == "absent":
        return violated("absent", "error", image.evidence, why=image.why)
    if image.status == "gone":
        return violated("gone", "error", image.evidence, why=image.why)
    if image.status == "delisted":
        return violated("delisted", "error", image.evidence)
    if image.status == "rolling":
        return violated("rolling", "warning", image.evidence)
    if image.status == "unknown":
        repository = image.reference.partition("@")[0].rpartition(":")[0]
        return unknown("unknown", image.evidence, measured=matrix.snapshots.get(repository, matrix.measured))
    if image.moved_from is not None:
        return violated("moved", "note", image.evidence, before=image.moved_from[:19], now=(image.digest or "")[:19])
    return OK if image.status in ("measured", "documented") else violated("observed", "note", image.evidence)


RULE = Rule(
    "image-tag-exists",
    "The image tag exists",
    (Check(("image",), judge), Check(("image", "platform"), judge_platform)),
    {
        "absent": "there is no {image} ({why})",
        "gone": "the registry has no {image} ({why})",
        "moved": "{image} has moved since the snapshot, from {before} to {now}: what is inside may have changed",
        "delisted": "no longer in the registry: {image}",
        "rolling": "{image} is a floating tag: the next pull may bring something else",
        "observed": "{image} is seen in use, but stands on no official list",
        "other-platform": "{image} is made for {offered}, not for {platform}",
        "platform-unknown": "whether {image} is made for {platform} is not established",
        "unknown": "whether {image} exists is not known (snapshot of {measured})",
    },
    {
        "absent": "take a tag that exists, or install the release on a plain Python image",
        "gone": "take a tag that exists, or install the release on a plain Python image",
        "moved": "go by what its config says ('tfcompat image inspect'), and pin the digest",
        "rolling": "pin a version tag or a digest",
    },
)
