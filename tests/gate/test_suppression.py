"""Excuses: what they cover, what they do not, and what is said of those that excuse nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import finding, place_of, sources_of

from tfcompat.gate.baseline import fingerprints, read_baseline, render_baseline
from tfcompat.gate.comments import find_comments
from tfcompat.gate.finding import Finding, Report, Unchecked
from tfcompat.gate.rulebook import rule_names
from tfcompat.gate.selection import failing, name_fault, selected, shown, told_as
from tfcompat.gate.settings import Excuse, Settings
from tfcompat.gate.source import Place, Source
from tfcompat.gate.suppression import suppress

TODAY = "2026-11-23"
SETTINGS = Settings()
MARK = "tfcompat: ignore[floating-tag] known"


def judged(text: str, words: str, name: str = "requirements.txt", settings: Settings = SETTINGS, **how: bool) -> Report:
    files = {name: text}
    return suppress(Report((finding(files, name, words),), (name,)), sources_of(files), settings, None, TODAY, **how)


def excuses(report: Report) -> list[tuple[str, str, int] | None]:
    return [(f.suppressed.kind, f.suppressed.reason, f.suppressed.place.line) if f.suppressed else None for f in report.findings]


def said(report: Report) -> list[str]:
    return [f"{f.place}: {f.message}; {f.remedy}" for f in report.findings if f.rule == "unused-suppression"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", f"a\nPIN  # {MARK}\nb\n"),
        ("requirements.txt", f"a\n# {MARK}\nPIN\nb\n"),
        ("requirements.txt", f"# {MARK}\r\n# and another word\r\nPIN\r\n"),
        ("sub/constraints.in", f"PIN #{MARK}"),
        ("Dockerfile", f"# {MARK}\nFROM PIN\n"),
        ("Dockerfile.gpu", f"FROM x\n  # {MARK}\n# more\nRUN a && \\\n  b && \\\n\n  # word\n  PIN\n"),
        ("gpu.dockerfile", f"RUN a && \\\n  # {MARK}\n  b && \\\n  PIN\n"),
        ("Containerfile", f"# escape=`\nFROM x\n# {MARK}\nRUN a `\n  PIN\n"),
        ("pyproject.toml", f'[project]\ndependencies = [\n  "PIN",  # {MARK}\n]\n'),
        ("pyproject.toml", f"a = '''# no'''\n# {MARK}\nb = \"PIN\"\n"),
        ("compose.yaml", f"services:\n  x:\n    image: 'PIN'  # {MARK}\n"),
        ("compose.yml", f"services:\n  x:\n    # {MARK}\n    image: PIN\n"),
        (".devcontainer/devcontainer.json", f'{{\n  // {MARK}\n  "image": "PIN"\n}}\n'),
        ("devcontainer.json", f'{{"image": "PIN" /* {MARK} */}}\n'),
    ],
)
def test_a_comment_excuses_its_line_or_what_stands_below_it(name: str, text: str) -> None:
    report = judged(text, "PIN", name)
    line = text[: text.index(MARK)].count("\n") + 1
    assert excuses(report) == [("inline", "known", line)]
    assert said(report) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", f"PIN\n# {MARK}\n"),
        ("requirements.txt", f"a  # {MARK}\nPIN\n"),
        ("requirements.txt", f"# {MARK}\n\nPIN\n"),
        ("requirements.txt", f"# {MARK}\na\nPIN\n"),
        ("Dockerfile", f"# {MARK}\nRUN a\nFROM PIN\n"),
        ("Dockerfile", f"# {MARK}\nRUN a `\nFROM PIN\n"),
    ],
)
def test_a_comment_excuses_nothing_else(name: str, text: str) -> None:
    report = judged(text, "PIN", name)
    assert [e for e in excuses(report) if e] == []
    line = text[: text.index(MARK)].count("\n") + 1
    assert said(report) == [f"{name}:{line}: floating-tag is excused, and was not found here; take it out"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", f'a = "PIN # {MARK}"\n'),
        ("pyproject.toml", f"a = 'PIN # {MARK}'\n"),
        ("pyproject.toml", f'a = """\nPIN\n# {MARK}\nPIN"""\n'),
        ("pyproject.toml", f"a = '''PIN\n# {MARK}\n'''\n"),
        ("compose.yaml", f'a: "PIN # {MARK}"\n'),
        ("compose.yaml", f"a: ['PIN', 'it''s # {MARK}']\n"),
        ("compose.yaml", f"a: PIN#{MARK}\n"),
        ("devcontainer.json", f'{{"a": "PIN // {MARK}"}}\n'),
        ("devcontainer.json", f'{{"a": "PIN"}} # {MARK}\n'),
        ("requirements.txt", f"PIN@https://x/#{MARK}\n"),
        ("Dockerfile", f'LABEL a="PIN#{MARK}"\n'),
    ],
)
def test_what_is_no_comment_says_nothing(name: str, text: str) -> None:
    report = judged(text, "PIN", name)
    assert excuses(report) == [None]
    assert said(report) == []


