"""What Python says for a choice of the page: the resolver's own search, release by release."""

from __future__ import annotations

from typing import Any, NamedTuple

from packaging.version import Version

from tfcompat.matrix import load_bundled
from tfcompat.prose import sentence
from tfcompat.resolver import Request
from tfcompat.resolver.plan import make_plan
from tfcompat.resolver.request import parse_wishes
from tfcompat.resolver.search import Candidate, Search
from tfcompat.rules import RULES
from tfcompat.versions import version

MATRIX = load_bundled()


class Choice(NamedTuple):
    """What a person picks: ``gpus`` by name, empty text for what is left open."""

    accelerator: str = "gpu"
    gpus: tuple[str, ...] = ()
    driver: str = ""
    python: str = ""
    keras: str = ""
    platform: str = "linux/amd64"

    def request(self) -> Request:
        gpu = self.accelerator == "gpu"
        return Request(
            gpu=(list(self.gpus) or True) if gpu else False,
            cpu=not gpu,
            driver=(self.driver or None) if gpu else None,
            python=self.python or None,
            keras=self.keras or None,
            platform=self.platform,
        )

    def document(self) -> dict[str, Any]:
        return {**self._asdict(), "gpus": list(self.gpus)}


def expected(choice: Choice) -> dict[Version, dict[str, Any]]:
    """By version: the outcome, and of each image that the resolver would propose what it is and what there is to say."""
    request = choice.request()
    wishes = parse_wishes(request, MATRIX)
    search = Search(MATRIX, wishes, RULES)
    wheels: dict[Any, list[Candidate]] = {}
    own: dict[Any, list[Candidate]] = {}
    for found, candidates in ((wheels, search.candidates()), (own, search.ngc_candidates())):
        for candidate in candidates:
            found.setdefault(version(candidate.tensorflow.release.version), []).append(candidate)
    rows = {}
    for key in {*wheels, *own}:
        first = wheels.get(key, [])
        ranked = sorted(first if any(not c.doubts for c in first) else [*first, *own.get(key, [])], key=lambda c: c.rank)
        kept = {c.offer.recipe: c for c in reversed(ranked)}
        images = sorted(kept.values(), key=lambda c: c.rank)
        rows[key] = {"outcome": _outcome(images[0]), "images": [_image(c, wishes) for c in images]}
    return rows


def rejections(choice: Choice, text: str) -> set[tuple[str, str]]:
    """The rule and the sentence of everything that the resolver rejects on its way to this version."""
    wishes = parse_wishes(choice.request()._replace(tensorflow=f"=={text}"), MATRIX)
    found: list[Any] = []
    search = Search(MATRIX, wishes, RULES, found.append)
    for _ in (*search.candidates(), *search.ngc_candidates()):
        pass
    return {(f.rule.id, sentence(f)) for f in found}


def _outcome(best: Candidate) -> str:
    return "open" if best.doubts else "luck" if best.warnings else "fits"


def _image(candidate: Candidate, wishes: Any) -> dict[str, Any]:
    facts, offer = candidate.facts, candidate.offer
    plan = make_plan(MATRIX, candidate, wishes)
    return {
        "reference": offer.image.reference,
        "recipe": offer.recipe,
        "python": str(facts["python"].value or ""),
        "cuda": str(offer.cuda or ""),
        "cudnn": str(offer.cudnn or ""),
        "keras": next((str(facts[name].value) for name in ("tf-keras", "keras") if name in facts), ""),
        "need": plan.host.get("driver", ""),
        "found": sorted({(f.rule.id, _level(f), sentence(f)) for f in candidate.findings}),
    }


def _level(finding: Any) -> str:
    return "unknown" if finding.verdict.outcome == "unknown" else str(finding.verdict.severity)


def shown(rows: list[dict[str, Any]]) -> dict[Version, dict[str, Any]]:
    """What the page says, of those releases that have a candidate, in the same form."""
    keys = ("reference", "recipe", "python", "cuda", "cudnn", "keras", "need")
    return {
        version(row["version"]): {
            "outcome": row["outcome"],
            "images": [{**{k: i[k] for k in keys}, "found": sorted({tuple(f) for f in i["found"]})} for i in row["images"]],
        }
        for row in rows
        if row["outcome"] != "not"
    }
