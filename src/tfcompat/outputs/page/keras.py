"""Which Keras the resolver would put beside a release for each wish, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.outputs.page.ledger import PYTHON
from tfcompat.pins import admits
from tfcompat.resolver.neighbours import NoneFits, choose_keras
from tfcompat.resolver.request import Request, parse_wishes
from tfcompat.resolver.steps import STEPS, schedule
from tfcompat.resolver.wish import WISH_RULES
from tfcompat.rules import RULES, Finding, Verdict, run_check
from tfcompat.stack import Fact

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.outputs.page.ledger import Ledger
    from tfcompat.resolver.request import Wish
    from tfcompat.resolver.search import Candidate
    from tfcompat.stack import Tensorflow

__all__ = ["KerasChoices"]


class KerasChoices:
    """For each of *texts* the Keras chosen and what the rules remark about it; the first text is no wish at all."""

    def __init__(self, matrix: Matrix, ledger: Ledger, texts: Sequence[str]) -> None:
        self.matrix = matrix
        self.ledger = ledger
        self.wishes = [parse_wishes(Request(keras=text), matrix)["keras"] if text else None for text in texts]
        self._checks = schedule(RULES)[STEPS["keras"]]
        self._made: dict[Hashable, int] = {}

    def of(self, tensorflow: Tensorflow, python: Version, offers: Sequence[Candidate]) -> int:
        """The number of the choices, wish by wish, beside a release on an interpreter."""
        if offers and offers[0].offer.recipe == "ngc":
            return self._inside(offers[0])
        key = (str(tensorflow.release), tensorflow.platform, self._admitted(python))
        if key not in self._made:
            choices = tuple(self._choice(wish, tensorflow, python) for wish in self.wishes)
            self._made[key] = self.ledger.number("choices", choices)
        return self._made[key]

    def _admitted(self, python: Version) -> int:
        """The number of the Keras releases that install on this interpreter: what else it is plays no part."""
        floors = {build.requires_python for row in self.matrix.keras for build in row.builds.values()}
        return self.ledger.number(
            "admitted", tuple(text for text in sorted(map(str, floors)) if admits(None if text == "None" else text, python))
        )

    def _choice(self, wish: Wish | None, tensorflow: Tensorflow, python: Version) -> int:
        """The number of the Keras and of what is found: an empty name where none can be had."""
        if wish is None:
            return self.ledger.number("choice", ("", 0))
        facts = {"tensorflow": Fact("tensorflow", tensorflow, "")}
        try:
            chosen = choose_keras(self.matrix, wish, facts, tensorflow, python, self._judge)
        except NoneFits as none:
            rule = WISH_RULES["package"]
            values = {"package": none.name, "wish": wish.text, "platform": tensorflow.platform, "python": PYTHON}
            nothing = Finding(rule, Verdict("violated", "package", "error", values), (facts["tensorflow"],))
            return self.ledger.number("choice", ("", self.ledger.findings(none.rejections or [nothing])))
        name = next(name for name in ("tf-keras", "keras") if name in chosen)
        said = [f for rule, check in self._checks if set(check.needs) <= set(chosen) for f in run_check(self.matrix, chosen, rule, check)]
        return self.ledger.number("choice", (str(chosen[name].value), self.ledger.findings(said)))

    def _inside(self, candidate: Candidate) -> int:
        """Which Keras is in NVIDIA's own image is not known, so that no wish is met by it."""
        rule = WISH_RULES["keras-inside"]
        finding = Finding(rule, Verdict("violated", "keras-inside"), (candidate.facts["tensorflow"], candidate.facts["image"]))
        said = self.ledger.findings([finding])
        return self.ledger.number("choices", tuple(self.ledger.number("choice", ("", said if wish else 0)) for wish in self.wishes))

    def _judge(self, facts: Mapping[str, Fact], step: str) -> list[Finding]:
        checks = [(rule, check) for rule, check in self._checks if set(check.needs) <= set(facts)]
        return [f for rule, check in checks for f in run_check(self.matrix, facts, rule, check) if f.rejects]
