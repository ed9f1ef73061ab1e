"""An environment that packages are installed into, and the stage of a build that holds it."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Mapping
from typing import NamedTuple

from packaging.version import Version

from tfcompat.gate.commands import Install, Libraries, Opaque, SystemPackages
from tfcompat.gate.declared import Pin
from tfcompat.gate.finding import Unchecked
from tfcompat.gate.source import Place, Source
from tfcompat.stack import Image

__all__ = ["Base", "Copied", "Environment", "Interpreted", "Stage", "Step"]


class Interpreted(NamedTuple):
    """The interpreter of an environment. ``version`` is None where it was looked for and could not be established.

    ``where`` names what brings it, for people: ``ubuntu:22.04``, ``python3.11 of apt``.
    """

    version: Version | None
    where: str
    place: Place | None = None
    own: bool = True  # the image's own one, as opposed to one that was installed into it


class Step(NamedTuple):
    """One install command with its files read: what is asked for at once. ``install`` is None for a file that is looked at alone.

    ``removed``: names that it takes out (``pip uninstall``). ``indexes``: hosts of package indexes whose files are not known.
    ``whole``: whether every file that it reads was read.
    """

    pins: tuple[Pin, ...]
    constraints: tuple[Pin, ...] = ()
    install: Install | None = None
    removed: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    whole: bool = True


class Environment:
    """``name``: the folder of a virtual environment, ``conda:NAME``, ``python3.11`` for another interpreter of the system, or empty.

    ``sees_image``: whether it has the packages of the image as well. ``python`` is None where nothing says it: that is not the same as unknown.
    """

    def __init__(self, name: str = "", python: Interpreted | None = None, sees_image: bool = True) -> None:
        self.name = name
        self.python = python
        self.sees_image = sees_image
        self.steps: list[Step] = []

    def copy(self) -> "Environment":
        twin = Environment(self.name, self.python, self.sees_image)
        twin.steps = list(self.steps)
        return twin


class Base(NamedTuple):
    """The image that a stage stands on. ``image`` is None for ``scratch``; ``text`` is as written, expanded; ``written``: no variable in it.

    ``behind``: where a comment stands behind it on its line, which is none to Docker.
    """

    text: str
    place: Place
    image: Image | None
    written: bool = True
    behind: Place | None = None


class Copied(NamedTuple):
    """A ``COPY``: container path to sources below the tree, or the stage that they come from. ``place`` is that of the source words.

    ``body``: the text of a heredoc, whose offsets are those of the Dockerfile. ``context``: the folder that the build can copy from, None
    where nothing says it. ``untold``: what it copies and cannot be judged where it is a model, and why.
    """

    target: str
    sources: tuple[str, ...]
    place: Place
    stage: "Stage | None" = None
    body: Source | None = None
    context: str | None = None
    untold: tuple[Unchecked, ...] = ()


class Stage:
    """One stage of a build, followed to its end. ``what`` names it for people: ``Dockerfile``, ``stage train of Dockerfile``."""

    def __init__(self, what: str, file: str, base: Base | None, platform: str, platform_place: Place | None = None) -> None:
        self.what = what
        self.file = file
        self.base = base
        self.platform = platform
        self.platform_place = platform_place
        self.names: tuple[str, ...] = ()  # what other stages call it: its name and its number
        self.environments: dict[str, Environment] = {"": Environment()}
        self.variables: dict[str, str | None] = {}
        self.variable_places: dict[str, Place] = {}
        self.workdir = "/"
        self.shell: tuple[str, ...] = ()  # the words of SHELL
        self.copies: list[Copied] = []
        self.system: list[SystemPackages] = []
        self.libraries: list[Libraries] = []
        self.marker_removed = False
        self.opaque: list[Opaque] = []
        self.rewritten: set[str] = set()  # container paths of files that a command changed
        self.end: Place | None = None  # of the last instruction
        self.origin: Stage | None = None  # the stage that this one stands on
        self.build: object = None  # what it was followed for, and which of its stages it is
        self.number = 0
        self.group = ""  # of a file of pins that is looked at alone: which of its groups

    def successor(self, what: str) -> "Stage":
        """A stage ``FROM`` this one: it begins with all that this one has."""
        twin = Stage(what, self.file, self.base, self.platform, self.platform_place)
        twin.environments = {name: environment.copy() for name, environment in self.environments.items()}
        twin.variables, twin.variable_places = dict(self.variables), dict(self.variable_places)
        twin.origin = self
        twin.build, twin.number = self.build, self.number
        twin.workdir, twin.marker_removed, twin.shell = self.workdir, self.marker_removed, self.shell
        twin.copies, twin.system = list(self.copies), list(self.system)
        twin.libraries, twin.opaque, twin.rewritten = list(self.libraries), list(self.opaque), set(self.rewritten)
        return twin

    @property
    def image(self) -> Image | None:
        return self.base.image if self.base else None

    @property
    def known_variables(self) -> Mapping[str, str]:
        return {name: value for name, value in self.variables.items() if value is not None}
