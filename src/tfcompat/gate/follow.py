"""Follows a Dockerfile: its stages from FROM to the end, with what each instruction does to their environments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.errors import RequestError
from tfcompat.gate.context import absolute, choose_context, sources_in_tree
from tfcompat.gate.declared import Problem
from tfcompat.gate.environment import Base, Copied, Interpreted, Stage
from tfcompat.gate.finding import Unchecked
from tfcompat.gate.installs import Installer, carry_over
from tfcompat.gate.kinds import is_model
from tfcompat.gate.readers.run import actions_of
from tfcompat.gate.readers.variables import UNKNOWN, UNSET, expand
from tfcompat.gate.source import Source, as_shown, why_unshown
from tfcompat.platforms import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tfcompat.gate.bases import ImageFinder
    from tfcompat.gate.instructions import Dockerfile, Heredoc, Instruction, Word
    from tfcompat.gate.project import Project
    from tfcompat.gate.readers.variables import Missing
    from tfcompat.gate.source import Place

__all__ = ["DEFAULT_PLATFORM", "Build", "follow"]

DEFAULT_PLATFORM = "linux/amd64"
_NOT_NEWLINE = re.compile(r"[^\n]")


class Build(NamedTuple):
    """One build of a Dockerfile. ``context`` None: the nearest folder that has what it copies."""

    file: str
    context: str | None = None
    args: Mapping[str, str] = {}
    target: str | None = None
    bases: Mapping[int, str] = {}  # by the offset of its word in FROM: another image to try


def follow(project: Project, build: Build, images: ImageFinder, platform: str | None) -> list[Stage]:
    """The stages of *build* in their order; empty where the file cannot be read, which the project has noted."""
    dockerfile = project.dockerfile(build.file)
    if dockerfile is None:
        return []
    return _Follower(project, dockerfile, build, images, platform or DEFAULT_PLATFORM).run()


class _Follower:
    def __init__(self, project: Project, dockerfile: Dockerfile, build: Build, images: ImageFinder, platform: str) -> None:
        self.project = project
        self.dockerfile = dockerfile
        self.source = dockerfile.source
        self.build = build
        self.images = images
        self.platform = platform
        self.context = build.context if build.context is not None else choose_context(project, dockerfile)
        self.outer: dict[str, str | None] = dict(_platform_arguments(platform))  # ARG before the first FROM, and what a builder sets
        self.stages: list[Stage] = []

    def run(self) -> list[Stage]:
        count = sum(i.keyword == "FROM" for i in self.dockerfile.instructions)
        for instruction in self.dockerfile.instructions:
            if instruction.keyword == "FROM":
                self._begin(instruction, count)
            elif self.stages:
                self._step(self.stages[-1], instruction)
            elif instruction.keyword == "ARG":
                for name, default in self._pairs(instruction, self.outer):
                    self.outer[name] = self.build.args.get(name, default)
        return self.stages

    # -- FROM -------------------------------------------------------------------------------

    def _begin(self, instruction: Instruction, count: int) -> None:
        words = instruction.words
        if not words:
            return  # the reader has said so
        name = words[2].text.lower() if len(words) >= 3 and words[1].text.lower() == "as" else ""
        number = len(self.stages)
        what = self.source.name if count == 1 else f"stage {name or number} of {self.source.name}"
        text = self.build.bases.get(words[0].start) or self._expand(words[0].text, self.outer)
        before = next((s for s in reversed(self.stages) if text is not None and text.lower() in s.names[:-1]), None)
        if before is not None:
            stage = before.successor(what)
        else:
            base = None if text == "scratch" else self._base(words, text)
            stage = Stage(what, self.source.name, base, *self._platform(instruction))
            stage.environments[""].python = _own_python(stage)
        stage.names = tuple(filter(None, (name, str(number))))
        stage.build, stage.number = self.build, number
        self.stages.append(stage)

    def _base(self, words: Sequence[Word], text: str | None) -> Base | None:
        word = words[0]
        if not text:
            self._problem(word, f"FROM {word.text}: a variable in it has no value; pass it with --build-arg")
            return None
        try:
            after = words[3:] if len(words) > 3 and words[1].text.lower() == "as" else words[1:]
            behind = self.source.place(after[0].start, words[-1].end) if after and after[0].text.startswith("#") else None
            return Base(text, self._place(word), self.images.find(text), "$" not in word.text, behind)
        except RequestError as error:
            self._problem(word, error.message)
            return None

    def _platform(self, instruction: Instruction) -> tuple[str, Place | None]:
        flag = next((f for f in instruction.flags if f.text.startswith("--platform=")), None)
        if flag is None:
            return self.platform, None
        parts = (self._expand(flag.text.partition("=")[2].strip("\"'"), self.outer) or "").split("/")
        named = "/".join(parts[:2]) if len(parts) > 1 else f"linux/{parts[0]}"
        return (named, self._place(flag)) if named in PLATFORMS else (self.platform, None)

    # -- what stands in a stage --------------------------------------------------------------

    def _step(self, stage: Stage, instruction: Instruction) -> None:
        stage.end = self.source.place(instruction.start, instruction.end)
        keyword = instruction.keyword
        if keyword == "ARG":
            for name, default in self._pairs(instruction, stage.variables):
                if name in stage.variable_places:
                    continue  # ENV always wins
                stage.variables[name] = self.build.args.get(name, default if default is not None else self.outer.get(name))
        elif keyword == "ENV":
            found = dict(self._pairs(instruction, stage.variables))
            stage.variables |= found
            stage.variable_places |= dict.fromkeys(found, stage.end)
        elif keyword == "WORKDIR":
            text = self._expand(instruction.value.strip().strip("\"'"), stage.variables)
            stage.workdir = absolute(stage.workdir, text) if text else stage.workdir
        elif keyword in ("COPY", "ADD"):
            self._copy(stage, instruction)
        elif keyword == "SHELL":
            stage.shell = instruction.json or ()
        elif keyword == "RUN":
            self._run(stage, instruction)

    def _pairs(self, instruction: Instruction, known: Mapping[str, str | None]) -> list[tuple[str, str | None]]:
        """The variables that ARG or ENV set. A value of None is not known, or not given."""
        words = instruction.words
        if instruction.keyword == "ENV" and words and "=" not in words[0].text:  # ENV NAME the rest of the line
            name, _, rest = instruction.value.strip().partition(" ")
            return [(name, self._expand(rest.strip(), known))]
        found: list[tuple[str, str | None]] = []
        for word in words:
            name, equals, text = word.text.partition("=")
            found.append((name, self._expand(text, known) if equals else None))
        return found

    def _copy(self, stage: Stage, instruction: Instruction) -> None:
        words = instruction.words
        texts = list(instruction.json) if instruction.json is not None else [w.text for w in words]
        expanded = [self._expand(text, stage.variables) for text in texts]
        if len(expanded) < 2:
            return
        place = self.source.place(words[0].start, words[-2].end) if len(words) > 1 else self._whole(instruction)
        untold = _unresolved(texts, expanded, place)
        if untold:
            stage.copies.append(Copied("", (), place, untold=untold))
        if expanded[-1] is None:
            return
        target = absolute(stage.workdir, expanded[-1]) + ("/" if expanded[-1].endswith(("/", "/.")) or expanded[-1] == "." else "")
        flag = next((f.text.partition("=")[2] for f in instruction.flags if f.text.startswith("--from=")), None)
        if flag is not None:
            origin = next((s for s in reversed(self.stages[:-1]) if (self._expand(flag, self.outer) or "").lower() in s.names), None)
            if origin is not None:
                copied = Copied(target, tuple(absolute("/", text) for text in expanded[:-1] if text), place, origin)
                stage.copies.append(copied)
                carry_over(stage, copied)
            return
        bodies = {f"<<{h.name}": h for h in instruction.heredocs}
        sources: list[str] = []
        for text in expanded[:-1]:
            heredoc = bodies.get((text or "").replace("<<-", "<<").replace('"', "").replace("'", ""))
            if heredoc is not None and heredoc.expand and "$" in heredoc.body:
                continue  # what it becomes is not what is written
            if heredoc is not None:
                path = absolute(target, heredoc.name) if target.endswith("/") else target
                stage.copies.append(Copied(path, (), place, body=self._body(heredoc)))
            elif text and "://" not in text:
                sources += sources_in_tree(self.project, self.context, text)
        if sources:
            shown = tuple(name for name in sources if not why_unshown(name))
            stage.copies.append(Copied(target, shown, place, context=self.context, untold=_unshown(self.project, sources)))

    def _body(self, heredoc: Heredoc) -> Source:
        """A heredoc as a source of its own, blank up to where it begins: its offsets and lines are those of the Dockerfile."""
        return Source(self.source.name, _NOT_NEWLINE.sub(" ", self.source.text[: heredoc.start]) + heredoc.body)

    def _run(self, stage: Stage, instruction: Instruction) -> None:
        kept = len(stage.copies)
        stage.copies += self._mounts(stage, instruction)
        actions = actions_of(instruction, stage.variables, self.source, stage.shell)
        Installer(self.project, stage).apply(actions)
        del stage.copies[kept:]

    def _mounts(self, stage: Stage, instruction: Instruction) -> Iterable[Copied]:
        """Files of the context that are there for this one instruction: ``--mount=type=bind,source=requirements.txt,target=...``."""
        for flag in instruction.flags:
            if not flag.text.startswith("--mount="):
                continue
            options = dict(part.partition("=")[::2] for part in flag.text.partition("=")[2].strip("\"'").split(","))
            target = options.get("target") or options.get("dst") or options.get("destination")
            if options.get("type", "bind") != "bind" or "from" in options or not target:
                continue
            source = options.get("source") or options.get("src") or "."
            sources = tuple(name for name in sources_in_tree(self.project, self.context, source) if not why_unshown(name))
            yield Copied(absolute(stage.workdir, target), sources, self._place(flag))

    # -- places and problems ------------------------------------------------------------------

    def _expand(self, text: str, known: Mapping[str, str | None]) -> str | None:
        def lookup(name: str) -> str | Missing:
            if name not in known:
                return UNSET
            value = known[name]
            return UNKNOWN if value is None else value  # declared, and whoever builds says what it is

        return expand(text, lookup, self.dockerfile.escape)

    def _place(self, word: Word) -> Place:
        return self.source.place(word.start, word.end)

    def _whole(self, instruction: Instruction) -> Place:
        return self.source.place(instruction.start, instruction.end)

    def _problem(self, word: Word, reason: str) -> None:
        self.project.note([Problem(self._place(word), reason, grave=False)])


def _unresolved(texts: Sequence[str], expanded: Sequence[str | None], place: Place) -> tuple[Unchecked, ...]:
    """The words of a ``COPY`` of which it is not known what they name, where the word or its other side is a model by its name."""
    pairs = list(zip(texts, expanded, strict=True))
    unknown = [text for text, value in pairs[:-1] if not value] or [text for text, value in pairs[-1:] if not value]
    if not unknown or not any(is_model((value or text).strip("\"'")) for text, value in pairs):
        return ()
    reason = f"COPY {' '.join(unknown)}: a variable in it has no value, so that no model is judged here; pass it with --build-arg"
    return (Unchecked(place.file, reason, place.line, grave=False),)


def _unshown(project: Project, names: Iterable[str]) -> tuple[Unchecked, ...]:
    """The models among *names* that nothing can be said of, as their names cannot be shown."""
    strange = [name for name in names if why_unshown(name) and is_model(name) and project.exists(name)]
    return tuple(Unchecked(as_shown(name), why_unshown(name)) for name in strange)


def _own_python(stage: Stage) -> Interpreted | None:
    """What ``pip`` means in an image that nothing was installed into yet."""
    image = stage.image
    if stage.base is None or image is None:
        return None
    return Interpreted(image.python, stage.base.text, stage.base.place)


def _platform_arguments(platform: str) -> Mapping[str, str]:
    """The build arguments that BuildKit sets by itself."""
    system, _, machine = platform.partition("/")
    found: dict[str, str] = {}
    for name in ("TARGET", "BUILD"):
        found |= {f"{name}PLATFORM": platform, f"{name}OS": system, f"{name}ARCH": machine, f"{name}VARIANT": ""}
    return found
