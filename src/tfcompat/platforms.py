"""Platforms in Docker's words (``linux/amd64``) and what markers see on them (PEP 508)."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["PLATFORMS", "environment"]

PLATFORMS = ("linux/amd64", "linux/arm64", "macos/amd64", "macos/arm64", "windows/amd64")

_MARKERS = {
    "linux/amd64": ("linux", "Linux", "posix", "x86_64"),
    "linux/arm64": ("linux", "Linux", "posix", "aarch64"),
    "macos/amd64": ("darwin", "Darwin", "posix", "x86_64"),
    "macos/arm64": ("darwin", "Darwin", "posix", "arm64"),
    "windows/amd64": ("win32", "Windows", "nt", "AMD64"),
}


@lru_cache(maxsize=128)
def environment(platform: str, python: str) -> dict[str, str]:
    """The marker environment of CPython *python* (``3.11``) on *platform*: the target's, not the running one's."""
    sys_platform, system, os_name, machine = _MARKERS[platform]
    return {
        "sys_platform": sys_platform,
        "platform_system": system,
        "os_name": os_name,
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.99",  # some late patch release: the minor is what is known
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "implementation_version": f"{python}.99",
        "platform_release": "",
        "platform_version": "",
        "extra": "",
    }
