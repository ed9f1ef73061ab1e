"""Runs the pins: a fresh environment from the emitted file and nothing else, then real work in it.

For every TensorFlow minor from 2.3 on (its last patch) and every interpreter that has a wheel, and once more with
tf-keras from 2.16 on. What passed is written to ``data/pins``: the pins, and of each run its day, its interpreter, the
hash of the file and every step. Sets that are there already are passed over, so an interrupted session goes on where
it stopped. TensorFlow's own wheel leaves the cache after its run, which bounds the disk. With ``--naive`` it runs what a
plain ``pip install tensorflow`` brings today, and writes what came of it to ``data/naive``, failures too: they teach caps.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import datetime
import hashlib
import json
import os
import platform as machine
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tfcompat import Matrix, load_bundled
from tfcompat.installers import find_uv
from tfcompat.matrix.compile import STEPS
from tfcompat.pins import IN_STEP, unsaid
from tfcompat.requirements import cap_on, requirements_of
from tfcompat.versions import minor, version

ROOT = Path(__file__).parents[1]
PINS = ROOT / "data" / "pins"
NAIVE = ROOT / "data" / "naive"
PLATFORM = "linux/amd64"
UV = find_uv() or "uv"
EXERCISED = STEPS[1:-2]  # by exercise.py
FIRST = version("2.3")
FIRST_KERAS_3 = version("2.16")
DISTRIBUTIONS = ("tensorflow", "tensorflow-cpu")
LIMIT = 1200  # seconds a command
NEEDED_DISK = 6 << 30  # bytes: the largest TensorFlow, packed and unpacked, and its neighbours
CACHE_LIMIT = 4 << 30


class Target(NamedTuple):
    """One set: a TensorFlow release, an interpreter, and which Keras stands behind ``tf.keras``."""

    tensorflow: str
    python: str
    keras: str

    def path(self, folder: Path) -> Path:
        suffix = "-tf-keras" if self.keras == "tf-keras" else ""
        return folder / self.tensorflow / f"py{self.python}{suffix}.json"

    def __str__(self) -> str:
        return f"tensorflow {self.tensorflow}, Python {self.python}{', tf-keras' if self.keras == 'tf-keras' else ''}"


class Failed(Exception):
    """A set does not resolve, or a step of a run failed; the message is for people."""


def main() -> int:
    options = _options()
    matrix = load_bundled()
    targets = [t for t in find_targets(matrix) if _wanted(t, options)]
    if options.naive:
        targets = [t for t in targets if t.keras == "keras"]
    if not targets:
        print("no TensorFlow release with a wheel for this interpreter fits", file=sys.stderr)
        return 2
    free = shutil.disk_usage(options.work or tempfile.gettempdir()).free
    if free < NEEDED_DISK * options.jobs:
        print(
            f"{free >> 30} GiB of disk are free, {NEEDED_DISK * options.jobs >> 30} are needed: name another folder with --work",
            file=sys.stderr,
        )
        return 3
    failed = done = 0
    with (
        tempfile.TemporaryDirectory(prefix="tfcompat-verify-", dir=options.work) as work,
        concurrent.futures.ThreadPoolExecutor(options.jobs) as pool,
    ):
        waiting = {pool.submit(_attempt, matrix, target, options, Path(work)): target for target in targets}
        try:
            for future in concurrent.futures.as_completed(waiting):
                done += 1
                outcome, seconds = future.result()
                failed += not outcome.startswith(("ok", "there"))
                print(f"[{done}/{len(targets)}] {waiting[future]}: {outcome} ({seconds:.0f} s)", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=True, cancel_futures=True)
            print(f"interrupted; what passed is kept, {len(targets) - done} sets are left", file=sys.stderr)
            return 130
    print(f"{len(targets)} sets, {failed} failed")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tensorflow", action="append", help="only this minor or patch, as in 2.15; repeatable")
    parser.add_argument("--python", action="append", help="only this interpreter, as in 3.11; repeatable")
    parser.add_argument("--keras", choices=("keras", "tf-keras"), help="only sets with this Keras")
    parser.add_argument("--distribution", action="append", choices=DISTRIBUTIONS, help="only this name of TensorFlow; repeatable")
    parser.add_argument("--again", action="store_true", help="run the pins that are there once more, as they are")
    parser.add_argument("--renew", action="store_true", help="resolve to the newest versions anew, and run those")
    parser.add_argument("--naive", action="store_true", help="run what a plain 'pip install tensorflow' brings, without caps")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.add_argument("--jobs", type=int, default=1, help="sets at the same time")
    parser.add_argument("--work", type=Path, help="a folder for environments and downloads; emptied afterwards")
    parser.add_argument("--index-url", default="https://pypi.org/simple/")
    options = parser.parse_args()
    if options.renew and options.distribution:
        parser.error("--renew resolves anew, so that every distribution has to be run: leave --distribution out")
    return options


def find_targets(matrix: Matrix) -> list[Target]:
    """The last patch of each minor, newest first, with every interpreter that has its wheel."""
    newest: dict[Any, str] = {}
    for release in matrix.releases:
        if release.package == "tensorflow" and not release.yanked and minor(version(release.version)) >= FIRST:
            newest.setdefault(minor(version(release.version)), release.version)
    found = []
    for text in newest.values():
        kinds = ("keras", "tf-keras") if version(text) >= FIRST_KERAS_3 else ("keras",)
        found += [Target(text, python, keras) for keras in kinds for python in _pythons(matrix, "tensorflow", text)]
    return found


def _pythons(matrix: Matrix, distribution: str, text: str) -> tuple[str, ...]:
    release = matrix.release(distribution, text)
    build = matrix.build(release, PLATFORM) if release else None
    return build.python if build else ()


def _wanted(target: Target, options: argparse.Namespace) -> bool:
    minors = options.tensorflow or [target.tensorflow]
    return (
        any(target.tensorflow == text or target.tensorflow.startswith(f"{text}.") for text in minors)
        and target.python in (options.python or [target.python])
        and target.keras == (options.keras or target.keras)
    )


def _attempt(matrix: Matrix, target: Target, options: argparse.Namespace, work: Path) -> tuple[str, float]:
    """What came of one set, for people, and how many seconds it took."""
    started = time.monotonic()
    try:
        return _verify(matrix, target, options, work), time.monotonic() - started
    except Failed as error:
        return str(error), time.monotonic() - started
    except (OSError, ValueError, KeyError, TypeError) as error:  # a damaged record, a full disk
        return f"failed: {type(error).__name__}: {error}", time.monotonic() - started


def _verify(matrix: Matrix, target: Target, options: argparse.Namespace, work: Path) -> str:
    interpreter = find_interpreter(target.python)
    path = target.path(NAIVE if options.naive else PINS)
    there = json.loads(path.read_text(encoding="utf-8")) if path.exists() and not options.renew else None
    distributions = find_distributions(matrix, target, options)
    runs = {run["distribution"]: run for run in there["runs"]} if there else {}
    left = distributions if options.again else [name for name in distributions if name not in runs]
    if not left:
        return "there already"
    pins = there["pins"] if there else resolve_pins(matrix, target, interpreter, options, work)
    for name in left:
        if shutil.disk_usage(work).free < NEEDED_DISK:
            raise Failed(f"failed: less than {NEEDED_DISK >> 30} GiB of disk are left")
        with tempfile.TemporaryDirectory(dir=work) as folder:
            runs[name] = run_pins(target, name, pins, interpreter, options.index_url, Path(folder))
        bad = [f"{step} {outcome}" for step, outcome in runs[name]["steps"].items() if outcome.startswith("failed")]
        if bad and not options.naive:
            raise Failed(f"{name}: {'; '.join(bad)}")  # a set is kept when it passed under every name
    if not options.dry_run:
        write_record(path, target, pins, [runs[n] for n in DISTRIBUTIONS if n in runs])
    if bad:
        raise Failed(f"{name}: {'; '.join(bad)}")
    return f"ok, {', '.join(left)}"


def find_distributions(matrix: Matrix, target: Target, options: argparse.Namespace) -> list[str]:
    """The names of TensorFlow that this set can be run with; tf-keras requires the one named tensorflow."""
    if options.naive or target.keras == "tf-keras":
        return ["tensorflow"]
    return [n for n in options.distribution or DISTRIBUTIONS if target.python in _pythons(matrix, n, target.tensorflow)]


def find_interpreter(python: str) -> str:
    """An interpreter of this minor: on the PATH, below pyenv, or one that uv knows."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for found in (*sorted(pyenv.glob(f"{python}.*/bin/python{python}")), shutil.which(f"python{python}")):
        if found and _run([str(found), "-c", "import ssl, venv"], {}).returncode == 0:
            return str(found)
    known = _run([UV, "python", "find", "--no-config", "--no-python-downloads", python], dict(os.environ))
    if known.returncode:
        raise Failed(f"failed: no Python {python} on this machine")
    return known.stdout.strip()


