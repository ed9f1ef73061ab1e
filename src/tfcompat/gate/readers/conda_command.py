"""``conda``, ``mamba`` and ``micromamba``: environments, packages and files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import FileArgument, Install, Interpreter, Opaque, Removed, Variable
from tfcompat.gate.declared import Pin
from tfcompat.gate.readers.calls import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tfcompat.gate.commands import Action
    from tfcompat.gate.readers.calls import Call, Option
    from tfcompat.gate.readers.shell_words import Field

__all__ = ["VALUED", "activate", "conda", "environment_option", "installer"]

VALUED = frozenset(
    [
        "-n",
        "--name",
        "-p",
        "--prefix",
        "-c",
        "--channel",
        "-f",
        "--file",
        "--solver",
        "--platform",
        "--subdir",
        "--clone",
        "--revision",
        "-r",
        "--root-prefix",
        "--cwd",
    ]
)
_SPEC = re.compile(r"(?:([^\s=<>!~\[\]]+)::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(?:\[([^\]]*)\])?\s*(.*)", re.DOTALL)
_CUDA = re.compile(r"(?:[^\s=<>!~\[\]$`]+::)?(cudnn|cudatoolkit|cuda-version|cuda-toolkit|cuda-runtime|cuda)(?=[\s=<>!~\[$`])", re.I)
_FUZZY = re.compile(r"=?\s*([0-9][^=\s,|<>!~*]*)(\.?\*)?(?:[=\s]\s*(\S+))?")
_EXACT = re.compile(r"==\s*([0-9][^=\s,|<>!~*]*)(?:[=\s]\s*(\S+))?")
_FLAGS_THAT_MATTER = frozenset(
    ["--no-deps", "--force-reinstall", "--override-channels", "--offline", "--use-local", "--freeze-installed", "--prune"]
)
_INSTALLER = re.compile(r"(?:.*/)?(Mini(?:conda|forge|mamba)|Mambaforge|Anaconda)[0-9]?[\w.-]*\.sh", re.I)
_INSTALLER_PYTHON = re.compile(r"py(3)([0-9]{1,2})_")
_SPEC_LIMIT = 500


def conda(call: Call) -> Iterator[Action]:
    options, others = options_of(call.words[1:], VALUED)
    subcommands = [word.value for word in others[:2]]
    if any(option.name in ("--dry-run", "-d", "--help", "-h", "--download-only") for option in options):
        return
    if subcommands[:1] == ["env"] and subcommands[1:] in (["create"], ["update"]):
        yield from _from_file(call, options, subcommands[1] == "create")
    elif subcommands[:1] in (["install"], ["create"], ["update"], ["upgrade"]):
        yield from _install(call, options, others[1:], subcommands[0] == "create")
    elif subcommands[:1] in (["remove"], ["uninstall"]):
        names = tuple(word.value for word in others[1:] if word.value is not None)
        if names:
            yield Removed(names, call.place, call.conditional, environment_option(options) or call.environment)
    elif subcommands[:1] == ["activate"]:
        yield from activate(call, others[1] if len(others) > 1 else None)
    elif others and subcommands[0] is None:
        yield Opaque(call.shown, call.place)


def activate(call: Call, name: Field | None) -> Iterator[Action]:
    """``conda activate NAME``: what follows in this ``RUN`` works in that environment."""
    environment = "base" if name is None else name.shown
    call.session.environment = environment
    yield Variable("CONDA_DEFAULT_ENV", environment if name is None else name.value, call.place)


def environment_option(options: Sequence[Option]) -> str:
    """The name or folder after ``-n`` or ``-p``, empty where neither is given."""
    wanted = ("-n", "--name", "-p", "--prefix")
    return next((option.value.shown for option in options if option.name in wanted and option.value is not None), "")


def _said(options: Sequence[Option]) -> tuple[str, ...]:
    channels = [f"--channel={option.value.shown}" for option in options if option.name in ("-c", "--channel") and option.value is not None]
    return (*channels, *(option.name for option in options if option.name in _FLAGS_THAT_MATTER))


def _files(call: Call, options: Sequence[Option]) -> tuple[FileArgument, ...]:
    named = [option.value for option in options if option.name in ("-f", "--file") and option.value is not None]
    return tuple(FileArgument(call.session.path(value), "conda", call.place_of(value)) for value in named)


def _from_file(call: Call, options: Sequence[Option], creates: bool) -> Iterator[Action]:
    environment = environment_option(options)
    files = _files(call, options) or (FileArgument(call.session.below("environment.yml"), "conda", call.place),)
    if creates:
        yield Interpreter("conda", environment, None, call.place, conditional=call.conditional)
    yield Install("conda", call.place, (), files, None, environment or ("" if creates else call.environment), conditional=call.conditional)


def _install(call: Call, options: Sequence[Option], others: Sequence[Field], creates: bool) -> Iterator[Action]:
    environment = environment_option(options) or ("" if creates else call.environment)
    found = [_pin(call, word) for word in others]
    pins = tuple(one for one in found if isinstance(one, Pin))
    files = _files(call, options)
    if creates:
        python = next((_minor(pin.specifier) for pin in pins if pin.name == "python"), None)
        yield Interpreter("conda", environment, python, call.place, conditional=call.conditional)
    if pins or files:
        yield Install(
            "conda",
            call.place,
            pins,
            files,
            None,
            environment,
            no_deps=any(option.name == "--no-deps" for option in options),
            conditional=call.conditional,
            options=_said(options),
        )
    yield from (one for one in found if isinstance(one, Opaque))


def _minor(specifier: str) -> str | None:
    found = re.match(r"==([0-9]+\.[0-9]+)", specifier)
    return found[1] if found else None


def _pin(call: Call, field: Field) -> Pin | Opaque:
    """A package of conda's, in its own dialect: ``tensorflow=2.15=cuda*``."""
    value = field.value
    found = _SPEC.fullmatch(value) if value is not None and len(value) <= _SPEC_LIMIT else None
    if found is None:
        if value is None and (known := _CUDA.match(field.shown)) is not None:  # whatever its version is, it comes from conda
            return Pin(known[1].lower(), "", call.place_of(field), kind="conda")
        return Opaque(f"{call.name} install {field.shown[:80]}", call.place_of(field))
    translated = _translated(found[4].strip())
    if translated is None:
        return Opaque(f"{call.name} install {field.shown[:80]}", call.place_of(field))
    end = found.start(4) + len(found[4].rstrip())
    place = call.session.exact(field, found.start(2), max(end, found.end(2))) or call.session.source.place(field.start, field.end)
    version_place = call.session.exact(field, found.start(4), end) if found[4].strip() and place.start != field.start - 1 else None
    return Pin(found[2].lower(), translated[0], place, version_place, kind="conda", build=translated[1])