def test_a_comment_inside_of_the_place_excuses_it() -> None:
    text = f"FROM x\nRUN pip install \\\n  # {MARK}\n  a \\\n  b\n"
    files = {"Dockerfile": text}
    place = place_of(files, "Dockerfile", text[text.index("RUN") :].rstrip())
    report = suppress(Report((Finding("floating-tag", "error", place, "x"),), ("Dockerfile",)), sources_of(files), SETTINGS, None, TODAY)
    assert excuses(report) == [("inline", "known", 3)]


def test_one_comment_may_name_several_rules() -> None:
    text = "# tfcompat: ignore[ two-keras, floating-tag ,keras-legacy]: known\nPIN\n"
    report = judged(text, "PIN")
    assert [e for e in excuses(report) if e] == [("inline", "known", 1)]
    assert said(report) == [
        f"requirements.txt:1: {rule} is excused, and was not found here; take it out" for rule in ("two-keras", "keras-legacy")
    ]


def test_a_whole_file_is_excused_in_its_head() -> None:
    text = "# a project\n\n# tfcompat: ignore-file[floating-tag] generated\n\na\nPIN\n"
    assert excuses(judged(text, "PIN")) == [("inline", "generated", 3)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "requirements.txt",
            "a\n# tfcompat: ignore-file[floating-tag] generated\nPIN\n",
            "requirements.txt:2: ignore-file stands behind other lines, so it excuses nothing; "
            "put it in the head of the file, or write ignore for one line",
        ),
        (
            "requirements.txt",
            "PIN # tfcompat: ignore\n",
            "requirements.txt:1: this comment excuses no rule by name; write # tfcompat: ignore[rule-id] reason",
        ),
        (
            "requirements.txt",
            "# tfcompat: ignore-file[] all of it\nPIN\n",
            "requirements.txt:1: this comment excuses no rule by name; write # tfcompat: ignore-file[rule-id] reason",
        ),
        (
            "requirements.txt",
            "PIN # tfcompat: ignore[floating-tags] known\n",
            "requirements.txt:1: there is no rule 'floating-tags'; did you mean floating-tag?",
        ),
        (
            "requirements.txt",
            "PIN # tfcompat: ignore[DL3006] known\n",
            "requirements.txt:1: there is no rule 'DL3006'; tfcompat rule lists them all",
        ),
        (
            "requirements.txt",
            "PIN # tfcompat: ignore[floating-tag]\n",
            "requirements.txt:1: this comment gives no reason, so it excuses nothing; say why behind ignore[floating-tag]",
        ),
        (
            "requirements.txt",
            "PIN # tfcompat: noqa[floating-tag] known\n",
            "requirements.txt:1: the gate does not know 'noqa'; write # tfcompat: ignore[rule-id] reason, or ignore-file in the head of the file",
        ),
        (
            "Dockerfile",
            f"FROM PIN # {MARK}\n",
            "Dockerfile:1: behind an instruction this is no comment, so it excuses nothing; "
            "put it on a line of its own, above the instruction",
        ),
    ],
)
def test_a_comment_that_is_no_excuse_says_what_to_write(name: str, text: str, message: str) -> None:
    report = judged(text, "PIN", name)
    assert [e for e in excuses(report) if e] == []
    assert said(report) == [message]
    assert [f.severity for f in report.findings if f.rule == "unused-suppression"] == ["warning"]
    assert said(judged(text, "PIN", name, whole=False)) == [message]
    assert said(judged(text, "PIN", name, inline=False)) == []