def resolve_pins(matrix: Matrix, target: Target, interpreter: str, options: argparse.Namespace, work: Path) -> list[str]:
    """The newest versions of everything that the wheels' metadata and the learned caps admit together; TensorFlow itself left out."""
    asked = [f"tensorflow=={target.tensorflow}"]
    if target.keras == "tf-keras":
        asked.append(f"tf-keras=={version(target.tensorflow).major}.{version(target.tensorflow).minor}.*")
    constraints: list[str] = []
    if not options.naive:
        asked += unsaid(required(matrix, target))
        constraints = bounds(matrix, target)
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        (folder / "asked.in").write_text("\n".join(asked) + "\n", encoding="utf-8")
        (folder / "bounds.txt").write_text("\n".join(constraints) + "\n", encoding="utf-8")
        done = _run(
            [
                UV, "pip", "compile", "--quiet", "--no-config", "--no-header", "--no-annotate", "--index-url", options.index_url,
                "--python", interpreter, "--no-python-downloads", "--cache-dir", str(_cache(folder)),
                "--constraints", str(folder / "bounds.txt"), str(folder / "asked.in"),
            ],
            _environment(folder),
        )  # fmt: skip
    if done.returncode:
        raise Failed(f"failed: does not resolve: {_last(done.stderr)}")
    lines = [str(Requirement(line)) for line in done.stdout.split("\n") if line.strip()]
    return sorted(line for line in lines if not line.startswith("tensorflow=="))


