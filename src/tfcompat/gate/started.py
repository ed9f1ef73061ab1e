"""What is built and started: the final stages of every Dockerfile, and the images that other files start."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tfcompat.errors import RequestError
from tfcompat.gate.bases import ImageFinder
from tfcompat.gate.declared import ImageUse, Problem
from tfcompat.gate.environment import Base, Interpreted, Stage
from tfcompat.gate.follow import DEFAULT_PLATFORM, Build, follow
from tfcompat.gate.installs import Installer
from tfcompat.gate.project import USE_KINDS, Project
from tfcompat.gate.settings import Settings
from tfcompat.gate.source import Place, Source
from tfcompat.platforms import PLATFORMS

__all__ = ["Started", "stages_started"]


class Started(NamedTuple):
    """A final stage, and what starts it, where a file says so."""

    stage: Stage
    use: ImageUse | None = None

    @property
    def requests(self) -> str:
        """Who requests a GPU for it; empty where nobody does."""
        return self.use.what if self.use is not None and self.use.gpu else ""


def stages_started(project: Project, settings: Settings, images: ImageFinder) -> list[Started]:
    """Every final stage of what is looked at, once for each way in which it is built and started."""
    found: list[Started] = []
    built: dict[tuple[str, str | None, tuple[tuple[str, str], ...]], list[Stage]] = {}

    def stages_of(build: Build, platform: str | None) -> list[Stage]:
        key = (build.file, platform, tuple(sorted(build.args.items())))
        if key not in built:
            built[key] = follow(project, build, images, platform)
        return built[key]

    for name in project.of_kind(USE_KINDS):
        uses = project.uses(name)
        for use in uses.images if uses is not None else ():
            platform = _platform(use.platform) or settings.platform
            if use.build is not None and use.build.dockerfile is not None:
                _missing(project, use)
                build = Build(use.build.dockerfile, use.build.context, {**use.build.args, **settings.build_args}, use.build.target)
                found += [Started(_with(stage, use.environment), use) for stage in _target(stages_of(build, platform), build.target)]
            elif use.reference is not None:
                found += _of_image(project, images, use, platform)
    followed = {file for file, _, _ in built}
    for name in project.of_kind(("dockerfile",)):
        if name not in followed:
            stages = stages_of(Build(name, None, settings.build_args), settings.platform)
            found += [Started(stage) for stage in _leaves(stages)]
    return found


def _missing(project: Project, use: ImageUse) -> None:
    """A build that names a Dockerfile or a stage that is not there."""
    build = use.build
    if build is None or build.dockerfile is None:
        return
    if not project.exists(build.dockerfile):
        there = not build.context or project.is_folder(build.context)  # else it is a submodule, or made by something else
        project.note([Problem(use.place, f"{use.what} is built from {build.dockerfile}, which is not in the tree", grave=there)])
        return
    dockerfile = project.dockerfile(build.dockerfile)
    named = {i.words[2].text.lower() for i in dockerfile.instructions if i.keyword == "FROM" and len(i.words) >= 3} if dockerfile else set()
    if build.target and not build.target.isdigit() and build.target.lower() not in named and "$" not in " ".join(named):
        project.note(
            [
                Problem(
                    use.place, f"{use.what} is built to the stage {build.target}, and {build.dockerfile} has none of that name", grave=True
                )
            ]
        )


def _platform(text: str | None) -> str | None:
    parts = (text or "").split("/")
    named = "/".join(parts[:2]) if len(parts) > 1 else f"linux/{parts[0]}"
    return named if named in PLATFORMS else None


def _target(stages: Sequence[Stage], target: str | None) -> list[Stage]:
    """The stage that a build ends with: the target, else the last one."""
    if target is not None:
        return [stage for stage in stages if target.lower() in stage.names][-1:]
    return list(stages[-1:])


def _leaves(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that no other one stands on or copies from: each may be what somebody builds with ``--target``."""
    used: set[int] = set()
    for stage in stages:
        used |= {id(copied.stage) for copied in stage.copies if copied.stage is not None}
        used |= {id(stage.origin)} if stage.origin is not None else set()
    return [stage for stage in stages if id(stage) not in used]


def _with(stage: Stage, environment: Mapping[str, str]) -> Stage:
    """The stage as it is started: with the variables that the file gives it."""
    if not environment:
        return stage
    twin = stage.successor(stage.what)
    twin.variables |= environment
    twin.end = stage.end
    return twin


def _of_image(project: Project, images: ImageFinder, use: ImageUse, platform: str | None) -> Iterator[Started]:
    reference = use.reference or ""
    try:
        image = images.find(reference)
    except RequestError as error:
        project.note([Problem(use.place, error.message)])
        return
    base = Base(reference, use.place, image)
    stage = Stage(f"{use.what} of {use.place.file}", use.place.file, base, platform or DEFAULT_PLATFORM)
    stage.environments[""].python = Interpreted(image.python, reference, use.place)
    stage.variables |= use.environment
    stage.end = use.place
    _run(project, stage, use)
    yield Started(stage, use)


def _run(project: Project, stage: Stage, use: ImageUse) -> None:
    """What the scripts of a CI job install into its image; they run in the checkout."""
    from tfcompat.gate.environment import Copied
    from tfcompat.gate.readers.run import actions_of_script

    source = project.source(use.place.file)
    if source is None or not use.runs:
        return
    stage.workdir = "/checkout"
    stage.copies.append(Copied("/checkout/", ("",), use.place))
    for text, place in use.runs:
        Installer(project, stage).apply(actions_of_script(text, _offsets(text, place, source), stage.variables, source))


def _offsets(text: str, place: Place, source: Source) -> tuple[int, ...]:
    """Where each character of a script stands in its file, whose indentation and quotes are none of the script."""
    step, semicolon, _ = text.partition("; ")
    before = len(step) + 2 if semicolon and step.startswith("cd ") and step not in source.text[place.start : place.end] else 0
    found = [place.start] * before  # the folder that the reader put there
    at = place.start
    for character in text[before:]:
        there = source.text.find(character, at, place.end)
        found.append(there if there >= 0 else at)
        at = there + 1 if there >= 0 else at
    return tuple(found)
