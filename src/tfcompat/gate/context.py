"""The build context: which files of the tree a Dockerfile copies, and which of them a path in the container is."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tfcompat.gate.environment import Copied, Stage
    from tfcompat.gate.instructions import Dockerfile
    from tfcompat.gate.project import Project
    from tfcompat.gate.source import Source

__all__ = ["Found", "absolute", "choose_context", "find_in_container", "sources_in_tree"]

_FOR_BUILDS = frozenset(
    ("docker", "dockerfiles", "dockerfile", "build", "ci", "deploy", "deployment", "devcontainer", "containers", "container", "images")
)
_FILE_OPTION = re.compile(r"(?:\s-r\s*|--requirements?[=\s]\s*)([^\s;&|]+)")


class Found(NamedTuple):
    """What a path in the container is: a file of the tree, a heredoc of the Dockerfile (``body``), or neither.

    ``expected``: it was copied by this very name and is not in the tree, so that the build would fail.
    """

    name: str | None = None
    body: Source | None = None
    expected: str | None = None


def absolute(workdir: str, path: str) -> str:
    """A container path as the build sees it."""
    return posixpath.normpath(posixpath.join(workdir, path)).replace("//", "/")


def choose_context(project: Project, dockerfile: Dockerfile) -> str:
    """The folder that the Dockerfile is built in, where nothing says it: its own or, where what it copies lies higher, the nearest above.

    ``docker build -f docker/Dockerfile .`` is as common as ``docker build docker``.
    """
    folder = dockerfile.source.name.rpartition("/")[0]
    wanted = [word for word in _copied_words(dockerfile) if not any(c in word for c in "$*?[")]
    candidates = [folder]
    while candidates[-1]:
        candidates.append(candidates[-1].rpartition("/")[0])
    files = _installed_files(dockerfile)
    named = any(posixpath.normpath(word.lstrip("/") or ".") != "." for word in wanted)
    apart = not named and folder.rpartition("/")[2].strip(".").lower() in _FOR_BUILDS

    def likely(context: str) -> tuple[int, int, int]:
        there = sum(_exists(project, _join(context, word)) for word in wanted)
        installed = sum(any(_exists(project, _join(context, tail)) for tail in _tails(name)) for name in files)
        near = -candidates.index(context)
        return there, installed, near if not (apart and context == folder) else -len(candidates)

    return max(candidates, key=likely)


def _installed_files(dockerfile: Dockerfile) -> list[str]:
    """The paths that ``pip install -r`` is given, wherever they are in the container."""
    texts = (i.value + "".join(h.body for h in i.heredocs) for i in dockerfile.instructions if i.keyword == "RUN")
    return [name.strip("\"'") for text in texts for name in _FILE_OPTION.findall(text)]


def _tails(path: str) -> Iterator[str]:
    """``app/src/requirements.txt``, ``src/requirements.txt``, ``requirements.txt``: what of a path may be the tree's own."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return ("/".join(parts[index:]) for index in range(len(parts)))


def _copied_words(dockerfile: Dockerfile) -> Iterable[str]:
    for instruction in dockerfile.instructions:
        if instruction.keyword in ("COPY", "ADD") and not any(f.text.startswith("--from=") for f in instruction.flags):
            words = list(instruction.json) if instruction.json is not None else [word.text for word in instruction.words]
            yield from (word.strip("\"'") for word in words[:-1] if not word.startswith("<<") and "://" not in word)


def _join(context: str, path: str) -> str | None:
    """A path of the build context below the tree; None where it leads out of the context."""
    inside = posixpath.normpath(path.lstrip("/") or ".")
    if inside.startswith(".."):
        return None
    return posixpath.normpath(posixpath.join(context, inside)).removeprefix("./") if inside != "." else context


def _exists(project: Project, name: str | None) -> bool:
    return name is not None and (project.exists(name) or (name != "" and project.is_folder(name)))


def sources_in_tree(project: Project, context: str, word: str) -> tuple[str, ...]:
    """The files and folders that a source word of ``COPY`` means; the word's own path where there is none."""
    name = _join(context, word)
    if name is None:
        return ()
    if any(c in word for c in "*?["):
        return tuple(project.matching(name))
    return (name,)


def find_in_container(project: Project, stage: Stage, path: str, seen: int = 0) -> Found:
    """What stands at *path* in *stage*, by the last ``COPY`` that put something there."""
    expected = None
    for copied in reversed(stage.copies):
        if copied.stage is not None:
            origin = _origin(copied, path)
            if origin is not None and seen < 20:
                found = find_in_container(project, copied.stage, origin, seen + 1)
                if found.name or found.body:
                    return found
            continue
        if copied.body is not None:
            if path == copied.target:
                return Found(body=copied.body)
            continue
        for source in copied.sources:
            name = _below(project, copied, source, path)
            if name is None:
                continue
            if project.exists(name):
                return Found(name)
            expected = expected or (name if name == source else None)
    return Found(expected=expected)


def _below(project: Project, copied: Copied, source: str, path: str) -> str | None:
    """The file of the tree that *path* would be, where *source* was copied to the target; None where it is none of it."""
    target = copied.target.rstrip("/") or "/"
    if project.is_folder(source):  # a folder is copied by its contents
        inside = path.removeprefix(target).lstrip("/") if path.startswith(target.rstrip("/") + "/") else None
        return f"{source}/{inside}".lstrip("/") if inside else None
    into_folder = copied.target.endswith("/") or len(copied.sources) > 1
    name = source.rpartition("/")[2]
    if path == posixpath.join(target, name) and (into_folder or path != target):
        return source
    return source if path == target and not into_folder else None


def _origin(copied: Copied, path: str) -> str | None:
    """Where *path* was in the stage that it was copied from."""
    target = copied.target.rstrip("/")
    for source in copied.sources:
        if path == target:
            return source
        if path.startswith(target + "/"):
            inside = path[len(target) + 1 :]
            return source if inside == source.rpartition("/")[2] else posixpath.join(source, inside)
    return None
