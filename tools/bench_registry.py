"""Speed of the registry clients, as ratios taken in one run: 8,000 tags behind a fixed latency a request.

The other sides are a client that reads Docker Hub's API page by page over one connection, and ``skopeo list-tags``.
Run by ``nox -s bench_registry``; docker-registry and skopeo must be on PATH.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import requests
import trustme

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from registry.front import serve_front
from registry.real_registry import serve_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.front import Front

TAGS = 8_000
LATENCIES = (0.1, 0.5)  # seconds added to each request; users report half a second for a page of Docker Hub
RUNS = 3
REPOSITORY = "tensorflow/tensorflow"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, serve_registry(Path(folder)) as registry:
        registry.push_image(REPOSITORY, "2.15.0-gpu")
        registry.spread_tags(REPOSITORY, "2.15.0-gpu", [f"2.{n // 100}.{n % 100}" for n in range(TAGS - 1)])
        with serve_front(registry, trustme.CA()) as front:
            front.hub_rate.limit = front.pull_rate.limit = 1_000_000
            os.environ |= {"REQUESTS_CA_BUNDLE": str(front.ca_file), "SSL_CERT_FILE": str(front.ca_file), "no_proxy": "*", "HOME": folder}
            list(map(_page_by_page, [front.url]))  # the front has read every manifest once
            for latency in LATENCIES:
                front.latency = latency
                print(f"{TAGS} tags, {latency * 1e3:.0f} ms added to each request, medians of {RUNS} pairs")
                _hub(front)
                for cap in (10_000, 1_000):
                    front.page_cap = cap
                    _distribution(front, cap)
            _inspection(front)
    return 0


def _hub(front: Front) -> None:
    _compare(
        "Docker Hub's API, first call / page by page (whole processes)",
        front,
        lambda: _tfcompat(front, "--hub-url", front.url),
        lambda: _run([sys.executable, __file__, front.url]),
    )
    with tempfile.TemporaryDirectory() as cache:
        _tfcompat(front, "--hub-url", front.url, cache=cache)
        print(f"  second call at once: {_asked(front, lambda: _tfcompat(front, '--hub-url', front.url, cache=cache))} requests")
        later = _asked(front, lambda: _tfcompat(front, "--hub-url", front.url, "--max-age", "0", cache=cache))
        print(f"  a call when the list is stale and nothing changed: {later} requests")


def _distribution(front: Front, cap: int) -> None:
    mirror = ("--registry", f"docker.io={front.url}")
    skopeo = ["skopeo", "list-tags", f"docker://{front.host}/{REPOSITORY}"]
    title = f"distribution API, at most {cap} names a page / skopeo list-tags (whole processes)"
    _compare(title, front, lambda: _tfcompat(front, *mirror), lambda: _run(skopeo))
    with tempfile.TemporaryDirectory() as cache:
        _tfcompat(front, *mirror, cache=cache)
        print(f"  second call at once: {_asked(front, lambda: _tfcompat(front, *mirror, cache=cache))} requests")


def _inspection(front: Front) -> None:
    command = [
        "image",
        "inspect",
        f"{REPOSITORY}@{front.registry.digest(REPOSITORY, '2.15.0-gpu')}",
        "--registry",
        f"docker.io={front.url}",
    ]
    with tempfile.TemporaryDirectory() as cache:
        arguments = [sys.executable, "-m", "tfcompat", *command, "--cache", cache]
        first = _asked(front, lambda: _run(arguments))
        print(f"image inspect of a digest: {first} requests; of a known digest: {_asked(front, lambda: _run(arguments))}")


def _compare(title: str, front: Front, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(RUNS)]
    ratios = [b / a for a, b in pairs]
    print(f"{title}: {statistics.median(ratios):.1f} times as fast (from {min(ratios):.1f} to {max(ratios):.1f})")
    print(f"  requests made: {_asked(front, ours)} against {_asked(front, theirs)}")


def _tfcompat(front: Front, *options: str, cache: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as empty:
        _run([sys.executable, "-m", "tfcompat", "image", "list", "--cache", cache or empty, *options])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr}")


def _page_by_page(url: str) -> None:
    """Docker Hub's API as most clients read it: the largest page, then whatever ``next`` says, on one connection."""
    names = []
    following = f"{url}/v2/namespaces/tensorflow/repositories/tensorflow/tags?page_size=100"
    with requests.Session() as session:
        while following:
            page = session.get(following, timeout=60).json()
            names += [row["name"] for row in page["results"]]
            following = page["next"]
    assert len(names) == TAGS, len(names)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _asked(front: Front, call: Callable[[], object]) -> int:
    before = len(front.requests)
    call()
    return len(front.requests) - before


if __name__ == "__main__":
    raise SystemExit(_page_by_page(sys.argv[1]) if sys.argv[1:] else main())