def bounds(matrix: Matrix, target: Target) -> list[str]:
    """The learned caps, and no newer minor of what is released in step with TensorFlow."""
    release = matrix.release("tensorflow", target.tensorflow)
    assert release is not None
    found = [f"{name}{cap.allows}" for name in sorted({c.package for c in matrix.caps}) if (cap := cap_on(matrix, release, name))]
    ours = minor(version(target.tensorflow))
    for name in IN_STEP:
        allowed = required(matrix, target).get(name, SpecifierSet())
        if any(minor(version(row.version)) <= ours and allowed.contains(row.version) for row in matrix.package(name)):
            found.append(f"{name}<{ours.major}.{ours.minor + 1}")
    return found


def required(matrix: Matrix, target: Target) -> dict[str, SpecifierSet]:
    """What the wheel requires for the interpreter, by name."""
    release = matrix.release("tensorflow", target.tensorflow)
    build = matrix.build(release, PLATFORM) if release else None
    return requirements_of(build, PLATFORM, version(target.python)) if build else {}


def run_pins(target: Target, distribution: str, pins: list[str], interpreter: str, index_url: str, folder: Path) -> dict[str, Any]:
    """Install into a fresh environment in *folder*, run every step, and say what came of each."""
    lines = [f"{distribution}=={target.tensorflow}", *pins]
    text = "\n".join(lines) + "\n"
    file, home, python = folder / "requirements.txt", folder / "env", folder / "env/bin/python"
    file.write_text(text, encoding="utf-8")
    environment = _environment(folder)
    if target.keras == "tf-keras":
        environment["TF_USE_LEGACY_KERAS"] = "1"
    cache = ["--no-config", "--cache-dir", str(_cache(folder))]
    steps: dict[str, str] = {}
    try:
        done = _run([UV, "venv", "--quiet", *cache, "--no-python-downloads", "--python", interpreter, str(home)], environment)
        if done.returncode == 0:
            install = [UV, "pip", "install", "--quiet", *cache, "--index-url", index_url, "--python", str(python), "-r", str(file)]
            done = _run(install, environment)
        steps["install"] = _install_outcome(done, python, lines, environment, cache)
        if steps["install"] == "ok":
            steps.update(_exercise(target, pins, python, environment, folder))
            steps["tensorboard"] = _tensorboard(home, pins, environment)
            steps["pip-check"] = _outcome(_run([UV, "pip", "check", *cache, "--python", str(python)], environment))
        about = _run(
            [str(python), "-c", "import platform; print(platform.python_implementation(), platform.python_version())"], environment
        )
    finally:
        _run([UV, "cache", "clean", "--quiet", *cache, *DISTRIBUTIONS], environment)
    return {
        "distribution": distribution,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "python": about.stdout.strip(),
        "machine": f"{machine.system()} {machine.machine()}, {' '.join(machine.libc_ver())}",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "steps": {step: outcome.replace(f"{folder}/", "") for step, outcome in steps.items()},
    }


