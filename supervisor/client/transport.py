"""What every way to a box offers, so that those who ask need not know which it is."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

from workers.errors import Refused

if TYPE_CHECKING:
    from supervisor.client.signin import SignIn
    from supervisor.client.tls import Tls


class Dialled(Protocol):
    """A connection that was begun. `socket` carries what is said, under TLS where the transport has that."""

    @property
    def socket(self) -> socket.socket: ...

    def why_lost(self) -> Refused | None:
        """What the way itself says of a connection that ended without a word; None where it knows no more."""

    def close(self) -> None:
        """End it, and whatever carries it."""


class Transport(Protocol):
    """A way to one box. `name` is how people are told of it, `host` what requests call it. `is_here`: the box is on
    this machine, and its paths are ours. `tls` and `sign_in` are None where the way itself says who is there."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def is_here(self) -> bool: ...

    @property
    def tls(self) -> Tls | None: ...

    @property
    def sign_in(self) -> SignIn | None: ...

    def dial(self, timeout: float, may_ask: bool = False) -> Dialled:
        """A new connection. Raises Refused `unreachable`. `may_ask`: the person who waits may be asked something."""
