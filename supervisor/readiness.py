"""Tell systemd that the box is ready, or about to end (`Type=notify` in configs/rcbox.service)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"


def tell_systemd(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send a word to whoever started us; False where nobody wants to know. See sd_notify(3)."""
    name = environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return False
    address = "\0" + name[1:] if name.startswith("@") else name  # an abstract address begins with NUL
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        contextlib.suppress(OSError),
    ):
        sender.sendto(state.encode(), address)
        return True
    return False
