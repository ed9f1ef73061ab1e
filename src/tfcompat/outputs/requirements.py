"""A plan's requirements as a file for pip, with what it was made for on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat import __version__

if TYPE_CHECKING:
    from tfcompat.resolver import Plan

__all__ = ["header", "render_requirements"]


def render_requirements(plan: Plan, measured: str) -> str:
    """The lines of a requirements file. Direct dependencies are exact; what they pull in is not."""
    lines = [*header(plan, measured), "# Direct dependencies, derived from the wheels' metadata and learned caps."]
    return "\n".join([*lines, *plan.requirements]) + "\n"


def header(plan: Plan, measured: str) -> list[str]:
    """Comment lines: what the plan is, and what it was made from."""
    cuda = f", CUDA {plan.cuda}, cuDNN {plan.cudnn}" if plan.cuda else ", CPU"
    return [
        f"# tensorflow {plan.tensorflow}, Python {plan.python}{cuda}, for {plan.platform} on {plan.image.reference}",
        f"# Made by tfcompat {__version__} from the matrix of {measured}.",
    ]