def test_a_comment_that_only_mentions_the_gate_is_left_alone() -> None:
    assert said(judged("# tfcompat: pinned by hand\nPIN\n", "PIN")) == []


def test_inline_comments_can_be_switched_off() -> None:
    report = judged(f"PIN # {MARK}\n", "PIN", inline=False)
    assert excuses(report) == [None]


def test_nothing_is_called_unused_where_not_everything_was_looked_at() -> None:
    text = f"# {MARK}\na\nPIN\n"
    assert said(judged(text, "PIN", whole=False)) == []
    files = {"f.txt": text}
    report = Report((), ("f.txt",), (Unchecked("uv.lock", "damaged"),))
    assert said(suppress(report, sources_of(files), SETTINGS, None, TODAY)) == []
    followed = report._replace(not_checked=(Unchecked("f.txt", "a script", grave=False),))
    assert len(said(suppress(followed, sources_of(files), SETTINGS, None, TODAY))) == 1


@pytest.mark.parametrize(
    "settings", [Settings(select=("two-keras",)), Settings(ignore=("floating-tag",)), Settings(levels={"floating-tag": "off"})]
)
def test_an_excuse_for_a_rule_that_is_not_looked_at_is_not_unused(settings: Settings) -> None:
    files = {"f.txt": f"a # {MARK}\n"}
    assert suppress(Report((), ("f.txt",)), sources_of(files), settings, None, TODAY).findings == ()


@pytest.mark.parametrize(
    ("settings", "severities"),
    [
        (Settings(ignore=("unused-suppression",)), []),
        (Settings(levels={"unused-suppression": "off"}), []),
        (Settings(levels={"unused-suppression": "error"}), ["error"]),
    ],
)
def test_the_settings_hold_for_unused_excuses_as_well(settings: Settings, severities: list[str]) -> None:
    files = {"f.txt": f"a # {MARK}\n"}
    report = suppress(Report((), ("f.txt",)), sources_of(files), settings, None, TODAY)
    assert [f.severity for f in report.findings] == severities


def test_an_unused_excuse_can_be_excused_and_the_excuse_for_that_be_unused() -> None:
    kept = f"# tfcompat: ignore-file[unused-suppression] needed on arm64 only\na # {MARK}\n"
    files = {"f.txt": kept}
    report = suppress(Report((), ("f.txt",)), sources_of(files), SETTINGS, None, TODAY)
    assert excuses(report) == [("inline", "needed on arm64 only", 1)]
    files = {"f.txt": kept.replace(MARK, "b")}
    report = suppress(Report((), ("f.txt",)), sources_of(files), SETTINGS, None, TODAY)
    assert said(report) == ["f.txt:1: unused-suppression is excused, and was not found in this file; take it out"]


# -- configuration --------------------------------------------------------------------------------

