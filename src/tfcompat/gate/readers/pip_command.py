"""``pip install`` and ``uv pip install``: what they install, from which files, and into what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import FileArgument, Install, Opaque, Removed
from tfcompat.gate.declared import Pin
from tfcompat.gate.readers.calls import environment_of, options_of, python_of
from tfcompat.gate.readers.requirement_words import asked_for, project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.gate.commands import Action
    from tfcompat.gate.readers.calls import Call, Option
    from tfcompat.gate.readers.shell_words import Field

__all__ = ["SETTINGS", "pip", "python_option", "removed_names", "uv_pip"]

_VALUED = frozenset(
    [
        "-r",
        "--requirement",
        "--requirements",
        "-c",
        "--constraint",
        "--constraints",
        "-e",
        "--editable",
        "-t",
        "--target",
        "--prefix",
        "--root",
        "--src",
        "--platform",
        "--python-version",
        "--implementation",
        "--abi",
        "-i",
        "--index-url",
        "--pypi-url",
        "--extra-index-url",
        "-f",
        "--find-links",
        "--trusted-host",
        "--cert",
        "--client-cert",
        "--cache-dir",
        "--proxy",
        "--retries",
        "--timeout",
        "--default-timeout",
        "--exists-action",
        "--log",
        "--log-file",
        "--upgrade-strategy",
        "--no-binary",
        "--only-binary",
        "--progress-bar",
        "--root-user-action",
        "--report",
        "--config-settings",
        "--config-setting",
        "-C",
        "--global-option",
        "--install-option",
        "--build-option",
        "--use-feature",
        "--use-deprecated",
        "--keyring-provider",
        "--python",
        "--group",
        "--build-constraint",
        "-b",
        "--build",
        "--exclude-newer",
        "--resolution",
        "--prerelease",
        "--index-strategy",
        "--index",
        "--default-index",
        "--link-mode",
        "--override",
        "--overrides",
        "--extra",
        "--python-platform",
        "--torch-backend",
        "--no-build-package",
        "--no-binary-package",
        "-P",
        "--upgrade-package",
        "--directory",
        "--project",
        "--config-file",
        "--color",
        "--reinstall-package",
        "--allow-insecure-host",
        "--no-emit-package",
        "--build-constraints",
        "--hash",
    ]
)
_UV_VALUED = _VALUED | {"-p"}
_SAID = {
    "-i": "--index-url",
    "-f": "--find-links",
    "-t": "--target",
    "-p": "--python",
    "-U": "--upgrade",
    "-r": "--requirement",
    "-c": "--constraint",
}
_NOISE = frozenset(
    [
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--no-cache-dir",
        "--no-cache",
        "--disable-pip-version-check",
        "--progress-bar",
        "--no-input",
        "--root-user-action",
        "--no-warn-script-location",
        "--default-timeout",
        "--timeout",
        "--retries",
        "--cache-dir",
        "--no-color",
        "--color",
        "--compile",
        "--no-compile",
        "--compile-bytecode",
        "-y",
        "--yes",
        "--no-python-version-warning",
        "--log",
        "--use-feature",
        "--use-deprecated",
        "--link-mode",
        "--trusted-host",
    ]
)
_REQUIREMENTS = ("-r", "--requirement", "--requirements")
_CONSTRAINTS = ("-c", "--constraint", "--constraints")
_EDITABLE = ("-e", "--editable")
_VERSION = re.compile(r"(?:(?:cpython|python)[@-]?)?([0-9]+\.[0-9]+)(?:\.[0-9]+)?")
SETTINGS = re.compile(r"(?:PIP|UV)_[A-Z_]+")


def pip(call: Call) -> Iterator[Action]:
    """``pip ...`` with any options before the subcommand."""
    options, others = options_of(call.words[1:], _VALUED)
    subcommand = others[0].value if others else None
    if subcommand == "install" and not _idle(options):
        yield from _install(call, options, others[1:], "pip")
    elif subcommand in ("uninstall", "remove"):
        yield from _uninstall(call, options, others[1:])
    elif others and subcommand is None:
        yield Opaque(call.shown, call.place)


def uv_pip(call: Call, before: Sequence[Option]) -> Iterator[Action]:
    """``uv pip ...``; *before* are the options of ``uv`` itself, and the first word of *call* is ``pip``."""
    options, others = options_of(call.words[1:], _UV_VALUED)
    options = [*before, *options]
    subcommand = others[0].value if others else None
    if subcommand == "install" and not _idle(options):
        yield from _install(call, options, others[1:], "uv")
    elif subcommand == "sync":
        action = _sync(call, options, others[1:])
        yield action
    elif subcommand == "uninstall":
        yield from _uninstall(call, options, others[1:])


def _idle(options: Sequence[Option]) -> bool:
    return any(option.name in ("--dry-run", "--help", "-h") for option in options)


def _sync(call: Call, options: list[Option], others: list[Field]) -> Install:
    files = tuple(FileArgument(call.session.path(word), "requirements", call.place_of(word)) for word in others)
    made, _ = _made(call, options, "uv")
    return made._replace(files=files, options=(*made.options, "sync"))


def _install(call: Call, options: list[Option], others: list[Field], tool: str) -> Iterator[Action]:
    made, unknown = _made(call, options, tool)
    pins, files = list(made.pins), list(made.files)
    for word in others:
        found = asked_for(call, word)
        if isinstance(found, Pin):
            pins.append(found)
        elif isinstance(found, FileArgument):
            files.append(found)
        else:
            unknown.append(found)
    upgrades_pip = any(pin.name == "pip" and (made.upgrade or pin.specifier or pin.url) for pin in pins)
    if pins or files:
        yield made._replace(pins=tuple(pins), files=tuple(files), upgrades_pip=upgrades_pip, whole=not unknown)
    yield from unknown


def _made(call: Call, options: list[Option], tool: str) -> tuple[Install, list[Opaque]]:
    """The install that the options alone tell of, and what of it cannot be followed."""
    pins: list[Pin] = []
    files: list[FileArgument] = []
    unknown: list[Opaque] = []
    kept: list[str] = []
    for option in options:
        found = _read_option(call, option)
        if isinstance(found, Pin):
            pins.append(found)
        elif isinstance(found, FileArgument):
            files.append(found)
        elif isinstance(found, Opaque):
            unknown.append(found)
        elif option.name not in _NOISE:
            kept.append(_said(option))
    files += _constraints_of_settings(call)
    names = {option.name for option in options}
    python, environment = _named_interpreter(call, options)
    made = Install(
        tool,
        call.place,
        tuple(pins),
        tuple(files),
        python,
        environment or environment_of(call) or (tool == "uv" and call.setting("VIRTUAL_ENV")) or call.environment,
        upgrade=bool(names & {"-U", "--upgrade"}),
        no_deps="--no-deps" in names,
        break_system_packages="--break-system-packages" in names or call.switched("PIP_BREAK_SYSTEM_PACKAGES"),
        system="--system" in names or call.switched("UV_SYSTEM_PYTHON"),
        conditional=call.conditional,
        options=(*kept, *(f"{name}={value or ''}" for name, value in call.assigned.items() if SETTINGS.fullmatch(name))),
        whole=not unknown,
    )
    return made, unknown


def _constraints_of_settings(call: Call) -> list[FileArgument]:
    path = call.setting("PIP_CONSTRAINT") or call.setting("UV_CONSTRAINT")
    return [FileArgument(call.session.below(path), "constraints", call.place)] if path else []


def _said(option: Option) -> str:
    name = _SAID.get(option.name, option.name)
    return name if option.value is None else f"{name}={option.value.shown}"


def _read_option(call: Call, option: Option) -> Pin | FileArgument | Opaque | None:
    """What an option installs or reads; None for one that only says how."""
    value = option.value
    if value is None:
        return None
    place = call.place_of(value)
    if option.name in (*_REQUIREMENTS, *_CONSTRAINTS):
        if "://" in value.shown or value.shown.startswith(("/dev/", "<(")) or value.shown == "-":
            return Opaque(f"{call.name} install -r {value.shown[:80]}", place)
        return FileArgument(call.session.path(value), "requirements" if option.name in _REQUIREMENTS else "constraints", place)
    if option.name in _EDITABLE:
        found = asked_for(call, value)
        return project(call, value) if isinstance(found, Pin) and not found.url else found
    if option.name == "--group":
        path, colon, group = value.shown.rpartition(":")
        return FileArgument(call.session.below(path if colon else "pyproject.toml"), "project", place, (group,))
    return None


def _named_interpreter(call: Call, options: list[Option]) -> tuple[str | None, str]:
    """The version and the environment of the interpreter that the command names."""
    for option in options:
        if option.name in ("--python", "-p") and option.value is not None:
            return python_option(call, option.value)
    return python_of(call.words[0].shown), ""


def python_option(call: Call, value: Field) -> tuple[str | None, str]:
    """The value of ``--python``: a version, the path of an interpreter, or the folder of an environment."""
    if found := _VERSION.fullmatch(value.shown):
        return found[1], ""
    if "/" not in value.shown and not value.shown.startswith("."):
        return python_of(value.shown), ""
    if "/bin/" in value.shown:
        return python_of(value.shown), environment_of(call._replace(words=(value,)))
    return None, call.session.path(value) or value.shown


def _uninstall(call: Call, options: list[Option], others: list[Field]) -> Iterator[Action]:
    if names := removed_names(others):
        _, environment = _named_interpreter(call, options)
        yield Removed(names, call.place, call.conditional, environment or environment_of(call) or call.environment)


def removed_names(words: Sequence[Field]) -> tuple[str, ...]:
    """The canonical names of packages to remove; words that are not known are left out."""
    from packaging.utils import canonicalize_name

    names = (re.split(r"[\[<>=!~ ]", word.value, maxsplit=1)[0] for word in words if word.value is not None)
    return tuple(canonicalize_name(name) for name in names if name)
