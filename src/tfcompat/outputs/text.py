"""Results for people at a terminal: plain text, the answer first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tfcompat.outputs.change import describe_change
from tfcompat.prose import summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.resolver import Plan, Resolution, ResolutionImpossible

__all__ = ["render_conflict", "render_resolution"]

_WIDTH = 110
_RECIPES = {
    "official": "TensorFlow's own image",
    "slim": "a plain Python image with exact pins",
    "cuda": "NVIDIA's CUDA image with exact pins",
    "custom": "the image you named",
    "ngc": "NVIDIA's own TensorFlow image",
}


def render_resolution(resolution: Resolution, measured: str, evidence: bool = False) -> str:
    """The plan, what to know about it, and the alternatives; with *evidence*, every statement behind it."""
    plan = resolution.plan
    lines = [f"{plan.image.reference}  ({_RECIPES[plan.image.recipe]})", ""]
    lines += [f"  {name:<13}{value}" for name, value in _facts(plan)]
    if plan.requirements:
        lines += ["", "requirements"] + _columns(plan.requirements)
    if plan.env:
        lines += ["", "environment"] + [f"  {name}={value}" for name, value in plan.env.items()]
    if plan.steps:
        lines += ["", "steps"] + [line for step in plan.steps for line in _bullet(step)]
    if plan.doubts:
        lines += ["", "not established"] + [line for doubt in plan.doubts for line in _bullet(doubt)]
    remarks = [remark for remark in plan.remarks if remark not in plan.doubts]
    if remarks:
        lines += ["", "remarks"] + [line for remark in remarks for line in _bullet(remark)]
    if resolution.alternatives:
        lines += ["", "alternatives"] + [f"  {_brief(other)}" for other in resolution.alternatives]
    if evidence:
        lines += ["", "evidence"] + list(_evidence(plan))
    lines += ["", f"matrix of {measured}; --format dockerfile writes the Dockerfile, --evidence shows the sources"]
    return "\n".join(lines) + "\n"


def render_conflict(conflict: ResolutionImpossible) -> str:
    """Why there is no plan, and which changes lead to one."""
    lines = ["There is no such plan."]
    for index, cause in enumerate(conflict.causes):
        text = f"{'Because' if index == 0 else 'And because'} {summary(cause.findings)}."
        lines += textwrap.wrap(f"{text} [{cause.rule.id}]", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    wishes = [f"{w.name.partition(':')[0]} {w.text} ({w.where})" for w in conflict.core.wishes.values()]
    if wishes:
        lines += ["", "This is wished for:", *(f"  {wish}" for wish in wishes)]
    if conflict.suggestions:
        lines += ["", "Each of these changes leads to a plan:"]
        lines += [line for s in conflict.suggestions for line in _bullet(describe_change(s))]
    else:
        lines += ["", "No single change leads to a plan; leave out several of the wishes."]
    return "\n".join(lines) + "\n"


def _facts(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "tensorflow", plan.tensorflow + (f" ({plan.package})" if plan.package != "tensorflow" else "")
    if plan.keras:
        yield "keras", plan.keras + (" (tf-keras)" if "TF_USE_LEGACY_KERAS" in plan.env else "")
    yield (
        "python",
        (plan.python or "unknown") + {"system": " (the distribution's own)", "uv": " (fetched by uv)"}.get(plan.image.python_from, ""),
    )
    yield "platform", plan.platform
    if plan.cuda or plan.host:
        yield "cuda", plan.cuda or "unknown"
        yield "cudnn", plan.cudnn or "unknown"
    for name, value in plan.host.items():
        yield f"host {name}", value
    if plan.pins.status != "image":
        yield "pins", _pins(plan)
    yield "tag", _known_by(plan.image.evidence, plan.image.asked)
    if plan.image.asked and plan.image.digest:
        yield "digest", plan.image.digest


def _pins(plan: Plan) -> str:
    parts = sum(line.startswith(("nvidia-", "tensorrt")) for line in plan.requirements)
    open_lines = sum(line in plan.pins.unpinned for line in plan.requirements)
    count = len(plan.requirements) - parts - open_lines - len(plan.pins.added)
    if plan.pins.status != "verified":
        return f"{count + len(plan.pins.added)}, not run together; see the remarks"
    rest = [f"{parts} parts of CUDA"] * bool(parts) + [f"{open_lines + len(plan.pins.added)} others"] * bool(open_lines or plan.pins.added)
    return f"{count}, run together on {plan.pins.date}" + (f"; and {' and '.join(rest)}, not run with them" if rest else "")


def _known_by(evidence: str, asked: str | None) -> str:
    if evidence == "measured":
        return f"in the registry at {asked}" if asked else "in the registry's listing"
    return {"documented": "documented to exist", "observed": "seen in use"}.get(evidence, evidence)


def _columns(items: tuple[str, ...]) -> list[str]:
    width = max(map(len, items)) + 2
    per_line = max(1, _WIDTH // width)
    return ["  " + "".join(item.ljust(width) for item in items[i : i + per_line]).rstrip() for i in range(0, len(items), per_line)]


def _bullet(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _brief(plan: Plan) -> str:
    cuda = f", CUDA {plan.cuda}, cuDNN {plan.cudnn}" if plan.cuda else ""
    return f"{plan.image.recipe:<9}tensorflow {plan.tensorflow}, Python {plan.python}{cuda}: {plan.image.reference}{' (not established)' if plan.doubts else ''}"


def _evidence(plan: Plan) -> Iterator[str]:
    for name, statements in plan.evidence.items():
        for statement in statements:
            yield from textwrap.wrap(
                f"{name}: {statement}",
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
