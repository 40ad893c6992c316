"""The opening handshake of a WebSocket (RFC 6455 §4.2), checked before anything of it reaches the library."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from supervisor.web.head import Head
from workers.errors import Refused

SUBPROTOCOL = "rc.v1"
TICKET = "ticket."  # the other thing a client may offer; its value is a secret
_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Handshake:
    """What counts of the request: the client's `key`, whether it offers our subprotocol, and its ticket."""

    key: str
    offers_ours: bool
    ticket: str | None = field(repr=False)

    def replay(self, raw_head: bytes) -> bytes:
        """The request as the library is to see it, and what was read behind it. Nothing that a client wrote but the
        key is in it: the library would read other headers its own way, and write secrets into its debug log."""
        end = _HEAD_END.search(raw_head)
        lines = ["GET / HTTP/1.1", "Host: box", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {self.key}"]
        if self.offers_ours:
            lines.append(f"Sec-WebSocket-Protocol: {SUBPROTOCOL}")
        return "\r\n".join([*lines, "", ""]).encode("ascii") + (raw_head[end.end() :] if end else b"")


def read_handshake(head: Head) -> Handshake:
    """Raises Refused(`invalid`) for what is no handshake."""
    if "upgrade" not in _tokens(head, "connection"):
        raise _invalid("no `Connection: Upgrade`")
    if head.values("sec-websocket-version") != ["13"]:
        raise _invalid("not version 13")
    if head.values("content-length") not in ([], ["0"]) or head.values("transfer-encoding"):
        raise _invalid("it has a body")
    keys = head.values("sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        raise _invalid("no `Sec-WebSocket-Key` of 16 octets")
    offered = _offered(head)
    tickets = tickets_of(head)
    if any(offered) and SUBPROTOCOL not in offered:
        raise _invalid(f"of the protocols that it offers we speak none; ours is {SUBPROTOCOL}")
    return Handshake(keys[0], SUBPROTOCOL in offered, tickets[0] if tickets else None)


def tickets_of(head: Head) -> list[str]:
    """The tickets that a client offers, of which there should be one at most."""
    return [word.removeprefix(TICKET) for word in _offered(head) if word.startswith(TICKET)]


def _offered(head: Head) -> list[str]:
    return [word.strip() for value in head.values("sec-websocket-protocol") for word in value.split(",")]


def _tokens(head: Head, name: str) -> list[str]:
    return [word.strip().lower() for value in head.values(name) for word in value.split(",")]


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _invalid(why: str) -> Refused:
    return Refused("invalid", f"this is no WebSocket handshake: {why}", "see RFC 6455, section 4.1")
