"""The line of a remote worker: what the box tells it, and what it tells, over a WebSocket or as server-sent events."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

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
# Octets of words that wait: twice the most that a hello (3 MiB, escaped) and all commands that may wait for a worker
# (6 MiB) come to. Full: the line ends as `behind`, and all that counts is told again on the next one.
MOST_WORDS = 20 << 20
ROOM_SECONDS = 30.0  # who pastes waits so long, as for a local program that does not read
REFUSED = 1008  # RFC 6455 §7.4.1: what came violates our rules
RETRY = ("supervisor_stopping", "behind")  # the reasons behind which a worker that comes again is welcome


class _Said(NamedTuple):
    """What waits to be sent: the octets of keys in it, and the number of the command that it is, if it is one."""

    piece: bytes
    keys: int = 0
    command: object = None


class WorkerSource:
    """What goes to the worker, in its order; a `WorkerLine` of its stand-in. `moved` is called when there is more."""

    def __init__(self, generation: int, dialect: Dialect) -> None:
        self.generation = generation
        self.speaks = isinstance(dialect, WebSocketDialect)  # who is told by events tells by POST, when there is news
        self.stalled = False
        self.ending: Ending | None = None
        self.moved: Callable[[], None] = lambda: None
        self._dialect = dialect
        self._said: deque[_Said] = deque()
        self._keys = self._words = 0  # octets in it of each
        self._commands: set[object] = set()  # the numbers of those in it
        self._room = trio.Event()

    @property
    def unsaid(self) -> int:
        return len(self._said)

    def say(self, **message: object) -> None:
        """A command that waits to be sent is not said twice; behind the end of the line nothing is."""
        command = message["number"] if message["type"] == "command" else None
        if self.ending is not None or command in self._commands:
            return
        said = _Said(self._dialect.text(to_json(message), None), command=command)
        if self._words + len(said.piece) > MOST_WORDS:
            self.end("behind")
            return
        self._said.append(said)
        self._words += len(said.piece)
        if command is not None:
            self._commands.add(command)

    def tell(self, **message: object) -> None:
        self.say(**message)
        self.moved()

    def type(self, keys: bytes) -> bool:
        if self._keys + len(keys) > MOST_KEYS or self.ending is not None:
            return False
        self._said.append(_Said(frames.keys(keys) if self.speaks else self._as_text(keys), len(keys)))
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
        for said in self._said:
            if batch.is_full:
                batch.more = True
                break
            batch.add(said.piece, NOWHERE)
        return batch

    def advance(self, batch: Batch, count: int) -> None:
        for _ in range(count):
            said = self._said.popleft()
            self._keys -= said.keys
            self._words -= 0 if said.keys else len(said.piece)
            self._commands.discard(said.command)
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
