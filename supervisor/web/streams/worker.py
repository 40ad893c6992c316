"""The line of a remote worker: what the box tells it, and what it tells, over a WebSocket or as server-sent events."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable

import trio

from supervisor.core import frames
from supervisor.core.workerrecords import parse_frame
from supervisor.errors import problem
from supervisor.sessions.standin import StandIn
from supervisor.web.problems import to_json
from supervisor.web.streams.dialect import Dialect, WebSocketDialect
from supervisor.web.streams.source import NOWHERE, Batch, Ending
from workers.errors import Refused

MOST_KEYS = 512 << 10  # octets that wait for a worker to read them; full: refused
ROOM_SECONDS = 30.0  # who pastes waits so long, as for a local program that does not read
REFUSED = 1008  # RFC 6455 §7.4.1: what came violates our rules
RETRY = ("supervisor_stopping",)  # the reasons behind which a worker that comes again is welcome


class WorkerSource:
    """What goes to the worker, in its order; a `WorkerLine` of its stand-in. `moved` is called when there is more."""

    def __init__(self, generation: int, dialect: Dialect) -> None:
        self.generation = generation
        self.speaks = isinstance(dialect, WebSocketDialect)  # who is told by events tells by POST, when there is news
        self.stalled = False
        self.ending: Ending | None = None
        self.moved: Callable[[], None] = lambda: None
        self._dialect = dialect
        self._said: deque[tuple[bytes, int]] = deque()  # each with the octets of keys in it
        self._keys = 0
        self._room = trio.Event()

    @property
    def unsaid(self) -> int:
        return len(self._said)

    def say(self, **message: object) -> None:
        self._said.append((self._dialect.text(to_json(message), None), 0))

    def tell(self, **message: object) -> None:
        self.say(**message)
        self.moved()

    def type(self, keys: bytes) -> bool:
        if self._keys + len(keys) > MOST_KEYS:
            return False
        self._said.append((frames.keys(keys) if self.speaks else self._as_text(keys), len(keys)))
        self._keys += len(keys)
        self.moved()
        return True

    def _as_text(self, keys: bytes) -> bytes:
        return self._dialect.text(to_json({"type": "keys", "data": base64.b64encode(keys).decode("ascii")}), None)

    @property
    def has_room(self) -> bool:
        return self._keys < MOST_KEYS // 2

    async def wait_room(self) -> None:
        with trio.move_on_after(ROOM_SECONDS):
            while not self.has_room and self.ending is None:
                await self._room.wait()

    def _wake(self) -> None:
        self._room.set()
        self._room = trio.Event()  # not by who waits: several wait for the same one

    def end(self, reason: str, code: int = frames.NORMAL) -> None:
        if self.ending is None:
            self.ending = Ending(code, reason, reason in RETRY)
            self._wake()
            self.moved()

    def batch(self) -> Batch:
        batch = Batch(said=len(self._said))
        for piece, _keys in self._said:
            if batch.is_full:
                batch.more = True
                break
            batch.add(piece, NOWHERE)
        return batch

    def advance(self, batch: Batch, count: int) -> None:
        for _ in range(count):
            self._keys -= self._said.popleft()[1]
        self._wake()

    def is_done(self, batch: Batch, count: int) -> bool:
        return count == len(batch.pieces) and not self._said

    async def fetch(self) -> None:
        """Everything is in memory."""
        await trio.lowlevel.checkpoint()


class WorkerDesk:
    """Takes what the worker tells over a WebSocket. What it may not tell ends the line: a worker that went on behind
    it would leave out something."""

    def __init__(self, standin: StandIn, source: WorkerSource) -> None:
        self._standin = standin
        self._source = source

    async def take(self, frame: str | bytes) -> None:
        await self._standin.wait_room()
        if self._source.ending is not None:
            return
        try:
            self._standin.take(parse_frame(frame))
        except Refused as refused:
            self._source.say(type="refused", error=problem(refused))
            self._source.end("refused", REFUSED)
