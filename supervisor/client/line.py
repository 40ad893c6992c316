"""The line to a stream: a WebSocket over whatever leads to the box."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from supervisor.client.api import Client, refusal_of
from supervisor.client.farewell import revoked
from supervisor.client.transport import Dialled
from supervisor.core.frames import REVOKED
from workers.errors import Broken, Refused

PROTOCOL = "rc.v1"
OPEN_SECONDS = 15.0  # a box that is starting, or recovering 32 sessions, answers long before
BEAT_SECONDS = 15.0  # without a word from a box elsewhere until it is asked for one; it has as long to answer
READ_OCTETS = 64 << 10  # at once from the socket; the library's 4 KiB cost a third of the throughput
KEYS = b"\x01"
KEYS_OCTETS = 128 << 10  # of one message; the box takes 256 KiB

Result = TypeVar("Result")


class Line:
    """An open stream. Its methods raise Broken when the box has gone away. `beat` is called when nothing has come for
    so long that the way to the box may have ended without a word; None where that cannot be."""

    def __init__(self, connection: WebSocketConnection, beat: Callable[[], None] | None = None) -> None:
        self._connection = connection
        self._beat = beat

    async def receive(self) -> dict[str, Any] | bytes:
        """The next message: an object, or the octets of a binary one."""
        message: str | bytes | None = None
        while message is None:
            # Only while somebody waits: what has come and is not read yet says enough.
            with trio.move_on_after(BEAT_SECONDS if self._beat else math.inf):
                message = await self._get()
            if message is None and self._beat:
                self._beat()
        if isinstance(message, bytes):
            return message
        try:
            value = json.loads(message)
        except ValueError as error:
            raise Broken("the box sent something that is not JSON") from error
        if not isinstance(value, dict):
            raise Broken("the box sent something that is not a message")
        return value

    async def _get(self) -> str | bytes:
        try:
            return await self._connection.get_message()
        except ConnectionClosed as closed:
            raise self._over(closed) from closed

    async def send(self, value: dict[str, Any]) -> None:
        await self._send(json.dumps(value))

    async def send_keys(self, keys: bytes) -> None:
        for at in range(0, len(keys), KEYS_OCTETS):
            await self._send(KEYS + keys[at : at + KEYS_OCTETS])

    async def send_octets(self, message: bytes) -> None:
        """A binary message as it is."""
        await self._send(message)

    async def command(self, id: str, kind: str, **fields: object) -> None:
        """Ask for something; `ack` or `refused` come back with the id."""
        await self.send({"type": "command", "id": id, "command": {"kind": kind, **fields}})

    async def _send(self, message: str | bytes) -> None:
        try:
            await self._connection.send_message(message)
        except ConnectionClosed as closed:
            raise self._over(closed) from closed

    def _over(self, closed: ConnectionClosed) -> Refused | Broken:
        code = getattr(closed.reason, "code", None)
        return revoked() if code == REVOKED else Broken(f"the box closed the line ({closed.reason})")


class _Watched(trio.abc.Stream):
    """A stream that says when nothing more will come: trio-websocket's handshake waits for ever behind such an end.
    `heard_at` is when the last octets came."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.ended = trio.Event()
        self.heard_at = trio.current_time()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        if not data:
            self.ended.set()
        self.heard_at = trio.current_time()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextlib.asynccontextmanager
