"""What the readers of files that start containers have in common: paths, variables, commands, environments."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from tfcompat.gate.declared import Problem, Uses
from tfcompat.gate.readers.trees import Unreadable, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tfcompat.gate.declared import ImageUse
    from tfcompat.gate.readers.trees import Node
    from tfcompat.gate.source import Place, Source

__all__ = [
    "below",
    "commands",
    "documents",
    "environment",
    "expand",
    "folder_of",
    "place_of",
    "platform_option",
    "scalar",
    "started",
    "text_of",
    "unreadable",
    "wants_gpu",
    "words_of",
]

_DEPTH = 8  # a default in a default
_VARIABLES = 1000  # of one container
_IMAGES = 500  # of one file
_SHELL = re.compile(r"(?:.*/)?(?:ba|da|z|k|a)?sh")
_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_]\w*)|(?P<brace>\{))", re.A)
_BRACED = re.compile(r"([A-Za-z_]\w*)(?:(:?[-+?])(.*))?", re.A | re.S)
_OPTION = re.compile(r"--(gpus|runtime|device|platform)(?:=(.*))?", re.S)
_NVIDIA = ("nvidia.com/", "/dev/nvidia")


def documents(source: Source) -> tuple[Node, ...] | Problem:
    """The documents of a YAML file, or why there are none."""
    try:
        return parse_yaml(source)
    except Unreadable as error:
        return Problem(error.place, error.reason, grave=True)


def started(source: Source, images: Iterable[ImageUse], problems: list[Problem]) -> Uses:
    """What the whole file starts; too many containers are a grave problem."""
    found = tuple(islice(images, _IMAGES + 1))
    if len(found) > _IMAGES:
        problems.append(Problem(source.place(0), f"it starts more than {_IMAGES} containers", grave=True))
    return Uses(source.name, found[:_IMAGES], tuple(problems))


def unreadable(source: Source, reason: str, node: Node | None = None) -> Uses:
    """Nothing could be read of the whole file."""
    return Uses(source.name, (), (Problem(place_of(source, node), reason, grave=True),))


def place_of(source: Source, node: Node | None) -> Place:
    """Where a value stands, without its quotes; the begin of the file for None."""
    return source.place(0) if node is None else source.place(*node.span(source.text))


def scalar(node: Node | None) -> str | None:
    """The text of a scalar, None for anything else and for null."""
    return node.text if node is not None and node.kind == "scalar" else None


def text_of(node: Node | None, default: str = "") -> str:
    """The text of a scalar, *default* for anything else and for null."""
    text = scalar(node)
    return default if text is None else text


def folder_of(name: str) -> str:
    """The folder of a file, empty at the top of the tree."""
    return name.rpartition("/")[0]


def below(folder: str, path: str) -> str | None:
    """*path*, relative to *folder*, as a path below the top of the tree, which is empty itself. None outside of the tree."""
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", path) or "\x00" in path:
        return None
    parts: list[str] = []
    for part in f"{folder}/{path}".split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def expand(text: str, value: Callable[[str], str | None], depth: int = _DEPTH) -> str | None:
    """*text* with ``$X``, ``${X:-default}`` and the like replaced as Compose does. None where a value is needed that *value* does not know."""
    if depth <= 0:
        return None
    pieces, at = [], 0
    while match := _VARIABLE.search(text, at):
        pieces.append(text[at : match.start()])
        at = match.end()
        if match["escaped"]:
            pieces.append("$")
            continue
        inner = match["bare"]
        if inner is None:
            closing = _closing(text, at)
            if closing is None:
                return None
            inner, at = text[at:closing], closing + 1
        found = _braced(inner, value, depth)
        if found is None:
            return None
        pieces.append(found)
    return "".join((*pieces, text[at:]))


def _closing(text: str, at: int) -> int | None:
    """The offset of the brace that closes the one before *at*."""
    depth = 1
    for index in range(at, len(text)):
        if text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
        elif text[index] == "{" and text[index - 1] == "$":
            depth += 1
    return None


def _braced(inner: str, value: Callable[[str], str | None], depth: int) -> str | None:
    match = _BRACED.fullmatch(inner)
    if match is None:
        return None
    name, operator, word = match.groups()
    known = value(name)
    if operator in ("+", ":+"):
        return "" if known is None else expand(word, value, depth - 1)
    if known is not None and (known or operator != ":-"):
        return known
    return expand(word, value, depth - 1) if operator in ("-", ":-") else None


def words_of(node: Node | None) -> list[str]:
    """The scalars of a list, or a single scalar."""
    if node is None:
        return []
    return [each.text for each in (node.elements() if node.kind == "list" else [node]) if each.kind == "scalar" and each.text is not None]


def environment(node: Node | None, value: Callable[[str], str | None] | None) -> dict[str, str]:
    """Variables of a map, or of a list of ``NAME=value``; those without a known value are left out. *value* as for :func:`expand`, or None."""
    if node is None:
        return {}
    pairs = [(key.text, each.text) for key, each in node.items() if each.kind == "scalar"]
    if node.kind == "list":
        pairs = [(name, after) for name, equals, after in (word.partition("=") for word in words_of(node)) if equals]
    known = ((name, expand(text, value) if value else text) for name, text in islice(pairs, _VARIABLES) if name and text is not None)
    return {name: text for name, text in known if text is not None}


def commands(source: Source, *nodes: Node | None) -> Iterator[tuple[str, Place]]:
    """Shell text of a command: a scalar is one already; of a list that starts a shell its script, else its words."""
    words = [each for node in nodes if node is not None and node.kind == "list" for each in node.elements() if scalar(each)]
    for node in nodes:
        if scalar(node):
            yield text_of(node), place_of(source, node)
    if len(words) > 2 and _SHELL.fullmatch(text_of(words[0])) and re.fullmatch(r"-[a-z]*c", text_of(words[1])):
        yield text_of(words[2]), place_of(source, words[2])
    elif words:
        import shlex

        yield shlex.join([text_of(each) for each in words]), place_of(source, words[0])


def wants_gpu(words: list[str]) -> tuple[int, str] | None:
    """Which of the options of ``docker run`` asks for an NVIDIA GPU, and as what it is written."""
    for index, word in enumerate(words):
        match = _OPTION.fullmatch(word)
        if match is None or match[1] == "platform":
            continue
        said = match[2] if match[2] is not None else words[index + 1] if index + 1 < len(words) else ""
        if (match[1] == "gpus" and said not in ("", "0", "none")) or (match[1] == "runtime" and said == "nvidia"):
            return index, word
        if match[1] == "device" and said.startswith(_NVIDIA):
            return index, word
    return None


def platform_option(words: list[str]) -> str | None:
    """What ``--platform`` says among the options of ``docker run`` or ``docker build``."""
    for index, word in enumerate(words):
        match = _OPTION.fullmatch(word)
        if match is not None and match[1] == "platform":
            return match[2] if match[2] is not None else next(iter(words[index + 1 :]), None)
    return None
