"""``devcontainer.json``: the image that it starts, or how it is built, and whether it asks for a GPU."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.declared import BuildUse, ImageUse, Problem, Uses
from tfcompat.gate.readers.trees import Unreadable, parse_json
from tfcompat.gate.readers.values import (
    below,
    commands,
    folder_of,
    place_of,
    platform_option,
    scalar,
    text_of,
    unreadable,
    wants_gpu,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = ["read_devcontainer"]

_VARIABLE = re.compile(r"\$\{(?:(?:localEnv|env):[^:}$]*(?::(?P<default>[^}$]*))?|[^}$]*)\}")
_COMMANDS = ("onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand")


def read_devcontainer(source: Source) -> Uses:
    """The container of a ``devcontainer.json``; nothing for one that names a Compose file, which is read where it stands."""
    try:
        root = parse_json(source)
    except Unreadable as error:
        return Uses(source.name, (), (Problem(error.place, error.reason, grave=True),))
    if root.kind != "map":
        return unreadable(source, "it is not a devcontainer: it should be a map", root)
    if root.get("dockerComposeFile") is not None:
        return Uses(source.name, ())
    problems: list[Problem] = []
    image = root.get("image")
    file = root.at("build", "dockerfile") or root.get("dockerFile")
    if scalar(image) is None and scalar(file) is None:
        return Uses(source.name, ())
    where, gpu = _gpu(source, root)
    build = _build(source, root, file, problems) if file is not None and scalar(file) else None
    reference = None if scalar(file) else _known(source, image, "image", problems)
    options = [*words_of(root.get("runArgs")), *words_of(root.at("build", "options"))]
    use = ImageUse(
        "the development container",
        place_of(source, file if scalar(file) else image),
        reference,
        build,
        gpu,
        where or place_of(source, file if scalar(file) else image),
        platform_option(options),
        _variables(root),
        tuple(_runs(source, root)),
    )
    return Uses(source.name, (use,), tuple(problems))


def _expanded(text: str) -> str | None:
    """Defaults of variables; None where one has none, such as the workspace's folder."""
    if any(match["default"] is None for match in _VARIABLE.finditer(text)):
        return None
    return _VARIABLE.sub(lambda match: match["default"], text)


def _known(source: Source, node: Node | None, what: str, problems: list[Problem]) -> str | None:
    text = scalar(node)
    if text is None:
        return None
    expanded = _expanded(text)
    if expanded is None:
        problems.append(
            Problem(place_of(source, node), f"the {what} of the development container is named by a variable without a default: {text}")
        )
    return expanded or None


def _build(source: Source, root: Node, file: Node, problems: list[Problem]) -> BuildUse | None:
    folder = folder_of(source.name)
    said = root.at("build", "context") or root.get("context")
    paths = []
    for node, what, default in ((said, "context", "."), (file, "Dockerfile", "")):
        path = _known(source, node, what, problems) if scalar(node) else default
        resolved = below(folder, path) if path is not None else None
        if path is not None and resolved is None:
            problems.append(
                Problem(place_of(source, node), f"the {what} of the development container is {path}, which is outside of the tree")
            )
        paths.append(resolved)
    context, dockerfile = paths
    if context is None:
        return None
    args = root.at("build", "args")
    pairs = (
        [(key.text, _expanded(value.text)) for key, value in args.items() if value.kind == "scalar" and value.text is not None]
        if args
        else []
    )
    target = _known(source, root.at("build", "target"), "target", problems)
    return BuildUse(context, dockerfile, {name: text for name, text in pairs if name and text is not None}, target)


def _gpu(source: Source, root: Node) -> tuple[Place | None, bool]:
    arguments = root.get("runArgs")
    words = [each for each in arguments.elements() if scalar(each) is not None] if arguments is not None else []
    found = wants_gpu([text_of(each) for each in words])
    if found is not None:
        return place_of(source, words[found[0]]), True
    wish = root.at("hostRequirements", "gpu")
    if wish is not None and (wish.kind == "map" or wish.text in ("true", "optional")):
        return place_of(source, wish), True
    return None, False


def _variables(root: Node) -> dict[str, str]:
    variables: dict[str, str] = {}
    for key in ("containerEnv", "remoteEnv"):
        node = root.get(key)
        for name, value in node.items() if node is not None else []:
            text = _expanded(text_of(value)) if scalar(value) is not None else None
            if name.text and text is not None:
                variables[name.text] = text
    return variables


def _workspace(name: str) -> str:
    """The folder that the commands work in, below the tree: the one that holds ``.devcontainer``."""
    found = re.fullmatch(r"(?:(.*)/)?\.devcontainer(?:\.json|/.*)", name, re.S)
    return (found[1] or "") if found else folder_of(name)


def _runs(source: Source, root: Node) -> Iterator[tuple[str, Place]]:
    from shlex import quote

    folder = _workspace(source.name)
    features = root.get("features")
    for key, _ in features.items() if features is not None else []:
        if re.search(r"(^|/)nvidia-cuda(:|@|$)", text_of(key)):
            yield "feature nvidia-cuda", place_of(source, key)
    for name in _COMMANDS:
        node = root.get(name)
        for each in [] if node is None else [value for _, value in node.items()] if node.kind == "map" else [node]:
            for text, place in commands(source, each):
                yield f"cd {quote(folder)}; {text}" if folder else text, place
