"""Kubernetes manifests: the containers of pods, wherever a pod's specification stands."""

from __future__ import annotations

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
_VARIABLES = 1000
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_OTHER_MAKERS = ("amd.com/", "intel.com/", "gpu.intel.com/", "habana.ai/")


def read_kubernetes(source: Source) -> Uses:
    """The containers of every pod, template of a pod and list of these; a template that is not YAML yet is a problem that is not grave."""
    try:
        found = parse_yaml(source)
    except Unreadable as error:
        if "{{" in source.text or "{%" in source.text:
            return Uses(source.name, (), (Problem(error.place, "it is a template, which is not filled in here"),))
        return Uses(source.name, (), (Problem(error.place, error.reason, grave=True),))
    problems: list[Problem] = []
    seen: set[int] = set()
    return started(source, (use for document in found for use in _uses(source, document, problems, seen)), problems)


def _uses(source: Source, document: Node, problems: list[Problem], seen: set[int]) -> Iterator[ImageUse]:
    waiting = [(document, "")]
    while waiting and len(seen) < _NODES:
        node, owner = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
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
