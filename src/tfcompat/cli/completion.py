"""``tfcompat completion bash | zsh | fish``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tfcompat.cli.output import write_out
from tfcompat.cli.parsers import teach

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHELLS", "add_arguments"]

SHELLS = ("bash", "zsh", "fish")
_FILES = {"FILE", "PATH", "LOGFILE", "NAME=FILE"}
_FOLDERS = {"DIR", "FOLDER"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.add_argument(
        "shell", metavar="SHELL", choices=SHELLS, help=f"{', '.join(SHELLS)}; the script is printed, and nothing is changed"
    )
    parser.set_defaults(run=run_completion)
    teach(
        parser,
        ("source <(tfcompat completion bash)", "for this shell; as a line of ~/.bashrc for all"),
        (
            "mkdir -p ~/.zfunc && tfcompat completion zsh > ~/.zfunc/_tfcompat",
            "with 'fpath+=(~/.zfunc); autoload -Uz compinit; compinit' in ~/.zshrc",
        ),
        (
            "mkdir -p ~/.config/fish/completions && tfcompat completion fish > ~/.config/fish/completions/tfcompat.fish",
            "fish finds it there",
        ),
        exit_codes="0 printed; 2 usage",
    )


def run_completion(options: argparse.Namespace) -> int:
    """Print the script. It holds the names of this version's matrix: print it again after an upgrade."""
    import shtab

    from tfcompat.cli.main import every_command

    parser = every_command()
    named = _names()
    for each in _parsers(parser):
        for action in each._actions:
            _offer(action, named)
    write_out(shtab.complete(parser, options.shell).rstrip() + "\n")
    return 0


def _offer(action: argparse.Action, named: dict[str, tuple[str, ...]]) -> None:
    """Mark *action* with what a shell is to offer for its value, by what stands for that in help texts."""
    import shtab

    meant = action.metavar if isinstance(action.metavar, str) else ""
    if action.choices is not None or action.nargs == 0:
        return
    if meant in _FILES:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    elif meant in _FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif meant in named or action.dest in named:
        action.choices = named.get(meant) or named[action.dest]


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _parsers(command)


def _names() -> dict[str, tuple[str, ...]]:
    """What can stand for a metavar, or for the value of an option. One word each: that is all that shells take apart alike."""
    from packaging.version import Version

    from tfcompat.gate.rulebook import rule_names
    from tfcompat.images import REPOSITORIES
    from tfcompat.matrix.load import load_bundled
    from tfcompat.outputs.gate.pages import pages
    from tfcompat.resolver.request import BASES, RESOLVED_PLATFORMS

    matrix = load_bundled()
    releases = [Version(r.version) for r in matrix.releases if r.package == "tensorflow"]
    minors = tuple(dict.fromkeys(f"{v.major}.{v.minor}" for v in releases))
    pythons = {p for r in matrix.releases for b in r.builds.values() for p in b.python}
    return {
        "GPU": tuple(dict.fromkeys(_one_word(gpu.name) for gpu in matrix.gpus)),
        "RULES": tuple(sorted(rule_names())),
        "ID": tuple(page.id for page in pages()),
        "OS/ARCH": tuple(RESOLVED_PLATFORMS),
        "BASE": BASES,
        "REPOSITORY": REPOSITORIES,
        "tensorflow": minors,
        "expect_tensorflow": minors,
        "python": tuple(sorted(pythons, key=Version, reverse=True)),
    }


def _one_word(name: str) -> str:
    """*name* as ``--gpu`` takes it as well: A100, RTX4090."""
    for maker in ("NVIDIA ", "GeForce "):
        name = name.removeprefix(maker)
    return name.replace(" ", "").replace("(", "").replace(")", "")
