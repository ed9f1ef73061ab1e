"""A package index in a folder (PEP 503): small real wheels, which any installer reads through ``file://``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from index_server import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderIndex"]


class FolderIndex:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.as_uri()
        root.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, version: str, *requires: str, requires_python: str | None = None) -> str:
        """Put a wheel for every platform on the page of its project; its sha256."""
        content = build_wheel(requires, name=name, version=version, package=name.replace("-", "_"), requires_python=requires_python)
        project = self.root / canonicalize_name(name)
        project.mkdir(exist_ok=True)
        file = project / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        file.write_bytes(content)
        names = sorted(path.name for path in project.glob("*.whl"))
        (project / "index.html").write_text("".join(f'<a href="{name}">{name}</a>\n' for name in names), encoding="utf-8")
        return hashlib.sha256(content).hexdigest()
