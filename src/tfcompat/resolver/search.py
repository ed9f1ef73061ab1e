"""The search: candidates in order, rejected as early as the rules allow.

Facts are added step by step: host and release, then the interpreter, packages and Keras, and last the
image with its CUDA. Each check runs at the first step that has all the facts it needs, so that one verdict
cuts off everything below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tfcompat.models.loading import prefers_tf_keras
from tfcompat.resolver import candidate as c
from tfcompat.resolver.neighbours import NoneFits, choose_keras, choose_keras_for_models, choose_packages
from tfcompat.resolver.request import KNOWN_PYTHONS
from tfcompat.resolver.steps import STEPS, schedule
from tfcompat.resolver.wish import WISH_RULES
from tfcompat.rules import Finding, Rule, Verdict, evaluate, run_check
from tfcompat.stack import Fact, Image, Stack, Tensorflow
from tfcompat.versions import minor, version

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from tfcompat.matrix.matrix import Matrix
    from tfcompat.resolver.request import Wish

__all__ = ["Candidate", "Search", "contains"]

Wishes = Mapping[str, "Wish"]
Facts = dict[str, Fact]


class Candidate(NamedTuple):
    """A stack that no rule rejects, with what the rules had to remark about it."""

    facts: Mapping[str, Fact]
    tensorflow: Tensorflow
    python: Version
    offer: c.Offer
    findings: tuple[Finding, ...]

    @property
    def doubts(self) -> int:
        """How many relations could not be established."""
        return sum(f.verdict.outcome == "unknown" for f in self.findings)

    @property
    def warnings(self) -> int:
        return sum(f.verdict.outcome == "violated" and f.verdict.severity == "warning" for f in self.findings)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Lower is better; the order is documented in docs/resolve.md."""
        return (
            bool(self.doubts),
            self.offer.recipe == "ngc",
            _newer_first(version(self.tensorflow.release.version)),
            self.warnings,
            self.offer.python_from == "uv",
            self._other_cuda(),
            c.RECIPES.index(self.offer.recipe),
            _newer_first(minor(self.python)),
            self.offer.image.reference,
        )

    def _other_cuda(self) -> bool:
        """Whether the runtime is of another CUDA minor than the one the wheel was built and tested with."""
        build = self.tensorflow.build
        if build is None or build.cuda is None or self.offer.cuda is None:
            return False
        return minor(version(build.cuda)) != minor(self.offer.cuda)


def _newer_first(value: Version) -> tuple[int, ...]:
    """Sorts newer versions first; the matrix has final and post-releases, so the numbers say it all."""
    padded = (*value.release, 0, 0, 0)[:3]
    return tuple(-n for n in (*padded, value.post or 0))


