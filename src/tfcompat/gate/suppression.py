"""Excuses: findings that do not count because somebody said why, and excuses that have nothing to excuse."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tfcompat.gate.baseline import HINT, Baseline, fingerprints
from tfcompat.gate.comments import Comment, find_comments, is_dockerfile
from tfcompat.gate.finding import Finding, Report, Suppressed, Unchecked, in_order
from tfcompat.gate.patterns import Patterns
from tfcompat.gate.selection import is_selected, name_fault, selected
from tfcompat.gate.settings import NOT_CHECKED, Excuse, Settings
from tfcompat.gate.source import Place, Source

__all__ = ["suppress"]

RULE = "unused-suppression"
_FORM = "# tfcompat: ignore[rule-id] reason"
Sources = Callable[[str], Source | None]


class _Candidate(NamedTuple):
    """One rule that one excuse names. ``covers`` is given a finding, its last line and its fingerprint."""

    kind: str
    rule: str
    reason: str
    place: Place
    covers: Callable[[Finding, int, str], bool]
    unused: str
    remedy: str = "take it out"


def suppress(
    report: Report, sources: Sources, settings: Settings, baseline: Baseline | None, today: str, inline: bool = True, whole: bool = True
) -> Report:
    """The report with every finding that is excused marked as such, and a finding for every excuse that is none.

    *today* is an ISO date. Without *inline*, comments are not looked at. *whole*: everything was looked at that the excuses
    may be about; otherwise, and where something could not be checked, none of them is called unused.
    """
    comments = _comments(report, sources) if inline else []
    excuses = [e for e in settings.excuses if not e.until or today <= e.until]
    about_files = [e for e in excuses if e.rule == NOT_CHECKED]
    report, idle = _allowed(report, about_files)
    candidates = [*_of_comments(comments), *map(_of_excuse, (e for e in excuses if e.rule != NOT_CHECKED)), *_of_baseline(baseline)]
    findings, used = _excused(report.findings, candidates, sources)
    remarks = [*_malformed(comments), *map(_expired, (e for e in settings.excuses if e not in excuses))]
    certain = whole and not any(unchecked.grave for unchecked in report.not_checked)
    unused = [c for i, c in enumerate(candidates) if i not in used and is_selected(c.rule, settings)] if certain else []
    remarks += [_remark(c.place, c.unused, c.remedy) for c in unused if c.rule != RULE]
    if whole and not any(unchecked.counts for unchecked in report.not_checked):
        remarks += [_remark(e.place, f"{e.path} is excused, and nothing of it could not be checked") for e in idle]
    remarks, used = _excused(remarks, candidates, sources)
    if certain:
        remarks += [_remark(c.place, c.unused) for i, c in enumerate(candidates) if c.rule == RULE and i not in used]
    return _sorted(report._replace(findings=(*findings, *selected(Report(tuple(remarks), ()), settings).findings)))


def _allowed(report: Report, excuses: Sequence[Excuse]) -> tuple[Report, list[Excuse]]:
    """The report with what may stay unchecked marked as such, and the *excuses* that nothing of it needs."""
    patterns = [Patterns([excuse.path]) for excuse in excuses]
    used: set[int] = set()

    def marked(unchecked: Unchecked) -> Unchecked:
        names = _files_of(unchecked)
        covering = [
            at for at, each in enumerate(excuses) if each.contains in unchecked.reason and any(map(patterns[at].cover, names))
        ] if unchecked.grave else []  # fmt: skip
        used.update(covering)
        return unchecked._replace(excused=excuses[covering[0]].reason) if covering else unchecked

    not_checked = tuple(map(marked, report.not_checked))
    return report._replace(not_checked=not_checked), [each for at, each in enumerate(excuses) if at not in used]


def _files_of(unchecked: Unchecked) -> list[str]:
    """The file, and the one that its reason is about: ``requirements.txt, which is copied and installed here, is not in the tree``."""
    other, found, _ = unchecked.reason.partition(", which ")
    return [unchecked.file, other] if found else [unchecked.file]


def _sorted(report: Report) -> Report:
    return report._replace(findings=tuple(sorted(report.findings, key=in_order)))


def _excused(findings: Sequence[Finding], candidates: Sequence[_Candidate], sources: Sources) -> tuple[list[Finding], set[int]]:
    """*findings*, marked, and the positions of the candidates that cover one of them."""
    by_rule: dict[str, list[int]] = {}
    for position, candidate in enumerate(candidates):
        by_rule.setdefault(candidate.rule, []).append(position)
    names = fingerprints(findings, sources) if by_rule else [""] * len(findings)
    marked, used = [], set()
    for finding, name in zip(findings, names, strict=True):
        last = _last_line(finding.place, sources) if finding.rule in by_rule else 0
        covering = [p for p in by_rule.get(finding.rule, ()) if candidates[p].covers(finding, last, name)]
        used.update(covering)
        first = candidates[covering[0]] if covering and finding.suppressed is None else None
        marked.append(finding if first is None else finding._replace(suppressed=Suppressed(first.kind, first.reason, first.place)))
    return marked, used


def _last_line(place: Place, sources: Sources) -> int:
    source = sources(place.file) if place.end > place.start else None
    return source.place(place.end - 1).line if source is not None else place.line


def _remark(place: Place, message: str, remedy: str = "take it out") -> Finding:
    return Finding(RULE, "warning", place, message, remedy=remedy)


# -- comments ---------------------------------------------------------------------------------


def _comments(report: Report, sources: Sources) -> list[Comment]:
    names = sorted({*report.checked, *(finding.place.file for finding in report.findings)})
    return [comment for source in map(sources, names) if source is not None for comment in find_comments(source)]


def _of_comments(comments: Sequence[Comment]) -> Iterator[_Candidate]:
    for comment in comments:
        if any(_faults(comment)):
            continue
        for rule in comment.rules or ():
            where = "in this file" if comment.lines is None else "here"
            unused = f"{rule} is excused, and was not found {where}"
            yield _Candidate("inline", rule, comment.reason, comment.place, _speaks_of(comment), unused)


def _speaks_of(comment: Comment) -> Callable[[Finding, int, str], bool]:
    def covers(finding: Finding, last: int, _: str) -> bool:
        if finding.place.file != comment.place.file:
            return False
        return comment.lines is None or (finding.place.line < comment.lines.stop and comment.lines.start <= last)

    return covers


def _malformed(comments: Sequence[Comment]) -> Iterator[Finding]:
    for comment in comments:
        for message, remedy in _faults(comment):
            yield _remark(comment.place, message, remedy)


def _faults(comment: Comment) -> Iterator[tuple[str, str]]:
    """What keeps a comment from being an excuse, and what to write instead; nothing for one that only mentions the gate."""
    if comment.verb not in ("ignore", "ignore-file"):
        if comment.rules is not None or comment.verb.startswith("ignore"):
            yield f"the gate does not know {comment.verb[:40]!r}", f"write {_FORM}, or ignore-file in the head of the file"
        return
    if not comment.rules:
        yield "this comment excuses no rule by name", f"write {_FORM.replace('ignore', comment.verb)}"
        return
    for rule in comment.rules:
        fault = name_fault(rule)
        if fault is not None:
            yield fault
    if not comment.reason:
        yield "this comment gives no reason, so it excuses nothing", f"say why behind {comment.verb}[{', '.join(comment.rules)}]"
    if not comment.alone and is_dockerfile(comment.place.file):
        yield "behind an instruction this is no comment, so it excuses nothing", "put it on a line of its own, above the instruction"
    elif comment.verb == "ignore-file" and not comment.head:
        yield "ignore-file stands behind other lines, so it excuses nothing", "put it in the head of the file, or write ignore for one line"


# -- configuration and baseline -----------------------------------------------------------------


def _of_excuse(excuse: Excuse) -> _Candidate:
    patterns = Patterns([excuse.path])

    def covers(finding: Finding, _last: int, _name: str) -> bool:
        return excuse.contains in finding.message and (not excuse.path or patterns.cover(finding.place.file))

    where = f" in {excuse.path}" if excuse.path else ""
    return _Candidate(
        "configuration", excuse.rule, excuse.reason, excuse.place, covers, f"{excuse.rule} is excused, and was not found{where}"
    )


def _expired(excuse: Excuse) -> Finding:
    where = f" in {excuse.path}" if excuse.path else ""
    message = f"{excuse.rule}{where} was excused until {excuse.until}, which has passed"
    return _remark(excuse.place, message, "mend it, or set another date")


def _of_baseline(baseline: Baseline | None) -> Iterator[_Candidate]:
    if baseline is None:
        return
    for entry in baseline.entries:
        reason = f"in the baseline {baseline.name}"
        unused = f"the baseline excuses {entry.rule} in {entry.file}, and it was not found"
        yield _Candidate("baseline", entry.rule, reason, entry.place, _is(entry.fingerprint), unused, HINT)


def _is(fingerprint: str) -> Callable[[Finding, int, str], bool]:
    return lambda _finding, _last, name: name == fingerprint
