"""A package index in a folder (PEP 503): small real wheels, which any installer reads through ``file://``."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from index_server import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["FolderIndex", "ask_no_other_index"]


def ask_no_other_index(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """The indexes and the cache of whoever runs the tests have no part in them."""
    for name in [n for n in os.environ if n.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")


class FolderIndex:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.as_uri()
        root.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, version: str, *requires: str, requires_python: str | None = None, code: str = "") -> str:
        """Put a wheel for every platform on the page of its project, importing as *code*; its sha256."""
        package = name.replace("-", "_")
        content = build_wheel(requires, name=name, version=version, package=package, requires_python=requires_python, code=code)
        project = self.root / canonicalize_name(name)
        project.mkdir(exist_ok=True)
        file = project / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        file.write_bytes(content)
        names = sorted(path.name for path in project.glob("*.whl"))
        (project / "index.html").write_text("".join(f'<a href="{name}">{name}</a>\n' for name in names), encoding="utf-8")
        return hashlib.sha256(content).hexdigest()
