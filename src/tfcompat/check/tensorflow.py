"""The fourth link: is TensorFlow installed whole, does it import, and does it list what is expected?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tfcompat.check.diagnosis import Diagnosis, diagnose
from tfcompat.check.link import Link
from tfcompat.check.observed import NAMES, PARTS, version_of
from tfcompat.facts import Unavailable, known, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tfcompat.check.observed import Observed
    from tfcompat.facts import Distribution, Error, Facts, Tensorflow

__all__ = ["died", "look_at_tensorflow", "reached"]

_BEFORE_SMOKE = ("", "import", "devices", "keras")  # stages of the probe
_SHOWN = 3
_MATTERS = (*NAMES, *PARTS, "keras", "tf-keras", "numpy", "protobuf", "h5py", "ml-dtypes")
_KILLED = "look for an out-of-memory kill in dmesg on the host, and for whoever else ends processes there; give the container more memory"
_LOADERS = re.compile(r"(\w*Error: )?\S+\.so(\.[\d.]+)?: ")
_NO_MEMORY = re.compile(r"Cannot allocate memory$|failed to map segment from shared object$", re.M)
_RAISED = re.compile(r"(\w+\.)*\w*(Error|Exception|Warning): ")
_EXPLAIN = ("shadowed", "file-truncated", "files-missing", "two-tensorflows")  # why an import fails


def look_at_tensorflow(seen: Observed, whole_so_far: bool) -> Link:
    """*whole_so_far*: no link before this one is broken, so that a missing GPU is TensorFlow's own affair."""
    tried = seen.facts.tensorflow
    shown = {seen.tensorflow.release.package: seen.tensorflow.release.version} if seen.tensorflow else {}
    if seen.python is not None:
        shown["python"] = str(seen.python)
    if not isinstance(tried, Unavailable) and tried.import_seconds is not None and tried.version is not None:
        shown["import"] = f"{tried.import_seconds:.1f} s"
    if not isinstance(tried, Unavailable) and tried.devices is not None and seen.gpu:
        shown["lists"] = f"{len(tried.devices)} GPU" + ("s" if len(tried.devices) != 1 else "")
    attempt = tuple(_attempt(seen, whole_so_far))
    failed = not isinstance(tried, Unavailable) and tried.version is None and any(d.severity == "error" for d in attempt)
    causes = sorted(_installation(seen), key=lambda d: d.rule not in _EXPLAIN)  # the sort is stable
    return Link("tensorflow", shown, (*attempt, *(_blamed(d) if failed else d for d in causes)))


def _blamed(diagnosis: Diagnosis) -> Diagnosis:
    """What is odd about an installation explains why it cannot be imported."""
    return diagnosis._replace(severity="error") if diagnosis.rule in _EXPLAIN else diagnosis


def _attempt(seen: Observed, whole_so_far: bool) -> Iterator[Diagnosis]:
    """How the import went."""
    tried = seen.facts.tensorflow
    modules = getattr(seen.facts.distributions, "modules", {})
    if modules.get("tensorflow", "x") is None and (isinstance(tried, Unavailable) or tried.version is None):
        rule = "tensorflow-missing" if _looks_into_site(seen.facts) else "no-site-packages"
        yield diagnose(rule, python=_executable(seen.facts), advice="'tensorflow[and-cuda]'" if seen.gpu else "tensorflow")
    elif isinstance(tried, Unavailable):
        yield diagnose("not-started" if why(tried).startswith("no process could be started") else "not-probed", why=why(tried))
    elif tried.version is None and _hollow(tried, modules):
        yield _half_removed(seen)
    elif tried.stage in _BEFORE_SMOKE and (failure := died(seen.facts, tried)) is not None:
        yield failure
    elif tried.error is not None and tried.stage in _BEFORE_SMOKE:
        yield diagnose(
            _failed_import(tried.error, tried.stage), error=f"{tried.error.type}: {_telling_line(tried.error.message)}".removesuffix(": ")
        )
    elif seen.gpu and whole_so_far and tried.devices == () and (seen.build is None or seen.build.kind != "cpu"):
        yield diagnose("no-gpu-listed")
    elif seen.gpu and tried.devices and len(tried.devices) < len(seen.facts.driver.libcuda.devices):
        count, listed = len(seen.facts.driver.libcuda.devices), len(tried.devices)
        missing = diagnose("fewer-gpus-listed", count=count, listed=listed)
        yield missing._replace(severity="error") if seen.facts.asked.all_gpus else missing
    if not isinstance(seen.facts.wheel, Unavailable) and "unavailable" in seen.facts.wheel.build and seen.gpu:
        yield diagnose("build-unknown", why=seen.facts.wheel.build["unavailable"])


def _hollow(tried: Tensorflow, modules: dict[str, object]) -> bool:
    """A folder without __init__.py, or one whose code is so incomplete that the module has no version."""
    if any(path.rpartition("/")[2] == "tensorflow.py" for path in tried.from_working_directory):
        return False  # another's code
    missing = tried.error is not None and tried.error.type == "AttributeError" and "__version__" in tried.error.message
    return modules.get("tensorflow") == "" or missing


def _half_removed(seen: Observed) -> Diagnosis:
    installed = seen.installed
    folder = f"{installed.folder}/tensorflow" if installed else "the folder tensorflow in site-packages"
    version = (known(installed.version) if installed else None) or "VERSION"
    return diagnose("tensorflow-half-removed", names=installed.name if installed else "tensorflow", folder=folder, version=version)


