"""Speed as ratios taken in one run: the clock of a machine drifts, the ratio to a neighbour holds."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat import Matrix, Request, TfcompatError, load_bundled, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RUNS = 15


def main() -> int:
    resolve_command = [sys.executable, "-m", "tfcompat", "resolve", "--gpu", "A100"]
    print("whole process, median of pairs (lower is better)")
    _compare("tfcompat resolve / python -c pass", resolve_command, [sys.executable, "-c", "pass"])
    _compare("tfcompat resolve / python -c 'import pydantic'", resolve_command, [sys.executable, "-c", "import pydantic"])
    _compare(
        "tfcompat resolve / python -c 'import pydantic.main'", resolve_command, [sys.executable, "-c", "from pydantic import BaseModel"]
    )
    with tempfile.TemporaryDirectory() as folder:
        question = Path(folder, "requirements.in")
        question.write_text("tensorflow==2.19.*\n", encoding="utf-8")
        uv = ["uv", "pip", "compile", "--quiet", "--no-header", str(question)]
        same = [sys.executable, "-m", "tfcompat", "resolve", "--tensorflow", "2.19", "--base", "slim", "--format", "requirements"]
        if subprocess.run(uv, capture_output=True, check=False).returncode == 0:
            _compare("tfcompat resolve / uv pip compile (warm cache), tensorflow==2.19.*", same, uv)
        else:
            print("  uv pip compile did not answer (no network?): not compared")
    _warm(load_bundled(), "the bundled matrix", 1000)
    print(f"peak memory so far: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    _warm(_grown(load_bundled(), 10), "a matrix with ten times the releases", 100)
    return 0


def _compare(title: str, command: Sequence[str], reference: Sequence[str]) -> None:
    ratios = [_seconds(command) / _seconds(reference) for _ in range(RUNS + 1)][1:]
    print(f"  {title}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f})")


def _seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ, check=False)
    return time.perf_counter() - start


def _warm(matrix: Matrix, title: str, count: int) -> None:
    """*count* varied requests, twice over: the second time is the warm one."""
    requests = _requests(matrix, count)
    for request in requests:
        _timed(partial(resolve, request, matrix))
    times = sorted(_timed(partial(resolve, request, matrix)) for request in requests)
    baseline = statistics.median(_timed(partial(json.loads, "[1]")) for _ in range(1000))
    print(f"warm resolve() on {title}, {count} varied requests: median {statistics.median(times) * 1e3:.2f} ms, ", end="")
    print(
        f"95% below {times[count * 95 // 100] * 1e3:.0f} ms, the median {statistics.median(times) / baseline:.0f} times json.loads('[1]')"
    )


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    with contextlib.suppress(TfcompatError):  # a conflict is an answer too
        call()
    return time.perf_counter() - start


def _requests(matrix: Matrix, count: int) -> list[Request]:
    pick = random.Random(7)
    releases = [r.version for r in matrix.releases]
    gpus = [g.name for g in matrix.gpus]

    def maybe(value: object, chance: float) -> object:
        return value if pick.random() < chance else None

    found = []
    for _ in range(count):
        wishes = {
            "tensorflow": maybe(pick.choice([pick.choice(releases), f">={pick.choice(releases)}", f"<={pick.choice(releases)}"]), 0.6),
            "python": maybe(f"3.{pick.randint(6, 13)}", 0.5),
            "driver": maybe(pick.choice(["450.80.02", "470.82.01", "525.60.13", "535.104.05", "550.54.14", "580.65.06"]), 0.3),
            "keras": maybe(pick.choice(["<3", ">=3"]), 0.2),
        }
        gpu = [pick.choice(gpus)] if pick.random() < 0.4 else bool(wishes["driver"])
        base = pick.choice(["auto", "auto", "official", "slim", "cuda"])
        found.append(Request(**{k: v for k, v in wishes.items() if v is not None}, gpu=gpu, base=base))  # type: ignore[arg-type]
    return found


def _grown(matrix: Matrix, times: int) -> Matrix:
    """The matrix with *times* as many TensorFlow releases: the same ones again under later epochs of the patch number."""
    document = dict(matrix.document)
    rows = []
    for row in document["tensorflow"]:
        rows.append(row)
        rows += [{**row, "version": f"{row['version']}.{n}"} for n in range(1, times) if "post" not in row["version"]]
    document["tensorflow"] = rows
    return Matrix(document, f"{times} times {matrix.source}")


if __name__ == "__main__":
    sys.exit(main())
