"""The worker's hand on its journal: writes before it tells, has records put on disk, and outlasts a full disk."""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Protocol

from workers.core.events import Blob
from workers.core.past import Past
from workers.core.session import WriteEvent
from workers.errors import Refused
from workers.journalfile import TERMINAL_KEEP, EventLog, TerminalLog
from workers.journalread import read_events
from workers.reserve import LAST_WORDS, Reserve
from workers.syncer import Done, Syncer

RETRY_SECONDS = 1.0  # how often a full disk is tried
PAGE_EVENTS, PAGE_OCTETS = 1000, 1 << 20
CROWD = 1000  # events that wait for room: a full disk may stay so for days, and a worker's memory must not
BLOBS = "blobs"


class Told(Protocol):
    """Who hears what is in the journal, and how the disk is."""

    def event_written(self, seq: int, at_ns: int, body: bytes) -> None: ...

    def output_written(self, offset: int, data: bytes) -> None: ...

    def disk_is_full(self) -> None: ...

    def disk_has_room(self) -> None: ...


class SideFiles:
    """Small files beside the journal, put on disk with it: not one system call more on the loop than writing takes."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._unsynced: list[int] = []

    def write(self, name: str, data: bytes) -> None:
        """Put a whole file into place. Raises OSError, and then nothing is there that was not there before."""
        path = os.path.join(self._directory, name)
        descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(descriptor, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.rename(f"{path}.new", path)
        except OSError:
            # Closed at once: nothing that syncs comes while the disk is full, and a full disk is tried for hours.
            os.close(descriptor)
            os.unlink(f"{path}.new")
            raise
        self._unsynced.append(descriptor)
        self._unsynced.append(os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def take_unsynced(self) -> list[int]:
        taken, self._unsynced = self._unsynced, []
        return taken

    def roll_next(self) -> None:
        """Nothing goes on in these files."""


Answer = Callable[[OSError | None], None]  # called once: on disk, or not known to be


class Recorder:
    """Events wait in `_backlog` while the disk is full; their numbers are not told before they are written.

    Output does not wait: at most one read of it is kept, and the program is not read until there is room. Of what is
    on disk at most `terminal_keep` octets stay.
    """

    def __init__(self, directory: str, told: Told, terminal_keep: int = TERMINAL_KEEP) -> None:
        self.full_until: float | None = None  # when a full disk is tried again; None: there is room
        self._directory = directory
        self._told = told
        self._events = EventLog.open(directory)
        self._terminal = TerminalLog.open(directory, terminal_keep)
        self._files = SideFiles(directory)
        self._reserve = Reserve(directory)
        self._backlog: deque[tuple[WriteEvent, int]] = deque()
        self._late: dict[str, bytes] = {}  # small files that wait as well, by name
        self._held = b""
        self._answers: dict[Hashable, Answer] = {}  # of what is being put on disk, by token
        self._unsettled: deque[Answer] = deque()  # those whose event is not even written
        self._syncer: Syncer | None = None

    @property
    def damage(self) -> list[str]:
        """What was found broken when the journal was opened."""
        events = [each.text("events") for each in self._events.damage]
        return events + [each.text("octets of output") for each in self._terminal.damage]

    @property
    def first_seq(self) -> int:
        return self._events.first_seq

    @property
    def last_seq(self) -> int:
        """The newest event that may be told."""
        return self._events.last_seq

    @property
    def waits(self) -> bool:
        """Whether something that has happened is not written yet."""
        return bool(self._held or self._backlog)

    @property
    def is_crowded(self) -> bool:
        """Whether so many events wait that no more should be made."""
        return len(self._backlog) >= CROWD

    @property
    def start(self) -> int:
        return self._terminal.start

    @property
    def end(self) -> int:
        return self._terminal.end

    def read_past(self) -> Past:
        """What the kept events say to a worker that goes on with them."""
        past = Past(self._events.last_seq)
        after = 0
        while records := (page := read_events(self._directory, after, PAGE_EVENTS, PAGE_OCTETS)).records:
            for seq, _, body in records:
                past.read(seq, body)
            after = records[-1][0]
            if after >= page.last_seq:
                break
        return past

    def start_syncing(self) -> Syncer:
        """Begin to put things on disk in a thread; not before the last fork."""
        self._syncer = Syncer((self._events, self._terminal, self._files))
        return self._syncer

    # Writing

    def write_event(self, event: WriteEvent) -> None:
        """Write an event, or keep it until there is room; then tell it."""
        self._backlog.append((event, time.time_ns()))
        self._write_backlog()

    def output(self, data: bytes) -> None:
        """Write terminal output and tell it. The caller reads no more while `full_until` is set."""
        assert not self._held
        offset = self._terminal.end
        try:
            self._terminal.append(offset, time.time_ns(), data)
        except Refused:
            self._held = data
            self._become_full()
            return
        self._wrote(len(data))
        self._told.output_written(offset, data)

    def _write_backlog(self) -> None:
        while self._backlog:
            event, at_ns = self._backlog[0]
            try:
                if event.blob is not None:
                    self._keep_blob(event.blob)
                self._events.append(event.seq, at_ns, event.body)
            except (Refused, OSError):
                if self._become_full():
                    continue
                return
            self._backlog.popleft()
            self._wrote(len(event.body))
            self._told.event_written(event.seq, at_ns, event.body)
        while self._unsettled and self._syncer:
            answer = self._unsettled.popleft()
            self._answers[id(answer)] = answer
            self._syncer.request(id(answer))

    def _wrote(self, octets: int) -> None:
        if self._syncer:
            self._syncer.wrote(octets, time.monotonic())

    def _keep_blob(self, blob: Blob) -> None:
        folder = os.path.join(self._directory, BLOBS)
        if os.path.exists(os.path.join(folder, blob.sha256)):
            return
        os.makedirs(folder, 0o700, exist_ok=True)
        self.write_file(os.path.join(BLOBS, blob.sha256), blob.data)

    def write_file(self, name: str, data: bytes) -> None:
        """Put a small file into the bundle; it is on disk with the next records. Raises OSError."""
        self._files.write(name, data)
        self._wrote(len(data))

    def leave_file(self, name: str, data: bytes) -> None:
        """Likewise, but when the disk is full it is written as soon as there is room."""
        self._late[name] = data
        self._write_late()

    # A full disk

    def put_aside(self) -> None:
        """Put room aside for the time when there is none."""
        if self.full_until is None:
            self._reserve.rebuild()

    def _become_full(self) -> bool:
        """Whether that has made some room."""
        was_full = self.full_until is not None
        self.full_until = time.monotonic() + RETRY_SECONDS
        if was_full:
            return False
        made = self._reserve.spend(LAST_WORDS)
        self._told.disk_is_full()
        return made

    def take_last_words(self) -> None:
        """The session ends: should the disk be full, all that was put aside is for what waits."""
        if self.waits and self._reserve.spend():
            self._write_waiting()

    def _write_waiting(self) -> None:
        self._write_backlog()
        if not self._backlog:
            self._write_late()
        if self._held and not self._backlog:
            data, self._held = self._held, b""
            self.output(data)

    def _write_late(self) -> None:
        try:
            while self._late:
                name = next(iter(self._late))
                self.write_file(name, self._late[name])
                del self._late[name]
        except OSError:
            self._become_full()

    def retry(self, now: float) -> None:
        """Call at `full_until`: write what waits; when all of it went and the reserve is back, go on."""
        self.full_until = now + RETRY_SECONDS
        self._write_waiting()
        if not self.waits and not self._late and self._reserve.rebuild():
            self.full_until = None
            self._told.disk_has_room()

    # On disk

    def settle(self, answer: Answer) -> None:
        """Have all that was recorded so far put on disk at once, then call `answer`."""
        self._unsettled.append(answer)
        self._write_backlog()

    def settled(self, _mask: int = 0) -> None:
        """Call when the syncer's descriptor is readable."""
        if self._syncer:
            self._tell_settled(self._syncer.done())

    def _tell_settled(self, settled: list[Done]) -> None:
        for done in settled:
            self._answers.pop(done.token)(done.error)

    def due(self) -> float | None:
        """When `tick` is wanted."""
        times = [at for at in (self.full_until, self._syncer.due if self._syncer else None) if at is not None]
        return min(times, default=None)

    def tick(self, now: float) -> None:
        if self.full_until is not None and now >= self.full_until:
            self.retry(now)
        if self._syncer:
            self._syncer.tick(now)

    def close(self) -> None:
        """Put all on disk and settle what is open. Blocks."""
        if self._syncer:
            self._tell_settled(self._syncer.close())
        self._events.close()
        self._terminal.close()
        self._reserve.spend()
