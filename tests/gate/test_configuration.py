"""``[tool.tfcompat]``: what it says, and exact words for what is wrong with it."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompat.errors import RequestError
from tfcompat.gate.configuration import read_settings
from tfcompat.gate.settings import Settings
from tfcompat.gate.source import Source
from tfcompat.matrix import load_bundled


def source(text: str) -> Source:
    return Source("pyproject.toml", dedent(text).lstrip("\n"))


def test_everything_it_can_say() -> None:
    file = source("""
        [project]
        name = "x"
        [tool.tfcompat]
        gpu = ["A100", "8.6"]
        driver = "535"
        platform = "linux/arm64"
        build-args = { TF = "2.15.0", "A B" = "" }
        select = ["floating-tag"]
        ignore = ["two-keras"]
        fail-on = "warning"
        exclude = ["examples/", "*.bak"]
        baseline = ".tfcompat-baseline.json"
        [tool.tfcompat.severity]
        floating-tag = "error"
        cannot-follow = "off"
        [tool.tfcompat.images]
        "ghcr.io/acme/base:1" = "python:3.11-slim"
        [[tool.tfcompat.excuse]]
        rule = "floating-tag"
        path = "dev/"
        reason = "rebuilt each night"
        until = 2027-01-31
        [[tool.tfcompat.excuse]]
        rule = "two-keras"
        reason = "both are needed"
        until = "2028-02-29"
        contains = "tf-keras"
        """)
    settings = read_settings(file, load_bundled())
    assert settings._replace(excuses=()) == Settings(
        gpu=("A100", "8.6"),
        driver="535",
        platform="linux/arm64",
        build_args={"TF": "2.15.0", "A B": ""},
        select=("floating-tag",),
        ignore=("two-keras",),
        fail_on="warning",
        levels={"floating-tag": "error", "cannot-follow": "off"},
        exclude=("examples/", "*.bak"),
        images={"ghcr.io/acme/base:1": "python:3.11-slim"},
        baseline=".tfcompat-baseline.json",
    )
    assert [(*each[:4], each.place.line, each.contains) for each in settings.excuses] == [
        ("floating-tag", "dev/", "rebuilt each night", "2027-01-31", 18, ""),
        ("two-keras", "", "both are needed", "2028-02-29", 23, "tf-keras"),
    ]


@pytest.mark.parametrize("text", ["", "[project]\nname = 'tfcompat'\n", "[tool.black]\n# tfcompat\n", "[tool.tfcompat]\n"])
def test_nothing_said(text: str) -> None:
    assert read_settings(source(text)) == Settings()


def test_no_file() -> None:
    assert read_settings(None) == Settings()


def test_a_single_gpu_may_be_text() -> None:
    assert read_settings(source('[tool.tfcompat]\ngpu = "T4"\n')).gpu == ("T4",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("tool = {tfcompat = 1}", "1: tool.tfcompat should be a table, not a number", ""),
        ("[tool.tfcompat]\nfail_on = 'error'", "2: tool.tfcompat has no key 'fail_on'", "did you mean fail-on?"),
        (
            "[tool.tfcompat]\nzzz = 1",
            "2: tool.tfcompat has no key 'zzz'",
            "there are gpu, driver, platform, build-args, select, ignore, fail-on, severity, exclude, images, baseline, excuse and registry",
        ),
        ("[tool.tfcompat]\ndriver = 535", "2: tool.tfcompat.driver should be text, not a number", 'put it in quotes: "535"'),
        (
            "[tool.tfcompat]\ndriver = 'new'",
            "2: tool.tfcompat.driver is 'new', which is no version of a driver",
            'as in driver = "535" or "535.104.05"',
        ),
        ("[tool.tfcompat]\ngpu = 8.6", "2: tool.tfcompat.gpu should be text or a list of texts, not a number", 'gpu = ["8.6"]'),
        (
            "[tool.tfcompat]\ngpu = [\n 'T4',\n 8.6]",
            "4: tool.tfcompat.gpu should be a list of texts; this is a number",
            'put it in quotes: "8.6"',
        ),
        (
            "[tool.tfcompat]\nselect = 'floating-tag'",
            "2: tool.tfcompat.select should be a list of texts, not text",
            'select = ["floating-tag"]',
        ),
        ("[tool.tfcompat]\nselect = ['floating-tags']", "2: there is no rule 'floating-tags'", "did you mean floating-tag?"),
        ("[tool.tfcompat]\nselect = ['keras-range']", "2: no finding is named keras-range", "the gate tells it as keras-pin-mismatch"),
        (
            "[tool.tfcompat]\nignore = ['not-checked']",
            "2: not-checked is the name of no finding",
            "[[tool.tfcompat.excuse]] excuses it, with a path and a reason",
        ),
        (
            "[tool.tfcompat.severity]\nwheel-has-cuda = 'off'",
            "2: no finding is named wheel-has-cuda",
            "the gate tells it as gpu-image-with-cpu-package",
        ),
        (
            "[[tool.tfcompat.excuse]]\nrule = 'keras-range'\nreason = 'x'",
            "2: no finding is named keras-range",
            "the gate tells it as keras-pin-mismatch",
        ),
        (
            "[[tool.tfcompat.excuse]]\nrule = 'not-checked'\nreason = 'x'",
            "2: the excuse of not-checked has no path",
            'name the file, as in path = "requirements.txt"',
        ),
        ("[tool.tfcompat]\nignore = ['qqq']", "2: there is no rule 'qqq'", "tfcompat rule lists them all"),
        ("[tool.tfcompat]\nfail-on = 'info'", "2: tool.tfcompat.fail-on is 'info'", "there are error and warning"),
        ("[tool.tfcompat]\nplatform = 'linux/amd'", "2: tool.tfcompat.platform is 'linux/amd'", "did you mean linux/amd64 or linux/arm64?"),
        ("[tool.tfcompat]\nbuild-args = ['A=1']", "2: tool.tfcompat.build-args should be a table, not a list", ""),
        ("[tool.tfcompat.build-args]\n'A B' = true", "2: tool.tfcompat.build-args.A B should be text, not true or false", ""),
        ("[tool.tfcompat.severity]\nfloating = 'off'", "2: there is no rule 'floating'", "did you mean floating-tag?"),
        ("[tool.tfcompat.severity]\nfloating-tag = 'err'", "2: tool.tfcompat.severity.floating-tag is 'err'", "did you mean error?"),
        (
            "[tool.tfcompat.severity]\nfloating-tag = 1",
            "2: tool.tfcompat.severity.floating-tag should be text, not a number",
            'put it in quotes: "1"',
        ),
        (
            "[tool.tfcompat]\nbaseline = '../b.json'",
            "2: tool.tfcompat.baseline is '../b.json'",
            "name a file of the tree, as in .tfcompat-baseline.json",
        ),
        ("[tool.tfcompat]\nexcuse = ['x']", "2: tool.tfcompat.excuse should be tables, not a list", "[[tool.tfcompat.excuse]]"),
        ("[[tool.tfcompat.excuse]]\nreason = 'x'", "1: an excuse names no rule", 'as in rule = "floating-tag"'),
        ("[[tool.tfcompat.excuse]]\nrule = 'x'", "2: there is no rule 'x'", "tfcompat rule lists them all"),
        ("[[tool.tfcompat.excuse]]\nrule = 'two-keras'", "1: the excuse of two-keras has no reason", "say in reason why it is right here"),
        (
            "[[tool.tfcompat.excuse]]\nrule = 'two-keras'\nreason = ' '",
            "3: the excuse of two-keras has no reason",
            "say in reason why it is right here",
        ),
        ("[[tool.tfcompat.excuse]]\nrules = 'two-keras'", "2: tool.tfcompat.excuse has no key 'rules'", "did you mean rule or reason?"),
        (
            "[[tool.tfcompat.excuse]]\nrule = 'two-keras'\nreason = 'x'\nuntil = '2027-02-29'",
            '4: until is "2027-02-29", which is no date',
            "as in until = 2027-01-31",
        ),
        (
            "[[tool.tfcompat.excuse]]\nrule = 'two-keras'\nreason = 'x'\nuntil = 2027-02-28T10:00:00",
            "4: until is 2027-02-28 10:00:00, which is no date",
            "as in until = 2027-01-31",
        ),
        ("[tool.tfcompat\n", "1: it is not TOML: Expected ']' at the end of a table declaration", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str, hint: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_settings(source(text))
    assert (caught.value.message, caught.value.hint) == (f"pyproject.toml:{message}", hint)


def test_gpus_are_looked_up() -> None:
    with pytest.raises(RequestError) as caught:
        read_settings(source('[tool.tfcompat]\ngpu = [\n  "T4",\n  "A10O",\n]\n'), load_bundled())
    assert caught.value.message == "pyproject.toml:4: tool.tfcompat.gpu: 'A10O' is not a GPU that the matrix knows"
    with pytest.raises(RequestError) as caught:
        read_settings(source('[tool.tfcompat]\ngpu = "RTX 4000"\n'), load_bundled())
    assert (caught.value.message, caught.value.hint) == (
        "pyproject.toml:2: tool.tfcompat.gpu: 'RTX 4000' is ambiguous: compute capability 7.5 or 8.9",
        'say which, as in gpu = ["7.5"]',
    )


def test_what_could_not_be_checked_is_excused_by_path() -> None:
    text = '[[tool.tfcompat.excuse]]\nrule = "not-checked"\npath = "gen.txt"\nreason = "CI makes it"\n'
    (excuse,) = read_settings(source(text)).excuses
    assert (excuse.rule, excuse.path, excuse.reason) == ("not-checked", "gen.txt", "CI makes it")


KEYS = st.sampled_from(
    [
        "gpu",
        "driver",
        "platform",
        "build-args",
        "select",
        "ignore",
        "fail-on",
        "severity",
        "exclude",
        "images",
        "baseline",
        "excuse",
        "rule",
        "reason",
        "x",
    ]
)
VALUES = st.sampled_from(
    [
        "1",
        "true",
        "'x'",
        "[]",
        "['floating-tag']",
        "{}",
        "{a = 'b'}",
        "[{}]",
        "[{rule = 'two-keras', reason = 'x'}]",
        "2027-01-01",
        "1.5",
        "[1]",
        '"""a\nb"""',
    ]
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "\n[tool.tfcompat.severity]\n", "\n[[tool.tfcompat.excuse]]\n", "\n[tool.tfcompat.images]\n"]),
            KEYS,
            VALUES,
        )
    )
)
def test_no_table_breaks_it(lines: list[tuple[str, str, str]]) -> None:
    text = "[tool.tfcompat]\n" + "".join(f"{head}{key} = {value}\n" for head, key, value in lines)
    try:
        assert isinstance(read_settings(source(text)), Settings)
    except RequestError as error:
        assert error.message.startswith("pyproject.toml:")  # noqa: PT017


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    try:
        assert read_settings(Source("a", text + "\n# tfcompat")) == Settings()
    except RequestError as error:
        assert error.message.startswith("a:")  # noqa: PT017
