"""A checked environment as text for people: the verdict, then the chain with the first broken link marked."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Literal, NamedTuple

from tfcompat.check.smoke import gpus_that_computed, seconds
from tfcompat.drivers import driver_text
from tfcompat.errors import plain
from tfcompat.facts import Unavailable
from tfcompat.prose import capital, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.check import Link, Report

__all__ = ["Line", "check_lines", "verdict"]

Style = Literal["", "good", "bad", "doubt", "dim", "strong"]
_WIDTH = 110
_MINIMUM = 50
_UNBROKEN = "\xa0"  # a space where a line must not end
_MARKS = {"ok": "ok", "broken": "BROKEN", "unknown": "unknown", "skipped": "-"}
_STYLES: dict[str, Style] = {"ok": "good", "broken": "bad", "unknown": "doubt", "skipped": "dim"}
_INDENT = 23  # of what stands in a link's last column
_ORDER = ("error", "unknown", "warning", "note")


class Line(NamedTuple):
    """One line of output; ``style`` says what it is, and a terminal may show it."""

    text: str
    style: Style = ""


def check_lines(report: Report, width: int = _WIDTH) -> Iterator[Line]:
    """Everything a person needs, in the order in which it is needed; at most *width* columns but for what must stay whole."""
    width = max(_MINIMUM, min(width, _WIDTH))
    styles: dict[str, Style] = {"ok": "good", "broken": "bad", "unknown": "doubt"}
    yield from _wrapped(verdict(report), width, "", "  ", styles[report.verdict])
    yield Line("")
    for link in report.chain:
        yield from _link(link, width, first=link is report.failing)
    yield from _remarks(report, width)
    yield from _log(report, width)


def verdict(report: Report) -> str:
    """One sentence: what works, or which link is the first that does not."""
    device = "GPU" if report.expected == "gpu" else "CPU"
    broken = report.failing
    if report.verdict == "ok":
        return f"{device} works: {_summary(report)}"
    if report.verdict == "broken" and broken is not None:
        if all(d.rule == "not-as-expected" for d in report.findings if d.severity == "error"):
            return f"This is not the environment that is expected: {'; '.join(c for link in report.chain for c in link.causes)}"
        what = "GPU does not work" if report.expected == "gpu" else "TensorFlow does not work"
        return f"{what}; first broken link: {broken.name}. {capital(plain(broken.cause))}"
    because = f": {plain(broken.cause)}" if broken is not None else ""
    return f"Whether the {device} works is not established{because}"


def _summary(report: Report) -> str:
    """``H100 (9.0), driver 580.65.06, CUDA 12.5, cuDNN 9.3.0; matmul ok in 3 ms``."""
    seen = report.observed
    parts = []
    if report.expected == "gpu":
        gpus = gpus_that_computed(seen)
        parts += [listed(gpus)] if gpus else []
        parts += [f"driver {driver_text(seen.driver)}"] if seen.driver else []
        parts += [f"CUDA {seen.cuda}"] if seen.cuda else []
        parts += [f"cuDNN {seen.cudnn}"] if seen.cudnn else []
    parts += [str(seen.tensorflow.release)] if seen.tensorflow else []
    tried = seen.facts.tensorflow
    if not isinstance(tried, Unavailable):
        keras = next((link.facts for link in report.chain if link.name == "keras"), {})
        parts += [f"{name} {number}" for name, number in keras.items()] if report.expected == "cpu" else []
        time = next((step.again or step.seconds for step in tried.smoke if step.step == "matmul"), None)
        return ", ".join(parts) + (f"; matmul ok in {seconds(time)}" if time is not None else "")
    return ", ".join(parts)


def _link(link: Link, width: int, first: bool) -> Iterator[Line]:
    """Its name, status and facts; where it does not hold, why, and the fix on a line of its own, to be pasted."""
    status = link.status
    mark = "->" if first else "  "
    facts = ", ".join(plain(f"{name} {value}").replace(" ", _UNBROKEN) for name, value in link.facts.items())
    head = f"{mark} {link.name:<11} {_MARKS[status]:<8}"
    if status == "skipped":
        facts = link.because
    yield from _wrapped(f"{head}{facts}".rstrip(), width, "", " " * _INDENT, _STYLES[status])
    if status in ("broken", "unknown"):
        yield from _wrapped(f"because  {link.because}", width, " " * 6, " " * 15, "strong" if first else "")
        if link.fix:
            yield from _fix(link.fix, width)


def _fix(text: str, width: int) -> Iterator[Line]:
    """A remedy. A command must be copied whole, so it is never wrapped."""
    if re.match(r"^(\S*python[\d.]* -m pip|(uv )?pip|find|echo|export|rm|tfcompat) ", text):
        yield Line(f"      fix      {plain(text)}", "strong")
    else:
        yield from _wrapped(f"fix      {text}", width, " " * 6, " " * 15, "strong")


def _remarks(report: Report, width: int) -> Iterator[Line]:
    """What else there is to say: causes beyond the first two, warnings, notes."""
    told = {(link.because, link.fix) for link in report.chain}
    said = " ".join(because for because, _ in told)
    rest = [d for d in report.findings if d.message not in said]
    if rest:
        yield Line("")
        yield Line("also seen", "strong")
    for diagnosis in sorted(rest, key=lambda d: _ORDER.index(d.severity)):
        yield from _wrapped(f"{diagnosis.severity:<9}{diagnosis.message} [{diagnosis.rule}]", width, "  ", " " * 11)
        if diagnosis.fix:
            yield from _wrapped(diagnosis.fix, width, " " * 11, " " * 11, "dim")


def _log(report: Report, width: int) -> Iterator[Line]:
    """What TensorFlow wrote: the lines that matter where it is broken, and how many are harmless."""
    harmless = sum(m.count for m in report.matches if m.severity == "harmless")
    absent = any(d.rule == "tensorflow-missing" for d in report.findings)  # then that is all it says
    if report.verdict != "ok" and report.log and not absent:
        yield Line("")
        yield Line("the last lines of TensorFlow's own output that are not known to be harmless", "strong")
        for text in report.log:
            yield Line(f"  {_cut(plain(text), 2 * width)}", "dim")
    if harmless:
        yield Line("")
        yield Line(f"{harmless} log line{'s are' if harmless > 1 else ' is'} known to be harmless", "dim")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[:width]} ..."


def _wrapped(text: str, width: int, first: str, rest: str, style: Style = "") -> Iterator[Line]:
    for line in textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False):
        yield Line(plain(line), style)
