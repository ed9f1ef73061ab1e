"""The documentation, executed: the blocks of a page, what they are run on, and what they print.

Every block of ``console``, ``sh`` or ``python`` is run, or has a comment above it that readers do not see::

    <!-- not run: needs the network -->
    <!-- run: in docs/examples/training, exit 1 -->

A console block shows commands (``$ ...``) and what they print; one of ``sh`` has commands, a line each; one of Python that is followed
by ``prints`` and a text block prints that. The files that stand under a heading, each below its name in backticks, are the project of
the blocks there; ``in FOLDER`` runs in a copy of that folder of the checkout, ``in .`` in the checkout itself, and ``with FILE as NAME``
puts a file or folder of the checkout beside them. What stands under one heading is one session in one folder; with
``<!-- run: this page is one session -->`` at its head a page is. ``python tests/documents.py PAGE...`` writes anew what the console
blocks print.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfcompat.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LANGUAGES", "ROOT", "Block", "Session", "Shown", "blocks_of", "environment", "home_of", "pages", "sessions_of"]

ROOT = Path(__file__).parents[1]
LANGUAGES = ("console", "sh", "python")  # those that are run
_ONE_SESSION = "<!-- run: this page is one session -->"
_PARTS = re.compile(
    r"^## (?P<heading>[^\n]*)$"
    r"|(?:^`(?P<file>[^`\n]+)`:\n\n)?(?:^<!-- (?P<mark>(?:not )?run: [^\n]*) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$(?P<prints>\n\nprints\n\n```text\n(?P<shown>.*?)^```$)?",
    re.M | re.S,
)
_OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}  # nothing answers there
_SHELL = re.compile(r"[|<>;&$`(]")


class Block(NamedTuple):
    """One fenced block. ``start`` and ``end`` are those of its text; ``name`` is the file that it stands for, ``mark`` the comment above it."""

    page: Path
    heading: str
    line: int
    start: int
    end: int
    language: str
    text: str
    name: str = ""
    mark: str = ""
    shown: str | None = None
    shown_at: tuple[int, int] = (0, 0)

    @property
    def not_run(self) -> str:
        """Why it is not run; empty where it is."""
        return self.mark.removeprefix("not run: ") if self.mark.startswith("not run: ") else ""

    @property
    def runs(self) -> bool:
        return self.language in LANGUAGES and not self.name and not self.not_run

    def told(self, key: str) -> str:
        """What the mark says behind *key*."""
        found = re.search(rf"\b{key} ([^,]+)", self.mark.removeprefix("run: "))
        return found[1] if found and not self.not_run else ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


class Session(NamedTuple):
    """The blocks that are run one after the other in one folder."""

    page: Path
    heading: str
    blocks: tuple[Block, ...]

    def run(self, folder: Path) -> Iterator[Shown]:
        """Run each block in turn, in *folder*, which must be the working directory and is left as such."""
        names: dict[str, Any] = {}
        for block in self.blocks:
            if block.name:
                write(folder, block.name, block.text)
            elif block.runs:
                if source := block.told("in"):
                    os.chdir(ROOT if source == "." else copied(source, folder))
                if lent := block.told("with"):
                    source, _, name = lent.partition(" as ")
                    (shutil.copytree if (ROOT / source).is_dir() else shutil.copyfile)(ROOT / source, name)
                yield from _run(block, names)
                os.chdir(folder)

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}-{self.heading or 'top'}".replace(" ", "-")


class Shown(NamedTuple):
    """A command that was run: what the page shows of it, None for nothing, and what came of it."""

    block: Block
    command: str
    shown: str | None
    code: int
    out: str
    both: str

    @property
    def fits(self) -> bool:
        """Whether the page shows what was printed, with or without what went to standard error."""
        return self.shown is None or self.shown in (self.out, self.both)


def pages() -> list[Path]:
    """The README and every page below docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> Iterator[Block]:
    """Every fenced block of *page*."""
    text, heading = page.read_text(encoding="utf-8"), ""
    for part in _PARTS.finditer(text):
        if part["heading"] is not None:
            heading = part["heading"]
            continue
        start, end = part.span("text")
        line = text.count("\n", 0, start)
        yield Block(
            page,
            heading,
            line,
            start,
            end,
            part["language"],
            part["text"],
            part["file"] or "",
            part["mark"] or "",
            part["shown"],
            part.span("shown"),
        )


