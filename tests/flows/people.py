"""Somebody at a terminal of their own, with a real `rc` on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

SECONDS = 20.0  # on a machine that runs other tests too
# The terminal becomes the one that controls the program, so that it hears of resizes and hang-ups.
_LAUNCH = "import fcntl,os,sys,termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Person:
    """One program on one terminal. `shown` is all that was printed so far."""

    def __init__(self, words: tuple[str, ...], rows: int, columns: int, cwd: Path | None, env: dict[str, str]) -> None:
        self._terminal, theirs = os.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        command = [sys.executable, "-c", _LAUNCH, sys.executable, "-P", "-m", "supervisor", *words]
        variables = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": os.getcwd(), **env}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, cwd=cwd, env=variables
        )
        self.shown = ""
        self._looked = 0

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def sees(self, text: str, seconds: float = SECONDS) -> str:
        """Read on until this is printed, behind what was seen last; gives what came up to it."""
        until = time.monotonic() + seconds
        while text not in self.shown[self._looked :]:
            left = until - time.monotonic()
            assert left > 0, f"{text!r} is not in {self.shown[self._looked :]!r}"
            self._read(left)
        at = self.shown.index(text, self._looked) + len(text)
        seen, self._looked = self.shown[self._looked : at], at
        return seen

    def _read(self, seconds: float) -> bool:
        if not select.select([self._terminal], [], [], seconds)[0]:
            return False
        self.shown += os.read(self._terminal, 65536).decode(errors="replace")
        return True

    def leaves(self) -> int:
        """Wait for the program's end, reading what it prints: its exit code."""
        until = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < until, f"it goes on: {self.shown!r}"
            self._read(0.02)
        while self._read(0):
            pass
        return self.process.returncode

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def has_it_back(self) -> bool:
        """Whether the terminal is as it was before the program."""
        return termios.tcgetattr(self._theirs) == self.before

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._theirs)
            os.close(self._terminal)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def person(*words: str, rows: int = 24, columns: int = 80, cwd: Path | None = None, **env: str) -> Iterator[Person]:
    """Somebody who calls `rc` with these words."""
    somebody = Person(words, rows, columns, cwd, env)
    try:
        yield somebody
    finally:
        somebody.close()
