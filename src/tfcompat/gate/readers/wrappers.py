"""Takes away what only runs another command: ``sudo``, ``env``, ``time``, ``conda run`` and the like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.readers.calls import options_of
from tfcompat.gate.readers.conda_command import environment_option

if TYPE_CHECKING:
    from tfcompat.gate.readers.calls import Call

__all__ = ["unwrapped"]

# each with the options that take a value, and how many words come before the command
_WRAPPERS: dict[str, tuple[frozenset[str], int]] = {
    "sudo": (frozenset(["-u", "-g", "-h", "-p", "-C", "-T", "-r", "-t", "-D", "-R", "--user", "--group"]), 0),
    "doas": (frozenset(["-u", "-C"]), 0),
    "env": (frozenset(["-u", "-C", "--unset", "--chdir"]), 0),
    "time": (frozenset(["-f", "-o"]), 0),
    "exec": (frozenset(["-a"]), 0),
    "nohup": (frozenset(), 0),
    "builtin": (frozenset(), 0),
    "command": (frozenset(), 0),
    "nice": (frozenset(["-n", "--adjustment"]), 0),
    "ionice": (frozenset(["-c", "-n", "-p", "--class", "--classdata"]), 0),
    "timeout": (frozenset(["-k", "-s", "--kill-after", "--signal"]), 1),
    "stdbuf": (frozenset(["-i", "-o", "-e"]), 0),
    "setarch": (frozenset(), 1),
    "linux32": (frozenset(), 0),
    "linux64": (frozenset(), 0),
    "eatmydata": (frozenset(), 0),
    "unbuffer": (frozenset(), 0),
    "tini": (frozenset(), 0),
    "dumb-init": (frozenset(), 0),
    "gosu": (frozenset(), 1),
    "su-exec": (frozenset(), 1),
    "xvfb-run": (frozenset(["-n", "-s", "-e", "-f", "-p", "-w", "--server-num", "--server-args"]), 0),
    "retry": (frozenset(["-t", "-d", "-m", "--tries", "--delay"]), 0),
    "travis_retry": (frozenset(), 0),
}
_RUNNERS = ("poetry", "pdm", "hatch")
_CONDA = ("conda", "mamba", "micromamba")
_CONDA_VALUED = frozenset(["-n", "--name", "-p", "--prefix", "--cwd", "-e", "--env", "-r", "--root-prefix"])
_UV_RUN_VALUED = frozenset(
    ["--python", "-p", "--extra", "--group", "--only-group", "--with", "--package", "--env-file", "--directory", "--project"]
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_LIMIT = 12


def unwrapped(call: Call) -> Call | None:
    """The call that is really made; None where there is none (``command -v pip``)."""
    for _ in range(_LIMIT):
        if not call.words:
            return None
        inner = _inner(call)
        if inner is None:
            return call
        if not inner.words or (call.name == "command" and inner.words[0].shown in ("-v", "-V")):
            return None
        call = inner
    return call


def _inner(call: Call) -> Call | None:
    """The call without its outermost wrapper, None where it has none."""
    name = call.name
    if name in _WRAPPERS:
        return _after_options(call, *_WRAPPERS[name])
    second = call.words[1].value if len(call.words) > 1 else None
    if name in _RUNNERS and second == "run":
        return call.rest(2)
    if name in ("su", "runuser"):
        return _su(call)
    if name == "uv" and second == "run":
        inner = _after_options(call.rest(1), _UV_RUN_VALUED, 0)
        return inner._replace(environment=call.environment or ".venv")
    if name in _CONDA and second == "run":
        inner = _after_options(call.rest(1), _CONDA_VALUED, 0)
        options, _ = options_of(call.words[2 : len(call.words) - len(inner.words)], _CONDA_VALUED)
        return inner._replace(environment=environment_option(options) or call.environment)
    return None


def _after_options(call: Call, valued: frozenset[str], skipped: int) -> Call:
    """The call behind the options of a wrapper, *skipped* words of its own and the variables that it sets."""
    at, assigned = 1, dict(call.assigned)
    words = call.words
    while at < len(words):
        shown = words[at].shown
        if shown == "--":
            at += 1
            break
        if not shown.startswith("-") or len(shown) == 1 or (call.name == "command" and shown in ("-v", "-V")):
            break
        at += 2 if shown in valued else 1
    at += skipped
    while at < len(words) and (found := _ASSIGNMENT.match(words[at].shown)) is not None:
        assigned[found[0][:-1]] = words[at].part(found.end()).value
        at += 1
    return call._replace(words=words[at:], assigned=assigned)


def _su(call: Call) -> Call | None:
    """``su - USER -c SCRIPT`` as ``sh -c SCRIPT``; ``runuser -u USER -- COMMAND``."""
    for at, word in enumerate(call.words[1:], start=1):
        if word.shown in ("-c", "--command"):
            shell = call.words[0]._replace(shown="sh", value="sh", offsets=(call.words[0].start,) * 2)
            return call._replace(words=(shell, *call.words[at : at + 2]))
        if word.shown == "--":
            return call.rest(at + 1)
    return call.rest(len(call.words))
