"""model-format: a model file that is copied into an image whose Keras does not load it, as the rulebook's model-loads judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.errors import CouldNotCheck
from tfcompat.gate.copied_models import SAVED, CopiedModels
from tfcompat.gate.finding import Related, Unchecked
from tfcompat.gate.judge import finding, place_of
from tfcompat.models.loading import find_readers
from tfcompat.models.reading import read_model
from tfcompat.prose import remedy, sentence
from tfcompat.rules import run_check
from tfcompat.rules.model_loads import RULE, reader_of
from tfcompat.stack import Fact
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tfcompat.gate.finding import Finding, Level
    from tfcompat.gate.project import Project
    from tfcompat.gate.source import Place, Tree
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.models.model import Model
    from tfcompat.rules import Finding as Said

__all__ = ["find_models"]

_LEVELS: Mapping[str, Level] = {"error": "error", "warning": "warning", "note": "info"}
_DATA = "it is HDF5, but no model of Keras"  # the reader's word on a file that was read well
_NAMED = 3


def find_models(project: Project, subject: Subject, matrix: Matrix) -> Iterator[Finding]:
    """Of the models that the stage copies by name, by a pattern or with a folder of their own; those of the whole context are told."""
    if "tensorflow" not in subject.stack.facts:
        return
    copied = CopiedModels(project).of(subject.stage)
    meant = dict.fromkeys((model.name.removesuffix(SAVED), model.place) for model in copied if model.meant)
    for name, place in meant:
        model = _read(project, name)
        for said in _judged(matrix, subject, model) if model is not None else ():
            related = Related(place_of(subject), str(subject.tensorflow or subject.image))
            evidence, level = said.verdict.evidence, _level(said, subject, matrix)
            yield finding(subject, "model-format", level, place, sentence(said), related, evidence=evidence, remedy=remedy(said))
    judged = {name for name, _ in meant}
    rest = {name: model.place for model in copied if (name := model.name.removesuffix(SAVED)) not in judged}
    if rest:
        yield _not_judged(subject, rest)


def _not_judged(subject: Subject, models: Mapping[str, Place]) -> Finding:
    """That models come with all the rest: whether the program loads them is not known."""
    names, more = list(models)[:_NAMED], len(models) - _NAMED
    told = f"{', '.join(names)}{f' and {more} more' if more > 0 else ''}"
    verb, was = ("comes", "was") if len(models) == 1 else ("come", "were")
    message = f"{told} {verb} with the whole context and {was} not judged"
    return finding(
        subject, "model-format", "info", models[names[0]], message, remedy="name what the program loads in a COPY, to have it judged"
    )


class _Files:
    """The tree as the readers of models want it."""

    def __init__(self, tree: Tree) -> None:
        self.size = tree.size
        self._tree = tree

    def read(self, name: str, offset: int, length: int) -> bytes:
        return self._tree.find_bytes(name, length, offset) or b""


def _read(project: Project, name: str) -> Model | None:
    """None where it cannot be read, which is then said: also of what is left with git LFS, as the build copies the pointer.

    HDF5 that holds no model at all is data, which is nothing to stop for.
    """
    if not project.exists(name) and not project.is_folder(name):
        return None  # it comes about elsewhere, such as in the step before
    try:
        return read_model(name, _Files(project.tree))
    except CouldNotCheck as error:
        reason = error.message.removeprefix(f"{name} cannot be read: ")
        data = reason == _DATA
        unread = Unchecked(name, f"{reason}; {error.hint}" if error.hint and not data else reason, grave=not data)
        if unread not in project.unchecked:
            project.unchecked.append(unread)
        return None


def _judged(matrix: Matrix, subject: Subject, model: Model) -> Iterator[Said]:
    facts = {**subject.stack.facts, "model": Fact("model", (model,), model.name)}
    for check in RULE.checks:
        for said in run_check(matrix, facts, RULE, check):
            if said.verdict.outcome != "ok":
                yield said


def _level(said: Said, subject: Subject, matrix: Matrix) -> Level:
    """A SavedModel may be called as functions, and what the same major of Keras wrote loads more often than not: both are for who asks."""
    model: Model = said.facts[0].value
    if model.format == "SavedModel":
        return "info"
    if said.verdict.outcome == "unknown":
        return "info" if _of_same_major(model, subject, matrix) else "warning"
    return _LEVELS[said.verdict.severity]


def _of_same_major(model: Model, subject: Subject, matrix: Matrix) -> bool:
    """Whether a Keras that is known wrote the model, and the one that reads it is known and of the same major."""
    facts = subject.stack.facts
    values = {name: facts[name].value for name in ("tensorflow", "keras", "tf-keras", "env") if name in facts}
    reader = reader_of(values["tensorflow"], values.get("keras"), values.get("tf-keras"), values.get("env"))
    reads = reader.version or version("3")
    newest = max(known.version for known in find_readers(matrix) if known.version is not None)
    return model.keras is not None and model.keras.major == reads.major and max(minor(model.keras), minor(reads)) <= newest
