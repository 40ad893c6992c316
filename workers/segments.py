"""The files of a journal: where the next record goes, which file goes first, and how they are put on disk.

A segment is named after the first number in it, so trimming is to remove the oldest file. A record is written whole or
not at all; nothing is ever changed in the middle of a file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from workers.core import journal
from workers.core.journal import RecordKind
from workers.errors import Refused

SEGMENT = 4 << 20  # what goes when the oldest goes, and what a reader must be able to skip through
SMALLEST_SEGMENT = 64 << 10  # with a small `keep`, below this files would be made faster than they are worth
SEGMENTS = 16  # a kept history has at least about this many, so that trimming takes little at a time


def segment_name(what: str, first: int) -> str:
    """The file name of the segment of `what` ("events" or "terminal") that begins with number `first`."""
    return f"{what}-{first}.j"


def segments(directory: str, what: str) -> list[int]:
    """The first numbers of the segments that are there, rising."""
    prefix, suffix = f"{what}-", ".j"
    names = (
        n[len(prefix) : -len(suffix)] for n in os.listdir(directory) if n.startswith(prefix) and n.endswith(suffix)
    )
    # A number that is written otherwise is none of our names, and could not be opened by its number.
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and name == str(int(name)))


class Segments:
    """The files of one kind of record: where the next one goes, and which file goes first."""

    def __init__(self, directory: str, what: str, keep: int) -> None:
        self._directory = directory
        self._what = what
        self._roll_at = min(SEGMENT, max(keep // SEGMENTS, SMALLEST_SEGMENT))
        self._firsts = segments(directory, what)
        self._sizes = [os.stat(self._path(first)).st_size for first in self._firsts]
        self._fd = -1
        self._full_at = self._roll_at  # with so many octets in the newest segment, the next record begins a new one
        self._synced = self._sizes[-1] if self._sizes else 0  # of those octets, how many were handed over for a sync
        self._retired: dict[int, int] = {}  # full segments whose end is not known to be on disk: first -> descriptor
        self._new_names = False  # likewise of the directory
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

    def write(self, kind: RecordKind, number: int, at_ns: int, payload: bytes) -> bool:
        """Append one record; True when it began a new segment. Raises Refused("disk_full") and has written nothing."""
        assert len(payload) <= journal.MAX_PAYLOAD
        try:
            rolled = self._roll(number)
            head = journal.encode_head(self._firsts[-1], self._sizes[-1], kind, number, at_ns, payload)
            written = os.writev(self._fd, (head, payload))
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
        self._full_at = 0

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
        if self._is_unsynced():
            taken.append(os.dup(self._fd))
            self._synced = self._sizes[-1]
        if self._new_names:
            taken.append(os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        self._new_names = False
        return taken

    def _is_unsynced(self) -> bool:
        return bool(self._sizes) and self._sizes[-1] != self._synced

    def close(self) -> None:
        for descriptor in (*self._retired.values(), self._fd):
            if descriptor >= 0:
                os.close(descriptor)
        self._retired.clear()
        self._fd = -1

    def _roll(self, number: int) -> bool:
        if self._firsts and (number == self._firsts[-1] or self._sizes[-1] < self._full_at):
            return False
        new = self._open(number)
        if self._is_unsynced():
            self._retired[self._firsts[-1]] = self._fd
        elif self._fd >= 0:
            os.close(self._fd)
        self._fd = new
        self._firsts.append(number)
        self._sizes.append(0)
        self._full_at, self._synced, self._new_names = self._roll_at, 0, True
        return True

    def _open(self, first: int) -> int:
        return os.open(self._path(first), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _path(self, first: int) -> str:
        return os.path.join(self._directory, segment_name(self._what, first))


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


def _disk_full(why: str) -> Refused:
    return Refused("disk_full", f"the journal cannot be written: {why}", "make room on the disk; it goes on by itself")
