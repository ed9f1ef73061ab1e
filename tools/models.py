"""Measures which Keras loads which model file, by trying: every environment writes models, and every one loads them all.

``models.py write`` installs the environments and lets each write its models, ``models.py read`` lets each try every file
of the others, and ``models.py collect`` writes the outcome to ``data/measured/models``. What was done is kept below
``--work``, so that an interrupted session goes on where it stopped.

``readers.jsonl`` has one line an environment: its name, as the other file uses it, what it consists of, and what it could
not write, with the error. ``files.jsonl`` has one line a file::

    {"writer": NAME, "kind": "lstm", "format": ".h5", "layers": ["Dense", ...], "saved": "model.save(path)", "says": {...},
     "loads": {WAY: [NAME, ...]}, "refuses": {ERROR: [NAME, ...]}, "plainly": {ERROR: [NAME, ...]}}

``loads`` names for each way the readers that load the file so and predict the same within 1e-3: ``plain`` is
``load_model(path)``, or ``load_weights`` for weights, and a way of two options joins them with a comma. A way that is a milder
form of one that worked is not tried: where the plain one works, no other of ``load_model``; where one option is enough, not
two. ``refuses`` has the error of the last way tried, for the readers that load it in none. ``plainly`` has the error of the
plain way where that is another one. A reader in none of them did not try the file; a file that none tried has no line.

A ``format`` says what lies behind a name that promises something else, as in ``.keras, HDF5 inside``. Custom objects are
unknown to the reader, except in the ways that name them. Below every Keras 3 lies a TensorFlow, whose tf-keras may lie beside.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from model_layers import LAYER_KINDS
from verify import ROOT, UV, Failed, find_interpreter
from write_models import KINDS, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable

OUTCOME = ROOT / "data" / "measured" / "models"
TOOLS = Path(__file__).parent
LIMIT = 900  # seconds a process
NEEDED_DISK = 4 << 30  # bytes left free for others
CHUNK = 400  # files a process, which bounds what a leak can take
FIRST_FORMATS = (".h5", ".keras")
FIRST_KINDS = ("dense", "convolutional", "lstm", "custom-loss")
FIRST_WRITERS = (
    "2.4.0", "2.6.0", "2.10.0", "2.12.0", "2.13.1", "2.15.0", "2.16.0", "2.21.0", "3.0.5", "3.3.3", "3.6.0", "3.8.0", "3.12.4", "3.15.1",
)  # fmt: skip
# those that write and load the models of layers: enough to see where something changes
LAYERED = (
    "keras 2.4.0 (TF 2.4.4)", "keras 2.6.0", "keras 2.9.0", "keras 2.12.0", "keras 2.13.1", "keras 2.15.0", "tf-keras 2.16.0",
    "tf-keras 2.21.0", "keras 3.0.5", "keras 3.3.3", "keras 3.6.0", "keras 3.9.2", "keras 3.12.4", "keras 3.15.1",
)  # fmt: skip


class Environment(NamedTuple):
    """A Keras, the TensorFlow beside it, and the interpreter."""

    package: str
    version: str
    tensorflow: str
    python: str

    @property
    def name(self) -> str:
        inside = self.package == "keras" and self.version in ("2.4.0", "2.5.0")  # a part of TensorFlow: 2.4.0 in two of them
        return f"{self.package} {self.version}" + (f" (TF {self.tensorflow})" if inside else "")

    @property
    def slug(self) -> str:
        return f"{self.package}-{self.version}-tf{self.tensorflow}"

    @property
    def kinds(self) -> tuple[str, ...]:
        return (*KINDS, *LAYER_KINDS) if self.name in LAYERED else KINDS

    @property
    def overlaid(self) -> bool:
        """Keras 3 is pure Python: each lies in a folder of its own before one TensorFlow's packages."""
        return self.package == "keras" and self.version.startswith("3.")


