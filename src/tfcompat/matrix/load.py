"""Reads a matrix: the bundled one quickly, any other one with validation."""

from __future__ import annotations

import gc
import json
import os
from functools import lru_cache
from typing import Any

from tfcompat.errors import MatrixError
from tfcompat.matrix.matrix import Matrix

__all__ = ["BUNDLED", "load_bundled", "load_matrix"]

BUNDLED = os.path.join(os.path.dirname(__file__), "matrix.json")  # pathlib costs a tenth of a start-up
_SIZE_LIMIT = 32 << 20  # bytes; the bundled file is about 2 MB


@lru_cache(maxsize=1)
def load_bundled() -> Matrix:
    """The matrix that came with the package. Raises :class:`MatrixError` when the file is damaged."""
    return Matrix(_load_document(BUNDLED, "reinstall tfcompat"), "the bundled matrix (matrix.json)")


def load_matrix(path: str | os.PathLike[str]) -> Matrix:
    """A matrix from elsewhere, validated. Raises :class:`MatrixError`."""
    document = _load_document(path, "compile one with 'tfcompat matrix compile'")
    from tfcompat.matrix.schema import validate_document

    validate_document(document, str(path))
    return Matrix(document, str(path))


def _load_document(path: str | os.PathLike[str], hint: str) -> dict[str, Any]:
    collecting = gc.isenabled()
    gc.disable()  # the document is one large tree without cycles: collecting while it grows only costs time
    try:
        if os.stat(path).st_size > _SIZE_LIMIT:
            raise MatrixError(f"{path} is larger than {_SIZE_LIMIT >> 20} MiB: not a matrix", hint)
        document = json.loads(_read(path))
    except OSError as error:
        raise MatrixError(f"{path} cannot be read: {error.strerror or error}", hint) from None
    except (ValueError, RecursionError) as error:
        raise MatrixError(f"{path} is not JSON (truncated?): {error}"[:300], hint) from None
    finally:
        if collecting:
            gc.enable()
    if not isinstance(document, dict):
        raise MatrixError(f"{path} holds a {type(document).__name__}, not a matrix", hint)
    return document


def _read(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()