def _install_outcome(done: Any, python: Path, lines: list[str], environment: dict[str, str], cache: list[str]) -> str:
    """Installed, and nothing beside what the file names."""
    if done.returncode:
        return f"failed: {_last(done.stderr)}"
    listed = _run([UV, "pip", "freeze", "--quiet", *cache, "--python", str(python)], environment).stdout.split()
    if sorted(listed) != sorted(lines):
        return f"failed: installed and pinned differ in {', '.join(sorted(set(listed) ^ set(lines)))}"
    return "ok"


def _exercise(target: Target, pins: list[str], python: Path, environment: dict[str, str], folder: Path) -> dict[str, str]:
    behind = next((line for line in pins if line.startswith(f"{target.keras}==")), "-")
    script = str(Path(__file__).with_name("exercise.py"))
    done = _run([str(python), "-I", script, target.tensorflow, behind], environment, folder)
    steps = {}
    for line in done.stdout.splitlines():
        if line.startswith('{"step"'):
            step = json.loads(line)
            steps[step["step"]] = step["outcome"]
    failed = any(outcome.startswith("failed") for outcome in steps.values())
    if not failed and (done.returncode or list(steps) != list(EXERCISED)):
        steps["exercise"] = f"failed: the process ended with {done.returncode}: {_last(done.stderr)}"
    return steps


def _tensorboard(home: Path, pins: list[str], environment: dict[str, str]) -> str:
    command = home / "bin" / "tensorboard"
    if not any(line.startswith("tensorboard==") for line in pins):
        return "skipped: not among the pins"
    return _outcome(_run([str(command), "--version"], environment))


def _outcome(done: Any) -> str:
    return "ok" if done.returncode == 0 else f"failed: {_last(done.stdout + done.stderr)}"


def _last(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-4:])[:600]


def _cache(folder: Path) -> Path:
    """One cache for each folder of environments, emptied when it grows; TensorFlow itself does not stay in it."""
    cache = folder.parent / f"cache-{threading.current_thread().name.rpartition('_')[2]}"
    if cache.exists() and sum(f.stat().st_size for f in cache.rglob("*") if f.is_file() and not f.is_symlink()) > CACHE_LIMIT:
        shutil.rmtree(cache)
    return cache


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of this machine: no user's packages, no configuration, and no compiler, as in a slim image."""
    kept = {n: v for n, v in os.environ.items() if n.upper().endswith("_PROXY") or n in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    return {
        **kept, "PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "CC": "/bin/false", "CXX": "/bin/false",
        "PYTHONNOUSERSITE": "1", "TF_CPP_MIN_LOG_LEVEL": "2", "LC_ALL": "C.UTF-8",
    }  # fmt: skip


def _run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> Any:
    try:
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, errors="replace", timeout=LIMIT, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"not done after {LIMIT} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: {error.strerror}")


def write_record(path: Path, target: Target, pins: list[str], runs: list[dict[str, Any]]) -> None:
    """Written aside, then renamed: an interrupted session leaves whole records."""
    record = {**target._asdict(), "platform": PLATFORM, "pins": pins, "runs": runs}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # its folders are removed then too
    sys.exit(main())