def environments() -> list[Environment]:
    """Oldest first: Keras 2 inside or beside TensorFlow, then tf-keras, then Keras 3."""
    inside = {
        "2.3.4": "2.4.0", "2.4.4": "2.4.0", "2.5.3": "2.5.0", "2.6.5": "2.6.0", "2.7.4": "2.7.0", "2.8.4": "2.8.0", "2.9.3": "2.9.0",
        "2.10.1": "2.10.0", "2.11.1": "2.11.0", "2.12.1": "2.12.0", "2.13.1": "2.13.1", "2.14.1": "2.14.0", "2.15.1": "2.15.0",
    }  # fmt: skip
    legacy = {
        "2.16.0": ("2.16.2", "3.11"), "2.17.0": ("2.17.1", "3.12"), "2.18.0": ("2.18.1", "3.11"),
        "2.19.0": ("2.19.1", "3.12"), "2.20.1": ("2.20.0", "3.13"), "2.21.0": ("2.21.0", "3.11"),
    }  # fmt: skip
    third = {
        "2.16.2": ("3.0.5", "3.1.1", "3.2.1", "3.3.3", "3.4.1", "3.5.0", "3.6.0", "3.7.0", "3.8.0"),
        "2.18.1": ("3.9.2", "3.10.0", "3.11.3"),
        "2.21.0": ("3.12.4", "3.13.2", "3.14.1", "3.15.1"),
    }
    return [
        *(Environment("keras", keras, tf, "3.11" if tf in ("2.14.1", "2.15.1") else "3.8") for tf, keras in inside.items()),
        *(Environment("tf-keras", keras, *beside) for keras, beside in legacy.items()),
        *(Environment("keras", keras, tf, "3.11") for tf, versions in third.items() for keras in versions),
    ]


class Place(NamedTuple):
    """Where everything lies below the folder of work."""

    work: Path

    def python(self, env: Environment) -> Path:
        return self.work / "env" / f"tf-{env.tensorflow}-py{env.python}" / "bin" / "python"

    def overlay(self, env: Environment) -> Path:
        return self.work / "overlay" / f"keras-{env.version}"

    def files(self, env: Environment) -> Path:
        return self.work / "files" / env.slug

    def written(self, env: Environment) -> Path:
        return self.work / "written" / f"{env.slug}.jsonl"

    def read(self, env: Environment) -> Path:
        return self.work / "read" / f"{env.slug}.jsonl"


_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def main() -> int:
    options = _options()
    place = Place(options.work.absolute())
    for folder in ("env", "overlay", "files", "written", "read", "home"):
        (place.work / folder).mkdir(parents=True, exist_ok=True)
    wanted = [env for env in environments() if not options.only or env.name in options.only or env.slug in options.only]
    if options.command == "collect":
        return collect(place)
    failed = 0
    step = write if options.command == "write" else read
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        spread = [env for start in range(3) for env in wanted[::-1][start::3]]  # an interrupted session has seen every age
        waiting = {pool.submit(_attempt, step, place, env, options): env for env in spread}
        for future in concurrent.futures.as_completed(waiting):
            outcome, seconds = future.result()
            failed += outcome.startswith("failed")
            print(f"{waiting[future].name}: {outcome} ({seconds:.0f} s)", flush=True)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=("write", "read", "collect"))
    parser.add_argument("--only", action="append", help="only the environment of this name, as in 'keras 3.5.0'; repeatable")
    parser.add_argument("--jobs", type=int, default=2, help="environments at the same time")
    parser.add_argument("--rank", type=int, default=5, help="read only to this rank: 1 the usual models, 5 everything")
    parser.add_argument("--work", type=Path, default=Path("/opt/models"), help="a folder for environments, models and partial outcomes")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "uv", help="uv's cache")
    return parser.parse_args()


def _attempt(step: Any, place: Place, env: Environment, options: argparse.Namespace) -> tuple[str, float]:
    started = time.monotonic()
    try:
        return step(place, env, options), time.monotonic() - started
    except Failed as error:
        return f"failed: {error}", time.monotonic() - started


# -- environments ---------------------------------------------------------------------------------


def install(place: Place, env: Environment, cache: Path) -> None:
    """The environment of this TensorFlow, as tfcompat pins it, and the Keras that lies beside it."""
    python = place.python(env)
    with _guard:
        lock = _locks.setdefault(str(python), threading.Lock())
    with lock:
        if not (python.parents[1] / "installed").exists():
            _install_tensorflow(place, env, cache)
        uv = [UV, "pip", "install", "--quiet", "--no-config", "--cache-dir", str(cache), "--no-deps", "--python", str(python)]
        if env.package == "tf-keras":
            _checked([*uv, f"tf-keras=={env.version}"], place)
        elif env.overlaid and not (place.overlay(env) / "keras").exists():
            beside = ["dm-tree==0.1.8"] if env.version < "3.3" else []  # what these required before optree
            _checked([*uv, "--target", str(place.overlay(env)), f"keras=={env.version}", *beside], place)