async def opened(
    client: Client,
    path: str,
    query: dict[str, object] | None = None,
    session: str | None = None,
    ticket: str | None = None,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> AsyncIterator[Line]:
    """A line that is open while inside, to the stream of a `session` (else of the box); `ticket`: one that the box
    gave for this very line; `headers` go with the request.

    Raises Refused with what the box says (or `unreachable`), Broken when it goes away, and what is raised inside as
    itself, out of the groups that nurseries make."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    resource = f"{path}?{urlencode(given)}" if given else path
    tickets = [ticket] if ticket else []
    with contextlib.ExitStack() as ending:
        try:
            # At the same time, because each is several journeys there and back.
            async with trio.open_nursery() as together:
                if not tickets and client.transport.sign_in is not None:
                    together.start_soon(_get_ticket, client, session, tickets)
                dialled = await _off_the_loop(client, lambda: client.transport.dial(OPEN_SECONDS))
                ending.callback(dialled.close)
                stream = _Watched(await _stream(client, dialled))
            protocols = [PROTOCOL, *(f"ticket.{each}" for each in tickets)]
            async with stream, trio.open_nursery() as reading:
                try:
                    connection = await _handshake(reading, stream, client.transport.host, resource, protocols, headers)
                except Broken as broken:
                    raise await _why_lost(client, dialled) or broken from broken
                yield Line(connection, None if client.transport.is_here else _heart(reading, stream, connection))
                reading.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise cause(group) from group


async def _get_ticket(client: Client, session: str | None, tickets: list[str]) -> None:
    ticket = await _off_the_loop(client, lambda: client.ticket(session))
    tickets += [ticket] if ticket else []


async def _off_the_loop(client: Client, act: Callable[[], Result]) -> Result:
    """In a thread where it may wait for the network, while keys go on being read."""
    if client.transport.sign_in is None:
        return act()
    return await trio.to_thread.run_sync(act, abandon_on_cancel=True)


async def _stream(client: Client, dialled: Dialled) -> trio.abc.Stream:
    """The connection, with TLS around it where the way has that. Raises Refused."""
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(dialled.socket))
    tls = client.transport.tls
    if tls is None:
        return stream
    secured = trio.SSLStream(stream, tls.context, server_hostname=tls.server, https_compatible=True)
    try:
        with trio.fail_after(OPEN_SECONDS):
            await secured.do_handshake()
    except trio.BrokenResourceError as error:
        raise tls.refusal(error.__cause__) from error
    except trio.TooSlowError as error:
        raise Broken("the box does not answer") from error
    return secured


async def _why_lost(client: Client, dialled: Dialled) -> Refused | None:
    if client.transport.is_here:
        return dialled.why_lost()
    return await trio.to_thread.run_sync(dialled.why_lost)  # it may wait for a program to end


def _heart(reading: trio.Nursery, stream: _Watched, connection: WebSocketConnection) -> Callable[[], None]:
    asked_at = -math.inf

    async def ping() -> None:
        with contextlib.suppress(ConnectionClosed):  # whoever reads the line says so
            await connection.ping()

    def beat() -> None:
        nonlocal asked_at
        if asked_at > stream.heard_at:
            raise Broken("the box says nothing any more")
        asked_at = trio.current_time()
        reading.start_soon(ping)

    return beat


async def _handshake(
    reading: trio.Nursery,
    stream: _Watched,
    host: str,
    resource: str,
    protocols: list[str],
    headers: Sequence[tuple[bytes, bytes]],
) -> WebSocketConnection:
    # A refusal does not come out of the call but out of its task, by way of `reading`.
    connections: list[WebSocketConnection] = []

    async def shake() -> None:
        wrapped = cast("trio.SocketStream", stream)  # any stream will do, whatever its annotation says
        connection = await wrap_client_stream(
            reading,
            wrapped,
            host,
            resource,
            subprotocols=protocols,
            extra_headers=list(headers),
            receive_buffer_size=READ_OCTETS,
        )
        connections.append(connection)
        either.cancel_scope.cancel()

    with trio.move_on_after(OPEN_SECONDS):
        async with trio.open_nursery() as either:
            either.start_soon(shake)
            await stream.ended.wait()
            either.cancel_scope.cancel()
    if not connections:
        raise Broken("the box went away before it answered" if stream.ended.is_set() else "the box does not answer")
    return connections[0]


def run(main: Callable[..., Awaitable[Result]], *args: Any) -> Result:
    """`trio.run`, with what its nurseries raise as itself, as every verb raises it."""
    try:
        return trio.run(main, *args)
    except BaseExceptionGroup as group:
        raise cause(group) from group


def cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one failure that a group is about; the group itself where that is none of those that we know."""
    leaves = list(_leaves(group))
    if any(isinstance(leaf, trio.Cancelled) for leaf in leaves):
        return group
    known = (leaf for kind in _KNOWN for leaf in leaves if isinstance(leaf, kind))
    return _translated(next(known, group))


_KNOWN = (KeyboardInterrupt, Refused, Broken, ConnectionRejected, HandshakeError, OSError)


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, ConnectionRejected):
        return refusal_of(_problem(error.body), error.status_code)
    if isinstance(error, HandshakeError):
        return Broken("the box went away")
    return error


def _problem(body: bytes | None) -> object:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
