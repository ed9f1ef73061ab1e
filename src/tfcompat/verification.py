"""Asks the registries whether the image rows of the matrix still hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.drift import Drift, compare_contents, compare_digests, compare_tags, expected
from tfcompat.errors import CouldNotCheck
from tfcompat.reference import Reference
from tfcompat.sightings import fetch_listing, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tfcompat.matrix import Matrix
    from tfcompat.registry.records import Listing
    from tfcompat.registry.registries import Registries
    from tfcompat.stack import Image

__all__ = ["Verification", "verify_repository"]

_AT_ONCE = 4  # requests


class Verification(NamedTuple):
    """What came of one repository. ``compared`` images had their contents read; ``open`` says what was not established."""

    repository: str
    tags: int
    drift: tuple[Drift, ...]
    compared: int = 0
    open: tuple[str, ...] = ()


def verify_repository(
    registries: Registries, matrix: Matrix, repository: str, limit: int, progress: Callable[[int, int | None], None] | None = None
) -> Verification:
    """Compare tags and digests, and the contents of at most *limit* images that were not read before.

    Raises :class:`CouldNotCheck` when the tags cannot be listed; what fails later is among ``open``.
    """
    reference = Reference.parse(repository)
    learned = fetch_listing(registries, matrix, reference, "online", progress)
    if learned is None:
        raise CouldNotCheck(f"{registries.address_of_tags(reference.registry)} has no repository {reference.path}", "check the address")
    listing = learned.listing
    if not listing.complete:
        return Verification(
            repository, len(listing.tags), (), 0, ("the registry counts more tags than it lists: nothing was compared; try again",)
        )
    rows = expected(matrix, repository)
    if rows and not any(t.name in rows for t in listing.tags):  # another repository, or a mirror that has nothing of it yet
        nothing = f"the registry lists {len(listing.tags)} tags, and none of the {len(rows)} of the matrix: nothing was compared"
        return Verification(repository, len(listing.tags), (), 0, (nothing,))
    drift = list(compare_tags(matrix, repository, [t.name for t in listing.tags]))
    drift += _digests(matrix, listing, repository)
    present = [rows[t.name] for t in listing.tags if t.name in rows and rows[t.name].status != "rolling"]
    unread = [image for image in present if not _was_read(registries, listing, image)]
    chosen = [image for image in present if image not in unread] + unread[: max(0, limit)]
    found, failed = _contents(registries, chosen)
    left = len(unread) - len(unread[: max(0, limit)])
    unestablished = [f"the contents of {left} images were not compared in this run: repeat it, or raise --limit"] if left else []
    every = tuple(dict.fromkeys([*drift, *found]))  # a listing with digests and a look inside say the same of a moved tag
    return Verification(repository, len(listing.tags), every, len(chosen) - len(failed), (*unestablished, *failed))


def _digests(matrix: Matrix, listing: Listing, repository: str) -> list[Drift]:
    rows = expected(matrix, repository)
    return [d for t in listing.tags if t.name in rows for d in compare_digests(rows[t.name], t.digest, t.platforms.values())]


def _was_read(registries: Registries, listing: Listing, image: Image) -> bool:
    """Whether the manifest of the image is in the store, so that reading it again asks for little or nothing."""
    tag = image.reference.rpartition(":")[2]
    entry = next((t for t in listing.tags if t.name == tag), None)
    digests = [entry.digest, *entry.platforms.values()] if entry else []
    known = registries.store.read_document(
        "tags", registries.of_images(Reference.parse(image.reference).registry).base, *_path_and_tag(image)
    )
    digests.append(known.get("digest") if known else None)
    return any(registries.store.read_content(digest) is not None for digest in digests if isinstance(digest, str))


def _path_and_tag(image: Image) -> tuple[str, str]:
    reference = Reference.parse(image.reference)
    return reference.path, reference.tag or ""


def _contents(registries: Registries, images: Iterable[Image]) -> tuple[list[Drift], list[str]]:
    """The differences inside the images, and what could not be read."""

    def compare(image: Image) -> tuple[list[Drift], str]:
        platforms = image.platforms or ("linux/amd64",)
        platform = "linux/amd64" if "linux/amd64" in platforms else platforms[0]
        try:
            observed = observe(registries, Reference.parse(image.reference), platform, "online")
        except CouldNotCheck as error:
            return [], f"{image.reference}: {error.message}"
        seen = observed.sighting
        if seen is None or not seen.exists:
            return [], f"{image.reference}: it was listed, and is not there any more"
        moved = list(compare_digests(image, seen.digest, seen.platforms.values()))
        if observed.manifest is None:
            return moved, f"{image.reference}: no image for {platform}"
        return [*moved, *compare_contents(image, observed.manifest.config)], ""

    drift: dict[Drift, None] = {}
    failed = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found, failure in pool.map(compare, images):
            drift.update(dict.fromkeys(found))
            failed += [failure] if failure else []
    return list(drift), failed
