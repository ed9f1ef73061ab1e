"""A suggested change as a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfcompat.resolver import Suggestion

__all__ = ["describe_change"]


def describe_change(suggestion: Suggestion) -> str:
    """A suggestion as a sentence: what to change, and what it leads to."""
    parts = []
    for name, value in suggestion.change.items():
        kind, _, item = name.partition(":")
        what = f"--{kind} {item}".strip() if item else f"--{kind}"
        if kind == "accelerator":
            parts.append("do without a GPU (--cpu)")
        elif name == "gpu" and value == "any":
            parts.append("ask for a GPU with --gpu")
        elif value == "any":
            parts.append(f"leave out {what}")
        else:
            parts.append(f"take {what} {value}")
    plan = suggestion.plan
    cuda = f", CUDA {plan.cuda}" if plan.cuda else ""
    return f"{' and '.join(parts)}: tensorflow {plan.tensorflow} with Python {plan.python}{cuda} on {plan.image.reference}"
