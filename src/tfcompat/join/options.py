"""Option lines of a requirements file: which are known, and how they read from another folder."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tfcompat.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tfcompat.requirements_file import Line

__all__ = ["installer_options", "option_beside", "refuse_options"]

_INDEX_OPTIONS = {
    "--index-url", "-i", "--extra-index-url", "--find-links", "-f", "--no-index", "--trusted-host", "--pre", "--prefer-binary",
    "--only-binary", "--no-binary", "--require-hashes",
}  # fmt: skip
_FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
_CONSTRAINTS = ("-c", "--constraint")
_OPTION = re.compile(r"^(--[^=\s]+|-.)[=\s]*(.*)$")
_NOT_PASSED = (*_CONSTRAINTS, "--require-hashes")
_PATH_OPTION = re.compile(r"(-[cfi]|--constraint|--find-links|--index-url|--extra-index-url)[=\s]*(.+)")


def refuse_options(lines: Iterable[Line], hashes: bool) -> None:
    for line in lines:
        if line.kind != "option":
            continue
        if line.text.startswith(_CONSTRAINTS):
            continue
        name, value = _OPTION.findall(line.text)[0]
        if name not in _INDEX_OPTIONS:
            raise RequestError(f"{line.where}: the option {name} is not known", "take the line out of the file given with -r")
        if re.search(r"(?:^|\s)-", value):
            raise RequestError(f"{line.where}: there is more than one option in the line", "write each into a line of its own")
        if (name in _FLAGS) == bool(value):
            what = "takes no value" if value else "needs a value"
            raise RequestError(f"{line.where}: the option {name} {what}", "write it as pip's documentation has it, or take the line out")
        if name == "--require-hashes" and not hashes:
            raise RequestError(f"{line.where}: --require-hashes asks for pins with hashes", "add --hashes, or take the line out")


def installer_options(lines: Iterable[Line]) -> tuple[str, ...]:
    """The option lines for an installer, which runs elsewhere: the constraints and the hashes are given to it in another way."""
    lines = [line for line in lines if line.kind == "option" and not line.text.startswith(_NOT_PASSED)]
    return tuple(" ".join(filter(None, _OPTION.findall(_moved(line, lambda path: path.absolute()))[0])) for line in lines)


def option_beside(line: Line, folder: Path | None) -> str:
    """The option with its path relative to *folder*; as it was written where the file stands in that folder."""
    from pathlib import Path

    home = Path(line.where.rpartition(":")[0]).parent
    if folder is None or home.resolve() == folder.resolve():
        return line.text
    return _moved(line, lambda path: os.path.relpath(path, folder))


def _moved(line: Line, place: Callable[[Path], object]) -> str:
    """The option with its path, which is relative to the file it stands in, as *place* has it."""
    option = _PATH_OPTION.match(line.text)
    if option is None or "://" in option[2] or option[2].startswith(("file:", "/", "$")):
        return line.text
    from pathlib import Path

    path = Path(line.where.rpartition(":")[0]).parent / option[2]
    if not path.exists():
        raise RequestError(f"{line.where}: {option[1]} names {option[2]}, which is not there", "check the path")
    return f"{option[1]} {place(path)}"
