"""A server on a Unix socket that answers what a test says: what a real box says rarely, or never should."""

from __future__ import annotations

import contextlib
import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """An answer as it goes out; `cut` ends the connection in the middle of it."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: bool = False


Answer = Reply | Callable[[Asked], Reply]


class OddBox:
    """`answers` by method and path; every request is kept in `asked`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.answers: dict[tuple[str, str], Answer] = {}
        self.asked: list[Asked] = []

    def answer(self, method: str, path: str, value: object, status: int = 200) -> None:
        """Answer with this JSON from now on."""
        self.answers[method, path] = Reply(json.dumps(value).encode(), status)

    def refuse(self, method: str, path: str, status: int, code: str, detail: str = "no", **fields: object) -> None:
        """Answer with this problem from now on."""
        problem = {"type": "t", "title": "T", "status": status, "code": code, "detail": detail, "hint": "h", **fields}
        self.answer(method, path, problem, status)

    def events(self, path: str, *messages: dict[str, Any]) -> None:
        """Answer a GET with these messages as server-sent events, and end."""
        lines = "".join(f"id: {at}:0\ndata: {json.dumps(each)}\n\n" for at, each in enumerate(messages))
        self.answers["GET", path] = Reply(
            b": hello\n\n" + lines.encode(), headers={"Content-Type": "text/event-stream"}
        )


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    box: OddBox

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that has enough is no error
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed: a socket or a pair


class _Talk(BaseHTTPRequestHandler):
    server: _Server

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers.items()), body)
        self.server.box.asked.append(asked)
        answer = self.server.box.answers.get((self.command, parts.path), Reply(b"{}", 404))
        reply = answer if isinstance(answer, Reply) else answer(asked)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "event-stream" not in reply.headers.get("Content-Type", ""):
            self.send_header("Content-Length", str(len(reply.body) + (10 if reply.cut else 0)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = True

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve


@contextlib.contextmanager
def odd_box(path: str) -> Iterator[OddBox]:
    with _Server(path, _Talk) as server:
        server.box = OddBox(path)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.box
        finally:
            server.shutdown()
            thread.join()
