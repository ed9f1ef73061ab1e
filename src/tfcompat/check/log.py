"""What TensorFlow itself wrote: which lines are known, what they explain, and the last that could mean something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import Diagnosis
from tfcompat.facts import Unavailable
from tfcompat.signatures import Match, match_signatures
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tfcompat.check.link import Link
    from tfcompat.check.observed import Observed
    from tfcompat.signatures import Signature

__all__ = ["explained", "known_lines", "last_lines"]

_SIGNATURE_LINKS = {
    "driver": "driver",
    "docker": "driver",
    "wsl": "driver",
    "libraries": "libraries",
    "keras": "keras",
}  # by group of the catalogue; all others belong to TensorFlow
_LOG_LINES = 8
_NOISE = re.compile(r'^\s*(File "<stdin>"|[\^~]+$|Extension modules: )')  # of a traceback: the probe's own frames
_LOG_SEARCHED = 200
_DUMP = "(most recent call first):"  # faulthandler's
_FRAMES = 5


def known_lines(seen: Observed, signatures: Sequence[Signature]) -> tuple[Match, ...]:
    """The lines of TensorFlow's own output that the catalogue knows."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable):
        return ()
    release = version(seen.tensorflow.release.version) if seen.tensorflow else None
    return match_signatures(tried.log, signatures, gpu_expected=seen.gpu, tensorflow=release)


def explained(chain: tuple[Link, ...], matches: Sequence[Match]) -> tuple[Link, ...]:
    """A log line explains the first broken link, where nothing better does; else it warns in the link it is about.

    Of a link that is broken and explained it has nothing to add.
    """
    broken = next((link.name for link in chain if link.status == "broken"), "")
    links = {link.name: link for link in chain}
    unexplained = bool(broken) and not links[broken].fix
    for match in matches:
        row = match.signature
        home = _SIGNATURE_LINKS.get(row.group, "tensorflow")
        if match.severity == "error" and unexplained:
            said = Diagnosis(row.id, "error", row.cause, row.fix)
            home = broken
        elif match.severity == "harmless" or (links[home].status == "broken" and links[home].fix):
            continue
        else:
            said = Diagnosis(row.id, "warning", row.cause, row.fix)
        links[home] = links[home]._replace(diagnoses=(*links[home].diagnoses, said))
    return tuple(links.values())


def last_lines(seen: Observed, signatures: Sequence[Signature]) -> tuple[str, ...]:
    """The last lines of TensorFlow's own output that could mean something."""
    tried = seen.facts.tensorflow
    kept: list[str] = []
    for line in reversed(() if isinstance(tried, Unavailable) else _innermost(tried.log[-_LOG_SEARCHED:])):
        if (
            line.strip()
            and not _NOISE.search(line)
            and not any(m.severity == "harmless" for m in match_signatures([line], signatures, gpu_expected=seen.gpu))
        ):
            kept.append(line)
            if len(kept) == _LOG_LINES:
                break
    return tuple(reversed(kept))


def _innermost(log: tuple[str, ...]) -> tuple[str, ...]:
    """*log* without the outer frames of Python's dump of a stack, which begins with the innermost."""
    start = next((i for i, line in enumerate(log) if _DUMP in line), None)
    if start is None:
        return log
    frames = [line for line in log[start + 1 :] if not line.lstrip().startswith('File "<frozen')]
    return (*log[: start + 1], *frames[:_FRAMES])