AT = Place("pyproject.toml", 9, 1)


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("", True),
        ("a/b/uv.lock", True),
        ("/a/b/uv.lock", True),
        ("uv.lock", True),
        ("*.lock", True),
        ("b", True),
        ("b/", True),
        ("a", True),
        ("a/**", True),
        ("a/*/uv.lock", True),
        ("**/uv.lock", True),
        ("a/**/uv.lock", True),
        ("u?.lock", True),
        ("/uv.lock", False),
        ("b/uv.lock", False),
        ("a/*.lock", False),
        ("uv.lock/", False),
        ("v.lock", False),
        ("uvxlock", False),
        ("c", False),
    ],
)
def test_an_excuse_of_the_configuration_is_for_the_files_that_its_pattern_names(pattern: str, covered: bool) -> None:
    settings = Settings(excuses=(Excuse("floating-tag", pattern, "known", "", AT),))
    report = judged("PIN\n", "PIN", "a/b/uv.lock", settings)
    assert [e for e in excuses(report) if e] == ([("configuration", "known", 9)] if covered else [])
    where = f" in {pattern}" if pattern else ""
    unused = [f"pyproject.toml:9: floating-tag is excused, and was not found{where}; take it out"]
    assert said(report) == ([] if covered else unused)


@pytest.mark.parametrize(("words", "covered"), [("is wrong", True), ("is right", False)])
def test_an_excuse_may_be_for_some_messages_only(words: str, covered: bool) -> None:
    settings = Settings(excuses=(Excuse("floating-tag", "", "known", "", AT, words),))
    assert (("configuration", "known", 9) in excuses(judged("PIN\n", "PIN", settings=settings))) == covered


def test_an_excuse_is_for_its_own_rule() -> None:
    settings = Settings(excuses=(Excuse("two-keras", "", "known", "", AT),))
    assert [e for e in excuses(judged("PIN\n", "PIN", settings=settings)) if e] == []


@pytest.mark.parametrize(("until", "covered"), [("2026-11-23", True), ("2027-01-01", True), ("2026-11-22", False)])
def test_an_excuse_ends_with_its_last_day(until: str, covered: bool) -> None:
    settings = Settings(excuses=(Excuse("floating-tag", "*.txt", "known", until, AT),))
    report = judged("PIN\n", "PIN", settings=settings, whole=False)
    expired = f"pyproject.toml:9: floating-tag in *.txt was excused until {until}, which has passed; mend it, or set another date"
    assert [e for e in excuses(report) if e] == ([("configuration", "known", 9)] if covered else [])
    assert said(report) == ([] if covered else [expired])


# -- baseline -------------------------------------------------------------------------------------


def test_a_baseline_excuses_what_was_there_and_nothing_new() -> None:
    files = {"a.txt": "one\ntwo\n", "b.txt": "three\n"}
    old = (finding(files, "a.txt", "one"), finding(files, "b.txt", "three"))
    names = fingerprints(old, sources_of(files))
    baseline = read_baseline(Source("b.json", render_baseline(zip(old, names, strict=True))))
    changed = {"a.txt": "# moved\n\none\ntwo\n", "b.txt": "four\n"}
    new = (finding(changed, "a.txt", "one"), finding(changed, "a.txt", "two"), finding(changed, "b.txt", "four"))
    report = suppress(Report(new, ("a.txt", "b.txt")), sources_of(changed), SETTINGS, baseline, TODAY)
    assert [(f.place.file, f.place.line, f.suppressed.reason if f.suppressed else None) for f in report.findings] == [
        ("a.txt", 3, "in the baseline b.json"),
        ("a.txt", 4, None),
        ("b.json", 14, None),
        ("b.txt", 1, None),
    ]
    assert said(report) == [
        "b.json:14: the baseline excuses floating-tag in b.txt, and it was not found; write it anew with --write-baseline"
    ]


def test_a_finding_is_excused_once_and_every_excuse_for_it_is_used() -> None:
    files = {"f.txt": f"PIN # {MARK}\n"}
    found = finding(files, "f.txt", "PIN")
    baseline = read_baseline(Source("b.json", render_baseline([(found, fingerprints([found], sources_of(files))[0])])))
    settings = Settings(excuses=(Excuse("floating-tag", "", "configured", "", AT),))
    report = suppress(Report((found,), ("f.txt",)), sources_of(files), settings, baseline, TODAY)
    assert excuses(report) == [("inline", "known", 1)]


# -- order and selection --------------------------------------------------------------------------


