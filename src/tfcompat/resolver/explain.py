"""Why nothing fits, as small as it can be said; and the nearest changes that would, each proven.

The conflict is minimal over wishes and rules together: dropping any one of those named leaves a request that
has a plan. It is found by deletion, starting from the rules that rejected anything at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.drivers import driver_text, last_branch, toolkit_driver
from tfcompat.images import find_image
from tfcompat.resolver.request import KNOWN_PYTHONS, Wish
from tfcompat.resolver.search import Search
from tfcompat.resolver.wish import NO_SUCH_OFFER
from tfcompat.stack import Image
from tfcompat.versions import parse_specifier, version

if TYPE_CHECKING:
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.rules import Finding, Rule

__all__ = ["Cause", "Core", "changes", "find_core"]

Wishes = Mapping[str, "Wish"]

# the order in which wishes are tried to be dropped: what is named last is most likely to be named in the conflict
_DROP_ORDER = (
    "by-name",
    "jupyter",
    "model",
    "package",
    "tf-keras",
    "keras",
    "cudnn",
    "cuda",
    "driver",
    "gpu",
    "platform",
    "accelerator",
    "base",
    "python",
    "tensorflow",
)
# the order in which changes are offered: what is easiest to change first
_CHANGE_ORDER = (
    "base",
    "python",
    "package",
    "tf-keras",
    "keras",
    "cudnn",
    "cuda",
    "tensorflow",
    "jupyter",
    "model",
    "driver",
    "gpu",
    "platform",
    "accelerator",
    "by-name",
)


class Cause(NamedTuple):
    """One part of a conflict: a rule, and everything it rejects because of the wishes in the conflict."""

    rule: Rule
    findings: tuple[Finding, ...]


class Core(NamedTuple):
    """A minimal conflict: without any one of ``wishes`` or ``rules`` there is a plan."""

    wishes: Mapping[str, Wish]
    rules: tuple[Rule, ...]
    causes: tuple[Cause, ...]


def find_core(matrix: Matrix, wishes: Wishes, rules: Sequence[Rule]) -> Core:
    """The minimal conflict of wishes that have no candidate under *rules*."""
    kept_rules = _rules_that_reject(matrix, wishes, rules)
    kept = dict(wishes)
    for rule in list(kept_rules):
        fewer = [r for r in kept_rules if r is not rule]
        if not Search(matrix, kept, fewer).feasible():
            kept_rules = fewer
    for name in sorted(wishes, key=lambda n: _position(_DROP_ORDER, n)):
        without = {n: w for n, w in kept.items() if n != name}
        if not Search(matrix, without, kept_rules).feasible():
            kept = without
    findings = _collect(matrix, kept, kept_rules)
    return Core(kept, tuple(kept_rules), tuple(_causes(findings)))


def _rules_that_reject(matrix: Matrix, wishes: Wishes, rules: Sequence[Rule]) -> list[Rule]:
    """Only these can matter: the same candidates are rejected without the others."""
    told = {f.rule.id for f in _collect(matrix, wishes, rules)}
    return [rule for rule in rules if rule.id in told]


def _collect(matrix: Matrix, wishes: Wishes, rules: Sequence[Rule]) -> list[Finding]:
    found: list[Finding] = []
    search = Search(matrix, wishes, rules, found.append)
    search.feasible()
    return found


def _causes(findings: Sequence[Finding]) -> Iterator[Cause]:
    """One cause a rule. That some recipe has no image at all is only worth saying where it is the whole reason."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule.id, []).append(finding)
    telling = [group for group in by_rule.values() if group[0].verdict.reason not in NO_SUCH_OFFER]
    for group in telling or by_rule.values():
        yield Cause(group[0].rule, tuple(group))


def _position(order: Sequence[str], name: str) -> int:
    return order.index(name.partition(":")[0])


# -- changes -------------------------------------------------------------------------------------


def changes(matrix: Matrix, wishes: Wishes, core: Core, rules: Sequence[Rule]) -> Iterator[tuple[dict[str, str], Wishes]]:
    """The nearest changes that lead to a plan: what to change to what, and the wishes after it.

    One wish of the conflict at a time, each moved to the nearest value that works; pairs of them where none
    alone is enough. A wish that cannot be moved is dropped (value ``"any"``).
    """
    names = sorted(core.wishes, key=lambda n: _position(_CHANGE_ORDER, n))
    found = False
    for name in names:
        for change, changed in _moves(matrix, wishes, name, rules):
            found = True
            yield change, changed
    if "base" not in wishes and wishes["accelerator"].value == "gpu":
        offer = _ngc(matrix, wishes, rules)
        if offer is not None:
            found = True
            yield offer
    if found:
        return
    others = sorted((n for n in wishes if n not in ("platform", "accelerator")), key=lambda n: _position(_CHANGE_ORDER, n))
    for size in range(2, len(others) + 1):
        for dropped in combinations(others, size):
            changed = _without(wishes, *dropped)
            if Search(matrix, changed, rules).feasible():
                yield dict.fromkeys(dropped, "any"), changed
                return


