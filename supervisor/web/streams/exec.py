"""A program that runs for one connection and not a moment longer: a terminal's frames, then how it ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

from supervisor.core.frames import NORMAL, OUTPUT, octets, text
from supervisor.core.messages import Keys, Order, Ping, Unfit, parse
from supervisor.errors import problem
from supervisor.sessions.line import Line
from supervisor.sessions.typist import Typist
from supervisor.web.problems import to_json
from supervisor.web.streams.outlet import Outlet
from supervisor.web.streams.sender import Sender
from supervisor.web.streams.session_desk import REFUSED_SECONDS
from supervisor.web.streams.source import BATCH, NOWHERE, Batch, Ending
from workers.core.wire import Frame, Kind, json_frame
from workers.errors import Broken, Refused

NOT_STARTED = 127  # the exit code by which shells say that a command could not be run
GONE_SECONDS = 0.5  # how often a client that waits is looked after
KINDS = ("resize", "signal")  # what such a program can be told besides keys


class ExecSource:
    """What the program prints. Nothing of it is dropped: while the client does not read, nor do we, nor its host."""

    def __init__(self, typist: Typist) -> None:
        self.stalled = False
        self.ending: Ending | None = None
        self._said: deque[bytes] = deque()
        self._output: deque[bytes] = deque()
        self._waiting = 0  # octets of output
        self._room = trio.Event()
        self._last: bytes | None = None
        self._typist = typist

    @property
    def unsaid(self) -> int:
        return len(self._said)

    def say(self, **message: object) -> None:
        self._said.append(text(to_json(message)))

    async def follow(self, line: Line, moved: Callable[[], None]) -> None:
        """Carry what the program's host tells, to its end."""
        with suppress(Broken):
            while told := await line.receive():
                for frame in told:
                    self._take(frame)
                moved()
                while self._waiting > BATCH:
                    self._room = trio.Event()
                    await self._room.wait()
        if self._last is None and self.ending is None:
            self._end({"code": None, "signal": None})  # its host was killed, and nobody knows how it went
        moved()

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.OUTPUT:
            self._output.append(octets(OUTPUT, frame.number, frame.payload))
            self._waiting += len(self._output[-1])
        elif frame.kind is Kind.TYPED:
            self._typist.typed(frame.number)
        elif frame.kind is Kind.ANSWER:
            answer = frame.json()
            if "error" in answer:
                refused = Refused(*(str(answer["error"][key]) for key in ("code", "detail", "hint")))
                self.say(type="refused", id=None, error=problem(refused))
            self._end(answer.get("exit") or {"code": NOT_STARTED, "signal": None})

    def _end(self, how: dict[str, Any]) -> None:
        self._last = text(to_json({"type": "exit", "code": how["code"], "signal": how["signal"]}))

    def batch(self) -> Batch:
        batch = Batch(said=len(self._said))
        last = [self._last] if self._last is not None else []
        for piece in [*self._said, *self._output, *last]:
            if batch.is_full:
                batch.more = True
                break
            batch.add(piece, NOWHERE)
        return batch

    def advance(self, batch: Batch, count: int) -> None:
        for _ in range(count):
            if self._said:
                self._said.popleft()
            elif self._output:
                self._waiting -= len(self._output.popleft())
            else:
                self._last, self.ending = None, Ending(NORMAL)
        if self._waiting <= BATCH:
            self._room.set()

    def is_done(self, batch: Batch, count: int) -> bool:
        return count == len(batch.pieces) and not batch.more

    async def fetch(self) -> None:
        """Everything is in memory."""
        await trio.lowlevel.checkpoint()


class ExecDesk:
    """What a client says to the program: keys, sizes and signals. Who has the connection has the program."""

    def __init__(self, line: Line, typist: Typist, sender: Sender, outlet: Outlet) -> None:
        self._line = line
        self._typist = typist
        self._sender = sender
        self._outlet = outlet
        self._refused_at = -REFUSED_SECONDS

    def may_take_keys(self) -> bool:
        """Whether `take_keys` may be called without waiting for room first."""
        return self._typist.has_room

    def take_keys(self, keys: bytes) -> None:
        try:
            self._typist.type(keys)
        except Broken as error:
            now = trio.current_time()
            if now - self._refused_at >= REFUSED_SECONDS:
                self._refused_at = now
                self._refuse(None, _not_taken(error))

    async def _wait_room(self) -> None:
        """Wait for a program that reads later as its pipe would, for ever, but not for a client that has gone."""
        while not self._typist.has_room:
            with trio.move_on_after(GONE_SECONDS):
                await self._typist.wait_room()
            if self._outlet.is_gone:  # nobody reads the line meanwhile, and so nobody sees its end
                raise trio.BrokenResourceError("the client has left")

    async def take(self, frame: str | bytes) -> None:
        """One frame. Waits while the program, or its host, has not read what it was sent."""
        message = parse(frame)
        await self._line.wait_clear()
        if isinstance(message, Keys):
            await self._wait_room()
            self.take_keys(message.data)
        elif isinstance(message, Ping):
            self._sender.say(type="pong", id=message.id)
        elif isinstance(message, Unfit):
            self._refuse(message.id, message.refused)
        elif isinstance(message, Order):
            self._take_order(message)

    def _take_order(self, order: Order) -> None:
        try:
            if order.kind not in KINDS:
                detail = f"a program without a session takes no {order.kind}"
                raise Refused("invalid", detail, f"use one of: {' '.join(KINDS)}")
            self._line.send(json_frame(Kind.COMMAND, order.wish))
        except Refused as refused:
            self._refuse(order.id, refused)
        except Broken as error:
            self._refuse(order.id, _not_taken(error))
        else:
            self._sender.say(type="ack", id=order.id, seq=None)  # no journal, hence no number

    def _refuse(self, id: str | None, refused: Refused) -> None:
        self._sender.say(type="refused", id=id, error=problem(refused))


def _not_taken(error: Broken) -> Refused:
    return Refused("not_running", f"the program does not take this: {error}", "wait for its exit")


async def converse(line: Line, source: ExecSource, moved: Callable[[], None]) -> None:
    """Carry in both directions, until whoever runs this has seen how the program ended."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(source.follow, line, moved)
        with suppress(Broken):  # the program's end is told by the other task
            await line.flush_forever()
        await trio.sleep_forever()
