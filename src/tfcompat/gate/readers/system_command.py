"""What the distribution's package managers install, and what tells the loader where libraries are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import Libraries, Marked, Opaque, SystemPackages
from tfcompat.gate.readers.calls import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.gate.commands import Action
    from tfcompat.gate.readers.calls import Call
    from tfcompat.gate.readers.shell_words import Field

__all__ = ["apk", "apt", "dnf", "dpkg", "ldconfig", "marker_removed", "writes", "zypper"]

_APT_VALUED = frozenset(
    ["-o", "-t", "-c", "--option", "--target-release", "--default-release", "--config-file", "-a", "--host-architecture"]
)
_DNF_VALUED = frozenset(
    [
        "-c",
        "--config",
        "-x",
        "--exclude",
        "-d",
        "-e",
        "--enablerepo",
        "--disablerepo",
        "--repo",
        "--releasever",
        "--setopt",
        "--installroot",
    ]
)
_APK_VALUED = frozenset(["-t", "--virtual", "-X", "--repository", "-p", "--root", "--keys-dir", "--repositories-file", "--wait", "--arch"])
_RPM = re.compile(r"(.+?)-(?:[0-9]+:)?([0-9][\w.+~^]*(?:-[0-9][\w.+~^]*)?)(?:\.(?:x86_64|aarch64|noarch))?")
_APK = re.compile(r"([A-Za-z0-9][\w.+-]*?)(?:(?:[=~<>]+)(.*))?(?:@\w+)?")
_VARIABLE = re.compile(r"[$`]")
_MARKER = "EXTERNALLY-MANAGED"
_LOADER_FILES = ("/etc/ld.so.conf.d/", "/etc/ld.so.conf")
_TEXT_LIMIT = 4000

Package = tuple[str, str]


def apt(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], _APT_VALUED)
    idle = any(option.name in ("-s", "--simulate", "--dry-run", "-d", "--download-only") for option in options)
    if others and others[0].value in ("install", "reinstall") and not idle:
        yield from _packages(call, "apt", others[1:])
    elif others and others[0].value is None:
        yield Opaque(call.shown, call.place)


def dpkg(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], frozenset())
    if any(option.name in ("-i", "--install") for option in options):
        yield from _packages(call, "apt", others)


def dnf(call: Call) -> Iterator[Action]:
    _, others = options_of(call.words[1:], _DNF_VALUED)
    if others and others[0].value in ("install", "localinstall", "reinstall"):
        yield from _packages(call, "dnf", others[1:])


def zypper(call: Call) -> Iterator[Action]:
    _, others = options_of(call.words[1:], _DNF_VALUED)
    if others and others[0].value in ("install", "in"):
        yield from _packages(call, "zypper", others[1:])


def apk(call: Call) -> Iterator[Action]:
    _, others = options_of(call.words[1:], _APK_VALUED)
    if others and others[0].value == "add":
        yield from _packages(call, "apk", others[1:])


def _packages(call: Call, manager: str, words: list[Field]) -> Iterator[Action]:
    found, unknown = [], []
    for word in words:
        package = _package(manager, word.shown)
        if package is None:
            unknown.append(Opaque(f"{call.name} install {word.shown[:80]}", call.place_of(word)))
        elif package[0]:
            found.append((*package, call.place_of(word)))
    if found:
        yield SystemPackages(manager, tuple(found), call.place, call.conditional)
    yield from unknown


def _package(manager: str, shown: str) -> Package | None:
    """Name and version; None where nothing of the name is known, an empty name for what installs nothing."""
    name, version = _file(shown) if shown.endswith((".deb", ".rpm", ".apk")) else _named(manager, shown)
    if "$" in name or "`" in name:  # what stands before the variable still tells a CUDA or cuDNN package
        known = _VARIABLE.split(name, maxsplit=1)[0]
        return (known if manager == "apt" else known.rstrip("-"), "") if known.strip("-") else None
    if not name:
        return None
    if manager == "apt" and name.endswith("-"):  # it is removed
        return "", ""
    return name, "" if "$" in version or "`" in version else version


def _file(path: str) -> Package:
    name, _, rest = path.rpartition("/")[2].rpartition(".")[0].partition("_")
    if rest:
        return name, rest.partition("_")[0]
    found = _RPM.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def _named(manager: str, shown: str) -> Package:
    if manager == "apt":
        name, _, version = shown.partition("=")
        return name.partition("/")[0].partition(":")[0].removesuffix("+") if not name.endswith("++") else name, version
    if "$" in shown:
        return shown.partition("=")[0], ""
    found = (_APK if manager == "apk" else _RPM).fullmatch(shown)
    if found is None:
        return shown, ""
    return found[1], found[2] or ""


def ldconfig(call: Call) -> Iterator[Action]:
    folders = [word.shown for word in call.words[1:] if not word.shown.startswith("-")]
    yield Libraries("\n".join(folders)[:_TEXT_LIMIT], call.place)


def writes(call: Call) -> Iterator[Action]:
    """What a command writes into files that the loader or pip reads."""
    paths = _written(call)
    text = _text(call) if paths else ""
    for path in dict.fromkeys(paths):
        if path.startswith(_LOADER_FILES):
            yield Libraries(text[:_TEXT_LIMIT], call.place)
        elif path.endswith(("pip.conf", "pip/config")) and re.search(r"break-system-packages\s*=\s*(?:true|1|yes|on)", text, re.I):
            yield Marked(call.place)


def _written(call: Call) -> list[str]:
    paths = [one.target.value or one.target.text for one in call.command.redirections if one.operator in (">", ">>", ">|", "&>", "&>>")]
    if call.name == "tee":
        paths += [word.shown for word in call.words[1:] if not word.shown.startswith("-")]
    return paths


def _text(call: Call) -> str:
    """What a command prints, as far as that can be told: else the command itself, which names the folders that it looks in."""
    if call.name == "tee" and call.before is not None:
        return _text(call.before._replace(before=None))
    bodies = [one.body.text for one in call.command.redirections if one.body is not None]
    if bodies:
        return "".join(bodies)
    words = [word.shown for word in call.words]
    if call.name in ("echo", "printf"):
        text = " ".join(word for word in words[1:] if not re.fullmatch(r"-[neE]+", word))
        return text.replace("\\n", "\n")
    return " ".join(words)


def marker_removed(call: Call) -> Iterator[Action]:
    """``rm``, ``mv`` or ``find -delete`` of the file that forbids pip to install."""
    names_it = any(word.shown.rstrip("*").endswith(_MARKER) or _MARKER in word.shown.rpartition("/")[2] for word in call.words[1:])
    removes = call.name != "find" or any(word.shown in ("-delete", "rm", "/bin/rm", "mv") for word in call.words)
    if names_it and removes:
        yield Marked(call.place)
