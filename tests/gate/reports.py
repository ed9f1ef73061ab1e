"""Files in memory and what could be found in them, for tests of what is said of findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfcompat.gate.finding import Edit, Finding, Fix, Level, Related, Report, Unchecked
from tfcompat.gate.source import Place, Source

DOCKERFILE = "FROM tensorflow/tensorflow:2.18.0-gpu\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
REQUIREMENTS = "numpy\ntensorflow==2.15.0\n"


def sources_of(files: Mapping[str, str]) -> Callable[[str], Source | None]:
    made = {name: Source(name, text) for name, text in files.items()}
    return made.get


def place_of(files: Mapping[str, str], name: str, words: str) -> Place:
    start = files[name].index(words)
    return Source(name, files[name]).place(start, start + len(words))


FILES = {"Dockerfile": DOCKERFILE, "requirements.txt": REQUIREMENTS}
SOURCES = sources_of(FILES)


def finding(
    files: Mapping[str, str], name: str, words: str, rule: str = "floating-tag", severity: Level = "error", message: str = "it is wrong"
) -> Finding:
    return Finding(rule, severity, place_of(files, name, words), message)


def replaced() -> Finding:
    """The finding of issue 6: an image's TensorFlow is replaced by a pin."""
    pin = place_of(FILES, "requirements.txt", "tensorflow==2.15.0")
    version = place_of(FILES, "requirements.txt", "==2.15.0")
    return Finding(
        "image-tensorflow-replaced",
        "error",
        place_of(FILES, "Dockerfile", "tensorflow/tensorflow:2.18.0-gpu"),
        "pip replaces the image's tensorflow 2.18.0 by 2.15.0",
        (Related(pin, "tensorflow==2.15.0"),),
        ("tensorflow/tensorflow:2.18.0-gpu has tensorflow 2.18.0 (measured 2026-11-22)",),
        "pin the TensorFlow that is in the image",
        Fix("pin tensorflow==2.18.0", (Edit("requirements.txt", version.start, version.end, "==2.18.0"),)),
        what="the last stage",
    )


def floating() -> Finding:
    return Finding(
        "floating-tag", "warning", place_of(FILES, "requirements.txt", "numpy"), "numpy | moves, 100%", remedy="name the version"
    )


def example() -> Report:
    return Report((replaced(), floating()), ("Dockerfile", "requirements.txt"), (), "2026-11-22")


def damaged() -> Report:
    """A report with something that could not be read, and something that was not followed."""
    unchecked = (
        Unchecked("uv.lock", "it is not TOML: Expected '=' after a key", 3),
        Unchecked("Dockerfile", "install.sh is a script", 3, False),
    )
    return example()._replace(not_checked=unchecked)