def sessions_of(page: Path) -> list[Session]:
    """The blocks of *page* that are run, with the files that stand before them, by what shares a folder."""
    whole = _ONE_SESSION in page.read_text(encoding="utf-8")
    found: dict[str, list[Block]] = {}
    for block in blocks_of(page):
        if home_of(page) is not None and block.language == "sh":
            continue  # installation and what follows it: CI runs it as it stands (test_readme.py)
        found.setdefault("" if whole else block.heading, []).append(block)
    return [Session(page, heading, tuple(blocks)) for heading, blocks in found.items() if any(block.runs for block in blocks)]


def environment(cache: Path) -> dict[str, str | None]:
    """What the variables of a run are: no colour, no workflow, one width, and no network; None is unset."""
    unset = dict.fromkeys(("GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "FORCE_COLOR", "NO_COLOR", "no_proxy", "https_proxy", "http_proxy"))
    return {**unset, **_OFFLINE, "TFCOMPAT_CACHE": str(cache), "TFCOMPAT_NO_STALE_WARNING": "1", "COLUMNS": "110"}


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def copied(source: str, folder: Path) -> Path:
    """The folder *source* of the checkout below *folder*, where it is copied once; named as there."""
    target = folder / source
    if not target.exists():
        shutil.copytree(ROOT / source, target)
    return target


def _run(block: Block, names: dict[str, Any]) -> Iterator[Shown]:
    if block.language == "python":
        yield _python(block, names)
        return
    for command, shown in _commands(block):
        direct = command.startswith("tfcompat ") and not _SHELL.search(command)
        code, out, both = _direct(command) if direct else _shell(command)
        yield Shown(block, command, shown, code, out, both)


def _commands(block: Block) -> Iterator[tuple[str, str | None]]:
    """Each command with what is shown of it."""
    if block.language == "sh":
        for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
            if line and not line.startswith("#"):
                yield line, None
        return
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


class _Both(io.StringIO):
    """A stream that also goes to another one."""

    def __init__(self, other: io.StringIO) -> None:
        super().__init__()
        self.other = other

    def write(self, text: str) -> int:
        self.other.write(text)
        return super().write(text)


def _direct(command: str) -> tuple[int, str, str]:
    both = io.StringIO()
    out = _Both(both)
    with redirect_stdout(out), redirect_stderr(both):
        try:
            code = main(shlex.split(command, comments=True)[1:])
        except SystemExit as stop:  # argparse's way
            code = int(stop.code or 0)
    return code, out.getvalue(), both.getvalue()


def _shell(command: str) -> tuple[int, str, str]:
    line = f'tfcompat() {{ "{sys.executable}" -m tfcompat "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\n{command}\n'
    done = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stdout


def _python(block: Block, names: dict[str, Any]) -> Shown:
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(block.text, str(block), "exec"), names)
    return Shown(block, block.text, block.shown, 0, out.getvalue(), out.getvalue())


def home_of(page: Path) -> Path | None:
    """Where the examples of *page* are run: those of the README in the checkout, as its reader is; None for a folder of their own."""
    return ROOT if page == ROOT / "README.md" else None


def write_page(page: Path) -> None:
    """Write what its examples print into *page*; a block that shows standard output alone goes on doing so."""
    text = page.read_text(encoding="utf-8")
    printed: dict[tuple[int, int], str] = {}
    for session in sessions_of(page):
        with tempfile.TemporaryDirectory() as name:
            folder = home_of(page) or Path(name).resolve()
            os.chdir(folder)
            for done in session.run(folder):
                block = done.block
                if block.language == "console":
                    new = done.out if done.out and done.shown == done.out else done.both
                    printed[block.start, block.end] = f"{printed.get((block.start, block.end), '')}$ {done.command}\n{new}"
                elif done.shown is not None:
                    printed[block.shown_at] = done.out
            os.chdir(ROOT)
    for start, end in sorted(printed, reverse=True):
        text = text[:start] + printed[start, end] + text[end:]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache:
        for name, value in environment(Path(cache)).items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        for page in [Path(name).absolute() for name in sys.argv[1:]]:
            write_page(page)
