"""From the name of a box to the way there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from supervisor.client.transport import Transport
from supervisor.client.unix import SOCKET, Unix
from workers.errors import Refused

FORMS = "name it as unix:PATH of its rc.sock, or ssh://[user@]host"


@dataclass(frozen=True, slots=True)
class Address:
    """`state_dir` is None for a box that was not named by it: nobody may start that one on the asker's behalf."""

    transport: Transport
    state_dir: str | None


def of_state_dir(directory: str) -> Address:
    """The box that keeps its state there."""
    return Address(Unix(os.path.join(directory, SOCKET)), directory)


def of_name(box: str) -> Address:
    """Raises Refused `invalid` for what names no box."""
    kind, _, rest = box.partition(":")
    if kind == "ssh":
        from supervisor.client.ssh import parse  # which starts programs, and most boxes are here

        return Address(parse(box), None)
    if kind != "unix" or not rest:
        raise Refused("invalid", f"{box!r} names no box", FORMS)
    path = os.path.abspath(rest)
    return Address(Unix(os.path.join(path, SOCKET) if os.path.isdir(path) else path), None)
