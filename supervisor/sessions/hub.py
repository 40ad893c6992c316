"""One session's cached tail, and what its readers need: a cursor finds here what is new, and on disk what is older."""

from __future__ import annotations

import contextlib
import itertools
import struct
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import trio

EVENTS_CACHED = 256 << 10  # octets of client frames; older ones are read from disk, a page at a time
RING = 1 << 20  # octets of terminal output; a connection further behind is `behind` by the interface's rule
_OUTPUT = struct.Struct(">BQ")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Terminal output from `offset`. `frame` is the finished WebSocket message, built once for every connection."""

    offset: int
    data: bytes
    frame: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


def output_message(kind: int, offset: int, data: bytes) -> bytes:
    """An unmasked binary WebSocket message (RFC 6455 §5.2) with the interface's header of nine octets."""
    length = _OUTPUT.size + len(data)
    if length < 126:
        head = bytes((0x82, length))
    elif length < 1 << 16:
        head = b"\x82\x7e" + length.to_bytes(2, "big")
    else:
        head = b"\x82\x7f" + length.to_bytes(8, "big")
    return b"".join((head, _OUTPUT.pack(kind, offset), data))


class Hub:
    """The newest events and terminal octets of a session, and who waits for more.

    `last_seq` and `end` are the newest known; what lies below the caches is on disk. The ring exists only while
    somebody looks: `on_look` is called with True for the first looker and with False after the last.
    """

    def __init__(self, last_seq: int, end: int, on_look: Callable[[bool], None]) -> None:
        self.last_seq = last_seq
        self.end = end
        self.lookers = 0
        self._on_look = on_look
        self._events: deque[tuple[int, bytes]] = deque()
        self._events_size = 0
        self._chunks: deque[Chunk] = deque()
        self._ring_start: int | None = None
        self._waiting = trio.Event()
        self._pushes: dict[int, Callable[[Chunk], None]] = {}
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
        chunk = Chunk(offset, data, output_message(1, offset, data))
        self._chunks.append(chunk)
        self.end = chunk.end
        while self.end - self._chunks[0].offset > RING and len(self._chunks) > 1:
            self._chunks.popleft()
        self._ring_start = self._chunks[0].offset
        for push in tuple(self._pushes.values()):
            push(chunk)
        self.tell()

    def advance(self, end: int) -> None:
        """Output up to `end` is on disk, and does not come over the link."""
        if end > self.end:
            self.end = end
            self.tell()

    def tell(self) -> None:
        """Wake whoever waits: something about this session is new."""
        if self._waiting.statistics().tasks_waiting:
            self._waiting.set()
            self._waiting = trio.Event()

    # What readers ask

    def events_after(self, seq: int) -> list[tuple[int, bytes]] | None:
        """(seq, client frame) of all events after `seq`; None when some of them are only on disk."""
        if seq >= self.last_seq:
            return []
        if not self._events or seq + 1 < self._events[0][0]:
            return None
        return list(itertools.islice(self._events, seq + 1 - self._events[0][0], None))

    def output_from(self, offset: int) -> list[Chunk] | None:
        """The chunks that hold what follows `offset`, the first perhaps beginning before it. None: not in the ring."""
        if offset >= self.end:
            return []
        if self._ring_start is None or offset < self._ring_start:
            return None
        first = bisect_right(self._chunks, offset, key=lambda chunk: chunk.offset) - 1
        return list(itertools.islice(self._chunks, max(first, 0), None))

    async def wait_news(self) -> None:
        """Return when something is new since this call: check, then wait, with nothing awaited in between."""
        await self._waiting.wait()

    async def wait_beyond(self, seq: int, offset: int) -> None:
        """Return at once when an event after `seq` or output beyond `offset` is known, else at the next news."""
        if self.last_seq > seq or self.end > offset:
            await trio.lowlevel.checkpoint()
            return
        await self._waiting.wait()

    @contextlib.contextmanager
    def looking(self, push: Callable[[Chunk], None] | None = None) -> Iterator[None]:
        """While at least one looker is in, output comes and the ring is kept. `push` is called with each new chunk
        before the waiting tasks wake: it may send at once, and must neither wait nor raise."""
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
