"""The grammar of image tags: a version, and the variants after it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.versions import version

if TYPE_CHECKING:
    from typing import Any

    from packaging.version import Version

__all__ = ["TagName"]

# numbers of one part and more than four digits are dates or builds: 20240131, not a version
_VERSION = re.compile(
    r"v?(?P<number>\d{1,4}|\d{1,20}(?:\.\d{1,20}){1,9})(?P<pre>(?:a|b|rc|alpha|beta)\d{1,9})?(?P<post>\.post\d{1,9})?", re.ASCII
)
_PRE = re.compile(r"(?P<kind>rc|alpha|beta)\.?(?P<number>\d{1,9})", re.ASCII)
_KINDS = {"a": "alpha", "b": "beta"}
_UNFINISHED = {"nightly", "rc", "alpha", "beta"}


class TagName(NamedTuple):
    """A tag, read: ``2.16.0-rc1-gpu-jupyter`` is version 2.16.0rc1 with the variants rc, gpu and jupyter.

    ``version`` is None for tags that name none: ``latest-gpu``, ``nightly``. Those move.
    """

    text: str
    version: Version | None
    variants: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> TagName:
        """Read *text*; any text is a tag, though not each has a version."""
        first, *rest = text.split("-")
        found = _VERSION.fullmatch(first)
        if found is None:
            return cls(text, None, (first, *rest))
        pre = found["pre"] or ""
        if not pre and rest and (apart := _PRE.fullmatch(rest[0])):
            pre, rest = apart["kind"] + apart["number"], rest[1:]
        kind = pre.rstrip("0123456789")
        return cls(text, version(found["number"] + pre + (found["post"] or "")), (*([_KINDS.get(kind, kind)] if kind else []), *rest))

    @property
    def rolling(self) -> bool:
        """Whether the tag names no version, so that the next pull may bring something else."""
        return self.version is None

    @property
    def prerelease(self) -> bool:
        return (self.version is not None and self.version.is_prerelease) or not _UNFINISHED.isdisjoint(self.variants)

    @property
    def order(self) -> tuple[Any, ...]:
        """For sorting: newest version first, tags without a version last, plain before variants."""
        if self.version is None:
            return (1, (), len(self.variants), self.text)
        return (0, _Newest(self.version), len(self.variants), self.text)


class _Newest:
    """Orders newer versions first."""

    __slots__ = ("value",)

    def __init__(self, value: Version) -> None:
        self.value = value

    def __lt__(self, other: _Newest) -> bool:
        return other.value < self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Newest) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]
