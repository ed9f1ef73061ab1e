"""Imports point down, and the core touches nothing outside itself."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[1] / "src" / "tfcompat"
MODULES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}

# Lowest first; a layer may import itself and what stands before it. requirements_file makes the resolver's
# PackageLine, so it stands above the resolver, and the outputs begin with the header that it knows.
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "errors",
        "versions reference",
        "platforms tags signatures",
        "matrix",
        "models",
        "stack",
        "architectures",
        "images requirements drivers contents",
        "pins",
        "dependents",
        "rules",
        "prose",
        "resolver",
        "inspection drift",
        "facts",
        "check",
        "requirement_lines",
        "requirements_file",
        "gate",
        "outputs",
        "cli __main__ __init__",
    )
)
EDGES = {
    "files": {"errors", "files"},
    "pypi": {"errors", "platforms", "pypi"},
    "refresh": {"errors", "versions", "matrix", "pypi", "refresh"},
    "registry": {"errors", "reference", "registry", "__init__"},
    "sightings": {"errors", "reference", "matrix", "images", "registry", "sightings"},
    "installers": {"errors", "installers"},
    "model_files": {"errors", "models", "model_files"},
    "join": {"errors", "platforms", "matrix", "prose", "resolver", "requirements_file", "installers", "join"},
    "online": {
        "errors",
        "versions",
        "reference",
        "platforms",
        "stack",
        "matrix",
        "images",
        "resolver",
        "inspection",
        "registry",
        "sightings",
        "online",
    },
    "verification": {"errors", "reference", "stack", "matrix", "images", "drift", "registry", "sightings", "verification"},
    "probe": {"probe"},
    "probing": {"errors", "probing"},
    "worktree": {"errors", "gate", "worktree"},
    "snapshot": {"errors", "reference", "matrix", "images", "contents", "drift", "refresh", "registry", "sightings", "snapshot"},
}
OUTSIDE = (
    "cli.",
    "pypi.",
    "registry.",
    "files",
    "installers",
    "join.",
    "model_files",
    "refresh",
    "sightings",
    "online",
    "verification",
    "snapshot",
    "probe",
    "probing",
    "worktree",
    "matrix.load",
    "matrix.compile",
    "matrix.catalogue",
    "requirements_file",
    "__main__",
)
# what reads or changes the world: the standard library's doors to it, and clients of the network
FORBIDDEN_IMPORTS = {
    "os", "io", "sys", "socket", "ssl", "http", "subprocess", "shutil", "tempfile", "glob", "time", "datetime",
    "random", "logging", "requests", "urllib3", "threading", "multiprocessing", "asyncio", "importlib.resources", "urllib.request",
}  # fmt: skip
FORBIDDEN_CALLS = {"print", "open", "input", "exec", "eval", "breakpoint"}
FORBIDDEN_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "getenv", "unlink", "mkdir", "iterdir"}


def layer_of(module: str) -> str:
    return module.partition(".")[0]


def rank(layer: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if layer in names)


def imports(module: str) -> Iterator[str]:
    """Every module that *module* imports anywhere, under an ``if TYPE_CHECKING`` and inside functions as well."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield node.module or ""
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}.{alias.name}".removeprefix("tfcompat.") in MODULES
            )


def own_imports(module: str) -> set[str]:
    """The layers of this package that *module* imports; ``tfcompat`` alone gives the version number."""
    return {layer_of(name.removeprefix("tfcompat.")) for name in imports(module) if name.startswith("tfcompat.")}


def is_outside(module: str) -> bool:
    return any(module == name or (name.endswith(".") and module.startswith(name)) for name in OUTSIDE)


INNER = [m for m in MODULES if layer_of(m) not in EDGES]
CORE = [m for m in MODULES if not is_outside(m)]


def test_every_module_stands_in_exactly_one_layer() -> None:
    known = [name for names in LAYERS for name in names] + list(EDGES)
    assert len(known) == len(set(known))
    assert {layer_of(m) for m in MODULES} <= set(known)


@pytest.mark.parametrize("module", [m for m in INNER if layer_of(m) not in ("cli", "__init__")])
def test_imports_point_down(module: str) -> None:
    above = {name for name in own_imports(module) if name in EDGES or rank(name) > rank(layer_of(module))}
    assert not above


@pytest.mark.parametrize("module", [m for m in INNER if layer_of(m) not in ("cli", "__init__")])
def test_modules_of_one_layer_import_only_their_own_package(module: str) -> None:
    beside = {n for n in own_imports(module) - {layer_of(module)} if n not in EDGES and rank(n) == rank(layer_of(module))}
    assert not beside - ({"cli"} if module == "__main__" else set()) or module == "__init__"


@pytest.mark.parametrize("module", [m for m in MODULES if layer_of(m) in EDGES])
def test_the_edges_know_only_what_stands_below_them(module: str) -> None:
    assert own_imports(module) <= EDGES[layer_of(module)]


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("rules.") and m not in ("rules.__init__",)])
def test_one_rule_does_not_know_another(module: str) -> None:
    shared = {"rules.rule", "rules.evaluate"}
    siblings = {n.removeprefix("tfcompat.") for n in imports(module) if n.startswith("tfcompat.rules.")}
    assert {s for s in siblings if s in MODULES} <= shared


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_no_door_to_the_outside(module: str) -> None:
    found = {name for name in imports(module) for forbidden in FORBIDDEN_IMPORTS if name == forbidden or name.startswith(forbidden + ".")}
    allowed = {"io"} if layer_of(module) == "outputs" else set()  # StringIO, not a file
    assert found <= allowed


@pytest.mark.parametrize("module", CORE)
def test_the_core_neither_prints_nor_reads_nor_writes(module: str) -> None:
    found = []
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if (isinstance(node.func, ast.Name) and name in FORBIDDEN_CALLS) or name in FORBIDDEN_METHODS:
                found.append(f"{module}:{node.lineno} {name}")
    assert not found


def test_only_the_command_line_exits_the_process() -> None:
    exits = [
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "exit" and isinstance(node.value, ast.Name) and node.value.id == "sys"
    ]
    assert set(exits) <= {"__main__", "cli.main", "probe"}  # the probe is a script of its own
