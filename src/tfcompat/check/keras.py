"""The fifth link: what stands behind tf.keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.check.tensorflow import died, reached
from tfcompat.facts import Unavailable, known, why
from tfcompat.platforms import PLATFORMS
from tfcompat.requirements import specifier_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.check.observed import Observed

__all__ = ["look_at_keras"]

_NAMES = {"keras": "Keras", "tf_keras": "tf-keras", "tensorflow": "Keras of TensorFlow"}
_KERAS_3 = Version("2.16")


def look_at_keras(seen: Observed) -> Link:
    """Rules on Keras versions are added by the report."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable) or not reached(tried, "keras"):
        return Link("keras", {}, skipped="TensorFlow did not get so far")
    keras = known(tried.keras)
    if keras is None:
        return Link("keras", {}, tuple(_missing(seen)))
    shown = {_NAMES.get(keras.module, keras.module): known(keras.version) or "of unknown version"}
    if keras.backend in ("", "tensorflow"):
        return Link("keras", shown)
    backend = diagnose("keras-backend", backend=keras.backend)
    failed = any(step.step == "training" and step.outcome == "failed" for step in tried.smoke)
    return Link("keras", shown, (backend._replace(severity="error") if failed else backend,))


def _missing(seen: Observed) -> Iterator[Diagnosis]:
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable):
        return
    if tried.stage == "keras" and (failure := died(seen.facts, tried)) is not None:
        yield failure
    else:
        if others := [path for path in tried.from_working_directory if path.rpartition("/")[2] in ("keras.py", "tf_keras.py")]:
            yield diagnose("shadowed", paths=", ".join(others))._replace(severity="error")
        backend = seen.facts.environment.get("KERAS_BACKEND", "tensorflow")
        if backend != "tensorflow":
            yield diagnose("keras-backend-missing", backend=backend, why=why(tried.keras))
            return
        yield diagnose("keras-missing", why=why(tried.keras), requirement=_requirement(seen))


def _requirement(seen: Observed) -> str:
    """What would bring it: tf-keras where the variable asks for that, else the range that TensorFlow names."""
    if seen.tensorflow is None or seen.platform not in PLATFORMS:
        return "keras"
    version = Version(seen.tensorflow.release.version)
    if seen.facts.environment.get("TF_USE_LEGACY_KERAS") in ("1", "true", "True") and version >= _KERAS_3:
        return f"tf-keras~={version.major}.{version.minor}.0"
    allowed = specifier_of(seen.tensorflow, "keras", seen.python)
    return f"keras{allowed}" if allowed else "keras"
