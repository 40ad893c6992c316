"""Whether a remote worker is there, and over which line: it comes and goes, and at most one line counts."""

from __future__ import annotations

from typing import Protocol

import trio

from supervisor.sessions.line import Clogged

AWAY_SECONDS = 5.0  # without a line: a worker that was cut off is back within two
SILENT_SECONDS = 10.0  # without a word on a line where it should speak: two of its pings were lost


class WorkerLine(Protocol):
    """A line to the worker. `speaks`: on it the worker says again and again that it is there."""

    @property
    def generation(self) -> int: ...

    @property
    def speaks(self) -> bool: ...

    def tell(self, **message: object) -> None: ...

    def type(self, keys: bytes) -> bool:
        """Send keys; false, and nothing is sent, when too many wait already."""
        ...

    @property
    def has_room(self) -> bool: ...

    async def wait_room(self) -> None: ...

    def end(self, reason: str) -> None:
        """Say why, and cut it."""
        ...


class Presence:
    """The line that counts, and when the worker was heard last. Also the way of keys to it."""

    def __init__(self, now: float) -> None:
        self._line: WorkerLine | None = None
        self._heard_at = now

    @property
    def line(self) -> WorkerLine | None:
        return self._line

    def is_missed(self, now: float) -> bool:
        """Whether it has been away, or silent, for too long."""
        if self._line is None:
            return now - self._heard_at > AWAY_SECONDS
        return self._line.speaks and now - self._heard_at > SILENT_SECONDS

    def heard(self, now: float) -> None:
        self._heard_at = now

    def come(self, line: WorkerLine, now: float) -> None:
        """A line from now on; the one before it is cut."""
        if self._line is not None:
            self._line.end("superseded")
        self._line, self._heard_at = line, now

    def go(self, line: WorkerLine, now: float) -> None:
        """A line that has ended; perhaps another one counts since."""
        if self._line is line:
            self._line, self._heard_at = None, now

    def end(self, reason: str) -> None:
        """Cut the line, if there is one."""
        if self._line is not None:
            self._line.end(reason)

    def tell(self, **message: object) -> None:
        """Told if it is there; what counts is told again when it comes."""
        if self._line is not None:
            self._line.tell(**message)

    # As `typist.Typist` for a local worker. Keys that meet nobody are lost, like those for a worker that is gone.

    @property
    def has_room(self) -> bool:
        return self._line is None or self._line.has_room

    async def wait_room(self) -> None:
        if self._line is not None:
            await self._line.wait_room()
        else:
            await trio.lowlevel.checkpoint()

    def type(self, keys: bytes) -> None:
        """Raises Clogged when too many wait already."""
        if self._line is not None and not self._line.type(keys):
            raise Clogged("its worker does not read what is typed, so this was dropped")
