"""The steps of the search, and which checks run at which."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfcompat.rules import Check, Rule

__all__ = ["STEPS", "schedule"]

STEPS = {  # the step at which a fact is known; facts of the host are there from the beginning
    "accelerator": 0, "platform": 0, "gpu": 0, "driver": 0, "tensorflow": 0, "model": 0,
    "python": 1,
    "package": 2,
    "keras": 3, "tf-keras": 3, "env": 3,
    "image": 4, "libc": 4, "cuda": 4, "cudnn": 4,
}  # fmt: skip


@lru_cache(maxsize=256)
def schedule(rules: tuple[Rule, ...]) -> tuple[list[tuple[Rule, Check]], ...]:
    """The checks by the first step that has all facts they need or may use."""
    steps: tuple[list[tuple[Rule, Check]], ...] = tuple([] for _ in range(5))
    for rule in rules:
        for check in rule.checks:
            steps[max(STEPS[name] for name in (*check.needs, *check.optional))].append((rule, check))
    return steps
