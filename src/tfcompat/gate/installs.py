"""What install commands bring into the environments of a stage: their files are found, read and joined with inline pins."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from tfcompat.gate import commands as c
from tfcompat.gate.context import absolute, find_in_container
from tfcompat.gate.declared import Problem
from tfcompat.gate.environment import Environment, Interpreted, Stage, Step
from tfcompat.gate.indexes import VARIABLES, index_options, others
from tfcompat.resolver.request import KNOWN_PYTHONS
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.version import Version

    from tfcompat.gate.declared import Pin, PinFile
    from tfcompat.gate.environment import Copied
    from tfcompat.gate.project import Project
    from tfcompat.gate.source import Place

__all__ = ["Installer", "Pins", "admitted_pythons", "asked_by_project", "carry_over", "conda_python", "pins_of"]

_LOCKS = {"uv sync": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}
_CONSTRAINT_VARIABLES = {"pip": ("PIP_CONSTRAINT",), "uv": ("UV_CONSTRAINT",), "uv sync": ("UV_CONSTRAINT",)}
_INCLUDES = 50  # files in all
_CONDA = re.compile(r"conda|mamba|miniforge|mambaforge")
_APT_PYTHON = re.compile(r"python(?P<version>3\.\d+)(-\w+)*")
_SITE = re.compile(r"site-packages|dist-packages|/\.local|^/usr/local(/|$)|^/usr(/|$)")


class Pins(NamedTuple):
    """What a file asks for, with all that it includes."""

    pins: tuple[Pin, ...]
    constraints: tuple[Pin, ...] = ()
    python: tuple[str, Place] | None = None
    indexes: tuple[str, ...] = ()
    whole: bool = True


def pins_of(project: Project, name: str, groups: Sequence[str] = (), kind: str | None = None) -> Pins | None:
    """The pins of the file *name*, of those *groups* and of none; None where it cannot be read, which the project has noted."""
    found = project.pin_file(name, kind)
    if found is None:
        return None
    pins: list[Pin] = []
    constraints: list[Pin] = []
    indexes: list[str] = []
    whole = _collect(project, found, groups, False, pins, constraints, indexes, {name})
    return Pins(tuple(pins), tuple(constraints), found.python, tuple(indexes), whole)


def _collect(
    project: Project,
    file: PinFile,
    groups: Sequence[str],
    constraint: bool,
    pins: list[Pin],
    constraints: list[Pin],
    indexes: list[str],
    seen: set[str],
) -> bool:
    """Whether all of it could be read."""
    whole = file.whole
    indexes += file.indexes
    for pin in file.pins:
        if pin.kind == "locked" or not pin.group or pin.group in groups:
            (constraints if constraint or pin.kind == "constraint" else pins).append(pin)
    for include in file.includes:
        name = posixpath.normpath(posixpath.join(posixpath.dirname(file.name), include.path))
        if name in seen:
            continue
        if len(seen) > _INCLUDES:
            project.note([Problem(include.place, f"{include.path} is not read: more than {_INCLUDES} files are included", grave=True)])
            return False
        seen.add(name)
        if name.startswith("..") or not project.exists(name):
            reason = f"{include.path} leads out of the tree" if name.startswith("..") else f"{include.path} is not in the tree"
            project.note([Problem(include.place, reason, grave=True)])
            whole = False
            continue
        included = project.pin_file(name, "requirements")
        if included is None:
            whole = False
            continue
        project.consumed.add(name)
        whole = _collect(project, included, groups, constraint or include.constraint, pins, constraints, indexes, seen) and whole
    return whole


def asked_by_project(project: Project, name: str) -> tuple[Pin, ...]:
    """What the project file *name* asks for beside its lock file, which it is judged together with."""
    project.consumed.add(name)
    pins = pins_of(project, name)
    return tuple(p for p in pins.pins if not p.url) if pins is not None else ()


def carry_over(stage: Stage, copied: Copied) -> None:
    """``COPY --from=STAGE``: a virtual environment or installed packages come along."""
    origin = copied.stage
    if origin is None:
        return
    for source in (path.rstrip("/") or "/" for path in copied.sources):
        for name, environment in origin.environments.items():
            if name.startswith("/") and (name == source or name.startswith(source.rstrip("/") + "/") or source.startswith(name + "/")):
                target = copied.target.rstrip("/") + name[len(source) :] if name.startswith(source) else name
                moved = environment.copy()
                moved.name = target
                stage.environments[target] = moved
        if _SITE.search(source) and not any(source.startswith(n) for n in origin.environments if n.startswith("/")):
            stage.environments[""].steps += origin.environments[""].steps


class Installer:
    """Applies the actions of one RUN to *stage*, in their order."""

    def __init__(self, project: Project, stage: Stage) -> None:
        self.project = project
        self.stage = stage
        self.local: dict[str, str | None] = {}  # exported for the rest of this RUN

    def apply(self, actions: Iterable[c.Action]) -> None:
        for action in actions:
            if isinstance(action, c.Install):
                self._install(action)
            elif isinstance(action, c.Removed):
                self._removal(action)
            elif isinstance(action, c.SystemPackages):
                self._system(action)
            elif isinstance(action, c.Interpreter):
                self._interpreter(action)
            elif isinstance(action, c.Variable):
                self.local[action.name] = action.value
            elif isinstance(action, c.Libraries):
                self.stage.libraries.append(action)
            elif isinstance(action, c.Rewritten):
                self.stage.rewritten.add(absolute(self.stage.workdir, action.path))
            elif isinstance(action, c.Marked):
                self.stage.marker_removed = True
            else:
                self.stage.opaque.append(action)

    # -- environments --------------------------------------------------------------------------

    def _variable(self, name: str) -> str | None:
        return self.local[name] if name in self.local else self.stage.variables.get(name)

    def _default(self, uv: bool = False) -> Environment:
        """The environment that a bare ``pip`` works in: an activated one, else the first of PATH that is one."""
        environments = self.stage.environments
        active = self.local.get("VIRTUAL_ENV") or (self.stage.variables.get("VIRTUAL_ENV") if uv else None)  # to pip, PATH alone counts
        if active and active.rstrip("/") in environments:
            return environments[active.rstrip("/")]
        conda = self._variable("CONDA_DEFAULT_ENV")
        if conda and f"conda:{conda}" in environments:
            return environments[f"conda:{conda}"]
        for folder in (self._variable("PATH") or "").split(":"):
            name = folder.rstrip("/").removesuffix("/bin")
            if name in environments and name:
                return environments[name]
            inner = f"conda:{name.rpartition('/envs/')[2]}" if "/envs/" in name else "conda:base"
            if inner in environments and _CONDA.search(name) and not name.endswith("condabin"):
                return environments[inner]
        if "conda:base" in environments and self.stage.base is not None and _CONDA.search(self.stage.base.text):
            return environments["conda:base"]  # such images have it on their PATH
        return environments[""]

    def _environment(self, install: c.Install) -> Environment:
        if install.tool == "conda":
            return self._conda(install.environment or self._variable("CONDA_DEFAULT_ENV") or "base")
        if install.tool == "uv sync" or (install.tool == "pdm" and not install.environment):
            folder = install.environment or self._variable("UV_PROJECT_ENVIRONMENT") or ".venv"
            return self._folder(absolute(self.stage.workdir, folder))
        if install.environment:
            name = install.environment
            if "/" not in name and not name.startswith("."):
                return self._conda(name)
            return self._folder(absolute(self.stage.workdir, name))
        default = self.stage.environments[""] if install.system else self._default(install.tool == "uv")
        if install.python and not (default.python and default.python.version and str(minor(default.python.version)) == install.python):
            return self._interpreter_of_system(install.python, install.place)
        return default

    def _folder(self, folder: str) -> Environment:
        """A virtual environment; of one that nothing here made, the interpreter is taken to be the default one."""
        folder = folder.rstrip("/")
        if folder not in self.stage.environments:
            python = self.stage.environments[""].python
            self.stage.environments[folder] = Environment(folder, python, sees_image=False)
        return self.stage.environments[folder]

    def _conda(self, name: str) -> Environment:
        key = f"conda:{name}"
        if key not in self.stage.environments:
            self.stage.environments[key] = Environment(key, Interpreted(None, "conda", None, own=False), sees_image=False)
        return self.stage.environments[key]

    def _interpreter_of_system(self, python: str, place: Place) -> Environment:
        name = f"python{python}"
        if name not in self.stage.environments:
            self.stage.environments[name] = Environment(name, Interpreted(version(python), name, place, own=False), sees_image=False)
        return self.stage.environments[name]

    def _interpreter(self, action: c.Interpreter) -> None:
        python = Interpreted(version(action.python), f"python{action.python}", action.place, own=False) if action.python else None
        if action.how == "conda":
            self._conda(action.environment or "base").python = python or Interpreted(None, "conda", action.place, own=False)
        elif action.environment:
            folder = absolute(self.stage.workdir, action.environment)
            sees_image = action.system_site_packages
            inherited = python or self._default().python
            own = inherited._replace(own=False) if inherited else None  # a virtual environment is nobody's but ours
            self.stage.environments[folder] = Environment(folder, own, sees_image)
            if action.system_site_packages:
                self.stage.environments[folder].steps += self.stage.environments[""].steps
        elif action.default and not action.conditional:
            self.stage.environments[""].python = python or Interpreted(None, "a link that is made here", action.place, own=False)

    def _system(self, action: c.SystemPackages) -> None:
        self.stage.system.append(action)
        default = self.stage.environments[""]
        if default.python is not None and default.python.version is None and action.manager == "apt":
            named = [_APT_PYTHON.fullmatch(name) for name, _, _ in action.packages]
            versions = {match["version"] for match in named if match}
            if len(versions) == 1 and not any(name in ("python3", "python") for name, _, _ in action.packages):
                default.python = Interpreted(version(versions.pop()), "apt", action.place, own=False)

    # -- installs ------------------------------------------------------------------------------

    def _install(self, install: c.Install) -> None:
        environment = self._environment(install)
        pins = list(install.pins)
        constraints: list[Pin] = []
        indexes: list[str] = []
        whole = install.whole
        for argument in (*install.files, *self._ambient_constraints(install)):
            found = self._file(install, argument)
            if found is None:
                whole = False
                continue
            constraints += found.constraints
            indexes += found.indexes
            whole = whole and found.whole
            (constraints if argument.role == "constraints" else pins).extend(found.pins)
            if found.python is not None and install.tool == "uv sync":
                environment.python = _uv_python(environment.python, *found.python)
        environment.python = conda_python(pins) or environment.python
        told = [*index_options(install.options), *indexes, *(text for name in VARIABLES if (text := self._variable(name)))]
        environment.steps.append(Step(tuple(pins), tuple(constraints), install, indexes=others(told), whole=whole))

    def _removal(self, removed: c.Removed) -> None:
        name = removed.environment
        found = self.stage.environments.get(absolute(self.stage.workdir, name) if "/" in name else f"conda:{name}") if name else None
        if not removed.conditional:
            (found or self._default()).steps.append(Step((), removed=removed.names))

    def _ambient_constraints(self, install: c.Install) -> list[c.FileArgument]:
        paths = [text for name in _CONSTRAINT_VARIABLES.get(install.tool, ()) if (text := self._variable(name))]
        return [c.FileArgument(path, "constraints", install.place) for text in paths for path in text.split()]

    def _file(self, install: c.Install, argument: c.FileArgument) -> Pins | None:
        if argument.path is None:
            self.stage.opaque.append(c.Opaque("a file whose name is in a variable without a known value", argument.place))
            return None
        path = absolute(self.stage.workdir, argument.path)
        if path in self.stage.rewritten:
            reason = f"{argument.path} is changed by a command before it is installed"
            self.project.note([Problem(argument.place, reason, grave=False)])
            changed = find_in_container(self.project, self.stage, path).name
            self.project.consumed |= {changed} if changed is not None else set()
            return None
        if argument.role in ("project", "lock"):
            return self._project(install, argument, path)
        found = find_in_container(self.project, self.stage, path)
        if found.body is not None:
            from tfcompat.gate.readers.requirements import read_requirements

            file = read_requirements(found.body)
            self.project.note(file.problems)
            return Pins(file.pins, whole=file.whole and not file.includes)
        if found.name is None:
            self._missing(argument, found.expected)
            return None
        self.project.consumed.add(found.name)
        return pins_of(
            self.project, found.name, argument.groups, "requirements" if argument.role in ("requirements", "constraints") else None
        )

    def _project(self, install: c.Install, argument: c.FileArgument, path: str) -> Pins | None:
        """The lock file of the tool where there is one, else the project's own requirements."""
        folder = path if argument.role == "project" or not path.endswith((".lock", ".toml")) else posixpath.dirname(path)
        names = [_LOCKS[install.tool]] if install.tool in _LOCKS else []
        for name in (*names, "pyproject.toml"):
            found = find_in_container(self.project, self.stage, posixpath.join(folder, name))
            if found.name is not None:
                self.project.consumed.add(found.name)
                pins = pins_of(self.project, found.name, argument.groups)
                if pins is not None and name != "pyproject.toml":
                    return pins._replace(constraints=(*pins.constraints, *self._locked(folder)))
                return pins
        return None  # a project without a pyproject.toml, such as one with a setup.py, which is not read

    def _locked(self, folder: str) -> tuple[Pin, ...]:
        """What the project asks for beside its lock file: a lock that does not satisfy it is out of date."""
        found = find_in_container(self.project, self.stage, posixpath.join(folder, "pyproject.toml"))
        if found.name is None:
            return ()
        return asked_by_project(self.project, found.name)

    def _missing(self, argument: c.FileArgument, expected: str | None) -> None:
        if expected is not None:
            reason = f"{expected}, which is copied and installed here, is not in the tree"
            self.project.note([Problem(argument.place, reason, grave=True)])
        else:
            reason = f"{argument.path}, which is installed here, is not a file of the tree that was copied"
            self.project.note([Problem(argument.place, reason, grave=False)])


