"""What the gate is asked: files, settings and a baseline, from options and ``[tool.tfcompat]``."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import argparse
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from tfcompat.errors import CouldNotCheck, RequestError
from tfcompat.gate.baseline import Baseline
from tfcompat.gate.finding import Unchecked
from tfcompat.gate.kinds import kind_of
from tfcompat.gate.settings import PLATFORMS, Settings
from tfcompat.gate.source import Source, Tree
from tfcompat.matrix import Matrix

__all__ = ["KINDS", "Asked", "asked_of"]

_LIMIT = 32 << 20  # bytes of a file that an option names
_STDIN = 16 << 20
KINDS = (
    "Dockerfile, requirements*.txt, constraints*.txt, pyproject.toml, the lock files of uv, Poetry, PDM, Pipenv, conda and pixi, "
    "environment.yml, compose.yaml, devcontainer.json, .gitlab-ci.yml, .github/workflows/*.yml and what Kubernetes starts"
)
_DRIVER = re.compile(r"\d+(\.\d+)*", re.A)


class Asked(NamedTuple):
    """What is looked at and by which settings. ``unread``: what could not be looked into. ``whole``: the excuses can be held against what is found."""

    top: str
    tree: Tree
    names: tuple[str, ...]
    unread: tuple[Unchecked, ...]
    settings: Settings
    baseline: Baseline | None
    whole: bool


def asked_of(options: argparse.Namespace, matrix: Matrix) -> Asked:
    """Raises :class:`RequestError` for options and settings that cannot be understood, :class:`CouldNotCheck` for what cannot be read."""
    from tfcompat.worktree import Worktree, discover, top_of

    paths = options.paths or ["."]
    if "-" in paths:
        return _of_stdin(options, matrix)
    if options.stdin_filename is not None:
        raise RequestError("--stdin-filename is for standard input", "name - as the path")
    top = top_of(paths)
    settings = _settings(options, Worktree(top), matrix)
    tree = Worktree(top, settings.exclude)
    found = discover(paths, settings.exclude)
    _check_kinds(paths)
    whole = any(os.path.realpath(path) == os.path.realpath(top) for path in paths)
    return Asked(top, tree, found.names, found.unread, settings, _baseline(options, settings, tree), whole)


def _check_kinds(paths: Sequence[str]) -> None:
    """Raises :class:`RequestError` for a file that is named and that the gate cannot read."""
    for path in paths:
        if kind_of(os.path.abspath(path).replace(os.sep, "/").lstrip("/")) is None and not os.path.isdir(path):  # noqa: PTH100, PTH112
            raise RequestError(f"{path} is no file that the gate knows by its name", f"it reads {KINDS}")


def _of_stdin(options: argparse.Namespace, matrix: Matrix) -> Asked:
    """Standard input in the place of one file of the tree, whose other files are there as ever."""
    from tfcompat.files import read_source
    from tfcompat.gate.editing import Overlay
    from tfcompat.worktree import MemoryTree, Worktree, top_of

    if len(options.paths) > 1 or options.stdin_filename is None:
        raise RequestError("- stands alone, and --stdin-filename says what it is", "as in: tfcompat gate - --stdin-filename Dockerfile")
    if options.fix:
        raise RequestError("--fix cannot change standard input", "--diff prints what it would change")
    top = top_of([])
    name = os.path.relpath(os.path.abspath(options.stdin_filename), top).replace(os.sep, "/")  # noqa: PTH100
    if name.startswith("../") or kind_of(name) is None:
        raise RequestError(f"--stdin-filename {options.stdin_filename[:80]!r} is no file of {top} that the gate knows", f"it reads {KINDS}")
    content = read_source("-", "standard input", "pipe a file in", _STDIN, "no file that the gate reads is so large")
    source = _find(MemoryTree({name: content}), name)
    settings = _settings(options, Worktree(top), matrix)
    tree = Overlay(Worktree(top, settings.exclude), {name: source} if source is not None else {})
    return Asked(top, tree, (name,), (), settings, _baseline(options, settings, tree), False)


def _settings(options: argparse.Namespace, tree: Tree, matrix: Matrix) -> Settings:
    """The table of pyproject.toml, and the options that win over it."""
    from tfcompat.gate.selection import check_rules

    source = _named(options.config, "--config") if options.config is not None else _find(tree, "pyproject.toml")
    read = _read_settings(source, matrix) if source is not None else Settings()
    _check_target(options)
    given = {
        "gpu": tuple(options.target_gpu),
        "driver": options.driver,
        "platform": options.platform,
        "build_args": _build_args(options.build_arg),
        "select": _names(options.select),
        "ignore": _names(options.ignore),
        "fail_on": options.fail_on,
        "info": options.info,
    }
    check_rules(given["select"], "--select")
    check_rules(given["ignore"], "--ignore")
    return read._replace(**{key: value for key, value in given.items() if value})


def _read_settings(source: Source, matrix: Matrix) -> Settings:
    from tfcompat.gate.configuration import read_settings

    return read_settings(source, matrix)


def _check_target(options: argparse.Namespace) -> None:
    """Raises :class:`RequestError` for a platform and for a driver that are none; names of GPUs are looked up where they are needed."""
    if options.platform is not None and options.platform not in PLATFORMS:
        raise RequestError(f"--platform: {options.platform[:80]!r} is not known", f"one of {' and '.join(PLATFORMS)}")
    if options.driver is not None and not _DRIVER.fullmatch(options.driver):
        raise RequestError(f"--driver: {options.driver[:80]!r} is no version of a driver", "write it as nvidia-smi prints it: 535.104.05")


def _find(tree: Tree, name: str) -> Source | None:
    try:
        return tree.find(name)
    except CouldNotCheck as error:
        raise CouldNotCheck(f"{name}: {error.message}", error.hint) from None


def _names(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for text in given for name in map(str.strip, text.split(",")) if name))


def _build_args(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise RequestError(f"--build-arg {text[:80]!r} is not NAME=VALUE", "no variables of the environment are looked at")
        found[name] = value
    return found


def _named(path: str, option: str) -> Source:
    """The text of a file that an option names."""
    from tfcompat.files import read_source
    from tfcompat.gate.source import Source

    hint = f"name a file with {option}"
    try:
        content = read_source(path, path, hint, _LIMIT, f"nothing that {option} reads is so large")
        return Source(path, content.decode("utf-8-sig"))
    except CouldNotCheck as error:  # nothing of the tree, but what the person said
        raise RequestError(error.message, hint) from None
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not UTF-8: {error.reason} at byte {error.start}", hint) from None


def _baseline(options: argparse.Namespace, settings: Settings, tree: Tree) -> Baseline | None:
    """That of the option, else that of the configuration. One that is about to be written need not be there."""
    from tfcompat.gate.baseline import read_baseline

    if options.baseline is not None:
        return read_baseline(_named(options.baseline, "--baseline"))
    if settings.baseline is None:
        return None
    source = _find(tree, settings.baseline)
    if source is None and not options.write_baseline:
        raise RequestError(f"there is no baseline {settings.baseline}", "write it with --write-baseline, or take it out of [tool.tfcompat]")
    return read_baseline(source) if source is not None else None
