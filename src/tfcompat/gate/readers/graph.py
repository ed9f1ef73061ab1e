"""Who needs a locked package: the project itself, or only some of its groups, and under which markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["both", "conditions", "either", "groups_of"]

_MANY = 12  # markers of one package; beyond that it is taken as always needed


def groups_of(edges: Mapping[str, Sequence[str]], wanted: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Of each package the groups that need it, from what each group in *wanted* names and each package in *edges* requires.

    What the group ``""`` needs is always installed: it has no other.
    """
    found: dict[str, tuple[str, ...]] = {}
    for group in sorted(wanted):  # "" comes first
        seen: set[str] = set()
        waiting = list(wanted[group])
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if found.get(name, ())[:1] == ("",):
                continue
            found[name] = (*found.get(name, ()), group)
            waiting.extend(edges.get(name, ()))
    return found


def conditions(edges: Iterable[tuple[str, str | None, str]]) -> dict[tuple[str, str | None], str]:
    """Of each package, by name and version where that is said, the marker under which something requires it; empty for always."""
    found: dict[tuple[str, str | None], dict[str, None]] = {}
    for name, version, marker in edges:
        found.setdefault((name, version), {})[marker] = None
    return {key: "" if "" in markers or len(markers) > _MANY else either(list(markers)) for key, markers in found.items()}


def either(markers: Sequence[str]) -> str:
    """The marker that one of *markers* holds."""
    return markers[0] if len(markers) == 1 else " or ".join(f"({each})" for each in markers)


def both(one: str, other: str) -> str:
    """The marker that *one* and *other* hold, where an empty one always does."""
    return f"({one}) and ({other})" if one and other and one != other else one or other