def _uv_python(python: Interpreted | None, requires: str, place: Place) -> Interpreted | None:
    """uv takes the image's interpreter where the project admits it, and else fetches the newest that it does."""
    if python is None or python.version is None:
        return python
    admitted = admitted_pythons(requires)
    if any(minor(python.version) == number for number in admitted):
        return python
    return Interpreted(admitted[0] if admitted else None, "uv", place, own=False)


def admitted_pythons(requires: str) -> list[Version]:
    """The interpreters that ``requires-python`` admits in some patch release, the newest first; all of them for what cannot be read."""
    try:
        wanted = SpecifierSet(requires)
    except InvalidSpecifier:
        wanted = SpecifierSet()
    return [version(p) for p in KNOWN_PYTHONS if any(wanted.contains(text) for text in (f"{p}.99", f"{p}.0", p))]


def conda_python(pins: Iterable[Pin]) -> Interpreted | None:
    """The interpreter that conda is asked for, None where it is not."""
    pin = next((p for p in pins if p.kind == "conda" and p.name == "python"), None)
    if pin is None:
        return None
    match = re.search(r"(?:==|~=)\s*(\d+\.\d+)", pin.specifier)
    found: Version | None = version(match[1]) if match else None
    return Interpreted(found, "conda", pin.place, own=False)
