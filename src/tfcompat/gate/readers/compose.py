"""Compose files: which image each service starts, or how it is built, and whether it asks for a GPU."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.declared import BuildUse, ImageUse, Problem, Uses
from tfcompat.gate.readers.values import (
    below,
    commands,
    documents,
    environment,
    expand,
    folder_of,
    place_of,
    scalar,
    started,
    text_of,
    unreadable,
    words_of,
)

if TYPE_CHECKING:
    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_compose"]

_EXTENDED = 20  # services that extend one another
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|git@|github\.com/")
_DEVICES = ("nvidia.com/", "/dev/nvidia")


def read_compose(source: Source) -> Uses:
    """The services of a Compose file. Variables have their defaults; ``.env`` files and the environment are not read."""
    found = documents(source)
    if isinstance(found, Problem):
        return Uses(source.name, (), (found,))
    root = found[0] if found else None
    if root is None or (root.text is None and root.kind == "scalar"):
        return Uses(source.name, (), (Problem(source.place(0), "it is empty"),))
    services = root.get("services")
    if root.kind != "map" or (services is not None and services.kind == "list"):
        return unreadable(source, "it is not a Compose file: services should be a map", root)
    problems: list[Problem] = []
    pairs = [(key, value) for key, value in services.items() if value.kind == "map"] if services is not None else []
    return started(source, (_Service(source, services or root, key, value, problems).use() for key, value in pairs), problems)


def _unset(name: str) -> str | None:
    return None


class _Service:
    def __init__(self, source: Source, services: Node, key: Node, node: Node, problems: list[Problem]) -> None:
        self.source = source
        self.key = key
        self.node = node
        self.problems = problems
        self.what = f"service {text_of(key)}"
        self.elsewhere = False  # it extends a service of another file
        self.chain = self._extended(services)

    def _extended(self, services: Node) -> list[Node]:
        """The service, and those that it extends, nearest first."""
        chain, node = [self.node], self.node
        while (extends := node.get("extends")) is not None:
            file, name = scalar(extends.get("file")), scalar(extends.get("service")) or scalar(extends)
            base = services.get(name) if name and file is None else None
            if base is None or base.kind != "map":
                self.elsewhere = True
                self.problem(extends, f"{self.what} extends a service of {file or 'another file'}, which is not followed")
                break
            if base in chain or len(chain) > _EXTENDED:
                self.problem(extends, f"{self.what} extends itself")
                break
            chain.append(base)
            node = base
        return chain

    def problem(self, node: Node, reason: str) -> None:
        self.problems.append(Problem(place_of(self.source, node), reason))

    def field(self, *keys: str) -> Node | None:
        return next((found for each in self.chain if (found := each.at(*keys)) is not None), None)

    def known(self, node: Node | None, what: str) -> str | None:
        """The text with its variables replaced; a problem where one has no value."""
        text = scalar(node)
        if node is None or text is None:
            return None
        expanded = expand(text, _unset)
        if expanded is None:
            self.problem(node, f"the {what} of {self.what} is named by a variable without a default: {text}")
        return expanded or None

    def use(self) -> ImageUse:
        image, build = self.field("image"), self.field("build")
        if build is not None and build.kind == "scalar" and build.text is None:
            build = None
        named = image if build is None else None  # beside a build, it names the result
        where, gpu = self.gpu()
        variables: dict[str, str] = {}
        for each in reversed(self.chain):
            variables |= environment(each.get("environment"), _unset)
        return ImageUse(
            self.what,
            place_of(self.source, named if scalar(named) else build if build is not None and build.kind == "scalar" else self.key),
            self.known(named, "image"),
            self.build(build) if build is not None else None,
            gpu,
            where,
            self.known(self.field("platform"), "platform"),
            variables,
            (*commands(self.source, self.field("entrypoint")), *commands(self.source, self.field("command"))),
        )

    def build(self, node: Node) -> BuildUse | None:
        said = node if node.kind == "scalar" else self.field("build", "context")
        path = self.known(said, "context") if scalar(said) else "."
        if path is None:
            return None
        context = None if _REMOTE.match(path) else below(folder_of(self.source.name), path)
        if context is None:
            self.problem(said or node, f"{self.what} is built from {path}, which is outside of the tree")
            return None
        args: dict[str, str] = {}
        for each in reversed(self.chain):  # what is extended, and over it what extends
            args |= environment(each.at("build", "args"), _unset)
        target = self.known(self.field("build", "target"), "target")
        if (inline := self.field("build", "dockerfile_inline")) is not None:
            self.problem(inline, f"the Dockerfile of {self.what} is written inline and is not read")
            return BuildUse(context, None, args, target)
        file = self.field("build", "dockerfile")
        name = self.known(file, "Dockerfile") if scalar(file) else "Dockerfile"
        dockerfile = below(context, name) if name else None
        if name and dockerfile is None:
            self.problem(file or node, f"the Dockerfile of {self.what} is {name}, which is outside of the tree")
        return BuildUse(context, dockerfile, args, target)

    def gpu(self) -> tuple[Place, bool | None]:
        """Where a GPU is asked for and whether one is, None where that depends on what is not read."""
        unknown = self.elsewhere
        for each in self.chain:
            for node in (_gpus(each), _runtime(each), _devices(each), _plain_devices(each), _generic(each)):
                if node is not None:
                    return place_of(self.source, node), True
            runtime = scalar(each.get("runtime"))
            unknown = unknown or (runtime is not None and expand(runtime, _unset) is None)
        return place_of(self.source, self.key), None if unknown else False


def _gpus(service: Node) -> Node | None:
    gpus = service.get("gpus")
    if gpus is None or (gpus.kind == "list" and not gpus.elements()) or gpus.text in ("0", "none"):
        return None
    return gpus if gpus.kind == "list" or gpus.text is not None else None


def _runtime(service: Node) -> Node | None:
    runtime = service.get("runtime")
    return runtime if runtime is not None and expand(text_of(runtime), _unset) == "nvidia" else None


def _devices(service: Node) -> Node | None:
    requests = (service.at("deploy", "resources", "reservations", "devices"), service.get("device_requests"))
    for device in [each for node in requests if node is not None for each in node.elements()]:
        if _is_gpu(device):
            return device
    return None


def _is_gpu(device: Node) -> bool:
    if any(each.startswith("nvidia.com/") for each in words_of(device.get("device_ids"))):
        return True
    capabilities = device.get("capabilities")
    inner = [word for each in capabilities.elements() for word in words_of(each)] if capabilities is not None else []
    return "gpu" in inner and text_of(device.get("driver"), "nvidia") == "nvidia" and text_of(device.get("count")) != "0"


def _plain_devices(service: Node) -> Node | None:
    devices = service.get("devices")
    found = devices.elements() if devices is not None else []
    return next((each for each in found if (text_of(each) or text_of(each.get("source"))).startswith(_DEVICES)), None)


def _generic(service: Node) -> Node | None:
    resources = service.at("deploy", "resources", "reservations", "generic_resources")
    for each in resources.elements() if resources is not None else []:
        if "gpu" in text_of(each.at("discrete_resource_spec", "kind")).lower():
            return each
    return None
