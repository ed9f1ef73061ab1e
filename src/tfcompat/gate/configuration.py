"""``[tool.tfcompat]`` of a ``pyproject.toml``: what it says, and what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from tfcompat.errors import RequestError
from tfcompat.gate.selection import name_fault
from tfcompat.gate.settings import NOT_CHECKED, PLATFORMS, Excuse, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from tfcompat.gate.readers.toml_places import TomlNode
    from tfcompat.gate.source import Place, Source
    from tfcompat.matrix import Matrix

__all__ = ["read_settings"]

_KEYS = (
    "gpu", "driver", "platform", "build-args", "select", "ignore", "fail-on", "severity", "exclude", "images", "baseline", "excuse",
    "registry",  # is for the commands that ask one, and read by them
)  # fmt: skip
_EXCUSE = ("rule", "path", "reason", "until", "contains")
_LEVELS = ("off", "info", "warning", "error")
_DATE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_DRIVER = re.compile(r"\d+(\.\d+)*", re.A)


def read_settings(source: Source | None, matrix: Matrix | None = None) -> Settings:
    """The settings in *source*; those of nobody for None, or where it has no such table. With *matrix*, names of GPUs are looked up.

    Raises :class:`RequestError`, with the line, for what cannot be understood.
    """
    if source is None or "tfcompat" not in source.text:
        return Settings()
    from tfcompat.gate.readers.toml_places import load_toml, parse_toml
    from tfcompat.gate.readers.trees import Unreadable

    try:
        values, nodes = load_toml(source), parse_toml(source)
    except Unreadable as error:
        raise RequestError(f"{error.place}: {error.reason}") from None
    tool = values.get("tool")
    table = tool.get("tfcompat") if isinstance(tool, dict) else None
    if table is None:
        return Settings()
    return _Table(source, nodes, ("tool", "tfcompat"), table, _KEYS).settings(matrix)


class _Table:
    """One table; every key is known, and every value is asked for by its type."""

    def __init__(self, source: Source, nodes: TomlNode, path: tuple[str, ...], values: Any, known: Sequence[str]) -> None:
        self.source = source
        self.node = nodes.at(*path) if path else nodes
        self.name = ".".join(path) or "tool.tfcompat.excuse"
        if not isinstance(values, dict):
            raise self.error(None, f"{self.name} should be a table, not {_type(values)}")
        self.values: Mapping[str, Any] = values
        for key in values:
            if known and key not in known:
                raise self.error(key, f"{self.name} has no key {key[:80]!r}", _nearest(key, known))

    def place(self, key: str | None, index: int | None = None) -> Place:
        node = self.node
        if node is not None and key is not None:
            # the key where the value is wrong as a whole; an element of a list on its own
            pairs = node.items()
            found = next(((name, value) for name, value in pairs if name.string == key or _bare(self.source, name) == key), None)
            if found is not None:
                elements = found[1].elements() if index is not None and found[1].kind == "list" else []
                node = elements[index] if index is not None and index < len(elements) else found[0]
        return self.source.place(node.start, node.end) if node is not None else self.source.place(0)

    def error(self, key: str | None, reason: str, hint: str = "", index: int | None = None) -> RequestError:
        return RequestError(f"{self.place(key, index)}: {reason}", hint)

    def text(self, key: str, hint: str = "") -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, f"{self.name}.{key} should be text, not {_type(value)}", hint or _quoted(value))
        return value

    def texts(self, key: str, single: bool = False) -> tuple[str, ...]:
        value = self.values.get(key, [])
        if single and isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            kind = "text or a list of texts" if single else "a list of texts"
            raise self.error(key, f"{self.name}.{key} should be {kind}, not {_type(value)}", f"{key} = [{_written(value)}]")
        for index, each in enumerate(value):
            if not isinstance(each, str):
                raise self.error(key, f"{self.name}.{key} should be a list of texts; this is {_type(each)}", _quoted(each), index)
        return tuple(value)

    def pairs(self, key: str) -> dict[str, str]:
        if key not in self.values:
            return {}
        inner = self._below(key)
        return {name: inner.text(name) or "" for name in inner.values}

    def _below(self, key: str) -> _Table:
        table = _Table.__new__(_Table)
        value = self.values[key]
        if not isinstance(value, dict):
            raise self.error(key, f"{self.name}.{key} should be a table, not {_type(value)}")
        table.source, table.node, table.name, table.values = (
            self.source,
            self.node.at(key) if self.node else None,
            f"{self.name}.{key}",
            value,
        )
        return table

    def choice(self, key: str, choices: Sequence[str]) -> str | None:
        value = self.text(key)
        if value is not None and value not in choices:
            raise self.error(key, f"{self.name}.{key} is {value[:80]!r}", _nearest(value, choices))
        return value

    def rules(self, key: str) -> tuple[str, ...]:
        names = self.texts(key)
        for index, name in enumerate(names):
            self.known(key, name, index)
        return names

    def known(self, key: str, name: str, index: int | None = None) -> None:
        fault = name_fault(name)
        if fault is not None:
            raise self.error(key, *fault, index)

    def settings(self, matrix: Matrix | None) -> Settings:
        driver = self.text("driver")
        if driver is not None and not _DRIVER.fullmatch(driver):
            raise self.error(
                "driver", f"{self.name}.driver is {driver[:80]!r}, which is no version of a driver", 'as in driver = "535" or "535.104.05"'
            )
        baseline = self.text("baseline")
        if baseline is not None and (not baseline or baseline.startswith("/") or ".." in baseline.split("/")):
            raise self.error(
                "baseline", f"{self.name}.baseline is {baseline[:80]!r}", "name a file of the tree, as in .tfcompat-baseline.json"
            )
        return Settings(
            gpu=self.gpus(matrix),
            driver=driver,
            platform=self.choice("platform", PLATFORMS),
            build_args=self.pairs("build-args"),
            select=self.rules("select"),
            ignore=self.rules("ignore"),
            fail_on=cast("Literal['error', 'warning']", self.choice("fail-on", ("error", "warning")) or "error"),
            levels=self.levels(),
            excuses=self.excuses(),
            exclude=self.texts("exclude", single=True),
            images=self.pairs("images"),
            baseline=baseline,
        )

    def gpus(self, matrix: Matrix | None) -> tuple[str, ...]:
        names, what = self.texts("gpu", single=True), f"{self.name}.gpu"
        if matrix is not None:
            from tfcompat.matrix.gpus import find_gpu

            for index, name in enumerate(names):
                try:
                    find_gpu(matrix, name, what)
                except RequestError as error:
                    head, found, value = error.hint.partition(f": {what} ")
                    raise self.error("gpu", error.message, f'{head}, as in gpu = ["{value}"]' if found else head, index) from None
        return names

    def levels(self) -> dict[str, str]:
        if "severity" not in self.values:
            return {}
        table = self._below("severity")
        for name in table.values:
            table.known(name, name)
            table.choice(name, _LEVELS)
        return dict(table.values)

    def excuses(self) -> tuple[Excuse, ...]:
        value = self.values.get("excuse", [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.error("excuse", f"{self.name}.excuse should be tables, not {_type(value)}", "[[tool.tfcompat.excuse]]")
        array = self.node.get("excuse") if self.node is not None else None
        nodes = array.elements() if array is not None else []
        return tuple(_Table(self.source, node, (), each, _EXCUSE).excuse() for each, node in zip(value, nodes, strict=True))

    def excuse(self) -> Excuse:
        rule, reason = self.text("rule"), self.text("reason")
        if not rule:
            raise self.error("rule", "an excuse names no rule", 'as in rule = "floating-tag"')
        if rule != NOT_CHECKED:
            self.known("rule", rule)
        if not reason or not reason.strip():
            raise self.error("reason", f"the excuse of {rule} has no reason", "say in reason why it is right here")
        path = self.text("path") or ""
        if rule == NOT_CHECKED and not path:
            raise self.error("rule", f"the excuse of {rule} has no path", 'name the file, as in path = "requirements.txt"')
        return Excuse(rule, path, reason, self.until(), self.place(None), self.text("contains") or "")

    def until(self) -> str:
        value = self.values.get("until", "")
        text = str(value) if type(value).__name__ == "date" else value
        if not isinstance(text, str) or (text and not _is_date(text)):
            raise self.error("until", f"until is {_written(value)[:80]}, which is no date", "as in until = 2027-01-31")
        return text


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day = map(int, match.groups())
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return year > 0 and day <= (28 + leap if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def _bare(source: Source, name: TomlNode) -> str:
    return source.text[name.start : name.end]


def _type(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}
    return names.get(type(value), "a date")


def _written(value: object) -> str:
    return f'"{value}"' if isinstance(value, str | int | float) and not isinstance(value, bool) else str(value)


def _quoted(value: object) -> str:
    return f"put it in quotes: {_written(value)}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _nearest(name: str, names: Sequence[str]) -> str:
    """The names that are closest, or all where there are few of them, as a hint."""
    from difflib import get_close_matches

    found = get_close_matches(name[:80].lower(), names, 2, 0.5)
    if found:
        return f"did you mean {' or '.join(found)}?"
    return f"there are {', '.join(names[:-1])} and {names[-1]}" if len(names) <= len(_KEYS) else "tfcompat rule lists them all"
