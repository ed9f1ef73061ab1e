"""Evaluates the rulebook between the things that the page lets people pick. What a rule means is written in the rule alone.

Each check belongs to the axes that its facts are on: the release, the offer (an image with its CUDA), the GPU, the driver,
the interpreter, Keras. One over axes that the page has no table for is refused when the page is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfcompat.drivers import driver_range
from tfcompat.outputs.page.ledger import GPU, IMAGE, OTHER_GPU
from tfcompat.rules import RULES, Finding
from tfcompat.stack import Fact, Image

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from packaging.version import Version

    from tfcompat.matrix.gpus import GpuTarget
    from tfcompat.matrix.matrix import Matrix
    from tfcompat.outputs.page.ledger import Ledger
    from tfcompat.resolver.search import Candidate
    from tfcompat.rules import Check, Rule
    from tfcompat.stack import Tensorflow

__all__ = ["Relations", "checks_by_axes"]

_AXES = {
    "accelerator": "release", "platform": "release", "tensorflow": "release", "python": "python",
    "image": "offer", "libc": "offer", "cuda": "offer", "cudnn": "offer",
    "gpu": "gpu", "driver": "driver",
}  # fmt: skip
_WHOLE = {"release", "python", "offer"}  # judged candidate by candidate
_ELSEWHERE = "elsewhere"  # Keras has a module of its own; of packages and model files the page knows nothing
_TABLES = ("release gpu", "release gpu driver", "gpu driver", "offer gpu", "offer gpu driver", "release offer gpu")


def checks_by_axes(rules: Iterable[Rule] = RULES) -> dict[str, list[tuple[Rule, Check]]]:
    """The checks that a GPU or a driver has a part in, by their axes. Raises :class:`ValueError` for one without a table."""
    tables: dict[frozenset[str], str] = {frozenset(axes.split()): axes for axes in _TABLES}
    found: dict[str, list[tuple[Rule, Check]]] = {axes: [] for axes in _TABLES}
    for rule in rules:
        for check in rule.checks:
            axes = frozenset(_AXES.get(name, _ELSEWHERE) for name in (*check.needs, *check.optional))
            if axes <= _WHOLE or any(name not in _AXES for name in check.needs):
                continue
            if axes not in tables:
                raise ValueError(f"{rule.id}: the page has no table for what lies between {', '.join(sorted(axes))}")
            found[tables[axes]].append((rule, check))
    return found


class Relations:
    """The tables, each made when first asked for. ``gpus`` and ``drivers`` are one of each class."""

    def __init__(self, matrix: Matrix, ledger: Ledger, gpus: Sequence[GpuTarget], drivers: Sequence[Version]) -> None:
        self.matrix = matrix
        self.ledger = ledger
        self.gpus = gpus
        self.drivers = drivers
        self.capabilities = sorted({gpu.capability for gpu in gpus}, reverse=True)
        self._checks = checks_by_axes()
        self._made: dict[Hashable, int] = {}
        self._said: dict[Hashable, int] = {}
        self._groups: dict[Hashable, dict[int, list[int]]] = {}

    def gpu_driver(self) -> int:
        """What a driver says to a GPU: a grid, a row of GPUs for each driver."""
        return self._grid("gpu driver", {}, self.gpus)

    def of_release(self, tensorflow: Tensorflow) -> tuple[int, int]:
        """What a release says to a GPU (a row), and to a GPU with a driver (a grid)."""
        values = {"tensorflow": tensorflow}
        row = self._once(("release gpu", tensorflow), lambda: self._row("release gpu", values, self.gpus))
        key = ("release driver", *_compiled(tensorflow))
        return row, self._once(key, lambda: self._grid("release gpu driver", values, self.gpus))

    def of_offer(self, candidate: Candidate) -> tuple[int, int]:
        """What an image with its CUDA says to a GPU (a row), and to a driver: a grid whose rows begin with no GPU at all."""
        values = _offered(candidate)
        if "cuda" not in values:
            return 0, 0
        image, cuda, cudnn = values["image"], str(values["cuda"]), str(values["cudnn"])
        row = self._once(("offer gpu", image, cuda, cudnn), lambda: self._row("offer gpu", values, self.gpus))
        asked = {**values, "image": _asks_of_drivers(image)}
        return row, self._once(("offer driver", cuda, *_requirements(asked["image"])), lambda: self._offer_driver(asked))

    def _offer_driver(self, values: Mapping[str, Any]) -> int:
        return self._grid("offer gpu driver", values, (None, *self.gpus))

    def of_both(self, candidate: Candidate) -> tuple[int, int]:
        """What a release in an image says to pairs of compute capabilities (a grid), and the driver each needs (a row).

        The row begins with no GPU at all.
        """
        values = {"tensorflow": candidate.tensorflow, **_offered(candidate)}
        if "cuda" not in values:
            return 0, 0
        key = (*_compiled(candidate.tensorflow), str(values["cuda"]), values["image"].driver_minimum)
        pairs = self._once(("pairs", *key), lambda: self._pairs(values))
        return pairs, self._once(("needs", *key), lambda: self._needs(values))

    def _pairs(self, values: Mapping[str, Any]) -> int:
        rows = []
        for one in self._of_capabilities(GPU):
            others = [other for other in self._of_capabilities(OTHER_GPU) if other.capability <= one.capability]
            groups = [(one, other) if other.capability != one.capability else (one,) for other in others]
            cells = [self._cell("release offer gpu", values, *(_Watched(gpu, set()) for gpu in group)) for group in groups]
            none = [0] * (len(self.capabilities) - len(cells))
            rows.append(self.ledger.row([*none, *(self.ledger.number("set", cell) for cell in cells)]))
        return self.ledger.number("pairs", tuple(rows))

    def _needs(self, values: Mapping[str, Any]) -> int:
        tensorflow, image = values["tensorflow"], values["image"]
        cells = []
        for gpus in ((), *((gpu,) for gpu in self._of_capabilities(GPU))):
            floor, last = driver_range(self.matrix, tensorflow.build, values["cuda"], image, gpus)
            cells.append(self.ledger.number("need", (floor.release if floor else None, last)))
        return self.ledger.row(cells)

    def _of_capabilities(self, name: str) -> list[GpuTarget]:
        by_capability = {gpu.capability: gpu for gpu in self.gpus}
        return [by_capability[c]._replace(name=name) for c in self.capabilities]

    # -- cells ------------------------------------------------------------------------------

    def _once(self, key: Hashable, make: Callable[[], int]) -> int:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _row(self, axes: str, values: Mapping[str, Any], gpus: Sequence[GpuTarget | None]) -> int:
        """A set for each GPU. GPUs that are the same in all that was looked at are judged once."""
        cells: dict[int, int] = {}
        for number, gpu in enumerate(gpus):
            if number in cells:
                continue
            read: set[str] = set()
            cell = self.ledger.number("set", self._cell(axes, values, _Watched(gpu, read) if gpu else None))
            cells.update(dict.fromkeys(self._alike(gpus, number, tuple(sorted(read))), cell))
        return self.ledger.row([cells[number] for number in range(len(gpus))])

    def _grid(self, axes: str, values: Mapping[str, Any], gpus: Sequence[GpuTarget | None]) -> int:
        return self.ledger.grid([self._row(axes, {**values, "driver": driver}, gpus) for driver in self.drivers])

    def _alike(self, gpus: Sequence[GpuTarget | None], number: int, read: tuple[str, ...]) -> list[int]:
        """The numbers of the GPUs that agree with one of them in the fields that were read."""
        if gpus[number] is None:
            return [number]
        key = (len(gpus), read)
        if key not in self._groups:
            groups: dict[tuple[Any, ...], list[int]] = {}
            for other, gpu in enumerate(gpus):
                if gpu is not None:
                    groups.setdefault(tuple(getattr(gpu, name) for name in read), []).append(other)
            self._groups[key] = {one: members for members in groups.values() for one in members}
        return self._groups[key][number]

    def _cell(self, axes: str, values: Mapping[str, Any], *gpus: Any) -> tuple[int, ...]:
        """The numbers of what the checks over *axes* find of these values and GPUs; a check for each GPU gets the first."""
        targets = tuple(gpu for gpu in gpus if gpu is not None)
        found: list[int] = []
        for rule, check in self._checks[axes]:
            if "gpu" in check.needs and not targets:
                continue
            needed = [targets[0] if name == "gpu" else values[name] for name in check.needs]
            others = [(targets or None) if name == "gpu" else values.get(name) for name in check.optional]
            verdict = check.judge(self.matrix, *needed, *others)
            if verdict is None or verdict.outcome == "ok":
                continue
            spoken = [str(v) for name, v in zip(check.needs, needed, strict=True) if name not in ("gpu", "driver", "tensorflow")]
            key = (rule.id, *verdict[:3], *verdict.values.values(), verdict.evidence, *spoken, len(targets))
            if key not in self._said:
                used = dict(zip((*check.needs, *check.optional), (*needed, *others), strict=True))
                facts = tuple(Fact(name, gpus[0].plain if name == "gpu" else v, "") for name, v in used.items() if v or name in check.needs)
                self._said[key] = self.ledger.finding(Finding(rule, verdict, facts))
            found.append(self._said[key])
        return tuple(found)


def _offered(candidate: Candidate) -> dict[str, Any]:
    return {name: candidate.facts[name].value for name in ("image", "cuda", "cudnn") if name in candidate.facts}


def _compiled(tensorflow: Tensorflow) -> tuple[Hashable, ...]:
    """All of a release that matters beside a driver: what its wheel is compiled for."""
    build = tensorflow.build
    return (build.kind, build.cuda, build.cudnn, build.compute_capabilities) if build else ()


def _requirements(image: Image) -> tuple[Hashable, ...]:
    return image.require, image.require_known, image.compat, image.driver_minimum, image.driver_branches


def _asks_of_drivers(image: Image) -> Image:
    """All of an image that matters to a driver: what it requires. The page knows its name and its evidence."""
    require, require_known, compat, minimum, branches = (
        image.require,
        image.require_known,
        image.compat,
        image.driver_minimum,
        image.driver_branches,
    )
    return Image(IMAGE, "", require=require, require_known=require_known, compat=compat, driver_minimum=minimum, driver_branches=branches)


class _Watched:
    """A GPU that writes down which of its fields a rule reads."""

    def __init__(self, gpu: GpuTarget, read: set[str]) -> None:
        self.plain = gpu
        self.read = read

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.plain, name)

    def __str__(self) -> str:
        self.read.add("name")
        return str(self.plain)
