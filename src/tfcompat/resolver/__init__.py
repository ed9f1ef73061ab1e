"""The first door: from wishes to a plan, or to the smallest reason why there is none."""

from __future__ import annotations

from tfcompat.pins import PlanPins
from tfcompat.resolver.plan import Plan, PlanImage
from tfcompat.resolver.request import PackageLine, Request
from tfcompat.resolver.resolution import Resolution, ResolutionImpossible, Suggestion, find_pins_plan, resolve, resolve_pins

__all__ = [
    "PackageLine",
    "Plan",
    "PlanImage",
    "PlanPins",
    "Request",
    "Resolution",
    "ResolutionImpossible",
    "Suggestion",
    "find_pins_plan",
    "resolve",
    "resolve_pins",
]
