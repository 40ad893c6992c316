"""A real listener over real sockets for tests of the way in, and a client that speaks raw HTTP."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h11
import trio
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from supervisor.core.access import ANONYMOUS, OWNER, Principal
from supervisor.web.approach import Approach
from supervisor.web.certificates import tls_context
from supervisor.web.gate import Gate
from supervisor.web.head import Head
from supervisor.web.listener import Streams, serve
from supervisor.web.signin import SignIn
from supervisor.web.sockets import Entrance, Manner, bind_tcp, bind_unix
from supervisor.web.throttle import Throttle
from supervisor.web.tls import ClientStream

AUTHORITY = trustme.CA()
DEADLINE = 60.0  # seconds (also of a test's own clock) until a test that waits for an answer gives up


class Nobody:
    """A sign-in by which nobody is known."""

    async def who(self, head: Head, approach: Approach) -> Principal:
        return ANONYMOUS

    def worker(self, head: Head) -> Principal | None:
        return None

    def headers(self) -> list[tuple[bytes, bytes]]:
        return []

    def lock_out(self, principal: Principal) -> trio.Event | None:
        return None


@dataclass
class Answer:
    """One response, whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem object that also arrived as one."""
        assert self.headers["content-type"] == "application/problem+json", self
        told = self.json
        assert told["status"] == self.status, told
        code: str = told["code"]
        return code


class Line:
    """One connection to the box, on which several requests can be made."""

    def __init__(self, stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]) -> None:
        self.stream = stream
        self._parser = h11.Connection(h11.CLIENT)

    async def ask(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        named = {"host": "localhost", **(headers or {})}
        if body:
            named = {"content-type": "application/json", "content-length": str(len(body)), **named}
        request = h11.Request(method=method, target=target, headers=list(named.items()))
        first = self._parser.send(request) or b""
        rest = (self._parser.send(h11.Data(data=body)) or b"") + (self._parser.send(h11.EndOfMessage()) or b"")
        await self.stream.send_all(first + rest)
        answer = await self.answer()
        if self._parser.our_state is h11.DONE and self._parser.their_state is h11.DONE:
            self._parser.start_next_cycle()
        return answer

    async def answer(self) -> Answer:
        """The response to something that was sent by hand or by `ask`."""
        status, headers, body = 0, {}, b""
        with trio.fail_after(DEADLINE):
            while True:
                event = self._parser.next_event()
                if event is h11.NEED_DATA:
                    self._parser.receive_data(bytes(await self.stream.receive_some(65536)))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return Answer(status, headers, body)
                elif isinstance(event, h11.ConnectionClosed):
                    raise EOFError("the box closed without an answer")

    async def raw(self, data: bytes) -> Answer:
        """Send octets as they are, and read one response."""
        self._parser = h11.Connection(h11.CLIENT)
        self._parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        self._parser.send(h11.EndOfMessage())
        await self.stream.send_all(data)
        return await self.answer()

    async def closed(self) -> bool:
        """Whether the box closes within the deadline; what it still says is thrown away."""
        with trio.fail_after(DEADLINE):
            try:
                while await self.stream.receive_some(65536):
                    pass
            except trio.BrokenResourceError:
                pass
        return True


@dataclass
class Door:
    """A box's way in, open for as long as the test runs."""

    unix: Entrance
    tcp: Entrance
    path: str
    stopping: trio.Event
    stopped: trio.Event
    asker: Principal = OWNER
    trusted: ssl.SSLContext | None = None  # how a client speaks TLS with `tcp`, where that does
    websockets: list[tuple[Head, bytes, Principal]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def line(self, transport: str = "unix") -> AsyncIterator[Line]:
        if transport == "unix":
            stream = trio.SocketStream(trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM))
            await stream.socket.connect(self.path)
        else:
            stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        async with stream:
            if transport == "tcp" and self.trusted is not None:
                yield Line(trio.SSLStream(stream, self.trusted, server_hostname="localhost", https_compatible=True))
            else:
                yield Line(stream)

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        transport: str = "unix",
    ) -> Answer:
        async with self.line(transport) as line:
            return await line.ask(method, target, body, headers)

    @property
    def port(self) -> int:
        port: int = self.tcp.socket.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def open_door(
    directory: Path,
    app: ASGIApp | None = None,
    streams: Streams | None = None,
    asker: Principal = OWNER,
    tcp: Entrance | None = None,
    sign_in: SignIn | None = None,
) -> AsyncIterator[Door]:
    """Serve `app` (a small one of our own if None) on a socket in `directory` and on `tcp`, a port of the loopback."""
    path = str(directory / "rc.sock")
    door = Door(bind_unix(path), tcp or bind_tcp("127.0.0.1:0"), path, trio.Event(), trio.Event(), asker)

    async def shake_hands(stream: ClientStream, head: Head, raw_head: bytes, principal: Principal) -> None:
        door.websockets.append((head, raw_head, principal))
        await stream.send_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    async def who(_: trio.socket.SocketType) -> Principal:
        return door.asker

    async def serve_until_stopped(task_status: trio.TaskStatus[None]) -> None:
        entrances = [door.unix, door.tcp]
        kept = streams or shake_hands
        await serve(
            entrances,
            app or small_app(),
            kept,
            who,
            Gate(sign_in or Nobody(), Throttle()),
            door.stopping,
            task_status=task_status,
        )
        door.stopped.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(serve_until_stopped)
        yield door
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def open_tls_door(directory: Path, app: ASGIApp | None = None, **more: Any) -> AsyncIterator[Door]:
    """The same with TLS on its port."""
    entrance = bind_tcp("127.0.0.1:0", Manner(tls=server_context(directory)))
    async with open_door(directory, app, tcp=entrance, **more) as door:
        door.trusted = trusting_context()
        yield door


def trusting_context() -> ssl.SSLContext:
    """TLS of a client that trusts the certificates made here."""
    trusted = ssl.create_default_context()
    AUTHORITY.configure_trust(trusted)
    return trusted


def server_context(directory: Path) -> ssl.SSLContext:
    certificate, key = write_certificate(directory)
    return tls_context(certificate, key, datetime.now(UTC))


def write_certificate(directory: Path, **how: Any) -> tuple[str, str]:
    """Files with a certificate for `localhost` and 127.0.0.1, and its key."""
    issued = AUTHORITY.issue_cert("localhost", "127.0.0.1", **how)
    certificate, key = directory / "cert.pem", directory / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return str(certificate), str(key)


class Endless:
    """Pieces without end; a generator would be left open by whoever gives up in the middle of it."""

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> bytes:
        return b"x" * 65536


def small_app() -> ASGIApp:
    """Answers on some of the box's paths: enough to see what gets through."""

    async def echo(request: Request) -> JSONResponse:
        body = await request.body()
        approach = request.state.approach
        came = {"transport": approach.entrance.transport, "address": approach.address, "origins": approach.origins}
        return JSONResponse({"path": request.url.path, "octets": len(body), **came})

    async def endless(request: Request) -> StreamingResponse:
        return StreamingResponse(Endless())

    return Starlette(
        routes=[
            Route("/healthz", echo),
            Route("/v1/box", echo, methods=["GET", "PATCH"]),
            Route("/v1/code/sessions", echo, methods=["GET", "POST"]),
            Route("/v1/df", endless),
            Route("/v1/code/sessions/{id}/files", echo, methods=["PUT"]),
        ]
    )
