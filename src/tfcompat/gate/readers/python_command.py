"""Commands that make interpreters and virtual environments, or say what ``python`` means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import FileArgument, Install, Interpreter, Opaque, Variable
from tfcompat.gate.readers.calls import environment_of, options_of, python_of
from tfcompat.gate.readers.conda_command import activate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.commands import Action
    from tfcompat.gate.readers.calls import Call
    from tfcompat.gate.readers.shell_words import Field

__all__ = ["alternatives", "built", "link", "pyenv", "script", "sourced", "venv", "virtualenv"]

_VENV_VALUED = frozenset(
    [
        "--prompt",
        "--upgrade-deps",
        "-p",
        "--python",
        "--app-data",
        "--seeder",
        "--pip",
        "--setuptools",
        "--wheel",
        "--creator",
        "--discovery",
    ]
)
_PYTHON_SOURCE = re.compile(r"[Pp]ython-([23]\.[0-9]+)(?:\.[0-9]+)?")
_VERSION = re.compile(r"([23]\.[0-9]+)(?:[.:][0-9a-z]+)?")
_DEFAULT_NAMES = ("python", "python3")


def venv(call: Call, python: str | None) -> Iterator[Action]:
    """``python -m venv DIR``; the first word of *call* is ``venv``."""
    options, others = options_of(call.words[1:], _VENV_VALUED - {"--pip"})
    site = any(option.name == "--system-site-packages" for option in options)
    for folder in others:
        name = (call.session.path(folder) or folder.shown).rstrip("/") or "/"
        yield Interpreter("venv", name, python, call.place, False, site, call.conditional)


def virtualenv(call: Call, python: str | None = None) -> Iterator[Action]:
    """``virtualenv -p python3.9 DIR``; *python* is that of the interpreter that runs it."""
    options, others = options_of(call.words[1:], _VENV_VALUED)
    named = next((option.value for option in options if option.name in ("-p", "--python") and option.value is not None), None)
    python = python if named is None else python_of(named.shown) or _version(named.shown)
    site = any(option.name == "--system-site-packages" for option in options)
    for folder in others[:1]:
        name = (call.session.path(folder) or folder.shown).rstrip("/") or "/"
        yield Interpreter("virtualenv", name, python, call.place, False, site, call.conditional)


def _version(text: str) -> str | None:
    found = _VERSION.fullmatch(text)
    return found[1] if found else None


def pyenv(call: Call) -> Iterator[Action]:
    _, others = options_of(call.words[1:], frozenset())
    if len(others) > 1 and others[0].value in ("install", "global"):
        for version in others[1:]:
            default = others[0].value == "global"
            yield Interpreter("source", "", _version(version.shown), call.place, default, conditional=call.conditional)


def alternatives(call: Call) -> Iterator[Action]:
    """``update-alternatives --install LINK NAME PATH PRIORITY`` and ``--set NAME PATH``."""
    words = call.words[1:]
    for at, word in enumerate(words):
        name, path = {"--install": (at + 2, at + 3), "--set": (at + 1, at + 2)}.get(word.shown, (len(words), 0))
        if max(name, path) < len(words) and words[name].shown in _DEFAULT_NAMES:
            yield Interpreter("link", "", python_of(words[path].shown), call.place, True, conditional=call.conditional)


def link(call: Call) -> Iterator[Action]:
    """``ln -s /usr/bin/python3.11 /usr/bin/python``."""
    options, others = options_of(call.words[1:], frozenset(("-t", "-S")))
    into = next((option.value for option in options if option.name == "-t" and option.value is not None), None)
    if not others or (len(others) < 2 and into is None):
        return
    source, target = others[0].shown, (others[-1] if into is None else into).shown.rstrip("/")
    name = source.rpartition("/")[2]
    linked = name if into is not None or target.endswith("/bin") else target.rpartition("/")[2]
    if linked in _DEFAULT_NAMES and re.match(r"(?:python|pypy)[0-9.]*\Z", name):
        yield Interpreter("link", "", python_of(name), call.place, True, conditional=call.conditional)


def sourced(call: Call) -> Iterator[Action]:
    """``. DIR/bin/activate`` and ``source activate NAME``."""
    if len(call.words) == 1:
        return
    file = call.words[1]
    folder, found, _ = file.shown.rpartition("/bin/activate")
    name = call.words[2] if len(call.words) > 2 else None
    if file.shown == "activate" or (found and (name is not None or re.search(r"conda|mamba|miniforge", folder))):
        yield from activate(call, name)
    elif found and file.shown.endswith("/bin/activate"):
        path = call.session.path(file.part(0, len(folder)))
        call.session.environment = path or folder
        yield Variable("VIRTUAL_ENV", path, call.place)


def built(call: Call) -> Iterator[Action]:
    """``make install`` in the sources of Python."""
    _, others = options_of(call.words[1:], frozenset(["-j", "-C", "-f", "-l"]))
    targets = [word.shown for word in others]
    said = " ".join((call.session.folder or "", *(word.shown for word in call.words)))
    found = _PYTHON_SOURCE.search(said)
    if found and any(target in ("install", "altinstall", "bininstall") for target in targets):
        yield Interpreter("source", "", found[1], call.place, "install" in targets, conditional=call.conditional)


def script(call: Call, file: Field) -> Iterator[Action]:
    """``python setup.py install`` and ``python get-pip.py``; other scripts install nothing that could be known."""
    name = file.shown.rpartition("/")[2]
    if name == "get-pip.py":
        yield _install(call)._replace(upgrades_pip=True)
    elif name == "setup.py" and any(word.shown in ("install", "develop") for word in call.words):
        folder = file.part(0, len(file.shown) - len(name))
        path = call.session.below(folder.shown or ".") if folder.value is not None or not folder.shown else None
        yield _install(call)._replace(files=(FileArgument(path, "project", call.place_of(file)),))
    elif name in ("install-poetry.py", "get-poetry.py"):
        return
    elif "://" in file.shown or file.shown.startswith("<("):
        yield Opaque(call.shown, call.place)


def _install(call: Call) -> Install:
    environment = environment_of(call) or call.environment
    return Install("pip", call.place, python=python_of(call.words[0].shown), environment=environment, conditional=call.conditional)
