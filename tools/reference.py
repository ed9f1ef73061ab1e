"""The reference as Markdown: commands from the actions of their parsers, the Python interface from its source and docstrings.

A parser's own help differs between releases of Python, and so does what ``inspect`` prints: both are read from what does not.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tfcompat
from tfcompat.cli.main import _COMMANDS, build_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command_list", "plain", "python_list"]

_RETURNED = ("join.Joined", "resolver.plan.PlanImage", "pins.PlanPins", "inspection.Inspection")  # what public functions return
_HIDDEN = (argparse._HelpAction, argparse._SubParsersAction)


def command_list() -> str:
    """Every command and subcommand with its arguments and options."""
    names = list(_subcommands(build_parser(_COMMANDS, ())).choices)
    commands = _subcommands(build_parser(names, names)).choices
    return "\n".join(line for parser in commands.values() for line in _command(parser, "##")) + "\n"


def _subcommands(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[Any]:
    return next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def _command(parser: argparse.ArgumentParser, level: str, about: str = "") -> Iterator[str]:
    """A heading, what the command is for, its options by group, its examples; then its subcommands likewise."""
    yield f"\n{level} {parser.prog}\n"
    description = parser.description or (f"{about[:1].upper()}{about[1:]}." if about else "")
    if description:
        yield f"{_cell(' '.join(description.split()))}\n"
    subcommands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    yield f"```text\n{parser.prog} {'COMMAND ...' if subcommands else _usage(parser)}\n```"
    exclusive = {id(action): group for group in parser._mutually_exclusive_groups for action in group._group_actions}
    for group in parser._action_groups:
        actions = [action for action in group._group_actions if not isinstance(action, _HIDDEN) and action.help != argparse.SUPPRESS]
        if not actions:
            continue
        own = group.title not in ("positional arguments", "options")
        title = f"**{(group.title or '').capitalize()}**" + (f": {_cell(group.description)}" if group.description else "") if own else ""
        yield f"\n{title}\n" if title else ""
        yield f"| {'argument' if group.title == 'positional arguments' else 'option'} | meaning |\n| --- | --- |"
        for action in actions:
            yield f"| {_names(action)} | {_meaning(action, parser, exclusive.get(id(action)))} |"
    if parser.epilog and not subcommands:
        yield f"\n```text\n{parser.epilog.replace('%(prog)s', parser.prog).strip()}\n```"
    for action in subcommands:
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, child in action.choices.items():
            yield from _command(child, f"{level}#", helps.get(name, ""))


def _usage(parser: argparse.ArgumentParser) -> str:
    """What must be given, and where the rest stands."""
    words = ["[OPTION ...]"] if any(a.option_strings and not isinstance(a, _HIDDEN) for a in parser._actions) else []
    for action in parser._actions:
        if action.option_strings or isinstance(action, _HIDDEN):
            continue
        name = _metavar(action)
        words.append({"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(str(action.nargs), name))
    return " ".join(words)


def _names(action: argparse.Action) -> str:
    metavar = _metavar(action) if action.nargs != 0 else ""
    value = f"[{metavar}]" if action.nargs == "?" else metavar
    if not action.option_strings:
        return f"`{_metavar(action)}`"
    return ", ".join(f"`{name}{' ' + value if value else ''}`".replace("|", "\\|") for name in action.option_strings)


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def _meaning(action: argparse.Action, parser: argparse.ArgumentParser, exclusive: argparse._MutuallyExclusiveGroup | None) -> str:
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    parts = [_cell(text)] if text else []
    if isinstance(action.metavar, str) and action.choices is not None and not all(str(choice) in text for choice in action.choices):
        parts.append(f"one of {', '.join(f'`{choice}`' for choice in action.choices)}")
    if action.required and action.option_strings:
        parts.append("must be given")
    if "default" not in text and (default := _default(action)):
        parts.append(default)
    others = [a.option_strings[0] for a in exclusive._group_actions if a is not action] if exclusive else []
    parts += [f"not with {', '.join(f'`{name}`' for name in others)}"] if others else []
    return "; ".join(parts)


def _default(action: argparse.Action) -> str:
    value = action.default
    if value is None or value is False or value in ([], "", argparse.SUPPRESS) or action.nargs == 0:
        return ""
    if isinstance(value, Path) and value.is_absolute():
        return "default: the file of that name in the package" if Path(tfcompat.__file__).parent in value.parents else ""
    return f"default: `{value}`"


# -- Python ------------------------------------------------------------------------------------------


def python_list() -> str:
    """Every name of ``tfcompat.__all__``, and what its functions return."""
    public = [name for name in tfcompat.__all__ if name != "__version__"]
    objects = {name: getattr(tfcompat, name) for name in public}
    kinds: dict[str, list[str]] = {"Functions": [], "Values": [], "Errors": [], "What functions return": []}
    for name, value in objects.items():
        error = isinstance(value, type) and issubclass(value, Exception)
        kinds["Errors" if error else "Values" if isinstance(value, type) else "Functions"] += _object(f"tfcompat.{name}", value)
    for path in _RETURNED:
        module, _, name = f"tfcompat.{path}".rpartition(".")
        if name not in objects:
            kinds["What functions return"] += _object(f"{module}.{name}", getattr(import_module(module), name))
    return "".join(f"\n## {title}\n{''.join(text)}" for title, text in kinds.items())


def _object(name: str, value: Any) -> Iterator[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    source = textwrap.dedent(inspect.getsource(value))
    yield f"\n### {name}\n"
    if isinstance(tree, ast.ClassDef):
        yield from _class(tree, source)
        if issubclass(value, tfcompat.TfcompatError):
            yield f"\nThe command line ends with {value.exit_code}.\n"
    elif isinstance(tree, ast.FunctionDef):
        yield f"\n```text\n{_folded(f'{name}{_signature(tree, source)}')}\n```\n{_prose(tree)}"


def _class(tree: ast.ClassDef, source: str) -> Iterator[str]:
    bases = ", ".join(_text(base, source) for base in tree.bases)
    yield f"\n```text\nclass {tree.name}{f'({bases})' if bases else ''}\n```\n{_prose(tree)}"
    fields = [n for n in tree.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and not n.target.id.startswith("_")]
    if fields:
        yield "\n| field | type | default |\n| --- | --- | --- |\n"
        for field in fields:
            default = f"`{ast.get_source_segment(source, field.value)}`" if field.value is not None else ""
            yield _row(f"`{_text(field.target, source)}`", f"`{_text(field.annotation, source)}`", default)
    methods = [n for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    if methods:
        yield "\n| method or property | meaning |\n| --- | --- |\n"
    for method in methods:
        marks = {_text(d, source).rpartition(".")[2] for d in method.decorator_list}
        returns = f" -> {_text(method.returns, source)}" if method.returns is not None else ""
        called = returns if marks & {"property", "cached_property"} else _signature(method, source)
        first = (ast.get_docstring(method) or "").partition("\n\n")[0]
        yield _row(f"`{method.name}{called}`", _markdown(" ".join(first.split())))


def _folded(text: str) -> str:
    return textwrap.fill(text, 100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _signature(tree: ast.FunctionDef, source: str) -> str:
    """The parameters and the result as they stand in the source, without ``self``."""
    head = re.sub(r"\s+", " ", source.split(f"def {tree.name}", 1)[1] if tree.col_offset == 0 else _head(tree, source))
    end = _text(tree.returns, source) if tree.returns is not None else ""
    parameters = head[: head.index(f"-> {end}")].strip() if end else head
    parameters = re.sub(r"^\((self|cls)(, )?", "(", parameters).replace("( ", "(").replace(", )", ")")
    return f"{parameters} -> {end}" if end else parameters


def _head(tree: ast.FunctionDef, source: str) -> str:
    lines = source.splitlines()[tree.lineno - 1 : tree.body[0].lineno - 1]
    return " ".join(lines).split(f"def {tree.name}", 1)[1]


def _text(node: ast.AST, source: str) -> str:
    return re.sub(r"\s+", " ", ast.get_source_segment(source, node) or "").strip("\"'")


def _prose(tree: ast.ClassDef | ast.FunctionDef) -> str:
    text = _markdown(ast.get_docstring(tree) or "")
    return f"\n{text}\n" if text else ""


def _markdown(text: str) -> str:
    """A docstring's marks as those of Markdown."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    return re.sub(r"``([^`]*)``", r"`\1`", text)


def plain(text: str) -> str:
    """Without marks of Markdown outside what is code."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        for mark in "\\*_<":
            parts[index] = parts[index].replace(mark, "\\" + mark)
    return "`".join(parts)


def _cell(text: str) -> str:
    return plain(text).replace("|", "\\|")
