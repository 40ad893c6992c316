"""A session on a stage: the real objects and a real journal, with a worker that does what the test says.

And the other side of its stream: a client over a socket pair, that shows frames as short tuples.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from supervisor.core.access import OWNER, Principal
from supervisor.core.facts import Facts
from supervisor.core.hold import Turn
from supervisor.sessions.line import Line
from supervisor.sessions.link import Link
from supervisor.sessions.remotes import Remotes
from supervisor.sessions.session import Session
from supervisor.sessions.shown import describe
from supervisor.sessions.watch import Watch, Watches
from supervisor.web.boundary import one_connection
from supervisor.web.head import read_head
from supervisor.web.streams.lease import Clock
from supervisor.web.streams.serve import serve_websocket
from supervisor.web.tls import TlsStream
from workers.bundle import Bundle
from workers.core import events
from workers.core.lifecycle import State
from workers.core.spec import Spec
from workers.core.wire import Frame, Kind, Reader, json_frame
from workers.errors import Refused
from workers.journalfile import EventLog, TerminalLog

AT = 1_700_000_000_000_000_000  # ns since 1970: the time of day on the stage when its clock shows 0
HISTORY = "5c7a"
SESSION = "session_00000000-0000-4000-8000-000000000001"


class Worker:
    """What a session's worker does: journal first, then tell; commands are events; keys are kept to be looked at."""

    def __init__(self, session: Session, line: socket.socket, terminal_keep: int = 64 << 20) -> None:
        directory = session.bundle.directory
        self.events = EventLog.open(directory)
        self.terminal = TerminalLog.open(directory, terminal_keep)
        self.asked: list[tuple[str, Any]] = []  # ("keys", octets) and ("command", its JSON), in the order of arrival
        self.refuse: Refused | None = None
        self.known: dict[str, int] = {}  # the number of each message id
        self.may_read, self.may_answer = trio.Event(), trio.Event()
        self.may_read.set()
        self.may_answer.set()
        self.snapshot: dict[str, Any] = {"parts": [], "live_at": 0}
        self.live = False
        self._session = session
        self._line = trio.socket.from_stdlib_socket(line)

    @property
    def keys(self) -> bytes:
        return b"".join(data for what, data in self.asked if what == "keys")

    def print(self, data: bytes) -> None:
        """Output: into the journal, and over the link while somebody looks."""
        offset = self.terminal.end
        self.terminal.append(offset, AT, data)
        kind = Frame(Kind.OUTPUT, offset, data) if self.live else Frame(Kind.PROGRESS, self.terminal.end)
        self._session.take(kind)

    def tell(self, update: dict[str, Any], origin: str = "rc") -> int:
        """An event: into the journal, and over the link."""
        seq, body = self.events.last_seq + 1, events.body_of(update, origin)
        self.events.append(seq, AT, body)
        self._session.take(Frame(Kind.EVENT, seq, AT.to_bytes(8, "big") + body))
        return seq

    def resize(self, rows: int, columns: int) -> int:
        return self.tell(events.resized(rows, columns, self.terminal.end))

    async def serve(self) -> None:
        reader = Reader()
        with contextlib.suppress(BrokenPipeError):  # the link was taken down
            while data := await self._line.recv(65536):
                await self.may_read.wait()
                for frame in reader.feed(data):
                    await self._take(frame)

    async def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.KEYS:
            if frame.payload:
                self.asked.append(("keys", frame.payload))
            await self._line.send(Frame(Kind.TYPED, frame.number).encode())
        elif frame.kind is Kind.UNMUTE:
            self.live = True
            self._session.take(Frame(Kind.LIVE, self.terminal.end))
        elif frame.kind is Kind.MUTE:
            self.live = False
        elif frame.kind is Kind.SNAPSHOT:
            await self._line.send(json_frame(Kind.ANSWER, self.snapshot, frame.number).encode())
        elif frame.kind is Kind.COMMAND:
            asked = frame.json()
            await self.may_answer.wait()
            answer = self._accept(asked["command"], asked.get("refusal"))
            await self._line.send(json_frame(Kind.ANSWER, answer, frame.number).encode())

    def _accept(self, command: dict[str, Any], refusal: dict[str, str] | None) -> dict[str, Any]:
        id = command.get("message_id")
        if id in self.known:
            return {"seq": self.known[id], "repeat": True}
        if self.refuse is not None:
            refusal = {"code": self.refuse.code, "detail": self.refuse.detail, "hint": self.refuse.hint}
        if refusal is not None:
            return {"error": refusal}
        self.asked.append(("command", command))
        seq = self.tell(events.accepted(command["kind"], id), "person")
        if id is not None:
            self.known[id] = seq
        return {"seq": seq}


