"""Room that is put aside, for what must be said on a disk that is full."""

from __future__ import annotations

import os

RESERVE = 256 << 10  # octets: for events that are on their way, and the notice behind them
LAST_WORDS = 128 << 10  # of it, for a session's end: output that waits, the last records, the notes that are left


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
