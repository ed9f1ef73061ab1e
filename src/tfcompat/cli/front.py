"""What ``tfcompat`` says of itself: alone, with ``--help`` and with ``--version``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tfcompat import __version__
from tfcompat.cli.parsers import EXIT_CODES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

__all__ = ["help_text", "say_first", "version_text"]

_ABOUT = "tfcompat finds TensorFlow containers that really use the GPU, and says why others do not."
_FIRST = """\
  tfcompat resolve --gpu A100     an image, exact pins and the reason, for that GPU
  tfcompat gate                   whether the Dockerfiles and requirements in this folder go together
  tfcompat check --expect gpu     whether this very environment computes on its GPU"""


def help_text(groups: Mapping[str, Mapping[str, str]]) -> str:
    """The help of ``tfcompat`` itself: commands by what a person wants."""
    width = max(len(name) for commands in groups.values() for name in commands)
    told = "\n\n".join(
        f"{title}:\n" + "\n".join(f"  {name:<{width}}  {summary}" for name, summary in commands.items())
        for title, commands in groups.items()
    )
    options = (
        "options:\n  -h, --help  this help; after a command its own, with examples\n  --version   this version, and what its matrix knows"
    )
    return (
        f"usage: tfcompat COMMAND [OPTION ...]\n\n{_ABOUT}\n\nto begin with:\n{_FIRST}\n\n{told}\n\n{options}\n\nexit codes: {EXIT_CODES}\n"
    )


def say_first(options: argparse.Namespace) -> int:
    """A first command for who gave none. A usage error: what calls this in a script wants to know."""
    sys.stderr.write(
        f"{_ABOUT} To begin with:\n\n{_FIRST}\n\n'tfcompat --help' lists all commands, 'tfcompat COMMAND --help' shows examples.\n"
    )
    return 2


def version_text() -> str:
    """This package, the day of its matrix and how far that reaches."""
    from tfcompat.matrix.load import load_bundled

    matrix = load_bundled()
    known = [release.version for release in matrix.releases if release.package == "tensorflow"]  # newest first
    return f"tfcompat {__version__} (matrix of {matrix.measured}, {len(known)} TensorFlow releases up to {known[0]})\n"
