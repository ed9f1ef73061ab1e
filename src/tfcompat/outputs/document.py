"""Results as JSON documents with a version: the contract for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tfcompat.outputs.change import describe_change
from tfcompat.prose import listed, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.resolver import Plan, Resolution, ResolutionImpossible, Suggestion
    from tfcompat.resolver.explain import Cause
    from tfcompat.stack import Fact

__all__ = ["SCHEMA_VERSION", "render_conflict", "render_resolution"]

SCHEMA_VERSION = 1
_FACTS_SHOWN = 10  # of one name; a conflict over all releases has hundreds
_STATEMENTS_SHOWN = 3


def render_resolution(resolution: Resolution) -> str:
    """``{"schema_version": 1, "status": "resolved", "plan": ..., "alternatives": [...]}``."""
    return _dump(
        {
            "schema_version": SCHEMA_VERSION,
            "status": "resolved",
            "plan": plan_document(resolution.plan),
            "alternatives": [plan_document(plan) for plan in resolution.alternatives],
        }
    )


def render_conflict(conflict: ResolutionImpossible) -> str:
    """``{"schema_version": 1, "status": "conflict", "causes": [...], "suggestions": [...]}``."""
    return _dump(
        {
            "schema_version": SCHEMA_VERSION,
            "status": "conflict",
            "wishes": [{"name": w.name, "value": w.text, "where": w.where} for w in conflict.core.wishes.values()],
            "causes": [_cause(cause) for cause in conflict.causes],
            "suggestions": [_suggestion(s) for s in conflict.suggestions],
        }
    )


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan as JSON values."""
    return {
        "package": plan.package,
        "tensorflow": plan.tensorflow,
        "keras": plan.keras,
        "python": plan.python,
        "cuda": plan.cuda,
        "cudnn": plan.cudnn,
        "platform": plan.platform,
        "image": {
            "reference": plan.image.reference,
            "recipe": plan.image.recipe,
            "digest": plan.image.digest,
            "platforms": dict(plan.image.digests),
            "asked": plan.image.asked,
            "evidence": plan.image.evidence,
        },
        "requirements": list(plan.requirements),
        "pins": {
            "status": plan.pins.status,
            "distribution": plan.pins.distribution,
            "tensorflow": plan.pins.tensorflow,
            "date": plan.pins.date,
            "python": plan.pins.python,
            "machine": plan.pins.machine,
            "sha256": plan.pins.sha256,
            "steps": dict(plan.pins.steps),
            "changed": list(plan.pins.changed),
            "added": list(plan.pins.added),
            "unpinned": list(plan.pins.unpinned),
        },
        "env": dict(plan.env),
        "steps": list(plan.steps),
        "host": dict(plan.host),
        "remarks": list(plan.remarks),
        "doubts": list(plan.doubts),
        "evidence": [{"fact": name, "statements": list(statements)} for name, statements in plan.evidence.items()],
    }


def _cause(cause: Cause) -> dict[str, Any]:
    facts: dict[str, dict[str, Fact]] = {}
    for finding in cause.findings:
        for fact in finding.facts:
            facts.setdefault(fact.name, {}).setdefault(f"{fact.value} {fact.where}", fact)
    statements = [s for f in cause.findings for s in f.verdict.evidence]
    return {
        "rule": cause.rule.id,
        "message": summary(cause.findings),
        "facts": [_fact(fact) for group in facts.values() for fact in list(group.values())[:_FACTS_SHOWN]],
        "evidence": list(dict.fromkeys(statements))[:_STATEMENTS_SHOWN],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    values: Sequence[Any] = fact.value if type(fact.value) is tuple else [fact.value]
    return {
        "name": fact.name,
        "value": None if fact.value is None else listed(values),
        "where": fact.where,
        "evidence": list(fact.evidence[:_STATEMENTS_SHOWN]),
    }


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {"change": dict(suggestion.change), "message": describe_change(suggestion), "plan": plan_document(suggestion.plan)}


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
