"""The journal's records: how one is written, and how whole ones are found again among damaged octets.

A segment is a file of records and is named after the first number in it. A record is a head of 33 octets (mark,
length, kind, number, time, check of the payload, check of the head; big endian) and its payload. The head's check
also covers the segment's first number and the record's position in the file, so that a copy of a record, printed by
a program that looks at its own journal, is never taken for one. The mark is where a reader goes on behind damage.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

MARK = b"\xfeRJ\x01"  # 0xFE occurs in no UTF-8 text, so it is rare in what agents print
HEAD = struct.Struct(">4sIBQQII")
_FIELDS = struct.Struct(">4sIBQQI")  # the head without its own check
_CHECK = struct.Struct(">I")
_FIRST = struct.Struct(">Q")
MAX_PAYLOAD = 1 << 20  # an update is cut at 192 KiB, a read of the PTY at 64 KiB: a writer with more has a bug


class RecordKind(IntEnum):
    """What a record holds."""

    EVENT = 1  # number: seq; payload: the event's body, a JSON object
    OUTPUT = 2  # number: offset of the first octet; payload: terminal output


class Record(NamedTuple):  # a tuple, because a segment can hold 100,000 of them
    """One whole record. `position` and `end` are octets in its file."""

    position: int
    end: int
    kind: int
    number: int
    at_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """What a journal has lost: the numbers `first` to `last` (`last` < `first`: none), and what was seen."""

    first: int
    last: int
    detail: str

    @property
    def is_torn_end(self) -> bool:
        """Nothing that was ever told is lost, only what was being written when the writer was."""
        return self.last < self.first

    def text(self, what: str) -> str:
        """For people; `what` has such numbers."""
        if self.is_torn_end:
            return f"In the session's journal of {what}, {self.detail}."
        return f"The session's journal has lost {what} {self.first} to {self.last}: {self.detail}."


@dataclass(frozen=True, slots=True)
class Scan:
    """What a stretch of a file holds: its whole records, and the position where the next look has to begin.

    `stop` is the beginning of an unfinished record, else the end of what was looked at. Of the records that are
    damaged behind the last whole one, `doubtful` is number and length of the last whose head is sound, and `lost`
    counts the octets that no sound head explains.
    """

    records: list[Record]
    stop: int
    doubtful: tuple[int, int] | None
    lost: int

    def next_seq(self, first: int) -> int:
        """The first number of an event that was certainly not used; `first` when there is nothing at all."""
        if self.doubtful:
            first = self.doubtful[0] + 1
        elif self.records:
            first = self.records[-1].number + 1
        # What follows is at most one record: of two, the mark of the second would have been found.
        return first + 1 if self.lost else first

    def next_offset(self, first: int) -> int:
        """The first offset of terminal output that was certainly not used; `first` when there is nothing at all."""
        if self.doubtful:
            first = sum(self.doubtful)
        elif self.records:
            first = self.records[-1].number + len(self.records[-1].payload)
        return first + max(0, self.lost - HEAD.size)


def encode_head(first: int, position: int, kind: RecordKind, number: int, at_ns: int, payload: bytes) -> bytes:
    """The head that goes before `payload`, for a record at `position` in the segment that begins with `first`."""
    fields = _FIELDS.pack(MARK, len(payload), kind, number, at_ns, zlib.crc32(payload))
    return fields + _CHECK.pack(zlib.crc32(fields, _seed(first)) ^ (position & 0xFFFFFFFF))


def find_number(first: int, position: int, data: bytes) -> tuple[int, int] | None:
    """Position and number of the first sound head in `data`, which was read at `position`; None without one."""
    at = _find_head(_seed(first), position, data, 0)
    return None if at < 0 else (position + at, HEAD.unpack_from(data, at)[3])


def scan(first: int, position: int, data: bytes, final: bool) -> Scan:
    """Every whole record in `data`, which was read at `position` of the segment that begins with `first`.

    `final` says that the file ends with `data`: only then it can be told whether a record that reaches beyond it is
    an unfinished one. Damaged records are passed over; the numbers show what is missing.
    """
    seed = _seed(first)
    records: list[Record] = []
    doubtful: tuple[int, int] | None = None
    explained = at = 0
    while (at := _find_head(seed, position, data, at)) >= 0:
        _, length, kind, number, at_ns, check, _ = HEAD.unpack_from(data, at)
        end = at + HEAD.size + length
        payload = data[at + HEAD.size : end]
        if end > len(data):
            # When cutting back a short write has failed, whole records follow inside of what this one claims.
            inside = _find_head(seed, position, data, at + 1) if final else -1
            if inside < 0:
                return Scan(records, position + at, doubtful, max(0, at - explained))
            at = inside
        elif zlib.crc32(payload) == check:
            records.append(Record(position + at, position + end, kind, number, at_ns, payload))
            at = explained = end
            doubtful = None
        else:
            explained, doubtful = end, (number, length)
            at += 1  # not `end`: the next mark is safer than a length in a damaged place
    stop = _end_of_rest(data, explained, final)
    return Scan(records, position + stop, doubtful, stop - explained)


def _seed(first: int) -> int:
    return zlib.crc32(_FIRST.pack(first))


def _find_head(seed: int, position: int, data: bytes, at: int) -> int:
    while (at := data.find(MARK, at)) >= 0 and not _is_head(seed, position, data, at):
        at += 1
    return at


def _is_head(seed: int, position: int, data: bytes, at: int) -> bool:
    end = at + _FIELDS.size
    if len(data) < end + _CHECK.size:
        return False
    check: int = _CHECK.unpack_from(data, end)[0]
    return check == zlib.crc32(data[at:end], seed) ^ ((position + at) & 0xFFFFFFFF)


def _end_of_rest(data: bytes, explained: int, final: bool) -> int:
    """Where to go on without a head behind `explained`: zeros and pieces of a head are an unfinished record."""
    if not final:
        return max(explained, len(data) - HEAD.size + 1)  # a head may begin in the last octets
    torn = len(data) - explained < HEAD.size or not data[explained:].strip(b"\0")
    return explained if torn else len(data)
