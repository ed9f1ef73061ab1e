"""What a file is that is no model of Keras, by its first bytes and, where these are not sure, by its name."""

# No "from __future__ import annotations" here: named tuples would compile each annotation anew at every start.

import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["HEAD", "Kind", "kind_of"]

HEAD = 512  # bytes that are looked at
_ONLY = "only models of Keras and TensorFlow are read"
_UNPACK = "unpack it, and name what was inside"
_AGAIN = "download it again: the server sent a page instead of the file"
_WHOLE = "name a model that was saved whole, with model.save()"


class Kind(NamedTuple):
    """``what`` it is, as a part of a sentence, and the ``hint`` what to do."""

    what: str
    hint: str


_LFS = Kind("it is a pointer of Git LFS, not the file itself", "run 'git lfs pull' to get the file")
_PAGE = Kind("it is a web page, not a model", _AGAIN)
_PYTORCH = Kind("it is a PyTorch model, not one of Keras", _ONLY)
_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"version https://git-lfs.github.com/spec/", _LFS),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", _PYTORCH),
    (b"GGUF", Kind("it is a GGUF model, not one of Keras", _ONLY)),
    (b"\x93NUMPY", Kind("it is a NumPy array, not a model", _WHOLE)),
    (b"\x1f\x8b", Kind("it is compressed with gzip", _UNPACK)),
    (b"BZh", Kind("it is compressed with bzip2", _UNPACK)),
    (b"\xfd7zXZ\x00", Kind("it is compressed with xz", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", Kind("it is compressed with Zstandard", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Kind("it is a 7-Zip archive", _UNPACK)),
    (b"model_checkpoint_path:", Kind("it lists checkpoints of TensorFlow, which hold weights alone", _WHOLE)),
)
_CHECKPOINT = Kind("it is a part of a TensorFlow checkpoint, which holds weights alone", _WHOLE)
_PICKLE = Kind("it is a pickle of Python, which is code and is not opened", _ONLY)


def _is_onnx(head: bytes) -> bool:
    """A ModelProto: ir_version, then the producer's name, where a SavedModel has a message."""
    found = re.match(rb"\x08[\x01-\x1f]\x12([\x01-\x40])", head)
    name = head[4 : 4 + found[1][0]] if found else b""
    return bool(found) and len(name) == head[3] and re.fullmatch(rb"[ -~]+", name) is not None


def _is_text(head: bytes) -> bool:
    try:
        return head[:-3].decode("utf-8-sig").replace("\n", "").replace("\r", "").replace("\t", "").isprintable() and len(head) > 3
    except UnicodeDecodeError as error:
        return error.start > len(head) - 8 and error.start > 3  # a letter that was cut


_LOOKS: tuple[tuple[Callable[[bytes], bool], Kind], ...] = (
    (
        lambda head: head[4:8] == b"TFL3",
        Kind("it is a TensorFlow Lite model, which Keras does not load", "name the model that it was made of"),
    ),
    (lambda head: head[257:262] == b"ustar", Kind("it is a tar archive", _UNPACK)),
    (lambda head: re.match(rb"[\s\S]{6}\x00\x00\{\s*\"", head) is not None, Kind("it is a safetensors file, not a model of Keras", _ONLY)),
    (lambda head: re.match(rb"\x80[\x02-\x05][\x00-\xff]", head) is not None, _PICKLE),
    (_is_onnx, Kind("it is an ONNX model, not one of Keras", _ONLY)),
    (lambda head: re.match(rb"(?i)\s*<(!doctype html|html|\?xml)", head) is not None, _PAGE),
    (
        lambda head: re.match(rb"\s*\{\s*\"(class_name|module|keras_version|backend|config)\"", head) is not None,
        Kind("it is JSON, the architecture of a model without its weights", _WHOLE),
    ),
    (_is_text, Kind("it is a text file, not a model", _WHOLE)),
)


def kind_of(name: str, head: bytes) -> Kind | None:
    """What the file *name*, which begins with *head*, is; None where neither says."""
    if not head:
        return Kind("it is empty", "copy or download it again")
    if re.search(r"\.index$|\.data-\d{5}-of-\d{5}$", name):
        return _CHECKPOINT if not head.startswith(_STARTS[0][0]) else _LFS
    if not head.strip(b"\x00"):
        return Kind("its first bytes are all zero", "copy or download it again")
    found = next((kind for start, kind in _STARTS if head.startswith(start)), None)
    return found or next((kind for looks, kind in _LOOKS if looks(head)), None)
