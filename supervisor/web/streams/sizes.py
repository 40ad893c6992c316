"""Live resizes on their way to a reader: a terminal must change its size where the program's did."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass

from supervisor.web.streams.snapshot import size_message

SIZES = 256  # resizes that wait for the output before them; when full the events wait with them
_RESIZED = b'"sessionUpdate":"_rc/resized"'


@dataclass(frozen=True, slots=True)
class Size:
    """A live resize: told when event `seq` and all output before `offset` are."""

    seq: int
    offset: int
    message: bytes


class Sizes:
    """The sizes that one reader has still to be told. `waiting` are those whose event it has; they come in order."""

    def __init__(self, live_after: int) -> None:
        """Resizes up to event `live_after` are events only: whoever reads of them knows the size by now."""
        self.waiting: deque[Size] = deque()
        self.coming: Size | None = None  # of an event that is next to go out
        self._live_after = live_after

    @property
    def is_full(self) -> bool:
        return len(self.waiting) >= SIZES

    def stop(self, end: int) -> int:
        """Where output that goes up to `end` stops for now: a size has to be told there."""
        return min(self.waiting[0].offset, end) if self.waiting else end

    def notice(self, seq: int, body: bytes) -> bool:
        """Whether this event is a live resize: then its size comes next, or after the output before it."""
        if seq <= self._live_after or _RESIZED not in body:
            return False
        update = json.loads(body)["update"]
        rows, columns, offset = (update.get(name) for name in ("rows", "columns", "terminal_offset"))
        if update["sessionUpdate"] != "_rc/resized" or not all(
            isinstance(each, int) for each in (rows, columns, offset)
        ):
            return False  # an agent may say what it likes, and this is called in the walk of its session
        self.coming = Size(seq, offset, size_message(rows, columns))
        return True

    def take_due(self, seq: int, offset: int) -> list[bytes]:
        """The messages whose turn it is when a reader has everything up to here."""
        if self.coming is not None and seq >= self.coming.seq:
            self.waiting.append(self.coming)
            self.coming = None
        due = []
        while self.waiting and self.waiting[0].offset <= offset:
            due.append(self.waiting.popleft().message)
        return due

    def clear(self) -> None:
        self.waiting.clear()
        self.coming = None
