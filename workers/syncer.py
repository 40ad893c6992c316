"""Puts a journal on disk in a thread, so that no slow disk ever stops the loop that carries the bytes.

The host's loop calls `wrote` for what it appended, `tick` when `due` has come, `request` for what must be on disk at
once, and `done` when `fd` is readable. There is at most one batch under way; what comes meanwhile is the next one.
"""

from __future__ import annotations

import os

# Not `queue` and `threading`: what the latter does behind each fork writes to 300 KiB of every worker's memory.
from _queue import SimpleQueue
from _thread import allocate_lock, stack_size, start_new_thread
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.segments import sync

FLUSH_OCTETS = 256 << 10  # what a power cut may take of output, at most; about what a disk writes in one go
FLUSH_SECONDS = 0.2  # likewise in time
STACK = 64 << 10  # the thread calls fdatasync and nothing else; 32 of them run on a box


class Syncable(Protocol):
    """What the syncer needs of a log."""

    def take_unsynced(self) -> list[int]: ...
    def roll_next(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request: on disk, or not known to be (`error`), which no later success can mend."""

    token: Hashable
    error: OSError | None


@dataclass(frozen=True, slots=True)
class _Batch:
    descriptors: list[int]
    tokens: list[Hashable]


class Syncer:
    """Groups fdatasyncs of `logs`. `due` is the monotonic time for the next `tick`, None when nothing waits."""

    def __init__(self, logs: Sequence[Syncable]) -> None:
        self.due: float | None = None
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._logs = logs
        self._dirty = 0
        self._waiting: list[Hashable] = []
        self._busy = False
        self._batches: SimpleQueue[_Batch | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[_Batch, OSError | None]] = SimpleQueue()
        self._running = allocate_lock()
        self._running.acquire()
        before = stack_size(STACK)
        try:
            start_new_thread(self._run, ())
        finally:
            stack_size(before)

    def wrote(self, octets: int, now: float) -> None:
        """`octets` were appended to a log at monotonic time `now`."""
        self._dirty += octets
        if self.due is None:
            self.due = now + FLUSH_SECONDS
        if self._dirty >= FLUSH_OCTETS:
            self._start()

    def tick(self, now: float) -> None:
        """Call at `due`."""
        if self.due is not None and now >= self.due:
            self.due = now + FLUSH_SECONDS  # for the case that a batch is still under way
            self._start()

    def request(self, token: Hashable) -> None:
        """Put all that was appended so far on disk at once; `done` will name the token."""
        self._waiting.append(token)
        self._start()

    def done(self) -> list[Done]:
        """The requests that were settled since the last call. Call when `fd` is readable."""
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            return []
        return self._settle()

    def close(self) -> list[Done]:
        """Put everything on disk, end the thread, and settle every request that is open. Blocks."""
        settled = self._settle() if self._busy else []
        self._start()  # takes what is left, or finds that `_settle` has started it
        settled += self._settle()
        self._batches.put(None)
        self._running.acquire()
        os.close(self.fd)
        return settled

    def _settle(self) -> list[Done]:
        batch, error = self._results.get()
        self._busy = False
        if error is not None:
            for log in self._logs:
                log.roll_next()
        if self._waiting or self._dirty >= FLUSH_OCTETS:
            self._start()
        return [Done(token, error) for token in batch.tokens]

    def _start(self) -> None:
        if self._busy:
            return  # the next batch will take all that was written until then
        self._busy, self._dirty, self.due = True, 0, None
        tokens, self._waiting = self._waiting, []
        self._batches.put(_Batch([fd for log in self._logs for fd in log.take_unsynced()], tokens))

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._results.put((batch, sync(batch.descriptors)))
            os.eventfd_write(self.fd, 1)
        self._running.release()
