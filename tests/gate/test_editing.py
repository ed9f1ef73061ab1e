"""Edits change what they name, and no other byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import FILES, SOURCES, floating, replaced

from tfcompat.errors import RequestError
from tfcompat.gate.editing import Overlay, choose_edits, edited, encoded, unified_diff, without_idle_fixes
from tfcompat.gate.finding import Edit, Finding, Fix, Report, Suppressed, Unchecked
from tfcompat.gate.source import Place, Source, entries_of


def apply_edits(source: Source, edits: list[Edit]) -> bytes:
    return encoded(edited(source, edits))


class Files:
    """A tree in memory."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def find(self, name: str) -> Source | None:
        return Source(name, self.files[name]) if name in self.files else None

    def find_bytes(self, name: str, limit: int, offset: int = 0) -> bytes | None:
        return self.files[name].encode()[offset : offset + limit] if name in self.files else None

    def size(self, name: str) -> int | None:
        return len(self.files[name].encode()) if name in self.files else None

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def entries(self, folder: str) -> tuple[str, ...]:
        return entries_of(self.files, folder)


def fixing(*edits: Edit) -> Finding:
    return Finding("floating-tag", "error", Place(edits[0].file, 1, 1), "wrong", fix=Fix("mend it", edits))


@pytest.mark.parametrize(
    ("encoding", "before", "after"),
    [
        ("utf-8", b"a==1\r\nb\n\x0c c\r", b"a==2\r\nb\n\x0c c\r"),
        ("utf-8-sig", b"\xef\xbb\xbfa==1\n", b"\xef\xbb\xbfa==2\n"),
        ("latin-1", b"a==1 # \xe9\n", b"a==2 # \xe9\n"),
        ("utf-16-le", "a==1\n".encode("utf-16-le"), "a==2\n".encode("utf-16-le")),
    ],
)
def test_every_other_byte_stays(encoding: str, before: bytes, after: bytes) -> None:
    assert apply_edits(Source("f", before.decode(encoding), encoding), [Edit("f", 1, 4, "==2")]) == after


def test_bytes_that_are_no_text_stay() -> None:
    text = b"a==1 # \xff\n".decode("utf-8", "surrogateescape")
    assert apply_edits(Source("f", text), [Edit("f", 1, 4, "==2")]) == b"a==2 # \xff\n"


@given(st.text(alphabet="ab\r\n\u00e9\U0001f600", max_size=30), st.data())
def test_what_lies_between_edits_is_kept(text: str, data: st.DataObject) -> None:
    points = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True)))
    spans = list(zip(points[::2], points[1::2], strict=False))
    made = edited(Source("f", text), [Edit("f", start, end, f"<{i}>") for i, (start, end) in enumerate(spans)])
    expected, at = "", 0
    for i, (start, end) in enumerate(spans):
        expected += text[at:start] + f"<{i}>"
        at = end
    assert made.text == expected + text[at:]


@pytest.mark.parametrize(
    ("text", "edit", "after"),
    [
        ("a\r\nb\r\n", Edit("f", 3, 3, "x\n"), "a\r\nx\r\nb\r\n"),
        ("a\r\nb", Edit("f", 4, 4, "\nc"), "a\r\nb\r\nc"),
        ("a\nb\n", Edit("f", 2, 2, "x\n"), "a\nx\nb\n"),
        ("a", Edit("f", 1, 1, "\nb"), "a\nb"),
    ],
)
def test_new_lines_end_as_the_lines_of_the_file_do(text: str, edit: Edit, after: str) -> None:
    assert edited(Source("f", text), [edit]).text == after


@pytest.mark.parametrize(
    "edits",
    [
        (Edit("f", 0, 3, "x"), Edit("f", 2, 4, "y")),
        (Edit("f", 1, 3, "x"), Edit("f", 1, 3, "y")),
        (Edit("f", 2, 2, "x"), Edit("f", 2, 2, "y")),
        (Edit("f", 1, 5, "x"), Edit("f", 2, 3, "y")),
    ],
)
def test_edits_that_overlap_are_refused(edits: tuple[Edit, ...]) -> None:
    with pytest.raises(RequestError, match=r"^f:1: two edits overlap$"):
        apply_edits(Source("f", "abcdef\n"), edits)


def test_the_same_edit_twice_is_one() -> None:
    assert apply_edits(Source("f", "abc"), [Edit("f", 1, 2, "x"), Edit("f", 1, 2, "x")]) == b"axc"


def test_neighbours_do_not_overlap() -> None:
    edits = [Edit("f", 2, 3, "y"), Edit("f", 1, 2, "x"), Edit("f", 1, 1, "+"), Edit("f", 3, 3, "!")]
    assert apply_edits(Source("f", "abc"), edits) == b"a+xy!"


@pytest.mark.parametrize("edit", [Edit("f", 2, 9, "x"), Edit("f", -1, 0, "x"), Edit("f", 2, 1, "x"), Edit("g", 0, 1, "x")])
def test_an_edit_outside_of_the_file_is_refused(edit: Edit) -> None:
    with pytest.raises(RequestError, match=r"^f: an edit lies outside of the file$"):
        apply_edits(Source("f", "abc"), [edit])


