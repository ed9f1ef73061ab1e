"""Ask uv whether emitted requirements resolve: every TensorFlow minor, every interpreter, CPU and GPU, Keras 2 and 3.

Resolving is not running: it shows that pip would find a consistent set, not that TensorFlow imports. Where the
set is said to be complete, it must also resolve to itself: nothing may come along that is not pinned.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tfcompat import Request, ResolutionImpossible, load_bundled
from tfcompat.resolver import resolve_pins
from tfcompat.resolver.request import KNOWN_PYTHONS

if TYPE_CHECKING:
    from collections.abc import Iterator


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
            for request in _requests(version):
                outcome = _check(request, options.index_url)
                checked += outcome is not None
                if outcome:
                    failed += 1
                    wishes = {name: value for name, value in request._asdict().items() if value != Request._field_defaults[name]}
                    print(f"{wishes}:\n{outcome}", flush=True)
    print(f"{checked} sets of requirements, {failed} do not resolve or are not complete")
    return 1 if failed else 0


def _requests(version: str) -> Iterator[Request]:
    for python in KNOWN_PYTHONS:
        for gpu in (False, True):
            yield Request(tensorflow=version, python=python, gpu=gpu, cpu=not gpu)
        yield Request(tensorflow=version, python=python, cpu=True, packages=("numpy<2",))
        yield Request(tensorflow=version, python=python, cpu=True, platform="linux/arm64")
        if int(version.split(".")[1]) >= 16:
            yield Request(tensorflow=version, python=python, cpu=True, keras="2")


def _check(request: Request, index_url: str) -> str | None:
    """What is wrong with the set: empty when nothing is, None when there is no such plan."""
    try:
        plan = resolve_pins(request)
    except ResolutionImpossible:
        return None
    machine = "aarch64" if plan.platform == "linux/arm64" else "x86_64"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text("\n".join(plan.requirements) + "\n", encoding="utf-8")
        target = ["--python-version", f"{request.python}.99", "--python-platform", f"{machine}-manylinux_2_28"]
        quiet = ["--no-config", "--no-header", "--no-annotate", "--quiet"]
        command = ["uv", "pip", "compile", *quiet, "--index-url", index_url, *target, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip()
    missing = {re.sub(r"\[.*\]", "", line) for line in done.stdout.split()} - {re.sub(r"\[.*\]", "", line) for line in plan.requirements}
    missing = {line for line in missing if not line.startswith("tensorflow-cpu-aws==")}  # what the arm64 stub delegates to
    return f"not pinned: {', '.join(sorted(missing))}" if missing and plan.pins.status in ("verified", "follows") else ""


if __name__ == "__main__":
    sys.exit(main())
