"""model-format: a model file that is copied into an image whose Keras does not load it, as the rulebook's model-loads judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck
from tfcompat.gate.finding import Related, Unchecked
from tfcompat.gate.judge import finding, place_of
from tfcompat.gate.kinds import kind_of
from tfcompat.models.reading import read_model
from tfcompat.prose import remedy, sentence
from tfcompat.rules import run_check
from tfcompat.rules.model_loads import RULE
from tfcompat.stack import Fact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tfcompat.gate.finding import Finding, Level
    from tfcompat.gate.project import Project
    from tfcompat.gate.source import Tree
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.models.model import Model
    from tfcompat.rules import Finding as Said

__all__ = ["find_models"]

_LEVELS: Mapping[str, Level] = {"error": "error", "warning": "warning", "note": "info"}
_SAVED = "/saved_model.pb"


def find_models(project: Project, subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """Of the models that the stage copies by name, by a pattern or with a folder of their own; not those of the whole context."""
    if "tensorflow" not in subject.stack.facts:
        return
    for copied in subject.stage.copies:
        for source in copied.sources if copied.stage is None else ():
            for name in _models(project, source):
                model = _read(project, name)
                for said in _judged(matrix, subject, model) if model is not None else ():
                    related = Related(place_of(subject), str(subject.tensorflow or subject.image))
                    evidence = said.verdict.evidence
                    yield finding(
                        subject, "model-format", _level(said), copied.place, sentence(said), related, evidence=evidence, remedy=remedy(said)
                    )


def _models(project: Project, source: str) -> list[str]:
    """The names of models, a SavedModel by its folder."""
    if kind_of(source) == "model":
        found = [source]
    elif source and project.is_folder(source):
        found = [n for n in project.models if n.startswith(f"{source}/")]
    else:
        found = []
    return list(dict.fromkeys(name.removesuffix(_SAVED) for name in found))


class _Files:
    """The tree as the readers of models want it."""

    def __init__(self, tree: Tree) -> None:
        self.size = tree.size
        self._tree = tree

    def read(self, name: str, offset: int, length: int) -> bytes:
        return self._tree.find_bytes(name, length, offset) or b""


def _read(project: Project, name: str) -> Model | None:
    """None where it cannot be read, which is then said; what git LFS keeps elsewhere is nobody's fault."""
    if not project.exists(name) and not project.is_folder(name):
        return None  # it comes about elsewhere, such as in the step before
    try:
        return read_model(name, _Files(project.tree))
    except CouldNotCheck as error:
        unread = Unchecked(name, error.message, grave="git LFS" not in error.message)
        if unread not in project.unchecked:
            project.unchecked.append(unread)
        return None


def _judged(matrix: Matrix, subject: Subject, model: Model) -> Iterator[Said]:
    facts = {**subject.stack.facts, "model": Fact("model", (model,), model.name)}
    for check in RULE.checks:
        for said in run_check(matrix, facts, RULE, check):
            if said.verdict.outcome != "ok":
                yield said


def _level(said: Said) -> Level:
    """A SavedModel may be called as functions, and layers that were not tried load more often than not: both are for who asks."""
    model = said.facts[0].value
    if model.format == "SavedModel" or said.verdict.outcome == "unknown":
        return "info"
    return _LEVELS[said.verdict.severity]
