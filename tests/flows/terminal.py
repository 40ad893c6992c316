"""A program on a terminal, with somebody in front of it: types, reads, and may close the terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SECONDS = 20.0
ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-Z\\-~])")


class Terminal:
    """The side that a person has. `shown` is everything that was printed."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self.process = process
        self.shown = b""

    @property
    def text(self) -> str:
        """What was printed, without escape sequences."""
        return ESCAPES.sub(b"", self.shown).decode(errors="replace")

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def until(self, text: str) -> None:
        """Read until this has been printed since the last call of `forget`."""
        deadline = time.monotonic() + SECONDS
        while text not in self.text:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._master], [], [], left)[0], self.text
            self.shown += os.read(self._master, 1 << 16)

    def forget(self) -> None:
        self.shown = b""

    def attributes(self) -> list[object]:
        """How the terminal is set, see termios(3)."""
        return list(termios.tcgetattr(self._master))

    def wait(self) -> int:
        """Read until the program has ended: its exit code."""
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            if select.select([self._master], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):  # EIO: the last one has closed it
                    self.shown += os.read(self._master, 1 << 16)
        return self.process.wait()

    def hang_up(self) -> None:
        """Close the terminal, as the window that it was in does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


@contextlib.contextmanager
def on_terminal(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], rows: int = 30, columns: int = 110
) -> Iterator[Terminal]:
    """The program has a terminal of its own, as the first of its session."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env={**env, "TERM": "xterm-256color"},
    )
    os.close(slave)
    terminal = Terminal(master, process)
    try:
        yield terminal
    finally:
        terminal.hang_up()
        if process.poll() is None:
            process.kill()
        process.wait()