class Search:
    """One search: a matrix, the wishes that hold and the rules that hold. Pure: same inputs, same candidates.

    With *collect* every rejection is reported, and every rule is asked at each step instead of stopping at
    the first that rejects: that is how a conflict is explained.
    """

    def __init__(self, matrix: Matrix, wishes: Wishes, rules: Sequence[Rule], collect: Callable[[Finding], None] | None = None) -> None:
        self.matrix = matrix
        self.wishes = wishes
        self.rules = rules
        self.collect = collect
        self.gpu = "accelerator" in wishes and wishes["accelerator"].value == "gpu"
        self.platform: str = wishes["platform"].value if "platform" in wishes else "linux/amd64"
        self.base: str | Image = wishes["base"].value if "base" in wishes else "auto"
        self.models = [wish for name, wish in wishes.items() if name.startswith("model:")]
        self.steps = schedule(tuple(rules))
        self.hopeless: set[tuple[Tensorflow, Image, str, str]] = set()  # rejected whatever the interpreter

    def candidates(self) -> Iterator[Candidate]:
        """Candidates with wheels of the index, release by release from the newest."""
        if self.base == "ngc" or (isinstance(self.base, Image) and self.base.own_build):
            return
        for tensorflow in self._releases():
            yield from self._of_release(tensorflow)

    def feasible_releases(self) -> Iterator[str]:
        """The versions that have a candidate, newest first."""
        if self.base != "ngc":
            for tensorflow in self._releases():
                if next(self._of_release(tensorflow), None) is not None:
                    yield tensorflow.release.version

    def _of_release(self, tensorflow: Tensorflow) -> Iterator[Candidate]:
        facts = {**self._host_facts(), "tensorflow": Fact("tensorflow", tensorflow, self._where("tensorflow"), _evidence(tensorflow))}
        if self._rejections(facts, 0):
            return
        for python in self._pythons(facts):
            with_python = {**facts, "python": self._python_fact(python)}
            if not self._rejections(with_python, 1):
                yield from self._complete(with_python, tensorflow, python)

    def ngc_candidates(self) -> Iterator[Candidate]:
        """NVIDIA's own images: for a GPU, and only on platforms they are known to serve unless they were asked for."""
        named = self.base if isinstance(self.base, Image) and self.base.own_build else None
        if named is None and self.base not in ("auto", "ngc"):
            return
        host = self._host_facts()
        offers = [c.own_build(self.matrix, named)] if named else c.ngc_offers(self.matrix)
        for tensorflow, offer in offers:
            image = offer.image
            facts = {**host, "tensorflow": Fact("tensorflow", tensorflow, image.reference, image.evidence)}
            if image.python is None or (not self.gpu and self.base == "auto"):
                continue
            if self.platform != "linux/amd64" and image.platforms is None and self.base == "auto":
                continue
            wish = self.wishes.get("tensorflow")
            if wish is not None and not contains(wish.value, tensorflow.release.version):
                self._reject("tensorflow", {**facts, "image": _image_fact(image)}, wish=wish.text, inside=str(image.tensorflow))
                continue
            if "keras" in self.wishes or "tf-keras" in self.wishes:
                self._reject("keras-inside", {**facts, "image": _image_fact(image)})
                continue
            facts["python"] = Fact("python", image.python, image.reference, image.evidence)
            found = self._of_offer(facts, tensorflow, minor(image.python), offer)
            if found is not None:
                yield found

    def feasible(self) -> bool:
        """Whether there is any candidate at all."""
        return next(self.candidates(), None) is not None or next(self.ngc_candidates(), None) is not None

    # -- releases and interpreters ----------------------------------------------------------

    def _host_facts(self) -> Facts:
        facts = {
            "accelerator": Fact("accelerator", "gpu" if self.gpu else "cpu", self._where("accelerator")),
            "platform": Fact("platform", self.platform, self._where("platform")),
        }
        if self.models:
            facts["model"] = Fact("model", tuple(wish.value for wish in self.models), "--model")
        if not self.gpu:
            return facts
        gpus = tuple(w.value for name, w in self.wishes.items() if name.startswith("gpu:"))
        if gpus:
            facts["gpu"] = Fact("gpu", gpus, "--gpu")
        if "driver" in self.wishes:
            facts["driver"] = Fact("driver", self.wishes["driver"].value, self._where("driver"))
        return facts

    def _where(self, name: str) -> str:
        return self.wishes[name].where if name in self.wishes else "not asked for"

    def _releases(self) -> Iterator[Tensorflow]:
        wish = self.wishes.get("tensorflow")
        own = self.base.tensorflow if isinstance(self.base, Image) else None
        tf_keras = self._wants_tf_keras()
        for tensorflow in c.spellings(self.matrix, self.gpu, self.platform, tf_keras, "by-name" in self.wishes):
            release = tensorflow.release
            if wish is None and own is not None:
                if version(release.version) == own:
                    yield tensorflow
            elif wish is None:
                if not release.yanked:
                    yield tensorflow
            elif contains(wish.value, release.version) and (not release.yanked or str(wish.value) == f"=={release.version}"):
                yield tensorflow

    def _wants_tf_keras(self) -> bool:
        """Whether the wish is for tf-keras, for a Keras that no release of Keras 3 is, or for models that Keras 2 loads better."""
        wish = self.wishes.get("keras")
        if wish is None and self.models and "tf-keras" not in self.wishes:
            return prefers_tf_keras(self.matrix, [wish.value for wish in self.models])
        newer = (row.version for row in self.matrix.keras if row.package == "keras" and not row.version.startswith("2."))
        return "tf-keras" in self.wishes or (wish is not None and not any(contains(wish.value, text) for text in newer))

    def _second_tensorflow(self, tensorflow: Tensorflow) -> bool:
        """Whether what is wished for brings the distribution tensorflow into an image for the CPU, which has tensorflow-cpu."""
        return not self.gpu and c.needs_its_name(tensorflow.release.version, self._wants_tf_keras(), "by-name" in self.wishes)

    def _pythons(self, facts: Facts) -> Iterator[Version]:
        """The interpreters to try, newest first; in an image the person named, its own where it has one."""
        wish = self.wishes.get("python")
        image = self.base if isinstance(self.base, Image) else None
        if image is None or image.python is None:
            yield from (version(text) for text in KNOWN_PYTHONS if wish is None or self._wants_python(version(text)))
        elif wish is None or self._wants_python(image.python):
            yield minor(image.python)
        else:
            known = {**facts, "python": Fact("python", image.python, image.reference, image.evidence), "image": _image_fact(image)}
            self._reject("python", known, wish=wish.text)

    def _python_fact(self, python: Version) -> Fact:
        if isinstance(self.base, Image) and self.base.python is not None:
            return Fact("python", python, str(self.base), self.base.evidence)
        return Fact("python", python, self._where("python"))

    def _wants_python(self, python: Version) -> bool:
        """Whether the wish admits *python*; a wish for a patch release admits its minor where no patch is known."""
        wish = self.wishes["python"]
        if contains(wish.value, str(python)) or contains(wish.value, str(minor(python))):
            return True
        precise = self._precise_python()
        return precise is not None and len(python.release) == 2 and minor(version(precise)) == python

    def _right_python(self, python: Version | None, offer: c.Offer) -> bool:
        """Whether what the image really has is what was wished for: an official image must be known to have it."""
        if python is None:
            return offer.recipe != "official"
        vague = len(python.release) == 2 and self._precise_python() is not None and offer.recipe == "official"
        return not vague and self._wants_python(python)

    def _precise_python(self) -> str | None:
        """A patch release of Python, where the wish names one: ``3.11.9``."""
        text = self.wishes["python"].text.strip().removeprefix("==").strip() if "python" in self.wishes else ""
        return text if text.count(".") == 2 and text.replace(".", "").isdigit() else None

    # -- packages and images ----------------------------------------------------------------

    def _complete(self, facts: Facts, tensorflow: Tensorflow, python: Version) -> Iterator[Candidate]:
        """The candidates of one release and interpreter: the best of each recipe."""
        added = self._neighbours(facts, tensorflow, python)
        if added is None:
            return
        facts = {**facts, **added}
        for reason, offers in self._offers(tensorflow, python):
            some = False
            for offer in offers:
                some = True
                found = self._of_offer(facts, tensorflow, python, offer)
                if found is not None:
                    yield found
                    break  # the others of this recipe only rank below it
            if not some:
                image = {"image": _image_fact(self.base)} if isinstance(self.base, Image) else {}
                self._reject(reason, {**facts, **image})

    def _neighbours(self, facts: Facts, tensorflow: Tensorflow, python: Version) -> Mapping[str, Fact] | None:
        """The facts of the packages and the Keras that were wished for, None when some cannot be had."""
        wished = tuple(w for n, w in self.wishes.items() if n in ("keras", "tf-keras") or n.startswith(("package:", "model:")))
        if not wished:
            return {}

        def choose() -> Mapping[str, Fact] | None:
            try:
                chosen = choose_packages(self.matrix, self.wishes, facts, python, self.platform, self._judge)
                for name in ("keras", "tf-keras"):
                    if name in self.wishes:
                        chosen = choose_keras(self.matrix, self.wishes[name], chosen, tensorflow, python, self._judge)
                if self.models and not {"keras", "tf-keras"} & set(self.wishes):
                    legacy = self._wants_tf_keras()
                    chosen = choose_keras_for_models(self.matrix, self.models[0], chosen, tensorflow, python, legacy, self._judge)
            except NoneFits as none:
                for finding in none.rejections:
                    self._report(finding)
                if not none.rejections and not none.name.startswith(
                    "model:"
                ):  # without any Keras for this interpreter there is no TensorFlow either
                    self._reject("package", facts, package=none.name, wish=none.wish.text, platform=self.platform)
                return None
            return {name: fact for name, fact in chosen.items() if name not in facts}

        if self.collect is not None:
            return choose()
        return self.matrix.remember(("neighbours", tensorflow, python, wished, tuple(r.id for r in self.rules)), choose)

    def _offers(self, tensorflow: Tensorflow, python: Version) -> Iterator[tuple[str, Iterator[c.Offer]]]:
        """By recipe: the offers, and what to say where there is none."""
        matrix, precise = self.matrix, self._precise_python()
        if isinstance(self.base, Image) and self.base.tensorflow is not None and self._second_tensorflow(tensorflow):
            yield "by-name-inside", iter(())
            return
        if isinstance(self.base, Image):
            yield "no-cuda-inside", c.custom_offers(matrix, self.base, tensorflow, python, self.gpu)
            return
        if self.base in ("auto", "official") and self._second_tensorflow(tensorflow):
            yield "by-name-inside", iter(())
        elif self.base in ("auto", "official"):
            yield "no-tag", c.official_offers(matrix, tensorflow, self.gpu, "jupyter" in self.wishes)
        if self.base in ("auto", "slim"):
            reason = "no-extra" if c.python_base(matrix, python, precise) else "no-python-image"
            yield reason, c.slim_offers(matrix, tensorflow, python, self.gpu, precise)
        if self.base in ("auto", "cuda") and self.gpu:
            yield "no-cuda-image", c.cuda_offers(matrix, tensorflow, python, self.wishes["cuda"].value if "cuda" in self.wishes else None)
        elif self.base == "cuda":
            yield "no-python-image", c.slim_offers(matrix, tensorflow, python, False, precise)

    def _of_offer(self, facts: Facts, tensorflow: Tensorflow, python: Version, offer: c.Offer) -> Candidate | None:
        """The candidate that *offer* completes, or None when a wish or a rule rejects it."""
        if "cudnn" in self.wishes and offer.parts:
            offer = c.with_cudnn(self.matrix, tensorflow, python, offer, self.wishes["cudnn"].value)
        image = offer.image
        place = (tensorflow, image, str(offer.cuda), str(offer.cudnn))
        if place in self.hopeless:
            return None
        known = _with_offer(facts, offer, self.gpu)
        found = known["python"].value
        if found is not None and minor(found) != python:
            if "python" in self.wishes:
                self._reject("python", known, wish=self.wishes["python"].text)
            return None
        if not self._fits_wishes(known, offer):
            return None
        if self._rejections(known, 4):  # no check of the last step looks at the interpreter
            if self.collect is None:
                self.hopeless.add(place)
            return None
        findings = [f for f in evaluate(self.matrix, Stack(known), self.rules) if f.verdict.outcome != "ok"]
        rejections = [f for f in findings if f.rejects]
        if rejections:  # of an earlier step, which images with a build of their own do not go through
            for finding in rejections:
                self._report(finding)
            return None
        return Candidate(known, tensorflow, known["python"].value or python, offer, tuple(findings))

    def _fits_wishes(self, facts: Facts, offer: c.Offer) -> bool:
        python = facts["python"].value
        if "python" in self.wishes and not self._right_python(python, offer):
            self._reject("python", facts, wish=self.wishes["python"].text)
            return False
        for name in ("cuda", "cudnn"):
            value = getattr(offer, name)
            if self.gpu and name in self.wishes and (value is None or not contains(self.wishes[name].value, str(value))):
                self._reject(name, facts, wish=self.wishes[name].text)
                return False
        return True

    # -- rules ------------------------------------------------------------------------------

    def _judge(self, facts: Mapping[str, Fact], step: str) -> list[Finding]:
        return self._rejections(facts, STEPS[step], report=False)

    def _rejections(self, facts: Mapping[str, Fact], step: int, report: bool = True) -> list[Finding]:
        """What the checks of this step reject: the first of it, or all of it where rejections are collected."""
        found = []
        for rule, check in self.steps[step]:
            if all(name in facts for name in check.needs):
                for finding in run_check(self.matrix, facts, rule, check):
                    if finding.rejects:
                        found.append(finding)
                        if self.collect is None:
                            return found
        if report:
            for finding in found:
                self._report(finding)
        return found

    def _report(self, finding: Finding) -> None:
        if self.collect is not None:
            self.collect(finding)

    def _reject(self, reason: str, facts: Mapping[str, Fact], **values: Any) -> None:
        """A wish that a candidate does not meet, told like a rule's rejection."""
        if self.collect is not None:
            used = tuple(facts[name] for name in ("tensorflow", "python", "image", "cuda", "cudnn") if name in facts)
            self.collect(Finding(WISH_RULES[reason], Verdict("violated", reason, "error", {"platform": self.platform, **values}), used))


