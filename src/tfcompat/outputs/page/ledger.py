"""What the rules said, each sentence and each statement once, by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfcompat.drivers import driver_text
from tfcompat.matrix.gpus import GpuTarget
from tfcompat.outputs.gate.pages import find_page
from tfcompat.prose import capital, remedy, summary
from tfcompat.stack import Image, Tensorflow
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from tfcompat.rules import Finding, Rule
    from tfcompat.stack import Fact

__all__ = ["GPU", "IMAGE", "LEVELS", "OTHER_GPU", "PYTHON", "Ledger", "run_lengths", "shown_release"]

DRIVER = version("987654.3.21")  # stands for whatever driver is picked, in sentences only
GPU, OTHER_GPU, DRIVER_MARK, IMAGE, TENSORFLOW = "\x01", "\x02", "\x03", "\x04", "\x05"  # what the page fills in
CUDA, CUDNN, PYTHON = "\x06", "\x07", "\x08"
LEVELS = ("note", "warning", "unknown", "error")  # from the mildest
FACTS = ("tensorflow", "gpu", "image", "cuda", "cudnn")  # those whose evidence the page adds


class Ledger:
    """Numbers for everything that is said more than once; the first of sets and rows says nothing at all."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[Any, int]] = {}
        self._rules: dict[str, Rule] = {}
        self.number("set", ())
        self.number("row", ())
        self.number("grid", ())
        self.number("pairs", ())
        self.number("need", (None, None))

    def number(self, kind: str, value: Hashable) -> int:
        """The number of *value* among those of its kind."""
        known = self._numbers.setdefault(kind, {})
        return known.setdefault(value, len(known))

    def all(self, kind: str) -> list[Any]:
        """Everything of a kind, by number."""
        return list(self._numbers.get(kind, ()))

    def evidence(self, statements: Iterable[str]) -> int:
        """The number of a list of statements."""
        return self.number("evidence", tuple(self.number("statement", s) for s in dict.fromkeys(statements)))

    def findings(self, findings: Iterable[Finding]) -> int:
        """The number of the set of *findings*, those left out that say nothing is wrong."""
        found = [self.finding(f) for f in findings if f.verdict.outcome != "ok"]
        return self.number("set", tuple(dict.fromkeys(found)))

    def finding(self, finding: Finding) -> int:
        """The number of one finding."""
        verdict, rule = finding.verdict, finding.rule
        level = verdict.outcome if verdict.outcome == "unknown" else verdict.severity
        used = sum(1 << FACTS.index(f.name) for f in {f.name: f for f in finding.facts}.values() if f.name in FACTS)
        self._rules.setdefault(rule.id, rule)
        values = (
            self.number("rule", rule.id),
            LEVELS.index(level),
            self.number("message", marked_sentence(finding)),
            self.number("remedy", remedy(finding)),
            self.evidence(verdict.evidence),
            used,
        )
        return self.number("finding", values)

    def row(self, cells: Sequence[int]) -> int:
        """The number of a row of sets; one that says nothing is 0."""
        return self.number("row", run_lengths(cells)) if any(cells) else 0

    def grid(self, rows: Sequence[int]) -> int:
        """The number of a list of rows; one of rows that say nothing is 0."""
        return self.number("grid", tuple(rows)) if any(rows) else 0

    def rules(self) -> list[list[str]]:
        """Of each rule that spoke: its id, its title, why it is there, and where its page is."""
        found = []
        for name in self.all("rule"):
            page = find_page(name)
            found.append([name, self._rules[name].title, page.why if page else "", page.page if page else ""])
        return found


def run_lengths(cells: Sequence[int]) -> tuple[int, ...]:
    """``7, 7, 7, 2`` as ``3, 7, 1, 2``: how many, and of what."""
    found: list[int] = []
    for cell in cells:
        if found and found[-1] == cell:
            found[-2] += 1
        else:
            found += [1, cell]
    return tuple(found)


def marked_sentence(finding: Finding) -> str:
    """The sentence of *finding*, with marks where it names what the page knows: the GPU, the driver, the image, the release."""
    facts = tuple(f._replace(value=DRIVER) if f.name == "driver" and f.value is not None else f for f in finding.facts)
    text = capital(summary([finding._replace(facts=facts)])).replace(driver_text(DRIVER), DRIVER_MARK)
    for said, mark in sorted((pair for fact in facts for pair in _names(fact)), key=lambda pair: pair[1] in (CUDA, CUDNN)):
        text = text.replace(said, mark)  # the names of images have versions in them, so those come last
    return text


def _names(fact: Fact) -> list[tuple[str, str]]:
    value = fact.value
    if isinstance(value, Image):
        return [(str(value), IMAGE)]
    if isinstance(value, Tensorflow):
        return [(shown_release(value), TENSORFLOW)]
    if fact.name in ("cuda", "cudnn"):
        return [(str(value), CUDA if fact.name == "cuda" else CUDNN)] if value is not None else []
    targets = value if type(value) is tuple else (value,)
    return [(str(t), t.name if t.name in (GPU, OTHER_GPU) else GPU) for t in targets if isinstance(t, GpuTarget)]


def shown_release(tensorflow: Tensorflow) -> str:
    """As sentences name it: ``tensorflow 2.15.1``, ``NVIDIA's tensorflow 2.17.0``."""
    name = "NVIDIA's tensorflow" if tensorflow.release.package == "nvidia" else tensorflow.release.package
    return f"{name} {version(tensorflow.release.version)}"
