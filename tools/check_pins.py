"""Ask uv whether emitted requirements resolve: every TensorFlow minor, every interpreter, CPU and GPU.

Resolving is not running: it shows that pip would find a consistent set, not that TensorFlow imports.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tfcompat import Request, ResolutionImpossible, load_bundled, resolve
from tfcompat.resolver.request import KNOWN_PYTHONS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensorflow", help="only this minor, as in 2.15")
    parser.add_argument("--index-url", default="https://pypi.org/simple/")
    options = parser.parse_args()
    newest: dict[str, str] = {}
    for release in load_bundled().releases:
        newest.setdefault(".".join(release.version.split(".")[:2]), release.version)
    checked = failed = 0
    for minor, version in newest.items():
        if options.tensorflow in (None, minor):
            for python in KNOWN_PYTHONS:
                for gpu in (False, True):
                    outcome = _check(version, python, gpu, options.index_url)
                    checked += outcome is not None
                    if outcome:
                        failed += 1
                        print(f"tensorflow {version}, Python {python}, {'GPU' if gpu else 'CPU'}:\n{outcome}", flush=True)
    print(f"{checked} sets of requirements, {failed} do not resolve")
    return 1 if failed else 0


def _check(version: str, python: str, gpu: bool, index_url: str) -> str | None:
    """What uv says against the set: empty when it resolves, None when there is no such plan."""
    try:
        plan = resolve(Request(tensorflow=version, python=python, base="slim", gpu=gpu, cpu=not gpu)).plan
    except ResolutionImpossible:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text("\n".join(plan.requirements) + "\n", encoding="utf-8")
        target = ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
        command = ["uv", "pip", "compile", "--no-config", "--no-header", "--index-url", index_url, *target, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
