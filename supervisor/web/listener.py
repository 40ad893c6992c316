"""The listener: accepts on every entrance, settles who asks, and hands each connection to the stream or the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import ASGIApp

from supervisor.core.access import Principal
from supervisor.core.forwarded import address_of, is_trusted
from supervisor.web.boundary import one_connection
from supervisor.web.bounded import WRITE_TIMEOUT, Bounded
from supervisor.web.checks import Checked
from supervisor.web.gate import Arrival, Gate
from supervisor.web.head import Head, read_head
from supervisor.web.places import Places
from supervisor.web.problems import closing_response
from supervisor.web.replay import Replay
from supervisor.web.sockets import Entrance
from supervisor.web.tls import ClientStream, TlsStream
from workers.errors import Broken, Refused

SEND_BUFFER = 256 * 1024  # octets; left to itself the kernel takes 3.7 MiB from us before a stuck reader is noticed
STOP_GRACE = 1.0  # seconds for answers that are under way when the box stops
LINGER = 1.0  # seconds in which a refused client may still send what it had begun
LINGER_LIMIT = 1 << 20  # octets of the same

Who = Callable[[trio.socket.SocketType], Awaitable[Principal]]


class Streams(Protocol):
    """Serves one WebSocket from its handshake to its end. `raw_head` is every octet read so far; it comes again from
    nobody else. What the request asked for has passed all checks that need only its head."""

    async def __call__(self, stream: ClientStream, head: Head, raw_head: bytes, principal: Principal) -> None: ...


async def serve(
    entrances: Sequence[Entrance],
    app: ASGIApp,
    streams: Streams,
    who: Who,
    gate: Gate,
    stopping: trio.Event,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stopping` is set and what was under way has ended, or `STOP_GRACE` is over.

    `who` judges a connection on the Unix socket once, at accept; on TCP `gate` judges each request. Takes the
    sockets over.
    """
    door = _Door(app, streams, who, gate)
    listeners = [(trio.SocketListener(trio.socket.from_stdlib_socket(each.socket)), each) for each in entrances]
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as accepting:
            for listener, entrance in listeners:
                accept = partial(trio.serve_listeners, partial(door.answer, entrance), [listener])
                await accepting.start(partial(accept, handler_nursery=connections))
            task_status.started()
            await stopping.wait()
            accepting.cancel_scope.cancel()
        connections.cancel_scope.deadline = trio.current_time() + STOP_GRACE
        await door.context.terminated.set()  # lines without a request under way end at once


class _Door:
    """What all connections share."""

    def __init__(self, app: ASGIApp, streams: Streams, who: Who, gate: Gate) -> None:
        self._app = ASGIWrapper(Checked(app, gate))  # type: ignore[arg-type]  # Hypercorn and Starlette each type ASGI
        self._streams = streams
        self._who = who
        self._gate = gate
        self._places = Places()
        self.context = WorkerContext(None)

    async def answer(self, entrance: Entrance, stream: trio.SocketStream) -> None:
        """One connection from accept to close; nothing that happens in it leaves it."""
        with one_connection(transport=entrance.transport):
            async with stream:
                stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, SEND_BUFFER)
                asker, peer = None, None
                if entrance.transport == "tcp":
                    entrance, peer = _settle(entrance, stream.socket)
                else:
                    asker = await self._who(stream.socket)
                address = "" if is_trusted(peer, entrance.manner.proxies) else peer or ""
                if address:
                    await self._places.wait_room(address)
                try:
                    with self._places.take(asker, address) as place:
                        await self._converse(stream, Arrival(entrance, peer, asker, place))
                except Refused as refused:  # before there was a word in private
                    await _refuse(stream, refused)

    async def _converse(self, stream: trio.SocketStream, arrival: Arrival) -> None:
        line: ClientStream = stream
        if arrival.entrance.manner.tls is not None:
            line = TlsStream(stream, arrival.entrance.manner.tls)
            await line.do_handshake()
        method = "GET"
        try:
            read = await read_head(line)
            if read is None:
                return
            head, raw_head = read
            method = head.method
            if head.asks_for_websocket:
                await self._stream(line, head, raw_head, arrival)
                return
        except Refused as refused:
            await _refuse(line, refused, method, self._gate.headers(arrival))
            return
        replay = Replay(line, raw_head)
        state: dict[str, object] = {"arrival": arrival, "delivered": replay.delivered}
        await Bounded(self._app, self.context, state, replay, lambda: self._gate.headers(arrival)).run()

    async def _stream(self, line: ClientStream, head: Head, raw_head: bytes, arrival: Arrival) -> None:
        arrival.place.may_go = False
        admission = await self._gate.admit(head, arrival)
        await self._streams(line, head, raw_head, admission.principal)


def _settle(entrance: Entrance, connection: trio.socket.SocketType) -> tuple[Entrance, str]:
    """The entrance as it is for this connection, and the address at its other end. Raises Broken when that has left."""
    try:
        peer, ours = connection.getpeername()[0], connection.getsockname()[0]
    except OSError:
        raise Broken("the client left before it was looked at") from None
    return entrance.at(ours), str(address_of(peer) or peer)


async def _refuse(
    stream: ClientStream, refused: Refused, method: str = "GET", more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Say no and close, in a way that lets the no arrive: an unread octet at close would make the kernel reset."""
    with trio.move_on_after(WRITE_TIMEOUT):
        await stream.send_all(closing_response(refused, method, more))
        await stream.send_eof()
    left = LINGER_LIMIT
    with trio.move_on_after(LINGER):
        while left > 0 and (data := await stream.receive_some(64 * 1024)):
            left -= len(data)
