"""Repeats: whether a command was accepted before, as a session's journal tells when no worker can."""

from __future__ import annotations

import trio

from workers.core.past import Past
from workers.journalread import read_events

PAGE = 1 << 20
READERS = 2  # journals of 64 MiB that are read at once; a client that repeats itself to an ended session can wait

_readers = trio.CapacityLimiter(READERS)


async def first_acceptance(directory: str, message_id: str) -> int | None:
    """The number under which this was first accepted; None when it is not among the last that are known."""
    return await trio.to_thread.run_sync(_look, directory, message_id, limiter=_readers)


def _look(directory: str, message_id: str) -> int | None:
    past = Past()
    while records := read_events(directory, past.last_seq, 1000, PAGE).records:
        for seq, _at, body in records:
            past.read(seq, body)
    return past.seq_of(message_id)
