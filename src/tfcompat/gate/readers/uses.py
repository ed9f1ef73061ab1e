"""The readers of files that start containers. None of them raises: what cannot be read is a grave problem."""

from __future__ import annotations

from tfcompat.gate.readers.compose import read_compose
from tfcompat.gate.readers.devcontainer import read_devcontainer
from tfcompat.gate.readers.gitlab import read_gitlab
from tfcompat.gate.readers.kubernetes import read_kubernetes
from tfcompat.gate.readers.workflows import read_workflow

__all__ = ["read_compose", "read_devcontainer", "read_gitlab", "read_kubernetes", "read_workflow"]
