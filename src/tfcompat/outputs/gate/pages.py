"""What there is to say of a rule by its name, for those who meet it in a finding."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from importlib import import_module
from typing import NamedTuple

from tfcompat.gate.finding import Level
from tfcompat.gate.rulebook import FILE_RULES, SAID_AS, said_as
from tfcompat.rules import RULES, Rule

__all__ = ["HOME", "Page", "Sentence", "find_page", "page_address", "pages"]

HOME = ""  # the address that the project's files are served from, with a slash at its end; none is decided yet
_OR = ", or "  # parts the remedies of one rule, as it parts those of one reason


class Sentence(NamedTuple):
    """One thing that a rule of the rulebook may say: its reason, the sentence with its fields, and what can be done."""

    rule: str
    reason: str
    message: str
    remedy: str


class Page(NamedTuple):
    """One rule. ``severity`` is the gravest it is given, ``judged_by`` the rules of the rulebook that say it, ``page`` its documentation.

    ``said_as`` are the names under which the gate tells what this rule of the rulebook finds, where they are others.
    """

    id: str
    title: str
    why: str
    severity: Level
    remedy: str
    judged_by: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    page: str
    said_as: tuple[str, ...] = ()


def pages() -> tuple[Page, ...]:
    """Every rule that a finding can name, sorted by id."""
    found = {rule.id: _of_rule(rule) for rule in RULES}
    for rule in FILE_RULES:
        said = _sentences(rule.id)
        judges = tuple(dict.fromkeys(sentence.rule for sentence in said))
        found[rule.id] = Page(rule.id, rule.title, rule.why, rule.severity, rule.remedy, judges, said, page_address(rule.id))
    return tuple(found[name] for name in sorted(found))


def find_page(name: str) -> Page | None:
    """The rule *name*, None where there is none."""
    return next((page for page in pages() if page.id == name), None)


def page_address(name: str) -> str:
    """Where the documentation of a rule is, below the project's own files unless they have an address."""
    return f"{HOME}docs/rules/{name}.md"


def _of_rule(rule: Rule) -> Page:
    said = _sentences(rule.id)
    remedy = _OR.join(dict.fromkeys(part for s in said if s.remedy for part in s.remedy.split(_OR)))
    others = tuple(sorted({said_as(rule.id, reason) for reason in rule.messages} - {rule.id}))
    return Page(rule.id, rule.title, _why(rule), "error", remedy, (rule.id,), said, page_address(rule.id), others)


def _why(rule: Rule) -> str:
    """The first line of the file of the rule, whose name is its id."""
    first = (import_module(f"tfcompat.rules.{rule.id.replace('-', '_')}").__doc__ or "").partition("\n")[0]
    why = first.removeprefix(f"{rule.id}: ") or rule.title  # python -OO keeps no docstrings
    return why[:1].upper() + why[1:]


def _sentences(name: str) -> tuple[Sentence, ...]:
    """What the rulebook says under *name*."""
    known = {rule for rule, _ in SAID_AS} | {name}
    return tuple(
        Sentence(rule.id, reason, message, rule.remedies.get(reason, ""))
        for rule in RULES
        if rule.id in known
        for reason, message in rule.messages.items()
        if said_as(rule.id, reason) == name
    )