def reached(tried: Tensorflow, stage: str) -> bool:
    """Whether TensorFlow came as far as *stage* (``keras``, or any other for the smoke test)."""
    before = _BEFORE_SMOKE[: _BEFORE_SMOKE.index(stage)] if stage in _BEFORE_SMOKE else _BEFORE_SMOKE
    return tried.version is not None and (tried.stage not in before or (tried.error is None and tried.ended.how == "done"))


def died(facts: Facts, tried: Tensorflow) -> Diagnosis | None:
    """How the process came to its end, when that was not its own doing; None where it was."""
    ended = tried.ended
    stage = f"during {tried.stage}" if tried.stage else "at its start"
    if ended.how == "done":
        return None
    if ended.how == "hung":
        return diagnose("hung", stage=stage, limit=f"{ended.limit:g}")
    if ended.how == "signal" and ended.signal == "SIGILL":
        return _illegal_instruction(facts)
    if (
        ended.how == "signal"
        and ended.signal == "SIGKILL"
        and not isinstance(tried.out_of_memory_kills, Unavailable)
        and tried.out_of_memory_kills
    ):
        container = known(facts.container)
        limit = known(container.memory_limit) if container else None
        return diagnose("out-of-memory", stage=stage, limit=f"{limit >> 20} MiB" if limit else "the machine has")
    how = f"was ended by {ended.signal}" if ended.how == "signal" else f"exited with {ended.code}"
    return diagnose("died", stage=stage, why=how, advice=_KILLED if ended.signal == "SIGKILL" else "")


def _illegal_instruction(facts: Facts) -> Diagnosis:
    machine = known(facts.platform)
    cpu = known(machine.cpu) if machine else None
    name = (known(cpu.model) if cpu else None) or "of unknown model"
    return diagnose("no-avx" if cpu is not None and cpu.avx is False else "illegal-instruction", cpu=name)


def _telling_line(text: str) -> str:
    """The line of a message that says what is wrong: the loader's, of a traceback in it the error, else the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    loaders = [line for line in lines if _LOADERS.match(line)]
    if loaders:
        return loaders[-1]
    if lines[:1] == ["Traceback (most recent call last):"]:
        return next((line for line in reversed(lines) if _RAISED.match(line)), lines[-1])
    return lines[0] if lines else ""


def _failed_import(error: Error, stage: str) -> str:
    """The diagnosis of an import, or of what came before the smoke test, that an exception ended."""
    if error.type == "MemoryError" or _NO_MEMORY.search(error.message):
        return "memory-refused"
    if stage == "devices":
        return "devices-failed"
    return "no-temporary-folder" if "No usable temporary directory" in error.message else "import-failed"


def _looks_into_site(facts: Facts) -> bool:
    interpreter = known(facts.interpreter)
    return interpreter is None or known(interpreter.site) is not False


def _executable(facts: Facts) -> str:
    interpreter = known(facts.interpreter)
    return (known(interpreter.executable) if interpreter else None) or "this interpreter"


def _installation(seen: Observed) -> Iterator[Diagnosis]:
    """What metadata and files say."""
    if isinstance(seen.facts.distributions, Unavailable):
        return
    rows = seen.facts.distributions.installed
    leftovers = [path for path in seen.facts.distributions.leftovers if "ensorflow" in path or "eras" in path or "umpy" in path]
    names = [d.name for d in rows if d.name in NAMES]
    if len(set(names)) > 1:
        yield diagnose("two-tensorflows", names=tuple(sorted(set(names))))
    for name in dict.fromkeys(d.name for d in rows if d.name in _MATTERS):
        versions = tuple(dict.fromkeys(version for d in rows if d.name == name and (version := known(d.version))))
        if len(versions) > 1:
            yield diagnose("duplicate", name=name, versions=" and ".join(versions), version=versions[0])
    for row in rows:
        yield from _row(row)
    if leftovers:
        yield diagnose("leftovers", paths=tuple(leftovers[:_SHOWN]))
    yield from _code(seen)


def _row(row: Distribution) -> Iterator[Diagnosis]:
    if isinstance(row.version, Unavailable):
        if row.name in _MATTERS:
            yield diagnose("metadata-broken", name=row.name, why=row.version.unavailable)
        return
    files = known(row.files)
    if files is not None and files.missing:
        first = files.first_missing[0] if files.first_missing else "(not named)"
        yield diagnose("files-missing", missing=files.missing, count=files.count, name=row.name, first=first, version=row.version)
    for cut in files.truncated[:1] if files else ():
        yield diagnose("file-truncated", path=cut.path, name=row.name, actual=cut.actual, recorded=cut.recorded, version=row.version)


def _code(seen: Observed) -> Iterator[Diagnosis]:
    """What was imported against what is installed."""
    tried = seen.facts.tensorflow
    if isinstance(tried, Unavailable):
        return
    if tried.from_working_directory:
        yield diagnose("shadowed", paths=", ".join(tried.from_working_directory[:_SHOWN]))
    installed = known(seen.installed.version) if seen.installed else None
    if seen.installed and installed and tried.version and not _same(installed, tried.version):
        yield diagnose("version-differs", installed=installed, imported=tried.version, name=seen.installed.name, version=installed)


def _same(left: str, right: str) -> bool:
    """Whether two spellings are of one code: 2.16.0-rc0 is 2.16.0rc0, and a post release or a local part changes none."""
    one, other = version_of(left), version_of(right)
    if one is None or other is None:
        return left == right
    return (one.release, one.pre, one.dev) == (other.release, other.pre, other.dev)
