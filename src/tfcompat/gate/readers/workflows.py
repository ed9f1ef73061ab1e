"""GitHub workflows: the images of jobs, services and steps, with the values of the job's matrix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.gate.declared import ImageUse, Problem, Uses
from tfcompat.gate.readers.values import (
    documents,
    environment,
    place_of,
    platform_option,
    scalar,
    started,
    text_of,
    unreadable,
    wants_gpu,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_workflow"]

_COMBINATIONS = 64  # of the values of a matrix that one image has
_EXPRESSION = re.compile(r"\$\{\{((?:[^}$]|\}(?!\})|\$(?!\{\{))*)\}\}")
_OF_MATRIX = re.compile(r"\s*matrix\.([A-Za-z_][\w-]*)\s*", re.A)
_PLAIN_FOLDER = re.compile(r"[\w./-]+", re.A)
_UNKNOWN = "${expression}"  # what a shell line has in the place of an expression: a variable that nothing is known of


class _Named(NamedTuple):
    """An image of a job, for one combination of the matrix."""

    reference: str | None
    place: Place
    combination: str = ""


def read_workflow(source: Source) -> Uses:
    """What the jobs of a GitHub workflow run in. ``gpu`` is None for a job whose runner is not said to have one."""
    found = documents(source)
    if isinstance(found, Problem):
        return Uses(source.name, (), (found,))
    root = found[0] if found else None
    if root is None or (root.kind == "scalar" and root.text is None):
        return Uses(source.name, (), (Problem(source.place(0), "it is empty"),))
    if root.kind != "map":
        return unreadable(source, "it is not a workflow: it should be a map", root)
    jobs = root.get("jobs")
    problems: list[Problem] = []
    pairs = jobs.items() if jobs is not None else []
    return started(source, (use for key, job in pairs for use in _Job(source, root, key, job, problems).uses()), problems)


class _Job:
    def __init__(self, source: Source, root: Node, key: Node, node: Node, problems: list[Problem]) -> None:
        self.source = source
        self.root = root
        self.node = node
        self.what = f"job {text_of(key)}"
        self.problems = problems

    def uses(self) -> Iterator[ImageUse]:
        container = self.node.get("container")
        image = container if container is None or container.kind == "scalar" else container.get("image")
        if container is not None and image is not None and scalar(image):
            yield from self._started(self.what, image, container, tuple(self._runs()))
        services = self.node.get("services")
        for key, service in services.items() if services is not None else []:
            image = service if service.kind == "scalar" else service.get("image")
            if image is not None and scalar(image):
                yield from self._started(f"service {text_of(key)} of {self.what}", image, service)
        for number, step in enumerate(self._steps(), start=1):
            action = step.get("uses")
            if action is not None and text_of(action).startswith("docker://"):
                what = f"step {text_of(step.get('name')) or number} of {self.what}"
                yield from self._started(what, action, step)

    def _started(self, what: str, image: Node, node: Node, runs: tuple[tuple[str, Place], ...] = ()) -> Iterator[ImageUse]:
        options = node.get("options")
        words = text_of(options).split()
        asks = wants_gpu(words) is not None
        gpu = True if asks else False if self._runner_has_gpu() and text_of(node.get("uses")) == "" else None
        variables = self._variables(node)
        for named in self._references(what, image):
            where = place_of(self.source, options) if asks else named.place
            name = f"{what} ({named.combination})" if named.combination else what
            yield ImageUse(name, named.place, named.reference, None, gpu, where, platform_option(words), variables, runs)

    def _runner_has_gpu(self) -> bool:
        runner = self.node.get("runs-on")
        labels = [*words_of(runner), *words_of(runner.get("labels")), text_of(runner.get("group"))] if runner is not None else []
        return any("gpu" in label.lower() for label in labels)

    def _variables(self, node: Node) -> dict[str, str]:
        known: dict[str, str] = {}
        for each in (self.root.get("env"), self.node.get("env"), node.get("env")):
            known |= environment(each, None)
        return {name: text for name, text in known.items() if "${{" not in text}

    def _steps(self) -> list[Node]:
        steps = self.node.get("steps")
        return steps.elements() if steps is not None else []

    def _references(self, what: str, image: Node) -> Iterator[_Named]:
        text = text_of(image).removeprefix("docker://")
        place = place_of(self.source, image)
        if text_of(image) != text:
            place = self.source.place(place.start + len("docker://"), place.end)
        expressions = [match[1] for match in _EXPRESSION.finditer(text)]
        if not expressions:
            yield _Named(text, place)
            return
        names = [match[1] for each in expressions if (match := _OF_MATRIX.fullmatch(each))]
        combinations = self._combinations(list(dict.fromkeys(names))) if len(names) == len(expressions) else []
        if not combinations:
            self.problems.append(Problem(place, f"the image of {what} is an expression that only a run knows: {text}"))
            yield _Named(None, place)
        for combination in combinations:
            values = {name: text_of(node) for name, node in combination.items()}
            reference = _EXPRESSION.sub(lambda match, values=values: values[match[1].strip().removeprefix("matrix.")], text)  # type: ignore[misc]
            whole = len(expressions) == 1 and _EXPRESSION.fullmatch(text)
            where = place_of(self.source, next(iter(combination.values()))) if whole else place
            yield _Named(reference or None, where, ", ".join(f"{name} {value}" for name, value in values.items() if 0 < len(value) <= 20))

    def _combinations(self, names: list[str]) -> list[Mapping[str, Node]]:
        """The values of *names* that the job's matrix goes through; empty where they are not all written there."""
        matrix = self.node.at("strategy", "matrix")
        if matrix is None:
            return []
        rows: list[dict[str, Node]] = [{}]
        for name in names:
            values = matrix.get(name)
            scalars = [each for each in values.elements() if scalar(each) is not None] if values is not None else []
            rows = [{**row, name: value} for row in rows[:_COMBINATIONS] for value in scalars][:_COMBINATIONS]
        excluded = _rows(matrix.get("exclude"))
        kept = [row for row in rows if not any(_covers(row, each) for each in excluded)]
        for extra in _rows(matrix.get("include")):
            picked = {name: extra[name] for name in names if name in extra}
            if len(picked) == len(names) and [text_of(each) for each in picked.values()] not in [
                [text_of(v) for v in r.values()] for r in kept
            ]:
                kept.append(picked)
        return [dict(row) for row in kept[:_COMBINATIONS]]

    def _runs(self) -> Iterator[tuple[str, Place]]:
        for step in self._steps():
            run, shell = step.get("run"), self._default(step, "shell")
            if run is None or not scalar(run) or (shell and not re.match(r"(ba|da|z)?sh\b", shell)):
                continue
            text = _EXPRESSION.sub(_UNKNOWN, text_of(run))
            folder = self._default(step, "working-directory")
            inside = folder and _PLAIN_FOLDER.fullmatch(folder)
            yield f"cd {folder}; {text}" if inside else text, place_of(self.source, run)

    def _default(self, step: Node, key: str) -> str:
        node = step.get(key) or self.node.at("defaults", "run", key) or self.root.at("defaults", "run", key)
        return text_of(node)


def _rows(node: Node | None) -> list[dict[str, Node]]:
    rows = node.elements() if node is not None else []
    return [{text_of(key): value for key, value in row.items() if scalar(value) is not None} for row in rows if row.kind == "map"]


def _covers(row: Mapping[str, Node], excluded: Mapping[str, Node]) -> bool:
    return bool(excluded) and all(name in row and text_of(row[name]) == text_of(value) for name, value in excluded.items())
