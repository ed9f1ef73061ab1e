"""Trees of YAML and JSON: values, places, and what is refused."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.gate.readers.trees import Node, Unreadable, parse_json, parse_yaml
from tfcompat.gate.source import Source


def tree(text: str) -> Node:
    (document,) = parse_yaml(Source("a.yaml", text))
    return document


def plain(node: Node) -> object:
    """What a loader would give, with every scalar as text."""
    if node.kind == "map":
        return {key.text: plain(value) for key, value in node.items()}
    return [plain(each) for each in node.elements()] if node.kind == "list" else node.text


def written(text: str, *keys: str) -> str:
    node = tree(text).at(*keys)
    assert node is not None
    return text[node.start : node.end]


def refused(parse: object, text: str) -> str:
    with pytest.raises(Unreadable) as caught:
        parse(Source("a", text))  # type: ignore[operator]
    return f"{caught.value.place.line}:{caught.value.place.column} {caught.value.reason}"


def test_values_are_what_is_written() -> None:
    text = "v: 3.10\nt: true\nn:\nm: ~\nq: '~'\ne: \"\"\nl: [a, 'b c']\nb: |\n  x\n  y\nd: &a {k: v}\nr: *a\n"
    assert plain(tree(text)) == {
        "v": "3.10", "t": "true", "n": None, "m": None, "q": "~", "e": "",
        "l": ["a", "b c"], "b": "x\ny\n", "d": {"k": "v"}, "r": {"k": "v"},
    }  # fmt: skip


@pytest.mark.parametrize("head", ["", "\ufeff", "😀: 1\n", "# é\r\n"])
def test_places_are_offsets_of_characters(head: str) -> None:
    text = head + "image: &base tf:2.15  # it\nother: !!str 'x'\nlist:\n- a\n- b: c\n\n# below\nlast: {x: [1,\n 2]}\n"
    assert written(text, "image") == "tf:2.15"
    assert written(text, "other") == "'x'"
    assert written(text, "list") == "- a\n- b: c"
    assert written(text, "last") == "{x: [1,\n 2]}"
    assert written(text, "last", "x") == "[1,\n 2]"


def test_a_span_is_without_quotes_only_where_they_hold_the_value_itself() -> None:
    text = "a: \"x\"\nb: 'it''s'\nc: x\n"
    spans = [node.span(text) for _, node in tree(text).items()]
    assert [text[start:end] for start, end in spans] == ["x", "'it''s'", "x"]


def test_merge_keys_give_way_to_own_keys_and_earlier_maps() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: own\nw:\n  <<: *x\nq: {'<<': *x}\n"
    assert plain(tree(text)) == {
        "x": {"a": "1", "b": "2"},
        "y": {"b": "3", "c": "4"},
        "z": {"a": "own", "b": "2", "c": "4"},
        "w": {"a": "1", "b": "2"},
        "q": {"<<": {"a": "1", "b": "2"}},
    }


def test_merges_reach_through_merges() -> None:
    assert plain(tree("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}\n")) == {
        "a": {"x": "1"}, "b": {"y": "2", "x": "1"}, "c": {"y": "2", "x": "1"},
    }  # fmt: skip


def test_a_key_that_stands_twice_has_its_last_value() -> None:
    assert plain(tree("a: 1\nb: 2\na: 3\n")) == {"a": "3", "b": "2"}


def test_an_anchor_may_be_given_again_and_ends_with_its_document() -> None:
    assert plain(tree("- &a 1\n- &a 2\n- *a\n")) == ["1", "2", "2"]
    assert refused(parse_yaml, "a: &a x\n---\nb: *a\n") == "3:4 the alias *a names nothing"


def test_documents() -> None:
    documents = parse_yaml(Source("a", "a: 1\n---\n---\n- b\n...\n"))
    assert [plain(each) for each in documents] == [{"a": "1"}, None, ["b"]]
    assert parse_yaml(Source("a", "# nothing\n")) == ()


def test_tags_are_not_obeyed() -> None:
    text = "a: !reference [x, y]\nb: !!python/object/apply:os.system ['id']\nc: !Sub ${X}\n? [k, e]\n: v\n"
    document = tree(text)
    assert plain(document.get("a") or document) == ["x", "y"]
    assert (document.get("a") or document).tag == "!reference"
    assert plain(document.get("b") or document) == ["id"]
    assert written(text, "c") == "${X}"
    assert len(document.items()) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\n", "2:1 it is not YAML: did not find expected ',' or ']'"),
        ("a: b: c\n", "1:5 it is not YAML: mapping values are not allowed in this context"),
        ("a: *x\n", "1:4 the alias *x names nothing"),
        ("a: &x [1, *x]\n", "1:11 the alias *x stands inside of what it names"),
        ("\ufeffa: \x01\n", "1:5 it is not YAML: it has characters that YAML does not allow"),
        ("a: \ud800\n", "1:4 it is not YAML: it has characters that YAML does not allow"),
        ("[" * 101, "1:101 it is nested more than 100 levels deep"),
        ("- " * 100_000, "1:201 it is nested more than 100 levels deep"),
    ],
)
def test_what_is_not_yaml(text: str, said: str) -> None:
    assert refused(parse_yaml, text) == said


def test_aliases_of_aliases_stay_small() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
    assert tree(laughs).at("a59") is not None


def test_merges_of_merges_are_bounded() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    merges = f"a0: &a0 {{{keys}}}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 200))
    assert refused(parse_yaml, merges) == "101:7 it merges more than 100,000 keys"


def test_json_with_comments() -> None:
    text = (
        '\ufeff// first\n{\n\t"a": "b\\/c\\ud83d\\ude00", /* of\n two */ "n": [1.5e3, true, null, {},],\n "url": "https://x",\n}\n// last'
    )
    document = parse_json(Source("a", text))
    assert plain(document) == {"a": "b/c😀", "n": ["1.5e3", "true", None, {}], "url": "https://x"}
    node = document.at("n")
    assert node is not None
    assert text[node.start : node.end] == "[1.5e3, true, null, {},]"
    assert text[document.start : document.end] == text[10:-8]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1 it is not JSON: it ends where a value should stand"),
        ("{", '1:2 it is not JSON: it ends where a key in "" or } should stand'),
        ('{"a" 1}', "1:6 it is not JSON: there is more where a colon should stand"),
        ('{"a": 1 "b": 2}', "1:9 it is not JSON: there is more where a comma should stand"),
        ("[,]", "1:2 it is not JSON: there is more where a value or ] should stand"),
        ("[1}", "1:3 it is not JSON: there is more where a comma should stand"),
        ("{a: 1}", '1:2 it is not JSON: there is more where a key in "" or } should stand'),
        ("[] []", "1:4 it is not JSON: there is more where it should end"),
        ('["\\q"]', "1:2 it is not JSON: a text has an escape that JSON does not know"),
        ('["a\nb"]', "1:2 it is not JSON: there is more where a value or ] should stand"),
        ("/* ", "1:1 it is not JSON: there is more where a value should stand"),
        ("[" * 101, "1:101 it is nested more than 100 levels deep"),
    ],
)
def test_what_is_not_json(text: str, said: str) -> None:
    assert refused(parse_json, text) == said


VALUES = st.recursive(st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_json_is_read_as_it_was_written(value: object, ascii_only: bool, indent: int | None) -> None:
    assert plain(parse_json(Source("a", json.dumps(value, ensure_ascii=ascii_only, indent=indent)))) == value


@given(VALUES, st.booleans())
def test_yaml_is_read_as_its_loader_reads_it(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assert plain(tree(text)) == yaml.safe_load(text)


MARKUP = st.text(st.sampled_from("{}[]:,-?&*!|>'\"#%@ \n\t\r<~/\\ab1\ufeff\u2028\x85\x00😀\ud800")) | st.text()


@given(MARKUP)
def test_no_text_breaks_a_reader(text: str) -> None:
    for parse in (parse_yaml, parse_json):
        source = Source("a", text)
        with suppress(Unreadable):
            result = parse(source)
            for document in result if isinstance(result, tuple) else (result,):
                assert 0 <= document.start <= document.end <= len(text)


@pytest.mark.parametrize("head", ["", "\ufeff"])
def test_the_parser_without_c_says_the_same(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = head + "a: &x 'it''s 😀'\nb:\r\n- *x\n- {c: !t \"d\\u00e9\", e: }\n- |\n  f\n\n# g\nh: i\n"

    def places() -> list[tuple[str, int, int]]:
        top = tree(text)
        nodes = [top, *(each for pair in top.items() for each in pair), *(top.at("b") or top).elements()]
        return [(repr(plain(node)), node.start, node.end) for node in nodes]

    fast = places()
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert places() == fast
