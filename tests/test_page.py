"""The page of the matrix as text: whole, safe, small, the same every time. What it says is tested in tests/browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tfcompat.cli import main
from tfcompat.errors import RequestError
from tfcompat.matrix import load_bundled
from tfcompat.matrix.gpus import find_gpu
from tfcompat.matrix.matrix import Matrix
from tfcompat.outputs.page import PARTS, PageParts, render_page
from tfcompat.outputs.page.classes import driver_classes, names_of_gpus, plain_name
from tfcompat.outputs.page.classes import gpus as targets_of
from tfcompat.outputs.page.ledger import run_lengths
from tfcompat.outputs.page.relations import checks_by_axes
from tfcompat.rules import RULES, Check, Rule

FOLDER = Path(__file__).parents[1] / "src" / "tfcompat" / "outputs" / "page"
LIMIT = 600_000  # bytes
VOID = {"meta", "link", "input", "br", "img"}


def parts() -> PageParts:
    return PageParts(*((FOLDER / name).read_text(encoding="utf-8") for name in PARTS))


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(load_bundled(), parts())


@pytest.fixture(scope="module")
def document(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="matrix">(.*?)</script>', page)
    assert found
    loaded: dict[str, Any] = json.loads(found[1])
    return loaded


class Reader(HTMLParser):
    """Every element, and those that were not closed by their own end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.policy = ""
        self.inline: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.inline.append((self.open[-1], data))


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_it_is_one_small_file_of_well_formed_html(page: str) -> None:
    reader = read(page)
    assert page.startswith("<!DOCTYPE html>\n")
    assert len(page.encode()) < LIMIT
    ids = [attrs["id"] for _, attrs in reader.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in reader.elements:
        for name in ("for", "aria-labelledby", "aria-describedby", "list"):
            assert attrs.get(name, ids[0]) in ids
    addresses = [attrs[name] for _, attrs in reader.elements for name in ("src", "href", "action") if name in attrs]
    assert addresses == ["data:,", "#facts"]
    assert all(attrs.get("scope") for tag, attrs in reader.elements if tag == "th")
    assert not [name for _, attrs in reader.elements for name in attrs if name.startswith("on") or name == "style"]


def test_a_parser_of_browsers_finds_no_error(page: str) -> None:
    html5lib = pytest.importorskip("html5lib")
    html5lib.HTMLParser(strict=True).parse(page)


def test_the_policy_lets_its_own_script_and_style_run_and_nothing_else(page: str) -> None:
    reader = read(page)
    policy = next(attrs["content"] for tag, attrs in reader.elements if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    texts = {tag: text for tag, text in reader.inline if not text.startswith("{")}
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        digest = base64.b64encode(hashlib.sha256(texts[tag].encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    assert len(rules) == 6


def test_no_statement_ends_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "documented: </script><script>alert(1)</script><!-- \u2028 {{style}}"
    rows = {"measured": "<b>2026-11-22", "snapshots": {"python": "</footer><i>"}}
    matrix = Matrix({**load_bundled().document, **rows}, "test")
    monkeypatch.setattr("tfcompat.outputs.page.render.page_document", lambda _: {"tfcompat": "1", "statements": [hostile]})
    page = render_page(matrix, parts())
    reader = read(page)
    assert [tag for tag, _ in reader.elements].count("script") == 2
    assert not {"b", "i"} & {tag for tag, _ in reader.elements}
    assert page.isascii() or "\u2028" not in page
    data = next(text for tag, text in reader.inline if text.startswith("{"))
    assert json.loads(data)["statements"] == [hostile]


def test_the_same_matrix_gives_the_same_bytes_and_no_clock(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "matrix.html"
    assert main(["matrix", "html", "--output", str(path)]) == 0
    assert path.read_bytes() == page.encode()
    assert [p.name for p in tmp_path.iterdir()] == ["matrix.html"]
    assert capsys.readouterr().out == ""
    assert f'<time datetime="{load_bundled().measured}">' in page


def test_where_it_cannot_be_written_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("tfcompat.outputs.page.render_page", lambda *_: "page")
    path = tmp_path / "nowhere" / "matrix.html"
    assert main(["matrix", "html", "-o", str(path)]) == RequestError.exit_code
    assert f"tfcompat: {path} cannot be written: No such file or directory" in capsys.readouterr().err
    assert main(["matrix", "html"]) == 0
    assert capsys.readouterr().out == "page"


def test_every_number_in_it_leads_to_something(document: dict[str, Any]) -> None:
    for finding in document["findings"]:
        rule, level, message, remedy, evidence, _ = finding
        assert document["rules"][rule]
        assert document["levels"][level]
        assert document["messages"][message]
        assert isinstance(document["remedies"][remedy], str)
        assert evidence < len(document["evidence"])
    assert all(number < len(document["findings"]) for found in document["sets"] for number in found)
    assert all(number < len(document["statements"]) for found in document["evidence"] for number in found)
    assert document["sets"][0] == document["rows"][0] == document["grids"][0] == []
    assert sorted(document["worlds"]) == sorted(
        f"{on} {platform}{named}"
        for platform in ("linux/amd64", "linux/arm64")
        for on, named in (("gpu", ""), ("cpu", ""), ("cpu", " tf-keras"))
    )


def test_rules_are_named_with_their_pages(document: dict[str, Any]) -> None:
    pages = {name: page for name, _, _, page in document["rules"]}
    assert pages["driver-ptx-jit"] == "docs/rules/driver-ptx-jit.md"
    assert all((FOLDER.parents[3] / page).is_file() for page in pages.values() if page)
    assert {name for name, page in pages.items() if not page} == {name for name in pages if name.startswith("wish-")}


def test_a_check_that_it_has_no_table_for_is_refused() -> None:
    odd = Rule("odd", "Odd", (Check(("python", "driver"), lambda *_: None),), {})
    with pytest.raises(ValueError, match="odd: the page has no table for what lies between driver, python"):
        checks_by_axes((*RULES, odd))


def test_every_gpu_is_found_by_every_name() -> None:
    matrix = load_bundled()
    targets = targets_of(matrix)
    names = names_of_gpus(matrix, targets)
    for gpu in matrix.gpus:
        for name in (gpu.name, *gpu.aliases):
            assert targets[names[plain_name(name)]].name == find_gpu(matrix, name).name
    assert targets[names["h100"]].name == "NVIDIA H100"
    assert targets[names["90"]].name == "9.0"
    assert "rtx4000" not in names


def test_drivers_are_classed_at_the_versions_that_the_matrix_names() -> None:
    coarse, halves, whole = driver_classes(load_bundled(), ())
    assert (535,) in coarse.starts
    assert (525, 60) in halves.starts
    assert (525, 61) in halves.starts  # 525.60 does not say whether it is 525.60.13, and 525.61 is newer
    assert (525, 60, 13) in whole.starts
    for classes in (coarse, halves, whole):
        assert list(classes.starts) == sorted(classes.starts)
        assert len(classes.representatives) == len(classes.starts) + 1
        assert [d.release for d in classes.representatives[1:]] == list(classes.starts)
        assert classes.representatives[0].release < classes.starts[0]


def test_runs_are_written_as_how_many_and_what() -> None:
    assert run_lengths([7, 7, 7, 2]) == (3, 7, 1, 2)
    assert run_lengths([]) == ()


def test_the_wheel_has_the_parts(tmp_path: Path) -> None:
    build = pytest.importorskip("hatchling.build")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(FOLDER.parents[3])
        name = build.build_wheel(str(tmp_path))
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert {f"tfcompat/outputs/page/{part}" for part in PARTS} <= set(wheel.namelist())
