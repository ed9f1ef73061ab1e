"""Files that a command makes or changes and that a later command may install: the tree's version of them says nothing then."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.gate.commands import Rewritten
from tfcompat.gate.readers.calls import options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tfcompat.gate.readers.calls import Call

__all__ = ["rewrites"]

_WRITING = (">", ">>", ">|", "&>", "&>>")
_NAMES = (".txt", ".in", ".toml", ".yml", ".yaml", ".lock")
_NAME_IN_CODE = re.compile(r"""["']([^"'\s]+\.(?:txt|in|toml|ya?ml|lock))["']""")
_WRITES = re.compile(r"""write|dump|inplace|rename|replace\(|copy|move|to_csv|,\s*(?:mode\s*=\s*)?["'][rb+]*[wax+]|file\s*=""")
_OUTPUTS = frozenset(["-o", "--output", "--output-file", "-O", "--output-document", "--savepath"])
_CURL_VALUED = frozenset(["-o", "--output", "-H", "--header", "-u", "--user", "-A", "-e", "-d", "--data", "-m", "--retry", "-X", "--url"])
_WGET_VALUED = frozenset(["-O", "--output-document", "-P", "-o", "--output-file", "-t", "-T", "-U", "--header", "--user", "--password"])
_VALUED = _OUTPUTS | {"-e", "-f", "-t", "--expression", "--file", "--target-directory"}
_PATH_LIMIT = 500  # characters


def rewrites(call: Call) -> Iterator[Rewritten]:
    """The files that *call* writes, by its redirections or its arguments."""
    for path in dict.fromkeys(_written(call)):
        if path.endswith(_NAMES) and len(path) <= _PATH_LIMIT:
            yield Rewritten(call.session.below(path) or path, call.place)


def _written(call: Call) -> Iterator[str]:
    for one in call.command.redirections:
        if one.operator in _WRITING:
            yield from call.session.expanded(one.target)
    if call.words and (writer := _WRITERS.get(call.name)) is not None:
        yield from writer(call)
    elif call.words and call.name.startswith("python"):
        yield from _by_python(call)


def _others(call: Call) -> list[str]:
    return [word.shown for word in options_of(call.words[1:], _VALUED)[1]]


def _in_place(call: Call) -> Iterator[str]:
    """``sed -i``, ``perl -pi``, ``yq -i``, ``awk -i inplace``: every argument, of which the first may be the script."""
    if any(re.match(r"-[A-Za-z]*i|--in-?place|inplace", word.shown) for word in call.words[1:]):
        given = any(word.shown in ("-e", "-f", "--expression", "--file") for word in call.words)
        words = [word.shown for word in call.words[1:] if not word.shown.startswith("-")]
        yield from words if given else words[1:]


def _arguments(call: Call) -> Iterator[str]:
    yield from _others(call)


def _moved(call: Call) -> Iterator[str]:
    """``mv``, ``cp``, ``install`` and ``ln``: the last argument, or each file below the folder that it is."""
    options, others = options_of(call.words[1:], frozenset(("-t", "--target-directory", "-m", "-o", "-g", "-S")))
    into = next((one.value.shown for one in options if one.name in ("-t", "--target-directory") and one.value is not None), None)
    paths = [word.shown for word in others]
    if into is None and len(paths) < 2:
        return
    target, sources = (paths[-1], paths[:-1]) if into is None else (into, paths)
    if into is None and target.endswith(_NAMES):
        yield target
        return
    for source in sources:
        yield source.rpartition("/")[2] if target in (".", "./") else f"{target.rstrip('/')}/{source.rpartition('/')[2]}"


def _output(call: Call) -> Iterator[str]:
    """What ``-o`` names: ``poetry export``, ``uv pip compile``, ``curl``."""
    for option in options_of(call.words[1:], _OUTPUTS)[0]:
        if option.name in _OUTPUTS and option.value is not None:
            yield option.value.shown


def _fetched(call: Call) -> Iterator[str]:
    """``curl -o FILE URL``, ``curl -O URL`` and ``wget URL``: without a name of its own, a file has that of its URL."""
    curl = call.name == "curl"
    wanted = ("-o", "--output") if curl else ("-O", "--output-document")
    valued = _CURL_VALUED if curl else _WGET_VALUED
    options, others = options_of(call.words[1:], valued)
    named = [one.value.shown for one in options if one.name in wanted and one.value is not None]
    yield from named
    if not named and (not curl or any(one.name in ("-O", "--remote-name", "--remote-name-all") for one in options)):
        yield from (re.split(r"[?#]", word.shown, maxsplit=1)[0].rpartition("/")[2] for word in others)


def _compiled(call: Call) -> Iterator[str]:
    """``pip-compile``, which names its output after its input where no option does."""
    named = list(_output(call))
    if named:
        yield from named
        return
    given = [path for path in _others(call) if path.endswith((".in", ".toml", ".py"))]
    yield from (path.removesuffix(".in") + ".txt" if path.endswith(".in") else "requirements.txt" for path in given or ["requirements.in"])


def _by_python(call: Call) -> Iterator[str]:
    """``python -c CODE`` and ``python <<EOF``, where the code names a file and writes something."""
    words = [word.shown for word in call.words]
    code = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "-c"]
    code += [one.body.text for one in call.command.redirections if one.body is not None]
    for text in code:
        if _WRITES.search(text) is not None:
            yield from _NAME_IN_CODE.findall(text)
    if "-m" in words and "piptools" in words and "compile" in words:
        yield from _compiled(call.rest(words.index("compile")))


_WRITERS: dict[str, Callable[[Call], Iterator[str]]] = {
    "sed": _in_place, "gsed": _in_place, "perl": _in_place, "awk": _in_place, "gawk": _in_place, "yq": _in_place,
    "tee": _arguments, "sponge": _arguments, "patch": _arguments,
    "mv": _moved, "cp": _moved, "install": _moved, "ln": _moved,
    "poetry": _output, "pdm": _output, "uv": _output, "curl": _fetched, "wget": _fetched, "pipreqs": _output, "sort": _output,
    "pip-compile": _compiled,
}  # fmt: skip
