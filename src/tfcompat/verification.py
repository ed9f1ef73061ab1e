"""Asks the registries whether the image rows of the matrix still hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.drift import Drift, compare_contents, compare_digests, compare_tags, expected
from tfcompat.errors import CouldNotCheck, RateLimited
from tfcompat.reference import Reference
from tfcompat.sightings import fetch_listing, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tfcompat.matrix import Matrix
    from tfcompat.registry.records import TagEntry
    from tfcompat.registry.registries import Registries
    from tfcompat.stack import Image

__all__ = ["Verification", "verify_repository"]

_AT_ONCE = 4  # requests
_FAILURES = 8  # after which a registry is left alone


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
    entries, rows = {t.name: t for t in listing.tags}, expected(matrix, repository)
    if rows and not entries.keys() & rows.keys():  # another repository, or a mirror that has nothing of it yet
        nothing = f"the registry lists {len(entries)} tags, and none of the {len(rows)} of the matrix: nothing was compared"
        return Verification(repository, len(entries), (), 0, (nothing,))
    drift = list(compare_tags(matrix, repository, entries))
    present = [(image, entries[tag]) for tag, image in rows.items() if tag in entries]
    present = [(image, entry) for image, entry in present if image.status != "rolling"]  # those are there to move
    drift += [d for image, entry in present for d in compare_digests(image, entry.digest, entry.platforms.values())]
    known: list[tuple[Image, Reference]] = []
    unread: list[tuple[Image, Reference]] = []
    for image, entry in present:
        question = _question(image, entry)
        (known if _was_read(registries, question) else unread).append((image, question))
    found, compared, failed = _contents(registries, [*known, *unread[:limit]])
    left = len(known) + len(unread) - compared - len(failed)
    if left:
        failed.append(f"the contents of {left} images were not compared in this run: repeat it, or raise --limit")
    every = tuple(dict.fromkeys([*drift, *found]))  # a listing with digests and a look inside say the same of a moved tag
    return Verification(repository, len(entries), every, compared, tuple(failed))


def _question(image: Image, entry: TagEntry) -> Reference:
    """What to ask for: the digest where the listing tells it, as a known digest asks nothing."""
    reference = Reference.parse(image.reference)
    return reference._replace(tag=None, digest=entry.digest) if entry.digest else reference


def _was_read(registries: Registries, question: Reference) -> bool:
    """Whether the manifest is in the store, so that looking into it again asks for little or nothing."""
    digest = question.digest
    if digest is None:
        known = registries.store.read_document("tags", registries.of_images(question.registry).base, question.path, question.tag or "")
        digest = known.get("digest") if known else None
    return isinstance(digest, str) and registries.store.read_content(digest) is not None


def _contents(registries: Registries, questions: Iterable[tuple[Image, Reference]]) -> tuple[list[Drift], int, list[str]]:
    """The differences inside the images, how many were looked into, and what could not be read.

    A registry that wants no more questions, or answers none, gets no more: the rest is neither.
    """
    stopped, failures = Event(), list[CouldNotCheck]()

    def compare(image: Image, question: Reference) -> tuple[list[Drift], str] | None:
        platforms = image.platforms or ("linux/amd64",)
        platform = "linux/amd64" if "linux/amd64" in platforms else platforms[0]
        if stopped.is_set():
            return None
        try:
            observed = observe(registries, question, platform, "known")
        except CouldNotCheck as error:
            failures.append(error)
            if isinstance(error, RateLimited) or len(failures) >= _FAILURES:
                stopped.set()
            return [], f"{image.reference}: {error.message}"
        seen = observed.sighting
        if seen is None or not seen.exists:
            return [], f"{image.reference}: it was listed, and is not there any more"
        moved = list(compare_digests(image, seen.digest, seen.platforms.values()))
        if observed.manifest is None:
            return moved, f"{image.reference}: no image for {platform}"
        return [*moved, *compare_contents(image, observed.manifest.config)], ""

    drift: list[Drift] = []
    compared, failed = 0, []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for outcome in pool.map(lambda pair: compare(*pair), questions):
            if outcome is not None:
                found, failure = outcome
                drift += found
                compared += not failure
                failed += [failure] if failure else []
    return drift, compared, failed
