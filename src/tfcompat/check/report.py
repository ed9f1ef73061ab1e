"""The third door: facts of a running environment, judged by the rules, by what was seen, and by its own log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tfcompat.check.diagnosis import Diagnosis
from tfcompat.check.driver import assumed_cpu, expects_gpu, look_at_driver
from tfcompat.check.expectations import unmet
from tfcompat.check.keras import look_at_keras
from tfcompat.check.libraries import look_at_libraries, look_at_runtime
from tfcompat.check.link import LINKS, Link
from tfcompat.check.log import explained, known_lines, last_lines
from tfcompat.check.observed import observe, stack_of
from tfcompat.check.remedies import fitted, last_resort, remedy_of
from tfcompat.check.smoke import gpus_that_computed, look_at_smoke, passed, slow_start
from tfcompat.check.tensorflow import look_at_tensorflow
from tfcompat.facts import Unavailable
from tfcompat.matrix.gpus import GpuTarget
from tfcompat.prose import summary
from tfcompat.rules import RULES, Finding, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tfcompat.check.expectations import Expectation
    from tfcompat.check.observed import Observed
    from tfcompat.facts import Facts
    from tfcompat.matrix import Matrix
    from tfcompat.signatures import Match, Signature

__all__ = ["Report", "check_facts"]

# Where a rule's finding belongs in the chain. Rules about a tag, or about starting a container, say nothing of one that runs.
RULE_LINKS: Mapping[str, str] = {
    "gpu-known-to-driver": "driver",
    "driver-minimum": "driver",
    "driver-ptx-jit": "driver",
    "cuda-runtime": "runtime",
    "gpu-known-to-toolkit": "runtime",
    "cudnn-runtime": "libraries",
    "platform-has-wheel": "tensorflow",
    "python-has-wheel": "tensorflow",
    "wheel-has-cuda": "tensorflow",
    "arm64-cuda": "tensorflow",
    "gpu-architecture": "tensorflow",
    "package-range": "tensorflow",
    "numpy-abi": "tensorflow",
    "keras-range": "keras",
    "keras-legacy": "keras",
}
_OUTSIDE = ("driver", "runtime", "libraries")  # links that are looked at from outside of TensorFlow
_WORKS = "it works here all the same"
_IMPORT_RULES = ("platform-has-wheel", "python-has-wheel", "package-range", "numpy-abi")  # an import that succeeds refutes them


class Report(NamedTuple):
    """``verdict``: ``ok`` when the smoke test ran where it was promised, ``broken`` when a link is, else ``unknown``.

    ``matches`` are the log lines that the catalogue knows, ``log`` the last ones that are not known to be harmless.
    """

    verdict: Literal["ok", "broken", "unknown"]
    expected: Literal["gpu", "cpu"]
    chain: tuple[Link, ...]
    observed: Observed
    matches: tuple[Match, ...]
    log: tuple[str, ...]
    document: Mapping[str, Any]

    @property
    def failing(self) -> Link | None:
        """The first link that is broken, or else the first that is unknown; None where every link holds."""
        bad = [link for link in self.chain if link.status == "broken"] or [link for link in self.chain if link.status == "unknown"]
        return bad[0] if bad else None

    @property
    def findings(self) -> tuple[Diagnosis, ...]:
        """Everything there is to say, along the chain; a sentence once."""
        return tuple(dict.fromkeys(d for link in self.chain for d in link.diagnoses))


def check_facts(
    facts: Facts,
    document: Mapping[str, Any],
    matrix: Matrix,
    signatures: Sequence[Signature],
    expect: Literal["gpu", "cpu", "auto"] = "auto",
    expectations: Sequence[Expectation] = (),
) -> Report:
    """Judge *facts* (and keep the *document* they were read from).

    *expect*: ``auto`` expects what the probe was told to expect, and else a GPU where a device node or a driver is seen. *expectations* are what else it has to be.
    """
    if expect == "auto":
        expect = facts.asked.expect  # what the probe was told
    gpu = expect == "gpu" or (expect == "auto" and expects_gpu(facts))
    seen = observe(facts, matrix, gpu)
    works = passed(seen)
    matches = known_lines(seen, signatures)
    added: dict[str, list[Diagnosis]] = {name: [] for name in LINKS}
    for finding in evaluate(matrix, stack_of(seen), [rule for rule in RULES if rule.id in RULE_LINKS]):
        added[RULE_LINKS[finding.rule.id]] += _of_rule(finding, seen, _proof(finding, seen, works))
    if expect == "auto" and not gpu:
        added["driver"].append(assumed_cpu(facts))
    for link, diagnosis in unmet(seen, expectations):
        added[link].append(diagnosis)
    chain = tuple(_finished(link, seen) for link in explained(tuple(_chain(seen, added, works)), matches))
    statuses = {link.status for link in chain}
    verdict: Literal["ok", "broken", "unknown"] = (
        "broken" if "broken" in statuses else "unknown" if "unknown" in statuses or not works else "ok"
    )
    return Report(verdict, "gpu" if gpu else "cpu", chain, seen, matches, last_lines(seen, signatures), document)


def _chain(seen: Observed, added: Mapping[str, Sequence[Diagnosis]], works: bool) -> Iterator[Link]:
    """The links in order, each with what was seen and then with what the rules say. One is not blamed for what follows from another."""
    whole = True
    for name in LINKS:
        link = _look(name, seen, whole)
        if works:
            link = link._replace(
                diagnoses=tuple(_refuted(d) if name in _OUTSIDE or d.rule == "build-unknown" else d for d in link.diagnoses)
            )
        more = [d for d in added[name] if not link.skipped or d.severity != "unknown" or d.rule not in RULE_LINKS]
        link = link._replace(diagnoses=(*link.diagnoses, *more))
        whole = whole and link.status != "broken"
        yield link


def _look(name: str, seen: Observed, whole: bool) -> Link:
    if name == "tensorflow":
        return look_at_tensorflow(seen, whole)
    if name == "smoke test":
        return look_at_smoke(seen, whole)
    looks = {"driver": look_at_driver, "runtime": look_at_runtime, "libraries": look_at_libraries, "keras": look_at_keras}
    return looks[name](seen)


def _refuted(diagnosis: Diagnosis) -> Diagnosis:
    """What was seen from outside, where the computation itself came out right."""
    if diagnosis.severity not in ("error", "unknown"):
        return diagnosis
    return diagnosis._replace(severity="warning", message=f"{diagnosis.message}; {_WORKS}")


def _finished(link: Link, seen: Observed) -> Link:
    """The link with remedies for this very environment, and with the last resort where it is broken and has none."""
    diagnoses = [d._replace(fix=fitted(d.fix, seen)) for d in link.diagnoses]
    index = next((i for i, d in enumerate(diagnoses) if d.severity == "error"), None)
    if index is not None and not link.fix and not any(d.rule == "not-as-expected" for d in diagnoses):
        diagnoses[index] = diagnoses[index]._replace(fix=f"take an image and pins that are known to go together: {last_resort(seen)}")
    return link._replace(diagnoses=tuple(diagnoses))


def _proof(finding: Finding, seen: Observed, works: bool) -> str:
    """What was seen to work although the rule says that it cannot; empty where nothing was.

    A finding about one GPU is refuted by a computation on a GPU of that capability alone; where one GPU is enough, another may do.
    """
    tried = seen.facts.tensorflow
    about = [fact.value for fact in finding.facts if fact.name == "gpu" and isinstance(fact.value, GpuTarget)]
    capabilities = {gpu.capability for gpu in gpus_that_computed(seen)}
    if works and all(gpu.capability in capabilities for gpu in about):
        return _WORKS
    if works and not seen.facts.asked.all_gpus:
        return "another GPU computes here"
    if finding.rule.id in _IMPORT_RULES and not isinstance(tried, Unavailable) and tried.version is not None:
        return "it imports here all the same"
    return ""


def _of_rule(finding: Finding, seen: Observed, proof: str) -> list[Diagnosis]:
    """What a rule found. Where there is *proof* to the contrary, that is the stronger evidence: the rule then warns, and doubts are settled."""
    verdict = finding.verdict
    if verdict.outcome == "ok" or (verdict.outcome == "unknown" and proof):
        return []
    said, fix = summary([finding]), remedy_of(finding, seen)
    if verdict.outcome == "unknown":
        return [Diagnosis(finding.rule.id, "unknown", said, fix)]
    if finding.rejects and proof:
        return [Diagnosis(finding.rule.id, "warning", f"{said}; {proof}", fix)]
    if verdict.reason == "jit" and proof and not slow_start(seen):
        return [Diagnosis(finding.rule.id, "note", f"{said}; it did not show here", fix)]
    return [Diagnosis(finding.rule.id, verdict.severity, said, fix)]
