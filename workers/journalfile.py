"""Writing a session's journal: events and terminal output, in segments. The counterpart is `journalread`.

There is one writer, the holder of the bundle's lock.
"""

from __future__ import annotations

from workers.core import journal
from workers.core.journal import Damage, RecordKind
from workers.segments import Segments

EVENTS_KEEP = 64 << 20  # octets of events kept for a session; then the oldest become a gap
TERMINAL_KEEP = 64 << 20  # octets of terminal output kept for a session, at most


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
        if self._files.write(RecordKind.EVENT, seq, at_ns, body):
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
        rolled = self._files.write(RecordKind.OUTPUT, offset, at_ns, data)
        self.end = offset + len(data)
        if rolled or self.end - self.start > self._keep:
            while self._has_too_much():
                self._files.drop_oldest()
            self.start = self._files.firsts[0]

    def take_unsynced(self) -> list[int]:
        """See Segments.take_unsynced."""
        return self._files.take_unsynced()

    def roll_next(self) -> None:
        """See Segments.roll_next."""
        self._files.roll_next()

    def close(self) -> None:
        self._files.close()

    def _has_too_much(self) -> bool:
        firsts = self._files.firsts
        if len(firsts) < 2:
            return False
        # Heads are large beside single keystrokes: the room on disk is bounded too.
        return self.end - firsts[0] > self._keep or self._files.without_oldest >= self._keep + self._keep // 8

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


def _cut_torn(files: Segments, found: list[Damage], stop: int, size: int, last: int) -> None:
    if stop < size:
        files.cut_last(stop)
        found.append(Damage(last + 1, last, f"an unfinished record of {size - stop} octets was cut off"))