@lru_cache(maxsize=16384)
def contains(specifier: SpecifierSet, text: str) -> bool:
    """Whether *specifier* admits the version, pre-releases included."""
    return specifier.contains(version(text), prereleases=True)


def _with_offer(facts: Facts, offer: c.Offer, gpu: bool) -> Facts:
    """The facts that an image brings: its interpreter, C library and, where CUDA is its own, the libraries."""
    image = offer.image
    known = {**facts, "image": _image_fact(image)}
    if image.python is not None and offer.python_from != "uv":
        known["python"] = Fact("python", image.python, image.reference, image.evidence)
    elif image.python is None and offer.recipe != "slim":
        known["python"] = Fact("python", None, image.reference, image.evidence)
    if image.libc is not None or image.tensorflow is not None:
        known["libc"] = Fact("libc", image.libc, image.reference, image.evidence)
    if gpu:
        known["cuda"] = Fact("cuda", offer.cuda, offer.cuda_where, offer.cuda_evidence)
        known["cudnn"] = Fact("cudnn", offer.cudnn, offer.cuda_where, offer.cuda_evidence)
    return known


def _image_fact(image: Image) -> Fact:
    return Fact("image", image, image.reference, image.evidence)


def _evidence(tensorflow: Tensorflow) -> tuple[str, ...]:
    build = tensorflow.build
    return tuple(build.evidence.get("*", ())) if build else ()
