"""Image references, and what is inside the images behind them: from curated rows, never from the name alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.reference import Reference
from tfcompat.stack import Image, Libc
from tfcompat.versions import version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from packaging.version import Version

    from tfcompat.matrix import records as r
    from tfcompat.matrix.matrix import Matrix

__all__ = [
    "REPOSITORIES",
    "cuda_image",
    "find_image",
    "libc_of",
    "ngc_image",
    "official_image",
    "official_tags_of",
    "python_image",
    "snapshot_of",
    "system_of_suite",
]

REPOSITORIES = ("tensorflow/tensorflow", "nvidia/cuda", "python", "nvcr.io/nvidia/tensorflow")  # whose tags the snapshot has


def find_image(matrix: Matrix, text: str) -> Image:
    """The image that *text* names, with the contents that are established; unknown where none are."""
    reference = Reference.parse(text)

    def make() -> Image:
        if reference.digest is not None:
            return _seen(matrix, _pinned(matrix, reference))
        return _seen(
            matrix, _curated(matrix, reference.repository, reference.tag) or _base(matrix, reference) or _unlisted(matrix, reference)
        )

    return matrix.remember(("image", str(reference)), make)


def _seen(matrix: Matrix, image: Image) -> Image:
    """The image as the registry sees it, where it was asked: existence, digest and platforms are its to say."""
    sighting = matrix.sightings.get(image.reference)
    if sighting is None:
        gone = image.status == "gone"
        return image._replace(why=f"snapshot of {matrix.snapshots[Reference.parse(image.reference).repository]}") if gone else image
    said = f"measured: {sighting.source} at {sighting.asked}"
    if not sighting.exists:
        return image._replace(status="gone", why=f"asked {sighting.source} on {sighting.asked[:10]}", evidence=(said, *image.evidence))
    digests = {sighting.digest, *sighting.platforms.values()}
    return image._replace(
        status="rolling" if image.status == "rolling" else "measured",
        digest=sighting.digest,
        digests=dict(sighting.platforms),
        platforms=tuple(sighting.platforms) or image.platforms,
        moved_from=image.digest if image.digest is not None and sighting.digest is not None and image.digest not in digests else None,
        evidence=(said, *image.evidence),
    )


def _pinned(matrix: Matrix, reference: Reference) -> Image:
    """An image by digest: what a tag holds today says nothing of it, unless that is the digest on record."""
    tagged = _curated(matrix, reference.repository, reference.tag or _tag_of(matrix, reference))
    if tagged is not None and tagged.digest == reference.digest and not tagged.means:  # what a tag means is not of that digest's day
        status = "unknown" if tagged.status == "gone" else tagged.status  # a tag that is gone says nothing of its digest
        return tagged._replace(reference=str(reference), status=status)
    return Image(str(reference), "unknown", require_known=False)


def _tag_of(matrix: Matrix, reference: Reference) -> str | None:
    """The tag whose digest on record is that of *reference*."""
    rows: Mapping[str, Callable[[], Any]] = {
        "tensorflow/tensorflow": matrix.official_tags.values,
        "nvidia/cuda": lambda: matrix.cuda_images,
        "python": lambda: matrix.python_images,
        "nvcr.io/nvidia/tensorflow": lambda: matrix.ngc_images,
    }
    if reference.repository not in rows:
        return None
    return next((row.tag for row in rows[reference.repository]() if row.digest == reference.digest), None)


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


def snapshot_of(matrix: Matrix, repository: str) -> dict[str, Image]:
    """The images of one of :data:`REPOSITORIES` by tag, as the snapshot has them; empty for any other repository."""
    tags: dict[str, Callable[[], list[str]]] = {
        "tensorflow/tensorflow": lambda: list(matrix.official_tags),
        "nvidia/cuda": lambda: [row.tag for row in matrix.cuda_images],
        "python": lambda: [row.tag for row in matrix.python_images],
        "nvcr.io/nvidia/tensorflow": lambda: [row.tag for row in matrix.ngc_images],
    }
    return {tag: find_image(matrix, f"{repository}:{tag}") for tag in tags[repository]()} if repository in tags else {}


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
        return _rolling(matrix, row, reference)
    contents = matrix.official_contents.get((row.tensorflow or "", "gpu" if gpu else "cpu"))
    if contents is None:
        return Image(
            reference, row.status, gpu=gpu, tensorflow=_version(row.tensorflow), require_known=False,
            platforms=row.platforms, digest=row.digest, evidence=_all(row.evidence),
        )  # fmt: skip
    python = contents.python_py3 if "py3" in row.variants and contents.python_py3 else contents.python
    return Image(
        reference,
        row.status,
        os=contents.os,
        python=_version(python),
        libc=libc_of(matrix, contents.os),
        cuda=_version(contents.cuda),
        cudnn=_version(contents.cudnn),
        tensorflow=_version(contents.tensorflow),
        gpu=gpu,
        require=matrix.nvidia_require_cuda(contents.require),
        require_known=not gpu or contents.require is not None,
        compat=gpu,
        platforms=row.platforms or (tuple(contents.platforms) if contents.platforms else None),
        digest=row.digest,
        uncertain=tuple(contents.uncertain) if gpu and contents.cudnn is None else (),
        evidence=(*_all(row.evidence), *_all(contents.evidence)),
    )


def _rolling(matrix: Matrix, row: r.OfficialTag, reference: str) -> Image:
    """A tag that moves, with the contents of what it meant on a date where that is established."""
    status = "gone" if row.status == "gone" else "rolling"
    bare = Image(reference, status, gpu="gpu" in row.variants, require_known=False, digest=row.digest, evidence=_all(row.evidence))
    floating = _floating(matrix, reference)
    if floating is None or status == "gone":
        return bare
    target = find_image(matrix, floating.means)
    moved = _differ(_listed(matrix, row, reference), {target.digest, *target.digests.values()})
    if moved or target.status in ("unknown", "absent", "gone"):
        return bare
    return target._replace(
        reference=reference, status=status, digest=row.digest, digests={}, moved_from=None,
        means=f"{floating.means} on {floating.as_of}", evidence=(*bare.evidence, *_all(floating.evidence), *target.evidence),
    )  # fmt: skip


def _listed(matrix: Matrix, row: r.OfficialTag, reference: str) -> set[str | None]:
    """The digests that a registry gave a tag that moves; one in the snapshot is of some earlier day."""
    sighting = matrix.sightings.get(reference)
    if sighting is not None:
        return {sighting.digest, *sighting.platforms.values()}
    return {row.digest} if row.status == "measured" else set()


def _differ(ours: set[str | None], theirs: set[str | None]) -> bool:
    """Whether the two are known not to be one image."""
    return bool(ours - {None}) and bool(theirs - {None}) and not (ours & theirs) - {None}


def python_image(matrix: Matrix, row: r.PythonImage) -> Image:
    """A ``python:X.Y-slim`` tag."""
    system = _SUITES.get(row.suite or "")
    return Image(
        f"python:{row.tag}",
        row.status,
        os=system,
        python=version(row.python),
        libc=libc_of(matrix, system),
        platforms=row.platforms,
        digest=row.digest,
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
        libc=libc_of(matrix, row.os),
        cuda=version(row.cuda),
        cudnn=_version(row.cudnn),
        gpu=True,
        require=matrix.nvidia_require_cuda(row.require),
        require_known=matrix.nvidia_require_cuda(row.require) is not None,
        externally_managed=bool(distribution and distribution.externally_managed),
        compat=True,
        platforms=row.platforms,
        digest=row.digest,
        evidence=_all(row.evidence),
    )


def ngc_image(matrix: Matrix, row: r.NgcImage) -> Image:
    """A tag of NVIDIA's own TensorFlow image: a build of their own, judged by what its release notes name."""
    return Image(
        f"nvcr.io/nvidia/tensorflow:{row.tag}",
        row.status,
        os=row.os,
        python=_version(row.python),
        libc=libc_of(matrix, row.os),
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


def system_of_suite(name: str) -> str:
    """``debian12`` of ``bookworm``; any other name as it is."""
    return _SUITES.get(name, name)


def _base(matrix: Matrix, reference: Reference) -> Image | None:
    """A distribution's own image, through a floating tag if need be. It brings a Python package, not CUDA."""
    name = f"{reference.repository}:{reference.tag}"
    floating = _floating(matrix, name)
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


def _floating(matrix: Matrix, name: str) -> r.Floating | None:
    return next((f for f in matrix.floating if f.image == name), None)


def _full_python(matrix: Matrix, reference: Reference, evidence: tuple[str, ...]) -> Image | None:
    """A ``python`` tag without ``slim``: the same interpreter on the same suite as its slim sibling."""
    version_, _, suite = (reference.tag or "").partition("-")
    if suite.startswith("alpine"):
        system = "alpine3" if suite == "alpine" else suite
        musl = libc_of(matrix, system) or Libc("musl", None)
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


def libc_of(matrix: Matrix, system: str | None) -> Libc | None:
    """The C library of a distribution such as ``ubuntu22.04``, None where it is not known."""

    def make() -> Libc | None:
        row = _distribution(matrix, system)
        return Libc(row.libc, _version(row.libc_version)) if row else None

    return matrix.remember(("libc", system), make)


def _version(text: str | None) -> Version | None:
    return version(text) if text else None


def _all(evidence: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s for cell in evidence.values() for s in cell))
