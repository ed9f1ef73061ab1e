"""Everything that the page knows, as one JSON document of numbers into lists of what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfcompat import __version__
from tfcompat.drivers import driver_text
from tfcompat.outputs.page.classes import driver_classes, gpu_class, gpus, keras_wishes, names_of_gpus, plain_name, suggested_drivers
from tfcompat.outputs.page.keras import KerasChoices
from tfcompat.outputs.page.ledger import LEVELS, Ledger, run_lengths, shown_release
from tfcompat.outputs.page.relations import Relations
from tfcompat.outputs.page.survey import Survey, survey
from tfcompat.resolver.candidate import RECIPES
from tfcompat.resolver.request import KNOWN_PYTHONS, RESOLVED_PLATFORMS, Request
from tfcompat.rules import RULES, evaluate
from tfcompat.stack import Stack
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.outputs.page.classes import DriverClasses
    from tfcompat.resolver.search import Candidate
    from tfcompat.stack import Tensorflow

__all__ = ["page_document"]

_TF_KERAS = "2"  # a wish that tf-keras meets from 2.16 on: the CPU's releases go by another name then


def page_document(matrix: Matrix) -> dict[str, Any]:
    """The document of *matrix*; the same for the same matrix."""
    surveys = dict(_surveys(matrix))
    images = {candidate.offer.image for s in surveys.values() for candidate in _candidates(s)}
    targets, drivers, wishes = gpus(matrix), driver_classes(matrix, images), keras_wishes(matrix)
    classes = list(dict.fromkeys(gpu_class(target) for target in targets))
    ledger = Ledger()
    relations = Relations(matrix, ledger, classes, [d for found in drivers for d in found.representatives])
    pages = _Pages(matrix, ledger, relations, KerasChoices(matrix, ledger, wishes), surveys.values())
    worlds = {name: [pages.release(s, tensorflow) for tensorflow in s.everything()] for name, s in surveys.items()}
    return {
        "tfcompat": __version__,
        "measured": matrix.measured,
        "snapshots": dict(matrix.snapshots),
        "levels": LEVELS,
        "recipes": RECIPES,
        "pythons": KNOWN_PYTHONS,
        "platforms": RESOLVED_PLATFORMS,
        "keras": [[text, int(bool(text) and Survey(matrix, Request(keras=text)).needs_tf_keras())] for text in wishes],
        "versions": pages.versions,
        "gpus": [_gpu(ledger, target, classes, relations) for target in targets],
        "names": names_of_gpus(matrix, targets),
        "ambiguous": {plain_name(row.name): list(row.capabilities) for row in matrix.ambiguous_gpus},
        "suggested": [driver_text(d) for d in suggested_drivers(matrix)],
        "gpu_driver": relations.gpu_driver(),
        "worlds": worlds,
        **_drivers(ledger, drivers),
        **_lists(ledger),
    }


def _surveys(matrix: Matrix) -> Iterator[tuple[str, Survey]]:
    for platform in RESOLVED_PLATFORMS:
        yield f"gpu {platform}", survey(matrix, Request(gpu=True, platform=platform))
        yield f"cpu {platform}", survey(matrix, Request(cpu=True, platform=platform))
        yield f"cpu {platform} tf-keras", survey(matrix, Request(cpu=True, platform=platform, keras=_TF_KERAS))


def _candidates(found: Survey) -> Iterator[Candidate]:
    return (candidate for by_python in found.offers.values() for offers in by_python.values() for candidate in offers)


class _Pages:
    """Releases as the document has them."""

    def __init__(self, matrix: Matrix, ledger: Ledger, relations: Relations, keras: KerasChoices, surveys: Iterable[Survey]) -> None:
        self.matrix = matrix
        self.ledger = ledger
        self.relations = relations
        self.keras = keras
        surveys = list(surveys)
        ranks = {candidate.rank[4:] for found in surveys for candidate in _candidates(found)}
        self.order = {rank: number for number, rank in enumerate(sorted(ranks))}
        found = {version(r.version) for r in matrix.releases if not r.yanked}
        found |= {version(t.release.version) for s in surveys for t in s.offers}
        self.places = {v: number for number, v in enumerate(sorted(found, reverse=True))}
        self.versions = [str(v) for v in self.places]

    def release(self, found: Survey, tensorflow: Tensorflow) -> list[Any]:
        """Its name, version, whether it is NVIDIA's own, evidence (its own, of its CUDA), what the rules say, and its interpreters."""
        build = tensorflow.build
        cells = build.evidence if build else {}
        row, grid = self.relations.of_release(tensorflow)
        return [
            shown_release(tensorflow),
            self.places[version(tensorflow.release.version)],
            int(tensorflow.release.package == "nvidia"),
            self.ledger.evidence(cells.get("*", ())),
            self.ledger.evidence(s for name in ("cuda", "cudnn", "*") for s in cells.get(name, ())),
            self.ledger.findings(found.said_of(tensorflow, None)),
            row,
            grid,
            {number: here for number, text in enumerate(KNOWN_PYTHONS) if (here := self._on(found, tensorflow, text))},
        ]

    def _on(self, found: Survey, tensorflow: Tensorflow, python: str) -> list[int]:
        """On an interpreter: what rejects it, the choices of Keras, the offers, remarks on each, what recipes do not have."""
        said = found.said_of(tensorflow, python)
        offers = found.offers.get(tensorflow, {}).get(version(python), [])
        if not said and not offers:
            return []
        missing = [f for f in said if f.rule.id.startswith("wish-")]
        return [
            self.ledger.findings(f for f in said if f not in missing),
            self.keras.of(tensorflow, version(python), offers),
            self.ledger.number("offers", tuple(map(self._offer, offers))),
            self.ledger.number("remarks", tuple(map(self._remark, offers))),
            self.ledger.findings(missing),
        ]

    def _offer(self, candidate: Candidate) -> int:
        """What is the same for many releases: the image with its CUDA, and where it stands in the resolver's order."""
        offer, python = candidate.offer, candidate.facts["python"].value
        row, grid = self.relations.of_offer(candidate)
        place = (
            offer.image.reference, str(offer.image).removeprefix(offer.image.reference), RECIPES.index(offer.recipe), offer.python_from, str(python or ""),
            str(offer.cuda or ""), str(offer.cudnn or ""), int(bool(offer.parts)), self.ledger.evidence(offer.image.evidence), row, grid,
        )  # fmt: skip
        return self.ledger.number("offer", (self.ledger.number("place", place), self.order[candidate.rank[4:]]))

    def _remark(self, candidate: Candidate) -> int:
        """What is found in this release on that image, whatever GPU and driver; then beside GPUs, and the driver it needs."""
        known = self.ledger.findings(evaluate(self.matrix, Stack(candidate.facts), RULES))
        return self.ledger.number("remark", (known, *self.relations.of_both(candidate)))


