"""Configs, manifests and lists as bytes, in Docker's media types and in OCI's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["ACCEPT", "Media", "MediaTypes", "as_json", "descriptor", "digest_of", "image_config", "image_manifest", "media_types"]

Media = Literal["docker", "oci"]


@dataclass(frozen=True)
class MediaTypes:
    index: str
    manifest: str
    config: str
    layer: str


_TYPES: Mapping[Media, MediaTypes] = {
    "docker": MediaTypes(
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    "oci": MediaTypes(
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
}

#: Every type that a tag can point to: without one of them in Accept, the registry denies or converts.
ACCEPT = ", ".join(kind for types in _TYPES.values() for kind in (types.index, types.manifest))


def media_types(media: Media) -> MediaTypes:
    return _TYPES[media]


def as_json(value: Any) -> bytes:
    return json.dumps(value, indent=3).encode()


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(media_type: str, content: bytes, **cells: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(content), "digest": digest_of(content), **cells}


def image_config(
    *,
    architecture: str = "amd64",
    os: str = "linux",
    variant: str | None = None,
    env: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    history: Sequence[str | Mapping[str, Any]] = (),
    created: str = "2024-01-02T03:04:05Z",
    layers: Sequence[bytes] = (),
) -> bytes:
    """An image's config; a string in *history* is an entry's ``created_by``."""
    entries = [{"created": created, "created_by": entry} if isinstance(entry, str) else dict(entry) for entry in history]
    return as_json(
        {
            "architecture": architecture,
            "os": os,
            **({"variant": variant} if variant else {}),
            "created": created,
            "config": {"Env": list(env), "Labels": dict(labels or {})},
            "history": entries,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        }
    )


def image_manifest(media: Media, config: bytes, layers: Sequence[bytes], layer_type: str | None = None) -> bytes:
    types = _TYPES[media]
    return as_json(
        {
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": descriptor(types.config, config),
            "layers": [descriptor(layer_type or types.layer, layer) for layer in layers],
        }
    )
