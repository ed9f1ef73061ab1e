"""What can be learned of images now: from the registry, else from what was kept of it, else from the snapshot.

``mode``: ``online`` wants the registry's own word or an error, ``known`` the same but for contents that a digest names, which
nobody need confirm; ``auto`` does with those as well, and falls back and says why where the registry does not answer.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tfcompat.errors import CouldNotCheck
from tfcompat.images import snapshot_of
from tfcompat.matrix.records import Sighting
from tfcompat.registry.listings import known_listing
from tfcompat.registry.records import Listing, TagEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tfcompat.matrix import Matrix
    from tfcompat.reference import Reference
    from tfcompat.registry.records import Manifest
    from tfcompat.registry.registries import Registries

__all__ = ["Learned", "Mode", "Observed", "fetch_listing", "fetch_sightings", "observe"]

Mode = Literal["auto", "known", "online"]
Origin = Literal["registry", "cache", "snapshot"]
_AT_ONCE = 4  # requests
_PLATFORM = re.compile(r"\w[\w./-]*", re.ASCII)


class Learned(NamedTuple):
    """The tags of a repository, who said so, and why the registry did not where it did not."""

    listing: Listing
    origin: Origin
    why: str = ""


class Observed(NamedTuple):
    """What is known of one reference. ``sighting`` is None where the registry could not be asked and nothing was kept of it.

    ``manifest`` is the image for the platform, None where it was not read or there is none. ``why`` says why the
    registry's own word is missing.
    """

    reference: Reference
    sighting: Sighting | None
    manifest: Manifest | None = None
    origin: Origin = "registry"
    why: str = ""


def fetch_listing(
    registries: Registries, matrix: Matrix, reference: Reference, mode: Mode, progress: Callable[[int, int | None], None] | None = None
) -> Learned | None:
    """All tags of the reference's repository, None where the registry has no such repository.

    Raises :class:`CouldNotCheck` when nothing is known of it, and with ``online`` when the registry does not answer.
    """
    before = registries.transport.requests
    try:
        client = registries.of_tags(reference.registry)
        listing = client.fetch_tags(reference.path, progress)
        if listing is None and client is not registries.of_images(reference.registry):
            # Docker Hub's API knows public repositories only; its registry has the last word
            listing = registries.of_images(reference.registry).fetch_tags(reference.path, progress)
    except CouldNotCheck as error:
        if mode == "online":
            raise
        return _kept_listing(registries, matrix, reference, error)
    origin: Origin = "registry" if registries.transport.requests > before else "cache"
    return Learned(listing, origin) if listing is not None else None


def _kept_listing(registries: Registries, matrix: Matrix, reference: Reference, error: CouldNotCheck) -> Learned:
    kept = known_listing(registries.store, registries.address_of_tags(reference.registry), reference.path)
    if kept is not None:
        return Learned(kept, "cache", error.message)
    images = snapshot_of(matrix, reference.repository)
    if not images:
        raise CouldNotCheck(f"{error.message}, and the snapshot does not cover {reference.repository}", error.hint)
    gone = ("delisted", "gone", "absent")
    tags = tuple(TagEntry(tag, i.digest, dict.fromkeys(i.platforms or ())) for tag, i in images.items() if i.status not in gone)
    return Learned(
        Listing(reference.repository, tags, matrix.snapshots[reference.repository], matrix.source, complete=False),
        "snapshot",
        error.message,
    )


def fetch_sightings(registries: Registries, references: Iterable[Reference]) -> dict[str, Sighting]:
    """Existence, digest and platforms of each reference, by its text; four at a time.

    Raises :class:`CouldNotCheck` as soon as one of them could not be established.
    """
    from concurrent.futures import ThreadPoolExecutor

    wanted = list(references)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = {str(reference): pool.submit(_sight, registries, reference) for reference in wanted}
        try:
            return {text: future.result() for text, future in futures.items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _sight(registries: Registries, reference: Reference) -> Sighting:
    if reference.digest is not None or reference.tag is None:
        found = observe(registries, reference, "linux/amd64", "online").sighting
        assert found is not None  # "online" has raised otherwise
        return found
    source = registries.address_of_tags(reference.registry)
    client = registries.of_tags(reference.registry)
    entry = client.fetch_tag(reference.path, reference.tag)
    asked = _date(registries.now())
    if entry is None:
        if client is not registries.of_images(reference.registry):  # private, or really gone: the registry has the last word
            return _ask_for(registries, reference)
        return Sighting(str(reference), False, asked, source)
    digest, platforms = entry.digest, dict(entry.platforms)
    if digest is None:  # an entry of before 2020: the registry itself knows
        with suppress(CouldNotCheck):
            digest = registries.of_images(reference.registry).fetch_digest(reference.path, reference.tag)
    return Sighting(str(reference), True, asked, source, digest, platforms)


def observe(registries: Registries, reference: Reference, platform: str, mode: Mode) -> Observed:
    """What the registry holds behind *reference*, with the config of its image for *platform*.

    Raises :class:`CouldNotCheck` unless ``auto`` when the registry does not answer.
    """
    known = _kept_sighting(registries, reference) if reference.digest is not None and mode != "online" else None
    if known is not None and known.exists:
        with suppress(CouldNotCheck):
            return Observed(reference, known, _manifest(registries, reference, known, platform), "cache")
    try:
        sighting = _ask_for(registries, reference)
        return Observed(reference, sighting, _manifest(registries, reference, sighting, platform))
    except CouldNotCheck as error:
        if mode != "auto":
            raise
        sighting_kept = _kept_sighting(registries, reference)
        try:
            manifest = _manifest(registries, reference, sighting_kept, platform) if sighting_kept else None
        except CouldNotCheck:
            manifest = None
        return Observed(reference, sighting_kept, manifest, "cache" if sighting_kept else "snapshot", error.message)


def _ask_for(registries: Registries, reference: Reference) -> Sighting:
    client = registries.of_images(reference.registry)
    found = client.fetch_digest(reference.path, reference.digest or reference.tag or "latest")
    asked = _date(registries.now())
    if found is None:
        sighting = Sighting(str(reference), False, asked, client.base)
    else:
        digest = reference.digest or found
        platforms = {p: d for p, d in client.fetch_platforms(reference.path, digest).items() if _PLATFORM.fullmatch(p)}
        sighting = Sighting(str(reference), True, asked, client.base, digest, platforms)
    names = {reference.digest or reference.tag or "", sighting.digest or ""} - {""}  # the digest's own answer is known by now as well
    for name in names:
        registries.store.keep_document("tags", client.base, reference.path, name, document=sighting._asdict())
    return sighting


def _kept_sighting(registries: Registries, reference: Reference) -> Sighting | None:
    base = registries.of_images(reference.registry).base
    document = registries.store.read_document("tags", base, reference.path, reference.digest or reference.tag or "")
    return _sighting_of(document, reference) if document else None


def _sighting_of(document: Mapping[str, Any], reference: Reference) -> Sighting | None:
    try:
        found = Sighting(**document)
    except TypeError:  # of another version of this package
        return None
    sound = isinstance(found.platforms, dict) and isinstance(found.asked, str) and isinstance(found.digest, (str, type(None)))
    if reference.digest is not None:  # whatever the tag beside it, the digest says what it is
        same = found.digest == reference.digest or (not found.exists and found.reference.endswith(reference.digest))
        return found._replace(reference=str(reference)) if sound and same else None
    return found if sound and found.reference == str(reference) else None


def _manifest(registries: Registries, reference: Reference, sighting: Sighting, platform: str) -> Manifest | None:
    digest = sighting.platforms.get(platform)
    return registries.of_images(reference.registry).fetch_manifest(reference.path, digest) if digest else None


def _date(now: float) -> str:
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds")
