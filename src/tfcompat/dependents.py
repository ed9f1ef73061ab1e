"""What packages that stand on TensorFlow require of it: a line that names one of them may replace the TensorFlow that is there."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.matrix.matrix import Matrix
from tfcompat.matrix.records import PackageRelease, Release
from tfcompat.pins import installable
from tfcompat.requirements import evaluated
from tfcompat.versions import version

__all__ = ["Candidate", "Required", "candidates_of", "required_of"]


class Candidate(NamedTuple):
    """A release that pip could take. ``requires``: ranges by canonical name; None where the index does not say what it requires.

    Only TensorFlow by any name, Keras, numpy, protobuf and other packages of this kind are among the names.
    """

    version: str
    requires: Mapping[str, SpecifierSet] | None

    def admits(self, name: str, found: Version) -> bool | None:
        """Whether it is content with *found* of *name*; None where that is not known."""
        if self.requires is None:
            return None
        return name not in self.requires or self.requires[name].contains(found, prereleases=True)


class Required(NamedTuple):
    """The releases of a package that a range and an interpreter leave, newest first, with what each requires.

    Empty ``candidates``: the index has none, as far as the matrix knows it.
    """

    name: str
    candidates: tuple[Candidate, ...]

    def admitting(self, name: str, found: Version) -> Candidate | None:
        """The newest release that is known to leave *found* of *name* in place."""
        return next((c for c in self.candidates if c.admits(name, found)), None)


def required_of(matrix: Matrix, name: str, specifier: SpecifierSet, platform: str, python: Version | None) -> Required | None:
    """What the releases of *name* inside *specifier* require on *platform*; None where the matrix does not cover *name* there.

    *name* is canonical. Yanked releases and those without a wheel for *python* are left out; with None for *python*
    every interpreter counts, and markers see some recent one.
    """
    rows = _rows(matrix, name)
    if not rows or platform not in rows[0].python:  # only Linux is measured
        return None
    key = ("required", name, str(specifier), platform, python)
    return matrix.remember(key, lambda: Required(name, tuple(candidates_of(rows, specifier, platform, python))))


def candidates_of(rows: tuple[PackageRelease, ...], specifier: SpecifierSet, platform: str, python: Version | None) -> Iterator[Candidate]:
    """Those of *rows* inside *specifier* that *python* can install on *platform*, in their order."""
    for row in rows:
        offered = installable(row, python, platform) if python is not None else bool(row.python.get(platform))
        if offered and specifier.contains(version(row.version), prereleases=True):
            yield Candidate(row.version, None if row.requires is None else evaluated(row.requires, platform, python))


def _rows(matrix: Matrix, name: str) -> tuple[PackageRelease, ...]:
    return matrix.dependents_of(name) or _keras_rows(matrix, name)


def _keras_rows(matrix: Matrix, name: str) -> tuple[PackageRelease, ...]:
    """Releases of keras and tf-keras in the same form, newest first: tf-keras requires the TensorFlow of its minor."""
    if name not in ("keras", "tf-keras"):
        return ()
    return matrix.remember(
        ("keras rows", name), lambda: tuple(_keras_row(x) for x in reversed(matrix.keras) if x.package == name and not x.yanked)
    )


def _keras_row(release: Release) -> PackageRelease:
    build = release.builds["any"]
    return PackageRelease(
        release.version, build.requires_python, dict.fromkeys(("linux/amd64", "linux/arm64"), build.python), build.requires
    )
