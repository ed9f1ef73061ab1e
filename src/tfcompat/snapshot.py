"""Reads the registries for ``data/measured/images``: the tags the matrix covers, their digests and platforms.

Of tags that no curated row describes the config is read as well, so that nothing about them has to be guessed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tfcompat.contents import Contents, read_contents
from tfcompat.drift import covered, expected
from tfcompat.errors import CouldNotCheck, MatrixError
from tfcompat.images import snapshot_of, system_of_suite
from tfcompat.matrix.images import FILES
from tfcompat.reference import Reference
from tfcompat.refresh import Change
from tfcompat.sightings import fetch_listing, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tfcompat.matrix import Matrix
    from tfcompat.registry.registries import Registries

__all__ = ["load_dates", "losses", "measure_repository"]

Row = dict[str, Any]
_READ = "measured: image config"  # such evidence marks a tag that no curated row describes


def measure_repository(
    registries: Registries, matrix: Matrix, repository: str, progress: Callable[[int, int | None], None] | None = None
) -> dict[str, list[Row]]:
    """The rows of one of :data:`~tfcompat.matrix.images.FILES`, by file name.

    Raises :class:`CouldNotCheck` when the registry does not answer or lists only a part.
    """
    reference = Reference.parse(repository)
    learned = fetch_listing(registries, matrix, reference, "online", progress)
    if learned is None or not learned.listing.complete:
        raise CouldNotCheck(f"{registries.address_of_tags(reference.registry)} does not list all of {reference.path}", "try again")
    entries = {t.name: t for t in learned.listing.tags}
    known = snapshot_of(matrix, repository)
    wanted = [*covered(matrix, repository, entries), *(t for t in known if t in entries)]  # those that were gone and are back included
    rows = []
    for tag in dict.fromkeys(wanted):
        entry = entries[tag]
        row = {"tag": tag, "digest": entry.digest, "platforms": dict(entry.platforms), "size": entry.size, "updated": entry.updated}
        described = tag in known and not any(s.startswith(_READ) for s in known[tag].evidence)
        if not described or entry.digest is None:
            row = _looked_into(registries, repository, row, described)
        rows.append(row)
    if not rows:
        raise CouldNotCheck(f"{reference.path} has no tag that the matrix covers", "check the address of the registry")
    return {FILES[repository]: rows}


def losses(matrix: Matrix, folder: Path, files: Mapping[str, list[Row]]) -> Iterator[Change]:
    """What the matrix has and the registry does not list, where no refresh before this one can tell: it would become ``gone``."""
    for repository, name in FILES.items():
        if name in files and not (folder / name).exists():
            listed = {row["tag"] for row in files[name]}
            for tag, image in expected(matrix, repository).items():
                if tag not in listed:
                    yield Change(name.partition(".json")[0], tag, "removed", f"the matrix has it as {image.status}")


def load_dates(folder: Path) -> dict[str, str]:
    """The dates of the refreshes before, by repository. Raises :class:`MatrixError` for a file that is damaged."""
    path = folder / "stamp.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise MatrixError(f"{path} cannot be read: {error}", "restore it from version control") from None
    if not isinstance(found, dict):
        raise MatrixError(f"{path} holds no dates by repository", "restore it from version control")
    return found


def _looked_into(registries: Registries, repository: str, row: Row, described: bool) -> Row:
    """The row with what is inside the image, where no curated row says it."""
    reference = Reference.parse(f"{repository}:{row['tag']}")
    observed = observe(registries, reference, _first(row["platforms"]), "online")
    sighting, manifest = observed.sighting, observed.manifest
    if sighting is None or not sighting.exists:
        raise CouldNotCheck(f"{reference} is listed and not there", "try again")
    if manifest is None and sighting.platforms:
        manifest = observe(registries, reference, _first(sighting.platforms), "online").manifest
    found = {**row, "digest": sighting.digest, "platforms": dict(sighting.platforms)}
    if not described and manifest is not None:
        found["size"] = found["size"] or manifest.size
        found["contents"] = _cells(read_contents(manifest.config), manifest.config_digest)
    return found


def _first(platforms: Iterable[str]) -> str:
    names = list(platforms)
    return "linux/amd64" if "linux/amd64" in names or not names else names[0]


def _cells(contents: Contents, config_digest: str) -> Row:
    """The contents as text, with the digest of the config as evidence."""
    cells = {n: str(c.value) for n in ("tensorflow", "python", "cuda", "cudnn", "require") if (c := getattr(contents, n)) is not None}
    if contents.system is not None:
        cells["os"] = system_of_suite(contents.system.value)
        if cells["os"] != contents.system.value:
            cells["suite"] = contents.system.value
    if contents.distribution is not None:
        cells["distribution"] = contents.distribution
    return {**cells, "evidence": [f"{_READ} {config_digest}"]}
