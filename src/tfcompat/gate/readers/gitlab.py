"""GitLab CI: the image of each job, with ``default``, ``extends`` and variables, and what its scripts run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tfcompat.gate.declared import ImageUse, Problem, Uses
from tfcompat.gate.readers.values import documents, expand, place_of, scalar, started, text_of, unreadable, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_gitlab"]

_EXTENDED = 20  # jobs that extend one another
_LINES = 1000  # of the scripts of one job
_NO_JOBS = frozenset(
    ["default", "include", "stages", "variables", "workflow", "image", "services", "before_script", "after_script", "cache", "spec", "types"]
)  # fmt: skip
_VARIABLES = 1000
_SCRIPTS = ("before_script", "script", "after_script")


def read_gitlab(source: Source) -> Uses:
    """What the jobs of a GitLab pipeline run in; ``gpu`` is None, since the runner decides. Included files are not followed."""
    found = documents(source)
    if isinstance(found, Problem):
        return Uses(source.name, (), (found,))
    root = found[-1] if found else None  # what stands before it are inputs
    if root is None or (root.kind == "scalar" and root.text is None):
        return Uses(source.name, (), (Problem(source.place(0), "it is empty"),))
    if root.kind != "map":
        return unreadable(source, "it is not a GitLab pipeline: it should be a map", root)
    problems: list[Problem] = []
    names = [key for key, job in root.items() if text_of(key) not in _NO_JOBS and not text_of(key).startswith(".") and job.kind == "map"]
    jobs = [text_of(key) for key in names] or [""]
    return started(source, (use for name in jobs for use in _Job(source, root, name, problems).uses()), problems)


class _Job:
    """One job, or, without a name, what is set for all."""

    def __init__(self, source: Source, root: Node, name: str, problems: list[Problem]) -> None:
        self.source = source
        self.root = root
        self.problems = problems
        self.what = f"job {name}" if name else "the default image"
        job = root.get(name) if name else None
        self.chain: list[Node] = []
        if job is not None:
            self._extend(job)
        self.variables: dict[str, str] = {}
        for each in (root, *reversed(self.chain)):
            self.variables |= dict(islice(_variables(each.get("variables")), _VARIABLES))

    def _extend(self, job: Node) -> None:
        """The job and those that it extends, nearest first; of several that one names, the last wins."""
        waiting = [job]
        while waiting and len(self.chain) < _EXTENDED:
            node = waiting.pop(0)
            if any(node is each for each in self.chain):
                continue
            self.chain.append(node)
            extends = node.get("extends")
            bases = [(name, self.root.get(name)) for name in reversed(words_of(extends))]
            for name in (name for name, base in bases if base is None):
                self._problem(extends, f"{self.what} extends {name}, which is not in this file")
            waiting[:0] = [base for _, base in bases if base is not None]

    def _problem(self, node: Node | None, reason: str) -> None:
        self.problems.append(Problem(place_of(self.source, node), reason))

    def field(self, key: str) -> Node | None:
        inherits = next((found for each in self.chain if (found := each.at("inherit", "default")) is not None), None)
        refused = inherits is not None and (inherits.text == "false" or (inherits.kind == "list" and key not in words_of(inherits)))
        shared = () if refused else (self.root.at("default", key), self.root.get(key))
        found = next((node for each in self.chain if (node := each.get(key)) is not None), None)
        return self._referenced(found if found is not None else next((node for node in shared if node is not None), None))

    def _referenced(self, node: Node | None, depth: int = 10) -> Node | None:
        """What ``!reference [job, key]`` names."""
        while node is not None and node.tag == "!reference" and depth > 0:
            node, depth = self.root.at(*words_of(node)), depth - 1
        return node

    def uses(self) -> Iterator[ImageUse]:
        image = self.field("image")
        if image is not None:
            yield from self._started(self.what, image, tuple(self._runs()))
        services = self.field("services")
        for number, service in enumerate(services.elements() if services is not None else [], start=1):
            alias = scalar(service.get("alias"))
            yield from self._started(f"service {alias or number} of {self.what}", service)

    def _started(self, what: str, image: Node, runs: tuple[tuple[str, Place], ...] = ()) -> Iterator[ImageUse]:
        named = image if image.kind == "scalar" else image.get("name")
        text = scalar(named)
        if not text:
            return
        reference = None if "$[[" in text else expand(text, self.variables.get)
        for _ in range(3):  # a variable may name another
            reference = expand(reference, self.variables.get) if reference is not None and "$" in reference else reference
        if not reference:
            self._problem(named, f"the image of {what} is named by a variable that only a run knows: {text}")
        place = place_of(self.source, named)
        platform = scalar(image.at("docker", "platform"))
        yield ImageUse(what, place, reference or None, None, None, place, platform, dict(self.variables), runs)

    def _runs(self) -> Iterator[tuple[str, Place]]:
        left = _LINES
        for key in _SCRIPTS:
            script = self.field(key)
            waiting = [script] if script is not None else []
            while waiting and left > 0:  # lists in lists, by anchors and references
                node, left = waiting.pop(0), left - 1
                target = self._referenced(node)
                if target is not None and target.kind == "list":
                    waiting = [*target.elements(), *waiting][:_LINES]
                elif target is not None and scalar(target):
                    yield text_of(target), place_of(self.source, target)


def _variables(node: Node | None) -> Iterator[tuple[str, str]]:
    for key, value in node.items() if node is not None else []:
        text = scalar(value) if value.kind == "scalar" else scalar(value.get("value"))
        if key.text and text is not None:
            yield key.text, text
