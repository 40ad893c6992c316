"""The way out of one connection: what its source has next, at once where the kernel takes it, else as it takes it."""

from __future__ import annotations

from enum import Enum

import trio

from supervisor.web.streams.outlet import Outlet
from supervisor.web.streams.source import Ending, Source

UNSAID = 64  # answers that a client has not read; when full its next message waits, which is its own doing


class _Left(Enum):
    """What there is to do after one batch."""

    NOTHING = "wait for news"
    MORE = "send on"
    MORE_THAN_FITS = "wait for room"
    NOT_IN_MEMORY = "fetch it"


class Sender:
    """One task runs `run`; `moved` is called, from whatever task, when the source may have something new."""

    def __init__(self, outlet: Outlet, source: Source) -> None:
        self._outlet = outlet
        self._source = source
        self._parked: trio.Event | None = None  # while there is nothing to do
        self._said: trio.Event | None = None  # while somebody waits for answers to go out

    @property
    def is_ready(self) -> bool:
        """Whether there is room for more answers."""
        return self._source.unsaid < UNSAID

    async def wait_ready(self) -> None:
        while not self.is_ready:
            if self._said is None:
                self._said = trio.Event()
            await self._said.wait()

    @property
    def ending(self) -> Ending | None:
        return self._source.ending

    def say(self, **message: object) -> None:
        """Answer the client; whoever does looks first whether there is room (`is_ready`, `wait_ready`)."""
        self._source.say(**message)
        self.moved()

    def pass_on(self, piece: bytes) -> bool:
        """Send one piece that comes next, if there was nothing left to do. False: it was not sent."""
        parked = self._parked
        if parked is None or parked.is_set() or not self._outlet.push((piece,)):
            return False
        if not self._outlet.is_clear:
            parked.set()
        return True

    def moved(self) -> None:
        """Send what is new, in the step that brought it, if all before it is sent; else the task gets to it."""
        if self._parked is None or self._parked.is_set():
            return
        if self._send_next() is not _Left.NOTHING or self._source.ending is not None:
            self._parked.set()

    def _send_next(self) -> _Left:
        """One batch, as far as it goes now."""
        source, outlet = self._source, self._outlet
        if outlet.stalled:
            source.stalled, outlet.stalled = True, False
        batch = source.batch()
        count = outlet.push(batch.pieces) if batch.pieces else 0
        source.advance(batch, count)
        if self._said is not None and self.is_ready:
            self._said.set()
            self._said = None
        if count < len(batch.pieces) or not outlet.is_clear:
            return _Left.MORE_THAN_FITS
        if batch.more and not batch.pieces:
            return _Left.NOT_IN_MEMORY
        return _Left.NOTHING if source.is_done(batch, count) else _Left.MORE

    async def run(self) -> None:
        """Send until the source says that it ends. Raises BrokenResourceError when nobody takes it."""
        while True:
            left = self._send_next()
            if left is _Left.MORE_THAN_FITS:
                await self._outlet.wait_room()
            elif left is _Left.NOT_IN_MEMORY:
                await self._source.fetch()
            elif left is _Left.MORE:
                await trio.lowlevel.checkpoint()
            elif self._source.ending is not None:
                return
            else:
                self._parked = trio.Event()
                await self._parked.wait()
                self._parked = None
