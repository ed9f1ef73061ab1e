"""The command line: reads arguments, calls a door, renders, and maps errors to exit codes."""

from __future__ import annotations

from tfcompat.cli.main import main

__all__ = ["main"]
