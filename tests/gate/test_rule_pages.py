"""The gate's documentation is executed: small projects for every rule, and every example of the pages.

``rules/ID.toml`` holds projects: ``[[bad]]`` with the one finding of that rule, and the rules that are found ``besides``; ``[[good]]``
without any error or warning. On a page, and in ``docs/gate.md``, the files that stand under a heading are the project of the examples
there; ``python tests/gate/test_rule_pages.py`` writes anew what the gate prints for them.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tfcompat.cli import main
from tfcompat.gate.configuration import read_settings
from tfcompat.gate.gate import run_gate
from tfcompat.gate.rulebook import FILE_RULES, SAID_AS, FileRule
from tfcompat.gate.selection import selected
from tfcompat.gate.settings import Settings
from tfcompat.gate.suppression import suppress
from tfcompat.matrix import load_bundled
from tfcompat.matrix.records import Sighting
from tfcompat.outputs.gate.pages import find_page
from tfcompat.rules import RULES
from tfcompat.worktree import MemoryTree

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.finding import Finding
