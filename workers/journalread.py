"""Reading a session's journal, also while its writer appends and trims. The counterpart is `journalfile`.

Nothing is remembered between two calls. A place is found by bisecting one segment's file, so that a page costs about
the same wherever it begins. A segment that vanishes and a record half written are normal and never an error.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from workers.core import journal
from workers.core.journal import HEAD, MAX_PAYLOAD, Record, Scan
from workers.segments import segment_name, segments

WINDOW = 128 << 10  # octets read at a time; about what one page needs
WIDEST = HEAD.size + MAX_PAYLOAD + HEAD.size  # holds any record from its head on, so that reading always advances
NEAR = 4 << 10  # bisecting stops here: about the least that one look costs anyhow
PAGE_RECORDS = 4096  # of single keystrokes a page holds fewer octets, so that none takes much longer than others
PAGE_EVENTS = 200
PAGE_OCTETS = 1 << 20


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in order, with no number missing between them.

    `gap` holds the first and last of the numbers that are missing right before `records`: no longer kept, or damaged.
    """

    records: list[tuple[int, int, bytes]]
    gap: tuple[int, int] | None
    last_seq: int


@dataclass(frozen=True, slots=True)
class TerminalPage:
    """Output from `start` on, which is more than what was asked for when that is not kept, or damaged.

    `kept_from` and `end` bound all that is kept.
    """

    start: int
    data: bytes
    kept_from: int
    end: int


def read_events(directory: str, after: int, limit: int = PAGE_EVENTS, max_bytes: int = PAGE_OCTETS) -> EventPage:
    """At most `limit` events after number `after`; at most `max_bytes`, but always one when there is one."""
    last_seq = _last_seq(directory)  # first, or an event written meanwhile would look like a gap
    records: list[tuple[int, int, bytes]] = []
    octets = 0
    for record in _records(directory, "events", after + 1):
        if record.number <= after:
            continue
        octets += len(record.payload)
        full = len(records) >= limit or octets > max_bytes
        if records and (full or record.number != records[-1][0] + 1):
            break
        records.append((record.number, record.at_ns, record.payload))
    last_seq = max(last_seq, records[-1][0] if records else 0)
    next_known = records[0][0] if records else last_seq + 1
    gap = (after + 1, next_known - 1) if next_known > after + 1 else None
    return EventPage(records, gap, last_seq)


def read_events_before(
    directory: str, before: int, limit: int = PAGE_EVENTS, max_bytes: int = PAGE_OCTETS
) -> EventPage:
    """The at most `limit` events right below number `before`, in order; at most `max_bytes`, but always one.

    None at all when those right below are missing: then `gap` ends at `before` - 1, and the next page is before it.
    """
    last_seq = _last_seq(directory)
    before = min(before, last_seq + 1)
    first = max(1, before - limit)
    oldest = _oldest(directory, "events", 1)
    at = 0 if oldest >= first else first - 1  # the number read last
    missing_from = at + 1
    records: deque[tuple[int, int, bytes]] = deque()
    octets = 0
    for record in _records(directory, "events", first):
        if record.number >= before:
            break
        if record.number < first:
            continue
        if record.number != at + 1:
            records.clear()
            octets, missing_from = 0, at + 1
        at = record.number
        records.append((at, record.at_ns, record.payload))
        octets += len(record.payload)
        while octets > max_bytes and len(records) > 1:
            octets -= len(records.popleft()[2])
            missing_from = records[0][0]
    if at + 1 != before:
        return EventPage([], (at + 1, before - 1), last_seq)
    gap = (missing_from, records[0][0] - 1) if records and missing_from < records[0][0] else None
    return EventPage(list(records), gap, last_seq)


def read_terminal(directory: str, start: int, limit: int = WINDOW) -> TerminalPage:
    """At most `limit` octets of output from offset `start` on, or from where there is some again."""
    kept_from, end = terminal_bounds(directory)
    at = start = max(start, kept_from)
    pieces: list[bytes] = []
    for record in _records(directory, "terminal", start):
        if record.number + len(record.payload) <= start:
            continue
        if not pieces:
            at = start = max(start, record.number)
        if record.number > at or at - start >= limit or len(pieces) >= PAGE_RECORDS:
            break
        from_here = at - record.number
        pieces.append(record.payload[from_here : from_here + limit - (at - start)])
        at += len(pieces[-1])
    if not pieces:
        return TerminalPage(max(start, end), b"", kept_from, end)
    return TerminalPage(start, b"".join(pieces), kept_from, max(end, at))


def terminal_bounds(directory: str) -> tuple[int, int]:
    """The oldest offset kept, and the end of all output."""
    tail = _tail(directory, "terminal")
    if tail is None:
        return 0, 0
    first, found = tail
    return _oldest(directory, "terminal", first), found.next_offset(first)


def _last_seq(directory: str) -> int:
    tail = _tail(directory, "events")
    return tail[1].next_seq(tail[0]) - 1 if tail else 0


def _oldest(directory: str, what: str, otherwise: int) -> int:
    return next(iter(segments(directory, what)), otherwise)


def _tail(directory: str, what: str) -> tuple[int, Scan] | None:
    """The first number of the newest segment, and what the end of it holds; None without any segment."""
    while firsts := segments(directory, what):
        try:
            descriptor = _open(directory, what, firsts[-1])
        except FileNotFoundError:
            continue  # trimmed since we looked
        try:
            found = _read_tail(descriptor, firsts[-1])
            # A writer that cuts a short write back while we read can look like damage; real damage stays.
            return firsts[-1], _read_tail(descriptor, firsts[-1]) if found.doubtful or found.lost else found
        finally:
            os.close(descriptor)
    return None


def _read_tail(descriptor: int, first: int) -> Scan:
    size = os.fstat(descriptor).st_size
    position = _locate(descriptor, size, first, None)
    return journal.scan(first, position, os.pread(descriptor, size - position, position), final=True)


def _records(directory: str, what: str, number: int) -> Iterator[Record]:
    """Whole records from about `number` on, over all segments, as they are when each of them is reached."""
    done = -1
    while firsts := [first for first in _reaching(segments(directory, what), number) if first > done]:
        done = firsts[0]
        try:
            descriptor = _open(directory, what, done)
        except FileNotFoundError:
            continue  # trimmed since we looked; the numbers show the gap
        try:
            yield from _walk(descriptor, done, number)
        finally:
            os.close(descriptor)


def _reaching(firsts: list[int], number: int) -> list[int]:
    return firsts[max(0, bisect_right(firsts, number) - 1) :]


def _walk(descriptor: int, first: int, number: int) -> Iterator[Record]:
    position = _locate(descriptor, os.fstat(descriptor).st_size, first, number)
    width = WINDOW
    while True:
        data = os.pread(descriptor, width, position)
        final = len(data) < width
        found = journal.scan(first, position, data, final)
        yield from found.records
        if final:
            return
        width = WINDOW if found.stop > position else WIDEST
        position = found.stop


def _locate(descriptor: int, size: int, first: int, number: int | None) -> int:
    """The position of a record at or before `number` (None: the last one) and not far from it."""
    low, high = 0, size
    while high - low > NEAR:
        middle = (low + high) // 2
        data = os.pread(descriptor, min(WINDOW, high - middle), middle)
        found = journal.find_number(first, middle, data)
        if found is None or (number is not None and found[1] > number):
            high = middle
        else:
            low = found[0]
    return low


def _open(directory: str, what: str, first: int) -> int:
    return os.open(os.path.join(directory, segment_name(what, first)), os.O_RDONLY | os.O_CLOEXEC)
