"""Sockets that wait in short steps: Python runs signal handlers between system calls, never in one that has begun."""

from __future__ import annotations

import math
import select
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEED_MS = 200  # a Ctrl-C that fell between Python's last look and the system call is heard after so long


class HeedfulSocket(socket.socket):
    """A plain one."""

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        wait_readable(self)
        return super().recv_into(buffer, nbytes, flags)


def wait_readable(connection: socket.socket) -> None:
    """Until something has come. Raises TimeoutError after the socket's own timeout."""
    poll, timeout = select.poll(), connection.gettimeout()
    poll.register(connection, select.POLLIN)
    until = math.inf if timeout is None else time.monotonic() + timeout
    while not poll.poll(min(HEED_MS, max(0, until - time.monotonic()) * 1000)):
        if time.monotonic() >= until:
            raise TimeoutError("timed out")


def heedful(connection: socket.socket, timeout: float) -> HeedfulSocket:
    """The same connection as a socket that heeds signals."""
    taken = HeedfulSocket(fileno=connection.detach())
    taken.settimeout(timeout)
    return taken
