"""Runs rules over a stack. Verdicts are pure functions of fact values, so each is reached once and kept."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from tfcompat.rules.rule import Check, Finding, Rule, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.stack import Fact, Stack

__all__ = ["evaluate", "run_check"]


def _judge(matrix: Matrix, check: Check, values: tuple[Any, ...]) -> Verdict | None:
    try:
        return matrix.remember((check.judge, *map(_key, values)), lambda: check.judge(matrix, *values))
    except TypeError:  # a value that cannot be hashed, such as the environment of a container
        return check.judge(matrix, *values)


def evaluate(matrix: Matrix, stack: Stack, rules: Iterable[Rule]) -> Iterator[Finding]:
    """Every finding of *rules* whose needed facts *stack* has, ok ones included."""
    for rule in rules:
        for check in rule.checks:
            if all(name in stack.facts for name in check.needs):
                yield from run_check(matrix, stack.facts, rule, check)


def run_check(matrix: Matrix, facts: Mapping[str, Fact], rule: Rule, check: Check) -> Iterator[Finding]:
    """The findings of one check, whose needed facts are all there: one for each GPU or package among them."""
    optional = [facts[name].value if name in facts else None for name in check.optional]
    for used in product(*(_alternatives(facts[name]) for name in check.needs)):
        verdict = _judge(matrix, check, (*(fact.value for fact in used), *optional))
        if verdict is not None:
            others = tuple(facts[name] for name in check.optional if name in facts and facts[name].value)
            yield Finding(rule, verdict, (*used, *others))


def _key(value: Any) -> Any:
    """A version counts with its precision: 12 and 12.0 are equal, and are different statements."""
    return str(value) if isinstance(value, Version) else value


def _alternatives(fact: Fact) -> list[Fact]:
    """A fact that holds several values, such as two GPUs, counts once for each of them."""
    return fact.each() if type(fact.value) is tuple else [fact]
