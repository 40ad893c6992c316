"""WebSockets of the box: which stream a path means, and the stream of one session."""

from __future__ import annotations

from typing import Any, Protocol

import trio
from trio_websocket import WebSocketConnection

from supervisor.core import access
from supervisor.core.access import SESSION, Principal
from supervisor.core.streamquery import StreamQuery, parse
from supervisor.sessions.session import Session
from supervisor.web.head import Head
from supervisor.web.stream_connection import Connection, accepted
from supervisor.web.stream_cursor import Cursor
from supervisor.web.stream_desk import Desk
from supervisor.web.stream_dialect import WebSocketDialect
from supervisor.web.stream_handshake import read_handshake
from supervisor.web.stream_lease import CLOCK, Clock, new_seat
from supervisor.web.stream_opening import begin
from supervisor.web.stream_outlet import Outlet
from supervisor.web.stream_sender import Sender


class StreamBox(Protocol):
    """What streams need of the box."""

    epoch: int
    stopping: trio.Event

    def session(self, id: str) -> Session: ...

    def show(self, session: Session) -> dict[str, Any]: ...


async def serve_websocket(
    box: StreamBox,
    stream: trio.SocketStream,
    head: Head,
    raw_head: bytes,
    principal: Principal,
    clock: Clock = CLOCK,
) -> None:
    """One WebSocket, from its request to its close. Raises Refused before anything of it was answered."""
    route = access.route(principal, head.method, head.path, websocket=True)
    assert route.template == SESSION + "/stream" and route.session is not None
    session = box.session(route.session)
    handshake, query = read_handshake(head), parse(head.query)
    outlet = Outlet(stream, handshake.replay(raw_head))
    async with accepted(outlet, handshake) as websocket:
        await _attend(box, session, query, principal, clock, websocket, outlet)


async def _attend(
    box: StreamBox,
    session: Session,
    query: StreamQuery,
    principal: Principal,
    clock: Clock,
    websocket: WebSocketConnection,
    outlet: Outlet,
) -> None:
    seat = new_seat(principal, session.id)
    cursor = Cursor(session, WebSocketDialect(), clock, wants_all=query.wants_all)
    sender = Sender(outlet, cursor)
    desk = Desk(session, seat, principal, clock, sender, cursor)
    session.lease.join(seat)
    try:
        with session.hub.looking(sender.moved):
            await begin(cursor, session, query, seat, box.epoch, box.show(session))
            outlet.keys = desk
            connection = Connection(websocket, outlet, sender, desk)
            ending = await connection.run(box.stopping, [desk.acknowledge, desk.keep_lease])
    finally:
        session.lease.leave(seat)
        session.hub.tell()
    await connection.say_goodbye(ending)
