"""The files of a tree, each read once, and what could not be read of them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tfcompat.errors import CouldNotCheck
from tfcompat.gate.declared import ImageUse, PinFile, Problem, Uses
from tfcompat.gate.finding import Unchecked
from tfcompat.gate.kinds import kind_of, looks_like

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tfcompat.gate.instructions import Dockerfile
    from tfcompat.gate.source import Source, Tree

__all__ = ["Project"]

_READERS: Mapping[str, tuple[str, str]] = {  # by kind: where its reader is; each is imported when a file asks for it
    "dockerfile": ("dockerfile", "read_dockerfile"),
    "requirements": ("requirements", "read_requirements"),
    "constraints": ("requirements", "read_requirements"),
    "pyproject": ("pyproject", "read_pyproject"),
    "uv.lock": ("locks", "read_uv_lock"),
    "poetry.lock": ("locks", "read_poetry_lock"),
    "pdm.lock": ("locks", "read_pdm_lock"),
    "Pipfile.lock": ("locks", "read_pipfile_lock"),
    "pylock": ("locks", "read_pylock"),
    "environment": ("conda", "read_environment"),
    "conda-lock": ("conda", "read_conda_lock"),
    "pixi.toml": ("conda", "read_pixi"),
    "pixi.lock": ("conda", "read_pixi_lock"),
    "compose": ("uses", "read_compose"),
    "devcontainer": ("uses", "read_devcontainer"),
    "workflow": ("uses", "read_workflow"),
    "gitlab": ("uses", "read_gitlab"),
    "kubernetes": ("uses", "read_kubernetes"),
}
PIN_KINDS = frozenset(
    ("requirements", "constraints", "pyproject", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock", "environment",
     "conda-lock", "pixi.toml", "pixi.lock")
)  # fmt: skip
_FILES = 50_000  # of a folder that a build copies
_DEPTH = 40
USE_KINDS = frozenset(("compose", "devcontainer", "workflow", "gitlab", "kubernetes"))


class Project:
    """The files *names* of *tree* are looked at; others are read where these lead to them."""

    def __init__(self, tree: Tree, names: Sequence[str]) -> None:
        self.tree = tree
        self.unchecked: list[Unchecked] = []
        self.read_names: set[str] = set()
        self._values: dict[tuple[str, str], Any] = {}
        self._sources: dict[str, Source | None] = {}
        self._entries: dict[str, tuple[str, ...]] = {}
        self.kinds: dict[str, str] = {}
        self.consumed: set[str] = set()  # files that a build installs: they are judged there
        for name in names:
            kind = kind_of(name)
            if kind is None or kind == "model":
                continue
            if kind == "kubernetes":  # any YAML file may be one: the name alone says nothing
                source = self._perhaps(name)
                if source is None or not looks_like(kind, source.text):
                    continue
            self.kinds[name] = kind

    def of_kind(self, kinds: Iterable[str]) -> list[str]:
        """The names that are looked at and are of one of *kinds*."""
        wanted = frozenset(kinds)
        return [name for name, kind in self.kinds.items() if kind in wanted]

    @cached_property
    def all_names(self) -> frozenset[str]:
        """Every file of the tree that is not ignored."""
        return frozenset(self.tree.names())

    def exists(self, name: str) -> bool:
        """Whether the file is there, ignored or not: a build copies what it names."""
        return name in self.all_names or (bool(name) and self.head(name, 1) is not None)

    def head(self, name: str, limit: int) -> bytes | None:
        """The first *limit* bytes of a file, None where there is none that can be read."""
        try:
            return self.tree.find_bytes(name, limit)
        except CouldNotCheck:
            return None

    def is_folder(self, name: str) -> bool:
        """Whether there is a folder with something in it, ignored or not."""
        return name in self._folders or bool(self.entries(name))

    def entries(self, folder: str) -> tuple[str, ...]:
        """As :meth:`Tree.entries`; where there is too much in it, or it cannot be read, that is told."""
        if folder not in self._entries:
            try:
                self._entries[folder] = self.tree.entries(folder)
            except CouldNotCheck as error:
                self._entries[folder] = ()
                self.unchecked.append(Unchecked(folder or ".", error.message, grave=False))
        return self._entries[folder]

    def below(self, folder: str) -> list[str]:
        """Every file below *folder*, ignored or not, as far as there are not too many."""
        found: list[str] = []
        waiting = [folder]
        while waiting:
            inside = waiting.pop()
            if len(found) + len(waiting) > _FILES or inside.count("/") > _DEPTH:
                unchecked = Unchecked(folder or ".", "there are too many files in it to look for models in all of them", grave=False)
                if unchecked not in self.unchecked:
                    self.unchecked.append(unchecked)
                break
            names = [f"{inside}/{entry}".lstrip("/") for entry in self.entries(inside)]
            waiting += [name[:-1] for name in names if name.endswith("/")]
            found += [name for name in names if not name.endswith("/")]
        return sorted(found)

    def matching(self, pattern: str) -> list[str]:
        """The files and folders, ignored or not, that *pattern* means, whose stars stop at slashes."""
        found = [""]
        for part in pattern.split("/"):
            if any(c in part for c in "*?["):
                found = [
                    f"{above}/{name}".lstrip("/")
                    for above in found
                    for name in (entry.rstrip("/") for entry in self.entries(above))
                    if fnmatchcase(name, part)
                ][:_FILES]
            else:
                found = [f"{above}/{part}".lstrip("/") for above in found]
        return sorted(name for name in found if self.exists(name) or self.is_folder(name))

    @cached_property
    def _folders(self) -> frozenset[str]:
        found = {""}
        for name in self.all_names:
            folder = name.rpartition("/")[0]
            while folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(found)

    def source(self, name: str) -> Source | None:
        """The text of a file; None where there is none, or where it cannot be read, which is then said once."""
        if name not in self._sources:
            try:
                self._sources[name] = self.tree.find(name)
            except CouldNotCheck as error:
                self._sources[name] = None
                self.unchecked.append(Unchecked(name, error.message))
        return self._sources[name]

    def _perhaps(self, name: str) -> Source | None:
        """The text of a file that may be of no interest at all: what cannot be read of it is nothing to stop for."""
        try:
            self._sources[name] = self.tree.find(name)
        except CouldNotCheck as error:
            self._sources[name] = None
            self.unchecked.append(Unchecked(name, error.message, grave=False))
        return self._sources[name]

    def dockerfile(self, name: str) -> Dockerfile | None:
        found: Dockerfile | None = self._read(name, "dockerfile")
        return found

    def pin_file(self, name: str, kind: str | None = None) -> PinFile | None:
        """What a file pins. *kind* where its name says none, such as a file that a Dockerfile installs with ``-r``."""
        found = self._read(name, kind or self.kinds.get(name) or kind_of(name) or "requirements")
        return found if isinstance(found, PinFile) else None

    def uses(self, name: str) -> Uses | None:
        found = self._read(name, self.kinds[name])
        return found if isinstance(found, Uses) else None

    @property
    def all_uses(self) -> list[ImageUse]:
        """Everything that is started by files that are looked at."""
        found = (self.uses(name) for name in self.of_kind(USE_KINDS))
        return [use for uses in found if uses is not None for use in uses.images]

    def _read(self, name: str, kind: str) -> Any:
        key = (name, kind)
        if key not in self._values:
            self._values[key] = None
            source = self.source(name)
            if source is not None and kind in _READERS:
                module, function = _READERS[kind]
                value = getattr(import_module(f"tfcompat.gate.readers.{module}"), function)(source)
                self.read_names.add(name)
                self.note(value.problems)
                self._values[key] = value
        return self._values[key]

    def note(self, problems: Iterable[Problem]) -> None:
        """Keep what could not be read, to be told at the end."""
        for problem in problems:
            unchecked = Unchecked(problem.place.file, problem.reason, problem.place.line, problem.grave)
            if unchecked not in self.unchecked:
                self.unchecked.append(unchecked)