def test_what_the_encoding_cannot_hold_is_refused() -> None:
    with pytest.raises(RequestError, match=r"^f:1: '\u6f22' cannot be written in latin-1, the encoding of this file$"):
        apply_edits(Source("f", "abc", "latin-1"), [Edit("f", 0, 1, "\u6f22")])


def test_fixes_are_chosen_whole_and_the_earlier_first() -> None:
    first = fixing(Edit("f", 0, 2, "x"))
    torn = fixing(Edit("f", 1, 3, "y"), Edit("g", 0, 1, "z"))  # overlaps in f, so nothing of it is done in g
    shared = fixing(Edit("f", 0, 2, "x"), Edit("f", 4, 5, "w"))
    sources = {"f": Source("f", "abcdef"), "g": Source("g", "abc")}.get
    assert choose_edits([first, torn, shared], sources) == {"f": [Edit("f", 0, 2, "x"), Edit("f", 4, 5, "w")]}


def test_only_what_counts_and_can_be_made_is_chosen() -> None:
    excused = fixing(Edit("f", 0, 1, "x"))._replace(suppressed=Suppressed("inline", "why", Place("f", 1, 1)))
    lost = fixing(Edit("missing", 0, 1, "x"))
    overlapping = fixing(Edit("f", 0, 2, "x"), Edit("f", 1, 3, "y"))
    assert choose_edits([excused, lost, overlapping, floating()], {"f": Source("f", "abcdef")}.get) == {}


def test_a_file_with_line_ends_of_old_macs_is_left_alone() -> None:
    finding = fixing(Edit("f", 0, 1, "x"))
    for text, chosen in (("a\rb\n", {}), ("a\r\rb", {}), ("a\r", {}), ("a\r\n", {"f": [Edit("f", 0, 1, "x")]})):
        assert choose_edits([finding], {"f": Source("f", text)}.get) == chosen


def test_what_is_not_to_be_edited_has_no_fix() -> None:
    whole, old, damaged, torn = (fixing(*(Edit(name, 0, 1, "x") for name in names)) for names in ("a", "b", "c", "ac"))
    sources = {"a": Source("a", "1\n"), "b": Source("b", "1\r2\n"), "c": Source("c", "1\n")}.get
    unchecked = (Unchecked("c", "what stands here is not TOML"), Unchecked("a", "a script", grave=False))
    report = without_idle_fixes(Report((whole, old, damaged, torn, floating()), ("a",), unchecked), sources)
    assert [finding.fix is not None for finding in report.findings] == [True, False, False, False, False]
    assert report.findings[0] == whole


def test_the_fix_of_the_example() -> None:
    source = SOURCES("requirements.txt")
    assert source is not None
    chosen = choose_edits([replaced()], SOURCES)
    assert apply_edits(source, chosen["requirements.txt"]) == b"numpy\ntensorflow==2.18.0\n"


@given(
    st.lists(st.sampled_from(["a\n", "b\n", "\u00e9\r\n", "\x0c\n", "\n"]), max_size=8),
    st.lists(st.sampled_from(["a\n", "b\n", "c"]), max_size=8),
)
def test_a_diff_is_empty_where_nothing_changes_only(old: list[str], new: list[str]) -> None:
    before, after = Source("f", "".join(old)), Source("f", "".join(new))
    assert (unified_diff(before, after) == "") == (before.text == after.text)


@pytest.mark.parametrize(
    ("encoding", "before", "after"),
    [
        ("utf-8", "a\nb\nc", "a\nx\nc\n"),
        ("utf-8", "a\r\nb\r\n", "a\r\nx\r\n"),
        ("utf-8-sig", "a\nb\n", "x\nb\n"),
        ("utf-8", "a\x0cb\n\u2028\n", "a\x0cx\n\u2028\n"),
    ],
)
def test_git_applies_the_diff(tmp_path: Path, encoding: str, before: str, after: str) -> None:
    old, new = Source("sub/f.txt", before, encoding), Source("sub/f.txt", after, encoding)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f.txt").write_bytes(encoded(old))
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(command, input=unified_diff(old, new).encode(), cwd=tmp_path, check=True)
    assert (tmp_path / "sub" / "f.txt").read_bytes() == encoded(new)


def test_the_diff_of_a_changed_pin() -> None:
    before = Source("requirements.txt", FILES["requirements.txt"])
    after = edited(before, [Edit("requirements.txt", 16, 24, "==2.18.0")])
    assert unified_diff(before, after) == (
        "--- a/requirements.txt\n+++ b/requirements.txt\n@@ -1,2 +1,2 @@\n numpy\n-tensorflow==2.15.0\n+tensorflow==2.18.0\n"
    )


def test_an_overlay_hides_what_it_changes() -> None:
    tree = Overlay(Files(a="old", b="kept"), {"a": Source("a", "\u00e9new", "utf-8-sig"), "c": Source("c", "")})
    found = tree.find("a"), tree.find("b"), tree.find("c"), tree.find("d")
    assert [source.text if source is not None else None for source in found] == ["\u00e9new", "kept", "", None]
    assert tree.names() == ("a", "b", "c")
    assert tree.find_bytes("a", 5) == b"\xef\xbb\xbf\xc3\xa9"
    assert tree.find_bytes("b", 2) == b"ke"
    assert tree.find_bytes("d", 2) is None
