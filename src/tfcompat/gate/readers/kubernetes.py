"""Kubernetes manifests: the containers of pods, wherever a pod's specification stands."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from tfcompat.gate.declared import ImageUse, Problem, Uses
from tfcompat.gate.readers.trees import Unreadable, parse_yaml
from tfcompat.gate.readers.values import commands, place_of, scalar, started, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_kubernetes"]

_NODES = 1_000_000
_DOCUMENTS = 10_000
_MARK = re.compile(r"^---(?=\s|\Z)", re.M)  # what stands there begins a document, even inside of a text
_IMAGE = re.compile(r"image[\"']?\s*:")
_DEFINITION = re.compile(r"^kind[ \t]*:[ \t]*[\"']?CustomResourceDefinition\b", re.M)
_TEMPLATE = re.compile(r"\{\{|\{%")
_CONCERNS = re.compile(r"tensorflow|keras|nvidia", re.I)
_VARIABLES = 1000
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_OTHER_MAKERS = ("amd.com/", "intel.com/", "gpu.intel.com/", "habana.ai/")


def read_kubernetes(source: Source) -> Uses:
    """The containers of every pod, template of a pod and list of these.

    A document that cannot be read is perhaps no manifest at all: the problem is grave only where the text names TensorFlow, Keras
    or NVIDIA, and never for a template that is not YAML yet.
    """
    problems: list[Problem] = []
    return started(source, _all_uses(source, problems), problems)


def _all_uses(source: Source, problems: list[Problem]) -> Iterator[ImageUse]:
    seen: dict[int, Node] = {}  # by id: a node that is kept gives its id to no other
    for number, (start, end) in enumerate(_documents(source.text)):
        if number == _DOCUMENTS:
            problems.append(Problem(source.place(start), f"only {_DOCUMENTS:,} of its documents are read", _concerns(source.text, start)))
            return
        try:
            found = parse_yaml(source, start, end)
        except Unreadable as error:
            template = _TEMPLATE.search(source.text, start, end) is not None
            reason = "it is a template, which is not filled in here" if template else error.reason
            problems.append(Problem(error.place, reason, grave=not template and _concerns(source.text, start, end)))
            continue
        for document in found:
            yield from _uses(source, document, problems, seen)


def _concerns(text: str, start: int, end: int | None = None) -> bool:
    return _CONCERNS.search(text, start, len(text) if end is None else end) is not None


def _documents(text: str) -> Iterator[tuple[int, int]]:
    """The spans of the documents that name an image: most are large and name none."""
    marks = [0, *(found.start() for found in _MARK.finditer(text)), len(text)]
    for start, end in pairwise(marks):
        if _IMAGE.search(text, start, end) is not None and _DEFINITION.search(text, start, end) is None:
            yield start, end


def _uses(source: Source, document: Node, problems: list[Problem], seen: dict[int, Node]) -> Iterator[ImageUse]:
    waiting = [(document, "")]
    while waiting and len(seen) < _NODES:
        node, owner = waiting.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if scalar(node.get("kind")) and scalar(node.get("apiVersion")):
            owner = f"{text_of(node.get('kind'))} {text_of(node.at('metadata', 'name')) or 'without a name'}"
        if owner:
            for container in _containers(node):
                yield _use(source, node, container, owner, problems)
        waiting.extend(
            (each, owner) for each in reversed([*node.elements(), *(value for _, value in node.items())]) if each.kind != "scalar"
        )


def _containers(pod: Node) -> list[Node]:
    lists = [found for key in _CONTAINERS if (found := pod.get(key)) is not None]
    several = [each for found in lists for each in found.elements() if each.kind == "map" and (each.get("name") or each.get("image"))]
    one = [found for key in ("container", "script") if (found := pod.get(key)) is not None and scalar(found.get("image"))]  # Argo's
    return [*several, *one]


def _use(source: Source, pod: Node, container: Node, owner: str, problems: list[Problem]) -> ImageUse:
    image, name = container.get("image"), container.get("name")
    text = scalar(image)
    what = f"container {text_of(name)} of {owner}" if scalar(name) else f"container of {owner}"
    place = place_of(source, image if text else name if scalar(name) else container)
    known = text if text and not any(c in text for c in "$<>{} ") else None
    if text and known is None:
        problems.append(Problem(place, f"the image of {what} is filled in later: {text}"))
    where, gpu = _gpu(source, pod, container)
    architecture = scalar(pod.at("nodeSelector", "kubernetes.io/arch"))
    variables = container.get("env")
    listed = variables.elements()[:_VARIABLES] if variables is not None else []
    pairs = [(text_of(each.get("name")), scalar(each.get("value"))) for each in listed]
    runs = [*commands(source, container.get("command"), container.get("args"))]
    if scalar(body := container.get("source")):
        runs.append((text_of(body), place_of(source, body)))
    return ImageUse(
        what,
        place,
        known,
        None,
        gpu,
        where or place,
        f"linux/{architecture}" if architecture else None,
        {key: value for key, value in pairs if key and value is not None and "$(" not in value},
        tuple(runs),
    )


def _gpu(source: Source, pod: Node, container: Node) -> tuple[Place | None, bool | None]:
    unsure = container.at("resources", "claims") is not None  # what a claim brings stands elsewhere
    for part in ("limits", "requests"):
        resources = container.at("resources", part)
        for key, amount in resources.items() if resources is not None else []:
            name = text_of(key)
            if name.startswith("nvidia.com/"):
                if text_of(amount) != "0":
                    return place_of(source, key), True
            elif "gpu" in name.lower() and not name.startswith(_OTHER_MAKERS):
                unsure = True
    runtime = pod.get("runtimeClassName")
    if text_of(runtime).startswith("nvidia"):
        return place_of(source, runtime), True
    return None, None if unsure else False