def test_findings_are_sorted_by_place() -> None:
    files = {"a": "x y\nz\n", "b": "w\n"}
    found = tuple(finding(files, name, words) for name, words in (("b", "w"), ("a", "z"), ("a", "y"), ("a", "x")))
    report = suppress(Report(found, ("a", "b")), sources_of(files), SETTINGS, None, TODAY)
    assert [(f.place.file, f.place.line, f.place.column) for f in report.findings] == [("a", 1, 1), ("a", 1, 3), ("a", 2, 1), ("b", 1, 1)]


def rules_of(report: Report) -> list[tuple[str, str]]:
    return [(f.rule, f.severity) for f in report.findings]


FOUND = Report(
    (
        Finding("floating-tag", "warning", Place("f", 1, 1), "x"),
        Finding("two-keras", "error", Place("f", 1, 1), "x"),
        Finding("cannot-follow", "info", Place("f", 1, 1), "x"),
    ),
    ("f",),
)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        (Settings(), ["floating-tag warning", "two-keras error", "cannot-follow info"]),
        (Settings(select=("two-keras",)), ["two-keras error"]),
        (Settings(select=("two-keras", "floating-tag"), ignore=("two-keras",)), ["floating-tag warning"]),
        (Settings(levels={"two-keras": "off", "floating-tag": "error"}), ["floating-tag error", "cannot-follow info"]),
        (Settings(select=("two-keras",), levels={"two-keras": "off"}), ["two-keras error"]),
    ],
)
def test_the_settings_say_what_is_looked_at_and_how_grave_it_is(settings: Settings, kept: list[str]) -> None:
    once = selected(FOUND, settings)
    assert [" ".join(pair) for pair in rules_of(once)] == kept
    assert selected(once, settings) == once


@pytest.mark.parametrize(
    ("settings", "info", "kept"),
    [
        (Settings(), False, False),
        (Settings(), True, True),
        (Settings(select=("cannot-follow",)), False, True),
        (Settings(levels={"cannot-follow": "info"}), False, True),
    ],
)
def test_notes_are_shown_when_asked_for(settings: Settings, info: bool, kept: bool) -> None:
    assert (("cannot-follow", "info") in rules_of(shown(FOUND, settings._replace(info=info)))) == kept


def test_the_threshold_is_at_or_above() -> None:
    assert [f.rule for f in failing(FOUND, Settings())] == ["two-keras"]
    assert [f.rule for f in failing(FOUND, Settings(fail_on="warning"))] == ["floating-tag", "two-keras"]


# -- what could not be checked -------------------------------------------------------------------

LACKS = "requirements.txt, which is copied and installed here, is not in the tree"


def allow(path: str, until: str = "", contains: str = "", line: int = 9) -> Excuse:
    return Excuse("not-checked", path, "CI makes it", until, Place("pyproject.toml", line, 1), contains)


def unchecked(*excuses: Excuse, grave: bool = True, inline: str = "", whole: bool = True) -> tuple[list[str | None], list[str]]:
    report = Report((), ("a.txt",), (Unchecked("docker/Dockerfile", LACKS, 3, grave),))
    found = suppress(report, sources_of({"a.txt": inline}), Settings(excuses=excuses), None, TODAY, whole=whole)
    return [one.excused for one in found.not_checked], said(found)


@pytest.mark.parametrize("path", ["docker/Dockerfile", "Dockerfile", "docker/", "requirements.txt", "*.txt"])
def test_what_could_not_be_checked_is_excused_by_file_or_by_what_it_lacks(path: str) -> None:
    assert unchecked(allow(path)) == (["CI makes it"], [])
    assert unchecked(allow(path, contains="not in the tree")) == (["CI makes it"], [])


def test_an_excuse_of_another_file_excuses_nothing() -> None:
    for other in (
        allow("docker/other"),
        allow("Dockerfile", contains="too large"),
        Excuse("two-keras", "Dockerfile", "x", "", Place("p", 1, 1)),
    ):
        assert unchecked(other) == ([None], [])


