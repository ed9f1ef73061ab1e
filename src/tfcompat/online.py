"""Resolving and inspecting with registries asked: only images that are there now, and what is really inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck, RequestError
from tfcompat.images import find_image
from tfcompat.inspection import Inspection, inspect_image
from tfcompat.matrix import find_gpu, load_bundled
from tfcompat.platforms import PLATFORMS
from tfcompat.reference import Reference
from tfcompat.resolver import Resolution, ResolutionImpossible, resolve
from tfcompat.sightings import Mode, Observed, fetch_sightings, observe
from tfcompat.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tfcompat.matrix import Matrix
    from tfcompat.matrix.records import Sighting
    from tfcompat.registry.registries import Registries
    from tfcompat.resolver import Plan, Request
    from tfcompat.stack import Image

__all__ = ["inspect_reference", "look_at", "pin_digests", "resolve_online"]

_ROUNDS = 40  # each asks for the images of the plans before it; a registry that has none of them is not worth more


def resolve_online(request: Request, registries: Registries, matrix: Matrix | None = None) -> Resolution:
    """:func:`~tfcompat.resolver.resolve`, until every image of the plan and its alternatives was seen in its registry.

    By *matrix*, the bundled one by default. An image that is gone is no candidate any more, and its reason is that. Raises what ``resolve`` raises, and
    :class:`CouldNotCheck` when a registry gives no usable answer.
    """
    matrix = matrix or load_bundled()
    sightings: dict[str, Sighting] = {}
    for _ in range(_ROUNDS):
        seen = matrix.with_sightings(sightings)
        outcome: Resolution | ResolutionImpossible
        try:
            outcome = resolve(request, seen)
            plans = [outcome.plan, *outcome.alternatives]
        except ResolutionImpossible as conflict:
            outcome, plans = conflict, [s.plan for s in conflict.suggestions]
        unseen = _references(plans) - sightings.keys()
        if not unseen:
            if isinstance(outcome, ResolutionImpossible):
                raise outcome
            return outcome
        sightings |= fetch_sightings(registries, map(Reference.parse, sorted(unseen)))
    raise CouldNotCheck(f"{len(sightings)} images were asked for, and most of them are gone", "check the addresses of the registries")


def _references(plans: Iterable[Plan]) -> set[str]:
    return {plan.image.reference for plan in plans}


def inspect_reference(
    text: str,
    registries: Registries,
    matrix: Matrix | None = None,
    platform: str = "linux/amd64",
    gpus: Sequence[str] = (),
    driver: str | None = None,
    mode: Mode = "auto",
) -> tuple[Inspection, Observed]:
    """What is inside the image that *text* names and what the rules say of it, with what was learned from the registry.

    *gpus* and *driver* are those it is meant for. Raises :class:`RequestError` for what cannot be understood and, where *mode*
    is ``online``, :class:`CouldNotCheck` when the registry gives no usable answer.
    """
    matrix = matrix or load_bundled()
    reference = Reference.parse(text)
    if platform not in PLATFORMS:
        raise RequestError(f"--platform: {platform[:80]!r} is not known", f"one of {', '.join(PLATFORMS)}")
    targets = [find_gpu(matrix, name) for name in gpus]
    version = parse_version(driver, "--driver") if driver is not None else None
    observed = observe(registries, reference, platform, mode)
    manifest = observed.manifest
    config, digest = (manifest.config, manifest.config_digest) if manifest else (None, "")
    return inspect_image(matrix, str(reference), platform, observed.sighting, config, digest, targets, version), observed


def look_at(
    wanted: Iterable[tuple[str, str]], registries: Registries, matrix: Matrix
) -> tuple[Matrix, dict[str, Image], dict[str, CouldNotCheck]]:
    """The *wanted* images (reference, platform) as registries have them: whether they exist and, where the matrix does not know it, what is inside.

    The last part has those that a registry gave no usable answer for; the others are there all the same.
    """
    sightings: dict[str, Sighting] = {}
    learned: dict[str, Image] = {}
    failed: dict[str, CouldNotCheck] = {}
    for text, platform in wanted:
        reference = Reference.parse(text)
        known = find_image(matrix, text)
        try:
            if known.status == "unknown" and known.tensorflow is None and known.python is None:
                learned[text] = inspect_reference(text, registries, matrix, platform, mode="online")[0].image
            else:
                sightings |= fetch_sightings(registries, [reference])
        except CouldNotCheck as error:
            failed[text] = error
    return matrix.with_sightings(sightings), learned, failed


def pin_digests(resolution: Resolution) -> Resolution:
    """Each image by tag and digest. Raises :class:`CouldNotCheck` where the digest of the plan's own is not known."""
    if resolution.plan.image.digest is None:
        asked = resolution.plan.image.asked is not None
        hint = "its registry does not tell it; leave --pin-digest out" if asked else "ask the registry: add --online"
        raise CouldNotCheck(f"the digest of {resolution.plan.image.reference} is not known", hint)
    pinned = [_pinned(plan) for plan in (resolution.plan, *resolution.alternatives)]
    return resolution._replace(plan=pinned[0], alternatives=tuple(pinned[1:]))


def _pinned(plan: Plan) -> Plan:
    image = plan.image
    if image.digest is None or "@" in image.reference:
        return plan
    return plan._replace(image=image._replace(reference=f"{image.reference}@{image.digest}"))
