"""Every value of a TOML file is found where tomllib reads it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.gate.readers.toml_places import TomlNode, parse_toml
from tfcompat.gate.readers.trees import Unreadable
from tfcompat.gate.source import Source

tomllib = import_module("tomllib" if find_spec("tomllib") else "tomli")
TEXT = """\ufeff
a.b.'c d' = 1 # = "no"
"q\\u0041" = 'lit\\eral'
x = [ "one", 'two', [3, { y = "in]line", z.w = '}' }], # [
  2020-01-01 10:00:00, ]
long = \"\"\"
two "" lines \\
   joined\"\"\"\"
raw = '''
it's'''
[t.u]
k = "v"
[[t.list]]
n = 1
[[t.list]]
n = 2
[t.list.deep]
m = true
[t]
late = -1.5e3
empty = ""
"""


def values(text: str, node: TomlNode) -> object:
    """What tomllib would give, each scalar read again from its own place."""
    if node.kind == "map":
        return {name: values(text, value) for name, _, value in node.entries()}
    if node.kind == "list":
        return [values(text, each) for each in node.elements()]
    return tomllib.loads("x = " + text[node.start : node.end])["x"]


def test_every_kind_of_value_is_found() -> None:
    root = parse_toml(Source("a.toml", TEXT))
    assert values(TEXT, root) == tomllib.loads(TEXT[1:])
    assert [TEXT[key.start : key.end] for _, key, _ in root.entries()] == ["a", '"q\\u0041"', "x", "long", "raw", "t"]


@pytest.mark.parametrize(
    ("path", "string"),
    [(("qA",), "lit\\eral"), (("long",), 'two "" lines joined"'), (("raw",), "it's"), (("t", "u", "k"), "v"), (("t", "late"), None)],
)
def test_strings_are_told_from_other_values(path: tuple[str, ...], string: str | None) -> None:
    node = parse_toml(Source("a.toml", TEXT)).at(*path)
    assert node is not None
    assert node.string == string


@pytest.mark.parametrize(
    ("written", "span", "held"),
    [
        ('"numpy<2"', (5, 7), "<2"), ("'numpy<2'", (0, 5), "numpy"), ('"a;\\"b\\""', (0, 1), "a"), ('"a;\\"b\\""', (0, 4), None),
        ('"""\nab"""', (0, 2), "ab"), ("'''\r\nab'''", (1, 2), "b"), ("'''a\r\nb'''", (0, 1), "a"), ("'''a\r\nb'''", (0, 3), None), ('"\\u0041b"', (1, 2), None),
    ],
)  # fmt: skip
def test_parts_of_a_string_are_found_before_the_first_escape(written: str, span: tuple[int, int], held: str | None) -> None:
    node = parse_toml(Source("a.toml", f"x = {written}")).get("x")
    assert node is not None
    found = node.inside(*span)
    assert (None if found is None else f"x = {written}"[slice(*found)]) == held


SCALARS = st.text(max_size=5) | st.integers(-9, 99) | st.booleans()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=8
)


def inline(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{inline(key)} = {inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return (
            "[" + "".join(f"\n {inline(each)}, # ]\n" for each in value) + "]"
            if not any(isinstance(e, dict) for e in value)
            else "[" + ", ".join(map(inline, value)) + "]"
        )
    if isinstance(value, str):
        return '"' + "".join(c if (c.isalnum() and c.isascii()) or c in " .[]{}#='" else f"\\U{ord(c):08X}" for c in value) + '"'
    return str(value).lower()


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), VALUES, max_size=4))
def test_what_is_written_is_found_again(table: dict[str, object]) -> None:
    text = "".join(f"{inline(key)} = {inline(value)}\n" for key, value in table.items())
    try:
        expected = tomllib.loads(text)
    except ValueError:  # half a surrogate pair; a line end in an inline table
        with pytest.raises(Unreadable):
            parse_toml(Source("a.toml", text))
        return
    assert values(text, parse_toml(Source("a.toml", text))) == expected


def test_many_levels_are_no_end() -> None:
    with pytest.raises(Unreadable, match="it is nested too deeply"):
        parse_toml(Source("a.toml", "x = " + "[" * 100_000 + "]" * 100_000))