class StagePrograms:
    """The programs that tickets are for."""

    def __init__(self) -> None:
        self.by_ticket: dict[str, Line] = {}

    async def open(self, session: Session, ticket: str, device: str | None) -> Line:
        if ticket not in self.by_ticket:
            raise Refused("unauthenticated", "this ticket is unknown", "ask for a new one")
        return self.by_ticket.pop(ticket)


class StagePairings:
    """Open invitations by their ids."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}

    def shown(self) -> list[dict[str, Any]]:
        return list(self.known.values())

    def show_one(self, id: str) -> dict[str, Any] | None:
        return self.known.get(id)


class StageBox:
    """A box with one session."""

    def __init__(self, session: Session) -> None:
        self.epoch = 7
        self.stopping = trio.Event()
        self.watches = Watches()
        self.on_stage: dict[str, Session] = {session.id: session}
        self.executions = StagePrograms()
        self.pairings = StagePairings()
        self.remotes = Remotes("boot", lambda session: None)

    def session(self, id: str) -> Session:
        if id not in self.on_stage:
            raise Refused("unknown_session", "there is no such session", "rc ls")
        return self.on_stage[id]

    def sessions(self, principal: Principal) -> list[Session]:
        return list(self.on_stage.values())

    def show(self, session: Session) -> dict[str, Any]:
        return describe(session, None)

    def describe(self, principal: Principal) -> dict[str, Any]:
        return {"name": "stage", "you": principal.you()}

    def watch(self) -> contextlib.AbstractContextManager[Watch]:
        return self.watches.watching()


async def until(condition: Callable[[], object]) -> None:
    """Let everybody else go on until the condition holds."""
    for _ in range(10_000):
        if condition():
            return
        await trio.lowlevel.checkpoint()
    raise AssertionError("it never came to this")


async def connected(family: int) -> tuple[trio.socket.SocketType, trio.socket.SocketType]:
    """Two ends of a connection: a Unix one, or one over TCP on the loopback."""
    if family == trio.socket.AF_UNIX:
        return trio.socket.socketpair()
    with trio.socket.socket(family) as listener:
        await listener.bind(("127.0.0.1", 0))
        listener.listen()
        far = trio.socket.socket(family)
        await far.connect(listener.getsockname())
        near, _ = await listener.accept()
    return near, far


class Client:
    """The far end of a WebSocket."""

    def __init__(self, websocket: WebSocketConnection, stream: trio.SocketStream) -> None:
        self.websocket = websocket
        self.stream = stream

    async def next(self) -> Any:
        """A text frame as its object; a binary one as (kind, offset, octets)."""
        frame = await self.websocket.get_message()
        if isinstance(frame, str):
            return json.loads(frame)
        return frame[0], int.from_bytes(frame[1:9], "big"), bytes(frame[9:])

    async def until(self, type: str) -> dict[str, Any]:
        """The next text frame of this type; what comes before it is passed over."""
        while True:
            message = await self.next()
            if isinstance(message, dict) and message["type"] == type:
                return message

    async def output(self, end: int) -> bytes:
        """Terminal output up to `end`, which must come without gap or overlap."""
        got, at = b"", None
        while at != end:
            message = await self.next()
            if isinstance(message, tuple):
                kind, offset, data = message
                assert kind == 1 and at in (None, offset)
                got, at = got + data, offset + len(data)
        return got

    async def type(self, keys: bytes) -> None:
        await self.websocket.send_message(b"\x01" + keys)

    async def tell(self, **message: Any) -> None:
        await self.websocket.send_message(json.dumps(message))

    async def command(self, id: str, **wish: Any) -> None:
        await self.tell(type="command", id=id, command=wish)

    async def close_code(self) -> int:
        """How the box closed, whatever it said before."""
        while self.websocket.closed is None:
            with contextlib.suppress(Exception):
                await self.next()
        return self.websocket.closed.code


class Stage:
    def __init__(self, session: Session, worker: Worker, nursery: trio.Nursery) -> None:
        self.session = session
        self.worker = worker
        self.box = StageBox(session)
        began = trio.current_time()
        self.clock = Clock(lambda: trio.current_time() - began, lambda: AT + round((trio.current_time() - began) * 1e9))
        self.refusals: list[Refused] = []
        self.revoked = trio.Event()  # what ends the lines of whoever acts from a device
        self.bugs = 0  # connections that ended by a fault of ours
        self._nursery = nursery

    def _lines(self, principal: Principal) -> contextlib.AbstractContextManager[trio.Event | None]:
        return contextlib.nullcontext(self.revoked if principal.device is not None else None)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        path: str = f"/v1/code/sessions/{SESSION}/stream",
        principal: Principal = OWNER,
        family: int = trio.socket.AF_UNIX,
        tls: ssl.SSLContext | None = None,
    ) -> AsyncIterator[trio.SocketStream]:
        """The far end of a connection on which the box serves one WebSocket, under `tls` where there is one."""
        near, far = await connected(family)
        near.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, 256 * 1024)

        async def serve(stream: trio.SocketStream) -> None:
            async with stream:
                line = TlsStream(stream, tls) if tls else None
                if line is not None:
                    await line.do_handshake()
                read = await read_head(line or stream)
                assert read is not None
                with one_connection() as outcome:
                    try:
                        await serve_websocket(self.box, line or stream, *read, principal, self.clock, self._lines)
                    except Refused as refused:
                        self.refusals.append(refused)
                self.bugs += outcome.failed

        self._nursery.start_soon(serve, trio.SocketStream(near))
        async with trio.SocketStream(far) as stream:
            yield stream

    @contextlib.asynccontextmanager
    async def client(
        self,
        query: str = "",
        principal: Principal = OWNER,
        path: str = f"/v1/code/sessions/{SESSION}/stream",
        subprotocols: tuple[str, ...] = ("rc.v1",),
        family: int = trio.socket.AF_UNIX,
        tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None,
    ) -> AsyncIterator[Client]:
        """A connected client, under `tls` (the box's and its own); it leaves without a word."""
        ours, theirs = tls or (None, None)
        async with self.stream(path, principal, family, ours) as stream, trio.open_nursery() as nursery:
            line = trio.SSLStream(stream, theirs, server_hostname="localhost") if theirs else stream
            websocket = await wrap_client_stream(
                nursery, line, "box", f"{path}?{query}" if query else path, subprotocols=subprotocols
            )
            yield Client(websocket, stream)
            nursery.cancel_scope.cancel()


@contextlib.contextmanager
def _bundle(directory: Path, adapter: str) -> Iterator[Bundle]:
    spec = Spec(
        id=SESSION,
        name="stage-1",
        agent="shell",
        adapter=adapter,
        argv=("sh",),
        env={},
        workspace="/tmp",
        project="stage",
        project_path="/tmp",
        spawn_mode="same-dir",
        created_at="2026-01-01T00:00:00.000Z",
        person="owner",
    )
    yield Bundle.create(str(directory / "bundle"), spec)


@contextlib.asynccontextmanager
async def open_stage(directory: Path, adapter: str = "terminal", terminal_keep: int = 64 << 20) -> AsyncIterator[Stage]:
    """A running session whose worker is linked."""
    with _bundle(directory, adapter) as bundle:
        session = Session(bundle.spec(), Facts("stage-1"), bundle, lambda _: None)
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        worker = Worker(session, theirs, terminal_keep)
        terminal = {"start": 0, "offset": 0, "rows": 24, "columns": 80} if adapter == "terminal" else None
        state = {"state": State.RUNNING.value, "turn": None, "history": HISTORY, "last_seq": 0}
        link = Link(Line(ours), {"state": {**state, "terminal": terminal, "pid": 11, "worker_pid": 10}})
        session.turn(Turn.TAKEN)
        session.link_up(link)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(worker.serve)
                nursery.start_soon(_carry, session, link)
                nursery.start_soon(link.flush_forever)
                stage = Stage(session, worker, nursery)
                yield stage
                assert not stage.bugs
                nursery.cancel_scope.cancel()
        finally:
            link.close()
            theirs.close()


async def _carry(session: Session, link: Link) -> None:
    while frames := await link.receive():
        for frame in frames:
            session.take(frame)
