"""Writing a session's journal: events and terminal output, in segments. The counterpart is `journalread`.

There is one writer, the holder of the bundle's lock. A record is written whole or not at all; nothing is ever changed
in the middle of a file. A segment is named after the first number in it, so trimming is to remove the oldest file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from workers.core import journal
from workers.core.journal import Damage, Kind
from workers.errors import Refused

EVENTS_KEEP = 64 << 20  # octets of events kept for a session; then the oldest become a gap
TERMINAL_KEEP = 64 << 20  # octets of terminal output kept for a session
SEGMENT = 4 << 20  # what goes when the oldest goes, and what a reader must be able to skip through
SMALLEST_SEGMENT = 64 << 10  # with a small `keep`, below this files would be made faster than they are worth
SEGMENTS = 16  # a kept history has at least about this many, so that trimming takes little at a time
RESERVE = 192 << 10  # put aside for a disk that is full
LAST_WORDS = 128 << 10  # of it, for a session's end: output that waits, the last records, the notes that are left


def segment_name(what: str, first: int) -> str:
    """The file name of the segment of `what` ("events" or "terminal") that begins with number `first`."""
    return f"{what}-{first}.j"


def segments(directory: str, what: str) -> list[int]:
    """The first numbers of the segments that are there, rising."""
    prefix, suffix = f"{what}-", ".j"
    names = (
        n[len(prefix) : -len(suffix)] for n in os.listdir(directory) if n.startswith(prefix) and n.endswith(suffix)
    )
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


class Segments:
    """The files of one kind of record: where the next one goes, and which file goes first."""

    def __init__(self, directory: str, what: str, keep: int) -> None:
        self._directory = directory
        self._what = what
        self._roll_at = min(SEGMENT, max(keep // SEGMENTS, SMALLEST_SEGMENT))
        self._firsts = segments(directory, what)
        self._sizes = [os.stat(self._path(first)).st_size for first in self._firsts]
        self._fd = -1
        self._full = False  # the next record begins a new segment, whatever the size
        self._retired: dict[int, int] = {}  # full segments whose end is not known to be on disk: first -> descriptor
        self._unsynced = False
        self._new_names = False
        if self._firsts:
            self._fd = self._open(self._firsts[-1])

    @property
    def firsts(self) -> Sequence[int]:
        return self._firsts

    @property
    def without_oldest(self) -> int:
        """Octets of all files but the oldest."""
        return sum(self._sizes[1:])

    def load(self, first: int) -> bytes:
        """The whole of one segment."""
        with open(self._path(first), "rb") as file:
            return file.read()

    def cut_last(self, size: int) -> None:
        """Take from the newest segment what lies behind `size`."""
        os.ftruncate(self._fd, size)
        self._sizes[-1] = size

    def write(self, kind: Kind, number: int, at_ns: int, payload: bytes) -> bool:
        """Append one record; True when it began a new segment. Raises Refused("disk_full") and has written nothing."""
        assert len(payload) <= journal.MAX_PAYLOAD
        try:
            rolled = self._roll(number)
            head = journal.encode_head(self._firsts[-1], self._sizes[-1], kind, number, at_ns, payload)
            written = os.writev(self._fd, (head, payload))
            self._unsynced = True
            if written != len(head) + len(payload):
                self._cut_back()
                raise _disk_full("the disk is full")
        except OSError as error:
            raise _disk_full(str(error)) from error
        self._sizes[-1] += written
        return rolled

    def _cut_back(self) -> None:
        """A disk that fills up writes a part. Where it does not let go of that either, readers pass over it."""
        try:
            os.ftruncate(self._fd, self._sizes[-1])
        except OSError:
            self._sizes[-1] = os.fstat(self._fd).st_size

    def roll_next(self) -> None:
        """Let the next record begin a new segment: a failed sync leaves the end of this one in doubt."""
        self._full = True

    def drop_oldest(self) -> None:
        first = self._firsts.pop(0)
        self._sizes.pop(0)
        if first in self._retired:
            os.close(self._retired.pop(first))
        with contextlib.suppress(OSError):  # somebody was faster, or it goes when the journal is opened next
            os.unlink(self._path(first))

    def take_unsynced(self) -> list[int]:
        """Descriptors for `sync`, so that all that was written is on disk. The caller owns them; `sync` closes them."""
        taken = list(self._retired.values())
        self._retired.clear()
        if self._unsynced:
            taken.append(os.dup(self._fd))
        if self._new_names:
            taken.append(os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        self._unsynced = self._new_names = False
        return taken

    def close(self) -> None:
        for descriptor in (*self._retired.values(), self._fd):
            if descriptor >= 0:
                os.close(descriptor)
        self._retired.clear()
        self._fd = -1

    def _roll(self, number: int) -> bool:
        if self._firsts and (number == self._firsts[-1] or (self._sizes[-1] < self._roll_at and not self._full)):
            return False
        new = self._open(number)
        if self._unsynced:
            self._retired[self._firsts[-1]] = self._fd
        elif self._fd >= 0:
            os.close(self._fd)
        self._fd = new
        self._firsts.append(number)
        self._sizes.append(0)
        self._full, self._unsynced, self._new_names = False, False, True
        return True

    def _open(self, first: int) -> int:
        return os.open(self._path(first), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _path(self, first: int) -> str:
        return os.path.join(self._directory, segment_name(self._what, first))


class EventLog:
    """The numbered events of a session.

    `first_seq` to `last_seq` are the numbers that are kept or known to be lost; `last_seq` is `first_seq` - 1 when
    there are none. `damage` is what was found when the log was opened. The next event has number `last_seq` + 1, also
    when `last_seq` is a lost one: a number is never given out twice.
    """

    def __init__(self, files: Segments, keep: int) -> None:
        self._files = files
        self._keep = keep
        self.first_seq = files.firsts[0] if files.firsts else 1
        self.last_seq = self.first_seq - 1
        self.damage: tuple[Damage, ...] = ()

    @classmethod
    def open(cls, directory: str, keep: int = EVENTS_KEEP) -> EventLog:
        """Reads all that is kept; cuts a torn tail back to the last whole record; never touches the middle."""
        log = cls(Segments(directory, "events", keep), keep)
        found: list[Damage] = []
        for first in log._files.firsts:
            log._note_hole(found, first)
            log._examine(found, first)
        log.damage = tuple(found)
        return log

    def append(self, seq: int, at_ns: int, body: bytes) -> None:
        """Write the next event whole or not at all. `at_ns` is since 1970. Raises Refused("disk_full")."""
        assert seq == self.last_seq + 1
        if self._files.write(Kind.EVENT, seq, at_ns, body):
            while self._files.without_oldest >= self._keep:
                self._files.drop_oldest()
            self.first_seq = self._files.firsts[0]
        self.last_seq = seq

    def take_unsynced(self) -> list[int]:
        """See Segments.take_unsynced."""
        return self._files.take_unsynced()

    def roll_next(self) -> None:
        """See Segments.roll_next."""
        self._files.roll_next()

    def close(self) -> None:
        self._files.close()

    def _note_hole(self, found: list[Damage], number: int) -> None:
        if number > self.last_seq + 1:
            found.append(Damage(self.last_seq + 1, number - 1, "damaged records"))
        self.last_seq = max(self.last_seq, number - 1)

    def _examine(self, found: list[Damage], first: int) -> None:
        data = self._files.load(first)
        scan = journal.scan(first, 0, data, final=True)
        for record in scan.records:
            self._note_hole(found, record.number)
            self.last_seq = max(self.last_seq, record.number)
        if first != self._files.firsts[-1]:
            return  # how many numbers are lost at its end, the name of the next segment says
        self._note_hole(found, scan.next_seq(first))
        _cut_torn(self._files, found, scan.stop, len(data), self.last_seq)


class TerminalLog:
    """The terminal output of a session, by offset. `start` is the oldest octet kept, `end` the offset of the next."""

    def __init__(self, files: Segments, keep: int) -> None:
        self._files = files
        self._keep = keep
        self.start = files.firsts[0] if files.firsts else 0
        self.end = self.start
        self.damage: tuple[Damage, ...] = ()

    @classmethod
    def open(cls, directory: str, keep: int = TERMINAL_KEEP) -> TerminalLog:
        """Reads the newest segment only; cuts a torn tail back to the last whole record."""
        log = cls(Segments(directory, "terminal", keep), keep)
        if log._files.firsts:
            log._examine(log._files.firsts[-1])
        return log

    def append(self, offset: int, at_ns: int, data: bytes) -> None:
        """Write the output that begins at `offset` whole or not at all. Raises Refused("disk_full")."""
        assert offset == self.end
        if self._files.write(Kind.OUTPUT, offset, at_ns, data):
            while self._has_too_much(offset):
                self._files.drop_oldest()
            self.start = self._files.firsts[0]
        self.end = offset + len(data)

    def take_unsynced(self) -> list[int]:
        """See Segments.take_unsynced."""
        return self._files.take_unsynced()

    def roll_next(self) -> None:
        """See Segments.roll_next."""
        self._files.roll_next()

    def close(self) -> None:
        self._files.close()

    def _has_too_much(self, end: int) -> bool:
        firsts = self._files.firsts
        if len(firsts) < 2:
            return False
        # Heads are large beside single keystrokes: the room on disk is bounded too.
        return end - firsts[1] >= self._keep or self._files.without_oldest >= self._keep + self._keep // 8

    def _examine(self, first: int) -> None:
        data = self._files.load(first)
        scan = journal.scan(first, 0, data, final=True)
        found: list[Damage] = []
        self.end = first
        for record in scan.records:
            self._note_hole(found, record.number)
            self.end = record.number + len(record.payload)
        self._note_hole(found, scan.next_offset(first))
        _cut_torn(self._files, found, scan.stop, len(data), self.end - 1)
        self.damage = tuple(found)

    def _note_hole(self, found: list[Damage], offset: int) -> None:
        if offset > self.end:
            found.append(Damage(self.end, offset - 1, "damaged records"))
        self.end = offset


class Reserve:
    """A file that is there to be removed: its room lets last words be written to a full disk."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "reserve")

    def rebuild(self) -> bool:
        """Put the room aside, or what was spent of it, when there is any; True when all of it is there."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:  # a disk can be out of inodes as well
            return False
        left = os.fstat(descriptor).st_size
        try:
            if left < RESERVE:
                os.posix_fallocate(descriptor, 0, RESERVE)
        except OSError:
            os.ftruncate(descriptor, left)
            if not left:
                os.unlink(self._path)
            return False
        finally:
            os.close(descriptor)
        return True

    def spend(self, left: int = 0) -> bool:
        """Give the room free, but for `left` octets; True when there was more."""
        try:
            if os.stat(self._path).st_size <= left:
                return False
            if left:
                os.truncate(self._path, left)
            else:
                os.unlink(self._path)
        except OSError:  # there is none, or the disk does not even give
            return False
        return True


def sync(descriptors: list[int]) -> OSError | None:
    """fdatasync each and close it. An error is told once and not tried again: the kernel has forgotten those pages."""
    failure: OSError | None = None
    for descriptor in descriptors:
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            failure = error
        finally:
            os.close(descriptor)
    return failure


def _cut_torn(files: Segments, found: list[Damage], stop: int, size: int, last: int) -> None:
    if stop < size:
        files.cut_last(stop)
        found.append(Damage(last + 1, last, f"an unfinished record of {size - stop} octets was cut off"))


def _disk_full(why: str) -> Refused:
    return Refused("disk_full", f"the journal cannot be written: {why}", "make room on the disk; it goes on by itself")
