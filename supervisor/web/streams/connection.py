"""One WebSocket from the handshake to the close: its tasks, its heartbeat, and how it is ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Protocol

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from supervisor.core import frames
from supervisor.core.access import Principal
from supervisor.core.clientframes import MAX_MESSAGE
from supervisor.web.problems import to_json
from supervisor.web.streams.handshake import SUBPROTOCOL, Handshake
from supervisor.web.streams.outlet import Outlet
from supervisor.web.streams.sender import Sender
from supervisor.web.streams.source import Ending
from workers.errors import Broken

HANDSHAKE_SECONDS = 5.0  # everything of it has been read already; this only bounds the answer
BEAT_SECONDS = 20.0  # of silence until we ask; middle boxes forget a silent line after 30 to 60 s
DEAD_SECONDS = 60.0  # of silence, with two of our pings in it
GOODBYE_SECONDS = 0.5  # the box gives its connections one second to end
LINGER_SECONDS = 1.0  # for a refused message that is still on its way
LINGER_OCTETS = 4 << 20
REFUSING = (frames.MALFORMED, frames.NOT_UTF8, frames.TOO_BIG)  # codes by which the library closes on its own
STOPPING = Ending(frames.RESTARTING, "supervisor_stopping", retry=True)
REVOKED = Ending(frames.REVOKED, "revoked", retry=False)

# One open line of a principal, as long as the block runs: the event that ends it, None where nothing does but the box.
Lines = Callable[[Principal], AbstractContextManager[trio.Event | None]]


def endless(_: Principal) -> AbstractContextManager[trio.Event | None]:
    """The lines of those on the box's own socket, who act from no device."""
    return nullcontext()


class Taker(Protocol):
    """Takes a client's messages, in order."""

    async def take(self, frame: str | bytes) -> None: ...


@asynccontextmanager
async def accepted(outlet: Outlet, handshake: Handshake) -> AsyncIterator[WebSocketConnection]:
    """A WebSocket that has been answered with 101. Its reader lives as long as the block."""
    async with trio.open_nursery() as connection:
        try:
            with trio.fail_after(HANDSHAKE_SECONDS):
                request = await wrap_server_stream(connection, outlet, max_message_size=MAX_MESSAGE)
                websocket = await request.accept(subprotocol=SUBPROTOCOL if handshake.offers_ours else None)
        except (ConnectionClosed, trio.TooSlowError):
            raise Broken("the client left during the handshake") from None
        yield websocket
        connection.cancel_scope.cancel()


class Connection:
    """What goes on over one WebSocket. Ends when the client leaves, the source ends, its device is revoked, or the box
    is stopping."""

    def __init__(
        self,
        websocket: WebSocketConnection,
        outlet: Outlet,
        sender: Sender,
        taker: Taker,
        revoked: trio.Event | None = None,
    ) -> None:
        self._revoked = revoked
        self._websocket = websocket
        self._outlet = outlet
        self._sender = sender
        self._taker = taker
        self._ending: Ending | None = None

    async def run(self, stopping: trio.Event, besides: Sequence[Callable[[], Awaitable[None]]] = ()) -> Ending | None:
        """Converse; `besides` are further tasks of this connection, which end it when they end."""
        async with trio.open_nursery() as tasks:

            async def until_one_ends(work: Callable[[], Awaitable[None]]) -> None:
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError, ConnectionClosed):
                    await work()  # the client has gone: the same end as when it says so
                tasks.cancel_scope.cancel()

            async def stop() -> None:
                await stopping.wait()
                self._ending = STOPPING

            async def lock_out(revoked: trio.Event) -> None:
                await revoked.wait()
                self._ending = REVOKED

            async def refuse_flood() -> None:
                await self._outlet.is_flooded.wait()
                self._ending = Ending(frames.TOO_BIG)

            for work in (self._sender.run, self._receive, self._beat, stop, refuse_flood, *besides):
                tasks.start_soon(until_one_ends, work)
            if self._revoked is not None:
                tasks.start_soon(until_one_ends, partial(lock_out, self._revoked))
        return self._ending or self._sender.ending

    async def _receive(self) -> None:
        while True:
            frame = await self._websocket.get_message()
            if len(frame) > MAX_MESSAGE // 4 and len(frame.encode() if isinstance(frame, str) else frame) > MAX_MESSAGE:
                self._ending = Ending(frames.TOO_BIG)  # the library counts characters
                return
            await self._sender.wait_ready()
            await self._taker.take(frame)
            self._outlet.done()

    async def _beat(self) -> None:
        while True:
            await trio.sleep(BEAT_SECONDS)
            if self._outlet.is_local:
                continue  # the kernel tells at once when the other side is gone, and a stopped one may come back
            silent = trio.current_time() - self._outlet.heard_at
            if silent > DEAD_SECONDS:
                return
            if silent >= BEAT_SECONDS:
                await self._outlet.send_all(frames.ping())

    async def say_goodbye(self, ending: Ending | None) -> None:
        """Close as far as that goes within `GOODBYE_SECONDS`; who does not read is not waited for."""
        closed = self._websocket.closed
        if closed is not None:
            await self._part(closed.code)
            return
        with trio.move_on_after(GOODBYE_SECONDS):
            if ending is not None and ending.reason is not None:
                bye = {"type": "bye", "reason": ending.reason, "retry": ending.retry}
                await self._outlet.send_all(frames.text(to_json(bye)))
            await self._websocket.aclose(ending.code if ending else frames.NORMAL, ending.reason if ending else None)

    async def _part(self, code: int) -> None:
        """Leave a line that is closed. Where the library refused what came, let the client learn of it before the
        kernel resets the line."""
        if code not in REFUSING:
            return
        if code != frames.TOO_BIG:  # of that it tells itself; of all else nothing, though RFC 6455 §7.1.7 wants a word
            with trio.move_on_after(GOODBYE_SECONDS):
                await self._outlet.say_last(frames.close(code))
        left = LINGER_OCTETS
        with trio.move_on_after(LINGER_SECONDS):
            while left > 0 and (data := await self._outlet.drain()):
                left -= len(data)
