"""What a late viewer is sent: pieces of the terminal's output, each with the state that holds where it begins.

The tracker reads all output once. About every 32 KiB, and at each full clear of the screen, it keeps a mark: an
offset between two sequences and the prefix that puts a terminal into the state of that offset. A snapshot is such a
prefix, the bytes from the mark on, and the resizes among them. On the alternate screen it has two parts, so that the
normal screen is there when the program leaves.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from workers.core.screenmodes import SOFT_RESET, Modes

MARK_EVERY = 32 << 10  # octets between marks: what a snapshot is longer than it was asked to be
MAX_MARKS = 96  # reach back 3 MiB, more than any snapshot should have; the oldest goes
MAX_OPEN = 64 << 10  # octets of an unfinished sequence that are held; a longer one is passed over unread
MAX_SIZES = 256  # resizes remembered; with the oldest go the marks before it
BEHIND = 64 << 10  # octets of the normal screen that are worth keeping behind an alternate one: some full screens

_CLEAR = re.compile(rb"\x1b(?:\[(?:\?(?:1049|1047|47)h|(?:1;1)?H\x1b\[[02]?J|2J\x1b\[(?:1;1)?H)|c)")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[()*+ #%]?|[\]PX^_][^\x07\x1b\x18\x1a]*\x1b?)\Z")
_STRING_ENDS = re.compile(rb"[\x07\x1b\x18\x1a]")
_SWITCH = re.compile(rb"\x1b(?:\[\?(?:1049|1047|47)([hl])|c)")  # to the alternate screen, or away from it
_ESCAPE = b"\x1b"


@dataclass(frozen=True, slots=True)
class Part:
    """Feed `prefix`, then the output from `start` to `end`, changing to each of `sizes` (offset, rows, columns).

    The first part is for a reset terminal of `rows` and `columns`, the second for the terminal as it then stands.
    """

    prefix: bytes
    start: int
    end: int
    rows: int
    columns: int
    sizes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """One or two parts, the last of which ends at `live_at`; from there on live output is right."""

    parts: tuple[Part, ...]
    live_at: int

    def to_json(self) -> dict[str, Any]:
        """The answer to a SNAPSHOT on the link; prefixes in base64."""
        parts = [
            {
                "prefix": base64.b64encode(part.prefix).decode(),
                "start": part.start,
                "end": part.end,
                "rows": part.rows,
                "columns": part.columns,
                "sizes": [list(size) for size in part.sizes],
            }
            for part in self.parts
        ]
        return {"parts": parts, "live_at": self.live_at}

    @classmethod
    def from_json(cls, value: Any) -> SnapshotPlan:
        """The inverse of `to_json`. Raises ValueError for anything else."""
        try:
            return cls(tuple(_part(each) for each in value["parts"]), int(value["live_at"]))
        except (KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise ValueError(f"not a snapshot plan: {error}") from error


def _part(value: Any) -> Part:
    sizes = tuple((int(offset), int(rows), int(columns)) for offset, rows, columns in value["sizes"])
    start, end, rows, columns = (int(value[name]) for name in ("start", "end", "rows", "columns"))
    return Part(base64.b64decode(value["prefix"], validate=True), start, end, rows, columns, sizes)


@dataclass(frozen=True, slots=True)
class _Mark:
    offset: int
    prefix: bytes


class Tracker:
    """Follows one terminal's output from offset `start` on (later than 0: as if the terminal were reset there)."""

    def __init__(self, rows: int, columns: int, start: int = 0) -> None:
        self._start = self._offset = start
        self._modes = Modes()
        self._held = b""  # an unfinished sequence
        self._in_endless_string = False
        # What begins later than with the first octet may begin inside of a sequence: its first mark comes later.
        self._marks: deque[_Mark] = deque([] if start else [_Mark(0, b"")], MAX_MARKS)
        self._clear: _Mark | None = None
        self._behind: _Mark | None = None  # where the normal screen behind the alternate one is replayed from
        self._alternate_at = 0
        self._sizes: deque[tuple[int, int, int]] = deque([(start, rows, columns)])

    @property
    def ground(self) -> int:
        """The newest offset that is not inside of a sequence."""
        return self._offset - len(self._held)

    def resized(self, rows: int, columns: int) -> None:
        """The terminal has this size from here on."""
        self._modes.drop_margins()
        if self._sizes[-1][0] == self.ground:
            self._sizes.pop()
        self._sizes.append((self.ground, rows, columns))
        if len(self._sizes) > MAX_SIZES:
            self._sizes.popleft()
            self._forget_before(self._sizes[0][0])

    def feed(self, data: bytes) -> None:
        """The next octets of output."""
        self._offset += len(data)
        if self._in_endless_string:
            end = _STRING_ENDS.search(data)
            if end is None:
                return
            self._in_endless_string = False
            data = data[end.start() :]
        data = self._held + data if self._held else data
        base = self._offset - len(data)
        data = self._between_sequences(data)
        was_alternate = self._modes.alternate
        at = self._note_clear(base, data)
        at = self._note_mark(base, data, at)
        self._modes.scan(data, at)
        if self._modes.alternate:
            self._note_alternate(base, data, was_alternate)

    def plan(self, oldest: int, want: int) -> SnapshotPlan:
        """What shows the screen as it is now, from about `want` octets; nothing before `oldest` is kept any more."""
        end = self.ground
        start = self._alternate_start(oldest, want) if self._modes.alternate else None
        if start is None:
            start = self._mark_before(end - want, oldest)
        elif self._behind is not None and self._behind.offset >= oldest:
            # It takes the terminal as the first part left it.
            second = _Mark(start.offset, SOFT_RESET + start.prefix)
            return SnapshotPlan((self._replay(self._behind, self._alternate_at), self._replay(second, end)), end)
        return SnapshotPlan((self._replay(start or _Mark(end, self._modes.prefix()), end),), end)

    def _between_sequences(self, data: bytes) -> bytes:
        """`data` without an unfinished sequence at its end, which is held."""
        self._held = b""
        last = data.rfind(_ESCAPE)
        if last < 0:
            return data
        unfinished = None
        if last == len(data) - 1:  # may be the first half of the ESC \ that ends a string
            before = data.rfind(_ESCAPE, 0, last)
            unfinished = _UNFINISHED.match(data, before) if before >= 0 else None
        unfinished = unfinished or _UNFINISHED.match(data, last)
        if unfinished is None:
            return data
        begin = unfinished.start()
        if len(data) - begin > MAX_OPEN:
            self._in_endless_string = True
        else:
            self._held = data[begin:]
        return data[:begin]

    def _note_clear(self, base: int, data: bytes) -> int:
        at = -1
        for clear in _CLEAR.finditer(data) if _ESCAPE in data else ():
            at = clear.start()
        if at < 0:
            return 0
        self._modes.scan(data, 0, at)
        self._clear = _Mark(base + at, self._modes.prefix())
        return at

    def _note_mark(self, base: int, data: bytes, at: int) -> int:
        last = self._marks[-1].offset if self._marks else self._start - MARK_EVERY
        cut = data.rfind(b"\n", at) + 1  # no character of a line is torn from its neighbours there
        if not cut and (self._modes.alternate or base + len(data) - last >= 2 * MARK_EVERY):
            cut = _end_of_characters(data)
        if cut <= at or base + cut - last < MARK_EVERY:
            return at
        self._modes.scan(data, at, cut)
        self._marks.append(_Mark(base + cut, self._modes.prefix()))
        return cut

    def _note_alternate(self, base: int, data: bytes, before: int) -> None:
        entered, inside = 0, before > 0
        for switch in _SWITCH.finditer(data):
            is_entry = switch[1] == b"h"
            if is_entry and not inside:  # programs enter it again where they are in it: that changes nothing
                entered, before = switch.start(), 0
            inside = is_entry
        if before:
            return
        self._alternate_at = base + entered
        behind = self._mark_before(self._alternate_at - BEHIND, 0)
        self._behind = behind if behind and behind.offset < self._alternate_at else None

    def _alternate_start(self, oldest: int, want: int) -> _Mark | None:
        oldest = max(oldest, self._alternate_at)
        clear = self._clear
        if clear and clear.offset >= oldest and self.ground - clear.offset <= 2 * want:
            return clear  # exact: nothing that was painted before is still seen
        return self._mark_before(self.ground - want, oldest)

    def _mark_before(self, offset: int, oldest: int) -> _Mark | None:
        """The last mark up to `offset`, or else the first one that is kept."""
        first = None
        for mark in reversed(self._marks):
            if mark.offset < oldest:
                break
            first = mark
            if mark.offset <= offset:
                break
        return first

    def _replay(self, mark: _Mark, end: int) -> Part:
        before = [size for size in self._sizes if size[0] <= mark.offset] or [self._sizes[0]]
        within = tuple(size for size in self._sizes if mark.offset < size[0] <= end)
        return Part(mark.prefix, mark.offset, end, before[-1][1], before[-1][2], within)

    def _forget_before(self, offset: int) -> None:
        while self._marks and self._marks[0].offset < offset:
            self._marks.popleft()
        if self._clear and self._clear.offset < offset:
            self._clear = None
        if self._behind and self._behind.offset < offset:
            self._behind = None


def _end_of_characters(data: bytes) -> int:
    """Where the last whole UTF-8 character ends; the end, where it is not UTF-8."""
    for back in range(1, min(4, len(data)) + 1):
        octet = data[-back]
        if octet & 0xC0 != 0x80:
            length = 1 if octet < 0xC0 else 2 if octet < 0xE0 else 3 if octet < 0xF0 else 4
            return len(data) - back if back < length else len(data)
    return len(data)
