"""What a box would be without its checks: the control of the abuse tests, which every attack has to break.

It speaks the part of the API that attacks aim at. Whoever opens its page gets a cookie, since only this machine can
reach it, and the cookie is all that is asked for: no Host, no Origin, no content type, and CORS for everybody.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from typing import Any

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
PAGE = b"""<!doctype html><title>naive</title>
<style>button { position: fixed; inset: 0; width: 100%; height: 100% }</style>
<button onclick="fetch('/v1/code/sessions', {method: 'POST', body: JSON.stringify({name: location.hash.slice(1)})})">
New session</button>"""


class NaiveServer:
    """`names` are of the sessions that somebody has started, and the codes that somebody has claimed."""

    def __init__(self) -> None:
        self.cookie = secrets.token_urlsafe()
        self.names: list[str] = []


class _Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    naive: NaiveServer

    def do_OPTIONS(self) -> None:
        self._answer(204)

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(200, PAGE, cookie=True)
        elif not self._signed_in():
            self._answer(401, b"{}")
        elif self.headers.get("upgrade"):
            self._shake_hands()
        else:
            self._answer(200, json.dumps({"name": "naive", "you": {"role": "admin"}}).encode())

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self._signed_in():
            self._answer(401, b"{}")
            return
        told = json.loads(content)
        self.naive.names.append(told["code" if self.path == "/v1/pairings/claim" else "name"])
        self._answer(201, b'{"id": "session_of_naive"}')

    def _signed_in(self) -> bool:
        return self.naive.cookie in (self.headers.get("cookie") or "")

    def _answer(self, status: int, content: bytes = b"", cookie: bool = False) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("content-type", "text/html" if content.startswith(b"<") else "application/json")
        self.send_header("access-control-allow-origin", self.headers.get("origin") or "*")
        self.send_header("access-control-allow-credentials", "true")
        self.send_header("access-control-allow-headers", "content-type")
        self.send_header("access-control-allow-private-network", "true")
        if cookie:  # `Secure` is allowed on this machine's own loopback, and without it no other site could use it
            self.send_header("set-cookie", f"session={self.naive.cookie}; SameSite=None; Secure; HttpOnly")
            self.send_header("set-cookie", f"strict={self.naive.cookie}; SameSite=Strict; HttpOnly")
        self.end_headers()
        self.wfile.write(content)

    def _shake_hands(self) -> None:
        key = self.headers["sec-websocket-key"].encode() + WEBSOCKET_GUID
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
        self.send_header("sec-websocket-protocol", "rc.v1")
        self.end_headers()
        hello = json.dumps({"type": "hello", "sessions": self.naive.names}).encode()
        self.wfile.write(bytes([0x81, min(len(hello), 125)]) + hello[:125])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Threads(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A browser that closes its tab leaves requests half-answered."""


class _Threads6(_Threads):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def naive_server() -> Iterator[tuple[NaiveServer, int, int]]:
    """The server, its port on 127.0.0.1, and its port on ::1."""
    naive = NaiveServer()
    handler = type("_Of", (_Request,), {"naive": naive})
    with _Threads(("127.0.0.1", 0), handler) as on4, _Threads6(("::1", 0), handler) as on6:
        for server in (on4, on6):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield naive, on4.server_address[1], on6.server_address[1]
        for server in (on4, on6):
            server.shutdown()
