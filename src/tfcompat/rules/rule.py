"""What a rule is: the facts it needs, a pure check over them, and its sentences."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from tfcompat.stack import Fact

__all__ = ["OK", "Check", "Finding", "Outcome", "Rule", "Severity", "Verdict", "unknown", "violated"]

Outcome = Literal["ok", "violated", "unknown"]
Severity = Literal["error", "warning", "note"]


class Verdict(NamedTuple):
    """What a check says of the fact values it was given. ``reason`` names the sentence in the rule's messages.

    ``values`` fill the sentence beyond the facts; ``evidence`` backs what the rule itself brought in.
    """

    outcome: Outcome
    reason: str = ""
    severity: Severity = "error"
    values: Mapping[str, Any] = MappingProxyType({})
    evidence: tuple[str, ...] = ()


OK = Verdict("ok")


def violated(reason: str, severity: Severity = "error", evidence: tuple[str, ...] = (), **values: Any) -> Verdict:
    """The facts contradict each other: an ``error`` will not work, a ``warning`` works by luck or slowly."""
    return Verdict("violated", reason, severity, values, evidence)


def unknown(reason: str, evidence: tuple[str, ...] = (), **values: Any) -> Verdict:
    """It could not be established whether the facts go together. Never the same as ok."""
    return Verdict("unknown", reason, "warning", values, evidence)


class Check(NamedTuple):
    """One relation. ``needs`` are fact names; ``judge`` gets the matrix and their values in that order.

    ``optional`` facts are passed after them, None where the door has no such fact. A check over a fact
    that several values share (``gpu``, ``package``) is run once for each. ``judge`` returns None where
    the relation does not apply.
    """

    needs: tuple[str, ...]
    judge: Callable[..., Verdict | None]
    optional: tuple[str, ...] = ()


class Rule(NamedTuple):
    """A relation between facts, written once. Its id is its file name, its docs page and its fixture.

    ``messages`` maps a reason to a sentence with ``{fact}`` and ``{value}`` fields, worded so that a
    field may stand for one value or several; ``remedies`` maps a reason to what can be done about it.
    """

    id: str
    title: str
    checks: tuple[Check, ...]
    messages: Mapping[str, str]
    remedies: Mapping[str, str] = {}

    def __eq__(self, other: object) -> bool:  # by identity: there is one object of each, and it is a key
        return self is other

    def __hash__(self) -> int:
        return id(self)


class Finding(NamedTuple):
    """A verdict together with the rule and the very facts it was reached on."""

    rule: Rule
    verdict: Verdict
    facts: tuple[Fact, ...]

    @property
    def rejects(self) -> bool:
        """True when the facts cannot stand together."""
        return self.verdict.outcome == "violated" and self.verdict.severity == "error"
