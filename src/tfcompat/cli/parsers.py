"""The parser of every command: its help ends with examples, and its errors say what was meant."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXIT_CODES", "Parser", "Version", "given", "teach"]

EXIT_CODES = "0 clean; 1 no solution or findings; 2 usage or configuration error; 3 could not check"


class Parser(argparse.ArgumentParser):
    """``examples``: whole command lines that a shell can run, each with what it gives. ``asked``: what it was given to parse."""

    examples: tuple[tuple[str, str], ...] = ()
    asked: tuple[str, ...] = ()

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does, and remembers what was asked, for hints."""
        self.asked = tuple(args or ())
        return super().parse_known_args(args, namespace)

    def print_help(self, file: Any = None) -> None:
        """Raises :class:`CouldNotCheck` where the help cannot be written, which argparse keeps to itself."""
        if file is not None:
            super().print_help(file)
            return
        from tfcompat.cli.output import write_out

        write_out(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Raises :class:`RequestError` with a hint in the place of argparse's usage."""
        from tfcompat.cli.lost import refused

        raise refused(self, message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            from tfcompat.cli.lost import unknown_choice

            raise unknown_choice(self, action, str(value))


class Version(argparse.Action):
    """``--version``: this package, and what its matrix knows."""

    def __init__(self, option_strings: Sequence[str], dest: str, **given: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **given)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from tfcompat.cli.front import version_text
        from tfcompat.cli.output import write_out

        write_out(version_text())
        parser.exit()


def given(text: str) -> str:
    """The value of an option for which an empty one would mean nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("nothing was given")
    return text


def teach(parser: argparse.ArgumentParser, *examples: tuple[str, str], exit_codes: str = EXIT_CODES) -> None:
    """End the help of *parser* with *examples*, a command line and what it gives each, and with *exit_codes*."""
    shown = "\n".join(f"  {line}\n      {gives}" for line, gives in examples)
    parser.epilog = f"examples:\n{shown}\n\nexit codes: {exit_codes}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    if isinstance(parser, Parser):
        parser.examples = examples
