"""Image references, and what is inside the images behind them: from curated rows, never from the name alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tfcompat.errors import RequestError
from tfcompat.stack import Image, Libc
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from packaging.version import Version

    from tfcompat.matrix import records as r
    from tfcompat.matrix.matrix import Matrix

__all__ = ["Reference", "cuda_image", "find_image", "ngc_image", "official_image", "official_tags_of", "python_image"]

_REFERENCE = re.compile(
    r"^(?P<name>(?:[a-z0-9]+(?:[.-]+[a-z0-9]+)*(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?$",
    re.ASCII,
)
_LENGTH_LIMIT = 512  # characters; Docker allows 255 of name and 128 of tag


class Reference(NamedTuple):
    """An image reference as Docker reads it: repository without the default registry, tag, digest."""

    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse *text*. Raises :class:`RequestError` for anything that is not a reference."""
        match = _REFERENCE.match(text.strip()) if len(text) <= _LENGTH_LIMIT else None
        if match is None:
            raise RequestError(f"{text[:80]!r} is not an image reference", "write REPOSITORY:TAG, as in python:3.11-slim")
        name = match["name"].removeprefix("docker.io/").removeprefix("library/")
        return cls(name, match["tag"] or (None if match["digest"] else "latest"), match["digest"])

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def find_image(matrix: Matrix, text: str) -> Image:
    """The image that *text* names, with the contents that are established; unknown where none are."""
    reference = Reference.parse(text)
    if reference.digest is not None:
        return _pinned(matrix, reference)
    return matrix.remember(
        ("image", str(reference)),
        lambda: _curated(matrix, reference.repository, reference.tag) or _base(matrix, reference) or _unlisted(matrix, reference),
    )


def _pinned(matrix: Matrix, reference: Reference) -> Image:
    """An image by digest: what its tag holds today says nothing of it, unless that is the digest on record."""
    tagged = _curated(matrix, reference.repository, reference.tag)
    if tagged is not None and tagged.digest == reference.digest:
        return tagged._replace(reference=str(reference))
    return Image(str(reference), "unknown", require_known=False)


def _curated(matrix: Matrix, repository: str, tag: str | None) -> Image | None:
    """An image of the four repositories whose contents the matrix curates."""
    makers: Mapping[str, tuple[Callable[[], Mapping[str, Any]], Callable[[Matrix, Any], Image]]] = {
        "python": (lambda: {row.tag: row for row in matrix.python_images}, python_image),
        "nvidia/cuda": (lambda: {row.tag: row for row in matrix.cuda_images}, cuda_image),
        "nvcr.io/nvidia/tensorflow": (lambda: {row.tag: row for row in matrix.ngc_images}, ngc_image),
        "tensorflow/tensorflow": (lambda: matrix.official_tags, official_image),
    }
    if repository not in makers or tag is None:
        return None
    rows_of, make = makers[repository]
    rows = matrix.remember(("rows", repository), rows_of)
    return make(matrix, rows[tag]) if tag in rows else None


def _unlisted(matrix: Matrix, reference: Reference) -> Image:
    if reference.repository == "tensorflow/tensorflow" and reference.tag:
        absent = _absent(matrix, reference.tag)
        if absent is not None:
            return absent
    return Image(str(reference), "unknown", require_known=False)


def _absent(matrix: Matrix, tag: str) -> Image | None:
    """The curated word on an official tag that is not there. "Not observed" alone proves nothing: unknown."""
    row = matrix.official_absent.get(tag)
    if row is None:
        plain = re.sub(r"(-gpu|-jupyter)+$", "", tag)
        row = matrix.official_absent.get(plain)
        if row is None or row["applies_to"] != "version":
            return None
    status = "unknown" if row["verdict"] == "not-observed" else "absent"
    return Image(
        f"tensorflow/tensorflow:{tag}", status, why=row["verdict"].replace("-", " "), evidence=tuple(row["evidence"]), require_known=False
    )


# -- one maker a repository ----------------------------------------------------------------------


