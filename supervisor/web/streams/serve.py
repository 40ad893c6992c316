"""WebSockets of the box: which stream a path means, and the stream of one session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Protocol

import trio
from trio_websocket import WebSocketConnection

from supervisor.core import access
from supervisor.core.access import SESSION, Principal
from supervisor.core.streamquery import StreamQuery, parse
from supervisor.sessions.hub import Chunk
from supervisor.sessions.line import Line
from supervisor.sessions.remotes import Remotes
from supervisor.sessions.session import Session
from supervisor.sessions.standin import StandIn
from supervisor.sessions.typist import Typist
from supervisor.web.head import Head
from supervisor.web.streams.box import BoxDesk, BoxSource, WatchedBox
from supervisor.web.streams.connection import Connection, Lines, accepted, endless
from supervisor.web.streams.dialect import WebSocketDialect
from supervisor.web.streams.exec import ExecDesk, ExecSource, converse
from supervisor.web.streams.handshake import read_handshake
from supervisor.web.streams.lease import CLOCK, Clock, new_seat
from supervisor.web.streams.opening import begin
from supervisor.web.streams.outlet import Outlet
from supervisor.web.streams.sender import Sender
from supervisor.web.streams.session_cursor import Cursor
from supervisor.web.streams.session_desk import Desk
from supervisor.web.streams.worker import WorkerDesk, WorkerSource
from supervisor.web.throttle import InputOf
from supervisor.web.tls import ClientStream


class Programs(Protocol):
    """What runs programs in workspaces."""

    async def open(self, session: Session, ticket: str, device: str | None) -> Line: ...


class StreamBox(WatchedBox, Protocol):
    """What streams need of the box."""

    @property
    def epoch(self) -> int: ...

    @property
    def executions(self) -> Programs: ...

    @property
    def remotes(self) -> Remotes: ...


async def serve_websocket(
    box: StreamBox,
    stream: ClientStream,
    head: Head,
    raw_head: bytes,
    principal: Principal,
    clock: Clock = CLOCK,
    lines: Lines = endless,
    input_of: Callable[[Principal], InputOf | None] = lambda _: None,
) -> None:
    """One WebSocket, from its request to its close. Raises Refused before anything of it was answered."""
    route = access.route(principal, head.method, head.path, websocket=True)
    session = box.session(route.session) if route.session is not None else None
    handshake = read_handshake(head)
    outlet = Outlet(stream, handshake.replay(raw_head), input_of(principal))
    with ExitStack() as held:
        ends = held.enter_context(lines(principal))
        if session is None:
            serve = partial(_tell_box, box, principal, ends)
        elif route.template == SESSION + "/stream":
            serve = partial(_attend, box, session, parse(head.query), principal, ends, clock)
        elif route.template == SESSION + "/worker":
            standin = box.remotes.standin(session, principal.generation)
            serve = partial(_work, box, standin, principal.generation, ends)
        else:
            line = await box.executions.open(session, handshake.ticket or "", principal.device)
            held.callback(line.close)
            serve = partial(_execute, box, line, ends)
        async with accepted(outlet, handshake) as websocket:
            await serve(websocket, outlet)


async def _tell_box(
    box: StreamBox, principal: Principal, ends: trio.Event | None, websocket: WebSocketConnection, outlet: Outlet
) -> None:
    with box.watch() as watch:
        source = BoxSource(box, principal, WebSocketDialect())
        sender = Sender(outlet, source)
        connection = Connection(websocket, outlet, sender, BoxDesk(sender), ends)
        ending = await connection.run(box.stopping, [partial(source.follow, watch, sender.moved)])
    await connection.say_goodbye(ending)


async def _execute(
    box: StreamBox, line: Line, ends: trio.Event | None, websocket: WebSocketConnection, outlet: Outlet
) -> None:
    typist = Typist(line)
    source = ExecSource(typist)
    sender = Sender(outlet, source)
    desk = ExecDesk(line, typist, sender, outlet)
    outlet.take_keys, outlet.may_take_keys = desk.take_keys, desk.may_take_keys
    connection = Connection(websocket, outlet, sender, desk, ends)
    ending = await connection.run(box.stopping, [partial(converse, line, source, sender.moved)])
    await connection.say_goodbye(ending)


async def _work(
    box: StreamBox,
    standin: StandIn,
    generation: int,
    ends: trio.Event | None,
    websocket: WebSocketConnection,
    outlet: Outlet,
) -> None:
    source = WorkerSource(generation, WebSocketDialect())
    sender = Sender(outlet, source)
    source.moved = sender.moved
    connection = Connection(websocket, outlet, sender, WorkerDesk(standin, source), ends)
    standin.attach(source)
    try:
        ending = await connection.run(box.stopping)
    finally:
        standin.detach(source)
    await connection.say_goodbye(ending)


async def _attend(
    box: StreamBox,
    session: Session,
    query: StreamQuery,
    principal: Principal,
    ends: trio.Event | None,
    clock: Clock,
    websocket: WebSocketConnection,
    outlet: Outlet,
) -> None:
    seat = new_seat(principal, session.id)
    cursor = Cursor(session, WebSocketDialect(), clock, wants_all=query.wants_all)
    sender = Sender(outlet, cursor)
    desk = Desk(session, seat, principal, clock, sender, cursor)

    def news(chunk: Chunk | None) -> None:
        piece = cursor.direct(chunk) if chunk is not None else None
        if piece is None or chunk is None or not sender.pass_on(piece):
            sender.moved()
        else:
            cursor.went(chunk)

    session.lease.join(seat)
    try:
        with session.hub.looking(news):
            await begin(cursor, session, query, seat, box.epoch, box.show(session))
            outlet.take_keys, outlet.may_take_keys = desk.take_keys, desk.may_take_keys
            connection = Connection(websocket, outlet, sender, desk, ends)
            ending = await connection.run(box.stopping, [desk.acknowledge, desk.keep_lease])
    finally:
        session.lease.leave(seat)
        session.hub.tell()
    await connection.say_goodbye(ending)
