"""``resolve``: the best plan and ranked alternatives, or the reason why there is none and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tfcompat.errors import RequestError, TfcompatError
from tfcompat.prose import remark, sentence, summary
from tfcompat.resolver.plan import Plan, make_plan
from tfcompat.resolver.request import Request, parse_wishes
from tfcompat.resolver.search import Candidate, Search
from tfcompat.rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.resolver.explain import Cause, Core
    from tfcompat.resolver.request import Wish

__all__ = ["Resolution", "ResolutionImpossible", "Suggestion", "find_pins_plan", "resolve", "resolve_pins"]

_ALTERNATIVES = 4
_SUGGESTIONS = 4


class Resolution(NamedTuple):
    """``plan`` is the best; ``alternatives`` follow in order, each of another recipe or release."""

    request: Request
    plan: Plan
    alternatives: tuple[Plan, ...]


class Suggestion(NamedTuple):
    """A change of the request (``{"python": "3.11"}``; ``any`` drops the wish) and the plan it was proven to lead to."""

    change: Mapping[str, str]
    plan: Plan


class ResolutionImpossible(TfcompatError):
    """No plan satisfies the request. ``causes`` is minimal; each of ``suggestions`` leads to a plan."""

    exit_code = 1

    def __init__(self, request: Request, core: Core, suggestions: Sequence[Suggestion]) -> None:
        self.request = request
        self.core = core
        self.causes: tuple[Cause, ...] = core.causes
        self.suggestions = tuple(suggestions)
        reasons = ", and because ".join(summary(cause.findings) for cause in core.causes)
        super().__init__(f"no plan: because {reasons}" if reasons else "no plan: nothing in the matrix matches the request")


def resolve(request: Request, matrix: Matrix | None = None, rules: Sequence[Rule] = RULES) -> Resolution:
    """The best plan for *request* by *matrix* (the bundled one by default).

    Raises :class:`RequestError` for a request that cannot be understood and
    :class:`ResolutionImpossible` when no plan satisfies it.
    """
    if matrix is None:
        from tfcompat.matrix.load import load_bundled

        matrix = load_bundled()
    wishes = parse_wishes(request, matrix)
    ranked = _ranked(matrix, wishes, rules)
    if not ranked:
        from tfcompat.resolver.explain import find_core

        core = find_core(matrix, wishes, rules)
        raise ResolutionImpossible(request, core, _suggestions(matrix, wishes, core, rules))
    plans = [make_plan(matrix, candidate, wishes) for candidate in _distinct(ranked)]
    if ranked[0].offer.recipe == "ngc" and "base" not in wishes:
        plans[0] = plans[0]._replace(remarks=(_why_not_a_wheel(ranked), *plans[0].remarks))
    return Resolution(request, plans[0], tuple(plans[1:]))


def resolve_pins(request: Request, matrix: Matrix | None = None, rules: Sequence[Rule] = RULES) -> Plan:
    """The best plan whose requirements bring TensorFlow and all it needs, for an image or a machine that has neither.

    A base that was asked for is honoured, one with TensorFlow inside as well. Raises as :func:`resolve` does.
    """
    if matrix is None:
        from tfcompat.matrix.load import load_bundled

        matrix = load_bundled()
    found = find_pins_plan(request, matrix, rules)
    if found is not None:
        return found
    plan = resolve(request, matrix, rules).plan  # explains why there is none, but for an image of NVIDIA's
    raise RequestError(
        f"no wheel of the index can be pinned for this: the plan is {plan.image.reference}, which brings TensorFlow {plan.tensorflow}",
        "'tfcompat resolve' tells more of it; --base ngc writes what little it needs",
    )


def find_pins_plan(request: Request, matrix: Matrix, rules: Sequence[Rule] = RULES) -> Plan | None:
    """The plan of :func:`resolve_pins`, None where there is none, without saying why."""
    free = request.base == "auto"
    # what only TensorFlow's own image has, Python 3.6 with CUDA 10.1, a machine may have
    for bases in (("slim", "cuda"), ("official",)) if free else ((request.base,),):
        wishes = [parse_wishes(request._replace(base=base), matrix) for base in bases]
        found = [(candidate, wished) for wished in wishes for candidate in _ranked(matrix, wished, rules)[:1]]
        if found:
            return make_plan(matrix, *min(found, key=lambda pair: pair[0].rank), complete=free)
    return None


def _ranked(matrix: Matrix, wishes: Mapping[str, Wish], rules: Sequence[Rule]) -> list[Candidate]:
    """Enough candidates to be sure of the best and to name alternatives, best first.

    Releases come newest first, so once a release has an established candidate no older one can rank above it.
    """
    search = Search(matrix, wishes, rules)
    found: list[Candidate] = []
    established: list[str] = []
    for candidate in search.candidates():
        release = candidate.tensorflow.release.version
        if len(set(established)) >= 2 and release not in established:
            break
        found.append(candidate)
        if not candidate.doubts:
            established.append(release)
    if not established:
        found += search.ngc_candidates()
    return sorted(found, key=lambda c: c.rank)


def _why_not_a_wheel(ranked: Iterable[Candidate]) -> str:
    """Why NVIDIA's own build comes first: what is in doubt about the best wheel of the index, or that there is none."""
    wheel = next((c for c in ranked if c.offer.recipe != "ngc"), None)
    if wheel is None:
        return remark("own-build")
    doubt = next(f for f in wheel.findings if f.verdict.outcome == "unknown")
    return remark("own-build-doubt", doubt=sentence(doubt))


def _distinct(ranked: Iterable[Candidate]) -> list[Candidate]:
    """The best of each recipe and release, up to the number that is shown."""
    seen: set[tuple[str, str]] = set()
    kept: list[Candidate] = []
    for candidate in ranked:
        key = (candidate.offer.recipe, candidate.tensorflow.release.version)
        if key not in seen and len(kept) <= _ALTERNATIVES:
            seen.add(key)
            kept.append(candidate)
    return kept


def _suggestions(matrix: Matrix, wishes: Mapping[str, Wish], core: Core, rules: Sequence[Rule]) -> list[Suggestion]:
    from tfcompat.resolver.explain import changes

    found = []
    for change, changed in changes(matrix, wishes, core, rules):
        best = _ranked(matrix, changed, rules)[0]
        found.append(Suggestion(change, make_plan(matrix, best, changed)))
        if len(found) == _SUGGESTIONS:
            break
    return found
