"""A plan as a Dockerfile that is ready to build, with the why in comments."""

from __future__ import annotations

import json
import shlex
import textwrap
from typing import TYPE_CHECKING

from tfcompat.outputs.requirements import header, proof
from tfcompat.prose import LIBRARY_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.resolver import Plan

__all__ = ["render_dockerfile"]


def render_dockerfile(plan: Plan, measured: str) -> str:
    """The Dockerfile. It needs no other file; build it with any builder."""
    lines = [*header(plan, measured)]
    for remark in plan.remarks:
        lines += textwrap.wrap(remark + ".", 110, initial_indent="# - ", subsequent_indent="#   ", break_long_words=False)
    lines += ["", *_from(plan), ""]
    lines += _interpreter(plan)
    lines += _install(plan)
    if plan.library_path:
        lines += [*_comment(plan.steps[0]), f"RUN {LIBRARY_PATH}", ""]
    if plan.env:
        lines += [*(f"ENV {name}={_quoted(value)}" for name, value in plan.env.items()), ""]
    return "\n".join(lines).rstrip() + "\n"


def _from(plan: Plan) -> Iterator[str]:
    """The base image; where it is pinned by digest, a line before it tells people the tag."""
    tag, at, _ = plan.image.reference.partition("@")
    if at and ":" in tag.rpartition("/")[2]:
        yield f"# {tag}{f', as the registry had it on {plan.image.asked[:10]}' if plan.image.asked else ''}"
    platform = f"--platform={plan.platform} " if plan.platform != "linux/amd64" else ""
    yield f"FROM {platform}{plan.image.reference}"


def _interpreter(plan: Plan) -> Iterator[str]:
    """Where the image has no interpreter of its own: the distribution's, or one fetched by uv, in a virtual environment."""
    if plan.image.python_from == "image":
        return
    yield from _comment(
        "The distribution's Python may be marked as externally managed (PEP 668): work in a virtual environment. "
        "NVIDIA's package lists are not needed, and older images sign them with a key that was revoked in 2022."
    )
    yield _packages(plan.image.os or "")
    if plan.image.python_from == "uv":
        minor = ".".join((plan.python or "").split(".")[:2])
        yield "RUN python3 -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --upgrade pip && /opt/uv/bin/pip install --no-cache-dir uv"
        yield f"RUN /opt/uv/bin/uv venv --seed --python {minor} /opt/venv"
    else:
        yield "RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --upgrade pip"
    yield "ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH"
    yield ""


def _packages(system: str) -> str:
    if system.startswith("rocky"):
        return "RUN dnf install -y python3 python3-pip && dnf clean all"
    return (
        "RUN rm -f /etc/apt/sources.list.d/cuda*.list /etc/apt/sources.list.d/nvidia-ml.list \\\n"
        " && apt-get update \\\n && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv \\\n"
        " && rm -rf /var/lib/apt/lists/*"
    )


def _install(plan: Plan) -> Iterator[str]:
    if plan.image.carries_tensorflow and len(plan.requirements) <= 1:
        yield from _comment("TensorFlow is in the image. Pin it in what you install on top, so that nothing replaces it:")
        yield from (f"#   {line}" for line in plan.requirements)
        yield ""
    elif plan.requirements:
        yield from _comment(f"{proof(plan)} 'tfcompat pin' writes the same as a file.")
        yield "RUN pip install --no-cache-dir \\\n    " + " \\\n    ".join(map(shlex.quote, plan.requirements))
        yield ""


def _quoted(text: str) -> str:
    return json.dumps(text)


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 110, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
