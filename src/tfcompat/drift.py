"""Where the image rows of the matrix and a registry have come apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tfcompat.contents import read_contents
from tfcompat.images import find_image, snapshot_of
from tfcompat.tags import TagName
from tfcompat.versions import same_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tfcompat.matrix import Matrix
    from tfcompat.stack import Image

__all__ = ["Drift", "compare_contents", "compare_digests", "compare_tags", "covered", "expected"]

Kind = Literal["new tag", "gone tag", "back again", "changed digest", "other contents"]


class Drift(NamedTuple):
    """One difference: ``detail`` says what the matrix has and what the registry."""

    kind: Kind
    reference: str
    detail: str = ""


def expected(matrix: Matrix, repository: str) -> dict[str, Image]:
    """The rows whose tags should be in the registry."""
    return {tag: image for tag, image in snapshot_of(matrix, repository).items() if image.status not in ("delisted", "absent", "gone")}


def covered(matrix: Matrix, repository: str, tags: Iterable[str]) -> list[str]:
    """Those of *tags* that are of a kind the matrix has: variants that its rows have, from their oldest version on."""
    rows = [(t, t.version) for t in map(TagName.parse, snapshot_of(matrix, repository)) if t.version is not None]
    kinds = {_kind(t) for t, _ in rows}
    oldest = min((v for _, v in rows), default=None)
    found = sorted(map(TagName.parse, tags), key=lambda t: t.order)
    released = [(t, t.version) for t in found if t.version is not None and not t.prerelease]
    return [t.text for t, v in released if oldest is not None and v >= oldest and _kind(t) in kinds]


def _kind(tag: TagName) -> frozenset[str]:
    """The variants without their numbers: ``cudnn8`` and ``ubuntu20.04`` are of the kind of ``cudnn`` and ``ubuntu``."""
    return frozenset(re.sub(r"[\d.]+", "", v) for v in tag.variants)


def compare_tags(matrix: Matrix, repository: str, tags: Iterable[str]) -> Iterator[Drift]:
    """New and gone tags, and those that the matrix has as missing although they are there."""
    present = set(tags)
    rows = snapshot_of(matrix, repository)
    for tag in dict.fromkeys([*covered(matrix, repository, present), *(t for t in rows if t in present)]):
        image = rows[tag] if tag in rows else find_image(matrix, f"{repository}:{tag}")
        if image.status in ("absent", "delisted", "gone"):
            known = image.why if image.status == "absent" else image.status
            yield Drift("back again", image.reference, f"the matrix has it as {known}")
        elif tag not in rows:
            yield Drift("new tag", image.reference)
    for tag, image in expected(matrix, repository).items():
        if tag not in present:
            yield Drift("gone tag", image.reference, f"the matrix has it as {image.status}")


def compare_digests(image: Image, digest: str | None, platforms: Iterable[str | None]) -> Iterator[Drift]:
    """Whether a tag points to what the matrix has on record; a tag without a digest there agrees with any."""
    if image.digest is not None and digest is not None and image.digest not in (digest, *platforms):
        yield Drift("changed digest", image.reference, f"{image.digest[:19]} in the matrix, {digest[:19]} in the registry")


def compare_contents(image: Image, config: Mapping[str, Any]) -> Iterator[Drift]:
    """Where the config contradicts the row. What it does not say, and what the row leaves open, agree."""
    contents = read_contents(config)
    for name in ("tensorflow", "python", "cuda", "cudnn"):
        cell, known = getattr(contents, name), getattr(image, name)
        if cell is not None and known is not None and not same_prefix(cell.value, known):
            yield Drift("other contents", image.reference, f"{name} {known} in the matrix, {cell.value} in the image ({cell.where})")
    if contents.require is not None and image.require is not None and contents.require.value != image.require:
        yield Drift(
            "other contents",
            image.reference,
            f"NVIDIA_REQUIRE_CUDA {image.require!r} in the matrix, {contents.require.value!r} in the image",
        )
