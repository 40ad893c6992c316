"""The way to a box on this machine: its Unix socket."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from supervisor.statedir import SOCKET
from workers.errors import Refused

ADDRESS_MAX = 107  # octets of a socket's path that the kernel takes


@dataclass(frozen=True, slots=True)
class Unix:
    """`path` is that of `rc.sock`."""

    path: str
    host = SOCKET
    tls = None
    sign_in = None
    is_here = True

    @property
    def name(self) -> str:
        return f"socket {self.path}"

    def dial(self, timeout: float, may_ask: bool = False) -> Plain:
        return Plain(connect(self.path, timeout))


@dataclass(frozen=True, slots=True)
class Plain:
    """A connection that has nothing beside its socket."""

    socket: socket.socket

    def why_lost(self) -> None:
        return None

    def close(self) -> None:
        self.socket.close()


def connect(path: str, timeout: float | None = None) -> socket.socket:
    """A connection to a Unix socket, however long its path. Raises Refused `unreachable`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        _connect(connection, path)
    except OSError as error:
        connection.close()
        raise unreachable(path, error) from error
    return connection


def _connect(connection: socket.socket, path: str) -> None:
    if len(os.fsencode(path)) <= ADDRESS_MAX:
        connection.connect(path)
        return
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)


def unreachable(path: str, error: OSError) -> Refused:
    """Why nobody answered at `path`."""
    if isinstance(error, FileNotFoundError | ConnectionRefusedError | NotADirectoryError):
        folder, name = os.path.split(path)
        # A box is known by its state directory; what somebody has named themselves is told as they named it.
        return Refused(
            "unreachable", f"no box runs at {folder if name == SOCKET else path}", "start one with: rc serve"
        )
    if isinstance(error, PermissionError):
        return Refused("unreachable", f"{path} may not be used by this account", "ask as the account that runs the box")
    cause = error.strerror or str(error)
    return Refused("unreachable", f"{path} does not answer: {cause}", "rc serve starts a box")