def _install_tensorflow(place: Place, env: Environment, cache: Path) -> None:
    if shutil.disk_usage(place.work).free < NEEDED_DISK:
        raise Failed(f"less than {NEEDED_DISK >> 30} GiB of disk are left")
    python = place.python(env)
    home = python.parents[1]
    shutil.rmtree(home, ignore_errors=True)
    pin = [sys.executable, "-m", "tfcompat", "pin", "--cpu", "--tensorflow", env.tensorflow, "--python", env.python]
    pins = home.with_suffix(f".{env.python}.txt")
    pins.write_text(_checked(pin, place), encoding="utf-8")
    uv = ["--quiet", "--no-config", "--cache-dir", str(cache)]
    _checked([UV, "venv", *uv, "--no-python-downloads", "--python", find_interpreter(env.python), str(home)], place)
    _checked([UV, "pip", "install", *uv, "--python", str(python), "-r", str(pins)], place)
    (home / "installed").touch()


def _checked(command: list[str], place: Place) -> str:
    done = _run(command, dict(os.environ))
    if done.returncode:
        raise Failed(f"{' '.join(command[:3])}: {done.stderr.strip()[-600:]}")
    return str(done.stdout)


def _run(command: list[str], environment: dict[str, str]) -> Any:
    try:
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=LIMIT, check=False,
            stdin=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"not done after {LIMIT} s")


def _inside(place: Place, env: Environment, script: str, arguments: Iterable[Path | str]) -> Any:
    """Run a script in the environment: no user's packages, no configuration, quiet, on one core."""
    home = place.work / "home" / env.slug
    home.mkdir(exist_ok=True)
    quiet = {
        "PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "LC_ALL": "C.UTF-8", "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1", "TF_ENABLE_ONEDNN_OPTS": "0", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    if env.package == "tf-keras":
        quiet["TF_USE_LEGACY_KERAS"] = "1"
    overlay = str(place.overlay(env)) if env.overlaid else "-"
    command = [str(place.python(env)), "-I", "-W", "ignore", str(TOOLS / script), env.package, overlay, *map(str, arguments)]
    return _run(command, quiet)


# -- writing --------------------------------------------------------------------------------------


def write(place: Place, env: Environment, options: argparse.Namespace) -> str:
    lines = _lines(place.written(env))
    kinds = [kind for kind in env.kinds if not any(line.get("kind") == kind and "done" in line for line in lines)]
    if not kinds:
        return "there already"
    install(place, env, options.cache)
    for kind in kinds:
        shutil.rmtree(place.files(env) / kind, ignore_errors=True)
    whole = [line for line in lines if line.get("kind") not in kinds]
    place.written(env).write_text("".join(json.dumps(line) + "\n" for line in whole), encoding="utf-8")
    done = _inside(place, env, "write_models.py", (place.files(env), place.written(env), *kinds))
    lines = _lines(place.written(env))
    if not {line["kind"] for line in lines if "done" in line}.issuperset(kinds):
        raise Failed(f"the process ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    if lines[0]["keras"] != env.version or lines[0]["tensorflow"] != env.tensorflow:
        raise Failed(f"found {lines[0]}")
    errors = [f"{line['kind']} {line.get('file', '')}: {line['error']}" for line in lines if "error" in line]
    return f"{sum('format' in line for line in lines)} files" + "".join(f"\n  not {error}" for error in errors)


# -- reading --------------------------------------------------------------------------------------


def read(place: Place, env: Environment, options: argparse.Namespace) -> str:
    install(place, env, options.cache)
    todo = [job for job in jobs(place) if job["rank"] <= options.rank and job["kind"] in env.kinds]
    count, silent = 0, 0
    while True:
        done = {line["path"] for line in _lines(place.read(env)) if "done" in line}
        left = [job for job in todo if job["path"] not in done]
        if not left:
            return f"{len(todo)} files, {count} new"
        chunk = place.work / "read" / f"{env.slug}.todo"
        chunk.write_text("\n".join(json.dumps(job) for job in left[:CHUNK]), encoding="utf-8")
        process = _inside(place, env, "load_models.py", (place.work / "files", chunk, place.read(env)))
        came = len({line["path"] for line in _lines(place.read(env)) if "done" in line}) - len(done)
        count += came
        if process.returncode == 0 and came:
            continue
        silent = 0 if came else silent + 1
        if silent > 3:
            raise Failed(f"the process ended with {process.returncode}: {process.stderr.strip()[-400:]}")
        if process.returncode < 0 or (process.returncode == 124 and not came):
            _blame(place.read(env), left[came], process.returncode)
            silent = 0


def _blame(path: Path, job: dict[str, Any], code: int) -> None:
    """The first file without an outcome is the one that ended the process."""
    outcome = f"crashed: {signal.Signals(-code).name}" if code < 0 else f"not done after {LIMIT} s"
    with path.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"path": job["path"], "way": "crashed", "outcome": outcome}) + "\n")
        out.write(json.dumps({"path": job["path"], "done": True}) + "\n")


