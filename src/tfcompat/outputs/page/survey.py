"""Everything that the resolver would look at, release by release, before any GPU, driver or Keras is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.resolver.request import Request, parse_wishes
from tfcompat.resolver.search import Candidate, Search
from tfcompat.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.resolver.candidate import Offer
    from tfcompat.rules import Finding
    from tfcompat.stack import Fact, Tensorflow

__all__ = ["Survey", "survey"]


class Survey(Search):
    """A search that writes down every offer it comes to instead of judging it.

    Of ``releases`` each has its offers by interpreter, in the resolver's own order; what the rules reject before there is an
    offer, and what a recipe cannot offer at all, is kept as well.
    """

    def __init__(self, matrix: Matrix, request: Request) -> None:
        wishes = parse_wishes(request, matrix)
        super().__init__(matrix, wishes, RULES, self._keep)
        self._bare = Search(matrix, wishes, ())
        self.releases: list[Tensorflow] = []
        self.offers: dict[Tensorflow, dict[Version, list[Candidate]]] = {}
        self._by_release: dict[tuple[Tensorflow, str | None], list[Finding]] = {}

    def _keep(self, finding: Finding) -> None:
        facts = {fact.name: fact.value for fact in finding.facts}
        key = (facts["tensorflow"], str(facts["python"]) if "python" in facts else None)
        self._by_release.setdefault(key, []).append(finding)

    def _of_release(self, tensorflow: Tensorflow) -> Iterator[Candidate]:
        self.releases.append(tensorflow)
        return super()._of_release(tensorflow)

    def everything(self) -> list[Tensorflow]:
        """The releases of the index, newest first, then those that are in NVIDIA's own images."""
        return list(dict.fromkeys([*self.releases, *self.offers]))

    def said_of(self, tensorflow: Tensorflow, python: str | None) -> list[Finding]:
        """The rejections of a release, alone or with an interpreter."""
        return self._by_release.get((tensorflow, python), [])

    def needs_tf_keras(self) -> bool:
        """Whether the Keras that is wished for is one that no release of Keras 3 is."""
        return self._wants_tf_keras()

    def _neighbours(self, facts: Mapping[str, Fact], tensorflow: Tensorflow, python: Version) -> Mapping[str, Fact]:
        return {}  # which Keras stands beside it is another relation

    def _of_offer(self, facts: dict[str, Fact], tensorflow: Tensorflow, python: Version, offer: Offer) -> None:
        found = self._bare._of_offer(facts, tensorflow, python, offer)
        if found is not None:
            self.offers.setdefault(tensorflow, {}).setdefault(python, []).append(found)


def survey(matrix: Matrix, request: Request) -> Survey:
    """What the resolver would look at for *request*, NVIDIA's own builds included."""
    found = Survey(matrix, request)
    for _ in found.candidates():
        raise AssertionError("a survey judges nothing")
    if request.keras is None:
        for _ in found.ngc_candidates():
            raise AssertionError("a survey judges nothing")
    return found