def official_tags_of(matrix: Matrix, release: str, gpu: bool, jupyter: bool) -> tuple[Image, ...]:
    """The official images of a TensorFlow version in this variant, or the curated word that there is none.

    Empty where the snapshot knows of no such tag and nobody reports it missing either.
    """
    wanted = {name for name, on in (("gpu", gpu), ("jupyter", jupyter)) if on}
    rows = [t for t in _tags_by_version(matrix).get(release, ()) if set(t.variants) - {"py3"} == wanted]
    if rows:
        return tuple(find_image(matrix, f"tensorflow/tensorflow:{t.tag}") for t in rows)
    tag = release + "".join(f"-{name}" for name in sorted(wanted))
    absent = matrix.remember(("absent", tag), lambda: _absent(matrix, tag))
    return (absent,) if absent is not None and absent.status == "absent" else ()


def _tags_by_version(matrix: Matrix) -> Mapping[str, list[r.OfficialTag]]:
    def group() -> dict[str, list[r.OfficialTag]]:
        found: dict[str, list[r.OfficialTag]] = {}
        for row in matrix.official_tags.values():
            if row.tensorflow and not row.rolling and not row.prerelease:
                found.setdefault(row.tensorflow, []).append(row)
        return found

    return matrix.remember("official tags by version", group)


def official_image(matrix: Matrix, row: r.OfficialTag) -> Image:
    """A ``tensorflow/tensorflow`` tag with what the curated contents say is inside."""
    reference = f"tensorflow/tensorflow:{row.tag}"
    gpu = "gpu" in row.variants
    if row.rolling:
        return Image(reference, "rolling", gpu=gpu, require_known=False, evidence=_all(row.evidence))
    contents = matrix.official_contents.get((row.tensorflow or "", "gpu" if gpu else "cpu"))
    if contents is None:
        return Image(reference, row.status, gpu=gpu, tensorflow=_version(row.tensorflow), require_known=False, evidence=_all(row.evidence))
    python = contents.python_py3 if "py3" in row.variants and contents.python_py3 else contents.python
    return Image(
        reference,
        row.status,
        os=contents.os,
        python=_version(python),
        libc=_libc(matrix, contents.os),
        cuda=_version(contents.cuda),
        cudnn=_version(contents.cudnn),
        tensorflow=_version(contents.tensorflow),
        gpu=gpu,
        require=matrix.nvidia_require_cuda(contents.require),
        require_known=not gpu or contents.require is not None,
        compat=gpu,
        platforms=tuple(contents.platforms) if contents.platforms else None,
        digest=row.digest,
        uncertain=tuple(contents.uncertain) if gpu and contents.cudnn is None else (),
        evidence=(*_all(row.evidence), *_all(contents.evidence)),
    )


def python_image(matrix: Matrix, row: r.PythonImage) -> Image:
    """A ``python:X.Y-slim`` tag."""
    system = _SUITES.get(row.suite or "")
    return Image(
        f"python:{row.tag}",
        row.status,
        os=system,
        python=version(row.python),
        libc=_libc(matrix, system),
        platforms=row.platforms,
        evidence=_all(row.evidence),
    )


def cuda_image(matrix: Matrix, row: r.CudaImage) -> Image:
    """An ``nvidia/cuda`` tag; its Python is that of the distribution below."""
    distribution = _distribution(matrix, row.os)
    return Image(
        f"nvidia/cuda:{row.tag}",
        "delisted" if row.available == "delisted" else row.status,
        os=row.os,
        python=_version(distribution.python) if distribution else None,
        libc=_libc(matrix, row.os),
        cuda=version(row.cuda),
        cudnn=_version(row.cudnn),
        gpu=True,
        require=matrix.nvidia_require_cuda(row.require),
        require_known=matrix.nvidia_require_cuda(row.require) is not None,
        externally_managed=bool(distribution and distribution.externally_managed),
        compat=True,
        platforms=row.platforms,
        evidence=_all(row.evidence),
    )


