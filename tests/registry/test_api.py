"""The registry from Python, as a build script uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import tfcompat
from tfcompat.errors import CouldNotCheck, RequestError

if TYPE_CHECKING:
    from pathlib import Path

    from registry.front import Front
    from registry.real_registry import RealRegistry

pytestmark = pytest.mark.usefixtures("ca_bundle")


def test_a_build_script_gets_a_plan_with_digests(front: Front, registry: RealRegistry, tmp_path: Path) -> None:
    digest = registry.push_image("library/python", "3.13-slim-bookworm")
    with tfcompat.open_registries(hub_url=front.url, cache=str(tmp_path)) as registries:
        resolution = tfcompat.resolve_online(tfcompat.Request(cpu=True, base="slim", tensorflow="2.20", python="3.13"), registries)
    assert (resolution.plan.image.reference, resolution.plan.image.digest) == ("python:3.13-slim-bookworm", digest)
    assert resolution.plan.image.evidence == "measured"


def test_a_build_script_looks_into_an_image(front: Front, registry: RealRegistry, tmp_path: Path) -> None:
    registry.push_image("team/app", "1", env=("PYTHON_VERSION=3.11.9",), history=("RUN pip install tensorflow==2.15.0",))
    mirror = {"docker.io": front.url}
    with tfcompat.open_registries(registries=mirror, cache=str(tmp_path)) as registries:
        inspection, observed = tfcompat.inspect_reference("team/app:1", registries)
        with pytest.raises(RequestError, match="--platform: 'plan9/mips' is not known"):
            tfcompat.inspect_reference("team/app:1", registries, platform="plan9/mips")
    assert not inspection.rejected
    assert {f.name: str(f.value) for f in inspection.facts if f.value} == {"tensorflow": "2.15.0", "python": "3.11.9"}
    assert observed.sighting is not None
    assert observed.sighting.exists


def test_offline_nothing_is_asked(front: Front, tmp_path: Path) -> None:
    with tfcompat.open_registries(hub_url=front.url, cache=str(tmp_path), offline=True) as registries:
        with pytest.raises(CouldNotCheck, match="was not asked"):
            tfcompat.resolve_online(tfcompat.Request(cpu=True), registries)
        inspection, observed = tfcompat.inspect_reference("tensorflow/tensorflow:2.18.0-gpu", registries)
    assert (observed.sighting, observed.origin, inspection.rejected) == (None, "snapshot", True)
    assert front.requests == []
