"""Both streams as server-sent events, for clients that have no WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, nullcontext

import trio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from supervisor.core.access import Principal
from supervisor.core.streamquery import parse
from supervisor.sessions.session import Session
from supervisor.sessions.standin import StandIn
from supervisor.web.problems import to_json
from supervisor.web.streams.box import BoxSource, WatchedBox
from supervisor.web.streams.connection import GOODBYE_SECONDS, REVOKED, STOPPING
from supervisor.web.streams.dialect import SseDialect
from supervisor.web.streams.lease import CLOCK, Clock, new_seat
from supervisor.web.streams.opening import begin
from supervisor.web.streams.outlet import STALL_SECONDS
from supervisor.web.streams.serve import StreamBox
from supervisor.web.streams.session_cursor import Cursor
from supervisor.web.streams.source import Ending, Source
from supervisor.web.streams.worker import WorkerSource

COMMENT_SECONDS = 15.0  # proxies drop a line that is silent for 30 to 60 s
COMMENT = b": still here\n\n"

Moved = Callable[[], None]
Opening = Callable[[Moved], AbstractAsyncContextManager[Source]]
Line = AbstractContextManager[trio.Event | None]  # as `connection.Lines` gives it
UNENDED: Line = nullcontext()


class EventStream(Response):
    """A response that goes on until the client leaves, the source ends, its device is revoked or the box stops."""

    media_type: str = "text/event-stream"

    def __init__(
        self, opening: Opening, stopping: trio.Event, delivered: Callable[[], int], line: Line = UNENDED
    ) -> None:
        """`delivered` tells how many octets of the connection the client has taken; `line` is the client's device's."""
        super().__init__(headers={"x-accel-buffering": "no"})  # nginx would keep events to itself
        del self.headers["content-length"]
        self._opening = opening
        self._stopping = stopping
        self._line = line
        self._delivered = delivered
        self._news = trio.Event()
        self._ending: Ending | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._line as revoked:
            await self._converse(revoked, receive, send)

    async def _converse(self, revoked: trio.Event | None, receive: Receive, send: Send) -> None:
        async with trio.open_nursery() as tasks:

            async def until_the_client_leaves() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()

            async def until_we_end_it(event: trio.Event, ending: Ending) -> None:
                await event.wait()
                self._ending = ending
                self._moved()
                await trio.sleep(GOODBYE_SECONDS)
                tasks.cancel_scope.cancel()  # who does not read is not waited for; half an answer ends its connection

            tasks.start_soon(until_the_client_leaves)
            tasks.start_soon(until_we_end_it, self._stopping, STOPPING)
            if revoked is not None:
                tasks.start_soon(until_we_end_it, revoked, REVOKED)
            async with self._opening(self._moved) as source:
                await self._tell(source, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            tasks.cancel_scope.cancel()

    def _moved(self) -> None:
        self._news.set()

    async def _tell(self, source: Source, send: Send) -> None:
        while True:
            self._news = trio.Event()
            batch = source.batch()
            ending = self._ending or (source.ending if not batch.pieces else None)
            if ending is not None:
                bye = to_json({"type": "bye", "reason": ending.reason, "retry": ending.retry})
                await send({"type": "http.response.body", "body": b"data: %s\n\n" % bye, "more_body": True})
                return
            if batch.pieces:
                async with trio.open_nursery() as sending:
                    sending.start_soon(self._watch, source)
                    await send({"type": "http.response.body", "body": b"".join(batch.pieces), "more_body": True})
                    sending.cancel_scope.cancel()
                source.advance(batch, len(batch.pieces))
            elif batch.more:
                await source.fetch()
            else:
                with trio.move_on_after(COMMENT_SECONDS) as patience:
                    await self._news.wait()
                if patience.cancelled_caught:
                    await send({"type": "http.response.body", "body": COMMENT, "more_body": True})

    async def _watch(self, source: Source) -> None:
        """Tell the source, which has something to send, of every second in which the client has taken nothing."""
        taken = self._delivered()
        while True:
            await trio.sleep(STALL_SECONDS)
            before, taken = taken, self._delivered()
            if taken <= before:
                source.stalled = True


def session_events(
    box: StreamBox,
    session: Session,
    query: str,
    last_event_id: str | None,
    principal: Principal,
    delivered: Callable[[], int],
    clock: Clock = CLOCK,
    line: Line = UNENDED,
) -> EventStream:
    """The stream of one session. Raises Refused before anything of the answer is sent."""
    wanted = parse(query)
    if last_event_id is not None:
        wanted = wanted.resumed(last_event_id)

    @asynccontextmanager
    async def opening(moved: Moved) -> AsyncIterator[Source]:
        seat = new_seat(principal, session.id)
        cursor = Cursor(session, SseDialect(), clock, wants_all=wanted.wants_all)
        with session.hub.looking(lambda _: moved()):
            await begin(cursor, session, wanted, seat, box.epoch, box.show(session))
            yield cursor

    return EventStream(opening, box.stopping, delivered, line)


def worker_commands(
    box: StreamBox, standin: StandIn, generation: int, delivered: Callable[[], int], line: Line = UNENDED
) -> EventStream:
    """What a remote worker is told. What it tells comes by POST."""

    @asynccontextmanager
    async def opening(moved: Moved) -> AsyncIterator[Source]:
        source = WorkerSource(generation, SseDialect())
        source.moved = moved
        standin.attach(source)
        try:
            yield source
        finally:
            standin.detach(source)

    return EventStream(opening, box.stopping, delivered, line)


def box_events(
    box: WatchedBox, principal: Principal, delivered: Callable[[], int], line: Line = UNENDED
) -> EventStream:
    """The stream of the box."""

    @asynccontextmanager
    async def opening(moved: Moved) -> AsyncIterator[Source]:
        with box.watch() as watch:
            source = BoxSource(box, principal, SseDialect())
            async with trio.open_nursery() as following:
                following.start_soon(source.follow, watch, moved)
                yield source
                following.cancel_scope.cancel()

    return EventStream(opening, box.stopping, delivered, line)
