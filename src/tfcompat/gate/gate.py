"""The second door: files judged together."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.errors import RequestError
from tfcompat.gate.alone import stages_alone
from tfcompat.gate.bases import ImageFinder
from tfcompat.gate.checks import find_unrequested
from tfcompat.gate.finding import Report, in_order
from tfcompat.gate.findings import findings_of
from tfcompat.gate.follow import DEFAULT_PLATFORM
from tfcompat.gate.project import Project
from tfcompat.gate.selection import selected
from tfcompat.gate.started import Started, stages_started
from tfcompat.gate.subject import Target, subject_of
from tfcompat.matrix.gpus import find_gpu
from tfcompat.platforms import PLATFORMS
from tfcompat.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tfcompat.gate.finding import Finding, Fix
    from tfcompat.gate.settings import Settings
    from tfcompat.gate.source import Place, Tree
    from tfcompat.gate.subject import Subject
    from tfcompat.matrix import Matrix
    from tfcompat.stack import Image

__all__ = ["BaseImage", "parse_target", "references", "run_gate"]


class BaseImage(NamedTuple):
    """An image that a build stands on or that is started, and where it is named."""

    reference: str
    platform: str
    place: Place


class Examined:
    """A tree that was followed to its ends: what is built and started, and what each environment of that is."""

    def __init__(self, tree: Tree, names: Sequence[str], settings: Settings, matrix: Matrix, learned: Mapping[str, Image]) -> None:
        self.project = Project(tree, sorted(names))
        self.target = target = parse_target(settings, matrix)
        self.images = ImageFinder(matrix, settings, learned)
        started = stages_started(self.project, settings, self.images)
        alone = stages_alone(self.project, settings.platform or DEFAULT_PLATFORM, matrix)
        self.pairs: list[tuple[Started, Subject]] = [
            (one, subject_of(matrix, one.stage, environment, target, one.requests))
            for one in (*started, *map(Started, alone))
            for environment in one.stage.environments.values()
        ]

    @property
    def relevant(self) -> list[tuple[Started, Subject]]:
        """Those in which TensorFlow or Keras is in play."""
        return [(started, subject) for started, subject in self.pairs if subject.relevant]


def run_gate(
    tree: Tree, names: Sequence[str], settings: Settings, matrix: Matrix, learned: Mapping[str, Image] = MappingProxyType({})
) -> Report:
    """Judge the files *names* of *tree*, and those that they lead to. *learned*: images by reference, as a registry has them.

    Raises :class:`tfcompat.errors.RequestError` for settings that cannot be understood.
    """
    examined = Examined(tree, names, settings, matrix, learned)
    project = examined.project
    unread = {unchecked.file for unchecked in project.unchecked if unchecked.grave}
    checked = tuple(sorted((project.read_names | {n for n in project.kinds if n not in unread}) - unread))
    ordered = sorted(_once(_findings(examined, matrix)), key=in_order)
    said = {(f.place.file, f.place.line) for f in ordered if f.rule == "comment-behind-from"}
    unchecked = tuple(u for u in project.unchecked if u.grave or (u.file, u.line) not in said)
    return selected(Report(tuple(ordered), checked, unchecked, matrix.measured), settings)


def references(tree: Tree, names: Sequence[str], settings: Settings, matrix: Matrix) -> list[BaseImage]:
    """The images that TensorFlow is in or installed into, which a registry can be asked for; each once for each platform."""
    examined = Examined(tree, names, settings, matrix, {})
    found: dict[tuple[str, str], BaseImage] = {}
    for _, subject in examined.relevant:
        base = subject.stage.base
        if base is not None and base.image is not None and not base.image.means.startswith("judged as"):
            found.setdefault((base.text, subject.stage.platform), BaseImage(base.text, subject.stage.platform, base.place))
    return list(found.values())


def _findings(examined: Examined, matrix: Matrix) -> Iterator[Finding]:
    project, relevant = examined.project, examined.relevant
    found = [(subject, list(findings_of(subject, project, matrix))) for _, subject in relevant]
    if any(one.severity != "info" for _, own in found for one in own):  # a note has no fix
        from tfcompat.gate.fixing import World, with_fixes

        world = World(project, examined.images, matrix, examined.target, [subject for subject, _ in found])
        bases: dict[Place, Fix | None] = {}
        found = [(subject, with_fixes(own, subject, world, bases)) for subject, own in found]
    for _, own in found:
        yield from own
    yield from find_unrequested(relevant, project.all_uses)


def _once(found: Iterable[Finding]) -> Iterator[Finding]:
    """Of the same finding in several stages the first."""
    seen: set[tuple[object, ...]] = set()
    for finding in found:
        key = (finding.rule, finding.place, finding.message)
        if key not in seen:
            seen.add(key)
            yield finding


def parse_target(settings: Settings, matrix: Matrix) -> Target:
    """What everything has to run on. Raises :class:`RequestError`."""
    if settings.platform is not None and settings.platform not in PLATFORMS:
        raise RequestError(f"--platform: {settings.platform!r} is not known", f"one of {', '.join(PLATFORMS)}")
    gpus = tuple(find_gpu(matrix, name, "--target-gpu") for name in settings.gpu)
    driver = parse_version(settings.driver, "--driver") if settings.driver is not None else None
    return Target(gpus, driver)
