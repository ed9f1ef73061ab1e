"""A package index on loopback: a PEP 691 page for each project, wheels behind byte ranges, and faults on purpose.

Nothing is faked on the client's side: the tests speak HTTP to this server as they would to the real index.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import socket
import sys
import threading
import zipfile
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Answer", "IndexServer", "build_wheel", "open_session", "refusing_base", "serve_index"]

JSON = "application/vnd.pypi.simple.v1+json"
_CHUNK = 16 << 10


@dataclass(frozen=True)
class Answer:
    """What the server says instead of the truth. ``repeat`` sends the body so often; ``cut`` breaks off after so many bytes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    repeat: int = 1
    cut: int | None = None
    whole: bool = False  # send the file itself, as a server without range support does


class IndexServer:
    """Projects and files in memory; what was asked for and how many body bytes were sent."""

    def __init__(self) -> None:
        self.projects: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.sent = 0
        self._faults: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _handler_of(self))
        self.root = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.base = f"{self.root}/simple/"

    def add(
        self,
        project: str,
        filename: str,
        content: bytes = b"",
        uploaded: str = "2024-01-02",
        requires_python: str | None = None,
        **cells: Any,
    ) -> str:
        """Put a file on *project*'s page, and its content behind the URL that this returns."""
        url = f"{self.root}/files/{filename}"
        entry = {
            "filename": filename,
            "url": url,
            "hashes": {"sha256": hashlib.sha256(filename.encode() + content).hexdigest()},
            "upload-time": f"{uploaded}T03:04:05.678901Z",
            "yanked": False,
            **({"requires-python": requires_python} if requires_python else {}),
            **cells,
        }
        self.projects[project].append(entry)
        self.files[f"/files/{filename}"] = content
        return url

    def attach(self, project: str, metadata: bytes, said: Any = None, cell: str = "core-metadata") -> str:
        """Keep METADATA beside the file that was added last, and say so on the page: with its digest unless *said* is given."""
        entry = self.projects[project][-1]
        entry[cell] = {"sha256": hashlib.sha256(metadata).hexdigest()} if said is None else said
        path = f"/files/{entry['filename']}.metadata"
        self.files[path] = metadata
        return path

    def answer(self, path: str, *answers: Answer) -> None:
        """Give these answers to the next requests for *path*, one each; the last one stays if its status is 200."""
        self._faults[path] = list(answers)

    def asked(self, part: str) -> int:
        """How many requests had *part* in their path."""
        return sum(part in path for path in self.requests)

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def note(self, path: str) -> Answer | None:
        with self._lock:
            self.requests.append(path)
            waiting = self._faults.get(path, [])
            if not waiting:
                return None
            return waiting[0] if len(waiting) == 1 and waiting[0].status == 200 else waiting.pop(0)

    def count(self, size: int) -> None:
        with self._lock:
            self.sent += size

    def body_of(self, path: str) -> bytes | None:
        """The project page or the file at *path*."""
        if path in self.files:
            return self.files[path]
        match = re.fullmatch(r"/simple/([^/]+)/", path)
        if match and match[1] in self.projects:
            page = {"meta": {"api-version": "1.1"}, "name": match[1], "files": self.projects[match[1]]}
            return json.dumps(page).encode()
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no fault of the server's; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler_of(index: IndexServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            try:
                self._answer()
            except OSError:  # the client has what it wanted and hung up
                self.close_connection = True

        def _answer(self) -> None:
            fault, body = index.note(self.path), index.body_of(self.path)
            if fault is not None:
                self._misbehave(fault, body or b"")
            elif body is None:
                self._send(404, b"not here", {"Content-Type": "text/plain"})
            elif self.path in index.files:
                self._send_range(body)
            else:
                self._send(200, body, {"Content-Type": JSON})

        def _misbehave(self, fault: Answer, truth: bytes) -> None:
            body = truth if fault.whole else fault.body
            if fault.repeat == 1 and fault.cut is None:
                self._send(fault.status, body, fault.headers)
                return
            self.close_connection = True
            self.send_response(fault.status)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            if fault.cut is not None:
                self.send_header("Content-Length", str(len(body)))
                body = body[: fault.cut]
            self.end_headers()
            for _ in range(fault.repeat):
                self._write(body)

        def _send_range(self, body: bytes) -> None:
            match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
            if match is None:
                self._send(200, body, {"Accept-Ranges": "bytes"})
                return
            first, last = match[1], match[2]
            start = int(first) if first else max(0, len(body) - int(last))
            end = min(int(last), len(body) - 1) if first and last else len(body) - 1
            if start > end:
                self._send(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                return
            self._send(206, body[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(body)}"})

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self._write(body)

        def _write(self, body: bytes) -> None:
            for start in range(0, len(body), _CHUNK):
                part = body[start : start + _CHUNK]
                self.wfile.write(part)
                index.count(len(part))

    return Handler


@contextmanager
def serve_index() -> Iterator[IndexServer]:
    server = IndexServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def refusing_base() -> Iterator[str]:
    """An index address whose connections are refused: the port is taken, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/simple/"


def open_session() -> Any:
    """A plain session, to be closed: no proxy from the environment, no retries, no cache."""
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


def build_wheel(
    requires: Sequence[str] = (),
    build_info: str | None = None,
    *,
    requires_python: str | None = ">=3.9",
    name: str = "tensorflow",
    version: str = "2.16.1",
    package: str = "tensorflow",
    padding: bytes = b"",
    code: str = "raise RuntimeError('a wheel is read, never run')\n",
) -> bytes:
    """A small real wheel, with *padding* stored between its members as the libraries of the real ones are."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Requires-Dist: {line}" for line in requires]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package}/__init__.py", code)
        if build_info is not None:
            archive.writestr(f"{package}/python/platform/build_info.py", build_info)
        if padding:
            archive.writestr(f"{package}/libtensorflow_cc.so.2", padding, zipfile.ZIP_STORED)
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n\nTensorFlow is a library.\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n")
        archive.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()
