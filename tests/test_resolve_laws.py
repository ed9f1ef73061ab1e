"""Laws that hold for every request, over requests that are built from the matrix."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, assume, given, note, seed, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tfcompat.errors import TfcompatError
from tfcompat.matrix import load_bundled
from tfcompat.models.model import Model
from tfcompat.resolver import Plan, Request, Resolution, ResolutionImpossible, Suggestion, resolve
from tfcompat.resolver.request import parse_wishes
from tfcompat.resolver.search import Candidate, Search
from tfcompat.rules import RULES, evaluate
from tfcompat.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

MATRIX = load_bundled()
WHEELS = Path(__file__).parents[1] / "data" / "measured" / "wheels"
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
LAWS = settings(max_examples=20, deadline=None, suppress_health_check=SLOW, phases=(Phase.explicit, Phase.reuse, Phase.generate))
SHARED = seed(2)  # the laws draw the same requests, so that each is resolved once: an unsatisfiable one takes a second

# -- requests ------------------------------------------------------------------------------------

VERSIONS = sorted({r.version for r in MATRIX.releases}, key=Version)
MINORS = sorted({".".join(v.split(".")[:2]) for v in VERSIONS}, key=Version)

releases = st.one_of(
    st.sampled_from(MINORS),
    st.sampled_from(VERSIONS).map(lambda v: f"=={v}"),
    st.sampled_from(MINORS).map(lambda v: f">={v}"),
    st.sampled_from(MINORS[1:]).map(lambda v: f"<{v}"),
)
pythons = st.sampled_from(["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", ">=3.10", "<3.10"])
gpus = st.sampled_from(["K80", "GTX 980", "V100", "T4", "A100", "RTX 3090", "RTX 4090", "H100", "RTX 5090", "8.6", "sm_70"])
drivers = st.sampled_from(
    ["410.48", "418.87.01", "450.80.02", "470.82.01", "525.60.13", "535.104.05", "555.42.02", "570.86.10", "580.65.06", "590.10"]
)
bases = st.sampled_from(
    [
        "official", "slim", "cuda", "ngc", "ubuntu:18.04", "ubuntu:22.04", "debian:12", "alpine:3.19", "python:3.11-slim-bookworm",
        "python:3.9-slim-bullseye", "nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04", "nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04",
        "tensorflow/tensorflow:2.17.0-gpu", "tensorflow/tensorflow:2.20.0-gpu",
    ]
)  # fmt: skip
packages = st.sampled_from(["numpy>=2", "numpy<2", "protobuf<4", "protobuf>=5", "h5py>=3", "typing-extensions>=4.6", "frobnicate"])
models = st.sampled_from(
    [
        Model("lstm.h5", ".h5", Version("2.10.0"), layers=("Dense", "LSTM")),
        Model("mse.h5", ".h5", Version("2.15.0"), layers=("Dense",), abbreviations=("mse",)),
        Model("old.keras", ".keras", Version("2.13.1"), layers=("Conv2D", "Dense")),
        Model("third.keras", ".keras", Version("3.4.1"), layers=("Dense", "Dropout")),
        Model("newest.keras", ".keras", Version("3.15.1"), layers=("Dense", "Frobnicate")),
    ]
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "tensorflow": releases,
        "python": pythons,
        "keras": st.sampled_from(["<3", "3", "2.15", ">=3.5"]),
        "cuda": st.sampled_from(["11.8", "12", "12.8", "10.1"]),
        "cudnn": st.sampled_from(["8", "9", ">=9.5"]),
        "driver": drivers,
        "gpu": st.one_of(st.just(True), st.lists(gpus, min_size=1, max_size=2, unique=True).map(tuple)),
        "platform": st.just("linux/arm64"),
        "base": bases,
        "jupyter": st.just(True),
        "models": st.lists(models, min_size=1, max_size=2, unique=True).map(tuple),
        "packages": st.lists(packages, min_size=1, max_size=2, unique_by=lambda p: p[:4]).map(tuple),
    },
)


@st.composite
def requests(draw: st.DrawFn, most: int = 3) -> Request:
    """A request with at most *most* wishes: more of them mostly contradict each other in the same few ways."""
    drawn: dict[str, Any] = draw(wishes)
    kept = draw(st.permutations(sorted(drawn)))[:most]
    return Request(**{name: drawn[name] for name in kept})


@lru_cache(maxsize=4096)
def outcome(request: Request) -> Resolution | ResolutionImpossible:
    try:
        return resolve(request, MATRIX)
    except ResolutionImpossible as conflict:
        return conflict


def resolved(request: Request) -> Resolution:
    found = outcome(request)
    assume(isinstance(found, Resolution))
    assert isinstance(found, Resolution)
    return found


def conflict(request: Request) -> ResolutionImpossible:
    found = outcome(request)
    assume(isinstance(found, ResolutionImpossible))
    assert isinstance(found, ResolutionImpossible)
    return found


def candidates(request: Request) -> Iterator[Candidate]:
    search = Search(MATRIX, parse_wishes(request, MATRIX), RULES)
    yield from search.candidates()
    yield from search.ngc_candidates()


def candidate_of(request: Request, plan: Plan) -> Candidate:
    """The candidate that *plan* was made from, found again by a search of its own."""
    key = (plan.tensorflow, plan.image.reference, plan.image.recipe, plan.python, plan.cuda)
    for c in candidates(request):
        python = str(c.facts["python"].value or c.python)
        cuda = str(c.offer.cuda) if c.offer.cuda and plan.cuda else None
        if (c.tensorflow.release.version, c.offer.image.reference, c.offer.recipe, python, cuda) == key:
            return c
    raise AssertionError(f"no candidate is that plan: {key}")


# -- what a plan is ------------------------------------------------------------------------------


@SHARED
@LAWS
@given(requests())
def test_no_rule_rejects_the_stack_of_a_plan(request: Request) -> None:
    found = resolved(request)
    for plan in (found.plan, *found.alternatives):
        findings = list(evaluate(MATRIX, Stack(candidate_of(request, plan).facts), RULES))
        assert not [f for f in findings if f.rejects]


@lru_cache(maxsize=8)
def builds(package: str) -> dict[str, Any]:
    return {row["version"]: row["builds"] for row in json.loads((WHEELS / f"{package}.json").read_text(encoding="utf-8"))}


def build_of(plan: Plan) -> dict[str, Any]:
    """The measured wheel that pip installs for *plan*, a stub followed by hand."""
    build: dict[str, Any] = builds(plan.package)[plan.tensorflow][plan.platform]
    if build["kind"] == "stub":
        build = builds(build["delegates_to"][0])[plan.tensorflow][plan.platform]
    return build


@SHARED
@LAWS
@given(requests())
def test_a_plan_fits_the_measured_wheel(request: Request) -> None:
    found = resolved(request)
    for plan in (found.plan, *found.alternatives):
        if plan.image.recipe == "ngc":
            continue
        note(f"{plan.package} {plan.tensorflow} on {plan.image.reference}")
        build = build_of(plan)
        assert ".".join(plan.python.split(".")[:2]) in build["python"]
        if plan.cuda is None:
            continue
        assert build["kind"] == "cuda" or Version(plan.tensorflow) < Version("2.1")
        exact = [Requirement(line) for line in build.get("extras", {}).get("and-cuda", ())]
        cudnn = next(
            (s.version for r in exact if r.name.startswith("nvidia-cudnn-") for s in r.specifier if s.operator in ("==", ">=")), None
        )
        if Version(plan.tensorflow) >= Version("2.3"):  # before, build_info does not say it
            assert Version(plan.cuda).major == Version(build["cuda"]).major
            assert plan.cudnn is not None
            assert Version(plan.cudnn).major == Version(build["cudnn"]).major
        if cudnn is not None:
            assert Version(str(plan.cudnn)).release[:2] >= Version(cudnn).release[:2]


@SHARED
@LAWS
@given(requests())
def test_a_plan_is_what_was_wished_for(request: Request) -> None:
    found = resolved(request)
    parsed = parse_wishes(request, MATRIX)
    for plan in (found.plan, *found.alternatives):
        assert (plan.cuda is not None) is (parsed["accelerator"].value == "gpu")
        assert plan.platform == request.platform
        for name in ("tensorflow", "cuda", "cudnn"):
            if name in parsed:
                assert parsed[name].value.contains(Version(str(getattr(plan, name))), prereleases=True)
        if request.base in ("official", "slim", "ngc"):
            assert plan.image.recipe == request.base
        for name, wish in parsed.items():
            pinned = [Requirement(line) for line in plan.requirements if name == f"package:{Requirement(line).name}"]
            assert not name.startswith("package:") or all(
                wish.value.contains(s.version) or not wish.value for r in pinned for s in r.specifier
            )


@SHARED
@LAWS
@given(requests(), requests(most=1))
def test_a_further_wish_never_makes_tensorflow_newer(request: Request, further: Request) -> None:
    """Not so for an image of one's own, which adds what no recipe offers; for NVIDIA's builds, which only rank where
    nothing else is established; and for the name of a GPU, which may settle a doubt about the driver."""
    added = {n: v for n, v in further._asdict().items() if v != getattr(Request(), n)}
    assume(added.keys() and not any(getattr(request, n) != getattr(Request(), n) for n in added))
    assume(added.get("base", "auto") in ("auto", "official", "slim", "cuda") and "platform" not in added)
    assume(not ("gpu" in added and request.driver is not None))
    more = request._replace(**added)
    assume(parse_wishes(request, MATRIX)["accelerator"].value == parse_wishes(more, MATRIX)["accelerator"].value)
    plans = [(r, resolved(r).plan) for r in (request, more)]
    assume(all(plan.image.recipe != "ngc" for _, plan in plans))
    assume(not any(candidate_of(r, plan).doubts for r, plan in plans))
    assert Version(plans[1][1].tensorflow) <= Version(plans[0][1].tensorflow)


@SHARED
@LAWS
@given(requests())
def test_the_same_request_gets_the_same_answer(request: Request) -> None:
    def told() -> tuple[Any, ...]:
        try:
            found = resolve(request, MATRIX)
        except ResolutionImpossible as conflict:
            return (str(conflict), conflict.suggestions)
        return (found.plan, found.alternatives)

    assert told() == told()


# -- what a conflict is --------------------------------------------------------------------------


@SHARED
@settings(LAWS, max_examples=12)
@given(requests())
def test_a_conflict_is_minimal(request: Request) -> None:
    core = conflict(request).core
    assert not Search(MATRIX, core.wishes, core.rules).feasible()
    for rule in core.rules:
        assert Search(MATRIX, core.wishes, [r for r in core.rules if r is not rule]).feasible(), f"{rule.id} is not needed"
    for name in core.wishes:
        assert Search(MATRIX, {n: w for n, w in core.wishes.items() if n != name}, core.rules).feasible(), f"{name} is not needed"


@SHARED
@LAWS
@given(requests())
def test_every_rule_of_a_conflict_is_told_as_a_cause(request: Request) -> None:
    found = conflict(request)
    assert {rule.id for rule in found.core.rules} <= {cause.rule.id for cause in found.causes}


def changed(request: Request, suggestion: Suggestion) -> Request:
    """The request after the change, as a person would type it."""
    for name, value in suggestion.change.items():
        kind, _, item = name.partition(":")
        if kind == "accelerator":
            request = request._replace(cpu=True, gpu=False, driver=None, cuda=None, cudnn=None)
        elif kind == "gpu":
            left = (
                tuple(g for g in request.gpu if parse_wishes(Request(gpu=(g,)), MATRIX).keys().isdisjoint({name}))
                if not isinstance(request.gpu, bool)
                else ()
            )
            request = request._replace(gpu=left or True)
        elif kind == "package":
            request = request._replace(packages=tuple(p for p in request.packages if Requirement(str(p)).name != item))
        elif kind == "model":
            request = request._replace(models=tuple(model for model in request.models if model.name != item))
        elif kind == "jupyter":
            request = request._replace(jupyter=False)
        elif kind == "base":
            request = request._replace(base="auto" if value == "any" else value)
        else:
            asked = request.gpu or kind in ("cuda", "cudnn", "driver")  # which ask for a GPU as well; see test_resolve
            wish: dict[str, Any] = {kind: None if value == "any" else f"=={value}" if kind == "tensorflow" else value}
            request = request._replace(gpu=asked, **wish)
    return request


@SHARED
@LAWS
@given(requests())
def test_every_suggestion_leads_to_the_plan_it_names(request: Request) -> None:
    for suggestion in conflict(request).suggestions:
        note(f"{dict(suggestion.change)}")
        found = outcome(changed(request, suggestion))
        assert isinstance(found, Resolution)
        assert found.plan._replace(remarks=()) == suggestion.plan._replace(remarks=())


# -- drivers -------------------------------------------------------------------------------------


@settings(LAWS, max_examples=12)
@given(requests(most=1), drivers)
def test_a_plan_accepts_the_driver_it_was_asked_for(request: Request, driver: str) -> None:
    """Where the image's cuda-compat package bridges an older driver, a remark says so. NVIDIA's own images: see test_resolve."""
    found = resolved(request._replace(driver=driver))
    for plan in (found.plan, *found.alternatives):
        bridged = any("cuda-compat" in remark for remark in plan.remarks)
        assert plan.image.recipe == "ngc" or bridged or SpecifierSet(plan.host["driver"]).contains(driver)


# -- text ----------------------------------------------------------------------------------------

texts = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="0123456789.<>=!~*,;@[]()+-_ abrcpostdev:/", max_size=20),
    st.sampled_from(
        [
            "",
            " ",
            "0",
            "9" * 400,
            "1!2",
            "==",
            "*",
            "3.*",
            "2.15.0+local",
            "<=2.15.*",
            "@",
            ":",
            "a:b:c",
            "\x00",
            "🦊",
            "²",
            "sm_",
            "٣",
            "²:1",
        ]
    ),
)
FIELDS = ("tensorflow", "keras", "python", "cuda", "cudnn", "driver", "platform", "base")


@settings(LAWS, max_examples=100)
@given(st.sampled_from(FIELDS), texts)
def test_any_text_is_answered_or_refused(field: str, text: str) -> None:
    wish: dict[str, Any] = {field: text}
    try:
        resolve(Request(**wish), MATRIX)
    except TfcompatError:
        return


@settings(LAWS, max_examples=100)
@given(texts, st.booleans())
def test_any_text_for_a_gpu_or_a_package_is_answered_or_refused(text: str, gpu: bool) -> None:
    try:
        resolve(Request(gpu=[text]) if gpu else Request(packages=[text]), MATRIX)
    except TfcompatError:
        return
