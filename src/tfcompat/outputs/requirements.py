"""A plan's requirements as a file for pip, with what it was made for, and how it is known to work, on top."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from tfcompat import __version__
from tfcompat.prose import pins_statement
from tfcompat.requirements_file import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tfcompat.pins import PlanPins
    from tfcompat.resolver import Plan

__all__ = ["header", "proof", "render_constraints", "render_requirements"]

_WIDTH = 110
_SITE = re.compile(r"/opt/venv/lib/python[\d.]+/site-packages")  # where the Dockerfile's environment has it


def render_requirements(plan: Plan, measured: str, body: Iterable[str] | None = None, about: str = "") -> str:
    """A requirements file. *body* replaces the plan's own lines where they were joined with a person's; *about* says so."""
    return "\n".join([*_top(plan, measured, about), "", *(plan.requirements if body is None else body)]) + "\n"


def render_constraints(plan: Plan, measured: str, body: Iterable[str] | None = None, about: str = "") -> str:
    """A constraints file, for ``pip install -c``: the same pins without extras, which constraints may not have."""
    first = plan.requirements[0].partition("==")[0] if plan.requirements else "tensorflow"
    use = f'# For pip install -c FILE "{first}": it pins, and installs nothing by itself.'
    lines = map(_without_extras, plan.requirements if body is None else body)
    return "\n".join([*_top(plan, measured, about), use, "", *lines]) + "\n"


def header(plan: Plan, measured: str) -> list[str]:
    """Comment lines: what the plan is, and what it was made from."""
    keras = f", Keras {plan.keras}" if plan.keras else ""
    cuda = f", CUDA {plan.cuda}, cuDNN {plan.cudnn}" if plan.cuda else ", CPU"
    inside = f" in {plan.image.reference}" if plan.image.carries_tensorflow else ""
    return [
        f"{HEADER}{__version__} from the matrix of {measured}",
        f"# for tensorflow {plan.tensorflow}{keras}, Python {plan.python}{cuda}, {plan.platform}{inside}.",
    ]


def proof(plan: Plan) -> str:
    """How the lines are known to work together, in sentences."""
    pins = plan.pins
    sentences = [_status(pins)]
    if pins.added:
        sentences.append(f"Added and not run with it: {', '.join(pins.added)}.")
    if pins.unpinned:
        sentences.append(f"Not pinned: {', '.join(pins.unpinned)}.")
    if pins.status == "verified" and any(line.startswith("nvidia-") for line in plan.requirements):
        sentences.append("CUDA's parts are exact, and were not run.")
    return " ".join(sentences)


def _status(pins: PlanPins) -> str:
    if pins.status == "image":
        return "TensorFlow and what it needs are in the image."
    if pins.status == "derived":
        return "Not verified: derived from the wheels' metadata and learned caps, direct dependencies only."
    if pins.status == "follows":
        changes = f", except {', '.join(pins.changed)}" if pins.changed else ""
        return f"Not verified as it stands: it follows a set that was {pins_statement(pins)}{changes}."
    return f"Verified: {pins_statement(pins)}."


def _top(plan: Plan, measured: str, about: str) -> list[str]:
    lines = header(plan, measured) + textwrap.wrap(
        f"{proof(plan)} {about}", _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False
    )
    return [*lines, *(f"# Set {name}={_SITE.sub('SITE-PACKAGES', value)} in the environment." for name, value in plan.env.items())]


def _without_extras(line: str) -> str:
    requirement = re.split(r"\s#|\s\\\n", line, maxsplit=1)[0]
    if "[" not in requirement or requirement.lstrip().startswith(("#", "-")):
        return line
    return line.replace(re.sub(r"^[^\[]*(\[[^\]]*\]).*$", r"\1", requirement), "", 1)