def jobs(place: Place) -> list[dict[str, Any]]:
    """Every file that was written, what matters most first."""
    found = []
    for env in environments():
        for line in _lines(place.written(env)):
            if "format" not in line:
                continue
            rank = _rank(env, line["kind"], line["format"])
            path = f"{env.slug}/{line['kind']}/{line['file']}"
            found.append({"path": path, "kind": line["kind"], "format": line["format"], "rank": rank})
    return sorted(found, key=lambda job: job["rank"])


def _rank(env: Environment, kind: str, form: str) -> int:
    """What the most people have comes first, what takes the longest last."""
    first = env.version in FIRST_WRITERS
    if form == "SavedModel":
        return 3 if first and kind == "dense" else 5
    if form not in FIRST_FORMATS:
        return 4
    if kind in FIRST_KINDS:
        return 1
    return 2 if first and kind != "recurrent" else 4


# -- the outcome ----------------------------------------------------------------------------------


def collect(place: Place) -> int:
    readers = [_reader(place, env) for env in environments() if _lines(place.written(env))]
    tried: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for env in environments():
        for line in _lines(place.read(env)):
            tried.setdefault(line["path"], {}).setdefault(env.name, []).append(line)
    files = []
    for env in environments():
        for line in _lines(place.written(env)):
            if "format" in line:
                row = {"writer": env.name, **{key: line[key] for key in ("kind", "format", "layers", "saved", "says")}}
                outcome = _outcome(tried.get(f"{env.slug}/{line['kind']}/{line['file']}", {}))
                files += [{**row, **outcome}] if any(outcome.values()) else []
    OUTCOME.mkdir(parents=True, exist_ok=True)
    for name, rows in (("readers", readers), ("files", files)):
        text = "".join(json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" for row in rows)
        (OUTCOME / f"{name}.jsonl").write_text(text, encoding="utf-8")
        print(f"{name}.jsonl: {len(rows)} lines, {len(text) >> 10} KiB")
    return 0


def _reader(place: Place, env: Environment) -> dict[str, Any]:
    path = place.read(env) if place.read(env).exists() else place.written(env)
    day = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.timezone.utc).date().isoformat()
    about = _lines(place.written(env))[0]
    beside = {key: about[key] for key in ("tensorflow", "python", "numpy", "h5py")}
    unwritten = {f"{line['kind']} {line.get('file', '')}".strip(): line["error"] for line in _lines(place.written(env)) if "error" in line}
    row = {"name": env.name, "package": env.package, "version": env.version, "date": day, **beside}
    return {**row, "unwritten": unwritten} if unwritten else row


def _outcome(tried: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    loads: dict[str, list[str]] = {}
    refuses: dict[str, list[str]] = {}
    plainly: dict[str, list[str]] = {}
    for reader, lines in tried.items():
        if not any("done" in line for line in lines):
            continue
        ways = [(line["way"], tidy(line["outcome"])) for line in lines if "way" in line]
        good = [way for way, outcome in ways if outcome == "ok"]
        for way in good:
            loads.setdefault(way, []).append(reader)
        if not good:
            refuses.setdefault(ways[-1][1], []).append(reader)
        if ways[0][1] != "ok" and (good or ways[0][1] != ways[-1][1]):
            plainly.setdefault(ways[0][1], []).append(reader)
    return {"loads": loads, "refuses": refuses, "plainly": plainly}


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file; a process that was ended can leave half a line."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("}\n")]


if __name__ == "__main__":
    sys.exit(main())
