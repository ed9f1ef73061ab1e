"""``tfcompat``: one parser, one place where errors become a message and an exit code."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from tfcompat import __version__
from tfcompat.errors import TfcompatError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_COMMANDS = {
    "resolve": "find an image, exact requirements and a Dockerfile",
    "pin": "write requirements that are known to run, with your own if you like",
    "gate": "do Dockerfiles, requirements, lock files and what starts containers go together; for CI",
    "rule": "explain what the gate finds, by its name",
    "check": "does this environment work, on the GPU that was promised, and which link is broken",
    "probe": "print what this environment is, unjudged, or the script that asks",
    "image": "list the tags of a repository, look into an image, compare the matrix with registries",
    "explain": "say what the lines of a log mean, with the true cause and the remedy",
    "matrix": "show, export, refresh or compile the matrix",
}
_EPILOG = "exit codes: 0 clean; 1 no solution or findings; 2 usage or configuration error; 3 could not check"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code; never raises for bad input."""
    gc.disable()  # a command is over before collecting would pay; what it loads is one large tree without cycles
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    try:
        options = _parse(arguments)
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except TfcompatError as error:
        print(f"tfcompat: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader left: nothing more to say, and nothing may be said at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("tfcompat: interrupted", file=sys.stderr)
        return 130


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Only the parser of the command that is run is built: start-up is a feature."""
    parser = argparse.ArgumentParser("tfcompat", description="TensorFlow containers that really use the GPU.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"tfcompat {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, prog="tfcompat")  # or a help text is made to find it
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    wanted = [chosen] if chosen in _COMMANDS and arguments[0] == chosen else _COMMANDS  # its own parser is all that this needs
    for name in wanted:
        summary = _COMMANDS[name]
        command = commands.add_parser(name, help=summary, description=f"{summary[:1].upper()}{summary[1:]}.", epilog=_EPILOG)
        if name == chosen:
            import_module(f"tfcompat.cli.{name}").add_arguments(command)
    return parser.parse_args(arguments)
