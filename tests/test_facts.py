"""Facts come from outside: each kind of bad input has one clear message."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.errors import CouldNotCheck
from tfcompat.facts import Facts, Unavailable, known, parse_facts, why

HEALTHY = (Path(__file__).parent / "facts" / "stand-ins.json").read_text(encoding="utf-8")
PIPE = "pipe the probe's whole output: python - < probe.py | tfcompat check --facts -"


def refusal(text: str | bytes) -> tuple[str, str]:
    with pytest.raises(CouldNotCheck) as caught:
        parse_facts(text, "x.json")
    return caught.value.message, caught.value.hint


def test_nothing() -> None:
    assert refusal("") == refusal(" \n") == ("x.json: nothing was read", f"the probe printed nothing: did the container start? {PIPE}")


def test_numbers_that_json_has_not_are_refused() -> None:
    message, _ = refusal('{"schema": "tfcompat-probe", "schema_version": 1, "seconds": NaN}')
    assert message == "x.json: not the JSON of a probe (truncated?): NaN is no JSON"


@pytest.mark.parametrize("text", ["{", HEALTHY[:5000], "Traceback (most recent call last):", "[" * 100_000])
def test_what_is_not_json(text: str) -> None:
    message, hint = refusal(text)
    assert message.startswith("x.json: not the JSON of a probe (truncated?): ")
    assert hint == PIPE


@pytest.mark.parametrize("text", ["[]", "1", "{}", '{"schema": "other"}', '"tfcompat-probe"'])
def test_other_json(text: str) -> None:
    assert refusal(text) == ("x.json: JSON, but not that of a probe", PIPE)


@pytest.mark.parametrize(("said", "shown"), [(2, "2"), ("1", '"1"'), (None, "null")])
def test_another_schema(said: Any, shown: str) -> None:
    document = json.loads(HEALTHY) | {"schema_version": said}
    advice = "use the probe of this very tfcompat: tfcompat probe --print"
    assert refusal(json.dumps(document)) == (f"x.json: schema_version {shown}, and this tfcompat reads 1", advice)


def test_a_field_of_another_kind_is_named() -> None:
    document = json.loads(HEALTHY)
    document["tensorflow"]["smoke"][0]["seconds"] = "soon"
    message, hint = refusal(json.dumps(document))
    assert message.startswith("x.json: tensorflow.Tensorflow.smoke.0.seconds: Input should be a valid number")
    assert hint == PIPE


def test_bytes_that_are_not_utf_8() -> None:
    assert refusal(b"\xff\xfe{}")[0].startswith("x.json: not the JSON of a probe (truncated?): ")


def test_what_an_older_probe_did_not_ask_is_unavailable() -> None:
    facts, _ = parse_facts('{"schema": "tfcompat-probe", "schema_version": 1}', "x.json")
    assert isinstance(facts, Facts)
    assert known(facts.tensorflow) is None
    assert why(facts.tensorflow) == "these facts do not say"
    assert why("a value") == ""
    assert known(Unavailable(unavailable="no")) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_document_is_read_or_refused(document: Any) -> None:
    text = json.dumps({"schema": "tfcompat-probe", "schema_version": 1, "tensorflow": document, "driver": document, "libraries": document})
    with suppress(CouldNotCheck):
        facts, kept = parse_facts(text, "x.json")
        assert kept == json.loads(text)
        assert isinstance(facts, Facts)
