"""What a file is, told by its name, and by its text where a name is not enough."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Kind", "is_model", "kind_of", "looks_like"]

Kind = Literal[
    "dockerfile", "requirements", "constraints", "pyproject",
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock",
    "environment", "conda-lock", "pixi.toml", "pixi.lock",
    "compose", "devcontainer", "workflow", "gitlab", "kubernetes", "model",
]  # fmt: skip

# The first that matches the whole path, below the tree and with slashes.
_NAMES: tuple[tuple[Kind, str], ...] = (
    (
        "dockerfile",
        r"(?!.*\.(dockerignore|j2|jinja2?|tmpl|tpl|template|erb|in|m4|md|txt|sh|py|bak|orig)$)(.*/)?((Docker|Container)file([.-][^/]+)?|[^/]+\.([Dd]ocker|[Cc]ontainer)file)",
    ),
    ("pyproject", r"(.*/)?pyproject\.toml"),
    ("uv.lock", r"(.*/)?uv\.lock"),
    ("poetry.lock", r"(.*/)?poetry\.lock"),
    ("pdm.lock", r"(.*/)?pdm\.lock"),
    ("Pipfile.lock", r"(.*/)?Pipfile\.lock"),
    ("pylock", r"(.*/)?pylock(\.[^/.]+)?\.toml"),
    ("conda-lock", r"(.*/)?([^/]+[.-])?conda-lock\.ya?ml"),
    ("environment", r"(.*/)?([^/]*[-_.])?environment([-_.][^/]*)?\.ya?ml"),
    ("pixi.toml", r"(.*/)?pixi\.toml"),
    ("pixi.lock", r"(.*/)?pixi\.lock"),
    ("constraints", r"(.*/)?[^/]*constraints[^/]*\.(txt|in)|(.*/)?constraints/[^/]+\.(txt|in)"),
    ("requirements", r"(.*/)?[^/]*requirements[^/]*\.(txt|in|pip)|(.*/)?requirements/[^/]+\.(txt|in|pip)"),
    ("compose", r"(.*/)?(docker-|podman-)?compose([-_.][^/]*)?\.ya?ml|(.*/)?[^/]+[-_.]compose\.ya?ml"),
    ("devcontainer", r"(.*/)?\.devcontainer(/([^/]+/)?devcontainer)?\.json"),
    ("workflow", r"\.github/workflows/[^/]+\.ya?ml"),
    ("gitlab", r"(.*/)?([^/]*\.)?gitlab-ci\.ya?ml"),
    ("model", r"(.*/)?([^/]+\.(?i:h5|hdf5|keras)|saved_model\.pb)"),
    ("kubernetes", r"(?!(.*/)?\.github/).*\.ya?ml"),
)
_BY_NAME = tuple((kind, re.compile(pattern, re.S)) for kind, pattern in _NAMES)
_WORTH_A_LOOK = re.compile(
    r"\.(?:toml|lock|ya?ml|txt|in|pip|json|(?i:h5|hdf5|keras)|pb)\Z|(?:[Dd]ocker|[Cc]ontainer)file"
)  # most files are not
_SAYS_VERSION = re.compile(r"^apiVersion[ \t]*:", re.M)
_SAYS_KIND = re.compile(r"^kind[ \t]*:", re.M)
_SAYS_IMAGE = re.compile(r"image[\"']?[ \t]*:")


def kind_of(name: str) -> Kind | None:
    """What the file *name* is, a path with slashes below the top of the tree. Of a ``kubernetes`` file :func:`looks_like` must say more."""
    if not _WORTH_A_LOOK.search(name):
        return None
    return next((kind for kind, pattern in _BY_NAME if pattern.fullmatch(name)), None)


def is_model(name: str) -> bool:
    """Whether the file *name*, or what is left of it where it cannot be shown, is a model by its name."""
    return kind_of(name.replace("\n", " ")) == "model"


def looks_like(kind: Kind, text: str) -> bool:
    """Whether *text* is what a file of that kind holds; any YAML file may be Kubernetes', and only its text tells."""
    if kind != "kubernetes":
        return True
    return all(pattern.search(text) is not None for pattern in (_SAYS_IMAGE, _SAYS_VERSION, _SAYS_KIND))
