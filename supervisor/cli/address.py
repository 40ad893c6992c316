"""Which box is meant, and the way to its socket."""

from __future__ import annotations

import argparse
import os
import socket
import stat
from dataclasses import dataclass

from supervisor.cli.arguments import usage
from supervisor.statedir import state_dir_of
from workers.errors import Refused

SOCKET = "rc.sock"
ADDRESS_MAX = 107  # octets of a socket's path that the kernel takes


@dataclass(frozen=True, slots=True)
class Address:
    """`socket` is the path of `rc.sock`. `state_dir` is None for a box that was named by its socket: nobody may
    start that one on the asker's behalf."""

    socket: str
    state_dir: str | None


def state_dir(args: argparse.Namespace) -> str:
    """The state directory by option, environment, default; absolute."""
    return state_dir_of(args.state_dir, os.environ)


def address(args: argparse.Namespace) -> Address:
    """Raises Refused `invalid` for a box that this release cannot reach."""
    # An option that was given goes before the environment: --state-dir means the box that keeps its state there.
    box = args.box or (None if args.state_dir else os.environ.get("RC_BOX"))
    if not box:
        directory = state_dir(args)
        return Address(os.path.join(directory, SOCKET), directory)
    kind, _, path = box.partition(":")
    if kind in ("https", "ssh", "http"):
        raise usage(f"this release reaches no box by {kind}", "name the box's own socket: --box unix:PATH")
    if kind != "unix" or not path:
        raise usage(f"{box!r} names no box", "name it as unix:PATH of its rc.sock")
    path = os.path.abspath(path)
    return Address(os.path.join(path, SOCKET) if os.path.isdir(path) else path, None)


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


def is_terminal(descriptor: int) -> bool:
    """Whether a person sits at this descriptor."""
    try:
        return stat.S_ISCHR(os.fstat(descriptor).st_mode) and os.isatty(descriptor)
    except OSError:
        return False


def inside_session() -> bool:
    """Whether the environment says that a session's agent started us. The box judges for itself."""
    return bool(os.environ.get("RC_SESSION_ID"))