def _gpu(ledger: Ledger, target: GpuTarget, classes: Sequence[GpuTarget], relations: Relations) -> list[Any]:
    """Its name, how sentences name it, the numbers of its class and its compute capability, its evidence."""
    place = relations.capabilities.index(target.capability)
    return [target.name, str(target), classes.index(gpu_class(target)), place, ledger.evidence(target.evidence)]


def _drivers(ledger: Ledger, drivers: Sequence[DriverClasses]) -> dict[str, Any]:
    """The classes of drivers, those merged that nothing tells apart, and the grids over what is left."""
    grids = ledger.all("grid")
    columns: dict[tuple[int, ...], int] = {}
    merged = []
    for number in range(sum(len(found.representatives) for found in drivers)):
        merged.append(columns.setdefault(tuple(grid[number] for grid in grids if grid), len(columns)))
    kept, first = [], 0
    for found in drivers:
        numbers = merged[first : first + len(found.representatives)]
        changes = [i for i, number in enumerate(numbers) if i == 0 or number != numbers[i - 1]]
        kept.append([[found.starts[i - 1] if i else [] for i in changes], [numbers[i] for i in changes]])
        first += len(numbers)
    rows = list(zip(*columns, strict=True))
    return {"drivers": kept, "grids": [[], *(run_lengths(row) for row in rows)]}


def _lists(ledger: Ledger) -> dict[str, Any]:
    """Everything that the rest of the document has numbers of."""
    kinds = {
        "statements": "statement", "evidence": "evidence", "messages": "message", "remedies": "remedy", "findings": "finding",
        "sets": "set", "rows": "row", "pairs": "pairs", "needs": "need", "places": "place", "offer": "offer", "offers": "offers",
        "remark": "remark", "remarks": "remarks", "choice": "choice", "choices": "choices",
    }  # fmt: skip
    return {"rules": ledger.rules(), **{name: ledger.all(kind) for name, kind in kinds.items()}}
