"""A box that counts as one elsewhere, though its socket is here."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from supervisor.client.address import Address
from supervisor.client.api import Client
from supervisor.client.unix import connect
from workers.errors import Refused


@dataclass
class Far:
    """A way that counts its connections, and knows `why` they ended."""

    path: str
    why: Refused | None = None
    dialled = 0
    name = "far"
    host = "rc.sock"
    is_here = False
    tls = None
    sign_in = None

    def dial(self, timeout: float, may_ask: bool = False) -> Ended:
        self.dialled += 1
        return Ended(connect(self.path, timeout), self.why)

    @property
    def client(self) -> Client:
        return Client(Address(self, None))


@dataclass
class Ended:
    """A connection of that way."""

    socket: socket.socket
    why: Refused | None

    def why_lost(self) -> Refused | None:
        return self.why

    def close(self) -> None:
        self.socket.close()
