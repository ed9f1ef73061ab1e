"""The HTTP that the token server and the front share: threads on loopback, TLS where asked, nothing left open at the end."""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

__all__ = ["Handler", "LoopbackServer", "Reply", "json_reply", "running"]

_TLS_HANDSHAKE = b"\x16"


class Reply(NamedTuple):
    """An answer before it is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


def json_reply(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


class LoopbackServer(ThreadingHTTPServer):
    """A server on a free port of 127.0.0.1. With a TLS context it speaks TLS, and plain HTTP to a client that begins so."""

    daemon_threads = False  # stop() waits for every thread, so that no socket outlives its test

    def __init__(self, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.port: int = self.server_address[1]
        self._context = context
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()

    def rest(self, seconds: float) -> bool:
        """Wait; true if the server stops meanwhile."""
        return self._stopping.wait(seconds) if seconds else self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()
        self.shutdown()
        for connection in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._kept(request):
            if self._context is None or request.recv(1, socket.MSG_PEEK) != _TLS_HANDSHAKE:
                super().finish_request(request, client_address)
                return
            with self._kept(self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)) as secured:
                if not self._stopping.is_set():
                    secured.do_handshake()
                    super().finish_request(secured, client_address)

    @contextmanager
    def _kept(self, connection: Any) -> Iterator[Any]:
        self._open.add(connection)
        try:
            with connection:
                yield connection
        finally:
            self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up or does not trust the certificate is no fault of the server's; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Reads a request whole, hands it to ``respond``, and sends what that gave with one write."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def respond(self, body: bytes) -> None:
        raise NotImplementedError

    def send(self, reply: Reply) -> None:
        self.begin(reply, len(reply.body))
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def begin(self, reply: Reply, length: int | None) -> None:
        """The status line and the headers; those of the reply win over *length*, as a HEAD's do."""
        headers = {**({} if length is None else {"Content-Length": str(length)}), **reply.headers}
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _handle(self) -> None:
        try:
            self.respond(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        except OSError:  # the client has what it wanted and hung up
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running(server: LoopbackServer) -> Iterator[LoopbackServer]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.stop()
