"""An atheris harness over the whole gate: the first line of an input is a file's name, the rest are its bytes.

    python tests/gate/fuzz/fuzz_gate.py tests/gate/fuzz/corpus_gate -max_total_time=600

Without atheris, ``--replay FILE...`` runs inputs again, and ``--seed FOLDER`` writes a corpus from the scenarios. What is looked for:
exceptions of any kind, places and edits outside of their files, other findings at a second look, and inputs that take more than a second.
"""

from __future__ import annotations

import sys
import time
import traceback
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfcompat.gate.finding import Report

HERE = Path(__file__).parent
SLOW = 1.0  # seconds; never part of a test, as other work on the machine counts too

# A second file, so that what the input says is followed and not judged alone.
BESIDE = {
    "Dockerfile": "FROM tensorflow/tensorflow:2.18.0-gpu\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt && uv sync && conda env update\n",
    "requirements.txt": "tensorflow==2.15.0\nkeras\n-c constraints.txt\n",
    "constraints.txt": "numpy<2\n",
}


def _files(data: bytes) -> dict[str, str | bytes]:
    """The tree of one input: its own file, and some beside it that lead to it or that it leads to."""
    head, _, body = data.partition(b"\n")
    name = head.decode("utf-8", "replace").strip("/") or "Dockerfile"
    return {**BESIDE, name: body}


def examine(data: bytes) -> None:
    """Judge one input. Raises whatever is wrong."""
    from tfcompat.gate.editing import choose_edits, edited
    from tfcompat.gate.gate import run_gate
    from tfcompat.gate.rulebook import rule_names
    from tfcompat.gate.settings import Settings
    from tfcompat.matrix import load_bundled
    from tfcompat.worktree import MemoryTree

    tree = MemoryTree(_files(data))
    matrix = load_bundled()
    report = run_gate(tree, tree.names(), Settings(), matrix)
    assert set(report.checked) <= set(tree.names()), "a file was read that is not in the tree"
    for finding in report.findings:
        assert finding.rule in rule_names(), finding.rule
        for place in (finding.place, *(related.place for related in finding.related)):
            source = tree.find(place.file)
            assert source is not None, place
            assert 0 <= place.start <= place.end <= len(source.text), place
            assert place[1:3] == source.place(place.start)[1:3], place
    for name, edits in choose_edits(report.findings, tree.find).items():
        source = tree.find(name)
        assert source is not None, name
        edited(source, edits)
    again = run_gate(tree, tree.names()[::-1], Settings(), matrix)
    assert _in_order(again) == _in_order(report), "the order of files matters"


def _in_order(report: Report) -> list[tuple[object, ...]]:
    """What is said. Of the same finding in two builds either may be named."""
    return [*sorted(finding[:4] for finding in report.findings), *sorted(report.not_checked), report.checked]


def one_input(data: bytes) -> None:
    """As :func:`examine`; a slow input is kept in ``slow`` below the current folder, and one that fails in ``failed``, once for each place."""
    began = time.perf_counter()
    try:
        examine(data)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{type(error).__name__}-{Path(frames[-1].filename).stem}-{frames[-1].lineno}"
        if not Path("failed", where).exists():
            print(where, error, flush=True)
            _keep("failed", where, data)
    taken = time.perf_counter() - began
    if taken > SLOW:
        _keep("slow", f"{taken:.1f}-{zlib.crc32(data):08x}", data)


def _keep(folder: str, name: str, data: bytes) -> None:
    Path(folder).mkdir(exist_ok=True)
    Path(folder, name).write_bytes(data)


def seed(folder: Path, most: int = 40) -> None:
    """One input for each kind of file, from the scenarios, and some more Dockerfiles: the smallest of each."""
    import tomllib

    from tfcompat.gate.kinds import kind_of

    folder.mkdir(parents=True, exist_ok=True)
    by_kind: dict[str, list[tuple[int, str, str]]] = {}
    for path in sorted((HERE.parent / "scenarios").glob("*.toml")):
        for name, text in tomllib.loads(path.read_text(encoding="utf-8"))["files"].items():
            by_kind.setdefault(kind_of(name) or "other", []).append((abs(len(text) - 400), name, text))
    for kind, found in sorted(by_kind.items()):
        for number, (_, name, text) in enumerate(sorted(found)[: 10 if kind == "dockerfile" else 2]):
            (folder / f"{kind.replace('.', '-')}-{number}").write_bytes(f"{name}\n{text}".encode())
    assert len(list(folder.iterdir())) <= most


def main() -> None:
    if sys.argv[1:2] == ["--seed"]:
        seed(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["--replay"]:
        for path in sys.argv[2:]:
            began = time.perf_counter()
            examine(Path(path).read_bytes())
            print(f"{time.perf_counter() - began:.3f} s  {path}")
        return
    import atheris

    with atheris.instrument_imports(include=["tfcompat.gate"]):
        from importlib import import_module

        for module in sorted((HERE.parents[2] / "src" / "tfcompat" / "gate").rglob("*.py")):
            if module.stem != "__init__":
                import_module(".".join(module.relative_to(HERE.parents[2] / "src").with_suffix("").parts))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
