"""`rc stdio`: this process's stdin and stdout are one connection to the box. What `--box ssh://…` runs there."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import threading

from supervisor.cli import exits
from supervisor.cli.address import state_dir
from supervisor.cli.arguments import Verb, nothing, usage
from supervisor.client.address import of_name, of_state_dir
from workers.errors import Broken

STDIN, STDOUT = 0, 1
OCTETS = 64 << 10  # at once
TAKEN_SECONDS = 60.0  # a box that has not taken a connection by then is stuck


def _stdio(args: argparse.Namespace) -> int:
    # Not whatever RC_BOX names: who asks by ssh means the box of this account, on this machine.
    address = of_name(args.box) if args.box else of_state_dir(state_dir(args))
    if not address.transport.is_here:
        raise usage("rc stdio leads to a box on this machine only", "name it as unix:PATH, or by its --state-dir")
    connection = address.transport.dial(TAKEN_SECONDS).socket
    with connection:
        connection.settimeout(None)
        # A thread for each way, so that neither waits for the other. It ends with us: nothing of it has to be saved.
        threading.Thread(target=_say, args=(connection,), daemon=True).start()
        _hear(connection)
    return exits.DONE


def _say(connection: socket.socket) -> None:
    """What comes on stdin, and its end as the end of what is said: the answer may still be on its way."""
    with contextlib.suppress(OSError):  # the box has gone away, which the other way notices
        while data := os.read(STDIN, OCTETS):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)


def _hear(connection: socket.socket) -> None:
    """What the box says, until it has said everything."""
    while True:
        try:
            data = connection.recv(OCTETS)
        except ConnectionError as error:
            raise Broken(f"the box went away: {error.strerror}") from error
        if not data:
            return
        with memoryview(data) as view:
            at = 0
            while at < len(view):
                at += os.write(STDOUT, view[at:])


VERBS = {"stdio": Verb(nothing, _stdio)}
