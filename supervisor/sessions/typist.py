"""The way of keys to the terminal of one session: straight, where the worker has lent it, else over the link."""

from __future__ import annotations

import trio

from supervisor.sessions.line import Clogged, Line
from workers.core.wire import Frame, Kind

MOST = 512 << 10  # octets that wait for the program at its worker, which takes twice that, prompts included
ROOM = MOST // 2  # whoever can wait does so from here on; what cannot has come in one small read
ROOM_SECONDS = 30.0  # a program that builds reads nothing for that long; who pastes into one waits, as at any terminal


class Typist:
    """Types what it is given in its order. What cannot be written straight goes over the link, and then all that
    follows does, until the worker says that its own queue is empty."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._sent = self._typed = 0  # numbers of KEYS: sent over the link, and known to be with the program
        self._waiting = 0  # octets that were sent over the link and may not be with the program
        self._has_dropped = False  # until the queue is empty
        self._emptied = trio.Event()

    @property
    def has_room(self) -> bool:
        """Whether a small piece is certainly taken."""
        return self._waiting < ROOM and not self._has_dropped

    async def wait_room(self) -> None:
        """Before more is typed: return when there is room, the line is closed, or `ROOM_SECONDS` are over."""
        if self._waiting < ROOM:
            return
        with trio.move_on_after(ROOM_SECONDS):
            await self._emptied.wait()

    def type(self, keys: bytes) -> None:
        """Raises Broken, or Clogged for keys for which there is no room. Then all others are refused as well until the
        program has read what waits: what follows a gap may mean something else than it did."""
        if self._line.lent >= 0 and self._typed == self._sent:
            keys = keys[self._line.write_lent(keys) :]
            if not keys:
                return
        if self._has_dropped or self._waiting + len(keys) > MOST:
            self._has_dropped = self._typed != self._sent
            raise Clogged("its program does not read what is typed, so this was dropped")
        self._send(Frame(Kind.KEYS, self._sent + 1, keys))
        self._waiting += len(keys)

    def stand_back(self, frame: Frame) -> None:
        """Send something that no key may overtake. Raises Broken, or Clogged, and then it was not sent."""
        self._send(frame, Frame(Kind.KEYS, self._sent + 1))

    def _send(self, *frames: Frame) -> None:
        self._line.send(*frames)
        self._sent += 1

    def typed(self, number: int) -> None:
        """The worker has given everything up to this number to the program."""
        self._typed = number
        if number == self._sent:
            self._waiting, self._has_dropped = 0, False
            self._wake()

    def close(self) -> None:
        """Nobody needs to wait any more."""
        self._wake()

    def _wake(self) -> None:
        self._emptied.set()
        self._emptied = trio.Event()
