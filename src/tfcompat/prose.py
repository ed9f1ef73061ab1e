"""The one place where findings, and what a plan has to remark, become sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from tfcompat.drivers import driver_text
from tfcompat.stack import Package, Tensorflow
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tfcompat.pins import PlanPins
    from tfcompat.rules.rule import Finding

__all__ = ["LIBRARY_PATH", "NOT_COVERED", "capital", "listed", "pins_statement", "remark", "remedy", "sentence", "summary"]

_OPENINGS = {
    "a",
    "all",
    "asking",
    "compute",
    "driver",
    "importing",
    "loading",
    "no",
    "nothing",
    "the",
    "there",
    "this",
    "user",
    "what",
    "whether",
    "which",
    "with",
}  # plain words that begin sentences
NOT_COVERED = "was not checked: the matrix does not cover it"
_REMARKS = {
    "library-path": "write the site-packages/nvidia/*/lib folders to /etc/ld.so.conf.d/nvidia-pip.conf and run ldconfig ({fact})",
    "libdevice": "install nvidia-cuda-nvcc and point XLA at it: Keras compiles with XLA on a GPU, and runtime images have no libdevice",
    "host-driver": "The host needs an NVIDIA driver {driver}",
    "no-gpu-model": "No GPU model was named, so whether this release has code for yours was not checked; name it with --gpu",
    "no-gpu": "No GPU was asked for: this plan runs on the CPU; add --gpu for one that uses a GPU",
    "not-covered": f"{{wish}} ({{where}}) {NOT_COVERED}",
    "joined": "Joined with your own requirements by {installer}; together they were not run.",
    "universal": "For other platforms and newer interpreters nothing was run.",
    "not-curated": "{wish} ({where}) was not checked: what is in the image is not curated",
    "pins-derived": "No set of pins was run for {tensorflow} on Python {python}: these are derived from metadata and learned caps, and name direct dependencies only",
    "pins-added": "Added to the verified set of pins, and not run with it: {changes}",
    "pins-follow": "These pins were not run with {tensorflow} on Python {python} as they stand: they follow the set verified with {base}; changed: {changes}",
    "not-pinned": "{line} could not be pinned: no release of it that the matrix knows goes with the other pins and this interpreter",
    "left-out": "Left out of the and-cuda parts: {parts}, which the index does not carry and TensorFlow runs without",
    "jupyter": "jupyterlab is not pinned: the matrix does not cover it",
    "own-build": "NVIDIA's own build, as no wheel of the index runs on this",
    "own-build-doubt": "NVIDIA's own build, as no wheel of the index is established to run on this: {doubt}",
}
LIBRARY_PATH = (  # what the remark library-path asks for, as a command
    """find "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nvidia" -maxdepth 2 -name lib -type d """
    "> /etc/ld.so.conf.d/nvidia-pip.conf && ldconfig"
)
_SHOWN = 3  # values named one by one; more become a range or a count
_NUMBERS = re.compile(r"^\d+(\.\d+)*$")
_RANGE = re.compile(r"^(\d+(?:\.\d+)*) to (\d+(?:\.\d+)*)$")


def sentence(finding: Finding) -> str:
    """What one finding says, beginning with a capital letter."""
    return capital(_fill([finding]))


def summary(findings: Sequence[Finding]) -> str:
    """What findings of one rule say together: one clause for each reason, values joined or given as a range."""
    by_reason: dict[str, list[Finding]] = {}
    for finding in findings:
        by_reason.setdefault(finding.verdict.reason, []).append(finding)
    return "; ".join(_fill(group) for group in by_reason.values())


def remark(key: str, **values: object) -> str:
    """What a plan has to say beyond the findings of rules."""
    return _REMARKS[key].format(**values)


def pins_statement(pins: PlanPins) -> str:
    """How a set of pins was run: when, where, and which steps passed."""
    steps = ", ".join(step for step, outcome in pins.steps.items() if outcome == "ok")
    where = f"{pins.python} ({pins.machine}), on the CPU"
    return f"run on {pins.date} as {pins.distribution} {pins.tensorflow} with {where}: {steps}; sha256 of the lines {pins.sha256}"


def remedy(finding: Finding) -> str:
    """What can be done about it, empty where the rule has no advice."""
    return finding.rule.remedies.get(finding.verdict.reason, "")


def _fill(findings: Sequence[Finding]) -> str:
    message = findings[0].rule.messages[findings[0].verdict.reason]
    names = re.findall(r"{([\w-]+)}", message)
    texts = [listed(_values(findings, name)) + _brought(findings, name) for name in names]
    return re.sub(r"{([\w-]+)}", "{}", message).format(*texts)


def _brought(findings: Iterable[Finding], name: str) -> str:
    """Where an interpreter comes from, when an image brings it and the sentence would not say so."""
    if name != "python":
        return ""
    findings = list(findings)
    places = {fact.where for f in findings for fact in f.facts if fact.name == "python"}
    images = {str(fact.value) for f in findings for fact in f.facts if fact.name == "image"}
    place = places.pop() if len(places) == 1 else ""
    said = place in images or "{image}" in findings[0].rule.messages[findings[0].verdict.reason]
    return f", which {place} brings," if ":" in place and not said else ""


def _values(findings: Iterable[Finding], name: str) -> list[Any]:
    found: dict[str, Any] = {}
    for finding in findings:
        values = [driver_text(f.value) if name == "driver" and f.value else f.value for f in finding.facts if f.name == name]
        if name in finding.verdict.values:
            values = [finding.verdict.values[name]]
        for value in values:
            for one in value if type(value) is tuple else (value,):
                found.setdefault(str(one), one)
    return list(found.values())


def listed(values: Sequence[Any]) -> str:
    """Values as people write them: ``2.16.1 and 2.17.0``, ``tensorflow 2.16.1 to 2.21.0``, ``4 images, such as ...``."""
    if values and all(isinstance(v, Tensorflow) for v in values):
        return _releases(values)
    if len(values) > _SHOWN and all(isinstance(v, Package) for v in values) and len({v.name for v in values}) == 1:
        versions = [v.version for v in values]
        return f"{values[0].name} {min(versions)} to {max(versions)}"
    texts = ["(unknown)" if v is None else str(v) for v in values]
    if len(texts) > 1:
        merged = _merged_range(texts)
        if merged is not None:
            return merged
    if len(texts) > _SHOWN and all(_NUMBERS.match(text) for text in texts):
        return f"{min(texts, key=version)} to {max(texts, key=version)}"
    if len(texts) <= _SHOWN:
        return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1]))) if texts else "something unknown"
    known = [v for v in values if v is not None]
    if all(isinstance(v, Version) for v in known):
        return f"{min(known)} to {max(known)}"
    return f"{texts[0]}, {texts[1]} and {len(texts) - 2} others"


def _releases(values: Sequence[Tensorflow]) -> str:
    versions = sorted({version(v.release.version) for v in values})
    names = sorted({v.release.package for v in values}, key=lambda n: (n != "tensorflow", n))
    name = "NVIDIA's tensorflow" if names == ["nvidia"] else "tensorflow" if "tensorflow" in names else names[0]
    if len(versions) <= _SHOWN:
        texts = list(map(str, versions))
        return f"{name} " + " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
    return f"{name} {versions[0]} to {versions[-1]}"


def _merged_range(texts: Sequence[str]) -> str | None:
    """``3.6 to 3.9`` and ``3.9 to 3.13`` together: ``3.6 to 3.13``."""
    ends = []
    for text in texts:
        match = _RANGE.match(text)
        if match is None:
            return None
        ends += [version(match[1]), version(match[2])]
    return f"{min(ends)} to {max(ends)}"


def capital(text: str) -> str:
    """A capital at the beginning, unless that is a name: ``numpy 2.0.2``, ``ubuntu:latest``, ``tf-keras``."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first in _OPENINGS else text
