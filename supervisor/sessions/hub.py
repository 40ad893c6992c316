"""One session's cached tail, and what its readers need: a cursor finds here what is new, and on disk what is older."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import trio

from supervisor.core.frames import OUTPUT, octets
from workers.journalread import EventPage, TerminalPage, read_events, read_events_before, read_terminal

EVENTS_CACHED = 256 << 10  # octets of client frames; older ones are read from disk, a page at a time
RING = 1 << 20  # octets of terminal output; a connection further behind is told `behind`
RING_CHUNKS = 4096  # echoed keys make chunks of one octet, which cost far more than they hold
PAGE = 256 << 10  # octets of events read from disk at once


class Chunk(NamedTuple):  # a tuple, because every echo is one
    """Terminal output from `offset` to `end`. `frame` is the finished WebSocket message, built once for every
    connection; it is also where the octets are kept."""

    offset: int
    end: int
    frame: bytes

    def octets(self, start: int, end: int) -> bytes:
        """The octets between two offsets of this chunk."""
        last = len(self.frame) - (self.end - end)
        return self.frame[last - (end - start) : last]


Push = Callable[[Chunk | None], None]


class Hub:
    """The newest events and terminal octets of a session, and who waits for more.

    `last_seq` and `end` are the newest known; what lies below the caches is on disk. The ring exists only while
    somebody looks: `on_look` is called with True for the first looker and with False after the last.
    """

    def __init__(self, directory: str, last_seq: int, end: int, on_look: Callable[[bool], None]) -> None:
        self._directory = directory
        self.last_seq = last_seq
        self.end = end
        self.lookers = 0
        self._on_look = on_look
        self._events: deque[tuple[int, bytes]] = deque()
        self._events_size = 0
        self._chunks: deque[Chunk] = deque()
        self._ring_start: int | None = None
        self._waiting: trio.Event | None = None  # while somebody waits
        self._pushes: dict[int, Push] = {}
        self._push_numbers = itertools.count()

    # What the link tells

    def add_event(self, seq: int, frame: bytes) -> None:
        """An event as a client frame. A number that is known already is passed over: an adopted worker repeats some."""
        if seq <= self.last_seq:
            return
        if seq != self.last_seq + 1:
            self._events.clear()
            self._events_size = 0
        self.last_seq = seq
        self._events.append((seq, frame))
        self._events_size += len(frame)
        while self._events_size > EVENTS_CACHED and len(self._events) > 1:
            self._events_size -= len(self._events.popleft()[1])
        self.tell()

    def restart_events(self, last_seq: int) -> None:
        """Events up to `last_seq` happened while nobody was linked: they are read from disk."""
        self._events.clear()
        self._events_size = 0
        self.last_seq = last_seq
        self.tell()

    def go_live(self, offset: int) -> None:
        """The ring starts anew at `offset`; what lies before is on disk."""
        self._chunks.clear()
        self._ring_start = offset
        self.end = max(self.end, offset)
        self.tell()

    def drop_ring(self) -> None:
        """No output comes until `go_live`."""
        self._chunks.clear()
        self._ring_start = None

    def add_output(self, offset: int, data: bytes) -> None:
        if self._ring_start is None:
            self.end = max(self.end, offset + len(data))
            return
        chunk = Chunk(offset, offset + len(data), octets(OUTPUT, offset, data))
        self._chunks.append(chunk)
        self.end = chunk.end
        while len(self._chunks) > RING_CHUNKS or (self.end - self._chunks[0].offset > RING and len(self._chunks) > 1):
            self._chunks.popleft()
        self._ring_start = self._chunks[0].offset
        self.tell(chunk)

    def advance(self, end: int) -> None:
        """Output up to `end` is on disk, and does not come over the link."""
        if end > self.end:
            self.end = end
            self.tell()

    def tell(self, chunk: Chunk | None = None) -> None:
        """Call and wake whoever waits: something about this session is new. `chunk`, if it is output alone."""
        for push in tuple(self._pushes.values()):
            push(chunk)
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    # What readers ask

    def events_after(self, seq: int) -> list[tuple[int, bytes]] | None:
        """(seq, client frame) of all events after `seq`; None when some of them are only on disk."""
        if seq >= self.last_seq:
            return []
        if not self._events or seq + 1 < self._events[0][0]:
            return None
        return list(itertools.islice(self._events, seq + 1 - self._events[0][0], None))

    def output_from(self, offset: int) -> list[Chunk] | None:
        """The chunks that hold what follows `offset`, the first perhaps beginning before it. None: not in the ring.
        No chunks where the ring has come to its end before what is known: its rest is on disk when it goes live."""
        if offset >= self.end:
            return []
        if self._ring_start is None or offset < self._ring_start:
            return None
        found: list[Chunk] = []
        for chunk in reversed(self._chunks):  # readers are near the end, as a rule
            if chunk.end <= offset:
                break
            found.append(chunk)
        found.reverse()
        return found

    async def read_events(self, after: int, limit: int, max_bytes: int = PAGE) -> EventPage:
        """A page of what is on disk after number `after`; see `workers.journalread`."""
        return await trio.to_thread.run_sync(read_events, self._directory, after, limit, max_bytes)

    async def read_events_before(self, before: int, limit: int, max_bytes: int = PAGE) -> EventPage:
        """The page that ends right before number `before`."""
        return await trio.to_thread.run_sync(read_events_before, self._directory, before, limit, max_bytes)

    async def read_terminal(self, start: int, limit: int) -> TerminalPage:
        """At most `limit` octets of output from `start` on, or from where it is kept."""
        return await trio.to_thread.run_sync(read_terminal, self._directory, start, limit)

    async def wait_news(self) -> None:
        """Return when something is new since this call: check, then wait, with nothing awaited in between."""
        if self._waiting is None:
            self._waiting = trio.Event()
        await self._waiting.wait()

    @contextlib.contextmanager
    def looking(self, push: Push | None = None) -> Iterator[None]:
        """While at least one looker is in, output comes and the ring is kept. `push` is called whenever something is
        new, in the step that brought it: it may send at once, and must neither wait nor raise. It is told which
        chunk of output is new, when it is that and nothing else."""
        number = next(self._push_numbers)
        if push is not None:
            self._pushes[number] = push
        self.lookers += 1
        if self.lookers == 1:
            self._on_look(True)
        try:
            yield
        finally:
            self._pushes.pop(number, None)
            self.lookers -= 1
            if self.lookers == 0:
                self.drop_ring()
                self._on_look(False)
