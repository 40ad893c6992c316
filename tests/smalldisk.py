"""A small disk that can be full, as anybody may have one: a file system in memory, in a mount namespace of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_HOLD = 'mount -t tmpfs -o size="$1",mode=700 rc-test "$0" && echo up && exec cat'
_ENTER = 'cd "$0" && exec "$@"'


class SmallDisk:
    """It lies at `inside` to whoever is called with `words` in front, and at `seen` to everybody else."""

    def __init__(self, folder: Path, octets: int) -> None:
        self.inside = folder
        hold = ["unshare", "--map-root-user", "--mount", "sh", "-c", _HOLD, str(folder), str(octets)]
        self._holder = subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"up\n"
        self.seen = Path(f"/proc/{self._holder.pid}/root{folder}")
        self._ballast = self.seen / "ballast"

    def words(self, cwd: Path) -> list[str]:
        """What goes before a command that is to run where the disk is, in this directory."""
        enter = ["nsenter", f"--target={self._holder.pid}", "--user", "--mount", "--preserve-credentials"]
        return [*enter, "sh", "-c", _ENTER, str(cwd)]

    @property
    def free(self) -> int:
        found = os.statvfs(self.seen)
        return found.f_bavail * found.f_frsize

    def fill(self, left: int = 0) -> None:
        """Leave only so many octets free."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while (room := self.free - left) > 0:
                file.write(bytes(min(room, 1 << 20)))

    def empty(self) -> None:
        """Give that room free again."""
        self._ballast.unlink()

    def close(self) -> None:
        self._holder.communicate(timeout=10)


@contextlib.contextmanager
def small_disk(folder: Path, octets: int) -> Iterator[SmallDisk]:
    disk = SmallDisk(folder, octets)
    try:
        yield disk
    finally:
        disk.close()
