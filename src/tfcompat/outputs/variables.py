"""A plan as variables: for a shell's ``.env`` file, and for ``$GITHUB_OUTPUT``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfcompat.resolver import Plan

__all__ = ["render_env", "render_github_output"]


def render_env(plan: Plan) -> str:
    """``NAME=value`` lines that a POSIX shell can source; the plan's own variables last, under their real names."""
    named = {f"TFCOMPAT_{name.upper()}": value for name, value in _values(plan).items()}
    named["TFCOMPAT_REQUIREMENTS"] = " ".join(plan.requirements)
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in {**named, **plan.env}.items())


def render_github_output(plan: Plan) -> str:
    """Lines to append to ``$GITHUB_OUTPUT``; ``requirements`` and ``env`` hold several lines each."""
    lines = [f"{name}={value}" for name, value in _values(plan).items()]
    blocks = {"requirements": plan.requirements, "env": [f"{k}={v}" for k, v in plan.env.items()]}
    for name, items in blocks.items():
        lines += [f"{name}<<TFCOMPAT_END", *items, "TFCOMPAT_END"]
    return "\n".join(lines) + "\n"


def _values(plan: Plan) -> dict[str, str]:
    return {
        "image": plan.image.reference,
        "recipe": plan.image.recipe,
        "platform": plan.platform,
        "tensorflow": plan.tensorflow,
        "keras": plan.keras or "",
        "python": plan.python or "",
        "cuda": plan.cuda or "",
        "cudnn": plan.cudnn or "",
        "driver": plan.host.get("driver", ""),
    }
