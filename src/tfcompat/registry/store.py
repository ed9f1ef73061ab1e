"""What was learned from registries, on disk: contents by digest for ever, tag lists and digests of tags with their time.

Contents are hashed when they are kept and again when they are read, so that a damaged file is never believed. A
folder that cannot be written costs speed, not answers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Store", "digest_of"]

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_NAME_LIMIT = 200  # characters; file systems allow 255
_SIZE_LIMIT = 64 << 20  # bytes; the list of a repository with 10,000 tags has about 4 MB


def digest_of(content: bytes) -> str:
    """The digest that a registry names *content* by."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Store:
    """A folder of the user's cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def pages(self) -> str:
        """The folder for HTTP answers with an ETag."""
        return str(self.folder / "pages")

    def read_content(self, digest: str) -> bytes | None:
        """What *digest* names, None where it was never kept or the file is damaged."""
        if not _DIGEST.fullmatch(digest):
            return None
        content = _read(self._content(digest))
        return content if content is not None and digest_of(content) == digest else None

    def keep_content(self, digest: str, content: bytes) -> None:
        """Keep *content* where it has this *digest*."""
        if digest_of(content) == digest:
            _write(self._content(digest), content)

    def read_document(self, *name: str) -> dict[str, Any] | None:
        """A JSON object kept under *name*, None where there is none or it is damaged."""
        content = _read(self._document(name))
        with suppress(ValueError, RecursionError):
            found = json.loads(content or b"null")
            return found if isinstance(found, dict) else None
        return None

    def keep_document(self, *name: str, document: dict[str, Any]) -> None:
        _write(self._document(name), json.dumps(document).encode())

    def _content(self, digest: str) -> Path:
        hexadecimal = digest.partition(":")[2]
        return self.folder / "contents" / hexadecimal[:2] / hexadecimal

    def _document(self, name: tuple[str, ...]) -> Path:
        # quoted, so that no name of a registry or repository leads out of the folder or onto another's file
        return self.folder.joinpath(*map(_quoted, name)).with_suffix(".json")


def _quoted(part: str) -> str:
    """A name for a file: that of an empty part is no quoted text, and a long one is hashed."""
    quoted = quote(part, safe="", errors="surrogatepass").replace(".", "%2E")
    return quoted if 0 < len(quoted) <= _NAME_LIMIT else f"%%{digest_of(quoted.encode())[7:]}"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= _SIZE_LIMIT else None
    except OSError:
        return None


def _write(path: Path, content: bytes) -> None:
    """Aside and then renamed, so that a reader never sees half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(aside).replace(path)
    except OSError:
        pass
    finally:
        with suppress(OSError):
            Path(aside).unlink(missing_ok=True)
