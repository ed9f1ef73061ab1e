"""Package indexes: whether pip is told of one whose files the matrix does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["VARIABLES", "index_options", "others"]

VARIABLES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_FIND_LINKS",
)
_HOST = re.compile(r"\w+://(?:[^/\s@]*@)?([^/\s:]+)")
_OPTION = re.compile(r"(?:-i|-f|--index-url|--extra-index-url|--find-links|--index|--default-index)(?=[=\s]|$|\w+:)")
# the public index, its mirrors, and those that have no TensorFlow of their own
_KNOWN = re.compile(
    r"(?:[\w.-]+\.)?(?:pypi\.org|pythonhosted\.org|pypi\.python\.org|download\.pytorch\.org|nvidia\.com|tuna\.tsinghua\.edu\.cn|aliyun\.com|"
    r"douban\.com|ustc\.edu\.cn|huaweicloud\.com|tencent\.com|baidu\.com|bfsu\.edu\.cn|piwheels\.org)"
)


def others(texts: Iterable[str]) -> tuple[str, ...]:
    """The hosts of indexes that *texts* (options, or values of variables) name and whose TensorFlow, if they have one, is not known."""
    found = (host for text in texts for host in _HOST.findall(text) if not _KNOWN.fullmatch(host))
    return tuple(dict.fromkeys(found))


def index_options(options: Iterable[str]) -> list[str]:
    """Those of *options* that name an index."""
    return [option for option in options if _OPTION.match(option) or option.partition("=")[0] in VARIABLES]