def test_what_does_not_count_needs_no_excuse() -> None:
    assert unchecked(allow("Dockerfile"), grave=False) == (
        [None],
        ["pyproject.toml:9: Dockerfile is excused, and nothing of it could not be checked; take it out"],
    )


def test_a_stale_excuse_of_a_file_is_told_where_all_else_was_checked() -> None:
    stale = allow("gone.txt", line=4)
    assert unchecked(allow("Dockerfile"), stale) == (
        ["CI makes it"],
        ["pyproject.toml:4: gone.txt is excused, and nothing of it could not be checked; take it out"],
    )
    assert unchecked(stale) == ([None], [])
    assert unchecked(allow("Dockerfile"), stale, whole=False) == (["CI makes it"], [])


def test_an_excuse_of_a_file_ends() -> None:
    assert unchecked(allow("Dockerfile", until=TODAY)) == (["CI makes it"], [])
    assert unchecked(allow("Dockerfile", until="2026-11-22")) == (
        [None],
        ["pyproject.toml:9: not-checked in Dockerfile was excused until 2026-11-22, which has passed; mend it, or set another date"],
    )


def test_other_excuses_are_not_called_unused_while_a_file_is_missing() -> None:
    assert unchecked(allow("Dockerfile"), inline="x  # tfcompat: ignore[two-keras] for what is in that file\n") == (["CI makes it"], [])


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("keras-range", "no finding is named keras-range; the gate tells it as keras-pin-mismatch"),
        ("not-checked", "not-checked is the name of no finding; [[tool.tfcompat.excuse]] excuses it, with a path and a reason"),
        ("two-kerass", "there is no rule 'two-kerass'; did you mean two-keras?"),
        ("wheel-has-cud", "there is no rule 'wheel-has-cud'; tfcompat rule lists them all"),
    ],
)
def test_a_comment_names_what_findings_are_called(rule: str, told: str) -> None:
    assert said(judged(f"# tfcompat: ignore[{rule}] x\nPIN\n", "PIN")) == [f"requirements.txt:1: {told}"]


def test_names_that_no_finding_has() -> None:
    refused = {name: told_as(name) for name in rule_names() if told_as(name)}
    assert refused == {
        "keras-range": ("keras-pin-mismatch",),
        "model-loads": ("model-format",),
        "wheel-has-cuda": ("gpu-image-with-cpu-package",),
    }
    assert [name for name in rule_names() if name_fault(name)] == list(refused)
    assert name_fault("image-contents") is None


NASTY = ['"""' * 9_000, "'" * 9_001, '"\\' * 9_000, "# tfcompat: " * 2_000, "{'" * 9_000, "/*" * 9_000, "#" * 20_000]
NAMES = ("a.toml", "a.yaml", "a.json", "a.txt", "Dockerfile")


@pytest.mark.parametrize("name", NAMES)
def test_no_more_comments_are_read_than_a_person_writes(name: str) -> None:
    assert max(len(list(find_comments(Source(name, f"{text}\n# tfcompat: x\n")))) for text in NASTY) <= 2
    mark = "//" if name.endswith("json") else "#"
    assert len(list(find_comments(Source(name, f"{mark} tfcompat: ignore[a] b\n" * 3_000)))) == 1_000


PARTS = st.sampled_from(
    ['"', "'", '"""', "\\", "`", "#", "//", "/*", "*/", " ", "\n", "\r\n", "x", "# tfcompat: ignore[floating-tag] y", "tfcompat:", "["]
)


@given(st.sampled_from(NAMES), st.lists(PARTS, max_size=25).map("".join))
def test_a_comment_speaks_of_its_own_line_and_lies_in_the_file(name: str, text: str) -> None:
    source = Source(name, text)
    for comment in find_comments(source):
        assert "tfcompat:" in text[comment.place.start : comment.place.end]
        assert comment.place == source.place(comment.place.start, comment.place.end)
        assert comment.lines is None or comment.lines.start == comment.place.line <= comment.lines.stop - 1 <= text.count("\n") + 1