def ngc_image(matrix: Matrix, row: r.NgcImage) -> Image:
    """A tag of NVIDIA's own TensorFlow image: a build of their own, judged by what its release notes name."""
    return Image(
        f"nvcr.io/nvidia/tensorflow:{row.tag}",
        row.status,
        os=row.os,
        python=_version(row.python),
        libc=_libc(matrix, row.os),
        cuda=_version(row.cuda),
        cudnn=_version(row.cudnn),
        tensorflow=_version(row.tensorflow),
        gpu=True,
        own_build=True,
        compute_capabilities=row.compute_capabilities,
        minimum_capability=_version(row.minimum_capability),
        maximum_capability=_version(row.maximum_capability),
        driver_minimum=_version(row.driver_minimum),
        driver_branches=row.driver_datacenter_branches,
        compat=True,
        platforms=row.platforms,
        digest=row.digest,
        evidence=_all(row.evidence),
    )


_SUITES = {"stretch": "debian9", "buster": "debian10", "bullseye": "debian11", "bookworm": "debian12", "trixie": "debian13"}


def _base(matrix: Matrix, reference: Reference) -> Image | None:
    """A distribution's own image, through a floating tag if need be. It brings a Python package, not CUDA."""
    name = f"{reference.repository}:{reference.tag}"
    floating = next((f for f in matrix.floating if f.image == name), None)
    evidence = _all(floating.evidence) if floating else ()
    if floating and floating.means != name:
        target = find_image(matrix, floating.means)
        return Image(
            name, "rolling", os=target.os, python=target.python, libc=target.libc, externally_managed=target.externally_managed,
            platforms=target.platforms, means=f"{floating.means} on {floating.as_of}", evidence=(*evidence, *target.evidence),
        )  # fmt: skip
    if reference.repository == "python" and reference.tag:
        return _full_python(matrix, reference, evidence)
    for row in matrix.distributions:
        if name == row.image or name in row.aliases:
            return Image(
                name, "documented", os=row.os, python=_version(row.python), libc=Libc(row.libc, _version(row.libc_version)),
                externally_managed=row.externally_managed, evidence=_all(row.evidence),
            )  # fmt: skip
    return None


def _full_python(matrix: Matrix, reference: Reference, evidence: tuple[str, ...]) -> Image | None:
    """A ``python`` tag without ``slim``: the same interpreter on the same suite as its slim sibling."""
    version_, _, suite = (reference.tag or "").partition("-")
    if suite.startswith("alpine"):
        system = "alpine3" if suite == "alpine" else suite
        musl = _libc(matrix, system) or Libc("musl", None)
        python = _version(version_) if re.fullmatch(r"\d+(\.\d+)+", version_) else None
        return Image(
            str(reference),
            "unknown",
            os=system,
            python=python,
            libc=musl,
            evidence=("inferred: Alpine is musl, and the tag names the Python",),
        )
    if version_ == "alpine":
        return Image(str(reference), "rolling", os="alpine", libc=Libc("musl", None), evidence=("inferred: Alpine is musl",))
    sibling = _curated(matrix, "python", f"{version_}-slim" + (f"-{suite}" if suite else ""))
    if sibling is None:
        return None
    inferred = f"inferred: the same interpreter as in {sibling.reference}"
    return Image(
        str(reference), sibling.status, os=sibling.os, python=sibling.python, libc=sibling.libc, platforms=sibling.platforms,
        evidence=(inferred, *evidence, *sibling.evidence),
    )  # fmt: skip


def _distribution(matrix: Matrix, system: str | None) -> r.Distribution | None:
    return next((d for d in matrix.distributions if d.os == system), None)


def _libc(matrix: Matrix, system: str | None) -> Libc | None:
    def make() -> Libc | None:
        row = _distribution(matrix, system)
        return Libc(row.libc, _version(row.libc_version)) if row else None

    return matrix.remember(("libc", system), make)


def _version(text: str | None) -> Version | None:
    return version(text) if text else None


def _all(evidence: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s for cell in evidence.values() for s in cell))
