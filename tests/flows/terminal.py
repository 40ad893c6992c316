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
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.waiting import until

SECONDS = 20.0
ESCAPES = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]*[0-Z\\-~])")


class Terminal:
    """The side that a person has. A thread takes what is printed, as a terminal does whether or not anybody looks."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._shown = bytearray()
        self._closing, self._close = os.pipe()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.process = process

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # EIO: the program is gone
            while select.select([self._master, self._closing], [], [])[0] == [self._master]:
                self._shown += os.read(self._master, 1 << 16)

    @property
    def shown(self) -> bytes:
        """Everything that was printed."""
        return bytes(self._shown)

    @property
    def text(self) -> str:
        """The same without escape sequences."""
        return ESCAPES.sub(b"", self.shown).decode(errors="replace")

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def until(self, text: str) -> None:
        """Return when this has been printed since the last call of `forget`."""
        until(lambda: text in self.text, SECONDS)

    def forget(self) -> None:
        self._shown.clear()

    def wait(self) -> int:
        """Until the program has ended, and all it said is here: its exit code."""
        code = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return code

    def hang_up(self) -> None:
        """Close the terminal, as the window that it was in does."""
        if self._master >= 0:
            os.close(self._close)
            self._reader.join(SECONDS)
            os.close(self._closing)
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
