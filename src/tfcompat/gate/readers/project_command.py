"""Installers that work from a project: ``uv``, ``poetry``, ``pdm``, ``pipenv`` and ``pixi``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfcompat.gate.commands import FileArgument, Install, Interpreter, Opaque, Variable
from tfcompat.gate.declared import Pin
from tfcompat.gate.readers.calls import options_of
from tfcompat.gate.readers.pip_command import SETTINGS, pip, python_option, removed_names, uv_pip
from tfcompat.gate.readers.requirement_words import asked_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.gate.commands import Action
    from tfcompat.gate.readers.calls import Call, Option
    from tfcompat.gate.readers.shell_words import Field

__all__ = ["pdm", "pipenv", "pixi", "poetry", "uv"]

_UV_VALUED = frozenset(
    [
        "--directory",
        "--project",
        "--config-file",
        "--cache-dir",
        "--color",
        "--python",
        "-p",
        "--extra",
        "--group",
        "--only-group",
        "--no-group",
        "--no-extra",
        "--package",
        "--index-url",
        "-i",
        "--extra-index-url",
        "--index",
        "--default-index",
        "--find-links",
        "-f",
        "--link-mode",
        "--python-platform",
        "--resolution",
        "--prerelease",
        "--exclude-newer",
        "--prompt",
        "--index-strategy",
        "--no-install-package",
        "--allow-insecure-host",
        "--dev-group",
        "--optional",
        "--bounds",
        "-r",
        "--requirements",
        "--requirement",
        "-c",
        "--constraints",
        "--tag",
        "--branch",
        "--rev",
        "--refresh-package",
        "-P",
        "--upgrade-package",
        "--reinstall-package",
        "--install-dir",
        "-i",
        "--keyring-provider",
        "--env-file",
        "--no-binary-package",
        "--no-build-package",
        "--marker",
        "-m",
        "--torch-backend",
        "--config-setting",
        "-C",
    ]
)
_PROJECT_VALUED = frozenset(
    [
        "-C",
        "--directory",
        "-P",
        "--project",
        "-E",
        "--extras",
        "--with",
        "--without",
        "--only",
        "--group",
        "-G",
        "--source",
        "--python",
        "-p",
        "--lockfile",
        "-L",
        "--without-group",
        "-d",
        "-n",
        "--with-group",
        "--index",
        "-i",
        "--pypi-mirror",
        "--categories",
        "--requirements",
        "-r",
        "--environment",
        "-e",
        "--manifest-path",
        "--platform",
        "--tls-root-certs",
        "--channel",
        "-c",
        "--feature",
        "-f",
        "--venv",
        "--config",
        "--pypi-index",
    ]
)
_GROUPS = ("--extra", "--group", "--only-group", "-E", "--extras", "--with", "--only", "-G", "--categories", "-e", "--environment")
_FLAGS = frozenset(["-d", "-n", "-e", "-i"])  # letters that take a value with one installer only
_LOCKS = {"uv sync": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock", "pixi": "pixi.lock"}
_FOLDERS = ("--directory", "--project", "-C", "-P")
_NOISE = frozenset(
    [
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--no-cache",
        "--no-interaction",
        "--no-ansi",
        "-n",
        "--color",
        "--link-mode",
        "--cache-dir",
        "--no-progress",
    ]
)


def uv(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], _UV_VALUED)
    subcommand = others[0].value if others else None
    if subcommand == "pip":
        yield from _uv_pip(call)
    elif subcommand == "sync":
        yield _locked(call, "uv sync", options)
    elif subcommand == "add":
        yield from _added(call, "uv sync", options, others[1:])
    elif subcommand == "venv":
        folder = others[1] if len(others) > 1 else None
        yield _environment(call, options, ".venv" if folder is None else call.session.path(folder) or folder.shown)
    elif subcommand == "python" and len(others) > 1 and others[1].value == "install":
        default = any(option.name == "--default" for option in options)
        for version in others[2:] or ():
            yield Interpreter("uv", "", python_option(call, version)[0], call.place, default, conditional=call.conditional)
    elif others and subcommand is None:
        yield Opaque(call.shown, call.place)


def _uv_pip(call: Call) -> Iterator[Action]:
    at = next(number for number, word in enumerate(call.words) if word.value == "pip")
    before, _ = options_of(call.words[1:at], _UV_VALUED)
    yield from uv_pip(call._replace(words=(call.words[0]._replace(shown="uv", value="uv"), *call.words[at + 1 :])), before)


def _environment(call: Call, options: Sequence[Option], folder: str) -> Interpreter:
    named = next((option.value for option in options if option.name in ("--python", "-p") and option.value is not None), None)
    python = python_option(call, named)[0] if named is not None else None
    site = any(option.name == "--system-site-packages" for option in options)
    return Interpreter("uv", folder.rstrip("/") or "/", python, call.place, system_site_packages=site, conditional=call.conditional)


def poetry(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], _PROJECT_VALUED - _FLAGS)
    subcommand = others[0].value if others else None
    if subcommand in ("install", "sync"):
        yield _locked(call, "poetry", options)
    elif subcommand == "add":
        yield from _added(call, "poetry", options, others[1:])
    elif subcommand == "config" and len(others) > 2 and (others[1].value or "").startswith("virtualenvs."):
        yield Variable("POETRY_" + (others[1].value or "").replace(".", "_").replace("-", "_").upper(), others[2].value, call.place)


def pdm(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], _PROJECT_VALUED - _FLAGS)
    subcommand = others[0].value if others else None
    if subcommand in ("install", "sync"):
        yield _locked(call, "pdm", options)
    elif subcommand == "add":
        yield from _added(call, "pdm", options, others[1:])


def pipenv(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], _PROJECT_VALUED - {"-d", "-n"})
    subcommand = others[0].value if others else None
    if subcommand == "sync" or (subcommand == "install" and len(others) == 1 and not _requirements(options)):
        yield _locked(call, "pipenv", options)
    elif subcommand == "install":
        yield from _added(call, "pipenv", options, others[1:])
    elif subcommand == "run":
        at = next(number for number, word in enumerate(call.words) if word.value == "run")
        if len(call.words) > at + 1 and call.words[at + 1].shown.startswith("pip"):
            yield from pip(call.rest(at + 1))


def pixi(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], _PROJECT_VALUED - {"-d", "-n", "-i"})
    if others and others[0].value in ("install", "i"):
        yield _locked(call, "pixi", options)


def _requirements(options: Sequence[Option]) -> list[Field]:
    return [option.value for option in options if option.name in ("-r", "--requirements", "--requirement") and option.value is not None]


def _locked(call: Call, tool: str, options: Sequence[Option]) -> Install:
    """An install of what the lock file of the project says."""
    folder = next((option.value for option in options if option.name in _FOLDERS and option.value is not None), None)
    lock = _LOCKS[tool]
    if folder is not None:
        inside = call.session.path(folder)
        path = None if inside is None else f"{inside.rstrip('/')}/{lock}"
    else:
        path = call.session.below(lock)
    groups = tuple(name for option in options if option.name in _GROUPS and option.value is not None for name in _names(option.value.shown))
    return _made(call, tool, options)._replace(files=(FileArgument(path, "lock", call.place, groups),))


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _made(call: Call, tool: str, options: Sequence[Option]) -> Install:
    names = {option.name for option in options}
    python = next((option.value for option in options if option.name in ("--python", "-p") and option.value is not None), None)
    said = [
        option.name if option.value is None else f"{option.name}={option.value.shown}" for option in options if option.name not in _NOISE
    ]
    return Install(
        tool,
        call.place,
        python=python_option(call, python)[0] if python is not None else None,
        environment=call.setting("UV_PROJECT_ENVIRONMENT") or call.environment if tool == "uv sync" else call.environment,
        upgrade=bool(names & {"-U", "--upgrade"}),
        system="--system" in names,
        conditional=call.conditional,
        options=(*said, *(f"{name}={value or ''}" for name, value in call.assigned.items() if SETTINGS.fullmatch(name))),
    )


def _added(call: Call, tool: str, options: Sequence[Option], others: Sequence[Field]) -> Iterator[Action]:
    """An install of packages that are named, which changes the lock file as well."""
    found = [asked_for(call, word) for word in others if "@" not in word.shown or " @ " in word.shown or "://" in word.shown]
    unread = [word for word in others if "@" in word.shown and " @ " not in word.shown and "://" not in word.shown]
    files = [one for one in found if isinstance(one, FileArgument)]
    files += [FileArgument(call.session.path(value), "requirements", call.place_of(value)) for value in _requirements(options)]
    pins = tuple(one for one in found if isinstance(one, Pin))
    if tool != "pipenv":  # what was locked before is installed as well
        files += _locked(call, tool, options).files
    yield _made(call, tool, options)._replace(pins=pins, files=tuple(files))
    yield from (one for one in found if isinstance(one, Opaque))
    for word in unread:
        name, _, wanted = word.shown.partition("@")
        if names := removed_names([word.part(0, len(name))]):  # a dialect of its own: ^2.15
            yield Opaque(f"{call.name} add {names[0]}@{wanted[:40]}", call.place_of(word))