def _moves(matrix: Matrix, wishes: Wishes, name: str, rules: Sequence[Rule]) -> Iterator[tuple[dict[str, str], Wishes]]:
    kind = name.partition(":")[0]
    nearest: dict[str, Callable[[], str | None]] = {
        "tensorflow": lambda: _near_release(matrix, wishes, rules),
        "python": lambda: next((p for p in _near_pythons(wishes[name]) if Search(matrix, _with_python(wishes, p), rules).feasible()), None),
        "driver": lambda: _near_driver(matrix, wishes, rules),
    }
    if kind in nearest:
        text = nearest[kind]()
        if text is not None:
            value = version(text) if kind == "driver" else parse_specifier(f"=={text}" if kind == "tensorflow" else text, name)
            changed = {**wishes, name: wishes[name].with_text(text, value)}
            if Search(matrix, changed, rules).feasible():
                yield {kind: text}, changed
        return
    if kind == "base" and isinstance(wishes[name].value, Image):
        for image in _siblings(matrix, wishes[name].value):
            changed = {**wishes, name: wishes[name].with_text(image.reference, image)}
            if Search(matrix, changed, rules).feasible():
                yield {"base": image.reference}, changed
                break
    if kind == "platform":
        moved = {**wishes, name: wishes[name].with_text("linux/amd64", "linux/amd64")}
        change = {"platform": "linux/amd64"}
    elif kind == "accelerator":
        moved = {n: w for n, w in wishes.items() if n.partition(":")[0] not in ("gpu", "driver", "cuda", "cudnn")}
        moved["accelerator"] = wishes[name].with_text("cpu", "cpu")
        change = {"accelerator": "cpu"}
    else:
        moved, change = _without(wishes, name), {name: "auto" if kind == "base" else "any"}
        if kind != "gpu" and wishes["accelerator"].where == f"--{kind}":  # that wish was what asked for a GPU
            moved["accelerator"] = wishes["accelerator"]._replace(where="--gpu")
            change["gpu"] = "any"
    if moved != wishes and Search(matrix, moved, rules).feasible():
        yield change, moved


def _ngc(matrix: Matrix, wishes: Wishes, rules: Sequence[Rule]) -> tuple[dict[str, str], Wishes] | None:
    """NVIDIA's own image as a way out where it was not considered: what it serves is then not fully established."""
    changed = {**wishes, "base": Wish("base", "ngc", "ngc", "suggested")}
    return ({"base": "ngc"}, changed) if Search(matrix, changed, rules).feasible() else None


def _siblings(matrix: Matrix, image: Image) -> Iterator[Image]:
    """Other releases of the distribution, newest first: another Ubuntu for an Ubuntu."""
    repository = image.reference.partition(":")[0]
    for row in reversed(matrix.distributions):
        if row.image.partition(":")[0] == repository and row.image not in (image.reference, image.means.partition(" ")[0]):
            yield find_image(matrix, row.image)


def _without(wishes: Wishes, *names: str) -> dict[str, Wish]:
    return {n: w for n, w in wishes.items() if n not in names}


def _near_release(matrix: Matrix, wishes: Wishes, rules: Sequence[Rule]) -> str | None:
    """The release nearest to the wished ones that has a plan; the newer of two equally near."""
    versions = sorted({version(r.version) for r in matrix.releases})
    wished = [i for i, v in enumerate(versions) if wishes["tensorflow"].value.contains(v, prereleases=True)]
    found = {version(text) for text in Search(matrix, _without(wishes, "tensorflow"), rules).feasible_releases()}
    distance = {v: min((abs(i - w) for w in wished), default=0) for i, v in enumerate(versions)}
    return min(map(str, sorted(found, reverse=True)), key=lambda text: distance[version(text)], default=None)


def _with_python(wishes: Wishes, text: str) -> Wishes:
    return {**wishes, "python": wishes["python"].with_text(text, parse_specifier(text, "python"))}


def _near_pythons(wish: Wish) -> Iterator[str]:
    wished = [int(p.partition(".")[2]) for p in KNOWN_PYTHONS if wish.value.contains(p)]
    centre = wished or [int(n) for n in wish.text.split(".")[1:2] if n.isdigit()] or [12]
    for text in sorted(KNOWN_PYTHONS, key=lambda p: min(abs(int(p.partition(".")[2]) - w) for w in centre)):
        if text not in {f"3.{w}" for w in wished}:
            yield text


def _near_driver(matrix: Matrix, wishes: Wishes, rules: Sequence[Rule]) -> str | None:
    """The nearest driver with a plan: upwards from the wished one, or down to a branch that still runs the GPU.

    A newer driver serves whatever an older one serves, so the nearest is found by halving.
    """
    wish = wishes["driver"]
    known = sorted({d for t in matrix.toolkits for d in (version(t.minimum_driver), toolkit_driver(t))})
    ceilings = [last_branch(matrix, w.value.capability)[0] for n, w in wishes.items() if n.startswith("gpu:")]
    ceiling = min((c for c in ceilings if c is not None), default=None)

    def works(driver: Version) -> bool:
        return Search(matrix, {**wishes, "driver": wish.with_text(driver_text(driver), driver)}, rules).feasible()

    if ceiling is not None and wish.value.major > ceiling:
        older = [d for t in matrix.toolkits for d in map(version, t.drivers.values()) if d.major <= ceiling]
        return next((driver_text(d) for d in sorted(older, reverse=True)[:1] if works(d)), None)
    newer = [d for d in known if d > wish.value]
    if not newer or not works(newer[-1]):
        return None
    low, high = 0, len(newer) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if works(newer[middle]) else (middle + 1, high)
    return driver_text(newer[low])
