"""A plan: a candidate made ready to build, with exact requirements, variables, steps and remarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tfcompat.drivers import driver_range, driver_text
from tfcompat.pins import Pins, PlanPins, find_pins
from tfcompat.prose import pins_statement, remark, sentence
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.resolver.request import Wish
    from tfcompat.resolver.search import Candidate
    from tfcompat.stack import Fact, Image, Package

__all__ = ["Plan", "PlanImage", "make_plan"]

_LIBRARY_PATH_NOTES = ("pip-cuda-libraries-not-found", "runpath-lacks-nvidia-folders")
_KINDS = ("verified", "measured", "documented", "observed", "inferred", "unknown")


class PlanImage(NamedTuple):
    """The image to start from. ``evidence`` is the kind of proof that the tag exists; ``digest`` is None unless known.

    ``asked`` is when a registry said so (ISO, UTC), ``digests`` what it has for each platform.
    """

    reference: str
    recipe: str
    digest: str | None
    evidence: str
    python_from: str = "image"
    os: str | None = None
    carries_tensorflow: bool = False
    digests: Mapping[str, str | None] = {}
    asked: str | None = None


class Plan(NamedTuple):
    """What to build. ``cuda`` and ``cudnn`` are None in a plan for the CPU, ``python`` where it is unknown.

    ``host`` says what the machine must bring (``driver``: a specifier). ``steps`` are what a plain
    install leaves out; ``remarks`` deserve a person's attention, and ``doubts`` are those among them that say
    what could not be established; ``evidence`` maps each fact to its statements. ``unchecked`` are the ``requirements`` that
    stand as a person wrote them, as the matrix does not cover them.
    """

    package: str
    tensorflow: str
    keras: str | None
    python: str | None
    cuda: str | None
    cudnn: str | None
    platform: str
    image: PlanImage
    requirements: tuple[str, ...]
    env: Mapping[str, str] = {}
    steps: tuple[str, ...] = ()
    host: Mapping[str, str] = {}
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    evidence: Mapping[str, tuple[str, ...]] = {}
    library_path: bool = False
    pins: PlanPins = PlanPins("image")
    unchecked: tuple[str, ...] = ()


def make_plan(matrix: Matrix, candidate: Candidate, wishes: Mapping[str, Wish], complete: bool = False) -> Plan:
    """The plan of *candidate*; pins are for its interpreter and platform. *complete*: as if the image brought no TensorFlow."""
    facts, offer, image = candidate.facts, candidate.offer, candidate.offer.image
    gpu = facts["accelerator"].value == "gpu"
    release = candidate.tensorflow.release
    notes = [n for n in (matrix.notes_of(release, key) for key in _LIBRARY_PATH_NOTES) if n is not None]
    library_path = bool(offer.parts and notes)
    requirements, remarks, pins, unchecked = _requirements(matrix, candidate, wishes, complete)
    env = dict(facts["env"].value) if "env" in facts else {}
    libdevice = _libdevice(matrix, candidate)
    if libdevice is not None:
        requirements.append(libdevice)
        env["XLA_FLAGS"] = f"--xla_gpu_cuda_data_dir={_site_packages(candidate)}/nvidia/cuda_nvcc"
    if any(f.verdict.reason in ("jit", "doubtful-jit") for f in candidate.findings):
        env["CUDA_CACHE_MAXSIZE"] = "4294967296"
    host = _host(matrix, candidate) if gpu else {}
    if host and "driver" not in facts:
        remarks.append(remark("host-driver", driver=host["driver"]))
    if gpu and "gpu" not in facts:
        remarks.append(remark("no-gpu-model"))
    if not gpu and wishes["accelerator"].where != "--cpu":
        remarks.append(remark("no-gpu"))
    keras = _keras(facts, requirements)
    return Plan(
        package="tensorflow" if release.package == "nvidia" else release.package,
        tensorflow=release.version,
        keras=keras,
        python=str(facts["python"].value) if facts["python"].value else None,
        cuda=str(offer.cuda) if gpu and offer.cuda else None,
        cudnn=str(offer.cudnn) if gpu and offer.cudnn else None,
        platform=candidate.tensorflow.platform if release.package != "nvidia" else wishes["platform"].value,
        image=_plan_image(matrix, candidate, complete),
        requirements=tuple(requirements),
        env=env,
        steps=tuple([remark("library-path", fact=notes[0].fact)] if library_path else [remark("libdevice")] if libdevice else []),
        host=host,
        remarks=tuple(dict.fromkeys([*(sentence(f) for f in candidate.findings if f.verdict.outcome != "ok"), *remarks])),
        doubts=tuple(dict.fromkeys(sentence(f) for f in candidate.findings if f.verdict.outcome == "unknown")),
        evidence=_evidence(facts, image, pins),
        library_path=library_path,
        pins=pins,
        unchecked=unchecked,
    )


def _libdevice(matrix: Matrix, candidate: Candidate) -> str | None:
    """The pin that brings libdevice where the CUDA libraries are those of a runtime image, which has none."""
    offer, build = candidate.offer, candidate.tensorflow.build
    needs = matrix.notes_of(candidate.tensorflow.release, "xla-needs-libdevice")
    if needs is None or build is None or build.cuda is None or offer.cuda is None or offer.parts or offer.python_from == "image":
        return None
    name = f"nvidia-cuda-nvcc-cu{offer.cuda.major}"
    fitting = [r.version for r in matrix.package(name) if minor(version(r.version)) <= minor(offer.cuda)]
    found = fitting[0] if fitting else next((r.version for r in reversed(matrix.package(name))), None)
    return f"{name}=={found}" if found else None


def _site_packages(candidate: Candidate) -> str:
    """Of the virtual environment that the Dockerfile makes."""
    return f"/opt/venv/lib/python{candidate.python.major}.{candidate.python.minor}/site-packages"


def _plan_image(matrix: Matrix, candidate: Candidate, complete: bool) -> PlanImage:
    image = candidate.offer.image
    status = "unknown" if image.status in ("rolling", "unknown", "gone") else image.status
    inside = not complete and image.tensorflow is not None and str(image.tensorflow) == candidate.tensorflow.release.version
    sighting = matrix.sightings.get(image.reference)
    asked = sighting.asked if sighting else None
    python_from = candidate.offer.python_from
    return PlanImage(image.reference, candidate.offer.recipe, image.digest, status, python_from, image.os, inside, image.digests, asked)


def _requirements(
    matrix: Matrix, candidate: Candidate, wishes: Mapping[str, Wish], complete: bool
) -> tuple[list[str], list[str], PlanPins, tuple[str, ...]]:
    """The requirement lines, TensorFlow first; what there is to remark about them; how they are known to work; which are unchecked."""
    facts, offer, tensorflow = candidate.facts, candidate.offer, candidate.tensorflow
    wished = {n.partition(":")[2]: w for n, w in wishes.items() if n.startswith("package:")}
    pins = Pins({})
    chosen: Package | None = next((facts[n].value for n in ("tf-keras", "keras") if n in facts), None)
    lines: list[str] = []
    remarks: list[str] = []
    plan_pins = PlanPins("image")
    inside = offer.image.tensorflow is not None and str(offer.image.tensorflow) == tensorflow.release.version
    if inside and not complete:
        contents = matrix.official_contents.get((tensorflow.release.version, "gpu" if offer.image.gpu else "cpu"))
        if offer.recipe != "ngc" and contents is not None and contents.distribution:
            lines.append(f"{contents.distribution}=={tensorflow.release.version}")
        packages = facts["package"].value if "package" in facts else ()
        lines += [f"{p.name}=={p.version}" for p in (*([chosen] if chosen else []), *packages)]
    else:
        extra = "[and-cuda]" if offer.parts and not offer.left_out else ""
        lines.append(f"{tensorflow.release.package}{extra}=={tensorflow.release.version}")
        found = {n: w.range_for(tensorflow.platform, candidate.python) for n, w in wished.items()}
        ranges = {n: allowed for n, allowed in found.items() if allowed is not None}
        pins = find_pins(matrix, tensorflow, candidate.python, chosen, ranges)
        plan_pins = _plan_pins(pins, tensorflow.release.package, offer.image.tensorflow is not None and not complete)
        remarks += _pins_remark(candidate, pins, plan_pins)
        lines += sorted(f"{name}=={text}" for name, text in {**pins.exact, **offer.parts}.items())
        remarks += [remark("not-pinned", line=line) for line in pins.open]
        if offer.left_out:
            remarks.append(remark("left-out", parts=", ".join(offer.left_out)))
    unchecked = [w for n, w in wished.items() if (not matrix.package(n) and n not in pins.exact) or offer.recipe == "ngc"]
    why = "not-curated" if offer.recipe == "ngc" else "not-covered"
    remarks += [remark(why, wish=w.text, where=w.where) for w in unchecked]
    lines += [w.text for w in unchecked]
    if "jupyter" in wishes and offer.recipe != "official":
        lines.append("jupyterlab")
        remarks.append(remark("jupyter"))
    own = (*(w.text for w in unchecked), *(line for line in lines if line == "jupyterlab"))
    return lines, remarks, plan_pins._replace(unpinned=(*plan_pins.unpinned, *own)), own


def _plan_pins(pins: Pins, distribution: str, replaces: bool) -> PlanPins:
    """*replaces*: the image has another TensorFlow, and was not there when the set was run."""
    if pins.base is None:
        return PlanPins("derived", unpinned=pins.open)
    run = next((run for run in pins.base.runs if run.distribution == distribution), pins.base.runs[0])
    verified = pins.run is not None and not replaces
    return PlanPins(
        status="verified" if verified else "follows",
        distribution=run.distribution,
        tensorflow=pins.base.tensorflow,
        date=run.date,
        python=run.python,
        machine=run.machine,
        sha256=run.sha256,
        steps=run.steps,
        changed=() if verified else pins.changed,
        added=pins.changed if verified else (),
        unpinned=pins.open,
    )


def _pins_remark(candidate: Candidate, pins: Pins, plan_pins: PlanPins) -> list[str]:
    """What has to be said of pins that were not run as they stand."""
    if plan_pins.status == "verified":
        return [remark("pins-added", changes=", ".join(plan_pins.added))] if plan_pins.added else []
    release, python = candidate.tensorflow.release, f"{candidate.python.major}.{candidate.python.minor}"
    if pins.base is None:
        return [remark("pins-derived", tensorflow=release, python=python)]
    changes = ", ".join(pins.changed) or "nothing"
    base = f"tensorflow {pins.base.tensorflow} on {pins.base.platform}"
    return [remark("pins-follow", tensorflow=release, python=python, base=base, changes=changes)]


def _keras(facts: Mapping[str, Fact], requirements: list[str]) -> str | None:
    """The version behind ``tf.keras``: tf-keras where it is switched on, else the pinned keras."""
    for name in ("tf-keras", "keras"):
        if name in facts:
            return str(facts[name].value.version)
    return next((line.partition("==")[2] for line in requirements if line.startswith("keras==")), None)


def _host(matrix: Matrix, candidate: Candidate) -> dict[str, str]:
    """The driver that the host must have, as a specifier."""
    offer, build = candidate.offer, candidate.tensorflow.build
    gpus = candidate.facts["gpu"].value if "gpu" in candidate.facts else ()
    floor, last = driver_range(matrix, build, offer.cuda, offer.image, gpus)
    parts = [f">={driver_text(floor)}"] if floor else []
    parts += [f"<{last + 1}"] if last else []
    return {"driver": ",".join(parts)} if parts else {}


def _evidence(facts: Mapping[str, Fact], image: Image, pins: PlanPins) -> dict[str, tuple[str, ...]]:
    """The statements behind each fact of the plan, those of the strongest kind first."""
    found = {}
    for name in ("tensorflow", "python", "keras", "tf-keras", "cuda", "cudnn", "image"):
        fact = facts.get(name)
        statements = fact.evidence if fact is not None else ()
        if name == "python" and not statements:
            statements = image.evidence
        if statements:
            found[name] = tuple(sorted(dict.fromkeys(statements), key=lambda s: _KINDS.index(s.partition(":")[0])))
    if pins.date:
        kind = "verified: " if pins.status == "verified" else "inferred: from a set that was "
        found["pins"] = (kind + pins_statement(pins),)
    return found
