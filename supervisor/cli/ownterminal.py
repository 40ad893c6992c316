"""The terminal (or pipe) that `rc` itself was started at: its octets, its size, and that it is given back as it was.

stdin and stdout are never made non-blocking: the shell that started us shares them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import termios
import tty
from collections.abc import Iterator

import trio

from supervisor.cli.address import is_terminal

STDIN, STDOUT = 0, 1
READ_OCTETS = 64 << 10  # a paste comes whole, and fits one message of a stream with room to spare
WRITE_OCTETS = 16 << 10  # what a terminal that is ready takes without keeping us for long
DEFAULT_SIZE = (24, 80)


def size() -> tuple[int, int] | None:
    """Rows and columns of the terminal that stdout (else stdin) is; None where neither is one."""
    for descriptor in (STDOUT, STDIN):
        if is_terminal(descriptor):
            with contextlib.suppress(OSError):
                columns, rows = os.get_terminal_size(descriptor)
                return (rows, columns) if rows and columns else DEFAULT_SIZE
    return None


@contextlib.contextmanager
def raw(descriptor: int = STDIN) -> Iterator[None]:
    """Every octet as it is typed, while inside; afterwards the terminal is as before, whatever happened."""
    if not is_terminal(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)
        yield
    finally:
        with contextlib.suppress(termios.error):  # it may have been taken away
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def read(descriptor: int = STDIN, limit: int = READ_OCTETS) -> bytes:
    """What has been typed, or piped in; empty at the end."""
    try:
        await trio.lowlevel.wait_readable(descriptor)
    except OSError as error:
        if error.errno != errno.EPERM:  # a plain file cannot be waited for, and never has to be
            raise
        await trio.lowlevel.checkpoint()
    try:
        return os.read(descriptor, limit)
    except OSError as error:
        if error.errno == errno.EIO:  # the terminal is gone
            return b""
        raise


async def write(data: bytes, descriptor: int = STDOUT) -> None:
    """All of it. Waits for a reader that is slow without keeping other tasks from running."""
    with memoryview(data) as view:
        at = 0
        while at < len(view):
            await _wait_writable(descriptor)
            at += os.write(descriptor, view[at : at + WRITE_OCTETS])


async def _wait_writable(descriptor: int) -> None:
    try:
        await trio.lowlevel.wait_writable(descriptor)
    except OSError as error:
        if error.errno != errno.EPERM:
            raise
        await trio.lowlevel.checkpoint()


def write_last(data: bytes) -> None:
    """Write without trio: on the way out of whatever went wrong."""
    with contextlib.suppress(OSError):  # the terminal is gone, and nobody is left to see it
        os.write(STDOUT, data)
