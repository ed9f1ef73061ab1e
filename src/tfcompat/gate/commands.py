"""What the commands of a ``RUN`` do to an environment, as far as TensorFlow is concerned. Nothing is executed."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from typing import Literal, NamedTuple

from tfcompat.gate.declared import Pin
from tfcompat.gate.source import Place

__all__ = [
    "Action",
    "FileArgument",
    "Install",
    "Interpreter",
    "Libraries",
    "Marked",
    "Opaque",
    "Removed",
    "Rewritten",
    "SystemPackages",
    "Variable",
]

FileRole = Literal["requirements", "constraints", "project", "lock", "conda"]


class FileArgument(NamedTuple):
    """A file that an install command reads: ``-r FILE``, ``.`` (project), or the lock file that ``uv sync`` and others mean.

    ``path`` is as the command sees it, expanded, relative to the working folder or absolute; None where a variable is not known.
    """

    path: str | None
    role: FileRole
    place: Place
    groups: tuple[str, ...] = ()


class Install(NamedTuple):
    """A command that installs Python or conda packages.

    ``tool``: ``pip``, ``uv`` (``uv pip``), ``uv sync``, ``poetry``, ``pdm``, ``pipenv`` or ``conda``. ``python``: the interpreter
    that the command itself names (``python3.11 -m pip``, ``--python 3.11``, pip3.9), as ``3.11``. ``environment``: the folder of
    the virtual environment that it names or works in (``/opt/venv/bin/pip`` has ``/opt/venv``), or the name of conda's; empty for the default one.
    ``upgrades_pip``: it installs a newer pip. ``whole``: every word of what it installs was understood. ``conditional``: it runs only under a condition (``if``, ``||``).
    """

    tool: str
    place: Place
    pins: tuple[Pin, ...] = ()
    files: tuple[FileArgument, ...] = ()
    python: str | None = None
    environment: str = ""
    upgrade: bool = False
    no_deps: bool = False
    break_system_packages: bool = False
    system: bool = False
    conditional: bool = False
    options: tuple[str, ...] = ()
    upgrades_pip: bool = False
    whole: bool = True


class SystemPackages(NamedTuple):
    """``apt-get install`` and its siblings (``manager``: apt, dnf, apk). ``packages``: (name, version or empty, place).

    Of a name that a variable ends only what stands before that is known: ``libcudnn`` of ``libcudnn$MAJOR``.
    """

    manager: str
    packages: tuple[tuple[str, str, Place], ...]
    place: Place
    conditional: bool = False


class Interpreter(NamedTuple):
    """A virtual environment or an interpreter is made. ``environment``: its folder or conda name, empty where an interpreter is installed for all.

    ``python``: as ``3.11``, None where it is that of the command's own interpreter. ``default``: what ``python`` means from then on
    (``update-alternatives``, ``ln -s``, ``uv python install --default``). ``how``: venv, virtualenv, uv, conda, link, source.
    """

    how: str
    environment: str
    python: str | None
    place: Place
    default: bool = False
    system_site_packages: bool = False
    conditional: bool = False


class Variable(NamedTuple):
    """``export NAME=VALUE`` and ``. ENV/bin/activate`` (NAME is VIRTUAL_ENV), which hold to the end of this RUN. None: not known."""

    name: str
    value: str | None
    place: Place


class Libraries(NamedTuple):
    """The loader is told of folders: something is written below /etc/ld.so.conf.d, or ldconfig runs. ``text``: what is written, if known."""

    text: str
    place: Place


class Marked(NamedTuple):
    """``rm .../EXTERNALLY-MANAGED``: pip may install into this interpreter from now on."""

    place: Place


class Rewritten(NamedTuple):
    """A file that a command makes or changes, so that the tree's version of it is not what a later ``-r`` reads."""

    path: str
    place: Place


class Opaque(NamedTuple):
    """Something that may install packages and cannot be followed: a script, ``curl | sh``, an unknown variable in a pip line."""

    what: str
    place: Place


class Removed(NamedTuple):
    """``pip uninstall``: ``names`` are canonical. ``environment`` as in :class:`Install`."""

    names: tuple[str, ...]
    place: Place
    conditional: bool = False
    environment: str = ""


Action = Install | SystemPackages | Interpreter | Variable | Libraries | Marked | Removed | Opaque | Rewritten