def _translated(text: str) -> tuple[str, str] | None:
    """A version of conda's as PEP 440, and the build; None where it cannot be said in PEP 440."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not text or text in ("*", "=*"):
        return "", ""
    if exact := _EXACT.fullmatch(text):
        specifier, build = f"=={exact[1]}", exact[2] or ""
    elif fuzzy := _FUZZY.fullmatch(text):
        whole = fuzzy[3] and not fuzzy[2] and text.startswith("=")  # name=version=build is exact
        specifier, build = f"=={fuzzy[1].rstrip('.')}" + ("" if whole else ".*"), fuzzy[3] or ""
    else:
        specifier, build = re.sub(r"(?<![=<>!~])=(?![=])", "==", text), ""
    try:
        return str(SpecifierSet(specifier)), build
    except InvalidSpecifier:
        return None


def installer(call: Call, script: Field, others: Sequence[Field]) -> Interpreter | None:
    """``bash Miniconda3-latest-Linux-x86_64.sh -b -p /opt/conda``; None for another script."""
    found = _INSTALLER.fullmatch(script.shown)
    lowered = script.shown.lower()
    if found is None and not any(name in lowered for name in ("miniconda", "miniforge", "mambaforge", "anaconda")):
        return None
    options, _ = options_of(tuple(others), frozenset(("-p",)))
    python = _INSTALLER_PYTHON.search(script.shown)
    version = f"{python[1]}.{python[2]}" if python else None
    return Interpreter("conda", environment_option(options), version, call.place, conditional=call.conditional)
