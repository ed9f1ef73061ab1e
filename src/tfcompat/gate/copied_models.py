"""Which model files of the tree a stage of a build has, and by which ``COPY``."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from tfcompat.gate.dockerignore import Dockerignore
from tfcompat.gate.environment import Copied, Stage
from tfcompat.gate.finding import Unchecked
from tfcompat.gate.kinds import is_model
from tfcompat.gate.project import Project
from tfcompat.gate.source import Place, as_shown, why_unshown

__all__ = ["SAVED", "CopiedModel", "CopiedModels"]

SAVED = "/saved_model.pb"
_MANY = 1000  # models of a stage


class CopiedModel(NamedTuple):
    """``name`` in the tree, ``path`` in the container. ``meant``: it was copied by its name, a pattern or its folder, not with all there is."""

    name: str
    path: str
    place: Place
    meant: bool


class CopiedModels:
    """The models of the stages of *project*, as they are asked for."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._of: dict[int, tuple[CopiedModel, ...]] = {}
        self._ignored: dict[tuple[str, str], Dockerignore] = {}

    def of(self, stage: Stage) -> tuple[CopiedModel, ...]:
        """In the order of the ``COPY``; a file that may be at two paths is there twice. What has no name to tell is noted."""
        if id(stage) not in self._of:
            found: dict[tuple[str, str, Place], CopiedModel] = {}
            for copied in stage.copies:
                self._note(copied.untold)
                for model in self._from_stage(copied, copied.stage) if copied.stage is not None else self._from_tree(copied):
                    if len(found) < _MANY:
                        found.setdefault((model.name, model.path, model.place), model)
            self._of[id(stage)] = tuple(found.values())
        return self._of[id(stage)]

    def _note(self, unchecked: tuple[Unchecked, ...]) -> None:
        self._project.unchecked += [each for each in unchecked if each not in self._project.unchecked]

    def _from_tree(self, copied: Copied) -> Iterator[CopiedModel]:
        into = copied.target.endswith("/") or len(copied.sources) > 1
        for source in copied.sources:
            whole = source in ("", copied.context)
            if whole and copied.context is None:
                continue  # a checkout, which is no image
            for name, rest in self._models(source):
                if not self._leaves_out(copied, name):
                    for path in _landing(copied.target, source, rest, into):
                        yield CopiedModel(name, path, copied.place, not whole)

    def _models(self, source: str) -> Iterator[tuple[str, str]]:
        """The models that *source* is or has, each with what of its name lies below that."""
        folder = self._project.is_folder(source)
        if is_model(source) and (not folder or self._project.exists(f"{source}/config.json")):  # a .keras that is not zipped
            yield source, ""
            return
        for name in self._project.below(source) if folder else ():
            if is_model(as_shown(name)):
                if why_unshown(name):
                    self._note((Unchecked(as_shown(name), why_unshown(name)),))
                else:
                    yield name, name[len(source) :].lstrip("/")

    def _from_stage(self, copied: Copied, origin: Stage) -> Iterator[CopiedModel]:
        models = self.of(origin)
        for source in copied.sources:
            wild = any(c in source for c in "*?[")
            into = copied.target.endswith("/") or len(copied.sources) > 1 or wild
            top = source.rstrip("/")
            for model in models:
                parts = model.path.split("/")
                head = "/".join(parts[: top.count("/") + 1])
                if head == top or (wild and fnmatchcase(head, top)):
                    rest = model.path[len(head) :].lstrip("/")
                    for path in _landing(copied.target, head, rest, into):
                        yield CopiedModel(model.name, path, copied.place, model.meant or rest in ("", SAVED[1:]))

    def _leaves_out(self, copied: Copied, name: str) -> bool:
        if copied.context is None:
            return False
        key = (copied.place.file, copied.context)
        if key not in self._ignored:
            own = self._project.source(f"{copied.place.file}.dockerignore")
            source = own or self._project.source(posixpath.join(copied.context, ".dockerignore"))
            self._ignored[key] = Dockerignore(source.text.splitlines() if source is not None else ())
        inside = name[len(copied.context) :].lstrip("/")
        return self._ignored[key].leaves_out(inside)


def _landing(target: str, source: str, rest: str, into: bool) -> tuple[str, ...]:
    """Where a file comes to lie: the part *rest* below the folder *source*, or *source* itself, then as well in a folder that was there."""
    target = f"/{target.strip('/')}"
    if rest:
        return (posixpath.join(target, rest),)
    inside = posixpath.join(target, source.rpartition("/")[2])
    return (inside,) if into else (target, inside)
