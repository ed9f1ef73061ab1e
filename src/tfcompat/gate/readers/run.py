"""What a ``RUN`` does: its commands, followed through wrappers and nested shells, as actions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import Opaque
from tfcompat.gate.readers.calls import Session
from tfcompat.gate.readers.dockerfile_words import Span, unquoted
from tfcompat.gate.readers.programs import Follower

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tfcompat.gate.commands import Action
    from tfcompat.gate.instructions import Instruction
    from tfcompat.gate.source import Source

__all__ = ["actions_of", "actions_of_script"]

_SHELLS = ("sh", "bash", "dash", "zsh", "ash")
_ACTION_LIMIT = 5000
_KEYWORD = re.compile(r"(?<![^\s;(`])(?:then|elif|else|fi|do|done|esac)(?![^\s;)`])")


def actions_of(
    instruction: Instruction, environment: Mapping[str, str | None], source: Source, shell: Sequence[str] = ()
) -> tuple[Action, ...]:
    """What the ``RUN`` *instruction* does, in the order of its commands; nothing for other instructions.

    *environment* has the ARG and ENV values of that point, None for one that is set to something unknown. *shell* are the words of
    the ``SHELL`` in force: ``conda run -n NAME`` in it names the environment that every command works in.
    """
    if instruction.keyword != "RUN":
        return ()
    session = Session(source, environment, _environment_of_shell(shell))
    if instruction.json is not None:
        return _bounded(Follower(session).follow_words(list(_arguments(instruction))), source, instruction)
    script = _script(instruction)
    return _bounded(Follower(session).follow(script), source, instruction)


def actions_of_script(text: str, offsets: tuple[int, ...], environment: Mapping[str, str | None], source: Source) -> tuple[Action, ...]:
    """What a shell script does that stands elsewhere, such as a line of a job's ``script``; *offsets* has one for each character."""
    return _bounded(Follower(Session(source, environment)).follow(Span(text, offsets)), source, None)


def _bounded(actions: Iterator[Action], source: Source, instruction: Instruction | None) -> tuple[Action, ...]:
    found: list[Action] = []
    for action in actions:
        if len(found) == _ACTION_LIMIT:
            place = source.place(instruction.start, instruction.end) if instruction else action.place
            return (*found, Opaque("more commands than are followed", place))
        found.append(action._replace(what=_without_script(action.what)) if isinstance(action, Opaque) else action)
    return tuple(found)


def _without_script(what: str) -> str:
    """A command for people, without what a script in it is made of."""
    keyword = _KEYWORD.search(what)
    if keyword is None:
        return what
    start = max(what.rfind("$(", 0, keyword.start()), what.rfind("`", 0, keyword.start()))
    return what[:start] + "$(...)" if start >= 0 else what[: keyword.start()].rstrip(" ;") or what


def _environment_of_shell(shell: Sequence[str]) -> str:
    words = list(shell)
    if len(words) > 3 and words[0].rpartition("/")[2] in ("conda", "mamba", "micromamba") and words[1] == "run":
        for at, word in enumerate(words[2:-1], start=2):
            if word in ("-n", "--name", "-p", "--prefix"):
                return words[at + 1]
    return ""


def _arguments(instruction: Instruction) -> Iterator[tuple[Span, int, int]]:
    """The words of the exec form, each with its offsets and its span."""
    for value, word in zip(instruction.json or (), instruction.words, strict=True):
        yield Span(value, unquoted(word, value)), word.start, word.end


def _script(instruction: Instruction) -> Span:
    """The script that the shell gets: a heredoc that is the whole command is the script itself."""
    value = Span(instruction.value, instruction.offsets)
    if not instruction.heredocs:
        return value
    first = instruction.heredocs[0]
    body = Span(first.body, tuple(range(first.start, first.end)))
    if len(instruction.heredocs) == 1 and _is_heredoc_alone(instruction.value):
        if first.body.startswith("#!"):
            program = first.body.partition("\n")[0].split()[-1].rpartition("/")[2]
            return body if program in _SHELLS else Span("", ())
        return body
    text, offsets = [value.text], list(value.offsets)
    last = instruction.end - 1
    for heredoc in instruction.heredocs:  # the shell gets them behind its command, each with its delimiter
        text.append(f"\n{heredoc.body}{heredoc.name}")
        offsets += (min(heredoc.start, last), *range(heredoc.start, heredoc.end), *(min(heredoc.end, last),) * len(heredoc.name))
    return Span("".join(text) + "\n", (*offsets, last))


def _is_heredoc_alone(value: str) -> bool:
    rest = value.lstrip("0123456789")
    return rest.startswith("<<") and len(rest.split()) == 1 and rest.count("<") == 2
